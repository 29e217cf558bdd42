"""Files of list-frames: how converted market data lie in the cache.

A file holds one stream (one class of one symbol) in order of time, as a sequence of chunks. A chunk is a fixed head, then
two zstandard frames: the keys of its messages (their times, then their ids, int64 little-endian) and one msgpack array of
the encoded messages. Messages of one instant are never split over two chunks, so that a merge needs to look at one chunk
of each stream only. A file is read from front to back, a chunk at a time: memory does not grow with its length.
"""

import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import zstandard

CHUNK_MESSAGES = 512
COMPRESSION_LEVEL = 1
HEAD = struct.Struct("<IIIqq")
"""Count of messages, bytes of the keys, bytes of the frame, time of the first message and of the last."""
READ_AHEAD = 1 << 18

_encode = msgspec.msgpack.Encoder().encode


class StoredChunk(NamedTuple):
    """One chunk as it lies in a file; keys and frame still packed."""

    message_count: int
    first_time_ns: int
    last_time_ns: int
    packed_keys: bytes
    packed_frame: bytes


class FrameFileWriter:
    """Writes one stream; rows come in order of (time, id)."""

    def __init__(self, path: Path) -> None:
        """Raises OSError if the file cannot be made."""
        self.path = path
        self.count = self.first_time_ns = self.last_time_ns = 0
        self.first_id = self.last_id = 0
        """The first, and the greatest."""
        self._file = path.open("wb")
        self._compress = zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compress
        self._times: list[int] = []
        self._ids: list[int] = []
        self._messages: list[Any] = []

    def write(self, times: Sequence[int], ids: Sequence[int], messages: Sequence[Any]) -> None:
        """Appends messages (or what encodes as they do); `times` in nanoseconds, none before what was written."""
        self._times += times
        self._ids += ids
        self._messages += messages
        while len(self._times) > 2 * CHUNK_MESSAGES:
            end = CHUNK_MESSAGES
            while end < len(self._times) and self._times[end] == self._times[end - 1]:
                end += 1
            if end == len(self._times):
                return
            self._write_chunk(end)

    def _write_chunk(self, end: int) -> None:
        times, ids = self._times[:end], self._ids[:end]
        keys = array("q", times + ids)
        if sys.byteorder == "big":
            keys.byteswap()
        packed_keys = self._compress(keys.tobytes())
        packed_frame = self._compress(_encode(self._messages[:end]))
        self._file.write(HEAD.pack(end, len(packed_keys), len(packed_frame), times[0], times[-1]))
        self._file.write(packed_keys)
        self._file.write(packed_frame)
        if not self.count:
            self.first_time_ns, self.first_id = times[0], ids[0]
        self.last_id = max(self.last_id, *ids)
        self.count += end
        self.last_time_ns = times[-1]
        del self._times[:end], self._ids[:end], self._messages[:end]

    def abandon(self) -> None:
        """Closes the file as it is."""
        self._file.close()

    def close(self) -> None:
        """Writes what is left."""
        while self._times:
            end = min(CHUNK_MESSAGES, len(self._times))
            while end < len(self._times) and self._times[end] == self._times[end - 1]:
                end += 1
            self._write_chunk(end)
        self._file.close()


def read_chunks(path: Path, begin_ns: int, end_ns: int) -> Iterator[StoredChunk]:
    """The chunks of a file that hold anything from `begin_ns` to before `end_ns`, in order.

    Raises ValueError if the file ends within a chunk, OSError if it cannot be read.
    """
    with path.open("rb", buffering=READ_AHEAD) as file:
        while head := file.read(HEAD.size):
            if len(head) < HEAD.size:
                raise ValueError(f"{path}: the file ends within a chunk; remove it")
            count, keys_size, frame_size, first_ns, last_ns = HEAD.unpack(head)
            if first_ns >= end_ns:
                return
            if last_ns < begin_ns:
                file.seek(keys_size + frame_size, 1)
                continue
            packed_keys, packed_frame = file.read(keys_size), file.read(frame_size)
            if len(packed_frame) < frame_size:
                raise ValueError(f"{path}: the file ends within a chunk; remove it")
            yield StoredChunk(count, first_ns, last_ns, packed_keys, packed_frame)


def read_keys(path: Path, begin_ns: int, end_ns: int) -> Iterator[tuple[int, int]]:
    """Time and id of the messages of a file from `begin_ns` to before `end_ns`. Raises as `read_chunks`."""
    unpack = zstandard.ZstdDecompressor().decompress
    for chunk in read_chunks(path, begin_ns, end_ns):
        for key in zip(*unpack_keys(unpack(chunk.packed_keys)), strict=True):
            if begin_ns <= key[0] < end_ns:
                yield key


def unpack_keys(data: bytes) -> tuple[list[int], list[int]]:
    """Times and ids out of the unpacked keys of a chunk."""
    keys = array("q", data)
    if sys.byteorder == "big":
        keys.byteswap()
    values = keys.tolist()
    half = len(values) // 2
    return values[:half], values[half:]
