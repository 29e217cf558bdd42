"""Recordings of our own as market data: what the feed sent, once each, at the time at which it was received."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from actors.backtest.data_files import DataFile, Note
from actors.backtest.errors import DataError
from actors.backtest.recorded_frames import BATCH_MESSAGES, id_of
from actors.backtest.row_messages import FEED_NAME, Batch
from actors.backtest.stream_set import MESSAGE_CLASSES, StreamSet
from messages.codec import class_name_of, decoder_of
from messages.enums import Exchanges, KlineInterval
from messages.market import Kline, MarketMessage, PartialKline
from messages.recording import ZSTANDARD_MAGIC, Entry, Output, read_recording

RECORDING_SUFFIX = ".recording"
FIRST_BYTES = 24
FIRST_WORD = b"\xa7Opening"
"""The class name of a recording's first record, as msgpack has it; heads of at most three arrays come before it."""

StreamName = tuple[str, str, KlineInterval | None]


def is_recording(path: Path) -> bool:
    """Whether a file begins as a recording does, whatever its name; one that is empty or cannot be read does not."""
    try:
        with path.open("rb") as file:
            first = file.read(FIRST_BYTES)
            if first.startswith(ZSTANDARD_MAGIC):
                file.seek(0)
                first = zstandard.ZstdDecompressor().stream_reader(file).read(FIRST_BYTES)
    except (OSError, zstandard.ZstdError):
        return False
    return FIRST_WORD in first


class RecordingConverter:
    """Converts one recording."""

    def __init__(self, file: DataFile, streams: StreamSet) -> None:
        self.file, self.streams = file, streams
        self._decoders = {item.__name__: decoder_of(item).decode for item in MESSAGE_CLASSES}
        self._seen: dict[StreamName, int] = {}
        """The number of the newest message taken of each stream: a message has one sender and any number of receivers."""
        self._waiting: dict[StreamName, list[tuple[MarketMessage, int, int]]] = {}

    def take(self, frame: bytes, time_ns: int, position: int) -> None:
        """A message that was sent or handled; what is no market data, or was taken already, is passed over."""
        decode = self._decoders.get(class_name_of(frame))
        if decode is None:
            return
        message: Any = decode(frame)
        if self.file.symbol not in ("", message.symbol):
            return
        interval = message.interval if isinstance(message, Kline | PartialKline) else None
        key = (type(message).__name__, message.symbol, interval)
        if message.number <= self._seen.get(key, -1):
            return
        self._seen[key] = message.number
        # Words of the feed and growing bars have no ids: several of one instant are told apart by their numbers.
        number = id_of(message) or message.number
        message.receive_time_ns = message.receive_time_ns or time_ns
        message.sender, message.number = FEED_NAME, 0
        message.cause_sender, message.cause_number = "", 0
        message.time_ns = message.origin_time_ns = message.receive_time_ns
        waiting = self._waiting.setdefault(key, [])
        waiting.append((message, number, position))
        if len(waiting) >= BATCH_MESSAGES:
            self.hand_over(key)

    def hand_over(self, key: StreamName) -> None:
        """What waits of one stream, to where it is written."""
        messages, ids, positions = zip(*self._waiting.pop(key), strict=True)
        name, symbol, interval = key
        stream = self.streams.get(name, symbol, interval, 0, f"{symbol} {name}", has_ids=True)
        times = [message.receive_time_ns for message in messages]
        stream.take(Batch(times, ids, list(messages)), positions.__getitem__)

    def close(self) -> None:
        """Hands over all that is left."""
        for key in list(self._waiting):
            self.hand_over(key)


def convert_recording(
    file: DataFile,
    exchange: Exchanges,
    streams: StreamSet,
    repair: bool,
    on_progress: Callable[[float], None] | None,
) -> list[Note]:
    """One recording. Raises DataError if it is none."""
    converter = RecordingConverter(file, streams)
    try:
        for position, record in enumerate(read_recording(file.path), 1):
            if isinstance(record, Entry | Output):
                converter.take(record.frame, record.time_ns, position)
    except ValueError as error:  # it names the file
        raise DataError(str(error)) from error
    except msgspec.MsgspecError as error:
        raise DataError(f"{file.path}: {error}") from error
    converter.close()
    return []
