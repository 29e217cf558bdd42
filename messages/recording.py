"""A recording: what each actor handled, in the order it was handled, in one append-only file.

The file is a sequence of msgpack `bin` objects, each holding one msgpack array, so that any msgpack reader can walk it.
The first is an `Opening`; every other is an `Entry`. A file that was cut in the middle of a record reads up to there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

FORMAT = 1
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


class RecordingWriter:
    """Appends records to an open file."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def write(self, record: Record) -> None:
        """Appends one record."""
        self.file.write(_ENCODE(_ENCODE(record)))

    def flush(self) -> None:
        """Hands what was written to the operating system."""
        self.file.flush()


def read_recording(path: Path) -> Iterator[Record]:
    """All whole records of a file, in order; a cut last record is left out.

    Raises ValueError if the file is no recording, or of a newer format.
    """
    data = path.read_bytes()
    offset = 0
    first = True
    while (record_span := find_record(data, offset)) is not None:
        start, end = record_span
        record = _decode(data[start:end], path)
        if first and not isinstance(record, Opening):
            raise ValueError(f"{path}: not a recording (it does not begin with an opening)")
        if isinstance(record, Opening) and record.format > FORMAT:
            raise ValueError(
                f"{path}: format {record.format} is newer than this program's {FORMAT}"
            )
        first = False
        yield record
        offset = end
    if first:
        raise ValueError(f"{path}: not a recording (no whole record in it)")


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
