"""Small files of market data for the tests, and how they are opened."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from actors.backtest.data_files import DataFile
from actors.backtest.source import MarketData, open_data
from messages.market import FeedStatus

SAMPLES = Path(__file__).parents[2] / "data"
TRADES_2021 = SAMPLES / "BTCUSDT-trades-2021-01-08.csv"
AGGREGATES_2026 = SAMPLES / "BTCUSDT-aggTrades-2026-01-01.csv.gz"
TRADES_HEADER = "id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch"


def load(cache: Path, *files: Path | DataFile, repair: bool = False) -> MarketData:
    """Opens files through a cache within this folder."""
    named = [item if isinstance(item, DataFile) else DataFile(item) for item in files]
    return open_data(named, cache / "cache", repair=repair)


def messages_of(data: MarketData) -> list[Any]:
    return [message for batch in data.batches() for message in batch]


def without_statuses(data: MarketData) -> list[Any]:
    """What the data hold, without the feed's words about what they lack."""
    return [message for message in messages_of(data) if not isinstance(message, FeedStatus)]


def write_lines(path: Path, lines: Sequence[str]) -> Path:
    text = "".join(f"{line}\n" for line in lines)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def trade_row(trade_id: int, time: int, price: str = "100.00000000", quantity: str = "1.5") -> str:
    """A row as in the venue's files of spot trades."""
    return f"{trade_id},{price},{quantity},150.0,{time},True,True"


def kline_row(open_time: int, close_time: int, close: str = "101.0") -> str:
    """A row as in the venue's files of klines."""
    return f"{open_time},100.0,102.0,99.0,{close},7.5,{close_time},750.0,12,3.5,350.0,0"
