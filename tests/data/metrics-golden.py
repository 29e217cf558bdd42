"""Makes metrics-golden.json: figures of a library that others keep, on series made here.

It needs `pip install empyrical-reloaded`, which pulls in scipy and pandas; so the project does not, and its results are kept
in the file. Run from the project's folder: python tests/data/metrics-golden.py > tests/data/metrics-golden.json
"""

import gzip
import importlib
import json
import random
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy

empyrical: Any = importlib.import_module("empyrical")


def bars() -> list[float]:
    """Closes of the first 2,000 of the published one-minute bars."""
    path = Path(__file__).parent / "BTC-PERP-1m-2022-01.csv.gz"
    rows = gzip.decompress(path.read_bytes()).decode().splitlines()[1:2001]
    return [float(row.split(",")[4]) for row in rows]


def walk(seed: int, count: int, drift: float, step: float) -> list[float]:
    """A random walk of the equity."""
    dice = random.Random(seed)
    found = [10_000.0]
    for _ in range(count):
        found.append(round(found[-1] * (1 + dice.gauss(drift, step)), 6))
    return found


SERIES = {
    "bars of a minute": (bars(), 60),
    "a good year by days": (walk(1, 365, 0.002, 0.02), 86_400),
    "a bad month by hours": (walk(2, 720, -0.001, 0.008), 3_600),
    "eight days by half hours": (walk(3, 384, 0.0, 0.003), 1_800),
}

cases = []
for name, (equity, period_s) in SERIES.items():
    returns = numpy.diff(equity) / numpy.array(equity[:-1])
    periods = 365 * 86_400 / period_s
    cases.append(
        {
            "name": name,
            "period_s": period_s,
            "equity": equity,
            "total_return": float(empyrical.cum_returns_final(returns)),
            "volatility": float(empyrical.annual_volatility(returns, annualization=periods)),
            "sharpe_ratio": float(empyrical.sharpe_ratio(returns, annualization=periods)),
            "sortino_ratio": float(empyrical.sortino_ratio(returns, annualization=periods)),
            "maximum_drawdown": -float(empyrical.max_drawdown(returns)),
            "annual_return": float(empyrical.annual_return(returns, annualization=periods)),
            "calmar_ratio": float(empyrical.calmar_ratio(returns, annualization=periods)),
        }
    )
made_by = f"empyrical-reloaded {version('empyrical-reloaded')}"
sys.stdout.write(json.dumps({"made_by": made_by, "cases": cases}) + "\n")
