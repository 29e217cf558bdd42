"""`bin/backtest` run as a command of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TRADES = ROOT / "tests/data/BTCUSDT-trades-2021-01-08.csv"
CROSS = ["--strategy", "MovingAverageCross", "symbol=BTCUSDT", "fast=3", "slow=8", "quantity=0.001"]


def call(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `bin/backtest` in a folder, with a cache of its own there."""
    return subprocess.run(
        [sys.executable, "-m", "actors.commands.backtest", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def strict(text: str) -> Any:
    """JSON without NaN and the like."""

    def refuse(word: str) -> Any:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)
