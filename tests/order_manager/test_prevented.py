"""Orders that self-trade prevention has taken a part of: what is executed of them is less than what they were for.

stp_faq.md: with DECREMENT both orders lose what would have traded, and one whose rest is executed is FILLED.
"""

from decimal import Decimal

import pytest

from messages.enums import ListState, OrderStatus, OrderType
from messages.order_lists import OrderListUpdate
from messages.order_requests import NewOrderListRequest
from messages.orders import CancelOrderRequest, NewOrderRequest, Order, OrderUpdate
from tests.order_manager.brackets import ask_bracket, fill_entry, open_desk, open_flat
from tests.order_manager.desk import Desk, all_of, only
from tests.order_manager.triggers import quote

EXITS = ("target", "stop")
EXPIRED = OrderStatus.EXPIRED


def find(desk: Desk, name: str) -> Order:
    order = desk.manager.books.table.get(name)
    assert order is not None
    return order


@pytest.mark.parametrize("is_kept", [False, True])
def test_the_end_of_an_entry_that_leaves_something_unprotected_is_told(is_kept: bool) -> None:
    """Told before, while the rest of the entry was still to be bought, it is no news in any other way."""
    desk = open_flat() if is_kept else open_desk({"USDT": "1000"})
    told = ask_bracket(desk)
    sent = all_of(told, NewOrderRequest) if is_kept else all_of(told, NewOrderListRequest)
    entry = find(desk, "entry")
    assert sent
    desk.say(entry, OrderStatus.NEW)
    told = desk.say(entry, OrderStatus.PARTIALLY_FILLED, desk.fill(entry, "0.4"))
    assert only(told, OrderListUpdate).unprotected_quantity == Decimal("0.4")
    told = desk.say(entry, OrderStatus.EXPIRED_IN_MATCH)
    told = [*told, *desk.advance(1)]
    if not is_kept:
        told = [message for name in EXITS for message in desk.say(find(desk, name), EXPIRED)]
    last = only(told, OrderListUpdate)
    assert (last.state, last.unprotected_quantity) == (ListState.UNPROTECTED, Decimal("0.4"))
    assert not any(find(desk, name).is_open for name in last.order_ids)
    assert told.index(last) > max(told.index(update) for update in all_of(told, OrderUpdate))


def test_the_exits_sell_what_the_entry_has_brought() -> None:
    desk = open_flat()
    target = only(fill_entry(desk, "0.6"), NewOrderRequest).order
    assert target.quantity == Decimal("0.6")
    assert find(desk, "stop").quantity == Decimal("0.6")


def test_a_target_that_is_filled_in_a_part_leaves_the_stop_for_the_rest() -> None:
    desk = open_flat()
    target = only(fill_entry(desk), NewOrderRequest).order
    desk.say(target, OrderStatus.NEW)
    desk.say(target, OrderStatus.FILLED, desk.fill(target, "0.6"))
    assert find(desk, "stop").status is OrderStatus.NEW
    sold = only(quote(desk, 94.0), NewOrderRequest).order
    assert (sold.order_type, sold.quantity) == (OrderType.MARKET, Decimal("0.4"))


def test_a_target_that_expires_in_match_leaves_the_stop_for_all() -> None:
    desk = open_flat()
    target = only(fill_entry(desk), NewOrderRequest).order
    desk.say(target, OrderStatus.NEW)
    told = desk.say(target, OrderStatus.EXPIRED_IN_MATCH)
    assert not all_of([*told, *desk.advance(1)], CancelOrderRequest)
    sold = only(quote(desk, 94.0), NewOrderRequest).order
    assert sold.quantity == 1
    told = desk.say(sold, OrderStatus.EXPIRED_IN_MATCH, desk.fill(sold, "0.7"))
    last = all_of(told, OrderListUpdate)[-1]
    assert (last.state, last.unprotected_quantity) == (ListState.UNPROTECTED, Decimal("0.3"))
