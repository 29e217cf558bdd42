"""The system: builds actors from their specifications, wires them, runs them, supervises them, and stops them in order.

Theory of operation. Everything happens in one event loop. A message is encoded once, by `Actor.send`, and from then on is
an `Envelope`: class, key, bytes. A cell's drain handles messages and collects what they sent; `release` writes the durable
part to the journal in one transaction and then hands every envelope to the router's receivers. Delivery is one call per
receiver and drain, `receive(envelopes)`, so that a receiver elsewhere could be a cell that writes to a wire. A handler
never awaits and sending never blocks, so no cycle of actors can deadlock.

A failure (of a handler, a task, a constructor, a full control lane) comes to `on_failure` and nowhere else. It is logged
once and published; then either the instance is rebuilt after a wait, with its mailbox kept, or the actor is out: a user's
actor is taken out of the routing and its orders are canceled while the rest goes on; an essential one ends the bot.
"""

import asyncio
import logging
import traceback
from collections.abc import Sequence
from typing import Any

from actors.runtime.actor import ActorContext, Envelope, Subscription, needs_interval
from actors.runtime.cell import ActorCell
from actors.runtime.clock import Clock, random_for
from actors.runtime.errors import Fault, JournalError, WiringError
from actors.runtime.journal import Journal
from actors.runtime.router import Router
from actors.runtime.specification import ActorSpecification
from actors.runtime.supervisor import RestartPolicy, RestartRecord
from actors.runtime.tap import Tap
from actors.runtime.wiring import find_wiring_faults, place_of
from messages.base import Message
from messages.codec import decoder_of, encode
from messages.control import (
    ActorFailed,
    ActorRestarted,
    ActorStopped,
    CommandFailed,
    HaltTrading,
    JournalFailed,
    ResyncRequest,
    Stop,
    Subscribe,
)
from messages.enums import KlineInterval

SYSTEM_NAME = "system"
IDLE_INTERVAL_S = 0.5


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
        self.ended = asyncio.Event()
        """Set when an essential actor is out, or when somebody asked for the end."""
        self.failure: str | None = None
        """Why the bot had to end; None when it was asked to."""
        self.is_stopping = False
        self.restart_handles: dict[str, asyncio.TimerHandle] = {}

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
        for item in self.specifications:
            limit = item.actor_class.max_restarts
            policy = (
                self.restart_policy
                if limit is None
                else RestartPolicy(
                    limit,
                    self.restart_policy.period_s,
                    self.restart_policy.backoff_s,
                    self.restart_policy.max_backoff_s,
                )
            )
            self.cells[item.name] = ActorCell(
                self,
                item,
                self._make_context(item.name),
                RestartRecord(policy),
                self.mailbox_limits,
            )
        self._build_instances()
        for cell in self.cells.values():
            self._start_run(cell)
        for cell in self.cells.values():
            self._ask_for_resync(cell)
        for cell in self.cells.values():
            self._announce_subscriptions(cell)
        self.idle_handle = self.loop.call_later(IDLE_INTERVAL_S, self._on_idle)

    def _build_instances(self) -> None:
        faults = []
        subscriptions: dict[str, list[Subscription]] = {}
        for cell in self.cells.values():
            try:
                cell.start_instance()
                assert cell.instance is not None
                subscriptions[cell.name] = cell.instance.subscriptions()
                for subscription in subscriptions[cell.name]:
                    faults.extend(self._find_subscription_faults(cell, subscription))
            except (ValueError, TypeError, ArithmeticError) as error:
                faults.append(Fault(place_of(cell.specification), str(error)))
        if faults:
            for cell in self.cells.values():
                cell.void()
            raise WiringError(faults)
        for cell in self.cells.values():
            self.router.add(cell, subscriptions[cell.name])

    def _find_subscription_faults(self, cell: ActorCell, subscription: Subscription) -> list[Fault]:
        if needs_interval(subscription.message_class) and subscription.interval is None:
            return [
                Fault(
                    place_of(cell.specification),
                    f"{cell.actor_class.__name__} handles {subscription.message_class.__name__} and names no interval",
                    "give it an `interval` such as 1m",
                )
            ]
        if subscription.interval is KlineInterval.UNRECOGNISED:
            return [Fault(place_of(cell.specification), "no such interval", "1s 1m 5m 1h 1d ...")]
        return []

    def _start_run(self, cell: ActorCell) -> None:
        run = getattr(cell.instance, "run", None)
        if run is not None:
            cell.start_task(run(), None)

    def _ask_for_resync(self, cell: ActorCell, is_restart: bool = False) -> None:
        if cell.actor_class.is_owner and self._is_handled(ResyncRequest):
            cell.awaits_resync = True
            self.send(ResyncRequest(actor=cell.name, is_restart=is_restart))

    def _is_handled(self, message_class: type[Message]) -> bool:
        return any(message_class in item.actor_class.handlers for item in self.specifications)

    def _announce_subscriptions(self, cell: ActorCell) -> None:
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

    def _on_idle(self) -> None:
        """A housekeeping beat: checkpoints and the recording's buffer are served when no mailbox has work."""
        if not any(cell.has_work() for cell in self.cells.values()):
            if self.journal is not None:
                self.journal.checkpoint_if_due()
            if self.tap is not None:
                self.tap.flush()
        self.idle_handle = self.loop.call_later(IDLE_INTERVAL_S, self._on_idle)

    async def stop(self, patience_s: float = 5.0) -> None:
        """Lets mailboxes run dry, at most `patience_s` long, then stops all actors in reverse order."""
        self.is_stopping = True
        self.idle_handle.cancel()
        for handle in self.restart_handles.values():
            handle.cancel()
        deadline_ns = self.clock.monotonic_ns() + round(patience_s * 1e9)
        for cell in reversed(list(self.cells.values())):
            while cell.has_work() and self.clock.monotonic_ns() < deadline_ns:  # noqa: ASYNC110
                # The drain is a callback of this loop: one turn for it is all that is waited for.
                await asyncio.sleep(0)
            if cell.is_running and not cell.is_out:
                cell.mailbox.put_front(cell.make_envelope(Stop(target=cell.name)))
                cell.drain()
            cell.void()
            cell.is_out = True
            if cell.tasks:
                await asyncio.wait(set(cell.tasks), timeout=patience_s)
        if self.tap is not None:
            self.tap.flush()

    def request_end(self) -> None:
        """Asks whoever waits on `ended` to stop the system in good order."""
        self.ended.set()

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
        return Envelope(type(message), message.routing_key(), encode(message))

    def send(self, message: Message, cause: Message | None = None) -> None:
        """Sends a message of the system's own: supervision, and the commands of the composition root."""
        self.deliver_all([self.stamp(message, cause)])

    def release(self, cell: ActorCell) -> None:
        """Journals what a drain has sent and is durable, then delivers everything."""
        if not cell.pending:
            return
        pending, cell.pending = cell.pending, []
        if cell.pending_entries and self.journal is not None:
            entries, cell.pending_entries = cell.pending_entries, []
            handled = [(cell.name, *item) for item in cell.handled_numbers.items()]
            try:
                self.journal.write(entries, handled)
            except JournalError as error:
                pending = self._withhold(cell, pending, error)
        self.deliver_all(pending)

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
        for envelope in envelopes:
            if envelope.message_class is Subscribe:
                self._register(envelope)
            for receiver in receivers_of(envelope):
                batches.setdefault(receiver, []).append(envelope)
        for receiver, batch in batches.items():
            self.deliver(receiver, batch)

    def deliver(self, receiver: ActorCell, envelopes: list[Envelope]) -> None:
        """The one seam through which a message reaches an actor."""
        receiver.receive(envelopes)
        if receiver.mailbox.has_overflowed and not receiver.is_out:
            limit = receiver.mailbox.control_limit
            self.log.error("%s: more than %d control messages wait", receiver.name, limit)
            self._take_out(receiver, f"more than {limit} control messages wait in its mailbox")

    def _register(self, envelope: Envelope) -> None:
        """A stream that an actor asks for while running is routed to it from now on."""
        asked = self.decode_subscribe(envelope.frame)
        cell = self.router.receivers.get(asked.subscriber)
        message_class = self.message_classes.get(asked.message_class)
        if cell is not None and message_class is not None:
            subscription = Subscription(message_class, asked.exchange, asked.symbol, asked.interval)
            self.router.subscribe(cell, subscription)

    # Supervision.

    def on_failure(
        self,
        cell: ActorCell,
        error: BaseException,
        envelope: Envelope | None,
        message: Message | None,
    ) -> None:
        """The one place where a failure is dealt with."""
        if cell.is_out or not cell.is_running:
            return
        if isinstance(error, KeyboardInterrupt):
            self.request_end()
            return
        what = envelope.message_class.__name__ if envelope else "a task"
        text = f"{type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error))
        self.log.error("%s failed on %s: %s\n%s", cell.name, what, text, trace)
        may_restart = cell.instance is None or cell.instance.may_restart()
        cell.void()
        wait_s = cell.restarts.next_backoff_s(self.clock.monotonic_ns()) if may_restart else None
        self.send(
            ActorFailed(
                actor=cell.name,
                error=text,
                traceback=trace,
                failed_class=envelope.message_class.__name__ if envelope else "",
                failed_frame=envelope.frame if envelope else b"",
                restarts=cell.restarts.restarts,
                will_restart=wait_s is not None,
            ),
            message,
        )
        if envelope is not None and message is not None and envelope.message_class.is_command:
            self.send(
                CommandFailed(
                    target=message.sender,
                    failed_class=envelope.message_class.__name__,
                    failed_frame=envelope.frame,
                    error=text,
                ),
                message,
            )
        if wait_s is None:
            reason = text if may_restart else f"{text}; it has traded and defines no on_resync"
            self._take_out(cell, reason)
        else:
            self.restart_handles[cell.name] = self.loop.call_later(wait_s, self._restart, cell)

    def _restart(self, cell: ActorCell) -> None:
        self.restart_handles.pop(cell.name, None)
        try:
            cell.start_instance()
        except Exception as error:
            cell.is_running = True
            self.on_failure(cell, error, None, None)
            return
        self._start_run(cell)
        self._ask_for_resync(cell, is_restart=True)
        self._announce_subscriptions(cell)
        self.send(ActorRestarted(actor=cell.name, restarts=cell.restarts.restarts))

    def _take_out(self, cell: ActorCell, reason: str) -> None:
        """An actor is out for good: the bot halts for an essential one, a strategy's orders are canceled."""
        cell.void()
        cell.is_out = True
        self.router.remove(cell.name)
        self.log.error("%s is out: %s", cell.name, reason)
        self.send(ActorStopped(actor=cell.name, reason=reason))
        if cell.actor_class.is_essential:
            self.failure = f"{cell.name}: {reason}"
            self.send(HaltTrading(reason=self.failure))
            self.ended.set()
        elif cell.actor_class.is_owner:
            self.send(HaltTrading(reason=reason, strategy=cell.name))

    def statistics(self) -> dict[str, dict[str, Any]]:
        """Counts per actor: handled, delivered, conflated, dropped, gaps, peak_depth, restarts, is_out."""
        return {
            cell.name: {
                "handled": cell.handled_count,
                "delivered": cell.mailbox.statistics.delivered,
                "conflated": cell.mailbox.statistics.conflated,
                "dropped": cell.mailbox.statistics.dropped,
                "gaps": cell.mailbox.statistics.gaps,
                "peak_depth": cell.mailbox.statistics.peak_depth,
                "restarts": cell.restarts.restarts,
                "is_out": cell.is_out,
            }
            for cell in self.cells.values()
        }
