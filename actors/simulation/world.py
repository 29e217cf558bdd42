"""A world: programs on hosts, with network, clocks and disks, in one deterministic run."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from signal import Signals
from typing import Any

from actors.simulation.chaos import (
    NO_PATTERNS,
    ONE_SECOND_NS,
    KillPatterns,
    draw_kill,
    draw_troubles,
)
from actors.simulation.clean_up import close_coroutines, unheard_finalizers
from actors.simulation.disk import Disks
from actors.simulation.entropy import Entropy
from actors.simulation.errors import InvariantError, SimulationError
from actors.simulation.link import STEADY_LINK
from actors.simulation.loop import Dialect
from actors.simulation.plan import (
    DrawnFates,
    Fates,
    Kill,
    KillPoint,
    Partition,
    Pause,
    Plan,
    PlannedFates,
    Skew,
)
from actors.simulation.program import NEVER_RESTART, CoroutineFunction, Outcome, Program
from actors.simulation.seeded import SeededRandom
from actors.simulation.socket_calls import NetworkLoop
from actors.simulation.trace import Trace
from actors.simulation.weather import CALM, Weather

Scenario = Callable[[], Coroutine[Any, Any, Any]]
Invariant = Callable[["World"], Iterable[str]]


@dataclass
class Report:
    """What came of a run."""

    seed: int
    digest: str
    duration_ns: int
    steps: int
    connections: int
    plan: Plan
    result: Any = None
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    trace: Trace = field(default_factory=Trace)

    def check(self) -> "Report":
        """Raises InvariantError if anything that must hold does not."""
        if self.violations:
            broken = "\n".join(f"  {line}" for line in self.violations)
            raise InvariantError(
                f"seed {self.seed}:\n{broken}\nplan: {self.plan.to_json().decode()}"
            )
        return self


class World:
    """One run from one seed. Not to be used within a running event loop, and only once.

    `plan` replaces the drawn faults. `entropy`, if several worlds share one, must be installed already; it saves the
    time of installing it for each.
    """

    def __init__(
        self,
        seed: int = 0,
        weather: Weather = CALM,
        *,
        dialect: Dialect = "uvloop",
        plan: Plan | None = None,
        keeps_trace: bool = False,
        entropy: Entropy | None = None,
    ) -> None:
        self.seed = seed
        self.weather = weather
        self.is_planned = plan is not None
        self.plan = plan if plan is not None else Plan(seed)
        self.trace = Trace(keeps_trace)
        self.loop = NetworkLoop(
            seed,
            dialect=dialect,
            cpu_ns=weather.cpu_ns,
            stall_share=weather.stall_share,
            trace=self.trace,
            fates=self._fates(weather),
        )
        self.loop.network.link = weather.link
        self.disks = Disks(self.loop)
        self.programs: dict[str, Program] = {}
        self.output = StringIO()
        """What all programs printed."""
        self._entropy = entropy
        self._kill_random = SeededRandom(f"{seed}:kills")
        self._kills_left = 0 if self.is_planned else weather.kills
        self._asked_kills: list[Kill] = []
        self._exposed: set[str] = set()
        self._kill_patterns = NO_PATTERNS
        self._storm_s = 0.0
        self._has_run = False
        self._is_stormy = True

    def _fates(self, weather: Weather) -> Fates:
        if self.is_planned:
            return PlannedFates(self.plan.cuts, self.plan.refusals)
        fates = DrawnFates(self.seed, self.plan)
        fates.refused_share = weather.refused_share
        fates.cut_share = weather.cut_share
        fates.mean_cut_bytes = weather.mean_cut_bytes
        fates.modes = weather.cut_modes
        return fates

    # Programs.

    def start(
        self, name: str, function: CoroutineFunction, *arguments: Any, host: str | None = None
    ) -> Program:
        """Starts a coroutine function as a process, called `name`, on a host of the same name unless another is given.

        Before `run` it waits for the beginning of the run.
        """
        if name in self.programs:
            raise SimulationError(f"a program called {name!r} was started already; use restart")
        host = host if host is not None else name
        self.loop.network.address_of(host)
        disk = self.disks.disk_of(name)
        program = Program(
            name,
            host,
            self.loop,
            disk,
            function,
            arguments,
            kills_of=lambda incarnation: self._kills_of(name, incarnation),
        )
        self.programs[name] = program
        self.loop.kernel_at(self.loop.now_ns, program.start)
        return program

    def folder(self, name: str) -> Path:
        """The disk of a program, which may be started later; its path stays the same over all its lives."""
        return self.disks.disk_of(name).folder

    def expose(
        self, program: Program, duration: float, patterns: KillPatterns = NO_PATTERNS
    ) -> None:
        """Lets the weather kill, pause, cut off and mislead this program within so many seconds from the beginning."""
        self._exposed.add(program.name)
        self._kill_patterns = patterns
        self._storm_s = duration
        if not self.is_planned:
            others = sorted(other.host for other in self.programs.values() if other is not program)
            draw_troubles(self.seed, self.weather, self.plan, program, others, duration)
        self._schedule_troubles(program)
        if program.restart_after_ns == NEVER_RESTART:
            program.restart_after_ns = int(self.weather.restart_after[0] * ONE_SECOND_NS)

    def _kills_of(self, name: str, incarnation: int) -> list[Kill]:
        if self._kills_left > 0 and name in self._exposed and self._is_stormy:
            self._kills_left -= 1
            self.plan.kills.append(
                draw_kill(
                    self._kill_random,
                    name,
                    incarnation,
                    self.loop.now_ns,
                    self.weather,
                    self._kill_patterns,
                    self._storm_s,
                )
            )
        # A program that was down when the weather cleared up is not killed by it once it has come up.
        planned = self.plan.kills if self._is_stormy else ()
        return [
            kill
            for kill in (*planned, *self._asked_kills)
            if kill.program == name and kill.incarnation == incarnation
        ]

    def kill(
        self,
        program: Program,
        *,
        at: float | None = None,
        step: int | None = None,
        write: int | None = None,
        statement: int | None = None,
        on: bytes | None = None,
        occurrence: int = 0,
        delay: float = 0.0,
        power: bool = False,
        log_share: float = 1.0,
        restart_after: float | None = None,
    ) -> None:
        """Kills a program: now, or `at` a second of the run, or at one of its own doings.

        `step`: before its n-th handler from now (from its start, if it has not started); `write`: within the socket
        write after n others; `statement`: before the SQL statement after n others; `on`: `delay` seconds after it has
        sent those bytes, the `occurrence`-th time from 0. `power` (with `at`) ends the machine: nothing is said to its
        peers, and of what SQLite had not synchronised only `log_share` survives.
        """
        now_ns = self.loop.now_ns
        point: KillPoint = "power" if power else "time"
        after = now_ns if at is None else int(at * ONE_SECOND_NS)
        if step is not None:
            point, after = "step", step
        elif write is not None:
            point, after = "write", write
        elif statement is not None:
            point, after = "statement", statement
        elif on is not None:
            point, after = "bytes", occurrence
        kill = Kill(
            program.name,
            max(0, program.incarnation),
            point,
            after,
            pattern="" if on is None else on.decode("latin-1"),
            delay_ns=int(delay * ONE_SECOND_NS),
            log_share=log_share,
            restart_after_ns=NEVER_RESTART
            if restart_after is None
            else int(restart_after * ONE_SECOND_NS),
        )
        if program.process is None:
            self._asked_kills.append(kill)
        else:
            program.arm(kill)

    def restart(self, program: Program, after: float = 0.0) -> None:
        """From now on starts it again so many seconds after each death or error; if it is dead already, after that time."""
        program.restart_after_ns = int(after * ONE_SECOND_NS)
        if program.process is not None and not program.is_running:
            self.loop.kernel_after(program.restart_after_ns, program.start)

    def signal(self, program: Program, number: Signals, at: float | None = None) -> None:
        """Sends a signal, now or at a second of the run; a program without a handler for it dies."""
        self.loop.kernel_at(self._due_ns(at), program.signal, number)

    # Troubles.

    def skew(self, program: Program, seconds: float, at: float | None = None) -> None:
        """Sets a program's wall clock off, now or at a second of the run; its monotonic clock goes on."""
        self._schedule_skew(Skew(program.name, self._due_ns(at), int(seconds * ONE_SECOND_NS)))

    def pause(self, program: Program, seconds: float, at: float | None = None) -> None:
        """Lets a program stand still for a while, as on a laptop that sleeps."""
        self._schedule_pause(Pause(program.name, self._due_ns(at), int(seconds * ONE_SECOND_NS)))

    def partition(self, first: str, second: str, seconds: float, at: float | None = None) -> None:
        """Cuts two hosts off from one another for a while; what they say meanwhile arrives afterwards."""
        length_ns = int(seconds * ONE_SECOND_NS)
        self._schedule_partition(Partition(first, second, self._due_ns(at), length_ns))

    def clear_up(self) -> None:
        """Ends the bad weather: from now on lines are steady, and what stands is left standing. For a time to settle."""
        self._is_stormy = False
        network = self.loop.network
        network.link = STEADY_LINK
        network.fates = PlannedFates((), ())
        network.spare()
        self.loop.stall_share = 0.0
        for name in sorted(self._exposed):
            self.programs[name].spare()

    def _due_ns(self, at: float | None) -> int:
        return self.loop.now_ns if at is None else int(at * ONE_SECOND_NS)

    def _schedule_skew(self, skew: Skew) -> None:
        self.loop.kernel_at(skew.at_ns, self.programs[skew.program].set_skew, skew.skew_ns)

    def _schedule_pause(self, pause: Pause) -> None:
        self.loop.kernel_at(pause.at_ns, self.programs[pause.program].pause, pause.duration_ns)

    def _schedule_partition(self, partition: Partition) -> None:
        self.loop.kernel_at(
            partition.at_ns,
            self.loop.network.partition,
            partition.first,
            partition.second,
            partition.duration_ns,
        )

    # Running.

    @property
    def now_s(self) -> float:
        """Seconds since the beginning of the run."""
        return self.loop.now_ns / ONE_SECOND_NS

    def ended(self, program: Program) -> "asyncio.Future[Outcome]":
        """Resolves at the end of the program's present incarnation, or at its next end if none is running."""
        waiter: asyncio.Future[Outcome] = self.loop.create_future()
        program.waiters.append(waiter)
        return waiter

    def run(self, scenario: Scenario, invariants: Iterable[Invariant] = ()) -> Report:
        """Runs until the scenario, a coroutine function that may talk to every program over the network, has ended.

        What the scenario raises is raised, with the seed and the plan noted on it. Invariants are asked afterwards,
        and what they say is in the report. Raises DeadlockError if nothing can ever happen and the scenario still waits.
        """
        if self._has_run:
            raise SimulationError("a world runs once; make another one")
        self._has_run = True
        violations: list[str] = []
        with ExitStack() as stack:
            stack.callback(self._clean_up)
            entropy = self._entropy or stack.enter_context(Entropy())
            try:
                with (
                    entropy.running(self.loop),
                    redirect_stdout(self.output),
                    redirect_stderr(self.output),
                ):
                    result = self.loop.run_until_complete(scenario())
            except BaseException as error:
                error.add_note(f"in the simulated world of seed {self.seed}, after {self.now_s} s")
                if self.plan.size():
                    error.add_note(f"its plan of faults: {self.plan.to_json().decode()}")
                raise
            finally:
                digest = self.trace.digest()
                self.loop.end()
            for invariant in invariants:
                violations.extend(invariant(self))
        return Report(
            seed=self.seed,
            digest=digest,
            duration_ns=self.loop.now_ns,
            steps=self.loop.steps,
            connections=self.loop.network.connections,
            plan=self.plan,
            result=result,
            outcomes={name: program.outcomes for name, program in self.programs.items()},
            violations=violations,
            trace=self.trace,
        )

    def _schedule_troubles(self, program: Program) -> None:
        """What the plan has in store for a program that is exposed."""
        plan, name = self.plan, program.name
        for skew in (skew for skew in plan.skews if skew.program == name):
            self._schedule_skew(skew)
        for pause in (pause for pause in plan.pauses if pause.program == name):
            self._schedule_pause(pause)
        for partition in (item for item in plan.partitions if item.first == program.host):
            self._schedule_partition(partition)

    def _clean_up(self) -> None:
        """Removes the disks, and lets what the run left behind be finalised before another run begins."""
        with unheard_finalizers():
            close_coroutines(self.loop)
            for process in (self.loop.root, *self.loop.network.processes):
                process.forget()
            self.loop.network.listeners.clear()
            self.disks.close()
            self.loop.close()
