"""Klines of every interval, built from trades as they come.

Every interval begins on a whole second, so only the running second is touched by a trade; when a second has passed it is
folded into the longer intervals. A period without trades has a kline too, flat at the last close. Periods are UTC: days
begin at midnight, weeks on Monday, months on their first (rest-api.md, Kline/Candlestick data).
"""

import dataclasses
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from actors.exchange.orders import ZERO, PublicTrade
from messages.enums import KlineInterval

KLINES_KEPT = 1000
"""Of each interval, the running one included: as many as one request may ask for."""

SECOND_US = 1_000_000
DAY_S = 86_400
FIRST_MONDAY_S = 4 * DAY_S
"""1970-01-05; the epoch was a Thursday."""

SECONDS = {
    KlineInterval.SECOND_1: 1,
    KlineInterval.MINUTE_1: 60,
    KlineInterval.MINUTE_3: 180,
    KlineInterval.MINUTE_5: 300,
    KlineInterval.MINUTE_15: 900,
    KlineInterval.MINUTE_30: 1800,
    KlineInterval.HOUR_1: 3600,
    KlineInterval.HOUR_2: 7200,
    KlineInterval.HOUR_4: 14_400,
    KlineInterval.HOUR_6: 21_600,
    KlineInterval.HOUR_8: 28_800,
    KlineInterval.HOUR_12: 43_200,
    KlineInterval.DAY_1: DAY_S,
    KlineInterval.DAY_3: 3 * DAY_S,
    KlineInterval.WEEK_1: 7 * DAY_S,
}


@dataclass(slots=True)
class Kline:
    """One bar. Times in milliseconds; `close_time_ms` is the last millisecond that belongs to it."""

    interval: KlineInterval
    open_time_ms: int
    close_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    quote_volume: Decimal = ZERO
    trades: int = 0
    taker_buy_volume: Decimal = ZERO
    taker_buy_quote_volume: Decimal = ZERO
    first_trade_id: int = -1
    last_trade_id: int = -1
    is_closed: bool = False

    def add(self, other: "Kline") -> None:
        """Takes in a later and shorter bar of the same period."""
        if not other.trades:
            return
        if self.trades:
            self.high = max(self.high, other.high)
            self.low = min(self.low, other.low)
        else:
            self.open, self.high, self.low = other.open, other.high, other.low
            self.first_trade_id = other.first_trade_id
        self.close = other.close
        self.volume += other.volume
        self.quote_volume += other.quote_volume
        self.trades += other.trades
        self.taker_buy_volume += other.taker_buy_volume
        self.taker_buy_quote_volume += other.taker_buy_quote_volume
        self.last_trade_id = other.last_trade_id


def period_start(interval: KlineInterval, second: int) -> int:
    """The first second of the period that a second since the epoch lies in."""
    if interval is KlineInterval.MONTH_1:
        moment = datetime.fromtimestamp(second, UTC)
        return int(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp())
    if interval is KlineInterval.WEEK_1:
        return second - (second - FIRST_MONDAY_S) % SECONDS[interval]
    return second - second % SECONDS[interval]


def next_period(interval: KlineInterval, start: int) -> int:
    """The first second of the period after the one that begins at `start`."""
    if interval is KlineInterval.MONTH_1:
        return period_start(interval, start + 32 * DAY_S)
    return start + SECONDS[interval]


class KlineSeries:
    """The bars of one interval: closed ones and the running one, at most `KLINES_KEPT`, without a hole."""

    def __init__(self, interval: KlineInterval) -> None:
        self.interval = interval
        self.bars: deque[Kline] = deque(maxlen=KLINES_KEPT)
        self._next_start = 0

    def open_at(self, second: int, price: Decimal) -> Kline:
        """The running bar of a second, after closing older ones and filling periods without trades.

        `price` opens the very first bar; later ones open at the close before them until a trade comes.
        """
        while self.bars and second >= self._next_start:
            last = self.bars[-1]
            last.is_closed = True
            self._skip_what_would_fall_out(second)
            self._append(self._next_start, last.close)
        if not self.bars:
            self._append(period_start(self.interval, second), price)
        return self.bars[-1]

    def _skip_what_would_fall_out(self, second: int) -> None:
        """After a long silence, only the last `KLINES_KEPT` empty bars are worth making."""
        seconds = SECONDS.get(self.interval)
        if seconds is not None:
            start = period_start(self.interval, second) - KLINES_KEPT * seconds
            self._next_start = max(self._next_start, start)

    def _append(self, start: int, price: Decimal) -> None:
        self._next_start = next_period(self.interval, start)
        self.bars.append(
            Kline(
                self.interval,
                start * 1000,
                self._next_start * 1000 - 1,
                price,
                price,
                price,
                price,
            )
        )


class KlineBuilder:
    """All intervals of one symbol."""

    def __init__(self) -> None:
        self._seconds = KlineSeries(KlineInterval.SECOND_1)
        self._series: dict[KlineInterval, KlineSeries] = {
            interval: KlineSeries(interval)
            for interval in KlineInterval
            if interval not in (KlineInterval.SECOND_1, KlineInterval.UNRECOGNISED)
        }
        self._running: Kline | None = None

    def add(self, trade: PublicTrade) -> None:
        """Takes in a trade. One that is older than the running second counts to the running second."""
        self.advance(trade.time_us)
        price, quantity, quote = trade.price, trade.quantity, trade.quote_quantity
        bar = self._running
        if bar is None:
            second = trade.time_us // SECOND_US
            bar = self._running = self._seconds.open_at(second, price)
            for series in self._series.values():
                series.open_at(second, price)
        if not bar.trades:
            bar.open = bar.high = bar.low = price
            bar.first_trade_id = trade.trade_id
        elif price > bar.high:
            bar.high = price
        elif price < bar.low:
            bar.low = price
        bar.close = price
        bar.volume += quantity
        bar.quote_volume += quote
        bar.trades += 1
        bar.last_trade_id = trade.trade_id
        if not trade.is_buyer_maker:
            bar.taker_buy_volume += quantity
            bar.taker_buy_quote_volume += quote

    def advance(self, now_us: int) -> None:
        """Closes what has ended by now; nothing before the first trade."""
        running = self._running
        second = now_us // SECOND_US
        if running is None or second * 1000 <= running.open_time_ms:
            return
        for series in self._series.values():
            series.open_at(running.open_time_ms // 1000, running.close).add(running)
            series.open_at(second, running.close)
        self._running = self._seconds.open_at(second, running.close)

    def current(self, interval: KlineInterval, now_us: int) -> Kline | None:
        """The running bar as of now; None before the first trade."""
        self.advance(now_us)
        running = self._running
        if running is None:
            return None
        if interval is KlineInterval.SECOND_1:
            return dataclasses.replace(running)
        bar = dataclasses.replace(self._series[interval].bars[-1])
        bar.add(running)
        return bar

    def range(
        self,
        interval: KlineInterval,
        now_us: int,
        start_time_ms: int | None = None,
        end_time_ms: int | None = None,
        limit: int = 500,
    ) -> list[Kline]:
        """Bars by their open time, oldest first: from `start_time_ms` on if given, else the newest up to the end."""
        current = self.current(interval, now_us)
        if current is None:
            return []
        series = self._seconds if interval is KlineInterval.SECOND_1 else self._series[interval]
        bars = [*list(series.bars)[:-1], current]
        starts = [bar.open_time_ms for bar in bars]
        first = 0 if start_time_ms is None else bisect_left(starts, start_time_ms)
        last = len(bars) if end_time_ms is None else bisect_left(starts, end_time_ms + 1)
        chosen = bars[first:last]
        return chosen[:limit] if start_time_ms is not None else chosen[-limit:]
