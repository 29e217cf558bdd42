"""The first order of a run is judged by the market's price, though no price has changed since the bot came."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.harness import BotProcess, LocalVenue, wait_until
from tests.commands.lives import heard

StartVenue = Callable[..., LocalVenue]
StartBot = Callable[..., BotProcess]
STRATEGY = """
from decimal import Decimal

from actors.strategies.strategy import Strategy
from messages.control import Resync
from messages.market import Trade
from messages.orders import OrderUpdate


class Early(Strategy):
    '''Bids as soon as it may.'''

    def __init__(self, symbol: str, prices: list[float]) -> None:
        self.symbol, self.prices = symbol, prices

    def on_trade(self, trade: Trade) -> None:
        pass

    def on_resync(self, resync: Resync) -> None:
        for price in self.prices:
            self.buy(self.symbol, Decimal("0.001"), price)


class Prompt(Strategy):
    '''Buys on its first trade, and says what became of that.'''

    def __init__(self, symbol: str, quantity: Decimal, has_price: bool) -> None:
        self.symbol, self.quantity, self.has_price = symbol, quantity, has_price
        self.has_ordered = False

    def on_trade(self, trade: Trade) -> None:
        if not self.has_ordered:
            self.has_ordered = True
            self.buy(self.symbol, self.quantity, price=trade.price if self.has_price else None)

    def on_order_update(self, update: OrderUpdate) -> None:
        self.log.warning("became %s %s", update.status, update.reason)
"""
BODY = """
[[actors]]
class = "my_bot.Prompt"
symbol = "BTCUSDT"
quantity = "0.002"
has_price = {has_price}

[risk]
maximum_order_notional = 1000
maximum_position_notional = 5000
price_collar = 0.1
"""


def test_an_order_before_the_first_ticker_is_held_to_the_collar_and_not_refused(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    """A market that stands still has a price, and tells of no ticker."""
    venue = start_venue("--market", "still")
    for side, price in (("BUY", "49000"), ("SELL", "51000")):
        terms = {"timeInForce": "GTC", "quantity": "0.01", "price": price}
        venue.ask("POST", "order", symbol="BTCUSDT", side=side, type="LIMIT", **terms)
    (tmp_path / "my_bot.py").write_text(STRATEGY)
    body = '[[actors]]\nclass = "my_bot.Early"\nsymbol = "BTCUSDT"\nprices = [48000.0, 44000.0]\n'
    bot = start_bot("--config", venue.write_configuration(tmp_path, body))
    wait_until(lambda: len(venue.open_ids()) == 3, "the order within the collar")
    bot.signal(signal.SIGTERM)
    ended = bot.wait()
    assert ended.code == 0, ended.stderr
    orders = venue.ask("GET", "allOrders", symbol="BTCUSDT")
    assert sorted(float(item["price"]) for item in orders) == [48_000, 49_000, 51_000]


@pytest.mark.parametrize("has_price", [True, False], ids=["limit", "market"])
def test_an_order_on_the_first_trade_is_not_refused_for_want_of_a_price(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path, has_price: bool
) -> None:
    """Which comes first, a trade or a ticker, is chance: here no ticker comes at all."""
    faults = tmp_path / "faults.toml"
    faults.write_text('[[faults]]\nkind = "frame_dropped"\non = "btcusdt@bookTicker"\n')
    venue = start_venue("--rate", "200", "--faults", str(faults))
    (tmp_path / "my_bot.py").write_text(STRATEGY)
    body = BODY.format(has_price=str(has_price).lower())
    configuration = venue.write_configuration(tmp_path, body)
    bot = start_bot("--config", configuration)
    wait_until(lambda: "became" in heard(bot), "what became of it")
    bot.signal(signal.SIGTERM)
    ended = bot.wait()
    assert ended.code == 0, ended.stderr
    first = next(line for line in ended.stderr.splitlines() if "became" in line)
    assert "NO_MARKET_PRICE" not in first
    assert "REJECTED" not in first


def test_a_venue_that_tells_no_price_does_not_keep_the_bot_from_starting(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text(
        '[[faults]]\nkind = "frame_dropped"\non = "btcusdt@bookTicker"\n'
        '[[faults]]\nkind = "silence"\non = "ticker.book"\n'
    )
    venue = start_venue("--rate", "200", "--faults", str(faults))
    (tmp_path / "my_bot.py").write_text(STRATEGY)
    configuration = venue.write_configuration(tmp_path, BODY.format(has_price="true"))
    bot = start_bot("--config", configuration)
    wait_until(lambda: "REJECTED NO_MARKET_PRICE" in heard(bot), "that it was refused")
    bot.signal(signal.SIGTERM)
    ended = bot.wait()
    assert ended.code == 0, ended.stderr
