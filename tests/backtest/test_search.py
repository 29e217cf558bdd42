"""The search: walk-forward windows, the same result for any number of workers, and after an interruption."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from actors.backtest.errors import BacktestError
from actors.backtest.search import (
    REFUSAL,
    Parameters,
    Space,
    Step,
    Window,
    chain_returns,
    make_windows,
    parse_space,
    search,
)
from actors.backtest.settings import BacktestSettings
from actors.backtest.source import MarketData
from actors.commands.backtest_optimize import Trial, run_trial, span_text
from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy
from messages.market import Trade
from tests.backtest.command import CROSS, TRADES, call, strict
from tests.backtest.markets import SECOND, make_data, trade

DATA = make_data([trade(number, 100.0) for number in range(1001)])
SPACES = [Space("x", 0.0, 10.0), Space("n", 1, 9, is_whole=True), Space("c", choices=("a", "b"))]


def evaluate(data: MarketData, sets: list[Parameters]) -> list[dict[str, Any]]:
    """A hill whose top moves with the data."""
    top = data.begin_ns / SECOND % 10
    return [
        {
            "hill": -((item["x"] - top) ** 2) - (item["n"] - 4) ** 2 + (item["c"] == "b"),
            "return": item["x"] / 1000,
        }
        for item in sets
    ]


def run(storage: str | None = None, trials: int = 40) -> list[Step]:
    return search(
        DATA,
        SPACES,
        evaluate,
        objective="hill",
        trials=trials,
        windows=make_windows(DATA, 3, 0.25),
        storage=storage,
        seed=5,
    )


@pytest.mark.parametrize("seconds", [1_001, 86_399, 86_400 * 365, 31_536_000 * 7 + 13])
@pytest.mark.parametrize("part", [0.2, 0.3, 1 / 3])
def test_windows_walk_on_and_their_unseen_parts_meet(seconds: int, part: float) -> None:
    data = make_data([trade(0, 100.0), trade(seconds, 100.0)])
    windows = make_windows(data, 7, part)
    assert windows[0].begin_ns == data.first_time_ns
    assert windows[-1].end_ns == data.last_time_ns + 1
    for one, other in pairwise(windows):
        assert one.end_ns == other.split_ns
        assert one.begin_ns < other.begin_ns < one.split_ns
    for count, unseen in ((0, 0.2), (1, 0.0), (1, 1.0)):
        with pytest.raises(BacktestError):
            make_windows(data, count, unseen)


@pytest.mark.parametrize(
    ("word", "space"),
    [
        ("fast=5..50", Space("fast", 5.0, 50.0, is_whole=True)),
        ("spread=0.001..0.01", Space("spread", 0.001, 0.01)),
        ("interval=1m|5m", Space("interval", choices=("1m", "5m"))),
    ],
)
def test_spaces(word: str, space: Space) -> None:
    assert parse_space(word) == space


@pytest.mark.parametrize("word", ["fast", "fast=9..3", "fast=a..b", "=1..2"])
def test_what_is_no_space(word: str) -> None:
    with pytest.raises(BacktestError, match="--over"):
        parse_space(word)


def test_it_climbs_and_reports_what_it_has_not_seen() -> None:
    steps = run()
    for step in steps:
        assert step.seen["hill"] > -4
        assert step.unseen["return"] == pytest.approx(step.parameters["x"] / 1000)
        assert step.trials == 40
    expected = 1.0
    for step in steps:
        expected *= 1 + step.parameters["x"] / 1000
    assert chain_returns(steps) == pytest.approx(expected - 1)


def test_an_interrupted_study_comes_to_the_same(tmp_path: Path) -> None:
    whole = run(f"sqlite:///{tmp_path}/whole.db")
    url = f"sqlite:///{tmp_path}/parts.db"
    run(url, trials=16)
    resumed = run(url)
    assert [step.parameters for step in resumed] == [step.parameters for step in whole]
    assert [step.parameters for step in run()] == [step.parameters for step in whole]


def test_one_worker_and_two_come_to_the_same(tmp_path: Path) -> None:
    results = []
    for workers in ("1", "2"):
        words = ["optimize", *CROSS, str(TRADES), "--over", "fast=2..5", "--over", "slow=6..12"]
        words += ["--trials", "9", "--windows", "2", "--objective", "return", "--workers", workers]
        done = call(tmp_path, *words, "--json", f"{workers}.json")
        assert done.returncode == 0, done.stderr
        results.append((tmp_path / f"{workers}.json").read_bytes())
    assert results[0] == results[1]
    report = strict(results[0].decode())
    assert [item["trials"] for item in report["windows"]] == [9, 9]
    assert all(2 <= item["parameters"]["fast"] <= 5 for item in report["windows"])


OPEN_CROSS = ["--strategy", "MovingAverageCross", "symbol=BTCUSDT", "quantity=0.001"]
FAST_AND_SLOW = ["--over", "fast=2..5", "--over", "slow=6..12"]
BRIEF = ["--trials", "3", "--windows", "1", "--workers", "1", "--objective", "return"]


def test_what_is_searched_needs_no_value(tmp_path: Path) -> None:
    done = call(tmp_path, "optimize", *OPEN_CROSS, str(TRADES), *FAST_AND_SLOW, *BRIEF)
    assert done.returncode == 0, done.stderr
    assert "is the best of 3" in done.stdout
    (tmp_path / "bot.toml").write_text(
        '[[actors]]\nclass = "MovingAverageCross"\nsymbol = "BTCUSDT"\nquantity = "0.001"\n'
    )
    done = call(tmp_path, "optimize", "--config", "bot.toml", str(TRADES), *FAST_AND_SLOW, *BRIEF)
    assert done.returncode == 0, done.stderr


def test_what_is_not_searched_still_needs_one(tmp_path: Path) -> None:
    done = call(tmp_path, "optimize", *OPEN_CROSS, str(TRADES), "--over", "fast=2..5", *BRIEF)
    assert done.returncode == 2
    assert done.stderr == "--strategy: the key 'slow' is missing (give it a whole number)\n"


def test_choices_take_the_type_that_the_constructor_wants(tmp_path: Path) -> None:
    words = ["--over", "fast=2|3", "--over", "slow=6..12", "--over", "quantity=0.001|0.002"]
    done = call(tmp_path, "optimize", *OPEN_CROSS[:3], str(TRADES), *words, *BRIEF)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--over", "fsat=2..5"], "--over: there is no key 'fsat' (did you mean 'fast'?)"),
        (["--over", "fast=2.5..5"], "--over.fast: 2.5 is not a whole number"),
        (["--over", "fast=a|3"], "--over.fast: 'a' is not a whole number"),
        (["--over", "fast=1..inf"], "--over fast=1..inf: inf is not a finite number"),
        (["--over", "fast=2.."], "--over fast=2..: write name=low..high or name=a|b|c"),
        (["--over", "fast="], "--over fast=: write name=low..high or name=a|b|c"),
        (["--over", "fast=2|"], "--over fast=2|: write name=low..high or name=a|b|c"),
        (
            ["--over", "fast=2..3", "--over", "fast=4..5"],
            "--over fast=4..5: it is searched already",
        ),
        (["--over", "fast=2..3", "--trials", "0"], "--trials must be 1 or more, not 0"),
        (["--over", "fast=2..3", "--workers", "0"], "--workers must be 1 or more, not 0"),
        (
            ["--over", "fast=2..3", "--objective", "shrp"],
            "--objective: there is no figure 'shrp' (did you mean 'sharpe'?)",
        ),
        (["--over", "fast=2..3", "--objective", "currency"], "--objective: there is no figure"),
    ],
)
def test_what_cannot_be_searched_is_one_line(words: list[str], said: str, tmp_path: Path) -> None:
    done = call(tmp_path, "optimize", *CROSS, str(TRADES), *BRIEF, *words)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(said)


@pytest.mark.parametrize("objective", ["sharpe", "volatility"])
def test_a_search_in_which_every_set_is_refused_says_why(objective: str, tmp_path: Path) -> None:
    words = ["--over", "fast=20..30", *BRIEF, "--objective", objective]
    done = call(tmp_path, "optimize", *CROSS, str(TRADES), *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "refuses every set of parameters that was tried" in done.stderr
    assert "slow must be " in done.stderr


class FailsWithThree(Strategy):
    """Trades at a loss, or not at all because it fails."""

    def __init__(self, symbol: str, n: int) -> None:
        self.symbol, self.n = symbol, n

    def on_trade(self, trade: Trade) -> None:
        """Buys and sells."""
        if self.n == 3:
            raise RuntimeError("three")
        if self.is_flat(self.symbol):
            self.buy(self.symbol, "0.1")
        else:
            self.close(self.symbol)


def test_parameters_with_which_the_strategy_fails_are_no_better_than_those_that_lose() -> None:
    actor = ActorSpecification(FailsWithThree, "fails", {"symbol": "BTCUSDT"})

    def evaluate_all(data: MarketData, sets: list[Parameters]) -> list[dict[str, Any]]:
        return [run_trial(Trial(data, [actor], BacktestSettings(), item)) for item in sets]

    window = Window(0, DATA.first_time_ns, DATA.last_time_ns, DATA.last_time_ns + 1)
    (step,) = search(
        DATA,
        [Space("n", choices=(2, 3, 4))],
        evaluate_all,
        objective="return",
        trials=8,
        windows=[window],
    )
    assert step.parameters["n"] != 3
    assert step.seen["return"] < 0
    (failed,) = evaluate_all(DATA, [{"n": 3}])
    assert failed == {REFUSAL: "with them it fails: fails on Trade: RuntimeError: three"}


def test_parameters_that_are_refused_are_no_better_than_those_without_the_figure() -> None:
    tried: list[int] = []

    def evaluate_all(data: MarketData, sets: list[Parameters]) -> list[dict[str, Any]]:
        tried.extend(item["n"] for item in sets)
        return [
            {REFUSAL: "no"} if item["n"] == tried[0] else {"sharpe": None, "trades": 0}
            for item in sets
        ]

    (step,) = search(
        DATA,
        [Space("n", choices=(2, 3, 4))],
        evaluate_all,
        objective="sharpe",
        trials=16,
        windows=[Window(0, DATA.first_time_ns, DATA.last_time_ns, DATA.last_time_ns + 1)],
    )
    assert step.parameters["n"] != tried[0]
    assert step.seen == {"sharpe": None, "trades": 0}


def test_a_study_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_text("no database " * 500)
    words = ["--over", "fast=2..3", *BRIEF, "--study", "study.db"]
    done = call(tmp_path, "optimize", *CROSS, str(TRADES), *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == ["study.db is no study: file is not a database"]


@pytest.mark.parametrize(
    ("words", "other"),
    [
        (["--over", "fast=2|4"], "values"),
        (["--over", "fast=2|3", "--fees", "0", "quantity=0.002"], "actors, settings"),
    ],
)
def test_a_study_of_another_search_is_refused(words: list[str], other: str, tmp_path: Path) -> None:
    common = ["optimize", *CROSS, str(TRADES), *BRIEF, "--study", "study.db"]
    assert call(tmp_path, *common, "--over", "fast=2|3").returncode == 0
    done = call(tmp_path, *common, *words)
    assert (done.returncode, done.stdout) == (2, "")
    said = f"--study holds a search over other {other}: name another file"
    assert done.stderr.splitlines() == [said]


@pytest.mark.parametrize(
    ("changes", "other"),
    [
        ({"data": make_data([trade(number, 101.0) for number in range(1001)])}, "data"),
        ({"windows": make_windows(DATA, 3, 0.5)}, "windows"),
        ({"spaces": SPACES[:2]}, "values"),
        ({"objective": "return"}, "objective"),
        ({"seed": 6}, "seed"),
        ({"terms": {"settings": "other"}}, "settings"),
    ],
)
def test_figures_of_another_search_are_not_told_as_this_ones(
    changes: dict[str, Any], other: str, tmp_path: Path
) -> None:
    given: dict[str, Any] = {
        "data": DATA,
        "spaces": SPACES,
        "evaluate": evaluate,
        "objective": "hill",
        "trials": 8,
        "windows": make_windows(DATA, 3, 0.25),
        "storage": f"sqlite:///{tmp_path}/study.db",
        "seed": 5,
        "terms": {"settings": "these"},
    }
    first = search(**given)
    assert [step.seen for step in search(**given)] == [step.seen for step in first]
    with pytest.raises(BacktestError, match=f"over other {other}: name another file"):
        search(**given | changes)


def test_a_short_window_is_told_to_the_second() -> None:
    begin_ns = 1_610_064_000_000_000_000
    assert span_text(begin_ns, begin_ns + 9_500_000_000) == (
        "2021-01-08 00:00:00 to 2021-01-08 00:00:09"
    )
    assert (
        span_text(begin_ns, begin_ns + 3_600_000_000_000) == "2021-01-08 00:00 to 2021-01-08 01:00"
    )
