"""The parameters that peg an order's price to the book (rest-api.md, Pegged Orders Info).

They are read and checked like all others; no symbol here allows pegged orders (`pegInstructionsAllowed`), so each is refused.
"""

from collections.abc import Mapping
from typing import Any

from actors.exchange.errors import bad_combination
from actors.exchange.parameters import Parameter, integer, not_valid, one_of

LARGEST_OFFSET = 100
PRICE_TYPE, OFFSET_TYPE, OFFSET_VALUE = "PegPriceType", "PegOffsetType", "PegOffsetValue"


def offset(name: str, value: str) -> int:
    """A number of price levels, 100 at most. Raises VenueError."""
    levels = integer(name, value)
    if levels > LARGEST_OFFSET:
        raise not_valid(name)
    return levels


def full_name(prefix: str, name: str) -> str:
    """A parameter's name: `pegPriceType`, or `abovePegPriceType` in a list."""
    return prefix + name if prefix else name[0].lower() + name[1:]


def peg_parameters(prefix: str = "") -> tuple[Parameter, ...]:
    """The three parameters of one order; `prefix` begins their names in a list."""
    kinds = ("PRIMARY_PEG", "MARKET_PEG")
    return (
        Parameter(full_name(prefix, PRICE_TYPE), one_of(kinds, -1210, "Invalid pegPriceType.")),
        Parameter(
            full_name(prefix, OFFSET_TYPE),
            one_of(("PRICE_LEVEL",), -1211, "Invalid pegOffsetType."),
        ),
        Parameter(full_name(prefix, OFFSET_VALUE), offset),
    )


def is_pegged(values: Mapping[str, Any], prefix: str = "") -> bool:
    """Whether an order asks for a peg. Raises VenueError (-1128) for half an offset, or one without a peg."""
    has_peg, has_type, has_value = (
        full_name(prefix, name) in values for name in (PRICE_TYPE, OFFSET_TYPE, OFFSET_VALUE)
    )
    if has_type is not has_value or (has_type and not has_peg):
        raise bad_combination()
    return has_peg
