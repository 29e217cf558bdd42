"""`startup`: from nothing to a bot that may trade, against the bare imports of the libraries."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time

import msgspec

from actors.commands.bench_bot import StartupReport
from actors.commands.bench_measure import Effort, Figure, run_in_loop
from actors.commands.bench_process import ExchangeProcess, open_exchange, read_line


async def time_start(exchange: ExchangeProcess, cache: str) -> tuple[float, float, StartupReport]:
    """Seconds for bare imports, and from nothing to a bot that may trade; and the bot's own report.

    Compiled modules are kept in the folder `cache`, whatever the user's settings, as a normal start finds them.
    """
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    code = "import msgspec, uvloop, aiohttp, binance; print('ready', flush=True)"
    bare = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=subprocess.PIPE, env=environment
    )
    await read_line(bare)
    bare_s = time.perf_counter() - began
    await bare.wait()
    began = time.perf_counter()
    bot = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "actors.commands.bench_bot",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )
    assert bot.stdin is not None
    bot.stdin.write(msgspec.json.encode(exchange.addresses) + b"\n")
    report = msgspec.json.decode(await read_line(bot), type=StartupReport)
    total_s = time.perf_counter() - began
    bot.stdin.close()
    await bot.wait()
    return bare_s, total_s, report


async def measure_starts(effort: Effort, figures: list[Figure]) -> None:
    """Each start in a process of its own; the first one fills the caches and does not count."""
    whole, ready, memory = figures
    with tempfile.TemporaryDirectory() as cache:
        async with open_exchange() as exchange:
            for run in range(effort.runs + 1):
                bare_s, total_s, report = await time_start(exchange, cache)
                if run:
                    whole.add(total_s * 1e3, bare_s * 1e3)
                    ready.add(report.ready_s * 1e3)
                    memory.add(report.peak_mib)


def measure_startup(effort: Effort) -> list[Figure]:
    """From nothing to a bot that may trade on a running exchange, and the memory it has taken by then."""
    figures = [
        Figure(
            "startup, process to ready to trade",
            "ms",
            note="bare: imports of the libraries",
            is_headline=True,
        ),
        Figure("startup, of it actors to ready", "ms"),
        Figure("startup, peak memory", "MiB"),
    ]
    run_in_loop(lambda: measure_starts(effort, figures))
    return figures
