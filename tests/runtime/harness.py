"""Message classes of every kind, an actor that sends what a test wants, and ways to wait."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from actors.runtime.actor import Actor
from actors.runtime.clock import Clock
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from messages.base import Message, Policy
from messages.control import HaltTrading
from messages.market import BookTicker, Kline, PartialKline, Trade


class Ping(Message, kw_only=True):
    """A control message."""

    value: int = 0
    items: list[int] = []


class Pong(Message, kw_only=True):
    """What an actor makes of a ping."""

    value: int = 0


class Job(Message, kw_only=True):
    """A command."""

    value: int = 0

    is_command = True


class Datum(Message, kw_only=True):
    """One of a sequence."""

    value: int = 0
    series: str = "a"

    policy = Policy.SEQUENCE

    def routing_key(self) -> tuple[Any, ...]:
        """`(series,)`."""
        return (self.series,)


class State(Message, kw_only=True):
    """Only the newest counts."""

    value: int = 0
    series: str = "a"

    policy = Policy.NEWEST

    def routing_key(self) -> tuple[Any, ...]:
        """`(series,)`."""
        return (self.series,)


class Intent(Message, kw_only=True):
    """Must be in the journal before it goes out."""

    value: int = 0

    is_durable = True
    needs_journal = True


class Notice(Message, kw_only=True):
    """Goes to the journal, and goes out without it too."""

    value: int = 0

    is_durable = True


class Source(
    Actor[
        Ping
        | Pong
        | Datum
        | State
        | Intent
        | Notice
        | Trade
        | BookTicker
        | Kline
        | PartialKline
        | HaltTrading
    ]
):
    """Sends what a test tells it to, at once, as a feed does."""

    is_boundary = True


class Boss(Actor[Job]):
    """Sends commands; apart from the source, because a command must have a handler."""

    is_boundary = True


SOURCE = ActorSpecification(Source, "source")
BOSS = ActorSpecification(Boss, "boss")


class StartSystem(Protocol):
    """The fixture `start_system`."""

    def __call__(
        self, *specifications: ActorSpecification, clock: Clock | None = None, **options: Any
    ) -> Awaitable[System]:
        """Starts a system of these actors."""
        ...


def emit(system: System, *messages: Message) -> None:
    """Sends messages from the source (commands from the boss), all before anyone can handle one."""
    for message in messages:
        sender = system.cells["boss" if isinstance(message, Job) else "source"].instance
        assert sender is not None
        sender.send(message)


async def pause(turns: int = 5) -> None:
    """Lets the loop turn."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def until(condition: Callable[[], Any], deadline_s: float = 20.0) -> None:
    """Waits until something holds; fails if it never does."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + deadline_s
    while not condition():
        assert loop.time() < deadline, "waited in vain"
        await asyncio.sleep(0.001)


def is_quiet(system: System) -> bool:
    """Whether nobody has anything to do."""
    return not any(cell.has_work() or cell.pending for cell in system.cells.values())


async def settle(system: System) -> None:
    """Waits until nobody has anything to do, several looks in a row."""
    for _ in range(3):
        await until(lambda: is_quiet(system))
        await pause()


def values(messages: Iterable[Message]) -> list[Any]:
    """The `value` of each message."""
    return [getattr(message, "value", None) for message in messages]


def actor(
    actor_class: type[Actor[Any]], name: str | None = None, **arguments: Any
) -> ActorSpecification:
    """A specification, named after its class unless told otherwise."""
    return ActorSpecification(actor_class, name or actor_class.__name__.lower(), arguments)
