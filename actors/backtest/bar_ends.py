"""When bars that are built from trades are told: at their end, as a venue tells its own, also where trades are rare.

Whether trades are missing at the end of a bar is found out only with the next one. So at the end the data are looked into
as far as that: a bar ahead of a hole is not told as finished, and one of which a trade is still on its way to us waits for
it. Nothing else is taken from what is ahead. After a symbol's last trade none of its bars is told, for nothing says whether
all of theirs are there.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from actors.trading.bars import HOLES, BarBuilder
from actors.trading.kline_interval import find_bounds
from messages.market import FeedStatus, Trade

if TYPE_CHECKING:
    from actors.backtest.player import Player

LATEST_NS = 60_000_000_000
"""A trade that is on its way for longer than this is not waited for."""
CLASSES = frozenset({Trade.__name__, FeedStatus.__name__})


class Next(NamedTuple):
    """The next trade of a symbol, or the word that some are missing ahead of it."""

    receive_time_ns: int
    trade_time_ns: int
    is_hole: bool


class BarEnds:
    """Tells the bars of one backtest that are built from trades."""

    def __init__(self, player: "Player") -> None:
        self.player = player
        self.last_time_ns = player.data.last_time_ns
        self.known: dict[str, Next] = {}

    def follow(self, builder: BarBuilder) -> None:
        """Tells the bars of a builder from now on."""
        following = self._look(builder.symbol)
        if following is not None:
            self._await_end(builder, following.trade_time_ns)

    def _await_end(self, builder: BarBuilder, time_ns: int) -> None:
        end_ns = find_bounds(builder.interval, time_ns)[1]
        if end_ns <= self.last_time_ns:
            self.player.timeline.at(end_ns, self._end, builder, end_ns)

    def _end(self, builder: BarBuilder, end_ns: int) -> None:
        """A bar has ended: tells it, unless one of its trades is still on its way."""
        player = self.player
        following = self._look(builder.symbol)
        if following is None:
            return
        now_ns = player.clock.time_ns
        on_its_way = not following.is_hole and following.trade_time_ns < end_ns
        if on_its_way and following.receive_time_ns < end_ns + LATEST_NS:
            player.timeline.at(following.receive_time_ns + 1, self._end, builder, end_ns)
            return
        self._await_end(
            builder, max(end_ns, following.trade_time_ns) if following.is_hole else end_ns
        )
        if player.is_delayed:
            due_ns = player.next_delivery_ns(now_ns)
            player.timeline.at(due_ns, self._tell, builder, end_ns, following.is_hole, now_ns)
        else:
            self._tell(builder, end_ns, following.is_hole, now_ns)

    def _tell(self, builder: BarBuilder, end_ns: int, is_hole: bool, time_ns: int) -> None:
        if is_hole:
            builder.mark_hole()
        for bar in builder.advance(end_ns):
            bar.event_time_ns = bar.close_time_ns + 1
            bar.receive_time_ns = time_ns
            self.player.send_aside(bar)

    def _look(self, symbol: str) -> Next | None:
        """What comes next of a symbol's trades; None at the end of its data."""
        known = self.known.get(symbol)
        if known is not None and known.receive_time_ns > self.player.clock.time_ns:
            return known
        for message in self._ahead(symbol):
            if message.symbol != symbol:
                continue
            if type(message) is Trade:
                found = Next(message.receive_time_ns, message.trade_time_ns, False)
            elif type(message) is FeedStatus and message.state in HOLES:
                found = Next(message.receive_time_ns, message.receive_time_ns, True)
            else:
                continue
            self.known[symbol] = found
            return found
        return None

    def _ahead(self, symbol: str) -> Iterator[Any]:
        """What follows, out of the chunk in hand and then out of the files: most often it is the very next message."""
        player = self.player
        stream = player.stream_in_hand
        if stream < 0 or player.plan.streams[stream].symbol == symbol:
            copy = player.copy
            for index in range(player.index + 1, copy.count):
                yield copy.messages[index]
        begin_ns = max(player.clock.time_ns, player.read_until_ns + 1)
        for chunk in player.data.chunks_ahead(symbol, CLASSES, begin_ns):
            yield from player.decoders[-1](chunk.frame)
