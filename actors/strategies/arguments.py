"""Checks of constructor arguments; each refusal names the key as the configuration spells it, and all are told at once."""

import math
from decimal import Decimal
from typing import Any, Self

from actors.spelling import did_you_mean


class ArgumentChecks:
    """`with ArgumentChecks() as check:` collects what is refused; at the end of the block it is raised as one ValueError,
    a line each."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None and self.faults:
            raise ValueError("\n".join(self.faults))

    def require(self, is_fine: bool, fault: str) -> None:
        """Refuses, in these words, what is not fine."""
        if not is_fine:
            self.faults.append(fault)

    def above_zero(self, key: str, value: Decimal | float | None) -> None:
        """Refuses a number that is not finite and above 0; None stands for absent and passes."""
        is_fine = value is None or (math.isfinite(value) and value > 0)
        self.require(is_fine, f"{key} must be above 0, not {value}")

    def at_least(self, key: str, value: Decimal | float, least: Decimal | float, why: str) -> None:
        """Refuses, with the reason, a number that is not finite or below `least`."""
        is_fine = math.isfinite(value) and value >= least
        self.require(is_fine, f"{key} must be {least} or more, not {value}: {why}")

    def symbol(self, symbol: str) -> None:
        """Refuses one that is not spelt as a venue spells it."""
        spelt = symbol.strip().upper()
        hint = f" ({did_you_mean(spelt)})" if spelt else ""
        is_fine = bool(symbol) and symbol == spelt
        self.require(is_fine, f"symbol must be spelt as the venue spells it, not {symbol!r}{hint}")
