"""The REST client against a venue that answers well, badly, late, or not at all."""

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import parse_qsl

import msgspec
import pytest
from aiohttp import web
from binance.async_client import AsyncClient

from actors.binance.client import BinanceClient
from actors.binance.endpoints import BinanceEndpoints, endpoints_at, endpoints_named
from actors.binance.errors import NotSent, OutcomeUnknown, RateLimited, RequestRefused
from actors.binance.signing import HmacSigner
from tests.binance.scripted_venue import ScriptedVenue

MakeClient = Callable[..., BinanceClient]
SECOND_NS = 1_000_000_000


def text_answer(
    text: str, status: int = 200, kind: str = "application/json", **headers: str
) -> Callable[..., object]:
    """A script that always gives this answer."""

    async def script(request: web.Request, body: str) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(text=text, status=status, content_type=kind, headers=named)

    return script


@pytest.mark.parametrize("name", ["production", "live", "testnet", "demo"])
def test_environments_agree_with_python_binance(name: str) -> None:
    endpoints = endpoints_named(name)
    expected = {
        "production": (AsyncClient.API_URL.format("", "com"), AsyncClient.WS_API_URL.format("com")),
        "live": (AsyncClient.API_URL.format("", "com"), AsyncClient.WS_API_URL.format("com")),
        "testnet": (AsyncClient.API_TESTNET_URL, AsyncClient.WS_API_TESTNET_URL),
        "demo": (AsyncClient.API_DEMO_URL, AsyncClient.WS_API_DEMO_URL),
    }
    assert (endpoints.rest, endpoints.ws_api) == expected[name]


def test_other_environments_are_given_by_address() -> None:
    expected = BinanceEndpoints(
        rest="http://127.0.0.1:1/api",
        ws_api="ws://127.0.0.1:2/ws-api/v3",
        streams="ws://127.0.0.1:3",
    )
    assert (
        endpoints_at("http://127.0.0.1:1/", "ws://127.0.0.1:2", "ws://127.0.0.1:3/stream")
        == expected
    )
    assert (
        endpoints_at("http://127.0.0.1:1/api", "ws://127.0.0.1:2/ws-api/v3", "ws://127.0.0.1:3/ws")
        == expected
    )
    with pytest.raises(ValueError, match="give URLs"):
        endpoints_named("moonnet")


@pytest.mark.asyncio
async def test_making_a_client_sends_nothing(venue: ScriptedVenue, make_client: MakeClient) -> None:
    make_client()
    await asyncio.sleep(0)
    assert venue.rest_requests == []
    assert venue.api_sockets == []


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["post", "put", "delete", "get"])
async def test_what_is_signed_is_what_is_sent(
    venue: ScriptedVenue, make_client: MakeClient, method: str
) -> None:
    params = {
        "symbol": "这是测试币456",
        "newClientOrderId": "a:b/c d",
        "price": 0.00001,
        "nothing": None,
    }
    await make_client().call(method, "order", params, signed=True)
    ((verb, path, query, body),) = venue.rest_requests
    assert (verb, path) == (method.upper(), "/api/v3/order")
    sent = query if method in ("get", "delete") else body
    assert (query or body) == sent
    payload, _, signature = sent.rpartition("&signature=")
    assert signature == HmacSigner("secret").sign(payload)
    fields = dict(parse_qsl(payload))
    assert fields["newClientOrderId"] == "a:b/c d"
    assert fields["symbol"] == "这是测试币456"
    assert fields["price"] == "0.00001"
    assert "nothing" not in fields
    assert venue.rest_headers[0]["X-MBX-APIKEY"] == "key"


@pytest.mark.asyncio
async def test_python_binances_own_methods_come_through_ours(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    await client.create_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", quantity=Decimal("1E-5"), price=0.00001,
        newClientOrderId="a:b", timeInForce="GTC", recvWindow=2000,
    )  # fmt: skip
    await client.cancel_order(symbol="BTCUSDT", orderId=5)
    await client.get_order(symbol="BTCUSDT", orderId=5)
    await client.get_open_orders(symbol="BTCUSDT")
    await client.ping()
    assert [(verb, path) for verb, path, _, _ in venue.rest_requests] == [
        ("POST", "/api/v3/order"),
        ("DELETE", "/api/v3/order"),
        ("GET", "/api/v3/order"),
        ("GET", "/api/v3/openOrders"),
        ("GET", "/api/v3/ping"),
    ]
    placed = dict(parse_qsl(venue.rest_requests[0][3]))
    assert placed["recvWindow"] == "2000"
    assert (placed["quantity"], placed["price"]) == ("0.00001", "0.00001")
    queried = dict(parse_qsl(venue.rest_requests[2][2]))
    assert queried["recvWindow"] == "5000"


@pytest.mark.asyncio
async def test_stock_python_binance_overwrites_recv_window_and_breaks_the_signature(
    venue: ScriptedVenue,
) -> None:
    client = AsyncClient("key", "secret")
    client.API_URL = venue.endpoints.rest
    await client.create_order(
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT",
        price=0.00001,
        newClientOrderId="a:b",
        recvWindow=2000,
    )
    await client.session.close()
    payload, _, signature = venue.rest_requests[0][3].rpartition("&signature=")
    fields = dict(parse_qsl(payload))
    assert fields["recvWindow"] == "10000"
    assert fields["price"] == "1e-05"
    assert signature != HmacSigner("secret").sign(payload)


@pytest.mark.asyncio
async def test_the_timestamp_is_the_venues_time(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    ahead_ms = 7_000

    async def script(request: web.Request, body: str) -> web.StreamResponse:
        return web.json_response({"serverTime": time.time_ns() // 1_000_000 + ahead_ms})

    venue.rest = script
    client = make_client()
    offset = await client.synchronise_clock()
    assert abs(offset.offset_ns - ahead_ms * 1_000_000) < 500_000_000
    assert len(venue.rest_requests) == 5
    before_ms = time.time_ns() // 1_000_000
    await client.get_account()
    stamp = int(dict(parse_qsl(venue.rest_requests[-1][2]))["timestamp"])
    assert abs(stamp - before_ms - ahead_ms) < 1000
    assert abs(client.timestamp_offset - ahead_ms) < 500


@pytest.mark.asyncio
async def test_create_measures_the_clock_and_cleans_up_after_a_failure(
    venue: ScriptedVenue,
) -> None:
    venue.rest = text_answer('{"serverTime":1700000000000}')  # type: ignore[assignment]
    client = await BinanceClient.create(venue.endpoints)
    assert client.clock_offset.offset_ns < 0
    await client.close_connection()
    await venue.stop()
    with pytest.raises(NotSent):
        await BinanceClient.create(venue.endpoints)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "text", "kind", "expected"),
    [
        (400, '{"code":-2010,"msg":"Duplicate order sent."}', "application/json", RequestRefused),
        (403, "<html>blocked</html>", "text/html", RequestRefused),
        (500, '{"code":-1000,"msg":"?"}', "application/json", OutcomeUnknown),
        (502, "<html>Bad Gateway</html>", "text/html", OutcomeUnknown),
        (504, "", "text/plain", OutcomeUnknown),
        (400, '{"code":-1007,"msg":"Timeout"}', "application/json", OutcomeUnknown),
        (302, "", "text/plain", OutcomeUnknown),
        (200, "<html>hello</html>", "text/html", OutcomeUnknown),
    ],
)
async def test_answers_are_classified(
    venue: ScriptedVenue,
    make_client: MakeClient,
    status: int,
    text: str,
    kind: str,
    expected: type[Exception],
) -> None:
    venue.rest = text_answer(text, status, kind, Location="/elsewhere")  # type: ignore[assignment]
    with pytest.raises(expected):
        await make_client().create_order(symbol="BTCUSDT", newClientOrderId="a")
    assert len(venue.rest_requests) == 1


@pytest.mark.asyncio
async def test_json_is_read_whatever_its_label(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    venue.rest = text_answer('{"orderId":5}', 200, "text/plain")  # type: ignore[assignment]
    assert await make_client().get_order(symbol="BTCUSDT", orderId=5) == {"orderId": 5}
    venue.rest = text_answer("")  # type: ignore[assignment]
    assert await make_client().ping() == {}


@pytest.mark.asyncio
async def test_a_partly_done_cancel_replace_keeps_its_data(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    venue.rest = text_answer(  # type: ignore[assignment]
        '{"code":-2021,"msg":"partly","data":{"cancelResult":"SUCCESS","newOrderResult":"FAILURE"}}',
        409,
    )
    with pytest.raises(RequestRefused) as caught:
        await make_client().cancel_replace_order(symbol="BTCUSDT", newClientOrderId="a")
    assert msgspec.json.decode(caught.value.body)["data"]["cancelResult"] == "SUCCESS"


@pytest.mark.asyncio
async def test_a_refused_connection_proves_that_nothing_was_sent(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client()
    await venue.stop()
    with pytest.raises(NotSent, match="no connection"):
        await client.create_order(symbol="BTCUSDT", newClientOrderId="a")


@pytest.mark.asyncio
async def test_an_answer_that_does_not_come_leaves_the_outcome_unknown(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    released = asyncio.Event()

    async def script(request: web.Request, body: str) -> web.StreamResponse:
        await released.wait()
        return web.json_response({})

    venue.rest = script
    with pytest.raises(OutcomeUnknown, match="no answer"):
        await make_client().call("post", "order", {"symbol": "X"}, signed=True, timeout_s=0.1)
    released.set()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("method", "times_sent"), [("post", 1), ("put", 1), ("delete", 1), ("get", 2)]
)
async def test_a_connection_cut_while_waiting(
    venue: ScriptedVenue, make_client: MakeClient, method: str, times_sent: int
) -> None:
    """Only a question is asked again; aiohttp by itself would repeat a cancel and an amendment as well."""

    async def script(request: web.Request, body: str) -> web.StreamResponse:
        if len(venue.rest_requests) > 1 and request.transport is not None:
            request.transport.abort()
        return web.json_response({})

    venue.rest = script
    client = make_client()
    await client.ping()
    with pytest.raises(OutcomeUnknown, match="broke"):
        await client.call(method, "order", {"symbol": "BTCUSDT"}, signed=True)
    assert len(venue.rest_requests) == 1 + times_sent


@pytest.mark.asyncio
async def test_counters_of_the_headers_are_kept(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    venue.rest = text_answer(  # type: ignore[assignment]
        '{"code":-2010,"msg":"no"}', 400, X_MBX_USED_WEIGHT_1M="17", X_MBX_ORDER_COUNT_10S="3"
    )
    client = make_client()
    with pytest.raises(RequestRefused):
        await client.create_order(symbol="BTCUSDT", newClientOrderId="a")
    assert client.usage.count_of("REQUEST_WEIGHT", 60 * SECOND_NS) == 17
    assert client.usage.count_of("ORDERS", 10 * SECOND_NS) == 3


@pytest.mark.asyncio
async def test_after_a_429_nothing_is_sent_until_the_time_has_come(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    now = [1_700_000_000 * SECOND_NS]
    venue.rest = text_answer('{"code":-1003,"msg":"slow"}', 429, Retry_After="30")  # type: ignore[assignment]
    client = make_client(now_ns=lambda: now[0])
    with pytest.raises(RateLimited) as first:
        await client.ping()
    assert first.value.retry_at_ns == now[0] + 30 * SECOND_NS
    with pytest.raises(RateLimited):
        await client.ping()
    assert len(venue.rest_requests) == 1
    now[0] += 31 * SECOND_NS
    venue.rest = text_answer("{}")  # type: ignore[assignment]
    assert await client.ping() == {}


@pytest.mark.asyncio
async def test_the_order_limit_holds_back_no_cancel(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    venue.rest = text_answer('{"code":-1015,"msg":"Too many new orders"}', 429)  # type: ignore[assignment]
    client = make_client()
    with pytest.raises(RateLimited) as caught:
        await client.create_order(symbol="BTCUSDT", newClientOrderId="a")
    assert caught.value.code == -1015
    venue.rest = text_answer("{}")  # type: ignore[assignment]
    assert await client.cancel_order(symbol="BTCUSDT", orderId=1) == {}


@pytest.mark.asyncio
async def test_a_late_request_is_not_sent(venue: ScriptedVenue, make_client: MakeClient) -> None:
    client = make_client(now_ns=lambda: 1000)
    with pytest.raises(NotSent, match="too late"):
        await client.call("post", "order", {}, signed=True, send_before_ns=999)
    assert venue.rest_requests == []
    await client.call("post", "order", {}, signed=True, send_before_ns=1001)
    assert len(venue.rest_requests) == 1


@pytest.mark.asyncio
async def test_signing_without_a_key_sends_nothing(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    client = make_client(api_secret="")
    with pytest.raises(NotSent, match="no key"):
        await client.get_account()
    assert venue.rest_requests == []


@pytest.mark.asyncio
async def test_no_proxy_is_taken_from_the_environment(
    venue: ScriptedVenue, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client = make_client()
    assert await client.ping() == {}
    await client.ws_ping()
    assert len(venue.rest_requests) == 1
    assert len(venue.api_requests) == 1


@pytest.mark.asyncio
async def test_closing_takes_no_time(venue: ScriptedVenue, make_client: MakeClient) -> None:
    client = make_client()
    await client.ping()
    await client.ws_ping()
    started_s = time.monotonic()
    await client.close_connection()
    assert time.monotonic() - started_s < 5
