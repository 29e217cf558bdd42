"""Triggers that the order manager keeps, when something else is said or wanted just as they go off."""

from decimal import Decimal

from actors.testing import make_instrument
from messages.codec import encode
from messages.control import HaltCompleted, HaltTrading, JournalFailed, ResumeTrading
from messages.enums import OrderStatus, OrderType, Reason, SymbolStatus
from messages.orders import CancelOrderRequest, NewOrderRequest, OrderUpdate
from messages.recovery import TriggerArmed
from tests.order_manager.desk import GATEWAY, all_of, only, refusal_of
from tests.order_manager.triggers import STOP, arm, open_desk, quote


def test_a_close_of_one_in_doubt_sells_once_and_arms_nothing_again() -> None:
    desk = open_desk()
    arm(desk)
    sent = only(quote(desk, 94.0), NewOrderRequest).order
    desk.say(sent, OrderStatus.UNKNOWN)
    desk.close_position()
    desk.refuse_cancel(sent)
    desk.advance(3)
    told = [*desk.say(sent, OrderStatus.NOT_FOUND), *desk.advance(0)]
    assert not all_of(told, TriggerArmed)
    sold = only(told, NewOrderRequest).order
    assert (sold.order_type, sold.quantity) == (OrderType.MARKET, Decimal(1))
    desk.say(sold, OrderStatus.FILLED, desk.fill(sold, "1"))
    assert not all_of(quote(desk, 80.0), NewOrderRequest)
    assert not desk.manager.books.table.open_orders()


def test_a_cancel_that_was_asked_for_before_a_kill_arms_nothing_again() -> None:
    desk = open_desk()
    order = arm(desk)
    sent = only(quote(desk, 94.0), NewOrderRequest).order
    desk.cancel(order.order_id)
    desk.restart()
    desk.say(sent, OrderStatus.NOT_FOUND)
    desk.go_on()
    desk.advance(3)
    told = [*desk.say(sent, OrderStatus.NOT_FOUND), *desk.advance(0)]
    assert not all_of(told, TriggerArmed)
    assert all_of(told, OrderUpdate)[-1].status is OrderStatus.NOT_FOUND
    assert not all_of(quote(desk, 80.0), NewOrderRequest)


def test_a_halt_is_not_forgotten_when_what_went_off_could_not_be_written_down() -> None:
    desk = open_desk()
    arm(desk)
    unwritten = only(quote(desk, 94.0), NewOrderRequest)
    desk.tell(HaltTrading(reason="test"), "Operator")
    failed = JournalFailed(target="OrderManager", reason="disk full", frames=[encode(unwritten)])
    told = [*desk.tell(failed, "system"), *desk.advance(0)]
    assert all_of(told, OrderUpdate)[-1].status is OrderStatus.CANCELED
    assert only(told, HaltCompleted).open_orders == 0
    desk.tell(ResumeTrading(), "Operator")
    assert not all_of([*quote(desk, 90.0), *desk.advance(3)], NewOrderRequest)


def test_an_older_copy_of_the_journal_does_not_send_again_what_rests_at_the_venue() -> None:
    desk = open_desk()
    order = arm(desk, order_type=OrderType.STOP_LOSS_LIMIT, price=Decimal(94))
    desk.restart()
    resting = desk.view(order, OrderStatus.NEW, order_type=OrderType.LIMIT)
    resync = desk.go_on(open_orders=[resting])
    assert [each.is_armed for each in resync.open_orders] == [False]
    assert not all_of(quote(desk, 90.0), NewOrderRequest)
    canceled = only(desk.cancel(order.order_id), CancelOrderRequest)
    assert canceled.exchange_order_id == resting.exchange_order_id
    desk.say(order, OrderStatus.CANCELED)
    assert not desk.manager.books.table.open_orders()


def test_a_cancel_by_an_older_copy_reaches_what_rests_at_the_venue() -> None:
    desk = open_desk()
    order = arm(desk, order_type=OrderType.STOP_LOSS_LIMIT, price=Decimal(94))
    desk.cancel(order.order_id)
    told = desk.say(order, OrderStatus.NEW, order_type=OrderType.LIMIT)
    told += desk.advance(0)
    assert only(told, CancelOrderRequest).client_order_id == order.client_order_id
    assert len(desk.manager.books.table.open_orders()) == 1


def test_an_older_copy_of_the_journal_does_not_send_again_what_was_filled() -> None:
    desk = open_desk()
    order = arm(desk)
    desk.restart()
    filled = desk.view(
        order, OrderStatus.FILLED, desk.fill(order, "1"), order_type=OrderType.MARKET
    )
    desk.go_on(executed_orders=[filled])
    assert desk.position() == 0
    assert not all_of(quote(desk, 90.0), NewOrderRequest)
    assert not desk.manager.parts.emulation.armed, "nothing is watched any more"


def test_what_goes_off_is_rounded_to_the_rules_of_that_moment() -> None:
    desk = open_desk()
    order = arm(desk, quantity="0.75")
    instrument = make_instrument()
    instrument.lot_size = Decimal("0.5")
    desk.tell(instrument, GATEWAY)
    told = quote(desk, 94.0)
    assert only(told, NewOrderRequest).order.quantity == Decimal("0.5")
    assert only(told, OrderUpdate).order.quantity == Decimal("0.5")
    desk.restart()
    known = desk.manager.books.table.get(order.order_id)
    assert known is not None
    assert known.quantity == Decimal("0.5")


def test_a_symbol_that_does_not_trade_keeps_it_until_it_does() -> None:
    desk = open_desk()
    arm(desk)
    instrument = make_instrument()
    instrument.status = SymbolStatus.BREAK
    desk.tell(instrument, GATEWAY)
    assert not all_of([*quote(desk, 94.0), *desk.advance(3)], NewOrderRequest)
    desk.tell(make_instrument(), GATEWAY)
    assert all_of(desk.advance(0.1), NewOrderRequest)


def test_armed_again_it_trails_from_the_best_price_that_was_seen() -> None:
    desk = open_desk()
    arm(desk, stop_price=None, trailing_delta=100)
    quote(desk, 110.0)
    sent = only(quote(desk, 108.9), NewOrderRequest).order
    desk.say(sent, OrderStatus.UNKNOWN)
    desk.advance(3)
    told = [*desk.say(sent, OrderStatus.NOT_FOUND), *desk.advance(0.1)]
    assert only(told, TriggerArmed).order.best_price == Decimal(110)
    assert only(told, NewOrderRequest).order.order_type is OrderType.MARKET


def test_what_was_sent_a_second_time_is_canceled_when_the_first_turns_up() -> None:
    desk = open_desk()
    arm(desk, order_type=OrderType.STOP_LOSS_LIMIT, price=Decimal(94))
    first = only(quote(desk, 94.5), NewOrderRequest).order
    desk.say(first, OrderStatus.UNKNOWN)
    desk.advance(3)
    told = [*desk.say(first, OrderStatus.NOT_FOUND), *desk.advance(0.1)]
    second = only(told, NewOrderRequest).order
    desk.say(second, OrderStatus.NEW)
    told = [*desk.say(first, OrderStatus.FILLED, desk.fill(first, "1")), *desk.advance(0)]
    assert only(told, CancelOrderRequest).client_order_id == second.client_order_id


def test_more_than_a_market_order_may_be_is_refused_before_it_is_kept() -> None:
    desk = open_desk()
    instrument = make_instrument()
    instrument.market_max_quantity = Decimal("0.5")
    desk.tell(instrument, GATEWAY)
    assert refusal_of(desk.place(**STOP)) is Reason.QUANTITY


def test_what_never_left_this_machine_goes_off_again_wherever_the_price_went() -> None:
    desk = open_desk()
    order = arm(desk)
    sent = only(quote(desk, 94.0), NewOrderRequest).order
    told = desk.say(
        sent, OrderStatus.REJECTED, reason=Reason.UNSENT, reason_text="the socket is gone"
    )
    told += desk.advance(0)
    armed = only(told, TriggerArmed).order
    assert armed.client_order_id != sent.client_order_id
    assert all_of(told, OrderUpdate)[-1].status is OrderStatus.NEW
    assert all_of(told, OrderUpdate)[-1].order.order_id == order.order_id
    assert not all_of(quote(desk, 97.0), NewOrderRequest), "not at once: the socket is still gone"
    again = only(desk.advance(1), NewOrderRequest).order
    assert (again.order_type, again.client_order_id) == (OrderType.MARKET, armed.client_order_id)
    told = desk.say(again, OrderStatus.FILLED, desk.fill(again, "1"))
    assert all_of(told, OrderUpdate)[-1].order.order_id == order.order_id
    assert not desk.manager.books.table.open_orders()


def test_what_the_venue_itself_refuses_is_not_tried_again() -> None:
    desk = open_desk()
    arm(desk)
    sent = only(quote(desk, 94.0), NewOrderRequest).order
    told = desk.say(sent, OrderStatus.REJECTED, reason=Reason.VENUE, reason_text="no funds")
    assert not all_of([*told, *desk.advance(2)], TriggerArmed)
    assert not all_of(quote(desk, 90.0), NewOrderRequest)


def test_what_never_left_is_not_armed_again_under_a_halt_or_a_cancel() -> None:
    for halts in (True, False):
        desk = open_desk()
        order = arm(desk)
        sent = only(quote(desk, 94.0), NewOrderRequest).order
        if halts:
            desk.tell(HaltTrading(reason="test"), "Operator")
        else:
            desk.cancel(order.order_id)
        told = desk.say(sent, OrderStatus.REJECTED, reason=Reason.UNSENT, reason_text="withdrawn")
        assert not all_of([*told, *desk.advance(2)], TriggerArmed)
        assert not desk.manager.books.table.open_orders()


def test_what_never_left_outlives_a_kill_armed() -> None:
    desk = open_desk()
    order = arm(desk)
    sent = only(quote(desk, 94.0), NewOrderRequest).order
    desk.say(sent, OrderStatus.REJECTED, reason=Reason.UNSENT, reason_text="the socket is gone")
    desk.advance(0)
    desk.restart()
    resync = desk.go_on()
    assert [(each.order_id, each.is_armed) for each in resync.open_orders] == [
        (order.order_id, True)
    ]
    assert len(all_of([*quote(desk, 94.0), *desk.advance(2)], NewOrderRequest)) == 1


def test_the_time_of_an_armed_stop_goes_on_over_a_restart() -> None:
    desk = open_desk()
    stop = arm(desk, time_to_cancel=10.0)
    desk.advance(6)
    desk.restart()
    desk.go_on([])
    told = desk.advance(3.9)
    assert OrderStatus.CANCELED not in [update.status for update in all_of(told, OrderUpdate)]
    (update,) = all_of(desk.advance(0.2), OrderUpdate)[-1:]
    assert (update.order.order_id, update.status) == (stop.order_id, OrderStatus.CANCELED)
    assert not all_of(quote(desk, 80.0), NewOrderRequest)
