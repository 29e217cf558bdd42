"""The runtime's system without an event loop: the same cells, router and supervisor, driven by hand in simulated time."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from actors.backtest.errors import BacktestError
from actors.backtest.timeline import Timeline
from actors.runtime.cell import ActorCell
from actors.runtime.context import Envelope
from actors.runtime.restart_policy import RestartRecord
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from actors.runtime.tap import Tap
from actors.runtime.turns import Turns

MAXIMUM_DRAINS = 1_000_000
"""At one instant: actors that send each other messages without end would never let time pass."""


class HandTurns(Turns):
    """Takes turns only when told to."""

    def schedule(self, cell: ActorCell) -> None:
        """Has the cell drained at the next pump."""
        self.ready.append(cell)


class BacktestSystem(System):
    """Runs actors at simulated instants: `pump` drains all that has work, and then nothing is on its way."""

    def __init__(
        self,
        specifications: Sequence[ActorSpecification],
        timeline: Timeline,
        *,
        seed: int = 0,
        tap: Tap | None = None,
    ) -> None:
        """Raises WiringError with every fault, BacktestError for an actor that needs an event loop."""
        super().__init__(specifications, timeline.clock, seed=seed, tap=tap)
        asynchronous = [item.name for item in specifications if hasattr(item.actor_class, "run")]
        if asynchronous:
            raise BacktestError(
                f"{', '.join(asynchronous)}: a backtest runs handlers alone, and these actors have a run() of their own"
            )
        self.loop = cast(Any, timeline)
        self.turns = HandTurns(self.loop, timeline.clock.monotonic_ns)
        self.timeline = timeline
        self.before_delivery: dict[ActorCell, Callable[[], None]] = {}
        """Called before an actor is handed messages: it takes some market data lazily."""

    def begin(self) -> None:
        """Starts all actors, in the order of their specifications, as `start` does in a live system.

        Raises WiringError if a constructor refuses its arguments or a subscription cannot be served.
        """
        for item in self.specifications:
            self.cells[item.name] = ActorCell(
                self,
                item,
                self._make_context(item.name),
                RestartRecord(self.restart_policy.limited_to(item.actor_class.max_restarts)),
                self.mailbox_limits,
            )
        self._build_instances()
        for cell in self.cells.values():
            self.ask_for_resync(cell)
        for cell in self.cells.values():
            self.announce_subscriptions(cell)
        self.pump()

    def pump(self) -> None:
        """Drains every cell that has work, first come first, until none has."""
        ready = self.turns.ready
        drains = 0
        while ready:
            ready.popleft().drain()
            drains += 1
            if drains > MAXIMUM_DRAINS:
                raise BacktestError(
                    "actors send each other messages without end at one instant: "
                    f"{', '.join(sorted({cell.name for cell in ready}))}"
                )

    def deliver(self, receiver: ActorCell, envelopes: list[Envelope]) -> None:
        """Hands messages to an actor, with the newest of what it takes lazily ahead of them."""
        if receiver in self.before_delivery:
            if envelopes[0].message_class in receiver.actor_class.lazy_inputs:
                return  # it is told when it needs it
            self.before_delivery[receiver]()
        super().deliver(receiver, envelopes)

    def end(self) -> None:
        """Stops all actors in reverse order; what each says at its end still reaches the others."""
        self.is_stopping = True
        self.supervisor.cancel_restarts()
        for cell in reversed(list(self.cells.values())):
            self.pump()
            cell.finish()
        self.pump()
