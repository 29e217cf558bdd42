"""One stream of one file on its way into the cache: put in order, checked for gaps, duplicates and time that goes back.

Messages of one instant are put in the order of their ids. A message whose time is before the last one's is an error,
named by its line. When repairing, it begins a new segment instead: a file of its own in the cache, which the merge puts
in its place. An id that comes again at another time is left out; ids that go back while time goes on are told, and such
messages stay where their times put them.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from actors.backtest.data_files import Note
from actors.backtest.errors import DataError
from actors.backtest.frame_store import FrameFileWriter
from actors.backtest.row_messages import Batch
from actors.backtest.seen_ids import SeenIds

MAXIMUM_SEGMENTS = 1_000
SILENCE_NS = 60 * 10**9
"""Where messages have no ids that count on, a pause of this length is told."""


class StoredSegment(msgspec.Struct, frozen=True):
    """A file of the cache, within its folder."""

    name: str
    count: int
    first_time_ns: int
    last_time_ns: int
    first_id: int
    last_id: int
    """The greatest."""


class Hole(NamedTuple):
    """Something is missing in the data."""

    time_ns: int
    """When the first message after it is delivered."""
    missing: int
    """How many messages; 0 if that is not known."""
    text: str


class StreamSequencer:
    """Writes one stream. `step` is by how much ids grow where none is missing; 0 where they tell nothing."""

    def __init__(
        self, path: Path, source: Path, step: int, what: str, *, repair: bool, has_ids: bool = True
    ) -> None:
        self.source = source
        self.has_ids = has_ids
        self.segments: list[StoredSegment] = []
        self.duplicates = self.repeated = self.moved = 0
        self.descents = 0
        """How often ids went back while time went on."""
        self.first_descent = ""
        self.silences: list[Hole] = []
        self.longest_silence_ns = 0
        self.step, self.what = step, what
        self._path, self._repair = path, repair
        self._writer: FrameFileWriter | None = None
        self._seen = SeenIds(step)
        self._last_id = self._last_time_ns = -1
        """Of what was written last into this segment."""
        self._held: tuple[list[int], list[int], list[Any]] = ([], [], [])
        """What has the newest time so far: more of that instant may follow."""

    def take(self, batch: Batch, line_of: Callable[[int], int]) -> None:
        """The next messages of the file. Raises DataError where time goes back, unless repairing."""
        times, ids, messages = list(batch.times), list(batch.ids), list(batch.messages)
        if self._is_in_order(times, ids):
            self._put(times, ids, messages)
            return
        begin = 0
        last_ns = self._held[0][-1] if self._held[0] else -1
        for index, time_ns in enumerate(times):
            if time_ns < last_ns:
                self._put_sorted(times[begin:index], ids[begin:index], messages[begin:index])
                self._turn_back(time_ns, last_ns, line_of(index))
                begin = index
            last_ns = time_ns
        self._put_sorted(times[begin:], ids[begin:], messages[begin:])

    def _is_in_order(self, times: list[int], ids: list[int]) -> bool:
        held_times, held_ids, _ = self._held
        if held_times and (times[0] < held_times[-1] or ids[0] <= held_ids[-1]):
            return False
        return times == sorted(times) and ids == sorted(ids)

    def _turn_back(self, time_ns: int, last_ns: int, line: int) -> None:
        """Ends the segment, or the conversion."""
        if not self._repair:
            raise DataError(
                f"{self.source}, line {line}: time goes back, from {show(last_ns)} to {show(time_ns)}. "
                "With --repair such rows are put in their place"
            )
        if len(self.segments) == MAXIMUM_SEGMENTS:
            raise DataError(
                f"{self.source}, line {line}: time goes back for the {MAXIMUM_SEGMENTS}th time; sort the file"
            )
        self.moved += 1
        self._end_segment()

    def _put_sorted(self, times: list[int], ids: list[int], messages: list[Any]) -> None:
        """Takes messages of rising times in; those of one instant in the order of their ids."""
        if not times:
            return
        held_times, held_ids, held_messages = self._held
        times, ids, messages = held_times + times, held_ids + ids, held_messages + messages
        self._held = ([], [], [])
        order = sorted(range(len(times)), key=lambda index: (times[index], ids[index]))
        self._put(
            [times[index] for index in order],
            [ids[index] for index in order],
            [messages[index] for index in order],
        )

    def _put(self, times: list[int], ids: list[int], messages: list[Any]) -> None:
        """Takes messages in order of (time, id) in, and writes all but the newest instant."""
        held_times, held_ids, held_messages = self._held
        times, ids, messages = held_times + times, held_ids + ids, held_messages + messages
        end = len(times) - 1
        while end and times[end - 1] == times[end]:
            end -= 1
        self._held = (times[end:], ids[end:], messages[end:])
        self._write(times[:end], ids[:end], messages[:end])

    def _write(self, times: list[int], ids: list[int], messages: list[Any]) -> None:
        if not times:
            return
        if self._writer is None:
            name = f"{self._path.name}.{len(self.segments)}.frames"
            self._writer = FrameFileWriter(self._path.with_name(name))
            self._last_time_ns = times[0]
        seen = self._seen
        if ids[0] != seen.last + self.step or ids != list(
            range(ids[0], ids[0] + self.step * len(ids), self.step or 1)
        ):
            keep = self._check_ids(times, ids)
            if len(keep) < len(ids):
                times = [times[index] for index in keep]
                ids = [ids[index] for index in keep]
                messages = [messages[index] for index in keep]
        else:
            seen.go_on(ids[0], ids[-1], times[0])
        if not self.has_ids:
            self._check_silence(times)
        if times:
            self._writer.write(times, ids, messages)
            self._last_id, self._last_time_ns = ids[-1], times[-1]

    def _check_ids(self, times: list[int], ids: list[int]) -> list[int]:
        """Notes what is missing, what is there twice, and ids that go back; the indices of what is to be kept."""
        keep = []
        step, take = self.step, self._seen.take
        last_time_ns, last_id = self._last_time_ns, self._last_id
        for index, number in enumerate(ids):
            time_ns = times[index]
            if number == last_id and time_ns == last_time_ns:
                self.duplicates += 1
                continue
            if step and not take(number, time_ns):
                self.repeated += 1
                continue
            if step and number < last_id:
                self.descents += 1
                self.first_descent = self.first_descent or show(time_ns)
            last_time_ns, last_id = time_ns, number
            keep.append(index)
        return keep

    @property
    def holes(self) -> list[Hole]:
        """What is missing, in order; nothing is told of a file whose rows had to be put in their place."""
        missing = [
            Hole(gap.time_ns, gap.missing, f"{self.what}: {gap.missing} missing")
            for gap in self._seen.gaps()
        ]
        return sorted([*missing, *self.silences])

    def _check_silence(self, times: list[int]) -> None:
        last_ns = self._last_time_ns
        if max(map(int.__sub__, times, [last_ns, *times]), default=0) < SILENCE_NS:
            return
        for time_ns in times:
            if time_ns - last_ns >= SILENCE_NS:
                text = f"{self.what}: nothing for {(time_ns - last_ns) / 1e9:g} s"
                self.silences.append(Hole(time_ns, 0, text))
                self.longest_silence_ns = max(self.longest_silence_ns, time_ns - last_ns)
            last_ns = time_ns

    def _end_segment(self) -> None:
        held = self._held
        self._held = ([], [], [])
        self._write(*held)
        self._last_id = -1
        writer = self._writer
        if writer is not None:
            writer.close()
        if writer is not None and writer.count:  # not all of it was there before
            self.segments.append(
                StoredSegment(
                    writer.path.name,
                    writer.count,
                    writer.first_time_ns,
                    writer.last_time_ns,
                    writer.first_id,
                    writer.last_id,
                )
            )
        self._writer = None

    def abandon(self) -> None:
        """Closes the file as it is."""
        if self._writer is not None:
            self._writer.abandon()

    def end(self) -> None:
        """Writes what is left; from then on all is known of its holes."""
        self._end_segment()

    def close(self) -> list[Note]:
        """Ends the stream, and tells what was found."""
        self._end_segment()
        name, what = self.source.name, self.what
        notes = []
        if gaps := self._seen.gaps():
            missing = sum(gap.missing for gap in gaps)
            first = show(min(gap.time_ns for gap in gaps))
            text = f"{what}: {missing} missing in {count_of(len(gaps), 'gap')}, the first before {first}"
            notes.append(Note(name, "gap", missing, text))
        if self.duplicates:
            text = f"{what}: {self.duplicates} there twice, let through once"
            notes.append(Note(name, "duplicate", self.duplicates, text))
        if self.repeated:
            text = f"{what}: {self.repeated} there again later in the file, left out"
            notes.append(Note(name, "duplicate", self.repeated, text))
        if self.descents:
            text = (
                f"{what}: ids go back while time goes on {count_of(self.descents, 'time')}, the first at "
                f"{self.first_descent}; these rows are played at their times"
            )
            notes.append(Note(name, "disorder", self.descents, text))
        if self.moved:
            text = f"{what}: time went back {count_of(self.moved, 'time')}; these rows were put in their place"
            notes.append(Note(name, "repair", self.moved, text))
        if self.silences:
            text = (
                f"{what}: nothing for a minute or more {count_of(len(self.silences), 'time')}, "
                f"at most {self.longest_silence_ns / 1e9:g} s"
            )
            notes.append(Note(name, "silence", len(self.silences), text))
        return notes


def count_of(count: int, noun: str) -> str:
    """`1 gap`, `2 gaps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def show(time_ns: int) -> str:
    """A time as text, to the microsecond, UTC."""
    return datetime.fromtimestamp(time_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S") + (
        f".{time_ns % 10**9 // 1000:06d}"
    )
