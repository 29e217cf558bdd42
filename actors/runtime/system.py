"""The system: builds actors from their specifications, wires them, runs them, supervises them, and stops them in order.

Theory of operation. Everything happens in one event loop. A message is encoded once, by `Actor.send`, and from then on is
an `Envelope`: class, key, bytes. A cell's drain handles messages and collects what they sent; `release` writes the durable
part to the journal in one transaction and then hands every envelope to the router's receivers. Delivery is one call per
receiver and drain, `receive(envelopes)`, so that a receiver elsewhere could be a cell that writes to a wire. A handler
never awaits and sending never blocks, so no cycle of actors can deadlock.

What happens to an actor that fails is told in supervisor.py.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from actors.runtime.actor import Subscription
from actors.runtime.cell import ActorCell
from actors.runtime.clock import Clock, random_for, readers_of
from actors.runtime.context import ActorContext, Envelope
from actors.runtime.errors import Fault, JournalError, WiringError, describe_error
from actors.runtime.journal import Journal
from actors.runtime.patience import Patience
from actors.runtime.restart_policy import RestartPolicy, RestartRecord
from actors.runtime.router import Router
from actors.runtime.specification import ActorSpecification
from actors.runtime.supervisor import Supervisor
from actors.runtime.tap import Tap
from actors.runtime.turns import Turns
from actors.runtime.wiring import (
    SYSTEM_NAME,
    describe_unheard,
    find_subscription_faults,
    find_wiring_faults,
    place_of,
)
from messages.base import Message
from messages.codec import decoder_of, encode
from messages.control import JournalFailed, Recovered, ResyncRequest, Subscribe

IDLE_INTERVAL_S = 0.5
MAX_STOP_TURNS = 10_000
RECOVERED_FRAMES = 500
"""In one message."""


class System:
    """A set of running actors."""

    def __init__(
        self,
        specifications: Sequence[ActorSpecification],
        clock: Clock,
        *,
        run: int = 0,
        seed: int = 0,
        journal: Journal | None = None,
        tap: Tap | None = None,
        restart_policy: RestartPolicy | None = None,
        mailbox_limits: dict[str, int] | None = None,
    ) -> None:
        """Checks the wiring.

        Raises WiringError with every fault.
        """
        self.specifications = list(specifications)
        faults = find_wiring_faults(self.specifications)
        if faults:
            raise WiringError(faults)
        self.clock = clock
        self.run = run
        self.seed = seed
        self.journal = journal
        self.tap = tap
        self.restart_policy = restart_policy or RestartPolicy()
        self.mailbox_limits = mailbox_limits or {}
        self.log = logging.getLogger("actors.system")
        self.context = self._make_context(SYSTEM_NAME)
        self.router: Router[ActorCell] = Router()
        self.cells: dict[str, ActorCell] = {}
        self.message_classes = {
            message_class.__name__: message_class
            for item in self.specifications
            for message_class in (*item.actor_class.handlers, *item.actor_class.outputs)
        }
        self.decode_subscribe = decoder_of(Subscribe).decode
        self.asked_streams: dict[tuple[Any, ...], Envelope] = {}
        """The first word that asked for each stream of market data."""
        self.ended = asyncio.Event()
        """Set when an essential actor is out, or when somebody asked for the end."""
        self.tell_end: Callable[[], None] = lambda: None
        """Called as that is set: who waits for it hears of it turns of the loop later, which handlers may hold up."""
        self.failure: str | None = None
        """Why the bot had to end; None when it was asked to."""
        self.is_stopping = False
        self.supervisor = Supervisor(self)
        self.idle_handle: asyncio.TimerHandle | None = None

    def _make_context(self, name: str) -> ActorContext:
        return ActorContext(
            name=name,
            clock=self.clock,
            random=random_for(self.seed, name),
            run=self.run,
            log=logging.getLogger(f"actors.{name}"),
        )

    # Start and stop.

    async def start(self) -> None:
        """Starts all actors, in the order of their specifications.

        Raises WiringError if a constructor refuses its arguments or a subscription cannot be served.
        """
        self.loop = asyncio.get_running_loop()
        self.turns = Turns(self.loop, readers_of(self.clock)[1])
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
            self.start_run(cell)
        for cell in self.cells.values():
            self.ask_for_resync(cell)
        for cell in self.cells.values():
            self.announce_subscriptions(cell)
        self.idle_handle = self.loop.call_later(IDLE_INTERVAL_S, self._on_idle)

    def _build_instances(self) -> None:
        faults = []
        subscriptions: dict[str, list[Subscription]] = {}
        try:
            for cell in self.cells.values():
                try:
                    cell.start_instance()
                    assert cell.instance is not None
                    subscriptions[cell.name] = cell.instance.subscriptions()
                    for subscription in subscriptions[cell.name]:
                        faults.extend(find_subscription_faults(cell.specification, subscription))
                except KeyboardInterrupt:
                    raise
                except BaseException as error:
                    faults.append(Fault(place_of(cell.specification), describe_error(error)))
            if faults:
                raise WiringError(list(dict.fromkeys(faults)))
        except BaseException:
            for cell in self.cells.values():
                cell.void()
            raise
        for cell in self.cells.values():
            self.router.add(cell, subscriptions[cell.name])
        for line in describe_unheard(self.specifications, subscriptions):
            self.log.warning(line)

    def _on_idle(self) -> None:
        """A housekeeping beat: the journal's upkeep, and the recording's buffer when no mailbox has work."""
        is_idle = not any(cell.has_work() for cell in self.cells.values())
        if self.journal is not None:
            self.journal.tend(self.clock.now_ns(), is_idle=is_idle)
        if is_idle and self.tap is not None:
            self.tap.flush()
        self.idle_handle = self.loop.call_later(IDLE_INTERVAL_S, self._on_idle)

    async def stop(self, patience_s: float = 5.0) -> None:
        """Lets mailboxes run dry, at most `patience_s` long, then stops all actors in reverse order."""
        self.is_stopping = True
        if self.idle_handle is not None:
            self.idle_handle.cancel()
        self.supervisor.cancel_restarts()
        patience = Patience(self.clock.monotonic_ns, patience_s)
        turns = 0
        for cell in reversed(list(self.cells.values())):
            # Counted as well as timed: a simulated clock may stand still, and an actor may feed itself.
            while cell.has_work() and turns < MAX_STOP_TURNS and patience.is_left():
                turns += 1
                # The drain is a callback of this loop: one turn for it is all that is waited for.
                await asyncio.sleep(0)
            cell.finish()
            await cell.end_tasks(patience_s)
        if self.tap is not None:
            self.tap.flush()

    def request_end(self) -> None:
        """Asks whoever waits on `ended` to stop the system in good order."""
        if not self.ended.is_set():
            self.ended.set()
            self.tell_end()

    # Sending, journal and delivery.

    def stamp(self, message: Message, cause: Message | None = None) -> Envelope:
        """Gives a message the system's own id and encodes it."""
        now_ns = self.clock.now_ns()
        message.sender = SYSTEM_NAME
        message.number = self.context.next_number()
        message.time_ns = now_ns
        if cause is not None:
            message.cause_sender, message.cause_number = cause.sender, cause.number
            message.origin_time_ns = cause.origin_time_ns
        message.origin_time_ns = message.origin_time_ns or now_ns
        return Envelope(type(message), message.routing_key(), encode(message), message.number)

    def send(self, message: Message, cause: Message | None = None) -> None:
        """Sends a message of the system's own: supervision, and the commands of the composition root."""
        self.deliver_all([self.stamp(message, cause)])

    def release(self, cell: ActorCell) -> None:
        """Journals what a drain has sent and is durable, then delivers everything."""
        if not cell.pending:
            return
        pending, cell.pending = cell.pending, []
        if not cell.pending_entries:
            self.deliver_all(pending)
            return
        entries, cell.pending_entries = cell.pending_entries, []
        if self.journal is not None:
            is_retold, cell.is_retold = cell.is_retold, True
            try:
                self.journal.write(entries, cell.handled_numbers, is_retold=is_retold)
                cell.handled_numbers.clear()
            except JournalError as error:
                pending = self._withhold(cell, pending, error)
        self.deliver_all(pending)

    def recover(self, cell: ActorCell) -> list[Message]:
        """What an actor had made durable, in parts, where it asks for it. Raises JournalError if it cannot be read."""
        if self.journal is None or not cell.actor_class.is_journaled:
            return []
        if Recovered not in cell.actor_class.handlers:
            return []
        checkpoints = sorted(
            item.__name__ for item in cell.actor_class.outputs if item.is_checkpoint
        )
        frames = self.journal.recover(cell.name, checkpoints)
        starts = range(0, max(len(frames), 1), RECOVERED_FRAMES)
        return [
            Recovered(
                target=cell.name,
                frames=frames[start : start + RECOVERED_FRAMES],
                is_last=start == starts[-1],
                doubt=self.journal.doubt,
            )
            for start in starts
        ]

    def _withhold(
        self, cell: ActorCell, pending: list[Envelope], error: JournalError
    ) -> list[Envelope]:
        """Without a journal no placement goes out; cancels and the venue's events do, and are reconciled later."""
        frames = [item.frame for item in pending if item.message_class.needs_journal]
        self.log.error("journal: %s; %d placements refused", error, len(frames))
        failed = JournalFailed(target=cell.name, reason=str(error), frames=frames)
        return [
            *(item for item in pending if not item.message_class.needs_journal),
            self.stamp(failed),
        ]

    def deliver_all(self, envelopes: list[Envelope]) -> None:
        """Hands each message to all its receivers, in one call per receiver."""
        receivers_of = self.router.receivers_of
        if len(envelopes) == 1:
            envelope = envelopes[0]
            if envelope.message_class is Subscribe:
                self._register(envelope)
            for receiver in receivers_of(envelope):
                self.deliver(receiver, envelopes)
            return
        batches: dict[ActorCell, list[Envelope]] = {}
        last_class: type[Message] | None = None
        last_key: tuple[Any, ...] = ()
        add: Callable[[Envelope], None] | None = None
        for envelope in envelopes:
            if envelope.message_class is last_class and envelope.key == last_key:
                # What comes together often goes to the same receiver: it is looked up once.
                if add is not None:
                    add(envelope)
                    continue
            else:
                last_class, last_key = envelope.message_class, envelope.key
                if last_class is Subscribe:
                    self._register(envelope)
                    last_class = None
            receivers = receivers_of(envelope)
            add = None
            for receiver in receivers:
                batch = batches.setdefault(receiver, [])
                batch.append(envelope)
                if len(receivers) == 1:
                    add = batch.append
        for receiver, batch in batches.items():
            self.deliver(receiver, batch)

    def deliver(self, receiver: ActorCell, envelopes: list[Envelope]) -> None:
        """The one seam through which a message reaches an actor."""
        receiver.receive(envelopes)
        mailbox = receiver.mailbox
        if len(mailbox.control) > mailbox.control_limit and not receiver.is_out:
            limit = mailbox.control_limit
            self.log.error("%s: more than %d control messages wait", receiver.name, limit)
            self.supervisor.take_out(
                receiver, f"more than {limit} control messages wait in its mailbox"
            )

    def _register(self, envelope: Envelope) -> None:
        """A stream that an actor asks for while running is routed to it from now on."""
        self.asked_streams.setdefault(envelope.key, envelope)
        asked = self.decode_subscribe(envelope.frame)
        cell = self.router.receivers.get(asked.subscriber)
        message_class = self.message_classes.get(asked.message_class)
        if cell is not None and message_class is not None:
            subscription = Subscription(message_class, asked.exchange, asked.symbol, asked.interval)
            self.router.subscribe(cell, subscription)

    # Supervision.

    def on_unreadable(self, cell: ActorCell, error: Exception, envelope: Envelope) -> None:
        """A message that breaks its own class: its receiver is not to blame, and goes on."""
        self.supervisor.on_unreadable(cell, error, envelope)

    def on_failure(
        self,
        cell: ActorCell,
        error: BaseException,
        envelope: Envelope | None,
        message: Message | None,
    ) -> None:
        """A handler or a task of the cell raised."""
        self.supervisor.on_failure(cell, error, envelope, message)

    def start_run(self, cell: ActorCell) -> None:
        """Starts the actor's own task, its `run()`, if it has one."""
        run = getattr(cell.instance, "run", None)
        if run is not None:
            cell.start_task(run(), None)

    def ask_for_resync(self, cell: ActorCell, is_restart: bool = False) -> None:
        """An owner waits for its state before anything else, if there is somebody to tell it."""
        if cell.actor_class.is_owner and self._is_handled(ResyncRequest):
            cell.awaits_resync = True
            self.send(ResyncRequest(actor=cell.name, is_restart=is_restart))

    def _is_handled(self, message_class: type[Message]) -> bool:
        return any(message_class in item.actor_class.handlers for item in self.specifications)

    def announce_subscriptions(self, cell: ActorCell) -> None:
        """Tells the feeds what market data the actor asks for."""
        if cell.instance is None:
            return
        for subscription in cell.instance.subscriptions():
            self.send(
                Subscribe(
                    exchange=subscription.exchange,
                    symbol=subscription.symbol,
                    message_class=subscription.message_class.__name__,
                    interval=subscription.interval,
                    subscriber=cell.name,
                )
            )

    def repeat_subscriptions(self, cell: ActorCell) -> None:
        """Tells a rebuilt feed or gateway what has been asked for so far: its predecessor took that word with it."""
        if Subscribe in cell.actor_class.handlers and self.asked_streams:
            self.deliver(cell, list(self.asked_streams.values()))

    def statistics(self) -> dict[str, dict[str, Any]]:
        """Counts per actor: handled delivered conflated dropped gaps peak_depth restarts unreadable too_old, and is_out."""
        return {
            cell.name: {
                "handled": cell.handled_count,
                "delivered": cell.mailbox.statistics.delivered,
                "conflated": cell.mailbox.statistics.conflated,
                "dropped": cell.mailbox.statistics.dropped,
                "gaps": cell.mailbox.statistics.gaps,
                "peak_depth": cell.mailbox.statistics.peak_depth,
                "restarts": cell.restarts.restarts,
                "unreadable": cell.unreadable_count,
                "too_old": cell.too_old_count,
                "is_out": cell.is_out,
            }
            for cell in self.cells.values()
        }
