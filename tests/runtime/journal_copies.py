"""What a killed program, or a machine without power, leaves of a journal: copies of its files at chosen moments."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actors.runtime.journal import Journal

Copy = tuple[Path, list[str]]
"""Where it lies, and what was expected of it at that moment."""


def copy_files(path: Path, folder: Path, log_bytes: int | None = None) -> Path:
    """Copies a journal that is in use; of its write-ahead log only so many bytes, if that is given."""
    folder.mkdir(parents=True)
    for file in path.parent.glob(f"{path.name}*"):
        if not file.name.endswith("-shm"):
            shutil.copy(file, folder / file.name)
    if log_bytes is not None:
        log = folder / f"{path.name}-wal"
        log.write_bytes(log.read_bytes()[:log_bytes])
    return folder / path.name


@contextmanager
def copies_at_every_statement(
    journal: Journal, folder: Path, expected: list[str]
) -> Iterator[list[Copy]]:
    """Sets the files aside before each statement runs, with what `expected` holds at that moment."""
    copies: list[Copy] = []

    def on_statement(statement: str) -> None:
        copy = copy_files(journal.path, folder / str(len(copies)))
        copies.append((copy, list(expected)))

    journal.connection.set_trace_callback(on_statement)
    try:
        yield copies
    finally:
        journal.connection.set_trace_callback(None)
