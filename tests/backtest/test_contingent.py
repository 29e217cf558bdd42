"""Orders with a trigger, lists and replacements in a backtest: the exchange's own engine on a market of trades."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from actors.backtest.engine import BacktestRun, run_backtest
from actors.backtest.settings import BacktestSettings, FillModel
from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy
from actors.trading.risk import RiskLimits
from messages.enums import OrderStatus, OrderType, Side
from messages.market import Trade
from tests.backtest.markets import make_data, trade
from tests.backtest.orders_at import fills_of, play

STOP = OrderType.STOP_LOSS


class Caller(Strategy):
    """Does what it is told after so many trades."""

    def __init__(self, deeds: Any) -> None:
        self.symbol, self.deeds, self.count = "BTCUSDT", dict(deeds), 0
        self.ids: list[str] = []

    def on_trade(self, trade: Trade) -> None:
        """One more trade."""
        self.count += 1
        deed: Callable[[Caller], Any] | None = self.deeds.get(self.count)
        if deed is not None:
            deed(self)


def play_calls(
    trades: list[Trade],
    deeds: dict[int, Callable[[Caller], Any]],
    fill_model: FillModel = FillModel.TOUCH,
) -> BacktestRun:
    settings = BacktestSettings(
        balances={"USDT": Decimal(1_000_000), "BTC": Decimal(100)},
        maker_fee=Decimal(0),
        taker_fee=Decimal(0),
        risk=RiskLimits(may_sell_account_holdings=True),
        fill_model=fill_model,
    )
    actor = ActorSpecification(Caller, "test", {"deeds": deeds})
    return run_backtest(make_data(list(trades)), [actor], settings)


def prices(*values: float) -> list[Trade]:
    return [trade(number, price, 5.0, sold=True) for number, price in enumerate(values)]


def statuses_of(run: BacktestRun) -> list[OrderStatus]:
    return [order.status for order in run.record.orders.values()]


def test_a_stop_is_set_off_by_the_first_trade_beyond_it_and_sold_where_the_market_is() -> None:
    stop = {"order_type": STOP, "stop_price": 95}
    run = play(prices(100, 99, 96, 90, 97), [(1, "SELL", "1", stop)])
    [(side, quantity, price)] = fills_of(run)
    assert (side, quantity) == ("SELL", "1")
    # Through a gap: not at the stop price, which nobody bids any more.
    assert Decimal(price) <= 90


def test_a_stop_that_is_not_reached_waits() -> None:
    run = play(prices(100, 99, 96, 97), [(1, "SELL", "1", {"order_type": STOP, "stop_price": 95})])
    assert fills_of(run) == []
    assert statuses_of(run) == [OrderStatus.NEW]


def test_a_trailing_stop_follows_the_best_price() -> None:
    trail = {"order_type": STOP, "trailing_delta": 500}
    run = play(prices(100, 110, 106, 104, 100), [(1, "SELL", "1", trail)])
    [(_, _, price)] = fills_of(run)
    # 5 % below 110 is 104.5.
    assert 103 < Decimal(price) <= 104


def test_a_purchase_by_a_trailing_stop_goes_through_a_gap_at_the_new_price() -> None:
    trail = {"order_type": STOP, "trailing_delta": 500}
    run = play(prices(100, 101, 200), [(1, "BUY", "1", trail)])
    [(side, _, price)] = fills_of(run)
    assert side == "BUY"
    assert Decimal(price) >= 200


@pytest.mark.parametrize(
    ("after", "expected"), [((111.0, 112.0), Decimal(110)), ((94.0, 93.0), Decimal(94))]
)
def test_a_bracket_ends_by_one_of_its_exits(after: tuple[float, float], expected: Decimal) -> None:
    def enter(caller: Caller) -> None:
        caller.bracket("BTCUSDT", 1, 99, stop=95, target=110)

    trades = [*prices(100, 100, 98, 100), *(trade(4 + n, p, 5.0) for n, p in enumerate(after))]
    run = play_calls(trades, {1: enter})
    (_, entered), (_, left) = [(side, Decimal(price)) for side, _, price in fills_of(run)]
    assert entered == 99
    assert abs(left - expected) < Decimal("0.05")
    assert statuses_of(run).count(OrderStatus.FILLED) == 2
    assert statuses_of(run).count(OrderStatus.EXPIRED) == 1


def test_a_brackets_entry_that_crosses_is_filled_at_once_as_an_order_of_its_own_is() -> None:
    def enter(caller: Caller) -> None:
        caller.bracket("BTCUSDT", 1, 105, stop=90, target=120)

    def buy(caller: Caller) -> None:
        caller.buy("BTCUSDT", Decimal(1), price=Decimal(105))

    # Nothing trades after it, so that only the market as it stood can have filled it.
    listed = play_calls(prices(100, 100), {2: enter})
    alone = play_calls(prices(100, 100), {2: buy})
    assert fills_of(listed) == fills_of(alone)
    assert len(fills_of(listed)) == 1


def test_a_replacement_leaves_one_order() -> None:
    def place(caller: Caller) -> None:
        caller.ids.append(caller.stop("BTCUSDT", 1, 80, side=Side.SELL))

    def replace(caller: Caller) -> None:
        caller.ids.append(caller.replace(caller.ids[0], stop_price=95))

    run = play_calls(prices(100, 100, 100, 94, 93), {1: place, 2: replace})
    assert statuses_of(run) == [OrderStatus.CANCELED, OrderStatus.FILLED]


def test_a_replacement_that_a_filter_refuses_leaves_the_old_order() -> None:
    """As at the exchange, which looks at the filters before it does anything."""

    def place(caller: Caller) -> None:
        caller.ids += [
            caller.stop("BTCUSDT", 1, 80 + number, side=Side.SELL) for number in range(5)
        ]

    def replace(caller: Caller) -> None:
        caller.ids.append(caller.replace(caller.ids[0], stop_price=95))

    # The symbol takes five orders that wait, and the one to be replaced still counts.
    run = play_calls(prices(100, 100, 100), {1: place, 2: replace})
    assert statuses_of(run) == [OrderStatus.NEW] * 5 + [OrderStatus.REJECTED]
    assert "MAX_NUM_ALGO_ORDERS" in list(run.record.orders.values())[-1].reason_text


def test_an_order_that_waits_may_come_while_another_lies_in_the_way_of_a_quote() -> None:
    """By the fill model `through` a resting order stays where the price has been."""

    def rest(caller: Caller) -> None:
        caller.buy("BTCUSDT", Decimal(1), price=Decimal(99))

    def wait(caller: Caller) -> None:
        caller.stop("BTCUSDT", 1, 105, side=Side.BUY)

    run = play_calls(prices(100, 99, 98.99, 99), {1: rest, 3: wait}, fill_model=FillModel.THROUGH)
    assert OrderStatus.NEW in statuses_of(run)
    assert run.failure is None


def test_orders_of_one_instant_share_what_is_quoted() -> None:
    """A hundred thousand dollars' worth around a trade at 100 are 1000: not to each of two orders."""

    def buy(caller: Caller) -> None:
        for _ in range(2):
            caller.buy("BTCUSDT", Decimal(700), price=Decimal(101))

    run = play_calls(prices(100), {1: buy})
    assert [quantity for _, quantity, _ in fills_of(run)] == ["700", "300"]
    assert statuses_of(run) == [OrderStatus.FILLED, OrderStatus.PARTIALLY_FILLED]
