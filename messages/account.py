"""Balances, positions and account snapshots: money is `Decimal`."""

from decimal import Decimal
from typing import Any

import msgspec

from messages.base import Message, Routing
from messages.enums import Exchanges
from messages.orders import Order


class Balance(Message, kw_only=True):
    """What the account holds of one asset: absolute figures, as the venue states them."""

    exchange: Exchanges
    asset: str
    free: Decimal
    locked: Decimal
    event_time_ns: int = 0

    def routing_key(self) -> tuple[Any, ...]:
        """`(exchange, asset)`."""
        return (self.exchange, self.asset)

    @property
    def total(self) -> Decimal:
        """Free and locked together."""
        return self.free + self.locked


class Position(Message, kw_only=True):
    """What one strategy holds in one symbol, built from its own fills."""

    strategy: str
    exchange: Exchanges
    symbol: str
    quantity: Decimal = Decimal(0)
    """Signed; net of fees that were paid in the base asset."""
    average_price: Decimal = Decimal(0)
    """Average entry price of what is held, in the quote asset; 0 when nothing is held."""
    realized_profit: Decimal = Decimal(0)
    """In the quote asset, before fees."""
    unrealized_profit: Decimal = Decimal(0)
    """In the quote asset, at the last known market price."""
    fees: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """Paid so far, per asset."""
    event_time_ns: int = 0

    routing = Routing.TO_OWNER

    def routing_key(self) -> tuple[Any, ...]:
        """`(strategy,)`."""
        return (self.strategy,)


class AccountSnapshot(Message, kw_only=True):
    """The venue's whole view of the account at one moment, and the fees that apply."""

    exchange: Exchanges
    balances: list[Balance]
    open_orders: list[Order]
    maker_fee: Decimal = Decimal(0)
    taker_fee: Decimal = Decimal(0)
    event_time_ns: int = 0
    symbols: list[str] = msgspec.field(default_factory=list)
    """Whose open orders these are: all of them, in these symbols."""
    executed_orders: list[Order] = msgspec.field(default_factory=list)
    """Orders with the executions that followed the trade ids known before, oldest first."""
