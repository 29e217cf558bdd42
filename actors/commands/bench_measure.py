"""What the benchmarks share: figures with their spread and their bound, the machine they were taken on, and the loop."""

import asyncio
import gc
import os
import platform
import statistics
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import uvloop

PACKAGES = ("msgspec", "uvloop", "aiohttp", "python-binance")
ResultType = TypeVar("ResultType")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: `runs` of each figure, each of `fraction` of its full size."""

    runs: int = 5
    fraction: float = 1.0

    def count(self, full: int, least: int = 1) -> int:
        """A number of repetitions, cut down by the fraction."""
        return max(least, round(full * self.fraction))


@dataclass(slots=True)
class Figure:
    """One figure of one benchmark: a value for each run, and what a hand-written bare loop gave in the same run."""

    name: str
    unit: str
    values: list[float] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)
    """Empty where there is nothing to compare with."""
    note: str = ""
    is_headline: bool = False
    """Whether it stands for its benchmark in the summary."""

    def add(self, value: float, bound: float | None = None) -> None:
        """Takes the figure of one more run."""
        self.values.append(value)
        if bound is not None:
            self.bounds.append(bound)

    @property
    def median(self) -> float:
        """Of all runs."""
        return statistics.median(self.values)

    @property
    def ratio(self) -> float | None:
        """Median of value / bound, each taken within one run: the machine's speed changes between runs."""
        pairs = zip(self.values, self.bounds, strict=False)
        ratios = [value / bound for value, bound in pairs if bound > 0]
        return statistics.median(ratios) if ratios else None

    def describe(self) -> str:
        """One line for a reader."""
        text = f"  {self.name:<44}{spread_of(self.values):>24} {self.unit}"
        if self.ratio is not None:
            text += f"   bare {spread_of(self.bounds)}   x {self.ratio:.2f}"
        return f"{text}   {self.note}" if self.note else text

    def headline(self) -> str:
        """Name, median, and ratio if there is one."""
        text = f"{self.name} {shorten(self.median)} {self.unit}"
        return text if self.ratio is None else f"{text} (x {self.ratio:.2f})"

    def to_json(self) -> dict[str, Any]:
        """The same for a machine."""
        return {
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "low": min(self.values),
            "high": max(self.values),
            "values": self.values,
            "bound_median": statistics.median(self.bounds) if self.bounds else None,
            "bounds": self.bounds,
            "ratio": self.ratio,
            "note": self.note,
        }


def spread_of(values: Sequence[float]) -> str:
    """The median, with least and greatest in brackets."""
    median = statistics.median(values)
    return f"{shorten(median)} ({shorten(min(values))}-{shorten(max(values))})"


def shorten(value: float) -> str:
    """Three figures that mean something, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def quantile(values: Sequence[float], fraction: float) -> float:
    """The value below which this fraction of all values lies, itself one of them. Raises ValueError if there are none."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))]


def run_in_loop(make: Callable[[], Coroutine[Any, Any, ResultType]]) -> ResultType:
    """Runs one measurement in an event loop of its own, as in production, with nothing left over from the last."""
    gc.collect()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(make())


def describe_machine() -> dict[str, str]:
    """Processor, cores, system and versions: without them no figure means anything."""
    return {
        "processor": read_processor(),
        "cores": str(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        ),
        "system": platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        **{name: version(name) for name in PACKAGES},
    }


def read_processor() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
