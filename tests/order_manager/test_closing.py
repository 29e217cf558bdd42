"""Closing a position, and its dust."""

from decimal import Decimal

import pytest

from actors.testing import classes_of, make_book_ticker
from messages.account import Balance, Position
from messages.enums import Exchanges, OrderStatus, OrderType, Reason, Side
from messages.orders import (
    CancelOrderRequest,
    NewOrderRequest,
    OrderUpdate,
    QueryOrderRequest,
)
from tests.order_manager.desk import GATEWAY, Desk, all_of, only, refusal_of


def test_what_is_held_is_sold_at_market() -> None:
    desk = Desk().start()
    desk.buy_filled("1.5")
    order = only(desk.close_position(), NewOrderRequest).order
    assert (order.side, order.order_type) == (Side.SELL, OrderType.MARKET)
    assert order.quantity == Decimal("1.5")
    assert order.order_id
    desk.say(order, OrderStatus.FILLED, desk.fill(order, "1.5"))
    assert desk.position() == 0


def test_a_resting_sale_is_canceled_and_its_end_awaited_before_the_sale() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    resting = desk.place_accepted(Side.SELL, "1", "110")
    told = desk.close_position()
    assert only(told, CancelOrderRequest).client_order_id == resting.client_order_id
    assert not all_of(told, NewOrderRequest)
    assert not all_of(desk.advance(2), NewOrderRequest)
    told = desk.say(resting, OrderStatus.CANCELED)
    assert only(told, NewOrderRequest).order.quantity == 1
    assert not all_of(desk.advance(300), NewOrderRequest)


def test_the_cancel_answers_that_the_order_was_filled_so_nothing_is_sold_twice() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    resting = desk.place_accepted(Side.SELL, "1", "110")
    desk.close_position()
    told = desk.refuse_cancel(resting)
    assert all_of(told, QueryOrderRequest)
    assert not all_of(told, NewOrderRequest)
    told = desk.say(resting, OrderStatus.FILLED, executed="1")
    assert not all_of(told, NewOrderRequest), "its executions are not known yet"
    told = desk.say(resting, OrderStatus.FILLED, desk.fill(resting, "1"), executed="1")
    assert not all_of(told, NewOrderRequest)
    assert only(told[-1:], Position).quantity == 0
    assert not all_of(desk.advance(300), NewOrderRequest)


def test_a_part_that_was_sold_meanwhile_is_not_sold_again() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    resting = desk.place_accepted(Side.SELL, "1", "110")
    desk.close_position()
    told = desk.say(resting, OrderStatus.CANCELED, executed="0.4")
    assert not all_of(told, NewOrderRequest)
    told = desk.say(resting, OrderStatus.CANCELED, desk.fill(resting, "0.4"), executed="0.4")
    assert only(told, NewOrderRequest).order.quantity == Decimal("0.6")


def test_a_resting_buy_that_fills_before_its_cancel_is_sold_too() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    resting = desk.place_accepted(Side.BUY, "1", "90")
    desk.close_position()
    told = desk.say(resting, OrderStatus.FILLED, desk.fill(resting, "1"))
    assert only(told, NewOrderRequest).order.quantity == 2


def test_executions_still_unknown_when_the_close_is_asked_for_are_awaited() -> None:
    desk = Desk().start()
    resting = desk.place_accepted(Side.BUY, "1", "90")
    desk.say(resting, OrderStatus.FILLED, executed="1")
    assert not all_of(desk.close_position(), NewOrderRequest)
    told = desk.say(resting, OrderStatus.FILLED, desk.fill(resting, "1"), executed="1")
    assert only(told, NewOrderRequest).order.quantity == 1


def test_a_second_close_sells_nothing_a_second_time() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    resting = desk.place_accepted(Side.SELL, "1", "110")
    desk.close_position()
    assert desk.close_position() == []
    order = only(desk.say(resting, OrderStatus.CANCELED), NewOrderRequest).order
    assert not all_of(desk.close_position(), NewOrderRequest), "all that is held is on its way"
    desk.say(order, OrderStatus.FILLED, desk.fill(order, "1"))
    assert desk.position() == 0


@pytest.mark.parametrize(
    ("fees", "held", "sold", "sold_next"),
    [
        ((("0.73", "0.00073", "BTC"),), "0.72927", "0.72", "1.00"),
        ((("0.73", "0.001", "BNB"),), "0.73", "0.73", "0.99"),
        ((("0.40", "0.0005", "BNB"), ("0.33", "0.00033", "BTC")), "0.72967", "0.72", "1.00"),
    ],
)
def test_no_more_is_sold_than_fees_have_left(
    fees: tuple[tuple[str, str, str], ...], held: str, sold: str, sold_next: str
) -> None:
    desk = Desk().start(lot_size="0.01")
    order = only(desk.place(quantity="0.73"), NewOrderRequest).order
    desk.say(order, OrderStatus.FILLED, *(desk.fill(order, *part) for part in fees))
    assert desk.position() == Decimal(held)
    sale = only(desk.close_position(), NewOrderRequest).order
    assert sale.quantity == Decimal(sold)
    told = desk.say(sale, OrderStatus.FILLED, desk.fill(sale, sold))
    position = only(told, Position)
    assert position.quantity == Decimal(held) - Decimal(sold), "dust stays"
    assert set(position.fees) == {fee_asset for _, _, fee_asset in fees}
    # Of the next position alone 0.99 could be sold; dust makes it a whole step more.
    desk.buy_filled("1", fee="0.005", fee_asset="BTC")
    assert only(desk.close_position(), NewOrderRequest).order.quantity == Decimal(sold_next)


def test_dust_is_refused_once_and_stays() -> None:
    desk = Desk().start(lot_size="0.01")
    order = only(desk.place(quantity="0.05"), NewOrderRequest).order
    desk.say(order, OrderStatus.CANCELED, desk.fill(order, "0.009"))
    told = desk.close_position()
    assert classes_of(told) == [OrderUpdate, Position]
    update = only(told, OrderUpdate)
    assert (update.status, update.reason) == (OrderStatus.REJECTED, Reason.QUANTITY)
    assert only(told, Position).quantity == Decimal("0.009")
    assert not all_of(desk.advance(300), NewOrderRequest) + all_of(desk.advance(300), OrderUpdate)


def test_a_rest_below_the_least_notional_is_refused_once_by_either_way() -> None:
    desk = Desk().start()
    desk.tell(make_book_ticker(0.99, 1.01), "Feed")
    order = desk.place_accepted(quantity="10", price="1", time_to_cancel=5.0)
    desk.say(order, OrderStatus.PARTIALLY_FILLED, desk.fill(order, "3"))
    assert only(desk.advance(5), CancelOrderRequest)
    desk.say(order, OrderStatus.CANCELED)
    assert desk.position() == 3
    for told in (
        desk.place(Side.SELL, "3", "1"),
        desk.place(Side.SELL, "3", None),
        desk.close_position(),
    ):
        assert not all_of(told, NewOrderRequest)
        assert only(told, OrderUpdate).reason is Reason.NOTIONAL
    later = desk.advance(300)
    assert not all_of(later, NewOrderRequest) + all_of(later, OrderUpdate)
    assert desk.position() == 3
    assert all_of(desk.place(quantity="10", price="1"), NewOrderRequest)


def test_no_more_is_sold_than_the_owner_has_left_in_the_account() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    for free, sold in (("0", None), ("0.75", "0.75")):
        taken = Balance(
            exchange=Exchanges.BINANCE, asset="BTC", free=Decimal(free), locked=Decimal(0)
        )
        desk.tell(taken, GATEWAY)
        told = desk.close_position()
        if sold is None:
            assert refusal_of([each for each in told if not isinstance(each, Position)]) is (
                Reason.INSUFFICIENT_FUNDS
            )
        else:
            assert only(told, NewOrderRequest).order.quantity == Decimal(sold)


def test_closing_what_is_flat_sells_nothing() -> None:
    desk = Desk().start()
    assert classes_of(desk.close_position()) == [Position]


def test_another_strategys_orders_and_holdings_are_left_alone() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    other = desk.place_accepted(Side.BUY, "1", "90", strategy="Other")
    told = desk.close_position()
    assert not all_of(told, CancelOrderRequest)
    assert only(told, NewOrderRequest).order.quantity == 1
    assert classes_of(desk.close_position("Third")) == [Position]
    kept = desk.manager.books.table.get(other.order_id)
    assert kept is not None
    assert kept.status is OrderStatus.NEW


def test_a_close_is_late_like_any_decision() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    resting = desk.place_accepted(Side.SELL, "1", "110")
    desk.close_position(send_before_ns=desk.now_ns + 5_000_000_000)
    desk.advance(6)
    told = desk.say(resting, OrderStatus.CANCELED)
    assert not all_of(told, NewOrderRequest)
    refused = all_of(told, OrderUpdate)[-1]
    assert (refused.status, refused.reason) == (OrderStatus.REJECTED, Reason.TOO_LATE)
    assert only(told, Position).quantity == 1


def test_the_limits_do_not_keep_anybody_in_a_position() -> None:
    desk = Desk(
        maximum_order_notional=Decimal(100), maximum_open_orders=1, price_collar=Decimal("0.05")
    ).start()
    desk.buy_filled("1")
    desk.buy_filled("1")
    desk.place_accepted(quantity="0.5", strategy="Other")
    assert only(desk.close_position(), NewOrderRequest).order.quantity == 2


def test_a_sale_that_the_venue_refuses_is_not_repeated() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    sale = only(desk.close_position(), NewOrderRequest).order
    update = only(desk.say(sale, OrderStatus.REJECTED), OrderUpdate)
    assert update.reason is Reason.VENUE
    assert not all_of(desk.advance(300), NewOrderRequest)
