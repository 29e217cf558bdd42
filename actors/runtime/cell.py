"""One running actor: its mailbox, its drain, its timers and tasks, and the instance that handles its messages.

The drain is a plain loop callback, scheduled when the mailbox turns non-empty; no task is woken for a message. It handles
messages until none is left or its time is up, and only then is what they sent released, journal first.
"""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from types import MethodType
from typing import Any

import msgspec

from actors.runtime.actor import Actor
from actors.runtime.cell_host import Host
from actors.runtime.clock import readers_of
from actors.runtime.context import TASK_CAUSE, ActorContext, Cause, Envelope, Timer
from actors.runtime.mailbox import Mailbox
from actors.runtime.own_caches import copy_for
from actors.runtime.restart_policy import RestartRecord
from actors.runtime.specification import ActorSpecification
from actors.runtime.together import Together
from messages.base import Message, Policy
from messages.codec import origin_of
from messages.control import Gap, Resync, Start, Stop, TimerFired
from messages.enums import Exchanges
from messages.market import FeedStatus

DRAIN_BUDGET_NS = 100_000
"""With a bound of 512 messages an order event waits 15 ms behind market data, with 100 µs 0.16 ms."""

PATIENCE_SLICES = 10

JournalEntry = tuple[str, int, str, int, bytes]
ActorTask = asyncio.Task[BaseException | None]


class ActorCell:
    """Runs one actor."""

    def __init__(
        self,
        host: Host,
        specification: ActorSpecification,
        context: ActorContext,
        restarts: RestartRecord,
        limits: dict[str, int],
    ) -> None:
        self.host = host
        self.specification = specification
        self.context = context
        context.release = self.release_from_task
        context.together = Together(context, self.release_from_task)
        context.arrange = self.arrange_from_task
        self.restarts = restarts
        self.name = specification.name
        self.actor_class = specification.actor_class
        self.exchange: Exchanges | None = specification.exchange
        self.is_journaled = self.actor_class.is_journaled
        self.run_own: Callable[[Envelope, int], None] = MethodType(
            copy_for(self.actor_class, ActorCell.run_one), self
        )
        self.run_handlers = copy_for(self.actor_class, self.actor_class.run_handlers)
        self.read_clock_ns = readers_of(context.clock)[0]
        self.mailbox = Mailbox(self.make_gap, self.actor_class.lazy_inputs, **limits)
        self.decoders = {
            message_class: msgspec.msgpack.Decoder(message_class).decode
            for message_class in (*self.actor_class.handlers, TimerFired, Start, Stop)
        }
        self.instance: Actor[Any] | None = None
        self.is_running = False
        """False while it waits for its restart, and for ever once it is out."""
        self.is_out = False
        self.awaits_resync = False
        self.is_scheduled = False
        self.last_turn = 0
        """The last turn of the system in which it was drained."""
        self.pending: list[Envelope] = []
        self.pending_entries: list[JournalEntry] = []
        self.is_retold = True  # whether the venue tells again, when asked, what all of these say
        self.handled_numbers: dict[str, int] = {}
        self.handled_count = 0
        self.unreadable_count = 0
        self.too_old_count = 0
        self.greatest_age_ns: int | None = None
        self.loop_timers: dict[int, asyncio.TimerHandle] = {}
        # Both in the order of their start: what they do when canceled must not hang on hashes.
        self.tasks: dict[ActorTask, Coroutine[Any, Any, None]] = {}
        self.canceled_tasks: dict[ActorTask, None] = {}

    def start_instance(self) -> None:
        """Builds a new instance and gives it its first messages: `Start`, and what it had made durable.

        Raises what its constructor raises, and JournalError if the journal cannot be read.
        """
        if self.instance is not None:
            self.instance._is_void = True
        # First words to an instance before this one are not for this one.
        self.mailbox.front.clear()
        start = Start(target=self.name)
        envelope = self.make_envelope(start)
        # The constructor's time is the first message's, so that a replay can give it the same.
        self.instance = self.specification.build(self.context, start.time_ns)
        age_s = self.instance.greatest_age_s
        if age_s is not None and not age_s > 0:
            raise ValueError(f"greatest_age_s must be above 0 seconds, not {age_s}")
        self.greatest_age_ns = None if age_s is None else round(age_s * 1e9)
        recovered = [self.make_envelope(message) for message in self.host.recover(self)]
        self.is_running = True
        for item in (envelope, *recovered):
            self.mailbox.put_front(item)
        self.wake()

    def finish(self) -> None:
        """The last message of an orderly stop, whatever else may wait; then the instance ends."""
        if self.is_running:
            self.run_one(self.make_envelope(Stop(target=self.name)), self.read_clock_ns())
            if self.instance is not None:
                self._take_messages(self.instance)
            self.host.release(self)
        self.void()
        self.is_out = True

    def make_envelope(self, message: Message) -> Envelope:
        """A message of the system to this actor: timers, gaps, first and last words."""
        return self.host.stamp(message)

    def make_gap(self, message_class: type[Message], key: tuple[Any, ...], count: int) -> Envelope:
        """The word to this actor that its mailbox had to drop messages."""
        return self.make_envelope(
            Gap(
                target=self.name,
                message_class=message_class.__name__,
                key=[str(part) for part in key],
                count=count,
            )
        )

    # Delivery and drain.

    def receive(self, envelopes: list[Envelope]) -> None:
        """Takes messages into the mailbox and sees to it that they are handled."""
        mailbox = self.mailbox
        mailbox.statistics.delivered += len(envelopes)
        if self.awaits_resync:
            for item in envelopes:
                (mailbox.put_front if item.message_class is Resync else mailbox._put)(item)
            self.wake()
            return
        mailbox.put_all(envelopes)
        # The same question as `has_work` asks, in place: it is asked for every delivery.
        if (
            not self.is_scheduled
            and self.is_running
            and (mailbox.control or mailbox.sequence or mailbox.newest)
        ):
            self.is_scheduled = True
            self.host.turns.schedule(self)

    def has_work(self) -> bool:
        """Whether a message waits that may be handled now."""
        if not self.is_running:
            return False
        mailbox = self.mailbox
        if self.awaits_resync:
            return bool(mailbox.front)
        return bool(mailbox.control or mailbox.sequence or mailbox.newest or mailbox.front)

    def wake(self) -> None:
        """Schedules the drain, once."""
        if not self.is_scheduled and self.has_work():
            self.is_scheduled = True
            self.host.turns.schedule(self)

    def drain(self) -> None:
        """Handles what waits, for a bounded time, then releases what was sent."""
        self.is_scheduled = False
        read_clock_ns, run_one = self.read_clock_ns, self.run_own
        mailbox = self.mailbox
        front, control, gaps = mailbox.front, mailbox.control, mailbox.gaps
        sequence, newest = mailbox.sequence, mailbox.newest
        depth = len(front) + len(control) + len(sequence) + len(newest)
        if depth > mailbox.statistics.peak_depth:
            mailbox.statistics.peak_depth = depth
        begin_ns = now_ns = read_clock_ns()
        while self.is_running:
            if sequence and not (front or control or gaps or newest or self.awaits_resync):
                # What `_get` would do, in place: it is most of what comes, and comes in bursts.
                run_one(sequence.popleft(), now_ns)
            elif front or (not self.awaits_resync and (control or sequence or newest)):
                run_one(mailbox._get(), now_ns)
            else:
                break
            if not (sequence or control or newest or front):
                break
            # The time that the next message is handled at bounds the drain; a clock that was set back ends it too.
            now_ns = read_clock_ns()
            spent_ns = now_ns - begin_ns
            if spent_ns >= DRAIN_BUDGET_NS or spent_ns < 0:
                break
        if (instance := self.instance) is not None and instance._envelopes:
            self._take_messages(instance)
        if self.pending:
            self.host.release(self)
        if not self.is_scheduled and (front or control or sequence or newest):
            self.wake()

    def run_one(self, envelope: Envelope, now_ns: int) -> None:
        """Decodes and handles one message at one instant; a failure goes to the supervisor."""
        message_class, frame, instance = envelope.message_class, envelope.frame, self.instance
        if instance is None or (decode := self.decoders.get(message_class)) is None:
            return
        if self.greatest_age_ns is not None and (
            is_market_data(message_class) and 0 < origin_of(frame) < now_ns - self.greatest_age_ns
        ):
            # Before the recording: what was not handled is not replayed.
            self.too_old_count += 1
            return
        if (tap := self.host.tap) is not None:
            tap.on_handled(self.name, now_ns, frame)
        try:
            message = decode(frame)
        except msgspec.MsgspecError as error:
            self.unreadable_count += 1
            self.host.on_unreadable(self, error, envelope)
            return
        keep = len(instance._envelopes)
        try:
            self.run_handlers(instance, message, frame, now_ns, keep)
            self.handled_count += 1
            if self.is_journaled:
                self.handled_numbers[instance._cause_sender] = instance._cause_number
            if self.awaits_resync and message_class is Resync:
                self.awaits_resync = False
            if instance._envelopes and (tap is not None or self.is_journaled):
                self._take_messages(instance)
            if instance._has_arranged:
                self._take_arrangements(instance)
        except BaseException as error:
            instance.discard(keep)
            # What earlier messages have caused goes out before the failure is told.
            self._take_messages(instance)
            self.host.release(self)
            # The handler may have changed its copy.
            self.host.on_failure(self, error, envelope, decode(frame))

    # After a handler that returned: what it sent, scheduled and spawned becomes real.

    def _take_arrangements(self, instance: Actor[Any]) -> None:
        instance._has_arranged = False
        if instance._started_timers or instance._canceled_timers:
            self._take_timers(instance, instance.now_ns)
        if instance._spawned:
            cause = Cause(instance._cause_sender, instance._cause_number, instance._cause_origin_ns)
            self._take_tasks(instance, cause)

    def _take_messages(self, instance: Actor[Any]) -> None:
        """What handlers have sent waits for the next release; without tap and journal it stays with them until then."""
        envelopes, instance._envelopes = instance._envelopes, []
        if self.host.tap is not None:
            for envelope in envelopes:
                self.host.tap.on_sent(self.name, instance.now_ns, envelope.frame)
        if self.is_journaled or self.pending:
            self._hold(envelopes, instance.now_ns)
        else:
            self.pending = envelopes

    def _hold(self, envelopes: list[Envelope], now_ns: int) -> None:
        """Keeps what was sent until its release, with what the journal must hold by then."""
        if self.is_journaled:
            for item in envelopes:
                kind = item.message_class
                if kind.is_durable:
                    entry = (self.name, item.number, kind.__name__, now_ns, item.frame)
                    self.pending_entries.append(entry)
                    self.is_retold = self.is_retold and kind.is_retold
        if self.pending:
            self.pending.extend(envelopes)
        else:
            self.pending = envelopes

    # Timers and tasks.

    def _take_timers(self, instance: Actor[Any], now_ns: int) -> None:
        for number in instance._canceled_timers:
            if handle := self.loop_timers.pop(number, None):
                handle.cancel()
        instance._canceled_timers.clear()
        for timer in instance._started_timers:
            if timer.number in instance._timers:
                delay_s = max(timer.due_ns - now_ns, 0) / 1e9
                self.loop_timers[timer.number] = self.host.loop.call_later(
                    delay_s, self.fire_timer, timer
                )
        instance._started_timers.clear()

    def fire_timer(self, timer: Timer) -> None:
        """A timer has come due: a message to its actor, caused by what set the timer.

        Its chain of causes goes on, its time of origin begins anew: a wait that was asked for is no latency.
        """
        self.loop_timers.pop(timer.number, None)
        fired = TimerFired(target=self.name, timer=timer.number)
        if timer.cause is not None:
            fired.cause_sender, fired.cause_number = timer.cause.sender, timer.cause.number
        self.receive([self.make_envelope(fired)])

    def _take_tasks(self, instance: Actor[Any], cause: Cause | None) -> None:
        spawned, instance._spawned = instance._spawned, []
        for coroutine in spawned:
            self.start_task(coroutine, cause)

    def start_task(self, coroutine: Coroutine[Any, Any, None], cause: Cause | None) -> None:
        """Runs a coroutine of the actor and holds it until it is done."""
        context = contextvars.copy_context()
        context.run(TASK_CAUSE.set, cause)
        task = self.host.loop.create_task(run_to_end(coroutine), context=context)
        self.tasks[task] = coroutine
        task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: ActorTask) -> None:
        # A task that was canceled before its first step has never awaited its coroutine.
        self.tasks.pop(task).close()
        error = None if task.cancelled() else task.result()
        if task in self.canceled_tasks:
            del self.canceled_tasks[task]
            if error is not None and not isinstance(error, asyncio.CancelledError):
                self.context.log.warning("%s: a task failed as it ended", self.name, exc_info=error)
        elif error is not None:
            self.host.on_failure(self, error, None, None)

    def release_from_task(self, envelopes: list[Envelope]) -> None:
        """What a task sends goes out at once, by way of the journal like everything else."""
        if (instance := self.instance) is not None and instance._envelopes:
            self._take_messages(instance)
        if self.is_journaled or self.pending:
            self._hold(envelopes, self.context.now_ns())
            self.host.release(self)
        else:
            self.host.deliver_all(envelopes)

    def arrange_from_task(self, instance: Actor[Any]) -> None:
        """The timers and tasks that a task asks for are real at once; those of an instance that has ended are not."""
        if instance is self.instance and self.is_running:
            self._take_timers(instance, self.context.now_ns())
            self._take_tasks(instance, TASK_CAUSE.get())
        else:
            instance.discard()

    def void(self) -> None:
        """Ends the instance: its timers and tasks are void. The mailbox stays, and so does what it has sent.

        Only a boundary's tasks may still send as they end, until a new instance runs: a gateway says what became
        of its requests.
        """
        self.is_running = False
        if self.instance is not None and not self.actor_class.is_boundary:
            self.instance._is_void = True
        for handle in self.loop_timers.values():
            handle.cancel()
        self.loop_timers.clear()
        for task in self.tasks:
            if task not in self.canceled_tasks:
                self.canceled_tasks[task] = None
                task.cancel()

    async def end_tasks(self, patience_s: float) -> None:
        """Waits for the canceled tasks, and then hears no more of the instance."""
        # In slices: a machine that was suspended meanwhile has taken one of them, and not all that the tasks have.
        for _ in range(PATIENCE_SLICES):
            if self.tasks:
                await asyncio.wait(set(self.tasks), timeout=patience_s / PATIENCE_SLICES)
        if self.tasks:
            self.context.log.error("%s: %d tasks do not end", self.name, len(self.tasks))
        if self.instance is not None:
            self.instance._is_void = True


async def run_to_end(coroutine: Coroutine[Any, Any, None]) -> BaseException | None:
    """Runs a coroutine and returns what ended it: raised, asyncio would take an exit for the loop's, a cancel for ours."""
    try:
        await coroutine
    except BaseException as error:
        return error
    return None


def is_market_data(message_class: type[Message]) -> bool:
    """Whether a message may be too old to act on: what is never dropped is not, nor the word on how a feed stands."""
    return message_class.policy is not Policy.CONTROL and message_class is not FeedStatus
