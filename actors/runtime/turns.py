"""Who is drained when: actors that have work, one after the other, within one callback of the loop.

A message that goes through several actors does so without the loop coming round between them: that would look at every
socket and timer each time, which costs more than the hop itself. The loop gets its say when the turn's time is up.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.runtime.cell import ActorCell

TURN_BUDGET_NS = 100_000
MAX_DRAINS = 16
"""In one turn: a simulated clock may stand still."""


class Turns:
    """Drains cells in the order in which they got work.

    Within `TURN_BUDGET_NS` a cell comes again and again; after it only those that have not been drained in this turn.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, read_monotonic_ns: Callable[[], int]
    ) -> None:
        self.loop = loop
        self.read_monotonic_ns = read_monotonic_ns
        self.ready: deque[ActorCell] = deque()
        self.is_due = False
        self.number = 0

    def schedule(self, cell: "ActorCell") -> None:
        """Has the cell drained, after those that had work before it."""
        self.ready.append(cell)
        if not self.is_due:
            self.is_due = True
            self.loop.call_soon(self.take)

    def take(self) -> None:
        """One turn."""
        self.number = number = self.number + 1
        ready, read_monotonic_ns = self.ready, self.read_monotonic_ns
        deadline_ns = read_monotonic_ns() + TURN_BUDGET_NS
        drains = 0
        try:
            while ready:
                cell = ready[0]
                if cell.last_turn == number and (
                    drains >= MAX_DRAINS or read_monotonic_ns() >= deadline_ns
                ):
                    break
                ready.popleft()
                cell.last_turn = number
                drains += 1
                cell.drain()
        finally:
            if ready:
                self.loop.call_soon(self.take)
            else:
                self.is_due = False
