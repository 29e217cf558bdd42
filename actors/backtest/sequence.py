"""One stream of one file on its way into the cache: put in order, checked for gaps, duplicates and time that goes back.

Messages of one instant are put in the order of their ids. A message whose time is before the last one's is an error,
named by its line. When repairing, it begins a new segment instead: a file of its own in the cache, which the merge puts
in its place.
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
        self.gaps = self.missing = self.duplicates = self.moved = 0
        self.first_gap = ""
        self.silences = 0
        self.longest_silence_ns = 0
        self.holes: list[Hole] = []
        """What is missing, in order; nothing is told of a file whose rows had to be put in their place."""
        self.step, self.what = step, what
        self._path, self._repair = path, repair
        self._writer: FrameFileWriter | None = None
        self._last_id = self._last_time_ns = -1
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
        if ids[0] != self._last_id + self.step or ids != list(
            range(ids[0], ids[0] + self.step * len(ids), self.step or 1)
        ):
            keep = self._check_ids(times, ids)
            if len(keep) < len(ids):
                times = [times[index] for index in keep]
                ids = [ids[index] for index in keep]
                messages = [messages[index] for index in keep]
        if not self.has_ids:
            self._check_silence(times)
        if times:
            self._writer.write(times, ids, messages)
            self._last_id, self._last_time_ns = max(ids[-1], self._last_id), times[-1]

    def _check_ids(self, times: list[int], ids: list[int]) -> list[int]:
        """Counts what is missing and what is there twice; the indices of what is to be kept."""
        keep = []
        last_id, step = self._last_id, self.step
        last_key = (self._last_time_ns, last_id)
        for index, number in enumerate(ids):
            key = (times[index], number)
            if key == last_key:
                self.duplicates += 1
                continue
            last_key = key
            keep.append(index)
            missing = (number - last_id) // step - 1 if step and last_id >= 0 else 0
            if missing > 0:
                self.gaps += 1
                self.missing += missing
                self.holes.append(Hole(times[index], missing, f"{self.what}: {missing} missing"))
                self.first_gap = self.first_gap or show(times[index])
            last_id = max(last_id, number)
        return keep

    def _check_silence(self, times: list[int]) -> None:
        last_ns = self._last_time_ns
        if max(map(int.__sub__, times, [last_ns, *times]), default=0) < SILENCE_NS:
            return
        for time_ns in times:
            if time_ns - last_ns >= SILENCE_NS:
                self.silences += 1
                text = f"{self.what}: nothing for {(time_ns - last_ns) / 1e9:g} s"
                self.holes.append(Hole(time_ns, 0, text))
                self.longest_silence_ns = max(self.longest_silence_ns, time_ns - last_ns)
            last_ns = time_ns

    def _end_segment(self) -> None:
        held = self._held
        self._held = ([], [], [])
        self._write(*held)
        writer = self._writer
        if writer is not None:
            writer.close()
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
        if self.gaps:
            text = f"{what}: {self.missing} missing in {count_of(self.gaps, 'gap')}, the first before {self.first_gap}"
            notes.append(Note(name, "gap", self.missing, text))
        if self.duplicates:
            text = f"{what}: {self.duplicates} there twice, let through once"
            notes.append(Note(name, "duplicate", self.duplicates, text))
        if self.moved:
            text = f"{what}: time went back {count_of(self.moved, 'time')}; these rows were put in their place"
            notes.append(Note(name, "repair", self.moved, text))
        if self.silences:
            text = (
                f"{what}: nothing for a minute or more {count_of(self.silences, 'time')}, "
                f"at most {self.longest_silence_ns / 1e9:g} s"
            )
            notes.append(Note(name, "silence", self.silences, text))
        return notes


def count_of(count: int, noun: str) -> str:
    """`1 gap`, `2 gaps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def show(time_ns: int) -> str:
    """A time as text, to the microsecond, UTC."""
    return datetime.fromtimestamp(time_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S") + (
        f".{time_ns % 10**9 // 1000:06d}"
    )
