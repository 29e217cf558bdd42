"""Halts: ours are canceled one by one, nothing new passes, and the end is told."""

from decimal import Decimal

from actors.testing import classes_of, make_instrument
from messages.base import Message
from messages.control import (
    ActorStopped,
    HaltCompleted,
    HaltTrading,
    HoldTrading,
    ResumeTrading,
)
from messages.enums import OrderStatus, OrderType, Reason, Side
from messages.orders import (
    CancelOrderRequest,
    Fill,
    NewOrderRequest,
    Order,
    OrderUpdate,
    QueryOrderRequest,
)
from messages.recovery import GateNote
from tests.order_manager.desk import GATEWAY, STRATEGY, Desk, all_of, only, refusal_of


def halt(desk: Desk, strategy: str = "", *, flatten: bool = False) -> list[Message]:
    return desk.tell(HaltTrading(reason="asked for", strategy=strategy, flatten=flatten), "system")


def test_a_halt_with_nothing_open_is_completed_at_once() -> None:
    desk = Desk().start()
    assert only(halt(desk), HaltCompleted).open_orders == 0
    assert refusal_of(desk.place()) is Reason.HALTED
    assert desk.advance(60) == []
    desk.tell(ResumeTrading(), "system")
    assert all_of(desk.place(), NewOrderRequest)


def test_only_our_orders_are_canceled_each_by_its_own_id() -> None:
    desk = Desk().start()
    orders = [
        desk.place_accepted(),
        desk.place_accepted(strategy="Other"),
        only(desk.place(), NewOrderRequest).order,
    ]
    manual = Order(
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        symbol="BTCUSDT",
        client_order_id="manual-1",
        quantity=Decimal(1),
        price=Decimal(90),
    )
    desk.say(manual, OrderStatus.NEW)
    told = halt(desk)
    assert [request.client_order_id for request in all_of(told, CancelOrderRequest)] == [
        order.client_order_id for order in orders
    ]
    assert not all_of(told, HaltCompleted)
    for order in orders[:2]:
        assert not all_of(desk.say(order, OrderStatus.CANCELED), HaltCompleted)
    assert only(desk.say(orders[2], OrderStatus.CANCELED), HaltCompleted).open_orders == 0
    assert not all_of(desk.advance(60), HaltCompleted)


def test_no_answer_of_a_strategy_to_its_cancel_passes() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    halt(desk)
    assert refusal_of(desk.place()) is Reason.HALTED
    desk.say(order, OrderStatus.CANCELED)
    assert refusal_of(desk.place()) is Reason.HALTED
    assert refusal_of(desk.place(strategy="Other")) is Reason.HALTED


def test_a_halt_ends_after_a_bounded_time_with_what_is_not_proven_gone() -> None:
    desk = Desk(halt_patience_s=10.0).start()
    silent, unknown, gone = (only(desk.place(), NewOrderRequest).order for _ in range(3))
    desk.say(unknown, OrderStatus.UNKNOWN)
    halt(desk)
    desk.say(gone, OrderStatus.CANCELED)
    assert not all_of(desk.advance(9.9), HaltCompleted)
    assert only(desk.advance(0.1), HaltCompleted).open_orders == 2
    desk.say(unknown, OrderStatus.CANCELED)
    assert only(desk.say(silent, OrderStatus.CANCELED), HaltCompleted).open_orders == 0


def test_a_refused_cancel_is_sent_again_during_a_halt() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    halt(desk)
    desk.refuse_cancel(order)
    desk.say(order, OrderStatus.NEW)
    assert only(desk.advance(0.5), CancelOrderRequest).client_order_id == order.client_order_id
    assert only(desk.say(order, OrderStatus.CANCELED), HaltCompleted).open_orders == 0


def test_a_halt_of_one_strategy_leaves_the_others_trading() -> None:
    desk = Desk().start()
    mine, other = desk.place_accepted(), desk.place_accepted(strategy="Other")
    told = halt(desk, STRATEGY)
    assert only(told, CancelOrderRequest).client_order_id == mine.client_order_id
    assert refusal_of(desk.place()) is Reason.HALTED
    assert all_of(desk.place(strategy="Other"), NewOrderRequest)
    completed = only(desk.say(mine, OrderStatus.CANCELED), HaltCompleted)
    assert (completed.strategy, completed.open_orders) == (STRATEGY, 0)
    desk.tell(ResumeTrading(), "system")
    assert refusal_of(desk.place()) is Reason.HALTED, "another halt was ended"
    desk.tell(ResumeTrading(strategy=STRATEGY), "system")
    assert all_of(desk.place(), NewOrderRequest)
    kept = desk.manager.books.table.get(other.order_id)
    assert kept is not None
    assert kept.status is OrderStatus.NEW


def test_what_a_stopped_strategy_had_on_its_way_is_refused() -> None:
    desk = Desk().start()
    desk.tell(ActorStopped(actor=STRATEGY, reason="failed too often"), "system")
    halt(desk, STRATEGY)
    desk.tell(ResumeTrading(strategy=STRATEGY), "system")
    assert refusal_of(desk.place()) is Reason.STOPPED
    assert all_of(desk.place(strategy="Other"), NewOrderRequest)


def test_an_order_of_ours_that_turns_up_during_a_halt_is_canceled_too() -> None:
    desk = Desk().start()
    halt(desk)
    late = Order(
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        symbol="BTCUSDT",
        client_order_id="bot-Breakout-0-zz",
        quantity=Decimal(1),
        price=Decimal(90),
    )
    told = desk.say(late, OrderStatus.NEW)
    assert only(told, CancelOrderRequest).client_order_id == late.client_order_id


def test_a_close_does_not_outlive_a_halt() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    resting = desk.place_accepted(Side.SELL, "1", "110")
    from_close = desk.close_position()
    assert only(from_close, CancelOrderRequest)
    halt(desk)
    told = desk.say(resting, OrderStatus.CANCELED)
    assert only(told, HaltCompleted)
    assert not all_of(told, NewOrderRequest)
    refused = all_of(desk.close_position(), OrderUpdate)
    assert [update.reason for update in refused] == [Reason.HALTED]


def test_flatten_sells_what_every_strategy_holds_once_its_orders_are_gone() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    other = only(desk.place(quantity="2", strategy="Other"), NewOrderRequest).order
    desk.say(other, OrderStatus.FILLED, desk.fill(other, "2"))
    resting = desk.place_accepted(Side.SELL, "1", "110")
    told = halt(desk, flatten=True)
    assert classes_of(told) == [GateNote, CancelOrderRequest, OrderUpdate]
    told = desk.say(resting, OrderStatus.CANCELED)
    sales = [request.order for request in all_of(told, NewOrderRequest)]
    assert [(sale.strategy, sale.quantity) for sale in sales] == [
        (STRATEGY, Decimal(1)),
        ("Other", Decimal(2)),
    ]
    assert all(sale.order_type is OrderType.MARKET for sale in sales)
    assert not all_of(told, HaltCompleted)
    assert refusal_of(desk.place()) is Reason.HALTED
    desk.say(sales[0], OrderStatus.FILLED, desk.fill(sales[0], "1"))
    told = desk.say(sales[1], OrderStatus.FILLED, desk.fill(sales[1], "2"))
    assert only(told, HaltCompleted).open_orders == 0
    assert desk.position() == desk.position("Other") == 0


def test_flatten_takes_over_what_a_strategy_was_closing() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    resting = desk.place_accepted(Side.SELL, "1", "110")
    desk.close_position()
    halt(desk, flatten=True)
    told = desk.say(resting, OrderStatus.CANCELED)
    assert only(told, NewOrderRequest).order.quantity == 1


def test_flatten_waits_for_executions_that_are_not_known_yet() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.say(order, OrderStatus.CANCELED, executed="0.5")
    told = halt(desk, flatten=True)
    assert not all_of(told, NewOrderRequest) + all_of(told, HaltCompleted)
    told = desk.say(order, OrderStatus.CANCELED, desk.fill(order, "0.5"), executed="0.5")
    assert only(told, NewOrderRequest).order.quantity == Decimal("0.5")


def test_flatten_passes_a_hold_and_leaves_dust() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    desk.tell(HoldTrading(reason="clock jump"), "system")
    desk.tell(make_instrument(lot_size="0.3"), GATEWAY)
    sale = only(halt(desk, flatten=True), NewOrderRequest).order
    told = desk.say(sale, OrderStatus.FILLED, desk.fill(sale, "0.9"))
    assert only(told, HaltCompleted).open_orders == 0
    assert desk.position() == Decimal("0.1")
    told = halt(desk, flatten=True)
    assert not all_of(told, NewOrderRequest)
    assert only(told, HaltCompleted).open_orders == 0


def test_a_halt_that_is_ended_before_it_is_done_is_not_completed() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    halt(desk)
    desk.tell(ResumeTrading(), "system")
    assert not all_of(desk.say(order, OrderStatus.CANCELED), HaltCompleted)
    assert not all_of(desk.advance(60), HaltCompleted)


def test_a_halt_waits_for_executions_that_were_counted_and_not_told() -> None:
    desk = Desk().start()
    order = desk.place_accepted(quantity="2")
    halt(desk)
    # The cancel's answer counts what was executed before it; its trade comes later, or must be asked for.
    assert not all_of(desk.say(order, OrderStatus.CANCELED, executed="1"), HaltCompleted)
    told = desk.say(order, OrderStatus.CANCELED, desk.fill(order, "1"), executed="1")
    assert only(told, Fill).quantity == 1
    assert only(told, HaltCompleted).open_orders == 0


def test_a_halt_ends_in_a_bounded_time_if_such_an_execution_is_never_told() -> None:
    desk = Desk(halt_patience_s=10.0).start()
    order = desk.place_accepted(quantity="2")
    halt(desk)
    desk.say(order, OrderStatus.CANCELED, executed="1")
    assert not all_of(desk.advance(9.9), HaltCompleted)
    assert only(desk.advance(0.1), HaltCompleted).open_orders == 0


def test_a_halt_asks_at_once_about_an_order_of_unknown_outcome_however_rarely_it_was_asked() -> (
    None
):
    desk = Desk(absence_after_s=600.0).start()
    order = only(desk.place(), NewOrderRequest).order
    desk.say(order, OrderStatus.UNKNOWN)
    # The last question was a moment ago, and the next would follow in half a minute.
    desk.advance(62)
    told = halt(desk)
    assert only(told, CancelOrderRequest).client_order_id == order.client_order_id
    told = desk.refuse_cancel(order)
    assert all_of(told, QueryOrderRequest)
    assert not all_of(told, HaltCompleted), "not found is no proof yet"
    told = desk.say(order, OrderStatus.FILLED, desk.fill(order, "1"))
    assert only(told, HaltCompleted).open_orders == 0
    assert desk.position() == 1
