"""Earlier results to compare with, and where the time goes: `--baseline`, `--save-baseline` and `--flame`.

A baseline is what `--json` wrote on this kind of machine. Ratios to the bare loop are compared where there are any, for they
say most; else medians, which a machine that is slower today changes as well.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from actors.commands.bench_measure import Figure
from actors.commands.bench_process import BenchError

NOTEWORTHY = 0.1
"""A tenth more or less is told; what is less is the machine's own noise."""
SAMPLES_PER_S = "500"


class KeptFigure(msgspec.Struct):
    """One figure of an earlier run."""

    name: str
    median: float
    ratio: float | None = None


class Baseline(msgspec.Struct):
    """An earlier run, as far as it is compared."""

    machine: dict[str, str]
    benchmarks: dict[str, list[KeptFigure]]


def default_path() -> Path:
    """Where this user's baseline lies."""
    return Path(platformdirs.user_cache_dir("ticktroupe")) / "bench" / "baseline.json"


def read_baseline(path: Path) -> Baseline:
    """An earlier run. Raises BenchError for a file that is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Baseline)
    except (OSError, msgspec.MsgspecError) as error:
        raise BenchError(f"{path} is no earlier result: {error}") from error


def compare_with(
    baseline: Baseline, results: dict[str, list[Figure]], machine: dict[str, str]
) -> list[str]:
    """A line for each figure that is not what it was, and one that says how many were compared."""
    lines = []
    others = [key for key in machine if baseline.machine.get(key) != machine[key]]
    if others:
        lines.append(f"taken on another machine or with other versions: {', '.join(others)}")
    compared = 0
    for name, figures in results.items():
        kept = {figure.name: figure for figure in baseline.benchmarks.get(name, ())}
        for figure in figures:
            before = kept.get(figure.name)
            if before is None:
                continue
            compared += 1
            is_ratio = figure.ratio is not None and before.ratio is not None
            new, old = (figure.ratio, before.ratio) if is_ratio else (figure.median, before.median)
            if new and old and abs(new / old - 1) >= NOTEWORTHY:
                what = "x" if is_ratio else figure.unit
                lines.append(
                    f"  {figure.name}: {old:.4g} -> {new:.4g} {what} ({new / old - 1:+.0%})"
                )
    lines.append(f"compared with the baseline: {compared} figures, {len(lines)} remarks")
    return lines


def save_baseline(document: dict[str, Any], path: Path) -> None:
    """Keeps a run for later ones. Raises BenchError if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    except OSError as error:
        raise BenchError(f"{path}: the baseline cannot be kept: {error}") from error


def draw_flame_graph(names: Sequence[str], path: Path, runs: int) -> None:
    """Runs the benchmarks again under py-spy, which draws where the time goes. Raises BenchError without py-spy."""
    sampler = shutil.which("py-spy") or shutil.which(
        "py-spy", path=str(Path(sys.executable).parent)
    )
    if sampler is None:
        raise BenchError(
            "a flame graph needs py-spy: install it with pip, beside this program or on the path"
        )
    words = [sampler, "record", "--rate", SAMPLES_PER_S, "--output", str(path), "--"]
    words += [sys.executable, "-m", "actors.commands.bench", *names, "--runs", str(runs)]
    if subprocess.run(words, check=False).returncode:
        raise BenchError("py-spy did not finish; it may need the right to look at other processes")
