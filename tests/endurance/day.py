"""The events of a day in a shorter time: one process with the whole bot, and an exchange that gives it no rest."""

import asyncio
import gc
import json
import os
import random
import statistics
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actors.commands.configuration import load_configuration
from actors.commands.control import BotControl
from actors.commands.monitor import Monitor
from actors.commands.run_bot import RunOptions, run_bot
from actors.gateways import known_orders
from actors.order_manager import checkpoints
from actors.runtime.system import System
from actors.strategies import holdings
from actors.trading.order_table import OrderTable
from messages.enums import OrderStatus
from tests.campaign.bystander import Bystander
from tests.campaign.comparison import Evidence, JournalReader, Ledger, find_wrong
from tests.campaign.processes import Exchange

SHORT_DAY, WHOLE_DAY = "short", "whole"
PAGE = os.sysconf("SC_PAGE_SIZE")
SAMPLE_S = 0.1
SAMPLES = 21
"""So many looks at the memory make one figure: their median."""

BOT = """
receive_window_ms = 1000
absence_after_s = 2.0

[risk]
maximum_order_notional = 100000
maximum_open_orders = 1000
maximum_orders_per_second = 1000

[[actors]]
class = "tests.endurance.busy_strategy.Busy"
symbol = "BTCUSDT"
orders_per_second = {rate}
quantity = "0.001"

[[actors]]
class = "MarketMaker"
symbol = "BTCUSDT"
quantity = "0.00123"
spread = 0.00002
requote_threshold = 0.00002
time_to_cancel = 1.0

[[actors]]
class = "MovingAverageCross"
symbol = "BTCUSDT"
fast = 2
slow = 4
sample_s = 0.5
quantity = "0.0017"
"""


@dataclass(frozen=True)
class Day:
    """How much is to happen, and in what time."""

    seconds: float
    orders_per_second: float
    reconnects: int
    shutdowns: int
    warm_up_orders: int
    orders: int
    """At least; the day goes on until they are placed."""
    remembered: int | None = None
    """How many ended orders the bot remembers; by default as many as in earnest."""
    market_rate: int = 40

    def faults(self) -> dict[str, Any]:
        """The exchange's orders of the day, evenly spread; its clock is wrong, drifts, and is set twice."""
        chance = random.Random(1)
        cuts: list[dict[str, Any]] = [
            {"kind": "sockets_dropped", "channel": "all", "reset": True},
            {"kind": "sockets_closed", "channel": "all"},
            {"kind": "sockets_dropped", "channel": "websocket_api"},
            {"kind": "sockets_closed", "channel": "user_events"},
            {"kind": "sockets_dropped", "channel": "market", "reset": True},
            {"kind": "event_streams_terminated"},
        ]
        step_s = self.seconds / self.reconnects
        rules = [
            {**cuts[number % len(cuts)], "at_seconds": (number + chance.uniform(0.3, 0.9)) * step_s}
            for number in range(self.reconnects)
        ]
        rules += [
            {
                "kind": "shutdown",
                "grace_ms": 1000,
                "at_seconds": number * self.seconds / self.shutdowns + 3,
            }
            for number in range(self.shutdowns)
        ]
        rules += [
            {"kind": "clock_changed", "offset_ms": offset, "drift_ppm": 300, "at_seconds": at}
            for offset, at in ((-250, self.seconds / 3), (400, 2 * self.seconds / 3))
        ]
        return {
            "seed": 1,
            "clock": {"offset_ms": 150, "drift_ppm": 300},
            "latency": {"user_events": {"ms": 1, "jitter_ms": 4}},
            "faults": rules,
        }


DAYS = {
    SHORT_DAY: Day(
        seconds=20,
        orders_per_second=40,
        reconnects=8,
        shutdowns=2,
        warm_up_orders=250,
        orders=600,
        remembered=50,
    ),
    WHOLE_DAY: Day(
        seconds=600,
        orders_per_second=45,
        reconnects=24,
        shutdowns=6,
        warm_up_orders=12_000,
        orders=20_000,
    ),
}


@dataclass
class Footprint:
    """What the process holds at one time; medians of several looks."""

    orders: int
    resident_bytes: int
    blocks: int
    """Allocated by Python."""
    objects: int
    tasks: int

    def __str__(self) -> str:
        return (
            f"{self.orders} orders, {self.resident_bytes / 1e6:.1f} MB resident, {self.blocks} blocks, "
            f"{self.objects} objects, {self.tasks} tasks"
        )


@dataclass
class Outcome:
    """What came of a day."""

    code: int
    footprints: list[Footprint] = field(default_factory=list)
    """At the end of the warm-up, in between, and at the end."""
    fills: int = 0
    events: list[tuple[str, int]] = field(default_factory=list)
    """Each of the day's events, and how often it came."""
    tasks_left: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def growth(self, figure: Callable[[Footprint], int]) -> float:
        """By which share a figure has grown between the first and the last footprint."""
        first, last = figure(self.footprints[0]), figure(self.footprints[-1])
        return last / first - 1


def running_system() -> System | None:
    """The bot's system: it is `run_bot`'s own, and is looked at from outside."""
    found = [item for item in gc.get_objects() if type(item) is System and not item.is_stopping]
    return found[0] if found else None


def remember_few(count: int) -> None:
    """Makes the bounds of what is remembered of ended orders small, so that memory is soon as full as it gets."""
    bounds = OrderTable.__init__.__kwdefaults__
    assert bounds is not None
    assert {"keep_closed", "remember_closed"} <= bounds.keys()
    bounds.update(keep_closed=count, remember_closed=count)
    assert all((holdings.ENDED_REMEMBERED, checkpoints.CLOSED_KEPT, known_orders.ENDED_LIMIT))
    holdings.ENDED_REMEMBERED = count
    checkpoints.CLOSED_KEPT = count
    known_orders.ENDED_LIMIT = count


async def wait_for(condition: Callable[[], Any], what: str, patience_s: float) -> Any:
    """Looks until a condition holds, and returns what it says."""
    deadline_s = asyncio.get_running_loop().time() + patience_s
    while not (answer := condition()):
        assert asyncio.get_running_loop().time() < deadline_s, f"it did not come: {what}"
        await asyncio.sleep(0.05)
    return answer


def has_doubts(monitor: Monitor) -> bool:
    """Whether the outcome of an order is unknown."""
    return any(
        order.status is OrderStatus.UNKNOWN for order in monitor.figures.open_orders.values()
    )


def resident_bytes() -> int:
    """Of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


async def take_footprint(monitor: Monitor) -> Footprint:
    """The medians of some looks, while the bot goes on."""
    gc.collect()
    looks: list[tuple[int, int, int, int]] = []
    for _ in range(SAMPLES):
        looks.append(
            (
                resident_bytes(),
                sys.getallocatedblocks(),
                len(gc.get_objects()),
                len(asyncio.all_tasks()),
            )
        )
        await asyncio.sleep(SAMPLE_S)
    resident, blocks, objects, tasks = (
        round(statistics.median(column)) for column in zip(*looks, strict=True)
    )
    return Footprint(monitor.figures.order_count, resident, blocks, objects, tasks)


def strikes_of(exchange: Exchange) -> list[tuple[str, int]]:
    """How often each of the exchange's faults has struck."""
    with urllib.request.urlopen(f"{exchange.line['control']}/state", timeout=60) as answer:
        return [(item["kind"], item["struck"]) for item in json.load(answer)["faults"]]


async def pass_a_day(day: Day, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Runs the bot through the day in this process, and compares at the end."""
    loop = asyncio.get_running_loop()
    if day.remembered is not None:
        remember_few(day.remembered)
    tasks_before = asyncio.all_tasks()
    exchange = Exchange(folder, seed=1, rate=day.market_rate, faults=day.faults())
    file = exchange.write_configuration(folder, BOT.format(rate=day.orders_per_second))
    control = BotControl()
    options = RunOptions(summary=folder / "summary.json")
    bot = loop.create_task(run_bot(load_configuration(file), options, control))
    try:
        started_s = loop.time()
        system = await wait_for(lambda: bot.done() or running_system(), "the bot's start", 60)
        assert isinstance(system, System), bot
        monitor = system.cells["monitor"].instance
        assert isinstance(monitor, Monitor)
        outcome = Outcome(-1)
        await wait_for(
            lambda: bot.done() or monitor.figures.order_count >= day.warm_up_orders,
            "the end of the warm-up",
            10 * day.seconds + 60,
        )
        outcome.footprints.append(await take_footprint(monitor))
        say(str(outcome.footprints[-1]))
        while not bot.done() and (
            loop.time() - started_s < day.seconds or monitor.figures.order_count < day.orders
        ):
            await asyncio.sleep(0.1)
            if len(outcome.footprints) < 1 + 10 * (loop.time() - started_s) / day.seconds:
                outcome.footprints.append(await take_footprint(monitor))
                say(f"{loop.time() - started_s:.0f} s: {outcome.footprints[-1]}")
        outcome.footprints.append(await take_footprint(monitor))
        say(f"{loop.time() - started_s:.0f} s: {outcome.footprints[-1]}")
        outcome.fills = monitor.figures.fill_count
        outcome.events = await loop.run_in_executor(None, strikes_of, exchange)
        await wait_for(
            lambda: bot.done() or not has_doubts(monitor), "an end of all doubts about orders", 60
        )
        control.interrupt()
        outcome.code = await asyncio.wait_for(bot, 60)
    finally:
        bot.cancel()
        await asyncio.wait([bot])
        exchange.close()
    outcome.tasks_left = [repr(task) for task in asyncio.all_tasks() - tasks_before]
    outcome.wrong = compare(folder, exchange)
    return outcome


def compare(folder: Path, exchange: Exchange) -> list[str]:
    """The same as after a round of the campaign; nobody has traded by hand."""
    journal = JournalReader(folder / "state" / "journal.sqlite")
    journal.read()
    summary = json.loads((folder / "summary.json").read_text())
    evidence = Evidence(journal, Ledger(exchange.state), summary, Bystander(exchange, 1))
    return list(find_wrong(evidence))
