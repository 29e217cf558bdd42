"""One seed gives one run: in this process, in another one under another hash seed, alone or after others."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors.simulation.chaos import KillPatterns
from actors.simulation.entropy import Entropy
from actors.simulation.plan import Plan
from actors.simulation.trace import Trace, first_divergence
from actors.simulation.weather import Weather
from actors.simulation.world import Report, World
from tests.simulation.programs import ask, count, serve, talk

ROOT = Path(__file__).parents[2]
SECONDS = 20


def run_storm(
    seed: int, entropy: Entropy | None = None, plan: Plan | None = None, keeps_trace: bool = False
) -> Report:
    """A server that is killed, clients that ask it, and one that counts on a disk, in the seed's weather."""
    world = World(seed, Weather.drawn(seed), plan=plan, keeps_trace=keeps_trace, entropy=entropy)
    answers: list[str] = []
    errors: list[str] = []

    async def ask_for_ever() -> None:
        while True:
            await ask("http://server/", 10, answers, errors)
            await asyncio.sleep(1)

    async def talk_once() -> None:
        await asyncio.sleep(1)
        await talk("ws://server/socket", 100, answers)

    server = world.start("server", serve)
    world.start("asker", ask_for_ever)
    world.start("talker", talk_once)
    counter = world.start("counter", count, world.folder("counter"), 0.1)
    world.expose(server, SECONDS, KillPatterns(said=(b"HTTP/1.1 200 OK",)))
    world.restart(counter, after=1)
    world.kill(counter, statement=101)

    async def scenario() -> tuple[int, int]:
        await asyncio.sleep(SECONDS)
        return len(answers), len(errors)

    return world.run(scenario)


def digests_elsewhere(seeds: list[int], hash_seed: str) -> list[str]:
    """The digests of the same runs in another process."""
    code = (
        "from tests.simulation.test_determinism import run_storm\n"
        f"for seed in {seeds}: print(run_storm(seed).digest)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    finished = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return finished.stdout.split()


def test_same_seed_same_digest_in_another_process(entropy: Entropy) -> None:
    seeds = [3, 6]
    here = [run_storm(seed, entropy) for seed in seeds]
    assert [report.digest for report in here] == digests_elsewhere(seeds, "4711")
    assert len({report.digest for report in here}) == len(seeds)
    assert all(report.trace.count > 500 for report in here)


def test_what_was_drawn_is_the_plan_and_the_plan_repeats_it(entropy: Entropy) -> None:
    with_faults = 0
    for seed in range(6):
        drawn = run_storm(seed, entropy)
        kept = Plan.from_json(drawn.plan.to_json())
        assert run_storm(seed, entropy, plan=kept).digest == drawn.digest
        with_faults += kept.size() > 0
    assert with_faults > 3


def test_divergence_is_shown(entropy: Entropy) -> None:
    one = run_storm(1, entropy, keeps_trace=True)
    other = run_storm(1, entropy, plan=Plan(1), keeps_trace=True)
    assert one.trace.lines is not None
    assert other.trace.lines is not None
    assert first_divergence(one.trace.lines, list(one.trace.lines)) is None
    found = first_divergence(one.trace.lines, other.trace.lines)
    assert found is not None
    assert found.first != found.second
    assert f"the runs part at event {found.index}" in str(found)


def test_end_of_a_shorter_run_is_a_divergence() -> None:
    found = first_divergence([b"1", b"2"], [b"1"])
    assert found is not None
    assert (found.index, found.first, found.second, found.before) == (1, b"2", None, (b"1",))
    assert "(ended)" in str(found)


@pytest.mark.parametrize("keeps_lines", [False, True])
def test_trace_tells_events_apart(keeps_lines: bool) -> None:
    traces = [Trace(keeps_lines) for _ in range(3)]
    traces[0].add(1, "send", "1>", b"ab")
    traces[0].add(2, "send", "1>", b"c")
    traces[1].add(1, "send", "1>", b"a")
    traces[1].add(2, "send", "1>", b"bc")
    traces[2].add(1, "send", "1>", b"ab")
    traces[2].add(2, "send", "1>", b"c")
    assert traces[0].digest() == traces[2].digest() != traces[1].digest()
    assert traces[0].encoded().count(b"send") == (2 if keeps_lines else 0)
