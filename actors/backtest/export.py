"""Market data and recordings as Parquet files, for other programs.

Market data: a file for each stream, named as the venue names its own (`BTCUSDT-trades.parquet`), its columns named so that
it can be read back as data for a backtest. A recording: one file more, a row for each message that an actor handled or
sent, with its header, its whole content as JSON and its bytes.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from actors.backtest.errors import DataError
from actors.backtest.source import MarketData
from messages.codec import class_name_of
from messages.market import BookTicker, Kline, OrderBook, Trade
from messages.recording import Entry, Output, read_recording

ROWS_TOGETHER = 8_192
COLUMNS: dict[str, dict[str, str]] = {
    Trade.__name__: {
        "id": "trade_id",
        "price": "price",
        "quantity": "quantity",
        "buyer_is_maker": "buyer_is_maker",
        "time": "trade_time_ns",
        "event_time": "event_time_ns",
        "receive_time": "receive_time_ns",
    },
    BookTicker.__name__: {
        "id": "update_id",
        "bid_price": "bid_price",
        "bid_quantity": "bid_quantity",
        "ask_price": "ask_price",
        "ask_quantity": "ask_quantity",
        "time": "receive_time_ns",
        "event_time": "event_time_ns",
    },
    OrderBook.__name__: {
        "id": "update_id",
        "bids": "bids",
        "asks": "asks",
        "event_time": "event_time_ns",
        "receive_time": "receive_time_ns",
    },
    Kline.__name__: {
        "open_time": "open_time_ns",
        "open": "open",
        "high": "high",
        "low": "low",
        "close": "close",
        "volume": "volume",
        "close_time": "close_time_ns",
        "quote_volume": "quote_volume",
        "trade_count": "trade_count",
        "taker_buy_volume": "taker_buy_volume",
        "taker_buy_quote_volume": "taker_buy_quote_volume",
        "receive_time": "receive_time_ns",
    },
}
"""By class: the columns of its file, and the fields that they come from. Times are nanoseconds since the epoch, UTC."""
NAMES = {
    Trade.__name__: "trades",
    BookTicker.__name__: "bookTicker",
    OrderBook.__name__: "orderBook",
    Kline.__name__: "",
}
"""What follows the symbol in a file's name; of bars it is their interval."""
RECORD_COLUMNS = (
    "position",
    "what",
    "actor",
    "time_ns",
    "message_class",
    "sender",
    "number",
    "cause_sender",
    "cause_number",
    "message",
    "frame",
)


def export_data(data: MarketData, folder: Path) -> list[Path]:
    """Writes each stream's file into a folder, which is made if it is not there; partial bars and states are left out.

    Raises OSError if a file cannot be written.
    """
    import pyarrow.parquet

    folder.mkdir(parents=True, exist_ok=True)
    writers: dict[tuple[str, str, str], Any] = {}
    paths: list[Path] = []
    try:
        for batch in data.batches():
            for key, messages in group(batch).items():
                columns = COLUMNS.get(key[0])
                if columns is None:
                    continue
                table = pyarrow.table(
                    {
                        name: [getattr(message, field) for message in messages]
                        for name, field in columns.items()
                    }
                )
                if key not in writers:
                    path = folder / f"{key[1]}-{key[2] or NAMES[key[0]]}.parquet"
                    paths.append(path)
                    writers[key] = pyarrow.parquet.ParquetWriter(path, table.schema)
                writers[key].write_table(table)
    finally:
        for writer in writers.values():
            writer.close()
    return sorted(paths)


def group(messages: Sequence[Any]) -> dict[tuple[str, str, str], list[Any]]:
    """Messages by class, symbol and interval."""
    groups: dict[tuple[str, str, str], list[Any]] = {}
    for message in messages:
        interval = getattr(message, "interval", None)
        key = (type(message).__name__, message.symbol, interval.value if interval else "")
        groups.setdefault(key, []).append(message)
    return groups


def export_recording(recording: Path, target: Path) -> int:
    """Writes every record of a recording into one file; gives their number.

    Raises DataError if it is no recording, OSError if the file cannot be written.
    """
    import pyarrow
    import pyarrow.parquet

    whole, text = pyarrow.int64(), pyarrow.string()
    types = [whole, text, text, whole, text, text, whole, text, whole, text, pyarrow.binary()]
    schema = pyarrow.schema(list(zip(RECORD_COLUMNS, types, strict=True)))
    count = 0
    rows = rows_of(recording)
    target.parent.mkdir(parents=True, exist_ok=True)
    with pyarrow.parquet.ParquetWriter(target, schema) as writer:
        while batch := list(islice(rows, ROWS_TOGETHER)):
            columns = [list(column) for column in zip(*batch, strict=True)]
            writer.write_table(
                pyarrow.table(dict(zip(RECORD_COLUMNS, columns, strict=True)), schema)
            )
            count += len(batch)
    return count


def rows_of(recording: Path) -> Iterator[tuple[Any, ...]]:
    """A row for each message of a recording. Raises DataError if it is none."""
    try:
        for position, record in enumerate(read_recording(recording)):
            if isinstance(record, Entry | Output):
                yield row_of(position, record)
    except ValueError as error:
        raise DataError(str(error)) from error


def row_of(position: int, record: Entry | Output) -> tuple[Any, ...]:
    """One message with its header; its content as JSON, without the header."""
    fields = msgspec.msgpack.decode(record.frame)
    sender, number, cause_sender, cause_number = fields[1:5]
    return (
        position,
        "handled" if isinstance(record, Entry) else "sent",
        record.actor,
        record.time_ns,
        class_name_of(record.frame),
        sender,
        number,
        cause_sender,
        cause_number,
        msgspec.json.encode(fields[7:]).decode(),
        record.frame,
    )
