"""Rounds: a bot and an exchange in the weather of a seed, then a time to settle, then what must hold.

Bot and exchange are coroutine functions that are handed in: each gets the folder of its disk.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM
from typing import Any

from actors.simulation.entropy import Entropy
from actors.simulation.errors import InvariantError
from actors.simulation.loop import Dialect
from actors.simulation.plan import Plan
from actors.simulation.program import Program
from actors.simulation.shrink import shrink_plan
from actors.simulation.weather import Weather
from actors.simulation.world import Invariant, Report, World

OnDisk = Callable[[Path], Coroutine[Any, Any, Any]]
Settled = Callable[[World, Program], Coroutine[Any, Any, list[str]]]
EXCHANGE = "exchange"
BOT = "bot"


@dataclass(frozen=True)
class RoundSetup:
    """What a round is made of; times in simulated seconds.

    `settled` is asked while both still run, after the weather has cleared for `settle_s` seconds: it may talk to the
    exchange over the network, read the bot's disk, and returns what is wrong. `invariants` are asked at the end.
    `kill_patterns` are bytes of the bot's after which a kill is most telling.
    """

    exchange: OnDisk
    bot: OnDisk
    duration_s: float = 60.0
    settle_s: float = 60.0
    stop_s: float = 60.0
    settled: Settled | None = None
    invariants: tuple[Invariant, ...] = ()
    kill_patterns: tuple[bytes, ...] = ()
    others: dict[str, OnDisk] = field(default_factory=dict)
    """Further programs, such as somebody who trades by hand on the same account."""


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
    weather = weather if weather is not None else Weather.drawn(seed)
    world = World(
        seed, weather, dialect=dialect, plan=plan, keeps_trace=keeps_trace, entropy=entropy
    )
    world.start(EXCHANGE, setup.exchange, world.folder(EXCHANGE))

    async def scenario() -> list[str]:
        await asyncio.sleep(1)
        bot = world.start(BOT, setup.bot, world.folder(BOT))
        for name, program in setup.others.items():
            world.start(name, program, world.folder(name))
        world.expose(bot, setup.duration_s, setup.kill_patterns)
        await asyncio.sleep(setup.duration_s)
        world.clear_up()
        await asyncio.sleep(setup.settle_s)
        if not bot.is_running:
            return ["the bot does not run at the end of the round"]
        wrong = [] if setup.settled is None else await setup.settled(world, bot)
        ending = world.ended(bot)
        world.signal(bot, SIGTERM)
        done, _ = await asyncio.wait([ending], timeout=setup.stop_s)
        if not done:
            wrong.append(f"the bot has not ended {setup.stop_s} s after SIGTERM")
        return wrong

    report = world.run(scenario, setup.invariants)
    report.violations[:0] = report.result
    return report


def simulate(
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

    def __str__(self) -> str:
        speed = self.rounds / self.real_s if self.real_s else 0.0
        hours = self.simulated_s / 3600
        return (
            f"{self.rounds} rounds in {self.real_s:.1f} s ({speed:.2f} a second, "
            f"{hours:.1f} simulated hours), {self.kills} kills, {self.faults} faults, "
            f"{self.connections} connections, {len(self.failures)} failed"
        )


def run_rounds(
    setup: RoundSetup,
    seeds: Iterable[int],
    *,
    dialect: Dialect = "uvloop",
    stops_at_failure: bool = False,
) -> Campaign:
    """One round for each seed."""
    campaign = Campaign()
    with Entropy() as entropy:
        started = time.perf_counter()
        for seed in seeds:
            report = run_round(setup, seed, dialect=dialect, entropy=entropy)
            campaign.rounds += 1
            campaign.simulated_s += report.duration_ns / 1e9
            campaign.faults += report.plan.size()
            campaign.connections += report.connections
            campaign.kills += sum(
                outcome.how == "killed"
                for outcomes in report.outcomes.values()
                for outcome in outcomes
            )
            if report.violations:
                campaign.failures[seed] = report
                if stops_at_failure:
                    break
        campaign.real_s = time.perf_counter() - started
    return campaign


def shrink_round(setup: RoundSetup, report: Report, tries: int = 100) -> Plan:
    """The smallest plan with which the round of this report still fails."""
    with Entropy() as entropy:

        def fails(plan: Plan) -> bool:
            try:
                run_round(setup, report.seed, plan=plan, entropy=entropy).check()
            except InvariantError:
                return True
            return False

        return shrink_plan(report.plan, fails, tries)
