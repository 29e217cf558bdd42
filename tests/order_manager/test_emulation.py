"""Triggers that the order manager keeps, where the venue has no such orders: durable, watched, gone off once and only once."""

from decimal import Decimal
from typing import Any

import pytest

from actors.testing import classes_of
from messages.codec import encode
from messages.control import HaltCompleted, HaltTrading, HoldTrading, JournalFailed, ReleaseTrading
from messages.enums import Exchanges, OrderStatus, OrderType, Reason, ReplaceMode, Side
from messages.order_lists import ReplaceOrder
from messages.orders import (
    CancelOrderRequest,
    NewOrderRequest,
    OrderUpdate,
    PlaceOrder,
    QueryOrderRequest,
)
from messages.recovery import TriggerArmed
from tests.order_manager.desk import GATEWAY, STRATEGY, all_of, only, refusal_of
from tests.order_manager.triggers import STOP, arm, open_desk, quote


def test_a_stop_is_written_down_then_stands_and_goes_off_once() -> None:
    desk = open_desk()
    told = desk.place(**STOP)
    assert classes_of(told) == [TriggerArmed, OrderUpdate], "written down before it is told of"
    assert only(told, OrderUpdate).status is OrderStatus.PENDING_NEW
    order = only(desk.advance(0), OrderUpdate).order
    assert (order.status, order.is_armed) == (OrderStatus.NEW, True)
    assert not quote(desk, 95.01)
    told = quote(desk, 95.0)
    sent = only(told, NewOrderRequest).order
    assert (sent.order_type, sent.stop_price) == (OrderType.MARKET, Decimal(0))
    assert (sent.client_order_id, sent.order_id) == (order.client_order_id, order.order_id)
    update = only(told, OrderUpdate)
    assert (update.status, update.order.is_armed) == (OrderStatus.PENDING_NEW, False)
    assert not all_of(quote(desk, 90.0), NewOrderRequest), "it has gone off"
    told = desk.say(sent, OrderStatus.FILLED, desk.fill(sent, "1"))
    update = only(told, OrderUpdate)
    assert (update.order_id, update.status) == (order.order_id, OrderStatus.FILLED)
    assert update.order.order_type is OrderType.STOP_LOSS
    assert desk.position() == 0
    assert len(desk.ever_sent(NewOrderRequest)) == 2, "the purchase and the sale"


@pytest.mark.parametrize(
    ("terms", "quiet", "reached"),
    [
        ({"order_type": OrderType.STOP_LOSS_LIMIT, "price": Decimal(94)}, 95.01, 95.0),
        ({"order_type": OrderType.TAKE_PROFIT, "stop_price": Decimal(105)}, 104.99, 105.0),
        (
            {
                "order_type": OrderType.TAKE_PROFIT_LIMIT,
                "stop_price": Decimal(105),
                "price": Decimal(104),
            },
            104.99,
            106.0,
        ),
        ({"side": Side.BUY, "stop_price": Decimal(105)}, 104.98, 104.99),
        (
            {
                "side": Side.BUY,
                "order_type": OrderType.TAKE_PROFIT_LIMIT,
                "stop_price": Decimal(98),
                "price": Decimal(98),
            },
            98.0,
            97.99,
        ),
    ],
)
def test_each_kind_goes_off_on_its_side_as_what_it_becomes(
    terms: dict[str, Any], quiet: float, reached: float
) -> None:
    """A SELL looks at the bid, a BUY at the ask, which is a tick above."""
    desk = open_desk()
    order = arm(desk, **terms)
    assert not quote(desk, quiet)
    sent = only(quote(desk, reached), NewOrderRequest).order
    has_price = order.order_type.has_price
    assert sent.order_type is (OrderType.LIMIT if has_price else OrderType.MARKET)
    assert sent.price == terms.get("price", 0)


def test_a_trailing_stop_follows_the_best_price_and_remembers_it_over_a_restart() -> None:
    desk = open_desk()
    arm(desk, stop_price=None, trailing_delta=100)
    for bid in (100.0, 110.0, 109.0):
        assert not all_of(quote(desk, bid), NewOrderRequest)
        desk.advance(1)
    desk.restart()
    desk.go_on()
    assert not all_of(quote(desk, 108.91), NewOrderRequest)
    assert only(quote(desk, 108.9), NewOrderRequest).order.order_type is OrderType.MARKET


def test_a_trailing_stop_begins_where_its_stop_price_is() -> None:
    desk = open_desk()
    arm(desk, order_type=OrderType.TAKE_PROFIT, stop_price=Decimal(105), trailing_delta=100)
    assert not all_of([*quote(desk, 104.0), *quote(desk, 90.0)], NewOrderRequest)
    assert not all_of(quote(desk, 106.0), NewOrderRequest)
    assert all_of(quote(desk, 104.9), NewOrderRequest)


def test_it_locks_nothing_counts_as_open_and_is_refused_where_it_would_go_off_at_once() -> None:
    desk = open_desk(maximum_open_orders=1)
    assert refusal_of(desk.place(**STOP | {"stop_price": Decimal(101)})) is Reason.PRICE
    before = desk.manager.books.free(Exchanges.BINANCE, "USDT")
    arm(desk, side=Side.BUY, stop_price=Decimal(105), quantity="5")
    assert desk.manager.books.free(Exchanges.BINANCE, "USDT") == before
    assert refusal_of(desk.place()) is Reason.MAX_OPEN_ORDERS


def test_a_cancel_before_it_goes_off_asks_the_venue_nothing() -> None:
    desk = open_desk()
    order = arm(desk)
    told = [*desk.cancel(order.order_id), *desk.advance(0)]
    assert [each.status for each in all_of(told, OrderUpdate)] == [
        OrderStatus.PENDING_CANCEL,
        OrderStatus.CANCELED,
    ]
    assert not all_of(
        [*told, *quote(desk, 90.0)],
        CancelOrderRequest,
    )
    assert not all_of(quote(desk, 89.0), NewOrderRequest)
    assert not desk.manager.books.table.open_orders()


def test_its_time_runs_from_when_it_stands() -> None:
    desk = open_desk()
    arm(desk, time_to_cancel=5.0)
    assert not all_of(desk.advance(4.9), OrderUpdate)
    last = all_of(desk.advance(0.2), OrderUpdate)[-1]
    assert (last.status, last.order.reason) == (OrderStatus.CANCELED, Reason.TIME_TO_CANCEL)


def test_other_terms_arm_it_anew_under_the_same_id() -> None:
    desk = open_desk()
    order = arm(desk, order_type=OrderType.STOP_LOSS_LIMIT, price=Decimal(94))
    told = [*desk.amend(order.order_id, quantity="0.5"), *desk.advance(0)]
    last = all_of(told, OrderUpdate)[-1]
    assert (last.order_id, last.status) == (order.order_id, OrderStatus.NEW)
    sent = only(quote(desk, 94.5), NewOrderRequest).order
    assert (sent.quantity, sent.price) == (Decimal("0.5"), Decimal(94))


def test_it_is_replaced_by_another_one() -> None:
    desk = open_desk()
    order = arm(desk)
    place = PlaceOrder(
        exchange=order.exchange,
        symbol=order.symbol,
        order_id="second",
        side=Side.SELL,
        order_type=OrderType.STOP_LOSS,
        quantity=Decimal(1),
        stop_price=Decimal(97),
    )
    desk.tell(
        ReplaceOrder(
            exchange=order.exchange,
            symbol=order.symbol,
            order_id=order.order_id,
            order=place,
            mode=ReplaceMode.STOP_ON_FAILURE,
        ),
        STRATEGY,
    )
    desk.advance(0)
    [current] = desk.manager.books.table.open_orders()
    assert (current.order_id, current.is_armed) == ("second", True)
    assert only(quote(desk, 97.0), NewOrderRequest).order.order_id == "second"


def test_a_halt_takes_it_back() -> None:
    desk = open_desk()
    arm(desk)
    told = [*desk.tell(HaltTrading(reason="test"), "Operator"), *desk.advance(0)]
    assert only(told, HaltCompleted).open_orders == 0
    assert not all_of([*told, *quote(desk, 90.0)], NewOrderRequest)


def test_a_close_cancels_it_first_and_sells_once() -> None:
    desk = open_desk()
    resting = desk.place_accepted(side=Side.SELL, price="120", quantity="0.5")
    arm(desk, quantity="0.5")
    told = [*desk.close_position(), *desk.advance(0)]
    assert not all_of(told, NewOrderRequest), "the other order rests still"
    sold = only(desk.say(resting, OrderStatus.CANCELED), NewOrderRequest).order
    assert sold.quantity == 1


def test_what_goes_off_in_a_hold_is_sent_when_that_ends() -> None:
    desk = open_desk()
    arm(desk)
    desk.tell(HoldTrading(reason="clock"), GATEWAY)
    assert not all_of([*quote(desk, 94.0), *quote(desk, 99.0)], NewOrderRequest)
    desk.tell(ReleaseTrading(), GATEWAY)
    assert all_of(desk.advance(0.1), NewOrderRequest), "the price was reached"


def test_after_a_restart_a_level_that_was_passed_meanwhile_goes_off_at_once() -> None:
    desk = open_desk()
    order = arm(desk)
    told = desk.restart()
    assert not all_of(told, NewOrderRequest) + all_of(told, QueryOrderRequest)
    resync = desk.go_on()
    assert [each.status for each in resync.open_orders] == [OrderStatus.NEW]
    assert not all_of(desk.advance(1), NewOrderRequest), "no price is known yet"
    sent = only(quote(desk, 80.0), NewOrderRequest).order
    assert sent.client_order_id == order.client_order_id


@pytest.mark.parametrize("has_checkpoint", [False, True])
def test_killed_after_it_went_off_it_is_asked_about_and_not_sent_again(
    has_checkpoint: bool,
) -> None:
    desk = open_desk()
    arm(desk)
    if has_checkpoint:
        desk.manager.checkpoints.ask()
        desk.advance(0)
    sent = only(quote(desk, 94.0), NewOrderRequest).order
    told = desk.restart()
    assert only(told, QueryOrderRequest).client_order_id == sent.client_order_id
    desk.say(sent, OrderStatus.FILLED, desk.fill(sent, "1"))
    desk.go_on()
    assert not all_of([*quote(desk, 90.0), *desk.advance(60)], NewOrderRequest)
    assert desk.position() == 0


def test_killed_between_writing_and_sending_it_is_armed_again_once_that_is_proven() -> None:
    desk = open_desk()
    order = arm(desk)
    sent = only(quote(desk, 94.0), NewOrderRequest).order
    desk.restart()
    assert desk.say(sent, OrderStatus.NOT_FOUND) == [], "no proof yet"
    desk.go_on()
    assert not all_of(quote(desk, 94.0), NewOrderRequest)
    desk.advance(3)
    told = [*desk.say(sent, OrderStatus.NOT_FOUND), *desk.advance(0.1)]
    again = only(told, NewOrderRequest).order
    assert again.client_order_id != sent.client_order_id, "no name is used twice"
    assert {each.order_id for each in all_of(told, OrderUpdate)} == {order.order_id}
    desk.restart()
    desk.say(again, OrderStatus.FILLED, desk.fill(again, "1"))
    desk.go_on()
    assert desk.position() == 0
    assert not all_of(quote(desk, 80.0), NewOrderRequest)


def test_a_late_word_of_an_order_proven_absent_takes_the_trigger_back() -> None:
    desk = open_desk()
    arm(desk)
    sent = only(quote(desk, 94.0), NewOrderRequest).order
    desk.say(sent, OrderStatus.UNKNOWN)
    desk.advance(3)
    quote(desk, 99.0)
    desk.say(sent, OrderStatus.NOT_FOUND)
    desk.advance(0)
    desk.say(sent, OrderStatus.FILLED, desk.fill(sent, "1"))
    assert not all_of(quote(desk, 90.0), NewOrderRequest)
    assert desk.position() == 0
    assert not desk.manager.books.table.open_orders()


def test_without_a_journal_it_does_not_stand_and_one_that_goes_off_is_tried_again() -> None:
    desk = open_desk()
    armed = only(desk.place(**STOP), TriggerArmed)
    failed = JournalFailed(target="OrderManager", reason="disk full", frames=[encode(armed)])
    update = only(desk.tell(failed, "system"), OrderUpdate)
    assert (update.status, update.reason) == (OrderStatus.REJECTED, Reason.JOURNAL)
    assert not desk.advance(0)
    arm(desk)
    unwritten = only(quote(desk, 94.0), NewOrderRequest)
    failed = JournalFailed(target="OrderManager", reason="disk full", frames=[encode(unwritten)])
    update = only(desk.tell(failed, "system"), OrderUpdate)
    assert (update.status, update.order.is_armed) == (OrderStatus.NEW, True)
    again = only(desk.advance(1.1), NewOrderRequest).order
    assert again.client_order_id == unwritten.order.client_order_id
