"""`bin/bench`: measures this program on this machine, and says what a bare hand-written loop gives beside it."""

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from actors.commands.bench_hop import measure_hop, measure_pipeline
from actors.commands.bench_measure import Effort, Figure, describe_machine
from actors.commands.bench_queues import (
    measure_journal,
    measure_mailbox,
    measure_order_wait,
    measure_recording,
)
from actors.commands.bench_tick_to_order import measure_startup, measure_tick_to_order
from actors.runtime.errors import TicktroupeError

USAGE_ERROR = 2
FAILED = 1
QUICK_FRACTION = 0.02

DESCRIPTION = """\
Measures this program on this machine. Each figure is the median of several runs after a warm-up, with the least and the
greatest in brackets; "bare" is what a hand-written loop that does nothing else gave in the same run, and "x" the median of
the ratios within the runs. A machine's speed changes by the hour: trust ratios, and compare only what ran in one go.
"""

Benchmark = Callable[[Effort], list[Figure]]
BENCHMARKS: dict[str, tuple[Benchmark, str]] = {
    "hop": (measure_hop, "a message from one actor to another"),
    "pipeline": (measure_pipeline, "a message through four actors"),
    "order-wait": (measure_order_wait, "an order event behind a burst of market data"),
    "mailbox": (measure_mailbox, "memory of a queued message and of an idle actor"),
    "recording": (measure_recording, "what recording adds"),
    "journal": (measure_journal, "what it costs to write an order down"),
    "startup": (measure_startup, "from nothing to a bot that may trade"),
    "tick-to-order": (measure_tick_to_order, "from a tick to its order, at the exchange's socket"),
}


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    listing = "\n".join(f"  {name:<15}{what}" for name, (_, what) in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="bin/bench",
        description=DESCRIPTION,
        epilog=f"benchmarks:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="which benchmarks; all unless named")
    add("--json", type=Path, metavar="FILE", help="write every value of every run as JSON")
    add(
        "--runs",
        type=int,
        default=5,
        metavar="N",
        help="runs of each figure (default: %(default)s)",
    )
    add(
        "--quick", action="store_true", help="a fiftieth of the size: shows that all works, no more"
    )
    return parser


def find_usage_fault(arguments: argparse.Namespace) -> str | None:
    """What is wrong with the command line, or None."""
    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        return f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}"
    if arguments.runs < 1:
        return f"--runs must be 1 or more, not {arguments.runs}"
    if arguments.json is not None and not arguments.json.resolve().parent.is_dir():
        return f"--json: there is no folder {arguments.json.resolve().parent}"
    return None


def run_suite(names: Sequence[str], effort: Effort) -> dict[str, list[Figure]]:
    """Runs the benchmarks one after the other, and prints each as it is done."""
    results = {}
    for name in names:
        measure, what = BENCHMARKS[name]
        print(f"{name}: {what}", flush=True)
        results[name] = measure(effort)
        for figure in results[name]:
            print(figure.describe(), flush=True)
    return results


def summarise(results: dict[str, list[Figure]], effort: Effort, seconds: float) -> str:
    """The last line: how much was measured, and the headlines."""
    figures = [figure for found in results.values() for figure in found]
    headlines = "; ".join(figure.headline() for figure in figures if figure.is_headline)
    return f"{len(results)} benchmarks, {len(figures)} figures of {effort.runs} runs in {seconds:.0f} s: {headlines}"


def to_document(
    results: dict[str, list[Figure]], effort: Effort, machine: dict[str, str], summary: str
) -> dict[str, Any]:
    """Everything for a machine."""
    return {
        "machine": machine,
        "runs": effort.runs,
        "fraction": effort.fraction,
        "benchmarks": {
            name: [figure.to_json() for figure in figures] for name, figures in results.items()
        },
        "summary": summary,
    }


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit code: 0 done, 1 failed, 2 bad usage."""
    arguments = make_parser().parse_args(words)
    fault = find_usage_fault(arguments)
    if fault is not None:
        print(f"bin/bench: {fault}", file=sys.stderr)
        return USAGE_ERROR
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    effort = Effort(arguments.runs, QUICK_FRACTION if arguments.quick else 1.0)
    machine = describe_machine()
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    began = time.perf_counter()
    try:
        results = run_suite(arguments.names or list(BENCHMARKS), effort)
    except TicktroupeError as error:
        print(f"bin/bench: {error}", file=sys.stderr)
        return FAILED
    summary = summarise(results, effort, time.perf_counter() - began)
    if arguments.json is not None:
        document = to_document(results, effort, machine, summary)
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    print(summary)
    return 0


if __name__ == "__main__":
    sys.exit(main())
