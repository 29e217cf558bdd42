"""The checker finds who uses the future, and who hangs on its past, and nobody else."""

from typing import Any

from actors.backtest.lookahead import find_lookahead
from actors.backtest.settings import BacktestSettings
from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy
from messages.market import Trade
from tests.backtest.markets import MemoryData, make_data, trade


class CutData(MemoryData, frozen=True):
    """Data in memory that can be cut."""

    def within(self, begin_ns: int = 0, end_ns: int = 2**63 - 1) -> Any:
        """The messages of a span, anew."""
        kept = [
            item
            for batch in self.batches()
            for item in batch
            if begin_ns <= item.receive_time_ns < end_ns
        ]
        oracle["prices"] = [item.price for item in kept]
        return cut_data(kept)


def cut_data(messages: list[Trade]) -> CutData:
    data = make_data(messages)
    return CutData(data.streams, data.notes, data.digest, data.segments, chunk_list=data.chunk_list)


oracle: dict[str, list[float]] = {"prices": []}
"""What a strategy that cheats reads: all prices of the data that are played."""


class Cheat(Strategy):
    """Buys when the price stands below the last one of the data."""

    def __init__(self) -> None:
        self.symbol = "BTCUSDT"

    def on_trade(self, trade: Trade) -> None:
        """Knows the end."""
        if trade.price < oracle["prices"][-1] - 5 and self.is_flat(self.symbol):
            self.buy(self.symbol, "1", time_to_cancel=None)


class Honest(Strategy):
    """Buys on a fall of five, sells on a rise of five, from the last ten prices."""

    def __init__(self) -> None:
        self.symbol = "BTCUSDT"
        self.prices: list[float] = []

    def on_trade(self, trade: Trade) -> None:
        """Knows the past."""
        self.prices = [*self.prices[-9:], trade.price]
        if len(self.prices) == 10:
            moved = trade.price - self.prices[0]
            if moved <= -5:
                self.buy(self.symbol, "0.1")
            elif moved >= 5 and self.position(self.symbol).quantity > 0:
                self.close(self.symbol)


class Counting(Strategy):
    """Buys on every hundredth trade that it has seen."""

    def __init__(self) -> None:
        self.symbol, self.count = "BTCUSDT", 0

    def on_trade(self, trade: Trade) -> None:
        """Counts from its start."""
        self.count += 1
        if self.count % 100 == 0:
            self.buy(self.symbol, "0.1")


def market() -> list[Trade]:
    prices = [100.0 + (number * 7 % 40) for number in range(1000)]
    return [trade(number, price, trade_id=number) for number, price in enumerate(prices)]


def find(
    strategy: type[Strategy], settings: BacktestSettings | None = None
) -> list[tuple[str, str]]:
    messages = market()
    oracle["prices"] = [item.price for item in messages]
    actor = ActorSpecification(strategy, strategy.__name__)
    findings = find_lookahead(cut_data(messages), [actor], settings or BacktestSettings(), cuts=3)
    assert all(str(item).startswith(strategy.__name__) for item in findings)
    return [(item.strategy, item.kind) for item in findings]


def test_a_cheat_is_named() -> None:
    assert ("Cheat", "future") in find(Cheat)


def test_an_honest_strategy_is_not() -> None:
    assert find(Honest) == []


def test_what_is_sold_at_the_end_of_the_data_is_nobodys_decision() -> None:
    assert find(Honest, BacktestSettings(flatten=True)) == []


def test_one_that_hangs_on_its_whole_past_is_told() -> None:
    assert {kind for _, kind in find(Counting)} == {"past"}
