"""A power cut: whatever was sent to a venue is in the journal, and what is lost is lost from its end only."""

import random
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.actor import Actor
from actors.runtime.journal import Journal, Synchronous
from actors.testing import make_probe
from messages.base import Message
from tests.runtime.harness import SOURCE, Intent, Notice, Ping, StartSystem, actor, emit, settle
from tests.runtime.journal_copies import copy_files

FULL = 2
"""What SQLite calls it."""


def synchronisation_of(journal: Journal) -> int:
    [level] = journal.connection.execute("PRAGMA synchronous").fetchone()
    return int(level)


def log_of(journal: Journal) -> Path:
    return journal.path.with_name(f"{journal.path.name}-wal")


def write_at_random(journal: Journal, dice: random.Random) -> tuple[list[str], int, int]:
    """Writes a while; all texts, how many of them the disk holds for certain, and how much of the log that is."""
    texts: list[str] = []
    certain, safe_bytes = 0, 0
    for number in range(dice.randint(1, 60)):
        is_retold = dice.random() < 0.7
        text = f"{'told again' if is_retold else 'intent'} {number}"
        journal.write([("manager", number, "Entry", 0, text.encode())], {}, is_retold=is_retold)
        texts.append(text)
        if synchronisation_of(journal) == FULL:
            certain, safe_bytes = len(texts), log_of(journal).stat().st_size
    return texts, certain, safe_bytes


@pytest.mark.parametrize("seed", range(25))
def test_a_power_cut_takes_only_what_the_venue_tells_again(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    journal = Journal(tmp_path / "journal.sqlite", "bot")
    journal.grant_run()
    texts, certain, safe_bytes = write_at_random(journal, dice)
    assert all(text.startswith("told again") for text in texts[certain:])
    size = log_of(journal).stat().st_size
    cut = copy_files(journal.path, tmp_path / "cut", dice.randint(safe_bytes, size))
    journal.close()
    left = Journal(cut, "bot")
    found = [frame.decode() for _, _, _, _, frame in left.entries()]
    assert found == texts[: len(found)]
    assert len(found) >= certain
    assert left.grant_run() == 2
    left.close()


@pytest.mark.parametrize(("synchronous", "waits"), [("FULL", True), ("NORMAL", False)])
def test_full_is_the_default_and_normal_waits_for_no_disk(
    tmp_path: Path, synchronous: Synchronous, waits: bool
) -> None:
    journal = Journal(tmp_path / "journal.sqlite", "bot", synchronous)
    journal.grant_run()
    journal.write([("manager", 1, "Intent", 0, b"")], {})
    assert (synchronisation_of(journal) == FULL) is waits
    journal.close()
    journal = Journal(tmp_path / "journal.sqlite", "bot")
    assert journal.synchronous == "FULL"
    journal.close()


class Retold(Message, kw_only=True):
    """Can be asked for again."""

    value: int = 0

    is_durable = True
    is_retold = True


class Manager(Actor[Intent | Notice | Retold]):
    """Tells of what it hears, and decides on some of it."""

    is_journaled = True

    def on_ping(self, ping: Ping) -> None:
        self.send(Retold(value=ping.value))
        if ping.value == 1:
            self.send(Notice(value=ping.value))
        if ping.value == 2:
            self.send(Intent(value=ping.value))


class WatchedJournal(Journal):
    """Notes how each transaction was synchronised."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "bot")
        self.levels: list[tuple[list[str], int]] = []

    def write(self, entries: Any, handled: Any, *, is_retold: bool = False) -> None:
        super().write(entries, handled, is_retold=is_retold)
        self.levels.append(([entry[2] for entry in entries], synchronisation_of(self)))


Sink = make_probe(Intent, Notice, Retold, name="Sink")


@pytest.mark.asyncio
async def test_one_wait_for_the_disk_serves_a_drain_and_news_alone_need_none(
    start_system: StartSystem, tmp_path: Path
) -> None:
    journal = WatchedJournal(tmp_path / "journal.sqlite")
    system = await start_system(SOURCE, actor(Manager), actor(Sink), journal=journal)
    for values in ([0, 0, 0], [1], [0], [2, 2, 0, 2]):
        emit(system, *(Ping(value=value) for value in values))
        await settle(system)
    for names, level in journal.levels:
        assert (level == FULL) is (set(names) != {"Retold"})
    assert {level for _, level in journal.levels} == {1, FULL}
    # A drain ends by its time as well: on a slow machine three intents may need three.
    assert sum(level == FULL for _, level in journal.levels) <= 4
    await system.stop()
    journal.close()
