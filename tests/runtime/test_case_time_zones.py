"""The machine's time zone, and the hour when its clocks change, change nothing: every time is UTC, to the byte."""

import json
import logging
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from actors.exchange.klines import KlineBuilder
from actors.exchange.orders import PublicTrade
from actors.runtime.logs import JsonFormatter
from actors.trading.kline_interval import find_bounds
from actors.trading.loss_watch import LossWatch
from messages.enums import KlineInterval
from tests.runtime import replayed_bot

ROOT = Path(__file__).parents[2]
ZONES = ("UTC", "Asia/Kathmandu", "America/St_Johns", "America/New_York", "Pacific/Apia")
FIRST_SECOND = 1_793_512_740
"""2026-11-01 05:59:00 UTC: a minute later the clocks of New York go back by an hour."""
SECONDS = (0, 59, 60, 61, 120, 3_600, 64_799, 64_860, 64_861, 86_400 * 31)
TESTS = (
    "tests/trading/test_bars.py",
    "tests/trading/test_loss_watch.py",
    "tests/exchange/core/test_klines.py",
    "tests/exchange/core/test_recorded.py",
    "tests/binance/test_numbers.py",
    "tests/binance/test_clock.py",
    "tests/runtime/test_logs_and_clock.py",
)
"""Those that read or write times."""


def describe_hour() -> str:
    """All that turns an instant into something to read or to compare: bars, the day of a loss limit, a line of the log."""
    told: list[object] = []
    builder = KlineBuilder()
    watch = LossWatch(Decimal(100), None)
    for number, passed in enumerate(SECONDS):
        second = FIRST_SECOND + passed
        for interval in KlineInterval:
            if interval is not KlineInterval.UNRECOGNISED:
                told.append((interval.value, find_bounds(interval, second * 10**9)))
        amount = Decimal(1 + number)
        trade = PublicTrade(number + 1, amount, amount, amount, second * 10**6, False)
        builder.add(trade)
        loss = {"USDT": Decimal(-60 * number)}
        told.append(watch.check("", loss, second * 10**9))
        record = logging.LogRecord("actors", logging.INFO, "", 0, "traded", None, None)
        record.created = float(second)
        told.append(JsonFormatter().format(record))
    return json.dumps(told, default=str)


def in_zone(zone: str, *command: str) -> str:
    """What a Python process prints in a time zone."""
    return subprocess.run(
        [sys.executable, "-W", "error", *command],
        env={**os.environ, "TZ": zone},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    ).stdout


def test_bars_days_and_logs_are_the_same_everywhere() -> None:
    code = f"from {__name__} import describe_hour; print(describe_hour())"
    told = {in_zone(zone, "-c", code) for zone in ZONES}
    assert len(told) == 1
    text = told.pop()
    assert "2026-11-01T05:59:00.000" in text
    assert text.count("lost today") == 5, "from 120 USDT lost on, up to midnight UTC"


def test_a_recorded_run_is_the_same_everywhere(tmp_path: Path) -> None:
    digests = {
        in_zone(zone, "-m", replayed_bot.__name__, "live", str(tmp_path / str(number)))
        for number, zone in enumerate(ZONES)
    }
    assert len(digests) == 1
    assert len(digests.pop()) == 65


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns"])
def test_what_reads_and_writes_times_passes_everywhere(zone: str) -> None:
    assert " passed" in in_zone(zone, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS)
