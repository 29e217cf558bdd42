"""What a user says of a file of market data, and what is found out about it."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from messages.enums import KlineInterval


class DataKind(enum.StrEnum):
    """What a file holds."""

    TRADES = "trades"
    AGGREGATE_TRADES = "aggTrades"
    KLINES = "klines"
    BOOK_TICKER = "bookTicker"
    FRAMES = "frames"
    """Frames of the venue's streams, one JSON value a line, each with its time of receipt."""
    RECORDING = "recording"
    """A recording of our own (`bin/start --record`)."""


@dataclass(frozen=True)
class DataFile:
    """A file of market data. What is not given is found from its name and its content."""

    path: Path
    symbol: str = ""
    kind: DataKind | None = None
    interval: KlineInterval | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """For a CSV or Parquet file with other names of columns: ours to the file's, as `{"price": "px"}`."""


class Note(msgspec.Struct, frozen=True, order=True):
    """Something about the data that their user should know."""

    file: str
    """Name of the file, without its folder."""
    kind: str
    """`gap`, `duplicate`, `disorder`, `repair`, `silence` or `assumption`."""
    count: int
    text: str


class StreamKey(msgspec.Struct, frozen=True, order=True):
    """One class of market data of one symbol."""

    rank: int
    """Place of the class in the order of delivery at equal times."""
    message_class: str
    exchange: str
    symbol: str
    interval: str
    """Of bars; empty for all else."""
