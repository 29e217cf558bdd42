"""The real bot, python-binance, journal and all, against the real local exchange, in one deterministic process.

`ROUNDS` of the rounds that `bin/test --simulate` makes are part of every test run.
"""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from actors.commands.simulate import ROUND_BOT, round_of
from actors.commands.simulate_setup import setup_of
from actors.simulation.entropy import Entropy
from actors.simulation.plan import Plan
from actors.simulation.rounds import run_round
from actors.simulation.weather import CALM

ROOT = Path(__file__).parents[2]
ROUNDS = 50
PARTS = 5


def test_calm_round_trades_and_everybody_agrees(entropy: Entropy) -> None:
    setup, comparison = setup_of(ROUND_BOT, 1)
    report = run_round(setup, 1, weather=CALM, entropy=entropy).check()
    assert report.plan.size() == 0
    figures = comparison.figures
    beliefs = figures.beliefs
    assert beliefs is not None
    assert {fill.strategy for fill in beliefs.fills} == {
        "MarketMaker",
        "MovingAverageCross",
        "EveryOrder",
    }
    assert figures.orders > 30
    assert figures.others_orders > 3
    # Fills of the bystander, too: his money is in the same balances.
    assert len(figures.account.trades) > len(beliefs.fills)
    assert figures.account.balances["BTC"] != Decimal(100)


def test_a_round_with_a_plain_symbol_keeps_triggers_and_some_go_off(entropy: Entropy) -> None:
    armed: set[str] = set()
    intended: set[str] = set()
    exits: set[str] = set()
    for seed in [seed for seed in range(ROUNDS) if ROUND_BOT.is_plain(seed)][:3]:
        setup, comparison = setup_of(ROUND_BOT, seed)
        run_round(setup, seed, weather=CALM, entropy=entropy).check()
        beliefs = comparison.figures.beliefs
        assert beliefs is not None
        armed |= {f"{seed} {order.client_order_id}" for order in beliefs.armed}
        intended |= {f"{seed} {name}" for name in beliefs.intended}
        exits |= {
            order.order_id.rpartition(".")[2]
            for order in beliefs.armed
            if order.list_id and order.client_order_id in beliefs.intended
        }
    assert armed & intended, "some went off"
    assert armed - intended, "some were taken back"
    assert {"stop", "target"} <= exits, "so did exits of brackets that are kept"


def test_a_round_by_rest_sends_its_orders_over_connections_that_were_open(
    entropy: Entropy,
) -> None:
    seed = next(seed for seed in range(ROUNDS) if ROUND_BOT.is_by_rest(seed))
    setup, comparison = setup_of(ROUND_BOT, seed)
    report = run_round(setup, seed, weather=CALM, keeps_trace=True, entropy=entropy).check()
    begins = [line for line in report.trace.lines or () if b"|POST /api/v3/order" in line]
    # A session asks for compression; the orders of the bystander go by one, ours where more come at once than are open.
    by_session = sum(b"Accept-Encoding" in line for line in begins)
    direct = len(begins) - by_session
    assert direct > 20
    assert by_session - comparison.figures.others_orders <= direct / 10


@pytest.mark.parametrize("part", range(PARTS))
def test_rounds_hold(part: int, entropy: Entropy) -> None:
    share = ROUNDS // PARTS
    for seed in range(part * share, (part + 1) * share):
        report = run_round(round_of(seed), seed, entropy=entropy)
        assert report.violations == [], f"bin/test --simulate --rounds 1 --seed {seed}"


def test_an_exchange_that_was_down_at_the_end_of_the_storm_is_not_killed_in_the_calm(
    entropy: Entropy,
) -> None:
    # Killed once at 18 s, it comes up at 21 s, and its second kill would have come a minute later.
    report = run_round(round_of(620928), 620928, entropy=entropy)
    assert report.violations == []
    assert [outcome.how for outcome in report.outcomes["exchange"]].count("killed") == 1


def digests(seeds: list[int], entropy: Entropy) -> list[str]:
    """What happened in each round, in this process."""
    return [run_round(round_of(seed), seed, entropy=entropy).digest for seed in seeds]


def digests_alone(seeds: list[int]) -> list[str]:
    """The same, in a process that does nothing else."""
    with Entropy() as entropy:
        return digests(seeds, entropy)


def test_a_round_is_the_same_in_another_process_under_another_hash_seed(entropy: Entropy) -> None:
    # The last has the exchange killed and the key revoked.
    seeds = [5, 17, 90]
    finished = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from tests.simulation.test_whole_bot import digests_alone; print(*digests_alone({seeds}))",
        ],
        env={**os.environ, "PYTHONHASHSEED": "99", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert finished.stdout.split() == digests(seeds, entropy)


def test_a_stored_plan_repeats_its_round(entropy: Entropy) -> None:
    seed = 17
    drawn = run_round(round_of(seed), seed, entropy=entropy)
    assert drawn.plan.size() > 20
    kept = Plan.from_json(drawn.plan.to_json())
    assert run_round(round_of(seed), seed, plan=kept, entropy=entropy).digest == drawn.digest
