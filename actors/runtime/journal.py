"""The journal: what a journaled actor decided, durable in SQLite before anyone hears of it.

One transaction holds what one drain of the actor sent that is durable, and the last message it handled from each sender.
The write never waits on a lock and runs in the loop: a journal thread would starve for seconds behind a busy loop.

Whatever was written survives a killed process. With `FULL` synchronisation it also survives a power cut, except for what a
message class leaves to be asked again (`Message.is_retold`): a transaction that holds such messages alone is not waited
for, and SQLite's log loses them from its end only, so that nothing outlives what it rests on. One wait for the disk serves
all orders of a drain. With `NORMAL` a power cut takes whatever the operating system had not yet written, orders that are
at the venue included.

What was written is given back to the actor's next instance, from its last checkpoint on; what lies before is removed when
it is old enough (journal_retention.py). The journal knows of which venue it holds the state: an account's orders mean
nothing at another. It also notices when it is not what it was: the number of the last start is noted in a second file
beside it (an older copy, or none, was put in its place), whether it was closed in good order (a killed program leaves its
write-ahead log behind: without it the last transactions are lost), and whether its entries follow each other (a database
beside the log of another).
"""

import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from actors.runtime.errors import JournalError, JournalLocked
from actors.runtime.failpoints import ARMED
from actors.runtime.journal_log import JournalLog, Worker
from actors.runtime.journal_retention import KEEP_DAYS, Retention
from actors.runtime.journal_schema import (
    META_SCHEMA,
    ROWS_TOGETHER,
    SCHEMA,
    SCHEMA_VERSION,
    decode_handled,
    encode_handled,
    insertion_of,
    migrate,
)

Synchronous = Literal["NORMAL", "FULL"]
REMEDY = "Restore a good copy of all its files, or move them away: what the venue still knows is then asked of it"
log = logging.getLogger("actors.journal")


def connect(path: Path, *, is_for_thread: bool = False) -> sqlite3.Connection:
    """Opens an SQLite file, the one place where that is done; it never waits on another process's lock.

    One that is for a thread may be used in another than this. Raises JournalError with what to do.
    """
    try:
        return sqlite3.connect(
            path, timeout=0, isolation_level=None, check_same_thread=not is_for_thread
        )
    except sqlite3.Error as error:
        raise JournalError(
            f"{path}: cannot be opened ({error}); is the folder there and writable?"
        ) from error


def is_locked(error: sqlite3.Error) -> bool:
    """Whether it only says that another process holds the file."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class Journal:
    """One bot's journal."""

    def __init__(
        self,
        path: Path,
        bot: str,
        synchronous: Synchronous = "FULL",
        keep_days: float = KEEP_DAYS,
        *,
        start_thread: Callable[[Callable[[], None]], Worker] | None = None,
    ) -> None:
        """Opens or creates it. What no start will read is removed when it is `keep_days` old.

        `start_thread` runs what empties its log beside the loop, which then does not wait for the disk for that.
        Raises JournalLocked while another process holds it, JournalError if it cannot be opened, is damaged, or belongs
        to another bot.
        """
        self.path = path
        self.synchronous: Synchronous = synchronous
        self.level = ""
        """The connection's synchronisation as it was last set."""
        self.venue: str | None = None
        self.doubt = ""
        """Why it may lack what was written last; empty when nothing speaks against it."""
        had_log = path.with_name(f"{path.name}-wal").exists()
        self.connection = connect(path)
        try:
            self._prepare(bot, had_log)
            self.doubt = self._find_doubt(had_log)
            aside = None if start_thread is None else connect(path, is_for_thread=True)
            self.write_ahead_log = JournalLog(path, self.connection, aside, start_thread)
        except sqlite3.Error as error:
            self.connection.close()
            if is_locked(error):
                raise JournalLocked(f"{path}: another program holds it ({error})") from error
            raise JournalError(
                f"{path}: not usable as a journal ({error}); is the folder there and writable? "
                f"If it is damaged: {REMEDY}"
            ) from error
        except JournalError:
            self.connection.close()
            raise
        self.failures = 0
        self.trouble = ""
        """Why the last write failed; empty when it did not."""
        self.retention = Retention(self.connection, round(keep_days * 86_400e9))

    def _prepare(self, bot: str, had_log: bool) -> None:
        execute = self.connection.execute
        tables = {
            name for (name,) in execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if tables and "meta" not in tables:
            raise JournalError(
                f"{self.path}: a database of something else ({', '.join(sorted(tables)[:3])}); it is left as it is. "
                "Give the bot a state folder of its own"
            )
        [page_size] = execute("PRAGMA page_size").fetchone()
        if tables and not had_log and self.path.stat().st_size % page_size:
            # SQLite reads zeros where bytes of the last page are missing.
            raise JournalError(f"{self.path}: cut off within a page. {REMEDY}")
        execute("PRAGMA journal_mode=WAL")
        self._set_level(self.synchronous)
        # Checkpoints cost milliseconds: they are made beside an order's way (journal_log.py).
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
            execute("BEGIN IMMEDIATE")
            migrate(self.connection)
            self.write_meta("schema", str(SCHEMA_VERSION))
            execute("COMMIT")
        if owner is None:
            self.write_meta("bot", bot)

    def _set_level(self, level: Synchronous) -> None:
        """Whether a commit waits for the disk."""
        self.connection.execute(f"PRAGMA synchronous={level}")
        self.level = level

    def _find_doubt(self, had_log: bool) -> str:
        """Whether this is what the last start left. Raises sqlite3.Error, or JournalError for the file beside it."""
        known, noted = int(self.read_meta("run") or 0), self._note_run(0)
        if noted > known:
            what = "an older copy" if known else "an empty file"
            doubt = f"{self.path} is {what}: it knows {known} starts, {noted} were made"
        elif self.read_meta("state") == "open" and not had_log:
            doubt = (
                f"the write-ahead log of {self.path} is missing: the last run's end is lost with it"
            )
        else:
            return ""
        # A newer log beside it would have been taken for its own: only reading all of it tells.
        [found] = self.connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise JournalError(f"{doubt}; and it is damaged ({found}). {REMEDY}")
        return doubt

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
        kept as history and waits for them. Raises JournalError if the journal holds the state of another real venue,
        JournalLocked while another process holds it.
        """
        execute = self.connection.execute
        try:
            rows = execute(
                "SELECT venue, is_temporary FROM epoch ORDER BY first_position"
            ).fetchall()
            [last] = execute("SELECT coalesce(max(position), 0) FROM entry").fetchone()
            real = [name for name, was_temporary in rows if not was_temporary]
            if not is_temporary and real and real[-1] != venue:
                raise JournalError(
                    f"{self.path}: holds the orders and positions of {real[-1]}, not of {venue}; "
                    "give the bot another name or state folder for another venue or account"
                )
            self.venue = self.retention.venue = venue
            if rows and rows[-1][0] == venue:
                return
            execute(
                "INSERT OR REPLACE INTO epoch VALUES (?, ?, ?)", (last + 1, venue, is_temporary)
            )
        except sqlite3.Error as error:
            kind = JournalLocked if is_locked(error) else JournalError
            raise kind(f"{self.path}: the venue cannot be noted ({error})") from error
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

        Raises JournalError if it cannot be written, JournalLocked while another process holds it; tried again it grants
        another number.
        """
        try:
            self._set_level("FULL")
            run = max(int(self.read_meta("run") or 0), self._note_run(0)) + 1
            self.write_meta("run", str(run))
            self.write_meta("state", "open")
            if ARMED is not None:
                ARMED.reach("journal.run")
            # Into the database itself: the number must not be lost with the log.
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._note_run(run)
            self._synchronise_folder()
        except sqlite3.Error as error:
            kind = JournalLocked if is_locked(error) else JournalError
            raise kind(f"{self.path}: this start cannot be noted ({error})") from error
        return run

    def _synchronise_folder(self) -> None:
        """A new file's name is durable only with its folder; where that cannot be asked for, the system sees to it."""
        with suppress(OSError):
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def write(
        self,
        entries: Sequence[tuple[str, int, str, int, bytes]],
        handled: Mapping[str, int],
        *,
        is_retold: bool = False,
    ) -> None:
        """Writes at least one entry in one transaction, with the numbers of what was handled.

        An entry is `(actor, number, message_class, time_ns, frame)`. `handled` holds the last number from each sender
        that the actor has handled since its last transaction. With `is_retold` it need not survive a power cut: all of it
        can be asked for again. Raises JournalError if it could not be written; then nothing was.
        """
        if ARMED is not None:
            ARMED.reach("journal.before", (entry[2] for entry in entries))
        numbers = encode_handled(handled) if handled else None
        try:
            level = "NORMAL" if is_retold else self.synchronous
            if level != self.level:
                self._set_level(level)
            is_split = ARMED is not None and ARMED.lies_at("journal.within")
            if len(entries) <= ROWS_TOGETHER and not is_split:
                # One statement is a transaction: BEGIN and COMMIT would be two more to run on the way of an order.
                values: list[Any] = []
                for entry in entries:
                    values += entry
                    values.append(None)
                values[-1] = numbers
                self.connection.execute(insertion_of(len(entries)), values)
            else:
                rows = [(*entry, None) for entry in entries[:-1]]
                self._write_in_parts([*rows, (*entries[-1], numbers)])
        except sqlite3.Error as error:
            self.failures += 1
            self.trouble = f"{self.path}: not written ({error})"
            raise JournalError(self.trouble) from error
        if ARMED is not None:
            ARMED.reach("journal.after", (entry[2] for entry in entries))
        self.trouble = ""
        self.write_ahead_log.note(entries)

    def _write_in_parts(self, rows: list[tuple[Any, ...]]) -> None:
        """One transaction of several statements: for many rows, and where a failpoint may lie between them."""
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(insertion_of(1), rows)
            if ARMED is not None:
                ARMED.reach("journal.within", (row[2] for row in rows))
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def tend(self, now_ns: int, *, is_idle: bool) -> None:
        """Housekeeping between two turns of the loop: one bounded piece of it, if any is due. Never raises."""
        if not self.write_ahead_log.tend(is_idle=is_idle):
            self.retention.remove_some(now_ns)

    def entries(self, actor: str | None = None) -> Iterator[tuple[str, int, str, int, bytes]]:
        """Everything written so far, oldest first: `(actor, number, message_class, time_ns, frame)`."""
        where, parameters = ("WHERE actor = ?", (actor,)) if actor else ("", ())
        yield from self.connection.execute(
            f"SELECT actor, number, message_class, time_ns, frame FROM entry {where} ORDER BY position",
            parameters,
        )

    def handled(self, actor: str) -> dict[str, int]:
        """The last number from each sender that an actor had handled when it wrote what is still here."""
        found: dict[str, int] = {}
        for (part,) in self.connection.execute(
            "SELECT handled FROM entry WHERE actor = ? AND handled IS NOT NULL ORDER BY position",
            (actor,),
        ):
            found |= decode_handled(part)
        return found

    def recover(self, actor: str, checkpoints: Iterable[str]) -> list[bytes]:
        """The frames that an actor wrote for this venue, oldest first: from its last message of these classes on.

        Raises JournalError if it cannot be read, or if some of them are missing.
        """
        try:
            self.retention.learn(actor, tuple(checkpoints))
            first = self.retention.find_checkpoint(actor, self.venue)
            frames: list[bytes] = []
            for begin, end in self.retention.ranges_of(self.venue):
                if end > first:
                    frames += self._read_frames(actor, max(begin, first), end)
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: cannot be read ({error}). {REMEDY}") from error
        return frames

    def _read_frames(self, actor: str, begin: int, end: int) -> list[bytes]:
        """What an actor wrote from one position to before another; whatever lies between, all of it must be there."""
        rows = self.connection.execute(
            "SELECT position, actor, frame FROM entry WHERE position >= ? AND position < ? ORDER BY position",
            (begin, end),
        ).fetchall()
        if rows and rows[-1][0] - rows[0][0] != len(rows) - 1:
            raise JournalError(
                f"{self.path}: entries are missing between {rows[0][0]} and {rows[-1][0]}: "
                f"the database and its write-ahead log are not of one time. {REMEDY}"
            )
        return [frame for _, author, frame in rows if author == actor]

    def close(self) -> None:
        """Closes it in good order; what was written stays."""
        self.write_ahead_log.close()
        try:
            if self.read_meta("state") == "open":
                self._set_level("FULL")
                self.write_meta("state", "closed")
        except sqlite3.Error as error:
            log.warning("%s: its good end cannot be noted (%s)", self.path, error)
        self.connection.close()
