"""The journal's log is emptied by a thread: beside writes and readers, at a close, and when it does not come to an end."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.commands.journal_thread import start_thread
from actors.runtime.journal import Journal, connect
from actors.runtime.journal_log import LOG_LIMITS, OVERDUE_PAGES, TRIES

IDLE_WRITES, _ = LOG_LIMITS[True]
PAGE = 4_096
PATIENCE_S = 60.0


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite", "bot", "NORMAL", start_thread=start_thread)
    yield journal
    journal.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "journal"]


def write(journal: Journal, count: int, size: int = 10) -> None:
    for _ in range(count):
        journal.write([("manager", 1, "Entry", 1, bytes(size))], {})


def pages_left(journal: Journal) -> int:
    """Pages of the log that are not in the database yet, by a look that moves them."""
    _, pages, moved = journal.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(pages - moved)


def end_move(journal: Journal) -> None:
    """Waits for the thread, and has the journal hear what it came to."""
    worker = journal.write_ahead_log.worker
    assert isinstance(worker, threading.Thread)
    worker.join(PATIENCE_S)
    assert not worker.is_alive()
    journal.tend(0, is_idle=True)
    assert journal.write_ahead_log.worker is None


def log_pages(journal: Journal) -> int:
    return journal.path.with_name(f"{journal.path.name}-wal").stat().st_size // PAGE


def test_the_loop_does_not_wait_for_the_log(journal: Journal) -> None:
    """It only says that it is time; the log begins at its head again afterwards."""
    write(journal, IDLE_WRITES)
    journal.tend(0, is_idle=True)
    assert journal.write_ahead_log.worker is not None
    end_move(journal)
    assert journal.write_ahead_log.writes == 0
    assert journal.write_ahead_log.bytes == 0
    pages = log_pages(journal)
    write(journal, IDLE_WRITES // 2)
    assert log_pages(journal) == pages
    assert len(list(journal.entries())) == IDLE_WRITES * 3 // 2


def test_a_move_that_was_overtaken_is_tried_again(tmp_path: Path) -> None:
    """A write falls into each of the first moves: they leave something behind, and the log would grow on."""
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, "bot", "NORMAL")
    upkeep = journal.write_ahead_log
    other = connect(path)
    overtaken = [True, True, False, True]

    class Overtaken:
        """A connection during whose checkpoints something is written."""

        def execute(self, statement: str) -> sqlite3.Cursor:
            found = other.execute(statement)
            if overtaken.pop(0):
                write(journal, 1)
            return found

    write(journal, IDLE_WRITES)
    upkeep.move(Overtaken(), TRIES)  # type: ignore[arg-type]  # as much of a connection as is used
    assert overtaken == [True]
    upkeep.end_move()
    assert upkeep.writes == 0
    pages = log_pages(journal)
    write(journal, IDLE_WRITES // 2)
    assert log_pages(journal) == pages
    other.close()
    journal.close()


def test_a_log_that_is_written_all_the_time_stays_bounded_and_nothing_is_lost(
    journal: Journal,
) -> None:
    largest, count = 0, 20_000
    for number in range(count):
        write(journal, 1, size=number % 1_000)
        if number % 50 == 0:
            journal.tend(0, is_idle=False)
            largest = max(largest, log_pages(journal))
    assert largest < OVERDUE_PAGES + 20_000
    assert [len(entry[4]) for entry in journal.entries()] == [n % 1_000 for n in range(count)]
    assert journal.failures == 0


def test_a_log_that_another_reads_is_tried_again(journal: Journal) -> None:
    write(journal, 1)
    other = connect(journal.path)
    other.execute("BEGIN")
    assert other.execute("SELECT count(*) FROM entry").fetchone() == (1,)
    write(journal, IDLE_WRITES)
    journal.tend(0, is_idle=True)
    end_move(journal)
    assert journal.write_ahead_log.writes == IDLE_WRITES + 1
    other.execute("ROLLBACK")
    other.close()
    journal.tend(0, is_idle=True)
    end_move(journal)
    assert journal.write_ahead_log.writes == 0
    assert pages_left(journal) == 0


def test_a_log_that_grows_all_the_same_is_emptied_in_the_loop(journal: Journal) -> None:
    """Where a thread has found it large, and overtaken each time."""
    write(journal, IDLE_WRITES)
    journal.write_ahead_log.pages = OVERDUE_PAGES + 1
    journal.tend(0, is_idle=False)
    assert journal.write_ahead_log.worker is None
    assert journal.write_ahead_log.writes == IDLE_WRITES, "not due"
    journal.tend(0, is_idle=True)
    assert journal.write_ahead_log.worker is None
    assert journal.write_ahead_log.writes == 0
    assert pages_left(journal) == 0


def test_a_close_waits_for_the_thread(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite", "bot", "NORMAL", start_thread=start_thread)
    write(journal, IDLE_WRITES, size=10_000)
    journal.tend(0, is_idle=True)
    assert journal.write_ahead_log.worker is not None
    journal.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "journal.sqlite",
        "journal.sqlite-runs",
    ]
    again = Journal(tmp_path / "journal.sqlite", "bot")
    assert len(list(again.entries())) == IDLE_WRITES
    again.close()


def test_a_move_that_fails_waits_for_the_next_time(journal: Journal) -> None:
    write(journal, IDLE_WRITES)
    assert journal.write_ahead_log.aside is not None
    journal.write_ahead_log.aside.close()
    journal.tend(0, is_idle=True)
    end_move(journal)
    assert journal.write_ahead_log.writes == IDLE_WRITES
    assert len(list(journal.entries())) == IDLE_WRITES


def test_where_no_thread_can_be_had_the_loop_empties_the_log(tmp_path: Path) -> None:
    """A process may have as many as it is allowed."""

    def refuse(work: Callable[[], None]) -> threading.Thread:
        raise RuntimeError("can't start new thread")

    journal = Journal(tmp_path / "journal.sqlite", "bot", "NORMAL", start_thread=refuse)
    write(journal, IDLE_WRITES)
    journal.tend(0, is_idle=True)
    assert journal.write_ahead_log.writes == 0
    assert pages_left(journal) == 0
    journal.close()
