"""Tasks and timers of actors: held, caused, voided, and gone at the end."""

import asyncio
import gc
import math
from typing import Any

import pytest

from actors.runtime.actor import Actor
from actors.testing import ManualClock, make_probe, received_by
from messages.base import Message
from messages.control import ActorRestarted, TimerFired
from tests.runtime.harness import (
    SOURCE,
    Ping,
    Pong,
    StartSystem,
    actor,
    emit,
    pause,
    settle,
    until,
    values,
)


class Worker(Actor[Pong]):
    """Spawns a task for each ping: it waits for a gate that nobody else holds, and then answers."""

    is_boundary = True

    def __init__(self) -> None:
        self.gates: list[asyncio.Event] = []
        self.ended: list[int] = []

    def on_ping(self, ping: Ping) -> None:
        if ping.value < 0:
            raise ValueError("the worker")
        gate = asyncio.Event()
        self.gates.append(gate)
        self.spawn(self.work(ping.value, gate))

    async def work(self, value: int, gate: asyncio.Event) -> None:
        try:
            await gate.wait()
            self.send(Pong(value=value))
        finally:
            self.ended.append(value)


class Alarm(Actor[Pong]):
    """Sets and cancels timers."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def on_ping(self, ping: Ping) -> None:
        if ping.value < 0:
            raise ValueError("the alarm")
        self.numbers.append(self.schedule(ping.value / 1000, self.ring, ping.value))

    def ring(self, value: int) -> None:
        self.send(Pong(value=value))
        if value == 13:
            for number in self.numbers:
                self.cancel_timer(number)


Pongs = make_probe(Pong, name="Pongs")


@pytest.mark.asyncio
async def test_tasks_are_held_until_they_are_done(start_system: StartSystem) -> None:
    before = len(asyncio.all_tasks())
    system = await start_system(SOURCE, actor(Worker), actor(Pongs))
    emit(system, *(Ping(value=value) for value in range(200)))
    await settle(system)
    assert len(asyncio.all_tasks()) == before + 200
    gc.collect()
    worker = system.cells["worker"].instance
    assert isinstance(worker, Worker)
    for gate in worker.gates[:150]:
        gate.set()
    worker.gates.clear()
    del gate
    gc.collect()
    await until(lambda: len(received_by(system, "pongs")) == 150)
    assert values(received_by(system, "pongs")) == list(range(150))
    await until(lambda: len(asyncio.all_tasks()) == before + 50)
    assert len(system.cells["worker"].tasks) == 50
    await system.stop()
    assert len(asyncio.all_tasks()) == before
    assert worker.ended == list(range(200))
    assert len(received_by(system, "pongs")) == 150


@pytest.mark.asyncio
async def test_what_a_task_sends_goes_out_at_once_with_its_cause(start_system: StartSystem) -> None:
    system = await start_system(SOURCE, actor(Worker), actor(Pongs))
    emit(system, Ping(value=1))
    await settle(system)
    worker = system.cells["worker"].instance
    assert isinstance(worker, Worker)
    worker.gates[0].set()
    await until(lambda: received_by(system, "pongs"))
    [pong] = received_by(system, "pongs")
    source = system.cells["source"].context
    assert pong.cause_id == f"source:{source.counter}"
    assert pong.origin_time_ns < pong.time_ns


class FromTasks(Actor[Pong]):
    """All that a handler may do, a task and a constructor may do too."""

    is_boundary = True

    def __init__(self) -> None:
        self.send(Pong(value=1))
        self.schedule(0.001, self.tell, 2)
        self.spawn(self.answer(3))

    async def run(self) -> None:
        self.schedule(0.001, self.tell, 4)
        self.cancel_timer(self.schedule(0.0, self.tell, -1))
        self.spawn(self.answer(5))
        await asyncio.Event().wait()

    def tell(self, value: int) -> None:
        self.send(Pong(value=value))

    async def answer(self, value: int) -> None:
        self.send(Pong(value=value))


@pytest.mark.asyncio
async def test_constructors_and_tasks_may_do_what_handlers_may(start_system: StartSystem) -> None:
    system = await start_system(actor(FromTasks), actor(Pongs))
    await until(lambda: len(received_by(system, "pongs")) == 5)
    assert sorted(values(received_by(system, "pongs"))) == [1, 2, 3, 4, 5]
    assert len(system.cells["fromtasks"].tasks) == 1
    await pause()
    assert len(received_by(system, "pongs")) == 5


@pytest.mark.asyncio
async def test_a_task_canceled_before_its_first_step_leaves_no_warning(
    start_system: StartSystem,
) -> None:
    system = await start_system(SOURCE, actor(Worker))
    emit(system, Ping(value=1), Ping(value=-1))
    await until(lambda: system.statistics()["worker"]["restarts"] == 1)
    await settle(system)
    gc.collect()
    assert not system.cells["worker"].tasks


@pytest.mark.asyncio
async def test_timers_come_due_in_order_as_messages_with_a_cause(start_system: StartSystem) -> None:
    system = await start_system(SOURCE, actor(Alarm), actor(Pongs))
    emit(system, Ping(value=9), Ping(value=3), Ping(value=13), Ping(value=40), Ping(value=50))
    await until(lambda: len(received_by(system, "pongs")) == 3)
    await settle(system)
    assert values(received_by(system, "pongs")) == [3, 9, 13]
    assert not system.cells["alarm"].loop_timers
    assert all(pong.cause_sender == "system" for pong in received_by(system, "pongs"))


class Timed(Actor):
    """Keeps what sets and fires its timers."""

    def __init__(self) -> None:
        self.fired: list[Message] = []

    def on_ping(self, ping: Ping) -> None:
        self.schedule(0.0, self.note)

    def note(self) -> None:
        self.fired.append(
            TimerFired(
                target="", timer=0, cause_sender=self._cause_sender, number=self._cause_number
            )
        )


@pytest.mark.asyncio
async def test_a_timers_message_is_caused_by_what_set_it(start_system: StartSystem) -> None:
    class Frames:
        """Keeps the decoded timers that were handled."""

        def __init__(self) -> None:
            self.fired: list[bytes] = []

        def on_handled(self, actor: str, time_ns: int, frame: bytes) -> None:
            if b"TimerFired" in frame[:16]:
                self.fired.append(frame)

        def on_sent(self, actor: str, time_ns: int, frame: bytes) -> None: ...

        def flush(self) -> None: ...

        def close(self) -> None: ...

    tap = Frames()
    system = await start_system(SOURCE, actor(Timed), tap=tap)
    emit(system, Ping())
    await until(lambda: tap.fired)
    fired = system.cells["timed"].decoders[TimerFired](tap.fired[0])
    assert fired.cause_id == f"source:{system.cells['source'].context.counter}"


@pytest.mark.asyncio
async def test_timers_are_void_after_a_restart(start_system: StartSystem) -> None:
    system = await start_system(SOURCE, actor(Alarm), actor(Pongs))
    first = system.cells["alarm"].instance
    emit(system, Ping(value=2), Ping(value=5), Ping(value=-1))
    await until(lambda: system.cells["alarm"].instance is not first)
    emit(system, Ping(value=20))
    await until(lambda: received_by(system, "pongs"))
    assert values(received_by(system, "pongs")) == [20]


@pytest.mark.asyncio
async def test_a_timer_that_waits_in_the_mailbox_of_a_failed_actor_is_void_too(
    start_system: StartSystem,
) -> None:
    system = await start_system(SOURCE, actor(Alarm), actor(Pongs))
    alarm = system.cells["alarm"]
    first = alarm.instance
    emit(system, Ping(value=100_000))
    await settle(system)
    emit(system, Ping(value=-1))
    alarm.receive([system.stamp(TimerFired(target="alarm", timer=alarm.context.timer_counter))])
    await until(lambda: alarm.instance is not first)
    await settle(system)
    assert alarm.context.timer_counter == 1
    assert received_by(system, "pongs") == []
    assert system.statistics()["alarm"]["restarts"] == 1


@pytest.mark.parametrize("delay_s", [-0.001, math.nan, math.inf, -math.inf])
def test_a_delay_that_cannot_be_meant(delay_s: float) -> None:
    with pytest.raises(ValueError, match="a timer's delay"):
        Alarm().schedule(delay_s, print)


def test_canceling_what_is_not_there_is_no_error() -> None:
    alarm = Alarm()
    alarm.cancel_timer(5)
    number = alarm.schedule(1.0, print)
    alarm.cancel_timer(number)
    alarm.cancel_timer(number)
    assert not alarm._timers


@pytest.mark.parametrize("thing", [None, 5, print, pause])
def test_only_a_coroutine_can_be_spawned(thing: Any) -> None:
    with pytest.raises(TypeError, match="spawn takes a coroutine"):
        Worker().spawn(thing)


@pytest.mark.asyncio
async def test_what_a_void_instance_still_does_counts_for_nothing(
    start_system: StartSystem,
) -> None:
    class Stubborn(Actor[Pong]):
        """Its task does not heed that it was canceled; it is no boundary."""

        def on_ping(self, ping: Ping) -> None:
            if ping.value < 0:
                raise ValueError("stubborn")
            self.spawn(self.work())

        async def work(self) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.send(Pong(value=1))
                await asyncio.sleep(0.01)
                self.send(Pong(value=2))
                self.schedule(0.0, self.send, Pong(value=3))
                self.spawn(self.more())

        async def more(self) -> None:
            self.send(Pong(value=4))

    restarts = make_probe(ActorRestarted, name="Restarts")
    system = await start_system(SOURCE, actor(Stubborn), actor(Pongs), actor(restarts))
    emit(system, Ping(value=1))
    await settle(system)
    emit(system, Ping(value=-1))
    await until(lambda: received_by(system, "restarts"))
    await until(lambda: not system.cells["stubborn"].tasks)
    await settle(system)
    assert received_by(system, "pongs") == []


@pytest.mark.asyncio
async def test_a_dying_boundary_has_its_last_words_until_it_lives_again(
    start_system: StartSystem,
) -> None:
    class Gate(Actor[Pong]):
        is_boundary = True

        def on_ping(self, ping: Ping) -> None:
            if ping.value < 0:
                raise ValueError("gate")
            self.spawn(self.request(ping.value))

        async def request(self, value: int) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                self.send(Pong(value=value))

    system = await start_system(SOURCE, actor(Gate), actor(Pongs))
    emit(system, Ping(value=1), Ping(value=2))
    await settle(system)
    emit(system, Ping(value=-1))
    await until(lambda: system.statistics()["gate"]["restarts"] == 1)
    await settle(system)
    assert values(received_by(system, "pongs")) == [1, 2]


@pytest.mark.asyncio
async def test_time_stands_still_within_a_handler(start_system: StartSystem) -> None:
    clock = ManualClock()

    class Timekeeper(Actor):
        def __init__(self) -> None:
            self.times = [self.now_ns]

        def on_ping(self, ping: Ping) -> None:
            self.times.append(self.now_ns)
            clock.advance(1.0)
            self.times.append(self.now_ns)

    system = await start_system(SOURCE, actor(Timekeeper), clock=clock)
    start_ns = clock.now_ns()
    emit(system, Ping())
    await settle(system)
    timekeeper = system.cells["timekeeper"].instance
    assert isinstance(timekeeper, Timekeeper)
    assert timekeeper.times == [start_ns] * 3
