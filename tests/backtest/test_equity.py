"""The equity: what trading has made of the account's worth at the start, whatever the account held and when its price came."""

from decimal import Decimal
from typing import Any

import pytest

from actors.backtest.engine import run_backtest
from actors.backtest.report import build_report
from actors.backtest.settings import BacktestSettings
from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy
from messages.market import Trade
from tests.backtest.markets import make_data, trade


class BuysOnce(Strategy):
    """Buys one at the fifth trade that it hears of."""

    def __init__(self) -> None:
        self.symbol = "BTCUSDT"
        self.heard = 0

    def on_trade(self, trade: Trade) -> None:
        """Counts."""
        self.heard += 1
        if self.heard == 5:
            self.buy(self.symbol, "1")


def report_of(balances: dict[str, str], ether_from_s: int) -> dict[str, Any]:
    """Bitcoin at 100, ether at 10 from some second on, for a minute; one bitcoin is bought, without fees."""
    messages = [trade(number, 100.0) for number in range(60)]
    messages += [trade(number + 0.5, 10.0, symbol="ETHUSDT") for number in range(ether_from_s, 60)]
    settings = BacktestSettings(
        balances={asset: Decimal(amount) for asset, amount in balances.items()},
        maker_fee=Decimal(0),
        taker_fee=Decimal(0),
    )
    data = make_data(sorted(messages, key=lambda message: message.receive_time_ns))
    run = run_backtest(data, [ActorSpecification(BuysOnce, "buyer", {})], settings)
    return build_report(run)


@pytest.mark.parametrize("ether_from_s", [0, 40])
def test_what_the_account_held_is_no_profit_when_its_price_comes(ether_from_s: int) -> None:
    report = report_of({"USDT": "1000", "BTC": "2", "ETH": "10"}, ether_from_s)
    metrics = report["metrics"]
    assert metrics["initial_equity"] == "1300"
    # A tick beside the last trade is what the bought one costs.
    assert {round(item["equity"]) for item in report["equity"]} == {1300}
    assert metrics["net_profit"] == pytest.approx(-0.01)
    assert metrics["return"] == pytest.approx(-0.01 / 1300)
    assert metrics["maximum_drawdown"] == pytest.approx(0.01 / 1300)
