"""A bracket of a whole bot: its exits leave room for the fee that the account pays out of what its entry brings."""

import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.commands.harness import BotProcess, LocalVenue, wait_until

BRACKET = """
[[actors]]
class = "my_bot.Entry"
symbol = "BTCUSDT"
quantity = "0.002"
"""
STRATEGY = """
from decimal import Decimal

from actors.strategies.strategy import Strategy
from messages.market import Trade


class Entry(Strategy):
    '''Buys at once, with exits far away.'''

    def __init__(self, symbol: str, quantity: Decimal) -> None:
        self.symbol, self.quantity = symbol, quantity

    def on_trade(self, trade: Trade) -> None:
        if self.is_flat(self.symbol) and not self.open_orders(self.symbol):
            price = trade.price
            self.bracket(self.symbol, self.quantity, price * 1.01, price * 0.95, price * 1.05)
"""


@pytest.mark.parametrize("plain", [(), ("--plain", "BTCUSDT")], ids=["at the venue", "kept here"])
def test_the_exits_of_a_purchase_are_smaller_by_its_fee(
    plain: tuple[str, ...],
    start_venue: Callable[..., LocalVenue],
    start_bot: Callable[..., BotProcess],
    tmp_path: Path,
) -> None:
    venue = start_venue("--rate", "60", *plain)
    (tmp_path / "my_bot.py").write_text(STRATEGY)
    before = venue.balances()["BTC"]
    bot = start_bot("--config", venue.write_configuration(tmp_path, BRACKET))

    def find_exits() -> list[Decimal]:
        orders = venue.ask("GET", "openOrders", symbol="BTCUSDT")
        return [Decimal(item["origQty"]) for item in orders if item["side"] == "SELL"]

    exits = wait_until(find_exits, "the exits")
    brought = venue.balances()["BTC"] - before
    bot.signal(signal.SIGTERM)
    assert bot.wait().code == 0
    assert brought == Decimal("0.001998"), "the fee is taken out of what was bought"
    assert set(exits) == {Decimal("0.00199")}, "as much of it as the lot size allows"
