"""The moving average cross: warm-up, crosses, samples of trades, restart."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talipp.indicators import EMA

from actors.runtime.config import check_arguments
from actors.strategies.moving_average_cross import MovingAverage, MovingAverageCross
from actors.testing import START_TIME_NS, make_order_update, make_trade
from messages.account import Position
from messages.control import Resync
from messages.enums import Exchanges, KlineInterval, OrderStatus, OrderType, Side
from messages.market import Kline, Trade
from messages.orders import ClosePosition, PlaceOrder

SYMBOL = "BTCUSDT"
MINUTE_NS = 60_000_000_000
PRICES = st.lists(st.floats(min_value=1, max_value=1000, allow_nan=False), min_size=0, max_size=60)


def make_cross(**changes: Any) -> MovingAverageCross:
    """Two and four prices, on klines of a minute unless told otherwise."""
    arguments = {
        "symbol": SYMBOL,
        "fast": 2,
        "slow": 4,
        "quantity": Decimal("0.5"),
        "interval": KlineInterval.MINUTE_1,
    }
    return MovingAverageCross(**{**arguments, **changes})


def make_kline(
    close: float, index: int = 0, interval: KlineInterval = KlineInterval.MINUTE_1
) -> Kline:
    """A closed minute."""
    start = START_TIME_NS + index * MINUTE_NS
    return Kline(
        exchange=Exchanges.BINANCE,
        symbol=SYMBOL,
        interval=interval,
        open_time_ns=start,
        close_time_ns=start + MINUTE_NS - 1,
        open=close,
        high=close,
        low=close,
        close=close,
        volume=1.0,
        receive_time_ns=start + MINUTE_NS,
    )


def feed(cross: MovingAverageCross, prices: list[float]) -> None:
    """One kline for each price."""
    for index, price in enumerate(prices):
        cross.handle(make_kline(price, index))


def make_position(quantity: str) -> Position:
    """What is held."""
    return Position(
        strategy="MovingAverageCross",
        exchange=Exchanges.BINANCE,
        symbol=SYMBOL,
        quantity=Decimal(quantity),
        average_price=Decimal(100),
    )


def fill(cross: MovingAverageCross) -> None:
    """The last order of the strategy is filled."""
    placed = cross.outbox[-1]
    assert isinstance(placed, PlaceOrder)
    cross.handle(
        make_order_update(placed.order_id, OrderStatus.FILLED, executed_quantity=Decimal("0.5"))
    )
    cross.handle(make_position("0.5"))


def test_buys_at_the_cross_up_and_closes_at_the_cross_down() -> None:
    cross = make_cross()
    feed(cross, [100, 99, 98, 97, 96])
    assert cross.outbox == []
    feed(cross, [105])
    (placed,) = cross.outbox
    assert isinstance(placed, PlaceOrder)
    assert (placed.side, placed.order_type, placed.quantity) == (
        Side.BUY,
        OrderType.MARKET,
        Decimal("0.5"),
    )
    fill(cross)
    feed(cross, [108, 110])
    assert len(cross.outbox) == 1
    feed(cross, [80])
    assert isinstance(cross.outbox[-1], ClosePosition)
    assert len(cross.outbox) == 2


def test_a_rising_market_at_the_start_is_no_cross() -> None:
    cross = make_cross()
    feed(cross, [100, 101, 102, 103, 104, 105])
    assert cross.outbox == []


def test_nothing_is_closed_when_nothing_is_held() -> None:
    cross = make_cross()
    feed(cross, [100, 101, 102, 103, 104, 80, 70])
    assert cross.outbox == []


def test_holding_already_it_does_not_buy_again() -> None:
    cross = make_cross()
    feed(cross, [100, 99, 98, 97, 96])
    cross.handle(make_position("0.5"))
    feed(cross, [105])
    assert cross.outbox == []


@given(prices=PRICES, fast=st.integers(1, 5), more=st.integers(1, 10))
def test_no_order_before_both_averages_are_full(prices: list[float], fast: int, more: int) -> None:
    cross = make_cross(fast=fast, slow=fast + more)
    feed(cross, prices[: fast + more])
    # The first full pair only tells where they stand.
    assert cross.outbox == []


@given(prices=PRICES)
def test_buys_and_closes_take_turns(prices: list[float]) -> None:
    cross = make_cross()
    for index, price in enumerate(prices):
        before = len(cross.outbox)
        cross.handle(make_kline(price, index))
        for message in cross.outbox[before:]:
            if isinstance(message, PlaceOrder):
                fill(cross)
            else:
                cross.handle(make_position("0"))
    kinds = [type(message) for message in cross.outbox]
    assert all(one is not other for one, other in pairwise(kinds))
    assert kinds[:1] in ([], [PlaceOrder])


@given(prices=st.lists(st.floats(1, 1000), min_size=1, max_size=400), period=st.integers(1, 12))
def test_forgetting_old_prices_changes_no_average(prices: list[float], period: int) -> None:
    average, whole = MovingAverage(period), EMA(period)
    for price in prices:
        average.add(price)
        whole.add(price)
        assert average.value == whole[-1]
        assert len(average.indicator) <= 2 * period + 64


def make_ticks(prices: list[float], step_ms: int = 100) -> list[Trade]:
    """Trades at regular times."""
    return [
        make_trade(price, trade_id=index, time_ns=START_TIME_NS + index * step_ms * 1_000_000)
        for index, price in enumerate(prices)
    ]


def test_trades_are_sampled_by_their_time() -> None:
    taken: list[float] = []

    class Watched(MovingAverageCross):
        def take_price(self, price: float) -> None:
            taken.append(price)
            super().take_price(price)

    cross = Watched(SYMBOL, 2, 4, Decimal(1), sample_s=0.2)
    for trade in make_ticks([1, 2, 3, 4, 5]):  # two a sample
        cross.handle(trade)
    assert taken == [2, 4]
    # A late trade of an earlier sample is no price of this one, and an empty span gives no sample.
    cross.handle(make_trade(99.0, time_ns=START_TIME_NS))
    cross.handle(make_trade(7.0, time_ns=START_TIME_NS + 3_000_000_000))
    assert taken == [2, 4, 5]


def test_ten_trades_a_second_are_enough_to_trade_within_seconds() -> None:
    cross = MovingAverageCross(SYMBOL, 3, 8, Decimal(1))
    prices = [100 - index * 0.01 for index in range(25)] + [100.5] * 5
    for trade in make_ticks(prices):
        cross.handle(trade)
    assert [type(message) for message in cross.outbox] == [PlaceOrder]


def test_only_its_own_prices_count() -> None:
    on_klines, on_trades = make_cross(), make_cross(interval=None)
    for trade in make_ticks([100.0] * 50):
        on_klines.handle(trade)
    assert on_klines.fast.value is None
    feed(on_trades, [100.0] * 10)
    for trade in make_ticks([100.0] * 50):
        trade.symbol = "ETHUSDT"
        on_trades.handle(trade)
    assert on_trades.fast.value is None
    on_klines.handle(make_kline(1.0, interval=KlineInterval.MINUTE_5))
    on_klines.handle(make_kline(1.0))
    on_klines.handle(make_kline(1.0, 1))
    assert on_klines.fast.value == 1.0


def test_subscribes_to_one_kind_of_prices() -> None:
    assert [item.message_class.__name__ for item in make_cross().subscriptions()] == [
        "Kline",
        "Instrument",
    ]
    names = [item.message_class.__name__ for item in make_cross(interval=None).subscriptions()]
    assert names == ["Trade", "Instrument"]


def test_after_a_restart_it_warms_up_again_and_makes_up_for_a_missed_cross() -> None:
    cross = make_cross()
    assert cross.may_restart()
    cross.handle(
        Resync(
            target="MovingAverageCross",
            positions=[make_position("0.5")],
            open_orders=[],
            has_traded=True,
            is_restart=True,
        )
    )
    assert cross.may_restart()
    feed(cross, [100, 99, 98])
    assert cross.outbox == []
    feed(cross, [97])
    assert [type(message) for message in cross.outbox] == [ClosePosition]
    feed(cross, [96, 95])
    assert len(cross.outbox) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("symbol", "btcusdt"),
        ("symbol", ""),
        ("fast", 0),
        ("fast", -3),
        ("slow", 2),
        ("slow", 0),
        ("quantity", Decimal(0)),
        ("quantity", Decimal(-1)),
        ("quantity", Decimal("NaN")),
        ("sample_s", 0.0),
        ("sample_s", -1.0),
        ("sample_s", float("inf")),
        ("sample_s", float("nan")),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_key(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=key):
        make_cross(**{key: value})


def test_configured_from_a_table() -> None:
    faults: list[Any] = []
    table = {"symbol": SYMBOL, "fast": 3, "slow": 8, "quantity": 0.001, "interval": "1m"}
    arguments = check_arguments(MovingAverageCross, table, "actors[0]", faults)
    assert faults == []
    assert MovingAverageCross(**arguments).interval is KlineInterval.MINUTE_1
    check_arguments(MovingAverageCross, {**table, "interval": "7m"}, "actors[0]", faults)
    assert "7m" in str(faults[0])
