"""`bin/bench`: measures this program on this machine, and says what a bare hand-written loop gives beside it."""

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from actors.commands.bench_backtest import measure_backtest
from actors.commands.bench_backtest_peers import measure_backtest_peers
from actors.commands.bench_baseline import (
    compare_with,
    default_path,
    draw_flame_graph,
    read_baseline,
    save_baseline,
)
from actors.commands.bench_flow import measure_burst, measure_fan_out, measure_scaling
from actors.commands.bench_hop import measure_hop, measure_pipeline
from actors.commands.bench_intake import measure_exchange, measure_intake
from actors.commands.bench_measure import Effort, Figure, describe_machine
from actors.commands.bench_peers import measure_peers
from actors.commands.bench_process import BenchError
from actors.commands.bench_queues import (
    measure_journal,
    measure_mailbox,
    measure_order_wait,
    measure_recording,
)
from actors.commands.bench_startup import measure_startup
from actors.commands.bench_steps import measure_steps
from actors.commands.bench_tick_to_order import (
    measure_acknowledgement,
    measure_tick_to_order,
    measure_ways,
)
from actors.commands.bench_venue import measure_venue
from actors.commands.command_parser import CommandParser
from actors.commands.standard_streams import let_go_of_closed_outputs, say
from actors.runtime.errors import TicktroupeError
from actors.spelling import suggest

USAGE_ERROR = 2
FAILED = 1
QUICK_FRACTION = 0.02

DESCRIPTION = """\
Measures this program on this machine. Each figure is the median of several runs after a warm-up, with the least and the
greatest in brackets; "bare" is what a hand-written loop that does nothing else gave in the same run, and "x" the median of
the ratios within the runs. A machine's speed changes by the hour: trust ratios, and compare only what ran in one go.
"""


def measure_local_exchange(effort: Effort) -> list[Figure]:
    """Its own limits, and what it does beside its synthetic market."""
    return [*measure_exchange(effort), *measure_venue(effort)]


Benchmark = Callable[[Effort], list[Figure]]
BENCHMARKS: dict[str, tuple[Benchmark, str]] = {
    "hop": (measure_hop, "a message from one actor to another"),
    "pipeline": (measure_pipeline, "a message through four actors"),
    "order-wait": (measure_order_wait, "an order event behind a burst of market data"),
    "mailbox": (measure_mailbox, "memory of a queued message and of an idle actor"),
    "recording": (measure_recording, "what recording adds"),
    "fan-out": (measure_fan_out, "one message to many strategies"),
    "burst": (measure_burst, "a million messages at once"),
    "scaling": (measure_scaling, "the cost of a message when there is more of everything"),
    "journal": (measure_journal, "what it costs to write an order down"),
    "startup": (measure_startup, "from nothing to a bot that may trade"),
    "intake": (measure_intake, "market data as fast as it comes"),
    "exchange": (measure_local_exchange, "what the local exchange itself can do"),
    "tick-to-order": (measure_tick_to_order, "from a tick to its order, at the exchange's socket"),
    "steps": (measure_steps, "what is executed from a tick to its order, counted"),
    "acknowledgement": (measure_acknowledgement, "from a decision to the venue's word on it"),
    "ways": (measure_ways, "tick to order by every way, on a quiet market and a busy one"),
    "backtest": (measure_backtest, "a million trades and half a million bars of yesterday"),
}

PEER_BENCHMARKS: dict[str, tuple[Benchmark, str]] = {
    "peers": (measure_peers, "the same jobs on what one would pick instead"),
    "backtest-peers": (measure_backtest_peers, "the same backtests on other engines"),
}


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    listing = "\n".join(f"  {name:<17}{what}" for name, (_, what) in BENCHMARKS.items())
    parser = CommandParser(
        prog="bin/bench",
        description=DESCRIPTION,
        epilog=f"benchmarks:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="which benchmarks; all unless named")
    add(
        "--peers",
        action="store_true",
        help="install peers in environments of their own, and run them",
    )
    add("--json", type=Path, metavar="FILE", help="write every value of every run as JSON")
    add("--baseline", type=Path, metavar="FILE", help="compare with this earlier --json")
    add(
        "--save-baseline",
        action="store_true",
        help="keep this run: later ones are compared with it",
    )
    add("--flame", type=Path, metavar="FILE", help="draw where the time goes (SVG), by py-spy")
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
        meant = suggest(unknown[0], BENCHMARKS)
        hint = f" ({meant})" if meant else ""
        return f"no such benchmark: {', '.join(unknown)}{hint}; there are {', '.join(BENCHMARKS)}"
    if arguments.runs < 1:
        return f"--runs must be 1 or more, not {arguments.runs}"
    if arguments.json is not None and not arguments.json.resolve().parent.is_dir():
        return f"--json: there is no folder {arguments.json.resolve().parent}"
    if arguments.baseline is not None:
        try:
            read_baseline(arguments.baseline)
        except BenchError as error:
            return f"--baseline: {error}"
    return None


def choose(names: Sequence[str], with_peers: bool) -> list[str]:
    """What runs: all without names; with peers those of what is named, in place of `backtest` as they play it too."""
    if not with_peers:
        return list(names) or list(BENCHMARKS)
    if not names:
        return list(PEER_BENCHMARKS)
    others = [name for name in names if name != "backtest"]
    peers = ["peers"] if others else []
    return [*others, *peers, *(["backtest-peers"] if len(others) < len(names) else [])]


def run_suite(names: Sequence[str], effort: Effort) -> dict[str, list[Figure]]:
    """Runs the benchmarks one after the other, and prints each as it is done."""
    results = {}
    for name in names:
        measure, what = PEER_BENCHMARKS.get(name) or BENCHMARKS[name]
        say(f"{name}: {what}")
        results[name] = measure(effort)
        for figure in results[name]:
            say(figure.describe())
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
    say(", ".join(f"{key} {value}" for key, value in machine.items()))
    began = time.perf_counter()
    try:
        if arguments.flame is not None:
            draw_flame_graph(arguments.names, arguments.flame, effort.runs)
            return 0
        results = run_suite(choose(arguments.names, arguments.peers), effort)
    except TicktroupeError as error:
        print(f"bin/bench: {error}", file=sys.stderr)
        return FAILED
    summary = summarise(results, effort, time.perf_counter() - began)
    document = to_document(results, effort, machine, summary)
    if arguments.json is not None:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    try:
        for line in report_baseline(arguments, results, machine, document):
            say(line)
    except BenchError as error:
        print(f"bin/bench: {error}", file=sys.stderr)
        return FAILED
    say(summary)
    return 0


def report_baseline(
    arguments: argparse.Namespace,
    results: dict[str, list[Figure]],
    machine: dict[str, str],
    document: dict[str, Any],
) -> list[str]:
    """Compares with an earlier run, if there is one, and keeps this one, if asked. Raises BenchError for a bad file."""
    lines = []
    path = arguments.baseline or default_path()
    if not arguments.quick and (arguments.baseline is not None or path.exists()):
        lines = compare_with(read_baseline(path), results, machine)
    if arguments.save_baseline:
        save_baseline(document, default_path())
        lines.append(f"kept as the baseline: {default_path()}")
    return lines


if __name__ == "__main__":
    exit_code = main()
    let_go_of_closed_outputs()
    sys.exit(exit_code)
