"""What one view of an order does to another."""

from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.enums import OrderStatus, OrderType, Reason, Side
from messages.order_status import ENDS, LIVING_WORDS, TRANSITIONS, next_status
from messages.orders import Execution, Order

ONLY_OURS = (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN, OrderStatus.NOT_FOUND)
STATUSES = list(OrderStatus)


def make_order(status: OrderStatus = OrderStatus.PENDING_NEW, **fields: Any) -> Order:
    return Order(side=Side.BUY, order_type=OrderType.LIMIT, status=status, **fields)


def make_execution(trade_id: int, quantity: str) -> Execution:
    return Execution(trade_id=trade_id, price=Decimal(100), quantity=Decimal(quantity))


def test_only_an_order_updates_an_order() -> None:
    order = make_order()
    for other in (None, {"status": "FILLED"}, OrderStatus.FILLED, make_execution(1, "1")):
        with pytest.raises(ValueError, match="updated by another Order"):
            order.update(cast(Order, other))
    assert order == make_order()


def test_time_to_cancel_is_copied_if_it_is_set() -> None:
    order = make_order(time_to_cancel=5.0)
    assert not order.update(make_order())
    assert order.time_to_cancel == 5.0
    assert order.update(make_order(time_to_cancel=7.5))
    assert order.time_to_cancel == 7.5
    assert not order.update(make_order(time_to_cancel=7.5))


def test_status_is_copied_unless_it_is_new() -> None:
    order = make_order(OrderStatus.PARTIALLY_FILLED, venue_status=OrderStatus.PARTIALLY_FILLED)
    assert not order.update(make_order(OrderStatus.NEW))
    assert order.update(make_order(OrderStatus.CANCELED))
    assert order.venue_status is OrderStatus.CANCELED


@pytest.mark.parametrize("status", ONLY_OURS)
def test_new_replaces_what_only_we_had_said(status: OrderStatus) -> None:
    order = make_order(status)
    assert order.update(make_order(OrderStatus.NEW))
    assert order.status is OrderStatus.NEW


def test_unknown_replaces_only_pending_new() -> None:
    replaced = {
        status for status in STATUSES if next_status(status, OrderStatus.UNKNOWN) is not None
    }
    assert replaced == {OrderStatus.PENDING_NEW}


def test_a_terminal_status_is_final() -> None:
    assert not [key for key in TRANSITIONS if key[0].is_terminal]
    assert {status for status in STATUSES if status.is_terminal} == set(ENDS)


def test_not_found_is_revoked_by_any_word_of_the_venue() -> None:
    assert not OrderStatus.NOT_FOUND.is_terminal
    for said in (*LIVING_WORDS, *ENDS):
        assert next_status(OrderStatus.NOT_FOUND, said) is said


def test_every_end_is_reached_from_every_state_in_which_the_venue_can_say_it() -> None:
    for status in (*ONLY_OURS, OrderStatus.PENDING_CANCEL):
        for said in ENDS:
            assert next_status(status, said) is said
    for status in LIVING_WORDS:
        for said in ENDS:
            expected = None if said is OrderStatus.REJECTED else said
            assert next_status(status, said) is expected


def test_no_state_leads_back_to_an_earlier_word() -> None:
    rank = {OrderStatus.NEW: 1, OrderStatus.PARTIALLY_FILLED: 2} | dict.fromkeys(ENDS, 3)
    for (status, _), new in TRANSITIONS.items():
        if status in rank and new in rank:
            assert rank[new] > rank[status]


def test_an_older_view_after_the_end_changes_nothing() -> None:
    order = make_order(quantity=Decimal("0.02"))
    trades = [make_execution(1, "0.008"), make_execution(2, "0.012")]
    order.update(
        make_order(
            OrderStatus.FILLED,
            executed_quantity=Decimal("0.02"),
            executed_quote_quantity=Decimal(2),
            executions=trades,
        )
    )
    for older in (
        make_order(OrderStatus.NEW),
        make_order(
            OrderStatus.PARTIALLY_FILLED,
            executed_quantity=Decimal("0.008"),
            executions=trades[:1],
        ),
        make_order(OrderStatus.FILLED, executed_quantity=Decimal("0.02"), executions=trades[1:]),
    ):
        assert not order.update(older)
        assert order.status is OrderStatus.FILLED
        assert order.executed_quantity == Decimal("0.02")
        assert order.average_price == 100
        assert len(order.executions) == 2


def test_executions_alone_make_the_executed_quantity() -> None:
    order = make_order(quantity=Decimal(3))
    assert order.update(
        make_order(OrderStatus.PARTIALLY_FILLED, executions=[make_execution(1, "1")])
    )
    assert order.executed_quantity == 1
    assert order.executed_quote_quantity == 100
    assert order.open_quantity == 2
    twice = [make_execution(2, "0.5"), make_execution(2, "0.5")]
    order.update(make_order(OrderStatus.PARTIALLY_FILLED, executions=twice))
    assert order.executed_quantity == Decimal("1.5")
    assert len(order.executions) == 2


def test_what_was_executed_but_not_told_trade_by_trade_is_known() -> None:
    order = make_order(quantity=Decimal(3))
    order.update(
        make_order(
            OrderStatus.PARTIALLY_FILLED,
            executed_quantity=Decimal(2),
            executed_quote_quantity=Decimal(200),
            executions=[make_execution(1, "0.5")],
        )
    )
    assert order.unbooked_quantity == Decimal("1.5")
    order.update(make_order(OrderStatus.PARTIALLY_FILLED, executions=[make_execution(2, "1.5")]))
    assert order.unbooked_quantity == 0
    assert order.executed_quote_quantity == 200


def test_an_order_by_amount_learns_its_quantity_from_the_venue() -> None:
    order = make_order(quote_quantity=Decimal(50))
    order.update(
        make_order(OrderStatus.FILLED, quantity=Decimal("0.5"), executed_quantity=Decimal("0.5"))
    )
    assert order.quantity == Decimal("0.5")
    order.update(make_order(OrderStatus.FILLED, quantity=Decimal(9)))
    assert order.quantity == Decimal("0.5")


def test_the_reason_of_an_end_is_taken_over() -> None:
    order = make_order()
    refused = make_order(
        OrderStatus.REJECTED, reason=Reason.VENUE, reason_text="no funds", reason_code=-2010
    )
    assert order.update(refused)
    assert (order.reason, order.reason_text, order.reason_code) == (Reason.VENUE, "no funds", -2010)


def test_our_own_reason_of_a_cancel_outlives_the_venues_word() -> None:
    order = make_order(reason=Reason.TIME_TO_CANCEL)
    order.update(make_order(OrderStatus.CANCELED))
    assert order.reason is Reason.TIME_TO_CANCEL


def test_a_refused_cancel_without_a_word_of_the_venue_is_unknown() -> None:
    order = make_order(OrderStatus.PENDING_CANCEL)
    assert order.restore_venue_status()
    assert order.status is OrderStatus.UNKNOWN
    assert not order.restore_venue_status()


@given(st.lists(st.sampled_from(STATUSES), max_size=8))
def test_words_move_an_order_along_the_table_only(words: list[OrderStatus]) -> None:
    order = make_order()
    for said in words:
        before, venue_before = order.status, order.venue_status
        expected = next_status(before, said)
        if said is OrderStatus.REJECTED and venue_before in LIVING_WORDS:
            expected = None  # even while a cancel is on its way
        order.say(said)
        if before is OrderStatus.NOT_FOUND and expected in (*LIVING_WORDS, OrderStatus.PENDING_NEW):
            # It revokes our conclusion; of what the venue had said before the furthest stands.
            expected = order.venue_status or expected
        assert order.status is (expected or before)
        if venue_before is not None and venue_before.is_terminal:
            assert order.venue_status is venue_before
        if order.status.is_terminal:
            assert order.venue_status is order.status
