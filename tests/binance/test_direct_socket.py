"""Frames that reach their reader within the transport's own call: all of them, in order, and failures where they belong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import WSMsgType, web

from actors.binance.direct_socket import PORTION, ROUNDS, SLICE
from actors.binance.transport import WebSocketTransport
from tests.binance.scripted_venue import until

PATIENCE_S = 30.0
WHO: ContextVar[str] = ContextVar("WHO", default="nobody")


class Server:
    """Sends what it is told to, some of it with its very answer to the handshake."""

    def __init__(self) -> None:
        self.at_once: list[str] = []
        self.sockets: list[web.WebSocketResponse] = []

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """One connection, read until it ends."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self.sockets.append(socket)
        for text in self.at_once:
            await socket.send_str(text)
        async for _ in socket:
            pass
        return socket


class Block(AbstractContextManager[None]):
    """Counts how often it is entered."""

    depth = count = 0

    def __enter__(self) -> None:
        self.depth, self.count = self.depth + 1, self.count + 1

    def __exit__(self, *exception: object) -> None:
        self.depth -= 1


@pytest_asyncio.fixture
async def server() -> AsyncIterator[tuple[Server, str]]:
    """A server and its address."""
    served = Server()
    application = web.Application()
    application.router.add_get("/", served.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield served, f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


@pytest_asyncio.fixture
async def transport() -> AsyncIterator[WebSocketTransport]:
    """Opens sockets, and closes them at the end."""
    opened = WebSocketTransport()
    yield opened
    await opened.close()


@pytest.mark.asyncio
async def test_every_frame_comes_once_and_in_order_whenever_it_was_sent(
    server: tuple[Server, str], transport: WebSocketTransport
) -> None:
    served, url = server
    served.at_once = [f"early {number}" for number in range(50)]
    socket = await transport.open(url)
    await asyncio.sleep(0.05)
    frames: list[bytes] = []
    reading = asyncio.create_task(socket.read_frames(frames.append))
    await asyncio.sleep(0)
    for number in range(50):
        await served.sockets[0].send_str(f"late {number}")
    await served.sockets[0].ping(b"between")
    await served.sockets[0].send_str("x" * 300_000)
    expected = [*served.at_once, *(f"late {number}" for number in range(50)), "x" * 300_000]
    await until(lambda: len(frames) >= len(expected))
    await served.sockets[0].close()
    last = await asyncio.wait_for(reading, PATIENCE_S)
    await socket.close()
    assert [frame.decode() for frame in frames] == expected
    assert last.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING)
    assert not socket.is_open


@pytest.mark.asyncio
async def test_what_the_reader_raises_ends_the_reading_and_nothing_else_is_given_to_it(
    server: tuple[Server, str], transport: WebSocketTransport
) -> None:
    served, url = server
    socket = await transport.open(url)
    seen: list[bytes] = []

    def fail(frame: bytes) -> None:
        seen.append(frame)
        raise ZeroDivisionError("a reader's own fault")

    reading = asyncio.create_task(socket.read_frames(fail))
    await asyncio.sleep(0.01)
    for text in ("one", "two", "three"):
        await served.sockets[0].send_str(text)
    with pytest.raises(ZeroDivisionError, match="own fault"):
        await asyncio.wait_for(reading, PATIENCE_S)
    await socket.close()
    assert seen == [b"one"]


@pytest.mark.asyncio
async def test_frames_are_read_in_the_context_of_whoever_reads(
    server: tuple[Server, str], transport: WebSocketTransport
) -> None:
    """Not in that of whoever opened the connection: causes of messages hang on it."""
    served, url = server
    WHO.set("opener")
    socket = await transport.open(url)
    heard = asyncio.Event()
    names: list[str] = []

    def note(frame: bytes) -> None:
        names.append(WHO.get())
        heard.set()

    async def read() -> None:
        WHO.set("reader")
        await socket.read_frames(note)

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.01)
    await served.sockets[0].send_str("one")
    await asyncio.wait_for(heard.wait(), PATIENCE_S)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await socket.close()
    assert names == ["reader"]


@pytest.mark.asyncio
async def test_the_loop_comes_round_between_the_last_slice_of_a_read_and_the_next_read(
    server: tuple[Server, str], transport: WebSocketTransport
) -> None:
    _, url = server
    socket = await transport.open(url)
    frames: list[bytes] = []
    reading = asyncio.create_task(socket.read_frames(frames.append))
    await asyncio.sleep(0.01)
    protocol: Any = socket.frames._protocol
    payload = b"x" * (SLICE // PORTION - 4)
    # A text frame whose length is in two bytes (RFC 6455, 5.2); so many of them are two whole slices.
    protocol.data_received((b"\x81\x7e" + len(payload).to_bytes(2) + payload) * 2 * PORTION)
    assert len(frames) == PORTION
    for _ in range(ROUNDS):
        await asyncio.sleep(0)
    assert len(frames) == 2 * PORTION
    assert not protocol.transport.is_reading()
    await until(protocol.transport.is_reading)
    reading.cancel()
    await asyncio.wait({reading})
    await socket.close()


@pytest.mark.asyncio
async def test_a_flood_is_read_in_slices_whole_and_before_the_end_of_its_connection(
    server: tuple[Server, str], transport: WebSocketTransport
) -> None:
    served, url = server
    socket = await transport.open(url)
    frames: list[bytes] = []
    most_at_once, frames_before = 0, 0

    async def count_rounds() -> None:
        nonlocal most_at_once, frames_before
        while True:
            most_at_once = max(most_at_once, len(frames) - frames_before)
            frames_before = len(frames)
            await asyncio.sleep(0)

    reading = asyncio.create_task(socket.read_frames(frames.append))
    rounds = asyncio.create_task(count_rounds())
    await asyncio.sleep(0.01)
    expected = [f"{number:0190}" for number in range(3_000)]
    for text in expected:
        await served.sockets[0].send_str(text)
    await served.sockets[0].close()
    await asyncio.wait_for(reading, PATIENCE_S)
    rounds.cancel()
    await socket.close()
    assert [frame.decode() for frame in frames] == expected
    assert most_at_once < 2 * PORTION


@pytest.mark.asyncio
async def test_a_reader_that_raises_in_a_flood_ends_the_reading(
    server: tuple[Server, str], transport: WebSocketTransport
) -> None:
    served, url = server
    socket = await transport.open(url)
    seen: list[bytes] = []

    def fail_late(frame: bytes) -> None:
        seen.append(frame)
        if len(seen) == 700:
            raise ZeroDivisionError("a reader's own fault")

    reading = asyncio.create_task(socket.read_frames(fail_late))
    await asyncio.sleep(0.01)
    for number in range(3_000):
        await served.sockets[0].send_str(f"{number:0190}")
    with pytest.raises(ZeroDivisionError, match="own fault"):
        await asyncio.wait_for(reading, PATIENCE_S)
    await socket.close()
    assert len(seen) == 700


@pytest.mark.asyncio
async def test_frames_of_one_read_are_given_together_and_a_single_one_as_it_is(
    server: tuple[Server, str], transport: WebSocketTransport
) -> None:
    served, url = server
    socket = await transport.open(url)
    block = Block()
    depths: list[int] = []
    reading = asyncio.create_task(
        socket.read_frames(lambda frame: depths.append(block.depth), block)
    )
    await asyncio.sleep(0.01)
    await served.sockets[0].send_str("alone")
    await until(lambda: depths)
    assert (depths, block.count) == ([0], 0)
    for number in range(3_000):
        await served.sockets[0].send_str(f"{number:0190}")
    await served.sockets[0].close()
    await asyncio.wait_for(reading, PATIENCE_S)
    await socket.close()
    assert len(depths) == 3_001
    assert block.depth == 0
    assert 0 < block.count < depths.count(1)
    assert set(depths) <= {0, 1}


async def talk_on(request: web.Request) -> web.WebSocketResponse:
    """Says more after it was asked to close, as a venue does whose frames were on their way."""
    socket = web.WebSocketResponse(autoclose=False, compress=False)
    await socket.prepare(request)
    await socket.receive()
    for _ in range(3):
        await socket.send_str("late")
        await asyncio.sleep(0.01)
    await socket.close()
    return socket


@pytest.mark.asyncio
async def test_a_closing_socket_begins_no_heartbeat(transport: WebSocketTransport) -> None:
    """It would outlive the connection, and ping what is no longer there."""
    application = web.Application()
    application.router.add_get("/", talk_on)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    socket: Any = await transport.open(f"ws://127.0.0.1:{runner.addresses[0][1]}/")
    assert socket._heartbeat_cb is not None
    await socket.close()
    await asyncio.sleep(0)
    assert socket._heartbeat_cb is None
    assert socket._heartbeat_reset_handle is None
    await runner.cleanup()


@pytest.mark.asyncio
async def test_a_socket_that_nobody_reads_leaves_no_heartbeat_behind_its_session(
    server: tuple[Server, str],
) -> None:
    transport = WebSocketTransport()
    socket: Any = await transport.open(server[1])
    await transport.close()
    assert socket.closed
    assert socket._heartbeat_cb is None
