"""Fifty clients that subscribe and never read: memory stays bounded, and whoever reads gets everything."""

import asyncio
import socket
from pathlib import Path

import pytest

from actors.exchange.configuration import STILL, ExchangeConfiguration
from actors.exchange.streams import StreamConnection
from tests.exchange.fuzz.round import running_exchange
from tests.exchange.fuzz.wires import UPGRADE
from tests.exchange.server.client import Socket

SUBSCRIBERS = 50
FRAMES, FRAMES_AT_ONCE, PAUSE_SECONDS = 10_000, 50, 0.01
"""Two seconds of 5,000 frames a second."""
PADDING = "x" * 500
LARGEST_BUFFER = 200_000
STREAM = "btcusdt@trade"
SLACK_BYTES = 20_000_000


def resident_bytes() -> int:
    """What this process holds in memory (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def subscribe_and_never_read(port: int) -> socket.socket:
    """A subscriber with a small buffer of its own, after its handshake."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    await loop.sock_sendall(client, UPGRADE.format(path=f"/ws/{STREAM}").encode())
    assert b"101" in await loop.sock_recv(client, 16)
    return client


@pytest.mark.asyncio
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
async def test_who_never_reads_is_dropped_before_it_costs_much() -> None:
    configuration = ExchangeConfiguration(market=STILL, largest_buffer=LARGEST_BUFFER)
    async with running_exchange(configuration) as (exchange, world):
        port = int(world.addresses.rest.rpartition(":")[2])
        async with world.streams(f"/ws/{STREAM}") as reader:
            slow = [await subscribe_and_never_read(port) for _ in range(SUBSCRIBERS)]
            hub = exchange.streams
            assert len(hub.connections) == SUBSCRIBERS + 1
            reading = asyncio.create_task(read_all(reader))
            before, most, waiting = resident_bytes(), 0, 0
            for first in range(0, FRAMES, FRAMES_AT_ONCE):
                for number in range(first, first + FRAMES_AT_ONCE):
                    hub.topics[STREAM].publish({"number": number, "padding": PADDING})
                most = max(most, resident_bytes() - before)
                waiting = max(waiting, waiting_bytes(list(hub.connections)))
                await asyncio.sleep(PAUSE_SECONDS)
            assert await reading == list(range(FRAMES))
            assert len(hub.connections) == 1
            assert waiting > LARGEST_BUFFER
            assert waiting <= (SUBSCRIBERS + 1) * (LARGEST_BUFFER + FRAMES_AT_ONCE * 600)
            assert most < (SUBSCRIBERS + 1) * LARGEST_BUFFER * 2 + SLACK_BYTES
        for one in slow:
            one.close()


def waiting_bytes(connections: list[StreamConnection]) -> int:
    """What the server still holds for its clients."""
    return sum(
        one.transport.get_write_buffer_size() for one in connections if one.transport is not None
    )


async def read_all(reader: Socket) -> list[int]:
    """The numbers of all frames, as they come."""
    return [(await reader.next())["number"] for _ in range(FRAMES)]
