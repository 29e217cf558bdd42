"""The exchange is killed and comes back from its state, the key is revoked and restored: the books are right all the same."""

from dataclasses import replace

import pytest

from actors.commands.simulate import ROUND_BOT, round_of
from actors.commands.simulate_setup import setup_of
from actors.simulation.entropy import Entropy
from actors.simulation.plan import Kill, KillPoint, Plan
from actors.simulation.rounds import BOT, EXCHANGE, run_round
from actors.simulation.venue_faults import draw_revocation, draw_venue_kills, remaining_faults
from actors.simulation.weather import CALM
from actors.simulation.world import Report

SECOND_NS = 10**9
STORM_S = 20.0


def ends_of(report: Report, program: str) -> list[tuple[str, int | None]]:
    """How a program's lives ended, with their exit codes."""
    return [(outcome.how, outcome.result) for outcome in report.outcomes[program]]


def test_a_revoked_key_ends_the_bot_until_it_is_restored(entropy: Entropy) -> None:
    revoked = {"kind": "key_revoked", "at_seconds": 6.0, "for_ms": 8_000, "until_seconds": STORM_S}
    plan = Plan(1, venue=[revoked])
    report = run_round(round_of(1), 1, plan=plan, weather=CALM, entropy=entropy).check()
    *failed, last = ends_of(report, BOT)
    assert len(failed) > 2
    assert set(failed) == {("returned", 1)}
    assert last == ("returned", 0)
    moments = [outcome.at_ns / SECOND_NS for outcome in report.outcomes[BOT]]
    assert all(6.0 < moment < 16.0 for moment in moments[:-1])


@pytest.mark.parametrize(
    ("point", "after", "pattern"),
    [
        ("time", 9 * SECOND_NS, ""),
        ("statement", 120, ""),
        ("write", 60, ""),
        ("heard", 3, '"order.place"'),
        ("heard", 2, '"order.cancel"'),
        ("heard", 3, "POST /api/v3/order"),
        ("bytes", 4, '"executionReport"'),
    ],
)
def test_an_exchange_that_is_killed_comes_back_from_its_state(
    point: KillPoint, after: int, pattern: str, entropy: Entropy
) -> None:
    kill = Kill(EXCHANGE, 0, point, after, pattern=pattern, restart_after_ns=SECOND_NS)
    plan = Plan(2, kills=[kill])
    setup, _ = setup_of(replace(ROUND_BOT, rest_share=float(pattern.startswith("POST"))), 2)
    report = run_round(setup, 2, plan=plan, weather=CALM, entropy=entropy).check()
    assert ends_of(report, EXCHANGE) == [("killed", None)]
    assert ends_of(report, BOT)[-1] == ("returned", 0)


def test_both_are_drawn_for_some_seeds_and_the_same_for_each() -> None:
    revocations = [draw_revocation(seed, STORM_S) for seed in range(300)]
    kills = [draw_venue_kills(seed, EXCHANGE) for seed in range(300)]
    assert 20 < sum(map(bool, revocations)) < 100
    assert 20 < sum(map(bool, kills)) < 150
    assert {len(drawn) for drawn in kills} == {0, 1, 2}
    assert {kill.point for drawn in kills for kill in drawn} == {
        "step", "write", "statement", "bytes", "heard",
    }  # fmt: skip
    assert all(kill.restart_after_ns >= 0 for drawn in kills for kill in drawn)
    for [fault] in filter(None, revocations):
        assert fault["at_seconds"] + fault["for_ms"] / 1000 <= STORM_S + 0.01
    assert revocations == [draw_revocation(seed, STORM_S) for seed in range(300)]
    assert kills == [draw_venue_kills(seed, EXCHANGE) for seed in range(300)]


def test_faults_do_not_begin_anew_with_the_exchange() -> None:
    faults = [
        {"kind": "late", "on": "order.place", "nth": 3, "delay_ms": 50, "until_seconds": 20.0},
        {"kind": "shutdown", "at_seconds": 4.0, "until_seconds": 20.0},
        {"kind": "shutdown", "at_seconds": 14.0, "until_seconds": 20.0},
        {"kind": "sockets_closed", "at_seconds": 4.0, "period_seconds": 4.0, "until_seconds": 20.0},
        {"kind": "late", "on": "time", "nth": 1, "delay_ms": 50, "until_seconds": 5.0},
    ]
    document = {"seed": 5, "faults": faults}
    left = remaining_faults(document, 10.5)
    assert left["seed"] == 5
    assert [
        (fault["kind"], fault.get("at_seconds"), fault["until_seconds"]) for fault in left["faults"]
    ] == [("late", None, 9.5), ("shutdown", 3.5, 9.5), ("sockets_closed", 1.5, 9.5)]
    assert document["faults"] == faults
    assert remaining_faults(document, 25.0)["faults"] == []


def test_the_same_round_twice(entropy: Entropy) -> None:
    """One whose seed has both."""
    seed = next(
        seed
        for seed in range(1_000)
        if draw_revocation(seed, STORM_S) and draw_venue_kills(seed, EXCHANGE)
    )
    first = run_round(round_of(seed), seed, entropy=entropy)
    assert first.violations == []
    kept = Plan.from_json(first.plan.to_json())
    assert {kill.program for kill in kept.kills} >= {EXCHANGE}
    assert run_round(round_of(seed), seed, entropy=entropy).digest == first.digest
    assert run_round(round_of(seed), seed, plan=kept, entropy=entropy).digest == first.digest
