"""An event stream that the venue ends, in whatever words, and again and again."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from actors.binance.client import BinanceClient
from tests.binance.scripted_venue import ScriptedVenue, until

QUIET_S = 0.8
"""Long enough for thousands of requests without a brake, and for a handful with one."""
MakeClient = Callable[..., BinanceClient]


def terminated(**fields: Any) -> dict[str, Any]:
    """The event's frame."""
    return {"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": 1, **fields}}


@pytest.mark.asyncio
async def test_its_end_is_noticed_however_much_the_venue_has_to_say_about_it(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    lost: list[str] = []
    client.ws_api.on_lost = lost.append
    await client.ws_api.subscribe_user_stream(lambda event: None)
    await venue.api_sockets[0].send_json(terminated(reason="the token has expired; " * 20))
    await until(lambda: len(venue.api_requests) == 2 and client.ws_api.is_user_stream_live)
    assert lost == ["the venue ended the event stream"]


@pytest.mark.asyncio
async def test_words_about_it_within_an_order_end_nothing(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    seen: list[bytes] = []
    await client.ws_api.subscribe_user_stream(seen.append)
    for name in ("eventStreamTerminated", "serverShutdown"):
        event = {"c": name, "e": "executionReport", "s": "BTCUSDT", "i": 7}
        await venue.api_sockets[0].send_json({"event": event})
    await until(lambda: len(seen) == 2)
    assert len(venue.api_requests) == 1
    assert len(venue.api_sockets) == 1


@pytest.mark.asyncio
async def test_one_that_ends_at_once_each_time_is_asked_for_at_growing_distances(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    async def end_at_once(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await socket.send_json(
            {"id": request["id"], "status": 200, "result": {"subscriptionId": 0}}
        )
        await socket.send_json(terminated())

    venue.api = end_at_once
    client = make_client()
    begun_s = asyncio.get_running_loop().time()
    await client.ws_api.subscribe_user_stream(lambda event: None)
    await asyncio.sleep(QUIET_S)
    await until(lambda: len(venue.api_requests) >= 2)
    # From the first 50 ms on each distance may be twice as long, and is at least half of that.
    distances = len(venue.api_requests) - 1
    assert asyncio.get_running_loop().time() - begun_s >= 0.05 / 2 * (2**distances - 1)
    assert len(venue.api_sockets) == 1
