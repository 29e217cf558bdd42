"""Amendments: one order for the strategy, one after the other at the venue."""

from decimal import Decimal

import pytest

from actors.testing import classes_of
from messages.account import Position
from messages.codec import encode
from messages.control import HaltTrading, JournalFailed, ResumeTrading, Resync, ResyncRequest
from messages.enums import Exchanges, OrderStatus, Reason, Side
from messages.orders import (
    CancelOrderRequest,
    Fill,
    NewOrderRequest,
    Order,
    OrderUpdate,
)
from messages.recovery import OrderNote
from tests.order_manager.desk import STRATEGY, Desk, all_of, only


def replaced(desk: Desk, order: Order, price: str, quantity: str | None = None) -> Order:
    """Amends an order that rests untouched; the new order at the venue, not yet acknowledged."""
    desk.amend(order.order_id.split("~")[0], price, quantity)
    return only(desk.say(order, OrderStatus.CANCELED), NewOrderRequest).order


def test_the_new_order_waits_for_the_venues_word_and_keeps_the_strategys_id() -> None:
    desk = Desk().start()
    order = desk.place_accepted(time_to_cancel=5.0)
    told = desk.amend(order.order_id, "101", "2")
    assert classes_of(told) == [CancelOrderRequest, OrderUpdate]
    assert only(told, OrderUpdate).status is OrderStatus.NEW, "it may still be canceled"
    told = desk.say(order, OrderStatus.CANCELED)
    assert classes_of(told) == [OrderNote, NewOrderRequest, OrderUpdate]
    leg, update = only(told, NewOrderRequest).order, only(told, OrderUpdate)
    assert leg.client_order_id != order.client_order_id
    assert (leg.price, leg.quantity, leg.time_to_cancel) == (Decimal(101), Decimal(2), 5.0)
    assert (update.order_id, update.status) == (order.order_id, OrderStatus.PENDING_NEW)
    update = only(desk.say(leg, OrderStatus.NEW), OrderUpdate)
    assert (update.order_id, update.status) == (order.order_id, OrderStatus.NEW)
    assert (update.order.price, update.order.quantity) == (Decimal(101), Decimal(2))
    assert only(desk.advance(5), CancelOrderRequest).client_order_id == leg.client_order_id
    statuses = [each.status for each in desk.sent(OrderUpdate)]
    assert OrderStatus.CANCELED not in statuses


def test_what_was_executed_counts_towards_the_new_quantity() -> None:
    desk = Desk().start()
    order = desk.place_accepted(quantity="2")
    desk.say(order, OrderStatus.PARTIALLY_FILLED, desk.fill(order, "0.5"))
    desk.amend(order.order_id, quantity="3")
    told = desk.say(order, OrderStatus.CANCELED, desk.fill(order, "0.25"))
    assert classes_of(told) == [Position, Fill, OrderNote, NewOrderRequest, OrderUpdate]
    leg = only(told, NewOrderRequest).order
    assert leg.quantity == Decimal("2.25")
    whole = only(told, OrderUpdate).order
    assert (whole.quantity, whole.executed_quantity) == (Decimal(3), Decimal("0.75"))
    whole = only(desk.say(leg, OrderStatus.NEW), OrderUpdate).order
    assert whole.status is OrderStatus.PARTIALLY_FILLED
    told = desk.say(leg, OrderStatus.FILLED, desk.fill(leg, "2.25"))
    assert only(told, Fill).order_id == order.order_id
    whole = only(told, OrderUpdate).order
    assert whole.status is OrderStatus.FILLED
    assert (whole.quantity, whole.executed_quantity) == (Decimal(3), Decimal(3))
    assert whole.executed_quote_quantity == 300
    assert [execution.quantity for execution in whole.executions] == [
        Decimal("0.5"),
        Decimal("0.25"),
        Decimal("2.25"),
    ]
    assert desk.position() == 3


def test_an_order_that_was_filled_meanwhile_is_not_replaced() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.amend(order.order_id, "101", "2")
    told = desk.say(order, OrderStatus.FILLED, desk.fill(order, "1"))
    assert not all_of(told, NewOrderRequest)
    assert only(told, OrderUpdate).status is OrderStatus.FILLED
    assert not all_of(desk.refuse_cancel(order), NewOrderRequest)


def test_nothing_is_left_of_a_quantity_that_was_executed_already() -> None:
    desk = Desk().start()
    order = desk.place_accepted(quantity="2")
    desk.amend(order.order_id, quantity="1")
    told = desk.say(order, OrderStatus.CANCELED, desk.fill(order, "1"))
    assert not all_of(told, NewOrderRequest)
    update = only(told, OrderUpdate)
    assert (update.status, update.reason) == (OrderStatus.CANCELED, Reason.NONE)


def test_a_refused_cancel_ends_the_amendment_and_not_the_order() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.amend(order.order_id, "101")
    update = only(desk.refuse_cancel(order, is_unknown=True), OrderUpdate)
    assert (update.status, update.reason) == (OrderStatus.NEW, Reason.CANCEL_REFUSED)
    # It had arrived after all: the order is gone, and nobody expects another.
    told = desk.say(order, OrderStatus.CANCELED)
    assert not all_of(told, NewOrderRequest)
    assert only(told, OrderUpdate).status is OrderStatus.CANCELED


def test_an_order_whose_time_was_up_when_its_amendment_failed_is_canceled_for_that() -> None:
    desk = Desk().start()
    order = desk.place_accepted(time_to_cancel=5.0)
    desk.advance(4.9)
    desk.amend(order.order_id, "101")
    desk.advance(1)
    desk.refuse_cancel(order)
    desk.say(order, OrderStatus.NEW)
    told = desk.advance(1)
    assert only(told, CancelOrderRequest)
    asked = only(told, OrderUpdate).order
    assert asked.is_end_wanted
    assert asked.reason is Reason.NONE, "nothing takes its place"


def test_the_strategy_may_cancel_while_the_amendment_is_under_way() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.amend(order.order_id, "101")
    told = desk.cancel(order.order_id)
    assert not all_of(told, CancelOrderRequest), "one is on its way"
    assert only(told, OrderUpdate).status is OrderStatus.PENDING_CANCEL
    told = desk.say(order, OrderStatus.CANCELED)
    assert not all_of(told, NewOrderRequest)
    assert only(told, OrderUpdate).status is OrderStatus.CANCELED


def test_a_second_amendment_replaces_the_terms_of_the_first() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.amend(order.order_id, "101", "2")
    assert not all_of(desk.amend(order.order_id, "102"), CancelOrderRequest)
    leg = only(desk.say(order, OrderStatus.CANCELED), NewOrderRequest).order
    assert (leg.price, leg.quantity) == (Decimal(102), Decimal(2))


def test_an_order_can_be_amended_again_and_again_and_canceled() -> None:
    desk = Desk().start()
    order = leg = desk.place_accepted()
    for price in ("101", "102", "103"):
        leg = replaced(desk, leg, price)
        desk.say(leg, OrderStatus.NEW)
        assert leg.price == Decimal(price)
    assert only(desk.cancel(order.order_id), CancelOrderRequest).client_order_id == (
        leg.client_order_id
    )
    update = only(desk.say(leg, OrderStatus.CANCELED), OrderUpdate)
    assert (update.order_id, update.status) == (order.order_id, OrderStatus.CANCELED)
    assert only(desk.cancel(order.order_id), OrderUpdate).reason is Reason.CANCEL_REFUSED


@pytest.mark.parametrize(
    ("price", "quantity", "reason"),
    [
        ("0", None, Reason.PRICE),
        ("NaN", None, Reason.PRICE),
        ("2000000", None, Reason.PRICE),
        (None, "-1", Reason.QUANTITY),
        (None, "10000", Reason.QUANTITY),
        (None, "0.01", Reason.NOTIONAL),
    ],
)
def test_terms_that_no_order_can_have_leave_the_order_as_it_is(
    price: str | None, quantity: str | None, reason: Reason
) -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    told = desk.amend(order.order_id, price, quantity)
    assert classes_of(told) == [OrderUpdate]
    update = only(told, OrderUpdate)
    assert (update.status, update.reason) == (OrderStatus.NEW, reason)


def test_refusals_that_are_not_about_terms() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    assert only(desk.amend("nothing", "101"), OrderUpdate).reason is Reason.UNKNOWN_ORDER
    assert only(desk.amend(order.order_id, "101", strategy="Other"), OrderUpdate).reason is (
        Reason.UNKNOWN_ORDER
    )
    assert only(desk.amend(order.order_id, "101", send_before_ns=1), OrderUpdate).reason is (
        Reason.TOO_LATE
    )
    desk.cancel(order.order_id)
    assert only(desk.amend(order.order_id, "101"), OrderUpdate).reason is Reason.CANCEL_REFUSED
    desk.say(order, OrderStatus.CANCELED)
    assert only(desk.amend(order.order_id, "101"), OrderUpdate).reason is Reason.UNKNOWN_ORDER
    unknown = only(desk.place(), NewOrderRequest).order
    desk.say(unknown, OrderStatus.UNKNOWN)
    assert only(desk.amend(unknown.order_id, "101"), OrderUpdate).reason is Reason.OUTCOME_UNKNOWN
    market = desk.place_accepted(price=None)
    assert only(desk.amend(market.order_id, "101"), OrderUpdate).reason is Reason.UNSUPPORTED


def test_a_rest_that_may_not_be_sent_ends_the_order_with_its_reason() -> None:
    desk = Desk().start({"USDT": "150"})
    order = desk.place_accepted()
    desk.amend(order.order_id, quantity="50")
    told = desk.say(order, OrderStatus.CANCELED)
    assert not all_of(told, NewOrderRequest)
    update = only(told, OrderUpdate)
    assert (update.order_id, update.status) == (order.order_id, OrderStatus.CANCELED)
    assert update.reason is Reason.INSUFFICIENT_FUNDS


def test_a_halt_ends_the_amendment() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.amend(order.order_id, "101")
    told = desk.tell(HaltTrading(reason="asked for"), "system")
    assert not all_of(told, CancelOrderRequest), "one is on its way"
    assert only(told, OrderUpdate).status is OrderStatus.PENDING_CANCEL
    desk.tell(ResumeTrading(), "system")
    assert not all_of(desk.say(order, OrderStatus.CANCELED), NewOrderRequest)


@pytest.mark.parametrize("fails_in_journal", [False, True])
def test_a_new_order_that_comes_to_nothing_ends_the_whole(fails_in_journal: bool) -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.amend(order.order_id, "101")
    request = only(desk.say(order, OrderStatus.CANCELED), NewOrderRequest)
    if fails_in_journal:
        failed = JournalFailed(target="OrderManager", reason="full", frames=[encode(request)])
        update = only(desk.tell(failed, "system"), OrderUpdate)
    else:
        update = only(desk.say(request.order, OrderStatus.REJECTED), OrderUpdate)
    assert (update.order_id, update.status) == (order.order_id, OrderStatus.CANCELED)
    assert update.reason is (Reason.JOURNAL if fails_in_journal else Reason.VENUE)


def test_late_executions_of_the_first_leg_belong_to_the_whole() -> None:
    desk = Desk().start()
    order = desk.place_accepted(quantity="2")
    leg = replaced(desk, order, "101")
    told = desk.say(order, OrderStatus.CANCELED, desk.fill(order, "0.5"))
    assert only(told, Fill).order_id == order.order_id
    whole = only(told, OrderUpdate).order
    assert (whole.order_id, whole.executed_quantity) == (order.order_id, Decimal("0.5"))
    assert whole.status is OrderStatus.PENDING_NEW
    assert leg.quantity == 2


def test_a_strategy_that_begins_again_hears_of_one_order() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    leg = replaced(desk, order, "101")
    desk.say(leg, OrderStatus.NEW)
    told = desk.tell(ResyncRequest(actor=STRATEGY, is_restart=True), "system")
    resync = only(told, Resync)
    assert [(each.order_id, each.price) for each in resync.open_orders] == [
        (order.order_id, Decimal(101))
    ]


def test_an_amended_sale_does_not_count_against_itself() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    order = desk.place_accepted(Side.SELL, "1", "110")
    leg = replaced(desk, order, "120")
    assert (leg.side, leg.quantity, leg.price) == (Side.SELL, Decimal(1), Decimal(120))
    assert desk.manager.books.table.open_quantity(
        Exchanges.BINANCE, "BTCUSDT", Side.SELL, STRATEGY
    ) == Decimal(1)
