"""Columns of rows to encoded messages' contents: one tuple a message, in the order in which its class is encoded.

A tuple encodes to the very bytes of the message (a test holds the two against each other) at half the cost of building
the message first.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import repeat
from typing import Any, NamedTuple

from actors.backtest.data_files import DataKind
from actors.backtest.layouts import REQUIRED
from actors.trading.kline_interval import DAY_NS, kline_interval_ns
from messages.enums import Exchanges, KlineInterval

FEED_NAME = "market_data"
"""The sender in the header of every message of the data; its `number` there is 0."""

UNIT_LIMITS = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3), (2**63, 1))
"""Seconds, milliseconds, microseconds, nanoseconds: from 1973 to 5138 no two of them can be confused."""
NUMBER = re.compile(r"[0-9]{1,19}(\.[0-9]{1,9})?")
MICROSECOND_NS = 1_000
BUYERS = ("b", "buy", "buyer", "bid")
SELLERS = ("s", "sell", "seller", "ask")
BAR_SUMS = {
    "volume": 0.0,
    "quote_volume": 0.0,
    "trade_count": 0,
    "taker_buy_volume": 0.0,
    "taker_buy_quote_volume": 0.0,
}
"""What a bar may lack, and what stands there then; in the order of its fields."""


class Batch(NamedTuple):
    """Messages of one stream, in the order of the file's rows."""

    times: Sequence[int]
    """When each is delivered, in nanoseconds."""
    ids: Sequence[int]
    messages: Sequence[Any]
    """The messages, or tuples that encode as they do."""


def to_nanoseconds(times: Sequence[int]) -> Sequence[int]:
    """Times of any unit, which may change from one to the next."""
    scale = scale_of(min(times))
    if scale == scale_of(max(times)):
        return times if scale == 1 else [time * scale for time in times]
    return [time * scale_of(time) for time in times]


def scale_of(time: int) -> int:
    """How many nanoseconds the unit has in which this time is written."""
    return next(scale for limit, scale in UNIT_LIMITS if time < limit)


def parse_time(text: str) -> int:
    """Nanoseconds since the epoch of a date as text (UTC where it names no zone) or of a number in any unit.

    Raises ValueError if it is neither.
    """
    if NUMBER.fullmatch(text):
        number = Decimal(text)
        return int(number * scale_of(int(number)))
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    distance = moment - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = distance.days * 86_400 + distance.seconds
    return seconds * 10**9 + distance.microseconds * MICROSECOND_NS


def parse_times(texts: Sequence[str]) -> list[int]:
    """Nanoseconds of dates as text. Raises ValueError naming the first that is none."""
    return [parse_time(text) for text in texts]


def pack(
    class_name: str,
    receives: Sequence[int],
    head: tuple[str, ...],
    columns: Iterable[Iterable[Any]],
) -> list[tuple[Any, ...]]:
    """Messages of columns: header, what is the same in all of them (`head`), each one's own, and the time of receipt."""
    return list(
        zip(
            repeat(class_name),
            repeat(FEED_NAME),
            repeat(0),
            repeat(""),
            repeat(0),
            receives,
            receives,
            *map(repeat, head),
            *columns,
            receives,
            strict=False,
        )
    )


class TradeMessages:
    """Trades of one symbol. Without a column of the side it is told by the tick rule: a rise was bought, a fall sold."""

    def __init__(self, exchange: Exchanges, symbol: str) -> None:
        self.exchange, self.symbol = exchange, symbol
        self._count = 0
        self._last_price = 0.0
        self._last_was_sold = False

    def build(self, columns: Mapping[str, Sequence[Any]]) -> Batch:
        """Messages of rows whose times are in nanoseconds. Raises ValueError for a side that is none."""
        times = columns["time"]
        count = len(times)
        events = columns.get("event_time", times)
        receives = columns.get("receive_time", times)
        ids = columns.get("id") or range(self._count + 1, self._count + count + 1)
        self._count += count
        messages = pack(
            "Trade",
            receives,
            (self.exchange.value, self.symbol),
            (
                ids,
                columns["price"],
                columns["quantity"],
                self._sides(columns),
                times,
                events,
            ),
        )
        return Batch(receives, ids, messages)

    def _sides(self, columns: Mapping[str, Sequence[Any]]) -> Sequence[bool]:
        if (given := columns.get("buyer_is_maker")) is not None:
            return given
        if (sides := columns.get("taker_side")) is not None:
            return [is_sold(side) for side in sides]
        found = []
        last, was_sold = self._last_price, self._last_was_sold
        for price in columns["price"]:
            if price != last:
                was_sold = price < last
                last = price
            found.append(was_sold)
        self._last_price, self._last_was_sold = last, was_sold
        return found


def is_sold(side: str) -> bool:
    """Whether the taker sold. Raises ValueError for what names no side."""
    word = side.strip().lower()
    if word in SELLERS or word in BUYERS:
        return word in SELLERS
    raise ValueError(f"{side!r} is no side")


class BookTickerMessages:
    """Best bids and asks of one symbol."""

    def __init__(self, exchange: Exchanges, symbol: str) -> None:
        self.exchange, self.symbol = exchange, symbol
        self._count = 0

    def build(self, columns: Mapping[str, Sequence[Any]]) -> Batch:
        """Messages of rows whose times are in nanoseconds."""
        times = columns["time"]
        count = len(times)
        events = columns.get("event_time", times)
        receives = columns.get("receive_time", times)
        ids = columns.get("id") or range(self._count + 1, self._count + count + 1)
        self._count += count
        prices = [columns[role] for role in REQUIRED[DataKind.BOOK_TICKER][1:]]
        head = (self.exchange.value, self.symbol)
        return Batch(receives, ids, pack("BookTicker", receives, head, (ids, *prices, events)))


class KlineMessages:
    """Closed bars of one symbol and interval; a bar's id is its open time, and it is delivered when it has closed."""

    def __init__(self, exchange: Exchanges, symbol: str, interval: KlineInterval) -> None:
        self.exchange, self.symbol, self.interval = exchange, symbol, interval
        self._length_ns = None if interval is KlineInterval.MONTH_1 else kline_interval_ns(interval)

    def build(self, columns: Mapping[str, Sequence[Any]]) -> Batch:
        """Messages of rows whose times are in nanoseconds."""
        opens = columns["open_time"]
        closes, afters = self._ends(opens, columns.get("close_time"))
        receives = columns.get("receive_time", afters)
        head = (self.exchange.value, self.symbol, self.interval.value)
        prices = [columns[role] for role in ("open", "high", "low", "close")]
        sums = [columns.get(role) or repeat(zero) for role, zero in BAR_SUMS.items()]
        messages = pack("Kline", receives, head, (opens, closes, *prices, *sums, afters))
        return Batch(receives, opens, messages)

    def _ends(
        self, opens: Sequence[int], closes: Sequence[int] | None
    ) -> tuple[Sequence[int], Sequence[int]]:
        """The last instant of each bar, and the instant after it."""
        length_ns = self._length_ns
        if length_ns is not None:
            afters: Sequence[int] = [time + length_ns for time in opens]
        elif closes is not None:
            afters = [close_time_ns // 10**9 * 10**9 + 10**9 for close_time_ns in closes]
        else:
            raise ValueError("bars of a month need a column of their close time")
        return closes or [time - 1 for time in afters], afters


def find_fault_of_bar(open_: float, high: float, low: float, close: float) -> str:
    """What is wrong with the prices of a bar; empty if nothing."""
    if low <= min(open_, close) and high >= max(open_, close):
        return ""
    return f"a bar whose open {open_} or close {close} is not within its low {low} and high {high}"


def interval_of_length(length_ns: int) -> KlineInterval | None:
    """The interval of this length, or None; 28 to 31 days are a month."""
    if 28 * DAY_NS <= length_ns <= 31 * DAY_NS:
        return KlineInterval.MONTH_1
    for interval in KlineInterval:
        if interval in (KlineInterval.MONTH_1, KlineInterval.UNRECOGNISED):
            continue
        if kline_interval_ns(interval) == length_ns:
            return interval
    return None
