"""The strategy of the README: it buys a breakout, once."""

from decimal import Decimal

from actors.strategies.strategy import Strategy
from messages.market import Trade


class Breakout(Strategy):
    """Buys when the price rises above a level and nothing is held or on its way."""

    def __init__(self, symbol: str, level: float, quantity: Decimal) -> None:
        self.symbol, self.level, self.quantity = symbol, level, quantity

    def on_trade(self, trade: Trade) -> None:
        """Compares every trade with the level."""
        if trade.price > self.level and self.is_flat(self.symbol):
            self.buy(self.symbol, self.quantity, price=trade.price, time_to_cancel=5.0)
