"""Amendments that only reduce an order: it keeps its place; where that is not offered, it is canceled and placed anew."""

from decimal import Decimal

from actors.testing import classes_of
from messages.codec import encode
from messages.control import CommandFailed, JournalFailed
from messages.enums import ExecutionType, OrderStatus, OrderType, Reason, Side
from messages.orders import (
    AmendOrderRequest,
    CancelOrderRequest,
    NewOrderRequest,
    Order,
    OrderUpdate,
    QueryOrderRequest,
)
from tests.order_manager.desk import GATEWAY, Desk, all_of, only


def begin(desk: Desk, quantity: str = "2", to: str = "1.5") -> tuple[Order, AmendOrderRequest]:
    order = desk.place_accepted(quantity=quantity)
    told = desk.amend(order.order_id, quantity=to)
    assert classes_of(told) == [AmendOrderRequest]
    return order, only(told, AmendOrderRequest)


def answer(desk: Desk, order: Order, reason: Reason) -> list[OrderUpdate]:
    """What a gateway says of an amendment that was not carried out, or of which nobody knows."""
    event = Order(
        side=Side.UNRECOGNISED,
        order_type=OrderType.UNRECOGNISED,
        symbol="BTCUSDT",
        client_order_id=order.client_order_id,
        status=OrderStatus.UNKNOWN,
        reason=reason,
        reason_text="in the venue's words",
    )
    return all_of(desk.tell(event, GATEWAY), OrderUpdate)


def test_the_order_keeps_its_name_and_its_place() -> None:
    desk = Desk().start()
    order, request = begin(desk)
    assert request.quantity == Decimal("1.5")
    assert request.client_order_id == request.new_client_order_id == order.client_order_id
    assert request.exchange_order_id == 1001
    told = desk.say(
        order, OrderStatus.NEW, quantity=Decimal("1.5"), execution_type=ExecutionType.REPLACED
    )
    update = only(told, OrderUpdate)
    assert (update.order_id, update.order.quantity) == (order.order_id, Decimal("1.5"))
    assert desk.say(order, OrderStatus.NEW, quantity=Decimal("1.5")) == [], "the other road"
    desk.say(order, OrderStatus.FILLED, desk.fill(order, "1.5"))
    assert desk.position() == Decimal("1.5")
    assert not desk.manager.reducing.pending
    assert not desk.sent(CancelOrderRequest)


def test_more_or_another_price_goes_the_other_way() -> None:
    for price, quantity in ((None, "3"), ("99", None), ("99", "1")):
        desk = Desk().start()
        order = desk.place_accepted(quantity="2")
        told = desk.amend(order.order_id, price, quantity)
        assert not all_of(told, AmendOrderRequest)
        assert all_of(told, CancelOrderRequest)


def test_below_what_was_executed_it_is_canceled() -> None:
    desk = Desk().start()
    order = desk.place_accepted(quantity="2")
    desk.say(order, OrderStatus.PARTIALLY_FILLED, desk.fill(order, "1"))
    assert all_of(desk.amend(order.order_id, quantity="1"), CancelOrderRequest)


def test_a_venue_that_does_not_offer_it_gets_a_cancel_and_a_new_order() -> None:
    desk = Desk().start()
    order, _ = begin(desk)
    answer(desk, order, Reason.UNSUPPORTED)
    assert [each.client_order_id for each in desk.sent(CancelOrderRequest)] == [
        order.client_order_id
    ]
    told = desk.say(order, OrderStatus.CANCELED)
    leg = only(told, NewOrderRequest).order
    assert leg.quantity == Decimal("1.5")
    desk.say(leg, OrderStatus.NEW)
    # Once is enough to know it.
    assert all_of(desk.amend(order.order_id, quantity="1"), CancelOrderRequest)
    assert len(desk.sent(AmendOrderRequest)) == 1


def test_a_refusal_is_told_and_the_order_stands() -> None:
    desk = Desk().start()
    order, _ = begin(desk)
    [update] = answer(desk, order, Reason.VENUE)
    assert (update.status, update.reason) == (OrderStatus.NEW, Reason.VENUE)
    assert update.order.quantity == 2
    assert not desk.manager.reducing.pending


def test_of_an_unknown_outcome_the_order_itself_is_asked() -> None:
    desk = Desk().start()
    order, _ = begin(desk)
    assert answer(desk, order, Reason.OUTCOME_UNKNOWN) == []
    assert desk.sent(QueryOrderRequest)
    update = only(desk.say(order, OrderStatus.NEW), OrderUpdate)
    assert update.reason is Reason.OUTCOME_UNKNOWN
    assert not desk.manager.reducing.pending
    order, _ = begin(desk)
    answer(desk, order, Reason.OUTCOME_UNKNOWN)
    update = only(desk.say(order, OrderStatus.NEW, quantity=Decimal("1.5")), OrderUpdate)
    assert (update.reason, update.order.quantity) == (Reason.NONE, Decimal("1.5"))


def test_an_amendment_that_was_not_sent_is_told() -> None:
    desk = Desk().start()
    order, request = begin(desk)
    failed = JournalFailed(target="OrderManager", reason="full disk", frames=[encode(request)])
    assert only(desk.tell(failed, "system"), OrderUpdate).reason is Reason.JOURNAL
    told = desk.amend(order.order_id, quantity="1")
    refused = CommandFailed(
        target="OrderManager",
        failed_class="AmendOrderRequest",
        failed_frame=encode(only(told, AmendOrderRequest)),
        error="a fault",
    )
    assert only(desk.tell(refused, "system"), OrderUpdate).reason is Reason.HANDLER_FAILED


def test_a_second_amendment_before_the_first_is_answered_cancels() -> None:
    desk = Desk().start()
    order, _ = begin(desk)
    assert all_of(desk.amend(order.order_id, quantity="1"), CancelOrderRequest)
    desk.say(order, OrderStatus.PENDING_CANCEL)
    told = desk.say(order, OrderStatus.CANCELED, quantity=Decimal("1.5"))
    assert only(told, NewOrderRequest).order.quantity == Decimal(1)
