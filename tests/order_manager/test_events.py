"""The venue's words: what strategies hear of them, in which order, and once."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.testing import classes_of, make_book_ticker, make_instrument
from messages.account import AccountSnapshot, Balance, Position
from messages.enums import Exchanges, OrderStatus, Reason, Side
from messages.orders import (
    CancelOrderRequest,
    Execution,
    Fill,
    NewOrderRequest,
    Order,
    OrderUpdate,
    QueryOrderRequest,
)
from tests.order_manager.desk import GATEWAY, STRATEGY, Desk, all_of, only


def test_position_then_fills_then_update() -> None:
    desk = Desk().start()
    order = only(desk.place(), NewOrderRequest).order
    first, second = desk.fill(order, "0.4", "0.04"), desk.fill(order, "0.6", "0.06")
    told = desk.say(order, OrderStatus.FILLED, first, second)
    assert classes_of(told) == [Position, Fill, Fill, OrderUpdate]
    position = only(told, Position)
    assert (position.quantity, position.average_price) == (Decimal("1.0"), Decimal(100))
    assert position.fees == {"USDT": Decimal("0.10")}
    fill = all_of(told, Fill)[1]
    assert (fill.order_id, fill.strategy, fill.trade_id) == (order.order_id, STRATEGY, 2)
    assert (fill.fee, fill.fee_asset, fill.price) == (Decimal("0.06"), "USDT", Decimal(100))
    assert only(told, OrderUpdate).order.executed_quantity == 1


def test_new_and_filled_in_one_instant_are_two_updates() -> None:
    desk = Desk().start()
    order = only(desk.place(quantity="2.5"), NewOrderRequest).order
    desk.say(order, OrderStatus.NEW)
    for part, status in (
        ("1", OrderStatus.PARTIALLY_FILLED),
        ("1", OrderStatus.PARTIALLY_FILLED),
        ("0.5", OrderStatus.FILLED),
    ):
        desk.say(order, status, desk.fill(order, part))
    statuses = [update.status for update in desk.sent(OrderUpdate)]
    assert statuses == [
        OrderStatus.PENDING_NEW,
        OrderStatus.NEW,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.FILLED,
    ]
    assert sum(fill.quantity for fill in desk.sent(Fill)) == Decimal("2.5")


def test_the_slower_road_tells_nothing_again() -> None:
    desk = Desk().start()
    order = only(desk.place(quantity="0.02", price="1000"), NewOrderRequest).order
    first, second = desk.fill(order, "0.008"), desk.fill(order, "0.012")
    desk.say(order, OrderStatus.FILLED, first, second)
    before = len(desk.manager.outbox)
    desk.say(order, OrderStatus.NEW)
    desk.say(order, OrderStatus.PARTIALLY_FILLED, first, executed="0.008")
    desk.say(order, OrderStatus.FILLED, second, executed="0.02")
    assert desk.manager.outbox[before:] == []
    kept = desk.manager.books.table.get(order.order_id)
    assert kept is not None
    assert (kept.status, kept.executed_quantity) == (OrderStatus.FILLED, Decimal("0.02"))
    assert desk.position() == Decimal("0.02")


def test_a_late_canceled_after_filled_is_told_to_nobody() -> None:
    desk = Desk().start()
    order = desk.buy_filled("1")
    assert desk.say(order, OrderStatus.CANCELED) == []
    ended = [update for update in desk.sent(OrderUpdate) if update.status.is_terminal]
    assert [update.status for update in ended] == [OrderStatus.FILLED]
    kept = desk.manager.books.table.get(order.order_id)
    assert kept is not None
    assert kept.status is OrderStatus.FILLED


def test_a_fill_after_the_end_is_still_booked() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.say(order, OrderStatus.CANCELED)
    told = desk.say(order, OrderStatus.PARTIALLY_FILLED, desk.fill(order, "0.3"))
    assert classes_of(told) == [Position, Fill, OrderUpdate]
    assert only(told, OrderUpdate).status is OrderStatus.CANCELED
    assert desk.position() == Decimal("0.3")


def test_the_venues_refusal_is_the_orders_reason() -> None:
    desk = Desk().start()
    order = only(desk.place(), NewOrderRequest).order
    update = only(desk.say(order, OrderStatus.REJECTED), OrderUpdate)
    assert (update.status, update.reason) == (OrderStatus.REJECTED, Reason.VENUE)
    assert desk.advance(60) == []


def test_what_was_sent_is_a_copy() -> None:
    desk = Desk().start()
    sent = desk.place()
    order = only(sent, NewOrderRequest).order
    desk.say(order, OrderStatus.FILLED, desk.fill(order, "1"))
    assert only(sent, OrderUpdate).status is OrderStatus.PENDING_NEW
    assert order.status is OrderStatus.PENDING_NEW
    assert order.executions == []


def test_an_order_of_ours_that_nobody_knows_is_adopted_and_another_left_alone() -> None:
    desk = Desk().start()
    names = desk.manager.books.names
    names.register("Quoter")
    ours = Order(
        side=Side.BUY,
        order_type=only(desk.place(), NewOrderRequest).order.order_type,
        symbol="BTCUSDT",
        client_order_id="bot-Quoter-0-zz",
        quantity=Decimal(1),
        price=Decimal(90),
    )
    manual = Order(
        side=Side.BUY,
        order_type=ours.order_type,
        symbol="BTCUSDT",
        client_order_id="manual-1",
        quantity=Decimal(1),
        price=Decimal(90),
    )
    update = only(desk.say(ours, OrderStatus.NEW), OrderUpdate)
    assert (update.strategy, update.order.strategy) == ("Quoter", "Quoter")
    assert desk.say(manual, OrderStatus.NEW) == []
    assert [order.client_order_id for order in desk.manager.books.table.open_orders("Quoter")] == [
        "bot-Quoter-0-zz"
    ]
    told = desk.cancel(update.order.order_id, "Quoter")
    assert only(told, CancelOrderRequest).client_order_id == "bot-Quoter-0-zz"


def test_fills_of_an_adopted_order_wait_for_the_symbols_rules() -> None:
    desk = Desk().start()
    order = Order(
        side=Side.BUY,
        order_type=only(desk.place(), NewOrderRequest).order.order_type,
        symbol="ETHUSDT",
        client_order_id="bot-Breakout-0-zz",
        quantity=Decimal(1),
        price=Decimal(10),
    )
    told = desk.say(order, OrderStatus.FILLED, desk.fill(order, "1"))
    assert all_of(told, OrderUpdate)
    assert not all_of(told, Position) + all_of(told, Fill)
    told = desk.tell(make_instrument("ETHUSDT", "ETH"), GATEWAY)
    assert classes_of(told) == [Position, Fill]
    assert only(told, Position).quantity == 1


def test_positions_are_revalued_once_a_second_while_something_is_held() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    for price in (101.0, 102.0, 103.0):
        assert desk.tell(make_book_ticker(price - 0.5, price + 0.5), "Feed") == []
    assert desk.advance(0.9) == []
    position = only(desk.advance(0.1), Position)
    assert position.unrealized_profit == Decimal(3)
    assert desk.advance(5) == []
    order = only(desk.place(Side.SELL, "1", "103"), NewOrderRequest).order
    closed = only(desk.say(order, OrderStatus.FILLED, desk.fill(order, "1")), Position)
    assert (closed.quantity, closed.realized_profit) == (Decimal(0), Decimal(3))
    desk.tell(make_book_ticker(200.0, 201.0), "Feed")
    assert desk.advance(5) == []
    assert not desk.manager.publisher.is_valuing


def test_executions_that_the_venue_counts_and_does_not_tell_are_asked_for() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    told = desk.say(order, OrderStatus.CANCELED, executed="0.4")
    assert not all_of(told, QueryOrderRequest)
    assert only(desk.advance(0.5), QueryOrderRequest).client_order_id == order.client_order_id
    assert only(desk.advance(1.0), QueryOrderRequest)
    desk.say(order, OrderStatus.CANCELED, desk.fill(order, "0.4"), executed="0.4")
    assert desk.position() == Decimal("0.4")
    assert not all_of(desk.advance(120), QueryOrderRequest)


def test_an_unrecognised_word_of_a_venue_harms_nothing() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    told = desk.say(order, OrderStatus.UNKNOWN)
    assert told == []
    kept = desk.manager.books.table.get(order.order_id)
    assert kept is not None
    assert kept.status is OrderStatus.NEW


WORDS = ("ack", "first", "second", "end", "stale")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=12), st.permutations(WORDS))
def test_whatever_the_order_of_the_words_the_money_is_counted_once(
    early: list[str], all_words: list[str]
) -> None:
    """Every word at least once, any of them often, in any order: one position, each fill once, one end."""
    desk = Desk().start()
    order = only(desk.place(), NewOrderRequest).order
    first, second = desk.fill(order, "0.25", "0.01"), desk.fill(order, "0.75", "0.02")
    words: dict[str, tuple[OrderStatus, tuple[Execution, ...], str]] = {
        "ack": (OrderStatus.NEW, (), "0"),
        "first": (OrderStatus.PARTIALLY_FILLED, (first,), "0.25"),
        "second": (OrderStatus.FILLED, (second,), "1"),
        "end": (OrderStatus.FILLED, (first, second), "1"),
        "stale": (OrderStatus.PARTIALLY_FILLED, (), "0.25"),
    }
    for word in [*early, *all_words]:
        status, fills, executed = words[word]
        told = desk.say(order, status, *fills, executed=executed)
        kinds = classes_of(told)
        assert kinds == sorted(kinds, key=[Position, Fill, OrderUpdate].index)
    assert sorted(fill.trade_id for fill in desk.sent(Fill)) == [1, 2]
    position = desk.manager.books.portfolio.position(STRATEGY, Exchanges.BINANCE, "BTCUSDT")
    assert position.quantity == 1
    assert position.fees == {"USDT": Decimal("0.03")}
    updates = desk.sent(OrderUpdate)
    statuses = [update.status for update in updates]
    assert statuses[-1] is OrderStatus.FILLED
    assert all(later.is_terminal for later in statuses[statuses.index(OrderStatus.FILLED) :])
    executed_quantities = [update.order.executed_quantity for update in updates]
    assert executed_quantities == sorted(executed_quantities)


@pytest.mark.parametrize("status", [OrderStatus.EXPIRED, OrderStatus.EXPIRED_IN_MATCH])
def test_an_expired_rest_is_an_end_like_any_other(status: OrderStatus) -> None:
    desk = Desk().start()
    order = only(desk.place(price=None), NewOrderRequest).order
    told = desk.say(order, status, desk.fill(order, "0.4"))
    assert only(told, OrderUpdate).status is status
    assert desk.manager.books.table.open_orders() == []
    assert desk.position() == Decimal("0.4")


def test_a_view_of_the_account_from_before_an_execution_hides_nothing_of_it() -> None:
    """It was asked for before, and arrives after; the position can be sold whole all the same."""
    desk = Desk().start({"USDT": "1000"})
    order = only(desk.place(quantity="2"), NewOrderRequest).order
    desk.say(order, OrderStatus.NEW)
    taken_ns = desk.now_ns
    desk.advance(1)
    desk.say(order, OrderStatus.FILLED, desk.fill(order, "2"))
    balance = Balance(
        exchange=Exchanges.BINANCE, asset="USDT", free=Decimal(800), locked=Decimal(200)
    )
    late = AccountSnapshot(
        exchange=Exchanges.BINANCE,
        balances=[balance],
        open_orders=[desk.view(order, OrderStatus.NEW)],
        event_time_ns=taken_ns,
    )
    desk.tell(late, GATEWAY)
    assert only(desk.close_position(), NewOrderRequest).order.quantity == 2
