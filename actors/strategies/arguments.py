"""Checks of constructor arguments; each refusal names the key as the configuration spells it. Pure."""

import math
from decimal import Decimal


def check_above_zero(key: str, value: Decimal | float | None) -> None:
    """Raises ValueError unless the number is finite and above 0; None stands for absent and passes."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise ValueError(f"{key} must be above 0, not {value}")


def check_at_least(key: str, value: Decimal | float, least: Decimal | float, why: str) -> None:
    """Raises ValueError, with the reason, for a number below `least`."""
    if value < least:
        raise ValueError(f"{key} must be {least} or more, not {value}: {why}")


def check_symbol(symbol: str) -> None:
    """Raises ValueError unless it is spelt as a venue spells it."""
    if not symbol or symbol != symbol.strip().upper():
        raise ValueError(f"symbol must be spelt as the venue spells it (BTCUSDT), not {symbol!r}")
