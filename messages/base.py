"""The frozen header of every message, and what a message class declares about its delivery.

On the wire a message is a msgpack array: its class name, the six header fields below, then its own fields in the order
of their declaration. The header never changes. A class may gain fields at its end, with defaults, and nothing else: an
inserted, renamed or reordered field would silently misread every old recording (the catalogue test keeps it so).
"""

import enum
from typing import Any, ClassVar

import msgspec


class Policy(enum.Enum):
    """What a mailbox does with a message when it cannot keep up."""

    CONTROL = "CONTROL"
    """Never dropped; overtakes data. A full mailbox is the receiver's failure, not the sender's."""
    SEQUENCE = "SEQUENCE"
    """When full the oldest goes, and the receiver is told by a `Gap` ahead of its next data."""
    NEWEST = "NEWEST"
    """A newer one takes the place of the older with the same key."""


class Routing(enum.Enum):
    """Who receives a message."""

    BY_CLASS = "BY_CLASS"
    """Everyone who handles the class."""
    BY_MARKET = "BY_MARKET"
    """Those who asked for its (class, exchange, symbol, interval)."""
    BY_VENUE = "BY_VENUE"
    """Handlers of the class that serve its exchange, or any exchange."""
    TO_OWNER = "TO_OWNER"
    """The actor named in its `strategy` field, and every observer (a handler that is no strategy)."""
    TO_TARGET = "TO_TARGET"
    """The one actor named in its `target` field."""


class Message(msgspec.Struct, array_like=True, tag=True, kw_only=True):
    """One fact or request. Keyword-only; a receiver's copy is its own and may be changed freely.

    The header is filled in by the runtime when the message is sent; a handler never sets it.
    """

    sender: str = ""
    """Name of the actor that sent it."""
    number: int = 0
    """The sender's own counter, `run << 40 | count`; with `sender` it is the id of the message."""
    cause_sender: str = ""
    cause_number: int = 0
    """The id of the message whose handling sent this one."""
    time_ns: int = 0
    """When it was sent: nanoseconds since the epoch, our clock."""
    origin_time_ns: int = 0
    """When the first cause in its chain entered the system (a tick's time of receipt)."""

    policy: ClassVar[Policy] = Policy.CONTROL
    routing: ClassVar[Routing] = Routing.BY_CLASS
    is_command: ClassVar[bool] = False
    """A command must have exactly one handler per venue; an event may have any number."""
    is_durable: ClassVar[bool] = False
    """Written to the journal of a journaled sender before it is released."""
    needs_journal: ClassVar[bool] = False
    """Not released at all when the journal cannot be written."""
    is_retold: ClassVar[bool] = False
    """The venue tells it again when it is asked: a power cut may take the last of them from the journal."""
    is_checkpoint: ClassVar[bool] = False
    """It holds all of a journaled sender's state: what was written before it need not be read again."""

    def routing_key(self) -> tuple[Any, ...]:
        """What tells streams of this class apart: the key of routing, of conflation and of a `Gap`."""
        return ()

    @property
    def message_id(self) -> str:
        """The id as text, `sender:number`."""
        return f"{self.sender}:{self.number}"

    @property
    def cause_id(self) -> str:
        """The id of the cause as text; empty where nothing within the system caused it."""
        return f"{self.cause_sender}:{self.cause_number}" if self.cause_sender else ""


HEADER_FIELDS = (
    "sender",
    "number",
    "cause_sender",
    "cause_number",
    "time_ns",
    "origin_time_ns",
)
