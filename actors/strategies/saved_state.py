"""What a strategy wants to find again after a restart, as bytes and back. Pure."""

import typing
from collections.abc import Callable
from typing import Any

import msgspec

MAXIMUM_BYTES = 65_536


def encode_state(state: Any) -> bytes:
    """Raises ValueError for what msgpack does not hold, or for too much of it."""
    try:
        encoded = msgspec.msgpack.encode(state)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"save_state returned what cannot be written down: {error}; return plain values, "
            "dataclasses or msgspec structs"
        ) from error
    if len(encoded) > MAXIMUM_BYTES:
        raise ValueError(
            f"save_state returned {len(encoded)} bytes, {MAXIMUM_BYTES} are allowed; "
            "keep what is large in a file of your own"
        )
    return encoded


def decode_state(encoded: bytes, loader: Callable[..., None]) -> Any:
    """The state in the type that the loader's own parameter is annotated with.

    Raises ValueError if it does not fit.
    """
    hints = typing.get_type_hints(loader)
    hints.pop("return", None)
    wanted = next(iter(hints.values()), Any)
    try:
        return msgspec.msgpack.decode(encoded, type=wanted)
    except msgspec.MsgspecError as error:
        raise ValueError(
            f"the saved state does not fit load_state any more ({error}); give new fields defaults, "
            "or take the annotation away and convert it yourself"
        ) from error
