"""A strategy that is never still: so many orders a second, whatever the market does."""

from decimal import Decimal

from actors.strategies.strategy import Strategy
from messages.control import Resync
from messages.market import BookTicker
from messages.orders import OrderUpdate

FAR_BELOW = 0.97
"""Of the price: a bid there rests."""
BEATS_PER_SECOND = 20
LONGEST_REST_S = 0.5


class Busy(Strategy):
    """Of four orders one buys and one sells at the market, and two rest until they are canceled, each in its own way."""

    def __init__(self, symbol: str, orders_per_second: float, quantity: Decimal) -> None:
        self.symbol, self.quantity = symbol, quantity
        self.per_beat = orders_per_second / BEATS_PER_SECOND
        self.owed = 0.0
        self.turn = 0
        self.price = 0.0
        self.resting: list[str] = []
        self.updates = 0

    def on_resync(self, resync: Resync) -> None:
        """Begins."""
        self.schedule(1 / BEATS_PER_SECOND, self.beat)

    def on_book_ticker(self, ticker: BookTicker) -> None:
        """Where the market is."""
        self.price = ticker.bid_price

    def on_order_update(self, update: OrderUpdate) -> None:
        """Counts."""
        self.updates += 1

    def beat(self) -> None:
        """Cancels what was left resting, and places what is due."""
        self.schedule(1 / BEATS_PER_SECOND, self.beat)
        for order_id in self.resting:
            self.cancel(order_id)
        self.resting.clear()
        self.owed = min(self.owed + self.per_beat, 10 * self.per_beat)
        while self.owed >= 1 and self.price:
            self.owed -= 1
            self.turn += 1
            self.place_one(self.turn % 4)

    def place_one(self, kind: int) -> None:
        """One order of the four kinds."""
        bid = self.price * FAR_BELOW
        if kind == 0:
            self.buy(self.symbol, self.quantity)
        elif kind == 1:
            if (free := self.free_quantity(self.symbol)) >= self.quantity / 2:
                self.sell(self.symbol, free)
        elif kind == 2:
            self.buy(self.symbol, self.quantity, price=bid, time_to_cancel=LONGEST_REST_S)
        else:
            self.resting.append(self.buy(self.symbol, self.quantity, price=bid))
