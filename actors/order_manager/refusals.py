"""Refused orders: remembered by their ids for a while, and counted, so that a strategy does not fail on and on.

A strategy whose orders are refused one after the other, none accepted between, is held: its orders are refused unseen until
the hold ends by itself. What the gate refuses (a halt, a hold, the start) is no failure of the strategy's and not counted.
"""

from actors.order_manager.gate import TradingGate
from actors.order_manager.port import Port
from messages.enums import Reason

REFUSED_REMEMBERED = 1_000
NOT_COUNTED = (
    Reason.NOT_READY,
    Reason.HELD,
    Reason.HALTED,
    Reason.STOPPED,
    Reason.TOO_LATE,
    Reason.JOURNAL,
)


class Refusals:
    """Remembers refused orders and holds whoever has too many of them."""

    def __init__(
        self, port: Port, gate: TradingGate, most_in_a_row: int | None, hold_s: float
    ) -> None:
        self.port = port
        self.gate = gate
        self.most_in_a_row = most_in_a_row
        self.hold_s = hold_s
        self.in_a_row: dict[str, int] = {}
        self.refused: dict[tuple[str, str], None] = {}
        """(strategy, order id) of orders that were never sent, oldest first."""

    def remember(self, strategy: str, order_id: str) -> None:
        """An order was refused here; its strategy is told so, and may ask for its cancel before it hears it."""
        self.refused[strategy, order_id] = None
        if len(self.refused) > REFUSED_REMEMBERED:
            del self.refused[next(iter(self.refused))]

    def is_remembered(self, strategy: str, order_id: str) -> bool:
        """Whether the strategy has been told that this order was refused."""
        return (strategy, order_id) in self.refused

    def on_accepted(self, strategy: str) -> None:
        """A venue has taken an order of this strategy."""
        self.in_a_row.pop(strategy, None)

    def on_refused(self, strategy: str, reason: Reason, reason_text: str) -> None:
        """An order of this strategy was refused, here or by the venue."""
        if self.most_in_a_row is None or reason in NOT_COUNTED:
            return
        count = self.in_a_row.get(strategy, 0) + 1
        self.in_a_row[strategy] = count
        if count < self.most_in_a_row or strategy in self.gate.pauses:
            return
        why = f"{count} orders in a row were refused, the last: {reason} {reason_text}".rstrip()
        self.gate.pauses[strategy] = why
        self.port.log.error("%s is held for %g s: %s", strategy, self.hold_s, why)
        self.port.schedule(self.hold_s, self._release, strategy)

    def _release(self, strategy: str) -> None:
        self.in_a_row.pop(strategy, None)
        if self.gate.pauses.pop(strategy, None) is not None:
            self.port.log.warning("%s may place orders again", strategy)
