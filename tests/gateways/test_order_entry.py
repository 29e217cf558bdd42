"""The two ways to the venue, and amendments over both."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import pytest_asyncio
from aiohttp import web

from actors.binance.wire_amend import decode_amendment
from actors.gateways.binance import BinanceGateway
from messages.enums import ExecutionType, OrderStatus, OrderType, Reason, Side
from messages.order_requests import CancelRefused
from messages.orders import Order
from tests.binance.scripted_venue import cut
from tests.gateways.order_venue import OrderVenue, report

OpenFloor = Callable[..., Awaitable[Any]]
QUIET_S = 0.3
"""Long enough for anything that would be sent again to arrive."""
EXAMPLES = Path(__file__).parents[1] / "data/binance-examples.jsonl"


class TwoWayVenue(OrderVenue):
    """Takes orders both ways; the sockets of order entry can be taken away."""

    def __init__(self) -> None:
        super().__init__()
        self.rest = self.answer_both
        self.rest_orders: list[tuple[str, str, dict[str, str]]] = []
        self.is_socket_away = False

    async def answer_both(self, request: web.Request, body: str) -> web.StreamResponse:
        path = request.path.removeprefix("/api/v3/")
        if not path.startswith("order") or request.method == "GET":
            return await self.answer_read(request, body)
        params = dict(parse_qsl(body or request.rel_url.raw_query_string))
        self.rest_orders.append((request.method, path, params))
        if request.method == "PUT":
            self.names[7] = params["newClientOrderId"]
            return web.json_response(amended(params))
        order_id, name = self.identify(params)
        status = "NEW" if request.method == "POST" else "CANCELED"
        answer = {"symbol": "BTCUSDT", "orderId": order_id, "clientOrderId": name, "status": status}
        return web.json_response({**answer, "side": "BUY", "type": "LIMIT", "origQty": "1"})

    async def _serve_api(self, request: web.Request) -> web.StreamResponse:  # type: ignore[override]
        if self.is_socket_away and len(self.subscribed) > 0:
            return web.Response(status=503)
        return await super()._serve_api(request)


def amended(params: dict[str, Any]) -> dict[str, Any]:
    return {
        "transactTime": 1741926410255, "executionId": 75,
        "amendedOrder": {
            "symbol": params["symbol"], "orderId": 7, "orderListId": -1, "origClientOrderId": "a",
            "clientOrderId": params["newClientOrderId"], "price": "6", "qty": params["newQty"], "executedQty": "0.5",
            "preventedQty": "0", "quoteOrderQty": "0", "cumulativeQuoteQty": "3", "status": "PARTIALLY_FILLED",
            "timeInForce": "GTC", "type": "LIMIT", "side": "SELL", "workingTime": 1741926410242,
            "selfTradePreventionMode": "NONE",
        },
    }  # fmt: skip


@pytest_asyncio.fixture
async def venue() -> AsyncIterator[TwoWayVenue]:
    """A venue that does what the test says."""
    made = TwoWayVenue()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def open_gateway(open_floor: OpenFloor, keys: Any) -> Callable[..., Awaitable[Any]]:
    """A Binance gateway at a scripted venue, ready."""

    async def open_one(venue: OrderVenue, **arguments: Any) -> Any:
        floor = await open_floor(
            BinanceGateway, {"endpoints": venue.endpoints, "keys": keys, **arguments}
        )
        await floor.until_ready()
        return floor

    return open_one


async def take_socket_away(venue: TwoWayVenue, floor: Any) -> None:
    """The socket of order entry is gone and does not come back; that of the events stays."""
    await floor.until(lambda: floor.gateway.client.ws_api.is_connected)
    venue.is_socket_away = True
    for socket in venue.open_api_sockets():
        if socket is not venue.stream_socket:
            cut(socket)
    await floor.until(lambda: not floor.gateway.client.ws_api.is_connected)


@pytest.mark.asyncio
async def test_orders_go_by_the_websocket_api_unless_told_otherwise(
    venue: TwoWayVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue)
    floor.place("a")
    await floor.until(lambda: floor.statuses("a") == ["NEW"])
    assert venue.api_methods()[-1] == "order.place"
    assert venue.rest_orders == []


@pytest.mark.asyncio
async def test_without_the_socket_orders_go_by_rest_after_a_while_and_come_back_to_it(
    venue: TwoWayVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    floor = await open_gateway(venue, fallback_after_s=3.0)
    floor.place("resting")
    await floor.until(lambda: floor.orders("resting"))
    await take_socket_away(venue, floor)
    floor.place("early")
    [early] = await floor.until(lambda: floor.orders("early"))
    # Proven unsent: the strategy may decide again.
    assert early.status is OrderStatus.REJECTED
    assert venue.rest_orders == []
    # A cancel does not wait for the socket.
    floor.cancel("resting")
    await floor.until(lambda: floor.statuses("resting")[-1] == "CANCELED")
    assert [method for method, *_ in venue.rest_orders] == ["DELETE"]
    await floor.until(lambda: floor.gateway._entry.is_fallen_back)
    floor.place("later")
    await floor.until(lambda: floor.statuses("later") == ["NEW"])
    assert venue.rest_orders[-1][2]["newClientOrderId"] == "later"
    venue.is_socket_away = False
    await floor.until(lambda: floor.gateway.client.ws_api.is_connected)
    floor.place("last")
    await floor.until(lambda: floor.statuses("last") == ["NEW"])
    assert len(venue.rest_orders) == 2
    assert not floor.gateway._entry.is_fallen_back


async def sent_in_the_same_turn(floor: Any, client_order_id: str) -> int:
    """Places an order; how many requests had left directly when it was handled and no task had taken a step since.

    Without pings: connections may be opened or renewed in any turn.
    """
    loop = asyncio.get_running_loop()
    seen = loop.create_future()
    direct = floor.gateway.client.direct
    before = direct.sent - direct.pings
    floor.place(client_order_id)
    loop.call_soon(lambda: seen.set_result(direct.sent - direct.pings - before))
    sent: int = await seen
    await floor.until(lambda: floor.statuses(client_order_id) == ["NEW"])
    return sent


@pytest.mark.asyncio
async def test_by_rest_an_order_has_left_before_its_task_takes_a_step(
    venue: TwoWayVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue, order_entry="rest")
    await floor.until(lambda: floor.gateway.client.direct.is_ready)
    assert await sent_in_the_same_turn(floor, "a") == 1
    assert await sent_in_the_same_turn(floor, "b") == 1
    floor.cancel("a")
    await floor.until(lambda: floor.statuses("a")[-1] == "CANCELED")
    direct = floor.gateway.client.direct
    direct.let_go()
    pings = direct.pings
    assert await sent_in_the_same_turn(floor, "c") == 0
    assert [path for _, path, *_ in venue.rest_requests].count("/api/v3/order") == 4
    # Within a second connections are open again.
    await floor.until(lambda: direct.is_ready)
    assert direct.pings > pings
    assert await sent_in_the_same_turn(floor, "d") == 1


@pytest.mark.asyncio
async def test_connections_for_rest_are_open_only_while_the_socket_cannot_be_had(
    venue: TwoWayVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    floor = await open_gateway(venue, fallback_after_s=0.5)
    await take_socket_away(venue, floor)
    direct = floor.gateway.client.direct
    assert direct.sent == 0
    await floor.until(lambda: floor.gateway._entry.is_fallen_back and direct.is_ready)
    assert await sent_in_the_same_turn(floor, "a") == 1
    assert [path for _, path, _ in venue.rest_orders] == ["order"]
    venue.is_socket_away = False
    await floor.until(lambda: floor.gateway.client.ws_api.is_connected and not direct.is_ready)
    assert await sent_in_the_same_turn(floor, "b") == 0
    assert len(venue.rest_orders) == 1


@pytest.mark.asyncio
async def test_what_may_have_been_executed_is_not_sent_again_by_the_other_way(
    venue: TwoWayVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    async def take_and_vanish(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        venue.is_socket_away = True
        cut(socket)

    caplog.set_level(logging.CRITICAL)
    floor = await open_gateway(venue, fallback_after_s=0.001)
    venue.on_order = take_and_vanish
    floor.place("a")
    await floor.until(lambda: floor.statuses("a") == ["UNKNOWN"])
    await asyncio.sleep(QUIET_S)
    assert venue.rest_orders == []
    assert venue.api_methods().count("order.place") == 1


@pytest.mark.parametrize("order_entry", ["websocket", "rest"])
@pytest.mark.asyncio
async def test_an_amendment_reduces_the_quantity_and_gives_another_client_order_id(
    venue: TwoWayVenue, open_gateway: OpenFloor, order_entry: str
) -> None:
    async def amend(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        if request["method"] == "order.amend.keepPriority":
            venue.names[7] = request["params"]["newClientOrderId"]
            await venue.reply(socket, request, amended(request["params"]))
        else:
            await venue.accept(socket, request)

    floor = await open_gateway(venue, order_entry=order_entry)
    venue.on_order = amend
    floor.place("a", quantity="2")
    await floor.until(lambda: floor.orders("a"))
    floor.amend("a", "a2", "1.50")
    [order] = await floor.until(lambda: floor.orders("a2"))
    assert (order.order_id, order.quantity, order.status) == (
        "order-a",
        Decimal("1.5"),
        OrderStatus.PARTIALLY_FILLED,
    )
    assert (order.executed_quantity, order.executed_quote_quantity) == (Decimal("0.5"), Decimal(3))
    assert (order.execution_type, order.execution_id) == (ExecutionType.REPLACED, 75)
    if order_entry == "rest":
        method, path, params = venue.rest_orders[-1]
        assert (method, path) == ("PUT", "order/amend/keepPriority")
    else:
        params = venue.api_requests[-1]["params"]
    assert (params["newQty"], str(params["orderId"])) == ("1.5", "7")
    # The venue's event says the same, and both names lead to the request that placed the order.
    await venue.push(
        report("a2", "REPLACED", "NEW", 76, C="a", q="1.50", p="6", S="SELL", o="LIMIT")
    )
    event = (await floor.until(lambda: floor.orders("a2")[1:]))[0]
    assert (event.execution_type, event.quantity) == (ExecutionType.REPLACED, Decimal("1.5"))
    assert event.cause_number == floor.orders("a")[0].cause_number
    floor.cancel("a2")
    await floor.until(lambda: floor.statuses("a2")[-1] == "CANCELED")


@pytest.mark.asyncio
async def test_a_refused_amendment_leaves_the_order_what_it_is(
    venue: TwoWayVenue, open_gateway: OpenFloor
) -> None:
    async def refuse(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        text = "The request to amend the order is not allowed."
        await venue.refuse(socket, request, 400, -2038, text)

    floor = await open_gateway(venue)
    venue.on_order = refuse
    floor.amend("a", "a2", "1")
    [order] = await floor.until(lambda: floor.orders("a"))
    assert (order.status, order.reason, order.reason_code) == (
        OrderStatus.UNKNOWN,
        Reason.VENUE,
        -2038,
    )
    assert not floor.all_of(CancelRefused)


@pytest.mark.asyncio
async def test_a_silent_amendment_is_unknown(venue: TwoWayVenue, open_gateway: OpenFloor) -> None:
    async def keep_silent(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        """The venue says nothing."""

    floor = await open_gateway(venue, request_timeout_s=1.0)
    venue.on_order = keep_silent
    floor.amend("a", "a2", "1")
    [order] = await floor.until(lambda: floor.orders("a"))
    assert (order.status, order.reason) == (OrderStatus.UNKNOWN, Reason.OUTCOME_UNKNOWN)


def test_the_documented_amendments_decode() -> None:
    decoded: list[Order] = []
    with EXAMPLES.open() as file:
        for line in file:
            value = json.loads(line)["value"]
            answer = value.get("result", value) if isinstance(value, dict) else None
            if isinstance(answer, dict) and "amendedOrder" in answer:
                decoded.append(decode_amendment(json.dumps(answer).encode()))
    assert len(decoded) == 4
    first = decoded[0]
    assert first.client_order_id == "PFaq6hIHxqFENGfdtn4J6Q"
    assert (first.exchange_order_id, first.quantity, first.side) == (33, Decimal(5), Side.SELL)
    assert first.order_type is OrderType.LIMIT
    assert first.event_time_ns == 1741926410255000000
    with pytest.raises(ValueError, match="amendedOrder"):
        decode_amendment(b"{}")
