"""From a strategy's command to the venue, and every way in which the door stays shut."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from actors.testing import classes_of, make_book_ticker, make_instrument
from messages.account import Balance
from messages.control import HoldTrading, ReleaseTrading, Start
from messages.enums import (
    Exchanges,
    ListRole,
    OrderStatus,
    OrderType,
    Reason,
    Side,
    SymbolStatus,
    TimeInForce,
)
from messages.order_requests import NewOrderListRequest
from messages.orders import NewOrderRequest, OrderUpdate, PlaceOrder
from tests.order_manager.brackets import ask, leg, rules
from tests.order_manager.desk import GATEWAY, STRATEGY, Desk, all_of, only, refusal_of


def test_an_order_is_named_rounded_written_down_and_told() -> None:
    desk = Desk().start()
    sent = desk.place(
        Side.BUY,
        "1.000019",
        "99.999",
        time_to_cancel=5.0,
        decided_on=b"tick",
        send_before_ns=desk.now_ns + 5,
    )
    assert classes_of(sent) == [NewOrderRequest, OrderUpdate]
    request, update = only(sent, NewOrderRequest), only(sent, OrderUpdate)
    assert request.send_before_ns == desk.now_ns + 5
    order = request.order
    assert (order.quantity, order.price) == (Decimal("1.00001"), Decimal("99.99"))
    assert order.client_order_id == "bot-Breakout-0-1"
    assert (order.order_id, order.strategy) == ("Breakout-1", STRATEGY)
    assert (order.decided_on, order.time_to_cancel) == (b"tick", 5.0)
    assert update.status is OrderStatus.PENDING_NEW
    assert update.reason is Reason.NONE


def test_a_sale_is_rounded_up_to_the_tick() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    order = only(desk.place(Side.SELL, "1", "110.001"), NewOrderRequest).order
    assert order.price == Decimal("110.01")


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"side": Side.UNRECOGNISED}, Reason.UNSUPPORTED),
        ({"order_type": OrderType.STOP_LOSS}, Reason.PRICE),
        (
            {"order_type": OrderType.STOP_LOSS, "price": None, "stop_price": Decimal(90)},
            Reason.PRICE,
        ),
        ({"time_in_force": TimeInForce.UNRECOGNISED}, Reason.UNSUPPORTED),
        ({"quantity": Decimal("NaN")}, Reason.QUANTITY),
        ({"quantity": Decimal("Infinity")}, Reason.QUANTITY),
        ({"quantity": Decimal("1E+999999")}, Reason.QUANTITY),
        ({"quantity": Decimal("1E-999999")}, Reason.QUANTITY),
        ({"quantity": Decimal(0)}, Reason.QUANTITY),
        ({"quantity": Decimal(-1)}, Reason.QUANTITY),
        ({"quantity": Decimal("0.000009")}, Reason.QUANTITY),
        ({"quantity": Decimal(10_000)}, Reason.QUANTITY),
        ({"price": Decimal("NaN")}, Reason.PRICE),
        ({"price": Decimal(0)}, Reason.PRICE),
        ({"price": None, "order_type": OrderType.LIMIT}, Reason.PRICE),
        ({"price": Decimal(-5)}, Reason.PRICE),
        ({"price": Decimal("0.004")}, Reason.PRICE),
        ({"price": Decimal(2_000_000)}, Reason.PRICE),
        ({"quote_quantity": Decimal(10)}, Reason.QUANTITY),
        ({"quantity": Decimal("0.01")}, Reason.NOTIONAL),
        ({"time_to_cancel": 0.0}, Reason.UNSUPPORTED),
        ({"time_to_cancel": -1.0}, Reason.UNSUPPORTED),
        ({"time_to_cancel": float("nan")}, Reason.UNSUPPORTED),
        ({"symbol": "NOSUCH"}, Reason.INSTRUMENT),
        ({"exchange": Exchanges.CUSTOM}, Reason.INSTRUMENT),
        ({"send_before_ns": 1}, Reason.TOO_LATE),
        ({"quantity": Decimal(1001)}, Reason.INSUFFICIENT_FUNDS),
        ({"side": Side.SELL}, Reason.INSUFFICIENT_FUNDS),
    ],
)
def test_refusals_of_limit_orders(terms: dict[str, Any], reason: Reason) -> None:
    desk = Desk().start()
    assert refusal_of(desk.place(**terms)) is reason
    # Nothing is locked and nothing is tried again, whatever it was.
    again = all_of(desk.advance(60), NewOrderRequest)
    assert not again
    assert all_of(desk.place(), NewOrderRequest)


@pytest.mark.parametrize("order_type", [OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT])
def test_a_stop_below_the_first_tick_is_refused_and_not_sent_without_its_trigger(
    order_type: OrderType,
) -> None:
    desk = Desk().start()
    instrument = make_instrument()
    instrument.order_types = [OrderType.LIMIT, OrderType.MARKET, order_type]
    desk.tell(instrument, GATEWAY)
    price = "100" if order_type is OrderType.STOP_LOSS_LIMIT else None
    told = desk.place(price=price, order_type=order_type, stop_price=Decimal("0.004"))
    assert refusal_of(told) is Reason.PRICE


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"quantity": Decimal(0)}, Reason.QUANTITY),
        ({"quote_quantity": Decimal(100)}, Reason.QUANTITY),
        ({"price": Decimal(100), "order_type": OrderType.MARKET}, Reason.PRICE),
        ({"quantity": Decimal("0.01")}, Reason.NOTIONAL),
        ({"quantity": Decimal(0), "quote_quantity": Decimal("4.99")}, Reason.NOTIONAL),
        ({"quantity": Decimal(0), "quote_quantity": Decimal(100_001)}, Reason.INSUFFICIENT_FUNDS),
    ],
)
def test_refusals_of_market_orders(terms: dict[str, Any], reason: Reason) -> None:
    desk = Desk().start()
    assert refusal_of(desk.place(**({"price": None} | terms))) is reason


def test_a_market_order_by_amount_is_rounded_to_the_quote_asset() -> None:
    desk = Desk().start()
    sent = desk.place(quantity="0", price=None, quote_quantity=Decimal("5.123456789"))
    order = only(sent, NewOrderRequest).order
    assert order.quote_quantity == Decimal("5.12345678")
    assert order.quantity == 0


def test_a_symbol_that_does_not_trade_or_not_this_type() -> None:
    desk = Desk().start()
    halted = make_instrument()
    halted.status = SymbolStatus.HALT
    desk.tell(halted, GATEWAY)
    assert refusal_of(desk.place()) is Reason.INSTRUMENT
    limited = make_instrument()
    limited.order_types = [OrderType.MARKET]
    desk.tell(limited, GATEWAY)
    assert refusal_of(desk.place()) is Reason.UNSUPPORTED
    assert all_of(desk.place(price=None), NewOrderRequest)
    stop: dict[str, Any] = {"order_type": OrderType.STOP_LOSS_LIMIT, "stop_price": Decimal(110)}
    assert refusal_of(desk.place(price="111", **stop)) is Reason.UNSUPPORTED, "nor what it becomes"
    unwatched = make_instrument()
    unwatched.allows_emulation = False
    desk.tell(unwatched, GATEWAY)
    assert refusal_of(desk.place(price="111", **stop)) is Reason.UNSUPPORTED


@pytest.mark.parametrize(
    ("limits", "terms", "reason"),
    [
        ({"maximum_order_notional": Decimal(99)}, {}, Reason.MAX_NOTIONAL),
        ({"maximum_position_notional": Decimal(99)}, {}, Reason.MAX_POSITION),
        ({"price_collar": Decimal("0.05")}, {"price": "105.01"}, Reason.PRICE_COLLAR),
        ({"price_collar": Decimal("0.05")}, {"price": "94.99"}, Reason.PRICE_COLLAR),
    ],
)
def test_limits_of_one_order(limits: dict[str, Any], terms: dict[str, Any], reason: Reason) -> None:
    desk = Desk(**limits).start()
    assert refusal_of(desk.place(**terms)) is reason
    assert all_of(desk.place(quantity="0.5"), NewOrderRequest)


def test_the_collar_follows_the_last_book_ticker() -> None:
    desk = Desk(price_collar=Decimal("0.05")).start()
    desk.tell(make_book_ticker(119.0, 121.0, update_id=2), "Feed")
    assert refusal_of(desk.place(price="100")) is Reason.PRICE_COLLAR
    assert all_of(desk.place(price="115"), NewOrderRequest)
    desk.tell(make_book_ticker(0.0, 121.0, update_id=3), "Feed")
    assert refusal_of(desk.place(price="115")) is Reason.NO_MARKET_PRICE


def test_until_the_first_ticker_the_price_counts_that_came_with_the_rules() -> None:
    desk = Desk(price_collar=Decimal("0.05"))
    told = msgspec.structs.replace(make_instrument(), bid_price=119.0, ask_price=121.0)
    desk.tell(Start(target=desk.manager.name), "system")
    desk.watch()
    desk.advance(0)
    desk.tell(told, GATEWAY)
    desk.state_account({"USDT": "100000"})
    assert refusal_of(desk.place(price="100")) is Reason.PRICE_COLLAR
    assert all_of(desk.place(price="115"), NewOrderRequest)
    desk.tell(make_book_ticker(99.0, 101.0), "Feed")
    desk.tell(told, GATEWAY)
    assert all_of(desk.place(price="100"), NewOrderRequest), "a ticker is newer"


def test_rules_told_again_without_prices_leave_the_market_price_alone() -> None:
    desk = Desk(price_collar=Decimal("0.05")).start()
    desk.tell(make_instrument(), GATEWAY)
    assert all_of(desk.place(price="100"), NewOrderRequest)


def test_limit_of_open_orders_counts_those_on_their_way() -> None:
    desk = Desk(maximum_open_orders=2).start()
    first = only(desk.place(), NewOrderRequest).order
    assert all_of(desk.place(), NewOrderRequest)
    assert refusal_of(desk.place()) is Reason.MAX_OPEN_ORDERS
    desk.say(first, OrderStatus.CANCELED)
    assert all_of(desk.place(), NewOrderRequest)


def test_limit_of_orders_in_a_second() -> None:
    desk = Desk(maximum_orders_per_second=2).start()
    assert [len(all_of(desk.place(), NewOrderRequest)) for _ in range(3)] == [1, 1, 0]
    desk.advance(0.999)
    assert refusal_of(desk.place()) is Reason.ORDER_RATE
    desk.advance(0.001)
    assert all_of(desk.place(), NewOrderRequest)


@pytest.mark.parametrize(
    "arguments",
    [
        {"bot": ""},
        {"maximum_order_notional": Decimal(0)},
        {"maximum_position_notional": Decimal(-1)},
        {"maximum_open_orders": 0},
        {"maximum_orders_per_second": -1},
        {"price_collar": Decimal(0)},
        {"halt_patience_s": 0.0},
        {"absence_after_s": -1.0},
        {"absence_after_s": float("nan")},
    ],
)
def test_a_limit_of_zero_is_no_configuration(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        Desk(**arguments)


def test_funds_of_orders_on_their_way_are_not_spent_twice() -> None:
    desk = Desk().start({"USDT": "150"})
    first = only(desk.place(), NewOrderRequest).order
    assert refusal_of(desk.place()) is Reason.INSUFFICIENT_FUNDS
    assert all_of(desk.place(quantity="0.5"), NewOrderRequest)
    desk.say(first, OrderStatus.REJECTED)
    assert all_of(desk.place(), NewOrderRequest)


def test_funds_of_an_acknowledged_order_are_in_the_venues_own_statement() -> None:
    desk = Desk().start({"USDT": "150"})
    desk.place_accepted()
    balance = Balance(
        exchange=Exchanges.BINANCE, asset="USDT", free=Decimal(50), locked=Decimal(100)
    )
    desk.tell(balance, GATEWAY)
    assert refusal_of(desk.place()) is Reason.INSUFFICIENT_FUNDS
    assert all_of(desk.place(quantity="0.5"), NewOrderRequest)


def test_a_canceled_order_can_be_replaced_before_the_balance_is_told() -> None:
    desk = Desk().start({"USDT": "150"})
    order = desk.place_accepted()
    balance = Balance(
        exchange=Exchanges.BINANCE, asset="USDT", free=Decimal(50), locked=Decimal(100)
    )
    desk.tell(balance, GATEWAY)
    desk.say(order, OrderStatus.CANCELED)
    assert all_of(desk.place(), NewOrderRequest)
    assert refusal_of(desk.place()) is Reason.INSUFFICIENT_FUNDS


def test_what_was_bought_can_be_sold_before_the_balance_is_told() -> None:
    desk = Desk().start()
    desk.buy_filled("1", fee="0.001", fee_asset="BTC")
    assert refusal_of(desk.place(Side.SELL, "1", "110")) is Reason.INSUFFICIENT_FUNDS
    assert all_of(desk.place(Side.SELL, "0.999", "110"), NewOrderRequest)
    assert refusal_of(desk.place(Side.SELL, "0.999", "110")) is Reason.INSUFFICIENT_FUNDS


def test_no_strategy_sells_what_another_holds_or_what_the_owner_has() -> None:
    desk = Desk().start({"USDT": "100000", "BTC": "5"})
    desk.buy_filled("1")
    other = desk.place(Side.SELL, "1", "110", strategy="Other")
    assert refusal_of(other) is Reason.INSUFFICIENT_FUNDS
    assert all_of(desk.place(Side.SELL, "1", "110"), NewOrderRequest)


def test_nothing_passes_before_the_venue_has_told_its_state() -> None:
    desk = Desk()
    desk.watch()
    desk.tell(make_instrument(), GATEWAY)
    assert refusal_of(desk.place()) is Reason.NOT_READY
    assert refusal_of(desk.place(symbol="ETHUSDT")) is Reason.NOT_READY


def test_a_hold_lasts_until_its_own_sender_releases() -> None:
    desk = Desk().start()
    resting = desk.place_accepted()
    desk.tell(HoldTrading(reason="clock jump"), "system")
    desk.tell(HoldTrading(reason="reconnecting"), GATEWAY)
    assert refusal_of(desk.place()) is Reason.HELD
    desk.tell(ReleaseTrading(), GATEWAY)
    assert refusal_of(desk.place()) is Reason.HELD
    desk.tell(ReleaseTrading(), "system")
    assert all_of(desk.place(), NewOrderRequest)
    kept = desk.manager.books.table.get(resting.order_id)
    assert kept is not None
    assert kept.status is OrderStatus.NEW


def test_a_venues_own_hold_leaves_the_other_venue_alone() -> None:
    desk = Desk().start()
    desk.watch("BTCUSDT", Exchanges.CUSTOM)
    desk.tell(make_instrument(exchange=Exchanges.CUSTOM), "CustomGateway")
    desk.state_account({"USDT": "1000"}, exchange=Exchanges.CUSTOM, sender="CustomGateway")
    desk.tell(HoldTrading(reason="reconnecting"), GATEWAY)
    assert refusal_of(desk.place()) is Reason.HELD
    assert all_of(desk.place(exchange=Exchanges.CUSTOM), NewOrderRequest)
    desk.tell(ReleaseTrading(), GATEWAY)
    desk.tell(HoldTrading(reason="reconnecting"), "CustomGateway")
    assert all_of(desk.place(), NewOrderRequest)
    assert refusal_of(desk.place(exchange=Exchanges.CUSTOM)) is Reason.HELD


def test_an_order_id_that_is_used_twice_places_nothing_and_harms_nothing() -> None:
    desk = Desk().start()
    order = desk.place_accepted(order_id="mine")
    update = only(desk.place(order_id="mine"), OrderUpdate)
    assert (update.reason, update.status) == (Reason.UNSUPPORTED, OrderStatus.NEW)
    stolen = desk.place(order_id="mine", strategy="Other")
    assert refusal_of(stolen) is Reason.UNSUPPORTED
    kept = desk.manager.books.table.get(order.order_id)
    assert kept is not None
    assert kept.strategy == STRATEGY


def test_a_command_by_a_strategy_that_nobody_announced_is_served() -> None:
    desk = Desk().start()
    command = PlaceOrder(
        exchange=Exchanges.BINANCE,
        symbol="BTCUSDT",
        order_id="x-1",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal(1),
        price=Decimal(100),
    )
    order = only(desk.tell(command, "A-strategy-of-a-very-long-name"), NewOrderRequest).order
    assert order.strategy == "A-strategy-of-a-very-long-name"
    names = desk.manager.books.names
    assert names.find_strategy(order.client_order_id) == order.strategy


def test_a_list_that_names_an_id_twice_leaves_nothing_behind() -> None:
    desk = Desk().start()
    desk.tell(rules(), GATEWAY)
    entry = leg("same", OrderType.LIMIT, Side.BUY, price="100")
    exit_ = leg("same", OrderType.LIMIT_MAKER, price="110")
    told = ask(desk, [entry, exit_], [ListRole.ENTRY, ListRole.EXIT])
    assert not all_of(told, NewOrderListRequest)
    assert {update.status for update in all_of(told, OrderUpdate)} == {OrderStatus.REJECTED}
    assert "never used twice" in all_of(told, OrderUpdate)[0].order.reason_text
    assert desk.manager.books.table.count_open() == 0
    assert desk.manager.books.free(Exchanges.BINANCE, "USDT") == 100_000
