"""`bin/backtest` run as a command of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]
TRADES = ROOT / "tests/data/BTCUSDT-trades-2021-01-08.csv"
CROSS = ["--strategy", "MovingAverageCross", "symbol=BTCUSDT", "fast=3", "slow=8", "quantity=0.001"]


def call(
    folder: Path, *words: str, stdout: int | IO[str] = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs `bin/backtest` in a folder, with a cache of its own there."""
    return subprocess.run(
        command_line(words),
        cwd=folder,
        env=variables(folder, environment),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
        check=False,
    )


def begin(folder: Path, *words: str) -> "subprocess.Popen[str]":
    """Starts `bin/backtest` as a terminal does, in a group of its own; what it says on stderr can be read."""
    return subprocess.Popen(
        command_line(words),
        cwd=folder,
        env=variables(folder, {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def command_line(words: Sequence[str]) -> list[str]:
    """The command with these words."""
    return [sys.executable, "-m", "actors.commands.backtest", *words]


def variables(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder), **more}


def strict(text: str) -> Any:
    """JSON without NaN and the like."""

    def refuse(word: str) -> Any:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)
