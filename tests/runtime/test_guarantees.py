"""The guarantees of the actor system, one test or more for each, named after it."""

import asyncio
from typing import Any

import msgspec
import pytest

from actors.runtime.actor import Actor
from actors.runtime.errors import NotDeclaredError, WiringError
from actors.runtime.system import System
from actors.testing import ManualClock, make_probe, make_trade, received_by
from messages.base import Message
from messages.codec import decoder_of
from messages.control import Gap
from messages.enums import KlineInterval
from messages.market import Kline, PartialKline, Trade
from tests.runtime.harness import (
    BOSS,
    SOURCE,
    Datum,
    Job,
    Ping,
    Pong,
    StartSystem,
    State,
    actor,
    emit,
    pause,
    settle,
    until,
    values,
)

Sink = make_probe(Ping, Datum, State, Gap, name="Sink")


class Nested(Actor[Ping]):
    """Notes whether a handler ever runs within another, though it sends to itself."""

    def __init__(self) -> None:
        self.depth = 0
        self.deepest = 0
        self.seen: list[int] = []

    def on_ping(self, ping: Ping) -> None:
        self.depth += 1
        self.deepest = max(self.deepest, self.depth)
        self.seen.append(ping.value)
        if ping.value < 10:
            self.send(Ping(value=ping.value + 1))
        self.depth -= 1


class Mutator(Actor[Pong]):
    """Changes its copy of everything, header included, and what it has sent after sending it."""

    def on_ping(self, ping: Ping) -> None:
        ping.items.append(99)
        ping.value = -1
        ping.sender = "nobody"
        pong = Pong(value=1)
        self.send(pong)
        pong.value = 2


class Raiser(Actor[Pong]):
    """Does everything an actor can do, then raises on an odd value."""

    def __init__(self) -> None:
        self.ticks: list[int] = []

    async def chatter(self) -> None:
        self.ticks.append(-1)

    def on_ping(self, ping: Ping) -> None:
        self.send(Pong(value=ping.value))
        self.schedule(0.0, self.ticks.append, ping.value)
        self.spawn(self.chatter())
        if ping.value % 2:
            raise ValueError("odd")


class Left(Actor[Ping]):
    """Answers every pong with many pings."""

    def on_pong(self, pong: Pong) -> None:
        if pong.value > 0:
            for _ in range(3):
                self.send(Ping(value=pong.value - 1))


class Right(Actor[Pong]):
    """Answers every ping with many pongs."""

    def on_ping(self, ping: Ping) -> None:
        if ping.value > 0:
            for _ in range(3):
                self.send(Pong(value=ping.value - 1))


def make_kline(close: float, open_time_ns: int = 0) -> dict[str, Any]:
    return {
        "exchange": "BINANCE",
        "symbol": "BTCUSDT",
        "interval": KlineInterval("1m"),
        "open_time_ns": open_time_ns,
        "close_time_ns": open_time_ns + 59_999_999_999,
        "open": close,
        "high": close,
        "low": close,
        "close": close,
        "volume": 1.0,
    }


@pytest.mark.asyncio
async def test_1_one_message_at_a_time(start_system: StartSystem) -> None:
    system = await start_system(SOURCE, actor(Nested))
    emit(system, Ping(value=0), Ping(value=100))
    await settle(system)
    nested = system.cells["nested"].instance
    assert isinstance(nested, Nested)
    assert nested.deepest == 1
    assert nested.seen == [0, 100, *range(1, 11)]


@pytest.mark.asyncio
async def test_1_order_of_one_sender_within_a_lane(start_system: StartSystem) -> None:
    system = await start_system(SOURCE, actor(Sink))
    for value in range(300):
        emit(system, Datum(value=value), Ping(value=value))
        if value % 7 == 0:
            await pause(1)
    await settle(system)
    received = received_by(system, "sink")
    assert values(item for item in received if isinstance(item, Datum)) == list(range(300))
    assert values(item for item in received if isinstance(item, Ping)) == list(range(300))


@pytest.mark.asyncio
async def test_2_nothing_is_shared(start_system: StartSystem) -> None:
    pongs = make_probe(Pong, name="Pongs")
    system = await start_system(SOURCE, actor(Mutator), actor(Sink), actor(pongs))
    ping = Ping(value=7, items=[1])
    emit(system, ping)
    ping.value, ping.items[0] = 8, 2
    await settle(system)
    [seen] = received_by(system, "sink")
    assert isinstance(seen, Ping)
    assert (seen.value, seen.items, seen.sender) == (7, [1], "source")
    [pong] = received_by(system, "pongs")
    assert isinstance(pong, Pong)
    assert pong.value == 1
    # What the mutator did to the header of its copy is no lie to anybody else.
    assert pong.cause_id == seen.message_id


@pytest.mark.asyncio
async def test_3_a_handler_that_raises_does_nothing(start_system: StartSystem) -> None:
    pongs = make_probe(Pong, name="Pongs")
    system = await start_system(SOURCE, actor(Raiser), actor(pongs))
    emit(system, Ping(value=2))
    await settle(system)
    first = system.cells["raiser"].instance
    assert isinstance(first, Raiser)
    assert sorted(first.ticks) == [-1, 2]
    emit(system, Ping(value=3))
    await settle(system)
    assert values(received_by(system, "pongs")) == [2]
    assert sorted(first.ticks) == [-1, 2]
    assert not system.cells["raiser"].tasks
    emit(system, Ping(value=4))
    await until(lambda: system.cells["raiser"].instance is not first)
    await settle(system)
    assert values(received_by(system, "pongs")) == [2, 4]


def test_3_also_without_a_system() -> None:
    raiser = Raiser()
    raiser.handle(Ping(value=2))
    raiser._spawned.pop().close()
    with pytest.raises(ValueError, match="odd"):
        raiser.handle(Ping(value=3))
    assert values(raiser.outbox) == [2]
    assert not raiser._spawned
    assert len(raiser._timers) == 1


@pytest.mark.asyncio
async def test_4_a_gap_is_told_once_ahead_of_the_next_data(start_system: StartSystem) -> None:
    system = await start_system(SOURCE, actor(Sink), mailbox_limits={"sequence_limit": 5})
    emit(
        system, *(Datum(value=value, series="ab"[value % 2]) for value in range(12)), Ping(value=1)
    )
    await settle(system)
    ping, *rest = received_by(system, "sink")
    assert isinstance(ping, Ping)
    gaps = [item for item in rest if isinstance(item, Gap)]
    assert rest[:2] == gaps
    assert [(gap.message_class, gap.key, gap.count) for gap in gaps] == [
        ("Datum", ["a"], 4),
        ("Datum", ["b"], 3),
    ]
    assert values(rest[2:]) == [7, 8, 9, 10, 11]
    statistics = system.statistics()["sink"]
    assert (statistics["dropped"], statistics["gaps"]) == (7, 2)
    emit(system, Datum(value=12))
    await settle(system)
    assert values(received_by(system, "sink")[-1:]) == [12]
    assert system.statistics()["sink"]["gaps"] == 2


@pytest.mark.asyncio
async def test_4_conflation_keeps_the_place(start_system: StartSystem) -> None:
    system = await start_system(SOURCE, actor(Sink))
    emit(
        system,
        State(value=1, series="a"),
        Datum(value=2),
        State(value=3, series="b"),
        State(value=4, series="a"),
    )
    await settle(system)
    assert values(received_by(system, "sink")) == [4, 2, 3]
    assert system.statistics()["sink"]["conflated"] == 1


@pytest.mark.asyncio
async def test_4_a_closed_bar_is_never_replaced_by_a_partial_one(start_system: StartSystem) -> None:
    bars = make_probe(Kline, PartialKline, name="Bars")
    system = await start_system(SOURCE, actor(bars))
    emit(
        system,
        PartialKline(**make_kline(1.0)),
        PartialKline(**make_kline(2.0)),
        Kline(**make_kline(3.0)),
        PartialKline(**make_kline(4.0, 60_000_000_000)),
        PartialKline(**make_kline(5.0, 60_000_000_000)),
    )
    await settle(system)
    seen = [
        (type(item).__name__, item.close)
        for item in received_by(system, "bars")
        if isinstance(item, Kline | PartialKline)
    ]
    assert [bar for bar in seen if bar[0] == "Kline"] == [("Kline", 3.0)]
    assert ("PartialKline", 5.0) in seen


@pytest.mark.asyncio
async def test_4_control_overtakes_data_and_is_never_dropped(start_system: StartSystem) -> None:
    system = await start_system(SOURCE, actor(Sink), mailbox_limits={"sequence_limit": 2})
    emit(system, *(Datum(value=value) for value in range(50)))
    emit(system, *(Ping(value=value) for value in range(50)))
    await settle(system)
    received = received_by(system, "sink")
    assert values(received[:50]) == list(range(50))
    assert all(isinstance(item, Ping) for item in received[:50])


class Lazy(Actor[Pong]):
    """Wants the state only when something is asked of it."""

    lazy_inputs = frozenset({State})

    def __init__(self) -> None:
        self.seen: list[Message] = []

    def on_state(self, state: State) -> None:
        self.seen.append(state)

    def on_job(self, job: Job) -> None:
        self.seen.append(job)

    def on_datum(self, datum: Datum) -> None:
        self.seen.append(datum)


@pytest.mark.asyncio
async def test_4_lazy_inputs_come_just_before_the_next_control_message(
    start_system: StartSystem,
) -> None:
    system = await start_system(SOURCE, BOSS, actor(Lazy))
    emit(system, State(value=1), State(value=2), State(value=3, series="b"))
    await settle(system)
    lazy = system.cells["lazy"].instance
    assert isinstance(lazy, Lazy)
    assert not lazy.seen
    emit(system, Datum(value=4))
    await settle(system)
    emit(system, Job(value=5), Job(value=6))
    await settle(system)
    assert values(lazy.seen) == [4, 2, 3, 5, 6]


@pytest.mark.asyncio
async def test_5_senders_that_flood_each_other_do_not_block(start_system: StartSystem) -> None:
    system = await start_system(SOURCE, actor(Left), actor(Right))
    emit(system, Ping(value=8), Pong(value=8))
    await settle(system)
    handled = system.statistics()
    # Each level sends three for one: 3 ** 8 at the last, both ways, and each once at its start.
    assert handled["left"]["handled"] + handled["right"]["handled"] == 2 * sum(
        3**level for level in range(9)
    ) + len(("Start", "Start"))


@pytest.mark.asyncio
async def test_6_others_do_not_notice_a_restart(start_system: StartSystem) -> None:
    system = await start_system(SOURCE, actor(Raiser), actor(Sink))
    first = system.cells["raiser"].instance
    emit(system, *(Ping(value=value) for value in (1, 2, 4)))
    await settle(system)
    assert values(received_by(system, "sink")) == [1, 2, 4]
    await until(lambda: system.cells["raiser"].instance is not first)
    await settle(system)
    second = system.cells["raiser"].instance
    assert isinstance(second, Raiser)
    # The mailbox was kept, and the failing message not delivered again.
    assert [tick for tick in second.ticks if tick > 0] == [2, 4]
    assert system.statistics()["raiser"]["restarts"] == 1


def test_7_every_fault_of_the_wiring_is_listed_at_once() -> None:
    class Lonely(Actor[Job]):
        def on_trade(self, trade: Trade) -> None: ...

        def on_pong(self, pong: Pong) -> None: ...

    with pytest.raises(WiringError) as caught:
        System([actor(Lonely, "bad name"), actor(Lonely, "x"), actor(Lonely, "x")], ManualClock())
    text = str(caught.value)
    for expected in (
        "'bad name'",
        "'x' is taken",
        "Trade, which nobody",
        "Pong, which nobody",
        "Job",
    ):
        assert expected in text
    assert len(caught.value.faults) == 9


def test_8_only_what_is_declared_can_be_sent() -> None:
    with pytest.raises(NotDeclaredError, match="Raiser sends Job"):
        Raiser().send(Job())


class Walker(Actor[Pong | Job]):
    """Passes a trade on by way of a timer, of a message sent again, and of a task."""

    is_boundary = True

    def on_trade(self, trade: Trade) -> None:
        self.schedule(0.0, self.later)

    def later(self) -> None:
        self.send(Pong(value=1))

    def on_pong(self, pong: Pong) -> None:
        if pong.value == 1:
            pong.value = 2
            self.send(pong)
        else:
            self.spawn(self.work())

    async def work(self) -> None:
        await asyncio.sleep(0)
        self.send(Job(value=3))

    def on_job(self, job: Job) -> None: ...


class Collector:
    """A tap in memory: every frame by the id of its message."""

    def __init__(self) -> None:
        self.frames: dict[str, bytes] = {}

    def on_handled(self, actor: str, time_ns: int, frame: bytes) -> None:
        header = msgspec.msgpack.decode(frame)
        self.frames[f"{header[1]}:{header[2]}"] = frame

    def on_sent(self, actor: str, time_ns: int, frame: bytes) -> None: ...

    def flush(self) -> None: ...

    def close(self) -> None: ...


@pytest.mark.asyncio
async def test_10_from_the_last_message_back_to_the_tick(start_system: StartSystem) -> None:
    tap = Collector()
    system = await start_system(SOURCE, actor(Walker), tap=tap)
    trade = make_trade(price=101.5)
    emit(system, trade)
    await settle(system)
    chain = []
    [frame] = [item for item in tap.frames.values() if item[1:5] == b"\xa3Job"]
    while True:
        tag, sender, number, cause_sender, cause_number, *_ = msgspec.msgpack.decode(frame)
        chain.append(tag)
        if not cause_sender:
            break
        assert (sender, number) != (cause_sender, cause_number)
        frame = tap.frames[f"{cause_sender}:{cause_number}"]
    assert chain == ["Job", "Pong", "Pong", "TimerFired", "Trade"]
    assert decoder_of(Trade).decode(frame).price == 101.5
