"""The simulated network under real aiohttp and websockets: latency, pieces, refusals, cuts at a byte, partitions."""

import asyncio
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import websockets

from actors.simulation.entropy import Entropy
from actors.simulation.link import STEADY_LINK, Link
from actors.simulation.plan import Cut, CutMode, Direction, Plan
from actors.simulation.weather import Weather
from actors.simulation.world import World
from tests.simulation.programs import ask, serve, talk

BAD_LINES = Weather(link=replace(Link(), tail_share=0.1, split_share=0.5))


def test_http_and_websocket_over_bad_lines(entropy: Entropy) -> None:
    world = World(3, BAD_LINES, entropy=entropy)
    world.start("server", serve)
    answers: list[str] = []
    said: list[str] = []

    async def scenario() -> None:
        await asyncio.sleep(1)
        await ask("http://server/", 50, answers, [])
        await talk("ws://server/socket", 50, said)

    report = world.run(scenario)
    expected = [f"{number:06}"[::-1] for number in range(50)]
    assert answers == expected
    assert said == expected
    assert report.connections == 2


def test_websockets_library_talks_to_aiohttp(entropy: Entropy) -> None:
    world = World(3, BAD_LINES, entropy=entropy)
    world.start("server", serve)

    async def scenario() -> str | bytes:
        await asyncio.sleep(1)
        async with websockets.connect("ws://server/socket") as connection:
            await connection.send("forwards")
            return await connection.recv()

    assert world.run(scenario).result == "sdrawrof"


def test_latency_is_that_of_the_link(entropy: Entropy) -> None:
    world = World(entropy=entropy)
    world.loop.network.links["world", "server"] = replace(
        STEADY_LINK, latency_ns=(50_000_000, 50_000_001)
    )
    world.start("server", serve)

    async def scenario() -> float:
        await asyncio.sleep(1)
        started = world.loop.time()
        await ask("http://server/", 1, [], [])
        return world.loop.time() - started

    # Connection and question there, both answers back.
    assert world.run(scenario).result == pytest.approx(0.2, abs=0.01)


def test_refusals(entropy: Entropy) -> None:
    world = World(entropy=entropy, plan=Plan(refusals=[2]))
    world.start("server", serve)

    async def scenario() -> list[str]:
        await asyncio.sleep(1)
        seen = []
        for url in ("http://server/", "http://server/", "http://server:81/", "http://nobody/"):
            errors: list[str] = []
            await ask(url, 1, [], errors)
            seen.extend(errors or ["fine"])
        return seen

    refused = "ClientConnectorError"
    assert world.run(scenario).result == ["fine", refused, refused, "ClientConnectorDNSError"]


async def collect(host: str, request: bytes) -> tuple[bytes, str]:
    """Sends a request and returns all that comes back, and how it ended."""
    reader, writer = await asyncio.open_connection(host, 80)
    writer.write(request)
    received = bytearray()
    ended = "closed"
    try:
        async with asyncio.timeout(30):
            while data := await reader.read(10):
                received += data
    except TimeoutError:
        ended = "silent"
    except ConnectionResetError:
        ended = "reset"
    writer.close()
    return bytes(received), ended


class Taker(asyncio.Protocol):
    """Answers whatever comes with 100 bytes, and notes how much came."""

    def __init__(self, taken: list[int]) -> None:
        self.taken = taken

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.taken.append(0)

    def data_received(self, data: bytes) -> None:
        self.taken[-1] += len(data)
        self.transport.write(b"y" * 100)


async def serve_bytes(taken: list[int]) -> None:
    await asyncio.get_running_loop().create_server(lambda: Taker(taken), "0.0.0.0", 80)
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("mode", "ended"), [("reset", "reset"), ("close", "closed"), ("hole", "silent")]
)
@pytest.mark.parametrize("after", [0, 1, 37, 99])
@pytest.mark.parametrize("direction", ["to_server", "to_client"])
def test_connection_is_cut_at_the_byte(
    mode: CutMode, ended: str, after: int, direction: Direction, entropy: Entropy
) -> None:
    cut = Cut(connection=1, direction=direction, after_bytes=after, mode=mode)
    world = World(entropy=entropy, plan=Plan(cuts=[cut]))
    taken: list[int] = []
    world.start("server", serve_bytes, taken)

    async def scenario() -> tuple[bytes, str]:
        await asyncio.sleep(1)
        collected = await collect("server", b"x" * 100)
        await asyncio.sleep(0.1)
        return collected

    received, how = world.run(scenario).result
    assert how == ended
    if direction == "to_server":
        assert taken == [after]
        assert len(received) in (0, 100)
    else:
        assert taken == [100]
        assert len(received) == after


def test_partition_holds_everything_back_until_it_ends(entropy: Entropy) -> None:
    world = World(entropy=entropy)
    world.start("server", serve)
    world.partition("world", "server", 20, at=2)

    async def scenario() -> float:
        await asyncio.sleep(3)
        async with (
            aiohttp.ClientSession() as session,
            session.post("http://server/", data="abc") as response,
        ):
            assert await response.text() == "cba"
        return world.now_s

    assert world.run(scenario).result == pytest.approx(22, abs=0.1)


def test_port_is_taken_only_once_and_free_after_a_kill(entropy: Entropy) -> None:
    world = World(entropy=entropy)
    first = world.start("first", serve, 80, host="machine")
    second = world.start("second", serve, 80, host="machine")

    async def scenario() -> object:
        await asyncio.sleep(1)
        outcome = second.outcomes[0]
        world.kill(first, at=2)
        await world.ended(first)
        third = world.start("third", serve, 80, host="machine")
        await asyncio.sleep(1)
        assert third.is_running
        return outcome.error

    error = world.run(scenario).result
    assert isinstance(error, OSError)


def test_dead_host_answers_with_resets_and_one_without_power_not_at_all(entropy: Entropy) -> None:
    async def ends(power: bool) -> str:
        taken: list[int] = []
        victim = world.start(f"victim-{power}", serve_bytes, taken)
        await asyncio.sleep(1)
        reader, writer = await asyncio.open_connection(victim.host, 80)
        writer.write(b"x")
        await reader.readexactly(100)
        world.kill(victim, at=world.now_s + 1, power=power)
        try:
            async with asyncio.timeout(30):
                return "closed" if await reader.read() == b"" else "data"
        except TimeoutError:
            return "silent"
        finally:
            writer.close()

    async def scenario() -> list[str]:
        return [await ends(False), await ends(True)]

    world = World(entropy=entropy)
    assert world.run(scenario).result == ["closed", "silent"]


def test_unix_sockets(entropy: Entropy) -> None:
    world = World(entropy=entropy)
    program = world.start("daemon", serve_control, world.folder("daemon"))

    async def scenario() -> list[Any]:
        await asyncio.sleep(1)
        path = program.folder / "control.socket"
        teller = world.start("teller", tell, path, host="daemon")
        told = (await world.ended(teller)).result
        world.kill(program, at=5)
        await world.ended(program)
        refused = world.start("late", tell, path, host="daemon")
        return [told, type((await world.ended(refused)).error), path.is_socket()]

    assert world.run(scenario).result == [b"STATUS\n", ConnectionRefusedError, True]


async def serve_control(folder: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        writer.close()

    await asyncio.start_unix_server(answer, folder / "control.socket")
    await asyncio.Event().wait()


async def tell(path: Path) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"status\n")
    line = await reader.readline()
    writer.close()
    return line


def test_names_and_addresses(entropy: Entropy) -> None:
    world = World(entropy=entropy)
    world.start("server", serve)

    async def scenario() -> Any:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo("server", 80)
        again = await loop.getaddrinfo(str(found[0][4][0]), 80)
        with pytest.raises(socket.gaierror, match="no simulated host is called 'nobody'"):
            await loop.getaddrinfo("nobody", 80)
        return found == again

    assert world.run(scenario).result is True
