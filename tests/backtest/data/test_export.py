"""Market data and recordings as Parquet: read back they are the same."""

import json
from pathlib import Path

import pyarrow.parquet
import pytest

from actors.backtest.errors import DataError
from actors.backtest.export import RECORD_COLUMNS, export_data, export_recording
from actors.commands.backtest import main
from messages.codec import class_name_of
from messages.market import BookTicker, Trade
from messages.recording import Entry, Output, read_recording
from tests.backtest.data.files import (
    AGGREGATES_2026,
    SAMPLES,
    TRADES_2021,
    kline_row,
    load,
    messages_of,
    without_statuses,
    write_lines,
)

FRAMES_2024 = SAMPLES / "BTCUSDT-frames-2024-08-08.jsonl.gz"
FORMAT_1 = SAMPLES / "format-1.recording"


def test_what_was_exported_reads_back_the_same(tmp_path: Path) -> None:
    rows = [kline_row(1704067200000 + 60_000 * i, 1704067259999 + 60_000 * i) for i in range(5)]
    bars = write_lines(tmp_path / "ETHUSDT-1m-x.csv", rows)
    quotes = write_lines(
        tmp_path / "ETHUSDT-bookTicker-x.csv",
        ["time,bid,bid_size,ask,ask_size", "1704067200001,1.0,2.0,3.0,4.0"],
    )
    data = load(tmp_path, bars, quotes, TRADES_2021)
    paths = export_data(data, tmp_path / "out")
    assert [path.name for path in paths] == [
        "BTCUSDT-trades.parquet",
        "ETHUSDT-1m.parquet",
        "ETHUSDT-bookTicker.parquet",
    ]
    again = load(tmp_path, *paths)
    assert messages_of(again) == messages_of(data)
    assert [chunk.frame for chunk in again.chunks()] == [chunk.frame for chunk in data.chunks()]


def test_what_was_heard_live_reads_back_the_same(tmp_path: Path) -> None:
    """The venue's book tickers have no time of their own."""
    data = load(tmp_path, FRAMES_2024)
    paths = [path for path in export_data(data, tmp_path / "out") if "orderBook" not in path.name]
    assert [path.name for path in paths] == ["BTCUSDT-bookTicker.parquet", "BTCUSDT-trades.parquet"]
    heard = [item for item in messages_of(data) if isinstance(item, BookTicker | Trade)]
    assert {item.event_time_ns for item in heard if isinstance(item, BookTicker)} == {0}
    assert without_statuses(load(tmp_path, *paths)) == heard


def test_every_record_of_a_recording_is_a_row(tmp_path: Path) -> None:
    records = [item for item in read_recording(FORMAT_1) if isinstance(item, Entry | Output)]
    target = tmp_path / "messages.parquet"
    assert export_recording(FORMAT_1, target) == len(records)
    rows = pyarrow.parquet.read_table(target).to_pylist()
    assert tuple(rows[0]) == RECORD_COLUMNS
    for row, record in zip(rows, records, strict=True):
        assert (row["what"] == "handled") is isinstance(record, Entry)
        assert (row["actor"], row["time_ns"], row["frame"]) == (
            record.actor,
            record.time_ns,
            record.frame,
        )
        assert row["message_class"] == class_name_of(record.frame)
        assert isinstance(json.loads(row["message"]), list)
    assert any(row["cause_sender"] for row in rows)
    with pytest.raises(DataError, match="not a recording"):
        export_recording(TRADES_2021, target)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "export",
        str(FORMAT_1),
        f"ETHUSDT={AGGREGATES_2026}",
        "--folder",
        str(tmp_path / "out"),
        "--cache",
        str(tmp_path / "cache"),
    ]
    assert main(words) == 0
    names = {Path(line).name for line in capsys.readouterr().out.split()}
    assert {
        "format-1-messages.parquet",
        "BTCUSDT-trades.parquet",
        "ETHUSDT-trades.parquet",
    } <= names
    assert {path.name for path in (tmp_path / "out").iterdir()} == names


def test_a_parquet_file_that_is_none_or_has_other_columns_is_told(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-trades-x.parquet"
    path.write_bytes(b"PAR1 and nothing")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        load(tmp_path, path)
    pyarrow.parquet.write_table(pyarrow.table({"a": [1], "b": [2]}), path)
    with pytest.raises(DataError, match="no column is known for time, price, quantity"):
        load(tmp_path, path)
    columns = {"time": [1700000000000, 1700000000001], "price": [1.0, None], "quantity": [1.0, 2.0]}
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    with pytest.raises(DataError, match="row 2"):
        load(tmp_path, path)
    assert load(tmp_path, path, repair=True).streams[0].count == 1
