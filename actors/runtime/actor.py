"""The base class of all actors.

Inputs are the annotations of the `on_*` handlers, outputs are the type argument, and the constructor's signature is the
configuration. An actor works without a system: `handle` runs a message through it, and `outbox` holds what it sent.
"""

import inspect
import math
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Generic, NamedTuple, Never, Self

from typing_extensions import TypeVar

from actors.runtime.clock import SimulatedClock, random_for
from actors.runtime.context import (
    TASK_CAUSE,
    ActorContext,
    Cause,
    Envelope,
    Timer,
)
from actors.runtime.errors import NotDeclaredError
from actors.runtime.handlers import (
    HandlerTable,
    check_declarations,
    find_handlers,
    find_outputs,
)
from actors.runtime.own_caches import copy_for
from messages.base import Message, Routing
from messages.codec import encode
from messages.control import Start, Stop, Subscribe, TimerFired
from messages.enums import Exchanges, KlineInterval

LONGEST_DELAY_S = 1e9
"""Some 31 years. An instant that lies much further away has no 64 bits of nanoseconds."""

OutputType = TypeVar("OutputType", bound=Message, default=Never, covariant=True)


class Subscription(NamedTuple):
    """One stream of market data that an actor asks for."""

    message_class: type[Message]
    exchange: Exchanges
    symbol: str
    interval: KlineInterval | None = None


class Actor(Generic[OutputType]):
    """One independent actor. It handles one message at a time and shares nothing."""

    handlers: ClassVar[HandlerTable] = {}
    outputs: ClassVar[frozenset[type[Message]]] = frozenset()
    lazy_inputs: ClassVar[frozenset[type[Message]]] = frozenset()
    """`NEWEST` classes that wake nobody: delivered just before the next control message."""
    is_essential: ClassVar[bool] = False
    """When it is out for good the whole bot halts."""
    is_journaled: ClassVar[bool] = False
    """Durable messages it sends are written to the journal before they are released."""
    is_owner: ClassVar[bool] = False
    """It receives only its own orders' updates, and waits for `Resync` before anything else."""
    is_boundary: ClassVar[bool] = False
    """It has async parts (a `run()`, a socket): what it sends is recorded, and not executed again in a replay."""
    max_restarts: ClassVar[int | None] = None
    """Restarts allowed in a period before it is out for good; None means the system's default."""

    greatest_age_s: float | None = None
    """Market data that entered the system longer ago than this is not handled: dropped unseen, and counted."""

    name: str
    now_ns: int
    outbox: list[Message]
    """Outside a system, what every handler so far has sent."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        cls.handlers = find_handlers(cls)
        cls.outputs = find_outputs(cls) | {Subscribe}
        check_declarations(cls, cls.lazy_inputs)
        if hasattr(cls, "run"):
            cls.is_boundary = True
        if "send" not in cls.__dict__:
            type.__setattr__(cls, "send", copy_for(cls, cls.send))

    def __new__(cls, *arguments: Any, **keywords: Any) -> Self:
        """Creates the base's state, so that a user's `__init__` need not call `super().__init__()`."""
        instance = super().__new__(cls)
        instance.outbox = []
        instance.now_ns = 0
        instance._envelopes = []
        instance._timers = {}
        instance._started_timers = []
        instance._canceled_timers = []
        instance._spawned = []
        instance._has_arranged = False
        instance._cause_sender = ""
        instance._cause_number = 0
        instance._cause_origin_ns = 0
        instance._cause_frame = b""
        instance._in_handler = False
        # The class's own, found at once: each is asked for with every message.
        instance._outputs = cls.outputs
        instance._has_afterwork = cls._has_afterwork
        instance._is_void = False
        name = cls.__name__
        clock = SimulatedClock()
        instance.bind(ActorContext(name=name, clock=clock, random=random_for(0, name)))
        return instance

    _context: ActorContext
    _envelopes: list[Envelope]
    _timers: dict[int, Timer]
    _started_timers: list[Timer]
    _canceled_timers: list[int]
    _spawned: list[Coroutine[Any, Any, None]]
    _has_arranged: bool
    """Whether timers or tasks wait to become real, or did and were dropped."""
    # The id of the message in hand, noted before a handler may change its copy or send it on.
    _cause_sender: str
    _cause_number: int
    _cause_origin_ns: int
    _cause_frame: bytes | Callable[[], bytes]
    _in_handler: bool
    _is_void: bool
    _outputs: frozenset[type[Message]]
    _has_afterwork: bool = False
    """Whether `_after_handlers` is called after the handlers of each message, as a part of them."""
    _dispatch: dict[type[Message], tuple[Callable[[Any], None], ...]]

    def bind(self, context: ActorContext) -> None:
        """Gives the actor its name, clock and randomness; the system calls it before `__init__`."""
        self._context = context
        self.name = context.name
        self.random = context.random
        self.log = context.log
        self._dispatch = {
            message_class: tuple(getattr(self, name) for name in names)
            for message_class, names in self.handlers.items()
        }
        self._dispatch[TimerFired] = (self._run_timer,)
        self._dispatch[Start] = (self._run_start,)
        self._dispatch[Stop] = (self._run_stop,)

    # What a subclass may define.

    def on_start(self) -> None:
        """Called once, before any message."""

    def on_stop(self) -> None:
        """Called once in an orderly stop, after the last message."""

    def subscriptions(self) -> list[Subscription]:
        """The market data it wants: by default its handled classes times its `symbol`/`symbols` and `interval`.

        An actor without either gets whatever others ask for.
        """
        exchange = getattr(self, "exchange", None) or Exchanges.BINANCE
        interval = getattr(self, "interval", None)
        return [
            Subscription(
                message_class,
                exchange,
                symbol,
                KlineInterval(interval) if needs_interval(message_class) and interval else None,
            )
            for message_class in self.handlers
            if message_class.routing is Routing.BY_MARKET
            for symbol in self.wanted_symbols()
        ]

    def wanted_symbols(self) -> tuple[str, ...]:
        """Its `symbol`, or its `symbols`, or none."""
        symbol = getattr(self, "symbol", None)
        return (symbol,) if isinstance(symbol, str) else tuple(getattr(self, "symbols", ()))

    def say_last_words(self) -> None:
        """Called when a handler has raised and what it had sent is dropped: what is sent here goes out."""

    def may_restart(self) -> bool:
        """Whether a new instance may take this one's place after a failure."""
        return True

    # What a handler may call.

    def send(self, message: Message) -> None:
        """Sends a message: released when the handler returns, or at once from a task.

        It is encoded here, so that later changes to the object do not change what was sent.
        Raises NotDeclaredError if the actor's type argument does not name the class.
        """
        message_class = type(message)
        if message_class not in self._outputs:
            raise NotDeclaredError(
                f"{type(self).__qualname__} sends {message_class.__name__}, which its type argument does not name"
            )
        context = self._context
        context.last_number = number = context.last_number + 1
        message.sender = context.name
        message.number = number
        if self._in_handler or context.release is None:
            message.time_ns = now_ns = self.now_ns
            message.cause_sender = self._cause_sender
            message.cause_number = self._cause_number
            message.origin_time_ns = self._cause_origin_ns or now_ns
            self._envelopes.append(
                Envelope(message_class, message.routing_key(), encode(message), number)
            )
            if context.release is None:
                self.outbox.append(message)
            return
        message.time_ns = now_ns = context.now_ns()
        if (cause := TASK_CAUSE.get()) is None:
            message.cause_sender = ""
            message.cause_number = 0
            message.origin_time_ns = now_ns
        else:
            message.cause_sender = cause.sender
            message.cause_number = cause.number
            message.origin_time_ns = cause.origin_time_ns or now_ns
        envelope = Envelope(message_class, message.routing_key(), encode(message), number)
        if not self._is_void:
            context.release([envelope])

    def schedule(self, delay_s: float, callback: Callable[..., None], *arguments: Any) -> int:
        """Calls back after `delay_s` seconds, as a message of its own; the number is for `cancel_timer`.

        A delay above `LONGEST_DELAY_S` is as good as never, and counts as that.
        Raises ValueError for a delay that is negative or not finite.
        """
        if not 0 <= delay_s < math.inf:
            raise ValueError(f"a timer's delay must be 0 or more seconds, not {delay_s}")
        delay_s = min(delay_s, LONGEST_DELAY_S)
        context = self._context
        context.timer_counter += 1
        number = context.timer_counter
        cause: Cause | None
        if self._in_handler or context.arrange is None:
            now_ns = self.now_ns
            cause = Cause(self._cause_sender, self._cause_number, self._cause_origin_ns)
        else:
            now_ns = context.now_ns()
            cause = TASK_CAUSE.get()
        timer = Timer(number, now_ns + round(delay_s * 1e9), callback, arguments, cause)
        self._timers[number] = timer
        self._started_timers.append(timer)
        self._arrange()
        return number

    def cancel_timer(self, number: int) -> None:
        """Voids a timer; one that has fired or was never set is no error."""
        if self._timers.pop(number, None) is not None:
            self._canceled_timers.append(number)
            self._arrange()

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Runs a coroutine as a task of this actor once the handler has returned (from a task: at once); held until done.

        An exception that ends it is a failure of this actor. Raises TypeError for what is no coroutine.
        """
        if not inspect.iscoroutine(coroutine):
            raise TypeError(
                f"spawn takes a coroutine, such as self.read(), not {type(coroutine).__qualname__}"
            )
        self._spawned.append(coroutine)
        self._arrange()

    def _arrange(self) -> None:
        """From a task, timers and tasks become real at once: no handler is running that could take them back."""
        if self._in_handler or self._context.arrange is None:
            self._has_arranged = True
        else:
            self._context.arrange(self)

    def together(self) -> AbstractContextManager[None]:
        """A block in a task, without an `await` in it: what is sent within goes out at its end, all at once.

        For whoever sends many messages in a row: it costs less, and tells their receivers once.
        """
        return self._context.together or nullcontext()

    def subscribe(
        self,
        message_class: type[Message],
        symbol: str,
        exchange: Exchanges = Exchanges.BINANCE,
        interval: KlineInterval | None = None,
    ) -> None:
        """Asks for one more stream of market data while running.

        Raises ValueError for bars without an interval.
        """
        if needs_interval(message_class) and interval is None:
            raise ValueError(f"{message_class.__name__} comes by interval: name one, such as 1m")
        self.send(
            Subscribe(
                exchange=exchange,
                symbol=symbol,
                message_class=message_class.__name__,
                interval=interval,
                subscriber=self.name,
            )
        )

    # How it is run.

    def handle(self, message: Message, now_ns: int | None = None) -> None:
        """Runs one message through the handlers, as a test does; time stands still meanwhile.

        `now_ns` defaults to the message's time of receipt or sending, where that is later than now.
        Raises what the handler raises; what that handler sent and scheduled is then discarded.
        """
        if now_ns is None:
            stamp = getattr(message, "receive_time_ns", 0) or message.time_ns
            now_ns = max(stamp, self.now_ns)
        # What earlier handlers did stays done, whatever this one does.
        earlier_tasks, self._spawned = self._spawned, []
        self._started_timers.clear()
        self._canceled_timers.clear()
        try:
            self.run_handlers(message, encode(message), now_ns, keep=len(self._envelopes))
        finally:
            self._spawned = [*earlier_tasks, *self._spawned]

    def run_handlers(self, message: Message, frame: bytes, now_ns: int, keep: int = 0) -> None:
        """Runs one message at one instant. If a handler raises, all that came after `keep` messages is undone."""
        self.now_ns = now_ns
        self._cause_sender = message.sender
        self._cause_number = message.number
        self._cause_origin_ns = message.origin_time_ns
        self._cause_frame = frame
        self._in_handler = True
        try:
            for handler in self._dispatch[type(message)]:
                handler(message)
            if self._has_afterwork:
                self._after_handlers(message, keep)
        except BaseException:
            self.discard(keep)
            self._in_handler = False
            self.say_last_words()
            raise
        self._in_handler = False

    def _after_handlers(self, message: Message, keep: int) -> None:
        """What a base class does after the handlers; before it `keep` messages were on their way."""

    def discard(self, keep: int = 0) -> None:
        """Drops what the running handler sent, scheduled and spawned."""
        if self.outbox:
            del self.outbox[len(self.outbox) + keep - len(self._envelopes) :]
        del self._envelopes[keep:]
        for timer in self._started_timers:
            self._timers.pop(timer.number, None)
        self._started_timers.clear()
        self._canceled_timers.clear()
        for coroutine in self._spawned:
            coroutine.close()
        self._spawned.clear()

    def _frame_in_hand(self) -> bytes:
        """The encoded message that is being handled; a backtest makes it only when it is asked for."""
        frame = self._cause_frame
        return frame if isinstance(frame, bytes) else frame()

    def _run_timer(self, fired: TimerFired) -> None:
        timer = self._timers.pop(fired.timer, None)
        if timer is not None:
            timer.callback(*timer.arguments)

    def _run_start(self, start: Start) -> None:
        self.on_start()

    def _run_stop(self, stop: Stop) -> None:
        self.on_stop()


def needs_interval(message_class: type[Message]) -> bool:
    """Whether streams of this class come by interval."""
    return "interval" in message_class.__struct_fields__
