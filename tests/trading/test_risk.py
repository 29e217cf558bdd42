"""Risk limits and funds."""

from decimal import Decimal
from typing import Any

import pytest

from actors.trading.risk import RiskChecker, RiskLimits, RiskState
from messages.enums import OrderType, Reason, Side
from messages.orders import Order

MS_NS = 1_000_000


def make_order(
    side: Side = Side.BUY,
    quantity: str = "1",
    price: str | None = "100",
    quote_quantity: str = "0",
) -> Order:
    return Order(
        side=side,
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        symbol="BTCUSDT",
        quantity=Decimal(quantity),
        quote_quantity=Decimal(quote_quantity),
        price=Decimal(price or 0),
    )


def make_state(**changes: Any) -> RiskState:
    values: dict[str, Any] = {
        "now_ns": 0,
        "base_asset": "BTC",
        "quote_asset": "USDT",
        "mid_price": Decimal(100),
        "strategy_quantity": Decimal(10),
    }
    return RiskState(**(values | changes))


def reason_of(limits: RiskLimits, order: Order, state: RiskState) -> Reason:
    refusal = RiskChecker(limits).check(order, state)
    return Reason.NONE if refusal is None else refusal[0]


def test_without_limits_nothing_is_refused_but_what_is_not_there() -> None:
    assert reason_of(RiskLimits(), make_order(quantity="1000000"), make_state()) is Reason.NONE


def test_order_notional() -> None:
    limits = RiskLimits(maximum_order_notional=Decimal(100))
    assert reason_of(limits, make_order(), make_state()) is Reason.NONE
    assert reason_of(limits, make_order(quantity="1.01"), make_state()) is Reason.MAX_NOTIONAL
    assert reason_of(limits, make_order(Side.SELL, "1.01"), make_state()) is Reason.MAX_NOTIONAL
    market = make_order(price=None, quantity="1.01")
    assert reason_of(limits, market, make_state()) is Reason.MAX_NOTIONAL
    assert reason_of(limits, market, make_state(mid_price=None)) is Reason.NO_MARKET_PRICE
    amount = make_order(price=None, quantity="0", quote_quantity="100")
    assert reason_of(limits, amount, make_state(mid_price=None)) is Reason.NONE
    refusal = RiskChecker(limits).check(make_order(quantity="1.01"), make_state())
    assert refusal is not None
    assert refusal[1] == "worth 101 USDT, 100 are allowed"


def test_position_counts_what_is_held_and_what_is_on_its_way() -> None:
    limits = RiskLimits(maximum_position_notional=Decimal(500))
    held = make_state(held_quantity=Decimal(3), open_buy_quantity=Decimal(1))
    assert reason_of(limits, make_order(), held) is Reason.NONE
    assert reason_of(limits, make_order(quantity="1.01"), held) is Reason.MAX_POSITION
    amount = make_order(price=None, quantity="0", quote_quantity="101")
    assert reason_of(limits, amount, held) is Reason.MAX_POSITION
    blind = make_state(mid_price=None, held_quantity=Decimal(3))
    assert reason_of(limits, amount, blind) is Reason.NO_MARKET_PRICE
    assert reason_of(limits, make_order(quantity="2.01"), blind) is Reason.MAX_POSITION


def test_a_sale_that_reduces_is_exempt_from_the_position_limit() -> None:
    limits = RiskLimits(maximum_position_notional=Decimal(500))
    over = make_state(held_quantity=Decimal(10))
    assert reason_of(limits, make_order(Side.SELL, "10"), over) is Reason.NONE
    assert reason_of(limits, make_order(), over) is Reason.MAX_POSITION


def test_open_orders() -> None:
    limits = RiskLimits(maximum_open_orders=2)
    assert reason_of(limits, make_order(), make_state(open_orders=1)) is Reason.NONE
    assert reason_of(limits, make_order(), make_state(open_orders=2)) is Reason.MAX_OPEN_ORDERS


def test_order_rate_is_a_sliding_window() -> None:
    checker = RiskChecker(RiskLimits(maximum_orders_per_second=2))
    refused_at = []
    for time_ms in (0, 600, 900, 1000, 1500, 1600, 1601):
        state = make_state(now_ns=time_ms * MS_NS)
        refusal = checker.check(make_order(), state)
        if refusal is None:
            checker.on_sent(state.now_ns)
        else:
            assert refusal[0] is Reason.ORDER_RATE
            refused_at.append(time_ms)
    assert refused_at == [900, 1500, 1601]


def test_a_clock_that_was_set_back_does_not_block_orders() -> None:
    checker = RiskChecker(RiskLimits(maximum_orders_per_second=1))
    checker.on_sent(3_600_000 * MS_NS)
    assert checker.check(make_order(), make_state(now_ns=MS_NS)) is None


def test_price_collar() -> None:
    limits = RiskLimits(price_collar=Decimal("0.05"))
    for price, reason in (
        ("105", Reason.NONE),
        ("95", Reason.NONE),
        ("105.01", Reason.PRICE_COLLAR),
        ("94.99", Reason.PRICE_COLLAR),
    ):
        assert reason_of(limits, make_order(price=price), make_state()) is reason
    assert reason_of(limits, make_order(price=None), make_state()) is Reason.NONE
    for order in (make_order(), make_order(price=None)):
        assert reason_of(limits, order, make_state(mid_price=None)) is Reason.NO_MARKET_PRICE


def test_funds_of_a_buy() -> None:
    limits = RiskLimits()
    assert reason_of(limits, make_order(), make_state(free_quote=Decimal(100))) is Reason.NONE
    poor = make_state(free_quote=Decimal("99.99"))
    assert reason_of(limits, make_order(), poor) is Reason.INSUFFICIENT_FUNDS
    assert reason_of(limits, make_order(price=None), poor) is Reason.INSUFFICIENT_FUNDS


def test_no_more_is_sold_than_the_strategy_has_free() -> None:
    limits = RiskLimits()
    state = make_state(
        strategy_quantity=Decimal(2),
        strategy_open_sell_quantity=Decimal(1),
        held_quantity=Decimal(50),
        free_base=Decimal(50),
    )
    assert reason_of(limits, make_order(Side.SELL, "1"), state) is Reason.NONE
    assert reason_of(limits, make_order(Side.SELL, "1.01"), state) is Reason.INSUFFICIENT_FUNDS
    gone = make_state(strategy_quantity=Decimal(2), free_base=Decimal("0.5"))
    assert reason_of(limits, make_order(Side.SELL, "1"), gone) is Reason.INSUFFICIENT_FUNDS
    short = make_state(strategy_quantity=Decimal(-1))
    assert reason_of(limits, make_order(Side.SELL, "0.1"), short) is Reason.INSUFFICIENT_FUNDS
    amount = make_order(Side.SELL, "0", price=None, quote_quantity="101")
    assert reason_of(limits, amount, state) is Reason.INSUFFICIENT_FUNDS
    blind = make_state(mid_price=None)
    assert reason_of(limits, amount, blind) is Reason.NO_MARKET_PRICE


def test_limits_from_configuration() -> None:
    limits = RiskLimits.from_configuration(
        {
            "maximum_order_notional": 1000,
            "maximum_position_notional": "2500.50",
            "maximum_open_orders": 20,
            "price_collar": 0.05,
        }
    )
    assert limits == RiskLimits(
        maximum_order_notional=Decimal(1000),
        maximum_position_notional=Decimal("2500.50"),
        maximum_open_orders=20,
        price_collar=Decimal("0.05"),
    )


@pytest.mark.parametrize("value", [0, -1, 0.0, "-0.5"])
@pytest.mark.parametrize(
    "key", ["maximum_order_notional", "maximum_position_notional", "price_collar"]
)
def test_zero_and_negative_limits_are_refused_by_name(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{key}: must be above 0"):
        RiskLimits.from_configuration({key: value})


def test_all_faults_of_a_configuration_are_told_at_once() -> None:
    section = {
        "maximum_open_orders": 0,
        "maximum_orders_per_second": 1.5,
        "price_colar": 0.1,
        "maximum_order_notional": "1_000",
        "maximum_position_notional": float("nan"),
    }
    with pytest.raises(ValueError, match="maximum_open_orders") as caught:
        RiskLimits.from_configuration(section)
    text = str(caught.value)
    assert "'price_colar': unknown; did you mean 'price_collar'?" in text
    assert "maximum_orders_per_second: must be a whole number, not 1.5" in text
    assert "maximum_order_notional: '1_000' is not a plain decimal number" in text
    assert "maximum_position_notional: nan is not a finite number" in text
    assert "maximum_open_orders: must be above 0, not 0; leave it out for no limit" in text


def test_limits_are_checked_however_they_are_built() -> None:
    with pytest.raises(ValueError, match="price_collar"):
        RiskLimits(price_collar=Decimal("NaN"))
    with pytest.raises(ValueError, match="maximum_open_orders"):
        RiskLimits(maximum_open_orders=-3)
