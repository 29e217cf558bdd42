"""Kills at every kind of point, what the disk holds afterwards, and what a power cut leaves."""

import asyncio
import fcntl
import logging
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.errors import JournalError
from actors.simulation.entropy import Entropy
from actors.simulation.plan import Kill
from actors.simulation.weather import Weather
from actors.simulation.world import World
from tests.simulation.programs import ask, count, counted, open_counter, serve, talk


def is_whole(rows: list[tuple[int, int]]) -> bool:
    """Whether what was counted is whole transactions without a hole."""
    return rows == [(number, 2 * number) for number in range(1, len(rows) + 1)]


@pytest.mark.parametrize("statement", range(20))
def test_kill_before_each_statement_leaves_whole_transactions(
    statement: int, entropy: Entropy
) -> None:
    world = World(entropy=entropy)
    program = world.start("counter", count, world.folder("counter"))
    world.kill(program, statement=statement)

    async def scenario() -> Any:
        outcome = await world.ended(program)
        return outcome.how, counted(world.folder("counter"))

    how, rows = world.run(scenario).result
    assert how == "killed"
    # Six statements open it and look where to go on; then there are four a transaction.
    assert is_whole(rows)
    assert len(rows) == max(0, (statement - 5) // 4)


def test_counter_goes_on_where_it_was_after_many_kills(entropy: Entropy) -> None:
    world = World(5, entropy=entropy)
    program = world.start("counter", count, world.folder("counter"))
    world.restart(program, after=0.5)

    async def scenario() -> list[tuple[int, int]]:
        for number in range(10):
            await asyncio.sleep(1)
            world.kill(program, step=7 + number)
        await asyncio.sleep(2)
        world.restart(program, after=3600)
        world.kill(program)
        await asyncio.sleep(1)
        return counted(world.folder("counter"))

    report = world.run(scenario)
    assert len(report.outcomes["counter"]) == 11
    assert is_whole(report.result)
    assert len(report.result) > 500


def test_kill_at_a_handler_of_its_own(entropy: Entropy) -> None:
    world = World(entropy=entropy)
    program = world.start("counter", count, world.folder("counter"))
    world.kill(program, step=50)

    async def scenario() -> Any:
        await world.ended(program)
        assert program.process is not None
        return program.process.steps, len(counted(world.folder("counter")))

    steps, rows = world.run(scenario).result
    assert steps == 50
    # A sleep takes two handlers, and the first ran without one.
    assert rows == 25


def test_a_killed_process_runs_no_cleanup_and_nothing_of_its_last_handler_counts(
    entropy: Entropy,
) -> None:
    world = World(entropy=entropy)
    effects: list[str] = []

    async def die_in_handler(folder: Path) -> None:
        database = open_counter(folder)
        try:
            _, writer = await asyncio.open_connection("server", 80)
            database.execute("INSERT INTO counted VALUES (1, 2)")
            database.execute("INSERT INTO counted VALUES (2, 4)")
            effects.append("ghost")
            writer.write(b"from a ghost")
            asyncio.get_running_loop().call_soon(effects.append, "called")
            await asyncio.sleep(0)
            effects.append("resumed")
        finally:
            effects.append("cleanup")

    received: list[bytes] = []

    async def listen() -> None:
        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            received.append(await reader.read())
            writer.close()

        await asyncio.start_server(take, "0.0.0.0", 80)
        await asyncio.Event().wait()

    world.start("server", listen)

    async def scenario() -> Any:
        await asyncio.sleep(0.1)
        victim = world.start("victim", die_in_handler, world.folder("victim"))
        world.kill(victim, statement=5)
        await world.ended(victim)
        await asyncio.sleep(5)
        return list(effects), counted(world.folder("victim"))

    assert world.run(scenario).result == (["ghost"], [(1, 2)])
    assert received == [b""]


def test_kill_within_a_write_takes_all_a_part_or_none_of_it(entropy: Entropy) -> None:
    async def shout() -> None:
        _, writer = await asyncio.open_connection("server", 80)
        writer.write(b"first|")
        writer.write(b"x" * 50)
        writer.write(b"never")
        await asyncio.sleep(100)

    lengths = set()
    for seed in range(12):
        received: list[bytes] = []

        async def take(
            reader: asyncio.StreamReader,
            writer: asyncio.StreamWriter,
            kept: list[bytes] = received,
        ) -> None:
            kept.append(await reader.read())
            writer.close()

        async def listen(taker: Any = take) -> None:
            await asyncio.start_server(taker, "0.0.0.0", 80)
            await asyncio.Event().wait()

        world = World(seed, entropy=entropy)
        world.start("server", listen)

        async def scenario(world: World = world) -> None:
            await asyncio.sleep(0.1)
            victim = world.start("victim", shout)
            world.kill(victim, write=1)
            await world.ended(victim)
            await asyncio.sleep(5)

        world.run(scenario)
        assert received[0].startswith(b"first|")
        assert received[0][6:] == b"x" * len(received[0][6:])
        lengths.add(len(received[0][6:]))
    assert len(lengths) > 3


def test_kill_after_bytes_it_has_sent(entropy: Entropy) -> None:
    world = World(entropy=entropy)
    world.start("server", serve)
    said: list[str] = []

    async def scenario() -> Any:
        await asyncio.sleep(1)
        answers: list[str] = []
        client = world.start("client", ask, "http://server/", 100, answers, [])
        world.kill(client, on=b"POST / HTTP/1.1", occurrence=3)
        await world.ended(client)
        # Over WebSocket the client's bytes are masked, so it is the server that is listened to.
        talker = world.start("talker", talk, "ws://server/socket", 100, said)
        world.kill(world.programs["server"], on=b"700000")
        await world.ended(world.programs["server"])
        await world.ended(talker)
        return answers

    assert world.run(scenario).result == ["000000", "100000", "200000"]
    assert said == [f"{number:06}"[::-1] for number in range(8)]


def test_power_cut_leaves_a_prefix_and_what_was_synchronised(entropy: Entropy) -> None:
    kept: dict[str, set[int]] = {"NORMAL": set(), "FULL": set()}
    for synchronous in kept:
        for share in (0.0, 0.1, 0.37, 0.99):
            world = World(entropy=entropy)
            folder = world.folder("counter")
            program = world.start("counter", count, folder, 0.01, synchronous)
            world.kill(program, at=1, power=True, log_share=share)

            async def scenario(world: World = world, folder: Path = folder) -> Any:
                await world.ended(world.programs["counter"])
                return counted(folder)

            rows = world.run(scenario).result
            assert is_whole(rows)
            kept[synchronous].add(len(rows))
    assert len(kept["NORMAL"]) == 4
    assert len(kept["FULL"]) == 1
    assert kept["FULL"].pop() > max(kept["NORMAL"])


async def lock(folder: Path) -> bool:
    """Holds a lock file until it is killed."""
    file = (folder / "lock").open("a+")
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    handler = logging.FileHandler(folder / "program.log")
    logging.getLogger().addHandler(handler)
    logging.getLogger("lock").warning("held")
    await asyncio.sleep(100)
    return file.closed


def test_locks_and_log_handlers_die_with_their_process(entropy: Entropy) -> None:
    world = World(entropy=entropy)
    folder = world.folder("locker")
    program = world.start("locker", lock, folder)
    before = list(logging.getLogger().handlers)

    async def scenario() -> Any:
        await asyncio.sleep(1)
        world.kill(program)
        await world.ended(program)
        assert logging.getLogger().handlers == before
        world.restart(program)
        await asyncio.sleep(1)
        logging.getLogger("world").warning("not of the locker")
        return program.is_running, (folder / "program.log").read_text()

    assert world.run(scenario).result == (True, "held\nheld\n")
    assert logging.getLogger().handlers == before


def test_a_ghost_has_no_disk(entropy: Entropy) -> None:
    world = World(entropy=entropy)
    errors: list[str] = []

    async def haunt(folder: Path) -> None:
        database = open_counter(folder)
        database.execute("INSERT INTO counted VALUES (1, 2)")
        try:
            open_counter(folder)
        except JournalError as error:
            errors.append(str(error))

    program = world.start("ghost", haunt, world.folder("ghost"))
    world.kill(program, statement=4)

    async def scenario() -> Any:
        await world.ended(program)
        return counted(program.folder)

    assert world.run(scenario).result == []
    assert "unable to open database file" in errors[0]


def test_cleared_weather_calls_off_what_it_had_in_store(entropy: Entropy) -> None:
    total = 0
    for seed in range(5):
        world = World(seed, Weather(kills=100, restart_after=(0.1, 0.2)), entropy=entropy)
        program = world.start("counter", count, world.folder("counter"), 0.1)
        world.expose(program, 30)

        async def scenario(world: World = world, program: Any = program) -> int:
            await asyncio.sleep(30)
            world.clear_up()
            deaths = len(program.outcomes)
            await asyncio.sleep(600)
            assert len(program.outcomes) == deaths
            world.kill(program, at=world.now_s + 1, restart_after=1)
            await asyncio.sleep(5)
            assert program.is_running
            assert len(program.outcomes) == deaths + 1
            return deaths

        total += world.run(scenario).result
    assert total > 1


def test_only_what_full_commits_have_synchronised_is_safe_from_a_power_cut(
    entropy: Entropy,
) -> None:
    async def write(folder: Path, rows: int, levels: tuple[str, ...]) -> None:
        """One transaction at each level of synchronisation."""
        database = open_counter(folder, "NORMAL")
        for number, level in enumerate(levels, rows + 1):
            database.execute(f"PRAGMA synchronous={level}")
            database.execute("INSERT INTO counted VALUES (?, ?)", (number, 2 * number))
        database.execute("SELECT count(*) FROM counted").fetchone()
        await asyncio.sleep(100)

    def survivors(levels: tuple[str, ...], later: tuple[str, ...]) -> int:
        """How many of the first incarnation's rows are left after its SIGKILL and a power cut of the second."""
        world = World(entropy=entropy)
        folder = world.folder("writer")
        first = world.start("writer", write, folder, 0, levels)
        world.kill(first, at=1, restart_after=None)

        async def scenario() -> int:
            await world.ended(first)
            first.arguments = (folder, len(levels), later)
            world.restart(first)
            await asyncio.sleep(1)
            world.restart(first, after=1e6)
            first.arm(Kill("writer", 1, "power", world.loop.now_ns + 1, log_share=0.0))
            await world.ended(first)
            return len(counted(folder))

        return int(world.run(scenario).result)

    # The next commit with FULL takes along what was written before it, of this incarnation and of the one before.
    assert survivors(("NORMAL", "NORMAL"), ()) == 0
    assert survivors(("NORMAL", "FULL", "NORMAL"), ()) == 2
    assert survivors(("FULL", "NORMAL"), ("NORMAL",)) == 1
    assert survivors(("NORMAL", "NORMAL"), ("FULL",)) == 3


def test_kill_after_bytes_of_a_masked_message_and_after_bytes_that_arrived(
    entropy: Entropy,
) -> None:
    answers: list[str] = []
    for point, pattern in (("bytes", "000003"), ("heard", "300000")):
        world = World(entropy=entropy)
        world.start("server", serve)
        answers.clear()

        async def scenario(world: World = world, kill: Any = (point, pattern)) -> None:
            await asyncio.sleep(1)
            talker = world.start("talker", talk, "ws://server/socket", 100, answers)
            await asyncio.sleep(0)
            assert talker.process is not None
            talker.arm(Kill("talker", 0, kill[0], 0, pattern=kill[1]))
            await world.ended(talker)

        world.run(scenario)
        assert answers == ["000000", "100000", "200000"]


def test_a_program_that_fails_is_started_again_if_so_asked(entropy: Entropy) -> None:
    starts: list[int] = []

    async def fail_twice() -> int:
        starts.append(1)
        await asyncio.sleep(0.1)
        return 1 if len(starts) < 3 else 0

    for restarts_failures, expected in ((True, 3), (False, 1)):
        starts.clear()
        world = World(entropy=entropy)

        async def scenario(world: World = world, asked: bool = restarts_failures) -> None:
            program = world.start("failing", fail_twice)
            program.restarts_failures = asked
            program.restart_after_ns = 1_000_000
            await asyncio.sleep(5)

        world.run(scenario)
        assert len(starts) == expected
