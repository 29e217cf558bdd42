"""Coins of which a dollar buys a hundred thousand: no bound that is meant for others stops an order."""

from decimal import Decimal

import pytest

from actors.backtest.engine import run_backtest
from actors.backtest.settings import BacktestSettings, BarModel
from actors.runtime.actor import Subscription
from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy
from messages.enums import KlineInterval, OrderStatus
from messages.market import Kline
from tests.backtest.markets import bar, make_data


class BuysBillions(Strategy):
    """Buys at its first bar."""

    symbol = "PEPEUSDT"

    def subscriptions(self) -> list[Subscription]:
        """Its bars."""
        return [Subscription(Kline, self.exchange, self.symbol, KlineInterval.MINUTE_1)]

    def on_kline(self, kline: Kline) -> None:
        """Fifty thousand dollars' worth."""
        if not self.open_orders() and self.is_flat(self.symbol):
            self.buy(self.symbol, 5_000_000_000)


@pytest.mark.parametrize("model", list(BarModel))
def test_billions_are_bought_at_once(model: BarModel) -> None:
    prices = (0.0000094, 0.0000096, 0.0000094, 0.0000095)
    market = [bar(number, prices, 9e11, symbol="PEPEUSDT") for number in range(4)]
    settings = BacktestSettings(bar_model=model)
    run = run_backtest(make_data(market), [ActorSpecification(BuysBillions, "buyer", {})], settings)
    [order] = run.record.orders.values()
    assert (order.status, order.reason_text) == (OrderStatus.FILLED, "")
    assert order.executed_quantity == Decimal(5_000_000_000)
