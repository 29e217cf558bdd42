"""`hop` and `pipeline`: what it costs to bring a message from one actor to the next.

Both sides of a comparison do the same work on the same message (construct, encode, queue, decode, call); the bare side is
written by hand for this one purpose and has no lanes, no ids, no causes, no routing, no supervision and no statistics.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import msgspec

from actors.commands.bench_measure import Effort, Figure, quantile, run_in_loop
from actors.runtime.actor import Actor
from actors.runtime.clock import RealClock
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from actors.runtime.tap import Tap
from messages.codec import encode
from messages.enums import Exchanges
from messages.market import Trade

BURSTS = (1, 512)
PIPELINE_BURSTS = (1, 64)

Measurement = Callable[[], Coroutine[Any, Any, list[int]]]
TradeType = TypeVar("TradeType", bound=Trade)


class Outward(Trade, kw_only=True, gc=False):
    """A trade on its way out."""


class Second(Trade, kw_only=True, gc=False):
    """A trade on the second hop of the pipeline."""


class Third(Trade, kw_only=True, gc=False):
    """A trade on the third hop of the pipeline."""


class Homeward(Trade, kw_only=True, gc=False):
    """A trade on its way back."""


def make_trade(message_class: type[TradeType], number: int) -> TradeType:
    """A trade as a feed makes it: eight fields of its own."""
    return message_class(
        exchange=Exchanges.BINANCE,
        symbol="BTCUSDT",
        trade_id=number,
        price=60_000.12,
        quantity=0.01234,
        buyer_is_maker=True,
        trade_time_ns=1_767_225_600_000_000_000,
        event_time_ns=1_767_225_600_000_000_000,
        receive_time_ns=1_767_225_600_000_000_000,
    )


class Sender(Actor[Outward]):
    """Sends a burst, waits until it has come through, and sends the next."""

    def __init__(self, rounds: int, burst: int) -> None:
        self.rounds, self.burst = rounds, burst
        self.times_ns: list[int] = []
        self.done = asyncio.Event()

    def on_homeward(self, message: Homeward) -> None:
        """The last burst has come through."""
        self.times_ns.append(time.perf_counter_ns())
        if len(self.times_ns) > self.rounds:
            self.done.set()
            return
        for number in range(self.burst):
            self.send(make_trade(Outward, number))


class Echo(Actor[Homeward]):
    """Answers the last message of each burst."""

    def __init__(self, burst: int) -> None:
        self.burst, self.count = burst, 0

    def on_outward(self, message: Outward) -> None:
        """Counts."""
        self.count += 1
        if self.count % self.burst == 0:
            self.send(make_trade(Homeward, self.count))


class FirstRelay(Actor[Second]):
    """Passes each message on."""

    def on_outward(self, message: Outward) -> None:
        """The first hop."""
        self.send(make_trade(Second, message.trade_id))


class SecondRelay(Actor[Third]):
    """Passes each message on."""

    def on_second(self, message: Second) -> None:
        """The second hop."""
        self.send(make_trade(Third, message.trade_id))


class LastRelay(Actor[Homeward]):
    """Answers the last message of each burst."""

    def __init__(self, burst: int) -> None:
        self.burst, self.count = burst, 0

    def on_third(self, message: Third) -> None:
        """Counts."""
        self.count += 1
        if self.count % self.burst == 0:
            self.send(make_trade(Homeward, self.count))


def hop_actors(rounds: int, burst: int) -> list[ActorSpecification]:
    """Two actors."""
    return [
        ActorSpecification(Sender, "sender", {"rounds": rounds, "burst": burst}),
        ActorSpecification(Echo, "echo", {"burst": burst}),
    ]


def pipeline_actors(rounds: int, burst: int) -> list[ActorSpecification]:
    """Four actors in a ring."""
    return [
        ActorSpecification(Sender, "sender", {"rounds": rounds, "burst": burst}),
        ActorSpecification(FirstRelay, "first"),
        ActorSpecification(SecondRelay, "second"),
        ActorSpecification(LastRelay, "last", {"burst": burst}),
    ]


async def time_actors(
    specifications: list[ActorSpecification], tap: Tap | None = None
) -> list[int]:
    """Runs the ring; how long each round took, in ns."""
    system = System(specifications, RealClock(), tap=tap)
    await system.start()
    sender = system.cells["sender"].instance
    assert isinstance(sender, Sender)
    system.send(make_trade(Homeward, 0))
    await sender.done.wait()
    await system.stop()
    return differences(sender.times_ns)


class BareInbox:
    """A deque and a loop callback around a function: as little as a hop can be."""

    def __init__(self, message_class: type[Trade], handle: Callable[[Trade], None]) -> None:
        self.loop = asyncio.get_running_loop()
        self.frames: deque[bytes] = deque()
        self.decode = msgspec.msgpack.Decoder(message_class).decode
        self.handle = handle

    def put(self, frame: bytes) -> None:
        """Queues a frame."""
        if not self.frames:
            self.loop.call_soon(self.drain)
        self.frames.append(frame)

    def drain(self) -> None:
        """Handles all that was there when it began."""
        frames, decode, handle = self.frames, self.decode, self.handle
        for _ in range(len(frames)):
            handle(decode(frames.popleft()))
        if frames:
            self.loop.call_soon(self.drain)


async def time_bare(rounds: int, burst: int, hops: int) -> list[int]:
    """The same ring of `hops` inboxes by hand; how long each round took, in ns."""
    times_ns: list[int] = []
    done = asyncio.Event()
    ways = [Outward, Second, Third][: hops - 1]
    inboxes: list[BareInbox] = []
    count = 0

    def send_burst(message: Trade) -> None:
        times_ns.append(time.perf_counter_ns())
        if len(times_ns) > rounds:
            done.set()
            return
        put = inboxes[0].put
        for number in range(burst):
            put(encode(make_trade(Outward, number)))

    def relay(index: int) -> Callable[[Trade], None]:
        def pass_on(message: Trade) -> None:
            inboxes[index + 1].put(encode(make_trade(ways[index + 1], message.trade_id)))

        return pass_on

    def answer(message: Trade) -> None:
        nonlocal count
        count += 1
        if count % burst == 0:
            home.put(encode(make_trade(Homeward, count)))

    home = BareInbox(Homeward, send_burst)
    inboxes.extend(BareInbox(way, relay(index)) for index, way in enumerate(ways[:-1]))
    inboxes.append(BareInbox(ways[-1], answer))
    home.put(encode(make_trade(Homeward, 0)))
    await done.wait()
    return differences(times_ns)


def differences(times: list[int]) -> list[int]:
    """The time between each two neighbours."""
    return [later - earlier for earlier, later in pairwise(times)]


def measure_hop(effort: Effort) -> list[Figure]:
    """Time per message from one actor to another, one at a time and in bursts."""
    figures = []
    for burst in BURSTS:
        rounds = effort.count(100_000 // max(burst, 5), least=5)
        name = "one at a time" if burst == 1 else f"in bursts of {burst}"
        figure = Figure(f"hop, {name}", "ns", is_headline=True)
        messages = burst + 1
        for run in range(effort.runs + 1):
            # The sides take turns in going first, so that neither has the warmer machine.
            bare, ours = in_turns(
                run,
                partial(time_bare, rounds, burst, 2),
                partial(time_actors, hop_actors(rounds, burst)),
            )
            if run:  # the first is the warm-up
                each = rounds * messages
                figure.add(sum(ours) / each, sum(bare) / each)
        figures.append(figure)
    return figures


def measure_pipeline(effort: Effort) -> list[Figure]:
    """Four actors in a ring, every hop encoded: one message at a time, and the flow in bursts."""
    figures = []
    for burst in PIPELINE_BURSTS:
        rounds = effort.count(40_000 // max(burst, 4), least=5)
        if burst == 1:
            made = [
                Figure(f"pipeline, one message around, {name}", "µs") for name in ("p50", "p99")
            ]
        else:
            made = [Figure(f"pipeline, per message in bursts of {burst}", "ns", is_headline=True)]
        for run in range(effort.runs + 1):
            bare, ours = in_turns(
                run,
                partial(time_bare, rounds, burst, 4),
                partial(time_actors, pipeline_actors(rounds, burst)),
            )
            if not run:
                continue
            if burst == 1:
                for figure, fraction in zip(made, (0.5, 0.99), strict=True):
                    figure.add(quantile(ours, fraction) / 1e3, quantile(bare, fraction) / 1e3)
            else:
                each = rounds * burst
                made[0].add(sum(ours) / each, sum(bare) / each)
        figures.extend(made)
    figures[-1].note = f"{1e9 / figures[-1].median:,.0f} messages/s through three hops"
    return figures


def in_turns(run: int, bare: Measurement, ours: Measurement) -> tuple[list[int], list[int]]:
    """Both measurements, each in a loop of its own, in an order that changes from run to run."""
    if run % 2:
        second = run_in_loop(ours)
        return run_in_loop(bare), second
    return run_in_loop(bare), run_in_loop(ours)
