"""What a journal or a recording holds about orders: each message with the time at which it was handled or sent."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from actors.backtest.errors import BacktestError
from actors.runtime.errors import JournalError
from actors.runtime.journal import connect
from messages.base import Message
from messages.codec import class_name_of, union_decoder
from messages.order_requests import CancelRefused
from messages.orders import (
    AmendOrder,
    AmendOrderRequest,
    CancelOrder,
    CancelOrderRequest,
    Fill,
    NewOrderRequest,
    Order,
    OrderUpdate,
    PlaceOrder,
)
from messages.recording import Entry, Output, read_recording

SQLITE_HEAD = b"SQLite format 3\x00"
JOURNAL_NAME = "journal.sqlite"
ORDER_CLASSES: tuple[type[Message], ...] = (
    PlaceOrder,
    CancelOrder,
    AmendOrder,
    NewOrderRequest,
    CancelOrderRequest,
    AmendOrderRequest,
    CancelRefused,
    Order,
    OrderUpdate,
    Fill,
)
NAMES = frozenset(item.__name__ for item in ORDER_CLASSES)
_decode = union_decoder(ORDER_CLASSES).decode


class Sighting(NamedTuple):
    """One message about an order at one actor."""

    time_ns: int
    actor: str
    is_sent: bool
    """Whether the actor sent it; else it handled it."""
    message: Message


def read_trail(run: Path) -> Iterator[Sighting]:
    """Everything about orders in a recording, in a journal, or in a bot's state folder (its journal).

    Raises BacktestError for what is none of them.
    """
    path = find_file(run)
    with path.open("rb") as file:
        head = file.read(len(SQLITE_HEAD))
    if head == SQLITE_HEAD:
        yield from read_journal(path)
        return
    try:
        yield from read_records(path)
    except ValueError as error:
        raise BacktestError(str(error)) from error


def find_file(run: Path) -> Path:
    """The file that is meant. Raises BacktestError if there is none."""
    if run.is_dir():
        found = sorted(run.glob("journal*"))
        files = [path for path in found if path.suffix not in ("-wal", "-shm") and path.is_file()]
        if not files:
            raise BacktestError(f"{run}: there is no journal in this folder")
        return files[0]
    if not run.is_file():
        raise BacktestError(f"{run}: there is no such recording, journal or state folder")
    return run


def read_journal(path: Path) -> Iterator[Sighting]:
    """What a journal holds: all that the order manager sent and made durable."""
    try:
        connection = connect(path)
        rows = connection.execute(
            "SELECT actor, message_class, time_ns, frame FROM entry ORDER BY position"
        )
        for actor, name, time_ns, frame in rows:
            if name in NAMES:
                yield Sighting(time_ns, actor, True, _decode(frame))
        connection.close()
    except (JournalError, msgspec.MsgspecError) as error:
        raise BacktestError(f"{path}: not readable as a journal ({error})") from error


def read_records(path: Path) -> Iterator[Sighting]:
    """What a recording holds. Raises ValueError for what is no recording."""
    for record in read_recording(path):
        if isinstance(record, Entry | Output) and class_name_of(record.frame) in NAMES:
            message = _decode(record.frame)
            yield Sighting(record.time_ns, record.actor, isinstance(record, Output), message)


def names_of(message: Message) -> set[str]:
    """Every id by which a message calls its order, but the venue's number."""
    order = order_of(message)
    found = {str(getattr(order, name, "") or "") for name in ("order_id", "client_order_id")}
    return found - {""}


def number_of(message: Message) -> tuple[str, str] | None:
    """The symbol and the venue's number of a message's order: a venue counts the orders of each symbol by themselves."""
    order = order_of(message)
    number = getattr(order, "exchange_order_id", 0)
    return (str(getattr(order, "symbol", "")), str(number)) if number else None


def order_of(message: Message) -> Message:
    """What tells of the order in a message."""
    return message.order if isinstance(message, NewOrderRequest | OrderUpdate) else message


def sightings_of(trail: Iterable[Sighting], name: str) -> list[Sighting]:
    """All that concerns one order, whichever of its ids is given.

    Raises BacktestError for a number that the venue has given to orders of several symbols.
    """
    everything = [(item, names_of(item.message), number_of(item.message)) for item in trail]
    numbers = {number for _, _, number in everything if number is not None and number[1] == name}
    if len(numbers) > 1:
        own = {min(names) for _, names, number in everything if number in numbers and names}
        symbols = " and ".join(sorted(symbol for symbol, _ in numbers))
        raise BacktestError(
            f"the venue gave the number {name} to an order in {symbols}: give the order's own id, "
            f"one of {', '.join(sorted(own))}"
        )
    known = {name}
    is_growing = True
    while is_growing:
        before = len(known) + len(numbers)
        for _, names, number in everything:
            if names & known or number in numbers:
                known |= names
                numbers |= {number} if number is not None else set()
        is_growing = len(known) + len(numbers) > before
    return [item for item, names, number in everything if names & known or number in numbers]
