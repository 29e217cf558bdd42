"""The local exchange's synthetic market as market data: its trades and book tickers, at the speed of this machine.

A file named `synthetic:SYMBOL:SECONDS:RATE:SEED` (what is left out at the end is `BTCUSDT`, 3600, 10 trades a second, 0)
is no file but this market, from 2024-01-01 on. Equal words make equal data.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from actors.backtest.data_files import DataFile, Note
from actors.backtest.errors import DataError
from actors.backtest.row_messages import BookTickerMessages, TradeMessages
from actors.backtest.stream_set import StreamSet
from actors.exchange.book import BookTicker
from actors.exchange.orders import PublicTrade
from actors.exchange.sources import SyntheticMarket
from actors.exchange.symbols import rules_for
from actors.exchange.venue import Venue
from messages.enums import Exchanges

SYNTHETIC = "synthetic"
FORM = re.compile(r"synthetic(?::([^:]+)(?::([0-9.]+)(?::([0-9.]+)(?::([0-9]+))?)?)?)?")
BEGIN_US = 1_704_067_200_000_000
ROWS_TOGETHER = 4_096
TRADE_COLUMNS = ("id", "price", "quantity", "buyer_is_maker", "time")
TICKER_COLUMNS = ("id", "bid_price", "bid_quantity", "ask_price", "ask_quantity", "time")


@dataclass(frozen=True)
class SyntheticTerms:
    """Which market."""

    symbol: str = "BTCUSDT"
    seconds: float = 3_600.0
    trades_per_second: float = 10.0
    seed: int = 0


def is_synthetic(word: str) -> bool:
    """Whether a word means a synthetic market, and no file."""
    return word == SYNTHETIC or word.startswith(SYNTHETIC + ":")


def parse_terms(word: str) -> SyntheticTerms:
    """The market that a word means. Raises DataError for one that is not of its form."""
    found = FORM.fullmatch(word)
    try:
        if found is None:
            raise ValueError("it is not of that form")
        symbol, seconds, rate, seed = found.groups()
        terms = SyntheticTerms(
            symbol or "BTCUSDT", float(seconds or 3_600), float(rate or 10), int(seed or 0)
        )
        rules_for(terms.symbol)
        if not terms.seconds > 0 or not terms.trades_per_second > 0:
            raise ValueError("seconds and rate must be above 0")
    except ValueError as error:
        raise DataError(f"{word}: write synthetic:SYMBOL:SECONDS:RATE:SEED ({error})") from error
    return terms


class Recorder:
    """Hears what the market prints, and hands it on as rows."""

    def __init__(self, venue: Venue, symbol: str, exchange: Exchanges, streams: StreamSet) -> None:
        self._venue = venue
        self._symbol = symbol
        self._last: BookTicker | None = None
        self._trades: list[tuple[Any, ...]] = []
        self._tickers: list[tuple[Any, ...]] = []
        self._trade_messages = TradeMessages(exchange, symbol)
        self._ticker_messages = BookTickerMessages(exchange, symbol)
        self._trade_stream = streams.get("Trade", symbol, None, 1, "trades", has_ids=True)
        self._ticker_stream = streams.get("BookTicker", symbol, None, 0, "tickers", has_ids=True)

    def on_trade(self, symbol: str, trade: PublicTrade) -> None:
        """Keeps a trade."""
        self._trades.append(
            (
                trade.trade_id,
                float(trade.price),
                float(trade.quantity),
                trade.is_buyer_maker,
                trade.time_us * 1_000,
            )
        )

    def on_book(self, symbol: str) -> None:
        """Keeps the best bid and ask, if one of them changed."""
        ticker = self._venue.book_ticker(symbol)
        last = self._last
        now = (ticker.bid_price, ticker.bid_quantity, ticker.ask_price, ticker.ask_quantity)
        if last is not None and now == (
            last.bid_price,
            last.bid_quantity,
            last.ask_price,
            last.ask_quantity,
        ):
            return
        self._last = ticker
        self._tickers.append((ticker.update_id, *map(float, now), self._venue.now_us() * 1_000))
        if len(self._tickers) >= ROWS_TOGETHER:
            self.hand_over()

    def hand_over(self) -> None:
        """What is kept, to where it is written."""
        if self._trades:
            columns = dict(zip(TRADE_COLUMNS, zip(*self._trades, strict=True), strict=True))
            self._trade_stream.take(self._trade_messages.build(columns), int)
            self._trades.clear()
        if self._tickers:
            columns = dict(zip(TICKER_COLUMNS, zip(*self._tickers, strict=True), strict=True))
            self._ticker_stream.take(self._ticker_messages.build(columns), int)
            self._tickers.clear()


def convert_synthetic(
    file: DataFile,
    exchange: Exchanges,
    streams: StreamSet,
    repair: bool,
    on_progress: Callable[[float], None] | None,
) -> list[Note]:
    """Makes the market that the file's name means. Raises DataError for a name that is not of its form."""
    terms = parse_terms(str(file.path))
    now_us = BEGIN_US
    venue = Venue([rules_for(terms.symbol)], lambda: now_us)
    recorder = Recorder(venue, terms.symbol, exchange, streams)
    venue.market_listeners.append(recorder)
    market = SyntheticMarket(venue, [terms.symbol], Random(terms.seed), terms.trades_per_second)
    length_us = round(terms.seconds * 1_000_000)
    steps = 0
    while (due_us := market.advance(now_us)) < BEGIN_US + length_us:
        now_us = max(now_us, due_us)
        steps += 1
        if on_progress is not None and not steps % 1_000:
            on_progress((now_us - BEGIN_US) / length_us)
    recorder.hand_over()
    return []
