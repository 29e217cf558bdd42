"""Doubles that ship with the product: a clock that moves by hand, a probe that keeps what it gets, and makers of messages.

They stand at the same ports as the real things, so that nothing needs to be patched.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from actors.runtime.actor import Actor
from actors.runtime.clock import SimulatedClock
from actors.runtime.system import System
from messages.base import Message
from messages.enums import Exchanges, OrderStatus, OrderType, Side
from messages.instruments import Instrument
from messages.market import BookTicker, Trade
from messages.orders import Order, OrderUpdate

START_TIME_NS = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z, where test data begins unless told otherwise."""


class ManualClock(SimulatedClock):
    """A clock that a test moves by `advance` and `advance_to`."""

    def __init__(self, now_ns: int = START_TIME_NS) -> None:
        super().__init__(now_ns)


def make_probe(*message_classes: type[Message], name: str = "Probe") -> type[Actor[Any]]:
    """An actor class that handles these classes and keeps every message in `received`, oldest first."""

    def __init__(self: Any) -> None:
        self.received = []

    namespace: dict[str, Any] = {"__init__": __init__, "__doc__": "Keeps what it gets."}
    for message_class in message_classes:

        def keep(self: Any, message: Message) -> None:
            self.received.append(message)

        keep.__annotations__ = {"message": message_class, "return": None}
        namespace[f"on_{message_class.__name__}"] = keep
    return type(name, (Actor,), namespace)


def received_by(system: System, name: str) -> list[Message]:
    """What a probe of a running system has received so far."""
    instance = system.cells[name].instance
    received: list[Message] = getattr(instance, "received", [])
    return received


def make_trade(
    price: float = 100.0,
    quantity: float = 1.0,
    symbol: str = "BTCUSDT",
    *,
    trade_id: int = 1,
    buyer_is_maker: bool = False,
    time_ns: int = START_TIME_NS,
    exchange: Exchanges = Exchanges.BINANCE,
) -> Trade:
    """A public trade, received at the time it happened."""
    return Trade(
        exchange=exchange,
        symbol=symbol,
        trade_id=trade_id,
        price=price,
        quantity=quantity,
        buyer_is_maker=buyer_is_maker,
        trade_time_ns=time_ns,
        event_time_ns=time_ns,
        receive_time_ns=time_ns,
    )


def make_book_ticker(
    bid_price: float = 99.99,
    ask_price: float = 100.01,
    symbol: str = "BTCUSDT",
    *,
    update_id: int = 1,
    quantity: float = 1.0,
    time_ns: int = START_TIME_NS,
    exchange: Exchanges = Exchanges.BINANCE,
) -> BookTicker:
    """A best bid and ask, both of the same quantity."""
    return BookTicker(
        exchange=exchange,
        symbol=symbol,
        update_id=update_id,
        bid_price=bid_price,
        bid_quantity=quantity,
        ask_price=ask_price,
        ask_quantity=quantity,
        receive_time_ns=time_ns,
    )


def make_instrument(
    symbol: str = "BTCUSDT",
    base_asset: str = "BTC",
    quote_asset: str = "USDT",
    *,
    tick_size: str = "0.01",
    lot_size: str = "0.00001",
    min_notional: str = "5",
    exchange: Exchanges = Exchanges.BINANCE,
) -> Instrument:
    """Trading rules like those of BTCUSDT."""
    return Instrument(
        exchange=exchange,
        symbol=symbol,
        base_asset=base_asset,
        quote_asset=quote_asset,
        order_types=[OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET],
        tick_size=Decimal(tick_size),
        min_price=Decimal(tick_size),
        max_price=Decimal(1_000_000),
        lot_size=Decimal(lot_size),
        min_quantity=Decimal(lot_size),
        max_quantity=Decimal(9_000),
        min_notional=Decimal(min_notional),
        max_notional=Decimal(9_000_000),
        min_notional_applies_to_market=True,
    )


def make_order_update(
    order_id: str,
    status: OrderStatus,
    *,
    strategy: str = "Strategy",
    symbol: str = "BTCUSDT",
    side: Side = Side.BUY,
    order_type: OrderType = OrderType.LIMIT,
    quantity: Decimal = Decimal(1),
    executed_quantity: Decimal = Decimal(0),
    price: Decimal = Decimal(100),
    exchange: Exchanges = Exchanges.BINANCE,
) -> OrderUpdate:
    """What the order manager tells a strategy about one of its orders."""
    order = Order(
        side=side,
        order_type=order_type,
        symbol=symbol,
        exchange=exchange,
        order_id=order_id,
        strategy=strategy,
        quantity=quantity,
        price=price,
        status=status,
        executed_quantity=executed_quantity,
        executed_quote_quantity=executed_quantity * price,
    )
    return OrderUpdate(strategy=strategy, order=order)


def classes_of(messages: Sequence[Message]) -> list[type[Message]]:
    """The classes of some messages, in their order."""
    return [type(message) for message in messages]
