"""Order lists and replacements through the order manager: intents, funds, doubts, cancels, restarts."""

from decimal import Decimal
from typing import Any

import pytest

from messages.base import Message
from messages.codec import encode
from messages.control import CommandFailed, HaltTrading, JournalFailed
from messages.enums import (
    Exchanges,
    ListRole,
    ListState,
    OrderStatus,
    OrderType,
    Reason,
    ReplaceMode,
    Side,
)
from messages.order_lists import OrderListUpdate, ReplaceOrder
from messages.order_requests import NewOrderListRequest, ReplaceOrderRequest
from messages.orders import (
    CancelOrderRequest,
    NewOrderRequest,
    Order,
    OrderUpdate,
    QueryOrderRequest,
)
from tests.order_manager.brackets import ask, ask_bracket, ask_pair, leg, open_desk, rules
from tests.order_manager.desk import GATEWAY, STRATEGY, Desk, all_of, only


def place_bracket(desk: Desk) -> list[Order]:
    orders = only(ask_bracket(desk), NewOrderListRequest).orders
    accept(desk, orders)
    return orders


def accept(desk: Desk, orders: list[Order]) -> None:
    for order in orders:
        status = OrderStatus.PENDING_NEW if order.is_waiting else OrderStatus.NEW
        desk.say(order, status, exchange_list_id=7)


def statuses(desk: Desk, *names: str) -> list[OrderStatus]:
    found = [desk.manager.books.table.get(name) for name in names]
    return [order.status for order in found if order is not None]


def states(messages: list[Message]) -> list[ListState]:
    return [update.state for update in all_of(messages, OrderListUpdate)]


def test_a_bracket_is_one_intent_with_its_names_fixed() -> None:
    desk = open_desk()
    told = ask_bracket(desk)
    request = only(told, NewOrderListRequest)
    names = [order.client_order_id for order in request.orders]
    assert len(set(names)) == 3
    assert all(name.startswith("bot-Breakout-") for name in names)
    assert request.list_id == names[0]
    assert [order.is_waiting for order in request.orders] == [False, True, True]
    # The intent goes before anything that tells of it.
    assert type(told[0]) is NewOrderListRequest
    assert not all_of(told, NewOrderRequest)


def test_the_exits_of_a_purchase_leave_room_for_its_fee() -> None:
    desk = open_desk()
    desk.tell(rules(taker_fee=Decimal("0.001")), GATEWAY)
    entry, target, stop = only(ask_bracket(desk), NewOrderListRequest).orders
    assert entry.quantity == 1
    assert target.quantity == stop.quantity == Decimal("0.999")


def test_a_bracket_locks_its_entry_alone_and_a_pair_once() -> None:
    desk = open_desk({"USDT": "150"})
    orders = only(ask_bracket(desk), NewOrderListRequest).orders
    books = desk.manager.books
    assert books.free(Exchanges.BINANCE, "USDT") == 50
    accept(desk, orders)
    assert books.under_way(Exchanges.BINANCE, "BTCUSDT", Side.SELL) == 0
    desk.say(orders[0], OrderStatus.FILLED, desk.fill(orders[0], "1"))
    accept_released = [desk.say(order, OrderStatus.NEW) for order in orders[1:]]
    assert all(accept_released)
    assert books.under_way(Exchanges.BINANCE, "BTCUSDT", Side.SELL) == 1


def test_a_pair_needs_what_it_sells_once_and_no_other_order_may_sell_it() -> None:
    desk = open_desk()
    desk.buy_filled("1")
    request = only(ask_pair(desk), NewOrderListRequest)
    assert len(request.orders) == 2
    accept(desk, request.orders)
    refused = only(desk.place(Side.SELL, "0.5", "120"), OrderUpdate)
    assert refused.reason is Reason.INSUFFICIENT_FUNDS
    # Both are canceled: what they locked is free once, and can be sold once.
    for order in request.orders:
        desk.say(order, OrderStatus.CANCELED)
    assert only(desk.place(Side.SELL, "1", "120"), NewOrderRequest)
    assert only(desk.place(Side.SELL, "1", "120"), OrderUpdate).status is OrderStatus.REJECTED


def test_limits_count_each_order_of_a_list_and_refuse_all_or_none() -> None:
    desk = open_desk(maximum_open_orders=2)
    told = ask_bracket(desk)
    assert not all_of(told, NewOrderListRequest)
    refused = all_of(told, OrderUpdate)
    assert {update.order_id for update in refused} == {"entry", "target", "stop"}
    assert {update.reason for update in refused} == {Reason.MAX_OPEN_ORDERS}
    assert states(told) == [ListState.REJECT]
    assert desk.manager.books.table.count_open() == 0


@pytest.mark.parametrize(
    "lacks",
    [{"allows_oto": False, "allows_emulation": False}, {"order_types": [OrderType.LIMIT]}],
)
def test_what_the_symbol_does_not_take_is_refused_as_a_whole(lacks: dict[str, Any]) -> None:
    desk = open_desk()
    desk.tell(rules(**lacks), GATEWAY)
    told = ask_bracket(desk)
    assert {update.reason for update in all_of(told, OrderUpdate)} == {Reason.UNSUPPORTED}


def test_an_unknown_list_is_asked_for_order_by_order() -> None:
    desk = open_desk()
    orders = only(ask_bracket(desk), NewOrderListRequest).orders
    told = []
    for order in orders:
        told += desk.say(order, OrderStatus.UNKNOWN)
    asked = {query.client_order_id for query in all_of(told, QueryOrderRequest)}
    assert asked == {order.client_order_id for order in orders}
    assert states(told)[0] is ListState.UNKNOWN
    accept(desk, orders)
    assert statuses(desk, "entry", "target", "stop") == [
        OrderStatus.NEW,
        OrderStatus.PENDING_NEW,
        OrderStatus.PENDING_NEW,
    ]
    assert states(desk.manager.outbox)[-1] is ListState.EXECUTING


def test_a_leg_that_waits_owes_no_word() -> None:
    desk = open_desk()
    place_bracket(desk)
    assert not all_of(desk.advance(120), QueryOrderRequest)


def test_a_partly_filled_entry_is_said_to_be_unprotected() -> None:
    desk = open_desk()
    entry, target, stop = place_bracket(desk)
    told = desk.say(entry, OrderStatus.PARTIALLY_FILLED, desk.fill(entry, "0.4"))
    update = only(told, OrderListUpdate)
    assert (update.state, update.unprotected_quantity) == (ListState.UNPROTECTED, Decimal("0.4"))
    desk.say(entry, OrderStatus.FILLED, desk.fill(entry, "0.6"))
    for order in (target, stop):
        told = desk.say(order, OrderStatus.NEW)
    assert states(desk.manager.outbox)[-1] is ListState.EXECUTING
    told = desk.say(target, OrderStatus.EXPIRED, reason=Reason.VENUE, reason_text="OCO_TRIGGER")
    expired = only(told, OrderUpdate).order
    assert (expired.reason, expired.reason_text) == (Reason.VENUE, "OCO_TRIGGER")
    told = desk.say(stop, OrderStatus.FILLED, desk.fill(stop, "1"))
    assert only(told, OrderListUpdate).state is ListState.ALL_DONE


def test_exits_that_expire_leave_the_position_unprotected() -> None:
    desk = open_desk()
    entry, target, stop = place_bracket(desk)
    desk.say(entry, OrderStatus.FILLED, desk.fill(entry, "1"))
    for order in (target, stop):
        desk.say(order, OrderStatus.EXPIRED, reason=Reason.VENUE, reason_text="REJECTED")
    update = desk.sent(OrderListUpdate)[-1]
    assert (update.state, update.unprotected_quantity) == (ListState.UNPROTECTED, Decimal(1))
    assert update.reason_text == "REJECTED"


def test_a_cancel_of_one_cancels_the_list_in_one_request() -> None:
    desk = open_desk()
    orders = place_bracket(desk)
    request = only(desk.cancel("stop"), CancelOrderRequest)
    assert (request.list_id, request.exchange_list_id) == (orders[0].client_order_id, 7)
    assert set(statuses(desk, "entry", "target", "stop")) == {OrderStatus.PENDING_CANCEL}
    assert not all_of(desk.cancel("target"), CancelOrderRequest)
    # Refused: each stands as the venue last said, and is asked for.
    stop = orders[2]
    told = desk.refuse_cancel(stop)
    assert statuses(desk, "entry", "target", "stop") == [
        OrderStatus.NEW,
        OrderStatus.PENDING_NEW,
        OrderStatus.PENDING_NEW,
    ]
    assert len(all_of(told, QueryOrderRequest)) == 3


def test_a_halt_cancels_a_list_once() -> None:
    desk = open_desk()
    place_bracket(desk)
    told = desk.tell(HaltTrading(reason="enough"), "system")
    assert len(all_of(told, CancelOrderRequest)) == 1


def test_the_time_of_an_entry_cancels_the_list() -> None:
    desk = open_desk()
    entry = leg("entry", OrderType.LIMIT, Side.BUY, price="100")
    entry.time_to_cancel = 2.0
    exit_order = leg("stop", OrderType.STOP_LOSS, stop_price="95")
    orders = only(
        ask(desk, [entry, exit_order], [ListRole.ENTRY, ListRole.EXIT]), NewOrderListRequest
    ).orders
    accept(desk, orders)
    assert len(all_of(desk.advance(3), CancelOrderRequest)) == 1


def test_a_close_cancels_the_list_and_sells_what_is_held_once() -> None:
    desk = open_desk()
    entry, target, stop = place_bracket(desk)
    desk.say(entry, OrderStatus.FILLED, desk.fill(entry, "1"))
    for order in (target, stop):
        desk.say(order, OrderStatus.NEW)
    assert len(all_of(desk.close_position(), CancelOrderRequest)) == 1
    desk.say(target, OrderStatus.CANCELED)
    sale = only(desk.say(stop, OrderStatus.CANCELED), NewOrderRequest).order
    assert (sale.side, sale.quantity) == (Side.SELL, Decimal(1))


def test_a_list_that_could_not_be_written_down_was_not_sent() -> None:
    desk = open_desk()
    request = only(ask_bracket(desk), NewOrderListRequest)
    desk.tell(
        JournalFailed(target="OrderManager", frames=[encode(request)], reason="disk full"), "system"
    )
    assert desk.manager.books.table.count_open() == 0
    assert {update.reason for update in desk.sent(OrderUpdate)[-3:]} == {Reason.JOURNAL}


@pytest.mark.parametrize("is_whole_bot", [True, False])
@pytest.mark.parametrize("heard", ["nothing", "accepted", "filled"])
def test_a_list_survives_a_kill_at_any_point(is_whole_bot: bool, heard: str) -> None:
    desk = open_desk()
    orders = only(ask_bracket(desk), NewOrderListRequest).orders
    if heard != "nothing":
        accept(desk, orders)
    if heard == "filled":
        desk.say(orders[0], OrderStatus.FILLED, desk.fill(orders[0], "1"))
    desk.restart(is_whole_bot=is_whole_bot)
    table = desk.manager.books.table
    known = [table.get(name) for name in ("entry", "target", "stop")]
    assert [order.list_role for order in known if order] == [
        ListRole.ENTRY,
        ListRole.ABOVE,
        ListRole.BELOW,
    ]
    assert known[1] is not None
    assert len(table.list_orders(known[1])) == 3
    assert not desk.sent(NewOrderListRequest)
    expected = OrderStatus.UNKNOWN if heard == "nothing" else OrderStatus.PENDING_NEW
    assert known[1].status is expected
    assert known[1].is_waiting
    if heard == "filled":
        assert known[0] is not None
        assert known[0].executions[0].quantity == 1


# Replacements.


def ask_replacement(
    desk: Desk, old: str, mode: ReplaceMode = ReplaceMode.STOP_ON_FAILURE, **terms: str
) -> list[Message]:
    order_type = OrderType.STOP_LOSS if "stop_price" in terms else OrderType.LIMIT
    side = Side.SELL if "stop_price" in terms else Side.BUY
    return desk.tell(
        ReplaceOrder(
            exchange=Exchanges.BINANCE,
            symbol="BTCUSDT",
            order_id=old,
            order=leg("new", order_type, side, **terms),
            mode=mode,
        ),
        STRATEGY,
    )


def test_a_replacement_is_one_request_that_needs_the_funds_once() -> None:
    desk = open_desk({"USDT": "100"})
    old = desk.place_accepted(price="100")
    desk.state_account({"USDT": "0"})
    request = only(ask_replacement(desk, old.order_id, price="99"), ReplaceOrderRequest)
    assert request.client_order_id == old.client_order_id
    assert statuses(desk, old.order_id, "new") == [
        OrderStatus.PENDING_CANCEL,
        OrderStatus.PENDING_NEW,
    ]
    assert not all_of(desk.cancel(old.order_id), CancelOrderRequest)
    desk.say(old, OrderStatus.CANCELED)
    desk.say(request.order, OrderStatus.NEW)
    assert statuses(desk, old.order_id, "new") == [OrderStatus.CANCELED, OrderStatus.NEW]


def test_a_replacement_that_needs_more_is_refused_and_the_old_order_stays() -> None:
    desk = open_desk({"USDT": "100"})
    old = desk.place_accepted(price="100")
    desk.state_account({"USDT": "0"})
    told = ask_replacement(desk, old.order_id, price="101")
    assert not all_of(told, ReplaceOrderRequest)
    assert statuses(desk, old.order_id) == [OrderStatus.NEW]
    assert all_of(told, OrderUpdate)[-1].order_id == old.order_id


@pytest.mark.parametrize("unknown", ["old", "new", "both"])
def test_each_half_can_be_unknown_by_itself(unknown: str) -> None:
    desk = open_desk()
    old = desk.place_accepted()
    new = only(ask_replacement(desk, old.order_id, price="99"), ReplaceOrderRequest).order
    told = []
    if unknown == "new":
        told += desk.say(old, OrderStatus.CANCELED)
    else:
        told += desk.refuse_cancel(old, "time out", is_unknown=True)
    told += desk.say(new, OrderStatus.NEW if unknown == "old" else OrderStatus.UNKNOWN)
    asked = {query.client_order_id for query in all_of(told, QueryOrderRequest)}
    expected = {"old": [old], "new": [new], "both": [old, new]}[unknown]
    assert asked == {order.client_order_id for order in expected}
    desk.say(old, OrderStatus.CANCELED)
    desk.say(new, OrderStatus.NEW)
    assert statuses(desk, old.order_id, "new") == [OrderStatus.CANCELED, OrderStatus.NEW]


def test_a_restart_does_not_cancel_what_a_lost_replacement_left() -> None:
    desk = open_desk()
    old = desk.place_accepted()
    ask_replacement(desk, old.order_id, price="99")
    desk.restart()
    assert statuses(desk, old.order_id, "new") == [OrderStatus.NEW, OrderStatus.UNKNOWN]
    new = desk.manager.books.table.get("new")
    assert new is not None
    desk.say(old, OrderStatus.NEW)
    desk.advance(60)
    desk.say(new, OrderStatus.NOT_FOUND)
    desk.go_on([desk.view(old, OrderStatus.NEW)])
    assert not desk.sent(CancelOrderRequest)
    assert statuses(desk, old.order_id, "new") == [OrderStatus.NEW, OrderStatus.NOT_FOUND]
    # A cancel that is asked for from now on is one that the next start asks for again.
    desk.cancel(old.order_id)
    desk.restart()
    desk.go_on([desk.view(old, OrderStatus.NEW)])
    assert len(desk.sent(CancelOrderRequest)) == 1


def test_without_such_a_request_the_old_order_goes_first() -> None:
    desk = open_desk()
    desk.tell(rules(allows_cancel_replace=False), GATEWAY)
    old = desk.place_accepted()
    told = ask_replacement(desk, old.order_id, price="99")
    assert only(told, CancelOrderRequest)
    assert not all_of(told, NewOrderRequest)
    told = desk.say(old, OrderStatus.CANCELED)
    assert only(told, NewOrderRequest).order.order_id == "new"
    desk.say(only(told, NewOrderRequest).order, OrderStatus.NEW)
    other = desk.place_accepted()
    desk.tell(
        ReplaceOrder(
            exchange=Exchanges.BINANCE,
            symbol="BTCUSDT",
            order_id=other.order_id,
            order=leg("newer", OrderType.LIMIT, Side.BUY, price="98"),
        ),
        STRATEGY,
    )
    told = desk.say(other, OrderStatus.FILLED, desk.fill(other, "1"))
    assert not all_of(told, NewOrderRequest)
    refused = [update for update in all_of(told, OrderUpdate) if update.order_id == "newer"]
    assert [update.status for update in refused] == [OrderStatus.REJECTED]


def test_a_gateway_that_raised_has_sent_nothing_of_a_replacement() -> None:
    desk = open_desk()
    old = desk.place_accepted()
    request = only(ask_replacement(desk, old.order_id, price="99"), ReplaceOrderRequest)
    desk.tell(
        CommandFailed(
            target="OrderManager",
            failed_class=ReplaceOrderRequest.__name__,
            failed_frame=encode(request),
            error="bug",
        ),
        "system",
    )
    assert statuses(desk, old.order_id, "new") == [OrderStatus.NEW, OrderStatus.REJECTED]
