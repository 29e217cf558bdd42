"""One symbol's trades, each once and in the order of their ids; a hole in them is read from the venue before they go on.

While a hole is being read the trades that follow wait. What was read is sent first, told from others by nothing but its
time. What the venue could not give is counted, told, and passed over. A venue may print the trades of one instant out of
the order of their ids: one that was passed over and comes after all is sent late, for it was never told.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from messages.market import Trade

PASSED_OVER_KEPT = 1000
"""Of so many trades that were passed over the ids are kept, the newest: what comes late comes soon."""

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
        self._passed_over: dict[int, None] = {}
        """Ids that no trade was sent for; a dictionary for its order."""
        self._waiting: list[Trade] | None = None
        """What came while a hole is being read; None when none is."""

    def take(self, trade: Trade) -> None:
        """One trade of the stream."""
        if trade.trade_id == self.last_id + 1 and self._waiting is None:
            # The common case, in few steps.
            self.last_id, self.last_time_ns = trade.trade_id, trade.trade_time_ns
            self.send(trade)
        elif self._waiting is not None:
            self._waiting.append(trade)
        elif trade.trade_id in self._passed_over:
            del self._passed_over[trade.trade_id]
            self.send(trade)
        elif trade.trade_id <= self.last_id and trade.trade_time_ns <= self.last_time_ns:
            # Told already: connections overlap when one replaces another.
            return
        elif self.last_id and trade.trade_id > self.last_id + 1:
            self._waiting = [trade]
            self.start(self._fill(self._waiting))
        else:
            if trade.trade_id <= self.last_id:
                # With a later time: the venue has begun to count anew.
                self._passed_over.clear()
            self._pass_on(trade)

    async def _fill(self, waiting: list[Trade]) -> None:
        first_id, end_id = self.last_id + 1, waiting[0].trade_id
        read = {
            trade.trade_id: trade
            for trade in await self.read(first_id, end_id)
            if first_id <= trade.trade_id < end_id
        }
        late = {
            trade.trade_id: trade
            for trade in waiting[1:]
            if first_id <= trade.trade_id < end_id and trade.trade_id not in read
        }
        found = read | late
        self.tell_hole(len(read), end_id - first_id - len(found))
        self._pass_over(range(max(first_id, end_id - PASSED_OVER_KEPT), end_id), found)
        for trade_id in sorted(found):
            self._pass_on(found[trade_id])
        self._pass_on(waiting[0])
        self._waiting = None
        for trade in waiting[1:]:
            self.take(trade)

    def _pass_over(self, ids: range, found: dict[int, Trade]) -> None:
        self._passed_over.update(dict.fromkeys(number for number in ids if number not in found))
        for number in list(self._passed_over)[:-PASSED_OVER_KEPT]:
            del self._passed_over[number]

    def _pass_on(self, trade: Trade) -> None:
        self.last_id, self.last_time_ns = trade.trade_id, trade.trade_time_ns
        self.send(trade)
