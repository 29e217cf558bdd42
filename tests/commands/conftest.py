"""Fixtures: exchanges and bots, all ended after their test; and a few whole runs that several tests look at."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.commands.harness import SAMPLE, BotProcess, LocalVenue, wait_until
from tests.commands.whole_runs import ALL_STRATEGIES, CALM_RISK, WholeRun

TRADES_WANTED = 20
"""Executions that a whole run must have had before it is stopped."""


@pytest.fixture
def start_venue() -> Iterator[Callable[..., LocalVenue]]:
    """Starts local exchanges with these arguments."""
    with ExitStack() as stack:

        def start(*arguments: str) -> LocalVenue:
            venue = LocalVenue(*arguments)
            stack.callback(venue.close)
            return venue

        yield start


@pytest.fixture
def start_bot(tmp_path: Path) -> Iterator[Callable[..., BotProcess]]:
    """Starts bots with these arguments."""
    with ExitStack() as stack:

        def start(*arguments: str | Path, folder: Path = tmp_path) -> BotProcess:
            bot = BotProcess(folder, [str(word) for word in arguments])
            stack.callback(bot.kill)
            return bot

        yield start


def has_traded_enough(run: WholeRun) -> bool:
    """Whether there is something to look at: executions, and orders that ended in either way. Or the bot has ended."""
    if run.bot.process.poll() is not None:
        return True
    if len(run.venue.trades()) < TRADES_WANTED:
        return False
    orders = run.venue.ask("GET", "allOrders", symbol="BTCUSDT", limit=1000)
    return {"FILLED", "CANCELED"} <= {item["status"] for item in orders}


@pytest.fixture(scope="session")
def whole_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, WholeRun]]:
    """Bots that have traded side by side, each at an exchange of its own that outlives it."""
    kinds = {
        "synthetic": ["--rate", "60"],
        "recorded": ["--market", str(SAMPLE)],
        "bnb": ["--rate", "60", "--bnb-fees", "--symbols", "BTCUSDT,BNBUSDT"],
    }
    with ExitStack() as stack:
        runs = {}
        for kind, arguments in kinds.items():
            folder = tmp_path_factory.mktemp(kind)
            venue = LocalVenue(*arguments)
            stack.callback(venue.close)
            file = venue.write_configuration(folder, CALM_RISK + ALL_STRATEGIES)
            record = folder / "run.recording"
            bot = BotProcess(folder, ["--config", str(file), "--record", str(record)])
            stack.callback(bot.kill)
            runs[kind] = WholeRun(venue, file, record, bot)
        for kind, run in runs.items():
            wait_until(partial(has_traded_enough, run), f"enough orders of the {kind} run")
            run.bot.process.terminate()
        for run in runs.values():
            run.ended = run.bot.wait()
        yield runs
