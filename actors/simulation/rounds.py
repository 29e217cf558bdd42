"""Rounds: a bot and an exchange in the weather of a seed, then a time to settle, then what must hold.

Bot and exchange are coroutine functions that are handed in: each gets the folder of its disk. The faults of the exchange lie
on its disk as a file, which it reads as its own command does (`FAULTS_FILE`).
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM
from typing import Any

import msgspec

from actors.simulation.chaos import NO_PATTERNS, ONE_SECOND_NS, KillPatterns
from actors.simulation.entropy import Entropy
from actors.simulation.loop import Dialect
from actors.simulation.plan import Plan
from actors.simulation.program import Program
from actors.simulation.shrink import shrink_plan
from actors.simulation.venue_faults import (
    draw_revocation,
    draw_settings,
    draw_short_lives,
    draw_venue_faults,
    draw_venue_kills,
)
from actors.simulation.weather import Weather
from actors.simulation.world import Invariant, Report, World

OnDisk = Callable[[Path], Coroutine[Any, Any, Any]]
Settled = Callable[[World, Program], Coroutine[Any, Any, list[str]]]
EXCHANGE = "exchange"
BOT = "bot"
FAULTS_FILE = "faults.json"
KEEPS_STATE_FILE = "keeps-state"
"""Lies on the disk of an exchange that will be killed, and so has to keep its state, which costs time."""
BOT_STARTS_AT_S = 1.0
RESTART_FAILED_AFTER_S = 1.0
"""When a bot that has ended by itself with an error is started again, as a service manager does."""


@dataclass(frozen=True)
class RoundSetup:
    """What a round is made of; times in simulated seconds.

    The weather lasts `duration_s` from the beginning, then there are `settle_s` of calm. `settled` is asked at their end,
    while both still run, `stopped` when the bot has been asked to stop and has ended: they may talk to the exchange over
    the network, read the bot's disk, and return what is wrong. `invariants` are asked at the end.
    """

    exchange: OnDisk
    bot: OnDisk
    duration_s: float = 60.0
    settle_s: float = 60.0
    stop_s: float = 60.0
    settled: Settled | None = None
    stopped: Settled | None = None
    invariants: tuple[Invariant, ...] = ()
    patterns: KillPatterns = NO_PATTERNS
    others: Mapping[str, OnDisk] = field(default_factory=dict)
    """Further programs, such as somebody who trades by hand on the same account."""
    weather_of: Callable[[int], Weather] = Weather.drawn


SetupOf = Callable[[int], RoundSetup]
"""The parts of each seed's round."""


def run_round(
    setup: RoundSetup,
    seed: int,
    *,
    weather: Weather | None = None,
    plan: Plan | None = None,
    dialect: Dialect = "uvloop",
    keeps_trace: bool = False,
    entropy: Entropy | None = None,
) -> Report:
    """One round; the weather is the seed's unless given, the faults are drawn from it unless a plan names them.

    What is wrong is in the report; `Report.check` raises it.
    """
    weather = weather if weather is not None else setup.weather_of(seed)
    world = World(
        seed, weather, dialect=dialect, plan=plan, keeps_trace=keeps_trace, entropy=entropy
    )
    if plan is None:
        storm_s = setup.duration_s
        world.plan.venue = draw_venue_faults(seed, weather.venue_faults, storm_s)
        if weather.has_venue_settings:
            world.plan.venue_settings = draw_settings(seed)
            world.plan.venue += draw_short_lives(seed, storm_s)
        if weather.has_hard_times:
            world.plan.venue += draw_revocation(seed, storm_s)
            world.plan.kills += draw_venue_kills(seed, EXCHANGE)
    faults = {**world.plan.venue_settings, "faults": world.plan.venue}
    (world.folder(EXCHANGE) / FAULTS_FILE).write_bytes(msgspec.json.encode(faults))
    exchange = world.start(EXCHANGE, setup.exchange, world.folder(EXCHANGE))
    if any(kill.program == EXCHANGE for kill in world.plan.kills):
        (exchange.folder / KEEPS_STATE_FILE).touch()
    report = world.run(lambda: play(world, setup), setup.invariants)
    report.violations[:0] = report.result
    return report


async def play(world: World, setup: RoundSetup) -> list[str]:
    """The course of a round; what was wrong when it had settled and when the bot had ended."""
    await asyncio.sleep(BOT_STARTS_AT_S)
    bot = world.start(BOT, setup.bot, world.folder(BOT))
    for name, program in setup.others.items():
        world.start(name, program, world.folder(name))
    world.expose(bot, setup.duration_s, setup.patterns)
    bot.restarts_failures = True
    bot.restart_after_ns = int(RESTART_FAILED_AFTER_S * ONE_SECOND_NS)
    await asyncio.sleep(setup.duration_s)
    world.clear_up()
    world.programs[EXCHANGE].spare()
    await asyncio.sleep(setup.settle_s)
    if not bot.is_running:
        return ["the bot does not run at the end of the round"]
    wrong = [] if setup.settled is None else await setup.settled(world, bot)
    ending = world.ended(bot)
    bot.restarts_failures = False
    world.signal(bot, SIGTERM)
    done, _ = await asyncio.wait([ending], timeout=setup.stop_s)
    if not done:
        wrong.append(f"the bot has not ended {setup.stop_s} s after SIGTERM")
    elif setup.stopped is not None:
        wrong += await setup.stopped(world, bot)
    return wrong


def simulate_programs(
    exchange: OnDisk, bot: OnDisk, *, seed: int = 0, seconds: float = 600.0, **options: Any
) -> Report:
    """One round of so many simulated seconds, for a test; raises InvariantError if something is wrong.

    `options` are those of `RoundSetup` (`settled`, `invariants`, ...).
    """
    setup = RoundSetup(exchange, bot, duration_s=seconds, **options)
    return run_round(setup, seed).check()


@dataclass
class Campaign:
    """What came of many rounds."""

    rounds: int = 0
    simulated_s: float = 0.0
    real_s: float = 0.0
    faults: int = 0
    kills: int = 0
    connections: int = 0
    failures: dict[int, Report] = field(default_factory=dict)

    def count(self, report: Report) -> None:
        """Takes one round's report."""
        self.rounds += 1
        self.simulated_s += report.duration_ns / 1e9
        self.faults += report.plan.size()
        self.connections += report.connections
        self.kills += sum(
            outcome.how == "killed" for ends in report.outcomes.values() for outcome in ends
        )
        if report.violations:
            self.failures[report.seed] = report

    def add(self, other: "Campaign") -> None:
        """Takes what another process has run; the time is this one's own."""
        self.rounds += other.rounds
        self.simulated_s += other.simulated_s
        self.faults += other.faults
        self.kills += other.kills
        self.connections += other.connections
        self.failures.update(other.failures)

    def __str__(self) -> str:
        speed = self.rounds / self.real_s if self.real_s else 0.0
        hours = self.simulated_s / 3600
        hours_a_second = hours / self.real_s if self.real_s else 0.0
        return (
            f"{self.rounds} rounds in {self.real_s:.1f} s ({speed:.2f} rounds a second, "
            f"{hours_a_second:.3f} simulated hours a second, {hours:.1f} in all), {self.kills} kills, "
            f"{self.faults} faults, {self.connections} connections, {len(self.failures)} failed"
        )


def run_rounds(
    setup_of: SetupOf,
    seeds: Iterable[int],
    *,
    dialect: Dialect = "uvloop",
    stops_at_failure: bool = False,
    on_round: Callable[[Campaign, Report], None] | None = None,
) -> Campaign:
    """One round for each seed; `on_round` hears of each as it ends."""
    campaign = Campaign()
    with Entropy() as entropy:
        started = time.perf_counter()
        for seed in seeds:
            report = run_round(setup_of(seed), seed, dialect=dialect, entropy=entropy)
            campaign.count(report)
            campaign.real_s = time.perf_counter() - started
            if on_round is not None:
                on_round(campaign, report)
            if report.violations and stops_at_failure:
                break
    return campaign


def shrink_round(setup_of: SetupOf, report: Report, tries: int = 100) -> Plan:
    """The smallest plan with which the round of this report still fails."""
    seed = report.seed
    with Entropy() as entropy:

        def fails(plan: Plan) -> bool:
            return bool(run_round(setup_of(seed), seed, plan=plan, entropy=entropy).violations)

        return shrink_plan(report.plan, fails, tries)
