"""Brackets of a whole bot, at a venue that has lists and at one that has none: their fee, a close, and others' lists."""

import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.commands.command_client import command, wait_for_state
from tests.commands.harness import BotProcess, LocalVenue, wait_until

StartVenue = Callable[..., LocalVenue]
StartBot = Callable[..., BotProcess]
STRATEGY = """
from decimal import Decimal

from actors.strategies.strategy import Strategy
from messages.enums import OrderStatus
from messages.market import Trade


class Entry(Strategy):
    '''Buys at a share of the price, with exits far away.'''

    def __init__(self, symbol: str, quantity: Decimal, at: float) -> None:
        self.symbol, self.quantity, self.at = symbol, quantity, at

    def on_trade(self, trade: Trade) -> None:
        if self.is_flat(self.symbol) and not self.open_orders(self.symbol):
            price = trade.price
            self.bracket(self.symbol, self.quantity, price * self.at, price * 0.85, price * 1.05)


class Closer(Entry):
    '''Closes once both exits stand.'''

    def on_trade(self, trade: Trade) -> None:
        if self.position(self.symbol).fees:
            exits = self.open_orders(self.symbol)
            if len(exits) == 2 and all(order.status is OrderStatus.NEW for order in exits):
                self.close(self.symbol)
        else:
            super().on_trade(trade)
"""
VENUES = pytest.mark.parametrize(
    "plain", [(), ("--plain", "BTCUSDT")], ids=["lists at the venue", "lists kept here"]
)


def configure(venue: LocalVenue, folder: Path, name: str, at: float) -> Path:
    """A bot with one of the strategies above, whose entry lies at a share of the market's price."""
    (folder / "my_bot.py").write_text(STRATEGY)
    body = (
        f'[[actors]]\nclass = "my_bot.{name}"\nsymbol = "BTCUSDT"\nquantity = "0.002"\nat = {at}\n'
    )
    return venue.write_configuration(folder, body)


def end(bot: BotProcess) -> None:
    bot.signal(signal.SIGTERM)
    ended = bot.wait()
    assert ended.code == 0, ended.stderr
    assert "Traceback" not in ended.stderr


@VENUES
def test_the_exits_of_a_purchase_are_smaller_by_its_fee(
    plain: tuple[str, ...], start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60", *plain)
    before = venue.balances()["BTC"]
    bot = start_bot("--config", configure(venue, tmp_path, "Entry", 1.01))

    def find_exits() -> list[Decimal]:
        orders = venue.ask("GET", "openOrders", symbol="BTCUSDT")
        return [Decimal(item["origQty"]) for item in orders if item["side"] == "SELL"]

    exits = wait_until(find_exits, "the exits")
    brought = venue.balances()["BTC"] - before
    end(bot)
    assert brought == Decimal("0.001998"), "the fee is taken out of what was bought"
    assert set(exits) == {Decimal("0.00199")}, "as much of it as the lot size allows"


@VENUES
def test_a_close_cancels_the_exits_and_sells_once(
    plain: tuple[str, ...], start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60", *plain)
    bot = start_bot("--config", configure(venue, tmp_path, "Closer", 1.01))
    wait_until(lambda: [item for item in venue.trades() if not item["isBuyer"]], "the sale")
    end(bot)
    orders = venue.ask("GET", "allOrders", symbol="BTCUSDT")
    sales = {
        item["type"]: Decimal(item["executedQty"]) for item in orders if item["side"] == "SELL"
    }
    assert sales.pop("MARKET") == Decimal("0.00199")
    assert set(sales.values()) == {0}
    assert {item["status"] for item in orders} == {"FILLED", "CANCELED"}


@pytest.mark.parametrize("at", [0.95, 1.01], ids=["an entry that rests", "exits that rest"])
def test_a_list_placed_by_hand_is_spared_by_flatten_and_end(
    at: float, start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60")
    terms = {"aboveType": "LIMIT_MAKER", "abovePrice": "90000", "aboveClientOrderId": "by-hand-a"}
    terms |= {
        "belowType": "STOP_LOSS",
        "belowStopPrice": "30000",
        "belowClientOrderId": "by-hand-b",
    }
    venue.ask("POST", "orderList/oco", symbol="BTCUSDT", side="SELL", quantity="0.01", **terms)
    file = configure(venue, tmp_path, "Entry", at)
    bot = start_bot("--config", file)
    wait_until(lambda: len(venue.open_ids()) > 2, "orders of the bot")
    flattened = command("flatten", file)
    assert flattened.code == 0, flattened.err
    assert sorted(venue.open_ids()) == ["by-hand-a", "by-hand-b"]
    end(bot)
    assert sorted(venue.open_ids()) == ["by-hand-a", "by-hand-b"]


@VENUES
def test_an_entry_that_another_client_cancels_while_nobody_runs_brings_no_exits(
    plain: tuple[str, ...], start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60", *plain)
    file = configure(venue, tmp_path, "Entry", 0.95)
    bot = start_bot("--config", file)
    wait_until(venue.open_ids, "the entry")
    bot.process.kill()
    bot.wait()
    (entry,) = [
        item for item in venue.ask("GET", "openOrders", symbol="BTCUSDT") if item["side"] == "BUY"
    ]
    venue.ask("DELETE", "order", symbol="BTCUSDT", orderId=entry["orderId"])
    assert venue.open_ids() == []
    bot = start_bot("--config", file)
    wait_for_state(tmp_path / "state", "trading")
    wait_until(venue.open_ids, "the next entry: the strategy knows that the first has gone")
    end(bot)
    assert venue.trades() == []
    assert venue.open_ids() == []
