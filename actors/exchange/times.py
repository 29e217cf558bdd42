"""Times as the exchange prints them: in milliseconds, or in microseconds for whoever asks for those.

Sources: rest-api.md:97 (header `X-MBX-TIME-UNIT`), web-socket-api.md and web-socket-streams.md (`timeUnit` in the
connection's URL), CHANGELOG 2024-12-17, errors.md:287.
"""

import enum
from typing import Any

import msgspec

from actors.exchange.errors import VenueError


class TimeUnit(enum.Enum):
    """The units that a client may ask for, in capitals or small letters."""

    MILLISECOND = "MILLISECOND"
    MICROSECOND = "MICROSECOND"


class Time(int):
    """A moment in an answer or an event: milliseconds since the epoch, which knows its microseconds as well."""

    microseconds: int

    def __new__(cls, microseconds: int) -> "Time":
        """The moment `microseconds` after the epoch."""
        made = super().__new__(cls, microseconds // 1000)
        made.microseconds = microseconds
        return made


def in_milliseconds(value: Any) -> int:
    """What a Time is printed as by default."""
    if isinstance(value, Time):
        return int(value)
    raise TypeError(f"{type(value).__name__} is no part of an answer")


def in_microseconds(value: Any) -> int:
    """What a Time is printed as for whoever asked for microseconds."""
    if isinstance(value, Time):
        return value.microseconds
    raise TypeError(f"{type(value).__name__} is no part of an answer")


ENCODERS = {
    TimeUnit.MILLISECOND: msgspec.json.Encoder(enc_hook=in_milliseconds),
    TimeUnit.MICROSECOND: msgspec.json.Encoder(enc_hook=in_microseconds),
}
"""By unit, what turns an answer or an event into JSON."""


def read_time_unit(text: str | None) -> TimeUnit:
    """The unit that a text names, milliseconds without one. Raises VenueError -1194 for any other text."""
    if text is None:
        return TimeUnit.MILLISECOND
    try:
        return TimeUnit(text.upper())
    except ValueError:
        raise VenueError(
            -1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
        ) from None
