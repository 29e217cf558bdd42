"""One symbol's bars of one length, each closed one once and in order; those of a hole are read from the venue.

A closed bar is only ever what the venue calls closed: nothing is made here of what came before and after a hole. A hole
shows by the first bar after it, which may be one that still grows: closed bars wait then until the missing ones are there.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from messages.market import Kline, PartialKline

MILLISECOND_NS = 1_000_000
ReadKlines = Callable[[int, int], Awaitable[list[Kline]]]
"""Reads the closed bars that open within a range of times, its end not included; gives what it could get, in order."""


class KlineSequence:
    """`tell_hole(read, missed)` is called ahead of the closed bars that follow a hole; `start` runs a task."""

    def __init__(
        self,
        send: Callable[[Kline | PartialKline], None],
        tell_hole: Callable[[int, int], None],
        read: ReadKlines,
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self.send = send
        self.tell_hole = tell_hole
        self.read = read
        self.start = start
        self.next_open_ns = 0
        """When the next bar to be told opens; 0 before the first."""
        self.last_event_ns = 0
        self._waiting: list[Kline] | None = None
        """Closed bars that came while a hole is being read; None when none is."""

    def take(self, bar: Kline | PartialKline) -> None:
        """One bar of the stream."""
        if bar.open_time_ns < self.next_open_ns or bar.event_time_ns < self.last_event_ns:
            # Told already: connections overlap when one replaces another.
            return
        self.last_event_ns = bar.event_time_ns
        if self._waiting is None and 0 < self.next_open_ns < bar.open_time_ns:
            self._waiting = []
            self.start(self._fill(self._waiting, bar))
        if isinstance(bar, PartialKline):
            self.next_open_ns = self.next_open_ns or bar.open_time_ns
            self.send(bar)
        elif self._waiting is not None:
            self._waiting.append(bar)
        else:
            self._pass_on(bar)

    async def _fill(self, waiting: list[Kline], first: Kline | PartialKline) -> None:
        """Reads the bars before `first`, then lets those go that came meanwhile."""
        begin_ns, end_ns = self.next_open_ns, first.open_time_ns
        found = [
            bar
            for bar in await self.read(begin_ns, end_ns)
            if begin_ns <= bar.open_time_ns < end_ns
        ]
        length_ns = first.close_time_ns - first.open_time_ns + MILLISECOND_NS
        self.tell_hole(len(found), max(round((end_ns - begin_ns) / length_ns) - len(found), 0))
        for bar in found:
            self._pass_on(bar)
        self.next_open_ns = end_ns
        self._waiting = None
        for position, bar in enumerate(waiting):
            if bar.open_time_ns > self.next_open_ns:
                self._waiting = waiting[position:]
                self.start(self._fill(self._waiting, bar))
                return
            if bar.open_time_ns == self.next_open_ns:
                # Otherwise it was told already: it came twice while this was read.
                self._pass_on(bar)

    def _pass_on(self, bar: Kline) -> None:
        self.next_open_ns = bar.close_time_ns + MILLISECOND_NS
        self.send(bar)
