"""The mailbox against a simple model, and the cost of its operations by counts."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.runtime.context import Envelope
from actors.runtime.mailbox import Mailbox
from messages.base import Message, Policy
from tests.runtime.harness import Datum, Ping, State


class LazyState(State, kw_only=True):
    """Taken lazily."""


def envelope(message_class: type[Message], series: str, number: int) -> Envelope:
    key = () if message_class is Ping else (series,)
    return Envelope(message_class, key, b"", number)


def gap_of(message_class: type[Message], key: tuple[Any, ...], count: int) -> Envelope:
    """Stands for a gap: the key and the count are in it."""
    return Envelope(Message, (message_class, key, count), b"", -1)


def make_mailbox(sequence_limit: int = 3) -> Mailbox:
    return Mailbox(gap_of, frozenset({LazyState}), sequence_limit=sequence_limit)


class Model:
    """What the mailbox promises, in the plainest words: one list, searched from its head."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.control: list[Envelope] = []
        self.data: list[Envelope] = []
        self.lazy: list[Envelope] = []
        self.gaps: list[list[Any]] = []
        self.conflated = 0
        self.dropped = 0

    def put(self, item: Envelope) -> None:
        if item.message_class is Ping:
            self.control.append(item)
        elif item.message_class is Datum:
            queued = [other for other in self.data if other.message_class is Datum]
            if len(queued) == self.limit:
                self.data.remove(queued[0])
                self.dropped += 1
                for gap in self.gaps:
                    if gap[0] == queued[0].key:
                        gap[1] += 1
                        break
                else:
                    self.gaps.append([queued[0].key, 1])
            self.data.append(item)
        else:
            place = self.lazy if item.message_class is LazyState else self.data
            for index, other in enumerate(place):
                if (other.message_class, other.key) == (item.message_class, item.key):
                    place[index] = item
                    self.conflated += 1
                    return
            place.append(item)

    def get(self) -> Envelope | None:
        if self.control:
            return self.lazy.pop(0) if self.lazy else self.control.pop(0)
        if self.gaps:
            key, count = self.gaps.pop(0)
            return gap_of(Datum, key, count)
        return self.data.pop(0) if self.data else None


operations = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([Ping, Datum, State, LazyState]), st.sampled_from("abc")),
        st.none(),
    ),
    max_size=60,
)


@given(operations, st.integers(1, 4))
@settings(max_examples=400, deadline=None)
def test_it_is_what_the_model_says(
    steps: list[tuple[type[Message], str] | None], limit: int
) -> None:
    mailbox, model = make_mailbox(limit), Model(limit)
    for number, step in enumerate([*steps, *[None] * (len(steps) + 5)]):
        if step is None:
            expected = model.get()
            assert mailbox.empty() is (expected is None)
            if expected is not None:
                assert mailbox._get() == expected
        else:
            item = envelope(*step, number)
            mailbox._put(item)
            model.put(item)
        assert mailbox.depth == len(model.control) + len(model.data)
        assert mailbox.qsize() == mailbox.depth + len(model.lazy)
    assert mailbox.statistics.conflated == model.conflated
    assert mailbox.statistics.dropped == model.dropped


@given(operations)
@settings(max_examples=200, deadline=None)
def test_everything_is_delivered_or_counted(
    steps: list[tuple[type[Message], str] | None],
) -> None:
    mailbox = make_mailbox(2)
    put: Counter[type[Message]] = Counter()
    got: list[Envelope] = []
    for number, step in enumerate(steps):
        if step is not None:
            put[step[0]] += 1
            mailbox._put(envelope(*step, number))
        elif not mailbox.empty():
            got.append(mailbox._get())
    # A last control message fetches what waits lazily.
    mailbox._put(envelope(Ping, "", len(steps)))
    while not mailbox.empty():
        got.append(mailbox._get())
    seen = Counter(item.message_class for item in got)
    told = sum(item.key[2] for item in got if item.message_class is Message)
    assert seen[Ping] == put[Ping] + 1
    assert seen[Datum] + told == put[Datum]
    assert mailbox.statistics.dropped == told
    newest = seen[State] + seen[LazyState] + mailbox.statistics.conflated
    assert newest == put[State] + put[LazyState]
    for policy in (Policy.CONTROL, Policy.SEQUENCE):
        numbers = [
            item.number for item in got if item.number >= 0 and item.message_class.policy is policy
        ]
        assert numbers == sorted(numbers)


def test_what_is_put_in_front_comes_before_control() -> None:
    mailbox = make_mailbox()
    mailbox._put(envelope(Ping, "", 1))
    mailbox.put_front(envelope(Ping, "", 2))
    mailbox.put_front(envelope(Ping, "", 3))
    assert [mailbox._get().number for _ in range(3)] == [2, 3, 1]


def test_a_full_mailbox_does_the_same_little_work_for_every_message() -> None:
    """Counts what is touched, not the time: an eviction and a replacement look at their own place alone."""

    class CountingKey(str):
        comparisons = 0

        def __eq__(self, other: object) -> bool:
            CountingKey.comparisons += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    def cost(held: int) -> int:
        mailbox = make_mailbox(sequence_limit=held)
        for number in range(held):
            mailbox._put(envelope(Datum, CountingKey("d"), number))
            mailbox._put(envelope(State, CountingKey(f"s{number}"), number))
        CountingKey.comparisons = 0
        for number in range(100):
            mailbox._put(envelope(Datum, CountingKey("d"), number))
            mailbox._put(envelope(State, CountingKey(f"s{number % 10}"), number))
        for _ in range(20):
            mailbox._get()
        return CountingKey.comparisons

    assert cost(2_000) <= cost(20) + 100


def test_it_is_bounded() -> None:
    mailbox = make_mailbox(sequence_limit=10)
    for number in range(10_000):
        mailbox._put(envelope(Datum, str(number % 3), number))
        mailbox._put(envelope(State, str(number % 5), number))
        mailbox._put(envelope(LazyState, str(number % 7), number))
    assert mailbox.qsize() == 10 + 5 + 7
    assert len(mailbox.gaps) == 3
    assert not mailbox.has_overflowed


def test_control_is_kept_past_its_limit_and_says_so() -> None:
    mailbox = Mailbox(gap_of, control_limit=3)
    for number in range(5):
        mailbox._put(envelope(Ping, "", number))
    assert mailbox.has_overflowed
    assert [mailbox._get().number for _ in range(5)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "limits", [{"sequence_limit": 0}, {"control_limit": 0}, {"sequence_limit": -1}]
)
def test_a_limit_below_one_is_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="1 message or more"):
        Mailbox(gap_of, **limits)


@pytest.mark.asyncio
async def test_it_still_is_an_asyncio_queue() -> None:
    mailbox = make_mailbox()
    getting = asyncio.ensure_future(mailbox.get())
    await asyncio.sleep(0)
    mailbox.put_nowait(envelope(LazyState, "a", 1))
    await asyncio.sleep(0)
    assert not getting.done()
    mailbox.put_nowait(envelope(Datum, "a", 2))
    assert (await getting).number == 2
    with pytest.raises(asyncio.QueueEmpty):
        mailbox.get_nowait()
    mailbox.put_nowait(envelope(Ping, "", 3))
    assert [mailbox.get_nowait().number, mailbox.get_nowait().number] == [1, 3]
    assert not mailbox.full()
