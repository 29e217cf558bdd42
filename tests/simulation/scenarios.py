"""Small dialogues of two protocols, written down as the order of the callbacks that they see, on any loop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from actors.simulation.socket_calls import NetworkLoop

Log = list[Any]
Scenario = Callable[[asyncio.AbstractEventLoop, Log], Awaitable[None]]
Reactions = dict[str, Callable[..., Any]]

SCENARIOS: dict[str, Scenario] = {}
QUIET_S = 0.03
LARGE_BYTES = 8_000_000


def scenario(function: Scenario) -> Scenario:
    SCENARIOS[function.__name__] = function
    return function


async def rest() -> None:
    """Long enough for everything on loopback to happen."""
    await asyncio.sleep(QUIET_S)


class Recorder(asyncio.Protocol):
    """Logs each callback; `reactions` are what it does about them, by the callback's short name."""

    def __init__(self, name: str, log: Log, reactions: Reactions) -> None:
        self.name = name
        self.log = log
        self.reactions = reactions
        self.received = 0
        self.transport: Any = None

    def react(self, callback: str, *arguments: Any) -> Any:
        reaction = self.reactions.get(callback)
        return reaction(self, *arguments) if reaction is not None else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.log.append((self.name, "made"))
        self.react("made")

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self.log[-1:] != [(self.name, "data")]:
            self.log.append((self.name, "data"))
        self.react("data", data)

    def eof_received(self) -> Any:
        self.log.append((self.name, "eof"))
        return self.react("eof")

    def connection_lost(self, error: Exception | None) -> None:
        self.log.append((self.name, "lost", type(error).__name__ if error else None))

    def pause_writing(self) -> None:
        self.log.append((self.name, "pause"))

    def resume_writing(self) -> None:
        self.log.append((self.name, "resume"))


async def pair(
    loop: asyncio.AbstractEventLoop,
    log: Log,
    server: Reactions | None = None,
    client: Reactions | None = None,
) -> tuple[Any, Recorder, Recorder]:
    """A listening server, and the two ends of one connection to it."""
    accepted: list[Recorder] = []
    connected = asyncio.Event()

    def accept() -> Recorder:
        accepted.append(Recorder("server", log, server or {}))
        loop.call_soon(connected.set)
        return accepted[-1]

    listening = await loop.create_server(accept, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    _, protocol = await loop.create_connection(
        lambda: Recorder("client", log, client or {}), "127.0.0.1", port
    )
    await connected.wait()
    await asyncio.sleep(0.005)
    return listening, accepted[0], protocol


@scenario
async def close_idle(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    _, _, client = await pair(loop, log)
    client.transport.close()
    await rest()


@scenario
async def close_after_write(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    _, server, client = await pair(loop, log)
    client.transport.write(b"x" * 1000)
    client.transport.close()
    await rest()
    log.append(server.received)


@scenario
async def abort_idle(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    _, _, client = await pair(loop, log)
    client.transport.abort()
    await rest()


@scenario
async def abort_after_write(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    _, server, client = await pair(loop, log)
    client.transport.write(b"x" * 1000)
    await rest()
    client.transport.abort()
    await rest()
    log.append(server.received)


@scenario
async def close_with_unread(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    _, server, client = await pair(loop, log)
    server.transport.pause_reading()
    client.transport.write(b"x" * 1000)
    await rest()
    server.transport.close()
    await rest()


@scenario
async def abort_with_unread(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    _, server, client = await pair(loop, log)
    server.transport.pause_reading()
    client.transport.write(b"x" * 1000)
    await rest()
    server.transport.abort()
    await rest()


@scenario
async def data_then_reset(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    _, server, client = await pair(loop, log)
    server.transport.pause_reading()
    client.transport.pause_reading()
    client.transport.write(b"x")
    await rest()
    server.transport.write(b"y" * 10)
    await rest()
    server.transport.abort()
    await rest()
    client.transport.resume_reading()
    await rest()
    log.append(client.received)


@scenario
async def write_after_peer_closed(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    _, server, client = await pair(loop, log, client={"eof": lambda protocol: True})
    server.transport.close()
    await rest()
    for data in (b"1", b"2", b"3"):
        try:
            client.transport.write(data)
        except RuntimeError as error:
            log.append(type(error).__name__)
        await rest()


@scenario
async def half_close(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    def answer_late(protocol: Recorder) -> bool:
        def answer() -> None:
            protocol.transport.write(b"late")
            protocol.transport.close()

        loop.call_later(0.01, answer)
        return True

    _, _, client = await pair(loop, log, server={"eof": answer_late})
    client.transport.write(b"q")
    client.transport.write_eof()
    await rest()
    log.append(client.received)


@scenario
async def close_in_data(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    def answer(protocol: Recorder, data: bytes) -> None:
        protocol.transport.write(b"answer")
        protocol.transport.close()

    _, _, client = await pair(loop, log, server={"data": answer})
    client.transport.write(b"q")
    await rest()
    log.append(client.received)


@scenario
async def write_in_made(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    made = {"made": lambda protocol: protocol.transport.write(b"hello")}
    _, _, client = await pair(loop, log, server=made)
    await rest()
    log.append(client.received)
    client.transport.close()
    await rest()


@scenario
async def close_in_made(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    _, _, client = await pair(
        loop, log, server={"made": lambda protocol: protocol.transport.close()}
    )
    await rest()
    log.append(client.transport.is_closing())


@scenario
async def back_pressure(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    _, server, client = await pair(loop, log)
    server.transport.pause_reading()
    await rest()
    client.transport.write(b"x" * LARGE_BYTES)
    await rest()
    server.transport.resume_reading()
    await until(lambda: server.received == LARGE_BYTES)
    client.transport.close()
    await rest()
    log.append((server.received, client.transport.get_write_buffer_size() if log else 0))


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(200):
        if condition():
            return
        await asyncio.sleep(0.01)


@scenario
async def close_under_back_pressure(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    _, server, client = await pair(loop, log)
    server.transport.pause_reading()
    await rest()
    client.transport.write(b"x" * LARGE_BYTES)
    client.transport.close()
    await rest()
    log.append(("lost before the peer read", ("client", "lost", None) in log))
    server.transport.resume_reading()
    await until(lambda: server.received == LARGE_BYTES)
    await rest()
    log.append(server.received)


@scenario
async def paused_then_end(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    _, server, client = await pair(loop, log)
    server.transport.pause_reading()
    client.transport.write(b"abc")
    client.transport.close()
    await rest()
    server.transport.resume_reading()
    await rest()
    log.append(server.received)


@scenario
async def write_after_close(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    _, server, client = await pair(loop, log)
    client.transport.close()
    client.transport.write(b"x")
    await rest()
    try:
        client.transport.write(b"x")
    except RuntimeError as error:
        log.append(type(error).__name__)
    await rest()
    log.append(server.received)


@scenario
async def write_after_write_eof(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    _, server, client = await pair(loop, log)
    client.transport.write_eof()
    try:
        client.transport.write(b"x")
    except RuntimeError as error:
        log.append(str(error))
    await rest()
    log.append(server.received)


@scenario
async def refused(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    try:
        await loop.create_connection(lambda: Recorder("client", log, {}), "127.0.0.1", 1)
    except OSError as error:
        log.append((type(error).__name__, error.errno))


@scenario
async def listener_closed(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    listening, server, client = await pair(loop, log)
    listening.close()
    await rest()
    client.transport.write(b"x")
    await rest()
    log.append((server.received, listening.is_serving(), len(listening.sockets)))
    client.transport.close()
    await rest()


@scenario
async def raise_in_data(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    _, _, client = await pair(loop, log, server={"data": lambda protocol, data: 1 / 0})
    client.transport.write(b"x")
    await rest()


@scenario
async def raise_in_made(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    _, server, client = await pair(loop, log, server={"made": lambda protocol: 1 / 0})
    await rest()
    client.transport.write(b"x")
    await rest()
    log.append(server.received)


@scenario
async def pause_before_start(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    paused = {"made": lambda protocol: protocol.transport.pause_reading()}
    _, server, client = await pair(loop, log, server=paused)
    client.transport.write(b"abc")
    await rest()
    log.append(server.received)
    server.transport.resume_reading()
    await rest()
    log.append(server.received)


@scenario
async def order_of_soon(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    for number in range(5):
        loop.call_soon(log.append, number)
    loop.call_later(0, log.append, "later")
    loop.call_soon(log.append, "soon")
    await rest()


@scenario
async def timers_in_order(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    for number in (5, 4, 3, 2, 1, 0):
        loop.call_later(0.004 + number * 0.003, log.append, number)
    await rest()


@scenario
async def canceled_timer(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    timer = loop.call_later(0.01, log.append, "never")
    loop.call_later(0.005, timer.cancel)
    await rest()
    log.append(timer.cancelled())


@scenario
async def equal_timers_of_uvloop(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    """asyncio's own order of equal deadlines is not first come, first served; ours always is."""
    if type(loop) is asyncio.SelectorEventLoop or is_asyncio_dialect(loop):
        log.append("not compared")
        return
    for number in range(6):
        loop.call_later(0.01, log.append, number)
    await rest()


@scenario
async def shortest_timers(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    """uvloop runs what is due in less than half a millisecond at once."""
    loop.call_later(0.0004, log.append, "timer")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    log.append("two turns")
    await rest()


def is_asyncio_dialect(loop: asyncio.AbstractEventLoop) -> bool:
    return isinstance(loop, NetworkLoop) and loop.dialect == "asyncio"


@scenario
async def streams(loop: asyncio.AbstractEventLoop, log: Log) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        log.append(await reader.readline())
        writer.write(b"answer\n")
        await writer.drain()
        log.append(await reader.read())
        writer.close()
        await writer.wait_closed()
        log.append("closed")

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"question\n")
    log.append(await reader.readline())
    writer.write_eof()
    log.append(await reader.read())
    writer.close()
    await rest()
    server.close()
    await asyncio.wait_for(server.wait_closed(), 1)
