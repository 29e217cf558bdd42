"""`backtest`: how fast yesterday's market is played, as a whole process and the run alone, and what memory that takes."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from actors.backtest.conversion import convert_files
from actors.backtest.data_files import DataFile
from actors.backtest.million import BAR_RULE, SYMBOL, TRADE_RULE, Rule, write_bars, write_trades
from actors.backtest.source import assemble
from actors.commands.bench_measure import Effort, Figure
from actors.commands.bench_process import BenchError

RATE_LINE = re.compile(r"([\d,]+) messages in ([\d.]+) s, ([\d,]+) a second")
PATIENCE_S = 900.0


class Taken(msgspec.Struct):
    """What a process has taken: all its seconds, those of a processor, and the most memory at once."""

    seconds: float
    processor_s: float
    peak_mib: float


class Played(msgspec.Struct):
    """What a backtest has done: its events and orders, and the seconds of the run alone."""

    events: int
    orders: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Job:
    """One backtest: so many events of made data, and the rule that trades on them."""

    name: str
    unit: str
    events: int
    rule: Rule
    write: Callable[[Path, int], None]

    def write_file(self, folder: Path) -> Path:
        """Its data as a file in the venue's own format."""
        path = folder / f"{SYMBOL}-{self.unit}-bench.csv"
        self.write(path, self.events)
        return path


def make_jobs(effort: Effort) -> list[Job]:
    """Trades and bars."""
    return [
        Job("trades", "trades", effort.count(1_000_000, least=5_000), TRADE_RULE, write_trades),
        Job("bars", "1m", effort.count(500_000, least=5_000), BAR_RULE, write_bars),
    ]


def run_measured(words: list[str], first_line: bytes = b"") -> tuple[Taken, list[str]]:
    """Runs a program; what it has taken, and the lines that it printed. Raises BenchError if it fails."""
    launch = [sys.executable, "-S", str(Path(__file__).with_name("bench_launch.py")), *words]
    try:
        done = subprocess.run(
            launch,
            input=first_line + b"\n",
            capture_output=True,
            check=False,
            timeout=PATIENCE_S,
            env={**os.environ, "COLUMNS": "200"},
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{words[1]} has not ended after {PATIENCE_S:.0f} s") from None
    lines = done.stdout.decode(errors="replace").splitlines()
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise BenchError(f"{Path(words[-1]).name} failed: {said[-1]}")
    return msgspec.json.decode(lines[-1], type=Taken), lines[:-1]


def run_ours(job: Job, file: Path, folder: Path) -> tuple[Taken, Played]:
    """`bin/backtest` on the file, which is converted already. Raises BenchError."""
    result = folder / "result.json"
    words = [sys.executable, "-m", "actors.commands.backtest"]
    words += ["--strategy", job.rule.class_name, *job.rule.words(), str(file)]
    words += ["--cache", str(folder / "cache"), "--json", str(result)]
    taken, lines = run_measured(words)
    found = RATE_LINE.search("\n".join(lines))
    if found is None:
        raise BenchError("bin/backtest has not said how fast it was")
    orders = msgspec.json.decode(result.read_bytes())["orders"]
    events, rate = (int(found[place].replace(",", "")) for place in (1, 3))
    return taken, Played(events, len(orders), events / rate)


def run_bare(job: Job, file: Path, folder: Path) -> float:
    """Events a second of a hand-written loop over the same converted data: decode, two averages, nothing traded."""
    data = assemble(convert_files([DataFile(file)], folder / "cache"))
    decode, field = data.make_decoder(), job.rule.price_field
    fast = slow = 0.0
    begin = time.perf_counter()
    if field == "price":
        for chunk in data.chunks():
            for message in decode(chunk.frame):
                price = message.price
                fast += (price - fast) * job.rule.fast
                slow += (price - slow) * job.rule.slow
    else:
        for chunk in data.chunks():
            for message in decode(chunk.frame):
                price = message.close
                fast += (price - fast) * job.rule.fast
                slow += (price - slow) * job.rule.slow
    return job.events / (time.perf_counter() - begin)


def figures_of(who: str, job: Job) -> list[Figure]:
    """The figures of one who plays a job."""
    is_ours = who == "backtest"
    return [
        Figure(f"{who}, {job.events:,} {job.name}, the run", f"{job.name}/s", is_headline=is_ours),
        Figure(f"{who}, {job.name}, whole process", f"{job.name}/s"),
        Figure(f"{who}, {job.name}, processor time of it all", "s"),
        Figure(f"{who}, {job.name}, start-up and end", "s"),
        Figure(f"{who}, {job.name}, peak memory", "MiB"),
    ]


def take(
    figures: list[Figure], taken: Taken, played: Played, bounds: tuple[float | None, ...]
) -> None:
    """Takes one run; `bounds`: of the run alone, of the whole process, and of its processor time."""
    run, whole, processor, start, peak = figures
    run.add(played.events / played.seconds, bounds[0])
    whole.add(played.events / taken.seconds, bounds[1])
    processor.add(taken.processor_s, bounds[2])
    start.add(max(taken.seconds - played.seconds, 0.001))
    peak.add(taken.peak_mib)
    run.note = f"{played.orders:,} orders"


def measure_backtest(effort: Effort) -> list[Figure]:
    """Trades and bars, with order manager, risk and portfolio, by the command that a user types."""
    figures = []
    for job in make_jobs(effort):
        mine = figures_of("backtest", job)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            file = job.write_file(folder)
            run_ours(job, file, folder)  # converts
            for _ in range(effort.runs):
                bare = run_bare(job, file, folder)
                take(mine, *run_ours(job, file, folder), (bare, None, None))
        figures += mine
    return figures
