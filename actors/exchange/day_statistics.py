"""A symbol's figures of a time: of the last 24 hours, of a window of another length, of a trading day.

Summed up from klines, so a window's far end moves in steps of theirs: three minutes for 24 hours.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from actors.exchange.book import BookTicker
from actors.exchange.klines import Kline
from actors.exchange.orders import ZERO
from actors.exchange.venue import Venue
from actors.exchange.wire import to_ms, to_text
from messages.enums import KlineInterval

WINDOW_MS = 86_400_000
BARS = 480
MINUTE_MS = 60_000
MINI_NAMES = (
    *("symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume"),
    *("openTime", "closeTime", "firstId", "lastId", "count"),
)
WINDOW_NAMES = (
    *("symbol", "priceChange", "priceChangePercent", "weightedAvgPrice"),
    *MINI_NAMES[1:],
)
WINDOW_BARS = (
    (1_000, KlineInterval.MINUTE_1),
    (3_000, KlineInterval.MINUTE_3),
    (10_080, KlineInterval.MINUTE_15),
)
"""Up to how many minutes a window is summed up from which klines: no more of them than are kept."""


@dataclass(slots=True, kw_only=True)
class DayStatistics:
    """The figures; times in microseconds, ids -1 and prices 0 when nothing was traded."""

    symbol: str
    open_time_us: int
    close_time_us: int
    open: Decimal = ZERO
    high: Decimal = ZERO
    low: Decimal = ZERO
    close: Decimal = ZERO
    volume: Decimal = ZERO
    quote_volume: Decimal = ZERO
    trades: int = 0
    first_trade_id: int = -1
    last_trade_id: int = -1
    last_quantity: Decimal = ZERO
    book: BookTicker

    @property
    def change(self) -> Decimal:
        """How much the price has moved."""
        return self.close - self.open

    @property
    def change_percent(self) -> Decimal:
        """The same in percent of the open."""
        return self.change / self.open * 100 if self.open else ZERO

    @property
    def average(self) -> Decimal:
        """Weighted by volume."""
        return self.quote_volume / self.volume if self.volume else ZERO

    def ticker(self, is_full: bool) -> dict[str, Any]:
        """The answer of ticker/24hr, FULL or MINI (rest-api.md, 24hr ticker price change statistics)."""
        figures = {
            "openPrice": to_text(self.open),
            "highPrice": to_text(self.high),
            "lowPrice": to_text(self.low),
            "lastPrice": to_text(self.close),
            "volume": to_text(self.volume),
            "quoteVolume": to_text(self.quote_volume),
            "openTime": to_ms(self.open_time_us),
            "closeTime": to_ms(self.close_time_us),
            "firstId": self.first_trade_id,
            "lastId": self.last_trade_id,
            "count": self.trades,
        }
        if not is_full:
            return {"symbol": self.symbol, **figures}
        return {
            "symbol": self.symbol,
            "priceChange": to_text(self.change),
            "priceChangePercent": f"{self.change_percent:.3f}",
            "weightedAvgPrice": to_text(self.average),
            "prevClosePrice": to_text(self.open),
            # Here it stands before the last quantity, in the short form after the lowest price.
            "lastPrice": figures.pop("lastPrice"),
            "lastQty": to_text(self.last_quantity),
            "bidPrice": to_text(self.book.bid_price),
            "bidQty": to_text(self.book.bid_quantity),
            "askPrice": to_text(self.book.ask_price),
            "askQty": to_text(self.book.ask_quantity),
            **figures,
        }

    def window_ticker(self, is_full: bool) -> dict[str, Any]:
        """The answer of ticker and ticker/tradingDay (rest-api.md), which have no best prices and no last quantity."""
        full = self.ticker(True)
        names = WINDOW_NAMES if is_full else MINI_NAMES
        return {name: full[name] for name in names}

    def window_event(self, size: str) -> dict[str, Any]:
        """The payload of `<symbol>@ticker_<size>` (web-socket-streams.md, Individual Symbol Rolling Window)."""
        event = self.event()
        names = [
            "e",
            "E",
            "s",
            "p",
            "P",
            "o",
            "h",
            "l",
            "c",
            "w",
            "v",
            "q",
            "O",
            "C",
            "F",
            "L",
            "n",
        ]
        return {name: event[name] for name in names} | {"e": f"{size}Ticker"}

    def mini_event(self) -> dict[str, Any]:
        """The payload of `<symbol>@miniTicker` (web-socket-streams.md)."""
        return {
            "e": "24hrMiniTicker",
            "E": to_ms(self.close_time_us),
            "s": self.symbol,
            "c": to_text(self.close),
            "o": to_text(self.open),
            "h": to_text(self.high),
            "l": to_text(self.low),
            "v": to_text(self.volume),
            "q": to_text(self.quote_volume),
        }

    def event(self) -> dict[str, Any]:
        """The payload of `<symbol>@ticker` (web-socket-streams.md)."""
        return {
            "e": "24hrTicker",
            "E": to_ms(self.close_time_us),
            "s": self.symbol,
            "p": to_text(self.change),
            "P": f"{self.change_percent:.3f}",
            "w": to_text(self.average),
            "x": to_text(self.open),
            "c": to_text(self.close),
            "Q": to_text(self.last_quantity),
            "b": to_text(self.book.bid_price),
            "B": to_text(self.book.bid_quantity),
            "a": to_text(self.book.ask_price),
            "A": to_text(self.book.ask_quantity),
            "o": to_text(self.open),
            "h": to_text(self.high),
            "l": to_text(self.low),
            "v": to_text(self.volume),
            "q": to_text(self.quote_volume),
            "O": to_ms(self.open_time_us),
            "C": to_ms(self.close_time_us),
            "F": self.first_trade_id,
            "L": self.last_trade_id,
            "n": self.trades,
        }


def day_statistics(venue: Venue, symbol: str, now_us: int) -> DayStatistics:
    """The statistics of the 24 hours up to now. Raises VenueError -1121 for an unknown symbol."""
    now = now_us // 1000
    bars = venue.klines(symbol, KlineInterval.MINUTE_3, now - WINDOW_MS, None, BARS)
    return sum_up(venue, symbol, bars, (now_us - WINDOW_MS * 1000, now_us))


def window_statistics(venue: Venue, symbol: str, now_us: int, minutes: int) -> DayStatistics:
    """Those of the minutes up to now; they begin on a whole minute (rest-api.md, Rolling window price change statistics).

    At most seven days.
    """
    now = now_us // 1000
    start = (now - minutes * MINUTE_MS) // MINUTE_MS * MINUTE_MS
    interval = next(one for most, one in WINDOW_BARS if minutes <= most)
    bars = venue.klines(symbol, interval, start, None, 1000)
    return sum_up(venue, symbol, bars, (start * 1000, now_us))


def trading_day_statistics(
    venue: Venue, symbol: str, now_us: int, zone_minutes: int
) -> DayStatistics:
    """Those of the day that now lies in, where clocks are `zone_minutes` before UTC (rest-api.md, Trading Day Ticker)."""
    zone = zone_minutes * MINUTE_MS
    start = (now_us // 1000 + zone) // WINDOW_MS * WINDOW_MS - zone
    bars = venue.klines(symbol, KlineInterval.MINUTE_15, start, None, 96)
    return sum_up(venue, symbol, bars, (start * 1000, (start + WINDOW_MS) * 1000 - 1))


def sum_up(
    venue: Venue, symbol: str, klines: list[Kline], times_us: tuple[int, int]
) -> DayStatistics:
    """The figures of all klines together; `times_us` are what they say of where they begin and end."""
    found = DayStatistics(
        symbol=symbol,
        open_time_us=times_us[0],
        close_time_us=times_us[1],
        book=venue.book_ticker(symbol),
    )
    bars = [bar for bar in klines if bar.trades]
    if not bars:
        return found
    found.open, found.close = bars[0].open, bars[-1].close
    found.high = max(bar.high for bar in bars)
    found.low = min(bar.low for bar in bars)
    found.volume = sum((bar.volume for bar in bars), ZERO)
    found.quote_volume = sum((bar.quote_volume for bar in bars), ZERO)
    found.trades = sum(bar.trades for bar in bars)
    found.first_trade_id, found.last_trade_id = bars[0].first_trade_id, bars[-1].last_trade_id
    for trade in venue.recent_trades(symbol, 1):
        found.last_quantity = trade.quantity
    return found
