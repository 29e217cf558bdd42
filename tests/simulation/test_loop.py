"""Time, order, processes and fences of the simulated loop."""

import asyncio
import signal
import subprocess
import sys
import threading
import time

import pytest

from actors.simulation.entropy import Entropy
from actors.simulation.errors import DeadlockError, FenceError, SimulationError
from actors.simulation.loop import EPOCH_NS
from actors.simulation.weather import CALM, Weather
from actors.simulation.world import World


def test_time_passes_only_when_waited_for(entropy: Entropy) -> None:
    async def sleep_long() -> tuple[float, float]:
        before, monotonic = time.time(), time.monotonic()
        await asyncio.sleep(86_400)
        return time.time() - before, time.monotonic() - monotonic

    started = time.perf_counter()
    report = World(entropy=entropy).run(sleep_long)
    assert report.result == pytest.approx((86_400, 86_400), abs=0.01)
    assert time.perf_counter() - started < 5


def test_world_begins_at_its_epoch(entropy: Entropy) -> None:
    async def look() -> int:
        return time.time_ns()

    assert 0 <= World(entropy=entropy).run(look).result - EPOCH_NS < 1_000_000


def test_callbacks_cost_time_and_clocks_move(entropy: Entropy) -> None:
    async def look() -> list[int]:
        times = [time.monotonic_ns() for _ in range(3)]
        for _ in range(10):
            await asyncio.sleep(0)
        return [*times, time.monotonic_ns()]

    first, second, third, last = World(entropy=entropy).run(look).result
    assert first < second < third
    assert last - third > 10 * CALM.cpu_ns[0]


def test_processes_compute_at_the_same_time(entropy: Entropy) -> None:
    """A process that is busy holds up nobody else."""
    seen: dict[str, int] = {}
    world = World(entropy=entropy)

    async def look(name: str) -> None:
        await asyncio.sleep(0.1)
        seen[name] = time.monotonic_ns()

    async def scenario() -> None:
        slow = world.start("slow", look, "slow")
        world.start("quick", look, "quick")
        world.pause(slow, 10, at=0.05)
        await asyncio.sleep(20)

    world.run(scenario)
    assert seen["quick"] < 200_000_000
    assert 10_000_000_000 < seen["slow"] < 10_200_000_000


def test_clocks_of_processes_differ_by_their_skew(entropy: Entropy) -> None:
    seen: dict[str, list[float]] = {"right": [], "wrong": []}
    world = World(entropy=entropy)

    async def look(name: str) -> None:
        for _ in range(2):
            seen[name].append(time.time())
            await asyncio.sleep(10)

    async def scenario() -> None:
        world.start("right", look, "right")
        wrong = world.start("wrong", look, "wrong")
        world.skew(wrong, -1.5, at=5)
        await asyncio.sleep(30)

    world.run(scenario)
    first, second = (
        wrong - right for right, wrong in zip(seen["right"], seen["wrong"], strict=True)
    )
    assert first == pytest.approx(0, abs=0.01)
    assert second == pytest.approx(-1.5, abs=0.01)


def test_stalls_happen_in_bad_weather(entropy: Entropy) -> None:
    async def look() -> float:
        started = time.monotonic()
        for _ in range(1000):
            await asyncio.sleep(0)
        return time.monotonic() - started

    calm = World(1, entropy=entropy).run(look).result
    bad = World(1, Weather(stall_share=0.05), entropy=entropy).run(look).result
    assert calm < 0.05
    assert bad > 1


def test_tasks_are_named_by_their_process(entropy: Entropy) -> None:
    world = World(entropy=entropy)

    async def name_tasks() -> list[str]:
        async def nothing() -> None:
            pass

        return [asyncio.create_task(nothing()).get_name() for _ in range(2)]

    async def scenario() -> object:
        return (await world.ended(world.start("namer", name_tasks))).result

    assert world.run(scenario).result == ["namer-0-2", "namer-0-3"]


def test_signal_is_handled_by_its_process_or_kills(entropy: Entropy) -> None:
    world = World(entropy=entropy)

    async def wait_for_signal() -> str:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()
        return "stopped"

    async def scenario() -> list[object]:
        polite = world.start("polite", wait_for_signal)
        world.signal(polite, signal.SIGTERM, at=1)
        first = await world.ended(polite)
        deaf = world.start("deaf", asyncio.sleep, 100)
        world.signal(deaf, signal.SIGTERM, at=2)
        second = await world.ended(deaf)
        return [(first.how, first.result), second.how]

    assert world.run(scenario).result == [("returned", "stopped"), "killed"]


def test_what_a_program_leaves_over_is_told_and_canceled(entropy: Entropy) -> None:
    world = World(entropy=entropy)
    canceled = []

    async def leave() -> None:
        async def linger() -> None:
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                canceled.append(True)
                raise

        task = asyncio.create_task(linger(), name="lingering")
        await asyncio.sleep(1)
        assert not task.done()

    async def scenario() -> object:
        return await world.ended(world.start("sloven", leave))

    outcome = world.run(scenario).result
    assert outcome.leftover_tasks == ("lingering",)
    assert len(outcome.leftover_timers) == 1
    assert canceled == [True]


def test_error_of_a_program_is_its_outcome(entropy: Entropy) -> None:
    world = World(entropy=entropy)

    async def fail() -> None:
        raise ValueError("as meant")

    async def scenario() -> object:
        return await world.ended(world.start("failing", fail))

    outcome = world.run(scenario).result
    assert outcome.how == "raised"
    assert str(outcome.error) == "as meant"


def test_program_that_failed_is_started_again_if_asked(entropy: Entropy) -> None:
    world = World(entropy=entropy)
    starts: list[float] = []

    async def fail_twice() -> str:
        starts.append(world.now_s)
        if len(starts) < 3:
            raise ValueError("as meant")
        return "up"

    async def scenario() -> None:
        world.restart(world.start("failing", fail_twice), after=2)
        await asyncio.sleep(20)

    report = world.run(scenario)
    assert starts == pytest.approx([0, 2, 4], abs=0.01)
    assert [outcome.how for outcome in report.outcomes["failing"]] == [
        "raised",
        "raised",
        "returned",
    ]


def test_deadlock_is_an_error(entropy: Entropy) -> None:
    async def wait_for_ever() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(DeadlockError, match="nothing can ever run again") as caught:
        World(17, entropy=entropy).run(wait_for_ever)
    assert "seed 17" in caught.value.__notes__[0]


def test_world_runs_once(entropy: Entropy) -> None:
    world = World(entropy=entropy)

    async def nothing() -> None:
        pass

    world.run(nothing)
    with pytest.raises(SimulationError, match="runs once"):
        world.run(nothing)


async def use_executor() -> None:
    await asyncio.get_running_loop().run_in_executor(None, len, "x")


async def use_subprocess() -> None:
    await asyncio.create_subprocess_exec(sys.executable, "-c", "")


async def use_shell() -> None:
    await asyncio.create_subprocess_shell("true", stdout=subprocess.PIPE)


async def use_thread() -> None:
    threading.Thread(target=len, args=("x",)).start()


async def block() -> None:
    time.sleep(0.001)  # noqa: ASYNC251 - that is what is refused


async def use_tls() -> None:
    await asyncio.open_connection("127.0.0.1", 443, ssl=True)


async def use_datagrams() -> None:
    await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, ("127.0.0.1", 0)
    )


@pytest.mark.parametrize(
    ("forbidden", "words"),
    [
        (use_executor, "an executor"),
        (use_subprocess, "start what it does as a coroutine function"),
        (use_shell, "a subprocess"),
        (use_thread, "a thread"),
        (block, "await asyncio.sleep"),
        (use_tls, "TLS"),
        (use_datagrams, "a datagram socket"),
    ],
)
def test_fences(forbidden: object, words: str, entropy: Entropy) -> None:
    assert callable(forbidden)
    with pytest.raises(FenceError, match=words):
        World(entropy=entropy).run(forbidden)
