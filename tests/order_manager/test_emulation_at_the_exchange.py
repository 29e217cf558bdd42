"""The bot and the exchange as real processes: what is kept goes off once, whenever the bot is killed."""

import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from actors.runtime.failpoints import VARIABLE
from tests.commands.harness import BotProcess, Ended, LocalVenue
from tests.commands.lives import RISK, EnduringVenue, check_books, trades_on

GUARDED = """
[[actors]]
class = "tests.order_manager.guarded.Guarded"
symbol = "BTCUSDT"
quantity = "0.001"
"""

BRACKETED = GUARDED.replace("Guarded", "Bracketed")


class PlainVenue(EnduringVenue):
    """An exchange whose one symbol takes no orders with a trigger."""

    def start(self) -> None:
        LocalVenue.__init__(self, *self.arguments, "--plain", "BTCUSDT")


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[PlainVenue]:
    found = PlainVenue(tmp_path)
    try:
        yield found
    finally:
        found.close()


def end(bot: BotProcess) -> Ended:
    bot.signal(signal.SIGTERM)
    ended = bot.wait()
    assert ended.code == 0, ended.stderr
    return ended


def live_twice(
    venue: PlainVenue,
    folder: Path,
    strategy: str,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Ended:
    """A bot is killed at a place; the next one goes on, trades and ends well."""
    file = venue.write_configuration(folder, RISK + strategy)
    words = ["--config", str(file)]
    monkeypatch.setenv(VARIABLE, place)
    bot = BotProcess(folder, words)
    try:
        assert bot.wait().code == -signal.SIGKILL
    finally:
        bot.kill()
    monkeypatch.delenv(VARIABLE)
    bot = BotProcess(folder, words)
    try:
        trades_on(venue, bot, least=3)
        ended = end(bot)
    finally:
        bot.kill()
    return ended


def check_held(venue: PlainVenue, least: Decimal) -> None:
    """After no trade more is held than one entry brings, or less than its exits leave."""
    held = Decimal(0)
    for trade in venue.trades():
        held += Decimal(trade["qty"]) if trade["isBuyer"] else -Decimal(trade["qty"])
        assert least <= held <= Decimal("0.0021"), "nothing is bought or sold twice"


@pytest.mark.parametrize(
    "place",
    [
        "journal.before.TriggerArmed:1",
        "journal.after.TriggerArmed:1",
        "journal.before.NewOrderRequest:2",
        "journal.after.NewOrderRequest:2",
        "gateway.before.NewOrderRequest:2",
        "socket.written.order.place:2",
        "gateway.after.NewOrderRequest:2",
    ],
)
def test_killed_around_its_going_off_it_sells_once(
    venue: PlainVenue, tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first intent of a life buys, the second is what a stop has set off."""
    check_books(live_twice(venue, tmp_path, GUARDED, place, monkeypatch), venue)
    check_held(venue, least=Decimal(0))
    kinds = {order["type"] for order in venue.ask("GET", "allOrders", symbol="BTCUSDT")}
    assert kinds == {"MARKET"}, "the venue has never heard of a stop"


@pytest.mark.parametrize(
    "place",
    [
        "journal.before.TriggerArmed:1",
        "journal.after.TriggerArmed:2",
        "gateway.after.NewOrderRequest:1",
        "journal.before.NewOrderRequest:2",
        "journal.after.NewOrderRequest:2",
        "socket.written.order.place:2",
        "socket.written.order.cancel:1",
        "gateway.after.CancelOrderRequest:1",
        "journal.after.NewOrderRequest:3",
    ],
)
def test_killed_around_the_exits_of_a_kept_bracket_they_sell_once(
    venue: PlainVenue, tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first intent is the entry, the second its target, the third the stop that takes the target's place."""
    check_books(live_twice(venue, tmp_path, BRACKETED, place, monkeypatch), venue)
    check_held(venue, least=-Decimal("0.0001"))
    orders = venue.ask("GET", "allOrders", symbol="BTCUSDT")
    assert {order["orderListId"] for order in orders} == {-1}, "the venue has never heard of a list"
    assert {order["status"] for order in orders} <= {"FILLED", "CANCELED", "EXPIRED"}
