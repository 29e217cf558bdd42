"""Many messages of one stream through one actor's handlers, without a mailbox between them.

The same as the cell's own way (runtime/cell.py) while the mailbox is empty, nothing is recorded and nothing is due: each
message is a handler run of its own, with its own time, number and cause; the first that does anything ends the loop.
"""

from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from actors.backtest.chunk_copy import ChunkCopy
from actors.backtest.row_messages import FEED_NAME
from actors.backtest.streams import PlannedStream
from actors.runtime.actor import Actor
from actors.runtime.cell import ActorCell
from actors.runtime.context import Envelope

if TYPE_CHECKING:
    from actors.backtest.player import Player

receive_time_of = attrgetter("receive_time_ns")


def run_tight(
    player: "Player", cell: ActorCell, messages: list[Any], begin: int, plan: PlannedStream
) -> int:
    """Handles messages from `begin` on until one does anything, or something else is due; the next to be played."""
    timeline = player.timeline
    if timeline.next_ns <= messages[begin].receive_time_ns:
        player.index = begin - 1
        player.run_until(messages[begin].receive_time_ns)
        return begin  # what happened may have changed everything
    instance = cell.instance
    assert instance is not None
    handler = handler_of(instance, plan.message_class, player.frame_in_hand)
    envelopes, started = instance._envelopes, instance._started_timers
    canceled, spawned = instance._canceled_timers, instance._spawned
    end = find_end(messages, begin, timeline.next_ns)
    if plan.is_quote:
        # What the market is at the end is often asked, and of this one nobody can have changed anything yet.
        player.copy.keep(end - 1, messages[end - 1])
    first_number = player.copy.first_number
    number = first_number + begin - 1
    error: BaseException | None = None
    instance._cause_sender = FEED_NAME
    instance._cause_frame = player.frame_in_hand
    instance._in_handler = True
    player.tight = instance
    try:
        for message in messages[begin:end]:
            message.number = instance._cause_number = number = number + 1
            instance.now_ns = instance._cause_origin_ns = message.receive_time_ns
            handler(message)
            if envelopes or started or canceled or spawned:
                break
    except BaseException as caught:
        error = caught
    finally:
        instance._in_handler = False
        player.tight = None
    player.index = index = number - first_number
    cell.handled_count += index - begin + 1
    player.clock.time_ns = instance.now_ns
    if plan.is_quote:
        player.readings[plan.symbol] = (player.copy, index)
    if plan.is_bar:
        player.next_bars.pop(plan.symbol, None)
    if error is not None:
        fail(player, cell, instance, error, player.copy, index)
        player.system.pump()
    elif envelopes or started or canceled or spawned:
        take_effects(player, cell, instance)
        player.system.pump()
        if timeline.next_ns <= player.clock.time_ns:
            player.run_until(player.clock.time_ns)
    return index + 1


def find_end(messages: list[Any], begin: int, horizon_ns: int) -> int:
    """The first message that is not before an instant, or the number of all; the one at `begin` is."""
    if messages[-1].receive_time_ns < horizon_ns:
        return len(messages)
    return bisect_left(messages, horizon_ns, begin + 1, key=receive_time_of)


def run_single(player: "Player", cell: ActorCell, copy: ChunkCopy, index: int) -> None:
    """Handles one message of any chunk; what it causes is released, and carried out at the next pump."""
    instance = cell.instance
    assert instance is not None
    message = copy.hand(cell.name)[index]
    message.number = copy.first_number + index
    frame: Any = partial(copy.frame_of, index)
    try:
        instance.run_handlers(message, frame, player.clock.time_ns)
    except BaseException as error:
        fail(player, cell, instance, error, copy, index)
        return
    cell.handled_count += 1
    if (
        instance._envelopes
        or instance._started_timers
        or instance._canceled_timers
        or instance._spawned
    ):
        take_effects(player, cell, instance)


def take_effects(player: "Player", cell: ActorCell, instance: Actor[Any]) -> None:
    """What a handler has sent and arranged becomes real."""
    if instance._envelopes:
        cell._take_messages(instance)
    if instance._started_timers or instance._canceled_timers or instance._spawned:
        cell._take_arrangements(instance)
    player.system.release(cell)


def handler_of(
    instance: Actor[Any], message_class: type, frame: Callable[[], bytes]
) -> Callable[[Any], None]:
    """What handles one message: the actor's handlers themselves, or `run_handlers` where something comes after them."""
    actor_class = type(instance)
    is_usual = (
        actor_class.run_handlers is Actor.run_handlers
        and actor_class.say_last_words is Actor.say_last_words
        and not actor_class._has_afterwork
    )
    handlers = instance._dispatch[message_class]
    if is_usual and len(handlers) == 1:
        return handlers[0]
    if is_usual:

        def handle_all(message: Any) -> None:
            for handler in handlers:
                handler(message)

        return handle_all

    def run_handlers(message: Any) -> None:
        instance.run_handlers(message, frame(), message.receive_time_ns)

    return run_handlers


def fail(
    player: "Player",
    cell: ActorCell,
    instance: Actor[Any],
    error: BaseException,
    copy: ChunkCopy,
    index: int,
) -> None:
    """A handler raised: it has done nothing, and the supervisor decides, as for any message of a mailbox."""
    if isinstance(error, KeyboardInterrupt):
        raise error
    instance.discard()
    frame = copy.frame_of(index)
    message = copy.message(index)
    envelope = Envelope(type(message), message.routing_key(), frame, message.number)
    player.system.release(cell)
    player.system.on_failure(cell, error, envelope, cell.decoders[type(message)](frame))
