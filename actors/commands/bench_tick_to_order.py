"""`tick-to-order` and `startup`: the real bot on a real socket, against a bare loop and bare imports.

The bare loop is the least that can answer a tick: one protocol on each socket, the frame decoded by msgspec, and the order
taken from a table in which it lies signed and framed. It decides nothing, checks nothing, and keeps no account.
"""

import asyncio
import hashlib
import hmac
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import msgspec

from actors.commands.bench_bot import StartupReport, start_bot
from actors.commands.bench_exchange import (
    LOT,
    SYMBOL,
    BenchAddresses,
    TickReport,
    price_of,
)
from actors.commands.bench_measure import Effort, Figure, quantile, run_in_loop
from actors.runtime.errors import TicktroupeError
from actors.runtime.journal import Journal

TICKS = 600
WARM_UP_TICKS = 100
INTERVAL_MS = 2.0
PATIENCE_S = 60.0
UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class BenchError(TicktroupeError):
    """A benchmark could not be carried out."""


class ExchangeProcess:
    """The exchange at the other end, in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, addresses: BenchAddresses) -> None:
        self.process = process
        self.addresses = addresses
        self.ticks = 0

    async def run_ticks(self, count: int) -> TickReport:
        """Has it make ticks; what became of them.

        Raises BenchError if it ends.
        """
        assert self.process.stdin is not None
        self.process.stdin.write(f"{count} {INTERVAL_MS}\n".encode())
        self.ticks += count
        return msgspec.json.decode(await read_line(self.process), type=TickReport)


async def read_line(process: asyncio.subprocess.Process) -> bytes:
    """The next line that a child says. Raises BenchError if it says none."""
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
    if not line:
        raise BenchError("the benchmark's own exchange has ended early; its last words are above")
    return line


@asynccontextmanager
async def open_exchange() -> AsyncIterator[ExchangeProcess]:
    """Starts it, and ends it."""
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
        yield ExchangeProcess(
            process, msgspec.json.decode(await read_line(process), type=BenchAddresses)
        )
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10.0)
        except TimeoutError:
            process.kill()
            await process.wait()


class TradeData(msgspec.Struct):
    """The part of a trade event that the bare loop decides on."""

    p: str


class TradeFrame(msgspec.Struct):
    """A frame of a combined stream."""

    data: TradeData


class BareSocket(asyncio.Protocol):
    """A WebSocket client by hand: whole text frames in, frames made beforehand out."""

    def __init__(self, path: str, on_text: Callable[[bytes], None]) -> None:
        self.path = path
        self.on_text = on_text
        self.is_open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the upgrade."""
        # uvloop's transports are of no class of asyncio's; they only look like them.
        self.transport = cast(asyncio.Transport, transport)
        host, port = transport.get_extra_info("peername")[:2]
        self.transport.write(UPGRADE.format(path=self.path, host=f"{host}:{port}").encode())

    def data_received(self, data: bytes) -> None:
        """Cuts frames out of the bytes (RFC 6455, 5.2); a server's frames carry no mask."""
        data = self.buffer + data if self.buffer else data
        if not self.is_open.done():
            head, separator, data = data.partition(b"\r\n\r\n")
            if not separator:
                self.buffer = head
                return
            self.is_open.set_result(None)
        start = 0
        while len(data) - start >= 4:
            length, body = data[start + 1], start + 2
            if length == 126:
                length, body = int.from_bytes(data[start + 2 : start + 4], "big"), start + 4
            if len(data) < body + length:
                break
            if data[start] == 0x81:
                self.on_text(data[body : body + length])
            start = body + length
        self.buffer = data[start:]


async def open_bare(url: str, on_text: Callable[[bytes], None]) -> BareSocket:
    """A connected socket. Raises TimeoutError if the upgrade does not come."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    _, client = await asyncio.get_running_loop().create_connection(
        lambda: BareSocket(path, on_text), parts.hostname or "", parts.port or 0
    )
    await asyncio.wait_for(client.is_open, PATIENCE_S)
    return client


def client_frame(payload: bytes) -> bytes:
    """A client's whole text frame; a mask of zeros leaves the payload as it is."""
    return b"\x81" + bytes((0x80 | 126,)) + len(payload).to_bytes(2, "big") + bytes(4) + payload


def sign_orders(addresses: BenchAddresses, first: int, count: int) -> dict[str, bytes]:
    """The order for each tick to come, signed and framed, by the price as the trade will spell it."""
    orders = {}
    for tick in range(first, first + count):
        parameters: dict[str, str | int] = {
            "apiKey": addresses.api_key,
            "price": f"{price_of(tick):.2f}",
            "quantity": str(LOT),
            "recvWindow": 60_000,
            "side": "BUY",
            "symbol": SYMBOL,
            "timeInForce": "IOC",
            "timestamp": time.time_ns() // 1_000_000,
            "type": "LIMIT",
        }
        payload = "&".join(f"{key}={value}" for key, value in parameters.items())
        secret = addresses.api_secret.encode()
        parameters["signature"] = hmac.new(secret, payload.encode(), hashlib.sha256).hexdigest()
        request = {"id": tick, "method": "order.place", "params": parameters}
        orders[f"{price_of(tick):.8f}"] = client_frame(msgspec.json.encode(request))
    return orders


async def run_bare(exchange: ExchangeProcess, ticks: int) -> TickReport:
    """The bare loop answers so many ticks."""
    addresses = exchange.addresses
    orders = sign_orders(addresses, exchange.ticks, ticks)
    decode = msgspec.json.Decoder(TradeFrame).decode

    def answer(frame: bytes) -> None:
        api.transport.write(orders[decode(frame).data.p])

    def ignore(frame: bytes) -> None:
        """What the exchange makes of the order is no matter here."""

    api = await open_bare(addresses.ws_api, ignore)
    stream = await open_bare(f"{addresses.streams}/stream?streams={SYMBOL.lower()}@trade", answer)
    try:
        return await exchange.run_ticks(ticks)
    finally:
        api.transport.close()
        stream.transport.close()


async def run_bot(exchange: ExchangeProcess, ticks: int, journal: Journal | None) -> TickReport:
    """The real bot answers so many ticks, after some to get warm."""
    system = await start_bot(exchange.addresses, SYMBOL, journal)
    try:
        await exchange.run_ticks(max(ticks // 5, 10))
        return await exchange.run_ticks(ticks)
    finally:
        await system.stop()


async def compare(effort: Effort, figures: list[Figure]) -> None:
    """Bare loop, bot without journal, and bot as it is, in turns on one exchange."""
    ticks = effort.count(TICKS, least=20)
    async with open_exchange() as exchange:
        await run_bare(exchange, effort.count(WARM_UP_TICKS, least=10))
        for _ in range(effort.runs):
            bare = await run_bare(exchange, ticks)
            plain = await run_bot(exchange, ticks, None)
            with tempfile.TemporaryDirectory() as folder:
                journal = Journal(Path(folder) / "journal.sqlite", "bench")
                try:
                    journaled = await run_bot(exchange, ticks, journal)
                finally:
                    journal.close()
            for index, report in enumerate((bare, plain, journaled)):
                if report.unanswered:
                    raise BenchError(f"{report.unanswered} of {ticks} ticks were not answered")
                for figure, fraction in zip(figures[2 * index :], (0.5, 0.99), strict=False):
                    value = quantile(report.latencies_ns, fraction) / 1e3
                    bound = quantile(bare.latencies_ns, fraction) / 1e3 if index else None
                    figure.add(value, bound)


def measure_tick_to_order(effort: Effort) -> list[Figure]:
    """From the tick's frame leaving the exchange to the order's frame in its hands."""
    figures = [
        Figure(f"tick-to-order, {name}, {point}", "µs", is_headline=(name, point) == ("bot", "p50"))
        for name in ("bare loop, order made before", "bot without journal", "bot")
        for point in ("p50", "p99")
    ]
    run_in_loop(lambda: compare(effort, figures))
    return figures


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
