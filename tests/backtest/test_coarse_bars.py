"""Bars that a strategy asks for and the data do not hold, out of finer ones that they do."""

from pathlib import Path
from typing import ClassVar

import pytest

from actors.backtest.data_files import DataFile
from actors.backtest.engine import run_backtest
from actors.backtest.errors import BacktestError
from actors.backtest.source import MarketData, open_data
from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy
from messages.enums import KlineInterval
from messages.instruments import to_decimal
from messages.market import Kline, PartialKline
from tests.backtest.data.files import messages_of
from tests.backtest.markets import MINUTE, START, bar, make_data
from tests.backtest.orders_at import fills_of, play

DAY = Path(__file__).parents[1] / "data" / "BTCUSDT-1m-2020-12-01.csv.gz"


class Listener(Strategy):
    """Notes the bars that it gets."""

    bars: ClassVar[list[tuple[int, Kline]]] = []
    partial: ClassVar[list[PartialKline]] = []

    def __init__(self, symbol: str, interval: KlineInterval) -> None:
        self.symbol, self.interval = symbol, interval
        Listener.bars.clear()
        Listener.partial.clear()

    def on_kline(self, kline: Kline) -> None:
        """One that was finished, and when."""
        self.bars.append((self.now_ns, kline))

    def on_partial_kline(self, kline: PartialKline) -> None:
        """One of which something is missing."""
        self.partial.append(kline)


def listen(data: MarketData, interval: str) -> list[tuple[int, Kline]]:
    terms = {"symbol": "BTCUSDT", "interval": KlineInterval(interval)}
    run = run_backtest(data, [ActorSpecification(Listener, "listener", terms)])
    assert f"BTCUSDT Kline {interval}: built from bars of 1m" in run.notes
    return list(Listener.bars)


@pytest.mark.parametrize(("interval", "size"), [("5m", 5), ("1h", 60), ("4h", 240), ("1d", 1440)])
def test_they_sum_up_a_day_of_minutes(interval: str, size: int, tmp_path: Path) -> None:
    data = open_data([DataFile(DAY)], tmp_path)
    fine = messages_of(data)
    found = listen(data, interval)
    assert len(found) == 1440 // size
    for number, (now_ns, kline) in enumerate(found):
        parts = fine[number * size : (number + 1) * size]
        assert (kline.open_time_ns, kline.open) == (parts[0].open_time_ns, parts[0].open)
        assert kline.close == parts[-1].close
        assert kline.high == max(part.high for part in parts)
        assert kline.low == min(part.low for part in parts)
        assert kline.trade_count == sum(part.trade_count for part in parts)
        assert to_decimal(kline.volume) == sum(to_decimal(part.volume) for part in parts)
        assert kline.close_time_ns == kline.open_time_ns + size * MINUTE - 1
        assert now_ns == parts[-1].receive_time_ns == kline.open_time_ns + size * MINUTE


def test_one_with_a_hole_is_not_finished() -> None:
    fine = [
        bar(number, (100, 101, 99, 100)) for number in range(20) if number not in (6, 12, 13, 14)
    ]
    found = [(kline.open_time_ns - START) // MINUTE for _, kline in listen(make_data(fine), "5m")]
    assert found == [0, 15]
    holes = [(kline.open_time_ns - START) // MINUTE for kline in Listener.partial]
    assert holes == [5, 10]


def test_a_decision_on_one_fills_at_the_open_of_the_next_fine_bar() -> None:
    fine = [
        bar(number, (100 + number, 101 + number, 99 + number, 100 + number)) for number in range(20)
    ]
    run = play(fine, [(1, "BUY", "1", {}), (1, "BUY", "1", {"price": 99})], interval="15m")
    assert fills_of(run) == [("BUY", "1", "115")]
    assert run.record.fills[0].time_ns == START + 15 * MINUTE


def test_what_finer_bars_do_not_make_up_is_refused() -> None:
    fine = [bar(number, (100, 101, 99, 100), minutes=3) for number in range(5)]
    with pytest.raises(BacktestError, match="Kline 5m, which the data do not hold"):
        play(fine, [], interval="5m")
    with pytest.raises(BacktestError, match="Kline 1m, which the data do not hold"):
        play(fine, [], interval="1m")
