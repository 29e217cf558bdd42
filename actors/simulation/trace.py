"""What happened in a world, as a digest and, if asked for, line by line; and where two runs part."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


class Trace:
    """Takes every event of a run: bytes on the wire, SQL statements, starts and kills, each with its nanosecond.

    Two runs with one digest did the same. Lines are kept only if `keeps_lines`, for they are many.
    """

    def __init__(self, keeps_lines: bool = False) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self.lines: list[bytes] | None = [] if keeps_lines else None
        self.count = 0

    def add(self, time_ns: int, kind: str, text: str, data: bytes = b"") -> None:
        """One event."""
        line = b"%d|%b|%b|%b" % (time_ns, kind.encode(), text.encode(), data)
        self._hash.update(b"%d:" % len(line))
        self._hash.update(line)
        self.count += 1
        if self.lines is not None:
            self.lines.append(line)

    def digest(self) -> str:
        """All events so far in 32 hexadecimal digits."""
        return self._hash.hexdigest()

    def encoded(self) -> bytes:
        """The kept lines as a file's content: each with its length before it, for data may hold line ends."""
        return b"".join(b"%d:%b\n" % (len(line), line) for line in self.lines or ())


@dataclass(frozen=True)
class Divergence:
    """The first event in which two runs differ; None where a run had already ended."""

    index: int
    first: bytes | None
    second: bytes | None
    before: tuple[bytes, ...] = ()

    def __str__(self) -> str:
        lines = [f"the runs part at event {self.index}:"]
        lines += [f"  both   {line[:200]!r}" for line in self.before]
        for name, line in (("first ", self.first), ("second", self.second)):
            lines.append(f"  {name} {'(ended)' if line is None else repr(line[:400])}")
        return "\n".join(lines)


def first_divergence(
    first: Sequence[bytes], second: Sequence[bytes], context: int = 3
) -> Divergence | None:
    """Where two runs' lines differ for the first time, with the events just before; None if nowhere."""
    for index in range(max(len(first), len(second))):
        one = first[index] if index < len(first) else None
        other = second[index] if index < len(second) else None
        if one != other:
            return Divergence(index, one, other, tuple(first[max(0, index - context) : index]))
    return None
