"""What commonly goes wrong between an order and its venue, one test for each pitfall, named after the right handling."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from actors.binance.clock import TimeSample, estimate_offset
from actors.binance.wire_requests import new_order_params
from actors.gateways.binance import BinanceGateway
from messages.account import AccountSnapshot, Balance
from messages.control import HoldTrading, ReleaseTrading
from messages.enums import (
    ExecutionType,
    OrderStatus,
    OrderType,
    Reason,
    Side,
    TimeInForce,
)
from messages.order_requests import CancelRefused
from messages.orders import Order
from tests.binance.scripted_venue import cut
from tests.gateways.order_venue import OrderVenue, report

OpenFloor = Callable[..., Awaitable[Any]]
QUIET_S = 0.2
"""Long enough for anything that would be sent again to arrive."""


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


def refusing(venue: OrderVenue, status: int, code: int, text: str = "no") -> Callable[..., Any]:
    """What a venue does with an order when it refuses all."""

    async def refuse(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await venue.refuse(socket, request, status, code, text)

    return refuse


async def keep_silent(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
    """The venue takes the order and says nothing."""


async def vanish(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
    """The connection breaks with the order in flight."""
    cut(socket)


def placements(venue: OrderVenue) -> int:
    return venue.api_methods().count("order.place")


# 1 to 4: outcomes.


@pytest.mark.parametrize(
    "how", ["-1006", "-1007", "-1001", "-1008", "-1016", "500", "504", "silence", "cut"]
)
@pytest.mark.asyncio
async def test_an_unknown_outcome_is_unknown_and_is_never_sent_again(
    venue: OrderVenue, open_gateway: OpenFloor, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    floor = await open_gateway(venue, request_timeout_s=0.3)
    if how.startswith("-"):
        venue.on_order = refusing(venue, 400, int(how))
    elif how.isdecimal():
        venue.on_order = refusing(venue, int(how), -1000)
    else:
        venue.on_order = keep_silent if how == "silence" else vanish
    floor.place("a")
    [order] = await floor.until(lambda: floor.orders("a"))
    assert (order.status, order.reason) == (OrderStatus.UNKNOWN, Reason.OUTCOME_UNKNOWN)
    venue.on_order = venue.accept
    await asyncio.sleep(QUIET_S)
    assert placements(venue) == 1


@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (500, "{}", "application/json"),
        (502, "<html>Bad Gateway</html>", "text/html"),
        (503, '{"code": -1000, "msg": "Unknown error, please check your request or try again later."}', "application/json"),
        (504, "", "text/html"),
        (200, "<html>captive portal</html>", "text/html"),
        (200, "", "application/json"),
        (0, "", ""),
    ],
    ids=["500", "502 with a page", "503", "504 empty", "200 with a page", "200 empty", "reset"],
)  # fmt: skip
@pytest.mark.asyncio
async def test_by_rest_an_unknown_outcome_is_unknown_too(
    venue: OrderVenue,
    open_gateway: OpenFloor,
    caplog: pytest.LogCaptureFixture,
    status: int,
    body: str,
    content_type: str,
) -> None:
    placed = []

    async def answer(request: web.Request, text: str) -> web.StreamResponse:
        if request.method != "POST":
            return await venue.answer_read(request, text)
        placed.append(text)
        if not status:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status or 200, text=body, content_type=content_type or None)

    caplog.set_level(logging.CRITICAL)
    floor = await open_gateway(venue, order_entry="rest", request_timeout_s=2.0)
    venue.rest = answer
    floor.place("a")
    [order] = await floor.until(lambda: floor.orders("a"))
    assert (order.status, order.reason) == (OrderStatus.UNKNOWN, Reason.OUTCOME_UNKNOWN)
    await asyncio.sleep(QUIET_S)
    assert len(placed) == 1


@pytest.mark.asyncio
async def test_a_client_order_id_is_no_permission_to_send_twice_and_a_duplicate_is_an_open_order(
    venue: OrderVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    floor = await open_gateway(venue)
    venue.on_order = refusing(venue, 400, -2010, "Duplicate order sent.")
    floor.place("a", order_type=OrderType.MARKET)
    [order] = await floor.until(lambda: floor.orders("a"))
    # It is open at the venue: to be asked for, not to be called rejected, and not to be sent again.
    assert order.status is OrderStatus.UNKNOWN
    await asyncio.sleep(QUIET_S)
    assert placements(venue) == 1


@pytest.mark.parametrize("code", [-1013, -1021, -1022, -1015, -2010, -1102])
@pytest.mark.asyncio
async def test_even_a_safe_retry_is_the_deciders_and_not_the_gateways(
    venue: OrderVenue, open_gateway: OpenFloor, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    floor = await open_gateway(venue)
    venue.on_order = refusing(venue, 429 if code == -1015 else 400, code)
    floor.place("a")
    [order] = await floor.until(lambda: floor.orders("a"))
    assert (order.status, order.reason_code) == (OrderStatus.REJECTED, code)
    venue.on_order = venue.accept
    await asyncio.sleep(QUIET_S)
    assert placements(venue) == 1


@pytest.mark.asyncio
async def test_a_timestamp_outside_the_window_costs_an_order_and_makes_it_measure_the_clock(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    venue.rate_limits = [
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 50}
    ]
    floor = await open_gateway(venue)
    readings = [path for _, path, *_ in venue.rest_requests].count("/api/v3/time")
    venue.on_order = refusing(venue, 400, -1021)
    floor.place("a")
    await floor.until(lambda: floor.statuses("a") == ["REJECTED"])
    await floor.until(
        lambda: [path for _, path, *_ in venue.rest_requests].count("/api/v3/time") > readings
    )
    # The second check comes after the order was counted: so do we.
    [window] = floor.gateway._order_budget.windows.values()
    assert sum(window.spent.values()) == 1
    assert placements(venue) == 1


# 5 to 9: what is said of an order, by whom and when.


@pytest.mark.parametrize("is_event_first", [True, False])
@pytest.mark.asyncio
async def test_answer_and_report_may_come_in_either_order(
    venue: OrderVenue, open_gateway: OpenFloor, is_event_first: bool
) -> None:
    async def accept(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        if is_event_first:
            await venue.push(report("a", "TRADE", "FILLED", 3, z="2.5", l="2.5", L="1", t=9))
            await floor.until(lambda: floor.orders("a"))
        await venue.accept(socket, request)
        if not is_event_first:
            await floor.until(lambda: floor.orders("a"))
            await venue.push(report("a", "TRADE", "FILLED", 3, z="2.5", l="2.5", L="1", t=9))

    floor = await open_gateway(venue)
    venue.on_order = accept
    floor.place("a", order_type=OrderType.MARKET, quantity="2.5")
    await floor.until(lambda: len(floor.orders("a")) == 2)
    own = Order(side=Side.BUY, order_type=OrderType.MARKET, quantity=Decimal("2.5"))
    for word in floor.orders("a"):
        own.update(word)
    assert (own.status, own.executed_quantity) == (OrderStatus.FILLED, Decimal("2.5"))
    assert own.exchange_order_id == 7


@pytest.mark.asyncio
async def test_fills_of_answer_and_report_are_one_by_their_trade_id(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    async def fill(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await venue.reply(socket, request, {
            "symbol": "BTCUSDT", "orderId": 7, "clientOrderId": "a", "transactTime": 1700000000000, "origQty": "2",
            "executedQty": "2", "cummulativeQuoteQty": "20", "status": "FILLED", "type": "MARKET", "side": "BUY",
            "fills": [
                {"price": "10", "qty": "1", "commission": "0.1", "commissionAsset": "BNB", "tradeId": 56},
                {"price": "10", "qty": "1", "commission": "0.001", "commissionAsset": "BTC", "tradeId": 57},
            ],
        })  # fmt: skip

    floor = await open_gateway(venue)
    venue.on_order = fill
    floor.place("a", order_type=OrderType.MARKET, quantity="2")
    await floor.until(lambda: floor.orders("a"))
    for number, filled in ((56, "1"), (57, "2")):
        event = report("a", "TRADE", "FILLED", number, l="1", L="10", z=filled, t=number)
        await venue.push(event, event)
    await floor.until(lambda: len(floor.orders("a")) == 5)
    own = Order(side=Side.BUY, order_type=OrderType.MARKET, quantity=Decimal(2))
    for word in floor.orders("a"):
        own.update(word)
    assert [execution.trade_id for execution in own.executions] == [56, 57]
    assert (own.executed_quantity, own.unbooked_quantity) == (Decimal(2), Decimal(0))
    # 12: the asset of the commission may differ from fill to fill.
    assert [execution.fee_asset for execution in own.executions] == ["BNB", "BTC"]


@pytest.mark.asyncio
async def test_a_canceled_report_is_about_the_original_client_order_id(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue)
    await venue.push(report("cancel-of-a", "CANCELED", "CANCELED", 5, C="a"))
    [order] = await floor.until(lambda: floor.orders("a"))
    assert (order.status, order.exchange_order_id) == (OrderStatus.CANCELED, 7)
    assert not floor.orders("cancel-of-a")


@pytest.mark.asyncio
async def test_a_cancel_that_finds_no_order_proves_no_end(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue)
    floor.place("a")
    await floor.until(lambda: floor.orders("a"))
    venue.on_order = refusing(venue, 400, -2011, "Unknown order sent.")
    floor.cancel("a")
    [refused] = await floor.until(lambda: floor.all_of(CancelRefused))
    assert (refused.reason_code, refused.is_unknown) == (-2011, False)
    assert floor.statuses("a") == ["NEW"]
    # It went by the venue's own id, alone, and after the placement was answered.
    params = venue.api_requests[-1]["params"]
    assert params["orderId"] == 7
    assert "origClientOrderId" not in params


@pytest.mark.asyncio
async def test_a_cancel_can_succeed_with_a_part_executed(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    async def cancel(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await venue.reply(socket, request, {
            "symbol": "BTCUSDT", "orderId": 7, "origClientOrderId": "a", "clientOrderId": "whatever", "status": "CANCELED",
            "transactTime": 1700000000000, "origQty": "2", "executedQty": "0.5", "cummulativeQuoteQty": "5",
            "type": "LIMIT", "side": "BUY", "price": "10", "timeInForce": "GTC",
        })  # fmt: skip

    floor = await open_gateway(venue)
    venue.on_order = cancel
    floor.cancel("a")
    [order] = await floor.until(lambda: floor.orders("a"))
    assert (order.status, order.executed_quantity) == (OrderStatus.CANCELED, Decimal("0.5"))
    # Its trades are still to be asked for.
    assert order.unbooked_quantity == Decimal("0.5")


# 11, 13 to 16: words, figures, clocks.


@pytest.mark.asyncio
async def test_expired_is_an_end_like_others_and_unknown_words_end_nothing(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue)
    await venue.push(
        report("a", "EXPIRED", "EXPIRED", 1, z="1", eR="PRICE_RANGE"),
        report("b", "TRADE_PREVENTION", "EXPIRED_IN_MATCH", 2, A="3", pl="1"),
        report("c", "NEW", "PENDING_NEW", 3),
        report("d", "SOMETHING_NEW", "HALF_DONE", 4, r="NEW_REASON"),
    )
    await floor.until(lambda: floor.orders("d"))
    told = {name: floor.orders(name)[0] for name in "abcd"}
    assert [told[name].status for name in "abcd"] == [
        OrderStatus.EXPIRED,
        OrderStatus.EXPIRED_IN_MATCH,
        OrderStatus.PENDING_NEW,
        OrderStatus.UNKNOWN,
    ]
    assert (told["a"].executed_quantity, told["a"].reason_text) == (Decimal(1), "PRICE_RANGE")
    assert told["d"].execution_type is ExecutionType.UNRECOGNISED


@pytest.mark.asyncio
async def test_balances_are_absolute_and_ordered_by_their_time(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue)
    for update_time, free in ((1700000000002, "2"), (1700000000001, "1")):
        await venue.push(
            {"e": "outboundAccountPosition", "E": update_time, "u": update_time, "B": [{"a": "BTC", "f": free, "l": "0"}]}
        )  # fmt: skip
    await floor.until(lambda: len(floor.all_of(Balance)) == 2)
    assert max(floor.all_of(Balance), key=lambda item: item.event_time_ns).free == Decimal(2)


@pytest.mark.parametrize(
    ("quantity", "text"),
    [("1E-5", "0.00001"), ("100", "100"), ("0.10000000", "0.1"), ("1E+2", "100")],
)
def test_numbers_go_out_without_exponent_and_needless_zeros(quantity: str, text: str) -> None:
    order = Order(
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        symbol="BTCUSDT",
        client_order_id="a",
        quantity=Decimal(quantity),
        price=Decimal(quantity),
        time_in_force=TimeInForce.GTC,
    )
    params = new_order_params(order)
    assert (params["quantity"], params["price"]) == (text, text)


@pytest.mark.asyncio
async def test_a_filter_failure_is_a_normal_answer(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue)
    venue.on_order = refusing(venue, 400, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE")
    floor.place("a")
    [order] = await floor.until(lambda: floor.orders("a"))
    assert (order.status, order.reason, order.reason_code) == (
        OrderStatus.REJECTED,
        Reason.VENUE,
        -1013,
    )
    assert "PERCENT_PRICE_BY_SIDE" in order.reason_text
    assert not floor.all_of(HoldTrading)


def test_the_clock_goes_by_the_shortest_round_trip() -> None:
    """The slow samples would put it off by half a second."""
    ms = 1_000_000
    samples = [
        TimeSample(sent_ns=0, venue_time_ns=10_000 * ms, received_ns=1_000 * ms),
        TimeSample(sent_ns=2_000 * ms, venue_time_ns=11_501 * ms, received_ns=2_002 * ms),
        TimeSample(sent_ns=3_000 * ms, venue_time_ns=13_400 * ms, received_ns=4_000 * ms),
    ]
    measured = estimate_offset(samples)
    assert abs(measured.offset_ns - 9_500 * ms) <= ms
    assert measured.uncertainty_ns < 2 * ms


# 17 to 20 and 24: limits and connections.


@pytest.mark.asyncio
async def test_orders_and_events_have_connections_of_their_own(
    venue: OrderVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    floor = await open_gateway(venue)
    await floor.until(lambda: floor.gateway.client.ws_api.is_connected)
    venue.on_order = vanish
    floor.place("a")
    await floor.until(lambda: floor.statuses("a") == ["UNKNOWN"])
    await venue.push(report("a", "NEW", "NEW", 1))
    await floor.until(lambda: floor.statuses("a") == ["UNKNOWN", "NEW"])
    assert not floor.all_of(HoldTrading)


@pytest.mark.asyncio
async def test_after_a_drop_new_orders_wait_until_the_gap_is_filled(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue)
    cut(venue.stream_socket)
    await floor.until(lambda: floor.all_of(ReleaseTrading))
    told = [
        type(item)
        for item in floor.received
        if isinstance(item, HoldTrading | AccountSnapshot | ReleaseTrading)
    ]
    assert told == [AccountSnapshot, HoldTrading, AccountSnapshot, ReleaseTrading]


@pytest.mark.asyncio
async def test_a_firewalls_page_is_no_answer_of_the_api_and_makes_it_back_off(
    venue: OrderVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    async def block(request: web.Request, body: str) -> web.StreamResponse:
        if request.method == "POST":
            return web.Response(status=403, text="<html>Forbidden</html>", content_type="text/html")
        return await venue.answer_read(request, body)

    caplog.set_level(logging.CRITICAL)
    floor = await open_gateway(venue, order_entry="rest")
    venue.rest = block
    floor.place("a")
    [order] = await floor.until(lambda: floor.orders("a"))
    assert order.status is OrderStatus.REJECTED
    [hold] = await floor.until(lambda: floor.all_of(HoldTrading))
    assert "firewall" in hold.reason


# 21 to 23 and 25.


@pytest.mark.asyncio
async def test_the_status_of_a_list_comes_besides_the_reports_and_disturbs_nothing(
    venue: OrderVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    floor = await open_gateway(venue)
    await venue.push(
        {"e": "listStatus", "E": 1, "s": "BTCUSDT", "g": 2, "c": "OCO", "l": "ALL_DONE", "L": "ALL_DONE", "r": "NONE",
         "C": "list", "T": 1, "O": [{"s": "BTCUSDT", "i": 17, "c": "leg"}]},
        report("leg", "CANCELED", "CANCELED", 1, g=2, C="leg-of-list"),
    )  # fmt: skip
    [order] = await floor.until(lambda: floor.orders("leg-of-list"))
    assert order.status is OrderStatus.CANCELED
    assert not [item for item in caplog.records if item.levelno >= logging.WARNING]


@pytest.mark.asyncio
async def test_a_market_order_by_amount_learns_its_quantity_from_the_venue(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue)
    await venue.push(
        report("a", "TRADE", "EXPIRED", 2, q="0.12", Q="100", z="0.12", Z="99", l="0.12", L="825", t=3,
               eR="INSUFFICIENT_LIQUIDITY")
    )  # fmt: skip
    [order] = await floor.until(lambda: floor.orders("a"))
    assert (order.quantity, order.quote_quantity) == (Decimal("0.12"), Decimal(100))
    assert (order.executed_quote_quantity, order.status) == (Decimal(99), OrderStatus.EXPIRED)
    own = Order(side=Side.BUY, order_type=OrderType.MARKET, quote_quantity=Decimal(100))
    params = new_order_params(
        Order(
            side=Side.BUY,
            order_type=OrderType.MARKET,
            client_order_id="a",
            quote_quantity=Decimal(100),
        )
    )
    assert params["quoteOrderQty"] == "100"
    assert "quantity" not in params
    own.update(order)
    assert own.quantity == Decimal("0.12")


def test_the_fullest_answer_is_asked_for_by_name_and_no_stop_goes_without_its_trigger() -> None:
    order = Order(side=Side.BUY, order_type=OrderType.MARKET, client_order_id="a")
    assert new_order_params(order)["newOrderRespType"] == "FULL"
    order.order_type = OrderType.STOP_LOSS
    with pytest.raises(ValueError, match="STOP_LOSS"):
        new_order_params(order)
    order.stop_price = Decimal("95.10")
    params = new_order_params(order)
    assert (params["newOrderRespType"], params["stopPrice"]) == ("FULL", "95.1")


@pytest.mark.parametrize(
    ("code", "text", "status"),
    [
        (-2010, "Zu wenig Guthaben.", OrderStatus.REJECTED),
        (-1013, "Duplicate order sent.", OrderStatus.REJECTED),
        (-1007, "Account has insufficient balance for requested action.", OrderStatus.UNKNOWN),
        (-1006, "Unknown order sent.", OrderStatus.UNKNOWN),
    ],
)
@pytest.mark.asyncio
async def test_codes_decide_and_not_the_words_beside_them(
    venue: OrderVenue,
    open_gateway: OpenFloor,
    code: int,
    text: str,
    status: OrderStatus,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    floor = await open_gateway(venue)
    venue.on_order = refusing(venue, 400, code, text)
    floor.place("a")
    [order] = await floor.until(lambda: floor.orders("a"))
    assert order.status is status
