"""The README's example and its test."""

from decimal import Decimal

from actors.strategies.breakout import Breakout
from actors.testing import classes_of, make_order_update, make_trade
from messages.account import Position
from messages.enums import Exchanges, OrderStatus, OrderType, Side
from messages.orders import PlaceOrder


def test_buys_once() -> None:  # no event loop, no mock
    breakout = Breakout("BTCUSDT", level=100.0, quantity=Decimal("0.01"))
    breakout.handle(make_trade(price=101.0))
    breakout.handle(make_trade(price=102.0))
    assert [type(message) for message in breakout.outbox] == [PlaceOrder]


def test_terms_of_the_order() -> None:
    breakout = Breakout("BTCUSDT", level=100.0, quantity=Decimal("0.01"))
    breakout.handle(make_trade(price=100.0))
    assert breakout.outbox == []
    breakout.handle(make_trade(price=100.5))
    (order,) = breakout.outbox
    assert isinstance(order, PlaceOrder)
    assert (order.side, order.order_type, order.price) == (
        Side.BUY,
        OrderType.LIMIT,
        Decimal("100.5"),
    )
    assert order.time_to_cancel == 5.0


def test_tries_again_after_a_refusal_and_not_after_a_fill() -> None:
    breakout = Breakout("BTCUSDT", level=100.0, quantity=Decimal("0.01"))
    breakout.handle(make_trade(price=101.0))
    (first,) = breakout.outbox
    assert isinstance(first, PlaceOrder)
    breakout.handle(make_order_update(first.order_id, OrderStatus.REJECTED))
    breakout.handle(make_trade(price=101.0))
    assert classes_of(breakout.outbox) == [PlaceOrder, PlaceOrder]
    second = breakout.outbox[-1]
    assert isinstance(second, PlaceOrder)
    filled = make_order_update(
        second.order_id, OrderStatus.FILLED, executed_quantity=Decimal("0.01")
    )
    breakout.handle(filled)
    breakout.handle(make_trade(price=103.0))
    breakout.handle(
        Position(
            strategy="Breakout",
            exchange=Exchanges.BINANCE,
            symbol="BTCUSDT",
            quantity=Decimal("0.01"),
            average_price=Decimal(101),
        )
    )
    breakout.handle(make_trade(price=104.0))
    assert len(breakout.outbox) == 2
