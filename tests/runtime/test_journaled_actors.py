"""The journal within a system: durable before anyone hears of it, and what happens when it cannot be."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.actor import Actor
from actors.runtime.errors import JournalError
from actors.runtime.journal import Journal, connect
from actors.testing import make_probe, received_by
from messages.codec import decoder_of
from messages.control import JournalFailed
from tests.runtime.harness import (
    SOURCE,
    Intent,
    Notice,
    Ping,
    Pong,
    StartSystem,
    actor,
    emit,
    settle,
    until,
    values,
)


class Manager(Actor[Intent | Notice | Pong]):
    """Sends one message of each kind for a ping; a negative one fails."""

    is_journaled = True

    def __init__(self) -> None:
        self.failures: list[JournalFailed] = []

    def on_ping(self, ping: Ping) -> None:
        self.send(Intent(value=ping.value))
        self.send(Notice(value=ping.value))
        self.send(Pong(value=ping.value))
        if ping.value < 0:
            raise ValueError("the manager")

    def on_journal_failed(self, failed: JournalFailed) -> None:
        self.failures.append(failed)


class Witness(Actor):
    """Looks into the journal, through a connection of its own, when it hears of something."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[int] = []

    def on_intent(self, intent: Intent) -> None:
        connection = sqlite3.connect(self.path)
        [[count]] = connection.execute(
            "SELECT count(*) FROM entry WHERE number = ?", (intent.number,)
        )
        connection.close()
        self.rows.append(count)


Sink = make_probe(Intent, Notice, Pong, name="Sink")


class CountingJournal(Journal):
    """Counts its transactions."""

    def __init__(self, path: Path, bot: str) -> None:
        super().__init__(path, bot)
        self.written: list[tuple[int, dict[str, int]]] = []

    def write(self, entries: Any, handled: Any, *, is_retold: bool = False) -> None:
        super().write(entries, handled, is_retold=is_retold)
        self.written.append((len(entries), dict(handled)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[CountingJournal]:
    opened = CountingJournal(path, "bot")
    yield opened
    opened.close()


def entries_of(journal: Journal) -> list[tuple[str, int, str]]:
    return [(actor, number, name) for actor, number, name, _, _ in journal.entries()]


@pytest.mark.asyncio
async def test_durable_before_it_is_released(
    start_system: StartSystem, journal: CountingJournal, path: Path
) -> None:
    system = await start_system(SOURCE, actor(Manager), actor(Witness, path=path), journal=journal)
    emit(system, *(Ping(value=value) for value in range(5)))
    await settle(system)
    witness = system.cells["witness"].instance
    assert isinstance(witness, Witness)
    assert witness.rows == [1] * 5


@pytest.mark.asyncio
async def test_one_transaction_for_each_drain(
    start_system: StartSystem, journal: CountingJournal
) -> None:
    system = await start_system(SOURCE, actor(Manager), actor(Sink), journal=journal, clock=None)
    emit(system, *(Ping(value=value) for value in range(4)))
    await settle(system)
    # A drain ends by its time as well: four pings need one drain, or on a slow machine a few.
    assert sum(count for count, _ in journal.written) == 8
    assert len(journal.written) <= 4
    last = {sender: number for _, handled in journal.written for sender, number in handled.items()}
    assert last["source"] == system.cells["source"].context.counter
    rows = list(journal.entries("manager"))
    assert [name for _, _, name, _, _ in rows] == ["Intent", "Notice"] * 4
    for _, number, name, time_ns, frame in rows:
        message = decoder_of(Intent if name == "Intent" else Notice).decode(frame)
        assert (message.number, message.time_ns, message.sender) == (number, time_ns, "manager")


@pytest.mark.asyncio
async def test_a_failing_handler_writes_nothing(
    start_system: StartSystem, journal: CountingJournal
) -> None:
    system = await start_system(SOURCE, actor(Manager), actor(Sink), journal=journal)
    emit(system, Ping(value=1), Ping(value=-1), Ping(value=2))
    await until(lambda: len(received_by(system, "sink")) == 6)
    assert len(entries_of(journal)) == 4
    assert values(received_by(system, "sink")) == [1, 1, 1, 2, 2, 2]


@pytest.mark.asyncio
async def test_without_a_journal_nothing_is_kept_for_it(start_system: StartSystem) -> None:
    system = await start_system(SOURCE, actor(Manager), actor(Sink))
    emit(system, *(Ping(value=value) for value in range(100)))
    await settle(system)
    assert len(received_by(system, "sink")) == 300
    assert system.cells["manager"].pending_entries == []


async def check_refusal(start_system: StartSystem, journal: Journal, reason: str) -> None:
    """While the journal fails: what needs it is refused with the reason, all else goes out."""
    system = await start_system(SOURCE, actor(Manager), actor(Sink), journal=journal)
    emit(system, Ping(value=5))
    await settle(system)
    assert values(received_by(system, "sink")) == [5, 5]
    assert [type(item) for item in received_by(system, "sink")] == [Notice, Pong]
    manager = system.cells["manager"].instance
    assert isinstance(manager, Manager)
    [failed] = manager.failures
    assert reason in failed.reason
    [frame] = failed.frames
    assert decoder_of(Intent).decode(frame).value == 5
    assert system.statistics()["manager"]["restarts"] == 0


@pytest.mark.asyncio
async def test_locked_by_another(
    start_system: StartSystem, journal: CountingJournal, path: Path
) -> None:
    other = connect(path)
    other.execute("BEGIN IMMEDIATE")
    try:
        await check_refusal(start_system, journal, "locked")
    finally:
        other.execute("ROLLBACK")
        other.close()


@pytest.mark.asyncio
async def test_a_full_disk(start_system: StartSystem, journal: CountingJournal) -> None:
    for number in range(100):
        journal.write([("m", number, "Notice", 0, b"x" * 3_000)], {})
    pages = journal.connection.execute("PRAGMA page_count").fetchone()[0]
    journal.connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(JournalError, match="full"):
        journal.write([("m", number, "Notice", 0, b"x" * 300) for number in range(100)], {})
    # Small rows go where there still is room, until that is full too.
    with contextlib.suppress(JournalError):
        for number in range(100):
            journal.write([("m", number, "Notice", 0, b"")], {})
    await check_refusal(start_system, journal, "full")


@pytest.mark.asyncio
async def test_read_only(start_system: StartSystem, journal: CountingJournal) -> None:
    journal.connection.execute("PRAGMA query_only=ON")
    await check_refusal(start_system, journal, "readonly")


@pytest.mark.asyncio
async def test_when_the_journal_works_again_so_do_placements(
    start_system: StartSystem, journal: CountingJournal
) -> None:
    system = await start_system(SOURCE, actor(Manager), actor(Sink), journal=journal)
    journal.connection.execute("PRAGMA query_only=ON")
    emit(system, Ping(value=1))
    await settle(system)
    journal.connection.execute("PRAGMA query_only=OFF")
    emit(system, Ping(value=2))
    await settle(system)
    assert [type(item) for item in received_by(system, "sink")] == [
        Notice,
        Pong,
        Intent,
        Notice,
        Pong,
    ]
    assert len(entries_of(journal)) == 2
    # What was handled while it failed is noted with the next transaction.
    assert "source" in journal.written[-1][1]


class Restless(Actor[Intent | Notice]):
    """Sends one object twice, changes it afterwards, and sends from a task."""

    is_journaled = True
    is_boundary = True

    def on_ping(self, ping: Ping) -> None:
        intent = Intent(value=1)
        self.send(intent)
        intent.value = 2
        self.send(intent)
        intent.value, intent.number, intent.time_ns = 3, -5, -5
        self.spawn(self.later())

    async def later(self) -> None:
        await asyncio.sleep(0)
        self.send(Notice(value=4))


@pytest.mark.asyncio
async def test_the_journal_holds_what_was_sent(
    start_system: StartSystem, journal: CountingJournal, path: Path
) -> None:
    system = await start_system(
        SOURCE, actor(Restless), actor(Sink), actor(Witness, path=path), journal=journal
    )
    emit(system, Ping())
    await until(lambda: len(received_by(system, "sink")) == 3)
    received = received_by(system, "sink")
    assert values(received) == [1, 2, 4]
    rows = list(journal.entries())
    assert [(row[1], row[2]) for row in rows] == [
        (item.number, type(item).__name__) for item in received
    ]
    assert all(row[3] > 0 for row in rows)
    assert len({row[1] for row in rows}) == 3


@pytest.mark.asyncio
async def test_a_checkpoint_in_an_idle_moment(
    start_system: StartSystem, journal: CountingJournal
) -> None:
    await start_system(SOURCE, actor(Manager), actor(Sink), journal=journal)
    journal.write_ahead_log.writes = 5_000
    await until(lambda: journal.write_ahead_log.writes == 0)
    assert journal.failures == 0
