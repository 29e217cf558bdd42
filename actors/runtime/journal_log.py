"""The journal's write-ahead log: what lies in it is moved into the database now and then, so that it does not grow.

Moving waits for the disk, for milliseconds on a fast one. A thread may do it, on a connection of its own, while the loop
writes on: a passive checkpoint takes no lock that a writer needs, and SQLite's calls leave the interpreter to others
(sqlite.org/wal.html, 3.2.2; sqlite.org/c3ref/wal_checkpoint_v2.html). The log begins at its head again only where nothing was
written while the last of it was moved, so a move that was overtaken is tried again; a log that grows all the same is
emptied by the loop itself.
"""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

LOG_LIMITS = {True: (500, 1_000_000), False: (1_500, 6_000_000)}
"""Transactions and bytes of entries after which the log is emptied: of an idle bot, and of one that never is."""
TRIES = 5
OVERDUE_PAGES = 10_000
"""A log of 40 MB is emptied where nothing can be written meanwhile."""
GROWN_LOG_PAGES = 25_000
"""A log of 100 MB and more: somebody keeps it from being emptied."""

log = logging.getLogger("actors.journal")


class Worker(Protocol):
    """A thread that has been started."""

    def is_alive(self) -> bool:
        """Whether it still works."""
        ...

    def join(self) -> None:
        """Waits for its end."""
        ...


class JournalLog:
    """Counts what is written since the log was last emptied, and empties it when it is due."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        aside: sqlite3.Connection | None = None,
        start_thread: Callable[[Callable[[], None]], Worker] | None = None,
    ) -> None:
        """`aside` is another connection, for a thread that `start_thread` starts; without one the loop empties the log."""
        self.path = path
        self.connection = connection
        self.aside = aside
        self.start_thread = start_thread
        self.worker: Worker | None = None
        self.writes = self.bytes = 0
        """Since the log began at its head: transactions, and bytes of entries."""
        self.pages = 0
        """How large the log was when it was last looked at."""
        self.is_empty = False
        """Whether the last move left nothing in it."""
        self.moved_writes = self.moved_bytes = 0
        """How much had been written when the last move began."""
        self.grown_pages = GROWN_LOG_PAGES
        self.has_grown = False
        """Whether it was said that the log cannot be emptied."""

    def note(self, entries: Sequence[tuple[str, int, str, int, bytes]]) -> None:
        """One more transaction."""
        self.writes += 1
        for entry in entries:
            self.bytes += len(entry[4])

    def tend(self, *, is_idle: bool) -> bool:
        """Empties the log if that is due, or sees to what was begun; True if it had to do with it. Never raises."""
        if self.worker is not None:
            if not self.worker.is_alive():
                self.end_move()
            return True
        writes, size = LOG_LIMITS[is_idle]
        if self.writes < writes and self.bytes < size:
            return False
        if self.pages > OVERDUE_PAGES or not self._begin_aside():
            self.move(self.connection, tries=1)
            self.end_move()
        return True

    def _begin_aside(self) -> bool:
        """Has a thread empty the log; False if there is none to be had."""
        start_thread, aside = self.start_thread, self.aside
        if start_thread is None or aside is None:
            return False
        try:
            self.worker = start_thread(lambda: self.move(aside, TRIES))
        except RuntimeError as error:
            # The system allows a process only so many; the upkeep must go on.
            log.info("the loop empties the journal's log itself: %s", error)
            return False
        return True

    def move(self, connection: sqlite3.Connection, tries: int) -> None:
        """Moves what lies in the log into the database, until nothing was written meanwhile. Runs in the thread, if any."""
        self.is_empty = False
        with suppress(sqlite3.Error):
            for _ in range(tries):
                self.moved_writes, self.moved_bytes = self.writes, self.bytes
                is_blocked, self.pages, moved = connection.execute(
                    "PRAGMA wal_checkpoint(PASSIVE)"
                ).fetchone()
                if is_blocked or moved < self.pages:
                    return  # somebody reads, and may for long
                if self.writes == self.moved_writes:
                    self.is_empty = True
                    return

    def end_move(self) -> None:
        """Hears what a move came to; one that failed is begun anew the next time."""
        if self.worker is not None:
            self.worker.join()
            self.worker = None
        if self.is_empty:
            self.writes -= self.moved_writes
            self.bytes -= self.moved_bytes
            self.pages = 0
            self.has_grown = False
        elif self.pages > self.grown_pages and not self.has_grown:
            self.has_grown = True
            log.warning(
                "%s-wal has grown to %d MB: another program reads the journal and keeps it from being emptied",
                self.path,
                self.pages * 4096 // 1_000_000,
            )

    def close(self) -> None:
        """Waits for the thread, and closes its connection: the journal's own is the last then, and empties the log."""
        if self.worker is not None:
            self.end_move()
        if self.aside is not None:
            with suppress(sqlite3.Error):
                self.aside.close()
