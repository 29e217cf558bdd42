"""`bin/test --simulate`: rounds of the whole bot in a simulated world; and `simulate`, the same for a strategy of one's own.

A user's test:

```python
from decimal import Decimal

from actors.commands.simulate import simulate
from my_bot import Breakout


def test_my_strategy_survives_a_bad_day() -> None:
    run = simulate(Breakout, days=0.01, seed=7, symbol="BTCUSDT", level=60000.0, quantity=Decimal("0.001"))
    assert run.orders > 0
```

The real bot trades on the real local exchange in virtual time, while connections are cut, answers get lost, and the bot is
killed and started again, all drawn from the seed. At the end its orders, fills, position and the account's balances must
equal the venue's to the last digit, or `InvariantError` says what does not and how to repeat it.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from actors.commands.command_parser import CommandParser
from actors.commands.simulate_setup import Comparison, SimulatedBot, setup_of
from actors.commands.simulate_strategy import EveryOrder
from actors.runtime.actor import Actor
from actors.runtime.specification import ActorSpecification
from actors.simulation.failures import SHRINK_TRIES, investigate
from actors.simulation.plan import Plan
from actors.simulation.rounds import Campaign, RoundSetup, run_round, run_rounds
from actors.simulation.weather import Weather
from actors.simulation.world import Report
from actors.strategies.market_maker import MarketMaker
from actors.strategies.moving_average_cross import MovingAverageCross
from messages.orders import Fill

SECONDS_PER_DAY = 86_400
ROUNDS = 50
STORE = Path(".simulation")
FAILED, USAGE_ERROR = 1, 2
BATCH = 20
"""Rounds that another process runs at a time."""
PROGRESS_S = 10.0
ROUND_BOT = SimulatedBot(
    actors=(
        ActorSpecification(
            MarketMaker,
            "MarketMaker",
            {
                "symbol": "BTCUSDT",
                "quantity": Decimal("0.001"),
                "spread": 0.00002,
                "requote_threshold": 0.0001,
                "time_to_cancel": 5.0,
            },
        ),
        ActorSpecification(
            MovingAverageCross,
            "MovingAverageCross",
            {"symbol": "BTCUSDT", "fast": 2, "slow": 5, "quantity": Decimal("0.001")},
        ),
        ActorSpecification(
            EveryOrder, "EveryOrder", {"symbol": "BTCUSDT", "quantity": Decimal("0.001")}
        ),
    ),
    plain_share=0.3,
    rest_share=0.3,
)
"""What trades in the rounds: a market maker, a crossing strategy quick enough to cross every few seconds, and one that uses
every kind of order."""


@dataclass(frozen=True)
class SimulatedRun:
    """What came of a simulated strategy."""

    report: Report
    orders: int
    """That were written down to be sent."""
    fills: list[Fill]
    positions: dict[str, Decimal]
    """What each strategy held at the end, by `strategy symbol`."""
    starts: int
    """Of the bot: one more than it was killed, or had failed and was started again."""


def simulate(
    strategy: type[Actor[Any]],
    *,
    days: float = 1.0,
    seed: int = 1,
    weather: Weather | None = None,
    plan: Plan | None = None,
    trades_per_second: float = 1.0,
    **parameters: Any,
) -> SimulatedRun:
    """Lets a strategy trade for so many simulated days in a seed's weather, and compares it with the venue at the end.

    `parameters` are the strategy's own; its `symbol` is what is traded (BTCUSDT if it names none). The weather is the
    seed's unless given (`CALM` for none), the faults are drawn from it unless a stored plan names them. Raises
    InvariantError if anything does not hold; the plan of faults is in its text.
    """
    bot = SimulatedBot(
        actors=(ActorSpecification(strategy, strategy.__name__, parameters),),
        symbol=parameters.get("symbol", "BTCUSDT"),
        trades_per_second=trades_per_second,
        duration_s=days * SECONDS_PER_DAY,
        has_bystander=False,
    )
    setup, comparison = setup_of(bot, seed)
    report = run_round(setup, seed, weather=weather, plan=plan).check()
    return describe_run(report, comparison)


def describe_run(report: Report, comparison: Comparison) -> SimulatedRun:
    """The figures of a run that has ended well."""
    beliefs = comparison.figures.beliefs
    return SimulatedRun(
        report=report,
        orders=comparison.figures.orders,
        fills=beliefs.fills if beliefs is not None else [],
        positions=beliefs.positions() if beliefs is not None else {},
        starts=len(report.outcomes["bot"]),
    )


# The command.


def round_of(seed: int) -> RoundSetup:
    """The parts of a round of the command."""
    return setup_of(ROUND_BOT, seed)[0]


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = CommandParser(
        prog="bin/test --simulate",
        description="Rounds of the whole bot on the local exchange, in virtual time, with faults and kills from a seed.",
        epilog="Exit codes: 0 all rounds held, 1 one did not, 2 bad usage.",
    )
    add = parser.add_argument
    add("--rounds", type=int, default=ROUNDS, metavar="N", help="how many (default: %(default)s)")
    add(
        "--seed", type=int, default=0, metavar="N", help="of the first round (default: %(default)s)"
    )
    add(
        "--trace",
        type=Path,
        metavar="FILE",
        help="write what happened in the last round, byte for byte",
    )
    add("--processes", type=int, default=1, metavar="N", help="run so many rounds side by side (1)")
    add("--plan", type=Path, metavar="FILE", help="repeat the one round of a stored plan")
    add(
        "--store",
        type=Path,
        default=STORE,
        metavar="FOLDER",
        help="where the plans of failures are kept (default: %(default)s)",
    )
    add(
        "--shrink",
        type=int,
        default=SHRINK_TRIES,
        metavar="N",
        help="rounds spent on making a failure's plan smaller (default: %(default)s, 0: none)",
    )
    return parser


class Progress:
    """Says now and then how far it has come."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self.told_at = time.monotonic()

    def tell(self, campaign: Campaign) -> None:
        """A line on stderr, at most every ten seconds."""
        now = time.monotonic()
        if now - self.told_at >= PROGRESS_S:
            self.told_at = now
            print(f"{campaign.rounds} of {self.rounds}: {campaign}", file=sys.stderr, flush=True)


def run_batch(seeds: list[int]) -> Campaign:
    """Some rounds, in a process that others run beside."""
    return run_rounds(round_of, seeds)


def run_side_by_side(seeds: Sequence[int], processes: int, progress: Progress) -> Campaign:
    """The rounds of these seeds, spread over processes of their own."""
    campaign = Campaign()
    started = time.perf_counter()
    batches = [list(seeds[start : start + BATCH]) for start in range(0, len(seeds), BATCH)]
    with get_context("spawn").Pool(processes) as pool:
        for part in pool.imap_unordered(run_batch, batches):
            campaign.add(part)
            campaign.real_s = time.perf_counter() - started
            progress.tell(campaign)
    return campaign


def repeat_command(plan: Path) -> str:
    """What runs a stored plan again."""
    return f"bin/test --simulate --plan {os.path.relpath(plan)}"


def repeat(plan_file: Path, trace: Path | None) -> int:
    """Runs the round of a stored plan; the exit code."""
    plan = Plan.from_json(plan_file.read_bytes())
    report = run_round(round_of(plan.seed), plan.seed, plan=plan, keeps_trace=trace is not None)
    if trace is not None:
        trace.write_bytes(report.trace.encoded())
    for violation in report.violations:
        print(f"  {violation}")
    print(
        f"seed {plan.seed} with {plan.size()} faults: "
        f"{'failed' if report.violations else 'held'}, digest {report.digest}"
    )
    return FAILED if report.violations else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the rounds and tells what came of them; the exit code."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.processes < 1 or options.shrink < 0:
        parser.error("--rounds and --processes must be 1 or more, --shrink 0 or more")
    if options.plan is not None:
        try:
            return repeat(options.plan, options.trace)
        except (OSError, ValueError) as error:
            print(f"bin/test --simulate: {options.plan}: {error}", file=sys.stderr)
            return USAGE_ERROR
    seeds = range(options.seed, options.seed + options.rounds)
    progress = Progress(options.rounds)
    if options.processes == 1:
        campaign = run_rounds(round_of, seeds, on_round=lambda so_far, _: progress.tell(so_far))
    else:
        campaign = run_side_by_side(seeds, options.processes, progress)
    if options.trace is not None:
        last = run_round(round_of(seeds[-1]), seeds[-1], keeps_trace=True)
        options.trace.write_bytes(last.trace.encoded())
        print(f"the trace of seed {seeds[-1]}, digest {last.digest}: {options.trace}")
    for seed in sorted(campaign.failures):
        report = campaign.failures[seed]
        print(investigate(round_of, report, options.store, options.shrink).describe(repeat_command))
    print(f"seeds {seeds[0]} to {seeds[-1]}: {campaign}")
    return FAILED if campaign.failures else 0


if __name__ == "__main__":
    sys.exit(main())
