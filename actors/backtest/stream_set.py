"""The streams of one file: each class of each symbol goes into files of its own.

What is missing in them is told as a live feed tells it, ahead of the first message after it: a `FeedStatus` with the state
`GAP` and how many messages are missing, then one with the state that the feed is in again.
"""

import zlib
from pathlib import Path

import msgspec

from actors.backtest.data_files import Note, StreamKey
from actors.backtest.row_messages import FEED_NAME, Batch
from actors.backtest.sequence import Hole, StoredSegment, StreamSequencer
from messages.enums import Exchanges, FeedState, KlineInterval
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
    numbering: str
    """Ids of two files count on only where this is the same: aggregate trades are numbered by themselves."""
    step: int
    """By how much ids grow where none is missing; 0 where they tell nothing."""
    what: str
    """What its messages are, in words."""
    segments: tuple[StoredSegment, ...]


class StreamSet:
    """The streams that a file turns out to hold, each written as it comes."""

    def __init__(self, folder: Path, source: Path, exchange: Exchanges, *, repair: bool) -> None:
        self._folder, self._source, self._exchange, self._repair = folder, source, exchange, repair
        self._streams: dict[StreamKey, StreamSequencer] = {}
        self._by_name: dict[tuple[str, str, str], StreamSequencer] = {}
        self._numberings: dict[StreamKey, str] = {}
        self._statuses: dict[str, list[tuple[int, int, FeedStatus]]] = {}
        """Per symbol: time, id and the word."""

    def get(
        self,
        class_name: str,
        symbol: str,
        interval: KlineInterval | None,
        step: int,
        what: str,
        *,
        has_ids: bool,
        numbering: str = "",
    ) -> StreamSequencer:
        """One stream. `step`: by how much its ids grow where none is missing; 0 if that is not known."""
        name = (class_name, symbol, interval.value if interval is not None else "")
        stream = self._by_name.get(name)
        if stream is None:
            key = StreamKey(RANKS[class_name], class_name, self._exchange.value, *name[1:])
            self._numberings[key] = numbering
            stream = self._by_name[name] = self._streams[key] = StreamSequencer(
                self._folder / str(len(self._streams)),
                self._source,
                step,
                what,
                repair=self._repair,
                has_ids=has_ids,
            )
        return stream

    def tell(
        self,
        symbol: str,
        time_ns: int,
        state: FeedState,
        reason: str = "",
        missed: int = 0,
        about: str = "",
    ) -> None:
        """Puts a word of the feed about a symbol into the data.

        Its id tells it from others of that instant, out of this file or another; of a hole's two words the GAP has the
        lower one. `about` is the reason of the hole that has ended.
        """
        number = 2 * zlib.crc32((about or reason).encode()) + (state is FeedState.LIVE)
        status = FeedStatus(
            sender=FEED_NAME,
            time_ns=time_ns,
            origin_time_ns=time_ns,
            exchange=self._exchange,
            symbol=symbol,
            state=state,
            reason=reason,
            missed=missed,
            receive_time_ns=time_ns,
        )
        self._statuses.setdefault(symbol, []).append((time_ns, number, status))

    def tell_hole(self, symbol: str, hole: Hole) -> None:
        """Something is missing ahead of an instant, at which the feed is there again."""
        self.tell(symbol, hole.time_ns, FeedState.GAP, hole.text, hole.missing)
        self.tell(symbol, hole.time_ns, FeedState.LIVE, about=hole.text)

    def _tell_holes(self) -> None:
        for key, stream in list(self._streams.items()):
            for hole in [] if stream.moved else stream.holes:
                self.tell_hole(key.symbol, hole)
        for symbol, words in sorted(self._statuses.items()):
            words.sort(key=lambda word: word[:2])
            name = FeedStatus.__name__
            stream = self.get(name, symbol, None, 0, f"{symbol} {name}", has_ids=True)
            times, numbers, statuses = zip(*words, strict=True)
            stream.take(Batch(times, numbers, list(statuses)), lambda index: index + 1)

    def close(self) -> tuple[list[StoredStream], list[Note]]:
        """Ends all of them; what they hold, and what was found."""
        streams, notes = [], []
        for stream in self._streams.values():
            stream.end()
        self._tell_holes()
        for key, stream in self._streams.items():
            notes += stream.close()
            if stream.segments:
                streams.append(
                    StoredStream(
                        key,
                        stream.has_ids,
                        self._numberings[key],
                        stream.step,
                        stream.what,
                        tuple(stream.segments),
                    )
                )
        return sorted(streams, key=lambda stream: stream.key), notes

    def abandon(self) -> None:
        """Closes all files as they are."""
        for stream in self._streams.values():
            stream.abandon()
