"""A program of a world: what is started under a name, killed, and started again on the same disk."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from actors.simulation.disk import Disk
from actors.simulation.leftovers import describe_timers
from actors.simulation.plan import Kill
from actors.simulation.process import ByteTrigger, KillTriggers, SimulatedProcess
from actors.simulation.socket_calls import NetworkLoop

CoroutineFunction = Callable[..., Coroutine[Any, Any, Any]]
NEVER_RESTART = -1


@dataclass
class Outcome:
    """How one incarnation of a program ended."""

    how: Literal["returned", "raised", "killed"]
    at_ns: int
    result: Any = None
    error: BaseException | None = None
    leftover_tasks: tuple[str, ...] = ()
    """Tasks that were still there when the main coroutine had ended, and were then canceled."""
    leftover_timers: tuple[str, ...] = ()


@dataclass
class Program:
    """Something that runs as a process of its own, on a host and a disk of its own."""

    name: str
    host: str
    loop: NetworkLoop
    disk: Disk
    function: CoroutineFunction
    arguments: tuple[Any, ...]
    kills_of: Callable[[int], list[Kill]]
    """The kills of an incarnation, which are set up when it starts."""
    incarnation: int = -1
    process: SimulatedProcess | None = None
    skew_ns: int = 0
    restart_after_ns: int = NEVER_RESTART
    """What follows an error, and a death whose kill does not say; below 0: it stays dead."""
    restarts_failures: bool = False
    """Whether an end with an exit code other than 0 is followed by the same, as a service manager would have it."""
    times_spared: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    waiters: list["asyncio.Future[Outcome]"] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Its disk: the same path over all its lives."""
        return self.disk.folder

    @property
    def is_running(self) -> bool:
        """Whether there is a living process of it."""
        return self.process is not None and self.process.is_alive

    def start(self) -> None:
        """Starts its next incarnation, unless one is running."""
        if self.is_running or self.loop.is_ended:
            return
        self.incarnation += 1
        loop = self.loop
        network = loop.network
        name = f"{self.name}-{self.incarnation}"
        process = loop.new_process(name, self.host, network.address_of(self.host))
        process.skew_ns = self.skew_ns
        self.process = process
        network.processes.append(process)
        process.death_hooks.append(partial(self._die, process, None))
        for kill in self.kills_of(self.incarnation):
            self.arm(kill)
        with loop.running(process):
            coroutine = self.function(*self.arguments)
        loop.spawn(process, coroutine)
        assert process.main is not None
        with loop.running(process):
            process.main.add_done_callback(partial(self._main_has_ended, process))

    def arm(self, kill: Kill) -> None:
        """Sets up a kill of the present incarnation."""
        process = self.process
        assert process is not None
        triggers = process.triggers
        if kill.point == "step":
            triggers.step = process.steps + kill.after
        elif kill.point == "write":
            triggers.writes_left = kill.after
        elif kill.point == "statement":
            triggers.statements_left = kill.after
        elif kill.point in ("bytes", "heard"):
            armed = triggers.on_bytes if kill.point == "bytes" else triggers.on_heard
            armed.append(ByteTrigger(kill.pattern.encode("latin-1"), kill.after, kill.delay_ns))
        else:
            self.loop.kernel_at(kill.after, self._kill_at_time, process, kill, self.times_spared)
            return
        process.death_hooks[:] = [partial(self._die, process, kill)]

    def spare(self) -> None:
        """Calls off the kills that are set up; later ones count again."""
        self.times_spared += 1
        if self.process is not None:
            self.process.triggers = KillTriggers()

    def _kill_at_time(self, process: SimulatedProcess, kill: Kill, times_spared: int) -> None:
        if not process.is_alive or times_spared != self.times_spared:
            return
        process.is_power_lost = kill.point == "power"
        process.death_hooks[:] = [partial(self._die, process, kill)]
        self.loop.kill(process)

    def _die(self, process: SimulatedProcess, kill: Kill | None) -> None:
        """Called by a kill, before the process is buried."""
        is_power_lost = process.is_power_lost and kill is not None
        self.disk.crash(process, kill.log_share if is_power_lost and kill else 1.0)
        self._note(process, Outcome("killed", self.loop.now_ns))
        after_ns = self.restart_after_ns
        if kill is not None and kill.restart_after_ns >= 0:
            after_ns = kill.restart_after_ns
        if after_ns >= 0:
            self.loop.kernel_after(after_ns, self.start)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the present incarnation, if it lives."""
        if self.process is not None:
            self.loop.send_signal(self.process, number)

    def set_skew(self, skew_ns: int) -> None:
        """Sets the host's wall clock off by so much."""
        self.loop.record("skew", f"{self.name}|{skew_ns}")
        self.skew_ns = skew_ns
        if self.process is not None:
            self.process.skew_ns = skew_ns

    def pause(self, duration_ns: int) -> None:
        """Takes the processor away for a while."""
        if self.process is not None:
            self.loop.record("pause", f"{self.process.name}|{duration_ns}")
            self.loop.hold(self.process, duration_ns)

    def _main_has_ended(self, process: SimulatedProcess, main: "asyncio.Task[Any]") -> None:
        """In the process: cancels what it left over, as asyncio's runner does, and then exits."""
        loop = self.loop
        tasks = [task for task in loop.tasks_of(process) if task is not main]
        timers = describe_timers(loop.pending_timers(process))
        outcome = Outcome(
            "returned",
            loop.now_ns,
            leftover_tasks=tuple(task.get_name() for task in tasks),
            leftover_timers=tuple(timers),
        )
        if main.cancelled() or main.exception() is not None:
            outcome.how = "raised"
            outcome.error = asyncio.CancelledError() if main.cancelled() else main.exception()
        else:
            outcome.result = main.result()
        for task in tasks:
            task.cancel()
        if tasks:
            ending = asyncio.gather(*tasks, return_exceptions=True)
            ending.add_done_callback(lambda _: self._exit(process, outcome))
        else:
            self._exit(process, outcome)

    def _exit(self, process: SimulatedProcess, outcome: Outcome) -> None:
        if process.is_alive:
            self.loop.record("exit", f"{process.name}|{outcome.how}")
            self._note(process, outcome)
            self.loop.bury(process)
            has_failed = self.restarts_failures and bool(outcome.result)
            if (outcome.how == "raised" or has_failed) and self.restart_after_ns >= 0:
                self.loop.kernel_after(self.restart_after_ns, self.start)

    def _note(self, process: SimulatedProcess, outcome: Outcome) -> None:
        process.remove_log_handlers()
        self.outcomes.append(outcome)
        for waiter in self.waiters:
            self.loop.post(self.loop.root, resolve, waiter, outcome)
        self.waiters.clear()


def resolve(waiter: "asyncio.Future[Outcome]", outcome: Outcome) -> None:
    """Tells one who waits, unless it has given up."""
    if not waiter.done():
        waiter.set_result(outcome)
