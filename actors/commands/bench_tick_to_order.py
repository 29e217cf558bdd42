"""`tick-to-order`, `acknowledgement` and `ways`: the real bot on a real socket, against a bare loop.

The exchange stamps both ends, in its own process: see bench_exchange.py. Each run takes all sides in turns on one exchange.
"""

import asyncio
import tempfile
from pathlib import Path

from actors.commands.bench_bare import run_bare
from actors.commands.bench_bot import DEFAULT_WAY, TickAnswerer, Way, answerer, start_bot
from actors.commands.bench_exchange import OTHER_SYMBOLS, SYMBOL, TickReport
from actors.commands.bench_measure import Effort, Figure, quantile, run_in_loop
from actors.commands.bench_process import (
    INTERVAL_MS,
    BenchError,
    ExchangeProcess,
    open_exchange,
)
from actors.commands.journal_thread import start_thread
from actors.runtime.busy_polling import busy_polling
from actors.runtime.journal import Journal, Synchronous

TICKS = 600
WARM_UP_TICKS = 100
FLOOD_PER_S = 5_000.0
LEVELS: dict[Synchronous | None, str] = {
    None: "bot without journal",
    "NORMAL": "bot",
    "FULL": "bot, durable through a power cut",
}
"""How the journal is kept: not at all (the benchmark alone can do that), past a killed process, past a power cut."""
POLLING = "bot, its loop never sleeping"
POINTS = (("p50", 0.5), ("p99", 0.99))
WAYS = tuple(
    Way(entry, key)
    for entry in ("websocket", "rest")
    for key in ("HMAC", "Ed25519")
)  # fmt: skip


async def run_bot(
    exchange: ExchangeProcess,
    ticks: int,
    *,
    synchronous: Synchronous | None,
    way: Way = DEFAULT_WAY,
    flood_per_s: float = 0.0,
    interval_ms: float = INTERVAL_MS,
    acknowledgements_ns: list[int] | None = None,
) -> TickReport:
    """The real bot answers so many ticks, after some to get warm."""
    symbols = (SYMBOL, OTHER_SYMBOLS[0]) if flood_per_s else (SYMBOL,)
    with tempfile.TemporaryDirectory() as folder:
        journal = None
        if synchronous is not None:
            path = Path(folder) / "journal.sqlite"
            journal = Journal(path, "bench", synchronous, start_thread=start_thread)
        try:
            system = await start_bot(exchange.addresses, journal, [answerer(symbols)], way)
            try:
                await exchange.run_ticks(max(ticks // 5, 10), flood_per_s, interval_ms)
                strategy = system.cells["answerer"].instance
                assert isinstance(strategy, TickAnswerer)
                strategy.acknowledgements_ns.clear()
                report = await exchange.run_ticks(ticks, flood_per_s, interval_ms)
                if acknowledgements_ns is not None:
                    acknowledgements_ns.extend(strategy.acknowledgements_ns)
                return report
            finally:
                await system.stop()
        finally:
            if journal is not None:
                journal.close()


def take(figures: list[Figure], report: TickReport, bound: TickReport | None) -> None:
    """Adds the quantiles of one run. Raises BenchError if ticks were not answered."""
    if report.unanswered:
        raise BenchError(f"{report.unanswered} ticks were not answered")
    for figure, (_, fraction) in zip(figures, POINTS, strict=True):
        value = quantile(report.latencies_ns, fraction) / 1e3
        figure.add(value, None if bound is None else quantile(bound.latencies_ns, fraction) / 1e3)


def make_figures(names: list[str]) -> list[list[Figure]]:
    """A figure for each name and quantile."""
    return [[Figure(f"{name}, {point}", "µs") for point, _ in POINTS] for name in names]


async def compare(effort: Effort, figures: list[list[Figure]], *, is_apart: bool) -> None:
    """Bare loop, and the bot with each kind of journal, in turns on one exchange."""
    ticks = effort.count(TICKS, least=20)
    async with open_exchange(is_apart=is_apart) as exchange:
        await run_bare(exchange, effort.count(WARM_UP_TICKS, least=10))
        for _ in range(effort.runs):
            bare = await run_bare(exchange, ticks)
            take(figures[0], bare, None)
            for figure, level in zip(figures[1:-1], LEVELS, strict=True):
                take(figure, await run_bot(exchange, ticks, synchronous=level), bare)
            with busy_polling(asyncio.get_running_loop()):
                take(figures[-1], await run_bot(exchange, ticks, synchronous="NORMAL"), bare)


def measure_tick_to_order(effort: Effort) -> list[Figure]:
    """From the tick's frame leaving the exchange to the order's frame in its hands.

    Once with the exchange on a core of its own, as a venue is, and once wherever the system puts it.
    """
    names = ("bare loop, order made before", *LEVELS.values(), POLLING)
    apart = make_figures([f"tick-to-order, {name}" for name in names])
    shared = make_figures([f"tick-to-order on shared cores, {name}" for name in names])
    run_in_loop(lambda: compare(effort, apart, is_apart=True))
    run_in_loop(lambda: compare(effort, shared, is_apart=False))
    for figure in (apart[1][0], apart[2][0]):
        figure.is_headline = True
    return [figure for pair in (*apart, *shared) for figure in pair]


async def compare_ways(effort: Effort, figures: list[list[Figure]]) -> None:
    """Each way to the exchange, with a quiet market and a busy one; the bot with its journal."""
    ticks = effort.count(TICKS // 2, least=20)
    async with open_exchange(is_apart=True) as exchange:
        for run in range(effort.runs):
            cases = [(flood, way) for flood in (0.0, FLOOD_PER_S) for way in WAYS]
            for figure, (flood, way) in zip(figures, cases, strict=True):
                if not run:
                    await run_bare(exchange, effort.count(WARM_UP_TICKS, least=10), way, flood)
                bare = await run_bare(exchange, ticks, way, flood)
                bot = await run_bot(
                    exchange, ticks, synchronous="NORMAL", way=way, flood_per_s=flood
                )
                take(figure, bot, bare)


def measure_ways(effort: Effort) -> list[Figure]:
    """Tick to order by every way, on a quiet market and on one of 5,000 frames a second."""
    figures = make_figures(
        [
            f"{way.name}, {market}"
            for market in ("quiet", f"{FLOOD_PER_S:,.0f} frames/s")
            for way in WAYS
        ]
    )
    run_in_loop(lambda: compare_ways(effort, figures))
    for figure in figures[len(WAYS)]:
        figure.is_headline = True
    return [figure for pair in figures for figure in pair]


async def compare_acknowledgements(effort: Effort, figures: list[Figure]) -> None:
    """From the decision to the venue's word at whoever decided."""
    ticks = effort.count(TICKS, least=20)
    async with open_exchange(is_apart=True) as exchange:
        await run_bare(exchange, effort.count(WARM_UP_TICKS, least=10))
        for _ in range(effort.runs):
            bare: list[int] = []
            ours: list[int] = []
            await run_bare(exchange, ticks, acknowledgements_ns=bare)
            await run_bot(exchange, ticks, synchronous="NORMAL", acknowledgements_ns=ours)
            if not (bare and ours):
                raise BenchError("no order was acknowledged")
            for figure, (_, fraction) in zip(figures, POINTS, strict=True):
                figure.add(quantile(ours, fraction) / 1e3, quantile(bare, fraction) / 1e3)


def measure_acknowledgement(effort: Effort) -> list[Figure]:
    """How long a strategy waits for the venue's word on its order; the order's way out and in, and the exchange's work."""
    figures = [Figure(f"acknowledgement of an order, {point}", "µs") for point, _ in POINTS]
    figures[0].is_headline = True
    run_in_loop(lambda: compare_acknowledgements(effort, figures))
    return figures
