"""The cache: each file is converted once, anew when it has changed, and never half."""

import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from actors.backtest.arguments import parse_columns, parse_data_files
from actors.backtest.data_files import DataFile
from actors.backtest.errors import DataError
from actors.backtest.file_digest import YOUNG_NS
from actors.backtest.source import open_data
from tests.backtest.data.files import TRADES_2021, load, messages_of, trade_row, write_lines

ROOT = Path(__file__).parents[3]


def test_a_file_is_converted_once(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    for _ in range(2):
        open_data(
            [DataFile(TRADES_2021)],
            tmp_path / "cache",
            on_progress=lambda name, part: told.append((name, part)),
        )
    assert told.count((TRADES_2021.name, 1.0)) >= 1
    assert [part for _, part in told] == sorted(part for _, part in told), "read a second time"


def test_a_changed_file_is_converted_anew(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "BTCUSDT-trades-x.csv", [trade_row(1, 1700000000000)])
    first = load(tmp_path, path)
    status = path.stat()
    path.write_text(path.read_text().replace("100.0", "200.0"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    second = load(tmp_path, path)
    assert [trade.price for trade in messages_of(second)] == [200.0]
    assert first.digest != second.digest


def test_a_change_in_the_middle_of_a_large_file_is_seen(tmp_path: Path) -> None:
    """Of the same length, with its time of modification set back: only the bytes tell."""
    rows = [trade_row(number, 1700000000000 + number) for number in range(20_000)]
    path = write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows)
    settle(path)
    first = load(tmp_path, path)
    assert list((tmp_path / "cache" / "digests").iterdir()), "nothing was remembered"
    assert load(tmp_path, path) == first
    status = path.stat()
    content = path.read_bytes()
    middle = content.index(b"100.0", len(content) // 2)
    with path.open("r+b") as file:
        file.seek(middle)
        file.write(b"200.0")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    second = load(tmp_path, path)
    assert sum(trade.price == 200.0 for trade in messages_of(second)) == 1
    assert first.digest != second.digest


def test_a_moved_file_is_the_same_and_a_renamed_one_is_not(tmp_path: Path) -> None:
    rows = [trade_row(1, 1700000000000)]
    path = write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows)
    first = load(tmp_path, path)
    (tmp_path / "elsewhere").mkdir()
    moved = path.rename(tmp_path / "elsewhere" / path.name)
    assert load(tmp_path, moved) == first
    renamed = load(tmp_path, moved.rename(tmp_path / "ETHUSDT-trades-x.csv"))
    assert renamed.symbols == ("ETHUSDT",)


def settle(path: Path) -> None:
    """Waits until a file's last change is so old that its digest may be remembered."""
    tick_ns = 100_000_000  # The file system's clock is behind by its tick.
    while time.time_ns() - path.stat().st_ctime_ns <= YOUNG_NS + tick_ns:
        time.sleep(0.1)


def test_what_is_said_of_a_file_makes_another_conversion(tmp_path: Path) -> None:
    as_named, as_said = DataFile(TRADES_2021), DataFile(TRADES_2021, symbol="ETHUSDT")
    assert load(tmp_path, as_named).symbols == ("BTCUSDT",)
    assert load(tmp_path, as_said).symbols == ("ETHUSDT",)


def test_a_cache_that_was_damaged_is_made_anew_or_told(tmp_path: Path) -> None:
    data = load(tmp_path, TRADES_2021)
    (manifest,) = (tmp_path / "cache").glob("*/manifest.json")
    manifest.unlink()
    again = load(tmp_path, TRADES_2021)
    assert again.digest == data.digest
    frames = Path(again.segments[0].path)
    frames.write_bytes(frames.read_bytes()[:-100])
    with pytest.raises(ValueError, match="ends within a chunk; remove it"):
        list(again.chunks())


CONVERT = """
import sys
from pathlib import Path
from actors.backtest.data_files import DataFile
from actors.backtest.source import open_data
data = open_data([DataFile(Path(sys.argv[1]))], Path(sys.argv[2]))
print(data.digest, sum(chunk.message_count for chunk in data.chunks()))
"""


def test_two_processes_convert_at_once(tmp_path: Path) -> None:
    """Other hash seeds and time zones, too: the same data."""
    rows = [trade_row(number, 1700000000000 + number) for number in range(60_000)]
    path = write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CONVERT, str(path), str(tmp_path / "cache")],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )
        for seed, zone in (("1", "Asia/Kolkata"), ("2", "America/New_York"))
    ]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs[0] == outputs[1]
    assert outputs[0].split()[1] == b"60000"
    assert len(list((tmp_path / "cache").glob("*/manifest.json"))) == 1


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    peaks = []
    for count in (20_000, 120_000):
        rows = [trade_row(number, 1700000000000 + number) for number in range(count)]
        path = write_lines(tmp_path / f"BTCUSDT-trades-{count}.csv", rows)
        del rows
        tracemalloc.start()
        data = load(tmp_path, path)
        assert sum(chunk.message_count for chunk in data.chunks()) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_words_of_the_command_line(tmp_path: Path) -> None:
    one = write_lines(tmp_path / "ETHUSDT-trades-1.csv", [trade_row(1, 1700000000000)])
    two = write_lines(tmp_path / "ETHUSDT-trades-2.csv.gz", [trade_row(2, 1700000000000)])
    (tmp_path / "README.md").write_text("no data")
    columns = {"time": "when"}
    assert parse_data_files([f"BTCUSDT={one}", str(tmp_path)], ["time=when"]) == [
        DataFile(one, symbol="BTCUSDT", columns=columns),
        DataFile(one, columns=columns),
        DataFile(two, columns=columns),
    ]
    assert parse_columns(["time=when, price=px", "quantity=amount"]) == {
        "time": "when",
        "price": "px",
        "quantity": "amount",
    }
    with pytest.raises(DataError, match="nothing-here"):
        parse_data_files([str(tmp_path / "nothing-here.csv")])
    with pytest.raises(DataError, match="ours=theirs"):
        parse_columns(["time"])
