"""One symbol's trades, each once and in the order of their ids; a hole in them is read from the venue before they go on.

While a hole is being read the trades that follow wait. What was read is sent first, told from others by nothing but its
time. What the venue could not give is counted, told, and passed over.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from messages.market import Trade

ReadTrades = Callable[[int, int], Awaitable[list[Trade]]]
"""Reads the trades from one id up to, but not including, another; gives what it could get, in order, and never raises."""


class TradeSequence:
    """`tell_hole(read, missed)` is called ahead of the trades that follow a hole; `start` runs a task."""

    def __init__(
        self,
        send: Callable[[Trade], None],
        tell_hole: Callable[[int, int], None],
        read: ReadTrades,
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self.send = send
        self.tell_hole = tell_hole
        self.read = read
        self.start = start
        self.last_id = 0
        self.last_time_ns = 0
        self._waiting: list[Trade] | None = None
        """What came while a hole is being read; None when none is."""

    def take(self, trade: Trade) -> None:
        """One trade of the stream."""
        if self._waiting is not None:
            self._waiting.append(trade)
        elif trade.trade_id <= self.last_id and trade.trade_time_ns <= self.last_time_ns:
            # Told already: connections overlap when one replaces another.
            return
        elif self.last_id and trade.trade_id > self.last_id + 1:
            self._waiting = [trade]
            self.start(self._fill(self._waiting))
        else:
            # Also an id below the last one with a later time: the venue has begun to count anew.
            self._pass_on(trade)

    async def _fill(self, waiting: list[Trade]) -> None:
        first_id, end_id = self.last_id + 1, waiting[0].trade_id
        found = [
            trade
            for trade in await self.read(first_id, end_id)
            if first_id <= trade.trade_id < end_id
        ]
        self.tell_hole(len(found), end_id - first_id - len(found))
        for trade in (*found, waiting[0]):
            self._pass_on(trade)
        self._waiting = None
        for trade in waiting[1:]:
            self.take(trade)

    def _pass_on(self, trade: Trade) -> None:
        self.last_id, self.last_time_ns = trade.trade_id, trade.trade_time_ns
        self.send(trade)
