"""A strategy that places given orders at given times, for tests that know what must come of them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from actors.backtest.engine import BacktestRun, run_backtest
from actors.backtest.settings import BacktestSettings
from actors.runtime.actor import Subscription
from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy
from actors.trading.risk import RiskLimits
from messages.enums import KlineInterval, Side
from messages.market import BookTicker, Kline, MarketMessage, OrderBook, Trade
from tests.backtest.markets import make_data

Wish = tuple[int, str, str, dict[str, Any]]
"""After how many messages; BUY or SELL; quantity; further terms."""


class OrdersAt(Strategy):
    """Places each order once it has handled so many messages."""

    def __init__(self, wishes: Any, classes: Any, interval: str = "1m") -> None:
        self.symbol = "BTCUSDT"
        self.wishes, self.classes, self.interval = list(wishes), classes, KlineInterval(interval)
        self.count = 0
        self.seen: list[float] = []

    def subscriptions(self) -> list[Subscription]:
        """The classes that the test has."""
        return [
            Subscription(
                item,
                self.exchange,
                self.symbol,
                self.interval if item is Kline else None,
            )
            for item in self.classes
        ]

    def on_trade(self, trade: Trade) -> None:
        """One more message."""
        self.act()

    def on_book_ticker(self, ticker: BookTicker) -> None:
        """One more message."""
        self.act()

    def on_order_book(self, book: OrderBook) -> None:
        """One more message."""
        self.act()

    def on_kline(self, kline: Kline) -> None:
        """One more message."""
        self.act()

    def act(self) -> None:
        """Places what is due."""
        self.count += 1
        for after, side, quantity, terms in self.wishes:
            if after == self.count:
                self.place(Side(side), self.symbol, quantity, **terms)


def play(
    messages: Sequence[MarketMessage],
    wishes: Sequence[Wish],
    classes: Sequence[type[MarketMessage]] | None = None,
    **terms: Any,
) -> BacktestRun:
    """Plays messages to a strategy with these wishes; without fees unless they are given."""
    interval = next((str(item.interval) for item in messages if isinstance(item, Kline)), "1m")
    interval = terms.pop("interval", interval)
    listened = list(dict.fromkeys(type(item) for item in messages)) if classes is None else classes
    defaults: dict[str, Any] = {
        "balances": {"USDT": Decimal(1_000_000), "BTC": Decimal(100)},
        "maker_fee": Decimal(0),
        "taker_fee": Decimal(0),
        "risk": RiskLimits(may_sell_account_holdings=True),
    }
    actor = ActorSpecification(
        OrdersAt, "test", {"wishes": wishes, "classes": listened, "interval": interval}
    )
    return run_backtest(
        make_data(list(messages)), [actor], BacktestSettings(**{**defaults, **terms})
    )


def fills_of(run: BacktestRun) -> list[tuple[str, str, str]]:
    """Side, quantity and price of every fill."""
    return [
        (str(item.side), f"{item.quantity.normalize():f}", f"{item.price.normalize():f}")
        for item in run.record.fills
    ]
