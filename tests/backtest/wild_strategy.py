"""A strategy that does everything a strategy may do, at random."""

from decimal import Decimal

from actors.runtime.actor import Subscription
from actors.strategies.strategy import Strategy
from messages.control import Resync
from messages.enums import KlineInterval, OrderType, Side, TimeInForce
from messages.market import BookTicker, Kline, Trade


class WildStrategy(Strategy):
    """Places, cancels, amends and closes by its own dice."""

    def __init__(
        self,
        symbol: str,
        activity: float = 0.2,
        interval: str = "",
        seed: int = 0,
        takes_trades: bool = True,
    ) -> None:
        self.symbol, self.activity, self.seed = symbol, activity, seed
        self.takes_trades = takes_trades
        self.interval = KlineInterval(interval) if interval else None
        self.price = 0.0

    def subscriptions(self) -> list[Subscription]:
        """Trades or bars."""
        if self.interval is not None:
            return [Subscription(Kline, self.exchange, self.symbol, self.interval)]
        quotes = Subscription(BookTicker, self.exchange, self.symbol)
        return [quotes, Subscription(Trade, self.exchange, self.symbol)][: 1 + self.takes_trades]

    def on_trade(self, trade: Trade) -> None:
        """A price."""
        self.act(trade.price)

    def on_book_ticker(self, ticker: BookTicker) -> None:
        """A price."""
        self.act(ticker.mid_price)

    def on_kline(self, kline: Kline) -> None:
        """A price."""
        self.act(kline.close)

    def on_resync(self, resync: Resync) -> None:
        """Nothing to remember; its dice depend on its seed."""
        self.random.seed(self.seed)

    def act(self, price: float) -> None:
        """Throws the dice."""
        self.price = price
        if self.random.random() >= self.activity:
            return
        throw = self.random.random()
        orders = self.open_orders(self.symbol)
        if throw < 0.15 and orders:
            self.cancel(self.random.choice(orders).order_id)
        elif throw < 0.25 and orders:
            order = self.random.choice(orders)
            self.amend(order.order_id, quantity=order.quantity / 2)
        elif throw < 0.3:
            self.close(self.symbol)
        elif throw < 0.35:
            self.schedule(self.random.random() * 20, self.cancel_all, self.symbol)
        elif throw < 0.5:
            self.wait_any(price)
        else:
            self.place_any(price)

    def place_any(self, price: float) -> None:
        """An order of any kind around a price."""
        side = self.random.choice((Side.BUY, Side.SELL))
        quantity = Decimal(self.random.randint(1, 400)) / 1000
        away = self.random.uniform(-0.002, 0.002)
        kind = self.random.choice((OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT_MAKER))
        in_force = self.random.choice(
            (TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)
        )
        if kind is OrderType.MARKET:
            self.place(side, self.symbol, quantity)
            return
        self.place(
            side,
            self.symbol,
            quantity,
            round(price * (1 + away), 2),
            order_type=kind,
            time_in_force=in_force if kind is OrderType.LIMIT else TimeInForce.GTC,
            time_to_cancel=self.random.choice((None, 1.0, 30.0)),
        )

    def wait_any(self, price: float) -> None:
        """An order with a trigger, or a bracket, around a price."""
        side = self.random.choice((Side.BUY, Side.SELL))
        quantity = Decimal(self.random.randint(1, 400)) / 1000
        away = [round(price * (1 + part / 1000), 2) for part in (-2, -1, 1, 2)]
        at = self.random.choice(away)
        limit = self.random.choice((None, at, self.random.choice(away)))
        throw = self.random.random()
        if throw < 0.25:
            self.stop(self.symbol, quantity, at, limit, side=side)
        elif throw < 0.5:
            self.take_profit(self.symbol, quantity, at, limit, side=side)
        elif throw < 0.7:
            self.trailing_stop(self.symbol, quantity, self.random.choice((10, 30)), side=side)
        elif throw < 0.85:
            entry = round(price * self.random.choice((0.9995, 1.0005)), 2)
            self.bracket(self.symbol, quantity, entry, away[0], away[3])
        else:
            stop, target = (away[0], away[3]) if side is Side.BUY else (away[3], away[0])
            self.bracket(self.symbol, quantity, None, stop, target, side=side)
