"""What happens when an actor fails: told once, then a restart after a wait, or the end of the actor or of the bot.

A failure (of a handler, a task, a constructor at a restart, a full control lane) comes to `on_failure` or `take_out` and
nowhere else. It is logged once and published; then either the instance is rebuilt, with its mailbox kept, or the actor is
out: a user's actor is taken out of the routing and its orders are canceled while the rest goes on; an essential one ends
the bot. How often and how soon is for restart_policy.py to say.
"""

import asyncio
import traceback
from typing import TYPE_CHECKING

import msgspec

from actors.runtime.cell import ActorCell
from actors.runtime.context import Envelope
from actors.runtime.errors import BrokenOff, ForeseenError, describe_error, sendable
from messages.base import Message
from messages.control import (
    ActorFailed,
    ActorRestarted,
    ActorStopped,
    CommandFailed,
    HaltTrading,
    ResyncRequest,
)

if TYPE_CHECKING:
    from actors.runtime.system import System


class Supervisor:
    """Deals with the failures of one system's actors."""

    def __init__(self, system: "System") -> None:
        self.system = system
        self.log = system.log
        self.restart_handles: dict[str, asyncio.TimerHandle] = {}
        self.told_traces: dict[str, str] = {}
        """By actor, the last traceback that was logged: the same again, as after a restart, is not repeated."""

    def on_failure(
        self,
        cell: ActorCell,
        error: BaseException,
        envelope: Envelope | None,
        message: Message | None,
    ) -> None:
        """A handler or a task of a running actor raised; `envelope` and `message` say on what, None for a task."""
        if cell.is_out or not cell.is_running:
            return
        what = envelope.message_class.__name__ if envelope else "a task"
        if isinstance(error, KeyboardInterrupt):
            self.log.warning("%s was interrupted on %s: the end is asked for", cell.name, what)
            self.system.request_end()
            return
        self._fail(cell, error, what, envelope, message)

    def _fail(
        self,
        cell: ActorCell,
        error: BaseException,
        what: str,
        envelope: Envelope | None = None,
        message: Message | None = None,
    ) -> None:
        text = describe_error(error)
        trace = sendable("".join(traceback.format_exception(error)))
        if isinstance(error, ForeseenError):
            self.log.error("%s failed on %s: %s", cell.name, what, text)
            self.log.debug("%s failed on %s:\n%s", cell.name, what, trace)
        elif trace == self.told_traces.get(cell.name):
            self.log.error("%s failed on %s: %s (traceback as before)", cell.name, what, text)
        else:
            self.told_traces[cell.name] = trace
            self.log.error("%s failed on %s: %s\n%s", cell.name, what, text, trace)
        is_broken_off = isinstance(error, BrokenOff)
        may_restart = not is_broken_off and self._may_restart(cell)
        cell.void()
        wait_s = None
        if may_restart and not self.system.is_stopping:
            wait_s = cell.restarts.next_backoff_s(self.system.clock.monotonic_ns())
        failed_class = envelope.message_class.__name__ if envelope else ""
        failed_frame = envelope.frame if envelope else b""
        self.system.send(
            ActorFailed(
                actor=cell.name,
                error=text,
                traceback=trace,
                failed_class=failed_class,
                failed_frame=failed_frame,
                restarts=cell.restarts.restarts,
                will_restart=wait_s is not None,
            ),
            message,
        )
        if envelope is not None and message is not None and envelope.message_class.is_command:
            self.system.send(
                CommandFailed(
                    target=message.sender,
                    failed_class=failed_class,
                    failed_frame=failed_frame,
                    error=text,
                ),
                message,
            )
        if wait_s is None:
            is_told = may_restart or is_broken_off
            reason = text if is_told else f"{text}; it has traded and defines no on_resync"
            self.take_out(cell, reason)
        elif not cell.is_out:
            self.restart_handles[cell.name] = self.system.loop.call_later(
                wait_s, self._restart, cell
            )

    def _may_restart(self, cell: ActorCell) -> bool:
        """Asks the failed instance; one that cannot even answer is not rebuilt."""
        try:
            return cell.instance is None or cell.instance.may_restart()
        except Exception:
            self.log.exception("%s: may_restart() failed", cell.name)
            return False

    def _restart(self, cell: ActorCell) -> None:
        self.restart_handles.pop(cell.name, None)
        system = self.system
        try:
            cell.start_instance()
        except KeyboardInterrupt:
            self.log.warning("%s was interrupted as it restarted: the end is asked for", cell.name)
            system.request_end()
            return
        except BaseException as error:
            self._fail(cell, error, "its restart")
            return
        system.start_run(cell)
        system.ask_for_resync(cell, is_restart=True)
        system.announce_subscriptions(cell)
        system.repeat_subscriptions(cell)
        if ResyncRequest in cell.actor_class.handlers:
            # Requests that the failed instance had taken in and not yet answered are lost with it.
            for other in system.cells.values():
                if other.is_running and other.awaits_resync and other is not cell:
                    system.ask_for_resync(other)
        system.send(ActorRestarted(actor=cell.name, restarts=cell.restarts.restarts))

    def cancel_restarts(self) -> None:
        """No actor that waits for its restart comes back."""
        for handle in self.restart_handles.values():
            handle.cancel()
        self.restart_handles.clear()

    def take_out(self, cell: ActorCell, reason: str) -> None:
        """An actor is out for good: the bot halts for an essential one, a strategy's orders are canceled."""
        cell.void()
        cell.is_out = True
        if handle := self.restart_handles.pop(cell.name, None):
            handle.cancel()
        system = self.system
        system.router.remove(cell.name)
        self.log.error("%s is out: %s", cell.name, reason)
        system.send(ActorStopped(actor=cell.name, reason=reason))
        if cell.actor_class.is_essential:
            system.failure = f"{cell.name}: {reason}"
            system.send(HaltTrading(reason=system.failure))
            system.request_end()
        elif cell.actor_class.is_owner:
            system.send(HaltTrading(reason=reason, strategy=cell.name))

    def on_unreadable(self, cell: ActorCell, error: Exception, envelope: Envelope) -> None:
        """A message that breaks its own class: the receiver goes on, and a command's sender is told."""
        what = envelope.message_class.__name__
        fields = msgspec.msgpack.decode(envelope.frame)
        sender = str(fields[1])
        self.log.error("%s cannot read %s of %s: %s", cell.name, what, sender, error)
        if envelope.message_class.is_command:
            self.system.send(
                CommandFailed(
                    target=sender,
                    failed_class=what,
                    failed_frame=envelope.frame,
                    error=f"{what} cannot be read: {error}",
                )
            )
