"""Numbers and times as the wire writes them, and back."""

import re
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from messages.instruments import DECIMAL_TEXT, ZERO, to_decimal, to_text

FloatText = Annotated[float, msgspec.Meta(ge=0, le=1e18)]
"""A market data number: text on the wire, decoded with `strict=False`. The bounds keep `NaN` and `inf` out."""

WireInteger = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A whole number that a message can hold: ids and times are 64 bits at the venue, and a greater one is no number of its."""

LAST_MILLISECOND = (2**63 - 1) // 1_000_000
"""In the year 2262, as the last microsecond. A later time is none that a venue means, and no message could hold it."""
LAST_MICROSECOND = (2**63 - 1) // 1_000
MICROSECONDS_FROM = 100_000_000_000_000
"""Microseconds reached this in 1973: what is above it is in microseconds."""
EXPONENT_TEXT = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?[eE][+-]?[0-9]{1,2}")
"""A number with an exponent, as decimals are written where nobody takes care ("0E-8"); it is one of the venue's if it has
no more digits than others when it is written out."""


def decimal_of(text: str | None) -> Decimal:
    """The number in a wire text; 0 for an absent or empty one. Raises ValueError for any other text."""
    if not text:
        return ZERO
    if DECIMAL_TEXT.fullmatch(text):
        return Decimal(text)
    if EXPONENT_TEXT.fullmatch(text):
        text = to_text(Decimal(text))
    return to_decimal(text)


def amount_of(text: str | None) -> Decimal:
    """A number that cannot be below 0; the venue writes a negative one where it does not know (old orders)."""
    if text and DECIMAL_TEXT.fullmatch(text):
        # Such a text is a finite number. Six of them are in every order's answer.
        return max(Decimal(text), ZERO)
    return max(decimal_of(text), ZERO)


def nanoseconds_of(wire_time: int | None) -> int:
    """A wire time in milliseconds or microseconds as nanoseconds; 0 for none (absent, 0 or -1).

    Raises ValueError for one after the year 2262.
    """
    if wire_time is not None and 0 < wire_time <= LAST_MILLISECOND:
        return wire_time * 1_000_000
    if wire_time is None or wire_time <= 0:
        return 0
    if MICROSECONDS_FROM <= wire_time <= LAST_MICROSECOND:
        return wire_time * 1_000
    raise ValueError(f"{wire_time} is no time of these centuries")


def parameter_text(value: Any) -> str:
    """A request parameter as the venue reads it: no exponent, lower-case booleans, lists as compact JSON.

    Raises ValueError for what is no finite number, and TypeError for a type that no parameter has.
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal | float):
        return to_text(to_decimal(value))
    if isinstance(value, list | tuple):
        return msgspec.json.encode(value).decode()
    raise TypeError(f"{type(value).__name__} cannot be a request parameter: {value!r}")
