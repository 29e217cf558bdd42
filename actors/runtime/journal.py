"""The journal: what a journaled actor decided, durable in SQLite before anyone hears of it.

One transaction holds what one drain of the actor sent that is durable, and the last message it handled from each sender.
The write never waits on a lock and runs in the loop: a journal thread would starve for seconds behind a busy loop.
`NORMAL` synchronisation survives a killed process, `FULL` a power cut.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from actors.runtime.errors import JournalError

Synchronous = Literal["NORMAL", "FULL"]
SCHEMA_VERSION = 1
CHECKPOINT_TRANSACTIONS = 1_000
META_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
)
SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    position INTEGER PRIMARY KEY,
    actor TEXT NOT NULL,
    number INTEGER NOT NULL,
    message_class TEXT NOT NULL,
    time_ns INTEGER NOT NULL,
    frame BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS handled (
    actor TEXT NOT NULL, sender TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (actor, sender)
) WITHOUT ROWID;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Opens an SQLite file, the one place where that is done; it never waits on another process's lock.

    Raises JournalError with what to do.
    """
    try:
        return sqlite3.connect(path, timeout=0, isolation_level=None)
    except sqlite3.Error as error:
        raise JournalError(
            f"{path}: cannot be opened ({error}); is the folder there and writable?"
        ) from error


class Journal:
    """One bot's journal."""

    def __init__(self, path: Path, bot: str, synchronous: Synchronous = "NORMAL") -> None:
        """Opens or creates it.

        Raises JournalError if it cannot be opened, is damaged, or belongs to another bot.
        """
        self.path = path
        self.connection = connect(path)
        try:
            self._prepare(bot, synchronous)
        except sqlite3.Error as error:
            self.connection.close()
            raise JournalError(
                f"{path}: not usable as a journal ({error}); is the folder there and writable, "
                "and does no other program hold the file?"
            ) from error
        except JournalError:
            self.connection.close()
            raise
        self.writes_since_checkpoint = 0
        self.failures = 0

    def _prepare(self, bot: str, synchronous: Synchronous) -> None:
        execute = self.connection.execute
        execute("PRAGMA journal_mode=WAL")
        execute(f"PRAGMA synchronous={synchronous}")
        # Checkpoints cost milliseconds: they are made when the bot is idle, never within an order's way.
        execute("PRAGMA wal_autocheckpoint=0")
        execute(META_SCHEMA)
        owner = self.read_meta("bot")
        if owner is not None and owner != bot:
            raise JournalError(
                f"{self.path}: belongs to the bot {owner!r}, not to {bot!r}; give each bot a state folder of its own"
            )
        schema = self.read_meta("schema") or "0"
        if not schema.isdecimal() or int(schema) > SCHEMA_VERSION:
            raise JournalError(
                f"{self.path}: written by a newer version of this program (schema {schema}); update the program"
            )
        self.connection.executescript(SCHEMA)
        if owner is None:
            self.write_meta("schema", str(SCHEMA_VERSION))
            self.write_meta("bot", bot)

    def read_meta(self, key: str) -> str | None:
        """One of the journal's own facts, or None."""
        row = self.connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def write_meta(self, key: str, value: str) -> None:
        """Keeps one of the journal's own facts."""
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def grant_run(self) -> int:
        """The number of this start, greater than every earlier one and durable on the disk when it returns.

        Raises JournalError if it cannot be written.
        """
        execute = self.connection.execute
        try:
            synchronous = execute("PRAGMA synchronous").fetchone()[0]
            execute("PRAGMA synchronous=FULL")
            try:
                run = int(self.read_meta("run") or 0) + 1
                self.write_meta("run", str(run))
            finally:
                execute(f"PRAGMA synchronous={synchronous}")
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: this start cannot be noted ({error})") from error
        return run

    def write(
        self,
        entries: Iterable[tuple[str, int, str, int, bytes]],
        handled: Iterable[tuple[str, str, int]],
    ) -> None:
        """Writes `(actor, number, message_class, time_ns, frame)` and `(actor, sender, number)` in one transaction.

        Raises JournalError if it could not be written; then nothing was.
        """
        connection = self.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany(
                    "INSERT INTO entry (actor, number, message_class, time_ns, frame) VALUES (?, ?, ?, ?, ?)",
                    entries,
                )
                connection.executemany("INSERT OR REPLACE INTO handled VALUES (?, ?, ?)", handled)
                connection.execute("COMMIT")
            except sqlite3.Error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            self.failures += 1
            raise JournalError(f"{self.path}: not written ({error})") from error
        self.writes_since_checkpoint += 1

    def checkpoint_if_due(self) -> None:
        """Moves what lies in the write-ahead log into the database; for an idle moment. A failure waits for the next."""
        if self.writes_since_checkpoint < CHECKPOINT_TRANSACTIONS:
            return
        try:
            self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error:
            return
        self.writes_since_checkpoint = 0

    def entries(self, actor: str | None = None) -> Iterator[tuple[str, int, str, int, bytes]]:
        """Everything written so far, oldest first: `(actor, number, message_class, time_ns, frame)`."""
        where, parameters = ("WHERE actor = ?", (actor,)) if actor else ("", ())
        yield from self.connection.execute(
            f"SELECT actor, number, message_class, time_ns, frame FROM entry {where} ORDER BY position",
            parameters,
        )

    def close(self) -> None:
        """Closes it; what was written stays."""
        self.connection.close()
