"""The real bot, python-binance, journal and all, against the real local exchange, in one deterministic process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors.simulation.entropy import Entropy
from actors.simulation.rounds import run_round
from actors.simulation.weather import CALM, Weather
from actors.simulation.world import Report
from tests.simulation.whole_bot import setup_of

ROOT = Path(__file__).parents[2]
STORM = Weather(cut_share=0.5, kills=2, restart_after=(0.1, 1.0), stall_share=0.001)


def run_stormy(seed: int, entropy: Entropy | None = None) -> Report:
    return run_round(setup_of(seed, 15, 5), seed, weather=STORM, entropy=entropy)


def test_calm_round(entropy: Entropy) -> None:
    setup = setup_of(1, 10, 10)
    report = run_round(setup, 1, weather=CALM, entropy=entropy)
    report.violations += [str(item) for item in report.outcomes["bot"] if item.result != 0]
    assert report.check().trace.count > 1_000


def test_stormy_round_is_the_same_in_another_process(entropy: Entropy) -> None:
    seed = 5
    report = run_stormy(seed, entropy)
    assert report.plan.size() > 0
    finished = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from tests.simulation.test_whole_bot import run_stormy; print(run_stormy({seed}).digest)",
        ],
        env={**os.environ, "PYTHONHASHSEED": "99", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert finished.stdout.strip() == report.digest


@pytest.mark.parametrize("seed", [1, 2])
def test_stormy_rounds_settle(seed: int, entropy: Entropy) -> None:
    report = run_stormy(seed, entropy).check()
    killed = [outcome.how for outcome in report.outcomes["bot"]].count("killed")
    assert killed == len(report.outcomes["bot"]) - 1
    assert report.outcomes["bot"][-1].how == "returned"
    assert report.outcomes["exchange"] == []
