"""Rows of a CSV file, checked and turned into columns, a block at a time.

A block of lines is rewritten as one JSON array and decoded at once, which checks every field of every row by its type.
Only where that fails the block is read again line by line: for a header line in the middle (files joined), for quotes,
blanks and empty lines, and to name the line that is broken.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from actors.backtest.data_files import DataFile
from actors.backtest.errors import DataError
from actors.backtest.layouts import Layout, find_layout, is_header
from actors.backtest.packed_files import open_unpacked, read_blocks


class Rows(NamedTuple):
    """Consecutive rows of a file, column by column."""

    columns: dict[str, Sequence[Any]]
    """The values of all rows, by role."""
    lines: Sequence[int]
    """Number of each row's line, from 1; of a Parquet file the number of the row."""


class CsvReader:
    """Reads one file. `layout` is known once the first rows were read."""

    def __init__(
        self,
        file: DataFile,
        repair: bool = False,
        on_progress: Callable[[float], None] | None = None,
    ) -> None:
        self.path: Path = file.path
        self.columns = file.columns
        self.repair = repair
        self.layout: Layout | None = None
        self.broken_lines: list[int] = []
        """What was left out, when repairing."""
        self._on_progress = on_progress

    def read(self) -> Iterator[Rows]:
        """All rows, in order. Raises DataError with file and line."""
        first_line = 1
        with open_unpacked(self.path, self._on_progress) as read:
            for block in read_blocks(read):
                if self.layout is None and not self._find_layout(block, first_line):
                    first_line += block.count(b"\n")
                    continue
                rows, lines = self._parse(block, first_line)
                first_line += block.count(b"\n")
                if rows:
                    yield self._to_columns(rows, lines)
        if self.layout is None:
            raise DataError(f"{self.path}: there is no row in it")

    def _find_layout(self, block: bytes, first_line: int) -> bool:
        """From the first rows; False if there are none in this block. When repairing, from the first that are of use."""
        lines = block.decode(errors="replace").split("\n")
        numbered = [(number, line) for number, line in enumerate(lines, first_line) if line.strip()]
        for index, (number, line) in enumerate(numbered):
            following = numbered[min(index + 1, len(numbered) - 1)][1]
            try:
                self.layout = find_layout(split_line(line), split_loosely(following), self.columns)
                break
            except (ValueError, csv.Error) as error:
                if not self.repair or index + 1 == len(numbered):
                    raise DataError(f"{self.path}, line {number}: {error}") from error
        if self.layout is None:
            return False
        rows_type: Any = list.__class_getitem__(self.layout.row_type)
        self._decode_rows = msgspec.json.Decoder(rows_type, strict=False).decode
        self._decode_row = msgspec.json.Decoder(self.layout.row_type, strict=False).decode
        return True

    def _parse(self, block: bytes, first_line: int) -> tuple[list[tuple[Any, ...]], Sequence[int]]:
        if b'"' not in block and b"\\" not in block:
            text = block[:-1].replace(b",", b'","').replace(b"\n", b'"],["')
            try:
                rows = self._decode_rows(b'[["' + text + b'"]]')
            except (msgspec.MsgspecError, UnicodeDecodeError):
                pass
            else:
                return rows, range(first_line, first_line + len(rows))
        return self._parse_lines(block, first_line)

    def _parse_lines(
        self, block: bytes, first_line: int
    ) -> tuple[list[tuple[Any, ...]], list[int]]:
        rows: list[tuple[Any, ...]] = []
        lines: list[int] = []
        for number, line in enumerate(block[:-1].split(b"\n"), first_line):
            if not line.strip():
                continue
            fields: list[str] = []
            try:
                fields = split_line(line.decode())
                if is_header(fields):
                    continue
                rows.append(self._decode_row(msgspec.json.encode(fields)))
            except (ValueError, csv.Error) as error:
                if not self.repair:
                    text = self._explain(fields, error)
                    shown = line[:120].decode(errors="replace")
                    raise DataError(
                        f"{self.path}, line {number}: {text}: {shown!r}. With --repair such rows are left out"
                    ) from error
                self.broken_lines.append(number)
            else:
                lines.append(number)
        return rows, lines

    def _explain(self, fields: list[str], error: Exception) -> str:
        assert self.layout is not None
        roles = self.layout.roles
        if fields and len(fields) != len(roles):
            return f"{len(fields)} fields, not {len(roles)}"
        text, found, place = str(error).partition(" - at `$[")
        if not found:
            return text
        index = int(place.split("]")[0])
        return f"{text} as {roles[index] or 'text'} (field {index + 1})"

    def _to_columns(self, rows: list[tuple[Any, ...]], lines: Sequence[int]) -> Rows:
        assert self.layout is not None
        columns = zip(*rows, strict=True)
        return Rows(
            {role: column for role, column in zip(self.layout.roles, columns, strict=True) if role},
            lines,
        )


def split_line(line: str) -> list[str]:
    """The fields of a line, without blanks around them; quotes as in CSV."""
    if '"' in line:
        return [field.strip() for field in next(csv.reader([line], strict=True), [])]
    return [field.strip() for field in line.split(",")]


def split_loosely(line: str) -> list[str]:
    """The fields of a line that may be broken."""
    return [field.strip(' "') for field in line.split(",")]
