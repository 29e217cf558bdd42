"""The venue allows so many attempts to connect in a time: whatever makes connections end, no more are begun."""

import asyncio
import logging
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from aiohttp import web

from actors.binance.client import BinanceClient
from actors.binance.errors import NotSent
from actors.binance.socket_manager import BinanceStreams
from actors.binance.transport import ConnectLimit
from actors.simulation.weather import CALM
from actors.simulation.world import World
from tests.binance.scripted_venue import ScriptedVenue, until

MakeClient = Callable[..., BinanceClient]
SETTLED_S = 0.5


def ignore(*arguments: Any) -> None:
    """Nobody cares."""


@pytest.mark.asyncio
async def test_a_venue_whose_servers_all_end_at_once_is_not_overrun(
    venue: ScriptedVenue, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def announce_the_end(socket: web.WebSocketResponse) -> None:
        await socket.send_str('{"e":"serverShutdown","E":1}')

    venue.on_stream_open = announce_the_end
    client = make_client()
    streams = BinanceStreams(client, overlap_s=0.0)
    stream = streams.open_streams(["a@trade"], ignore, ignore, ignore)
    with caplog.at_level(logging.WARNING):
        running = asyncio.create_task(stream.run())
        await until(lambda: len(venue.stream_paths) >= client.connects.most)
        await asyncio.sleep(SETTLED_S)
    assert len(venue.stream_paths) == client.connects.most
    assert 2 * client.connects.most <= 300, "feed and gateway share an address"
    warned = [each for each in caplog.records if each.name == "actors.binance.transport"]
    assert len(warned) == 1
    assert stream.is_connected, "the last one still serves"
    await stream.close()
    await running


@pytest.mark.asyncio
async def test_one_limit_for_all_sockets_of_a_client(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    client.connects.most = 2
    await client.ws_api.connect()
    stream = BinanceStreams(client).open_streams(["a@trade"], ignore, ignore, ignore)
    running = asyncio.create_task(stream.run())
    await until(lambda: stream.is_connected)
    other = client.new_ws_api()
    loop = asyncio.get_running_loop()
    taken_s: list[float] = []
    # A busy machine may stand still for as long as anything could be waited for, but not every time.
    while len(taken_s) < 10 and (not taken_s or min(taken_s) >= SETTLED_S):
        begun_s = loop.time()
        with pytest.raises(NotSent, match="begun"):
            await other.request("ping", signed=False)
        taken_s.append(loop.time() - begun_s)
    assert min(taken_s) < SETTLED_S, "a cancel would go by REST"
    assert len(venue.api_sockets) == 1
    await other.close()
    await stream.close()
    await running


# In virtual time: a machine that is held up between an attempt and the look at the clock would see less than the window.


def test_a_short_wait_is_waited() -> None:
    limit = ConnectLimit(most=3, window_s=0.1)
    begun: list[float] = []

    async def begin() -> None:
        await limit.take()
        begun.append(asyncio.get_running_loop().time())

    async def begin_six() -> None:
        await asyncio.gather(*(begin() for _ in range(6)))

    World(1, CALM).run(begin_six)
    assert len(begun) == 6
    for first, fourth in zip(begun, begun[3:], strict=False):
        assert fourth - first >= 0.099


@pytest.mark.parametrize("seed", range(3))
def test_however_they_come_no_window_holds_more(seed: int) -> None:
    chance = Random(seed)
    limit = ConnectLimit(most=5, window_s=0.1)
    begun: list[float] = []

    async def begin_many() -> None:
        for _ in range(60):
            await asyncio.sleep(chance.choice((0.0, 0.0, 0.001, 0.02)))
            await limit.take()
            begun.append(asyncio.get_running_loop().time())

    World(seed, CALM).run(begin_many)
    assert len(begun) == 60
    for first, sixth in zip(begun, begun[5:], strict=False):
        assert sixth - first >= 0.099
