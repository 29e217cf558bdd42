"""Tables (CSV, Parquet) on their way into the cache: rows are checked, told apart by symbol, and put into their streams."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from operator import le
from pathlib import Path
from typing import Any

from actors.backtest.csv_rows import CsvReader, Rows
from actors.backtest.data_files import DataFile, DataKind, Note
from actors.backtest.errors import DataError
from actors.backtest.layouts import TIME_ROLES, Layout
from actors.backtest.row_messages import (
    BookTickerMessages,
    KlineMessages,
    TradeMessages,
    find_fault_of_bar,
    interval_of_length,
    is_sold,
    parse_time,
    to_nanoseconds,
)
from actors.backtest.sequence import count_of
from actors.backtest.stream_set import StreamSet
from actors.trading.kline_interval import kline_interval_ns
from messages.enums import Exchanges, KlineInterval

INTERVAL_WORDS = "|".join(item.value for item in KlineInterval if item.value[0].isdigit())
SYMBOL_IN_NAME = re.compile(
    rf"(.+?)-(?:trades|aggTrades|bookTicker|orderBook|klines|usdm|frames|{INTERVAL_WORDS})\b"
)
INTERVAL_IN_NAME = re.compile(rf"(?<![A-Za-z0-9])({INTERVAL_WORDS})(?![A-Za-z0-9])")
LAST_INSTANTS = (10**6, 10**3, 1, 0)
"""How long before the next bar a close time may lie: a millisecond, a microsecond, a nanosecond, or not at all."""


class TableConverter:
    """Converts the rows of one file."""

    def __init__(
        self, file: DataFile, exchange: Exchanges, streams: StreamSet, *, repair: bool
    ) -> None:
        self.file, self.exchange, self.streams, self.repair = file, exchange, streams, repair
        self.left_out: list[int] = []
        """Lines whose values are of no use, when repairing."""
        self._builders: dict[str, TradeMessages | BookTickerMessages | KlineMessages] = {}
        self._assumptions: set[str] = set()

    def convert(self, batches: Iterable[Rows], layout_of: Callable[[], Layout]) -> list[Note]:
        """All rows. Raises DataError with file and line."""
        for rows in batches:
            layout = layout_of()
            for symbol, columns, lines in self._by_symbol(*self._checked(rows, layout)):
                self._take(layout, symbol, columns, lines)
        name = self.file.path.name
        return [Note(name, "assumption", 1, text) for text in sorted(self._assumptions)]

    def _checked(
        self, rows: Rows, layout: Layout
    ) -> tuple[Mapping[str, Sequence[Any]], Sequence[int]]:
        """The rows with times in nanoseconds and sides as truth values; those that are of no use are left out, or end it."""
        try:
            return prepare(rows.columns, layout.text_times), rows.lines
        except ValueError:
            pass
        good = []
        for index, line in enumerate(rows.lines):
            row = {role: (values[index],) for role, values in rows.columns.items()}
            try:
                prepare(row, layout.text_times)
            except ValueError as error:
                if not self.repair:
                    raise DataError(
                        f"{self.file.path}, line {line}: {error}. With --repair such rows are left out"
                    ) from error
                self.left_out.append(line)
            else:
                good.append(index)
        columns = {role: [values[i] for i in good] for role, values in rows.columns.items()}
        return prepare(columns, layout.text_times), [rows.lines[index] for index in good]

    def _by_symbol(
        self, columns: Mapping[str, Sequence[Any]], lines: Sequence[int]
    ) -> Iterator[tuple[str, Mapping[str, Sequence[Any]], Sequence[int]]]:
        named = columns.get("symbol")
        if named is None:
            if lines:
                yield self.file.symbol or symbol_in_name(self.file.path), columns, lines
            return
        for symbol in sorted(set(named)):
            if self.file.symbol not in ("", symbol):
                continue
            indices = [index for index, name in enumerate(named) if name == symbol]
            if len(indices) == len(named):
                yield symbol, columns, lines
            else:
                part = {role: [values[i] for i in indices] for role, values in columns.items()}
                yield symbol, part, [lines[index] for index in indices]

    def _take(
        self,
        layout: Layout,
        symbol: str,
        columns: Mapping[str, Sequence[Any]],
        lines: Sequence[int],
    ) -> None:
        builder = self._builders.get(symbol)
        if builder is None:
            builder = self._builders[symbol] = self._make_builder(layout, symbol, columns)
        interval = builder.interval if isinstance(builder, KlineMessages) else None
        name, step, what = "BookTicker", 0, f"{symbol} book tickers"
        if isinstance(builder, TradeMessages):
            name, step, what = "Trade", 1, f"{symbol} trades"
        elif interval is not None:
            fixed = interval is not KlineInterval.MONTH_1
            step = kline_interval_ns(interval) if fixed else 0
            name, what = "Kline", f"{symbol} bars of {interval}"
        kind, file_name = self.file.kind, self.file.path.name
        is_aggregate = kind is DataKind.AGGREGATE_TRADES or "aggTrades" in file_name
        stream = self.streams.get(
            name,
            symbol,
            interval,
            step,
            what,
            has_ids=interval is not None or "id" in columns,
            numbering="aggTrade" if is_aggregate else "",
        )
        stream.take(builder.build(columns), lines.__getitem__)

    def _make_builder(
        self, layout: Layout, symbol: str, columns: Mapping[str, Sequence[Any]]
    ) -> TradeMessages | BookTickerMessages | KlineMessages:
        if layout.kind is DataKind.KLINES:
            return KlineMessages(self.exchange, symbol, self._find_interval(columns))
        if layout.kind is DataKind.BOOK_TICKER:
            return BookTickerMessages(self.exchange, symbol)
        if "id" not in columns:
            self._assumptions.add("trades have no ids: they are numbered by their rows")
        if "buyer_is_maker" not in columns:
            self._assumptions.add(
                "trades have no side: it is told by the tick rule (a rise was bought, a fall sold)"
            )
        return TradeMessages(self.exchange, symbol)

    def _find_interval(self, columns: Mapping[str, Sequence[Any]]) -> KlineInterval:
        if self.file.interval is not None:
            return self.file.interval
        opens, closes = columns["open_time"], columns.get("close_time")
        if closes is not None:
            lengths = (closes[0] - opens[0] + instant for instant in LAST_INSTANTS)
            found = next((item for item in map(interval_of_length, lengths) if item), None)
        elif (word := INTERVAL_IN_NAME.search(self.file.path.name)) is not None:
            found = KlineInterval(word[1])
        else:
            steps = {after - before for before, after in pairwise(opens)}
            found = interval_of_length(min((step for step in steps if step > 0), default=0))
        if found is None:
            raise DataError(
                f"{self.file.path}: the length of these bars is none of "
                f"{INTERVAL_WORDS.replace('|', ', ')}"
            )
        return found


def convert_csv(
    file: DataFile,
    exchange: Exchanges,
    streams: StreamSet,
    repair: bool,
    on_progress: Callable[[float], None] | None,
) -> list[Note]:
    """One CSV file, packed or not. Raises DataError with file and line."""
    reader = CsvReader(file, repair, on_progress)

    def layout_of() -> Layout:
        assert reader.layout is not None
        return reader.layout

    converter = TableConverter(file, exchange, streams, repair=repair)
    notes = converter.convert(reader.read(), layout_of)
    return notes + notes_of_left_out(file, sorted(reader.broken_lines + converter.left_out))


def notes_of_left_out(file: DataFile, lines: Sequence[int]) -> list[Note]:
    """What a repair left out."""
    if not lines:
        return []
    text = f"{count_of(len(lines), 'broken row')} left out, the first in line {lines[0]}"
    return [Note(file.path.name, "repair", len(lines), text)]


def prepare(columns: Mapping[str, Sequence[Any]], text_times: bool) -> Mapping[str, Sequence[Any]]:
    """Columns with times in nanoseconds and sides as truth values.

    Raises ValueError for a date or a side that is none, and for a bar whose prices contradict each other.
    """
    prepared = dict(columns)
    if not next(iter(columns.values())):
        return prepared
    for role in TIME_ROLES:
        if role in prepared:
            values = prepared[role]
            prepared[role] = list(map(parse_time, values)) if text_times else to_nanoseconds(values)
    if "buyer_is_maker" not in prepared and "taker_side" in prepared:
        prepared["buyer_is_maker"] = list(map(is_sold, prepared["taker_side"]))
    if "open" in prepared:
        prices = [prepared[role] for role in ("open", "high", "low", "close")]
        opens, highs, lows, closes = prices
        if not all(
            all(map(le, below, above))
            for below, above in ((lows, opens), (lows, closes), (opens, highs), (closes, highs))
        ):
            raise ValueError(next(filter(None, map(find_fault_of_bar, *prices))))
    return prepared


def symbol_in_name(path: Path) -> str:
    """The symbol that a file's name begins with. Raises DataError if it names none."""
    found = SYMBOL_IN_NAME.match(path.name) or re.match(r"([A-Z0-9]{5,})(?![A-Za-z])", path.name)
    if found is None:
        raise DataError(f"{path}: its name tells no symbol; say it, as in BTCUSDT={path.name}")
    return found[1]
