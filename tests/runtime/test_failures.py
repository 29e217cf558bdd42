"""Every kind of failure in every place where a user's code runs: logged once, by name, and dealt with."""

import asyncio
import logging
import sys
from collections.abc import Callable
from typing import Any, Never

import pytest

from actors.runtime.actor import Actor
from actors.runtime.errors import WiringError
from actors.testing import make_probe, received_by
from messages.control import ActorFailed, ActorRestarted, ActorStopped
from tests.runtime.harness import SOURCE, Ping, Pong, StartSystem, actor, emit, pause, settle, until

Watcher = make_probe(ActorFailed, ActorRestarted, ActorStopped, name="Watcher")


class HardToTell(Exception):
    """Its own text fails."""

    def __str__(self) -> str:
        raise ValueError("no text")


class BareError(BaseException):
    """Derived from nothing that one usually catches."""


def recurse(depth: int = 0) -> int:
    return recurse(depth + 1) + 1


def raise_error(error: BaseException) -> Never:
    raise error


FAILURES: dict[str, Callable[[], Any]] = {
    "ValueError": lambda: raise_error(ValueError("boom")),
    "CancelledError": lambda: raise_error(asyncio.CancelledError("boom")),
    "RecursionError": recurse,
    "SystemExit": lambda: sys.exit(3),
    "GeneratorExit": lambda: raise_error(GeneratorExit("boom")),
    "StopIteration": lambda: raise_error(StopIteration("boom")),
    "HardToTell": lambda: raise_error(HardToTell()),
    "BareError": lambda: raise_error(BareError("boom")),
    "FileNotFoundError": lambda: raise_error(FileNotFoundError("no file \udcff")),
    "ExceptionGroup": lambda: raise_error(ExceptionGroup("boom", [ValueError("a"), KeyError("b")])),
}


class Fragile(Actor[Pong]):
    """Fails in the place it is told to, once: in the first instance."""

    def __init__(self, place: str, kind: str, marks: list[str]) -> None:
        self.place, self.kind, self.marks = place, kind, marks
        if marks == ["failed"]:
            marks.append("constructor failed")
            self.fail("constructor")

    def fail(self, place: str) -> None:
        if self.place == place and (place == "constructor" or not self.marks):
            self.marks.append("failed")
            FAILURES[self.kind]()

    def on_start(self) -> None:
        if not self.marks:
            self.fail("start")

    def on_ping(self, ping: Ping) -> None:
        self.send(Pong(value=ping.value))
        if ping.value != 1:
            return
        self.fail("handler")
        if self.place == "constructor" and not self.marks:
            self.marks.append("failed")
            raise ValueError("so that the constructor runs again")
        if self.place == "timer":
            self.schedule(0.0, self.fail, "timer")
        if self.place == "task":
            self.spawn(self.work())

    async def work(self) -> None:
        await asyncio.sleep(0)
        self.fail("task")


def errors_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [item.getMessage() for item in caplog.records if item.levelno >= logging.ERROR]


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize(
    ("place", "what"),
    [("handler", "Ping"), ("timer", "TimerFired"), ("task", "a task"), ("start", "Start")],
)
@pytest.mark.asyncio
async def test_a_failure_is_logged_once_and_the_actor_restarts(
    start_system: StartSystem,
    caplog: pytest.LogCaptureFixture,
    place: str,
    what: str,
    kind: str,
) -> None:
    pongs = make_probe(Pong, name="Pongs")
    system = await start_system(
        SOURCE, actor(Fragile, place=place, kind=kind, marks=[]), actor(Watcher), actor(pongs)
    )
    emit(system, Ping(value=1), Ping(value=2))
    await until(lambda: system.statistics()["fragile"]["restarts"] == 1)
    await until(
        lambda: any(isinstance(item, ActorRestarted) for item in received_by(system, "watcher"))
    )
    await settle(system)
    [error] = errors_of(caplog)
    # A coroutine turns a StopIteration into a RuntimeError.
    named = "RuntimeError" if (place, kind) == ("task", "StopIteration") else kind
    assert error.startswith(f"fragile failed on {what}: {named}")
    assert "Traceback" in error
    assert "test_failures.py" in error
    failed, restarted = received_by(system, "watcher")
    assert isinstance(failed, ActorFailed)
    assert isinstance(restarted, ActorRestarted)
    assert (failed.actor, failed.will_restart) == ("fragile", True)
    assert failed.error.startswith(named)
    assert failed.failed_class == ("" if place == "task" else what)
    assert bool(failed.failed_frame) is (place != "task")
    assert received_by(system, "pongs")[-1].number > 0
    emit(system, Ping(value=3))
    await settle(system)
    last = received_by(system, "pongs")[-1]
    assert isinstance(last, Pong)
    assert last.value == 3
    assert not system.ended.is_set()


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.asyncio
async def test_a_constructor_that_fails_at_a_restart(
    start_system: StartSystem, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    system = await start_system(
        SOURCE, actor(Fragile, place="constructor", kind=kind, marks=[]), actor(Watcher)
    )
    emit(system, Ping(value=1))
    await until(
        lambda: any(isinstance(item, ActorRestarted) for item in received_by(system, "watcher"))
    )
    first, second = errors_of(caplog)
    assert first.startswith("fragile failed on Ping: ValueError")
    assert second.startswith(f"fragile failed on its restart: {kind}")
    assert system.statistics()["fragile"]["restarts"] == 2


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.asyncio
async def test_a_constructor_that_fails_at_the_start(start_system: StartSystem, kind: str) -> None:
    class Broken(Actor):
        def __init__(self) -> None:
            FAILURES[kind]()

        def on_ping(self, ping: Ping) -> None: ...

    class Innocent(Actor):
        def on_start(self) -> None:
            raise AssertionError("nothing starts")

    with pytest.raises(WiringError) as caught:
        await start_system(SOURCE, actor(Innocent), actor(Broken, "one"), actor(Broken, "two"))
    assert len(caught.value.faults) == 2
    assert "actor 'one'" in str(caught.value)
    assert kind in str(caught.value)
    await pause()


class Interrupted(Actor):
    """Ctrl-C strikes here."""

    def __init__(self, place: str, marks: list[str]) -> None:
        self.place, self.marks = place, marks
        if marks:
            raise KeyboardInterrupt

    def on_ping(self, ping: Ping) -> None:
        if self.place == "handler":
            raise KeyboardInterrupt
        if self.place == "timer":
            self.schedule(0.0, self.interrupt)
        if self.place == "task":
            self.spawn(self.work())
        if self.place == "constructor":
            self.marks.append("failed")
            raise ValueError("so that the constructor runs again")

    def interrupt(self) -> None:
        raise KeyboardInterrupt

    async def work(self) -> None:
        await asyncio.sleep(0)
        raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["handler", "timer", "task", "constructor"])
@pytest.mark.asyncio
async def test_an_interrupt_asks_for_an_orderly_end(
    start_system: StartSystem, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    system = await start_system(SOURCE, actor(Interrupted, place=place, marks=[]))
    emit(system, Ping())
    await until(system.ended.is_set)
    assert system.failure is None
    assert sum("was interrupted" in item.getMessage() for item in caplog.records) == 1


class TaskOwner(Actor[Pong]):
    """Its tasks end in every way a task can."""

    is_boundary = True

    def on_ping(self, ping: Ping) -> None:
        self.spawn([self.cancels_itself, self.cancels_inside, self.fails_twice][ping.value]())

    async def cancels_itself(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.Event().wait()

    async def cancels_inside(self) -> None:
        inner = asyncio.ensure_future(asyncio.Event().wait())
        inner.cancel()
        await inner

    async def fails_twice(self) -> None:
        try:
            raise ValueError("first")
        finally:
            raise KeyError("second")


@pytest.mark.parametrize("value", [0, 1, 2])
@pytest.mark.asyncio
async def test_a_task_never_ends_silently(
    start_system: StartSystem, caplog: pytest.LogCaptureFixture, value: int
) -> None:
    system = await start_system(SOURCE, actor(TaskOwner))
    emit(system, Ping(value=value))
    await until(lambda: system.statistics()["taskowner"]["restarts"] == 1)
    [error] = errors_of(caplog)
    assert "failed on a task: " + ("KeyError" if value == 2 else "CancelledError") in error
    assert value != 2 or "first" in error


class Siblings(Actor):
    """Two tasks that fail in the same turn of the loop, and one whose cleaning up fails."""

    is_boundary = True

    def on_ping(self, ping: Ping) -> None:
        gate = asyncio.Event()
        self.spawn(self.fail_at(gate, "one"))
        self.spawn(self.fail_at(gate, "two"))
        self.spawn(self.clean_up_badly())
        self.schedule(0.01, gate.set)

    async def fail_at(self, gate: asyncio.Event, text: str) -> None:
        await gate.wait()
        raise ValueError(text)

    async def clean_up_badly(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("three")


@pytest.mark.asyncio
async def test_failures_of_other_tasks_are_logged_too(
    start_system: StartSystem, caplog: pytest.LogCaptureFixture
) -> None:
    system = await start_system(SOURCE, actor(Siblings))
    emit(system, Ping())
    await until(lambda: system.statistics()["siblings"]["restarts"] == 1)
    await pause()
    [error] = errors_of(caplog)
    assert "ValueError: one" in error
    ended = [item for item in caplog.records if "failed as it ended" in item.getMessage()]
    texts = sorted(str(item.exc_info[1]) for item in ended if item.exc_info)
    assert texts == ["three", "two"]
    assert system.statistics()["siblings"]["restarts"] == 1
