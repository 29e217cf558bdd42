"""When and at what price orders fill, by what the data are made of."""

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.backtest.engine import run_backtest
from actors.backtest.errors import BacktestError
from actors.backtest.latency import Latency
from actors.backtest.report import build_report
from actors.backtest.settings import BacktestSettings, BarModel, FeeAsset, FillModel
from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy
from actors.trading.risk import RiskLimits
from messages.enums import OrderStatus, OrderType, Reason, TimeInForce
from messages.market import Kline, Trade
from tests.backtest.markets import MINUTE, SECOND, START, bar, make_data, ticker, trade
from tests.backtest.orders_at import Wish, fills_of, play


class BuysEther(Strategy):
    """Buys one at its first trade."""

    def __init__(self) -> None:
        self.symbol = "ETHBTC"

    def on_trade(self, trade: Trade) -> None:
        """Once."""
        if self.is_flat(self.symbol):
            self.buy(self.symbol, 1)


# Trades.


def test_a_market_order_takes_the_quote_a_tick_from_the_last_trade() -> None:
    run = play([trade(0, 100.0), trade(1, 101.0)], [(1, "BUY", "0.5", {}), (2, "SELL", "0.5", {})])
    assert fills_of(run) == [("BUY", "0.5", "100.01"), ("SELL", "0.5", "100.99")]
    assert not any(item.is_maker for item in run.record.fills)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (FillModel.TOUCH, [("BUY", "0.3", "99"), ("BUY", "0.7", "99")]),
        (FillModel.THROUGH, [("BUY", "1", "99")]),
    ],
)
def test_a_resting_order_fills_by_the_aggressor_of_a_trade(
    model: FillModel, expected: list[tuple[str, str, str]]
) -> None:
    market = [
        trade(0, 100.0),
        trade(1, 98.0, 5.0),  # its taker bought: a BUY order is not reached
        trade(2, 99.0, 0.3, sold=True),
        trade(3, 98.5, 5.0, sold=True),
    ]
    run = play(market, [(1, "BUY", "1", {"price": 99})], fill_model=model)
    assert fills_of(run) == expected
    assert all(item.is_maker for item in run.record.fills)


def test_orders_share_a_trade_by_price_then_time() -> None:
    market = [trade(0, 100.0), trade(1, 98.0, 1.5, sold=True)]
    wishes: list[Wish] = [
        (1, "BUY", "1", {"price": 98.5}),
        (1, "BUY", "1", {"price": 99}),
        (1, "BUY", "1", {"price": 98.5}),
    ]
    assert fills_of(play(market, wishes)) == [("BUY", "1", "99"), ("BUY", "0.5", "98.5")]


def test_nothing_fills_on_a_trade_older_than_the_acceptance() -> None:
    late = trade(2, 98.0, 5.0, sold=True)
    late.trade_time_ns = START  # it happened before the order came, and was told after it
    market = [trade(0.5, 100.0), trade(1, 100.0), late, trade(3, 98.9, 5.0, sold=True)]
    run = play(market, [(1, "BUY", "1", {"price": 99})])
    assert [item.time_ns for item in run.record.fills] == [START + 3 * SECOND]


def test_latency_is_waited_for_both_ways() -> None:
    market = [
        trade(0, 100.0),
        trade(0.1, 98.0, 5.0, sold=True),  # the order is not there yet
        trade(0.2, 100.0),
        trade(0.4, 98.0, 5.0, sold=True),
        trade(1.0, 100.0),
    ]
    latency = Latency(300_000_000)
    run = play(market, [(1, "BUY", "1", {"price": 99})], order_latency=latency)
    (fill,) = run.record.fills
    (order,) = run.record.orders.values()
    assert fill.time_ns == START + 400_000_000
    assert order.acknowledged_time_ns == START + 600_000_000
    assert order.ended_time_ns == START + 700_000_000


def test_the_feed_has_a_latency_of_its_own() -> None:
    market = [trade(0, 100.0), trade(0.2, 105.0), trade(1.0, 100.0)]
    run = play(market, [(1, "BUY", "1", {})], feed_latency=Latency(500_000_000))
    # It hears of the first trade half a second later, when the market is elsewhere.
    assert fills_of(run) == [("BUY", "1", "105.01")]
    assert run.record.fills[0].mid_price == 100.0


def test_time_to_cancel_counts_from_the_acknowledgement() -> None:
    market = [trade(0, 100.0), trade(4, 100.0), trade(6, 98.0, 9.0, sold=True)]
    run = play(market, [(1, "BUY", "1", {"price": 99, "time_to_cancel": 5.0})])
    (order,) = run.record.orders.values()
    assert order.status is OrderStatus.CANCELED
    assert order.ended_time_ns == START + 5 * SECOND
    assert not run.record.fills


# Book tickers.


def test_a_market_order_takes_what_is_displayed_and_no_more() -> None:
    run = play([ticker(0, 99.0, 101.0, 1.0, 0.4), ticker(1, 99.0, 101.0)], [(1, "BUY", "1", {})])
    assert fills_of(run) == [("BUY", "0.4", "101")]
    (order,) = run.record.orders.values()
    assert order.status is OrderStatus.EXPIRED


def test_a_book_ticker_without_quantities_does_not_limit() -> None:
    run = play([ticker(0, 99.0, 101.0, 0.0, 0.0), ticker(1, 99.0, 101.0)], [(1, "BUY", "7", {})])
    assert fills_of(run) == [("BUY", "7", "101")]


def test_a_crossing_limit_pays_as_taker_and_its_rest_as_maker() -> None:
    """Ask 1 @ 101; BUY LIMIT 3 @ 101; later 2 are sold into it: fees 0.001 + 0.0016."""
    market = [
        ticker(0, 99.0, 101.0, 1.0, 1.0),
        ticker(1, 101.0, 102.0),
        trade(2, 101.0, 2.0, sold=True),
    ]
    run = play(
        market,
        [(1, "BUY", "3", {"price": 101})],
        maker_fee=Decimal("0.0008"),
        taker_fee=Decimal("0.001"),
    )
    assert [(item.is_maker, item.fee) for item in run.record.fills] == [
        (False, Decimal("0.001")),
        (True, Decimal("0.0016")),
    ]
    assert run.final_balances["BTC"] == Decimal("102.9974")


def test_the_queue_ahead_is_waited_for() -> None:
    market = [
        ticker(0, 99.0, 101.0, 2.0, 1.0),
        trade(1, 99.0, 1.5, sold=True),
        trade(2, 99.0, 1.0, sold=True),
        trade(3, 98.9, 0.1, sold=True),
        trade(4, 98.0, 9.0, sold=True),
    ]
    run = play(market, [(1, "BUY", "1", {"price": 99})], fill_model=FillModel.QUEUE)
    assert fills_of(run) == [("BUY", "0.5", "99"), ("BUY", "0.1", "99"), ("BUY", "0.4", "99")]


def test_an_order_below_the_best_joins_the_queue_when_its_price_becomes_the_best() -> None:
    market = [
        ticker(0, 99.0, 101.0),
        trade(1, 98.0, 0.5, sold=True),  # its place is not known yet
        ticker(2, 98.0, 101.0, 3.0),
        trade(3, 98.0, 3.5, sold=True),
    ]
    run = play(market, [(1, "BUY", "1", {"price": 98})], fill_model=FillModel.QUEUE)
    assert fills_of(run) == [("BUY", "0.5", "98")]


def test_the_queue_needs_quantities() -> None:
    with pytest.raises(BacktestError, match="queue needs the quantities"):
        play([trade(0, 100.0)], [], fill_model=FillModel.QUEUE)


# Bars.


def test_a_decision_at_a_close_fills_at_the_next_open_and_not_before() -> None:
    """Bars O100 H112 L99 C110, O111 H113 L108 C109: MARKET fills at 111, BUY LIMIT 101 does not fill."""
    market = [bar(0, (100, 112, 99, 110), minutes=5), bar(1, (111, 113, 108, 109), minutes=5)]
    run = play(market, [(1, "BUY", "1", {}), (1, "BUY", "1", {"price": 101})])
    assert fills_of(run) == [("BUY", "1", "111")]
    assert run.record.fills[0].time_ns == START + 5 * MINUTE


def test_a_marketable_limit_fills_at_the_open() -> None:
    market = [bar(0, (104, 105, 103, 104)), bar(1, (100, 103, 99, 101))]
    assert fills_of(play(market, [(1, "BUY", "1", {"price": 105})])) == [("BUY", "1", "100")]
    market = [bar(0, (100, 100, 100, 100)), bar(1, (100, 101, 99.5, 100))]
    assert fills_of(play(market, [(1, "SELL", "1", {"price": 99})])) == [("SELL", "1", "100")]


def test_a_bar_that_opens_beyond_a_resting_limit_fills_it_at_the_open() -> None:
    market = [
        bar(0, (106, 107, 105, 106)),
        bar(1, (106, 107, 105.5, 106)),
        bar(2, (98, 99, 97, 98)),
    ]
    run = play(market, [(1, "BUY", "1", {"price": 105})])
    assert fills_of(run) == [("BUY", "1", "98")]
    assert run.record.fills[0].time_ns == START + 2 * MINUTE


@pytest.mark.parametrize(
    ("model", "low", "expected"),
    [
        (FillModel.TOUCH, 99.0, [("BUY", "1", "99")]),
        (FillModel.THROUGH, 99.0, []),
        (FillModel.THROUGH, 98.99, [("BUY", "1", "99")]),
        (FillModel.TOUCH, 99.01, []),
    ],
)
def test_a_resting_limit_fills_where_a_bar_reaches_it(
    model: FillModel, low: float, expected: list[tuple[str, str, str]]
) -> None:
    market = [bar(0, (100, 101, 100, 100)), bar(1, (100, 101, low, 100))]
    run = play(market, [(1, "BUY", "1", {"price": 99})], fill_model=model)
    assert fills_of(run) == expected


@pytest.mark.parametrize(("close", "side"), [(99.5, "BUY"), (100.5, "SELL"), (100.0, "BUY")])
def test_a_bar_that_reaches_both_sides_fills_the_side_it_closed_against(
    close: float, side: str
) -> None:
    market = [bar(0, (100, 100, 100, 100)), bar(1, (100, 102, 98, close))]
    wishes = [(1, "BUY", "1", {"price": 99}), (1, "SELL", "1", {"price": 101})]
    run = play(market, wishes)
    assert [item[0] for item in fills_of(run)] == [side]
    assert run.ambiguous_bars == 1


def test_fills_of_a_bar_are_at_most_its_volume() -> None:
    market = [bar(0, (100, 101, 100, 100)), bar(1, (100, 101, 98, 100), 1.5)]
    wishes: list[Wish] = [(1, "BUY", "1", {}), (1, "BUY", "1", {"price": 99})]
    run = play(market, wishes)
    assert fills_of(run) == [("BUY", "1", "100"), ("BUY", "0.5", "99")]


def test_a_bar_without_a_trade_fills_nothing() -> None:
    flat = bar(1, (100, 100, 100, 100), 0.0)
    market = [bar(0, (100, 101, 100, 100)), flat, bar(2, (102, 103, 102, 102))]
    run = play(market, [(1, "BUY", "1", {}), (1, "SELL", "1", {"price": 100})])
    assert sorted(fills_of(run)) == [("BUY", "1", "102"), ("SELL", "1", "102")]


def test_with_latency_an_order_waits_for_the_bar_that_begins_after_it() -> None:
    market = [
        bar(number, (100 + number, 101 + number, 99 + number, 100 + number)) for number in range(4)
    ]
    latency = Latency(50_000_000)
    run = play(
        market, [(1, "BUY", "1", {}), (1, "BUY", "1", {"price": 150})], order_latency=latency
    )
    assert fills_of(run) == [("BUY", "1", "102"), ("BUY", "1", "102")]
    assert {item.time_ns for item in run.record.fills} == {START + 2 * MINUTE}
    assert all(item.status is OrderStatus.FILLED for item in run.record.orders.values())


def test_an_order_that_waits_for_its_bar_can_be_canceled() -> None:
    market = [bar(0, (100, 101, 99, 100)), bar(1, (100, 101, 99, 100)), bar(2, (100, 101, 99, 100))]
    terms = {"time_to_cancel": 5.0}
    run = play(market, [(1, "BUY", "1", terms)], order_latency=Latency(50_000_000))
    (order,) = run.record.orders.values()
    assert (order.status, fills_of(run)) == (OrderStatus.CANCELED, [])


def test_of_several_bar_sizes_the_finest_is_the_market() -> None:
    """A BUY LIMIT at the low of a long bar fills only when a later price comes down to it."""
    fine = [
        bar(number, (100 + number, 101 + number, 99 + number, 100 + number), minutes=5)
        for number in range(4)
    ]
    coarse = bar(0, (100, 104, 99, 103), minutes=15)
    market: list[Kline] = sorted(
        [*fine, coarse], key=lambda item: (item.receive_time_ns, item.interval)
    )
    run = play(market, [(1, "BUY", "1", {"price": 99})], [Kline], interval="15m")
    assert fills_of(run) == []
    alone = play(fine, [(3, "BUY", "1", {"price": 99})], [Kline], interval="5m")
    assert fills_of(alone) == []


def test_immediate_or_cancel_on_bars_takes_the_open_or_nothing() -> None:
    market = [bar(0, (100, 101, 99, 100)), bar(1, (102, 103, 99, 100))]
    ioc = {"time_in_force": TimeInForce.IOC}
    run = play(
        market, [(1, "BUY", "1", {"price": 101, **ioc}), (1, "BUY", "1", {"price": 102, **ioc})]
    )
    assert fills_of(run) == [("BUY", "1", "102")]
    assert [item.status for item in run.record.orders.values()] == [
        OrderStatus.EXPIRED,
        OrderStatus.FILLED,
    ]


def test_a_limit_maker_that_crosses_the_last_close_is_refused() -> None:
    market = [bar(0, (100, 101, 99, 100)), bar(1, (95, 96, 94, 95))]
    maker = {"price": 100.5, "order_type": OrderType.LIMIT_MAKER}
    run = play(market, [(1, "BUY", "1", maker)])
    (order,) = run.record.orders.values()
    assert (order.status, order.reason) == (OrderStatus.REJECTED, Reason.VENUE)


def test_bars_as_quotes_fill_at_the_standing_close() -> None:
    market = [bar(0, (100, 112, 99, 110)), bar(1, (111, 113, 100, 109))]
    run = play(
        market,
        [(1, "BUY", "1", {}), (1, "BUY", "1", {"price": 101})],
        bar_model=BarModel.QUOTES,
    )
    assert fills_of(run) == [("BUY", "1", "110"), ("BUY", "1", "101")]


# Fees and funds.


@pytest.mark.parametrize(
    ("asset", "fees"),
    [
        (FeeAsset.RECEIVED, ["BTC", "USDT"]),
        (FeeAsset.QUOTE, ["USDT", "USDT"]),
        (FeeAsset.BASE, ["BTC", "BTC"]),
        (FeeAsset.BNB, ["BNB", "BNB"]),
    ],
)
def test_the_asset_of_the_fee(asset: FeeAsset, fees: list[str]) -> None:
    run = play(
        [trade(0, 100.0), trade(1, 101.0)],
        [(1, "BUY", "1", {}), (2, "SELL", "1", {})],
        taker_fee=Decimal("0.001"),
        fee_asset=asset,
        bnb_price=Decimal(500),
        balances={"USDT": Decimal(1_000), "BTC": Decimal(1), "BNB": Decimal(1)},
    )
    assert [item.fee_asset for item in run.record.fills] == fees
    if asset is FeeAsset.BNB:
        # 0.1 % of 100.01 USDT less a quarter, at 500 USDT a BNB.
        assert run.record.fills[0].fee == Decimal("0.00015001")


def test_fees_in_bnb_are_converted_by_the_datas_prices_though_nobody_trades_there() -> None:
    """ETHBTC is quoted in bitcoin, whose price in dollars the data tell; of BNB the settings tell it in dollars alone."""
    market = [trade(0, 100.0), trade(1, 0.05, symbol="ETHBTC"), trade(2, 0.05, symbol="ETHBTC")]
    settings = BacktestSettings(
        balances={"BTC": Decimal(10), "BNB": Decimal(1)},
        taker_fee=Decimal("0.001"),
        fee_asset=FeeAsset.BNB,
        bnb_price=Decimal(500),
    )
    buyer = ActorSpecification(BuysEther, "buyer", {})
    run = run_backtest(make_data(market), [buyer], settings)
    (fill,) = run.record.fills
    # 0.1 % of 0.05001 BTC less a quarter, at 100 USDT a BTC and 500 USDT a BNB.
    assert (fill.price, fill.fee, fill.fee_asset) == (
        Decimal("0.05001"),
        Decimal("0.0000075"),
        "BNB",
    )
    assert run.record.third_fees == {"BTC": Decimal("0.0000375")}
    assert not run.notes

    less = replace(settings, balances={"BTC": Decimal(10)})
    run = run_backtest(make_data(market), [buyer], less)
    assert [item.fee_asset for item in run.record.fills] == ["ETH"]
    (note,) = run.notes
    assert note.startswith("1 of 1 fills paid their fee not in BNB")


def test_what_the_account_cannot_pay_is_refused_once() -> None:
    run = play(
        [trade(0, 100.0), trade(1, 100.0)],
        [(1, "BUY", "10", {"price": 99})],
        balances={"USDT": Decimal(500)},
    )
    (order,) = run.record.orders.values()
    assert (order.status, order.reason) == (OrderStatus.REJECTED, Reason.INSUFFICIENT_FUNDS)


def test_only_with_leave_a_strategy_sells_what_is_not_its_own() -> None:
    market = [trade(0, 100.0), trade(1, 100.0)]
    wishes: list[Wish] = [(1, "SELL", "1", {})]
    refused = play(market, wishes, risk=RiskLimits())
    (order,) = refused.record.orders.values()
    assert (order.status, order.reason) == (OrderStatus.REJECTED, Reason.INSUFFICIENT_FUNDS)
    assert fills_of(play(market, wishes)) == [("SELL", "1", "99.99")]


def test_fees_belong_to_the_trades_that_paid_them() -> None:
    """BUY 10 @ 100; SELL 5 @ 100.15 twice, 0.1 % in quote: each leg 0.75 - 0.50 - 0.50075."""
    market = [
        ticker(0, 99.99, 100.0, 50, 50),
        ticker(1, 100.15, 100.2, 50, 50),
        ticker(2, 100.15, 100.2, 50, 50),
    ]
    wishes: list[Wish] = [(1, "BUY", "10", {}), (2, "SELL", "5", {}), (3, "SELL", "5", {})]
    run = play(market, wishes, taker_fee=Decimal("0.001"), fee_asset=FeeAsset.QUOTE)
    report = build_report(run)
    assert [item["net_profit"] for item in report["trades"]] == ["-0.25075", "-0.25075"]
    assert report["metrics"]["win_rate"] == 0
    assert report["accounts"]["profit"]["USDT"] == {
        "equity_change": "-0.5015",
        "sum_of_trades": "-0.5015",
    }
    assert run.final_balances["USDT"] == Decimal("999999.4985")
