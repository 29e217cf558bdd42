"""Strategies that are always in the market, under exits that the order manager must keep for them."""

from decimal import Decimal

from actors.strategies.strategy import Strategy
from messages.control import Resync
from messages.market import Trade


class Guarded(Strategy):
    """Buys when it is flat, and puts a stop just below the market, anew every 2 s, a trailing one every third time."""

    def __init__(self, symbol: str, quantity: Decimal) -> None:
        self.symbol, self.quantity = symbol, quantity
        self.stops = 0

    def on_resync(self, resync: Resync) -> None:
        """What it does follows from what it asks for."""

    def on_trade(self, trade: Trade) -> None:
        if self.open_orders(self.symbol):
            return
        held = self.free_quantity(self.symbol)
        if held < self.quantity / 2:
            self.buy(self.symbol, self.quantity)
            return
        self.stops += 1
        if self.stops % 3:
            self.stop(self.symbol, held, trade.price * 0.99999, time_to_cancel=2.0)
        else:
            self.trailing_stop(self.symbol, held, 1)


class Bracketed(Strategy):
    """Buys with a stop just below and a target just above the market, and again when one of them has sold."""

    def __init__(self, symbol: str, quantity: Decimal) -> None:
        self.symbol, self.quantity = symbol, quantity

    def on_resync(self, resync: Resync) -> None:
        """What it does follows from what it asks for."""

    def on_trade(self, trade: Trade) -> None:
        if self.open_orders(self.symbol):
            return
        if self.free_quantity(self.symbol) >= self.quantity / 2:
            # Left by an entry that was canceled half-way.
            self.close(self.symbol)
            return
        price = trade.price
        self.bracket(
            self.symbol,
            self.quantity,
            price * 1.0005,
            price * 0.9999,
            price * 1.0006,
            time_to_cancel=2.0,
        )
