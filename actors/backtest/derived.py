"""Streams that the data do not hold and that follow from those they do: bars and quotes from trades, bars from finer ones.

Bars from trades are built by trading/bars.py and told at their end (bar_ends.py). A quote from trades is what the simulated
venue would quote at them: a tick on either side of the last one.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from actors.backtest.coarse_bars import CoarseBars
from actors.trading.bars import BarBuilder, TimeBars
from messages.base import Message
from messages.enums import Exchanges, KlineInterval
from messages.market import BookTicker, FeedStatus, Kline, Trade

if TYPE_CHECKING:
    from actors.backtest.streams import StreamPlan


class DerivedStreams:
    """Makes what was asked for."""

    def __init__(self, plan: "StreamPlan") -> None:
        self.plan = plan
        self.bars: dict[str, list[BarBuilder]] = {}
        self.coarse: dict[tuple[str, str], list[CoarseBars]] = {}
        """By symbol and interval of the finer bars."""
        self.ticks: dict[str, float] = {}
        """Per symbol with derived quotes its price step."""

    def want_bars(
        self, symbol: str, interval: KlineInterval, start_time_ns: int
    ) -> BarBuilder | None:
        """Builds these bars from the symbol's trades from now on; None if they are built already."""
        builders = self.bars.setdefault(symbol, [])
        if any(builder.interval is interval for builder in builders):
            return None
        builder = TimeBars(Exchanges.BINANCE, symbol, interval, start_time_ns)
        builders.append(builder)
        self.plan.derived[symbol] = True
        return builder

    def want_coarse_bars(self, symbol: str, fine: str, interval: KlineInterval) -> None:
        """Builds these bars from finer ones from now on."""
        builders = self.coarse.setdefault((symbol, fine), [])
        if all(builder.interval is not interval for builder in builders):
            builders.append(CoarseBars(interval))
            self.plan.derived[symbol] = True

    def want_quotes(self, symbol: str, tick: float) -> None:
        """Quotes around the symbol's trades from now on."""
        self.ticks[symbol] = tick
        self.plan.derived[symbol] = True

    def take(self, message: Message) -> Iterator[Message]:
        """What follows from one message."""
        if type(message) is not Trade:
            yield from self._take_other(message)
            return
        for builder in self.bars.get(message.symbol, ()):
            yield from builder.add(message)
        tick = self.ticks.get(message.symbol)
        if tick is not None:
            yield BookTicker(
                exchange=message.exchange,
                symbol=message.symbol,
                update_id=message.trade_id,
                bid_price=round(message.price - tick, 8),
                bid_quantity=message.quantity,
                ask_price=round(message.price + tick, 8),
                ask_quantity=message.quantity,
                receive_time_ns=message.receive_time_ns,
            )

    def _take_other(self, message: Message) -> Iterator[Message]:
        if type(message) is FeedStatus:  # a bar of which trades are missing is not finished
            for builder in self.bars.get(message.symbol, ()):
                builder.on_feed_status(message)
        elif type(message) is Kline:
            for coarse in self.coarse.get((message.symbol, message.interval), ()):
                yield from coarse.add(message)
