"""`order-wait`, `mailbox`, `recording` and `journal`: what waiting, keeping and writing down cost."""

import asyncio
import gc
import sqlite3
import tempfile
import time
import tracemalloc
from collections import deque
from decimal import Decimal
from functools import partial
from pathlib import Path

from actors.commands.bench_hop import Echo, Outward, hop_actors, make_trade, time_actors
from actors.commands.bench_measure import Effort, Figure, quantile, run_in_loop
from actors.commands.recording_thread import ThreadWriter
from actors.runtime.actor import Actor
from actors.runtime.clock import RealClock
from actors.runtime.journal import Journal, Synchronous
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from actors.runtime.tap import RecordingTap
from messages.codec import encode
from messages.control import Subscribe
from messages.enums import Exchanges, OrderStatus, OrderType, Side
from messages.market import Trade
from messages.orders import NewOrderRequest, Order, OrderUpdate
from messages.recording import Opening

HANDLER_NS = 20_000
EVENT_INTERVAL_NS = 1_000_000
BURST = 100_000
RECORDED_BURST = 64


class SlowReader(Actor[Subscribe]):
    """Takes 20 µs for each trade, and notes how long each order event has waited."""

    def __init__(self, expected: int) -> None:
        self.expected, self.handled = expected, 0
        self.waits_ns: list[int] = []
        self.done = asyncio.Event()

    def on_trade(self, trade: Trade) -> None:
        """Works."""
        end_ns = time.perf_counter_ns() + HANDLER_NS
        while time.perf_counter_ns() < end_ns:
            pass
        self.handled += 1
        if self.handled >= self.expected:
            self.done.set()

    def on_order_update(self, update: OrderUpdate) -> None:
        """The time since the event came up is its wait."""
        self.waits_ns.append(time.perf_counter_ns() - update.order.event_time_ns)


class Source(Actor[Trade | OrderUpdate]):
    """Stands for feed and order manager in the wiring; the benchmark sends in their place."""


async def time_order_wait(trades: int) -> list[int]:
    """How long order events wait that come up, one in a millisecond, while a burst of trades is worked off; ns."""
    reader_actor = ActorSpecification(SlowReader, "reader", {"expected": trades})
    system = System(
        [reader_actor, ActorSpecification(Source, "source")],
        RealClock(),
        mailbox_limits={"sequence_limit": trades + 1},
    )
    await system.start()
    reader = system.cells["reader"].instance
    assert isinstance(reader, SlowReader)
    for number in range(trades):
        system.send(make_trade(Trade, number))
    loop = asyncio.get_running_loop()
    next_event_ns = time.perf_counter_ns()

    def bring() -> None:
        """One turn of the loop: what a socket would have brought by now."""
        nonlocal next_event_ns
        while next_event_ns <= time.perf_counter_ns():
            # It is as old as its planned instant, however late this turn has come.
            system.send(make_order_event(next_event_ns))
            next_event_ns += EVENT_INTERVAL_NS
        if not reader.done.is_set():
            loop.call_soon(bring)

    bring()
    await reader.done.wait()
    await system.stop()
    return reader.waits_ns


def make_order() -> Order:
    """An order as a strategy's BUY becomes one."""
    return Order(
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        symbol="BTCUSDT",
        order_id="maker-1-17",
        client_order_id="bot-maker-1-h",
        strategy="maker",
        quantity=Decimal("0.001"),
        price=Decimal("60000.12"),
        decided_on=encode(make_trade(Trade, 1)),
        status=OrderStatus.PENDING_NEW,
    )


def make_order_event(planned_ns: int) -> OrderUpdate:
    """Word of an order that came up at this instant."""
    order = make_order()
    order.event_time_ns = planned_ns
    return OrderUpdate(strategy="maker", order=order)


def measure_order_wait(effort: Effort) -> list[Figure]:
    """The wait of an order event behind 100,000 trades at 20 µs each."""
    trades = effort.count(BURST, least=100)
    points = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    figures = {
        name: Figure(
            f"order-wait behind {trades:,} trades, {name}", "µs", is_headline=name == "p99"
        )
        for name in points
    }
    for run in range(effort.runs + 1):
        size = trades if run else max(trades // 10, 100)
        waits_ns = run_in_loop(partial(time_order_wait, size))
        if run:
            for name, fraction in points.items():
                figures[name].add(quantile(waits_ns, fraction) / 1e3)
    return list(figures.values())


def traced_bytes() -> int:
    """Bytes in use by Python objects that were made since tracing began."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def weigh_mailbox(messages: int) -> tuple[float, float]:
    """Bytes for each queued trade: in an actor's mailbox, and as bare frames in a deque."""
    system = System(
        [
            ActorSpecification(SlowReader, "reader", {"expected": 0}),
            ActorSpecification(Source, "s"),
        ],
        RealClock(),
        mailbox_limits={"sequence_limit": messages + 1},
    )
    await system.start()
    await asyncio.sleep(0)
    tracemalloc.start()
    try:
        before = traced_bytes()
        for number in range(messages):
            system.send(make_trade(Trade, number))
        ours = (traced_bytes() - before) / messages
        before = traced_bytes()
        bare = deque(encode(make_trade(Trade, number)) for number in range(messages))
        return ours, (traced_bytes() - before) / len(bare)
    finally:
        tracemalloc.stop()
        await system.stop(patience_s=0.0)


async def weigh_actors(actors: int) -> float:
    """Bytes for each actor that runs and has nothing to do."""
    specifications = [ActorSpecification(Echo, f"echo-{n}", {"burst": 1}) for n in range(actors)]
    sender = ActorSpecification(RelayedSource, "source")
    tracemalloc.start()
    try:
        before = traced_bytes()
        system = System([sender, *specifications], RealClock())
        await system.start()
        await asyncio.sleep(0)
        weight = (traced_bytes() - before) / actors
        await system.stop()
        return weight
    finally:
        tracemalloc.stop()


class RelayedSource(Actor[Outward]):
    """Stands for whoever sends to the idle actors."""


def measure_mailbox(effort: Effort) -> list[Figure]:
    """Memory of a queued message and of an idle actor."""
    messages, actors = effort.count(50_000, least=100), effort.count(1_000, least=10)
    queued = Figure("mailbox, a queued trade", "bytes", is_headline=True)
    idle = Figure("mailbox, an idle actor", "bytes")
    for _ in range(effort.runs):
        queued.add(*run_in_loop(partial(weigh_mailbox, messages)))
        idle.add(run_in_loop(partial(weigh_actors, actors)))
    return [queued, idle]


def measure_recording(effort: Effort) -> list[Figure]:
    """What the recording tap adds to a message: time and bytes."""
    rounds = effort.count(1_000, least=5)
    cost = Figure(
        f"recording, hop in bursts of {RECORDED_BURST}",
        "ns",
        note="bare: unrecorded",
        is_headline=True,
    )
    size = Figure("recording, file per message", "bytes")
    messages = rounds * (RECORDED_BURST + 1)
    actors = hop_actors(rounds, RECORDED_BURST)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.recording"
        for run in range(effort.runs + 1):
            without = run_in_loop(partial(time_actors, actors))
            opening = Opening(run=0, seed=0, start_time_ns=0, versions={}, actors=[])
            tap = RecordingTap(path, opening, ThreadWriter)
            recorded = run_in_loop(partial(time_actors, actors, tap))
            tap.close()
            if run:
                cost.add(sum(recorded) / messages, sum(without) / messages)
                size.add(path.stat().st_size / messages)
    return [cost, size]


def time_journal(path: Path, orders: int, synchronous: Synchronous) -> list[int]:
    """Each order's intent in a transaction of its own, as the runtime writes it; ns each."""
    journal = Journal(path, "bench", synchronous)
    times = []
    request = NewOrderRequest(exchange=Exchanges.BINANCE, order=make_order())
    for number in range(1, orders + 1):
        request.number = number
        entry = ("order_manager", number, "NewOrderRequest", number, encode(request))
        begin_ns = time.perf_counter_ns()
        journal.write([entry], {"maker": number})
        times.append(time.perf_counter_ns() - begin_ns)
    journal.close()
    return times


def time_bare_insert(path: Path, orders: int, synchronous: Synchronous) -> list[int]:
    """One INSERT of the same bytes in a transaction of its own, by hand; ns each."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("CREATE TABLE entry (number INTEGER PRIMARY KEY, frame BLOB)")
    times = []
    request = NewOrderRequest(exchange=Exchanges.BINANCE, order=make_order())
    for number in range(1, orders + 1):
        request.number = number
        frame = encode(request)
        begin_ns = time.perf_counter_ns()
        connection.execute("INSERT INTO entry VALUES (?, ?)", (number, frame))
        times.append(time.perf_counter_ns() - begin_ns)
    connection.close()
    return times


def measure_journal(effort: Effort) -> list[Figure]:
    """What it costs to make one order's intent durable, against one bare INSERT."""
    figures: list[Figure] = []
    levels: tuple[tuple[Synchronous, int], ...] = (("NORMAL", 5_000), ("FULL", 500))
    for synchronous, full in levels:
        orders = effort.count(full, least=10)
        median = Figure(f"journal, an order, {synchronous}, p50", "µs", is_headline=not figures)
        tail = Figure(f"journal, an order, {synchronous}, p99", "µs")
        for run in range(effort.runs + 1):
            with tempfile.TemporaryDirectory() as folder:
                bare = time_bare_insert(Path(folder) / "bare.sqlite", orders, synchronous)
                ours = time_journal(Path(folder) / "journal.sqlite", orders, synchronous)
            if run:
                median.add(quantile(ours, 0.5) / 1e3, quantile(bare, 0.5) / 1e3)
                tail.add(quantile(ours, 0.99) / 1e3, quantile(bare, 0.99) / 1e3)
        figures += [median, tail]
    return figures
