"""Rate limits: request weight per address, unfilled orders per account, in windows aligned to the clock.

Sources: rest-api.md, LIMITS; web-socket-api.md, Rate limits; faqs/order_count_decrement.md. All times are
microseconds since the epoch, passed in by the caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from actors.exchange.errors import VenueError

SECOND = 1_000_000
INTERVALS = {"SECOND": SECOND, "MINUTE": 60 * SECOND, "HOUR": 3600 * SECOND, "DAY": 86_400 * SECOND}
FIRST_BAN = 120 * SECOND
LONGEST_BAN = 3 * 86_400 * SECOND

# How many refusals (429) in one window an address gets before it is banned (418); the venue does not publish its own.
REFUSALS_BEFORE_BAN = 10

# What a first fill gives back (faqs/order_count_decrement.md, Examples 1 and 2).
TAKER_CREDIT = 1
MAKER_CREDIT = 5


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One limit as exchangeInfo announces it, such as 50 `ORDERS` in 10 `SECOND`."""

    kind: str
    interval: str
    interval_count: int
    limit: int

    @property
    def length(self) -> int:
        """The window's length in microseconds."""
        return INTERVALS[self.interval] * self.interval_count

    @property
    def suffix(self) -> str:
        """The end of its response header: `1M`, `10S`, `1D`."""
        return f"{self.interval_count}{self.interval[0]}"

    def announcement(self) -> dict[str, str | int]:
        """Its entry in exchangeInfo's `rateLimits`."""
        return {
            "rateLimitType": self.kind,
            "interval": self.interval,
            "intervalNum": self.interval_count,
            "limit": self.limit,
        }


DEFAULT_LIMITS = (
    RateLimit("REQUEST_WEIGHT", "MINUTE", 1, 6000),
    RateLimit("ORDERS", "SECOND", 10, 50),
    RateLimit("ORDERS", "DAY", 1, 160_000),
    RateLimit("RAW_REQUESTS", "MINUTE", 5, 300_000),
)


class RateLimited(VenueError):
    """A refusal that ends at a known time: `retry_at` (microseconds since the epoch), `now` when it was made."""

    def __init__(
        self,
        code: int,
        message: str,
        http_status: int,
        now: int,
        retry_at: int,
        data: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(code, message, http_status, data)
        self.now = now
        self.retry_at = retry_at

    @property
    def retry_after_seconds(self) -> int:
        """Whole seconds until a retry is in order, at least 1 (header `Retry-After`)."""
        return max(1, -(-(self.retry_at - self.now) // SECOND))


@dataclass(slots=True)
class Window:
    """The count of one limit in its current interval; it starts from 0 whenever the clock enters a new one."""

    limit: RateLimit
    number: int = -1
    count: int = 0

    def read(self, now: int) -> int:
        """The count at `now`."""
        number = now // self.limit.length
        if number != self.number:
            self.number, self.count = number, 0
        return self.count

    def add(self, amount: int, now: int) -> None:
        """Counts `amount`; a negative amount never takes the count below 0."""
        self.count = max(0, self.read(now) + amount)

    def end(self, now: int) -> int:
        """When the current interval ends."""
        return (now // self.limit.length + 1) * self.limit.length

    def report(self, now: int) -> dict[str, str | int]:
        """Its entry in a WebSocket reply's `rateLimits`."""
        return {**self.limit.announcement(), "count": self.read(now)}


def windows_of(limits: Sequence[RateLimit], *kinds: str) -> list[Window]:
    """A fresh window for every limit of the kinds named, in their order of announcement."""
    return [Window(limit) for limit in limits if limit.kind in kinds]


@dataclass(slots=True)
class AddressLimits:
    """What one address has used: request weight and raw requests, and its bans."""

    weights: list[Window]
    raw_requests: list[Window]
    refusals: int = 0
    refusals_end: int = 0
    banned_until: int = 0
    next_ban: int = FIRST_BAN
    held_until: int = 0
    """Until when one more request brings a ban of `held_ban`, whatever the counts say."""
    held_ban: int = 0

    def admit(self, weight: int, now: int) -> None:
        """Counts a request that weighs `weight`, or raises RateLimited: 429, and 418 when it goes on."""
        if now < self.banned_until:
            raise self.banned(now)
        if now < self.held_until:
            self.ban(now, self.held_ban)
        for window in self.raw_requests:
            if window.read(now) >= window.limit.limit:
                self.refuse(window, now, "raw requests")
            window.add(1, now)
        for window in self.weights:
            if window.read(now) + weight > window.limit.limit:
                self.refuse(window, now, "request weight")
            window.add(weight, now)

    def charge(self, weight: int, now: int) -> None:
        """Counts weight that is known only after the fact: that of an order request which failed."""
        for window in self.weights:
            window.add(weight, now)

    def refuse(self, window: Window, now: int, what: str) -> None:
        """Raises the 429 for a full window, or the ban that too many of them bring."""
        end = window.end(now)
        if self.refusals_end != end:
            self.refusals, self.refusals_end = 0, end
        self.refusals += 1
        if self.refusals > REFUSALS_BEFORE_BAN:
            length, self.next_ban = self.next_ban, min(2 * self.next_ban, LONGEST_BAN)
            self.refusals = 0
            self.ban(now, length)
        raise too_much(window.limit, what, now, end)

    def hold(self, now: int, length: int, ban: int) -> NoReturn:
        """Raises a 429 that ends after `length`; whoever goes on before is banned for `ban`."""
        self.held_until, self.held_ban = now + length, ban
        raise too_much(self.weights[0].limit, "request weight", now, self.held_until)

    def ban(self, now: int, length: int) -> NoReturn:
        """Bans the address, and raises the 418 that says so."""
        self.banned_until = now + length
        raise self.banned(now)

    def banned(self, now: int) -> RateLimited:
        """The 418 of a banned address."""
        message = (
            f"Way too much request weight used; IP banned until {self.banned_until // 1000}. "
            "Please use WebSocket Streams for live updates to avoid bans."
        )
        return RateLimited(-1003, message, 418, now, self.banned_until)


def too_much(limit: RateLimit, what: str, now: int, end: int) -> RateLimited:
    """The 429 of an address that has used up a limit."""
    message = (
        f"Too much {what} used; current limit is {limit.limit} {what} per {limit.interval_count} "
        f"{limit.interval}. Please use WebSocket Streams for live updates to avoid polling the API."
    )
    return RateLimited(-1003, message, 429, now, end)


def too_many_orders(limit: RateLimit, now: int, end: int) -> RateLimited:
    """The 429 of an account that has placed too many orders."""
    message = (
        f"Too many new orders; current limit is {limit.limit} orders per "
        f"{limit.interval_count} {limit.interval}."
    )
    return RateLimited(-1015, message, 429, now, end)


@dataclass(slots=True)
class OrderLimits:
    """The unfilled order count of one account, over all its keys and connections."""

    windows: list[Window]
    unfilled: set[tuple[str, int]] = field(default_factory=set)

    def check(self, now: int, orders: int = 1) -> None:
        """Raises RateLimited -1015 if so many further orders may not be placed now."""
        # The longest window first: an order refused for the day does not touch the seconds.
        for window in sorted(self.windows, key=lambda window: -window.limit.length):
            if window.read(now) + orders > window.limit.limit:
                raise too_many_orders(window.limit, now, window.end(now))

    def place(self, symbol: str, order_id: int, now: int) -> None:
        """Counts an accepted order, and notes it so that its first fill is known as the first."""
        if (symbol, order_id) in self.unfilled:
            return  # It is reported as new once more when it enters the book.
        self.unfilled.add((symbol, order_id))
        for window in self.windows:
            window.add(1, now)

    def burn(self, now: int) -> None:
        """Counts an order that got as far as the matching engine and was refused there for its timing."""
        for window in self.windows:
            window.add(1, now)

    def forget(self, symbol: str, order_id: int) -> None:
        """Notes that an order ended unfilled: that changes no count."""
        self.unfilled.discard((symbol, order_id))

    def fill(self, symbol: str, order_id: int, is_maker: bool, now: int) -> None:
        """Gives back the credit of an order's first fill; later fills change nothing."""
        if (symbol, order_id) not in self.unfilled:
            return
        self.unfilled.discard((symbol, order_id))
        for window in self.windows:
            window.add(-(MAKER_CREDIT if is_maker else TAKER_CREDIT), now)

    def report(self, now: int) -> list[dict[str, str | int]]:
        """The windows as `rateLimits` entries."""
        return [window.report(now) for window in self.windows]


class Limits:
    """All counters of one exchange: one AddressLimits per address, one OrderLimits per account."""

    def __init__(self, limits: Sequence[RateLimit] = DEFAULT_LIMITS) -> None:
        self.limits = tuple(limits)
        self.addresses: dict[str, AddressLimits] = {}
        self.accounts: dict[str, OrderLimits] = {}

    def address(self, name: str) -> AddressLimits:
        """The counters of an address, made when it is first seen."""
        if (found := self.addresses.get(name)) is None:
            found = self.addresses[name] = AddressLimits(
                windows_of(self.limits, "REQUEST_WEIGHT"), windows_of(self.limits, "RAW_REQUESTS")
            )
        return found

    def account(self, name: str) -> OrderLimits:
        """The counters of an account, made when it is first seen."""
        if (found := self.accounts.get(name)) is None:
            found = self.accounts[name] = OrderLimits(windows_of(self.limits, "ORDERS"))
        return found

    def announcements(self) -> list[dict[str, str | int]]:
        """exchangeInfo's `rateLimits`."""
        return [limit.announcement() for limit in self.limits]
