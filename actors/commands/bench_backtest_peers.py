"""`backtest --peers`: the same data and the same rule on other backtest engines, each in an environment of its own.

Each run plays one after the other, so that ratios hold whatever the machine's speed is in that minute. Data are converted
to each one's own form beforehand; the whole process is everything from its start to its end, compilation included.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from actors.commands.bench_backtest import (
    Job,
    Played,
    Taken,
    figures_of,
    make_jobs,
    run_measured,
    run_ours,
    take,
)
from actors.commands.bench_measure import Effort, Figure
from actors.commands.bench_peers import FOLDER, Peer, make_environment
from actors.commands.bench_process import BenchError


class BacktestTask(msgspec.Struct):
    """What a peer is to do; `folder` is where it keeps its converted data."""

    step: Literal["prepare", "run"]
    file: str
    folder: str
    fast: float
    slow: float
    margin: float
    quantity: str


@dataclass(frozen=True, slots=True)
class BacktestPeer:
    """A peer and the job that it is compared in."""

    peer: Peer
    job: str


BACKTEST_PEERS = (
    BacktestPeer(
        Peer(
            "NautilusTrader",
            ("nautilus_trader>=1.221",),
            "bench_peer_backtest_nautilus.py",
            interpreters=("python3.13", "python3.12"),
        ),
        "trades",
    ),
    BacktestPeer(
        Peer(
            "hftbacktest",
            ("hftbacktest==2.4.4",),
            "bench_peer_backtest_hft.py",
            lacks="fills market orders from a book alone, so it gets one quote a second beside the trades",
        ),
        "trades",
    ),
    BacktestPeer(
        Peer(
            "backtesting.py",
            ("backtesting==0.6.6",),
            "bench_peer_backtest_bars.py",
            lacks="trades whole units, so it buys 1 where the others buy 0.01",
        ),
        "bars",
    ),
)


def run_peer(
    peer: Peer, python: str, job: Job, file: Path, folder: Path, step: Literal["prepare", "run"]
) -> tuple[Taken, str]:
    """A peer takes one step; what it took, and its last line. Raises BenchError."""
    rule = job.rule
    place = str(folder / peer.name)
    task = BacktestTask(
        step, str(file), place, rule.fast, rule.slow, rule.margin, str(rule.quantity)
    )
    taken, lines = run_measured([python, str(FOLDER / peer.program)], msgspec.json.encode(task))
    return taken, lines[-1]


def prepare_peers(job: Job, file: Path, folder: Path) -> list[tuple[Peer, str]]:
    """The peers of a job that work here, with their interpreters; why another does not is said."""
    ready = []
    for item in BACKTEST_PEERS:
        if item.job != job.name:
            continue
        try:
            python = make_environment(item.peer)
            run_peer(item.peer, python, job, file, folder, "prepare")
        except BenchError as error:
            print(f"  {item.peer.name}: not measured: {error}", flush=True)
            continue
        if item.peer.lacks:
            print(f"  {item.peer.name}: {item.peer.lacks}", flush=True)
        ready.append((item.peer, python))
    return ready


def measure_backtest_peers(effort: Effort) -> list[Figure]:
    """Each job by each of its peers and by us, one after the other in every run."""
    figures: list[Figure] = []
    for job in make_jobs(effort):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            file = job.write_file(folder)
            figures += compare(effort, job, file, folder)
    return figures


def compare(effort: Effort, job: Job, file: Path, folder: Path) -> list[Figure]:
    """One job. Raises BenchError for us, never for a peer."""
    peers = prepare_peers(job, file, folder)
    run_ours(job, file, folder)  # converts
    ours = figures_of("backtest", job)
    theirs = {peer.name: figures_of(peer.name, job) for peer, _ in peers}
    for _ in range(effort.runs):
        taken, played = run_ours(job, file, folder)
        take(ours, taken, played, (None, None, None))
        rates = (played.events / played.seconds, played.events / taken.seconds)
        own = (*rates, taken.processor_s)
        for peer, python in peers:
            try:
                their_taken, line = run_peer(peer, python, job, file, folder, "run")
            except BenchError as error:
                print(f"  {peer.name}: not measured: {error}", flush=True)
                theirs.pop(peer.name, None)
                continue
            if peer.name in theirs:
                report = msgspec.json.decode(line, type=Played)
                take(theirs[peer.name], their_taken, report, own)
    figures = [*ours]
    for mine in theirs.values():
        if mine[0].values:
            for figure in mine[:3]:
                ratio = figure.ratio or 1.0
                ahead = ratio if figure.unit == "s" else 1 / ratio
                note = f"bare: ours, {ahead:.1f} times as fast"
                figure.note = f"{figure.note}; {note}" if figure.note else note
            figures += mine
    return figures
