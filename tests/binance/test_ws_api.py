"""The WebSocket API client where stock python-binance fails, each failure beside the right behaviour."""

import asyncio
import socket as sockets
import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from aiohttp import web
from binance.exceptions import BinanceWebsocketUnableToConnect
from binance.ws.websocket_api import WebsocketAPI

from actors.binance.client import BinanceClient
from actors.binance.errors import BinanceError, NotSent, OutcomeUnknown, RateLimited, RequestRefused
from actors.binance.signing import HmacSigner, websocket_payload
from tests.binance.scripted_venue import ScriptedVenue, cut, until

MakeClient = Callable[..., BinanceClient]
SECOND_NS = 1_000_000_000
REPORT = {"e": "executionReport", "s": "BTCUSDT", "i": 7}
SLOW_ANSWER_S = 0.15
"""Longer than the caller of these tests waits."""


async def stay_silent(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
    """Takes every request and answers none."""


def refuse(status: int, code: int, **data: Any) -> Callable[..., Any]:
    """A script that answers everything with one error."""

    async def script(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        error = {"code": code, "msg": "words", **({"data": data} if data else {})}
        await socket.send_json({"id": request["id"], "status": status, "error": error})

    return script


@pytest.mark.asyncio
async def test_python_binances_own_methods_come_through_ours(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    answer = await client.ws_create_order(
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT",
        quantity=0.00001,
        newClientOrderId="a:b/c",
        x=None,
    )
    assert answer == {"subscriptionId": 0}
    await client.ws_cancel_order(symbol="BTCUSDT", orderId=5)
    await client.ws_get_order(symbol="BTCUSDT", orderId=5)
    assert venue.api_methods() == ["order.place", "order.cancel", "order.status"]
    params = venue.api_requests[0]["params"]
    signature = params.pop("signature")
    assert signature == HmacSigner("secret").sign(websocket_payload(params))
    assert params["quantity"] == "0.00001"
    assert params["recvWindow"] == 5000
    assert params["apiKey"] == "key"
    assert "x" not in params


@pytest.mark.asyncio
async def test_replies_are_matched_by_id_in_any_order(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    held: list[tuple[web.WebSocketResponse, dict[str, Any]]] = []

    async def script(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        held.append((socket, request))
        if len(held) == 3:
            for waiting, asked in reversed(held):
                result = {"echo": asked["params"]["orderId"]}
                await waiting.send_json({"id": asked["id"], "status": 200, "result": result})

    venue.api = script
    client = make_client()
    answers = await asyncio.gather(*(client.ws_get_order(orderId=number) for number in range(3)))
    assert [answer["echo"] for answer in answers] == [0, 1, 2]


@pytest.mark.asyncio
async def test_a_late_error_wedges_nothing(venue: ScriptedVenue, make_client: MakeClient) -> None:
    async def late(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await asyncio.sleep(SLOW_ANSWER_S)
        error = {"code": -2010, "msg": "late"}
        await socket.send_json({"id": request["id"], "status": 400, "error": error})

    accept = venue.api
    client = make_client()
    await client.ws_api.connect()
    venue.api = late
    with pytest.raises(OutcomeUnknown, match="no answer within"):
        await client.ws_api.request("order.place", {}, timeout_s=0.05)
    await until(lambda: client.ws_api.counts.late_replies == 1)
    venue.api = accept
    assert await client.ws_create_order(symbol="BTCUSDT") == {"subscriptionId": 0}
    assert len(venue.api_sockets) == 1


@pytest.mark.asyncio
async def test_stock_python_binance_is_wedged_by_a_late_error(venue: ScriptedVenue) -> None:
    accept = venue.api

    async def late(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await asyncio.sleep(SLOW_ANSWER_S)
        error = {"code": -2010, "msg": "late"}
        await socket.send_json({"id": request["id"], "status": 400, "error": error})

    stock = WebsocketAPI(url=venue.endpoints.ws_api)
    stock._ws_kwargs = {"proxy": None}
    await stock.request("0", {"id": "0", "method": "ping", "params": {}})
    venue.api_requests.clear()
    stock.TIMEOUT = 0.05
    venue.api = late
    with pytest.raises(BinanceWebsocketUnableToConnect, match="timed out"):
        await stock.request("1", {"id": "1", "method": "order.place", "params": {}})
    await until(lambda: stock._handle_read_loop is None)
    venue.api = accept
    with pytest.raises(BinanceWebsocketUnableToConnect, match="timed out"):
        await stock.request("2", {"id": "2", "method": "order.place", "params": {}})
    assert len(venue.api_requests) == 2
    await stock.ws.close()


@pytest.mark.asyncio
async def test_a_caller_that_gave_up_wedges_nothing(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    released = asyncio.Event()

    async def script(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await released.wait()
        await socket.send_json({"id": request["id"], "status": 200, "result": {}})

    venue.api = script
    client = make_client()
    waiting = asyncio.create_task(client.ws_create_order(symbol="BTCUSDT"))
    await until(lambda: venue.api_requests)
    waiting.cancel()
    released.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await client.ws_ping() == {}
    assert len(venue.api_sockets) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("how", ["cut", "close"])
async def test_requests_in_flight_fail_at_once_when_the_connection_is_lost(
    venue: ScriptedVenue, make_client: MakeClient, how: str
) -> None:
    venue.api = stay_silent
    client = make_client(timeout_s=30.0)
    waiting = [asyncio.create_task(client.ws_create_order(symbol="X")) for _ in range(3)]
    await until(lambda: len(venue.api_requests) == 3)
    started_s = time.monotonic()
    if how == "cut":
        cut(venue.api_sockets[0])
    else:
        await venue.api_sockets[0].close(code=1001)
    for task in waiting:
        with pytest.raises(OutcomeUnknown, match="lost with the request in flight"):
            await task
    assert time.monotonic() - started_s < 10


@pytest.mark.asyncio
async def test_what_could_not_be_sent_says_so(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    await venue.stop()
    with pytest.raises(NotSent, match="no connection"):
        await client.ws_create_order(symbol="BTCUSDT")
    await venue.start()
    await client.ws_api.connect()
    assert await client.ws_ping() == {"subscriptionId": 0}


@pytest.mark.asyncio
async def test_a_venue_that_stays_away_is_not_knocked_at_without_pause(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    await venue.stop()
    for _ in range(8):
        with pytest.raises(NotSent):
            await client.ws_ping()
        if client.ws_api._retry_at_s - asyncio.get_running_loop().time() > 1.0:
            break
    with pytest.raises(NotSent, match="next attempt is in"):
        await client.ws_ping()


@pytest.mark.asyncio
async def test_one_connection_however_many_requests_follow_a_drop(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    await client.ws_ping()
    cut(venue.api_sockets[0])
    await until(lambda: not client.ws_api.is_connected)
    answers = await asyncio.gather(*(client.ws_create_order(symbol="X") for _ in range(5)))
    assert answers == [{"subscriptionId": 0}] * 5
    assert len(venue.api_sockets) == 2
    assert client.ws_api.connections_opened == 2


@pytest.mark.asyncio
async def test_a_frame_that_is_no_json_does_not_end_the_connection(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    await client.ws_ping()
    await venue.api_sockets[0].send_str("<html>")
    assert await client.ws_ping() == {"subscriptionId": 0}
    assert client.ws_api.counts.unreadable_frames == 1
    assert len(venue.api_sockets) == 1


@pytest.mark.asyncio
async def test_a_key_refused_without_a_question_is_told_and_ends_nothing(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    refused: list[BinanceError] = []
    client.ws_api.on_key_refused = refused.append
    await client.ws_ping()
    await venue.api_sockets[0].send_json(
        {"id": None, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key"}}
    )
    await until(lambda: refused)
    assert isinstance(refused[0], RequestRefused)
    assert refused[0].code == -2015
    assert await client.ws_ping() == {"subscriptionId": 0}
    assert len(venue.api_sockets) == 1


@pytest.mark.asyncio
async def test_stock_python_binance_is_wedged_by_a_key_refused_without_a_question(
    venue: ScriptedVenue,
) -> None:
    stock = WebsocketAPI(url=venue.endpoints.ws_api)
    stock._ws_kwargs = {"proxy": None}
    await stock.request("1", {"id": "1", "method": "ping", "params": {}})
    stock.TIMEOUT = 0.1
    await venue.api_sockets[0].send_json(
        {"id": None, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key"}}
    )
    await until(lambda: stock._handle_read_loop is None)
    with pytest.raises(BinanceWebsocketUnableToConnect, match="timed out"):
        await stock.request("2", {"id": "2", "method": "ping", "params": {}})
    await stock.ws.close()


@pytest.mark.asyncio
async def test_a_reply_of_many_megabytes(venue: ScriptedVenue, make_client: MakeClient) -> None:
    async def script(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        result = {"symbols": ["X" * 1000] * 5000}
        await socket.send_json({"id": request["id"], "status": 200, "result": result})

    venue.api = script
    answer = await make_client().ws_get_exchange_info()
    assert len(answer["symbols"]) == 5000


@pytest.mark.asyncio
async def test_the_timestamp_is_taken_when_the_request_is_sent(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    now = [1_700_000_000 * SECOND_NS]
    client = make_client(now_ns=lambda: now[0])
    venue.handshake_gate.clear()
    placing = asyncio.create_task(client.ws_create_order(symbol="X"))
    late = asyncio.create_task(
        client.ws_api.request("order.place", {}, send_before_ns=now[0] + SECOND_NS)
    )
    await until(lambda: venue.handshakes)
    now[0] += 60 * SECOND_NS
    venue.handshake_gate.set()
    await placing
    assert venue.api_requests[0]["params"]["timestamp"] == 1_700_000_060_000
    with pytest.raises(NotSent, match="too late"):
        await late
    assert len(venue.api_requests) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, -2010, RequestRefused),
        (400, -1021, RequestRefused),
        (400, -1007, OutcomeUnknown),
        (500, -1000, OutcomeUnknown),
        (504, -1001, OutcomeUnknown),
        (429, -1015, RateLimited),
    ],
)
async def test_errors_of_replies_are_classified(
    venue: ScriptedVenue, make_client: MakeClient, status: int, code: int, expected: type[Exception]
) -> None:
    venue.api = refuse(status, code)
    client = make_client()
    with pytest.raises(expected):
        await client.ws_create_order(symbol="X")
    assert client.ws_api.usage.retry_at_ns == 0


@pytest.mark.asyncio
async def test_a_ban_holds_back_both_ways_until_its_end(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    now = [1_700_000_000 * SECOND_NS]
    venue.api = refuse(418, -1003, serverTime=1_700_000_000_000, retryAfter=1_700_000_120_000)
    client = make_client(now_ns=lambda: now[0])
    with pytest.raises(RateLimited) as caught:
        await client.ws_ping()
    assert caught.value.is_ban
    assert caught.value.retry_at_ns == now[0] + 120 * SECOND_NS
    for call in (client.ws_ping, client.ping):
        with pytest.raises(RateLimited):
            await call()
    assert len(venue.api_requests) == 1
    assert venue.rest_requests == []


@pytest.mark.asyncio
async def test_the_limits_in_replies_are_kept(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    async def script(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        limit = {
            "rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50, "count": 12,
        }  # fmt: skip
        await socket.send_json(
            {"id": request["id"], "status": 200, "result": {}, "rateLimits": [limit]}
        )

    venue.api = script
    client = make_client()
    await client.ws_create_order(symbol="X")
    assert client.usage.count_of("ORDERS", 10 * SECOND_NS) == 12


@pytest.mark.asyncio
async def test_the_socket_is_plain_and_prompt(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    await client.ws_ping()
    (headers,) = venue.api_headers
    assert "Sec-WebSocket-Extensions" not in headers
    assert "X-MBX-APIKEY" not in headers
    raw = client.ws_api.ws.get_extra_info("socket")
    assert raw.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY) != 0


@pytest.mark.asyncio
async def test_closing_is_quick_and_leaves_nothing_behind(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    tasks_before = len(asyncio.all_tasks())
    client = make_client()
    await client.ws_api.subscribe_user_stream(lambda event: None)
    venue.api = stay_silent
    waiting = asyncio.create_task(client.ws_create_order(symbol="X"))
    await until(lambda: len(venue.api_requests) == 2)
    started_s = time.monotonic()
    await client.close_connection()
    assert time.monotonic() - started_s < 5
    with pytest.raises(OutcomeUnknown, match="closed by us"):
        await waiting
    with pytest.raises(NotSent, match="closed"):
        await client.ws_ping()
    await until(lambda: len(asyncio.all_tasks()) <= tasks_before)


@pytest.mark.asyncio
async def test_many_drops_leave_no_task_behind(venue: ScriptedVenue) -> None:
    client = BinanceClient(venue.endpoints, "key", "secret", random=Random(3))
    await client.ws_ping()
    tasks_before = len(asyncio.all_tasks())
    for _ in range(20):
        cut(venue.api_sockets[-1])
        await until(lambda: not client.ws_api.is_connected)
        await client.ws_api.connect()
        await client.ws_ping()
    await until(lambda: len(asyncio.all_tasks()) <= tasks_before + 2)
    await client.close_connection()
