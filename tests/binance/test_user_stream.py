"""The user stream on the WebSocket API: kept, renewed, and its owner told."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web

from actors.binance.client import BinanceClient
from actors.binance.errors import RequestRefused
from actors.binance.ws_api import BinanceWebsocketAPI
from tests.binance.scripted_venue import ScriptedVenue, cut, until

MakeClient = Callable[..., BinanceClient]
SECOND_NS = 1_000_000_000
REPORT = {"e": "executionReport", "s": "BTCUSDT", "i": 7}
QUIET_S = 0.3
"""Long enough for a few attempts to connect in vain."""


async def stay_silent(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
    """Takes every request and answers none."""


def refuse(status: int, code: int, **data: Any) -> Callable[..., Any]:
    """A script that answers everything with one error."""

    async def script(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        error = {"code": code, "msg": "words", **({"data": data} if data else {})}
        await socket.send_json({"id": request["id"], "status": status, "error": error})

    return script


@pytest.mark.asyncio
async def test_the_user_stream_is_subscribed_again_and_its_owner_is_told(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    story: list[str] = []
    client.ws_api.on_connected = lambda: story.append("connected")
    client.ws_api.on_lost = lambda reason: story.append(f"lost: {reason}")
    events: list[bytes] = []
    await client.ws_api.subscribe_user_stream(events.append)
    assert story == ["connected"]
    await venue.api_sockets[0].send_json({"subscriptionId": 0, "event": REPORT})
    await until(lambda: len(events) == 1)
    cut(venue.api_sockets[0])
    await until(lambda: len(story) == 3)
    assert story == ["connected", "lost: connection lost without a close frame", "connected"]
    await venue.api_sockets[1].send_json({"subscriptionId": 1, "event": REPORT})
    await until(lambda: len(events) == 2)
    assert msgspec.json.decode(events[1]) == REPORT
    assert venue.api_methods() == ["userDataStream.subscribe.signature"] * 2


@pytest.mark.asyncio
async def test_the_user_stream_comes_back_after_a_long_absence(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    story: list[str] = []
    client.ws_api.on_connected = lambda: story.append("connected")
    client.ws_api.on_lost = lambda reason: story.append("lost")
    await client.ws_api.subscribe_user_stream(lambda event: None)
    await venue.stop()
    await until(lambda: story == ["connected", "lost"])
    await asyncio.sleep(QUIET_S)
    await venue.start()
    await until(lambda: story == ["connected", "lost", "connected"])
    assert client.ws_api.is_user_stream_live


@pytest.mark.asyncio
async def test_an_event_stream_that_the_venue_ends_is_opened_again_on_the_same_connection(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    lost: list[str] = []
    client.ws_api.on_lost = lost.append
    await client.ws_api.subscribe_user_stream(lambda event: None)
    await venue.api_sockets[0].send_json(
        {"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": 1}}
    )
    await until(lambda: len(venue.api_requests) == 2 and client.ws_api.is_user_stream_live)
    assert lost == ["the venue ended the event stream"]
    assert len(venue.api_sockets) == 1


@pytest.mark.asyncio
async def test_a_refused_subscription_is_told_at_once(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    venue.api = refuse(401, -2015)
    client = make_client()
    with pytest.raises(RequestRefused) as caught:
        await client.ws_api.subscribe_user_stream(lambda event: None)
    assert caught.value.code == -2015


@pytest.mark.asyncio
async def test_an_active_subscription_is_as_good_as_a_new_one(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    venue.api = refuse(400, -2035)
    client = make_client()
    await client.ws_api.subscribe_user_stream(lambda event: None)
    assert client.ws_api.is_user_stream_live


@pytest.mark.asyncio
async def test_an_event_that_cannot_be_read_does_not_end_the_stream(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    seen: list[bytes] = []

    def on_event(event: bytes) -> None:
        seen.append(event)
        if len(seen) == 1:
            raise ValueError("not today")

    await client.ws_api.subscribe_user_stream(on_event)
    for _ in range(2):
        await venue.api_sockets[0].send_json({"subscriptionId": 0, "event": REPORT})
    await until(lambda: len(seen) == 2)


@pytest.mark.asyncio
async def test_a_server_that_will_shut_down_is_left_for_a_new_one_first(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    story: list[str] = []
    client.ws_api.on_shutdown = lambda: story.append("shutdown")
    client.ws_api.on_connected = lambda: story.append("connected")
    client.ws_api.on_lost = lambda reason: story.append("lost")
    events: list[bytes] = []
    await client.ws_api.subscribe_user_stream(events.append)
    held: list[tuple[web.WebSocketResponse, dict[str, Any]]] = []
    accept = venue.api

    async def hold_placements(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        if request["method"] == "order.place":
            held.append((socket, request))
        else:
            await accept(socket, request)

    venue.api = hold_placements
    placing = asyncio.create_task(client.ws_create_order(symbol="X"))
    await until(lambda: held)
    shutdown = {"event": {"e": "serverShutdown", "E": 1770123456789}}
    await venue.api_sockets[0].send_json(shutdown)
    await venue.api_sockets[0].send_json(shutdown)
    await until(lambda: venue.api_methods().count("userDataStream.subscribe.signature") == 2)
    socket, request = held[0]
    await socket.send_json({"id": request["id"], "status": 200, "result": {"orderId": 1}})
    assert await placing == {"orderId": 1}
    await until(lambda: len(venue.open_api_sockets()) == 1)
    assert len(venue.api_sockets) == 2
    assert story == ["connected", "shutdown", "shutdown"]
    await venue.open_api_sockets()[0].send_json({"subscriptionId": 0, "event": REPORT})
    await until(lambda: len(events) == 1)


@pytest.mark.asyncio
async def test_what_the_old_server_still_says_is_heard_before_it_is_left(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    """An event on its way over the old connection when the new one is subscribed already."""
    client = make_client()
    lost: list[str] = []
    client.ws_api.on_lost = lost.append
    events: list[bytes] = []
    await client.ws_api.subscribe_user_stream(events.append)
    accept = venue.api

    async def tell_late(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        if request["method"] == "ping":
            assert socket is venue.api_sockets[0]
            await socket.send_json({"subscriptionId": 0, "event": REPORT})
        await accept(socket, request)

    venue.api = tell_late
    await venue.api_sockets[0].send_json({"event": {"e": "serverShutdown", "E": 1}})
    await until(lambda: events)
    await until(lambda: len(venue.open_api_sockets()) == 1)
    assert len(events) == 1
    assert lost == []
    assert client.ws_api.is_user_stream_live


@pytest.mark.asyncio
async def test_an_old_server_that_falls_silent_may_have_kept_events_to_itself(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client(timeout_s=1.0)
    story: list[str] = []
    client.ws_api.on_connected = lambda: story.append("connected")
    client.ws_api.on_lost = lambda reason: story.append("lost")
    await client.ws_api.subscribe_user_stream(lambda event: None)
    accept = venue.api

    async def ignore_pings(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        if request["method"] != "ping":
            await accept(socket, request)

    venue.api = ignore_pings
    await venue.api_sockets[0].send_json({"event": {"e": "serverShutdown", "E": 1}})
    await until(lambda: len(venue.open_api_sockets()) == 1 and len(venue.api_sockets) == 2)
    assert story == ["connected", "lost", "connected"]
    assert client.ws_api.is_user_stream_live


@pytest.mark.asyncio
async def test_a_server_that_will_end_is_kept_until_there_is_another(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    lost: list[str] = []
    client.ws_api.on_lost = lost.append
    events: list[bytes] = []
    await client.ws_api.subscribe_user_stream(events.append)
    accept, refusals = venue.api, [0]

    async def refuse_at_first(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        if request["method"] != "ping" and refusals[0] < 2:
            refusals[0] += 1
            await refuse(500, -1000)(socket, request)
        else:
            await accept(socket, request)

    venue.api = refuse_at_first
    await venue.api_sockets[0].send_json({"event": {"e": "serverShutdown", "E": 1}})
    await until(lambda: refusals[0] == 1)
    await venue.api_sockets[0].send_json({"subscriptionId": 0, "event": REPORT})
    await until(lambda: events)
    await until(lambda: len(venue.open_api_sockets()) == 1 and refusals[0] == 2)
    assert lost == []
    assert client.ws_api.is_user_stream_live


@pytest.mark.asyncio
async def test_a_connection_that_answers_no_question_is_ended_and_another_is_left(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    assert not await client.ws_api.verify(0.1)
    lost: list[str] = []
    client.ws_api.on_lost = lost.append
    await client.ws_api.subscribe_user_stream(lambda event: None)
    assert await client.ws_api.verify(20.0)
    assert lost == []
    accept = venue.api
    venue.api = stay_silent
    assert not await client.ws_api.verify(0.1)
    venue.api = accept
    await until(lambda: lost == ["no answer to a ping"])
    await until(lambda: client.ws_api.is_user_stream_live)


@pytest.mark.asyncio
async def test_a_connection_is_renewed_before_the_venue_ends_it(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    client.ws_api.lifetime_s = 0.1
    await client.ws_api.subscribe_user_stream(lambda event: None)
    client.ws_api.lifetime_s = 3600.0
    # On a slow machine the second one began as short a life too.
    await until(lambda: len(venue.api_sockets) >= 2 and len(venue.open_api_sockets()) == 1)
    assert client.ws_api.is_user_stream_live


@pytest.mark.asyncio
async def test_a_peer_that_answers_no_ping_is_given_up(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    venue.autoping = False
    client = make_client(silence_limit_s=0.3)
    lost: list[str] = []
    client.ws_api.on_lost = lost.append
    await client.ws_api.subscribe_user_stream(lambda event: None)
    await until(lambda: lost)
    assert "PONG" in lost[0]
    await until(lambda: len(venue.api_sockets) >= 2)


@pytest.mark.asyncio
async def test_a_user_stream_may_have_a_connection_of_its_own(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    streams: BinanceWebsocketAPI = client.new_ws_api()
    await streams.subscribe_user_stream(lambda event: None)
    await client.ws_ping()
    assert len(venue.api_sockets) == 2
    cut(venue.api_sockets[1])
    assert streams.is_user_stream_live
    await streams.close()
