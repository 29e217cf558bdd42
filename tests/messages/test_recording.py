"""Recordings: written whole, read up to where they were cut."""

import io
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
import zstandard

from messages.catalogue import leaf_classes
from messages.codec import class_name_of, decoder_of
from messages.recording import (
    FORMAT,
    Entry,
    Opening,
    Output,
    Record,
    RecordingWriter,
    read_recording,
)

DATA = Path(__file__).parents[1] / "data"


def make_opening(format_number: int = FORMAT) -> Opening:
    return Opening(
        format=format_number,
        run=3,
        seed=7,
        start_time_ns=1,
        versions={"ticktroupe": "0.1.0"},
        actors=[{"name": "maker", "class": "MarketMaker", "arguments": {"symbol": "BTCUSDT"}}],
    )


def make_records() -> list[Record]:
    sizes = (0, 10, 300, 70_000)
    entries: list[Record] = [
        Entry(actor="maker", time_ns=size, frame=b"x" * size) for size in sizes
    ]
    return [make_opening(), *entries, Output(actor="maker", time_ns=9, frame=b"y")]


def write(path: Path, records: list[Record]) -> list[int]:
    """Where each record ends; each is written on its own."""
    ends = []
    with path.open("wb") as file:
        writer = RecordingWriter(file)
        for record in records:
            writer.write(record)
            ends.append(file.tell())
        writer.flush()
    return ends


def test_a_recording_reads_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a.recording"
    records = make_records()
    write(path, records)
    assert list(read_recording(path)) == records


def test_a_recording_cut_anywhere_reads_up_to_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.recording"
    records = make_records()
    ends = write(path, records)
    data = path.read_bytes()
    for cut in [*range(ends[0], ends[2] + 8), ends[3] - 1, ends[3], ends[4] - 1, len(data) - 1]:
        path.write_bytes(data[:cut])
        caplog.clear()
        assert list(read_recording(path)) == records[: sum(end <= cut for end in ends)]
        left = cut - max(end for end in ends if end <= cut)
        told = [record.getMessage() for record in caplog.records]
        assert told == ([f"{path}: the last {left} bytes are no whole record"] if left else [])


def test_what_follows_a_damaged_byte_is_told_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.recording"
    records = make_records()
    ends = write(path, records)
    data = bytearray(path.read_bytes())
    data[ends[2] + 8] ^= 0xFF
    path.write_bytes(bytes(data))
    assert list(read_recording(path)) == records[:3]
    assert f"the last {len(data) - ends[2]} bytes are no whole record" in caplog.text


def test_records_that_belong_together_are_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.recording"
    first, *rest = make_records()
    with path.open("wb") as file:
        writer = RecordingWriter(file)
        writer.write(first)
        begin = file.tell()
        writer.write(*rest)
    data = path.read_bytes()
    for cut in range(begin, len(data)):
        path.write_bytes(data[:cut])
        assert list(read_recording(path)) == [first]
    path.write_bytes(data)
    assert list(read_recording(path)) == [first, *rest]


def test_public_tools_read_a_recording(tmp_path: Path) -> None:
    """Any zstandard reader unpacks it to a sequence of msgpack arrays, and any msgpack reader walks that."""
    path = tmp_path / "a.recording"
    records = make_records()
    write(path, records)
    with path.open("rb") as file:
        unpacked = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
    found = [item for block in walk_msgpack(unpacked) for item in block]
    assert [item[0] for item in found] == [type(record).__name__ for record in records]
    assert found[0][2:4] == [3, 7]
    assert found[2] == ["Entry", "maker", 10, b"x" * 10]


def walk_msgpack(data: bytes) -> list[Any]:
    """The values one after another, by a reader that knows the msgpack specification and nothing of this project."""
    unpacker = msgpack.Unpacker(raw=False)
    unpacker.feed(data)
    return list(unpacker)


@pytest.mark.parametrize("name", ["format-1.recording"])
def test_old_recordings_stay_readable(name: str) -> None:
    """`format-1.recording`: 3 s of `bin/start` on the synthetic market, recorded before there was a second format."""
    records = list(read_recording(DATA / name))
    opening = records[0]
    assert isinstance(opening, Opening)
    assert opening.format == 1
    classes = {item.__name__: decoder_of(item) for item in leaf_classes()}
    names = set()
    for record in records[1:]:
        assert isinstance(record, Entry | Output)
        class_name = class_name_of(record.frame)
        classes[class_name].decode(record.frame)
        names.add(class_name)
    assert {"Trade", "BookTicker", "PlaceOrder", "OrderUpdate"} <= names


def test_a_recording_cut_within_its_opening_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.recording"
    end = write(path, [make_opening()])[0]
    data = path.read_bytes()
    for cut in (0, 1, end - 1):
        path.write_bytes(data[:cut])
        with pytest.raises(ValueError, match="no whole record"):
            list(read_recording(path))


def test_what_is_no_recording_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "a.recording"
    write(path, [Entry(actor="maker", time_ns=1, frame=b"")])
    with pytest.raises(ValueError, match="does not begin with an opening"):
        list(read_recording(path))
    path.write_bytes(b"\xc4\x03abc")
    with pytest.raises(ValueError, match="not a recording"):
        list(read_recording(path))
    write(path, [make_opening(FORMAT + 1)])
    with pytest.raises(ValueError, match="newer than this program"):
        list(read_recording(path))


def test_a_writer_takes_any_binary_file() -> None:
    file = io.BytesIO()
    RecordingWriter(file).write(make_opening())
    assert len(file.getvalue()) > 10
