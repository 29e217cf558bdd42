"""A program's disk: a real folder in memory, and what a kill or a power cut leaves of it.

SQLite works on real files, so its own recovery is what is tested. At a kill the folder is left to the dead process, and a copy
of what it held at that instant takes its place, under the same name.
"""

import os
import re
import shutil
import socket
import sqlite3
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from actors.simulation.process import SimulatedProcess
from actors.simulation.socket_calls import NetworkLoop

MEMORY_FOLDER = Path("/dev/shm")
SYNCHRONOUS_PRAGMA = re.compile(r"\s*PRAGMA\s+synchronous\s*=\s*(\w+)", re.IGNORECASE)
FULL_WORDS = ("FULL", "EXTRA", "2", "3")
WRITING_WORDS = ("COMMIT", "END", "INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "DROP")
CHECKPOINT = re.compile(r"\s*PRAGMA\s+wal_checkpoint\b", re.IGNORECASE)


class OpenDatabase:
    """A connection that a simulated process has opened, with what is known to be on the platter."""

    def __init__(
        self,
        loop: NetworkLoop,
        process: SimulatedProcess,
        path: Path,
        connection: sqlite3.Connection,
    ) -> None:
        self.loop = loop
        self.process = process
        self.path = path
        self.connection = connection
        self.is_full = True
        self.may_have_synchronised = False
        """Whether the last statement synchronised the log, if it ended a transaction."""
        self.synchronised_bytes = loop.synchronised_logs.get(path, 0)
        """Length of the write-ahead log that was synchronised: a power cut leaves at least so much."""
        connection.set_trace_callback(self.trace)

    def trace(self, statement: str) -> None:
        """Called by SQLite before each statement runs: here the process may die."""
        process = self.process
        if not process.is_alive or self.loop.is_ended:
            return
        self.loop.record("sql", f"{process.name}|{statement}")
        self.note_synchronised()
        pragma = SYNCHRONOUS_PRAGMA.match(statement)
        if pragma is not None:
            self.is_full = pragma[1].upper() in FULL_WORDS
        is_write = statement.lstrip().upper().startswith(WRITING_WORDS)
        is_checkpoint = CHECKPOINT.match(statement) is not None
        self.may_have_synchronised = (is_write and self.is_full) or is_checkpoint
        triggers = process.triggers
        if triggers.statements_left is not None:
            triggers.statements_left -= 1
            if triggers.statements_left < 0:
                self.loop.kill(process)

    def note_synchronised(self) -> None:
        """What the last statement has put onto the platter: a commit with `synchronous=FULL`, or a checkpoint."""
        if not self.may_have_synchronised:
            return
        try:
            is_committed = not self.connection.in_transaction
        except sqlite3.ProgrammingError:
            # The program has closed it; closing the last connection empties the log into the database.
            return
        if is_committed:
            self.may_have_synchronised = False
            log = Path(f"{self.path}-wal")
            self.synchronised_bytes = log.stat().st_size if log.exists() else 0


def open_database(
    loop: NetworkLoop,
    connect: Callable[..., sqlite3.Connection],
    database: Any,
    *arguments: Any,
    **options: Any,
) -> sqlite3.Connection:
    """Opens SQLite for the running process. Raises sqlite3.OperationalError for a ghost, which has no disk."""
    process = loop.current
    if not process.is_alive:
        raise sqlite3.OperationalError("unable to open database file")
    # A later incarnation finds another folder under this name, and SQLite opens its log by name and late.
    path = os.fspath(database)
    if path != ":memory:" and not options.get("uri"):
        path = os.path.realpath(path)
    connection = connect(path, *arguments, **options)
    loop.databases.append(OpenDatabase(loop, process, Path(path), connection))
    return connection


class Disks:
    """The disks of one world's programs; all are removed at its end."""

    def __init__(self, loop: NetworkLoop) -> None:
        self.loop = loop
        parent = MEMORY_FOLDER if MEMORY_FOLDER.is_dir() else None
        self.base = Path(tempfile.mkdtemp(prefix="world-", dir=parent)).resolve()
        self.disks: dict[str, Disk] = {}

    def disk_of(self, program: str) -> "Disk":
        """The disk of a program of that name."""
        if program not in self.disks:
            self.disks[program] = Disk(self.loop, self.base / program)
        return self.disks[program]

    def close(self) -> None:
        """Closes what programs left open and removes all files."""
        for database in self.loop.databases:
            # One that its program has closed says ProgrammingError.
            with suppress(sqlite3.ProgrammingError):
                database.connection.set_trace_callback(None)
                database.connection.close()
        self.loop.databases.clear()
        shutil.rmtree(self.base, ignore_errors=True)

    def __enter__(self) -> "Disks":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Disk:
    """One program's folder. `folder` is a link of a lasting name to where the present incarnation's files lie."""

    def __init__(self, loop: NetworkLoop, folder: Path) -> None:
        self.loop = loop
        self.folder = folder
        self.deaths = 0
        self._files = folder.with_name(f"{folder.name}.0")
        self._files.mkdir()
        folder.symlink_to(self._files)

    def crash(self, process: SimulatedProcess, log_share: float = 1.0) -> None:
        """Leaves what the disk holds at this instant of the process's death.

        `log_share` is the part of the write-ahead logs, beyond what was synchronised, that survives a power cut.
        """
        safe_bytes: dict[Path, int] = {}
        for database in self.loop.databases:
            if database.process is process:
                database.note_synchronised()
                log = Path(f"{database.path}-wal")
                safe_bytes[log] = max(safe_bytes.get(log, 0), database.synchronised_bytes)
        self.deaths += 1
        old, self._files = self._files, self.folder.with_name(f"{self.folder.name}.{self.deaths}")
        self._copy(old, self._files, safe_bytes, log_share)
        self.folder.unlink()
        self.folder.symlink_to(self._files)

    def _copy(self, old: Path, new: Path, safe_bytes: dict[Path, int], log_share: float) -> None:
        new.mkdir(mode=stat.S_IMODE(old.stat().st_mode))
        for source in sorted(old.iterdir()):
            target = new / source.name
            mode = source.stat().st_mode
            if stat.S_ISDIR(mode):
                self._copy(source, target, safe_bytes, log_share)
            elif stat.S_ISSOCK(mode):
                with socket.socket(socket.AF_UNIX) as stub:
                    stub.bind(str(target))
            elif not source.name.endswith("-shm"):
                shutil.copyfile(source, target)
                target.chmod(stat.S_IMODE(mode))
                if source.name.endswith("-wal"):
                    safe = self.loop.synchronised_logs.get(database_of(source), 0)
                    self._cut_log(target, safe_bytes.get(source, safe), log_share)

    def _cut_log(self, log: Path, safe: int, log_share: float) -> None:
        """What survives of a log, and how much of it is on the platter when the next incarnation opens it."""
        size = log.stat().st_size
        if log_share < 1.0:
            size = min(size, safe + int((size - safe) * log_share))
            os.truncate(log, size)
            safe = size
        self.loop.synchronised_logs[database_of(log)] = min(safe, size)


def database_of(log: Path) -> Path:
    """The file that a write-ahead log belongs to."""
    return Path(str(log).removesuffix("-wal"))
