"""Each filter with its code, at its bounds."""

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from actors.exchange.errors import VenueError
from actors.exchange.filters import check_order, count_decimals
from actors.exchange.orders import NewOrder
from actors.exchange.symbols import SymbolRules, rules_for
from messages.enums import OrderType, SelfTradePrevention, Side, SymbolStatus, TimeInForce

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench

AVERAGE = Decimal(100)


def limit(quantity: str = "1", price: str = "100", side: Side = Side.BUY) -> NewOrder:
    return NewOrder(
        symbol="LTCUSDT",
        side=side,
        order_type=OrderType.LIMIT,
        quantity=Decimal(quantity),
        price=Decimal(price),
        time_in_force=TimeInForce.GTC,
    )


def market(quantity: str | None = None, amount: str | None = None) -> NewOrder:
    return NewOrder(
        symbol="LTCUSDT",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        quantity=None if quantity is None else Decimal(quantity),
        quote_order_quantity=None if amount is None else Decimal(amount),
    )


def refusal(
    order: NewOrder,
    rules: SymbolRules | None = None,
    average: Decimal | None = AVERAGE,
) -> tuple[int, str] | None:
    try:
        check_order(order, rules or rules_for("LTCUSDT"), average)
    except VenueError as error:
        return error.code, error.message
    return None


@pytest.mark.parametrize(
    ("order", "filter_name"),
    [
        (limit(price="100.001"), "PRICE_FILTER"),
        (limit(price="0"), "PRICE_FILTER"),
        (limit(price="100000.01"), "PRICE_FILTER"),
        (limit(price="500.01"), "PERCENT_PRICE_BY_SIDE"),
        (limit(price="19.99"), "PERCENT_PRICE_BY_SIDE"),
        (limit(price="500.01", side=Side.SELL), "PERCENT_PRICE_BY_SIDE"),
        (limit(quantity="0.0005"), "LOT_SIZE"),
        (limit(quantity="1.0005"), "LOT_SIZE"),
        (limit(quantity="0"), "LOT_SIZE"),
        (limit(quantity="90000.001"), "LOT_SIZE"),
        (limit(quantity="0.049"), "NOTIONAL"),
        (market(quantity="0.049"), "NOTIONAL"),
        (market(amount="4.99"), "NOTIONAL"),
        (limit(quantity="90000", price="100.01"), "NOTIONAL"),
        (market(quantity="12000.001"), "MARKET_LOT_SIZE"),
    ],
)
def test_filter_is_named(order: NewOrder, filter_name: str) -> None:
    assert refusal(order) == (-1013, f"Filter failure: {filter_name}")


@pytest.mark.parametrize(
    "order",
    [
        limit(),
        limit(price="500"),
        limit(price="20", quantity="1"),
        limit(quantity="0.05"),
        limit(quantity="0.05000000", price="100.00000000"),
        market(quantity="0.05"),
        market(quantity="12000"),
        market(amount="5"),
    ],
)
def test_bounds_themselves_pass(order: NewOrder) -> None:
    assert refusal(order) is None


def test_price_band_needs_a_price_to_compare_with() -> None:
    assert refusal(limit(price="9000"), average=None) is None


def test_bound_of_zero_is_no_bound() -> None:
    zero = Decimal(0)
    open_rules = replace(
        rules_for("LTCUSDT"), min_price=zero, max_price=zero, tick_size=zero, max_notional=zero
    )
    assert refusal(limit(price="123456.789"), open_rules, average=None) is None


def test_older_notional_filter_has_its_own_name() -> None:
    rules = replace(rules_for("LTCUSDT"), notional_filter="MIN_NOTIONAL")
    assert refusal(limit(quantity="0.01"), rules) == (-1013, "Filter failure: MIN_NOTIONAL")


def test_market_notional_only_where_it_applies() -> None:
    rules = replace(rules_for("LTCUSDT"), min_notional_applies_to_market=False)
    assert refusal(market(quantity="0.001"), rules) is None


def test_as_many_open_orders_as_allowed(bench: "Bench") -> None:
    account = bench.account("one")
    for _ in range(200):
        bench.buy(account, "1", "100")
    with pytest.raises(VenueError, match="-1013: Filter failure: MAX_NUM_ORDERS"):
        bench.buy(account, "1", "100")


def test_precision_counts_decimals_that_matter() -> None:
    assert refusal(limit(quantity="1.000000001")) == (
        -1111,
        "Parameter 'quantity' has too much precision.",
    )
    assert refusal(limit(price="100.000000001")) == (
        -1111,
        "Parameter 'price' has too much precision.",
    )
    assert refusal(limit(quantity="1.00000000000000")) is None
    assert [count_decimals(Decimal(text)) for text in ("1", "1.50", "1.0000000010", "100")] == [
        0,
        2,
        9,
        0,
    ]


@pytest.mark.parametrize(
    ("order", "code", "parameter"),
    [
        (replace(limit(), time_in_force=None), -1102, "timeInForce"),
        (replace(limit(), price=None), -1102, "price"),
        (replace(limit(), quantity=None), -1102, "quantity"),
        (market(), -1102, "quoteOrderQty"),
        (replace(market("1"), price=Decimal(1)), -1106, "price"),
        (replace(market("1"), time_in_force=TimeInForce.GTC), -1106, "timeInForce"),
        (replace(limit(), quote_order_quantity=Decimal(1)), -1106, "quoteOrderQty"),
        (replace(limit(), stop_price=Decimal(1)), -1106, "stopPrice"),
        (replace(limit(), order_type=OrderType.LIMIT_MAKER), -1106, "timeInForce"),
    ],
)
def test_parameters_of_each_type(order: NewOrder, code: int, parameter: str) -> None:
    answer = refusal(order)
    assert answer is not None
    assert answer[0] == code
    assert f"'{parameter}'" in answer[1]


def test_quantity_and_amount_exclude_each_other() -> None:
    assert refusal(market("1", "100")) == (
        -1128,
        "Combination of optional parameters invalid.",
    )


def test_what_the_symbol_does_not_support() -> None:
    plain = replace(
        rules_for("LTCUSDT"),
        order_types=(OrderType.LIMIT, OrderType.STOP_LOSS),
        allows_trailing=False,
    )
    stop = replace(limit(), order_type=OrderType.STOP_LOSS_LIMIT, stop_price=Decimal(1))
    assert refusal(stop) is None
    assert refusal(stop, plain) == (
        -2010,
        "Stop loss limit orders are not supported for this symbol.",
    )
    trailing = replace(market("1"), order_type=OrderType.STOP_LOSS, trailing_delta=100)
    assert refusal(trailing, plain) == (
        -2010,
        "Trailing stop orders are not supported for this symbol.",
    )
    iceberg = replace(limit(), iceberg_quantity=Decimal("0.5"))
    assert refusal(iceberg) is None
    open_book = replace(rules_for("LTCUSDT"), allows_icebergs=False)
    assert refusal(iceberg, open_book) == (
        -2010,
        "Iceberg orders are not supported for this symbol.",
    )
    guarded = replace(limit(), self_trade_prevention_mode=SelfTradePrevention.TRANSFER)
    strict = replace(rules_for("LTCUSDT"), self_trade_prevention_modes=(SelfTradePrevention.NONE,))
    assert refusal(guarded) is None
    assert refusal(guarded, strict) == (
        -1013,
        "This symbol does not allow the specified self-trade prevention mode.",
    )


def test_symbol_that_does_not_trade_takes_no_orders() -> None:
    rules = replace(rules_for("LTCUSDT"), status=SymbolStatus.CANCEL_ONLY)
    assert refusal(limit(), rules) == (-2010, "Market is closed.")
