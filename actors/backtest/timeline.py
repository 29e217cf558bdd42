"""What comes due in simulated time, in its order: the stand-in for an event loop's timers.

Two things due at the same instant happen in the order in which they were asked for.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from actors.backtest.errors import BacktestError
from actors.runtime.clock import SimulatedClock

NEVER_NS = 2**63 - 1


class Appointment:
    """Something that comes due; it may be canceled."""

    __slots__ = ("arguments", "callback", "is_canceled", "is_timer")

    def __init__(self, callback: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.callback = callback
        self.arguments = arguments
        self.is_canceled = False
        self.is_timer = False
        """Whether it was asked for as a loop's timer is: by an actor, or on behalf of one."""

    def cancel(self) -> None:
        """It will not happen."""
        self.is_canceled = True


class Timeline:
    """Appointments by time. It has those methods of an event loop that the runtime's cells use."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.count = 0
        self.heap: list[tuple[int, int, Appointment]] = []
        self.next_ns = NEVER_NS
        """When the next one is due; one that was canceled counts until then."""

    def at(self, due_ns: int, callback: Callable[..., Any], *arguments: Any) -> Appointment:
        """Calls back at a time; at once (in its turn) if that has passed."""
        appointment = Appointment(callback, arguments)
        self.count += 1
        heappush(self.heap, (max(due_ns, self.clock.time_ns), self.count, appointment))
        self.next_ns = self.heap[0][0]
        return appointment

    def call_later(
        self, delay_s: float, callback: Callable[..., Any], *arguments: Any
    ) -> Appointment:
        """Calls back after some seconds."""
        due_ns = self.clock.time_ns + round(delay_s * 1e9)
        appointment = self.at(due_ns, callback, *arguments)
        appointment.is_timer = True
        return appointment

    def create_task(self, coroutine: Any, *, context: Any = None) -> Any:
        """A backtest runs handlers alone.

        Raises BacktestError.
        """
        coroutine.close()
        raise BacktestError("a backtest runs handlers alone: spawn() and run() need a live system")

    def pop_due(self, time_ns: int) -> Appointment | None:
        """The next that is due by a time, with the clock moved to it; None when none is left."""
        heap = self.heap
        while heap and heap[0][0] <= time_ns:
            due_ns, _, appointment = heappop(heap)
            self.next_ns = heap[0][0] if heap else NEVER_NS
            if not appointment.is_canceled:
                self.clock.time_ns = due_ns
                return appointment
        return None
