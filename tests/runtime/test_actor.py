"""An actor on its own, and what one costs while it idles."""

import asyncio
import gc
import tracemalloc
from decimal import Decimal
from typing import Any

import pytest

from actors.runtime.actor import Actor
from actors.runtime.context import RUN_SHIFT, ActorContext
from actors.runtime.system import System
from actors.strategies.strategy import Strategy
from actors.testing import ManualClock, make_probe, make_trade, received_by
from messages.base import Message
from messages.control import TimerFired
from messages.market import Trade
from tests.runtime.harness import (
    SOURCE,
    Datum,
    Ping,
    Pong,
    StartSystem,
    actor,
    emit,
    settle,
    values,
)


class Anything(Message, kw_only=True):
    """A field that may hold what cannot be encoded."""

    thing: Any = None


class Careful(Actor[Pong | Anything]):
    """Meets a message that cannot be encoded, and goes on."""

    def on_ping(self, ping: Ping) -> None:
        self.send(Pong(value=1))
        try:
            self.send(Anything(thing=object()))
        except TypeError:
            self.send(Pong(value=2))
        self.send(Anything(thing="x" * ping.value))


class Careless(Actor[Pong | Anything]):
    """Meets a message that cannot be encoded, and does not."""

    def on_ping(self, ping: Ping) -> None:
        self.send(Pong(value=1))
        self.send(Anything(thing=object()))


class Forwarder(Actor[Trade | Pong]):
    """Sends on the very object it was given, and one object twice."""

    def on_trade(self, trade: Trade) -> None:
        trade.symbol = "OTHER"
        self.send(trade)
        self.send(trade)
        self.send(Pong())


def test_ids_name_sender_run_and_count() -> None:
    forwarder = Forwarder()
    context = forwarder._context
    forwarder.bind(ActorContext(context.name, context.clock, context.random, run=3))
    forwarder.handle(make_trade())
    numbers = [envelope.number for envelope in forwarder._envelopes]
    assert numbers == [(3 << RUN_SHIFT) + count for count in (1, 2, 3)]
    assert forwarder.outbox[-1].message_id == f"Forwarder:{numbers[-1]}"


@pytest.mark.asyncio
async def test_an_object_sent_on_is_caused_by_what_it_was(start_system: StartSystem) -> None:
    sink = make_probe(Trade, Pong, name="Sink")

    class Listener(Forwarder):
        symbol = "BTCUSDT"

    system = await start_system(SOURCE, actor(Listener), actor(sink))
    emit(system, make_trade())
    await settle(system)
    pong, first, *rest = received_by(system, "sink")
    assert pong.cause_id == first.message_id
    assert [item.cause_id for item in rest] == [first.message_id] * 2
    assert len({item.message_id for item in rest}) == 2
    assert {item.origin_time_ns for item in rest} == {first.origin_time_ns}


def test_what_cannot_be_encoded_is_the_senders_to_catch() -> None:
    careful, careless = Careful(), Careless()
    careful.handle(Ping(value=1))
    assert [type(item).__name__ for item in careful.outbox] == ["Pong", "Pong", "Anything"]
    with pytest.raises(TypeError):
        careless.handle(Ping(value=1))
    assert careless.outbox == []


@pytest.mark.asyncio
async def test_what_cannot_be_encoded_fails_its_sender_alone(start_system: StartSystem) -> None:
    sink = make_probe(Pong, Anything, name="Sink")
    system = await start_system(SOURCE, actor(Careless), actor(Careful), actor(sink))
    emit(system, Ping(value=20_000_000))
    await settle(system)
    received = received_by(system, "sink")
    assert values(received[:2]) == [1, 2]
    huge = received[2]
    assert isinstance(huge, Anything)
    assert len(huge.thing) == 20_000_000
    assert system.statistics()["careless"]["restarts"] == 1
    assert system.statistics()["careful"]["restarts"] == 0


def test_a_timer_in_a_test_without_a_loop() -> None:
    class Beat(Actor[Pong]):
        def on_ping(self, ping: Ping) -> None:
            self.number = self.schedule(1.5, self.send, Pong(value=7))

    beat = Beat()
    beat.handle(Ping(), now_ns=1_000)
    [timer] = beat._timers.values()
    assert timer.due_ns == 1_500_001_000
    beat.handle(TimerFired(target="Beat", timer=beat.number))
    beat.handle(TimerFired(target="Beat", timer=beat.number))
    assert values(beat.outbox) == [7]


def test_time_in_a_test_is_the_messages_and_never_goes_back() -> None:
    class Keeper(Actor):
        def __init__(self) -> None:
            self.times: list[int] = []

        def on_trade(self, trade: Trade) -> None:
            self.times.append(self.now_ns)

    keeper = Keeper()
    for time_ns in (5, 9, 7):
        keeper.handle(make_trade(time_ns=time_ns))
    keeper.handle(make_trade(time_ns=1), now_ns=3)
    assert keeper.times == [5, 9, 9, 3]


def test_a_users_constructor_need_not_call_the_bases() -> None:
    class Mine(Strategy):
        def __init__(self, symbol: str) -> None:
            self.symbol = symbol

        def on_trade(self, trade: Trade) -> None:
            self.buy(self.symbol, Decimal(1))

    mine = Mine("BTCUSDT")
    mine.handle(make_trade())
    assert len(mine.outbox) == 1
    assert mine.name == "Mine"


@pytest.mark.asyncio
async def test_an_idle_actor_costs_little_memory(start_system: StartSystem) -> None:
    class Idle(Actor[Pong]):
        def on_ping(self, ping: Ping) -> None: ...

        def on_datum(self, datum: Datum) -> None: ...

    count = 200
    specifications = [SOURCE, *(actor(Idle, f"idle{number}") for number in range(count))]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        system = await start_system(*specifications)
        await settle(system)
        # What building left behind is no actor's: how much of it is still there depends on what ran before.
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(system.cells) == count + 1
    assert (after - before) / count < 30_000


def test_a_system_has_no_limit_that_is_not_meant() -> None:
    system = System([SOURCE], ManualClock(), mailbox_limits={"sequence_limit": 0})
    assert system.mailbox_limits == {"sequence_limit": 0}
    with pytest.raises(ValueError, match="1 message or more"):
        start_now(system)


def start_now(system: System) -> None:
    """Starts a system on a loop of its own."""
    asyncio.run(system.start())
