"""Venues that answer late, wrongly or not at all: no order is ever taken for failed that may be alive."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from actors.gateways.binance import BinanceGateway
from messages.account import AccountSnapshot, Balance
from messages.control import HoldTrading, ReleaseTrading
from messages.enums import OrderStatus, OrderType, Reason, Side
from messages.order_requests import CancelRefused
from messages.orders import Order
from tests.binance.scripted_venue import cut
from tests.gateways.order_venue import OrderVenue, report

SLOWNESS_S = 1.0
"""How long the slow venue takes for an order."""

OpenFloor = Callable[..., Awaitable[Any]]


@pytest_asyncio.fixture
async def venue() -> AsyncIterator[OrderVenue]:
    """A venue that does what the test says."""
    made = OrderVenue()
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


async def never_answer(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
    """The venue keeps silent."""


@pytest.mark.asyncio
async def test_an_order_that_is_never_answered_is_unknown_and_the_late_error_ends_nothing(
    venue: OrderVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    held: list[tuple[web.WebSocketResponse, dict[str, Any]]] = []

    async def hold(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        held.append((socket, request))

    caplog.set_level(logging.CRITICAL)
    # The next order is answered within it on a busy machine too.
    floor = await open_gateway(venue, request_timeout_s=1.5)
    venue.on_order = hold
    floor.place("a")
    [order] = await floor.until(lambda: floor.orders("a"))
    assert (order.status, order.reason) == (OrderStatus.UNKNOWN, Reason.OUTCOME_UNKNOWN)
    await venue.refuse(*held[0], 400, -2010, "Account has insufficient balance.")
    venue.on_order = venue.accept
    floor.place("b")
    await floor.until(lambda: floor.statuses("b") == ["NEW"])
    # Whatever the order became, the account's events say it.
    await venue.push(report("a", "NEW", "NEW", 1))
    await floor.until(lambda: floor.statuses("a") == ["UNKNOWN", "NEW"])


@pytest.mark.parametrize("order_entry", ["websocket", "rest"])
@pytest.mark.asyncio
async def test_a_connection_lost_with_a_request_in_flight_leaves_it_unknown(
    venue: OrderVenue, open_gateway: OpenFloor, order_entry: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def drop(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        cut(socket)

    async def drop_rest(request: web.Request, body: str) -> web.StreamResponse:
        if request.path.endswith("/order"):
            assert request.transport is not None
            request.transport.abort()
        return await venue.answer_read(request, body)

    caplog.set_level(logging.CRITICAL)
    floor = await open_gateway(venue, order_entry=order_entry)
    venue.on_order, venue.rest = drop, drop_rest
    floor.place("a")
    [order] = await floor.until(lambda: floor.orders("a"))
    assert order.status is OrderStatus.UNKNOWN
    floor.cancel("a")
    [refused] = await floor.until(lambda: floor.all_of(CancelRefused))
    assert refused.is_unknown
    # The account's events came over another connection, which is still there.
    assert not floor.all_of(HoldTrading)
    assert len(venue.subscribed) == 1


@pytest.mark.parametrize(
    ("status", "code", "text", "expected"),
    [
        (400, -1013, "Filter failure: NOTIONAL", OrderStatus.REJECTED),
        (400, -2010, "Account has insufficient balance for requested action.", OrderStatus.REJECTED),
        (400, -2010, "Duplicate order sent.", OrderStatus.UNKNOWN),
        (400, -1021, "Timestamp for this request is outside of the recvWindow.", OrderStatus.REJECTED),
        (429, -1015, "Too many new orders.", OrderStatus.REJECTED),
        (400, -1007, "Timeout waiting for response from backend server.", OrderStatus.UNKNOWN),
        (500, -1000, "An unknown error occurred.", OrderStatus.UNKNOWN),
    ],
)  # fmt: skip
@pytest.mark.asyncio
async def test_the_venues_word_is_taken_for_what_it_proves(
    venue: OrderVenue,
    open_gateway: OpenFloor,
    caplog: pytest.LogCaptureFixture,
    status: int,
    code: int,
    text: str,
    expected: OrderStatus,
) -> None:
    async def answer(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await venue.refuse(socket, request, status, code, text)

    caplog.set_level(logging.CRITICAL)
    floor = await open_gateway(venue)
    readings = len([path for _, path, *_ in venue.rest_requests if path.endswith("time")])
    venue.on_order = answer
    floor.place("a")
    [order] = await floor.until(lambda: floor.orders("a"))
    assert order.status is expected
    if expected is OrderStatus.REJECTED:
        assert order.reason_code == code
    if code == -1021:
        await floor.until(
            lambda: (
                len([path for _, path, *_ in venue.rest_requests if path.endswith("time")])
                > readings
            )
        )


@pytest.mark.asyncio
async def test_a_request_limit_holds_trading_until_it_is_over(
    venue: OrderVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    floor = await open_gateway(venue)
    venue.rest_answers["GET order"] = (429, {"code": -1003, "msg": "Too much request weight."})
    floor.query("a")
    await floor.until(lambda: floor.all_of(HoldTrading))
    floor.place("b")
    [refused] = await floor.until(lambda: floor.orders("b"))
    assert refused.status is OrderStatus.REJECTED
    await floor.until(lambda: floor.all_of(ReleaseTrading))
    floor.place("c")
    await floor.until(lambda: floor.statuses("c") == ["NEW"])
    assert [request["method"] for request in venue.api_requests].count("order.place") == 1


@pytest.mark.asyncio
async def test_a_lost_user_stream_holds_trading_until_the_account_has_been_read(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue)
    venue.open_orders = [
        {"symbol": "BTCUSDT", "orderId": 9, "clientOrderId": "old", "status": "NEW", "side": "BUY",
         "type": "LIMIT", "timeInForce": "GTC", "origQty": "1", "executedQty": "0", "price": "5"}
    ]  # fmt: skip
    cut(venue.stream_socket)
    await floor.until(lambda: floor.all_of(ReleaseTrading))
    told = [
        type(item).__name__
        for item in floor.received
        if isinstance(item, HoldTrading | ReleaseTrading | AccountSnapshot)
    ]
    assert told == ["AccountSnapshot", "HoldTrading", "AccountSnapshot", "ReleaseTrading"]
    [order] = floor.all_of(AccountSnapshot)[1].open_orders
    assert (order.client_order_id, order.quantity) == ("old", Decimal(1))
    await venue.push(report("late", "NEW", "NEW", 3))
    await floor.until(lambda: floor.orders("late"))


@pytest.mark.asyncio
async def test_reports_of_one_millisecond_are_all_told_in_their_order(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue)
    venue.on_order = never_answer
    floor.place("a", order_type=OrderType.MARKET, quantity="2.5")
    await venue.push(
        report("a", "NEW", "NEW", 14045748),
        report("a", "TRADE", "FILLED", 14045750, l="2.5", L="10", z="2.5", Z="25", t=1),
    )
    await floor.until(lambda: floor.statuses("a") == ["NEW", "FILLED"])
    parts = [("1", "1", 2), ("1", "2", 3), ("0.5", "2.5", 4)]
    await venue.push(
        *(
            report(
                "b",
                "TRADE",
                "FILLED" if filled == "2.5" else "PARTIALLY_FILLED",
                14045751 + trade_id,
                l=quantity,
                L="10",
                z=filled,
                t=trade_id,
                n="0.001",
                N="BNB",
            )
            for quantity, filled, trade_id in parts
        )
    )
    await floor.until(lambda: len(floor.orders("b")) == 3)
    own = Order(side=Side.BUY, order_type=OrderType.MARKET, quantity=Decimal("2.5"))
    for word in floor.orders("b"):
        own.update(word)
    assert own.status is OrderStatus.FILLED
    assert [execution.quantity for execution in own.executions] == [
        Decimal("1"),
        Decimal("1"),
        Decimal("0.5"),
    ]
    assert {execution.fee_asset for execution in own.executions} == {"BNB"}


@pytest.mark.asyncio
async def test_balances_are_told_as_they_are_and_a_mere_difference_makes_it_ask(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue)
    position = {
        "e": "outboundAccountPosition", "E": 2, "u": 1700000000001,
        "B": [{"a": "BTC", "f": "1.5", "l": "0.5"}],
    }  # fmt: skip
    await venue.push(position)
    [balance] = await floor.until(lambda: floor.all_of(Balance))
    assert (balance.asset, balance.free, balance.total) == ("BTC", Decimal("1.5"), Decimal(2))
    await venue.push({"e": "balanceUpdate", "E": 3, "a": "BTC", "d": "1", "T": 3})
    await floor.until(lambda: len(floor.all_of(AccountSnapshot)) == 2)
    await venue.push({"e": "somethingNew", "E": 3})
    await venue.push(report("x", "NEW", "NEW", 1))
    await floor.until(lambda: floor.orders("x"))


@pytest.mark.asyncio
async def test_changed_rules_are_told_and_unchanged_ones_are_not(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue, rules_interval_s=0.05)
    reads = len(venue.rest_requests)
    await floor.until(lambda: len(venue.rest_requests) > reads + 3)
    told = [type(item).__name__ for item in floor.received].count("Instrument")
    assert told == 1
    venue.tick_size = "0.10"
    await floor.until(
        lambda: [type(item).__name__ for item in floor.received].count("Instrument") == 2
    )


@pytest.mark.asyncio
async def test_a_withdrawn_key_ends_the_gateway(
    venue: OrderVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    floor = await open_gateway(venue)
    error = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}
    await venue.stream_socket.send_json({"id": None, "status": 401, "error": error})
    await asyncio.wait_for(floor.system.ended.wait(), 30)
    assert "key" in floor.system.failure


@pytest.mark.asyncio
async def test_a_key_that_is_refused_at_the_start_ends_the_gateway(
    venue: OrderVenue, open_floor: OpenFloor, keys: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await venue.refuse(socket, request, 401, -2015, "Invalid API-key.")

    venue.api = refuse
    floor = await open_floor(BinanceGateway, {"endpoints": venue.endpoints, "keys": keys})
    await asyncio.wait_for(floor.system.ended.wait(), 30)
    assert "Invalid API-key" in floor.system.failure
    assert keys.api_secret not in caplog.text


@pytest.mark.parametrize("order_entry", ["websocket", "rest"])
@pytest.mark.asyncio
async def test_two_hundred_orders_in_flight_at_a_slow_venue_are_all_answered(
    venue: OrderVenue, open_gateway: OpenFloor, order_entry: str
) -> None:
    async def accept_slowly(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await asyncio.sleep(SLOWNESS_S)
        await venue.accept(socket, request)

    async def serve_slowly(request: web.Request, body: str) -> web.StreamResponse:
        if request.method != "POST":
            return await venue.answer_read(request, body)
        await asyncio.sleep(SLOWNESS_S)
        name = body.split("newClientOrderId=")[1].split("&")[0]
        answer = {"symbol": "BTCUSDT", "orderId": 7, "clientOrderId": name, "status": "NEW"}
        return web.json_response({**answer, "side": "BUY", "type": "LIMIT", "origQty": "1"})

    floor = await open_gateway(venue, order_entry=order_entry)
    venue.on_order, venue.rest = accept_slowly, serve_slowly
    floor.place("first")
    await floor.until(lambda: floor.orders("first"))
    at_start = len(asyncio.all_tasks())
    is_collecting = True
    # What is there already need not be looked at in every turn: it is the tasks that could be lost.
    gc.collect()
    gc.freeze()

    def collect() -> None:
        if is_collecting:
            gc.collect()
            asyncio.get_running_loop().call_soon(collect)

    collect()
    for number in range(200):
        floor.place(f"o-{number}")
    await floor.until(lambda: len(floor.all_of(Order)) == 201, 60)
    is_collecting = False
    gc.unfreeze()
    assert {order.status for order in floor.all_of(Order)} == {OrderStatus.NEW}
    if order_entry == "websocket":
        await floor.until(lambda: abs(len(asyncio.all_tasks()) - at_start) <= 2)


@pytest.mark.asyncio
async def test_many_lost_connections_leave_no_task_and_no_hold_behind(
    venue: OrderVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    floor = await open_gateway(venue)
    floor.place("first")
    await floor.until(lambda: floor.orders("first"))
    at_start = len(asyncio.all_tasks())
    for number in range(5):
        for socket in venue.open_api_sockets():
            cut(socket)
        await floor.until(lambda: len(floor.all_of(ReleaseTrading)) == number + 1)  # noqa: B023
    assert len(venue.subscribed) == 6
    floor.place("last")
    await floor.until(lambda: floor.orders("last"))
    await floor.until(lambda: abs(len(asyncio.all_tasks()) - at_start) <= 2)
    assert not floor.gateway.holds
