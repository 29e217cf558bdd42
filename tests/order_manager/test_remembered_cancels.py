"""A cancel that was asked for is not forgotten by a restart, whatever the venue had said of its order by then."""

import pytest

from messages.enums import Exchanges, OrderStatus, OrderType, Side
from messages.order_lists import ReplaceOrder
from messages.order_requests import NewOrderListRequest
from messages.orders import CancelOrderRequest, Order
from tests.order_manager.brackets import ask_bracket, leg
from tests.order_manager.brackets import open_desk as open_full_desk
from tests.order_manager.desk import STRATEGY, Desk, all_of, only
from tests.order_manager.lost_orders import deny_for_good, find, open_alone, open_bracket
from tests.order_manager.triggers import quote

S = OrderStatus


def cancels_after(desk: Desk, order: Order, status: OrderStatus) -> list[str]:
    """What is canceled when the venue says this of the order, and lists it."""
    view = desk.view(order, status, order_type=OrderType.LIMIT)
    desk.go_on([view])
    desk.advance(0)
    return [each.client_order_id for each in desk.sent(CancelOrderRequest)]


@pytest.mark.parametrize("keeps_checkpoint", [False, True])
@pytest.mark.parametrize("is_listed", [False, True])
@pytest.mark.parametrize("killed_after", ["cancel", "refusal", "denial"])
def test_of_an_order_that_was_given_up_afterwards_and_turns_up(
    killed_after: str, is_listed: bool, keeps_checkpoint: bool
) -> None:
    desk, order = open_bracket() if is_listed else open_alone()
    desk.say(order, S.UNKNOWN)
    desk.cancel(order.order_id)
    for step in ("cancel", "refusal", "denial"):
        if step == "refusal":
            desk.refuse_cancel(order)
        elif step == "denial":
            desk.advance(3)
            desk.say(order, S.NOT_FOUND)
            assert find(desk, order.order_id).status is S.NOT_FOUND
        if step == killed_after:
            if keeps_checkpoint:
                desk.manager.on_stop()
            desk.restart()
            desk.watch()
    told = [*desk.say(order, S.NEW, order_type=OrderType.LIMIT), *desk.advance(0)]
    assert only(told, CancelOrderRequest).client_order_id == order.client_order_id


@pytest.mark.parametrize("keeps_checkpoint", [False, True])
def test_of_a_list_with_an_order_that_had_been_given_up_before(keeps_checkpoint: bool) -> None:
    desk, target = open_bracket()
    desk.say(target, S.NEW)
    deny_for_good(desk, target)
    desk.cancel("stop")
    desk.advance(0)
    if keeps_checkpoint:
        desk.manager.on_stop()
    desk.restart()
    assert cancels_after(desk, target, S.NEW) == [target.client_order_id]


def test_of_a_list_whose_order_is_being_canceled_for_another_one() -> None:
    desk, target = open_bracket()
    desk.say(target, S.NEW)
    assert only(quote(desk, 95.0), CancelOrderRequest)
    desk.cancel("stop")
    desk.advance(0)
    assert find(desk, "stop").status is S.CANCELED
    desk.restart()
    assert cancels_after(desk, target, S.NEW) == [target.client_order_id]


def test_of_a_list_of_which_a_cancel_was_refused() -> None:
    desk, target = open_bracket()
    desk.say(target, S.NEW)
    desk.cancel("stop")
    desk.advance(0)
    desk.refuse_cancel(target)
    desk.restart()
    assert cancels_after(desk, target, S.NEW) == [target.client_order_id]


@pytest.mark.parametrize("is_one_request", [True, False])
@pytest.mark.parametrize("is_canceled", [True, False])
@pytest.mark.parametrize("was_refused", [True, False])
def test_of_an_order_that_is_being_replaced(
    was_refused: bool, is_canceled: bool, is_one_request: bool
) -> None:
    """What was asked for before the replacement, and refused, is no wish any more: that would cost the old order."""
    desk = open_full_desk()
    instrument = desk.manager.books.instruments[Exchanges.BINANCE, "BTCUSDT"]
    instrument.allows_cancel_replace = is_one_request
    old = desk.place_accepted()
    if was_refused:
        desk.cancel(old.order_id)
        desk.refuse_cancel(old)
        desk.say(old, S.NEW)
    replacement = leg("new", OrderType.LIMIT, Side.BUY, price="99")
    desk.tell(
        ReplaceOrder(
            exchange=Exchanges.BINANCE, symbol="BTCUSDT", order_id=old.order_id, order=replacement
        ),
        STRATEGY,
    )
    if is_canceled:
        desk.cancel(old.order_id)
    desk.restart()
    if is_one_request:
        desk.watch()
        desk.advance(60)
        desk.say(find(desk, "new"), S.NOT_FOUND)
    assert cancels_after(desk, old, S.NEW) == ([old.client_order_id] if is_canceled else [])


def test_one_that_was_refused_is_not_asked_for_anew_of_a_single_order() -> None:
    """Its strategy has been told, and may have thought better of it."""
    desk = Desk().start()
    order = desk.place_accepted()
    desk.cancel(order.order_id)
    desk.refuse_cancel(order)
    desk.restart()
    assert not cancels_after(desk, order, S.NEW)
    assert not all_of(desk.advance(60), CancelOrderRequest)


def test_one_that_made_way_is_not_taken_for_a_wish_when_it_is_asked_for_again() -> None:
    """The stop was reached, the cancel of the target refused and sent again: the list goes on, and the price is back."""
    desk, target = open_bracket()
    desk.say(target, S.NEW)
    assert only(quote(desk, 95.0), CancelOrderRequest)
    desk.refuse_cancel(target)
    told = [*desk.say(target, S.NEW), *quote(desk, 100.0), *desk.advance(1)]
    assert only(told, CancelOrderRequest)
    desk.restart()
    assert not cancels_after(desk, target, S.NEW)
    assert find(desk, "target").status is S.NEW
    assert find(desk, "stop").status is S.NEW


@pytest.mark.parametrize("dies", [False, True])
def test_of_the_orders_that_the_venue_cancels_with_it(dies: bool) -> None:
    desk = open_full_desk({"USDT": "1000", "BTC": "1"}, absence_after_s=2.0)
    listed = only(ask_bracket(desk), NewOrderListRequest).orders
    for each in listed:
        desk.say(each, S.NEW)
    assert only(desk.cancel("entry"), CancelOrderRequest)
    assert [find(desk, each.order_id).is_end_wanted for each in listed] == [True] * 3
    desk.refuse_cancel(listed[0])
    if dies:
        desk.restart()
        desk.watch()
    deny_for_good(desk, find(desk, "target"))
    told = desk.say(find(desk, "target"), S.NEW, order_type=OrderType.LIMIT_MAKER)
    assert only(told, CancelOrderRequest).list_id == listed[0].client_order_id
