"""A strategy that takes its time over every piece of market data, for a configuration that lies beside this file."""

import time
from decimal import Decimal

from actors.strategies.strategy import Strategy
from messages.control import Gap, Resync
from messages.market import BookTicker, Trade
from messages.orders import Fill, OrderUpdate


class Slow(Strategy):
    """Works two milliseconds on each trade and ticker, and sends a market order on every fiftieth trade."""

    def __init__(self, symbol: str, quantity: Decimal) -> None:
        self.symbol, self.quantity = symbol, quantity
        self.count = 0

    def work(self) -> None:
        """Keeps the processor busy, as a heavy computation would."""
        end = time.perf_counter() + 0.002
        while time.perf_counter() < end:
            self.count += 0

    def on_trade(self, trade: Trade) -> None:
        """Works, and trades now and then."""
        self.work()
        self.count += 1
        if self.count % 50 == 0:
            self.buy(self.symbol, self.quantity)

    def on_book_ticker(self, ticker: BookTicker) -> None:
        """Works."""
        self.work()

    def on_gap(self, gap: Gap) -> None:
        """Hears what it has missed."""

    def on_order_update(self, update: OrderUpdate) -> None:
        """Hears of its orders."""

    def on_fill(self, fill: Fill) -> None:
        """Hears of its fills."""

    def on_resync(self, resync: Resync) -> None:
        """Has nothing to remember."""
