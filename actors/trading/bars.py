"""Bars from trades: by time, or by number of trades, by volume, by turnover; one interface for all.

A bar is published as finished (`Kline`) only if every trade of it was seen. One that began before we listened, or that
fell into a hole of the feed, ends as a `PartialKline` and never as a `Kline`. Sums are exact: eight decimals of price
and quantity are kept as whole numbers, so that a volume is the same in whatever order its trades came.
"""

import abc
import enum
from typing import TypeVar

from actors.trading.kline_interval import find_bounds
from messages.enums import Exchanges, FeedState, KlineInterval
from messages.market import FeedStatus, Kline, PartialKline, Trade

UNITS = 10**8
MAXIMUM_FLAT_BARS = 1_500
"""How many intervals without a trade are told one by one; a longer silence is a hole."""
HOLES = (FeedState.GAP, FeedState.DISCONNECTED)

Bar = Kline | PartialKline
BarClass = TypeVar("BarClass", Kline, PartialKline)


class GrowingBar:
    """The sums of the trades of one bar."""

    __slots__ = (
        "buy_quote_units",
        "buy_units",
        "close",
        "close_time_ns",
        "event_time_ns",
        "high",
        "is_whole",
        "low",
        "open",
        "open_time_ns",
        "quote_units",
        "receive_time_ns",
        "trade_count",
        "units",
    )

    def __init__(self, price: float, open_time_ns: int, close_time_ns: int, is_whole: bool) -> None:
        self.open = self.high = self.low = self.close = price
        self.open_time_ns, self.close_time_ns = open_time_ns, close_time_ns
        self.is_whole = is_whole
        self.trade_count = self.units = self.quote_units = 0
        self.buy_units = self.buy_quote_units = 0
        self.event_time_ns = self.receive_time_ns = 0

    def add(self, trade: Trade) -> None:
        """Counts one trade in."""
        price = trade.price
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
        units = round(trade.quantity * UNITS)
        quote_units = round(price * UNITS) * units
        self.trade_count += 1
        self.units += units
        self.quote_units += quote_units
        if not trade.buyer_is_maker:
            self.buy_units += units
            self.buy_quote_units += quote_units
        self.event_time_ns = trade.event_time_ns or trade.trade_time_ns
        self.receive_time_ns = trade.receive_time_ns


class BarBuilder(abc.ABC):
    """Builds the bars of one symbol from its trades, taken in the order in which the venue tells them."""

    def __init__(self, exchange: Exchanges, symbol: str, interval: KlineInterval) -> None:
        self.exchange = exchange
        self.symbol = symbol
        self.interval = interval
        self.growing: GrowingBar | None = None
        self.is_down = False
        """Whether trades are missing at present."""

    @abc.abstractmethod
    def add(self, trade: Trade) -> list[Bar]:
        """Counts one trade in; the bars that were finished by it, oldest first."""

    @abc.abstractmethod
    def advance(self, time_ns: int) -> list[Bar]:
        """Tells that no trade from before this instant of the venue's clock is to come; the bars thus finished."""

    def mark_hole(self) -> None:
        """Trades are missing between the last and the next, as a `Gap` of our own mailbox tells."""
        if self.growing is not None:
            self.growing.is_whole = False

    def on_feed_status(self, status: FeedStatus) -> None:
        """Follows the feed: from GAP or DISCONNECTED on until LIVE, trades are missing.

        Hearing a status twice changes nothing.
        """
        if status.state in HOLES and not self.is_down:
            self.is_down = True
            self.mark_hole()
        elif status.state is FeedState.LIVE and self.is_down:
            self.is_down = False

    def partial(self) -> PartialKline | None:
        """The bar that grows, as it stands; None if there is none."""
        return self.build(PartialKline, self.growing) if self.growing is not None else None

    def finish(self, bar: GrowingBar) -> Bar:
        """The message of a bar that has ended."""
        return self.build(Kline, bar) if bar.is_whole else self.build(PartialKline, bar)

    def build(self, message_class: type[BarClass], bar: GrowingBar) -> BarClass:
        """The bar as a message."""
        return message_class(
            exchange=self.exchange,
            symbol=self.symbol,
            interval=self.interval,
            open_time_ns=bar.open_time_ns,
            close_time_ns=bar.close_time_ns,
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=bar.units / UNITS,
            quote_volume=bar.quote_units / UNITS**2,
            trade_count=bar.trade_count,
            taker_buy_volume=bar.buy_units / UNITS,
            taker_buy_quote_volume=bar.buy_quote_units / UNITS**2,
            event_time_ns=bar.event_time_ns,
            receive_time_ns=bar.receive_time_ns,
        )


class TimeBars(BarBuilder):
    """Bars of a fixed interval of UTC time, by the time of the trades.

    `start_time_ns` is when listening began, by the venue's clock: a bar that began before is not whole; one that
    begins exactly then is. An interval in which nothing was traded is told as a flat bar at the last price, as the
    venue does. A trade that comes after its bar has ended is counted in `late_trades` and changes nothing.
    """

    def __init__(
        self, exchange: Exchanges, symbol: str, interval: KlineInterval, start_time_ns: int
    ) -> None:
        super().__init__(exchange, symbol, interval)
        self.late_trades = 0
        self._whole_from_ns = start_time_ns
        """Bars that begin at this instant or later are whole."""
        self._has_hole = False
        self._last_price: float | None = None
        self._next_open_ns = 0
        """Begin of the first interval that was not told yet."""

    def add(self, trade: Trade) -> list[Bar]:
        """Counts one trade in; the bars that were finished by it, oldest first."""
        time_ns = trade.trade_time_ns
        if self._has_hole or self.is_down:
            self._whole_from_ns = max(self._whole_from_ns, time_ns + 1)
            self._has_hole = False
        if time_ns < self._next_open_ns:
            self.late_trades += 1
            return []
        finished = self.advance(time_ns)
        if self.growing is None:
            begin_ns, end_ns = find_bounds(self.interval, time_ns)
            is_whole = begin_ns >= self._whole_from_ns
            self.growing = GrowingBar(trade.price, begin_ns, end_ns - 1, is_whole)
            self._next_open_ns = begin_ns
        self.growing.add(trade)
        self._last_price = trade.price
        return finished

    def advance(self, time_ns: int) -> list[Bar]:
        """Tells that no trade from before this instant of the venue's clock is to come; the bars thus finished."""
        finished: list[Bar] = []
        if self.growing is not None:
            if time_ns <= self.growing.close_time_ns:
                return finished
            finished.append(self.finish(self.growing))
            self._next_open_ns = self.growing.close_time_ns + 1
            self.growing = None
        if self._last_price is None or time_ns <= self._next_open_ns:
            return finished
        flat = self._flat_bars(time_ns, self._last_price)
        self._next_open_ns = find_bounds(self.interval, time_ns)[0]
        return finished + flat

    def _flat_bars(self, time_ns: int, price: float) -> list[Bar]:
        """Bars of the intervals without a trade that ended by this instant; none while trades are missing."""
        flat: list[Bar] = []
        if self._has_hole or self.is_down:
            return flat
        first_ns = max(self._next_open_ns, self._whole_from_ns)
        begin_ns, end_ns = find_bounds(self.interval, first_ns)
        while end_ns <= time_ns:
            if len(flat) == MAXIMUM_FLAT_BARS:
                self._whole_from_ns = max(self._whole_from_ns, time_ns + 1)
                return []
            if begin_ns >= self._whole_from_ns:
                bar = GrowingBar(price, begin_ns, end_ns - 1, True)
                bar.event_time_ns = end_ns
                flat.append(self.finish(bar))
            begin_ns, end_ns = find_bounds(self.interval, end_ns)
        return flat

    def mark_hole(self) -> None:
        """Trades are missing between the last and the next; the bars of both, and those between, are not whole."""
        super().mark_hole()
        self._has_hole = True

    def on_feed_status(self, status: FeedStatus) -> None:
        """Follows the feed. The bar in which it comes back is not whole, unless it begins exactly then.

        It comes back at the `event_time_ns` of its LIVE status, or at the `receive_time_ns` if it has none.
        """
        was_down = self.is_down
        super().on_feed_status(status)
        if was_down and not self.is_down:
            back_ns = status.event_time_ns or status.receive_time_ns
            self._whole_from_ns = max(self._whole_from_ns, back_ns)
            self._has_hole = not back_ns


class Measure(enum.Enum):
    """What fills a bar that is not one of time."""

    TRADES = "TRADES"
    VOLUME = "VOLUME"
    """Base asset traded."""
    TURNOVER = "TURNOVER"
    """Quote asset traded (dollar bars)."""


class ThresholdBars(BarBuilder):
    """Bars that end with the trade by which their measure reaches the threshold; a trade is never split.

    Their `interval` is `UNRECOGNISED`: they are none of time. They open with their first trade and close with their
    last. The threshold is above 0, or ValueError is raised.
    """

    def __init__(
        self, exchange: Exchanges, symbol: str, measure: Measure, threshold: float
    ) -> None:
        super().__init__(exchange, symbol, KlineInterval.UNRECOGNISED)
        scale = {Measure.TRADES: 1, Measure.VOLUME: UNITS, Measure.TURNOVER: UNITS**2}[measure]
        if not 0 < threshold < float("inf") or round(threshold * scale) < 1:
            raise ValueError(f"the threshold of a bar must be above 0, not {threshold}")
        self.measure = measure
        self._threshold = round(threshold * scale)

    def add(self, trade: Trade) -> list[Bar]:
        """Counts one trade in; the bar that was filled by it, if one was."""
        bar = self.growing
        if bar is None:
            time_ns = trade.trade_time_ns
            bar = self.growing = GrowingBar(trade.price, time_ns, time_ns, not self.is_down)
        bar.add(trade)
        bar.close_time_ns = max(bar.close_time_ns, trade.trade_time_ns)
        if self.is_down:
            bar.is_whole = False
        if self._measure(bar) < self._threshold:
            return []
        self.growing = None
        return [self.finish(bar)]

    def advance(self, time_ns: int) -> list[Bar]:
        """Time alone ends none of these bars."""
        return []

    def _measure(self, bar: GrowingBar) -> int:
        if self.measure is Measure.TRADES:
            return bar.trade_count
        return bar.units if self.measure is Measure.VOLUME else bar.quote_units
