"""The rest of `exchange`: what the shipped local exchange does while its synthetic market runs, and its engine alone.

Orders are LIMIT IOC that take, signed beforehand and written by a bare socket, so that the client costs next to nothing; of
each figure of latency one order is in flight. Frames are counted where they arrive. The engine's figures are taken in this
process, without a network.
"""

import asyncio
import gc
import itertools
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from urllib.parse import urlsplit

from actors.commands.bench_bare import BareRequests, open_bare, sign_orders
from actors.commands.bench_bot import Way
from actors.commands.bench_exchange import FIRST_PRICE, LOT, SYMBOL, BenchAddresses
from actors.commands.bench_measure import Effort, Figure, quantile, run_in_loop
from actors.commands.bench_process import PATIENCE_S, BenchError
from actors.commands.local_exchange import start_local_exchange
from actors.exchange.orders import NewOrder
from actors.exchange.symbols import rules_for
from actors.exchange.venue import Venue
from messages.enums import OrderType, Side, TimeInForce

ORDERS = 2_000
IN_FLIGHT = 50
ENGINE_ORDERS = 20_000
RESTING_ORDERS = 100_000
WEIGHED_ORDERS = 20_000
"""Counting memory makes placing slow: so many are weighed, and the figure is that of five times as many."""
FAST_TRADES_PER_S = 1_000
LISTENING_S = 2.0
MANY = 50
UNLIMITED = "1000000000"
FIRST_TICK = 1_000_000
ENTRIES = (Way("websocket", "HMAC"), Way("rest", "HMAC"))

SUCCESS = {"websocket": b'"status":200', "rest": b"HTTP/1.1 200"}

Send = Callable[[bytes], None]


@asynccontextmanager
async def open_venue(trades_per_s: int) -> AsyncIterator[BenchAddresses]:
    """The exchange as `bin/exchange` starts it, with a synthetic market and without limits."""
    local = await start_local_exchange(
        [
            *("--symbols", SYMBOL, "--rate", str(trades_per_s)),
            *("--order-limit", UNLIMITED, "--weight-limit", UNLIMITED, "--until-parent-exits"),
        ]
    )
    found = local.addresses
    try:
        yield BenchAddresses(
            found.rest, found.streams, found.ws_api, found.api_key, found.api_secret, "", ""
        )
    finally:
        await local.stop()


async def open_entry(
    addresses: BenchAddresses, way: Way, hear: Callable[[bytes], None]
) -> tuple[asyncio.Transport, Send]:
    """A connection to one of the two entries, and what writes a request to it."""
    if way.entry == "websocket":
        socket = await open_bare(addresses.ws_api, hear)
        return socket.transport, socket.transport.write
    parts = urlsplit(addresses.rest)
    transport, _ = await asyncio.get_running_loop().create_connection(
        lambda: BareRequests(hear), parts.hostname or "", parts.port or 0
    )
    return transport, transport.write


async def time_rate(addresses: BenchAddresses, way: Way, first: int, count: int) -> float:
    """Orders a second: on one socket with some in flight, or on as many HTTP connections with one in flight each."""
    requests = iter(sign_orders(addresses, first, count, way).values())
    answered = 0
    done = asyncio.Event()
    transports: list[asyncio.Transport] = []

    def hear_on(place: int) -> Callable[[bytes], None]:
        def hear(answer: bytes) -> None:
            nonlocal answered
            answered += 1
            if (request := next(requests, None)) is not None:
                transports[place].write(request)
            elif answered == count:
                done.set()

        return hear

    connections = 1 if way.entry == "websocket" else 8
    for place in range(connections):
        transport, _ = await open_entry(addresses, way, hear_on(place))
        transports.append(transport)
    begin_ns = time.perf_counter_ns()
    in_flight = min(IN_FLIGHT if connections == 1 else connections, count)
    for place in range(in_flight):
        transports[place % connections].write(next(requests))
    await asyncio.wait_for(done.wait(), PATIENCE_S)
    seconds = (time.perf_counter_ns() - begin_ns) / 1e9
    for transport in transports:
        transport.close()
    return count / seconds


async def time_one_by_one(
    addresses: BenchAddresses, way: Way, first: int, count: int
) -> list[float]:
    """How long each order takes to its answer, in microseconds, with nothing else in flight.

    Raises TimeoutError after a refusal, which is logged.
    """
    has_answer = asyncio.Event()

    def hear(answer: bytes) -> None:
        if SUCCESS[way.entry] not in answer:
            raise BenchError(f"an order of the benchmark was refused: {answer[:500]!r}")
        has_answer.set()

    transport, send = await open_entry(addresses, way, hear)
    found = []
    for request in sign_orders(addresses, first, count, way).values():
        has_answer.clear()
        begin_ns = time.perf_counter_ns()
        send(request)
        await asyncio.wait_for(has_answer.wait(), PATIENCE_S)
        found.append((time.perf_counter_ns() - begin_ns) / 1e3)
    transport.close()
    return found


async def run_entries(effort: Effort, figures: Mapping[str, Sequence[Figure]]) -> None:
    """Both entries, each with an exchange of its own."""
    count = effort.count(ORDERS, least=50)
    for _ in range(effort.runs):
        for way in ENTRIES:
            rate, median, late = figures[way.entry]
            async with open_venue(100) as addresses:
                rate.add(await time_rate(addresses, way, FIRST_TICK, count))
                took = await time_one_by_one(addresses, way, FIRST_TICK + count, count)
                median.add(quantile(took, 0.5))
                late.add(quantile(took, 0.99))


async def count_frames(addresses: BenchAddresses, subscribers: int, seconds: float) -> float:
    """Frames a second that arrive at all subscribers together, each of trades, best prices and depth."""
    count = itertools.count()
    lower = SYMBOL.lower()
    url = f"{addresses.streams}/stream?streams={lower}@trade/{lower}@bookTicker/{lower}@depth@100ms"
    sockets = [await open_bare(url, lambda frame: void(next(count))) for _ in range(subscribers)]
    await asyncio.sleep(seconds / 4)
    before, begin_ns = next(count), time.perf_counter_ns()
    await asyncio.sleep(seconds)
    arrived = next(count) - before - 1
    passed = (time.perf_counter_ns() - begin_ns) / 1e9
    for socket in sockets:
        socket.transport.close()
    return arrived / passed


def void(value: object) -> None:
    """Drops a value."""


async def run_frames(effort: Effort, figures: Sequence[Figure]) -> None:
    """One subscriber, then many."""
    seconds = max(LISTENING_S * effort.fraction, 0.5)
    for _ in range(effort.runs):
        async with open_venue(FAST_TRADES_PER_S) as addresses:
            for figure, subscribers in zip(figures, (1, MANY), strict=True):
                figure.add(await count_frames(addresses, subscribers, seconds))


class EngineBench:
    """A venue in this process, with one rich trader and no limit on open orders."""

    def __init__(self) -> None:
        rules = rules_for(SYMBOL)
        rules.max_open_orders = 0
        self.now_us = 1_000_000_000_000_000
        self.venue = Venue([rules], lambda: self.now_us)
        rich = {"USDT": Decimal(10**12), "BTC": Decimal(10**9)}
        self.account = self.venue.open_account("trader", rich)

    def place(self, side: Side, price: Decimal) -> None:
        """One LIMIT order that rests, or takes what rests."""
        self.now_us += 1
        self.venue.new_order(
            self.account,
            NewOrder(
                symbol=SYMBOL,
                side=side,
                order_type=OrderType.LIMIT,
                quantity=LOT,
                price=price,
                time_in_force=TimeInForce.GTC,
            ),
        )


def time_engine(count: int) -> float:
    """Orders a second, every second one of which takes the one before."""
    bench = EngineBench()
    begin_ns = time.perf_counter_ns()
    for _ in range(count // 2):
        bench.place(Side.SELL, FIRST_PRICE)
        bench.place(Side.BUY, FIRST_PRICE)
    return count // 2 * 2 / (time.perf_counter_ns() - begin_ns) * 1e9


def weigh_orders(count: int) -> float:
    """MiB that 100,000 resting orders take, on a thousand prices."""
    bench = EngineBench()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(count):
            bench.place(Side.BUY, FIRST_PRICE - number % 1_000)
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    return taken / count * RESTING_ORDERS / 2**20


def measure_venue(effort: Effort) -> list[Figure]:
    """All figures of the exchange with its market, and of its engine."""
    names = {"websocket": "WebSocket API", "rest": "REST"}
    entries = {
        entry: (
            Figure(f"orders by {name}, with a market", "orders/s", is_headline=True),
            Figure(f"order to answer by {name}, p50", "us"),
            Figure(f"order to answer by {name}, p99", "us"),
        )
        for entry, name in names.items()
    }
    frames = [
        Figure("market frames to 1 subscriber", "frames/s"),
        Figure(f"market frames to {MANY} subscribers", "frames/s", is_headline=True),
    ]
    engine = Figure("engine alone", "orders/s")
    memory = Figure("100,000 resting orders", "MiB")
    run_in_loop(lambda: run_entries(effort, entries))
    run_in_loop(lambda: run_frames(effort, frames))
    for _ in range(effort.runs):
        engine.add(time_engine(effort.count(ENGINE_ORDERS, least=1_000)))
        memory.add(weigh_orders(effort.count(WEIGHED_ORDERS, least=2_000)))
    return [*entries["websocket"], *entries["rest"], *frames, engine, memory]
