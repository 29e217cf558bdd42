"""The streams of one file: each class of each symbol goes into files of its own."""

from pathlib import Path

import msgspec

from actors.backtest.data_files import Note, StreamKey
from actors.backtest.sequence import StoredSegment, StreamSequencer
from messages.enums import Exchanges, KlineInterval
from messages.market import (
    BookTicker,
    FeedStatus,
    Kline,
    MarketMessage,
    OrderBook,
    PartialKline,
    Trade,
)

MESSAGE_CLASSES: tuple[type[MarketMessage], ...] = (
    FeedStatus,
    Kline,
    PartialKline,
    BookTicker,
    OrderBook,
    Trade,
)
"""What data may hold, in the order of delivery at equal times."""
RANKS = {item.__name__: rank for rank, item in enumerate(MESSAGE_CLASSES)}


class StoredStream(msgspec.Struct, frozen=True):
    """What one file holds of one stream."""

    key: StreamKey
    has_ids: bool
    """Whether a message that lies in two files can be told by its id."""
    segments: tuple[StoredSegment, ...]


class StreamSet:
    """The streams that a file turns out to hold, each written as it comes."""

    def __init__(self, folder: Path, source: Path, exchange: Exchanges, *, repair: bool) -> None:
        self._folder, self._source, self._exchange, self._repair = folder, source, exchange, repair
        self._streams: dict[StreamKey, StreamSequencer] = {}
        self._by_name: dict[tuple[str, str, str], StreamSequencer] = {}

    def get(
        self,
        class_name: str,
        symbol: str,
        interval: KlineInterval | None,
        step: int,
        what: str,
        *,
        has_ids: bool,
    ) -> StreamSequencer:
        """One stream. `step`: by how much its ids grow where none is missing; 0 if that is not known."""
        name = (class_name, symbol, interval.value if interval is not None else "")
        stream = self._by_name.get(name)
        if stream is None:
            key = StreamKey(RANKS[class_name], class_name, self._exchange.value, *name[1:])
            stream = self._by_name[name] = self._streams[key] = StreamSequencer(
                self._folder / str(len(self._streams)),
                self._source,
                step,
                what,
                repair=self._repair,
                has_ids=has_ids,
            )
        return stream

    def close(self) -> tuple[list[StoredStream], list[Note]]:
        """Ends all of them; what they hold, and what was found."""
        streams, notes = [], []
        for key, stream in self._streams.items():
            notes += stream.close()
            if stream.segments:
                streams.append(StoredStream(key, stream.has_ids, tuple(stream.segments)))
        return sorted(streams, key=lambda stream: stream.key), notes

    def abandon(self) -> None:
        """Closes all files as they are."""
        for stream in self._streams.values():
            stream.abandon()
