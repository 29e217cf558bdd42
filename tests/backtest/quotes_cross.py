"""A strategy whose results others have published: two exponential averages of closes, always in the market."""

from decimal import Decimal

from actors.strategies.strategy import Strategy
from messages.enums import KlineInterval
from messages.market import Kline


class QuotesCross(Strategy):
    """Long while the fast average is at or above the slow one, short of its own while it is below.

    An average begins with the first close; nothing is traded before both have as many closes as the slow one's period, nor
    on a bar without movement. To turn it closes what it holds and then opens the other side: two orders.
    """

    def __init__(
        self,
        symbol: str,
        quantity: Decimal,
        fast: int = 10,
        slow: int = 20,
        interval: KlineInterval = KlineInterval.MINUTE_1,
    ) -> None:
        self.symbol, self.quantity, self.interval = symbol, quantity, KlineInterval(interval)
        self.periods = (fast, slow)
        self.averages: list[float] = []
        self.count = 0

    def on_kline(self, kline: Kline) -> None:
        """Moves the averages, and turns where they have crossed."""
        self.count += 1
        if not self.averages:
            self.averages = [kline.close, kline.close]
        for index, period in enumerate(self.periods):
            alpha = 2 / (period + 1)
            self.averages[index] = alpha * kline.close + (1 - alpha) * self.averages[index]
        if self.count < max(self.periods) or kline.open == kline.high == kline.low == kline.close:
            return
        held = self.position(self.symbol).quantity
        if self.averages[0] >= self.averages[1]:
            if held < 0:
                self.buy(self.symbol, -held)
            if held <= 0:
                self.buy(self.symbol, self.quantity)
        else:
            if held > 0:
                self.sell(self.symbol, held)
            if held >= 0:
                self.sell(self.symbol, self.quantity)
