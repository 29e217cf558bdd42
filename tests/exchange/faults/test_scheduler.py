"""When a rule strikes, without any exchange: counts, chances, spans of time; and what a plan must not say."""

import random
from pathlib import Path
from typing import Any

import pytest

from actors.exchange.fault_plan import InvalidPlan, read_plan
from actors.exchange.fault_rules import KINDS, EventRule, FrameRule, RequestRule, kind_of
from actors.exchange.faults import Faults
from tests.exchange.faults.world import NAMES, SYMBOLS, plan_of


class Bench:
    """A scheduler on a hand-set clock."""

    def __init__(self, *rules: dict[str, Any], seed: int = 0) -> None:
        self.now_us = 1_700_000_000_000_000
        self.faults = Faults(random.Random(seed), lambda: self.now_us)
        for rule in plan_of(*rules).faults:
            self.faults.add(rule)

    def strikes(self, count: int, name: str = "order.place", channel: str = "rest") -> list[int]:
        """Which of the next occasions, counted from 1, are struck."""
        return [
            number
            for number in range(1, count + 1)
            if self.faults.strike(RequestRule, name, channel) is not None
        ]


@pytest.mark.parametrize(
    ("trigger", "struck"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"nth": 3}, [3]),
        ({"nth": [2, 5]}, [2, 5]),
        ({"every": 2}, [2, 4, 6]),
        ({"times": 2}, [1, 2]),
        ({"every": 2, "times": 1}, [2]),
        ({"probability": 0}, []),
    ],
)
def test_counts(trigger: dict[str, Any], struck: list[int]) -> None:
    assert Bench({"kind": "silence", **trigger}).strikes(6) == struck


def test_chances_come_from_the_seed() -> None:
    rule = {"kind": "silence", "probability": 0.3}
    first, again = (Bench(rule, seed=5).strikes(1000) for _ in range(2))
    assert first == again != Bench(rule, seed=6).strikes(1000)
    assert 250 < len(first) < 350


def test_a_span_of_time() -> None:
    bench = Bench({"kind": "silence", "from_seconds": 1, "until_seconds": 3})
    found = []
    for _ in range(8):
        found.append(len(bench.strikes(1)))
        bench.now_us += 500_000
    assert found == [0, 0, 1, 1, 1, 1, 0, 0]


def test_names_and_channels() -> None:
    bench = Bench(
        {"kind": "silence", "on": ["order.*", "myTrades"], "channel": "websocket_api"},
        {"kind": "page", "on": "time"},
    )
    assert not bench.strikes(1, "order.place", "rest")
    assert bench.strikes(1, "order.cancel", "websocket_api")
    assert bench.strikes(1, "myTrades", "websocket_api")
    assert not bench.strikes(1, "account.status", "websocket_api")
    assert bench.strikes(1, "time", "rest")
    assert not bench.strikes(1, "time", "websocket_api")
    assert not bench.strikes(1, "connect", "websocket_api")


def test_the_first_rule_that_strikes_wins_and_all_count() -> None:
    bench = Bench({"kind": "silence", "nth": 2}, {"kind": "disconnect", "nth": [2, 3]})
    assert bench.strikes(3) == [2, 3]
    assert [armed.seen for armed in bench.faults.rules.values()] == [3, 3]


def test_families_do_not_mix() -> None:
    bench = Bench(
        {"kind": "event_withheld", "on": "executionReport.*", "account": "default"},
        {"kind": "frame_dropped", "on": "*@trade"},
    )
    strike = bench.faults.strike
    assert strike(EventRule, "executionReport.TRADE", "default") is not None
    assert strike(EventRule, "executionReport.TRADE", "other") is None
    assert strike(EventRule, "outboundAccountPosition", "default") is None
    assert strike(FrameRule, "btcusdt@trade") is not None
    assert strike(FrameRule, "btcusdt@depth") is None
    assert not bench.strikes(1)


BROKEN = """
sed = 3
seed = "x"
latency = {rst = {}, rest = {ms = -3, jiter_ms = 3}}
sockets = {pongs = "never"}
clock = 5
[[faults]]
kind = "silense"
[[faults]]
kind = "late"
on = "order.plcae"
nth = 0
delay_ms = 1
[[faults]]
kind = "error"
[[faults]]
kind = "symbol_changed"
symbol = "BTCUSD"
tick_size = "0"
[[faults]]
kind = "page"
channel = "websocket_api"
from_seconds = 2
until_seconds = 1
[[faults]]
kind = "shutdown"
on = "order.place"
at_seconds = 1
[[faults]]
delay_ms = 3
"""


def test_a_plan_tells_everything_that_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "faults.toml"
    file.write_text(BROKEN)
    with pytest.raises(InvalidPlan) as caught:
        read_plan(file, NAMES, SYMBOLS)
    starts = [
        problem.removeprefix(f"{file}: ").partition(": ")[0] for problem in caught.value.problems
    ]
    assert starts == [
        "sed",
        "seed",
        "latency.rst",
        "latency.rest.jiter_ms",
        "latency.rest.ms",
        "clock",
        "sockets.pongs",
        "faults[0].kind",
        "faults[1].on",
        "faults[1].nth",
        "faults[2].code",
        "faults[3].symbol",
        "faults[3].tick_size",
        "faults[4].until_seconds",
        "faults[4].channel",
        "faults[5].at_seconds",
        "faults[6].kind",
    ]
    assert "did you mean 'seed'?" in caught.value.problems[0]
    assert "did you mean 'order.place'?" in str(caught.value)


@pytest.mark.parametrize("text", ["faults = 3", "[[faults", "x = [", "faults = [3]"])
def test_nonsense_is_no_plan(tmp_path: Path, text: str) -> None:
    file = tmp_path / "faults.toml"
    file.write_text(text)
    with pytest.raises(InvalidPlan):
        read_plan(file, NAMES, SYMBOLS)


def test_json_and_toml_say_the_same(tmp_path: Path) -> None:
    toml, json = tmp_path / "faults.toml", tmp_path / "faults.json"
    toml.write_text('seed = 3\n[[faults]]\nkind = "late"\nnth = [1, 2]\ndelay_ms = 5\n')
    json.write_text('{"seed": 3, "faults": [{"kind": "late", "nth": [1, 2], "delay_ms": 5}]}')
    assert read_plan(toml, NAMES, SYMBOLS) == read_plan(json, NAMES, SYMBOLS)


def test_the_plan_in_the_readme_is_right(tmp_path: Path) -> None:
    readme = Path(__file__).parents[3] / "actors" / "exchange" / "README.md"
    _, _, rest = readme.read_text().partition("```toml\n")
    file = tmp_path / "faults.toml"
    file.write_text(rest.partition("```")[0])
    plan = read_plan(file, NAMES, SYMBOLS)
    assert len(plan.faults) == 3
    assert plan.latency is not None


def test_the_readme_names_every_kind() -> None:
    readme = (Path(__file__).parents[3] / "actors" / "exchange" / "README.md").read_text()
    missing = [kind_of(kind) for kind in KINDS if f"`{kind_of(kind)}`" not in readme]
    assert missing == []
