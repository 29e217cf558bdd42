"""Rounding to steps, and the venue's bounds."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.enums import Exchanges, OrderType, Reason, Side
from messages.instruments import (
    Instrument,
    round_down,
    round_nearest,
    round_up,
    to_decimal,
    to_text,
)

STEPS = ["0.0001", "0.001", "0.01", "0.1", "1"]
CUSTOM = Exchanges.CUSTOM


def make_instrument(**changes: Any) -> Instrument:
    values: dict[str, Any] = {
        "exchange": CUSTOM,
        "symbol": "BTCUSDT",
        "base_asset": "BTC",
        "quote_asset": "USDT",
        "tick_size": Decimal("0.01"),
        "lot_size": Decimal("0.00001"),
        "min_notional": Decimal(5),
    }
    return Instrument(**(values | changes))


@pytest.mark.parametrize("step", STEPS)
def test_rounding_a_multiple_of_the_step_keeps_it(step: str) -> None:
    size = Decimal(step)
    for count in range(1, 401):
        exact = count * size
        for value in (exact, str(exact), float(exact)):
            assert round_down(value, size) == exact
            assert round_up(value, size) == exact
            assert round_nearest(value, size) == exact


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (0.29, "0.01", "0.29"),
        (2.05324293502, "0.01", "2.05"),
        (1.01, "0.00001", "1.01"),
        ("1.01", "0.00001", "1.01"),
        (1e-05, "0.00001", "0.00001"),
        (1e16, "1", "10000000000000000"),
        ("100", "1", "100"),
        (Decimal("1E+3"), "10", "1000"),
    ],
)
def test_rounded_text(value: Decimal | float | str, step: str, text: str) -> None:
    assert to_text(round_down(value, Decimal(step))) == text


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "1_000",
        "\uff11\uff12",
        "\u0663",
        "1e5",
        "",
        " 1",
        "1\n",
        "+1",
        ".5",
        "5.",
        "Infinity",
        "0x1",
        "1,5",
    ],
)
def test_a_text_that_is_no_plain_number_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="not a plain decimal number"):
        to_decimal(value)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")]
)
def test_a_number_that_is_not_finite_is_refused(value: Decimal | float) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        round_down(value, Decimal("0.01"))


def test_a_step_of_zero_rounds_nothing() -> None:
    assert round_down("1.23456789", Decimal(0)) == Decimal("1.23456789")


@given(
    st.integers(0, 10**16).map(lambda units: Decimal(units).scaleb(-8)),
    st.sampled_from([*STEPS, "0.00000001", "0.5", "25"]),
)
def test_rounding_is_to_the_neighbouring_multiples(value: Decimal, step: str) -> None:
    size = Decimal(step)
    low, high, near = round_down(value, size), round_up(value, size), round_nearest(value, size)
    assert low <= value <= high
    assert high - low in (0, size)
    assert near in (low, high)
    assert abs(near - value) * 2 <= size
    assert low % size == 0
    assert Decimal(to_text(low)) == low


@given(st.integers(0, 10**15).map(lambda units: units / 10**8))
def test_a_float_means_its_shortest_text(value: float) -> None:
    assert float(to_decimal(value)) == value
    assert to_decimal(value) == Decimal(repr(value))


def test_a_price_is_never_rounded_to_a_worse_one() -> None:
    instrument = make_instrument()
    assert instrument.round_price("100.019", Side.BUY) == Decimal("100.01")
    assert instrument.round_price("100.011", Side.SELL) == Decimal("100.02")
    assert instrument.round_price(100.01, Side.SELL) == Decimal("100.01")


def test_a_market_order_obeys_its_own_lot_size_too() -> None:
    instrument = make_instrument(lot_size=Decimal("0.01"), market_lot_size=Decimal("0.1"))
    assert instrument.round_quantity("1.29") == Decimal("1.29")
    assert instrument.round_quantity("1.29", OrderType.MARKET) == Decimal("1.2")


def reason_of(instrument: Instrument, quantity: str, price: str | None, **changes: Any) -> Reason:
    order_type = OrderType.MARKET if price is None else OrderType.LIMIT
    fault = instrument.find_fault(
        order_type, Decimal(quantity), None if price is None else Decimal(price), **changes
    )
    return Reason.NONE if fault is None else fault[0]


def test_a_remainder_below_the_least_notional() -> None:
    instrument = make_instrument(min_notional=Decimal(5), min_notional_applies_to_market=True)
    assert reason_of(instrument, "10", "1.00") is Reason.NONE
    assert reason_of(instrument, "3.0", "1.00") is Reason.NOTIONAL
    assert reason_of(instrument, "3.0", None, market_price=Decimal(1)) is Reason.NOTIONAL
    assert reason_of(instrument, "5", "1.00") is Reason.NONE
    fault = instrument.find_fault(OrderType.LIMIT, Decimal("3.0"), Decimal("1.00"))
    assert fault is not None
    assert fault[1] == "worth 3 USDT, less than the venue's least of 5"
    lenient = make_instrument(min_notional=Decimal(5))
    assert reason_of(lenient, "3.0", None, market_price=Decimal(1)) is Reason.NONE
    assert reason_of(instrument, "3.0", None) is Reason.NONE


def test_bounds() -> None:
    instrument = make_instrument(
        min_price=Decimal(1),
        max_price=Decimal(1000),
        min_quantity=Decimal("0.1"),
        max_quantity=Decimal(100),
        market_min_quantity=Decimal("0.2"),
        market_max_quantity=Decimal(50),
        max_notional=Decimal(20_000),
        max_notional_applies_to_market=True,
        min_notional=Decimal(0),
    )
    for quantity, price, reason in (
        ("1", "1", Reason.NONE),
        ("1", "0.99", Reason.PRICE),
        ("1", "1000.01", Reason.PRICE),
        ("1", "0", Reason.PRICE),
        ("0", "1", Reason.QUANTITY),
        ("-1", "1", Reason.QUANTITY),
        ("0.09", "1", Reason.QUANTITY),
        ("100.1", "1", Reason.QUANTITY),
        ("100", "200.01", Reason.NOTIONAL),
        ("0.19", None, Reason.QUANTITY),
        ("50.1", None, Reason.QUANTITY),
        ("50", None, Reason.NONE),
    ):
        assert reason_of(instrument, quantity, price) is reason, (quantity, price)
    dear = Decimal(401)
    assert reason_of(instrument, "50", None, market_price=dear) is Reason.NOTIONAL
    only_market = make_instrument(market_max_quantity=Decimal(1))
    assert reason_of(only_market, "2", None) is Reason.QUANTITY
    assert reason_of(only_market, "2", "100") is Reason.NONE


def test_a_bound_of_zero_bounds_nothing() -> None:
    free = make_instrument(min_notional=Decimal(0))
    assert reason_of(free, "0.00000001", "0.00000001") is Reason.NONE
    assert reason_of(free, "1000000000", "1000000000") is Reason.NONE


AMOUNTS = st.decimals(min_value=0, max_value=20, places=1)
BOUNDS = (
    *("min_price", "max_price", "min_quantity", "max_quantity"),
    *("market_min_quantity", "market_max_quantity", "min_notional", "max_notional"),
)


def find_broken_rules(
    rules: Instrument,
    order_type: OrderType,
    quantity: Decimal,
    price: Decimal | None,
    market_price: Decimal | None,
) -> set[Reason]:
    """Which of the venue's filters some terms break, each filter by itself (filters.md); a bound of 0 does not bind."""
    is_market = order_type is OrderType.MARKET
    least, most = [rules.min_quantity], [rules.max_quantity]
    if is_market:
        least.append(rules.market_min_quantity)
        most.append(rules.market_max_quantity)
    broken = set()
    if any(quantity < bound for bound in least) or any(0 < bound < quantity for bound in most):
        broken.add(Reason.QUANTITY)
    if price is not None and (
        price < rules.min_price or (rules.max_price and price > rules.max_price)
    ):
        broken.add(Reason.PRICE)
    if quantity <= 0:
        broken.add(Reason.QUANTITY)
    if price is not None and price <= 0:
        broken.add(Reason.PRICE)
    reference = market_price if is_market else price
    if reference is not None:
        worth = reference * quantity
        binds = not is_market or rules.min_notional_applies_to_market
        if binds and worth < rules.min_notional:
            broken.add(Reason.NOTIONAL)
        binds = not is_market or rules.max_notional_applies_to_market
        if binds and 0 < rules.max_notional < worth:
            broken.add(Reason.NOTIONAL)
    return broken


@given(
    bounds=st.fixed_dictionaries(dict.fromkeys(BOUNDS, AMOUNTS)),
    applies=st.booleans(),
    is_market=st.booleans(),
    quantity=AMOUNTS,
    price=AMOUNTS,
    market_price=st.none() | AMOUNTS,
)
def test_terms_pass_that_break_none_of_the_filters(
    bounds: dict[str, Decimal],
    applies: bool,
    is_market: bool,
    quantity: Decimal,
    price: Decimal,
    market_price: Decimal | None,
) -> None:
    rules = make_instrument(
        **bounds, min_notional_applies_to_market=applies, max_notional_applies_to_market=not applies
    )
    kind = OrderType.MARKET if is_market else OrderType.LIMIT
    asked = None if is_market else price
    broken = find_broken_rules(rules, kind, quantity, asked, market_price)
    fault = rules.find_fault(kind, quantity, asked, market_price)
    assert (fault is None) is (not broken)
    assert fault is None or fault[0] in broken
