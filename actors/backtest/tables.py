"""The rows of a report as Parquet files: orders, fills, trades and equity, exact amounts as texts."""

from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from actors.backtest.errors import BacktestError

TABLES = ("orders", "fills", "trades", "equity")


def write_tables(report: dict[str, Any], folder: Path) -> list[Path]:
    """Writes one file each; which ones. Raises BacktestError if a file cannot be written."""
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            rows = [flat(row) for row in report[name]]
            path = folder / f"{name}.parquet"
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
            written.append(path)
    except OSError as error:
        raise BacktestError(f"{folder}: {error.strerror}") from error
    return written


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row without nested dicts: each of their keys becomes a column."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            found.update({f"{name}_{key}": item for key, item in value.items()})
        else:
            found[name] = value
    return found
