"""What is in a file, as a digest of all its bytes; read again only when the file may have changed.

A file's time of last change of any kind (ctime) cannot be set back by a program as its time of modification can, so what
was read is remembered by it, beside the cache. A change within the same tick of the clock as the reading would not show:
so nothing is remembered of a file that has changed in the last seconds.
"""

import hashlib
import os
from pathlib import Path

import msgspec

YOUNG_NS = 2_000_000_000
FOLDER = "digests"
HAS_CHANGE_TIME = os.name == "posix"
"""Elsewhere that field is the time at which the file was made."""


def digest_of(path: Path, cache_folder: Path) -> str:
    """SHA-256 of a file, in hexadecimal. Raises OSError if it cannot be read, not if the cache cannot be written."""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        told = (
            str(path.resolve()),
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )
        name = hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:32]
        memory = cache_folder / FOLDER / name
        if HAS_CHANGE_TIME and (known := read_memory(memory)):
            return known
        scratch = memory.with_name(f"{name}.{os.getpid()}")
        began_ns = touch(scratch)
        found = hashlib.file_digest(file, "sha256").hexdigest()
        after = os.fstat(file.fileno())
    is_unchanged = (after.st_size, after.st_ctime_ns) == (status.st_size, status.st_ctime_ns)
    if began_ns:
        is_old = HAS_CHANGE_TIME and began_ns - status.st_ctime_ns > YOUNG_NS
        remember(scratch, memory, found if is_old and is_unchanged else "")
    return found


def touch(path: Path) -> int:
    """Makes an empty file; the file system's own time of that, or 0 if it cannot be made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def read_memory(path: Path) -> str:
    """A digest that was remembered, or nothing."""
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
    return text if len(text) == 64 else ""


def remember(scratch: Path, path: Path, digest: str) -> None:
    """Keeps a digest, if there is one and that can be done; another process sees all of it or nothing."""
    try:
        if digest:
            scratch.write_text(digest, encoding="ascii")
            scratch.replace(path)
        else:
            scratch.unlink()
    except OSError:
        scratch.unlink(missing_ok=True)
