"""Many files of list-frames into one sequence, ordered by (time, stream, id).

Of each file one chunk is open. The window of a step reaches to the earliest end among the open chunks: within it every
message of every file is at hand, so sorting the window is all that the merge needs. A file whose chunk ends before any
other begins passes through as it is. Equal keys, the same message out of two files, are let through once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import repeat
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import zstandard

from actors.backtest.frame_store import StoredChunk, read_chunks, unpack_keys

_split = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_join = msgspec.msgpack.Encoder().encode
_key_of = itemgetter(0, 1, 2)


class Chunk(NamedTuple):
    """Consecutive messages."""

    frame: bytes
    """One msgpack array of encoded messages, in order of delivery."""
    message_count: int
    first_time_ns: int
    last_time_ns: int
    stream: int
    """Index of the only stream in it, or -1 where several may be mixed."""


class Segment(NamedTuple):
    """A file of the cache: a part of one stream."""

    stream: int
    """Index of the stream."""
    path: str
    first_time_ns: int
    last_time_ns: int


class Cursor:
    """Where the reading of one file stands."""

    def __init__(self, segment: Segment, begin_ns: int, end_ns: int) -> None:
        self.stream = segment.stream
        self.begin_ns, self.end_ns = begin_ns, end_ns
        self.first_time_ns = self.last_time_ns = 0
        self._unpack = zstandard.ZstdDecompressor().decompress
        self._chunks = read_chunks(Path(segment.path), begin_ns, end_ns)
        self._chunk: StoredChunk | None = None
        self._times: list[int] | None = None
        self._ids: list[int] = []
        self._raws: list[msgspec.Raw] = []
        self._position = 0

    def load(self) -> bool:
        """Opens the next chunk that holds anything of the time asked for; False at the end."""
        self._times = None
        while (chunk := next(self._chunks, None)) is not None:
            self._chunk = chunk
            self.first_time_ns, self.last_time_ns = chunk.first_time_ns, chunk.last_time_ns
            if self.begin_ns <= chunk.first_time_ns and chunk.last_time_ns < self.end_ns:
                return True
            if self._cut(chunk):
                return True
        self._chunk = None
        return False

    def _cut(self, chunk: StoredChunk) -> bool:
        """Leaves of a chunk what lies in the time asked for; False if that is nothing."""
        times = self._split(chunk)
        begin, end = bisect_left(times, self.begin_ns), bisect_left(times, self.end_ns)
        self._times, self._ids = times[begin:end], self._ids[begin:end]
        self._raws = self._raws[begin:end]
        if not self._times:
            return False
        self.first_time_ns, self.last_time_ns = self._times[0], self._times[-1]
        return True

    def _split(self, chunk: StoredChunk) -> list[int]:
        self._position = 0
        self._raws = _split(self._unpack(chunk.packed_frame))
        self._times, self._ids = unpack_keys(self._unpack(chunk.packed_keys))
        return self._times

    def take_all(self) -> Chunk:
        """The whole of the open chunk, or what is left of it."""
        chunk = self._chunk
        assert chunk is not None
        if self._times is None:
            frame, count = self._unpack(chunk.packed_frame), chunk.message_count
        else:
            raws = self._raws[self._position :]
            frame, count = _join(raws), len(raws)
        return Chunk(frame, count, self.first_time_ns, self.last_time_ns, self.stream)

    def take_until(self, time_ns: int) -> list[tuple[int, int, int, Any]]:
        """`(time, stream, id, message)` of what comes at this time or before; all of it, or some is left after it."""
        chunk = self._chunk
        assert chunk is not None
        times = self._times
        if times is None:
            times = self._split(chunk)
        begin = self._position
        end = self._position = bisect_right(times, time_ns, begin)
        if end < len(times):
            self.first_time_ns = times[end]
        return list(
            zip(
                times[begin:end],
                repeat(self.stream),
                self._ids[begin:end],
                self._raws[begin:end],
                strict=False,
            )
        )


def merge_segments(segments: Sequence[Segment], begin_ns: int, end_ns: int) -> Iterator[Chunk]:
    """Everything from `begin_ns` to before `end_ns` in the files of the cache, in order.

    A file is opened when its first message is due. Raises ValueError or OSError for a file that cannot be read.
    """
    waiting = sorted(segments, key=lambda item: (item.first_time_ns, item.stream, item.path))
    waiting.reverse()
    cursors: list[Cursor] = []
    while cursors or waiting:
        window_end_ns = min((cursor.last_time_ns for cursor in cursors), default=None)
        if waiting and (window_end_ns is None or waiting[-1].first_time_ns <= window_end_ns):
            cursor = Cursor(waiting.pop(), begin_ns, end_ns)
            if cursor.load():
                cursors.append(cursor)
            continue
        assert window_end_ns is not None
        first, *others = [item for item in cursors if item.first_time_ns <= window_end_ns]
        if others or first.last_time_ns > window_end_ns:
            window = [
                message for item in (first, *others) for message in item.take_until(window_end_ns)
            ]
            yield _sort(window)
        else:
            yield first.take_all()
        cursors = [item for item in cursors if item.last_time_ns > window_end_ns or item.load()]


def _sort(window: list[tuple[int, int, int, Any]]) -> Chunk:
    window.sort(key=_key_of)
    keys = list(map(_key_of, window))
    raws = [
        item[3]
        for item, key, key_before in zip(window, keys, [None, *keys], strict=False)
        if key != key_before
    ]
    return Chunk(_join(raws), len(raws), window[0][0], window[-1][0], -1)
