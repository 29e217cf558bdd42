"""An orderly stop: in reverse order, after the last message, with nothing left behind."""

import asyncio
import logging
import time
from typing import Any

import pytest

from actors.runtime.actor import Actor
from actors.runtime.clock import RealClock, SimulatedClock
from actors.runtime.errors import WiringError
from actors.runtime.restart_policy import RestartPolicy
from actors.runtime.system import System
from actors.testing import make_probe, received_by
from messages.control import ActorFailed, HaltTrading
from tests.runtime.harness import (
    SOURCE,
    Datum,
    Ping,
    Pong,
    StartSystem,
    actor,
    emit,
    pause,
    settle,
    until,
)


class Named(Actor):
    """Writes down what it does."""

    def __init__(self, journal: list[str]) -> None:
        self.journal = journal

    def on_start(self) -> None:
        self.journal.append(f"start {self.name}")

    def on_datum(self, datum: Datum) -> None:
        self.journal.append(f"datum {self.name}")

    def on_stop(self) -> None:
        self.journal.append(f"stop {self.name}")


class FailsAtStop(Actor):
    def on_ping(self, ping: Ping) -> None: ...

    def on_stop(self) -> None:
        raise ValueError("at the stop")


class EssentialFailsAtStop(FailsAtStop):
    is_essential = True


class FeedsItself(Actor[Pong]):
    """Never runs dry."""

    def __init__(self) -> None:
        self.stopped = False

    def on_pong(self, pong: Pong) -> None:
        assert not self.stopped
        self.send(Pong())

    def on_stop(self) -> None:
        self.stopped = True


@pytest.mark.asyncio
async def test_reverse_order_after_the_last_message(start_system: StartSystem) -> None:
    journal: list[str] = []
    system = await start_system(SOURCE, *(actor(Named, name, journal=journal) for name in "abc"))
    emit(system, Datum())
    await system.stop()
    assert journal == [
        *("start a", "start b", "start c"),
        *("datum a", "datum b", "datum c"),
        *("stop c", "stop b", "stop a"),
    ]
    emit(system, Datum())
    await pause()
    assert len(journal) == 9
    await system.stop()
    assert len(journal) == 9


@pytest.mark.parametrize("actor_class", [FailsAtStop, EssentialFailsAtStop])
@pytest.mark.asyncio
async def test_a_failure_during_the_stop_is_told_and_not_restarted(
    start_system: StartSystem, caplog: pytest.LogCaptureFixture, actor_class: type[Actor[Any]]
) -> None:
    journal: list[str] = []
    system = await start_system(
        SOURCE, actor(Named, "first", journal=journal), actor(actor_class, "fails")
    )
    await system.stop()
    await asyncio.sleep(0.02)
    errors = [item.getMessage() for item in caplog.records if item.levelno >= logging.ERROR]
    assert sum("fails failed on Stop: ValueError: at the stop" in text for text in errors) == 1
    assert journal == ["start first", "stop first"]
    assert not system.cells["fails"].is_running
    assert not system.supervisor.restart_handles
    assert bool(system.failure) is actor_class.is_essential


@pytest.mark.asyncio
async def test_an_actor_that_waits_for_its_restart_does_not_come_back(
    start_system: StartSystem,
) -> None:
    class Brittle(Actor):
        def on_ping(self, ping: Ping) -> None:
            raise ValueError("brittle")

    system = await start_system(
        SOURCE, actor(Brittle), restart_policy=RestartPolicy(backoff_s=60.0)
    )
    emit(system, Ping())
    await pause()
    [restart] = system.supervisor.restart_handles.values()
    await system.stop()
    assert restart.cancelled()
    assert not system.cells["brittle"].is_running


@pytest.mark.parametrize("clock", [RealClock(), SimulatedClock()])
@pytest.mark.asyncio
async def test_one_that_never_runs_dry_is_stopped_all_the_same(
    start_system: StartSystem, caplog: pytest.LogCaptureFixture, clock: RealClock | SimulatedClock
) -> None:
    system = await start_system(SOURCE, actor(FeedsItself), clock=clock)
    emit(system, Pong())
    await pause()
    instance = system.cells["feedsitself"].instance
    assert isinstance(instance, FeedsItself)
    await system.stop(patience_s=0.05)
    assert instance.stopped
    assert "failed" not in caplog.text


@pytest.mark.asyncio
async def test_a_task_that_will_not_end_is_named(
    start_system: StartSystem, caplog: pytest.LogCaptureFixture
) -> None:
    gate = asyncio.Event()

    class Deaf(Actor[Pong]):
        is_boundary = True

        async def run(self) -> None:
            while not gate.is_set():
                try:
                    await gate.wait()
                except asyncio.CancelledError:
                    continue
            self.send(Pong())

    pongs = make_probe(Pong, name="Pongs")
    system = await start_system(actor(pongs), actor(Deaf))
    await system.stop(patience_s=0.02)
    assert "deaf: 1 tasks do not end" in caplog.text
    gate.set()
    await until(lambda: not system.cells["deaf"].tasks)
    await settle(system)
    assert received_by(system, "pongs") == []


@pytest.mark.asyncio
async def test_a_machine_that_stood_still_has_not_waited(
    start_system: StartSystem, caplog: pytest.LogCaptureFixture
) -> None:
    """A laptop is closed while the bot stops: its tasks have had no time of their own to end in."""
    ended: list[str] = []

    class Tidy(Actor):
        is_boundary = True

        async def run(self) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                for _ in range(3):
                    await asyncio.sleep(0.01)
                ended.append(self.name)

    system = await start_system(SOURCE, actor(Tidy))
    await pause()
    asyncio.get_running_loop().call_later(0.015, time.sleep, 1.2)
    await system.stop(patience_s=1.0)
    assert ended == ["tidy"]
    assert "do not end" not in caplog.text


@pytest.mark.asyncio
async def test_a_machine_that_stood_still_has_handled_nothing_meanwhile(
    start_system: StartSystem,
) -> None:
    """What waits in mailboxes is handled all the same: the patience was for that."""

    class CountsDown(Actor[Pong]):
        def __init__(self) -> None:
            self.left = 20

        def on_pong(self, pong: Pong) -> None:
            self.left -= 1
            if self.left:
                self.send(Pong())

    system = await start_system(SOURCE, actor(CountsDown))
    instance = system.cells["countsdown"].instance
    assert isinstance(instance, CountsDown)
    emit(system, Pong())
    asyncio.get_running_loop().call_soon(time.sleep, 0.4)
    await system.stop(patience_s=0.2)
    assert instance.left == 0


@pytest.mark.asyncio
async def test_a_slow_handler_takes_no_more_than_a_few_turns_of_a_stop(
    start_system: StartSystem,
) -> None:
    """To the loop it is like a machine that stands still."""

    class Slow(Actor[Pong]):
        def __init__(self) -> None:
            self.count = 0

        def on_pong(self, pong: Pong) -> None:
            self.count += 1
            time.sleep(0.1)
            self.send(Pong())

    system = await start_system(SOURCE, actor(Slow))
    instance = system.cells["slow"].instance
    assert isinstance(instance, Slow)
    emit(system, Pong())
    await system.stop(patience_s=0.05)
    assert instance.count <= 5


@pytest.mark.asyncio
async def test_a_system_that_did_not_start_can_be_stopped(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Actor):
        def __init__(self) -> None:
            raise ValueError("broken")

    journal: list[str] = []
    system = System([actor(Named, "a", journal=journal), SOURCE, actor(Broken)], RealClock())
    await system.stop()
    system = System([actor(Named, "a", journal=journal), SOURCE, actor(Broken)], RealClock())
    with pytest.raises(WiringError, match="ValueError: broken"):
        await system.start()
    await pause()
    await system.stop()
    assert journal == []
    assert caplog.records == []


@pytest.mark.asyncio
async def test_stopping_before_the_first_turn_of_the_loop() -> None:
    journal: list[str] = []
    system = System([actor(Named, "a", journal=journal), SOURCE], RealClock())
    await system.start()
    await system.stop()
    assert journal == ["start a", "stop a"]


@pytest.mark.asyncio
async def test_asking_for_the_end(start_system: StartSystem) -> None:
    watcher = make_probe(ActorFailed, HaltTrading, name="Watcher")
    system = await start_system(SOURCE, actor(watcher))
    assert not system.ended.is_set()
    system.request_end()
    assert system.ended.is_set()
    assert system.failure is None
    assert received_by(system, "watcher") == []
