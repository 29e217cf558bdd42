"""`bin/backtest` as a user runs it: the same bytes everywhere, its outputs, and its refusals."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pyarrow.parquet
import pytest

from tests.backtest.command import CROSS, TRADES, begin, call, strict
from tests.commands.harness import wait_until

MAKER = """
[backtest]
fees = "0.0002,0.0005,quote"
latency = "3ms,20ms"
balances = { USDT = 5000, BTC = "0.1" }

[[actors]]
class = "MarketMaker"
symbol = "BTCUSDT"
quantity = "0.001"
spread = 0.0002

[[actors]]
class = "MovingAverageCross"
symbol = "BTCUSDT"
fast = 3
slow = 8
quantity = "0.001"
"""


def test_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text(MAKER)
    results = []
    for number, (hash_seed, zone) in enumerate(
        [("0", "UTC"), ("1", "Asia/Kathmandu"), ("4711", "America/New_York")]
    ):
        path = tmp_path / f"{number}.json"
        words = ["--config", "bot.toml", str(TRADES), "--quiet", "--json", str(path)]
        done = call(tmp_path, *words, PYTHONHASHSEED=hash_seed, TZ=zone)
        assert done.returncode == 0, done.stderr
        results.append(path.read_bytes())
    assert results[0] == results[1] == results[2]
    report = strict(results[0].decode())
    assert report["accounts"]["agrees"]
    assert report["metrics"]["orders"] > 50
    assert report["metrics"]["fills"] > 10
    assert {item["strategy"] for item in report["fills"]} == {"MarketMaker", "MovingAverageCross"}


def test_table_page_and_parquet(tmp_path: Path) -> None:
    words = [
        *CROSS,
        str(TRADES),
        "--report",
        "page.html",
        "--parquet",
        "tables",
        "--json",
        "a.json",
    ]
    done = call(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    for word in ("Sharpe", "maximum drawdown", "buy and hold", "maker share", "2,001 messages"):
        assert word in done.stdout
    report = strict((tmp_path / "a.json").read_text())
    for name in ("orders", "fills", "trades", "equity"):
        table = pyarrow.parquet.read_table(tmp_path / "tables" / f"{name}.parquet")
        assert table.num_rows == len(report[name]) > 5
    page = (tmp_path / "page.html").read_text()
    assert "Backtest of MovingAverageCross" in page
    # Nothing is fetched: no script, style, image or font from elsewhere.
    head = page[: page.index("<script>")] + page[page.rindex("</script>") :]
    assert "http" not in head
    assert 'src="http' not in page


def test_a_span_of_the_data(tmp_path: Path) -> None:
    begin, end = "2021-01-08T00:00:10", "2021-01-08T00:00:20"
    done = call(tmp_path, *CROSS, str(TRADES), "--from", begin, "--to", end, "--json", "-")
    assert done.returncode == 0, done.stderr
    report = strict(done.stdout)
    assert 100 < report["metrics"]["messages"] < 2_001
    times = [item["time"] for item in report["fills"]]
    assert all(f"{begin}" <= item <= f"{end}Z" for item in times)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "there is no strategy"),
        (["repaly", "run.recording"], "did you mean 'replay'?"),
        ([*CROSS], "name files of market data"),
        ([*CROSS, "nothing.csv"], "nothing.csv"),
        ([*CROSS, "fats=3", str(TRADES)], "did you mean 'fast'?"),
        ([*CROSS, str(TRADES), "--fees", "lots"], "--fees lots"),
        ([*CROSS, str(TRADES), "--latency", "soon"], "'soon' is no duration"),
        ([*CROSS, "interval=1m", "symbol=ETHUSDT", str(TRADES)], "the data do not hold"),
        ([*CROSS, str(TRADES), "--fill-model", "queue"], "queue needs the quantities"),
        ([*CROSS, str(TRADES), "--balance", "USDT=-1"], "must not be negative"),
    ],
)
def test_what_cannot_be_run_is_refused_with_a_reason(
    tmp_path: Path, words: list[str], text: str
) -> None:
    done = call(tmp_path, *words)
    assert done.returncode == 2, done.stdout
    assert text in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [[], ["optimize", "--over", "fast=2..4"]], ids=["run", "optimize"]
)
def test_a_result_is_never_written_over_what_is_read_and_told_before_the_work(
    tmp_path: Path, words: list[str]
) -> None:
    data = tmp_path / TRADES.name
    content = TRADES.read_bytes()
    data.write_bytes(content)
    for path, text in [
        (data, "is also needed for something else"),
        (tmp_path / "no" / "result.json", "there is no folder"),
    ]:
        done = call(tmp_path, *words, *CROSS, data.name, "--json", str(path))
        assert (done.returncode, done.stdout) == (2, "")
        assert f"--json {path}: {text}" in done.stderr
    assert data.read_bytes() == content


@pytest.mark.parametrize("words", [[], ["--json", "-"]])
def test_a_reader_that_leaves_early_is_no_failure(tmp_path: Path, words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = call(tmp_path, *CROSS, str(TRADES), *words, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [[], ["--json", "-"]])
def test_results_that_a_full_disk_does_not_take_are_a_failure_in_one_line(
    tmp_path: Path, words: list[str]
) -> None:
    with Path("/dev/full").open("w") as full:
        done = call(tmp_path, *CROSS, str(TRADES), *words, stdout=full)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("bin/backtest: ")
    assert "No space left on device" in line


def interrupt(searching: "subprocess.Popen[str]", number: signal.Signals) -> None:
    """Ends a search, and looks at its end."""
    if number is signal.SIGINT:
        # As a terminal does it: to all of its processes.
        os.killpg(searching.pid, number)
    else:
        searching.send_signal(number)
    # A worker that is left would hold the other end of the pipe.
    try:
        _, said = searching.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(searching.pid, signal.SIGKILL)
        searching.communicate()
        raise
    assert searching.returncode == 130
    assert said.splitlines()[-1] == "interrupted"
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_search_ends_with_its_workers_and_without_a_traceback(
    tmp_path: Path, number: signal.Signals
) -> None:
    words = ["optimize", *CROSS, str(TRADES), "--over", "fast=2..5", "--trials", "4000"]
    searching = begin(tmp_path, *words, "--workers", "2")
    assert searching.stderr is not None
    assert " of 4000" in searching.stderr.readline(), "its workers are at work"
    interrupt(searching, number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_search_does_not_wait_for_what_its_workers_are_at(
    tmp_path: Path, number: signal.Signals
) -> None:
    shutil.copy(Path(__file__).with_name("endless_bot.py"), tmp_path / "my_bot.py")
    strategy = ["--strategy", "my_bot.Endless", "symbol=BTCUSDT", "pause=1"]
    words = ["optimize", *strategy, str(TRADES), "--over", "pause=1..5", "--workers", "2"]
    searching = begin(tmp_path, *words)
    wait_until(lambda: len(list(tmp_path.glob("*.at-work"))) == 2, "both workers at work")
    interrupt(searching, number)


def test_lookahead_names_nobody_who_does_not_look(tmp_path: Path) -> None:
    done = call(tmp_path, "lookahead", *CROSS, str(TRADES), "--cuts", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no use of the future was found" in done.stdout


def test_optimize_tells_the_searched_and_the_unseen_part_of_each_window(tmp_path: Path) -> None:
    words = ["optimize", *CROSS, str(TRADES), "--over", "fast=2..5", "--windows", "2"]
    words += ["--trials", "3", "--workers", "1", "--objective", "profit_factor"]
    done = call(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    figures = (
        r"2021-01-08 00:00:\d\d to 2021-01-08 00:00:\d\d  profit_factor +\S+  return +-?[0-9.]+%"
    )
    for number in (1, 2):
        first, searched, unseen = lines[3 * number - 3 : 3 * number]
        assert re.fullmatch(rf"window {number}: fast=[2-5] is the best of 3", first)
        assert re.fullmatch(rf"  searched {figures}", searched)
        assert re.fullmatch(rf"  unseen   {figures}", unseen)
    assert re.fullmatch(r"return of all unseen parts: -?[0-9.]+%", lines[6])


@pytest.mark.parametrize(
    "span", [["--from", "2022-01-01"], ["--to", "2019-01-01"]], ids=["after it", "before it"]
)
def test_a_time_without_data_is_refused(span: list[str], tmp_path: Path) -> None:
    done = call(tmp_path, *CROSS, str(TRADES), *span)
    assert done.returncode == 2
    assert "they are from 2021-01-08 00:00:00.278000 to 2021-01-08 00:00:4" in done.stderr


def test_a_slip_in_a_section_of_the_bot_is_told(tmp_path: Path) -> None:
    text = "[bot]\nnmae = 'a'\n[venue]\nspede = 2\n" + MAKER
    (tmp_path / "bot.toml").write_text(text)
    done = call(tmp_path, "--config", "bot.toml", str(TRADES))
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "bot.toml: bot: there is no key 'nmae' (did you mean 'name'?)",
        "bot.toml: venue: there is no key 'spede' (did you mean 'speed'?)",
    ]
