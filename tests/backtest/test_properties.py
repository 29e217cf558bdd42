"""For any strategy and any market: account, portfolio and trades agree to the last digit, and no fill breaks a rule."""

import random
from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.backtest.engine import BacktestRun, run_backtest
from actors.backtest.latency import Latency
from actors.backtest.record import FillRow
from actors.backtest.report import build_report, check_accounts, to_json
from actors.backtest.settings import BacktestSettings, BarModel, FeeAsset, FillModel
from actors.runtime.specification import ActorSpecification
from messages.enums import OrderStatus, Side
from messages.instruments import to_decimal
from messages.market import Kline, MarketMessage, Trade
from tests.backtest.markets import MINUTE, START, make_data
from tests.backtest.random_markets import bars, tickers, trades
from tests.backtest.wild_strategy import WildStrategy

SEEDS = st.integers(min_value=0, max_value=10_000)
LATENCIES = st.sampled_from([0, 1_000_000, 350_000_000])
usual = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def run(messages: Sequence[MarketMessage], interval: str = "", **terms: Any) -> BacktestRun:
    seed = int(terms.pop("strategy_seed", 0))
    common = {"symbol": "BTCUSDT", "interval": interval, "activity": 0.3}
    common["takes_trades"] = terms.pop("takes_trades", True)
    balances = {"USDT": Decimal(60_000), "BTC": Decimal("0.5"), "BNB": Decimal(1)}
    chosen = BacktestSettings(balances=balances, **terms)
    actors = [
        ActorSpecification(
            WildStrategy,
            name,
            common | {"seed": seed + index},
        )
        for index, name in enumerate(("one", "two"))
    ]
    return run_backtest(make_data(messages), actors, chosen)


def check_common(result: BacktestRun, latency_ns: int) -> None:
    """What holds whatever the market is made of."""
    accounts = check_accounts(result)
    assert accounts["agrees"], accounts
    check_report_by_hand(result)
    record = result.record
    assert not record.failures
    sums: dict[str, Decimal] = {}
    for fill in record.fills:
        sums[fill.order_id] = sums.get(fill.order_id, Decimal(0)) + fill.quantity
        order = record.orders[fill.order_id]
        assert (
            order.created_time_ns + latency_ns <= fill.time_ns + 999
        )  # the venue's clock has microseconds
        if order.price:
            is_no_worse = (
                fill.price <= order.price if fill.side is Side.BUY else fill.price >= order.price
            )
            assert is_no_worse, (fill, order)
    for name, order in record.orders.items():
        assert sums.get(name, Decimal(0)) == order.executed_quantity <= order.quantity
        if order.status is OrderStatus.FILLED:
            assert order.executed_quantity == order.quantity


def check_report_by_hand(result: BacktestRun) -> None:
    """The report's own texts, added up here: begin, fills and fees of every asset come to its end; as do the orders' sums."""
    report = msgspec.json.decode(to_json(build_report(result)))
    sums = {name: Decimal(row["begin"]) for name, row in report["accounts"]["balances"].items()}
    executed: dict[str, list[Decimal]] = {}
    for fill in report["fills"]:
        base, quote = result.record.assets[fill["symbol"]]
        price, quantity = Decimal(fill["price"]), Decimal(fill["quantity"])
        # The venue cuts the amount of a match to eight decimals.
        worth = (price * quantity).quantize(Decimal("1e-8"), ROUND_DOWN)
        sign = 1 if fill["side"] == "BUY" else -1
        sums[base] += sign * quantity
        sums[quote] -= sign * worth
        if Decimal(fill["fee"]):
            sums[fill["fee_asset"]] -= Decimal(fill["fee"])
        executed.setdefault(fill["order_id"], []).append(quantity)
    ends = {name: Decimal(row["end"]) for name, row in report["accounts"]["balances"].items()}
    assert sums == ends
    assert ends.items() >= result.final_balances.items()
    assert all(amount >= 0 for amount in ends.values()), "spot: nothing is owed"
    for order in report["orders"]:
        assert Decimal(order["executed_quantity"]) == sum(
            executed.get(order["order_id"], []), Decimal(0)
        )
    for row in report["accounts"]["profit"].values():
        assert row["equity_change"] == row["sum_of_trades"]


def fee_terms(seed: int) -> dict[str, Any]:
    asset = list(FeeAsset)[seed % 4]
    return {"fee_asset": asset, "bnb_price": Decimal(600), "maker_fee": Decimal("0.0008")}


@usual
@given(SEEDS, LATENCIES, st.sampled_from([FillModel.TOUCH, FillModel.THROUGH]))
def test_trades(seed: int, latency_ns: int, model: FillModel) -> None:
    market = trades(seed)
    latency = Latency(latency_ns)
    result = run(
        market, strategy_seed=seed, fill_model=model, order_latency=latency, **fee_terms(seed)
    )
    check_common(result, latency_ns)
    by_trade: dict[int, Decimal] = {}
    for fill in result.record.fills:
        if fill.is_maker and not is_own_match(fill, result):
            number = find_trade(fill, market, model)
            by_trade[number] = by_trade.get(number, Decimal(0)) + fill.quantity
    for number, filled in by_trade.items():
        # A passing of trades of one instant cannot be told apart from outside: their sum bounds.
        together = [
            item.quantity
            for item in market
            if item.receive_time_ns == market[number].receive_time_ns
        ]
        assert filled <= sum(map(to_decimal, together), Decimal(0))


def is_own_match(fill: FillRow, result: BacktestRun) -> bool:
    """Whether the other side of a match was the account's own order."""
    same = [item for item in result.record.fills if item.trade_id == fill.trade_id]
    return len(same) > 1


def find_trade(fill: FillRow, market: list[Trade], model: FillModel) -> int:
    """The trade that can have filled a resting order: of that instant, of the other aggressor, at its price or beyond."""
    for number, item in enumerate(market):
        if item.receive_time_ns // 1000 != fill.time_ns // 1000:
            continue
        is_buy = fill.side is Side.BUY
        price = to_decimal(item.price)
        reaches = price <= fill.price if is_buy else price >= fill.price
        if model is FillModel.THROUGH:
            reaches = price < fill.price if is_buy else price > fill.price
        if item.buyer_is_maker is is_buy and reaches:
            return number
    pytest.fail(f"no trade can have filled {fill}")


@usual
@given(SEEDS, LATENCIES, st.sampled_from(list(FillModel)))
def test_quotes_and_trades(seed: int, latency_ns: int, model: FillModel) -> None:
    market: list[MarketMessage] = [*tickers(seed), *trades(seed)]
    market.sort(key=lambda item: item.receive_time_ns)  # type: ignore[attr-defined] # all have one
    latency = Latency(latency_ns)
    result = run(
        market, strategy_seed=seed, fill_model=model, order_latency=latency, **fee_terms(seed)
    )
    check_common(result, latency_ns)


@usual
@given(SEEDS, LATENCIES, st.sampled_from(list(FillModel)))
def test_quotes_alone(seed: int, latency_ns: int, model: FillModel) -> None:
    """A taker gets the price that is displayed, and all takers of one quote no more than its quantity."""
    market = tickers(seed)
    result = run(
        market,
        strategy_seed=seed,
        fill_model=model,
        order_latency=Latency(latency_ns),
        takes_trades=False,
        **fee_terms(seed),
    )
    check_common(result, latency_ns)
    taken: dict[tuple[int, Side, Decimal], Decimal] = {}
    for fill in result.record.fills:
        if fill.is_maker or is_own_match(fill, result):
            continue
        standing = [item for item in market if item.receive_time_ns // 1000 <= fill.time_ns // 1000]
        # Of several of one instant any may have been the last when the order came.
        possible = [
            item for item in standing if item.receive_time_ns == standing[-1].receive_time_ns
        ]
        if len(possible) < len(standing):
            possible.append(standing[-len(possible) - 1])
        offers = [
            (item.ask_price, item.ask_quantity)
            if fill.side is Side.BUY
            else (item.bid_price, item.bid_quantity)
            for item in possible
        ]
        sizes = [size for price, size in offers if to_decimal(price) == fill.price]
        assert sizes, (fill, possible)
        key = (standing[-1].receive_time_ns, fill.side, fill.price)
        taken[key] = taken.get(key, Decimal(0)) + fill.quantity
        assert taken[key] <= sum(map(to_decimal, sizes), Decimal(0)), (fill, possible)


@usual
@given(
    SEEDS,
    LATENCIES,
    st.sampled_from([FillModel.TOUCH, FillModel.THROUGH]),
    st.sampled_from(list(BarModel)),
)
def test_bars(seed: int, latency_ns: int, model: FillModel, bar_model: BarModel) -> None:
    market = bars(seed)
    result = run(
        market,
        interval="1m",
        strategy_seed=seed,
        fill_model=model,
        bar_model=bar_model,
        order_latency=Latency(latency_ns),
        **fee_terms(seed),
    )
    check_common(result, latency_ns)
    filled: dict[int, Decimal] = {}
    for fill in result.record.fills:
        if is_own_match(fill, result):
            continue
        found = bars_at(fill.time_ns, market, bar_model)
        inside = [item for item in found if item.low <= float(fill.price) <= item.high]
        assert inside, (fill, found)
        order = result.record.orders[fill.order_id]
        if bar_model is BarModel.RANGE:
            accepted_ns = order.created_time_ns + latency_ns
            assert any(item.open_time_ns >= accepted_ns - 999 for item in inside), (fill, order)
            if len(found) == 1:
                key = found[0].open_time_ns
                filled[key] = filled.get(key, Decimal(0)) + fill.quantity
    for key, quantity in filled.items():
        volume = next(item.volume for item in market if item.open_time_ns == key)
        assert quantity <= 2 * to_decimal(volume)


def bars_at(time_ns: int, market: list[Kline], bar_model: BarModel) -> list[Kline]:
    """The bars that an instant belongs to: one that begins then, and one that ends then."""
    found = [
        item
        for item in market
        if item.open_time_ns // 1000 <= time_ns // 1000 <= item.receive_time_ns // 1000
    ]
    if bar_model is BarModel.QUOTES:  # the last quote stands until the next bar
        found += [item for item in market if item.receive_time_ns <= time_ns][-1:]
    return found


@usual
@given(SEEDS, LATENCIES, LATENCIES)
def test_no_order_fills_by_a_trade_that_is_older_than_its_acceptance(
    seed: int, latency_ns: int, feed_ns: int
) -> None:
    """Trades come late by up to two seconds, each by its own: an order may have been accepted between trade and receipt."""
    dice = random.Random(seed)
    market = trades(seed)
    for item in market:
        item.trade_time_ns = item.receive_time_ns - dice.choice([0, 1_000, 10**6, 2 * 10**9])
        item.event_time_ns = item.trade_time_ns
    result = run(
        market,
        strategy_seed=seed,
        order_latency=Latency(latency_ns),
        feed_latency=Latency(feed_ns),
        **fee_terms(seed),
    )
    check_common(result, latency_ns)
    for fill in result.record.fills:
        if not fill.is_maker or is_own_match(fill, result):
            continue
        order = result.record.orders[fill.order_id]
        accepted_us = (order.created_time_ns + latency_ns) // 1000
        possible = [
            item
            for item in market
            if item.receive_time_ns // 1000 == fill.time_ns // 1000
            and item.buyer_is_maker is (fill.side is Side.BUY)
            and item.trade_time_ns // 1000 >= accepted_us
        ]
        assert possible, (fill, order)


@usual
@given(SEEDS, LATENCIES)
def test_two_symbols_share_an_account(seed: int, latency_ns: int) -> None:
    """Each strategy trades both by turns of its own; the money is one."""
    market: list[MarketMessage] = list(trades(seed))
    for item in trades(seed + 1):
        item.symbol, item.price = "ETHUSDT", round(item.price / 20, 2)
        market.append(item)
    market.sort(key=lambda item: item.receive_time_ns)  # type: ignore[attr-defined] # all have one
    actors = [
        ActorSpecification(
            WildStrategy, name, {"symbol": symbol, "activity": 0.3, "seed": seed + index}
        )
        for index, (name, symbol) in enumerate(
            [("one", "BTCUSDT"), ("two", "ETHUSDT"), ("three", "BTCUSDT")]
        )
    ]
    chosen = BacktestSettings(
        balances={"USDT": Decimal(9_000), "BTC": Decimal("0.1"), "BNB": Decimal(1)},
        order_latency=Latency(latency_ns),
        **fee_terms(seed),
    )
    check_common(run_backtest(make_data(market), actors, chosen), latency_ns)


def test_the_wild_strategy_does_fill_and_rest() -> None:
    """The properties above would hold of a run without fills."""
    result = run(list(trades(4)), strategy_seed=4)
    kinds = {(item.is_maker, item.side) for item in result.record.fills}
    assert kinds == {(True, Side.BUY), (True, Side.SELL), (False, Side.BUY), (False, Side.SELL)}
    assert START <= result.record.fills[0].time_ns <= START + 100 * MINUTE
