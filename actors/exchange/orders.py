"""What the exchange knows of orders and trades: a request, an order's record, its executions, and public trades.

Quantities, prices and amounts are `Decimal`; times are microseconds since the epoch.
"""

import enum
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from messages.enums import OrderStatus, OrderType, Side, TimeInForce, WireEnum

if TYPE_CHECKING:
    from actors.exchange.accounts import Account

ZERO = Decimal(0)


class SelfTradePrevention(WireEnum):
    """What happens when an account would trade with itself; this exchange allows `NONE` (enums.md, STP Modes)."""

    NONE = "NONE"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"
    DECREMENT = "DECREMENT"
    TRANSFER = "TRANSFER"
    UNRECOGNISED = "UNRECOGNISED"


class CancelRestriction(enum.StrEnum):
    """A condition on a cancel (rest-api.md, Cancel order, cancelRestrictions)."""

    ONLY_NEW = "ONLY_NEW"
    ONLY_PARTIALLY_FILLED = "ONLY_PARTIALLY_FILLED"


class ExpiryReason(enum.StrEnum):
    """Why the rest of an order expired (enums.md, Expiry reasons)."""

    UNFILLED_IOC_QUANTITY = "UNFILLED_IOC_QUANTITY_EXPIRED"
    UNFILLED_FOK_ORDER = "UNFILLED_FOK_ORDER_EXPIRED"
    INSUFFICIENT_LIQUIDITY = "INSUFFICIENT_LIQUIDITY"


@dataclass(slots=True, frozen=True, kw_only=True)
class NewOrder:
    """A request for an order as the caller sent it: None for every parameter that was not sent."""

    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal | None = None
    quote_order_quantity: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    client_order_id: str | None = None
    strategy_id: int | None = None
    strategy_type: int | None = None
    self_trade_prevention_mode: SelfTradePrevention | None = None
    stop_price: Decimal | None = None
    trailing_delta: int | None = None
    iceberg_quantity: Decimal | None = None


@dataclass(slots=True, frozen=True)
class Execution:
    """One execution of a part of an order, from that order's side."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    is_maker: bool
    time_us: int


@dataclass(slots=True, frozen=True)
class Amendment:
    """One reduction of an open order's quantity."""

    execution_id: int
    previous_client_order_id: str
    new_client_order_id: str
    previous_quantity: Decimal
    new_quantity: Decimal
    time_us: int


@dataclass(slots=True, frozen=True)
class AccountTrade:
    """One line of an account's trade list."""

    symbol: str
    order_id: int
    is_buyer: bool
    execution: Execution

    @property
    def trade_id(self) -> int:
        """The trade's id, unique in its symbol."""
        return self.execution.trade_id

    @property
    def time_us(self) -> int:
        """When it took place."""
        return self.execution.time_us


@dataclass(slots=True, frozen=True)
class PublicTrade:
    """One trade as everyone sees it. `is_buyer_maker`: the buyer rested, so the taker sold."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    time_us: int
    is_buyer_maker: bool


@dataclass(slots=True, frozen=True)
class AggregateTrade:
    """Trades of one taker order at one price, taken together. `number` counts those of its symbol from 1."""

    number: int
    price: Decimal
    quantity: Decimal
    first_trade_id: int
    last_trade_id: int
    time_us: int
    is_buyer_maker: bool


@dataclass(slots=True, eq=False)
class OrderRecord:
    """One order from its acceptance on; changed in place by the venue and its matching engines alone."""

    account: "Account"
    order_id: int
    symbol: str
    client_order_id: str
    """The id it goes by now: a cancel replaces it by its own."""
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    price: Decimal
    quantity: Decimal
    quote_order_quantity: Decimal
    time_us: int
    update_time_us: int
    original_client_order_id: str = ""
    """The id it was placed with, or last amended to; `client_order_id` until a cancel."""
    strategy_id: int | None = None
    strategy_type: int | None = None
    self_trade_prevention_mode: SelfTradePrevention = SelfTradePrevention.NONE
    executed_quantity: Decimal = ZERO
    executed_quote_quantity: Decimal = ZERO
    status: OrderStatus = OrderStatus.NEW
    expiry_reason: ExpiryReason | None = None
    reserved: Decimal = ZERO
    """What is still locked for it: quote asset for a BUY, base asset for a SELL."""
    executions: list[Execution] = field(default_factory=list)
    """Those of its entry into the book, as taker: the `fills` of a FULL answer. Later ones are in the trade list."""
    amendments: list[Amendment] = field(default_factory=list)

    @property
    def open_quantity(self) -> Decimal:
        """What is still to be executed."""
        return self.quantity - self.executed_quantity

    @property
    def is_open(self) -> bool:
        """Whether it rests in the book."""
        return self.status is OrderStatus.NEW or self.status is OrderStatus.PARTIALLY_FILLED

    @property
    def is_buy(self) -> bool:
        """Whether it buys the base asset."""
        return self.side is Side.BUY
