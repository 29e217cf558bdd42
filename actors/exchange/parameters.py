"""Request parameters: what a text must look like, what it means, and Binance's word for what is wrong with it.

Both APIs hand their parameters over as texts (the WebSocket API's JSON numbers as their literals), so that one set of
rules serves both. Errors: errors.md, 11xx.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from actors.exchange.errors import VenueError, missing_parameter
from actors.exchange.signing import parse_timestamp

INTEGER_RANGE = "^[0-9]{1,20}$"
DECIMAL_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
CLIENT_ORDER_ID_RANGE = "^[a-zA-Z0-9-_]{1,36}$"
ARRAY_RANGE = r'^\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\]$'
SYMBOL_RANGE = r"^[\w\-._&&[^a-z]]{1,50}$"

INTEGER_FORMAT = re.compile(r"[0-9]{1,20}")
DECIMAL_FORMAT = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
CLIENT_ORDER_ID_FORMAT = re.compile(r"[a-zA-Z0-9\-_]{1,36}")
SYMBOL_FORMAT = re.compile(r"(?:(?![a-z])[\w\-.]){1,50}")
TIME_ZONE_FORMAT = re.compile(r"([+-]?)([0-9]{1,2})(?::([0-5][0-9]))?")
LARGEST_LONG = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a method: `parse(name, text)` gives its value or raises VenueError."""

    name: str
    parse: Callable[[str, str], Any]
    is_mandatory: bool = False


def illegal(name: str, legal_range: str) -> VenueError:
    """-1100 for a text outside the characters or the length that a parameter may have."""
    return VenueError(
        -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal_range}'."
    )


def not_valid(name: str) -> VenueError:
    """-1130 for a value that is well formed and makes no sense."""
    return VenueError(-1130, f"Data sent for parameter '{name}' is not valid.")


def text(name: str, value: str) -> str:
    """Any text."""
    return value


def symbol(name: str, value: str) -> str:
    """A symbol's characters; whether it is listed is the venue's to say (-1121)."""
    if not SYMBOL_FORMAT.fullmatch(value):
        raise illegal(name, SYMBOL_RANGE)
    return value


def client_order_id(name: str, value: str) -> str:
    """A client order id."""
    if not CLIENT_ORDER_ID_FORMAT.fullmatch(value):
        raise illegal(name, CLIENT_ORDER_ID_RANGE)
    return value


def decimal(name: str, value: str) -> Decimal:
    """A plain number without sign and exponent: `1e-05`, as some clients write a float, is refused."""
    if not DECIMAL_FORMAT.fullmatch(value):
        raise illegal(name, DECIMAL_RANGE)
    return Decimal(value)


def integer(name: str, value: str) -> int:
    """A whole number from 0 to 2**63 - 1."""
    if not INTEGER_FORMAT.fullmatch(value):
        raise illegal(name, INTEGER_RANGE)
    number = int(value)
    if number > LARGEST_LONG:
        raise VenueError(-1108, f"Parameter '{name}' overflowed.")
    return number


def timestamp(name: str, value: str) -> int:
    """A time in milliseconds or microseconds, as microseconds since the epoch."""
    return parse_timestamp(name, value)


def time_zone(name: str, value: str) -> int:
    """A time zone such as `0`, `-1:00`, `05:45`, from -12:00 to +14:00, in minutes before UTC. Raises VenueError -1130."""
    found = TIME_ZONE_FORMAT.fullmatch(value)
    if found is None:
        raise not_valid(name)
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    zone = -minutes if found[1] == "-" else minutes
    if not -12 * 60 <= zone <= 14 * 60:
        raise not_valid(name)
    return zone


def boolean(name: str, value: str) -> bool:
    """`true` or `false` in any case (Python clients send `True`)."""
    lowered = value.lower()
    if lowered not in ("true", "false"):
        raise not_valid(name)
    return lowered == "true"


def limit(most: int) -> Callable[[str, str], int]:
    """A number of rows: at least 1, and cut down to `most` (rest-api.md: "only 5000 entries will be returned")."""

    def parse(name: str, value: str) -> int:
        number = integer(name, value)
        if number == 0:
            raise not_valid(name)
        return min(number, most)

    return parse


def one_of(values: Sequence[str], code: int, message: str) -> Callable[[str, str], str]:
    """One of an enumeration's spellings (case-sensitive), else the enumeration's own error."""
    allowed = frozenset(values)

    def parse(name: str, value: str) -> str:
        if value not in allowed:
            raise VenueError(code, message)
        return value

    return parse


def choice(*values: str) -> Callable[[str, str], str]:
    """One of an enumeration's spellings, else -1130."""
    allowed = frozenset(values)

    def parse(name: str, value: str) -> str:
        if value not in allowed:
            raise not_valid(name)
        return value

    return parse


def names(name: str, value: str) -> list[str]:
    """A JSON array of texts without duplicates: `["BTCUSDT","BNBBTC"]`."""
    try:
        found = msgspec.json.decode(value.encode(), type=list[str])
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise illegal(name, ARRAY_RANGE) from None
    if not found:
        raise VenueError(-1105, f"Parameter '{name}' was empty.")
    if len(set(found)) != len(found):
        raise VenueError(-1151, "Symbol is present multiple times in the list.")
    return found


def symbols(name: str, value: str) -> list[str]:
    """A JSON array of symbols without duplicates."""
    found = names(name, value)
    if not all(map(SYMBOL_FORMAT.fullmatch, found)):
        raise illegal(name, ARRAY_RANGE)
    return found


def name_or_names(name: str, value: str) -> list[str]:
    """One text (`SPOT`) or a JSON array of texts (`["MARGIN","LEVERAGED"]`)."""
    return names(name, value) if value.startswith("[") else [value]


def read_parameters(
    expected: Mapping[str, Parameter], sent: Mapping[str, str], signing: frozenset[str]
) -> dict[str, Any]:
    """The parameters sent as values, by name; `signing` names those read elsewhere (timestamp, signature, ...).

    Raises VenueError: -1101 for more than the method takes, -1104 for what it does not know, -1102 and -1105 for what is
    absent or empty, and whatever a parameter's own form brings.
    """
    most = len(expected) + len(signing)
    if len(sent) > most:
        raise VenueError(
            -1101, f"Too many parameters; expected '{most}' and received '{len(sent)}'."
        )
    unread = [name for name in sent if name not in expected and name not in signing]
    if unread:
        raise VenueError(
            -1104,
            f"Not all sent parameters were read; read '{len(sent) - len(unread)}' parameter(s) "
            f"but was sent '{len(sent)}'.",
        )
    values: dict[str, Any] = {}
    for name, parameter in expected.items():
        value = sent.get(name)
        if not value:
            if parameter.is_mandatory:
                raise missing_parameter(name)
            if value == "":
                raise VenueError(-1105, f"Parameter '{name}' was empty.")
            continue
        values[name] = parameter.parse(name, value)
    return values
