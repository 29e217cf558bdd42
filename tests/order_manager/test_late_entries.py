"""Kept lists whose entry is lost, whose cancel is in doubt, or whose position is gone when the venue speaks after all."""

from decimal import Decimal

import pytest

from messages.base import Message
from messages.enums import ListState, OrderStatus, OrderType, Reason
from messages.order_lists import OrderListUpdate
from messages.orders import CancelOrderRequest, NewOrderRequest, Order
from tests.order_manager.brackets import ask_bracket
from tests.order_manager.desk import Desk, all_of, only
from tests.order_manager.lost_orders import (
    deny_for_good,
    find,
    lose,
    open_alone,
    open_bracket,
    open_pair,
)
from tests.order_manager.triggers import quote

S = OrderStatus


def send_entry(desk_arguments: float = 2.0) -> tuple[Desk, Order]:
    desk = Desk(absence_after_s=desk_arguments).start({"USDT": "1000"})
    quote(desk, 100.0)
    return desk, only(ask_bracket(desk), NewOrderRequest).order


def last_state(desk: Desk) -> OrderListUpdate:
    return desk.ever_sent(OrderListUpdate)[-1]


@pytest.mark.parametrize("reason", [Reason.UNSENT, Reason.VENUE])
def test_the_exits_of_an_entry_that_was_not_taken_come_to_nothing(reason: Reason) -> None:
    """Also if it never left this machine: an exit that never went off has nothing to go off again for."""
    desk, entry = send_entry()
    told = [*desk.say(entry, S.REJECTED, reason=reason), *desk.advance(2), *quote(desk, 80.0)]
    assert not all_of(told, NewOrderRequest)
    assert not desk.manager.books.table.open_orders()
    assert last_state(desk).state is ListState.REJECT


@pytest.mark.parametrize("dies", [False, True])
def test_an_entry_that_turns_up_when_its_exits_have_ended_is_canceled(dies: bool) -> None:
    desk, entry = send_entry()
    lose(desk, entry)
    assert {find(desk, name).status for name in ("target", "stop")} == {S.CANCELED}
    if dies:
        desk.restart()
        desk.watch()
    told = [*desk.say(entry, S.NEW), *desk.advance(0)]
    assert only(told, CancelOrderRequest).client_order_id == entry.client_order_id
    desk.say(entry, S.CANCELED)
    assert not desk.manager.books.table.open_orders()
    assert last_state(desk).state is ListState.ALL_DONE


@pytest.mark.parametrize("words", [["0.4"], ["1"], ["0.4", "1"]])
def test_what_a_lost_entry_has_bought_is_told_as_unprotected_and_no_more_is_bought(
    words: list[str],
) -> None:
    desk, entry = send_entry()
    lose(desk, entry)
    told: list[Message] = []
    bought = Decimal(0)
    for executed in words:
        part = Decimal(executed) - bought
        bought = Decimal(executed)
        status = S.FILLED if executed == "1" else S.PARTIALLY_FILLED
        told += [*desk.say(entry, status, desk.fill(entry, str(part))), *desk.advance(0)]
    cancels = all_of(told, CancelOrderRequest)
    assert len(cancels) == (1 if words[0] == "0.4" else 0)
    if bought < 1:
        desk.say(entry, S.CANCELED, executed="0.4")
    told += [*quote(desk, 80.0), *quote(desk, 120.0)]
    assert not all_of(told, NewOrderRequest)
    assert (last_state(desk).state, last_state(desk).unprotected_quantity) == (
        ListState.UNPROTECTED,
        bought,
    )
    assert desk.position() == bought
    assert not desk.manager.books.table.open_orders()


def test_an_entry_that_is_filled_in_the_moment_of_its_denial_has_no_exit_at_the_venue() -> None:
    """Between the end of the entry and that of its exits, which is a message of its own."""
    desk, entry = send_entry()
    desk.say(entry, S.UNKNOWN)
    desk.advance(3)
    desk.say(entry, S.NOT_FOUND)
    told = [*desk.say(entry, S.FILLED, desk.fill(entry, "1")), *desk.advance(1)]
    assert not all_of(told, NewOrderRequest)
    assert last_state(desk).state is ListState.UNPROTECTED
    assert not desk.manager.books.table.open_orders()


@pytest.mark.parametrize("is_unknown", [False, True])
def test_a_list_whose_end_was_asked_for_ends_though_a_cancel_fails(is_unknown: bool) -> None:
    for name in ("entry", "target"):
        desk, order = send_entry() if name == "entry" else open_bracket()
        desk.say(order, S.NEW)
        assert only(desk.cancel(name), CancelOrderRequest)
        desk.advance(0)
        told = desk.refuse_cancel(order, is_unknown=is_unknown)
        told += desk.say(order, S.NEW)
        told += desk.advance(1)
        assert only(told, CancelOrderRequest).client_order_id == order.client_order_id
        desk.say(order, S.CANCELED)
        desk.advance(60)
        assert not desk.manager.books.table.open_orders()


def test_a_refused_cancel_is_not_sent_again_at_once() -> None:
    """However often the venue refuses it: the distances grow."""
    desk, entry = send_entry()
    lose(desk, entry)
    desk.say(entry, S.NEW)
    desk.advance(0)
    cancels = 0
    for _ in range(20):
        told = [*desk.refuse_cancel(entry), *desk.say(entry, S.NEW), *desk.advance(0.2)]
        cancels += len(all_of(told, CancelOrderRequest))
    assert 1 <= cancels <= 4


@pytest.mark.parametrize("dies", [False, True])
def test_a_lost_target_that_turns_up_when_its_position_was_closed_is_canceled(dies: bool) -> None:
    desk, target = open_bracket()
    desk.say(target, S.NEW)
    quote(desk, 100.0)
    deny_for_good(desk, target)
    told = [*desk.close_position(), *desk.advance(0)]
    sale = only(told, NewOrderRequest).order
    desk.say(sale, S.FILLED, desk.fill(sale, "1"))
    if dies:
        desk.restart()
        desk.watch()
    told = [*desk.say(target, S.NEW, order_type=OrderType.LIMIT), *desk.advance(0)]
    assert only(told, CancelOrderRequest).client_order_id == target.client_order_id
    desk.say(target, S.CANCELED)
    assert not desk.manager.books.table.open_orders()
    assert desk.position() == 0


@pytest.mark.parametrize("opens", [open_bracket, open_pair])
def test_a_lost_target_that_turns_up_beside_its_armed_stop_goes_on(opens: type) -> None:
    desk, target = opens()
    desk.say(target, S.NEW)
    deny_for_good(desk, target)
    told = [*desk.say(target, S.NEW, order_type=OrderType.LIMIT), *desk.advance(1)]
    assert not all_of(told, CancelOrderRequest | NewOrderRequest)  # type: ignore[arg-type]
    assert find(desk, "target").status is S.NEW
    told = [*desk.say(target, S.FILLED, desk.fill(target, "1")), *desk.advance(0)]
    assert find(desk, "stop").status is S.CANCELED
    assert desk.position() == 0


def test_a_lost_target_that_turns_up_when_its_list_was_canceled_is_canceled() -> None:
    desk, target = open_bracket()
    desk.say(target, S.NEW)
    deny_for_good(desk, target)
    desk.cancel("stop")
    desk.advance(0)
    assert not desk.manager.books.table.open_orders()
    told = [*desk.say(target, S.NEW, order_type=OrderType.LIMIT), *desk.advance(0)]
    assert only(told, CancelOrderRequest).client_order_id == target.client_order_id
    desk.say(target, S.CANCELED)
    assert not desk.manager.books.table.open_orders()


@pytest.mark.parametrize("is_listed", [False, True])
def test_an_order_whose_cancel_was_asked_for_before_it_was_given_up_is_canceled_when_it_turns_up(
    is_listed: bool,
) -> None:
    desk, order = open_bracket() if is_listed else open_alone()
    desk.say(order, S.UNKNOWN)
    desk.cancel(order.order_id)
    desk.refuse_cancel(order)
    desk.advance(3)
    told = [*desk.say(order, S.NOT_FOUND), *desk.advance(0)]
    assert not all_of(told, NewOrderRequest)
    told = [*desk.say(order, S.NEW, order_type=OrderType.LIMIT), *desk.advance(0)]
    assert only(told, CancelOrderRequest).client_order_id == order.client_order_id
