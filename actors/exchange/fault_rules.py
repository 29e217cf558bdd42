"""The faults that the exchange can be told to make: one class for each kind, and what may be said of it.

Every rule says when it strikes: at what (`on`), which time (`nth`, `every`, `times`), with what chance (`probability`) and
within which span of time (`from_seconds`, `until_seconds`, counted from when the rule was given). All of them must agree.
Five families strike at five places: requests, user events, queries, market frames, and the exchange as a whole.
"""

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from messages.enums import SymbolStatus

Names = str | tuple[str, ...]
"""One pattern or several; `*` and `?` stand for letters, as in file names."""
Share = Annotated[float, Meta(ge=0, le=1)]
Amount = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]
HttpStatus = Annotated[int, Meta(ge=200, le=599)]
CloseCode = Annotated[int, Meta(ge=1000, le=4999)]
RequestChannel = Literal["rest", "websocket_api", "market"]
SocketChannel = Literal["market", "websocket_api", "user_events", "all"]

CONNECT = "connect"
"""The name by which a rule strikes at the opening of a socket; only a rule that names it does."""
QUERIES = ("order.status", "openOrders.status", "allOrders", "myTrades")


class Rule(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """When a fault strikes. Times are seconds; the subclass says what happens then."""

    on: Names = "*"
    nth: Count | tuple[Count, ...] | None = None
    every: Count | None = None
    times: Count | None = None
    probability: Share = 1.0
    from_seconds: Amount = 0.0
    until_seconds: Amount | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The patterns of `on`."""
        return (self.on,) if isinstance(self.on, str) else self.on


# Requests: `on` is a method of the WebSocket API, by either entry (`order.place` is also POST /api/v3/order).


class RequestRule(Rule, frozen=True, kw_only=True):
    """Something that happens to a request. With `executes` false the exchange never acts on it.

    `delay_ms` passes between the execution and what the caller then sees.
    """

    channels: ClassVar[tuple[str, ...]] = ("rest", "websocket_api")
    channel: RequestChannel | None = None
    executes: bool = True
    delay_ms: Amount = 0.0


class Late(RequestRule, frozen=True, kw_only=True, tag="late"):
    """The ordinary answer, `delay_ms` too late."""

    delay_ms: Amount


class Silence(RequestRule, frozen=True, kw_only=True, tag="silence"):
    """No answer ever; the connection stays open."""


class Disconnect(RequestRule, frozen=True, kw_only=True, tag="disconnect"):
    """The TCP connection ends without an answer or a close frame; by a reset if so asked."""

    reset: bool = False


class Close(RequestRule, frozen=True, kw_only=True, tag="close"):
    """A close frame in place of the answer; on REST, the end of the connection."""

    code: CloseCode = 1001


class Error(RequestRule, frozen=True, kw_only=True, tag="error"):
    """An error answer; status and text are the documented ones unless given."""

    code: Annotated[int, Meta(lt=0)]
    status: HttpStatus | None = None
    message: str | None = None


class BadTimestamp(RequestRule, frozen=True, kw_only=True, tag="bad_timestamp"):
    """-1021 in either wording, without execution.

    With `counts` it is the check before the matching engine that fails, which counts as an unfilled order.
    """

    variant: Literal["ahead", "outside"] = "outside"
    counts: bool = False


class Page(RequestRule, frozen=True, kw_only=True, tag="page"):
    """An HTML page in place of the answer: 502, 504, or the 403 of a firewall."""

    channels: ClassVar[tuple[str, ...]] = ("rest",)
    status: HttpStatus = 502


class WrongContentType(RequestRule, frozen=True, kw_only=True, tag="wrong_content_type"):
    """The ordinary answer under a wrong label."""

    channels: ClassVar[tuple[str, ...]] = ("rest",)
    content_type: str = "text/html"


class EmptyBody(RequestRule, frozen=True, kw_only=True, tag="empty_body"):
    """An answer without a body."""

    channels: ClassVar[tuple[str, ...]] = ("rest",)
    status: HttpStatus = 200


class RateLimitHit(RequestRule, frozen=True, kw_only=True, tag="rate_limit"):
    """429 without execution: -1003, or -1015 for too many orders.

    After a -1003 the address gets 418 for whatever it sends before `retry_after_ms` have passed, and for `ban_ms` more.
    """

    code: Literal[-1003, -1015] = -1003
    retry_after_ms: Amount = 1000.0
    ban_ms: Amount = 120_000.0


class Ban(RequestRule, frozen=True, kw_only=True, tag="ban"):
    """418 without execution, and for everything else the address sends in `ban_ms`."""

    ban_ms: Amount = 120_000.0


class SlowEngine(RequestRule, frozen=True, kw_only=True, tag="slow_engine"):
    """The request reaches the matching engine `delay_ms` after it was admitted, and recvWindow is checked once more.

    Past the engine's time-out the caller gets -1007, and the request is executed all the same.
    """

    delay_ms: Amount


# User events: `on` is `executionReport.NEW` (or another execution type) or `outboundAccountPosition`.


class EventRule(Rule, frozen=True, kw_only=True):
    """Something that happens to one user event, perhaps only to those of one account."""

    account: str | None = None


class EventLate(EventRule, frozen=True, kw_only=True, tag="event_late"):
    """The event comes late; later ones overtake it."""

    delay_ms: Amount


class EventTwice(EventRule, frozen=True, kw_only=True, tag="event_twice"):
    """The event comes again after `delay_ms`."""

    delay_ms: Amount = 0.0


class EventWithheld(EventRule, frozen=True, kw_only=True, tag="event_withheld"):
    """The event never comes."""


# Queries.


class QueryRule(Rule, frozen=True, kw_only=True):
    """Something that makes a query's answer older than it should be."""


class QueryLag(QueryRule, frozen=True, kw_only=True, tag="query_lag"):
    """An order or trade younger than `lag_ms` is not seen yet: -2013, or missing in the list."""

    on: Names = QUERIES
    lag_ms: Amount


class StaleOpenOrders(QueryRule, frozen=True, kw_only=True, tag="stale_open_orders"):
    """openOrders still lists orders that ended less than `lag_ms` ago, as they were accepted."""

    on: Names = "openOrders.status"
    lag_ms: Amount


class StaleSnapshot(QueryRule, frozen=True, kw_only=True, tag="stale_snapshot"):
    """`depth` answers with the book as it stood when the rule was given."""

    on: Names = "depth"


# Market frames: `on` is a stream's name.


class FrameRule(Rule, frozen=True, kw_only=True):
    """Something that happens to one message of a market stream, for all its subscribers."""


class FrameDropped(FrameRule, frozen=True, kw_only=True, tag="frame_dropped"):
    """The message is not sent; on a depth stream that is a gap between `u` and the next `U`."""


class ZeroForms(FrameRule, frozen=True, kw_only=True, tag="zero_forms"):
    """Quantities of zero in depth messages are written in each of these forms in turn."""

    on: Names = "*@depth*"
    forms: Annotated[tuple[str, ...], Meta(min_length=1)] = ("0", "0.000", "0.00000000")


# The exchange as a whole.


class ActionRule(Rule, frozen=True, kw_only=True):
    """Something that the exchange does: at `at_seconds` (at once if nothing is said), again every `period_seconds`.

    With `on` it is a request that brings it about, just before it is executed.
    """

    on: Names = ()
    at_seconds: Amount | None = None
    period_seconds: Annotated[float, Meta(gt=0)] | None = None


class Unauthorized(ActionRule, frozen=True, kw_only=True, tag="unauthorized"):
    """Every WebSocket API connection gets `{"id":null,"status":401,...}` and is logged out."""


class Shutdown(ActionRule, frozen=True, kw_only=True, tag="shutdown"):
    """`serverShutdown` on all sockets, which close after `grace_ms` if it is given."""

    grace_ms: Amount | None = None


class StreamsTerminated(ActionRule, frozen=True, kw_only=True, tag="event_streams_terminated"):
    """Every user stream ends with `eventStreamTerminated`."""


class KeyRevoked(ActionRule, frozen=True, kw_only=True, tag="key_revoked"):
    """Keys stop working: those of a kind, all, or one by its name; after `for_ms`, if given, their owner has restored them."""

    key: str = "all"
    for_ms: Amount | None = None


class SymbolChanged(ActionRule, frozen=True, kw_only=True, tag="symbol_changed"):
    """A symbol's rules change while it is traded."""

    symbol: str
    status: Literal["TRADING", "END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY"] | None = None
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    min_notional: Decimal | None = None

    @property
    def symbol_status(self) -> SymbolStatus | None:
        """The new status."""
        return SymbolStatus(self.status) if self.status is not None else None


class ClockChanged(ActionRule, frozen=True, kw_only=True, tag="clock_changed"):
    """The exchange's clock jumps to an offset from the true one and drifts on from there."""

    offset_ms: float = 0.0
    drift_ppm: float = 0.0


class SocketsClosed(ActionRule, frozen=True, kw_only=True, tag="sockets_closed"):
    """Open sockets get a close frame."""

    channel: SocketChannel = "all"
    code: CloseCode = 1001


class SocketsDropped(ActionRule, frozen=True, kw_only=True, tag="sockets_dropped"):
    """Open sockets end without a close frame."""

    channel: SocketChannel = "all"
    reset: bool = False


class SocketsFrozen(ActionRule, frozen=True, kw_only=True, tag="sockets_frozen"):
    """Open sockets stay open and go silent: nothing is sent, and what comes in is lost. For ever unless told how long."""

    channel: SocketChannel = "all"
    for_ms: Amount | None = None


REQUEST_KINDS: tuple[type[RequestRule], ...] = (
    Late,
    Silence,
    Disconnect,
    Close,
    Error,
    BadTimestamp,
    Page,
    WrongContentType,
    EmptyBody,
    RateLimitHit,
    Ban,
    SlowEngine,
)
EVENT_KINDS: tuple[type[EventRule], ...] = (EventLate, EventTwice, EventWithheld)
QUERY_KINDS: tuple[type[QueryRule], ...] = (QueryLag, StaleOpenOrders, StaleSnapshot)
FRAME_KINDS: tuple[type[FrameRule], ...] = (FrameDropped, ZeroForms)
ACTION_KINDS: tuple[type[ActionRule], ...] = (
    Unauthorized,
    Shutdown,
    StreamsTerminated,
    KeyRevoked,
    SymbolChanged,
    ClockChanged,
    SocketsClosed,
    SocketsDropped,
    SocketsFrozen,
)
KINDS: tuple[type[Rule], ...] = (
    *REQUEST_KINDS,
    *EVENT_KINDS,
    *QUERY_KINDS,
    *FRAME_KINDS,
    *ACTION_KINDS,
)


def kind_of(rule: type[Rule]) -> str:
    """The word by which a fault file names a kind."""
    return str(rule.__struct_config__.tag)
