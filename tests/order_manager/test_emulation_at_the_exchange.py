"""The bot and the exchange as real processes: a kept trigger goes off once, whenever the bot is killed."""

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
    file = venue.write_configuration(tmp_path, RISK + GUARDED)
    words = ["--config", str(file)]
    monkeypatch.setenv(VARIABLE, place)
    bot = BotProcess(tmp_path, words)
    try:
        assert bot.wait().code == -signal.SIGKILL
    finally:
        bot.kill()
    monkeypatch.delenv(VARIABLE)
    bot = BotProcess(tmp_path, words)
    try:
        trades_on(venue, bot, least=3)
        ended = end(bot)
    finally:
        bot.kill()
    check_books(ended, venue)
    held = Decimal(0)
    for trade in venue.trades():
        held += Decimal(trade["qty"]) if trade["isBuyer"] else -Decimal(trade["qty"])
        assert 0 <= held <= Decimal("0.0021"), "nothing is bought or sold twice"
    kinds = {order["type"] for order in venue.ask("GET", "allOrders", symbol="BTCUSDT")}
    assert kinds == {"MARKET"}, "the venue has never heard of a stop"
