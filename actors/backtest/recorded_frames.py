"""Recorded frames of the venue's streams: one JSON value a line, each with its time of receipt.

A line holds `data`, the frame as it was received, combined or raw, or the answer of `/api/v3/depth`; and when it was
received: `received_ns`, or `received_s`, or `ts_local` (seconds). Without one the frame's own event time stands for it.
Depth differences go into a local order book, kept by the rule of a live feed; after each its best levels become an
`OrderBook`, from the first snapshot on. A hole voids the book until the next snapshot. Differences of the futures say
what they follow (`pu`), and their holes are told by that.
"""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from actors.backtest.data_files import DataFile, Note
from actors.backtest.errors import DataError
from actors.backtest.packed_files import open_unpacked, read_blocks
from actors.backtest.row_messages import FEED_NAME, Batch
from actors.backtest.stream_set import StreamSet
from actors.backtest.table_rows import notes_of_left_out, symbol_in_name
from actors.binance.market_decoder import MarketDecoder
from actors.binance.wire_market import DepthSnapshot, DepthUpdate
from actors.trading.kline_interval import kline_interval_ns
from actors.trading.order_book import BookResult, LocalOrderBook
from messages.enums import Exchanges, FeedState, KlineInterval
from messages.market import BookTicker, Kline, MarketMessage, OrderBook, PartialKline, Trade

BOOK_LEVELS = 20
BATCH_MESSAGES = 1_024


class Line(msgspec.Struct):
    """One line of the file."""

    data: msgspec.Raw = msgspec.Raw(b"null")
    received_ns: int = 0
    received_s: float = 0.0
    ts_local: float = 0.0
    symbol: str = ""
    request: str = ""


class Frame(msgspec.Struct):
    """What tells what a frame is, combined or raw."""

    stream: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    e: str = ""
    E: int = 0
    lastUpdateId: int = 0
    pu: int | None = None
    T: int = 0


class FramesConverter:
    """Converts one file."""

    def __init__(self, file: DataFile, exchange: Exchanges, streams: StreamSet) -> None:
        self.file, self.exchange, self.streams = file, exchange, streams
        self.book_holes = 0
        self.unread = 0
        """Lines that are no market data."""
        self._decoder = MarketDecoder(exchange)
        self._decode_line = msgspec.json.Decoder(Line).decode
        self._decode_frame = msgspec.json.Decoder(Frame).decode
        self._decode_snapshot = msgspec.json.Decoder(DepthSnapshot, strict=False).decode
        self._books: dict[str, LocalOrderBook] = {}
        self._void: set[str] = set()
        """Symbols whose book has a hole."""
        self._trade_kinds: dict[str, str] = {}
        """Which of `trade` and `aggTrade` a symbol's trades are taken from: the one that comes first."""
        self._waiting: dict[tuple[str, str, KlineInterval | None], list[tuple[int, Any, int]]] = {}

    def take(self, line: bytes, number: int) -> None:
        """One line of the file. Raises ValueError for one that cannot be read."""
        outer = self._decode_line(line)
        data = bytes(outer.data)
        if not data.startswith(b"{"):
            self.unread += 1
            return
        frame = self._decode_frame(data)
        inner = self._decode_frame(frame.data) if frame.stream else frame
        if inner.lastUpdateId and not frame.stream:
            self._take_snapshot(outer, data)
            return
        message = self._decoder.decode(data, self._time_of(outer, inner))
        if message is None or (self.file.symbol and message.symbol != self.file.symbol):
            self.unread += message is None
        elif isinstance(message, DepthUpdate):
            self._take_difference(message, inner.pu, self._time_of(outer, inner), number)
        elif not isinstance(message, Trade) or self._is_wanted(message, inner.e):
            self._add(message, number)

    def _time_of(self, outer: Line, inner: Frame) -> int:
        seconds = outer.received_s or outer.ts_local
        return outer.received_ns or round(seconds * 1e6) * 1000 or self._scaled(inner.E or inner.T)

    def _scaled(self, time: int) -> int:
        if not time:
            raise ValueError("there is neither a time of receipt nor one of the venue's")
        return time * (10**6 if time < 10**14 else 10**3)

    def _is_wanted(self, trade: Trade, kind: str) -> bool:
        return (
            self._trade_kinds.setdefault(trade.symbol, kind) == kind
            and trade.price > 0
            and trade.quantity > 0
        )

    def _take_snapshot(self, outer: Line, data: bytes) -> None:
        asked = parse_qs(urlsplit(outer.request).query).get("symbol", [""])[0]
        symbol = outer.symbol or asked or self.file.symbol or symbol_in_name(self.file.path)
        snapshot = self._decode_snapshot(data)
        book = self._books.setdefault(symbol, LocalOrderBook())
        book.apply_snapshot(snapshot.last_update_id, snapshot.bids, snapshot.asks)

    def _take_difference(
        self, update: DepthUpdate, follows: int | None, time_ns: int, number: int
    ) -> None:
        book = self._books.setdefault(update.symbol, LocalOrderBook())
        first_id = update.first_update_id if follows is None else follows + 1
        result = book.apply_diff(first_id, update.last_update_id, update.bids, update.asks)
        if result is BookResult.GAP or (result is BookResult.APPLIED and book.is_crossed):
            self.book_holes += 1
            book.reset()
            if update.symbol not in self._void:
                reason = "updates of the order book are missing"
                self.streams.tell(update.symbol, time_ns, FeedState.GAP, reason)
                self._void.add(update.symbol)
        elif result is BookResult.APPLIED:
            message = book.to_message(
                self.exchange, update.symbol, BOOK_LEVELS, update.event_time_ns, time_ns
            )
            if update.symbol in self._void:
                self._void.remove(update.symbol)
                self.streams.tell(update.symbol, time_ns, FeedState.LIVE)
            self._add(message, number)

    def _add(
        self, message: Trade | BookTicker | OrderBook | Kline | PartialKline, number: int
    ) -> None:
        message.sender = FEED_NAME
        message.time_ns = message.origin_time_ns = message.receive_time_ns
        interval = message.interval if isinstance(message, Kline | PartialKline) else None
        key = (type(message).__name__, message.symbol, interval)
        waiting = self._waiting.setdefault(key, [])
        waiting.append((id_of(message), message, number))
        if len(waiting) >= BATCH_MESSAGES:
            self._hand_over(key)

    def _hand_over(self, key: tuple[str, str, KlineInterval | None]) -> None:
        waiting = self._waiting.pop(key)
        name, symbol, interval = key
        step = 1 if name == "Trade" else 0
        if name == "Kline" and interval not in (None, KlineInterval.MONTH_1):
            step = kline_interval_ns(interval)
        kind = self._trade_kinds.get(symbol, "") if name == "Trade" else ""
        stream = self.streams.get(
            name,
            symbol,
            interval,
            step,
            f"{symbol} {name}",
            has_ids=True,
            numbering="aggTrade" if kind == "aggTrade" else "",
        )
        ids, messages, lines = zip(*waiting, strict=True)
        times = [message.receive_time_ns for message in messages]
        stream.take(Batch(times, ids, list(messages)), lines.__getitem__)

    def close(self) -> list[Note]:
        """Hands over what is left; what was found."""
        for key in list(self._waiting):
            self._hand_over(key)
        if not self.book_holes:
            return []
        text = f"updates of an order book are missing {self.book_holes} times; it is void until the next snapshot"
        return [Note(self.file.path.name, "gap", self.book_holes, text)]


def id_of(message: MarketMessage) -> int:
    """What orders the messages of one stream within an instant."""
    if isinstance(message, Trade):
        return message.trade_id
    if isinstance(message, BookTicker | OrderBook):
        return message.update_id
    return message.open_time_ns if isinstance(message, Kline) else 0


def convert_frames(
    file: DataFile,
    exchange: Exchanges,
    streams: StreamSet,
    repair: bool,
    on_progress: Callable[[float], None] | None,
) -> list[Note]:
    """One file of recorded frames, packed or not. Raises DataError with file and line."""
    converter = FramesConverter(file, exchange, streams)
    left_out = []
    for number, line in read_lines(file, on_progress):
        try:
            converter.take(line, number)
        except ValueError as error:
            if not repair:
                shown = line[:120].decode(errors="replace")
                raise DataError(
                    f"{file.path}, line {number}: {error}: {shown!r}. With --repair such lines are left out"
                ) from error
            left_out.append(number)
    return converter.close() + notes_of_left_out(file, left_out)


def read_lines(
    file: DataFile, on_progress: Callable[[float], None] | None
) -> Iterator[tuple[int, bytes]]:
    """Each line that is not empty, with its number."""
    number = 0
    with open_unpacked(file.path, on_progress) as read:
        for block in read_blocks(read):
            for line in block[:-1].split(b"\n"):
                number += 1
                if line.strip():
                    yield number, line
