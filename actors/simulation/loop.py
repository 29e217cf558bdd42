"""A deterministic asyncio loop: several simulated processes on one virtual clock, one heap of events, one seed.

Within a process callbacks run first come, first served, as asyncio promises. What one wake-up finds ready on sockets comes
in an order drawn from the seed. Time is an integer of nanoseconds; it moves while a process computes (each callback
costs a drawn time) and a little with each look at a clock.
"""

import asyncio
import heapq
from asyncio import events
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from heapq import heappop, heappush
from typing import Any, Literal, TypeVarTuple

from actors.simulation.errors import DeadlockError, FenceError
from actors.simulation.fence import FencedLoop
from actors.simulation.process import SimulatedProcess
from actors.simulation.seeded import SeededRandom
from actors.simulation.tasks import SimulatedFuture, SimulatedTask
from actors.simulation.trace import Trace

EPOCH_NS = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z, when every world begins."""
CLOCK_READING_NS = 1_000
"""What a program does between two looks at a clock; time budgets of a program rest on it."""
KERNEL, TIMER, WAKE = 0, 1, 2
COMPACT_AFTER = 500

Arguments = TypeVarTuple("Arguments")
Dialect = Literal["asyncio", "uvloop"]
Event = tuple[int, int, int, Any, Any]


class SimulatedLoop(FencedLoop):
    """The loop of one world. `cpu_ns` bounds what a callback costs; `stall_share` of all iterations take up to 400 ms."""

    def __init__(
        self,
        seed: int,
        *,
        dialect: Dialect = "asyncio",
        cpu_ns: tuple[int, int] = (1_000, 12_000),
        stall_share: float = 0.0,
        trace: Trace | None = None,
    ) -> None:
        super().__init__()
        self.seed = seed
        self.dialect = dialect
        self.cpu_bounds_ns = cpu_ns
        self.stall_share = stall_share
        self.events_trace = trace if trace is not None else Trace()
        self.random = SeededRandom(f"{seed}:schedule")
        self.now_ns = 0
        self.steps = 0
        self.is_ended = False
        self._sequence = 0
        self._heap: list[Event] = []
        self._canceled_timers = 0
        self._numbers = 0
        self._processes = 0
        self.root = self.new_process("world", "world", "10.0.0.1")
        self.current = self.root

    # Time.

    def here_ns(self) -> int:
        """The time now, moved on by what the running process has computed."""
        return self.now_ns + self.current.cpu_ns

    def read_clock_ns(self) -> int:
        """The monotonic clock, as a program reads it: looking takes a little time."""
        self.current.cpu_ns += CLOCK_READING_NS
        return self.now_ns + self.current.cpu_ns

    def wall_ns(self) -> int:
        """The wall clock of the running process, its skew included."""
        return EPOCH_NS + self.read_clock_ns() + self.current.skew_ns

    def time(self) -> float:
        """Seconds of the loop's clock; uvloop's stands still within an iteration and moves in milliseconds."""
        if self.dialect == "uvloop":
            return self.now_ns // 1_000_000 / 1000
        return self.read_clock_ns() / 1e9

    def record(self, kind: str, text: str, data: bytes = b"") -> None:
        """Writes an event into the trace; finalizers of an ended run write nothing."""
        if not self.is_ended:
            self.events_trace.add(self.now_ns + self.current.cpu_ns, kind, text, data)

    # Callbacks of processes.

    def call_soon(
        self,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Runs it in the running process's next iteration."""
        handle = events.Handle(callback, args, self, context)
        process = self.current
        if self.is_ended or not process.is_alive:
            self._lay_aside(process, handle)
            return handle
        process.ready.append(handle)
        if not process.is_woken:
            self._wake(process)
        return handle

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """As `call_soon`: there are no other threads. Raises FenceError from one."""
        try:
            self._check_thread()  # type: ignore[attr-defined]
        except RuntimeError as error:
            raise FenceError(
                "call_soon_threadsafe from another thread: threads are not simulated"
            ) from error
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Runs it after so many seconds; in uvloop's dialect whole milliseconds, and below half of one at once."""
        if self.dialect == "uvloop":
            delay_ms = round(max(0.0, delay) * 1000)
            if delay_ms == 0:
                return self.call_soon(callback, *args, context=context)  # type: ignore[return-value]
            when = (self.now_ns // 1_000_000 + delay_ms) / 1000
            return self._add_timer(when, callback, args, context)
        return self._add_timer(self.here_ns() / 1e9 + delay, callback, args, context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Runs it at a time of the loop's clock."""
        if self.dialect == "uvloop":
            return self.call_later(when - self.time(), callback, *args, context=context)
        return self._add_timer(when, callback, args, context)

    def _add_timer(
        self, when: float, callback: Callable[..., object], args: Any, context: Context | None
    ) -> asyncio.TimerHandle:
        handle = events.TimerHandle(when, callback, args, self, context)
        process = self.current
        if self.is_ended or not process.is_alive:
            self._lay_aside(process, handle)
            return handle
        self._sequence += 1
        due_ns = max(self.now_ns, int(when * 1e9) + 1)
        heappush(self._heap, (due_ns, self._sequence, TIMER, process, handle))
        handle._scheduled = True  # type: ignore[attr-defined]
        return handle

    def _lay_aside(self, process: SimulatedProcess, handle: asyncio.Handle) -> None:
        """A ghost's callback never runs, and is kept from being finalised within the run."""
        if not self.is_ended:
            process.graveyard.append(handle)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Called by a timer's `cancel`; drops the canceled ones now and then."""
        self._canceled_timers += 1
        if self._canceled_timers > COMPACT_AFTER and self._canceled_timers * 2 > len(self._heap):
            self._heap = [
                event for event in self._heap if event[2] != TIMER or not event[4].cancelled()
            ]
            heapq.heapify(self._heap)
            self._canceled_timers = 0

    # Events outside every process.

    def kernel_at(self, due_ns: int, function: Callable[..., object], *args: Any) -> None:
        """Something that happens to the simulated machine: a segment arrives, a process is killed."""
        self._sequence += 1
        heappush(self._heap, (max(due_ns, self.now_ns), self._sequence, KERNEL, function, args))

    def kernel_after(self, delay_ns: int, function: Callable[..., object], *args: Any) -> None:
        """The same, from now on."""
        self.kernel_at(self.here_ns() + delay_ns, function, *args)

    def post(
        self,
        process: SimulatedProcess,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> None:
        """Readiness for a process, handled in its next iteration, as epoll would report it."""
        if process.is_alive and not self.is_ended:
            process.inbox.append(events.Handle(callback, args, self, context))
            if not process.is_woken:
                self._wake(process)

    def _wake(self, process: SimulatedProcess) -> None:
        process.is_woken = True
        self._sequence += 1
        due_ns = max(self.now_ns, process.busy_until_ns)
        heappush(self._heap, (due_ns, self._sequence, WAKE, process, None))

    def pending_timers(self, process: SimulatedProcess) -> list[asyncio.TimerHandle]:
        """The timers of a process that are neither due nor canceled."""
        return [
            event[4]
            for event in sorted(self._heap, key=lambda event: event[:2])
            if event[2] == TIMER and event[3] is process and not event[4].cancelled()
        ]

    def end(self) -> None:
        """Ends the run: nothing of it has an effect any more, finalizers included."""
        self.is_ended = True
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        self._heap.clear()

    def hold(self, process: SimulatedProcess, duration_ns: int) -> None:
        """Takes the processor away from a process for a while."""
        process.busy_until_ns = max(process.busy_until_ns, self.now_ns + duration_ns)

    # Running.

    def _run_once(self) -> None:
        while not self._stopping:  # type: ignore[attr-defined]
            if not self._heap:
                raise DeadlockError("nothing can ever run again, and the scenario has not ended")
            due_ns, _, kind, subject, item = heappop(self._heap)
            if kind == KERNEL:
                self.now_ns = due_ns
                subject(*item)
            elif kind == TIMER:
                if item.cancelled():
                    self._canceled_timers -= 1
                    continue
                item._scheduled = False
                if subject.is_alive:
                    self.now_ns = due_ns
                    subject.inbox.append(item)
                    if not subject.is_woken:
                        self._wake(subject)
                else:
                    subject.graveyard.append(item)
            elif subject.is_alive:
                if subject.busy_until_ns > due_ns:
                    # It lost the processor after it had been woken.
                    self._wake(subject)
                else:
                    self.now_ns = due_ns
                    self._iterate(subject)

    def _take_inbox(self, process: SimulatedProcess) -> None:
        """What one wait returned comes in any order; due timers come last, in theirs."""
        inbox, process.inbox = process.inbox, []
        if len(inbox) > 1:
            ready = [handle for handle in inbox if type(handle) is events.Handle]
            if len(ready) > 1:
                self.random.shuffle(ready)
            inbox = ready + [handle for handle in inbox if type(handle) is not events.Handle]
        process.ready.extend(inbox)

    def _iterate(self, process: SimulatedProcess) -> None:
        """One iteration of a process's loop: everything that was ready when it began."""
        if process.inbox:
            self._take_inbox(process)
        ready = process.ready
        least_ns, most_ns = self.cpu_bounds_ns
        draw, spread_ns = self.random.random, most_ns - least_ns
        count = len(ready)
        process.cpu_ns = 0
        self.current = process
        try:
            for _ in range(count):
                handle = ready.popleft()
                if handle._cancelled:
                    continue
                process.steps += 1
                if process.steps == process.triggers.step:
                    self.kill(process)
                    break
                process.cpu_ns += least_ns + int(draw() * spread_ns)
                handle._run()
                if not process.is_alive:
                    break
            if self.stall_share and draw() < self.stall_share:
                process.cpu_ns += int(self.random.uniform(5e6, 400e6))
            process.busy_until_ns = max(process.busy_until_ns, self.now_ns + process.cpu_ns)
        finally:
            self.current = self.root
        process.cpu_ns = 0
        self.steps += count
        process.is_woken = False
        if process.is_alive and (ready or process.inbox):
            self._wake(process)

    @contextmanager
    def running(self, process: SimulatedProcess) -> Iterator[None]:
        """Makes a process the one that runs."""
        previous, self.current = self.current, process
        try:
            yield
        finally:
            self.current = previous

    # Processes, tasks, signals.

    def new_process(self, name: str, host: str, address: str) -> SimulatedProcess:
        """A process that does nothing yet."""
        self._processes += 1
        entropy = SeededRandom(f"{self.seed}:entropy:{name}:{self._processes}")
        return SimulatedProcess(name, host, address, self._processes, entropy)

    def spawn(self, process: SimulatedProcess, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Starts a process with its main coroutine."""
        self.record("start", process.name)
        with self.running(process):
            process.main = self.create_task(coroutine, name=f"{process.name}-main")

    def kill(self, process: SimulatedProcess) -> None:
        """SIGKILL: not one more line of it takes effect; its sockets close, what it had written is on its way."""
        if process.is_alive:
            self.record("kill", f"{process.name}|{process.steps}")
            for hook in process.death_hooks:
                hook()
            self.bury(process)

    def bury(self, process: SimulatedProcess) -> None:
        """Ends a process, and keeps what it had from being finalised within the run."""
        process.is_alive = False
        process.graveyard += [*process.ready, *process.inbox, *self.tasks_of(process)]
        process.ready.clear()
        process.inbox = []
        for transport in list(process.transports):
            transport.process_died()
        process.listeners.clear()

    def tasks_of(self, process: SimulatedProcess) -> list[SimulatedTask]:
        """The unfinished tasks of a process, oldest first."""
        tasks = [
            task
            for task in asyncio.all_tasks(self)
            if isinstance(task, SimulatedTask) and task.process is process
        ]
        return sorted(tasks, key=lambda task: task.number)

    def send_signal(self, process: SimulatedProcess, number: int) -> None:
        """A signal; without a handler it kills."""
        if not process.is_alive:
            return
        self.record("signal", f"{process.name}|{int(number)}")
        handler = process.signal_handlers.get(number)
        if handler is None:
            self.kill(process)
        else:
            self.post(process, handler._run)

    def add_signal_handler(
        self, sig: int, callback: Callable[[*Arguments], object], *args: *Arguments
    ) -> None:
        """Handles a signal that the world sends to the running process."""
        self.current.signal_handlers[sig] = events.Handle(callback, args, self, None)

    def remove_signal_handler(self, sig: int) -> bool:
        """Whether there was a handler."""
        return self.current.signal_handlers.pop(sig, None) is not None

    def create_future(self) -> asyncio.Future[Any]:
        """A future of the running process."""
        return SimulatedFuture(self.next_number(), self)

    def next_number(self) -> int:
        """A number that nothing else of this run has."""
        self._numbers += 1
        return self._numbers

    def create_task(  # type: ignore[override]
        self, coro: Any, *, name: str | None = None, context: Context | None = None, **options: Any
    ) -> asyncio.Task[Any]:
        """A task of the running process; named by it, for asyncio's own counter is shared by all loops."""
        process = self.current
        process.tasks_made += 1
        name = name if name is not None else f"{process.name}-{process.tasks_made}"
        return SimulatedTask(
            self.next_number(), process, coro, loop=self, name=name, context=context, **options
        )

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """As asyncio's, but ghosts and finalizers of an ended run are not heard."""
        if self.current.is_alive and not self.is_ended:
            super().call_exception_handler(context)
