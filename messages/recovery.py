"""What the order manager writes down for its own next instance, and strategies through it."""

from decimal import Decimal

import msgspec

from messages.account import Balance
from messages.base import Message
from messages.enums import Exchanges, GateEvent
from messages.orders import Fill, Order


class PositionState(msgspec.Struct, array_like=True, kw_only=True):
    """One strategy's account in one symbol, exact to the last digit."""

    strategy: str
    exchange: Exchanges
    symbol: str
    base_asset: str
    quote_asset: str
    quantity: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    realized_profit: Decimal = Decimal(0)
    fees: dict[str, Decimal] = msgspec.field(default_factory=dict)
    entry_fees: dict[str, Decimal] = msgspec.field(default_factory=dict)
    entry_fees_in_quote: Decimal = Decimal(0)
    flows: dict[str, Decimal] = msgspec.field(default_factory=dict)
    open_time_ns: int = 0
    event_time_ns: int = 0
    third_fees_in_quote: Decimal = Decimal(0)
    """Fees in neither of the symbol's own assets (BNB), as far as a price for them was known."""
    unvalued_fees: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """The rest of them, per asset."""


class ChainState(msgspec.Struct, array_like=True, kw_only=True):
    """An order that was amended by a new one: the strategy's id of it, and its orders at the venue, the last one current."""

    handle: str
    legs: list[str]
    """Their own ids, oldest first."""


class LossMark(msgspec.Struct, array_like=True, kw_only=True):
    """From where the losses of a strategy (or of all: "") are counted, in one quote asset."""

    strategy: str
    quote_asset: str
    day: int = 0
    """Days since the epoch, UTC."""
    day_start: Decimal = Decimal(0)
    """Net profit when the day began."""
    peak: Decimal = Decimal(0)
    """The greatest net profit so far."""


class OrderNote(Message, kw_only=True):
    """How one order at the venue stands whose place another has taken: the strategy's `OrderUpdate` tells of the whole."""

    order: Order

    is_durable = True
    is_retold = True


class TriggerArmed(Message, kw_only=True):
    """The order manager keeps the trigger of an order whose type the venue lacks; on the disk before the strategy hears of it.

    The order has the name under which it goes to the venue when its price is reached.
    """

    order: Order

    is_durable = True
    needs_journal = True


class GateNote(Message, kw_only=True):
    """Something has opened or shut the way of new orders."""

    event: GateEvent
    scope: str = ""
    """Who holds or is out; whose orders are halted, empty for all."""
    reason: str = ""
    is_kept: bool = False
    """It outlives a restart of the bot."""
    flatten: bool = False

    is_durable = True


class StrategyState(Message, kw_only=True):
    """What a strategy wants to find again after a restart; the sender's name is the strategy's."""

    state: bytes


class StateKept(Message, kw_only=True):
    """The order manager has taken a strategy's state down."""

    strategy: str
    state: bytes

    is_durable = True


class OrderManagerCheckpoint(Message, kw_only=True):
    """All that the order manager knows by itself; what the venue knows is asked."""

    naming_run: int
    """The run whose number stands in the client order ids."""
    orders: list[Order] = msgspec.field(default_factory=list)
    """As its table holds them: those that are open, those with executions still untold, and the last that ended."""
    chains: list[ChainState] = msgspec.field(default_factory=list)
    positions: list[PositionState] = msgspec.field(default_factory=list)
    last_trade_ids: list[tuple[Exchanges, str, int]] = msgspec.field(default_factory=list)
    """Per symbol the last trade that is booked."""
    traded: list[str] = msgspec.field(default_factory=list)
    """Strategies that have had an order."""
    states: dict[str, bytes] = msgspec.field(default_factory=dict)
    """What strategies want to find again."""
    gate: list[GateNote] = msgspec.field(default_factory=list)
    baselines: list[Balance] = msgspec.field(default_factory=list)
    """Per asset: what the account holds beside what our own fills brought and took."""
    loss_marks: list[LossMark] = msgspec.field(default_factory=list)
    fills_to_book: list[Fill] = msgspec.field(default_factory=list)
    """Told already, in symbols whose assets were not known yet."""
    fills_to_tell: list[Fill] = msgspec.field(default_factory=list)
    """The same, not told yet."""

    is_durable = True
    is_checkpoint = True
