"""Performance figures: known cases, the same formulas by numpy, and another library's figures on the same series."""

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy
import pytest

from actors.backtest import metrics

GOLDEN = json.loads((Path(__file__).parents[1] / "data" / "metrics-golden.json").read_bytes())


@pytest.mark.parametrize(
    ("equity", "expected"),
    [
        ([1000.0, 496.588], 0.503412),  # a loss before the first gain counts
        ([100.0, 80.0, 90.0], 0.2),
        ([100.0, 100.0, 100.0], 0.0),
        ([], 0.0),
    ],
)
def test_maximum_drawdown(equity: list[float], expected: float) -> None:
    assert metrics.maximum_drawdown(equity) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        ([0.10, -0.05, 0.08, -0.12, 0.03], 0.12),
        ([-0.5, 0.1], 0.5),
        ([0.1] * 24 + [-0.3], 0.3),
    ],
)
def test_maximum_drawdown_of_returns(returns: list[float], expected: float) -> None:
    equity = [1.0]
    for value in returns:
        equity.append(equity[-1] * (1 + value))
    assert metrics.maximum_drawdown(equity) == pytest.approx(expected)


def test_annualised_by_365_days_of_half_hours() -> None:
    returns = [0.001, -0.0005, 0.0007, -0.0002, 0.0004, -0.0001, 0.0003, -0.0006, 0.0008, -0.0003]
    assert metrics.sharpe_ratio(returns) == pytest.approx(0.264021592, abs=1e-9)
    periods = metrics.YEAR_S / 1_800
    assert metrics.sharpe_ratio(returns, periods) == pytest.approx(34.946726, abs=1e-6)


def test_what_has_no_value_is_none() -> None:
    assert metrics.sharpe_ratio([0.01, 0.01, 0.01]) is None
    assert metrics.sharpe_ratio([0.01]) is None
    assert metrics.sortino_ratio([0.01, 0.02]) is None
    assert metrics.profit_factor([1.0]) is None
    assert metrics.win_rate([]) is None
    assert metrics.total_return([1.0]) is None
    assert metrics.annual_return([1.0, 2.0], 3_600.0) is None
    assert metrics.calmar_ratio([1.0, 1.1, 1.2], 1e6) is None


@pytest.mark.parametrize("seed", range(20))
def test_against_numpy(seed: int) -> None:
    dice = random.Random(seed)
    equity = [1000.0]
    for _ in range(dice.randint(3, 400)):
        equity.append(equity[-1] * (1 + dice.gauss(0.0001, 0.01)))
    series = numpy.array(equity)
    returns = numpy.diff(series) / series[:-1]
    periods = 365 * 24
    root = math.sqrt(periods)
    assert metrics.returns_of(equity) == pytest.approx(returns.tolist())
    sharpe = returns.mean() / returns.std(ddof=1) * root
    assert metrics.sharpe_ratio(metrics.returns_of(equity), periods) == pytest.approx(sharpe)
    downside = math.sqrt((numpy.minimum(returns, 0) ** 2).mean())
    sortino = returns.mean() / downside * root
    assert metrics.sortino_ratio(metrics.returns_of(equity), periods) == pytest.approx(sortino)
    drawdown = (1 - series / numpy.maximum.accumulate(series)).max()
    assert metrics.maximum_drawdown(equity) == pytest.approx(drawdown)
    assert metrics.volatility(metrics.returns_of(equity), periods) == pytest.approx(
        returns.std(ddof=1) * root
    )
    seconds = (len(equity) - 1) * 3_600
    annual = (series[-1] / series[0]) ** (metrics.YEAR_S / seconds) - 1
    found = metrics.annual_return(equity, seconds)
    if seconds >= metrics.SHORTEST_FOR_ANNUAL_S:
        assert found == pytest.approx(annual)
        assert metrics.calmar_ratio(equity, seconds) == pytest.approx(annual / drawdown)
    profits = [dice.gauss(0, 5) for _ in range(50)]
    gains = numpy.array(profits)
    assert metrics.profit_factor(profits) == pytest.approx(
        gains[gains > 0].sum() / -gains[gains < 0].sum()
    )
    assert metrics.win_rate(profits) == pytest.approx((gains > 0).mean())


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_against_another_library(case: dict[str, Any]) -> None:
    """empyrical-reloaded's figures; tests/data/metrics-golden.py has made them."""
    equity, period_s = case["equity"], case["period_s"]
    returns, periods = metrics.returns_of(equity), metrics.YEAR_S / period_s
    seconds = len(returns) * period_s
    found = {
        "total_return": metrics.total_return(equity),
        "volatility": metrics.volatility(returns, periods),
        "sharpe_ratio": metrics.sharpe_ratio(returns, periods),
        "sortino_ratio": metrics.sortino_ratio(returns, periods),
        "maximum_drawdown": metrics.maximum_drawdown(equity),
        "annual_return": metrics.annual_return(equity, seconds),
        "calmar_ratio": metrics.calmar_ratio(equity, seconds),
    }
    assert found == {name: pytest.approx(case[name], rel=1e-9) for name in found}
