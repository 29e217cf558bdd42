"""Two moving averages: it holds while the fast one is above the slow one."""

from decimal import Decimal

from talipp.indicators import EMA

from actors.runtime.actor import Subscription
from actors.strategies.arguments import ArgumentChecks
from actors.strategies.strategy import Strategy
from messages.control import Resync
from messages.enums import Exchanges, KlineInterval
from messages.instruments import Instrument
from messages.market import Kline, Trade


class MovingAverage:
    """An exponential moving average of the prices so far; of bounded memory."""

    def __init__(self, period: int) -> None:
        self.period = period
        self.indicator = EMA(period)

    def add(self, price: float) -> None:
        """Takes the next price."""
        self.indicator.add(price)
        # The library keeps every input; beyond one more than the period it needs none of them.
        if len(self.indicator) > 2 * self.period + 64:
            self.indicator.purge_oldest(len(self.indicator) - self.period - 1)

    @property
    def value(self) -> float | None:
        """The average, or None until as many prices as the period have come."""
        return self.indicator[-1] if len(self.indicator) else None


class MovingAverageCross(Strategy):
    """Buys when the fast average rises above the slow one and nothing is held; closes when it falls below.

    The prices are the closes of an `interval`'s klines. Without an interval they are samples of the trades: the last price
    of each `sample_s` seconds by the venue's time, of those spans in which there was a trade. It does not trade before both
    averages are full. A new instance, also one rebuilt after a failure, fills them anew; if it holds something and the
    averages, once full, stand below, the cross was missed and it closes.
    """

    def __init__(
        self,
        symbol: str,
        fast: int,
        slow: int,
        quantity: Decimal,
        interval: KlineInterval | None = None,
        sample_s: float = 0.2,
        exchange: Exchanges = Exchanges.BINANCE,
    ) -> None:
        """`quantity` in the base asset; `fast` and `slow` count prices.

        Raises ValueError for what cannot be meant, naming each key.
        """
        with ArgumentChecks() as check:
            check.symbol(symbol)
            check.at_least("fast", fast, 1, "an average is of at least one price")
            why = "the slow average is of more prices than the fast"
            check.at_least("slow", slow, max(fast, 1) + 1, why)
            check.above_zero("quantity", quantity)
            check.at_least("sample_s", sample_s, 0.001, "trades have times in milliseconds")
        self.symbol, self.quantity, self.exchange = symbol, quantity, exchange
        self.interval = None if interval is None else KlineInterval(interval)
        self.fast, self.slow = MovingAverage(fast), MovingAverage(slow)
        self.sample_ns = round(sample_s * 1e9)
        self.sample: int | None = None
        self.last_price = 0.0
        self.was_above: bool | None = None

    def subscriptions(self) -> list[Subscription]:
        """Klines of its interval, or trades where it has none; and the symbol's rules."""
        prices = Subscription(Trade, self.exchange, self.symbol)
        if self.interval is not None:
            prices = Subscription(Kline, self.exchange, self.symbol, self.interval)
        return [prices, Subscription(Instrument, self.exchange, self.symbol)]

    def on_kline(self, kline: Kline) -> None:
        """Takes the close of each kline of its interval."""
        if (kline.exchange, kline.symbol, kline.interval) == (
            self.exchange,
            self.symbol,
            self.interval,
        ):
            self.take_price(kline.close)

    def on_trade(self, trade: Trade) -> None:
        """Without an interval: takes the last price of each sample once a trade of a later one has come."""
        market = (trade.exchange, trade.symbol)
        if self.interval is not None or market != (self.exchange, self.symbol):
            return
        sample = trade.trade_time_ns // self.sample_ns
        if self.sample is not None and sample < self.sample:
            return
        if self.sample is not None and sample > self.sample:
            self.take_price(self.last_price)
        self.sample = sample
        self.last_price = trade.price

    def on_resync(self, resync: Resync) -> None:
        """Position and orders are the base's; the averages fill anew, and until then it does nothing."""
        if resync.is_restart:
            held = self.position(self.symbol).quantity
            self.log.info("%s: %s held, averages fill anew", self.symbol, held)

    def take_price(self, price: float) -> None:
        """Moves both averages on, and acts where they have crossed."""
        self.fast.add(price)
        self.slow.add(price)
        fast, slow = self.fast.value, self.slow.value
        if fast is None or slow is None or fast == slow:
            return
        was_above, self.was_above = self.was_above, fast > slow
        if self.was_above == was_above:
            return
        if not self.was_above:
            if not self.is_flat(self.symbol):
                self.close(self.symbol)
        elif was_above is not None and self.is_flat(self.symbol):
            self.buy(self.symbol, self.quantity)
