"""Enumerations in the wire's own spelling (Binance Spot API, enums.md).

A venue may add a value at any time and must not be able to stop a decoder with it: every enumeration has a member
that stands for what it does not know, and any unknown text becomes that member.
"""

import enum
from typing import Self


class WireEnum(enum.StrEnum):
    """A text enumeration whose unknown values become its `UNRECOGNISED` member instead of an error."""

    # Enum hashes its name through a Python function; the text's own hash is several times faster and as good,
    # because equality is the text's as well. These values sit in every routing key.
    __hash__ = str.__hash__

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        return cls.__members__.get("UNRECOGNISED")


class Exchanges(WireEnum):
    """The venues. `CUSTOM` is a venue of the user's own, served by a gateway and a feed that the user writes."""

    BINANCE = "BINANCE"
    CUSTOM = "CUSTOM"
    UNRECOGNISED = "UNRECOGNISED"


class Side(WireEnum):
    """The side of an order, or of the taker in a trade."""

    BUY = "BUY"
    SELL = "SELL"
    UNRECOGNISED = "UNRECOGNISED"

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(WireEnum):
    """Order types of Binance Spot (enums.md, Order types)."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    LIMIT_MAKER = "LIMIT_MAKER"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"
    UNRECOGNISED = "UNRECOGNISED"

    is_contingent: bool
    """Whether a trade price must set it off first; Binance calls these algo orders (filters.md)."""
    has_price: bool
    """Whether it has a limit."""

    def __init__(self, value: str) -> None:
        # Asked for every order, and more than once: said beforehand.
        self.is_contingent = value.startswith(("STOP_LOSS", "TAKE_PROFIT"))
        self.has_price = value.startswith("LIMIT") or value.endswith("_LIMIT")


class TimeInForce(WireEnum):
    """How long an order may rest (enums.md, Time in force)."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    UNRECOGNISED = "UNRECOGNISED"


TERMINAL = ("FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH")


class OrderStatus(WireEnum):
    """Where an order stands: the venue's words (enums.md, Order status) and three of our own.

    Ours are `PENDING_CANCEL` (a cancel is on its way), `UNKNOWN` (sent, outcome unknown; never "failed") and
    `NOT_FOUND` (the venue does not know it; not terminal, any word of the venue revokes it). `PENDING_NEW` is both
    ours (sent, not yet acknowledged) and the venue's (a leg that waits). A status that this program does not know
    reads as `UNKNOWN`: the order exists, and how it stands must be asked.
    """

    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"
    UNKNOWN = "UNKNOWN"
    NOT_FOUND = "NOT_FOUND"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls.__members__.get("UNKNOWN") if isinstance(value, str) else None

    is_terminal: bool
    """Whether the venue will never change it again."""
    is_open: bool
    """Whether the venue may still execute the order, as far as we know."""

    def __init__(self, value: str) -> None:
        self.is_terminal = value in TERMINAL
        self.is_open = value not in (*TERMINAL, "NOT_FOUND")


TERMINAL_STATUSES = frozenset(status for status in OrderStatus if status.is_terminal)


class ExecutionType(WireEnum):
    """What an execution report tells (enums.md, `x` of executionReport)."""

    NEW = "NEW"
    CANCELED = "CANCELED"
    REPLACED = "REPLACED"
    REJECTED = "REJECTED"
    TRADE = "TRADE"
    EXPIRED = "EXPIRED"
    TRADE_PREVENTION = "TRADE_PREVENTION"
    UNRECOGNISED = "UNRECOGNISED"


class SelfTradePrevention(WireEnum):
    """What the venue does when an account would trade with itself (enums.md, STP Modes); the taker's mode decides."""

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"
    DECREMENT = "DECREMENT"
    TRANSFER = "TRANSFER"
    UNRECOGNISED = "UNRECOGNISED"


class ListRole(WireEnum):
    """What an order is within its list; the venue calls the entry "working" and what follows it "pending"."""

    NONE = "NONE"
    ENTRY = "ENTRY"
    ABOVE = "ABOVE"
    """The exit whose price lies above the market."""
    BELOW = "BELOW"
    EXIT = "EXIT"
    """The only one."""
    UNRECOGNISED = "UNRECOGNISED"


class ListState(WireEnum):
    """How a list stands: the venue's words (enums.md, Order List Order Status) and two of ours."""

    EXECUTING = "EXECUTING"
    ALL_DONE = "ALL_DONE"
    REJECT = "REJECT"
    UNPROTECTED = "UNPROTECTED"
    """The entry has brought something, and no exit covers all of it."""
    UNKNOWN = "UNKNOWN"
    UNRECOGNISED = "UNRECOGNISED"


class ReplaceMode(WireEnum):
    """What becomes of the new order when the old one cannot be canceled (rest-api.md, cancelReplaceMode)."""

    STOP_ON_FAILURE = "STOP_ON_FAILURE"
    ALLOW_FAILURE = "ALLOW_FAILURE"
    UNRECOGNISED = "UNRECOGNISED"


class SymbolStatus(WireEnum):
    """Whether a symbol trades (enums.md, Symbol status)."""

    TRADING = "TRADING"
    END_OF_DAY = "END_OF_DAY"
    HALT = "HALT"
    BREAK = "BREAK"
    CANCEL_ONLY = "CANCEL_ONLY"
    UNRECOGNISED = "UNRECOGNISED"


class KlineInterval(WireEnum):
    """Lengths of a kline (rest-api.md, Kline/Candlestick chart intervals)."""

    SECOND_1 = "1s"
    MINUTE_1 = "1m"
    MINUTE_3 = "3m"
    MINUTE_5 = "5m"
    MINUTE_15 = "15m"
    MINUTE_30 = "30m"
    HOUR_1 = "1h"
    HOUR_2 = "2h"
    HOUR_4 = "4h"
    HOUR_6 = "6h"
    HOUR_8 = "8h"
    HOUR_12 = "12h"
    DAY_1 = "1d"
    DAY_3 = "3d"
    WEEK_1 = "1w"
    MONTH_1 = "1M"
    UNRECOGNISED = "UNRECOGNISED"


class FeedState(WireEnum):
    """How a feed stands with its venue."""

    LIVE = "LIVE"
    GAP = "GAP"
    STALE = "STALE"
    DISCONNECTED = "DISCONNECTED"
    UNRECOGNISED = "UNRECOGNISED"


class GateEvent(WireEnum):
    """What opens or shuts the way of new orders."""

    HOLD = "HOLD"
    RELEASE = "RELEASE"
    HALT = "HALT"
    RESUME = "RESUME"
    STOP = "STOP"
    UNRECOGNISED = "UNRECOGNISED"


class Reason(WireEnum):
    """Why an order was refused or ended, when it was ours to decide; the venue's own words stand beside it."""

    NONE = "NONE"
    NOTIONAL = "NOTIONAL"
    QUANTITY = "QUANTITY"
    PRICE = "PRICE"
    INSTRUMENT = "INSTRUMENT"
    MAX_NOTIONAL = "MAX_NOTIONAL"
    MAX_POSITION = "MAX_POSITION"
    MAX_OPEN_ORDERS = "MAX_OPEN_ORDERS"
    ORDER_RATE = "ORDER_RATE"
    PRICE_COLLAR = "PRICE_COLLAR"
    NO_MARKET_PRICE = "NO_MARKET_PRICE"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    NOT_READY = "NOT_READY"
    HELD = "HELD"
    HALTED = "HALTED"
    STOPPED = "STOPPED"
    TOO_LATE = "TOO_LATE"
    JOURNAL = "JOURNAL"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    UNSUPPORTED = "UNSUPPORTED"
    TIME_TO_CANCEL = "TIME_TO_CANCEL"
    CANCEL_REFUSED = "CANCEL_REFUSED"
    VENUE = "VENUE"
    UNSENT = "UNSENT"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    HANDLER_FAILED = "HANDLER_FAILED"
    REPLACED = "REPLACED"
    UNPROTECTED = "UNPROTECTED"
    UNRECOGNISED = "UNRECOGNISED"
