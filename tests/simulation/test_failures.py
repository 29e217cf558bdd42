"""What is stored and shown of a round that failed, and of one that is not the same in every run."""

import asyncio
from pathlib import Path

from actors.simulation.failures import find_divergence, investigate
from actors.simulation.plan import Cut, Kill, Plan
from actors.simulation.program import Program
from actors.simulation.rounds import RoundSetup, run_round
from actors.simulation.world import World
from tests.simulation.programs import ask, serve


def setup_with(first_word: str, runs: list[int] | None = None) -> RoundSetup:
    """A server, and a client that is at fault if it was ever killed; with `runs` it says something else in each run."""

    async def exchange(folder: Path) -> None:
        await serve()

    async def bot(folder: Path) -> None:
        if runs is not None:
            runs.append(0)
        url = f"http://exchange/?{first_word}{len(runs or [])}"
        while True:
            await ask(url, 3, [], [])
            await asyncio.sleep(1)

    async def settled(world: World, program: Program) -> list[str]:
        return ["it was killed"] if len(program.outcomes) else []

    return RoundSetup(exchange, bot, duration_s=10, settle_s=5, stop_s=5, settled=settled)


PLAN = Plan(
    4,
    cuts=[Cut(number, "to_client", 300, "reset") for number in (2, 3)],
    kills=[Kill("bot", 0, "time", 5 * 10**9, restart_after_ns=10**8)],
)


def test_the_plan_of_a_failure_is_stored_whole_and_shrunk(tmp_path: Path) -> None:
    setup = setup_with("word")
    report = run_round(setup, 4, plan=PLAN)
    assert report.violations == ["it was killed"]
    store = tmp_path / "not" / "there" / "yet"
    finding = investigate(lambda _: setup, report, store)
    assert finding.divergence is None
    assert Plan.from_json(finding.whole.read_bytes()) == PLAN
    assert Plan.from_json(finding.smallest.read_bytes()) == Plan(4, kills=PLAN.kills)
    said = finding.describe(lambda path: f"repeat {path.name}")
    for words in ("seed 4 failed", "it was killed", "3 faults", "repeat seed-4.smallest.json"):
        assert words in said
    assert "not the same" not in said


def test_a_round_that_is_not_the_same_in_every_run_shows_where(tmp_path: Path) -> None:
    runs: list[int] = []
    setup = setup_with("run-", runs)
    report = run_round(setup, 4, plan=PLAN)
    found = find_divergence(lambda _: setup, report)
    assert found is not None
    assert found.first is not None
    assert found.second is not None
    # Each run begins its program twice, for it is killed once.
    assert b"run-3" in found.first
    assert b"run-5" in found.second
    # Such a failure is stored as it is: shrinking would compare what cannot be compared.
    finding = investigate(lambda _: setup, report, tmp_path)
    assert finding.smallest == finding.whole
    assert "not the same in every run: the runs part at event" in finding.describe(str)
