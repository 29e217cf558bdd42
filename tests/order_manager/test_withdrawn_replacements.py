"""A new order that waits for the end of the old one, where a symbol has no request for both: it can be taken back."""

import pytest

from messages.base import Message
from messages.enums import Exchanges, OrderStatus, OrderType, Side
from messages.order_lists import ReplaceOrder
from messages.orders import NewOrderRequest, Order, OrderUpdate
from tests.order_manager.brackets import leg, open_desk
from tests.order_manager.desk import STRATEGY, Desk, all_of, only

S = OrderStatus


def begin() -> tuple[Desk, Order]:
    """The desk, and the order whose cancel is on its way to make room for `new`."""
    desk = open_desk()
    instrument = desk.manager.books.instruments[Exchanges.BINANCE, "BTCUSDT"]
    instrument.allows_cancel_replace = False
    desk.buy_filled()
    old = desk.place_accepted()
    replace = ReplaceOrder(
        exchange=Exchanges.BINANCE,
        symbol="BTCUSDT",
        order_id=old.order_id,
        order=leg("new", OrderType.LIMIT, Side.BUY, price="99"),
    )
    desk.tell(replace, STRATEGY)
    return desk, old


def told_of_new(told: list[Message]) -> list[OrderStatus]:
    """What its strategy hears of the new order."""
    return [each.status for each in all_of(told, OrderUpdate) if each.order_id == "new"]


@pytest.mark.parametrize("end", [S.CANCELED, S.FILLED])
def test_one_that_is_canceled_meanwhile_is_not_sent(end: OrderStatus) -> None:
    desk, old = begin()
    assert told_of_new(desk.cancel("new")) == [S.CANCELED]
    assert not told_of_new(desk.cancel("new")), "it has been told"
    told = desk.say(old, end, *([desk.fill(old, "1")] if end is S.FILLED else []))
    assert not all_of(told, NewOrderRequest)
    assert not told_of_new(told)


def test_one_of_a_position_that_is_closed_is_not_sent() -> None:
    desk, old = begin()
    assert told_of_new(desk.close_position()) == [S.CANCELED]
    sale = only(desk.say(old, S.CANCELED), NewOrderRequest).order
    assert (sale.side, sale.order_type) == (Side.SELL, OrderType.MARKET)


def test_no_other_strategy_takes_it_back() -> None:
    desk, old = begin()
    desk.cancel("new", strategy="Other")
    assert only(desk.say(old, S.CANCELED), NewOrderRequest).order.order_id == "new"
