"""A strategy whose handler has the wrong name hears nothing: that is said at the start."""

from typing import Any

import pytest

from actors.runtime.handlers import describe_misnamed
from actors.strategies.strategy import Strategy
from messages.market import BookTicker, Trade
from messages.orders import OrderUpdate


class Misnamed(Strategy):
    symbol = "BTCUSDT"

    def ontrade(self, trade: Trade) -> None: ...

    def handle_ticker(self, ticker: BookTicker) -> None: ...

    def on_order_update(self, update: OrderUpdate) -> None: ...

    def helper(self, price: float) -> None: ...

    def other(self, a: Any, b: Trade) -> None: ...


class Hearing(Misnamed):
    def on_trade(self, trade: Trade) -> None: ...


@pytest.mark.parametrize(
    ("strategy", "names"),
    [(Misnamed, ["handle_ticker(ticker: BookTicker)", "ontrade(trade: Trade)"]), (Hearing, [])],
)
def test_methods_that_look_like_handlers_are_told(strategy: type, names: list[str]) -> None:
    lines = describe_misnamed(strategy)
    assert len(lines) == len(names)
    for line, name in zip(lines, names, strict=True):
        assert f"is {name} meant to?" in line
