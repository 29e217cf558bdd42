"""Rules of a symbol that change while the bot trades: the next order goes by the new ones, and no other symbol notices."""

from decimal import Decimal

from actors.testing import make_instrument
from messages.enums import Reason, Side
from messages.orders import CancelOrderRequest, NewOrderRequest
from tests.order_manager.desk import GATEWAY, Desk, all_of, only, refusal_of


def test_the_next_order_is_rounded_by_the_new_steps() -> None:
    desk = Desk().start()
    before = only(desk.place(Side.BUY, "1.23456", "99.87"), NewOrderRequest).order
    assert (before.price, before.quantity) == (Decimal("99.87"), Decimal("1.23456"))
    desk.tell(make_instrument(tick_size="0.5", lot_size="0.01"), GATEWAY)
    after = only(desk.place(Side.BUY, "1.23456", "99.87"), NewOrderRequest).order
    assert (after.price, after.quantity) == (Decimal("99.5"), Decimal("1.23"))


def test_what_is_held_is_sold_by_the_new_step_and_the_rest_stays() -> None:
    desk = Desk().start()
    desk.buy_filled("1.23456")
    desk.tell(make_instrument(lot_size="0.1"), GATEWAY)
    sale = only(desk.close_position(), NewOrderRequest).order
    assert sale.quantity == Decimal("1.2")
    assert desk.position() == Decimal("1.23456"), "nothing is written off"


def test_a_higher_least_notional_refuses_new_orders_and_leaves_the_resting_ones() -> None:
    desk = Desk().start()
    resting = desk.place_accepted(Side.BUY, "1", "90")
    told = desk.tell(make_instrument(min_notional="1000"), GATEWAY)
    assert not all_of(told, CancelOrderRequest)
    assert refusal_of(desk.place(Side.BUY, "1", "90")) is Reason.NOTIONAL
    assert only(desk.cancel(resting.order_id), CancelOrderRequest)
