"""What an order is not asked, for want of the term, the limit or the hold concerned, would have changed nothing."""

import math
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.order_manager.gate import ALL, TradingGate
from actors.order_manager.terms import MAXIMUM_EXPONENT, find_malformation
from actors.trading.risk import RiskChecker, RiskLimits, RiskState
from messages.enums import Exchanges, OrderType, Reason, Side, TimeInForce
from messages.orders import Order

NUMBERS = st.one_of(
    st.just(Decimal(0)),
    st.decimals(allow_nan=True, allow_infinity=True),
    st.decimals(min_value=-1, max_value=100_000, places=2),
)
ORDERS = st.builds(
    Order,
    side=st.sampled_from(Side),
    order_type=st.sampled_from(OrderType),
    time_in_force=st.sampled_from(TimeInForce),
    quantity=NUMBERS,
    quote_quantity=NUMBERS,
    price=NUMBERS,
    stop_price=NUMBERS,
    trailing_delta=st.sampled_from((0, 0, 0, -1, 1, 200, 10_000)),
    time_to_cancel=st.sampled_from((None, None, 1.0, 0.0, -1.0, math.inf, math.nan)),
)
SENSIBLE = st.builds(
    Order,
    side=st.sampled_from((Side.BUY, Side.SELL)),
    order_type=st.sampled_from((OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LOSS)),
    symbol=st.just("BTCUSDT"),
    quantity=st.decimals(min_value=0, max_value=10, places=2),
    quote_quantity=st.sampled_from((Decimal(0), Decimal(0), Decimal(50))),
    price=st.decimals(min_value=0, max_value=200, places=1),
    stop_price=st.sampled_from((Decimal(0), Decimal(0), Decimal(90))),
)


def is_number(number: Decimal) -> bool:
    return number.is_finite() and (not number or abs(number.adjusted()) <= MAXIMUM_EXPONENT)


def find_faulty_terms(order: Order) -> set[Reason]:
    """All reasons for which these terms make no order, each asked in full."""
    found = set()
    kind = order.order_type
    if Side.UNRECOGNISED is order.side or kind is OrderType.UNRECOGNISED:
        found.add(Reason.UNSUPPORTED)
    if order.time_in_force is TimeInForce.UNRECOGNISED:
        found.add(Reason.UNSUPPORTED)
    seconds = order.time_to_cancel
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        found.add(Reason.UNSUPPORTED)
    quantities = (order.quantity, order.quote_quantity)
    if not all(map(is_number, quantities)):
        found.add(Reason.QUANTITY)
    else:
        is_one = (order.quantity > 0) is not (order.quote_quantity > 0)
        if not (is_one if kind is OrderType.MARKET else not order.quote_quantity):
            found.add(Reason.QUANTITY)
    if not (is_number(order.price) and is_number(order.stop_price)) or order.stop_price < 0:
        found.add(Reason.PRICE)
        return found
    if not 0 <= order.trailing_delta < 10_000:
        found.add(Reason.PRICE)
    if bool(order.stop_price or order.trailing_delta) is not kind.is_contingent:
        found.add(Reason.PRICE)
    if (kind.has_price and order.price <= 0) or (order.price and not kind.has_price):
        found.add(Reason.PRICE)
    return found


@given(order=ORDERS)
def test_terms_that_are_not_there_are_not_asked(order: Order) -> None:
    refusal = find_malformation(order)
    faults = find_faulty_terms(order)
    assert (refusal is None) is (not faults)
    assert refusal is None or refusal[0] in faults


WHO = ("one", "two", ALL)
WHY = st.dictionaries(st.sampled_from(WHO), st.just("because"), max_size=2)


@given(
    is_ready=st.booleans(),
    stops=WHY,
    halts=WHY,
    pauses=WHY,
    holds=st.dictionaries(
        st.sampled_from(("here", "there", "all")), st.just("because"), max_size=2
    ),
)
def test_a_gate_with_nothing_shut_is_open(
    is_ready: bool,
    stops: dict[str, str],
    halts: dict[str, str],
    pauses: dict[str, str],
    holds: dict[str, str],
) -> None:
    gate = TradingGate()
    gate.is_ready, gate.stops, gate.halts, gate.pauses = is_ready, stops, halts, pauses
    gate.holds = holds
    gate.learn_venue("here", Exchanges.BINANCE)
    gate.learn_venue("there", Exchanges.CUSTOM)
    is_shut = (
        not is_ready
        or "one" in stops
        or "one" in halts
        or ALL in halts
        or "one" in pauses
        or "here" in holds
        or "all" in holds
    )
    assert (gate.find_refusal("one", Exchanges.BINANCE) is not None) is is_shut


AMOUNTS = st.sampled_from((None, None, Decimal(1), Decimal(100), Decimal(500)))
COUNTS = st.sampled_from((None, None, 1, 3))
LIMITS: st.SearchStrategy[RiskLimits] = st.builds(
    RiskLimits,
    maximum_order_notional=AMOUNTS,
    maximum_position_notional=AMOUNTS,
    maximum_strategy_position_notional=AMOUNTS,
    maximum_open_orders=COUNTS,
    maximum_strategy_open_orders=COUNTS,
    maximum_orders_per_second=COUNTS,
    price_collar=st.sampled_from((None, Decimal("0.05"))),
    may_sell_account_holdings=st.booleans(),
)
HELD = st.decimals(min_value=0, max_value=5, places=1)
STATES = {
    "now_ns": st.just(10**18),
    "base_asset": st.just("BTC"),
    "quote_asset": st.just("USDT"),
    "mid_price": st.sampled_from((None, Decimal(100))),
    "open_orders": st.integers(0, 4),
    "strategy_open_orders": st.integers(0, 4),
    "held_quantity": HELD,
    "strategy_quantity": HELD,
    "open_buy_quantity": HELD,
    "strategy_open_buy_quantity": HELD,
    "strategy_open_sell_quantity": HELD,
}


@given(order=SENSIBLE, limits=LIMITS, values=st.fixed_dictionaries(STATES), sent=st.integers(0, 3))
def test_what_no_limit_asks_for_changes_no_judgement(
    order: Order, limits: RiskLimits, values: dict[str, Any], sent: int
) -> None:
    risk = RiskChecker(limits)
    if risk.limits_rate:
        risk.on_sent(values["now_ns"], sent)
    is_sale = order.side is Side.SELL
    values["free_base"] = Decimal(3) if is_sale else None
    values["free_quote"] = None if is_sale else Decimal(300)
    values["may_sell_account_holdings"] = limits.may_sell_account_holdings
    asked = dict(values)
    if order.price and not risk.asks_market_price:
        del asked["mid_price"]
    if not risk.limits_open_orders:
        del asked["open_orders"], asked["strategy_open_orders"]
    if order.side is Side.BUY and not risk.limits_positions:
        for name in list(asked):
            if name.endswith("_quantity"):
                del asked[name]
    assert risk.check(order, RiskState(**asked)) == risk.check(order, RiskState(**values))
