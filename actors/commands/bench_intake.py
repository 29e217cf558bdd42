"""`intake` and `exchange`: market data as fast as it comes, and what the local exchange itself can do.

The stock client beside it is the one that the program is built on, used as its documentation says, with its queue enlarged:
it runs in a process of its own (bench_peer_binance.py) and counts what it hands out.
"""

import asyncio
import sys
import time
from pathlib import Path

import msgspec

from actors.commands.bench_bare import open_bare, sign_orders
from actors.commands.bench_bot import DEFAULT_WAY, TradeCounter, start_bot
from actors.commands.bench_exchange import SYMBOLS
from actors.commands.bench_measure import Effort, Figure, run_in_loop
from actors.commands.bench_process import (
    PATIENCE_S,
    BenchError,
    ExchangeProcess,
    open_child,
    open_exchange,
    read_line,
)
from actors.runtime.specification import ActorSpecification

FRAMES = 40_000
ORDERS = 2_000
IN_FLIGHT = 50
STOCK_CLIENT = Path(__file__).with_name("bench_peer_binance.py")


class PeerTask(msgspec.Struct, frozen=True):
    """What a peer's process is told in its first line: the exchange's addresses, and what to do."""

    rest: str
    streams: str
    ws_api: str
    api_key: str
    api_secret: str
    job: str
    """`orders` (answer ticks) or `intake` (count so many trades)."""
    entry: str
    symbols: tuple[str, ...]
    frames: int = 0
    key: str = "HMAC"


class IntakeReport(msgspec.Struct, frozen=True):
    """What a process took in: from the first trade to the last."""

    frames: int
    seconds: float


async def run_intake(exchange: ExchangeProcess, frames: int) -> float:
    """Frames a second at the handler of a strategy of the real bot. Raises BenchError if some are missing."""
    arguments = {"symbols": SYMBOLS, "expected": frames}
    counter = ActorSpecification(TradeCounter, "counter", arguments)
    system = await start_bot(exchange.addresses, strategies=[counter])
    try:
        instance = system.cells["counter"].instance
        assert isinstance(instance, TradeCounter)
        await exchange.run_flood(frames, len(SYMBOLS))
        try:
            await asyncio.wait_for(instance.done.wait(), PATIENCE_S)
        except TimeoutError:
            dropped = system.statistics()["counter"]["dropped"]
            text = f"{instance.count} of {frames} trades came, {dropped} were dropped"
            raise BenchError(text) from None
        return frames / (instance.last_ns - instance.first_ns) * 1e9
    finally:
        await system.stop()


async def run_bare_intake(exchange: ExchangeProcess, frames: int) -> float:
    """Frames a second of a bare loop that decodes each."""
    decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
    count, first_ns = 0, 0
    done = asyncio.Event()

    def take(frame: bytes) -> None:
        nonlocal count, first_ns
        decode(frame)
        first_ns = first_ns or time.perf_counter_ns()
        count += 1
        if count == frames:
            done.set()

    names = "/".join(f"{symbol.lower()}@trade" for symbol in SYMBOLS)
    stream = await open_bare(f"{exchange.addresses.streams}/stream?streams={names}", take)
    await exchange.run_flood(frames, len(SYMBOLS))
    await asyncio.wait_for(done.wait(), PATIENCE_S)
    stream.transport.close()
    return frames / (time.perf_counter_ns() - first_ns) * 1e9


async def run_stock_intake(exchange: ExchangeProcess, frames: int) -> float:
    """Frames a second that the stock client's socket manager hands out, in a process of its own."""
    found = exchange.addresses
    task = PeerTask(
        rest=found.rest,
        streams=found.streams,
        ws_api=found.ws_api,
        api_key=found.api_key,
        api_secret=found.api_secret,
        job="intake",
        entry="websocket",
        symbols=SYMBOLS,
        frames=frames,
    )
    words = [sys.executable, str(STOCK_CLIENT)]
    async with open_child(words, msgspec.json.encode(task)) as process:
        await read_line(process)
        await exchange.run_flood(frames, len(SYMBOLS))
        report = msgspec.json.decode(await read_line(process), type=IntakeReport)
    return report.frames / report.seconds


async def compare_intake(effort: Effort, figures: list[Figure]) -> None:
    """Bot, bare loop and stock client in turns, each with an exchange of its own: trade numbers go on from 1."""
    ours, stock = figures
    frames = effort.count(FRAMES, least=1_000)
    for _ in range(effort.runs):
        async with open_exchange() as exchange:
            rate = await run_intake(exchange, frames)
        async with open_exchange() as exchange:
            bare = await run_bare_intake(exchange, frames)
        async with open_exchange() as exchange:
            theirs = await run_stock_intake(exchange, max(frames // 4, 1_000))
        ours.add(rate, bare)
        stock.add(theirs, bare)
    ours.note = f"{ours.median / stock.median:.1f} times the stock client's"


def measure_intake(effort: Effort) -> list[Figure]:
    """Trades of ten symbols over one connection, counted at a strategy's handler."""
    figures = [
        Figure("intake, at the strategy's handler", "frames/s", is_headline=True),
        Figure("intake, stock socket manager, queue enlarged", "frames/s"),
    ]
    run_in_loop(lambda: compare_intake(effort, figures))
    return figures


async def run_exchange(effort: Effort, figures: list[Figure]) -> None:
    """How many orders the exchange answers, and how many frames it writes, in a second."""
    orders, frames = figures
    count = effort.count(ORDERS, least=100)
    for _ in range(effort.runs):
        async with open_exchange() as exchange:
            orders.add(await time_orders(exchange, count))
            frames.add(await run_bare_intake(exchange, effort.count(4 * FRAMES, least=1_000)))


async def time_orders(exchange: ExchangeProcess, count: int) -> float:
    """Orders a second through one connection, with some always in flight."""
    requests = list(sign_orders(exchange.addresses, 1_000_000, count, DEFAULT_WAY).values())
    sent = answered = 0
    done = asyncio.Event()

    def hear(frame: bytes) -> None:
        nonlocal answered, sent
        answered += 1
        if sent < count:
            api.transport.write(requests[sent])
            sent += 1
        if answered == count:
            done.set()

    api = await open_bare(exchange.addresses.ws_api, hear)
    begin_ns = time.perf_counter_ns()
    sent = min(IN_FLIGHT, count)
    api.transport.write(b"".join(requests[:sent]))
    await asyncio.wait_for(done.wait(), PATIENCE_S)
    seconds = (time.perf_counter_ns() - begin_ns) / 1e9
    api.transport.close()
    return count / seconds


def measure_exchange(effort: Effort) -> list[Figure]:
    """The local exchange's own limits: what is measured against it cannot be faster."""
    figures = [
        Figure("exchange, orders answered", "orders/s", is_headline=True),
        Figure("exchange, market frames written", "frames/s"),
    ]
    run_in_loop(lambda: run_exchange(effort, figures))
    return figures
