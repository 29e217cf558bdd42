"""Fixtures: exchanges and bots, all ended after their test; and a few whole runs that several tests look at."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.commands.harness import SAMPLE, BotProcess, LocalVenue
from tests.commands.whole_runs import ALL_STRATEGIES, CALM_RISK, WholeRun


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


@pytest.fixture(scope="session")
def whole_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, WholeRun]]:
    """Bots that have traded side by side, each at an exchange of its own that outlives it."""
    kinds = {
        "synthetic": ["--rate", "60"],
        "recorded": ["--market", str(SAMPLE), "--speed", "3"],
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
            bot = BotProcess(
                folder, ["--config", str(file), "--duration", "4.5", "--record", str(record)]
            )
            stack.callback(bot.kill)
            runs[kind] = WholeRun(venue, file, record, bot)
        for run in runs.values():
            run.ended = run.bot.wait()
        yield runs
