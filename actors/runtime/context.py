"""What an actor has from its system, and what a message carries beside its frame."""

import logging
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from actors.runtime.clock import Clock, readers_of
from messages.base import Message

RUN_SHIFT = 40
"""A message's number is `run << 40 | counter`: a trillion messages a run."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """An encoded message and what its delivery needs to know.

    One is made for every message: a named tuple takes five times as long to be made, and more memory while it waits.
    """

    message_class: type[Message]
    key: tuple[Any, ...]
    frame: bytes
    number: int = 0
    """The number in the frame: the object that was sent may have been changed, or sent again, since."""


class Cause(NamedTuple):
    """The id of the message on whose behalf a task or a timer runs, and the time at which its chain began."""

    sender: str
    number: int
    origin_time_ns: int


@dataclass(slots=True)
class Timer:
    """A callback that comes due."""

    number: int
    due_ns: int
    callback: Callable[..., None]
    arguments: tuple[Any, ...]
    cause: Cause | None


TASK_CAUSE: ContextVar[Cause | None] = ContextVar("TASK_CAUSE", default=None)


@dataclass
class ActorContext:
    """What one actor has from the system; it outlives a rebuilt instance, so that no id is used twice."""

    name: str
    clock: Clock
    random: random.Random
    run: int = 0
    timer_counter: int = 0
    release: Callable[[list[Envelope]], None] | None = None
    """Releases at once what a task sends; None outside a system."""
    together: AbstractContextManager[None] | None = None
    """What a task sends within it is released at its end, all at once; None outside a system."""
    arrange: Callable[[Any], None] | None = None
    """Makes real at once the timers and tasks that a task has asked for; None outside a system."""
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("actors"))

    last_number: int = field(init=False)
    """The number of the last message that was sent: the run, and a counter."""
    now_ns: Callable[[], int] = field(init=False)
    """The clock's own reading, asked several times a message."""

    def __post_init__(self) -> None:
        self.now_ns, _ = readers_of(self.clock)
        self.last_number = self.run << RUN_SHIFT

    @property
    def counter(self) -> int:
        """How many messages have been sent in this run."""
        return self.last_number - (self.run << RUN_SHIFT)

    @counter.setter
    def counter(self, counter: int) -> None:
        self.last_number = (self.run << RUN_SHIFT) + counter

    def next_number(self) -> int:
        """The next message number."""
        self.last_number += 1
        return self.last_number
