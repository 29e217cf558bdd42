"""More failures of stock python-binance, each beside what ours does in the same place."""

import asyncio
import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from aiohttp import web
from binance.async_client import AsyncClient
from binance.exceptions import BinanceAPIException
from binance.ws.constants import WSListenerState
from binance.ws.reconnecting_websocket import ReconnectingWebsocket
from binance.ws.streams import BinanceSocketManager

from actors.binance.client import BinanceClient
from actors.binance.signing import HmacSigner
from actors.binance.streams import MarketStream
from tests.binance.scripted_venue import ScriptedVenue, cut, until

MakeClient = Callable[..., BinanceClient]
SECOND_NS = 1_000_000_000
LOST_SUBSCRIPTION = {"code": -2036, "msg": "User Data Stream subscription is not active."}


def stock_client(venue: ScriptedVenue) -> AsyncClient:
    client = AsyncClient("key", "secret")
    client.API_URL = venue.endpoints.rest
    client.ws_api._url = venue.endpoints.ws_api
    client.ws_api._ws_kwargs = {"proxy": None}
    return client


async def end(client: AsyncClient) -> None:
    """Ends a stock client without waiting for its own, slow, way."""
    client.ws_api.ws_state = WSListenerState.EXITING
    if client.ws_api.ws is not None:
        await client.ws_api.ws.close()
    await until(lambda: client.ws_api._handle_read_loop is None)
    await client.session.close()


def verifies(request: dict[str, Any]) -> bool:
    """Whether a signature is over what the venue reads: values as they stand in the JSON, texts without their quotes."""
    params = dict(request["params"])
    signature = params.pop("signature")
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in params.items()
    }
    payload = "&".join(f"{name}={texts[name]}" for name in sorted(texts))
    return bool(signature == HmacSigner("secret").sign(payload))


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("symbol", "这是测试币456", "这是测试币456"),
        ("newClientOrderId", "a:b/c", "a:b/c"),
        ("omitZeroBalances", True, True),
        ("stopPrice", None, None),
    ],
)
@pytest.mark.asyncio
async def test_what_is_signed_over_the_socket_is_what_the_venue_reads(
    name: str, value: Any, text: Any, venue: ScriptedVenue, make_client: MakeClient
) -> None:
    stock = stock_client(venue)
    await stock._ws_api_request("order.place", True, {"id": "1", name: value})
    await end(stock)
    client = make_client()
    await client._ws_api_request("order.place", True, {"id": "2", name: value})
    theirs, ours = venue.api_requests
    assert not verifies(theirs)
    assert verifies(ours)
    assert ours["params"].get(name) == text


@pytest.mark.asyncio
async def test_a_small_number_has_no_exponent_on_either_road(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    stock = stock_client(venue)
    await stock.ws_create_order(symbol="X", newClientOrderId="a", quantity=0.00001)
    await stock.create_order(symbol="X", newClientOrderId="a", quantity=0.00001)
    await end(stock)
    client = make_client()
    await client.ws_create_order(symbol="X", newClientOrderId="a", quantity=0.00001)
    await client.create_order(symbol="X", newClientOrderId="a", quantity=0.00001)
    quantities = [str(request["params"]["quantity"]) for request in venue.api_requests]
    bodies = [body for _, _, _, body in venue.rest_requests]
    assert quantities == ["1e-05", "0.00001"]
    assert ["quantity=1e-05" in body for body in bodies] == [True, False]
    assert ["quantity=0.00001" in body for body in bodies] == [False, True]


@pytest.mark.asyncio
async def test_the_limits_beside_an_answer_are_not_thrown_away(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    limit = {
        "rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50, "count": 12,
    }  # fmt: skip

    async def script(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        answer = {"id": request["id"], "status": 200, "result": {"orderId": 5}}
        await socket.send_json({**answer, "rateLimits": [limit]})

    venue.api = script
    stock = stock_client(venue)
    assert await stock.ws_create_order(symbol="X", newClientOrderId="a") == {"orderId": 5}
    await end(stock)
    client = make_client()
    assert await client.ws_create_order(symbol="X", newClientOrderId="a") == {"orderId": 5}
    assert client.usage.count_of("ORDERS", 10 * SECOND_NS) == 12


@pytest.mark.asyncio
async def test_the_counters_of_answers_that_cross_are_all_seen(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    """An order's answer has a count that another answer, which comes before anybody looks, does not have."""

    async def script(request: web.Request, body: str) -> web.StreamResponse:
        headers = {"X-MBX-ORDER-COUNT-10S": "7"} if request.method == "POST" else {}
        return web.json_response({}, headers=headers)

    async def cross(client: AsyncClient) -> None:
        await client.create_order(symbol="X", newClientOrderId="a")
        await client.ping()

    venue.rest = script
    stock = stock_client(venue)
    await cross(stock)
    assert "X-MBX-ORDER-COUNT-10S" not in stock.response.headers
    await stock.session.close()
    client = make_client()
    await cross(client)
    assert client.usage.count_of("ORDERS", 10 * SECOND_NS) == 7


@pytest.mark.asyncio
async def test_a_venue_that_stays_away_is_waited_for(venue: ScriptedVenue) -> None:
    """Stock gives up for ever after a few attempts (five; two here, for the test's sake)."""
    stock = ReconnectingWebsocket(
        url=f"{venue.endpoints.streams}/", path="btcusdt@trade", proxy=None
    )
    stock.MAX_RECONNECTS, stock.MAX_RECONNECT_SECONDS = 2, 0
    await stock.connect()
    connections = 0

    def connected() -> None:
        nonlocal connections
        connections += 1

    ours = MarketStream(
        f"{venue.endpoints.streams}/",
        Random(1),
        lambda frame: None,
        connected,
        lambda reason: None,
        streams=("btcusdt@trade",),
    )
    task = asyncio.create_task(ours.run())
    await until(lambda: connections == 1)
    await venue.stop()
    await until(lambda: stock._handle_read_loop is None, 20.0)
    venue.stream_sockets.clear()
    await venue.start()
    await until(lambda: connections == 2, 20.0)
    await ours.close()
    await task
    assert len(venue.stream_sockets) == 1, "ours alone has come back"


@pytest.mark.asyncio
async def test_closing_after_a_cut_raises_nothing(
    venue: ScriptedVenue, make_client: MakeClient
) -> None:
    """Stock ends a subscription that went with its connection, and raises the venue's word on that into its owner."""

    async def script(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"status": 200, "result": {"subscriptionId": 0}}
        if request["method"] == "userDataStream.unsubscribe":
            answer = {"status": 400, "error": LOST_SUBSCRIPTION}
        await socket.send_json({"id": request["id"], **answer})

    venue.api = script
    stock = stock_client(venue)
    socket = BinanceSocketManager(stock).user_socket()
    await socket.connect()
    cut(venue.api_sockets[0])
    await until(lambda: len(venue.api_sockets) == 2, 10.0)
    # A request that is sent while it still reconnects would be lost.
    await until(lambda: stock.ws_api.ws_state is WSListenerState.STREAMING, 10.0)
    with pytest.raises(BinanceAPIException, match="not active"):
        await socket.close()
    await end(stock)
    client = make_client()
    events: list[bytes] = []
    await client.ws_api.subscribe_user_stream(events.append)
    cut(venue.api_sockets[-1])
    await until(lambda: venue.api_methods().count("userDataStream.subscribe.signature") == 3)
    await client.close_connection()
