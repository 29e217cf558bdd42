"""The way of one order, from the tick on which it was decided to its last fill, with the time at each hop."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from actors.backtest.errors import BacktestError
from actors.backtest.report import time_text
from actors.backtest.trail import Sighting, names_of, read_trail, sightings_of
from actors.spelling import suggest
from messages.base import Message
from messages.instruments import to_text
from messages.orders import Fill, NewOrderRequest, Order, OrderUpdate, PlaceOrder

SHOWN_NAMES = 3


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of the way."""

    time_ns: int
    who: str
    what: str

    def describe(self, before_ns: int) -> str:
        """One line: the time, what has passed since the step before, who, and what."""
        passed_us = (self.time_ns - before_ns) / 1_000 if before_ns else 0.0
        return f"{time_text(self.time_ns):<31} {passed_us:>14,.1f} us  {self.who:<24} {self.what}"


def explain_order(run: Path, name: str) -> list[str]:
    """The lines to print.

    Raises BacktestError for an order that the run does not know, or a number that several of its orders have.
    """
    trail = list(read_trail(run))
    found = sightings_of(trail, name)
    if not found:
        # The venue's numbers tell a reader nothing, and any two are alike.
        known = sorted(set[str]().union(*(names_of(sighting.message) for sighting in trail)))
        hint = suggest(name, known, f"it has {', '.join(known[:SHOWN_NAMES])} ..." if known else "")
        told = f" ({hint})" if hint else ""
        raise BacktestError(f"{run}: nothing is known of an order {name!r}{told}")
    hops = [*find_tick(found), *(hop_of(item) for item in found)]
    lines = []
    before_ns = 0
    for hop in sorted(hops, key=lambda item: item.time_ns):
        lines.append(hop.describe(before_ns))
        before_ns = hop.time_ns
    return lines


def find_tick(sightings: Sequence[Sighting]) -> list[Hop]:
    """The message on which the order was decided: when the venue said it happened, and when it came."""
    for sighting in sightings:
        message = sighting.message
        frame = b""
        if isinstance(message, PlaceOrder):
            frame = message.decided_on
        elif isinstance(message, NewOrderRequest | OrderUpdate):
            frame = message.order.decided_on
        if frame:
            return hops_of_tick(frame)
    return []


def hops_of_tick(frame: bytes) -> list[Hop]:
    """The hops of an encoded message: its venue's time, where it has one, and its own."""
    fields = msgspec.msgpack.decode(frame)
    name, sender, number, time_ns, origin_ns = (
        fields[0],
        fields[1],
        fields[2],
        fields[5],
        fields[6],
    )
    words = " ".join(str(field) for field in fields[7:14] if not isinstance(field, list | bytes))
    what = f"{name} {sender}:{number} {words}"
    hops = [Hop(origin_ns or time_ns, str(sender), f"receives {what}")]
    venue_ns = max(
        (
            field
            for field in fields[9:]
            if isinstance(field, int) and 0 < origin_ns - field < 60_000_000_000
        ),
        default=0,
    )
    if venue_ns:
        hops.insert(0, Hop(venue_ns, "venue", f"says {name}"))
    return hops


def hop_of(sighting: Sighting) -> Hop:
    """One message about the order."""
    verb = "sends" if sighting.is_sent else "handles"
    return Hop(sighting.time_ns, sighting.actor, f"{verb} {describe(sighting.message)}")


def describe(message: Message) -> str:
    """What a message says of its order."""
    name = type(message).__name__
    if isinstance(message, Fill):
        kind = "maker" if message.is_maker else "taker"
        return (
            f"{name} {to_text(message.quantity)} at {to_text(message.price)} as {kind}, "
            f"fee {to_text(message.fee)} {message.fee_asset}"
        )
    if isinstance(message, PlaceOrder):
        return f"{name} {message.side} {terms_of(message)}"
    order: Any = message.order if isinstance(message, NewOrderRequest | OrderUpdate) else message
    if isinstance(order, Order):
        text = f"{name} {order.side} {terms_of(order)} {order.status}"
        if order.executed_quantity:
            text += f", {to_text(order.executed_quantity)} executed"
        if order.reason_text:
            text += f" ({order.reason_text})"
        return text
    return name


def terms_of(order: Any) -> str:
    """Quantity, type and price."""
    price = f" at {to_text(order.price)}" if order.price else ""
    return f"{to_text(order.quantity)} {order.symbol} {order.order_type}{price}"
