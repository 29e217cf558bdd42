"""What a task sends within one block goes out at its end: nothing lost, nothing early, everything in its order."""

from contextlib import nullcontext
from pathlib import Path
from random import Random

import pytest

from actors.runtime.actor import Actor
from actors.runtime.journal import Journal
from actors.testing import make_probe, received_by
from messages.base import Message
from tests.runtime.harness import (
    SOURCE,
    Datum,
    Intent,
    Ping,
    Pong,
    StartSystem,
    actor,
    emit,
    settle,
    values,
)

Everything = make_probe(Ping, Pong, Datum, name="Everything")
Pings = make_probe(Ping, name="Pings")


class Durable(Actor[Intent]):
    """Has a journal, and a task's way to send."""

    is_journaled = True
    is_boundary = True


Intents = make_probe(Intent, name="Intents")


@pytest.mark.asyncio
async def test_nothing_is_delivered_before_the_end_of_the_block(start_system: StartSystem) -> None:
    system = await start_system(SOURCE, actor(Everything), actor(Pings))
    source = system.cells["source"].instance
    assert source is not None
    with source.together():
        source.send(Ping(value=1))
        with source.together():
            source.send(Datum(value=2))
        source.send(Pong(value=3))
        assert not any(cell.has_work() for cell in system.cells.values())
    assert system.cells["everything"].has_work()
    await settle(system)
    assert sorted(values(received_by(system, "everything"))) == [1, 2, 3]
    assert values(received_by(system, "pings")) == [1]
    emit(system, Ping(value=4))
    assert system.cells["pings"].has_work()


@pytest.mark.asyncio
async def test_a_block_that_raises_has_sent_what_it_had_sent(start_system: StartSystem) -> None:
    system = await start_system(SOURCE, actor(Pings))
    source = system.cells["source"].instance
    assert source is not None

    def fail() -> None:
        with source.together():
            source.send(Ping(value=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with source.together():
        assert values(received_by(system, "pings")) == []
    source.send(Ping(value=2))
    await settle(system)
    assert values(received_by(system, "pings")) == [1, 2]


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(20))
async def test_receivers_hear_the_same_with_blocks_and_without(
    seed: int, start_system: StartSystem
) -> None:
    random = Random(seed)
    sent: list[Message] = []
    for value in range(random.randrange(1, 60)):
        series = random.choice("abc")
        kinds: list[Message] = [
            Ping(value=value),
            Pong(value=value),
            *(Datum(value=value, series=series),) * 3,
        ]
        sent.append(random.choice(kinds))
    heard = []
    for is_together in (True, False):
        system = await start_system(SOURCE, actor(Everything), actor(Pings))
        source = system.cells["source"].instance
        assert source is not None
        begin = 0
        while begin < len(sent):
            end = begin + random.randrange(1, 12) if is_together else begin + 1
            with source.together() if is_together else nullcontext():
                for message in sent[begin:end]:
                    source.send(message)
            begin = end
        await settle(system)
        heard.append(
            (
                [
                    (type(message), message.number & 0xFFFF)
                    for message in received_by(system, "everything")
                ],
                values(received_by(system, "pings")),
                system.router.dead_letters,
            )
        )
        await system.stop()
    assert heard[0] == heard[1]
    assert len(heard[0][0]) == len(sent)


@pytest.mark.asyncio
async def test_what_is_durable_is_in_the_journal_before_it_goes_out(
    start_system: StartSystem, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "journal.sqlite", "bot")
    system = await start_system(actor(Durable), actor(Intents), journal=journal)
    durable = system.cells["durable"].instance
    assert durable is not None
    with durable.together():
        for value in range(5):
            durable.send(Intent(value=value))
        assert not list(journal.entries("durable"))
    assert [name for _, _, name, _, _ in journal.entries("durable")] == ["Intent"] * 5
    await settle(system)
    assert values(received_by(system, "intents")) == list(range(5))
    await system.stop()
    journal.close()


def test_outside_a_system_a_block_changes_nothing() -> None:
    durable = Durable()
    with durable.together():
        durable.send(Intent(value=1))
        assert values(durable.outbox) == [1]
    assert values(durable.outbox) == [1]
