"""Positions, profits and fees, to the last digit."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.trading.closed_trade import ClosedTrade
from actors.trading.portfolio import Portfolio
from actors.trading.position_book import PRECISION
from messages.account import Position
from messages.enums import Exchanges, Side
from messages.instruments import Instrument
from messages.orders import Fill

EXCHANGE = Exchanges.CUSTOM
BTC = Instrument(
    exchange=EXCHANGE,
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    lot_size=Decimal("0.01"),
)


def make_portfolio() -> Portfolio:
    portfolio = Portfolio()
    portfolio.set_instrument(BTC)
    return portfolio


def make_fill(
    side: Side,
    quantity: str | Decimal,
    price: str | Decimal,
    fee: str | Decimal = "0",
    fee_asset: str = "USDT",
    strategy: str = "maker",
    event_time_ns: int = 1,
) -> Fill:
    return Fill(
        strategy=strategy,
        exchange=EXCHANGE,
        symbol="BTCUSDT",
        order_id="a",
        client_order_id="a",
        exchange_order_id=1,
        trade_id=1,
        side=side,
        price=Decimal(price),
        quantity=Decimal(quantity),
        fee=Decimal(fee),
        fee_asset=fee_asset,
        event_time_ns=event_time_ns,
    )


def position_of(portfolio: Portfolio, strategy: str = "maker") -> Position:
    return portfolio.position(strategy, EXCHANGE, "BTCUSDT")


def test_partial_exits_bear_the_entry_fee_once() -> None:
    portfolio = make_portfolio()
    assert portfolio.apply(make_fill(Side.BUY, "10", "100", "1.00")) is None
    legs = [portfolio.apply(make_fill(Side.SELL, "5", "100.15", "0.50075")) for _ in range(2)]
    closed = [leg for leg in legs if leg is not None]
    assert [leg.net_profit for leg in closed] == [Decimal("-0.25075")] * 2
    assert [leg.profit for leg in closed] == [Decimal("0.75")] * 2
    assert [leg.fees for leg in closed] == [{"USDT": Decimal("1.00075")}] * 2
    assert sum(leg.net_profit for leg in closed) == Decimal("-0.5015")
    assert portfolio.flows(EXCHANGE) == {"BTC": 0, "USDT": Decimal("-0.5015")}
    position = position_of(portfolio)
    assert position.quantity == 0
    assert position.average_price == 0
    assert position.realized_profit == Decimal("1.50")
    assert position.fees == {"USDT": Decimal("2.0015")}


def test_reversal_through_zero_starts_a_new_average() -> None:
    portfolio = make_portfolio()
    portfolio.apply(make_fill(Side.SELL, "1.1", "2.7810247713884997"))
    assert position_of(portfolio).quantity == Decimal("-1.1")
    trade = portfolio.apply(make_fill(Side.BUY, "375.8", "2.662", event_time_ns=9))
    assert trade is not None
    assert trade.side is Side.SELL
    assert trade.quantity == Decimal("1.1")
    assert trade.entry_price == Decimal("2.7810247713884997")
    assert trade.profit == Decimal("0.13092724852734967")
    position = position_of(portfolio)
    assert position.realized_profit == Decimal("0.13092724852734967")
    assert position.quantity == Decimal("374.7")
    assert position.average_price == Decimal("2.662")
    portfolio.apply(make_fill(Side.BUY, "1.1", "2.781"))
    position = position_of(portfolio)
    assert round(position.average_price, 14) == Decimal("2.66234832357637")
    closing = portfolio.apply(make_fill(Side.SELL, "375.8", "3"))
    assert closing is not None
    assert closing.open_time_ns == 9


def test_a_reversal_splits_its_fee_between_exit_and_entry() -> None:
    portfolio = make_portfolio()
    portfolio.apply(make_fill(Side.BUY, "1", "100", "0.1"))
    first = portfolio.apply(make_fill(Side.SELL, "4", "100", "0.4"))
    second = portfolio.apply(make_fill(Side.BUY, "3", "100", "0.3"))
    assert first is not None
    assert second is not None
    assert first.net_profit == Decimal("-0.2")
    assert second.net_profit == Decimal("-0.6")
    assert portfolio.flows(EXCHANGE)["USDT"] == Decimal("-0.8")


@pytest.mark.parametrize(
    ("fills", "held", "sellable", "fees"),
    [
        ([("0.73", "0.00073", "BTC")], "0.72927", "0.72", {"BTC": "0.00073"}),
        ([("0.73", "0.01", "BNB")], "0.73", "0.73", {"BNB": "0.01"}),
        (
            [("0.40", "0.005", "BNB"), ("0.33", "0.00033", "BTC")],
            "0.72967",
            "0.72",
            {"BNB": "0.005", "BTC": "0.00033"},
        ),
    ],
)
def test_fees_in_the_base_asset_reduce_what_can_be_sold(
    fills: list[tuple[str, str, str]], held: str, sellable: str, fees: dict[str, str]
) -> None:
    portfolio = make_portfolio()
    for quantity, fee, fee_asset in fills:
        portfolio.apply(make_fill(Side.BUY, quantity, "100", fee, fee_asset))
    position = position_of(portfolio)
    assert position.quantity == Decimal(held)
    assert position.average_price == 100
    assert BTC.round_quantity(position.quantity) == Decimal(sellable)
    assert position.fees == {asset: Decimal(fee) for asset, fee in fees.items()}


def test_dust_is_sold_with_the_next_position() -> None:
    portfolio = make_portfolio()
    portfolio.apply(make_fill(Side.BUY, "0.73", "100", "0.00073", "BTC"))
    portfolio.apply(make_fill(Side.SELL, "0.72", "110"))
    assert position_of(portfolio).quantity == Decimal("0.00927")
    assert position_of(portfolio).average_price == 100
    portfolio.apply(make_fill(Side.BUY, "0.73", "120", "0.00073", "BTC"))
    portfolio.apply(make_fill(Side.SELL, "0.73", "130"))
    assert position_of(portfolio).quantity == Decimal("0.00854")


def test_a_fee_in_a_third_asset_counts_in_its_own_unless_its_price_is_told() -> None:
    portfolio = make_portfolio()
    portfolio.apply(make_fill(Side.BUY, "1", "100", "0.001", "BNB"))
    trade = portfolio.apply(make_fill(Side.SELL, "1", "101", "0.002", "BNB"), fee_price=Decimal(50))
    assert trade is not None
    assert trade.fees == {"BNB": Decimal("0.003")}
    assert trade.fees_in_quote == Decimal("0.1")
    assert portfolio.flows(EXCHANGE) == {"BTC": 0, "USDT": 1, "BNB": Decimal("-0.003")}


def test_a_fee_in_the_sold_base_asset_takes_from_what_is_held() -> None:
    portfolio = make_portfolio()
    portfolio.apply(make_fill(Side.BUY, "2", "100"))
    trade = portfolio.apply(make_fill(Side.SELL, "1", "110", "0.001", "BTC"))
    assert trade is not None
    assert position_of(portfolio).quantity == Decimal("0.999")
    assert trade.net_profit == Decimal("10.01") - Decimal("0.11")


def test_tiny_prices_are_exact() -> None:
    portfolio = make_portfolio()
    portfolio.apply(make_fill(Side.BUY, "123456789012.12345678", "0.00000001"))
    trade = portfolio.apply(make_fill(Side.SELL, "123456789012.12345678", "0.00000002"))
    assert trade is not None
    assert trade.profit == Decimal("1234.5678901212345678")
    assert trade.entry_price == Decimal("0.00000001")


def test_unrealized_profit_follows_the_market_price() -> None:
    portfolio = make_portfolio()
    portfolio.apply(make_fill(Side.BUY, "2", "100", "0.2"))
    assert position_of(portfolio).unrealized_profit == 0
    portfolio.set_market_price(EXCHANGE, "BTCUSDT", Decimal("101.5"))
    assert position_of(portfolio).unrealized_profit == 3
    totals = portfolio.totals()
    assert totals.unrealized_profit == {"USDT": 3}
    assert totals.realized_profit == {"USDT": 0}
    assert totals.fees == {"USDT": Decimal("0.2")}


def test_strategies_are_kept_apart_and_add_up() -> None:
    portfolio = make_portfolio()
    portfolio.apply(make_fill(Side.BUY, "2", "100", strategy="one"))
    portfolio.apply(make_fill(Side.BUY, "3", "110", strategy="two"))
    portfolio.apply(make_fill(Side.SELL, "1", "120", strategy="one"))
    assert position_of(portfolio, "one").quantity == 1
    assert position_of(portfolio, "one").realized_profit == 20
    assert position_of(portfolio, "two").realized_profit == 0
    assert portfolio.quantity(EXCHANGE, "BTCUSDT") == 4
    assert portfolio.quantity(EXCHANGE, "BTCUSDT", "two") == 3
    assert portfolio.totals("one").realized_profit == {"USDT": 20}
    assert portfolio.flows(EXCHANGE, "two") == {"BTC": 3, "USDT": -330}
    assert [position.strategy for position in portfolio.positions()] == ["one", "two"]
    assert portfolio.flows(Exchanges.BINANCE) == {}


def test_a_restored_position_goes_on() -> None:
    first = make_portfolio()
    first.apply(make_fill(Side.BUY, "2", "100", "0.2"))
    first.apply(make_fill(Side.SELL, "1", "110", "0.11"))
    second = make_portfolio()
    second.restore(position_of(first))
    for portfolio in (first, second):
        portfolio.apply(make_fill(Side.SELL, "1", "130", "0.13"))
    assert position_of(second) == position_of(first)
    assert position_of(second).realized_profit == 40


def test_a_symbol_without_instrument_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="set_instrument"):
        Portfolio().apply(make_fill(Side.BUY, "1", "100"))
    assert position_of(Portfolio()).quantity == 0


amounts = st.integers(1, 10**12).map(lambda units: Decimal(units).scaleb(-8))
trades = st.lists(
    st.tuples(
        st.sampled_from(["one", "two"]),
        st.sampled_from([Side.BUY, Side.SELL]),
        amounts,
        amounts,
        st.sampled_from(["USDT", "BTC", "BNB"]),
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(trades, amounts)
def test_profits_less_fees_are_the_change_of_equity(
    steps: list[tuple[str, Side, Decimal, Decimal, str]], market_price: Decimal
) -> None:
    portfolio = make_portfolio()
    portfolio.set_market_price(EXCHANGE, "BTCUSDT", market_price)
    fees_in_quote = Decimal(0)
    closed: list[ClosedTrade] = []
    for strategy, side, quantity, price, fee_asset in steps:
        fee = (quantity / 1024).quantize(Decimal("1e-8"))
        fees_in_quote += {"USDT": fee, "BTC": fee * price, "BNB": Decimal(0)}[fee_asset]
        trade = portfolio.apply(make_fill(side, quantity, price, fee, fee_asset, strategy))
        closed += [trade] if trade is not None else []
    flows = portfolio.flows(EXCHANGE)
    totals = portfolio.totals()
    equity = flows.get("USDT", Decimal(0)) + flows.get("BTC", Decimal(0)) * market_price
    profit = sum(totals.realized_profit.values()) + sum(totals.unrealized_profit.values())
    assert abs(equity - (profit - fees_in_quote)) < Decimal("1e-9")
    assert portfolio.quantity(EXCHANGE, "BTCUSDT") == flows.get("BTC", Decimal(0))
    with localcontext(prec=PRECISION):
        closed_profit = sum((trade.profit for trade in closed), Decimal(0))
        realized = sum(totals.realized_profit.values(), Decimal(0))
        assert abs(closed_profit - realized) < Decimal("1e-40")


@settings(max_examples=100, deadline=None)
@given(amounts, amounts, st.lists(st.tuples(st.integers(1, 9), amounts), min_size=1, max_size=6))
def test_any_partition_of_an_exit_gives_the_whole_profit(
    quantity: Decimal, entry_price: Decimal, exits: list[tuple[int, Decimal]]
) -> None:
    portfolio = make_portfolio()
    fee = Decimal("0.00000007")
    portfolio.apply(make_fill(Side.BUY, quantity, entry_price, fee))
    left = quantity
    parts = []
    for share, price in exits[:-1]:
        part = (left * share / 10).quantize(Decimal("1e-8"))
        parts += [(part, price)] if 0 < part < left else []
        left = quantity - sum((part for part, _ in parts), Decimal(0))
    parts.append((left, exits[-1][1]))
    closed = [portfolio.apply(make_fill(Side.SELL, part, price)) for part, price in parts]
    proceeds = sum((part * price for part, price in parts), Decimal(0))
    net = sum((trade.net_profit for trade in closed if trade is not None), Decimal(0))
    assert abs(net - (proceeds - quantity * entry_price - fee)) < Decimal("1e-15")
    assert position_of(portfolio).quantity == 0
    assert position_of(portfolio).realized_profit == proceeds - quantity * entry_price


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9), st.integers(0, 9)), max_size=12))
def test_third_fees_count_once_whenever_their_price_becomes_known(
    steps: list[tuple[bool, int, int]],
) -> None:
    portfolio, paid = make_portfolio(), Decimal(0)
    for is_priced, quantity, fee in steps:
        price = Decimal(500) if is_priced else None
        portfolio.apply(make_fill(Side.BUY, str(quantity), "100", str(fee), "BNB"), price)
        paid += fee
        if quantity == 5:
            portfolio.value_fees(EXCHANGE, "BNB", "USDT", Decimal(500))
        if quantity == 6:
            portfolio.load(portfolio.save())
    portfolio.value_fees(EXCHANGE, "BNB", "EUR", Decimal(9))
    portfolio.value_fees(Exchanges.BINANCE, "BNB", "USDT", Decimal(9))
    portfolio.value_fees(EXCHANGE, "BNB", "USDT", Decimal(500))
    assert portfolio.unvalued_fees() == []
    net, after = portfolio.net_profits(), portfolio.profits_after_all_fees()
    assert after == {asset: profit - paid * 500 for asset, profit in net.items()}
