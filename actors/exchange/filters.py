"""The checks a new order passes before it reaches the matching engine.

In this order, and the first that fails is the answer: the parameters of its type (-1102, -1106, -1128), what the symbol
does not support (-2010, -1013), too many decimals (-1111), the market's state (-2010), then the symbol's filters in the
order of filters.md: PRICE_FILTER, PERCENT_PRICE_BY_SIDE, LOT_SIZE, MIN_NOTIONAL or NOTIONAL, MARKET_LOT_SIZE,
MAX_NUM_ORDERS (-1013). A LIMIT order must also be worth something (-2010). Decimals are counted without trailing
zeros, so `0.00100000` has three.
"""

from decimal import Decimal

from actors.exchange import errors
from actors.exchange.orders import NewOrder, OrderRecord, SelfTradePrevention
from actors.exchange.symbols import ASSET_PRECISION, SymbolRules
from messages.enums import OrderType, Side, SymbolStatus

_LIMIT_TYPES = frozenset(
    {
        OrderType.LIMIT,
        OrderType.LIMIT_MAKER,
        OrderType.STOP_LOSS_LIMIT,
        OrderType.TAKE_PROFIT_LIMIT,
    }
)
_STOP_TYPES = frozenset(
    {
        OrderType.STOP_LOSS,
        OrderType.STOP_LOSS_LIMIT,
        OrderType.TAKE_PROFIT,
        OrderType.TAKE_PROFIT_LIMIT,
    }
)


def check_order(
    order: NewOrder, rules: SymbolRules, average_price: Decimal | None, open_orders: int
) -> None:
    """All checks; `average_price` is that of the last minutes, None while nothing has traded.

    Raises VenueError.
    """
    check_parameters(order)
    check_support(order, rules)
    check_precision(order)
    if rules.status is not SymbolStatus.TRADING:
        raise errors.order_rejected(errors.MARKET_IS_CLOSED)
    if order.price is not None:
        check_price(order.price, order.side, rules, average_price)
    if order.quantity is not None:
        check_quantity(order.quantity, rules)
    check_notional(order, rules, average_price)
    if order.order_type is OrderType.MARKET and order.quantity is not None:
        check_market_quantity(order.quantity, rules)
    if 0 < rules.max_open_orders <= open_orders:
        raise errors.filter_failure("MAX_NUM_ORDERS")


def check_amendment(
    order: OrderRecord,
    quantity: Decimal,
    rules: SymbolRules,
) -> None:
    """That an open order may be reduced to a quantity. Raises VenueError with -2038, -1111 or -1013."""
    if rules.status is not SymbolStatus.TRADING:
        raise errors.amend_rejected(errors.MARKET_IS_CLOSED)
    if quantity == order.quantity:
        raise errors.amend_rejected(errors.AMEND_CHANGES_NOTHING)
    if quantity > order.quantity:
        raise errors.amend_rejected(errors.AMEND_INCREASES)
    if count_decimals(quantity) > ASSET_PRECISION:
        raise errors.too_precise("newQty")
    check_quantity(quantity, rules)
    is_left = quantity > order.executed_quantity
    if is_left and quantity * order.price < rules.min_notional:
        raise errors.filter_failure(rules.notional_filter)
    if 0 < rules.max_amendments <= len(order.amendments):
        raise errors.amend_rejected(errors.TOO_MANY_AMENDMENTS)


def check_parameters(order: NewOrder) -> None:
    """What each type must and must not have (rest-api.md, New order: additional mandatory parameters).

    Raises VenueError with -1102, -1106 or -1128.
    """
    is_market = order.order_type is OrderType.MARKET
    if order.order_type in (
        OrderType.LIMIT,
        OrderType.STOP_LOSS_LIMIT,
        OrderType.TAKE_PROFIT_LIMIT,
    ):
        if order.time_in_force is None:
            raise errors.missing_parameter("timeInForce")
    elif order.time_in_force is not None:
        raise errors.needless_parameter("timeInForce")
    if is_market:
        if order.quantity is None and order.quote_order_quantity is None:
            raise errors.missing_both("quantity", "quoteOrderQty")
        if order.quantity is not None and order.quote_order_quantity is not None:
            raise errors.bad_combination()
    elif order.quantity is None:
        raise errors.missing_parameter("quantity")
    elif order.quote_order_quantity is not None:
        raise errors.needless_parameter("quoteOrderQty")
    if order.order_type in _LIMIT_TYPES:
        if order.price is None:
            raise errors.missing_parameter("price")
    elif order.price is not None:
        raise errors.needless_parameter("price")
    if order.order_type in _STOP_TYPES:
        if order.stop_price is None and order.trailing_delta is None:
            raise errors.missing_both("stopPrice", "trailingDelta")
    elif order.stop_price is not None:
        raise errors.needless_parameter("stopPrice")
    elif order.trailing_delta is not None:
        raise errors.needless_parameter("trailingDelta")


def check_support(order: NewOrder, rules: SymbolRules) -> None:
    """That the symbol knows the type and the options. Raises VenueError with -2010, -1116 or -1013."""
    if order.order_type not in rules.order_types:
        text = errors.UNSUPPORTED_TYPES.get(order.order_type)
        if text is None:
            raise errors.VenueError(-1116, "Invalid orderType.")
        raise errors.order_rejected(text)
    if order.iceberg_quantity is not None:
        raise errors.order_rejected(errors.ICEBERGS_UNSUPPORTED)
    mode = order.self_trade_prevention_mode
    if mode is not None and mode is not SelfTradePrevention.NONE:
        raise errors.self_trade_mode_refused()


def check_precision(order: NewOrder) -> None:
    """That nothing has more significant decimals than its asset. Raises VenueError with -1111."""
    for name, value in (
        ("quantity", order.quantity),
        ("quoteOrderQty", order.quote_order_quantity),
        ("price", order.price),
    ):
        if value is not None and count_decimals(value) > ASSET_PRECISION:
            raise errors.too_precise(name)


def count_decimals(value: Decimal) -> int:
    """Decimals that count: those before the trailing zeros."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent >= -ASSET_PRECISION:
        return 0 if not isinstance(exponent, int) else max(0, -exponent)
    trimmed = value.normalize().as_tuple().exponent
    return max(0, -trimmed) if isinstance(trimmed, int) else 0


def check_price(
    price: Decimal, side: Side, rules: SymbolRules, average_price: Decimal | None
) -> None:
    """PRICE_FILTER, then PERCENT_PRICE_BY_SIDE against the average price. Raises VenueError with -1013."""
    if (
        price <= 0
        or price < rules.min_price
        or 0 < rules.max_price < price
        or (rules.tick_size > 0 and price % rules.tick_size != 0)
    ):
        raise errors.filter_failure("PRICE_FILTER")
    if average_price is None:
        return
    if side is Side.BUY:
        up, down = rules.bid_multiplier_up, rules.bid_multiplier_down
    else:
        up, down = rules.ask_multiplier_up, rules.ask_multiplier_down
    if (up > 0 and price > average_price * up) or price < average_price * down:
        raise errors.filter_failure("PERCENT_PRICE_BY_SIDE")


def check_quantity(quantity: Decimal, rules: SymbolRules) -> None:
    """LOT_SIZE. Raises VenueError with -1013."""
    if (
        quantity <= 0
        or quantity < rules.min_quantity
        or 0 < rules.max_quantity < quantity
        or (rules.lot_size > 0 and quantity % rules.lot_size != 0)
    ):
        raise errors.filter_failure("LOT_SIZE")


def check_market_quantity(quantity: Decimal, rules: SymbolRules) -> None:
    """MARKET_LOT_SIZE. Raises VenueError with -1013."""
    if (
        quantity < rules.market_min_quantity
        or 0 < rules.market_max_quantity < quantity
        or (rules.market_lot_size > 0 and quantity % rules.market_lot_size != 0)
    ):
        raise errors.filter_failure("MARKET_LOT_SIZE")


def check_notional(order: NewOrder, rules: SymbolRules, average_price: Decimal | None) -> None:
    """MIN_NOTIONAL or NOTIONAL; of a MARKET order only where it applies, at the average price.

    Raises VenueError with -1013, or -2010 for an amount of quote asset that is not above zero.
    """
    is_market = order.order_type is OrderType.MARKET
    if order.quote_order_quantity is not None:
        if order.quote_order_quantity <= 0:
            raise errors.order_rejected(errors.ZERO_NOTIONAL)
        notional = order.quote_order_quantity
    else:
        price = average_price if is_market else order.price
        if price is None or order.quantity is None:
            return
        notional = price * order.quantity
    checks_least = not is_market or rules.min_notional_applies_to_market
    if checks_least and notional < rules.min_notional:
        raise errors.filter_failure(rules.notional_filter)
    checks_most = not is_market or rules.max_notional_applies_to_market
    if checks_most and rules.notional_filter == "NOTIONAL" and 0 < rules.max_notional < notional:
        raise errors.filter_failure("NOTIONAL")
