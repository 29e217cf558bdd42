"""Recordings: written whole, read up to where they were cut."""

import io
from pathlib import Path

import pytest

from messages.recording import (
    FORMAT,
    Entry,
    Opening,
    Output,
    Record,
    RecordingWriter,
    read_recording,
)


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
    """Where each record ends."""
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


def test_a_recording_cut_anywhere_reads_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "a.recording"
    records = make_records()
    ends = write(path, records)
    data = path.read_bytes()
    for cut in [*range(ends[0], ends[2] + 8), ends[3] - 1, ends[3], ends[4] - 1, len(data) - 1]:
        path.write_bytes(data[:cut])
        assert list(read_recording(path)) == records[: sum(end <= cut for end in ends)]


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
