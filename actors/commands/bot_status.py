"""The structure that `bin/start status` tells a bot's state in, for people and programs. Amounts are exact."""

from decimal import Decimal

import msgspec


class LimitUse(msgspec.Struct, frozen=True):
    """One limit: how much of it is used; `used` is None for one that judges each order for itself."""

    name: str
    limit: Decimal
    used: Decimal | None = None
    unit: str = ""
    scope: str = ""
    """The symbol or strategy it is counted for; empty: the whole bot."""


class Obstacle(msgspec.Struct, frozen=True):
    """Something that stands in the way of new orders."""

    kind: str
    """`halt` (ends by `resume`), `hold`, `pause` and `journal` (end by themselves), `stop` (an actor is out for good)."""
    scope: str
    """The strategy it concerns, or who holds; empty: all."""
    reason: str
    is_kept: bool = False
    """It outlives a restart of the bot."""
    since: str = ""


class ActorStatus(msgspec.Struct, frozen=True):
    """One actor."""

    name: str
    class_name: str
    handled: int
    restarts: int
    dropped: int
    is_out: bool


class ConnectionStatus(msgspec.Struct, frozen=True):
    """One way to the venue, or one symbol's market data."""

    name: str
    state: str
    detail: str = ""


class PositionStatus(msgspec.Struct, frozen=True):
    """What one strategy holds in one symbol; amounts are exact, profits and prices rounded to eight decimals by the reader."""

    strategy: str
    symbol: str
    quantity: Decimal
    average_price: Decimal
    realized_profit: Decimal
    unrealized_profit: Decimal
    fees: dict[str, Decimal]
    is_dust: bool
    """It is less than the venue lets anybody sell; it is sold with the next position."""


class OrderStatusLine(msgspec.Struct, frozen=True):
    """One open order, or one of unknown outcome."""

    client_order_id: str
    strategy: str
    symbol: str
    side: str
    order_type: str
    price: Decimal
    quantity: Decimal
    executed_quantity: Decimal
    status: str
    is_unknown: bool
    """Sent, and not answered: the venue is being asked."""


class ProfitStatus(msgspec.Struct, frozen=True):
    """In one asset."""

    realized: Decimal = Decimal(0)
    unrealized: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)


class BotStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that `bin/start status` tells."""

    bot: str
    process: int
    venue: str
    state: str
    """`starting`, `trading`, `held`, `halted` or `ending`."""
    waiting_for: str = ""
    started: str
    run: int = 0
    obstacles: list[Obstacle] = []
    actors: list[ActorStatus] = []
    connections: list[ConnectionStatus] = []
    market_data: list[ConnectionStatus] = []
    positions: list[PositionStatus] = []
    open_orders: list[OrderStatusLine] = []
    profit: dict[str, ProfitStatus] = {}
    limits: list[LimitUse] = []
    orders_sent: int = 0
    fills: int = 0
    refusals: dict[str, int] = {}
    orders_by_status: dict[str, int] = {}
