"""A recording: what each actor handled and sent, in the order in which it happened, in one append-only file.

The file is a sequence of zstandard frames, each complete in itself and with a checksum. Each unpacks to one msgpack array
of records, and each record is a msgpack array: `["Opening", ...]` first of all, then `["Entry", actor, time_ns, frame]`
for a message that an actor handled and `["Output", actor, time_ns, frame]` for one that it sent. `frame` is the encoded
message: a msgpack array again, its class name first (`messages/catalogue.json` names the fields). So any msgpack reader
behind any zstandard reader can walk it. What a handler got and sent is never split over two frames. A file that was cut
reads up to its last whole frame.

Format 1 (until 2026-11) had no zstandard frames: each record was a msgpack `bin` that holds the array. It is still read.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import zstandard

FORMAT = 2
COMPRESSION_LEVEL = -3
READ_BYTES = 1 << 18
ZSTANDARD_MAGIC = b"\x28\xb5\x2f\xfd"
log = logging.getLogger(__name__)
_ENCODE = msgspec.msgpack.encode


class Opening(msgspec.Struct, array_like=True, tag=True, kw_only=True):
    """With what the run began: enough to build the same actors again."""

    format: int = FORMAT
    run: int
    seed: int
    start_time_ns: int
    versions: dict[str, str]
    actors: list[dict[str, Any]]
    """One per actor: `name`, `class`, and `arguments` as its configuration gave them."""
    hash_seed: str = ""
    classes: list[str] = msgspec.field(default_factory=list)
    """The only message classes that were recorded; empty: all. Such a recording cannot be re-executed."""


class Entry(msgspec.Struct, array_like=True, tag=True, kw_only=True, gc=False):
    """One message as one actor handled it."""

    actor: str
    time_ns: int
    """The time that stood still within the handler."""
    frame: bytes


class Output(msgspec.Struct, array_like=True, tag=True, kw_only=True, gc=False):
    """One message as one actor sent it; the yardstick of a replay."""

    actor: str
    time_ns: int
    frame: bytes


Record = Opening | Entry | Output
_DECODER: "msgspec.msgpack.Decoder[Record]" = msgspec.msgpack.Decoder(Record)


_LIST_DECODER: "msgspec.msgpack.Decoder[list[Record]]" = msgspec.msgpack.Decoder(list[Record])


def encode_records(records: Sequence[tuple[str, str, int, bytes]]) -> bytes:
    """Records as tuples, their class name first, as one msgpack array."""
    return _ENCODE(records)


def read_array_head(data: bytes) -> tuple[int, int]:
    """How many items the msgpack array has that data begin with, and how many bytes its head has."""
    first = data[0]
    if first == 0xDC:
        return int.from_bytes(data[1:3], "big"), 3
    if first == 0xDD:
        return int.from_bytes(data[1:5], "big"), 5
    return first & 0x0F, 1


class RecordPacker:
    """Turns records into the bytes of a file."""

    def __init__(self) -> None:
        self._compress = zstandard.ZstdCompressor(
            level=COMPRESSION_LEVEL, write_checksum=True
        ).compress

    def pack(self, records: Sequence[Record | tuple[str, str, int, bytes]]) -> bytes:
        """Records that belong together, or tuples of the same content with the class name first, as one zstandard frame."""
        return self._compress(_ENCODE(records))

    def pack_encoded(self, lists: Sequence[bytes]) -> bytes:
        """What `encode_records` has made of several lists, as one zstandard frame. May be called in another thread."""
        count = 0
        parts = [b""]
        for data in lists:
            size, head = read_array_head(data)
            count += size
            parts.append(data[head:])
        parts[0] = b"\xdd" + count.to_bytes(4, "big")
        return self._compress(b"".join(parts))


class RecordingWriter:
    """Appends records to an open file."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self._packer = RecordPacker()

    def write(self, *records: Record) -> None:
        """Appends records that belong together."""
        self.file.write(self._packer.pack(records))

    def flush(self) -> None:
        """Hands what was written to the operating system."""
        self.file.flush()


def read_recording(path: Path) -> Iterator[Record]:
    """All whole records of a file, in order; what was cut is left out, and that is logged with its size.

    Raises ValueError if the file is no recording, or of a newer format.
    """
    with path.open("rb") as file:
        is_packed = file.read(4) == ZSTANDARD_MAGIC
        file.seek(0)
        records = _read_packed(file, path) if is_packed else _read_format_1(file.read(), path)
        first = next(records, None)
        if first is None:
            raise ValueError(f"{path}: not a recording (no whole record in it)")
        if not isinstance(first, Opening):
            raise ValueError(f"{path}: not a recording (it does not begin with an opening)")
        if first.format > FORMAT:
            raise ValueError(f"{path}: format {first.format} is newer than this program's {FORMAT}")
        yield first
        yield from records


def is_recording(path: Path) -> bool:
    """Whether a file begins as a recording does, of whatever format. Raises OSError if it cannot be read."""
    try:
        return next(read_recording(path), None) is not None
    except ValueError:
        return False


def _read_packed(file: BinaryIO, path: Path) -> Iterator[Record]:
    """The records of whole zstandard frames; what follows the last of them is told as cut."""
    unpacker = zstandard.ZstdDecompressor()
    stream = unpacker.decompressobj()
    parts: list[bytes] = []
    whole = 0
    try:
        while data := file.read(READ_BYTES):
            while data:
                parts.append(stream.decompress(data))
                if not stream.eof:
                    break
                data = stream.unused_data
                whole = file.tell() - len(data)
                yield from _decode_list(b"".join(parts), path)
                parts.clear()
                stream = unpacker.decompressobj()
    except zstandard.ZstdError:
        file.seek(0, 2)
    _tell_cut(path, file.tell() - whole)


def _read_format_1(data: bytes, path: Path) -> Iterator[Record]:
    offset = 0
    while (record_span := find_record(data, offset)) is not None:
        start, offset = record_span
        yield _decode(data[start:offset], path)
    _tell_cut(path, len(data) - offset)


def _tell_cut(path: Path, size: int) -> None:
    if size:
        log.warning("%s: the last %d bytes are no whole record", path, size)


def find_record(data: bytes, offset: int) -> tuple[int, int] | None:
    """Start and end of the payload of the msgpack `bin` at `offset`, or None if it is not whole."""
    sizes = {0xC4: 1, 0xC5: 2, 0xC6: 4}
    if offset >= len(data) or data[offset] not in sizes:
        return None
    width = sizes[data[offset]]
    start = offset + 1 + width
    end = start + int.from_bytes(data[offset + 1 : start], "big")
    return (start, end) if end <= len(data) else None


def _decode(payload: bytes, path: Path) -> Record:
    try:
        return _DECODER.decode(payload)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path}: not a recording ({error})") from error


def _decode_list(data: bytes, path: Path) -> list[Record]:
    try:
        return _LIST_DECODER.decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path}: not a recording ({error})") from error
