"""Rounds with a toy bot: a sound one holds, planted errors are found, and the plan of a failure shrinks."""

import asyncio
import sqlite3
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from actors.runtime.journal import connect
from actors.simulation.chaos import KillPatterns
from actors.simulation.entropy import Entropy
from actors.simulation.errors import InvariantError
from actors.simulation.invariants import (
    OrderFact,
    compare_amounts,
    compare_orders,
    programs_ended_well,
)
from actors.simulation.plan import Cut, Kill, Plan
from actors.simulation.program import Program
from actors.simulation.rounds import (
    RoundSetup,
    run_round,
    run_rounds,
    shrink_round,
    simulate_programs,
)
from actors.simulation.shrink import shrink_plan
from actors.simulation.weather import Weather
from actors.simulation.world import World

STORM = Weather(cut_share=0.3, mean_cut_bytes=2_000, kills=3, restart_after=(0.1, 1.0))
PLACE = b"POST /order"


class Venue:
    """Takes orders by name, as often as they come."""

    def __init__(self) -> None:
        self.orders: list[str] = []

    async def place(self, request: web.Request) -> web.Response:
        self.orders.append(await request.text())
        return web.Response(text="placed")

    async def find(self, request: web.Request) -> web.Response:
        return web.json_response(request.query["name"] in self.orders)

    async def serve(self, folder: Path) -> None:
        application = web.Application()
        application.add_routes([web.post("/order", self.place), web.get("/order", self.find)])
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "0.0.0.0", 80).start()
        await asyncio.Event().wait()


def open_journal(folder: Path) -> sqlite3.Connection:
    database = connect(folder / "journal.sqlite")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE IF NOT EXISTS intent (name TEXT PRIMARY KEY, status TEXT)")
    return database


class Bot:
    """Places an order a second, and asks for what it does not know. `fault` is an error planted in it."""

    def __init__(self, fault: str, folder: Path) -> None:
        self.fault = fault
        self.journal = open_journal(folder)

    def note(self, name: str, status: str) -> None:
        self.journal.execute("INSERT OR REPLACE INTO intent VALUES (?, ?)", (name, status))

    async def run(self) -> None:
        known = self.journal.execute("SELECT name, status FROM intent ORDER BY name").fetchall()
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3))
        for name, status in known:
            if status == "PENDING":
                await self.resolve(name)
        number = len(known)
        while True:
            number += 1
            await self.place(f"{number:05}")
            await asyncio.sleep(1)

    async def place(self, name: str) -> None:
        if self.fault != "journal after send":
            self.note(name, "PENDING")
        try:
            async with self.session.post("http://exchange/order", data=name):
                self.note(name, "PLACED")
        except (aiohttp.ClientError, OSError):
            if self.fault == "resend":
                await self.place(name)
            elif self.fault == "failure means not placed":
                self.note(name, "ABSENT")
            else:
                await self.resolve(name)

    async def resolve(self, name: str) -> None:
        while True:
            # Until then a request under way has arrived or never will.
            await asyncio.sleep(3)
            try:
                url = f"http://exchange/order?name={name}"
                async with self.session.get(url) as response:
                    self.note(name, "PLACED" if await response.json() else "ABSENT")
                    return
            except (aiohttp.ClientError, OSError):
                continue


def setup_with(fault: str) -> RoundSetup:
    """A round's parts. The venue is made anew by each exchange process."""
    venues: list[Venue] = []

    async def exchange(folder: Path) -> None:
        venues.append(Venue())
        await venues[-1].serve(folder)

    async def bot(folder: Path) -> None:
        await Bot(fault, folder).run()

    async def settled(world: World, program: Program) -> list[str]:
        rows = open_journal(program.folder).execute("SELECT name, status FROM intent").fetchall()
        placed = venues[-1].orders
        known = [OrderFact(name, is_open=True) for name, status in rows if status == "PLACED"]
        at_venue = [OrderFact(name, is_open=True) for name in placed]
        wrong = list(compare_orders([name for name, _ in rows], known, at_venue))
        # The order of this very second may be under way.
        newest = max((name for name, _ in rows), default="")
        return [line for line in wrong if not line.startswith(newest)]

    return RoundSetup(
        exchange,
        bot,
        duration_s=40,
        settle_s=20,
        settled=settled,
        patterns=KillPatterns(said=(PLACE,)),
    )


def test_sound_bot_holds(entropy: Entropy) -> None:
    setup = setup_with("")
    for seed in range(6):
        report = run_round(setup, seed, weather=STORM, entropy=entropy)
        assert report.violations == []
    assert sum(outcome.how == "killed" for outcome in report.outcomes["bot"]) > 0


@pytest.mark.parametrize("fault", ["resend", "journal after send", "failure means not placed"])
def test_planted_error_is_found(fault: str, entropy: Entropy) -> None:
    setup = setup_with(fault)
    for seed in range(40):
        report = run_round(setup, seed, weather=STORM, entropy=entropy)
        if report.violations:
            break
    with pytest.raises(InvariantError, match=f"seed {seed}"):
        report.check()


def test_failing_plan_shrinks_to_what_matters(entropy: Entropy) -> None:
    setup = setup_with("resend")
    campaign = run_rounds(lambda _: setup, range(40), stops_at_failure=True)
    (seed,) = campaign.failures
    report = campaign.failures[seed]
    smallest = shrink_round(lambda _: setup, report, tries=40)
    assert 1 <= smallest.size() <= min(2, report.plan.size())
    assert run_round(setup, seed, plan=smallest, entropy=entropy).violations
    assert run_round(setup, seed, plan=Plan(seed), entropy=entropy).violations == []
    assert f"{campaign.rounds} rounds" in str(campaign)
    assert "1 failed" in str(campaign)


def test_shrinking_keeps_only_what_is_needed_together() -> None:
    cuts = [Cut(number, "to_client", 10, "reset") for number in range(1, 20)]
    kills = [Kill("bot", number, "step", 5) for number in range(5)]

    def fails(plan: Plan) -> bool:
        return cuts[7] in plan.cuts and kills[3] in plan.kills

    smallest = shrink_plan(Plan(9, cuts=cuts, kills=kills, refusals=[4, 5]), fails)
    assert smallest == Plan(9, cuts=[cuts[7]], kills=[kills[3]])


def test_plan_that_does_not_fail_stays_as_it_is() -> None:
    plan = Plan(refusals=[1, 2, 3])
    assert shrink_plan(plan, lambda _: False) is plan


def test_simulate_raises_what_is_wrong() -> None:
    setup = setup_with("")

    async def fail(folder: Path) -> None:
        await asyncio.sleep(5)
        raise RuntimeError("as meant")

    assert simulate_programs(setup.exchange, setup.bot, seconds=5).violations == []
    with pytest.raises(InvariantError, match=r"bot-0 ended with .*as meant"):
        simulate_programs(setup.exchange, fail, seconds=30, invariants=(programs_ended_well,))


def fact(name: str, is_open: bool = False, executed: str = "0") -> OrderFact:
    return OrderFact(name, is_open, Decimal(executed))


@pytest.mark.parametrize(
    ("known", "at_venue", "words"),
    [
        ([fact("a")], [fact("a"), fact("a")], "a was placed 2 times"),
        ([fact("x")], [fact("x")], "x is at the venue and was never written down"),
        ([], [fact("a")], "a is at the venue and the bot does not know it"),
        (
            [fact("a", executed="0.1")],
            [fact("a", executed="0.2")],
            "a has executed 0.2, the bot believes 0.1",
        ),
        ([fact("a")], [fact("a", True)], "a is open, the bot believes closed"),
        ([fact("a", True)], [fact("a")], "a is closed, the bot believes open"),
        ([fact("a", True)], [], "a is not at the venue"),
        ([fact("a", executed="1")], [], "a is not at the venue"),
    ],
)
def test_orders_that_disagree(
    known: list[OrderFact], at_venue: list[OrderFact], words: str
) -> None:
    (line,) = compare_orders(["a", "b"], known, at_venue)
    assert line.startswith(words)


def test_orders_that_agree() -> None:
    facts = [fact("a", executed="1"), fact("b", True, "0.50")]
    assert list(compare_orders(["a", "b", "c"], [*facts, fact("c")], facts)) == []


def test_amounts() -> None:
    ours = {"BTC": Decimal("1.0"), "ETH": Decimal(0)}
    assert list(compare_amounts("balance", ours, {"BTC": Decimal(1)})) == []
    (line,) = compare_amounts("balance", ours, {"BTC": Decimal("1.00000001")})
    assert line == "balance of BTC: ours 1.0, the venue's 1.00000001"
