"""Strategies that fail in mid-run: each alone is restarted or stopped, and the others trade on."""

import json
import shutil
import urllib.request
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from messages.codec import class_name_of, decoder_of
from messages.control import Resync
from messages.market import Trade
from messages.recording import Entry, read_recording
from tests.commands.harness import PATIENCE_S, BotProcess, LocalVenue, wait_until

FAILURES = ("ValueError", "CancelledError", "RecursionError", "SystemExit")
FRAGILE = {
    **{
        f"Fragile{failure}": ("Fragile", failure, f"0.0010{index}")
        for index, failure in enumerate(FAILURES, start=1)
    },
    "FragileTask": ("Tasked", "", "0.00105"),
}
DOOMED = {"Hopeless": "0.00107", "Forgetful": "0.00108"}


def write_actors() -> str:
    """The configuration's actors: the failing ones, and a market maker."""
    tables = [
        f'[[actors]]\nclass = "my_bot.{kind}"\nname = "{name}"\nsymbol = "BTCUSDT"\n'
        f'failure = "{failure}"\nquantity = "{quantity}"\n'
        for name, (kind, failure, quantity) in FRAGILE.items()
    ]
    tables += [
        f'[[actors]]\nclass = "my_bot.{name}"\nsymbol = "BTCUSDT"\nquantity = "{quantity}"\n'
        for name, quantity in DOOMED.items()
    ]
    # Its quotes rest until somebody takes them: by default they follow each move of the price, and on a slow machine are
    # gone before anybody comes.
    tables.append(
        '[[actors]]\nclass = "MarketMaker"\nsymbol = "BTCUSDT"\nquantity = "0.001"\nspread = 0.00002\n'
        "time_to_cancel = 0.3\nrequote_threshold = 0.001\nretry_s = 0.1\n"
    )
    return "\n".join(tables)


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The lines of the bot's log."""
    path = folder / "state/bot.log"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def says_back(folder: Path, name: str) -> bool:
    """Whether the log tells that a strategy is back with its order."""
    text = f"{name} is back with 1 open orders"
    return any(line["message"] == text for line in read_log(folder))


def says_out(folder: Path, name: str) -> bool:
    """Whether the log says that an actor is out."""
    return any(line["message"].startswith(f"{name} is out") for line in read_log(folder))


def test_failures_stay_where_they_are(
    start_venue: Callable[..., LocalVenue], start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60")
    shutil.copy(Path(__file__).with_name("failing_bot.py"), tmp_path / "my_bot.py")
    file = venue.write_configuration(tmp_path, write_actors())
    recording = tmp_path / "run.recording"
    bot = start_bot("--config", file, "--record", recording)

    # Past its limit a strategy is out and its order gone, while the others trade on.
    for name in DOOMED:
        wait_until(partial(says_out, tmp_path, name), f"{name} is out")
    wait_until(
        lambda: not any(f"-{name}-" in item for item in venue.open_ids() for name in DOOMED),
        "the cancel of the orders of what is out",
    )
    count = len(venue.trades())
    wait_until(lambda: len(venue.trades()) > count, "more trades of the market maker")
    for name in FRAGILE:
        wait_until(
            partial(says_back, tmp_path, name),
            f"{name} is back",
        )
    # On a busy machine few of the market's trades came before; what came after shows what was kept.
    newest = newest_trade(venue)
    wait_until(lambda: newest_trade(venue) >= newest + 60, "further trades of the market")
    bot.process.terminate()
    ended = bot.wait()
    assert ended.code == 0, ended.stderr

    summary = ended.summary
    assert set(summary["stopped_actors"]) == set(DOOMED)
    assert "hopeless" in summary["stopped_actors"]["Hopeless"]
    assert "on_resync" in summary["stopped_actors"]["Forgetful"]
    restarts = {name: item["restarts"] for name, item in summary["actors"].items()}
    assert restarts == {
        **dict.fromkeys(restarts, 0),
        **dict.fromkeys(FRAGILE, 1),
        "Hopeless": 3,
    }
    assert summary["open_orders"] == 0
    assert venue.open_ids() == []

    # No order was doubled: each of these strategies has placed one, told from the others by its quantity.
    placed = Counter(
        Decimal(item["origQty"])
        for item in venue.ask("GET", "allOrders", symbol="BTCUSDT", limit=1000)
    )
    quantities = [quantity for _, _, quantity in FRAGILE.values()] + list(DOOMED.values())
    assert {quantity: placed[Decimal(quantity)] for quantity in quantities} == dict.fromkeys(
        quantities, 1
    )
    for name in FRAGILE:
        check_second_life(recording, name)


def newest_trade(venue: LocalVenue) -> int:
    """The id of the market's newest trade."""
    address = f"{venue.line['rest']}/api/v3/trades?symbol=BTCUSDT&limit=1"
    with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
        [trade] = json.load(answer)
    return int(trade["id"])


def check_second_life(recording: Path, name: str) -> None:
    """A restarted strategy has heard its state before anything else, and every trade once: its mailbox was kept."""
    frames = [
        item.frame
        for item in read_recording(recording)
        if isinstance(item, Entry) and item.actor == name
    ]
    names = [class_name_of(frame) for frame in frames]
    starts = [index for index, item in enumerate(names) if item == "Start"]
    assert len(starts) == 2
    for start in starts:
        assert names[start + 1] == "Resync"
    resync = decoder_of(Resync).decode(frames[starts[1] + 1])
    assert resync.is_restart
    assert len(resync.open_orders) == 1
    trades = [
        decoder_of(Trade).decode(frame).trade_id
        for frame, item in zip(frames, names, strict=True)
        if item == "Trade"
    ]
    assert len(trades) > 20
    assert all(later == earlier + 1 for earlier, later in pairwise(trades))
