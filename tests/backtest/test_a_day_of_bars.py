"""Stops, limits and decisions on one day of real one-minute bars.

Each order's fill is found a second time by walking over the rows of the file, without any of the engine's code.
"""

import gzip
import random
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from actors.backtest.data_files import DataFile
from actors.backtest.engine import BacktestRun, run_backtest
from actors.backtest.latency import Latency
from actors.backtest.settings import BacktestSettings, FillModel
from actors.backtest.source import MarketData, open_data
from actors.runtime.specification import ActorSpecification
from actors.trading.risk import RiskLimits
from messages.enums import OrderStatus, OrderType
from messages.market import Kline
from tests.backtest.markets import MINUTE, bar
from tests.backtest.orders_at import OrdersAt, Wish, fills_of, play

DAY = Path(__file__).parents[1] / "data" / "BTCUSDT-1m-2020-12-01.csv.gz"
FREE_OF_LIMITS = {"BTCUSDT": {"max_contingent_orders": 0, "max_open_orders": 0}}


class Row(NamedTuple):
    """One bar of the file."""

    begin_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    with gzip.open(DAY, "rt") as file:
        found = [line.split(",") for line in file]
    return [Row(int(item[0]) * 1_000_000, *map(Decimal, item[1:5])) for item in found]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> MarketData:
    return open_data([DataFile(DAY)], tmp_path_factory.mktemp("cache"))


def run_day(data: MarketData, wishes: list[Wish], **terms: Any) -> BacktestRun:
    settings: dict[str, Any] = {
        "balances": {"USDT": Decimal(10_000_000), "BTC": Decimal(1_000)},
        "maker_fee": Decimal(0),
        "taker_fee": Decimal(0),
        "risk": RiskLimits(may_sell_account_holdings=True),
        "rules": FREE_OF_LIMITS,
    }
    actor = ActorSpecification(OrdersAt, "test", {"wishes": wishes, "classes": [Kline]})
    return run_backtest(data, [actor], BacktestSettings(**(settings | terms)))


def wishes_around(
    rows: list[Row], side: str, name: str, away: tuple[int, int], seed: int, **terms: Any
) -> list[Wish]:
    """On every third bar an order so many ten-thousandths below its close."""
    dice = random.Random(seed)
    found: list[Wish] = []
    for number in range(1, len(rows), 3):
        part = Decimal(dice.randint(*away)) / 10_000
        close = rows[number - 1].close
        # Some a step away from it: few bars of a minute open elsewhere than the one before has closed.
        nearest = close - Decimal("0.01") * (1 if away[1] > 0 else -1)
        price = dice.choice([nearest, (close * (1 - part)).quantize(Decimal("0.01"))])
        found.append((number, side, "0.001", terms | {name: price}))
    return found


def expected_fill(
    rows: list[Row], after: int, price: Decimal, *, is_below: bool
) -> tuple[int, Decimal] | None:
    """The bar after so many in which a price below (above) is reached, and where: at an open beyond it, else at itself."""
    for number, row in enumerate(rows[after:], after):
        if row.open <= price if is_below else row.open >= price:
            return number, row.open
        if row.low <= price if is_below else row.high >= price:
            return number, price
    return None


def check_fills(run: BacktestRun, rows: list[Row], wishes: list[Wish], name: str) -> int:
    """Every order against the walk over the rows; how many filled, some of them at an open, some not."""
    at_opens = []
    orders = list(run.record.orders.values())
    fills = {fill.order_id: fill for fill in run.record.fills}
    assert len(orders) == len(wishes)
    for order, (after, side, _, terms) in zip(orders, wishes, strict=True):
        is_stop = "stop_price" in terms
        expected = expected_fill(rows, after, terms[name], is_below=(side == "BUY") is not is_stop)
        fill = fills.get(order.order_id)
        if expected is None:
            assert fill is None
            assert order.status is OrderStatus.NEW
            continue
        number, price = expected
        assert fill is not None, (order, expected)
        row = rows[number]
        assert fill.price == price
        assert row.low <= fill.price <= row.high
        at_open = price == row.open
        at_opens.append(at_open)
        assert fill.time_ns == row.begin_ns + (0 if at_open else MINUTE)
        assert order.created_time_ns <= order.acknowledged_time_ns <= fill.time_ns
    assert 0 < sum(at_opens) < len(fills) == len(at_opens)
    return len(fills)


@pytest.mark.parametrize(
    ("side", "kind", "away"),
    [
        ("SELL", OrderType.STOP_LOSS, (1, 60)),
        ("BUY", OrderType.STOP_LOSS, (-60, -1)),
    ],
)
def test_a_stop_fills_at_its_trigger_or_at_an_open_beyond_it(
    data: MarketData, rows: list[Row], side: str, kind: OrderType, away: tuple[int, int]
) -> None:
    wishes = wishes_around(rows, side, "stop_price", away, 1, order_type=kind)
    run = run_day(data, wishes)
    assert check_fills(run, rows, wishes, "stop_price") > 400
    assert run.ambiguous_bars == 0


def test_stops_of_both_sides_and_trails_stay_within_their_bars(
    data: MarketData, rows: list[Row]
) -> None:
    wishes = [
        *wishes_around(rows, "SELL", "stop_price", (1, 60), 2, order_type=OrderType.STOP_LOSS),
        *wishes_around(rows, "BUY", "stop_price", (-60, -1), 3, order_type=OrderType.STOP_LOSS),
        *(
            (number, side, "0.001", {"order_type": OrderType.STOP_LOSS, "trailing_delta": delta})
            for number, side, delta in zip(
                range(1, 1400, 5), ["SELL", "BUY"] * 140, [20, 30, 50, 100] * 70, strict=True
            )
        ),
    ]
    run = run_day(data, wishes)
    assert len(run.record.fills) > 1000
    assert_within_bars(run, rows)


def assert_within_bars(run: BacktestRun, rows: list[Row]) -> None:
    by_begin = {row.begin_ns: row for row in rows}
    for fill in run.record.fills:
        order = run.record.orders[fill.order_id]
        begin = fill.time_ns // MINUTE * MINUTE
        # At the instant between two bars it is the open of the one or lies in the range of the other.
        opened, ended = by_begin.get(begin), by_begin.get(begin - MINUTE)
        is_open = opened is not None and fill.price == opened.open
        is_inside = ended is not None and ended.low <= fill.price <= ended.high
        assert is_open or is_inside, (fill, opened, ended)
        if is_inside and not is_open:
            assert begin - MINUTE >= order.created_time_ns
        if order.price:
            is_no_worse = (
                fill.price <= order.price if str(fill.side) == "BUY" else fill.price >= order.price
            )
            assert is_no_worse


@pytest.mark.parametrize(("side", "away"), [("BUY", (-20, 50)), ("SELL", (-50, 20))])
def test_a_limit_fills_at_its_price_or_at_a_better_open(
    data: MarketData, rows: list[Row], side: str, away: tuple[int, int]
) -> None:
    wishes = wishes_around(rows, side, "price", away, 4)
    run = run_day(data, wishes)
    assert check_fills(run, rows, wishes, "price") > 400
    assert any(fill.is_maker for fill in run.record.fills)
    assert any(not fill.is_maker for fill in run.record.fills)


@pytest.mark.parametrize("model", [FillModel.TOUCH, FillModel.THROUGH])
def test_no_fill_lies_outside_its_bar_or_beyond_its_limit(
    data: MarketData, rows: list[Row], model: FillModel
) -> None:
    wishes = [
        *wishes_around(rows, "BUY", "price", (-20, 50), 5),
        *wishes_around(rows, "SELL", "price", (-50, 20), 6),
    ]
    run = run_day(data, wishes, fill_model=model)
    assert len(run.record.fills) > 800
    assert run.ambiguous_bars
    assert_within_bars(run, rows)


def test_a_marketable_limit_fills_at_the_open() -> None:
    bars = [bar(0, (105, 106, 104, 105)), bar(1, (100, 103, 99, 101))]
    assert fills_of(play(bars, [(1, "BUY", "1", {"price": 105})])) == [("BUY", "1", "100")]
    bars = [bar(0, (99, 100, 98, 99)), bar(1, (100, 101, 99.5, 100))]
    assert fills_of(play(bars, [(1, "SELL", "1", {"price": 99})])) == [("SELL", "1", "100")]


@pytest.mark.parametrize("latency_ns", [0, 250_000_000])
def test_a_decision_on_a_bar_trades_at_a_later_open(
    data: MarketData, rows: list[Row], latency_ns: int
) -> None:
    """The rows are stamped with their open times: nothing trades inside the bar that it was decided on."""
    wishes: list[Wish] = [
        (number, "BUY" if number % 2 else "SELL", "0.001", {}) for number in range(1, 1400, 7)
    ]
    run = run_day(data, wishes, order_latency=Latency(latency_ns))
    waited = 1 if latency_ns else 0
    orders = run.record.orders
    assert len(run.record.fills) == len(wishes)
    for fill, (number, _, _, _) in zip(run.record.fills, wishes, strict=True):
        row, order = rows[number + waited], orders[fill.order_id]
        assert order.created_time_ns == rows[number - 1].begin_ns + MINUTE
        assert (fill.time_ns, fill.price) == (row.begin_ns, row.open)
        accepted_ns = order.created_time_ns + latency_ns
        assert accepted_ns <= fill.time_ns
        assert accepted_ns + latency_ns == order.acknowledged_time_ns or not latency_ns
