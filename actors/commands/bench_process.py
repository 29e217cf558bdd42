"""The processes that benchmarks talk to by lines: the exchange at the other end, and whoever trades on it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress

import msgspec

from actors.commands.bench_exchange import BenchAddresses, Flood, TickReport, Ticks
from actors.runtime.errors import TicktroupeError

INTERVAL_MS = 2.0
PATIENCE_S = 60.0


class BenchError(TicktroupeError):
    """A benchmark could not be carried out."""


class ExchangeProcess:
    """The exchange at the other end, in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, addresses: BenchAddresses) -> None:
        self.process = process
        self.addresses = addresses
        self.ticks = 0

    async def run_ticks(
        self, count: int, flood_per_s: float = 0.0, interval_ms: float = INTERVAL_MS
    ) -> TickReport:
        """Has it make ticks, one each interval; what became of them.

        Raises BenchError if it ends.
        """
        self.ticks += count
        line = await self._ask(Ticks(count, interval_ms, flood_per_s))
        return msgspec.json.decode(line, type=TickReport)

    async def run_flood(self, frames: int, symbols: int) -> None:
        """Has it write so many trades; returns when they are on their way. Raises BenchError if it ends."""
        await self._ask(Flood(frames, symbols))

    async def _ask(self, task: Ticks | Flood) -> bytes:
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(task) + b"\n")
        return await read_line(self.process)


async def read_line(process: asyncio.subprocess.Process, patience_s: float = PATIENCE_S) -> bytes:
    """The next line that a child says. Raises BenchError if it says none."""
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), patience_s)
    except TimeoutError:
        raise BenchError(
            f"a process of the benchmark says nothing for {patience_s:.0f} s"
        ) from None
    if not line:
        raise BenchError("a process of the benchmark has ended early; its last words are above")
    return line


@asynccontextmanager
async def open_child(
    words: Sequence[str], first_line: bytes
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that gets one line, and is ended at the end of the block, if it has not ended by itself."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=1 << 24,
        env={**os.environ, "NO_PROXY": "127.0.0.1,localhost"},
    )
    assert process.stdin is not None
    try:
        process.stdin.write(first_line + b"\n")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@contextmanager
def kept_apart(process_id: int) -> Iterator[None]:
    """Gives a process a core of its own, and this one and what it starts all the others, until the end of the block.

    A venue does not run on a trader's cores. Left to itself, the system puts two processes that wake one another on one
    core as often as not, where each finds its caches full of the other's; which of the two it does differs from machine
    to machine. With one core, or where the system offers no such choice, nothing is done.
    """
    if not hasattr(os, "sched_setaffinity") or len(cores := os.sched_getaffinity(0)) < 2:
        yield
        return
    theirs = min(cores)
    try:
        with suppress(OSError):  # where it may not choose
            os.sched_setaffinity(process_id, {theirs})
            os.sched_setaffinity(0, cores - {theirs})
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, cores)


@asynccontextmanager
async def open_exchange(*, is_apart: bool = False) -> AsyncIterator[ExchangeProcess]:
    """Starts it, on a core of its own if asked, and ends it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "actors.commands.bench_exchange",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=1 << 24,
    )
    assert process.stdin is not None
    try:
        addresses = msgspec.json.decode(await read_line(process), type=BenchAddresses)
        with kept_apart(process.pid) if is_apart else nullcontext():
            yield ExchangeProcess(process, addresses)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10.0)
        except TimeoutError:
            process.kill()
            await process.wait()
