"""Trades out of Binance's public CSV files (data.binance.vision): `trades` and `aggTrades` of spot and futures.

The files come in many shapes: with a header line or without, with the header once more in the middle (files joined), with
a byte order mark, with either kind of line end, packed by gzip or zip, times in milliseconds or (spot, since 2025-01-01)
in microseconds. All of these read alike. A row that is none of these ends the reading with its file and line: no trade is
made of it. The file is read as a stream, a few rows at a time.
"""

import gzip
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
INTEGER = re.compile(r"[0-9]{1,19}")
HEADER_FIELD = re.compile(r"[A-Za-z_ ]+")
BOOLEANS = {
    "True": True,
    "true": True,
    "TRUE": True,
    "False": False,
    "false": False,
    "FALSE": False,
}
FIRST_MICROSECONDS = 10**14
"""No time in milliseconds is as great before the year 5138, none in microseconds as small after 1973."""

LAST_MICROSECOND = 5 * 10**15
"""In the year 2128: what lies behind that is in another unit."""

LAYOUTS = {(7, 5), (6, 5), (8, 6), (7, 6)}
"""(fields, index of isBuyerMaker) of trades and aggTrades, spot and futures; the time stands before isBuyerMaker."""


@dataclass(slots=True, frozen=True)
class RecordedTrade:
    """One row. `is_buyer_maker`: the buyer rested, so the taker sold."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    time_us: int
    is_buyer_maker: bool


def read_trades(path: Path) -> Iterator[RecordedTrade]:
    """The trades of a file, in the order of its rows.

    Raises ValueError, with file and line, for a row or a packed file that is broken; OSError if it cannot be opened.
    """
    line_number = 0
    layout: tuple[int, int] | None = None
    with _open(path) as stream:
        try:
            for line in stream:
                line_number += 1
                text = line.decode("utf-8").lstrip("\ufeff").rstrip("\r\n")
                fields = text.split(",")
                if not text or _is_header(fields, layout):
                    continue
                if layout is None:
                    layout = _find_layout(fields)
                yield _parse(fields, layout)
        except ValueError as error:
            raise ValueError(f"{path}, line {line_number}: {error}") from error
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}, after line {line_number}: {error}") from error


@contextmanager
def _open(path: Path) -> Iterator[Iterable[bytes]]:
    if path.suffix == ".zip":
        try:
            archive = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise ValueError(f"{path}: {error}") from error
        with archive:
            names = [name for name in archive.namelist() if name.endswith(".csv")]
            if len(names) != 1:
                raise ValueError(f"{path}: it must hold one .csv file, not {len(names)}")
            with archive.open(names[0]) as member:
                yield member
    elif path.suffix == ".gz":
        with gzip.open(path) as packed:
            yield packed
    else:
        with path.open("rb") as plain:
            yield plain


def _is_header(fields: list[str], layout: tuple[int, int] | None) -> bool:
    """Whether a row is names instead of values, and as many as there are values."""
    counts = {count for count, _ in LAYOUTS} if layout is None else {layout[0]}
    return len(fields) in counts and all(HEADER_FIELD.fullmatch(field) for field in fields)


def _find_layout(fields: list[str]) -> tuple[int, int]:
    for index, field in enumerate(fields):
        if field in BOOLEANS and (len(fields), index) in LAYOUTS:
            return (len(fields), index)
    raise ValueError(
        f"{len(fields)} fields of which none is isBuyerMaker where it should be: "
        "neither a row of trades nor of aggTrades"
    )


def _parse(fields: list[str], layout: tuple[int, int]) -> RecordedTrade:
    count, side_index = layout
    if len(fields) != count:
        raise ValueError(f"{len(fields)} fields, not {count} as in the rows before")
    trade_id, price, quantity, time = fields[0], fields[1], fields[2], fields[side_index - 1]
    if not INTEGER.fullmatch(trade_id):
        raise ValueError(f"trade id {trade_id!r} is not a whole number")
    for name, value in (("price", price), ("quantity", quantity)):
        if not NUMBER.fullmatch(value) or Decimal(value) <= 0:
            raise ValueError(f"{name} {value!r} is not a plain number above 0")
    if not INTEGER.fullmatch(time):
        raise ValueError(f"time {time!r} is not a whole number")
    is_buyer_maker = BOOLEANS.get(fields[side_index])
    if is_buyer_maker is None:
        raise ValueError(f"isBuyerMaker {fields[side_index]!r} is neither True nor False")
    time_us = int(time)
    if time_us < FIRST_MICROSECONDS:
        time_us *= 1000
    if time_us >= LAST_MICROSECOND:
        raise ValueError(f"time {time!r} is neither in milliseconds nor in microseconds")
    return RecordedTrade(int(trade_id), Decimal(price), Decimal(quantity), time_us, is_buyer_maker)
