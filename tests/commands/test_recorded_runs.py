"""A recorded run of every shipped strategy, executed again through strategies and order manager: the same bytes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from actors.commands.composition import Venue, compose
from actors.commands.configuration import load_configuration
from actors.commands.configured_actors import SHIPPED_ACTORS
from actors.runtime.actor import Actor
from actors.runtime.replay import ReplayedActor, replay
from actors.strategies.order_calls import OrderCalls
from actors.strategies.strategy import Strategy
from messages.codec import class_name_of
from messages.recording import Entry, Opening, Output, read_recording
from tests.commands.harness import ROOT
from tests.commands.whole_runs import WholeRun

REPLAYED = {
    "order_manager",
    "monitor",
    "MarketMaker",
    "MovingAverageCross",
    "Breakout",
    "BracketBreakout",
    "PriceAlert",
}


def replay_run(configuration: Path, recording: Path) -> list[ReplayedActor]:
    """The actors of a configuration, executed again on what a recording of them holds."""
    specifications = compose(load_configuration(configuration), Venue.unopened())
    return replay(read_recording(recording), specifications)


def test_every_shipped_strategy_is_among_them() -> None:
    """Whoever adds one adds it to the whole runs too."""
    for path in sorted((ROOT / "actors/strategies").glob("*.py")):
        import_module(f"actors.strategies.{path.stem}")
    found = {
        item.__name__
        for item in actor_classes(Actor)
        if item.__module__.startswith("actors.strategies.") and item not in (OrderCalls, Strategy)
    }
    assert found == set(SHIPPED_ACTORS)
    assert found <= REPLAYED


def actor_classes(parent: type[Any]) -> Iterator[type[Any]]:
    """All classes below this one."""
    for item in parent.__subclasses__():
        yield item
        yield from actor_classes(item)


@pytest.mark.parametrize("kind", ["synthetic", "recorded", "bnb"])
def test_strategies_and_order_manager_send_the_same_bytes_again(
    kind: str, whole_runs: dict[str, WholeRun]
) -> None:
    run = whole_runs[kind]
    actors = {
        item.specification.name: item for item in replay_run(run.configuration, run.recording)
    }
    assert set(actors) == REPLAYED
    assert {name: item.divergence for name, item in actors.items()} == dict.fromkeys(REPLAYED)
    sent = {item.actor for item in read_recording(run.recording) if isinstance(item, Output)}
    # Whether the averages cross within the run is the market's to say.
    assert {"order_manager", "MarketMaker", "Breakout", "BracketBreakout"} <= sent
    assert all(item.handled > 10 for item in actors.values())


def test_another_hash_seed_changes_nothing(whole_runs: dict[str, WholeRun]) -> None:
    run = whole_runs["synthetic"]
    code = (
        "import pathlib, runpy, sys\n"
        "module = runpy.run_path(sys.argv[1])\n"
        "found = module['replay_run'](pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))\n"
        "print([(item.specification.name, item.handled, item.outputs, item.divergence) for item in found])\n"
    )
    answers = []
    for hash_seed in ("1", "31337"):
        result = subprocess.run(
            [sys.executable, "-c", code, __file__, str(run.configuration), str(run.recording)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        answers.append(result.stdout)
    assert answers[0] == answers[1]
    assert answers[0].count("None)") == len(REPLAYED)


def test_a_recording_says_what_it_is_of(whole_runs: dict[str, WholeRun]) -> None:
    run = whole_runs["synthetic"]
    records = read_recording(run.recording)
    opening = next(records)
    assert isinstance(opening, Opening)
    assert opening.run == 1
    assert {"python", "msgspec", "python-binance", "aiohttp"} <= set(opening.versions)
    assert [item["name"] for item in opening.actors] == [
        "MarketMaker",
        "MovingAverageCross",
        "Breakout",
        "BracketBreakout",
        "PriceAlert",
    ]
    assert opening.actors[2]["arguments"]["quantity"] == "0.00077"
    handled = {
        (item.actor, class_name_of(item.frame)) for item in records if isinstance(item, Entry)
    }
    assert {
        ("gateway", "NewOrderRequest"),
        ("gateway", "CancelOrderRequest"),
        ("order_manager", "Order"),
        ("MarketMaker", "OrderUpdate"),
        ("MovingAverageCross", "Trade"),
    } <= handled


def test_a_recording_holds_no_key(whole_runs: dict[str, WholeRun]) -> None:
    run = whole_runs["synthetic"]
    data = run.recording.read_bytes()
    assert run.venue.line["api_key"].encode() not in data
    assert run.venue.line["api_secret"].encode() not in data
    log = (run.configuration.parent / "state/bot.log").read_text()
    assert run.venue.line["api_secret"] not in log
