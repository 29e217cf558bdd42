"""The journal: what a journaled actor decided, durable in SQLite before anyone hears of it.

One transaction holds what one drain of the actor sent that is durable, and the last message it handled from each sender.
The write never waits on a lock and runs in the loop: a journal thread would starve for seconds behind a busy loop.
`NORMAL` synchronisation survives a killed process, `FULL` a power cut.

What was written is given back to the actor's next instance, from its last checkpoint on. The journal knows of which venue
it holds the state: an account's orders mean nothing at another. It also notices when it is not what it was: the number of
the last start is noted in a second file beside it (an older copy, or none, was put in its place), and whether it was
closed in good order (a killed program leaves its write-ahead log behind: without it the last transactions are lost).
"""

import logging
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from actors.runtime.errors import JournalError

Synchronous = Literal["NORMAL", "FULL"]
SCHEMA_VERSION = 2
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
CREATE TABLE IF NOT EXISTS epoch (
    first_position INTEGER PRIMARY KEY, venue TEXT NOT NULL, is_temporary INTEGER NOT NULL
);
"""
log = logging.getLogger("actors.journal")


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
        self.venue: str | None = None
        self.doubt = ""
        """Why it may lack what was written last; empty when nothing speaks against it."""
        had_log = path.with_name(f"{path.name}-wal").exists()
        self.connection = connect(path)
        try:
            self._prepare(bot, synchronous)
            self.doubt = self._find_doubt(had_log)
        except sqlite3.Error as error:
            self.connection.close()
            raise JournalError(
                f"{path}: not usable as a journal ({error}); is the folder there and writable, "
                "and does no other program hold the file? A damaged one can be moved away: what the venue still knows "
                "is then asked of it"
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
        if schema != str(SCHEMA_VERSION):
            self.write_meta("schema", str(SCHEMA_VERSION))
        if owner is None:
            self.write_meta("bot", bot)

    def _find_doubt(self, had_log: bool) -> str:
        """Whether this is what the last start left. Raises sqlite3.Error, or JournalError for the file beside it."""
        known, noted = int(self.read_meta("run") or 0), self._note_run(0)
        if noted > known:
            what = "an older copy" if known else "an empty file"
            return f"{self.path} is {what}: it knows {known} starts, {noted} were made"
        if self.read_meta("state") == "open" and not had_log:
            return (
                f"the write-ahead log of {self.path} is missing: the last run's end is lost with it"
            )
        return ""

    def _note_run(self, run: int) -> int:
        """Notes a start beside the journal, if it is later than those noted; the last one noted."""
        connection = connect(self.path.with_name(f"{self.path.name}-runs"))
        try:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("CREATE TABLE IF NOT EXISTS run (number INTEGER PRIMARY KEY)")
            if run:
                connection.execute("INSERT OR IGNORE INTO run VALUES (?)", (run,))
                connection.execute("DELETE FROM run WHERE number < ?", (run,))
            row = connection.execute("SELECT max(number) FROM run").fetchone()
        finally:
            connection.close()
        return int(row[0] or 0)

    def bind_venue(self, venue: str, *, is_temporary: bool = False) -> None:
        """Says whose state is read and written from now on: a venue and an account there, by a name that stays.

        A temporary venue is one that begins anew with each start, such as an embedded exchange: the state of others is
        kept as history and waits for them. Raises JournalError if the journal holds the state of another real venue.
        """
        execute = self.connection.execute
        try:
            rows = execute(
                "SELECT venue, is_temporary FROM epoch ORDER BY first_position"
            ).fetchall()
            last = execute("SELECT coalesce(max(position), 0) FROM entry").fetchone()[0]
            real = [name for name, was_temporary in rows if not was_temporary]
            if not is_temporary and real and real[-1] != venue:
                raise JournalError(
                    f"{self.path}: holds the orders and positions of {real[-1]}, not of {venue}; "
                    "give the bot another name or state folder for another venue or account"
                )
            self.venue = venue
            if rows and rows[-1][0] == venue:
                return
            execute(
                "INSERT OR REPLACE INTO epoch VALUES (?, ?, ?)", (last + 1, venue, is_temporary)
            )
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: the venue cannot be noted ({error})") from error
        if last and venue not in real:
            before = rows[-1][0] if rows else "an earlier version of this program"
            log.info("%s begins anew; the state of %s is kept as history", venue, before)
            if not is_temporary and not self.doubt:
                self.doubt = f"{self.path} does not say of which venue its state was"

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
                run = max(int(self.read_meta("run") or 0), self._note_run(0)) + 1
                self.write_meta("run", str(run))
                self.write_meta("state", "open")
                # Into the database itself: the number must not be lost with the log.
                execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._note_run(run)
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

    def recover(self, actor: str, checkpoints: Iterable[str]) -> list[bytes]:
        """The frames that an actor wrote for this venue, oldest first: from its last message of these classes on.

        Raises JournalError if it cannot be read.
        """
        condition, parameters = "actor = ?", [actor]
        if self.venue is not None:
            condition += (
                " AND (SELECT venue FROM epoch WHERE first_position <= position"
                " ORDER BY first_position DESC LIMIT 1) = ?"
            )
            parameters.append(self.venue)
        names = list(checkpoints)
        marks = ", ".join("?" * len(names))
        execute = self.connection.execute
        try:
            # Backwards from the end: what lies before the last checkpoint is not looked at.
            found = execute(
                f"SELECT position FROM entry WHERE {condition} AND message_class IN ({marks})"
                " ORDER BY position DESC LIMIT 1",
                (*parameters, *names),
            ).fetchone()
            rows = execute(
                f"SELECT frame FROM entry WHERE {condition} AND position >= ? ORDER BY position",
                (*parameters, found[0] if found else 0),
            ).fetchall()
        except sqlite3.Error as error:
            raise JournalError(
                f"{self.path}: cannot be read ({error}); restore a good copy, or move it away: "
                "what the venue still knows is then asked of it"
            ) from error
        return [row[0] for row in rows]

    def close(self) -> None:
        """Closes it in good order; what was written stays."""
        try:
            if self.read_meta("state") == "open":
                self.write_meta("state", "closed")
        except sqlite3.Error as error:
            log.warning("%s: its good end cannot be noted (%s)", self.path, error)
        self.connection.close()
