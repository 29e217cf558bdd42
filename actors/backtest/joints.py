"""Where one file of a stream ends and another begins: what is missing between them, and what lies in both.

It is told as what is missing within a file, in the report and to strategies (stream_set.py), from a folder of the cache of
its own: what lies between two files belongs to neither.
"""

import hashlib
import heapq
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import msgspec

from actors.backtest.data_files import Note, StreamKey
from actors.backtest.errors import DataError
from actors.backtest.frame_store import read_keys
from actors.backtest.sequence import SILENCE_NS, Hole, show
from actors.backtest.stream_set import StoredStream, StreamSet
from messages.enums import Exchanges
from messages.market import FeedStatus, Kline


class Part(NamedTuple):
    """What one file holds of a stream."""

    folder: Path
    """Where it lies in the cache."""
    file: str
    """The name of the user's file."""
    stream: StoredStream

    @property
    def first_time_ns(self) -> int:
        """When its first message is due."""
        return min(item.first_time_ns for item in self.stream.segments)

    @property
    def last_time_ns(self) -> int:
        """When its last message is due."""
        return max(item.last_time_ns for item in self.stream.segments)

    @property
    def first_id(self) -> int:
        """The least id."""
        return min(item.first_id for item in self.stream.segments)

    @property
    def last_id(self) -> int:
        """The greatest id."""
        return max(item.last_id for item in self.stream.segments)


def examine(key: StreamKey, parts: Sequence[Part]) -> tuple[list[Note], list[Hole]]:
    """What is to be told of the files of one stream.

    Raises DataError if they overlap and no ids tell what lies in both.
    """
    if len(parts) < 2 or key.message_class == FeedStatus.__name__:
        return [], []
    parts = sorted(parts, key=lambda part: (part.first_time_ns, part.last_time_ns, part.file))
    notes, holes = [], []
    before = parts[0]
    for part in parts[1:]:
        if part.first_time_ns <= before.last_time_ns:
            refuse_overlap(key, before, part)
        elif (hole := find_hole(key, before, part)) is not None:
            holes.append(hole)
            kind = "gap" if hole.missing else "silence"
            notes.append(Note(part.file, kind, hole.missing or 1, hole.text))
        if part.last_time_ns >= before.last_time_ns:
            before = part
    if (count := count_doubles(parts)) > 0:
        text = f"{parts[0].stream.what}: {count} in more than one file, let through once"
        notes.append(Note(parts[-1].file, "duplicate", count, text))
    return notes, holes


def refuse_overlap(key: StreamKey, before: Part, part: Part) -> None:
    """Raises DataError if it cannot be told what lies in both of two files."""
    where = f"{key.symbol}: two files of {key.message_class} overlap at {show(part.first_time_ns)}"
    if not (before.stream.has_ids and part.stream.has_ids):
        raise DataError(
            f"{where}, and they have no ids by which to tell what is in both; give one of them"
        )
    if before.stream.numbering != part.stream.numbering:
        raise DataError(
            f"{where}: trades in {before.file if not before.stream.numbering else part.file} and the same as "
            "aggregate trades in the other, which would count twice; give one of them"
        )


def find_hole(key: StreamKey, before: Part, part: Part) -> Hole | None:
    """What is missing between two files that do not overlap: by their ids, or a silence where these do not tell."""
    step, what = part.stream.step, part.stream.what
    where = f"between the end of {before.file} and the begin of {part.file}"
    can_count = (
        step > 0
        and before.stream.step == step
        and before.stream.has_ids
        and part.stream.has_ids
        and before.stream.numbering == part.stream.numbering
    )
    if can_count and part.first_id > before.last_id:
        missing = (part.first_id - before.last_id) // step - 1
        text = f"{what}: {missing} missing {where}"
        return Hole(part.first_time_ns, missing, text) if missing > 0 else None
    silence_ns = part.first_time_ns - before.last_time_ns
    if key.message_class == Kline.__name__ or silence_ns < SILENCE_NS:
        return None
    return Hole(part.first_time_ns, 0, f"{what}: nothing for {silence_ns / 1e9:g} s {where}")


def count_doubles(parts: Sequence[Part]) -> int:
    """How many messages lie in more than one of the files; read only where these overlap."""
    begin_ns = min(
        (part.first_time_ns for part, before in overlaps(parts)),
        default=None,
    )
    if begin_ns is None:
        return 0
    end_ns = max(min(part.last_time_ns, before.last_time_ns) for part, before in overlaps(parts))
    keys = heapq.merge(
        *(
            read_keys(part.folder / item.name, begin_ns, end_ns + 1)
            for part in parts
            for item in part.stream.segments
        )
    )
    return sum(sum(1 for _ in same) - 1 for _, same in groupby(keys))


def overlaps(parts: Sequence[Part]) -> list[tuple[Part, Part]]:
    """Pairs of files, sorted by their begin, of which one begins before the other has ended; the later one first."""
    return [
        (part, before)
        for index, part in enumerate(parts)
        for before in parts[:index]
        if part.first_time_ns <= before.last_time_ns
    ]


def store_holes(
    holes: Mapping[tuple[str, str], Sequence[Hole]], cache_folder: Path
) -> list[tuple[Path, tuple[StoredStream, ...]]]:
    """The words about what is missing between files, by exchange and symbol, in folders of the cache.

    Raises OSError if the cache cannot be written.
    """
    found = []
    for (exchange, symbol), mine in sorted(holes.items()):
        told = msgspec.json.encode((exchange, symbol, sorted(mine)))
        folder = cache_folder / f"between-{hashlib.sha256(told).hexdigest()[:32]}"
        scratch = Path(tempfile.mkdtemp(prefix="converting-", dir=cache_folder))
        try:
            words = StreamSet(scratch, Path(symbol), Exchanges(exchange), repair=False)
            for hole in sorted(mine):
                words.tell_hole(symbol, hole)
            streams, _ = words.close()
            try:
                scratch.rename(folder)
            except OSError:
                # Else these words are there already, by an earlier or another process.
                if not folder.exists():
                    raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        found.append((folder, tuple(streams)))
    return found
