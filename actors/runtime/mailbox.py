"""An actor's bounded inbox: an asyncio queue of encoded messages with lanes and, for each class, an overflow policy.

Control messages have a lane of their own and overtake data. Data are two deques, sequences and newest-only slots, merged
by the number of their arrival, so that evicting the oldest of a sequence and replacing a slot are both O(1). Classes that
the actor takes lazily wake nobody: they wait, newest only, and are handed out just before the next control message.

It is filled and drained through `put_all` (`_put` for one) and `_get`, the queue's own extension points: no task waits on
it, and going through the public methods costs half the speed under bursts.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from actors.runtime.context import Envelope
from messages.base import Message, Policy

# An enumeration's member costs a look-up of its own each time; on every message that shows.
CONTROL = Policy.CONTROL
SEQUENCE = Policy.SEQUENCE

DEFAULT_SEQUENCE_LIMIT = 10_000
DEFAULT_CONTROL_LIMIT = 100_000

GapMaker = Callable[[type[Message], tuple[Any, ...], int], Envelope]


@dataclass(slots=True)
class MailboxStatistics:
    """What a mailbox has seen."""

    delivered: int = 0
    conflated: int = 0
    dropped: int = 0
    gaps: int = 0
    peak_depth: int = 0


class Mailbox(asyncio.Queue[Envelope]):
    """One actor's inbox.

    Raises ValueError for a limit below 1.
    """

    def __init__(
        self,
        make_gap: GapMaker,
        lazy_inputs: frozenset[type[Message]] = frozenset(),
        sequence_limit: int = DEFAULT_SEQUENCE_LIMIT,
        control_limit: int = DEFAULT_CONTROL_LIMIT,
    ) -> None:
        if sequence_limit < 1 or control_limit < 1:
            raise ValueError(
                f"a mailbox holds 1 message or more, not {min(sequence_limit, control_limit)}"
            )
        self.make_gap = make_gap
        self.lazy_inputs = lazy_inputs
        self.sequence_limit = sequence_limit
        self.control_limit = control_limit
        self.statistics = MailboxStatistics()
        super().__init__()

    def _init(self, maxsize: int) -> None:
        self.front: deque[Envelope] = deque()
        self.control: deque[Envelope] = deque()
        self.sequence: deque[Envelope] = deque()
        self.left = 0
        """How many messages have left `sequence`."""
        self.newest: deque[list[Any]] = deque()
        """Each with how many messages must have left `sequence` before it: those that came before it."""
        self.slots: dict[tuple[type[Message], tuple[Any, ...]], list[Any]] = {}
        self.lazy: dict[tuple[type[Message], tuple[Any, ...]], Envelope] = {}
        self.gaps: dict[tuple[type[Message], tuple[Any, ...]], int] = {}

    def _put(self, item: Envelope) -> None:
        self.put_all((item,))

    def put_all(self, items: Iterable[Envelope]) -> None:
        """Takes in messages, oldest first, each as its class says; it never waits."""
        sequence = self.sequence
        message_class: type[Message] | None = None
        for item in items:
            if item.message_class is not message_class:
                message_class = item.message_class
                policy = message_class.policy
            if policy is SEQUENCE:
                if len(sequence) >= self.sequence_limit:
                    self._evict()
                sequence.append(item)
            elif policy is CONTROL:
                self.control.append(item)
            else:
                self._put_newest(item)

    def _put_newest(self, item: Envelope) -> None:
        slot_key = (item.message_class, item.key)
        if item.message_class in self.lazy_inputs:
            if slot_key in self.lazy:
                self.statistics.conflated += 1
            self.lazy[slot_key] = item
            return
        slot = self.slots.get(slot_key)
        if slot is not None:
            slot[1] = item
            self.statistics.conflated += 1
        else:
            slot = [self.left + len(self.sequence), item]
            self.slots[slot_key] = slot
            self.newest.append(slot)

    def put_front(self, item: Envelope) -> None:
        """Puts a message ahead of everything: the first words to an instance, open even while it waits."""
        self.front.append(item)

    def _evict(self) -> None:
        oldest = self.sequence.popleft()
        self.left += 1
        gap_key = (oldest.message_class, oldest.key)
        self.gaps[gap_key] = self.gaps.get(gap_key, 0) + 1
        self.statistics.dropped += 1

    def _get(self) -> Envelope:
        if self.front:
            return self.front.popleft()
        if self.control:
            if self.lazy:
                return self.lazy.pop(next(iter(self.lazy)))
            return self.control.popleft()
        if self.gaps:
            gap_key = next(iter(self.gaps))
            self.statistics.gaps += 1
            return self.make_gap(*gap_key, self.gaps.pop(gap_key))
        if self.newest and self.newest[0][0] <= self.left:
            item: Envelope = self.newest.popleft()[1]
            del self.slots[item.message_class, item.key]
            return item
        self.left += 1
        return self.sequence.popleft()

    @property
    def depth(self) -> int:
        """How many messages wait and would wake the actor."""
        return len(self.front) + len(self.control) + len(self.sequence) + len(self.newest)

    def empty(self) -> bool:
        """Whether nothing waits that would wake the actor; the queue's own public `get` rests on it too."""
        return self.depth == 0

    @property
    def has_overflowed(self) -> bool:
        """Whether more control messages wait than the receiver may owe."""
        return len(self.control) > self.control_limit

    def qsize(self) -> int:
        """How many messages wait, the lazy ones included."""
        return self.depth + len(self.lazy)
