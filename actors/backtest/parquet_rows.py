"""Rows of a Parquet file, checked and turned into columns, a group of rows at a time.

Columns are found by their names, as those of a CSV file with a header are.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from actors.backtest.csv_rows import Rows
from actors.backtest.data_files import DataFile, Note
from actors.backtest.errors import DataError
from actors.backtest.layouts import TIME_ROLES, Layout, find_kind, roles_of_header
from actors.backtest.stream_set import StreamSet
from actors.backtest.table_rows import TableConverter, notes_of_left_out
from messages.enums import Exchanges

BATCH_ROWS = 8_192


def convert_parquet(
    file: DataFile,
    exchange: Exchanges,
    streams: StreamSet,
    repair: bool,
    on_progress: Callable[[float], None] | None,
) -> list[Note]:
    """One Parquet file. Raises DataError with file and row."""
    reader = ParquetReader(file, repair, on_progress)
    converter = TableConverter(file, exchange, streams, repair=repair)
    notes = converter.convert(reader.read(), lambda: reader.layout)
    return notes + notes_of_left_out(file, sorted(reader.broken_rows + converter.left_out))


class ParquetReader:
    """Reads one file."""

    def __init__(
        self, file: DataFile, repair: bool, on_progress: Callable[[float], None] | None
    ) -> None:
        """Raises DataError if it is no Parquet file, or none with the columns that are needed."""
        import pyarrow  # heavy, and only needed here
        import pyarrow.parquet

        self._arrow = pyarrow
        self.path = file.path
        self.repair = repair
        self.broken_rows: list[int] = []
        """What was left out, when repairing."""
        self._on_progress = on_progress
        try:
            self._file = pyarrow.parquet.ParquetFile(file.path)
        except (OSError, pyarrow.ArrowException) as error:
            raise DataError(f"{file.path}: cannot be read as Parquet ({error})") from error
        schema = self._file.schema_arrow
        try:
            kind, roles = find_kind(roles_of_header(schema.names, file.columns))
        except ValueError as error:
            raise DataError(f"{file.path}: {error}") from error
        text_times = any(
            role in TIME_ROLES and pyarrow.types.is_string(field.type)
            for role, field in zip(roles, schema, strict=True)
        )
        used = [(name, role) for name, role in zip(schema.names, roles, strict=True) if role]
        self._names = [name for name, _ in used]
        self.layout = Layout(kind, tuple(role for _, role in used), text_times)

    def read(self) -> Iterator[Rows]:
        """All rows, in order. Raises DataError with file and row."""
        rows_type: Any = list.__class_getitem__(self.layout.row_type)
        total = self._file.metadata.num_rows
        done = 0
        try:
            for batch in self._file.iter_batches(BATCH_ROWS, columns=self._names):
                columns = [self._values(batch.column(name)) for name in self._names]
                rows = list(zip(*columns, strict=True))
                numbers = list(range(done + 1, done + len(rows) + 1))
                done += len(rows)
                try:
                    checked = msgspec.convert(rows, rows_type, strict=False)
                except msgspec.ValidationError:
                    checked, numbers = self._check(rows, numbers)
                if checked:
                    named = zip(self.layout.roles, zip(*checked, strict=True), strict=True)
                    yield Rows(dict(named), numbers)
                if self._on_progress is not None:
                    self._on_progress(done / total)
        except (OSError, self._arrow.ArrowException) as error:
            raise DataError(f"{self.path}, after row {done}: {error}") from error
        finally:
            self._file.close()

    def _values(self, column: Any) -> list[Any]:
        """Python values of a column; points of time as nanoseconds, UTC."""
        types = self._arrow.types
        if types.is_timestamp(column.type):
            moments = column.cast(self._arrow.timestamp("ns", column.type.tz))
            column = moments.cast(self._arrow.int64())
        elif types.is_decimal(column.type):
            column = column.cast(self._arrow.float64())
        values: list[Any] = column.to_pylist()
        return values

    def _check(self, rows: list[Any], numbers: list[int]) -> tuple[list[Any], list[int]]:
        good, kept = [], []
        for row, number in zip(rows, numbers, strict=True):
            try:
                good.append(msgspec.convert(row, self.layout.row_type, strict=False))
            except msgspec.ValidationError as error:
                if not self.repair:
                    raise DataError(
                        f"{self.path}, row {number}: {error}. With --repair such rows are left out"
                    ) from error
                self.broken_rows.append(number)
            else:
                kept.append(number)
        return good, kept
