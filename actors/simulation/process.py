"""One simulated process: its own ready queue, processor time, clock skew, signals and sockets."""

import asyncio
import logging
from asyncio import events
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actors.simulation.seeded import SeededRandom

if TYPE_CHECKING:
    from actors.simulation.transport import SimulatedTransport

Handles = deque[events.Handle]


@dataclass
class ByteTrigger:
    """Kills a process some time after certain bytes were at one of its sockets for the n-th time."""

    pattern: bytes
    occurrences_left: int
    delay_ns: int


@dataclass
class KillTriggers:
    """At which of its own doings a process is killed; a countdown of None never ends."""

    step: int | None = None
    """Before the handler of this number, counted from the process's start."""
    writes_left: int | None = None
    """Within the socket write after that many: all, a part or none of it is taken."""
    statements_left: int | None = None
    """Before the SQL statement after that many."""
    on_bytes: list[ByteTrigger] = field(default_factory=list)
    """After what it writes; a masked message of a WebSocket counts as it reads without its mask."""
    on_heard: list[ByteTrigger] = field(default_factory=list)
    """After what arrives for it."""


class SimulatedProcess:
    """What the kernel of the simulated machine knows of one process.

    A killed process is a ghost: the rest of the handler in which it died still runs, but loop, sockets and disk ignore
    it, and none of its other handlers, `finally` blocks included, ever runs.
    """

    def __init__(
        self, name: str, host: str, address: str, number: int, entropy: SeededRandom
    ) -> None:
        self.name = name
        self.host = host
        self.address = address
        self.number = number
        self.entropy = entropy
        self.is_alive = True
        self.is_power_lost = False
        self.ready: Handles = deque()
        self.inbox: list[events.Handle] = []
        self.is_woken = False
        self.busy_until_ns = 0
        self.cpu_ns = 0
        """Processor time used within the present iteration."""
        self.skew_ns = 0
        self.steps = 0
        self.tasks_made = 0
        self.triggers = KillTriggers()
        self.transports: dict[SimulatedTransport, None] = {}
        self.listeners: dict[Any, None] = {}
        self.signal_handlers: dict[int, events.Handle] = {}
        self.main: asyncio.Task[Any] | None = None
        self.leftovers: list[str] = []
        """Names of the tasks that were still there when its main coroutine ended."""
        self.death_hooks: list[Callable[[], None]] = []
        self.log_handlers: list[tuple[logging.Logger, logging.Handler]] = []
        self.graveyard: list[Any] = []
        """Keeps what a dead process had, so that no finalizer of it runs within the run."""

    def remove_log_handlers(self) -> None:
        """Takes out what it had put into the loggers, which all processes share."""
        for logger, handler in self.log_handlers:
            logger.removeHandler(handler)
        self.log_handlers.clear()

    def forget(self) -> None:
        """Lets go of everything it had, at the end of the run."""
        self.remove_log_handlers()
        self.signal_handlers.clear()
        self.graveyard.clear()
        self.ready.clear()
        self.inbox.clear()
        self.transports.clear()
        self.main = None

    def __repr__(self) -> str:
        return f"<SimulatedProcess {self.name}>"
