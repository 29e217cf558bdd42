"""Control messages: what runtime, supervisor and actors tell each other about the running of the system."""

from typing import Any

import msgspec

from messages.account import Position
from messages.base import Message, Routing
from messages.enums import Exchanges, KlineInterval
from messages.instruments import Instrument
from messages.orders import Order

END_OF_BOT = "the bot stops"
"""Why trading is halted at an orderly end."""


class Ready(Message, kw_only=True):
    """The order manager knows what the venue knows; from now on strategies may trade."""


class Subscribe(Message, kw_only=True, gc=False):
    """Asks the feeds for one stream of market data."""

    exchange: Exchanges
    symbol: str
    message_class: str
    """The class name of the market data asked for, such as `Trade`."""
    interval: KlineInterval | None = None
    subscriber: str = ""

    def routing_key(self) -> tuple[Any, ...]:
        """`(exchange, symbol, message_class, interval)`."""
        return (self.exchange, self.symbol, self.message_class, self.interval)


class TargetedMessage(Message, kw_only=True):
    """What concerns one actor alone."""

    target: str

    routing = Routing.TO_TARGET

    def routing_key(self) -> tuple[Any, ...]:
        """`(target,)`."""
        return (self.target,)


class Start(TargetedMessage, kw_only=True, gc=False):
    """The first message of every instance, the rebuilt ones included: calls its `on_start`."""


class Stop(TargetedMessage, kw_only=True, gc=False):
    """The last message of an instance in an orderly stop: calls its `on_stop`."""


class Recovered(TargetedMessage, kw_only=True):
    """What a journaled actor had made durable, in parts: its last checkpoint and everything after it.

    It follows `Start`, ahead of everything else, at the first start as well as after a failure.
    """

    frames: list[bytes]
    """Encoded messages that the actor had sent, oldest first."""
    is_last: bool = True
    doubt: str = ""
    """Why the journal may lack what was written last; empty when nothing speaks against it."""


class Gap(TargetedMessage, kw_only=True, gc=False):
    """Our own mailbox was full: `count` messages of one sequence are missing ahead of the next one."""

    message_class: str
    key: list[str]
    count: int


class TimerFired(TargetedMessage, kw_only=True, gc=False):
    """A timer of the receiving actor has come due."""

    timer: int


class ActorFailed(Message, kw_only=True):
    """An actor's handler or task raised."""

    actor: str
    error: str
    traceback: str
    failed_class: str = ""
    """Class name of the message that was being handled; empty when a task failed."""
    failed_frame: bytes = b""
    restarts: int = 0
    will_restart: bool = False


class ActorRestarted(Message, kw_only=True):
    """A failed actor runs again, with its mailbox kept."""

    actor: str
    restarts: int


class ActorStopped(Message, kw_only=True):
    """An actor is out for good: it failed too often, or may not be restarted. Its orders are canceled."""

    actor: str
    reason: str


class ResyncRequest(Message, kw_only=True):
    """Asks the order manager for the state of one strategy, to be told to its new instance."""

    actor: str
    is_restart: bool = False

    is_command = True


class Resync(TargetedMessage, kw_only=True):
    """The state a strategy must know before anything else: at start, and when it was rebuilt after a failure."""

    positions: list[Position]
    open_orders: list[Order]
    has_traded: bool = False
    is_restart: bool = False
    instruments: list[Instrument] = msgspec.field(default_factory=list)
    """The trading rules that are known so far: a rebuilt strategy has missed their announcement."""
    saved_state: bytes = b""
    """What the strategy's `save_state` last returned, encoded; empty if it never did."""


class CommandFailed(TargetedMessage, kw_only=True):
    """The handler of a command raised: nothing was done. Told to the command's sender."""

    failed_class: str
    failed_frame: bytes
    error: str


class JournalFailed(TargetedMessage, kw_only=True):
    """The journal could not be written: these frames, which needed it, were not released."""

    reason: str
    frames: list[bytes]


class HoldTrading(Message, kw_only=True):
    """No new orders; resting ones stay. Ends by itself, by `ReleaseTrading`."""

    reason: str


class ReleaseTrading(Message, kw_only=True):
    """Ends a hold."""

    reason: str = ""


class HaltTrading(Message, kw_only=True):
    """No new orders, and ours are canceled. Ends by `ResumeTrading` alone.

    With `strategy` given it concerns that strategy's orders only.
    """

    reason: str
    strategy: str = ""
    flatten: bool = False
    """Once they are gone, what the strategies hold is sold at market."""
    is_kept: bool = False
    """It outlives a restart of the bot: a limit of loss, or a user who said stop, must not be undone by a crash."""


class ResumeTrading(Message, kw_only=True):
    """Ends a halt, on command."""

    strategy: str = ""


class HaltCompleted(Message, kw_only=True):
    """After a halt: how many of our orders are still open (0 when all are proven gone)."""

    open_orders: int
    strategy: str = ""
