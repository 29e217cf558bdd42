"""A stop at the venue that offers more than a lost target has left: canceled, and armed again for the rest if that is safe."""

from decimal import Decimal

import pytest

from actors.testing import make_instrument
from messages.base import Message
from messages.control import HaltTrading, Ready, ResumeTrading, Resync, ResyncRequest
from messages.enums import ListState, OrderStatus, OrderType, Reason
from messages.order_lists import OrderListUpdate
from messages.orders import (
    CancelOrderRequest,
    Fill,
    NewOrderRequest,
    Order,
    OrderUpdate,
    QueryOrderRequest,
)
from messages.recovery import TriggerArmed
from tests.order_manager.desk import GATEWAY, STRATEGY, Desk, all_of, only
from tests.order_manager.lost_orders import find, lose, open_bracket, send_stop
from tests.order_manager.triggers import quote

S = OrderStatus


def send_too_much(desk: Desk, target: Order) -> Order:
    """The target is given up, the stop rests at the venue for all, and the target turns up, with 0.4 sold."""
    stop = send_stop(desk, target)
    desk.say(stop, S.NEW, order_type=OrderType.LIMIT)
    return stop


def turn_up(desk: Desk, target: Order) -> list[Message]:
    """The venue finds the target, which has sold 0.4 of 1."""
    fill = desk.fill(target, "0.4")
    return [
        *desk.say(target, S.PARTIALLY_FILLED, fill, order_type=OrderType.LIMIT),
        *desk.advance(0),
    ]


def confirm(desk: Desk, order: Order, executed: str) -> list[Message]:
    """The venue confirms a cancel; what follows within a second."""
    return [*desk.say(order, S.CANCELED, executed=executed), *desk.advance(1)]


@pytest.mark.parametrize("sold", ["0", "0.25"])
@pytest.mark.parametrize("is_target_first", [True, False])
def test_the_rest_is_sold_once_both_are_gone(is_target_first: bool, sold: str) -> None:
    desk, target = open_bracket()
    stop = send_too_much(desk, target)
    names = {each.client_order_id for each in all_of(turn_up(desk, target), CancelOrderRequest)}
    assert names == {target.client_order_id, stop.client_order_id}
    if Decimal(sold):
        desk.say(stop, S.PARTIALLY_FILLED, desk.fill(stop, sold), order_type=OrderType.LIMIT)
    ends = [(target, "0.4"), (stop, sold)]
    first, last = ends if is_target_first else ends[::-1]
    assert not all_of(confirm(desk, *first), NewOrderRequest), "one may still sell"
    rest = only(confirm(desk, *last), NewOrderRequest).order
    assert rest.quantity == Decimal("0.6") - Decimal(sold)
    desk.say(rest, S.FILLED, desk.fill(rest, str(rest.quantity)))
    assert desk.position() == 0
    assert not desk.manager.books.table.open_orders()
    assert desk.ever_sent(OrderListUpdate)[-1].state is ListState.ALL_DONE


def test_a_price_that_is_back_leaves_it_armed_also_over_a_restart() -> None:
    desk, target = open_bracket()
    stop = send_too_much(desk, target)
    turn_up(desk, target)
    quote(desk, 100.0)
    told = [*confirm(desk, target, "0.4"), *confirm(desk, stop, "0")]
    assert only(told, TriggerArmed).order.quantity == Decimal("0.6")
    assert not all_of(told, NewOrderRequest)
    desk.restart()
    desk.go_on()
    assert not desk.sent(NewOrderRequest)
    assert only(quote(desk, 94.0), NewOrderRequest).order.quantity == Decimal("0.6")


def test_one_that_never_left_is_sent_again_for_the_rest_wherever_the_price_is() -> None:
    desk, target = open_bracket()
    stop = send_stop(desk, target)
    turn_up(desk, target)
    quote(desk, 100.0)
    desk.say(stop, S.REJECTED, reason=Reason.UNSENT)
    told = [*confirm(desk, target, "0.4"), *desk.advance(1)]
    assert only(told, NewOrderRequest).order.quantity == Decimal("0.6")


@pytest.mark.parametrize("keeps_checkpoint", [False, True])
@pytest.mark.parametrize("is_target_first", [False, True])
@pytest.mark.parametrize("is_refused", [False, True])
def test_a_restart_before_its_cancel_is_confirmed_changes_nothing(
    is_refused: bool, is_target_first: bool, keeps_checkpoint: bool
) -> None:
    desk, target = open_bracket()
    stop = send_too_much(desk, target)
    turn_up(desk, target)
    if is_refused:
        desk.refuse_cancel(stop)
    if keeps_checkpoint:
        desk.manager.on_stop()
    desk.restart()
    desk.watch()
    desk.tell(make_instrument(), GATEWAY)
    ends = [(target, "0.4"), (stop, "0")]
    for end in ends if is_target_first else ends[::-1]:
        confirm(desk, *end)
    desk.state_account({"USDT": "1000"})
    told = [*quote(desk, 94.0), *desk.advance(1)]
    assert only(told, NewOrderRequest).order.quantity == Decimal("0.6")


def restart_without_rules(*, is_asked: bool = False) -> tuple[Desk, list[Message]]:
    """The bot begins anew and hears of both ends before it knows the rules: by itself, or as it asks; what it sent."""
    desk, target = open_bracket()
    stop = send_too_much(desk, target)
    turn_up(desk, target)
    return desk, begin_without_rules(desk, target, stop, is_asked=is_asked)


def begin_without_rules(
    desk: Desk, target: Order, stop: Order, *, is_asked: bool = False
) -> list[Message]:
    """As above."""
    told = desk.restart()
    desk.tell(ResyncRequest(actor=STRATEGY), "system")
    desk.watch()
    told += desk.advance(0)
    if is_asked:
        asked = desk.state_account({"USDT": "1000"})
        names = {each.order_id for each in all_of(asked, QueryOrderRequest)}
        assert names == {"target", "stop"}
    told += [*confirm(desk, target, "0.4"), *confirm(desk, stop, "0")]
    if not is_asked:
        desk.state_account({"USDT": "1000"})
    return told


def words_about_stop(told: list[Message]) -> list[OrderStatus]:
    """What the strategy hears of it."""
    return [each.status for each in all_of(told, OrderUpdate) if each.order_id == "stop"]


@pytest.mark.parametrize("is_asked", [False, True])
def test_an_end_that_is_told_before_the_rules_are_known_waits_for_them(*, is_asked: bool) -> None:
    desk, told = restart_without_rules(is_asked=is_asked)
    assert S.CANCELED not in words_about_stop(told)
    assert not all_of(told, TriggerArmed | Ready)  # type: ignore[arg-type]
    told = desk.tell(make_instrument(), GATEWAY)
    assert only(told, TriggerArmed).order.quantity == Decimal("0.6")
    assert "stop" in [each.order_id for each in only(told, Resync).open_orders]
    told = [*quote(desk, 94.0), *desk.advance(1)]
    assert only(told, NewOrderRequest).order.quantity == Decimal("0.6")
    desk.tell(make_instrument(), GATEWAY)
    assert len(desk.sent(TriggerArmed)) == 1


def test_it_waits_for_them_over_another_restart_too() -> None:
    desk, target = open_bracket()
    stop = send_too_much(desk, target)
    turn_up(desk, target)
    begin_without_rules(desk, target, stop)
    begin_without_rules(desk, target, stop)
    told = desk.tell(make_instrument(), GATEWAY)
    assert only(told, TriggerArmed).order.quantity == Decimal("0.6")


def test_it_waits_for_them_also_where_a_checkpoint_was_written_meanwhile() -> None:
    desk, target = open_bracket()
    stop = send_too_much(desk, target)
    turn_up(desk, target)
    begin_without_rules(desk, target, stop)
    desk.manager.on_stop()
    begin_without_rules(desk, target, stop)
    told = desk.tell(make_instrument(), GATEWAY)
    assert only(told, TriggerArmed).order.quantity == Decimal("0.6")


def test_what_it_has_sold_is_told_late_and_its_end_is_not_told_before_the_rules_are_known() -> None:
    desk, _ = restart_without_rules()
    stop = find(desk, "stop")
    told = desk.say(stop, S.CANCELED, desk.fill(stop, "0.2"), executed="0.2")
    assert not words_about_stop(told)
    told = desk.tell(make_instrument(), GATEWAY)
    assert only(told, TriggerArmed).order.quantity == Decimal("0.4")
    assert only(told, Fill).quantity == Decimal("0.2")
    assert desk.position() == Decimal("0.4")


@pytest.mark.parametrize("word", ["cancel", "cancel of its list", "halt", "halt and resume"])
def test_a_word_that_ends_it_before_the_rules_are_known_ends_it(word: str) -> None:
    desk, target = open_bracket()
    stop = send_too_much(desk, target)
    turn_up(desk, target)
    desk.restart()
    desk.tell(ResyncRequest(actor=STRATEGY), "system")
    desk.watch()
    desk.advance(0)
    confirm(desk, stop, "0")
    told: list[Message] = []
    if word.startswith("cancel"):
        told += desk.cancel("target" if word == "cancel of its list" else "stop")
    else:
        desk.tell(HaltTrading(reason="enough"), "system")
    if word == "halt and resume":
        desk.tell(ResumeTrading(), "system")
    told += confirm(desk, target, "0.4")
    told += desk.state_account({"USDT": "1000"})
    told += desk.tell(make_instrument(), GATEWAY)
    assert not all_of(told, TriggerArmed)
    assert words_about_stop(told) == [S.CANCELED]


@pytest.mark.parametrize("word", ["cancel", "halt", "close"])
def test_a_word_that_ends_it_ends_it(word: str) -> None:
    desk, target = open_bracket()
    stop = send_too_much(desk, target)
    turn_up(desk, target)
    if word == "cancel":
        desk.cancel("stop")
    elif word == "halt":
        desk.tell(HaltTrading(reason="enough"), "system")
    else:
        desk.close_position()
    told = [*confirm(desk, target, "0.4"), *confirm(desk, stop, "0")]
    assert not all_of(told, TriggerArmed)
    sales = [each.order for each in all_of(told, NewOrderRequest)]
    assert [(each.order_type, each.quantity) for each in sales] == (
        [(OrderType.MARKET, Decimal("0.6"))] if word == "close" else []
    )


def test_while_still_another_exit_may_turn_up_nothing_is_sent() -> None:
    desk, target = open_bracket()
    first = send_stop(desk, target)
    second = only(lose(desk, first), NewOrderRequest).order
    desk.say(second, S.NEW, order_type=OrderType.LIMIT)
    turn_up(desk, target)
    told = [*confirm(desk, target, "0.4"), *confirm(desk, second, "0")]
    assert find(desk, "stop").status is S.NOT_FOUND
    assert not all_of(told, TriggerArmed | NewOrderRequest)  # type: ignore[arg-type]
    update = desk.ever_sent(OrderListUpdate)[-1]
    assert (update.state, update.unprotected_quantity) == (ListState.UNPROTECTED, Decimal("0.6"))


def test_what_no_order_can_be_is_left() -> None:
    desk, target = open_bracket()
    stop = send_too_much(desk, target)
    turn_up(desk, target)
    desk.say(stop, S.PARTIALLY_FILLED, desk.fill(stop, "0.5999999"), order_type=OrderType.LIMIT)
    told = [*confirm(desk, target, "0.4"), *confirm(desk, stop, "0.5999999")]
    assert not all_of(told, TriggerArmed | NewOrderRequest)  # type: ignore[arg-type]
    assert not desk.manager.books.table.open_orders()
