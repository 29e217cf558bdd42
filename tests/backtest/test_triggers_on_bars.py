"""Stops, take profits, trails and lists where the data hold bars alone: never outside a bar, and at the worse of what may be.

A stop that a bar opens beyond fills at the open, else at its trigger price, never at the close.
"""

from decimal import Decimal
from typing import Any

import pytest

from actors.backtest.engine import BacktestRun, run_backtest
from actors.backtest.latency import Latency
from actors.backtest.settings import BacktestSettings, BarModel, FillModel
from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy
from actors.trading.risk import RiskLimits
from messages.enums import KlineInterval, OrderStatus, OrderType, Side
from messages.market import Kline
from tests.backtest.markets import MINUTE, START, bar, make_data
from tests.backtest.orders_at import Wish, fills_of, play

STOP, STOP_LIMIT = OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT
TARGET, TARGET_LIMIT = OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT
CALM = bar(0, (100, 101, 99, 100))


def stop(at: float, kind: OrderType = STOP, **terms: Any) -> dict[str, Any]:
    return {"order_type": kind, "stop_price": at, **terms}


def after_calm(prices: tuple[float, float, float, float], wish: Wish, **terms: Any) -> BacktestRun:
    """One order that comes at the end of a calm bar, and the bar after it."""
    return play([CALM, bar(1, prices)], [wish], **terms)


@pytest.mark.parametrize(
    ("prices", "expected"), [((8, 13, 7, 12), "10"), ((12, 13, 7, 8), "12"), ((8, 10, 7, 9), "10")]
)
def test_a_purchase_by_a_stop_fills_at_its_trigger_or_at_an_open_beyond_it(
    prices: tuple[float, float, float, float], expected: str
) -> None:
    market = [bar(0, (8, 9, 7, 8)), bar(1, prices)]
    assert fills_of(play(market, [(1, "BUY", "1", stop(10))])) == [("BUY", "1", expected)]


def test_a_gap_through_a_stop_costs_what_it_costs() -> None:
    """Long 100 from 100, nothing left, stop 98, next bar 90: the account is worth 9,000, not 9,800."""
    market = [bar(0, (100, 100, 100, 100)), bar(1, (100, 100, 100, 100)), bar(2, (90, 90, 90, 90))]
    wishes: list[Wish] = [(1, "BUY", "100", {}), (2, "SELL", "100", stop(98))]
    run = play(market, wishes, balances={"USDT": Decimal(10_000)})
    assert fills_of(run) == [("BUY", "100", "100"), ("SELL", "100", "90")]
    assert run.final_balances["USDT"] == Decimal(9_000)


def test_a_trailing_purchase_goes_through_a_gap_at_the_open() -> None:
    """BUY, 5 % above 100, next open 200: at 200, not at 105."""
    market = [CALM, bar(1, (100, 100, 100, 100)), bar(2, (200, 201, 199, 200))]
    trail = {"order_type": STOP, "trailing_delta": 500}
    run = play(market, [(1, "BUY", "1", trail)])
    assert fills_of(run) == [("BUY", "1", "200")]
    assert run.record.fills[0].time_ns == START + 2 * MINUTE


@pytest.mark.parametrize(
    ("side", "terms", "prices", "expected"),
    [
        ("SELL", stop(95), (100, 101, 94, 99), ["95"]),
        ("SELL", stop(95), (100, 101, 95, 99), ["95"]),
        ("SELL", stop(95), (100, 101, 95.01, 96), []),
        ("SELL", stop(95), (93, 101, 92, 99), ["93"]),
        ("SELL", stop(105, TARGET), (100, 107, 99, 106), ["105"]),
        ("SELL", stop(105, TARGET), (106, 107, 99, 106), ["106"]),
        ("BUY", stop(95, TARGET), (100, 101, 94, 96), ["95"]),
        # A limit that allows the trigger price fills at it.
        ("SELL", stop(95, STOP_LIMIT, price=94), (100, 101, 90, 91), ["95"]),
        ("BUY", stop(105, STOP_LIMIT, price=106), (100, 108, 99, 107), ["105"]),
        # A limit on the near side is known to have been reached only by the close.
        ("SELL", stop(95, STOP_LIMIT, price=96), (100, 101, 94, 97), ["96"]),
        ("SELL", stop(95, STOP_LIMIT, price=96), (100, 101, 94, 95.5), []),
        # Through a gap to below its limit it rests there, and the rest of the bar comes after the open.
        ("SELL", stop(95, STOP_LIMIT, price=94), (90, 92, 89, 91), []),
        ("SELL", stop(95, STOP_LIMIT, price=94), (90, 94, 89, 91), ["94"]),
        # Going on in its own direction, the price comes by the limit after the trigger.
        ("SELL", stop(105, TARGET_LIMIT, price=106), (100, 107, 99, 100), ["106"]),
        ("SELL", stop(105, TARGET_LIMIT, price=104), (100, 107, 99, 100), ["105"]),
        ("BUY", stop(95, TARGET_LIMIT, price=94), (100, 101, 93, 100), ["94"]),
    ],
)
def test_where_in_a_bar_an_order_that_waits_fills(
    side: str,
    terms: dict[str, Any],
    prices: tuple[float, float, float, float],
    expected: list[str],
) -> None:
    run = after_calm(prices, (1, side, "1", terms))
    assert [price for _, _, price in fills_of(run)] == expected


def test_a_stop_limit_that_was_set_off_rests_as_a_limit_order() -> None:
    """It is not held against its trigger again."""
    market = [
        CALM,
        bar(1, (100, 101, 94, 95.5)),
        bar(2, (95.5, 96.5, 95.2, 96)),
        bar(3, (96, 96, 96, 96)),
    ]
    run = play(market, [(1, "SELL", "1", stop(95, STOP_LIMIT, price=96))])
    assert fills_of(run) == [("SELL", "1", "96")]
    assert run.record.fills[0].is_maker
    assert run.record.fills[0].time_ns == START + 3 * MINUTE


def test_a_trail_follows_the_bars_before_and_not_the_one_it_is_held_against() -> None:
    trail = {"order_type": STOP, "trailing_delta": 500}
    # 5 % below 100 is 95, below 110 104.5: the bar that rises to 110 and falls to 103 sets nothing off.
    market = [CALM, bar(1, (100, 110, 103, 109)), bar(2, (109, 109.5, 104, 106))]
    run = play(market, [(1, "SELL", "1", trail)])
    assert fills_of(run) == [("SELL", "1", "104.5")]
    assert run.record.fills[0].time_ns == START + 3 * MINUTE


def test_a_trail_is_cut_to_the_worse_side_of_the_price_step() -> None:
    trail = {"order_type": STOP, "trailing_delta": 333}
    run = after_calm((100.01, 101, 90, 91), (1, "SELL", "1", trail))
    # 3.33 % below 100.01 is 96.679667.
    assert fills_of(run) == [("SELL", "1", "96.67")]


def test_a_trail_that_begins_at_a_price_follows_from_there() -> None:
    terms = stop(105, TARGET, trailing_delta=200)
    market = [CALM, bar(1, (100, 108, 99, 107)), bar(2, (107, 107.5, 105, 106))]
    run = play(market, [(1, "SELL", "1", terms)])
    # It begins at 105 and has seen 108: 2 % below is 105.84.
    assert fills_of(run) == [("SELL", "1", "105.84")]


class Trader(Strategy):
    """Buys in at the first bar, or not, and asks for a bracket."""

    def __init__(self, bracket: Any, at: int = 1) -> None:
        self.symbol, self.terms, self.at, self.count = "BTCUSDT", dict(bracket), at, 0
        self.interval = KlineInterval("1m")

    def on_kline(self, kline: Kline) -> None:
        """One more bar."""
        self.count += 1
        if self.count == self.at:
            self.bracket("BTCUSDT", 1, **self.terms)


def play_bracket(*bars: tuple[float, float, float, float], **terms: Any) -> BacktestRun:
    settings = BacktestSettings(
        balances={"USDT": Decimal(1_000_000), "BTC": Decimal(100)},
        maker_fee=Decimal(0),
        taker_fee=Decimal(0),
        risk=RiskLimits(may_sell_account_holdings=True),
    )
    market = [CALM, *(bar(number, prices) for number, prices in enumerate(bars, 1))]
    actor = ActorSpecification(Trader, "test", {"bracket": terms})
    return run_backtest(make_data(market), [actor], settings)


HELD: dict[str, Any] = {"stop": 95, "target": 105}
ENTRY: dict[str, Any] = {"entry": 98, "stop": 95, "target": 105}
LAST = (100.0, 100.0, 100.0, 100.0)


@pytest.mark.parametrize(
    ("terms", "prices", "expected", "ambiguous"),
    [
        # Exits of what is held.
        (HELD, (100, 106, 94, 105.5), ["95"], 1),
        (HELD, (100, 106, 96, 105.5), ["105"], 0),
        (HELD, (106, 107, 94, 95), ["106"], 0),
        (HELD, (94, 107, 93, 106), ["94"], 0),
        # An entry on the way down, and what its fill releases in the same bar.
        (ENTRY, (100, 101, 97, 99), ["98"], 0),
        (ENTRY, (100, 101, 94, 99), ["98", "95"], 0),
        (ENTRY, (100, 106, 94, 99), ["98", "95"], 1),
        (ENTRY, (100, 106, 97, 99), ["98"], 1),
        (ENTRY, (100, 106, 97, 105.5), ["98", "105"], 0),
        (ENTRY, (97, 98, 96, 97), ["97"], 0),
        (ENTRY, (97, 98, 94, 97), ["97", "95"], 0),
    ],
)
def test_a_bracket_inside_one_bar(
    terms: dict[str, Any],
    prices: tuple[float, float, float, float],
    expected: list[str],
    ambiguous: int,
) -> None:
    run = play_bracket(prices, **terms)
    assert [price for _, _, price in fills_of(run)] == expected
    assert run.ambiguous_bars == ambiguous
    statuses = [order.status for order in run.record.orders.values()]
    if len(expected) == len(terms) - 1:
        assert statuses.count(OrderStatus.EXPIRED) == 1
        assert OrderStatus.NEW not in statuses


def test_a_purchase_to_cover_is_stopped_out_too() -> None:
    """The same, upside down."""
    terms: dict[str, Any] = {"side": Side.SELL, "entry": 102, "stop": 105, "target": 95}
    assert fills_of(play_bracket((100, 106, 94, 101), **terms)) == [
        ("SELL", "1", "102"),
        ("BUY", "1", "105"),
    ]


def test_a_bracket_whose_stop_trails() -> None:
    terms = {"entry": 98, "trailing_delta": 100, "target": 120}
    run = play_bracket((100, 101, 97.5, 99), (99, 104, 99, 103), (103, 103, 102.9, 102.95), **terms)
    # From 98 it would go off at 97.02, from the close of 99 at 98.01, from 104 at 102.96.
    assert [price for _, _, price in fills_of(run)] == ["98", "102.96"]


def test_a_list_between_bars_waits_for_the_next_open() -> None:
    """With latency it comes within a bar: it must not fill at the last close."""
    settings = {"entry": 105, "stop": 90, "target": 120}
    market = [CALM, bar(1, (100, 101, 99, 100)), bar(2, (102, 103, 101, 102))]
    actor = ActorSpecification(Trader, "test", {"bracket": settings})
    run = run_backtest(
        make_data(market),
        [actor],
        BacktestSettings(
            order_latency=Latency(1_000_000), maker_fee=Decimal(0), taker_fee=Decimal(0)
        ),
    )
    assert fills_of(run) == [("BUY", "1", "102")]


def test_a_bar_that_reaches_stops_at_both_ends_sets_both_off_and_nothing_else() -> None:
    market = [CALM, bar(1, (100, 106, 94, 101))]
    wishes: list[Wish] = [
        (1, "SELL", "1", stop(95)),
        (1, "BUY", "2", stop(105)),
        (1, "BUY", "3", {"price": 98}),
        (1, "SELL", "4", {"price": 102}),
    ]
    run = play(market, wishes)
    assert sorted(fills_of(run)) == [("BUY", "2", "105"), ("SELL", "1", "95")]
    assert run.ambiguous_bars == 1


def test_what_lies_on_the_way_to_a_stop_fills_with_it() -> None:
    market = [CALM, bar(1, (100, 103, 94, 101))]
    wishes: list[Wish] = [
        (1, "SELL", "1", stop(95)),
        (1, "BUY", "3", {"price": 98}),
        (1, "SELL", "4", {"price": 102}),
    ]
    run = play(market, wishes)
    assert fills_of(run) == [("BUY", "3", "98"), ("SELL", "1", "95")]
    assert run.ambiguous_bars == 1


def test_beyond_the_volume_of_its_bar_a_stop_expires() -> None:
    run = play([CALM, bar(1, (100, 101, 94, 95), 0.4)], [(1, "SELL", "1", stop(95))])
    [order] = run.record.orders.values()
    assert fills_of(run) == [("SELL", "0.4", "95")]
    assert order.status is OrderStatus.EXPIRED


def test_an_order_that_came_within_a_bar_waits_for_the_next_open() -> None:
    """What the rest of that bar did is not told apart from what it did before."""
    market = [CALM, bar(1, (100, 101, 90, 96)), bar(2, (94, 96, 93, 95))]
    run = play(market, [(1, "SELL", "1", stop(95))], order_latency=Latency(1_000_000_000))
    assert fills_of(run) == [("SELL", "1", "94")]


def test_a_trigger_that_the_last_close_has_reached_is_refused() -> None:
    run = after_calm((100, 101, 99, 100), (1, "SELL", "1", stop(100)))
    [order] = run.record.orders.values()
    assert order.status is OrderStatus.REJECTED
    assert "trigger immediately" in order.reason_text


def test_to_go_beyond_a_price_is_asked_of_limits_and_not_of_triggers() -> None:
    market = [CALM, bar(1, (100, 101, 95, 97))]
    wishes: list[Wish] = [(1, "SELL", "1", stop(95)), (1, "BUY", "1", {"price": 95})]
    run = play(market, wishes, fill_model=FillModel.THROUGH)
    assert fills_of(run) == [("SELL", "1", "95")]


@pytest.mark.parametrize(
    ("prices", "expected"),
    [((100, 101, 90, 95), "90"), ((93, 101, 90, 95), "93"), ((100, 110, 96, 94), "94")],
)
def test_as_quotes_a_trigger_fills_at_the_first_of_them_that_reaches_it(
    prices: tuple[float, float, float, float], expected: str
) -> None:
    run = after_calm(prices, (1, "SELL", "1", stop(95)), bar_model=BarModel.QUOTES)
    assert [price for _, _, price in fills_of(run)] == [expected]
