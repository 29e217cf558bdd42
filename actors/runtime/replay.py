"""Re-execution of a recording: the same messages through the same actors, and what they send compared byte by byte."""

from asyncio import CancelledError
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from actors.runtime.actor import Actor
from actors.runtime.clock import SimulatedClock, random_for
from actors.runtime.context import ActorContext
from actors.runtime.specification import ActorSpecification
from messages.base import Message
from messages.codec import class_name_of, decoder_of
from messages.control import Start, Stop, TimerFired
from messages.recording import Entry, Opening, Output, Record


@dataclass
class Divergence:
    """The first place where an actor's re-execution and its recording part."""

    actor: str
    time_ns: int
    recorded: bytes | None
    """The frame in the recording, or None where it has nothing more."""
    replayed: bytes | None
    caused_by: bytes
    """The frame whose handling they differ on. With neither frame: now it fails there, and when recorded it did not."""


@dataclass
class ReplayedActor:
    """One actor in re-execution."""

    specification: ActorSpecification
    context: ActorContext
    decoders: "dict[str, msgspec.msgpack.Decoder[Message]]"
    instance: Actor[Any] | None = None
    handled: int = 0
    outputs: int = 0
    divergence: Divergence | None = None
    failed_on: Entry | None = None
    """The message on which the running instance raised: the recording must go on with a new instance."""


def replay(
    records: Iterable[Record], specifications: Iterable[ActorSpecification]
) -> list[ReplayedActor]:
    """Runs every recorded message through a new instance of each actor that is no boundary.

    An actor stops at its first divergence. Returns all actors that were re-executed.
    Raises ValueError if the records have no opening, or are only those of some message classes.
    """
    iterator = iter(records)
    opening = next(iterator, None)
    if not isinstance(opening, Opening):
        raise ValueError("the recording has no opening")
    if opening.classes:
        raise ValueError(
            f"only {', '.join(opening.classes)} were recorded: that cannot be executed again"
        )
    actors = {
        item.name: make_replayed(item, opening)
        for item in specifications
        if not item.actor_class.is_boundary
    }
    for entry, outputs, is_last in group_by_entry(iterator):
        actor = actors.get(entry.actor)
        if actor is not None and actor.divergence is None:
            step(actor, entry, [output.frame for output in outputs], is_cut=is_last)
    return list(actors.values())


def make_replayed(specification: ActorSpecification, opening: Opening) -> ReplayedActor:
    """An actor as it was when the recording began."""
    name = specification.name
    context = ActorContext(
        name=name,
        clock=SimulatedClock(),
        random=random_for(opening.seed, name),
        run=opening.run,
    )
    handled: tuple[type[Message], ...] = (
        *specification.actor_class.handlers,
        TimerFired,
        Start,
        Stop,
    )
    decoders = {item.__name__: decoder_of(item) for item in handled}
    return ReplayedActor(specification, context, decoders)


def group_by_entry(records: Iterable[Record]) -> Iterator[tuple[Entry, list[Output], bool]]:
    """Each handled message with what its handler sent, and whether it is the last of all."""
    entry: Entry | None = None
    outputs: list[Output] = []
    for record in records:
        if isinstance(record, Entry):
            if entry is not None:
                yield entry, outputs, False
            entry, outputs = record, []
        elif isinstance(record, Output):
            outputs.append(record)
    if entry is not None:
        yield entry, outputs, True


def step(actor: ReplayedActor, entry: Entry, recorded: list[bytes], is_cut: bool = False) -> None:
    """Handles one recorded message and compares what was sent.

    With `is_cut` the recording may have been cut within what its handler sent: what is missing there is no divergence.
    """
    name = class_name_of(entry.frame)
    decoder = actor.decoders.get(name)
    if decoder is None:
        return
    actor.handled += 1
    actor.outputs += len(recorded)
    replayed = run_recorded(actor, entry, decoder)
    if actor.divergence is not None:
        return
    length = len(recorded) if is_cut else max(len(recorded), len(replayed))
    for index in range(length):
        old = recorded[index] if index < len(recorded) else None
        new = replayed[index] if index < len(replayed) else None
        if old != new:
            actor.divergence = Divergence(entry.actor, entry.time_ns, old, new, entry.frame)
            return


def run_recorded(
    actor: ReplayedActor, entry: Entry, decoder: "msgspec.msgpack.Decoder[Message]"
) -> list[bytes]:
    """What the actor sends on one message. A recorded failure fails again: it has sent nothing, and a new `Start` follows."""
    try:
        message = decoder.decode(entry.frame)
    except msgspec.MsgspecError:
        # Its receiver could not read it when it was recorded either, and went on.
        return []
    if isinstance(message, Start):
        # The first message of every instance: the recorded actor was built, or rebuilt after a failure.
        actor.failed_on = None
        try:
            actor.instance = actor.specification.build(actor.context, message.time_ns)
        except (Exception, SystemExit, CancelledError):
            actor.divergence = Divergence(entry.actor, entry.time_ns, None, None, entry.frame)
            return []
    if actor.failed_on is not None:
        failed_on = actor.failed_on
        actor.divergence = Divergence(entry.actor, failed_on.time_ns, None, None, failed_on.frame)
        return []
    instance = actor.instance
    if instance is None:
        return []
    try:
        instance.run_handlers(message, entry.frame, entry.time_ns)
    except (Exception, SystemExit, CancelledError):
        actor.failed_on = entry
    replayed = [envelope.frame for envelope in instance._envelopes]
    instance._envelopes.clear()
    instance.outbox.clear()
    instance._started_timers.clear()
    instance._canceled_timers.clear()
    for coroutine in instance._spawned:
        coroutine.close()
    instance._spawned.clear()
    return replayed
