"""A desk whose symbol takes no triggers, and what is done with those that are kept for it."""

from decimal import Decimal
from typing import Any

from actors.testing import make_book_ticker
from messages.base import Message
from messages.enums import OrderStatus, OrderType, Side
from messages.orders import NewOrderRequest, Order, OrderUpdate
from tests.order_manager.desk import Desk, all_of

STOP: dict[str, Any] = {
    "side": Side.SELL,
    "price": None,
    "order_type": OrderType.STOP_LOSS,
    "stop_price": Decimal(95),
}


def open_desk(**arguments: Any) -> Desk:
    """One BTC is held, at 100, in a symbol that takes no triggers."""
    desk = Desk(absence_after_s=arguments.pop("absence_after_s", 2.0), **arguments)
    desk.start({"USDT": "1000"})
    desk.buy_filled()
    return desk


def quote(desk: Desk, bid: float, ask_price: float | None = None) -> list[Message]:
    """A quote, and the next look at it."""
    sent = len(desk.manager.outbox)
    ask_price = bid + 0.01 if ask_price is None else ask_price
    desk.tell(make_book_ticker(bid_price=bid, ask_price=ask_price), "Feed")
    desk.advance(0.1)
    return desk.manager.outbox[sent:]


def arm(desk: Desk, **terms: Any) -> Order:
    """An order that stands; nothing of it has gone to the venue."""
    told = [*desk.place(**(STOP | terms)), *desk.advance(0)]
    assert not all_of(told, NewOrderRequest)
    updates = all_of(told, OrderUpdate)
    assert [update.status for update in updates] == [OrderStatus.PENDING_NEW, OrderStatus.NEW]
    return updates[-1].order
