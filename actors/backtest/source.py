"""Market data for a backtest: files in, encoded messages out, in the order of their delivery.

`open_data` converts each file once into the cache (`conversion.py`) and gives a `MarketData`, from which the messages of
all files stream as list-frames: one msgpack array of several hundred encoded messages, decoded at once. Memory does not
grow with the length of the data.

**Order.** A message is delivered at its `receive_time_ns`. That is the time of receipt where the data have one, else the
venue's own: a trade's time, a book ticker's event or transaction time, and for a bar the instant after its last. At equal
times bars come first (they tell of what lies before that instant), then book tickers, order books and trades; within a
class by exchange, symbol and interval; within a stream by id. The order of the files in the arguments has no influence.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Union

import msgspec

from actors.backtest.conversion import Converted, Progress, convert_files
from actors.backtest.data_files import DataFile, Note, StreamKey
from actors.backtest.joints import Part, examine, store_holes
from actors.backtest.merge import Chunk, Segment, merge_segments
from actors.backtest.sequence import Hole
from actors.backtest.stream_set import MESSAGE_CLASSES
from messages.enums import Exchanges
from messages.market import MarketMessage

END_OF_TIME_NS = 2**63 - 1


class Stream(msgspec.Struct, frozen=True):
    """One class of market data of one symbol, over all files."""

    message_class: str
    exchange: str
    symbol: str
    interval: str
    """Of bars; empty for all else."""
    count: int
    first_time_ns: int
    last_time_ns: int


class MarketData(msgspec.Struct, frozen=True):
    """The data of a backtest, ready to stream; it holds no file open and may be pickled."""

    streams: tuple[Stream, ...]
    """In the order of delivery at equal times."""
    notes: tuple[Note, ...]
    digest: str
    """Of all data, in hexadecimal: equal files have equal digests, wherever they lie and in whatever order."""
    segments: tuple[Segment, ...]
    """The files of the cache."""
    begin_ns: int = 0
    end_ns: int = END_OF_TIME_NS
    """What is from `begin_ns` to before `end_ns` is streamed."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol, sorted."""
        return tuple(sorted({stream.symbol for stream in self.streams}))

    @property
    def message_classes(self) -> tuple[type[MarketMessage], ...]:
        """The classes of the messages, in the order of `MESSAGE_CLASSES`."""
        names = {stream.message_class for stream in self.streams}
        return tuple(item for item in MESSAGE_CLASSES if item.__name__ in names)

    @property
    def first_time_ns(self) -> int:
        """When the first message is delivered, at the earliest."""
        return max(self.begin_ns, min(stream.first_time_ns for stream in self.streams))

    @property
    def last_time_ns(self) -> int:
        """When the last message is delivered, at the latest."""
        return min(self.end_ns - 1, max(stream.last_time_ns for stream in self.streams))

    def chunks(self) -> Iterator[Chunk]:
        """All messages, a chunk at a time. Each call begins anew."""
        return merge_segments(self.segments, self.begin_ns, self.end_ns)

    def chunks_ahead(self, symbol: str, classes: Collection[str], begin_ns: int) -> Iterator[Chunk]:
        """A symbol's messages of some classes from an instant on, beyond the end that was set: to see what comes next."""
        mine = {
            index
            for index, stream in enumerate(self.streams)
            if stream.symbol == symbol and stream.message_class in classes
        }
        segments = [
            item for item in self.segments if item.stream in mine and item.last_time_ns >= begin_ns
        ]
        return merge_segments(segments, begin_ns, END_OF_TIME_NS)

    def frames(self) -> Iterator[list[tuple[int, bytes]]]:
        """All messages, each encoded on its own: lists of `(receive_time_ns, frame)`."""
        decode = self.make_decoder()
        split = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
        for chunk in self.chunks():
            messages = decode(chunk.frame)
            yield [
                (message.receive_time_ns, bytes(raw))
                for message, raw in zip(messages, split(chunk.frame), strict=True)
            ]

    def batches(self) -> Iterator[list[Any]]:
        """All messages decoded, a chunk at a time."""
        decode = self.make_decoder()
        for chunk in self.chunks():
            yield decode(chunk.frame)

    def make_decoder(self) -> Callable[[bytes], list[Any]]:
        """What turns a chunk's frame into its messages."""
        classes = self.message_classes
        union: Any = classes[0] if len(classes) == 1 else None
        if union is None:
            union = Union[classes]  # noqa: UP007 - built at run time
        return msgspec.msgpack.Decoder(list[union]).decode

    def within(self, begin_ns: int = 0, end_ns: int = END_OF_TIME_NS) -> "MarketData":
        """The same data, of them what lies from `begin_ns` to before `end_ns` as well."""
        return msgspec.structs.replace(
            self, begin_ns=max(begin_ns, self.begin_ns), end_ns=min(end_ns, self.end_ns)
        )

    def within_all(self) -> "MarketData":
        """The same data, whole."""
        return msgspec.structs.replace(self, begin_ns=0, end_ns=END_OF_TIME_NS)


def open_data(
    files: Sequence[DataFile],
    cache_folder: Path,
    *,
    exchange: Exchanges = Exchanges.BINANCE,
    repair: bool = False,
    on_progress: Progress | None = None,
) -> MarketData:
    """Converts what is not in the cache yet, and opens all.

    `repair` leaves out broken rows and puts rows whose time goes back in their place, each told by a note.
    `on_progress` is told a file's name and the part of it that is converted, 0 to 1.
    Raises DataError, with file and line, for what cannot be used.
    """
    return assemble(convert_files(files, cache_folder, exchange, repair, on_progress))


def assemble(converted: Sequence[tuple[Path, Converted]]) -> MarketData:
    """One sequence of all files, with what is missing between them.

    Raises DataError if two files of one stream overlap without ids that tell what lies in both.
    """
    parts: dict[StreamKey, list[Part]] = {}
    for folder, content in converted:
        for part in content.streams:
            parts.setdefault(part.key, []).append(Part(folder, Path(content.source).name, part))
    notes = [note for _, item in converted for note in item.notes]
    holes: dict[tuple[str, str], list[Hole]] = {}
    for key, found in sorted(parts.items()):
        more_notes, missing = examine(key, found)
        notes += more_notes
        if missing:
            holes.setdefault((key.exchange, key.symbol), []).extend(missing)
    for folder, stored in store_holes(holes, converted[0][0].parent) if holes else ():
        for part in stored:
            parts.setdefault(part.key, []).append(Part(folder, "", part))
    streams, segments = [], []
    for index, (key, found) in enumerate(sorted(parts.items())):
        mine = sorted(
            (
                Segment(index, str(one.folder / item.name), item.first_time_ns, item.last_time_ns)
                for one in found
                for item in one.stream.segments
            ),
            key=lambda segment: (segment.first_time_ns, segment.last_time_ns),
        )
        streams.append(
            Stream(
                key.message_class,
                key.exchange,
                key.symbol,
                key.interval,
                sum(item.count for one in found for item in one.stream.segments),
                min(segment.first_time_ns for segment in mine),
                max(segment.last_time_ns for segment in mine),
            )
        )
        segments += mine
    digest = hashlib.sha256("".join(sorted(item.digest for _, item in converted)).encode())
    return MarketData(tuple(streams), tuple(sorted(notes)), digest.hexdigest(), tuple(segments))
