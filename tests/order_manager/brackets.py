"""Lists as a strategy asks for them, in a market that takes every kind of order and in one that takes no lists."""

from decimal import Decimal
from typing import Any

from actors.testing import make_instrument
from messages.base import Message
from messages.enums import Exchanges, ListRole, OrderStatus, OrderType, Side
from messages.instruments import Instrument
from messages.order_lists import PlaceOrderList
from messages.orders import NewOrderRequest, PlaceOrder
from tests.order_manager.desk import GATEWAY, STRATEGY, Desk, only
from tests.order_manager.triggers import quote

ALL_TYPES = [each for each in OrderType if each is not OrderType.UNRECOGNISED]


def rules(**changes: Any) -> Instrument:
    instrument = make_instrument()
    instrument.order_types = list(ALL_TYPES)
    for name, value in changes.items():
        setattr(instrument, name, value)
    return instrument


def open_desk(balances: dict[str, str] | None = None, **arguments: Any) -> Desk:
    desk = Desk(**arguments).start(balances)
    desk.tell(rules(), GATEWAY)
    return desk


def open_flat() -> Desk:
    """A symbol that takes neither triggers nor lists, at 100."""
    desk = Desk(absence_after_s=2.0).start({"USDT": "1000"})
    quote(desk, 100.0)
    return desk


def leg(name: str, order_type: OrderType, side: Side = Side.SELL, **terms: Any) -> PlaceOrder:
    values = {key: Decimal(value) for key, value in terms.items()}
    values.setdefault("quantity", Decimal(1))
    return PlaceOrder(
        exchange=Exchanges.BINANCE,
        symbol="BTCUSDT",
        order_id=name,
        side=side,
        order_type=order_type,
        **values,  # type: ignore[arg-type]
    )


def ask(desk: Desk, orders: list[PlaceOrder], roles: list[ListRole]) -> list[Message]:
    return desk.tell(
        PlaceOrderList(
            exchange=Exchanges.BINANCE,
            symbol="BTCUSDT",
            list_id="list",
            orders=orders,
            roles=roles,
        ),
        STRATEGY,
    )


def ask_bracket(desk: Desk, quantity: str = "1") -> list[Message]:
    entry = leg("entry", OrderType.LIMIT, Side.BUY, price="100", quantity=quantity)
    target = leg("target", OrderType.LIMIT_MAKER, price="110", quantity=quantity)
    stop = leg("stop", OrderType.STOP_LOSS, stop_price="95", quantity=quantity)
    return ask(desk, [entry, target, stop], [ListRole.ENTRY, ListRole.ABOVE, ListRole.BELOW])


def ask_pair(desk: Desk, quantity: str = "1") -> list[Message]:
    target = leg("target", OrderType.LIMIT_MAKER, price="110", quantity=quantity)
    stop = leg("stop", OrderType.STOP_LOSS, stop_price="95", quantity=quantity)
    return ask(desk, [target, stop], [ListRole.ABOVE, ListRole.BELOW])


def fill_entry(desk: Desk, quantity: str = "1") -> list[Message]:
    """A bracket's entry is filled, in all that self-trade prevention left of it; what is said to that."""
    entry = only(ask_bracket(desk), NewOrderRequest).order
    desk.say(entry, OrderStatus.NEW)
    told = desk.say(entry, OrderStatus.FILLED, desk.fill(entry, quantity))
    return [*told, *desk.advance(0)]
