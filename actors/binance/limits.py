"""Budgets under the venue's limits. Every figure comes from the venue: exchangeInfo announces the limits, answers count.

Windows are fixed and aligned to the venue's clock (rest-api.md, Limits): every `now_ns` here is the venue's time.
Cancels cost no order count and, when they succeed, no weight: they never ask a budget.
"""

import re
from collections.abc import Iterable, Mapping

import msgspec

from actors.binance.errors import SECOND_NS
from actors.binance.wire_info import RateLimit

INTERVALS_NS = {
    "SECOND": SECOND_NS,
    "MINUTE": 60 * SECOND_NS,
    "HOUR": 3_600 * SECOND_NS,
    "DAY": 86_400 * SECOND_NS,
}
LETTERS = {"S": "SECOND", "M": "MINUTE", "H": "HOUR", "D": "DAY"}
HEADER = re.compile(r"x-mbx-(used-weight|order-count)-([0-9]{1,6})([smhd])", re.IGNORECASE)
HEADER_KINDS = {"used-weight": "REQUEST_WEIGHT", "order-count": "ORDERS"}
RESERVE_DIVISOR = 10
"""The reserve is one part in so many of each limit: none of the smallest limits, or they could hardly be used."""
KEPT_WINDOWS = 4
BOUNDARY_MARGIN_NS = SECOND_NS // 4
"""How far an order's arrival at the venue may lie from our reading of its clock."""


def interval_ns_of(limit: RateLimit) -> int:
    """The length of a limit's window; 0 for a unit that we do not know."""
    return INTERVALS_NS.get(limit.interval, 0) * limit.interval_count


class UsageCount(msgspec.Struct, frozen=True):
    """How much of one limit was used, by the venue's own count, and when it said so."""

    kind: str
    interval_ns: int
    count: int
    time_ns: int
    limit: int = 0
    """The limit itself, where the answer named it."""


class RateUsage:
    """The venue's last word on each limit, from REST headers and WebSocket API replies."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, int], UsageCount] = {}
        self.retry_at_ns = 0
        """Nothing is to be sent before this instant of the venue's clock; 0 if no limit was ever exceeded."""
        self.is_banned = False

    def observe_headers(self, headers: Mapping[str, str], now_ns: int) -> list[UsageCount]:
        """Takes `X-MBX-USED-WEIGHT-1M`, `X-MBX-ORDER-COUNT-10S` and their like; returns what they say."""
        seen = []
        for name, value in headers.items():
            found = HEADER.fullmatch(name)
            if found is None or not (value.isascii() and value.isdecimal()):
                continue
            interval_ns = INTERVALS_NS[LETTERS[found[3].upper()]] * int(found[2])
            seen.append(UsageCount(HEADER_KINDS[found[1].lower()], interval_ns, int(value), now_ns))
        return self.keep(seen)

    def observe_limits(self, limits: Iterable[RateLimit], now_ns: int) -> list[UsageCount]:
        """Takes the `rateLimits` of a WebSocket API reply; returns what they say."""
        return self.keep(
            [
                UsageCount(limit.kind, interval_ns_of(limit), limit.count, now_ns, limit.limit)
                for limit in limits
                if limit.count is not None
            ]
        )

    def observe_refusal(self, retry_at_ns: int, is_ban: bool) -> None:
        """A 429 or 418 came; of several the last to end says whether it is a ban."""
        if retry_at_ns >= self.retry_at_ns:
            self.retry_at_ns = retry_at_ns
            self.is_banned = is_ban

    def keep(self, seen: list[UsageCount]) -> list[UsageCount]:
        """Keeps the newest count of each limit."""
        for usage in seen:
            self.counts[usage.kind, usage.interval_ns] = usage
        return seen

    def count_of(self, kind: str, interval_ns: int) -> int:
        """The last count of a limit; 0 if the venue has not said one."""
        usage = self.counts.get((kind, interval_ns))
        return usage.count if usage is not None else 0


class Window:
    """One limit: how much may be spent in each window of its length, and what has been.

    What is spent within a margin of a boundary may be counted on either side of it, so it counts on both.
    """

    def __init__(self, interval_ns: int, limit: int, margin_ns: int) -> None:
        self.interval_ns = interval_ns
        self.margin_ns = min(margin_ns, interval_ns // 10)
        self.spent: dict[int, int] = {}
        """By a window's number, counted from the epoch."""
        self.index = 0
        """The window that was entered last; from `begin_ns` until `end_ns` there is no other."""
        self.begin_ns = self.end_ns = 0
        self.set_limit(limit)

    def set_limit(self, limit: int) -> None:
        """Takes what the venue says now."""
        self.limit = limit
        self.shared_limit = limit - limit // RESERVE_DIVISOR
        """Without the last share, which is kept for some."""

    def indexes_at(self, now_ns: int) -> tuple[int, ...]:
        """The one or two windows in which something sent now may be counted."""
        first = (now_ns - self.margin_ns) // self.interval_ns
        last = (now_ns + self.margin_ns) // self.interval_ns
        return (first,) if first == last else (first, last)

    def enter(self, now_ns: int) -> bool:
        """Takes the window of this instant for the present one; False near a boundary, where there may be two."""
        indexes = self.indexes_at(now_ns)
        if len(indexes) > 1:
            return False
        if len(self.spent) >= KEPT_WINDOWS:
            self.forget(now_ns)
        self.index = indexes[0]
        self.begin_ns = self.index * self.interval_ns + self.margin_ns
        self.end_ns = (self.index + 1) * self.interval_ns - self.margin_ns
        return True

    def wait_ns(self, amount: int, now_ns: int, keeps_reserve: bool = False) -> int:
        """How long until `amount` may be spent. More than the limit itself waits for an empty window.

        With `keeps_reserve` the last share of the window is left to others.
        """
        limit = self.shared_limit if keeps_reserve else self.limit
        room = max(limit - amount, 0)
        at_ns = now_ns
        for _ in range(3):
            full = [index for index in self.indexes_at(at_ns) if self.spent.get(index, 0) > room]
            if not full:
                break
            at_ns = (full[-1] + 1) * self.interval_ns + self.margin_ns
        return at_ns - now_ns

    def spend(self, amount: int, now_ns: int) -> None:
        """Counts something sent now, and forgets windows long past."""
        for index in self.indexes_at(now_ns):
            self.spent[index] = self.spent.get(index, 0) + amount
        if len(self.spent) > KEPT_WINDOWS:
            self.forget(now_ns)

    def forget(self, now_ns: int) -> None:
        """Forgets windows long past."""
        current = now_ns // self.interval_ns
        self.spent = {index: count for index, count in self.spent.items() if index >= current - 1}

    def correct(self, count: int, sent_ns: int, now_ns: int) -> None:
        """Takes the venue's own count, if it can only be that of the present window."""
        is_clear = self.begin_ns <= sent_ns < self.end_ns or self.enter(sent_ns)
        if is_clear and self.begin_ns <= now_ns < self.end_ns:
            self.spent[self.index] = count

    def exhaust(self, now_ns: int) -> None:
        """The venue says that the present window is full."""
        for index in self.indexes_at(now_ns):
            self.spent[index] = max(self.spent.get(index, 0), self.limit)


class LimitBudget:
    """All windows of one kind of limit; what is to be spent must fit into each."""

    def __init__(
        self,
        kind: str,
        limits: Iterable[RateLimit] = (),
        margin_ns: int = BOUNDARY_MARGIN_NS,
    ) -> None:
        self.kind = kind
        self.margin_ns = margin_ns
        self.windows: dict[int, Window] = {}
        self.in_flight = 0
        self.hold_until_ns = 0
        self.update_limits(limits)

    def update_limits(self, limits: Iterable[RateLimit]) -> None:
        """Takes the limits that exchangeInfo announces now; what is spent so far stays counted."""
        windows = {}
        for limit in limits:
            interval_ns = interval_ns_of(limit)
            if limit.kind != self.kind or interval_ns <= 0 or limit.limit <= 0:
                continue
            window = self.windows.get(interval_ns) or Window(
                interval_ns, limit.limit, self.margin_ns
            )
            window.set_limit(limit.limit)
            windows[interval_ns] = window
        self.windows = windows

    def wait_s(self, amount: int, now_ns: int, keeps_reserve: bool = False) -> float:
        """Seconds until `amount` may be spent; 0.0 if it may be now."""
        waits = [window.wait_ns(amount, now_ns, keeps_reserve) for window in self.windows.values()]
        waits.append(self.hold_until_ns - now_ns)
        return max(0, *waits) / SECOND_NS

    def spend(self, amount: int, now_ns: int) -> None:
        """Counts what is sent now; its answer is still to come."""
        self.in_flight += amount
        for window in self.windows.values():
            window.spend(amount, now_ns)

    def settle(
        self, amount: int, sent_ns: int, now_ns: int, counts: Iterable[UsageCount] = ()
    ) -> None:
        """An answer has come, or will not: the venue's own counts, where it gave any, replace ours."""
        self.in_flight = max(self.in_flight - amount, 0)
        for usage in counts:
            # A count older than the request does not know of it.
            if usage.kind == self.kind and usage.time_ns >= sent_ns:
                self._take_count(usage, sent_ns, now_ns)

    def _take_count(self, usage: UsageCount, sent_ns: int, now_ns: int) -> None:
        window = self.windows.get(usage.interval_ns)
        if window is None:
            if usage.limit <= 0 or usage.interval_ns <= 0:
                return
            window = Window(usage.interval_ns, usage.limit, self.margin_ns)
            self.windows[usage.interval_ns] = window
        if usage.limit not in (0, window.limit):
            window.set_limit(usage.limit)
        window.correct(usage.count + self.in_flight, sent_ns, now_ns)

    def exceeded(self, now_ns: int, retry_at_ns: int = 0) -> None:
        """The venue refused by this limit (-1003, -1015): nothing more in the present window, nor before `retry_at_ns`."""
        self.hold_until_ns = max(self.hold_until_ns, retry_at_ns)
        if not self.windows:
            return
        self.windows[min(self.windows)].exhaust(now_ns)


class OrderBudget(LimitBudget):
    """How many orders may still be placed (`ORDERS`: unfilled orders per account, over all its keys and connections)."""

    def __init__(
        self, limits: Iterable[RateLimit] = (), margin_ns: int = BOUNDARY_MARGIN_NS
    ) -> None:
        super().__init__("ORDERS", limits, margin_ns)

    def may_place(self, now_ns: int, is_protective: bool = True) -> float:
        """Seconds to wait before the next order; 0.0 if it may go now.

        An order that is not protective leaves the last share of the limit to those that are.
        """
        return self.wait_s(1, now_ns, keeps_reserve=not is_protective)

    def reserve(self, now_ns: int, is_protective: bool = True) -> float:
        """Counts an order that is sent now and returns 0.0, or returns the seconds to wait for it."""
        if self.hold_until_ns <= now_ns:
            for window in self.windows.values():
                if not window.begin_ns <= now_ns < window.end_ns and not window.enter(now_ns):
                    break
                limit = window.limit if is_protective else window.shared_limit
                if window.spent.get(window.index, 0) >= limit:
                    break
            else:
                # The common case, in few steps: there is room, and no boundary near. Every order passes here.
                self.in_flight += 1
                for window in self.windows.values():
                    window.spent[window.index] = window.spent.get(window.index, 0) + 1
                return 0.0
        wait_s = self.may_place(now_ns, is_protective)
        if wait_s <= 0:
            self.placed(now_ns)
        return wait_s

    def placed(self, now_ns: int) -> None:
        """An order is sent now."""
        self.spend(1, now_ns)

    def answered(self, sent_ns: int, now_ns: int, counts: Iterable[UsageCount] = ()) -> None:
        """The answer to the order that was sent at `sent_ns` has come, or will not."""
        self.settle(1, sent_ns, now_ns, counts)


class WeightBudget(LimitBudget):
    """How much request weight may still be spent (`REQUEST_WEIGHT`: per IP address)."""

    def __init__(
        self, limits: Iterable[RateLimit] = (), margin_ns: int = BOUNDARY_MARGIN_NS
    ) -> None:
        super().__init__("REQUEST_WEIGHT", limits, margin_ns)
