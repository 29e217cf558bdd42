"""What the exchange knows of orders and trades: a request, an order's record, its executions, and public trades.

Quantities, prices and amounts are `Decimal`; times are microseconds since the epoch.
"""

import enum
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from messages.enums import OrderStatus, OrderType, SelfTradePrevention, Side, TimeInForce

if TYPE_CHECKING:
    from actors.exchange.accounts import Account

ZERO = Decimal(0)
UNLIMITED_TYPES = frozenset({OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT})
STOP_LOSS_TYPES = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT})
TAKE_PROFIT_TYPES = frozenset({OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT})
CONTINGENT_TYPES = STOP_LOSS_TYPES | TAKE_PROFIT_TYPES
"""Those with a trigger, which Binance calls algo orders (filters.md, MAX_NUM_ALGO_ORDERS)."""
_OPEN = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.PENDING_NEW})


class CancelRestriction(enum.StrEnum):
    """A condition on a cancel (rest-api.md, Cancel order, cancelRestrictions)."""

    ONLY_NEW = "ONLY_NEW"
    ONLY_PARTIALLY_FILLED = "ONLY_PARTIALLY_FILLED"


class ContingencyType(enum.StrEnum):
    """How the orders of a list hang together; an OTOCO is an `OTO` (enums.md, Contingency Type)."""

    OCO = "OCO"
    OTO = "OTO"


class ListStatusType(enum.StrEnum):
    """What a list's report is about (enums.md, Order List Status)."""

    EXEC_STARTED = "EXEC_STARTED"
    UPDATED = "UPDATED"
    ALL_DONE = "ALL_DONE"


class ExpiryReason(enum.StrEnum):
    """Why the rest of an order expired (enums.md, Expiry reasons)."""

    REJECTED = "REJECTED"
    OCO_TRIGGER = "OCO_TRIGGER"
    OTO_PHASE_ONE_EXPIRED = "OTO_PHASE_ONE_EXPIRED"

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
    is_pegged: bool = False
    """Whether its price is to be that of the book; then `price` is not needed."""


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
class PreventedMatch:
    """A trade of an account with itself that did not take place, and what expired instead (faqs/stp_faq.md).

    A quantity is None where the mode leaves that side alone. `counter` fields are those of the resting order.
    """

    number: int
    """Counts the prevented matches of its symbol from 0."""
    taker_order_id: int
    maker_order_id: int
    mode: SelfTradePrevention
    price: Decimal
    taker_quantity: Decimal | None
    maker_quantity: Decimal | None
    time_us: int


@dataclass(slots=True, frozen=True)
class AccountTrade:
    """One line of an account's trade list."""

    symbol: str
    order_id: int
    is_buyer: bool
    execution: Execution
    order_list_id: int = -1

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
    stop_price: Decimal | None = None
    iceberg_quantity: Decimal | None = None
    """How much of it the book shows at a time; None or 0: all."""
    shown_quantity: Decimal = ZERO
    """Of an iceberg order that rests, what the book shows of it now."""
    trailing_delta: int | None = None
    """How far the price must come back from its best before the order triggers, in hundredths of a percent."""
    trailing_time_us: int | None = None
    """Since when the order follows the price; None before."""
    trailing_extreme: Decimal | None = None
    """The best price since then: the highest for a SELL, the lowest for a BUY."""
    is_waiting: bool = False
    """Whether it is not in the book yet: it waits for its trigger, or for the order of its list that comes first."""
    working_time_us: int = 0
    """When it entered the book; 0 if never."""
    order_list_id: int = -1
    strategy_id: int | None = None
    strategy_type: int | None = None
    self_trade_prevention_mode: SelfTradePrevention = SelfTradePrevention.NONE
    executed_quantity: Decimal = ZERO
    executed_quote_quantity: Decimal = ZERO
    prevented_quantity: Decimal = ZERO
    """What expired of it because it would have traded with its own account."""
    prevented_match_id: int | None = None
    """The last of its prevented matches."""
    prevented_matches: list[PreventedMatch] = field(default_factory=list)
    """Those of its entry into the book, as taker."""
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
        return self.quantity - self.executed_quantity - self.prevented_quantity

    @property
    def visible_quantity(self) -> Decimal:
        """What of an order in the book everybody sees, and a taker meets before the queue goes on."""
        return self.shown_quantity if self.iceberg_quantity else self.open_quantity

    @property
    def is_open(self) -> bool:
        """Whether it can still be executed."""
        return self.status in _OPEN

    @property
    def rests(self) -> bool:
        """Whether it lies in the book."""
        return self.status in _OPEN and not self.is_waiting

    @property
    def is_buy(self) -> bool:
        """Whether it buys the base asset."""
        return self.side is Side.BUY

    @property
    def has_no_limit(self) -> bool:
        """Whether it takes whatever price there is, now or when it triggers."""
        return self.order_type in UNLIMITED_TYPES


@dataclass(slots=True, eq=False)
class OrderList:
    """Orders that hang together; changed in place by the venue alone (rest-api.md, Order lists).

    `working` is the order of an OTO that comes first, None for an OCO. Of `pending`, one order or a pair of which one
    cancels the other, none is placed before the working order is filled; the pair of an OCO is placed at once.
    """

    account: "Account"
    list_id: int
    symbol: str
    contingency: ContingencyType
    client_id: str
    working: OrderRecord | None
    pending: list[OrderRecord]
    time_us: int
    is_placed: bool = False
    """Whether the pending orders have been placed."""
    is_decided: bool = False
    """Whether the market has chosen one of the pair; the other has expired then."""
    is_done: bool = False
    reserved: Decimal = ZERO
    """What is locked for an undecided pair together."""

    @property
    def is_undecided(self) -> bool:
        """Whether a pair is placed of which either can still be executed."""
        return self.is_placed and not self.is_decided and len(self.pending) > 1

    def others_of_pair(self, order: OrderRecord) -> list[OrderRecord]:
        """What is open of the pair that an order belongs to, without it; nothing for an order that is in none."""
        if order not in self.pending:
            return []
        return [one for one in self.pending if one is not order and one.is_open]

    @property
    def orders(self) -> list[OrderRecord]:
        """All orders, in the order of their ids."""
        return [*([self.working] if self.working else []), *self.pending]
