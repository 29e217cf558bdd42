"""Brackets and pairs that the order manager keeps, where the venue has no such lists."""

from decimal import Decimal

import pytest

from messages.base import Message
from messages.codec import encode
from messages.control import HaltCompleted, HaltTrading, HoldTrading, JournalFailed, ReleaseTrading
from messages.enums import ListRole, ListState, OrderStatus, OrderType, Reason, Side
from messages.order_lists import OrderListUpdate
from messages.order_requests import NewOrderListRequest
from messages.orders import CancelOrderRequest, NewOrderRequest, Order, OrderUpdate
from messages.recovery import TriggerArmed
from tests.order_manager.brackets import (
    ask,
    ask_bracket,
    ask_pair,
    fill_entry,
    leg,
    open_flat,
    rules,
)
from tests.order_manager.desk import GATEWAY, Desk, all_of, only
from tests.order_manager.triggers import open_desk, quote


def hold_bracket(desk: Desk) -> tuple[Order, Order]:
    """A bracket whose target rests at the venue: target and stop."""
    target = only(fill_entry(desk), NewOrderRequest).order
    desk.say(target, OrderStatus.NEW)
    stop = desk.manager.books.table.get("stop")
    assert stop is not None
    return target, stop


def standing(desk: Desk) -> dict[str, OrderStatus]:
    found = {name: desk.manager.books.table.get(name) for name in ("entry", "target", "stop")}
    return {name: order.status for name, order in found.items() if order is not None}


def states(messages: list[Message]) -> list[ListState]:
    return [update.state for update in all_of(messages, OrderListUpdate)]


def test_the_exits_are_written_down_with_the_entry_and_wait_for_it() -> None:
    desk = open_flat()
    told = ask_bracket(desk)
    entry = only(told, NewOrderRequest).order
    exits = [armed.order for armed in all_of(told, TriggerArmed)]
    assert entry.list_role is ListRole.ENTRY
    assert [(each.order_id, each.is_waiting) for each in exits] == [
        ("target", True),
        ("stop", True),
    ]
    assert not all_of(told, NewOrderListRequest)
    first_update = next(each for each in told if isinstance(each, OrderUpdate))
    assert told.index(first_update) > told.index(all_of(told, TriggerArmed)[-1])
    desk.say(entry, OrderStatus.NEW)
    assert not all_of([*quote(desk, 94.0), *quote(desk, 111.0)], NewOrderRequest), "still waiting"


def test_a_filled_entry_sends_the_target_and_arms_the_stop() -> None:
    desk = open_flat()
    told = fill_entry(desk)
    target = only(told, NewOrderRequest).order
    assert (target.order_type, target.price, target.side) == (
        OrderType.LIMIT,
        Decimal(110),
        Side.SELL,
    )
    assert standing(desk)["stop"] is OrderStatus.NEW
    told = desk.say(target, OrderStatus.NEW)
    assert only(told, OrderUpdate).order.order_type is OrderType.LIMIT_MAKER


def test_the_target_that_is_filled_ends_the_stop() -> None:
    desk = open_flat()
    target, _ = hold_bracket(desk)
    told = desk.say(target, OrderStatus.FILLED, desk.fill(target, "1", "110"))
    told += desk.advance(0)
    assert standing(desk) == {
        "entry": OrderStatus.FILLED,
        "target": OrderStatus.FILLED,
        "stop": OrderStatus.CANCELED,
    }
    assert states(told)[-1] is ListState.ALL_DONE
    assert not all_of(quote(desk, 80.0), NewOrderRequest)
    assert desk.position() == 0


def test_the_stop_waits_for_the_end_of_the_target_and_sells_what_that_has_left() -> None:
    desk = open_flat()
    target, _ = hold_bracket(desk)
    desk.say(target, OrderStatus.PARTIALLY_FILLED, desk.fill(target, "0.4", "110"))
    told = quote(desk, 95.0)
    assert only(told, CancelOrderRequest).client_order_id == target.client_order_id
    assert not all_of(told, NewOrderRequest)
    assert not all_of([*quote(desk, 96.0), *desk.advance(1)], NewOrderRequest | CancelOrderRequest)  # type: ignore[arg-type]
    told = [*desk.say(target, OrderStatus.CANCELED), *desk.advance(0.1)]
    sold = only(told, NewOrderRequest).order
    assert (sold.order_type, sold.quantity) == (OrderType.MARKET, Decimal("0.6"))
    told = desk.say(sold, OrderStatus.FILLED, desk.fill(sold, "0.6", "95"))
    assert states(told)[-1] is ListState.ALL_DONE
    assert desk.position() == 0


def test_a_target_that_fills_instead_of_being_canceled_leaves_nothing_to_the_stop() -> None:
    desk = open_flat()
    target, _ = hold_bracket(desk)
    quote(desk, 95.0)
    desk.refuse_cancel(target)
    told = desk.say(target, OrderStatus.FILLED, desk.fill(target, "1", "110"))
    told += [*desk.advance(2), *quote(desk, 90.0)]
    assert not all_of(told, NewOrderRequest)
    assert standing(desk)["stop"] is OrderStatus.CANCELED
    assert desk.position() == 0


def test_an_entry_that_ends_unfilled_ends_its_exits() -> None:
    desk = open_flat()
    entry = only(ask_bracket(desk), NewOrderRequest).order
    desk.say(entry, OrderStatus.NEW)
    told = [*desk.say(entry, OrderStatus.CANCELED), *desk.advance(0)]
    assert set(standing(desk).values()) == {OrderStatus.CANCELED}
    assert states(told)[-1] is ListState.ALL_DONE


def test_an_entry_that_is_refused_refuses_the_list() -> None:
    desk = open_flat()
    entry = only(ask_bracket(desk), NewOrderRequest).order
    told = desk.say(entry, OrderStatus.REJECTED, reason=Reason.VENUE, reason_text="no")
    assert set(standing(desk).values()) == {OrderStatus.REJECTED}
    assert states(told)[-1] is ListState.REJECT
    assert not desk.manager.books.table.open_orders()
    desk.advance(1)
    assert not desk.manager.parts.emulation.armed


def test_an_entry_that_is_filled_in_part_and_canceled_is_told_as_unprotected() -> None:
    desk = open_flat()
    entry = only(ask_bracket(desk), NewOrderRequest).order
    told = desk.say(entry, OrderStatus.PARTIALLY_FILLED, desk.fill(entry, "0.3", "100"))
    assert states(told)[-1] is ListState.UNPROTECTED
    told += [*desk.say(entry, OrderStatus.CANCELED), *desk.advance(0)]
    assert standing(desk)["stop"] is OrderStatus.CANCELED
    update = all_of(told, OrderListUpdate)[-1]
    assert (update.state, update.unprotected_quantity) == (
        ListState.UNPROTECTED,
        Decimal("0.3"),
    )


def test_a_cancel_of_one_cancels_all() -> None:
    for name in ("entry", "target", "stop"):
        desk = open_flat()
        entry = only(ask_bracket(desk), NewOrderRequest).order
        desk.say(entry, OrderStatus.NEW)
        told = [*desk.cancel(name), *desk.advance(0)]
        request = only(told, CancelOrderRequest)
        assert (request.client_order_id, request.list_id) == (entry.client_order_id, "")
        desk.say(entry, OrderStatus.CANCELED)
        assert set(standing(desk).values()) == {OrderStatus.CANCELED}


def enter_for(desk: Desk, seconds: float) -> Order:
    """A bracket's entry that rests at the venue, and ends after this time."""
    entry_command = leg("entry", OrderType.LIMIT, Side.BUY, price="100")
    entry_command.time_to_cancel = seconds
    exits = [
        leg("target", OrderType.LIMIT_MAKER, price="110"),
        leg("stop", OrderType.STOP_LOSS, stop_price="95"),
    ]
    told = ask(desk, [entry_command, *exits], [ListRole.ENTRY, ListRole.ABOVE, ListRole.BELOW])
    entry = only(told, NewOrderRequest).order
    desk.say(entry, OrderStatus.NEW)
    return entry


def test_time_ends_the_entry_alone_and_exits_stay_if_it_was_filled_meanwhile() -> None:
    desk = open_flat()
    entry = enter_for(desk, 3.0)
    assert only(desk.advance(3.1), CancelOrderRequest).client_order_id == entry.client_order_id
    assert standing(desk)["stop"] is OrderStatus.PENDING_NEW
    desk.refuse_cancel(entry)
    told = desk.say(entry, OrderStatus.FILLED, desk.fill(entry, "1", "100"))
    assert all_of([*told, *desk.advance(0)], NewOrderRequest)
    assert standing(desk)["stop"] is OrderStatus.NEW


def test_the_time_of_an_entry_goes_on_over_a_restart() -> None:
    desk = open_flat()
    entry = enter_for(desk, 10.0)
    desk.advance(6)
    desk.restart()
    desk.go_on([desk.view(entry, OrderStatus.NEW)])
    assert not all_of(desk.advance(3.9), CancelOrderRequest)
    assert only(desk.advance(0.2), CancelOrderRequest).client_order_id == entry.client_order_id
    desk.say(entry, OrderStatus.CANCELED)
    desk.advance(0)
    assert set(standing(desk).values()) == {OrderStatus.CANCELED}


def test_a_pair_begins_at_once() -> None:
    desk = open_desk()
    told = ask_pair(desk)
    assert [armed.order.is_waiting for armed in all_of(told, TriggerArmed)] == [False, False]
    assert not all_of(told, NewOrderRequest)
    target = only(desk.advance(0), NewOrderRequest).order
    assert (target.order_type, target.price) == (OrderType.LIMIT, Decimal(110))
    desk.say(target, OrderStatus.NEW)
    assert only(quote(desk, 94.0), CancelOrderRequest).client_order_id == target.client_order_id
    told = [*desk.say(target, OrderStatus.CANCELED), *desk.advance(0.1)]
    assert only(told, NewOrderRequest).order.order_type is OrderType.MARKET


@pytest.mark.parametrize("bid", [94.0, 110.0])
def test_a_pair_of_which_one_is_reached_already_is_refused(bid: float) -> None:
    desk = open_desk()
    quote(desk, bid)
    told = ask_pair(desk)
    assert [update.reason for update in all_of(told, OrderUpdate)] == [Reason.PRICE] * 2
    assert not desk.manager.books.table.open_orders()


def test_a_halt_ends_it_all() -> None:
    desk = open_flat()
    target, _ = hold_bracket(desk)
    told = [*desk.tell(HaltTrading(reason="test"), "Operator"), *desk.advance(0)]
    assert only(told, CancelOrderRequest).client_order_id == target.client_order_id
    told = desk.say(target, OrderStatus.CANCELED)
    assert only([*told, *desk.advance(0)], HaltCompleted).open_orders == 0
    assert standing(desk)["stop"] is OrderStatus.CANCELED


def test_a_hold_keeps_the_target_back_until_its_end() -> None:
    desk = open_flat()
    entry = only(ask_bracket(desk), NewOrderRequest).order
    desk.say(entry, OrderStatus.NEW)
    desk.tell(HoldTrading(reason="test"), "Feed")
    told = desk.say(entry, OrderStatus.FILLED, desk.fill(entry, "1", "100"))
    assert not all_of([*told, *desk.advance(1)], NewOrderRequest)
    desk.tell(ReleaseTrading(), "Feed")
    assert only(desk.advance(0.2), NewOrderRequest).order.order_id == "target"


def test_what_cannot_be_written_down_is_refused_whole() -> None:
    desk = open_flat()
    told = ask_bracket(desk)
    frames = [encode(each) for each in told if isinstance(each, NewOrderRequest | TriggerArmed)]
    assert len(frames) == 3
    failed = JournalFailed(target="OrderManager", reason="disk full", frames=frames)
    desk.tell(failed, "system")
    desk.advance(1)
    assert set(standing(desk).values()) == {OrderStatus.REJECTED}
    assert not desk.manager.parts.emulation.armed


def test_a_target_that_never_left_is_sent_again() -> None:
    desk = open_flat()
    target = only(fill_entry(desk), NewOrderRequest).order
    desk.say(target, OrderStatus.REJECTED, reason=Reason.UNSENT, reason_text="no socket")
    assert not all_of(desk.advance(0.5), NewOrderRequest)
    again = only(desk.advance(1), NewOrderRequest).order
    assert (again.order_type, again.price) == (OrderType.LIMIT, Decimal(110))
    told = desk.say(again, OrderStatus.NEW)
    assert only(told, OrderUpdate).order_id == "target"
    told = desk.say(again, OrderStatus.FILLED, desk.fill(again, "1", "110"))
    update = all_of([*told, *desk.advance(0)], OrderListUpdate)[-1]
    assert (update.state, update.order_ids) == (ListState.ALL_DONE, ["entry", "target", "stop"])


def test_exits_outlive_a_kill_whenever_it_comes() -> None:
    for moment in ("placed", "filled", "resting", "reached"):
        desk = open_flat()
        entry = only(ask_bracket(desk), NewOrderRequest).order
        desk.say(entry, OrderStatus.NEW)
        sent: list[NewOrderRequest] = []
        target = entry
        if moment != "placed":
            told = desk.say(entry, OrderStatus.FILLED, desk.fill(entry, "1", "100"))
            sent = all_of([*told, *desk.advance(0)], NewOrderRequest)
            target = sent[0].order
        if moment in ("resting", "reached"):
            desk.say(target, OrderStatus.NEW)
        if moment == "reached":
            assert all_of(quote(desk, 95.0), CancelOrderRequest)
        desk.restart()
        if moment == "placed":
            resting = desk.view(entry, OrderStatus.NEW)
        else:
            resting = desk.view(target, OrderStatus.NEW, order_type=OrderType.LIMIT)
        desk.go_on(open_orders=[resting])
        if moment == "placed":
            told = desk.say(entry, OrderStatus.FILLED, desk.fill(entry, "1", "100"))
            target = only([*told, *desk.advance(0)], NewOrderRequest).order
            desk.say(target, OrderStatus.NEW)
        told = quote(desk, 94.0)
        assert only(told, CancelOrderRequest).client_order_id == target.client_order_id, moment
        told = [*desk.say(target, OrderStatus.CANCELED), *desk.advance(0.1)]
        sold = only(told, NewOrderRequest).order
        assert (sold.order_id, sold.order_type) == ("stop", OrderType.MARKET), moment
        desk.say(sold, OrderStatus.FILLED, desk.fill(sold, "1", "94"))
        assert desk.position() == 0, moment
        assert not desk.manager.books.table.open_orders(), moment


def test_an_entry_filled_while_nobody_ran_begins_its_exits() -> None:
    desk = open_flat()
    entry = only(ask_bracket(desk), NewOrderRequest).order
    desk.say(entry, OrderStatus.NEW)
    desk.restart()
    filled = desk.view(entry, OrderStatus.FILLED, desk.fill(entry, "1", "100"))
    desk.go_on(executed_orders=[filled])
    desk.advance(0.1)
    assert [request.order.order_id for request in desk.sent(NewOrderRequest)][-1] == "target"
    assert standing(desk)["stop"] is OrderStatus.NEW


def test_a_target_that_turns_up_after_the_stop_has_sold_is_canceled() -> None:
    desk = open_flat()
    target = only(fill_entry(desk), NewOrderRequest).order
    desk.say(target, OrderStatus.UNKNOWN)
    assert all_of(quote(desk, 95.0), CancelOrderRequest), "whether it is there is not known"
    desk.refuse_cancel(target)
    desk.advance(3)
    told = [*desk.say(target, OrderStatus.NOT_FOUND), *desk.advance(0.1)]
    sold = only(told, NewOrderRequest).order
    desk.say(sold, OrderStatus.FILLED, desk.fill(sold, "1", "95"))
    told = desk.say(target, OrderStatus.NEW, order_type=OrderType.LIMIT)
    assert only([*told, *desk.advance(0)], CancelOrderRequest).client_order_id == (
        target.client_order_id
    )
    desk.say(target, OrderStatus.CANCELED)
    assert not desk.manager.books.table.open_orders()


@pytest.mark.parametrize(
    ("stop", "part"),
    [
        (OrderStatus.PENDING_NEW, ""),
        (OrderStatus.PARTIALLY_FILLED, "0.4"),
        (OrderStatus.EXPIRED, "0.4"),
    ],
)
def test_a_target_that_turns_up_beside_a_stop_that_has_not_sold_all_is_canceled(
    stop: OrderStatus, part: str
) -> None:
    desk = open_flat()
    target = only(fill_entry(desk), NewOrderRequest).order
    desk.say(target, OrderStatus.UNKNOWN)
    quote(desk, 95.0)
    desk.refuse_cancel(target)
    desk.advance(3)
    told = [*desk.say(target, OrderStatus.NOT_FOUND), *desk.advance(0.1)]
    sold = only(told, NewOrderRequest).order
    if part:
        desk.say(sold, stop, desk.fill(sold, part, "95"))
    told = desk.say(target, OrderStatus.NEW, order_type=OrderType.LIMIT)
    cancel = only([*told, *desk.advance(0)], CancelOrderRequest)
    assert cancel.client_order_id == target.client_order_id
    assert not all_of(desk.say(target, OrderStatus.CANCELED), CancelOrderRequest)
    assert standing(desk).get("stop", stop) is stop, "the stop goes on"


def test_a_list_of_what_the_venue_has_not_even_one_by_one_is_refused() -> None:
    desk = open_flat()
    desk.tell(rules(order_types=[OrderType.LIMIT, OrderType.LIMIT_MAKER]), GATEWAY)
    told = ask_bracket(desk)
    assert {update.reason for update in all_of(told, OrderUpdate)} == {Reason.UNSUPPORTED}
    assert states(told) == [ListState.REJECT]


def test_a_list_is_kept_where_the_venue_has_its_types_and_no_lists() -> None:
    desk = open_flat()
    desk.tell(rules(allows_oto=False), GATEWAY)
    told = ask_bracket(desk)
    assert len(all_of(told, TriggerArmed)) == 2
    assert not all_of(told, NewOrderListRequest)
