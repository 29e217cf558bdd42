"""How long a message is on its way: between the venue and us, and back.

Times are nanoseconds, whole microseconds, as the venue's clock has them. A model gives each delay in turn; the same model
gives the same delays again, whatever the process.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from actors.backtest.errors import BacktestError
from messages.codec import class_name_of, decoder_of
from messages.market import BookTicker, MarketMessage, Trade
from messages.orders import NewOrderRequest, Order
from messages.recording import Entry, read_recording

MICROSECOND = 1_000
UNITS_NS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|ms|s)")


@dataclass(frozen=True)
class Latency:
    """A constant delay, or one drawn from measured ones."""

    constant_ns: int = 0
    measured_ns: tuple[int, ...] = ()
    """Delays of a live run; each of ours is one of them, drawn at random. Empty: always `constant_ns`."""

    @property
    def is_zero(self) -> bool:
        """Whether nothing is ever delayed."""
        return not self.measured_ns and not self.constant_ns

    def describe(self) -> str:
        """For the report."""
        if not self.measured_ns:
            return f"{self.constant_ns / 1e6:g} ms"
        ordered = sorted(self.measured_ns)
        median = ordered[len(ordered) // 2]
        return f"{len(ordered)} measured, median {median / 1e6:g} ms"


class Delays:
    """Draws from a latency, one delay after the other."""

    def __init__(self, latency: Latency, seed: int, name: str) -> None:
        self.latency = latency
        self.random = random.Random(f"{seed}:latency:{name}")

    def next_ns(self) -> int:
        """The next delay."""
        measured = self.latency.measured_ns
        if not measured:
            return self.latency.constant_ns
        return measured[int(self.random.random() * len(measured))]


def whole_microseconds(nanoseconds: float) -> int:
    """Rounded to the venue's clock."""
    return round(nanoseconds / MICROSECOND) * MICROSECOND


def parse_duration(text: str) -> int:
    """Nanoseconds of a text such as `50ms`, `1.5s`, `0`. Raises BacktestError."""
    if text == "0":
        return 0
    match = DURATION.fullmatch(text)
    if match is None:
        raise BacktestError(f"{text!r} is no duration: write 0, 250us, 50ms or 1.5s")
    return whole_microseconds(float(match[1]) * UNITS_NS[match[2]])


def parse_latency(text: str) -> tuple[Latency, Latency]:
    """Latency of the feed and of orders, from `FEED,ORDER`, from one duration for orders alone, or from a file.

    The file is a recording of a live run, whose own delays are then drawn, or a JSON object with `feed_ns` and `order_ns`,
    lists of measured delays. Raises BacktestError.
    """
    path = Path(text)
    if text.endswith(".json"):
        return read_latency(path)
    if path.is_file():
        try:
            return measure_latency(path)
        except ValueError as error:
            raise BacktestError(str(error)) from error
    feed, comma, order = text.partition(",")
    if not comma:
        return Latency(), Latency(parse_duration(feed))
    return Latency(parse_duration(feed)), Latency(parse_duration(order))


def measure_latency(recording: Path) -> tuple[Latency, Latency]:
    """The delays that a recorded run has had: of its market data, and of its requests, half of the way there and back.

    A market message's delay is from the venue's time in it to its receipt; where the two clocks do not agree and the
    difference is negative, it counts as none. Raises ValueError for what is no recording, BacktestError for one without
    market data and orders.
    """
    feed: list[int] = []
    order: list[int] = []
    asked: dict[str, int] = {}
    for record in read_recording(recording):
        if not isinstance(record, Entry):
            continue
        name = class_name_of(record.frame)
        if name in MARKET_DECODERS:
            message: Any = MARKET_DECODERS[name](record.frame)
            venue_ns = message.event_time_ns or getattr(message, "trade_time_ns", 0)
            if venue_ns and message.receive_time_ns:
                feed.append(message.receive_time_ns - venue_ns)
        elif name == NewOrderRequest.__name__:
            asked[REQUEST_DECODER(record.frame).order.client_order_id] = record.time_ns
        elif name == Order.__name__:
            since_ns = asked.pop(ORDER_DECODER(record.frame).client_order_id, None)
            if since_ns is not None:
                order.append((record.time_ns - since_ns) // 2)
    if not feed and not order:
        raise BacktestError(f"{recording}: there is nothing in it to measure latency by")
    return sampled(feed), sampled(order)


MARKET_DECODERS: dict[str, Callable[[bytes], MarketMessage]] = {
    item.__name__: decoder_of(item).decode for item in (Trade, BookTicker)
}
REQUEST_DECODER = decoder_of(NewOrderRequest).decode
ORDER_DECODER = decoder_of(Order).decode


class MeasuredLatency(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A live run's own measurements."""

    feed_ns: list[int] = []
    """From the venue's clock in a market message to its receipt."""
    order_ns: list[int] = []
    """One way of a request: half of what passes from its sending to the venue's first word about it."""


def read_latency(path: Path) -> tuple[Latency, Latency]:
    """The latencies of a file of measurements. Raises BacktestError."""
    try:
        measured = msgspec.json.decode(path.read_bytes(), type=MeasuredLatency)
    except OSError as error:
        raise BacktestError(f"{path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise BacktestError(f"{path}: not a file of measured latencies ({error})") from error
    return sampled(measured.feed_ns), sampled(measured.order_ns)


def sampled(measured_ns: Sequence[int]) -> Latency:
    """A latency that draws from these; none were measured: none."""
    return Latency(measured_ns=tuple(whole_microseconds(max(item, 0)) for item in measured_ns))
