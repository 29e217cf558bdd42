"""Cancels: asked for, refused, overtaken, and those that an order's own time brings."""

import pytest

from actors.testing import classes_of
from messages.enums import OrderStatus, Reason
from messages.orders import (
    CancelOrderRequest,
    Fill,
    NewOrderRequest,
    Order,
    OrderUpdate,
    QueryOrderRequest,
)
from tests.order_manager.desk import Desk, all_of, only


def status_of(desk: Desk, order: Order) -> OrderStatus:
    known = desk.manager.books.table.get(order.order_id)
    assert known is not None
    return known.status


def test_a_cancel_goes_to_the_venue_once() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    told = desk.cancel(order.order_id)
    assert classes_of(told) == [CancelOrderRequest, OrderUpdate]
    request = only(told, CancelOrderRequest)
    assert request.client_order_id == order.client_order_id
    assert request.exchange_order_id == desk.exchange_order_id
    assert only(told, OrderUpdate).status is OrderStatus.PENDING_CANCEL
    assert desk.cancel(order.order_id) == []
    ended = only(desk.say(order, OrderStatus.CANCELED), OrderUpdate)
    assert (ended.status, ended.reason) == (OrderStatus.CANCELED, Reason.NONE)


def test_a_cancel_may_overtake_the_acknowledgement() -> None:
    desk = Desk().start()
    order = only(desk.place(), NewOrderRequest).order
    assert all_of(desk.cancel(order.order_id), CancelOrderRequest)
    desk.say(order, OrderStatus.NEW)
    assert status_of(desk, order) is OrderStatus.PENDING_CANCEL
    desk.say(order, OrderStatus.CANCELED)
    assert status_of(desk, order) is OrderStatus.CANCELED


def test_a_cancel_of_what_is_unknown_or_not_ones_own_or_over_is_answered() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    for order_id, strategy in (("nothing", "Breakout"), (order.order_id, "Other")):
        told = desk.cancel(order_id, strategy)
        update = only(told, OrderUpdate)
        assert classes_of(told) == [OrderUpdate]
        assert (update.strategy, update.order_id) == (strategy, order_id)
        assert update.reason is Reason.UNKNOWN_ORDER
        assert not update.order.is_open
    desk.say(order, OrderStatus.CANCELED)
    told = desk.cancel(order.order_id)
    assert classes_of(told) == [OrderUpdate]
    assert only(told, OrderUpdate).reason is Reason.CANCEL_REFUSED


@pytest.mark.parametrize("is_unknown", [False, True])
def test_a_refused_cancel_brings_the_venues_word_back_and_is_asked_about(is_unknown: bool) -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.cancel(order.order_id)
    told = desk.refuse_cancel(order, is_unknown=is_unknown)
    update = only(told, OrderUpdate)
    assert (update.status, update.reason) == (OrderStatus.NEW, Reason.CANCEL_REFUSED)
    assert only(told, QueryOrderRequest).client_order_id == order.client_order_id
    assert not all_of(told, CancelOrderRequest)
    # It is asked again until the venue has spoken, were it only to say the same.
    assert all_of(desk.advance(10), QueryOrderRequest)
    desk.say(order, OrderStatus.NEW)
    assert desk.advance(300) == []


def test_a_cancel_refused_because_the_order_was_filled() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.cancel(order.order_id)
    desk.say(order, OrderStatus.FILLED, desk.fill(order, "1"))
    assert desk.refuse_cancel(order) == []
    assert status_of(desk, order) is OrderStatus.FILLED


def test_the_refusal_of_a_cancel_of_nobodys_order_is_ignored() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    order.client_order_id = "manual-1"
    assert desk.refuse_cancel(order) == []


def test_a_cancel_that_comes_with_executions_books_them() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.cancel(order.order_id)
    told = desk.say(order, OrderStatus.CANCELED, desk.fill(order, "0.3"))
    assert only(told, Fill).quantity == only(told, OrderUpdate).order.executed_quantity


@pytest.mark.parametrize("seconds", [1e10, 1e20, 1e300, 1.7e308])
def test_a_time_that_no_clock_can_count_is_as_good_as_never(seconds: float) -> None:
    desk = Desk().start()
    order = only(desk.place(time_to_cancel=seconds), NewOrderRequest).order
    desk.say(order, OrderStatus.NEW)
    assert not all_of(desk.advance(3600), CancelOrderRequest)
    assert desk.manager.books.table.get(order.order_id) is not None


def test_time_to_cancel_runs_from_the_acknowledgement() -> None:
    desk = Desk().start()
    order = only(desk.place(time_to_cancel=5.0), NewOrderRequest).order
    assert desk.advance(9) == []
    desk.say(order, OrderStatus.NEW)
    assert desk.advance(4.999) == []
    told = desk.advance(0.001)
    assert only(told, CancelOrderRequest).client_order_id == order.client_order_id
    update = only(told, OrderUpdate)
    assert update.status is OrderStatus.PENDING_CANCEL
    assert update.order.reason is Reason.TIME_TO_CANCEL
    ended = only(desk.say(order, OrderStatus.CANCELED), OrderUpdate)
    assert ended.order.reason is Reason.TIME_TO_CANCEL
    assert desk.advance(60) == []


def test_without_a_time_to_cancel_an_order_rests_for_ever() -> None:
    desk = Desk().start()
    desk.place_accepted()
    assert desk.advance(1_000_000) == []


def test_a_filled_order_has_no_time_to_cancel_any_more() -> None:
    desk = Desk().start()
    order = desk.place_accepted(time_to_cancel=5.0)
    desk.say(order, OrderStatus.FILLED, desk.fill(order, "1"))
    assert not all_of(desk.advance(60), CancelOrderRequest)


def test_a_timer_that_fires_early_waits_for_the_rest() -> None:
    desk = Desk().start()
    order = desk.place_accepted(time_to_cancel=5.0)
    timer = desk.manager._timers[desk.manager.cancels.timers[order.order_id]]
    timer.due_ns -= 900_000
    assert desk.advance(4.9995) == []
    assert all_of(desk.advance(0.0005), CancelOrderRequest)


@pytest.mark.parametrize("step_s", [-3600, 3600])
def test_a_step_of_the_clock_neither_lengthens_nor_shortens_the_time(step_s: int) -> None:
    desk = Desk().start()
    desk.place_accepted(time_to_cancel=5.0)
    desk.advance(2)
    # The loop's timers do not know of the step: they come due after the same three seconds.
    step_ns = step_s * 1_000_000_000
    desk.now_ns += step_ns
    for timer in desk.manager._timers.values():
        timer.due_ns += step_ns
    desk.manager.now_ns = desk.now_ns
    later = desk.place_accepted(time_to_cancel=50.0)
    assert not all_of(desk.advance(2.9), CancelOrderRequest)
    assert only(desk.advance(0.2), CancelOrderRequest).client_order_id != later.client_order_id


def test_a_cancel_for_its_time_is_seen_through_at_growing_distances() -> None:
    desk = Desk().start()
    order = desk.place_accepted(time_to_cancel=5.0)
    assert all_of(desk.advance(5), CancelOrderRequest)
    seconds = []
    for _ in range(9):
        desk.refuse_cancel(order, "Internal error; unable to process your request.")
        desk.say(order, OrderStatus.NEW)
        waited = 0.0
        while not all_of(desk.advance(0.5), CancelOrderRequest):
            waited += 0.5
        seconds.append(waited + 0.5)
    assert seconds == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    desk.say(order, OrderStatus.CANCELED)
    assert desk.advance(120) == []


def test_a_strategys_own_cancel_is_not_repeated() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.cancel(order.order_id)
    desk.refuse_cancel(order)
    desk.say(order, OrderStatus.NEW)
    assert not all_of(desk.advance(300), CancelOrderRequest)
    assert all_of(desk.cancel(order.order_id), CancelOrderRequest)
