"""Bars out of finer bars of the same symbol: five minutes of five bars of one.

A bar is published as finished (`Kline`) only if every finer bar of it was there; else, when its last one or the first of
the next has come, as a `PartialKline`. It is due with its last finer bar, right after it. Sums are exact, as in bars from
trades (trading/bars.py).
"""

from actors.trading.bars import UNITS
from actors.trading.kline_interval import find_bounds
from messages.enums import KlineInterval
from messages.market import Kline, PartialKline

Bar = Kline | PartialKline


class CoarseBars:
    """Builds the bars of one symbol and interval."""

    def __init__(self, interval: KlineInterval) -> None:
        self.interval = interval
        self.bounds = (0, 0)
        """Of the bar that grows."""
        self.parts: list[Kline] = []

    def add(self, bar: Kline) -> list[Bar]:
        """Takes in the next finer bar; the bars that were finished by it."""
        finished = []
        bounds = find_bounds(self.interval, bar.open_time_ns)
        if bounds != self.bounds and self.parts:
            finished.append(self._finish())
        self.bounds = bounds
        self.parts.append(bar)
        if find_bounds(bar.interval, bar.open_time_ns)[1] >= bounds[1]:
            finished.append(self._finish())
        return finished

    def _finish(self) -> Bar:
        parts, (begin_ns, end_ns) = self.parts, self.bounds
        self.parts = []
        covered = [find_bounds(part.interval, part.open_time_ns) for part in parts]
        is_whole = sum(end - begin for begin, end in covered) == end_ns - begin_ns
        first, last = parts[0], parts[-1]
        message_class = Kline if is_whole else PartialKline
        return message_class(
            exchange=first.exchange,
            symbol=first.symbol,
            interval=self.interval,
            open_time_ns=begin_ns,
            close_time_ns=end_ns - 1,
            open=first.open,
            high=max(part.high for part in parts),
            low=min(part.low for part in parts),
            close=last.close,
            volume=exact_sum([part.volume for part in parts]),
            quote_volume=exact_sum([part.quote_volume for part in parts]),
            trade_count=sum(part.trade_count for part in parts),
            taker_buy_volume=exact_sum([part.taker_buy_volume for part in parts]),
            taker_buy_quote_volume=exact_sum([part.taker_buy_quote_volume for part in parts]),
            event_time_ns=last.event_time_ns,
            receive_time_ns=last.receive_time_ns,
        )


def exact_sum(amounts: list[float]) -> float:
    """A sum of amounts of at most eight decimals."""
    return sum(round(amount * UNITS) for amount in amounts) / UNITS
