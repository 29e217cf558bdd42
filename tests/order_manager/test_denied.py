"""Orders that the venue has acknowledged and then denies: asked for a bounded time, given up loudly, and revocable."""

import logging
from decimal import Decimal

import pytest

from messages.base import Message
from messages.control import HaltCompleted, HaltTrading
from messages.enums import OrderStatus, Reason, Side
from messages.order_requests import SnapshotRequest
from messages.orders import (
    CancelOrderRequest,
    Fill,
    NewOrderRequest,
    Order,
    OrderUpdate,
    QueryOrderRequest,
)
from tests.order_manager.desk import Desk, all_of, only

BALANCES = {"USDT": "1000", "BTC": "1"}


def deny(desk: Desk, order: Order, seconds: float, *, lists: bool = False) -> list[Message]:
    """For so long every question about the order is answered by "no such order"; the account is told when asked for."""
    told: list[Message] = []
    for _ in range(round(seconds)):
        news = desk.advance(1)
        while news:
            told += news
            answers: list[Message] = []
            for each in news:
                if isinstance(each, QueryOrderRequest):
                    answers += desk.say(order, OrderStatus.NOT_FOUND)
                elif isinstance(each, SnapshotRequest):
                    listed = [desk.view(order, OrderStatus.NEW)] if lists else []
                    answers += desk.state_account(BALANCES, listed)
            news = answers
    return told


def start_denying(desk: Desk, order: Order) -> None:
    """The account does not list it, so that it is asked for."""
    desk.advance(1)
    assert all_of(desk.state_account(BALANCES), QueryOrderRequest)
    desk.say(order, OrderStatus.NOT_FOUND)


def test_an_acknowledged_order_that_is_denied_for_good_ends_and_frees_its_funds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk(absence_after_s=30.0, maximum_open_orders=1).start(BALANCES)
    order = desk.place_accepted(Side.BUY, "1", "90")
    start_denying(desk, order)
    assert not all_of(deny(desk, order, 25), OrderUpdate), "its read side may lag"
    assert desk.manager.books.table.open_orders() != []
    with caplog.at_level(logging.ERROR):
        update = only(deny(desk, order, 60), OrderUpdate)
    assert (update.status, update.order.reason) == (OrderStatus.NOT_FOUND, Reason.UNKNOWN_ORDER)
    assert not update.order.is_open
    assert "does not know" in caplog.text
    assert order.client_order_id in caplog.text
    assert desk.manager.reconciliation.discrepancies == {"orders": 1}
    assert all_of(desk.place(), NewOrderRequest), "it counts against no limit any more"


def test_one_that_was_given_up_is_asked_for_a_few_times_more_and_then_never_again() -> None:
    desk = Desk(absence_after_s=30.0).start(BALANCES)
    order = desk.place_accepted(Side.BUY, "1", "90")
    start_denying(desk, order)
    deny(desk, order, 90)
    asked = []
    for minute in range(1, 3_000):
        for _ in all_of(desk.advance(60), QueryOrderRequest):
            asked.append(minute)
            assert not all_of(desk.say(order, OrderStatus.NOT_FOUND), OrderUpdate)
    assert len(asked) == 7
    assert asked[0] >= 9
    assert 1_200 < asked[-1] < 1_500
    assert not desk.manager.inquiries.running
    assert desk.manager.reconciliation.discrepancies == {"orders": 1}


def test_executions_that_the_venue_remembers_later_are_booked() -> None:
    desk = Desk(absence_after_s=30.0).start(BALANCES)
    order = desk.place_accepted(Side.BUY, "1", "90")
    desk.say(order, OrderStatus.CANCELED, executed="0.4")
    deny(desk, order, 90)
    assert desk.position() == 0
    assert all_of(desk.advance(600), QueryOrderRequest)
    desk.say(order, OrderStatus.CANCELED, desk.fill(order, "0.4"), executed="0.4")
    assert desk.position() == Decimal("0.4")
    assert not desk.manager.inquiries.running


def test_a_denial_is_no_proof_while_the_account_lists_the_order() -> None:
    desk = Desk(absence_after_s=30.0).start(BALANCES)
    order = desk.place_accepted(Side.BUY, "1", "90")
    start_denying(desk, order)
    assert not all_of(deny(desk, order, 300, lists=True), OrderUpdate)
    assert [each.status for each in desk.manager.books.table.open_orders()] == [OrderStatus.NEW]


def test_any_word_of_the_venue_between_begins_the_count_anew() -> None:
    desk = Desk(absence_after_s=30.0).start(BALANCES)
    order = desk.place_accepted(Side.BUY, "1", "90")
    for _ in range(4):
        start_denying(desk, order)
        assert not all_of(deny(desk, order, 25), OrderUpdate)
        desk.say(order, OrderStatus.NEW)
    assert desk.manager.books.table.open_orders() != []


@pytest.mark.parametrize("status", [OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED])
def test_even_that_is_revoked_by_a_later_event(
    status: OrderStatus, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(absence_after_s=30.0).start(BALANCES)
    order = desk.place_accepted(Side.BUY, "1", "90")
    start_denying(desk, order)
    deny(desk, order, 90)
    assert desk.manager.books.table.open_orders() == []
    fills = [desk.fill(order, "0.4")] if status is OrderStatus.PARTIALLY_FILLED else []
    with caplog.at_level(logging.ERROR):
        told = desk.say(order, status, *fills)
    assert only(told, OrderUpdate).status is status
    assert "is there after all" in caplog.text
    assert [each.status for each in desk.manager.books.table.open_orders()] == [status]
    desk.say(order, OrderStatus.FILLED, desk.fill(order, "0.6" if fills else "1"))
    assert desk.position() == 1
    assert len(desk.sent(Fill)) == len(fills) + 1


def test_one_that_turns_up_again_during_a_halt_is_canceled() -> None:
    desk = Desk(absence_after_s=30.0).start(BALANCES)
    order = desk.place_accepted(Side.BUY, "1", "90")
    start_denying(desk, order)
    deny(desk, order, 90)
    assert only(desk.tell(HaltTrading(reason="enough"), "system"), HaltCompleted).open_orders == 0
    told = desk.say(order, OrderStatus.NEW)
    assert only(told, CancelOrderRequest).client_order_id == order.client_order_id


def test_a_cancel_that_nobody_answers_ends_as_well() -> None:
    desk = Desk(absence_after_s=30.0).start(BALANCES)
    order = desk.place_accepted(Side.BUY, "1", "90")
    desk.cancel(order.order_id)
    ended = all_of(deny(desk, order, 150), OrderUpdate)
    assert [each.status for each in ended] == [OrderStatus.NOT_FOUND]


def test_a_cancel_of_an_order_that_never_arrived_ends_as_well() -> None:
    desk = Desk(absence_after_s=30.0).start({"USDT": "150"})
    order = only(desk.place(), NewOrderRequest).order
    desk.cancel(order.order_id)
    ended = all_of(deny(desk, order, 150), OrderUpdate)
    assert ended[-1].status is OrderStatus.NOT_FOUND
    assert all_of(desk.place(), NewOrderRequest), "its funds are free again"


def test_executions_that_are_never_told_end_the_asking_and_hold_up_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Archived: the venue has counted an execution, and knows the order no more when its trades are asked for."""
    desk = Desk(absence_after_s=30.0).start(BALANCES)
    desk.buy_filled("1")
    order = desk.place_accepted(Side.BUY, "1", "90")
    desk.say(order, OrderStatus.CANCELED, executed="0.4")
    assert desk.manager.books.unsettled_orders
    desk.close_position()
    assert not desk.sent(NewOrderRequest)[2:], "what may still come in is waited for"
    with caplog.at_level(logging.ERROR):
        told = deny(desk, order, 90)
    assert "0.4 of it never told" in caplog.text
    assert only(told, NewOrderRequest).order.quantity == 1, "what is known to be held is sold"
    assert not desk.manager.books.unsettled_orders
    # Told after all, they are booked.
    desk.say(order, OrderStatus.CANCELED, desk.fill(order, "0.4"), executed="0.4")
    assert desk.position() == Decimal("1.4")


def test_executions_that_were_given_up_are_asked_for_again_when_the_venue_names_their_order() -> (
    None
):
    desk = Desk(absence_after_s=30.0).start(BALANCES)
    order = desk.place_accepted(Side.BUY, "1", "90")
    desk.say(order, OrderStatus.CANCELED, executed="0.4")
    deny(desk, order, 90)
    assert not desk.manager.books.unsettled_orders
    desk.say(order, OrderStatus.CANCELED, executed="0.4")
    assert desk.manager.books.unsettled_orders
    assert all_of(desk.advance(1), QueryOrderRequest)
    desk.say(order, OrderStatus.CANCELED, desk.fill(order, "0.4"), executed="0.4")
    assert desk.position() == Decimal("0.4")
    assert not desk.manager.inquiries.running


def test_after_a_restart_it_is_asked_for_and_given_up_again() -> None:
    desk = Desk(absence_after_s=30.0).start(BALANCES)
    order = desk.place_accepted(Side.BUY, "1", "90")
    start_denying(desk, order)
    desk.restart()
    desk.watch()
    deny(desk, order, 150)
    assert desk.manager.books.table.open_orders() == []
    desk.advance(0)
    desk.restart()
    assert desk.manager.books.table.open_orders() == [], "what was given up stays so"


def test_time_that_was_spent_before_a_power_cut_took_the_acknowledgement_counts() -> None:
    """The intent is on the disk, the acknowledgement was lost: it has rested since it was sent."""
    desk = Desk().start(BALANCES)
    order = only(desk.place(time_to_cancel=10.0), NewOrderRequest).order
    desk.advance(6)
    desk.restart()
    desk.go_on([desk.view(order, OrderStatus.NEW)])
    assert not all_of(desk.advance(3.9), CancelOrderRequest)
    assert only(desk.advance(0.2), CancelOrderRequest).client_order_id == order.client_order_id
