"""The checks a new order passes before it reaches the matching engine.

In this order, and the first that fails is the answer: the parameters of its type (-1102, -1106, -1128), what the symbol
does not support (-2010, -1013), too many decimals (-1111), the market's state (-2010), then the symbol's filters in the
order of filters.md: PRICE_FILTER, PERCENT_PRICE_BY_SIDE, LOT_SIZE, MIN_NOTIONAL or NOTIONAL, ICEBERG_PARTS,
MARKET_LOT_SIZE, TRAILING_DELTA (-1013); how many orders are open is the venue's to count. A LIMIT order must also be
worth something (-2010). Decimals are counted without trailing zeros, so `0.00100000` has three.
"""

import math
from decimal import Decimal

from actors.exchange import errors
from actors.exchange.orders import CONTINGENT_TYPES, UNLIMITED_TYPES, NewOrder, OrderRecord
from actors.exchange.symbols import ASSET_PRECISION, SymbolRules
from messages.enums import OrderType, Side, SymbolStatus, TimeInForce

_LIMIT_TYPES = frozenset(
    {
        OrderType.LIMIT,
        OrderType.LIMIT_MAKER,
        OrderType.STOP_LOSS_LIMIT,
        OrderType.TAKE_PROFIT_LIMIT,
    }
)
_TIMED_TYPES = _LIMIT_TYPES - {OrderType.LIMIT_MAKER}


def check_order(
    order: NewOrder, rules: SymbolRules, average_price: Decimal | None, prefix: str = ""
) -> None:
    """All checks; `average_price` is that of the last minutes, None while nothing has traded.

    `prefix` begins the names of the parameters of an order in a list ("above" for `abovePrice`). Raises VenueError.
    """
    check_parameters(order, prefix)
    check_support(order, rules)
    check_precision(order, prefix)
    if rules.status is not SymbolStatus.TRADING:
        raise errors.order_rejected(errors.MARKET_IS_CLOSED)
    if order.price is not None:
        check_price(order.price, order.side, rules, average_price)
    if order.stop_price is not None:
        check_tick(order.stop_price, rules)
    if order.quantity is not None:
        check_quantity(order.quantity, rules)
    check_notional(order, rules, average_price)
    if order.iceberg_quantity and order.quantity is not None:
        check_iceberg(order.iceberg_quantity, order.quantity, rules)
    if order.order_type in UNLIMITED_TYPES and order.quantity is not None:
        check_market_quantity(order.quantity, rules)
    if order.trailing_delta is not None:
        least, greatest = rules.trailing_delta_bounds
        if not least <= order.trailing_delta <= greatest:
            raise errors.filter_failure("TRAILING_DELTA")


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
    is_left = quantity > order.executed_quantity + order.prevented_quantity
    # An order without a limit has no notional of its own before it is executed.
    if is_left and order.price and quantity * order.price < rules.min_notional:
        raise errors.filter_failure(rules.notional_filter)
    if 0 < rules.max_amendments <= len(order.amendments):
        raise errors.amend_rejected(errors.TOO_MANY_AMENDMENTS)


def check_parameters(order: NewOrder, prefix: str = "") -> None:
    """What each type must and must not have (rest-api.md, New order: additional mandatory parameters).

    Raises VenueError with -1102, -1106 or -1128.
    """
    kind = order.order_type
    need = _Needs(prefix)
    need.exactly(kind in _TIMED_TYPES, "timeInForce", order.time_in_force)
    if kind not in _LIMIT_TYPES:
        need.exactly(False, "icebergQty", order.iceberg_quantity)
    elif order.iceberg_quantity and order.time_in_force not in (None, TimeInForce.GTC):
        if prefix:
            raise errors.iceberg_not_until_canceled(need.name("icebergQty"))
        raise errors.unsupported_combination()
    if kind is OrderType.MARKET:
        if order.quantity is None and order.quote_order_quantity is None:
            raise errors.missing_both(need.name("quantity"), need.name("quoteOrderQty"))
        if order.quantity is not None and order.quote_order_quantity is not None:
            raise errors.bad_combination()
    else:
        need.exactly(True, "quantity", order.quantity)
        need.exactly(False, "quoteOrderQty", order.quote_order_quantity)
    if kind not in _LIMIT_TYPES or not order.is_pegged:
        need.exactly(kind in _LIMIT_TYPES, "price", order.price)
    if kind not in CONTINGENT_TYPES:
        need.exactly(False, "stopPrice", order.stop_price)
        need.exactly(False, "trailingDelta", order.trailing_delta)
    elif order.stop_price is None and order.trailing_delta is None:
        raise errors.missing_both(need.name("stopPrice"), need.name("trailingDelta"))


SHARED_NAMES = {
    **dict.fromkeys(
        ("aboveQuantity", "belowQuantity", "limitQuantity", "stopQuantity"), "quantity"
    ),
    **dict.fromkeys(("pendingAboveQuantity", "pendingBelowQuantity"), "pendingQuantity"),
    # The deprecated OCO.
    "limitPrice": "price",
    "stopPrice": "stopLimitPrice",
    "stopStopPrice": "stopPrice",
    "stopTimeInForce": "stopLimitTimeInForce",
    "stopTrailingDelta": "trailingDelta",
}
"""What is not named as the order that it belongs to (rest-api.md, Order lists)."""


class _Needs:
    """Which parameters must be there, under the names that the caller used."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def name(self, name: str) -> str:
        """A parameter's full name."""
        if not self._prefix:
            return name
        full = self._prefix + name[0].upper() + name[1:]
        return SHARED_NAMES.get(full, full)

    def exactly(self, is_needed: bool, name: str, value: object) -> None:
        """Raises -1102 for a needed value that is absent, -1106 for one that is not needed."""
        if is_needed and value is None:
            raise errors.missing_parameter(self.name(name))
        if not is_needed and value is not None:
            raise errors.needless_parameter(self.name(name))


def check_support(order: NewOrder, rules: SymbolRules) -> None:
    """That the symbol knows the type and the options. Raises VenueError with -2010, -1116 or -1013."""
    if order.order_type not in rules.order_types:
        text = errors.UNSUPPORTED_TYPES.get(order.order_type)
        if text is None:
            raise errors.VenueError(-1116, "Invalid orderType.")
        raise errors.order_rejected(text)
    if order.iceberg_quantity and not rules.allows_icebergs:
        raise errors.order_rejected(errors.ICEBERGS_UNSUPPORTED)
    if order.is_pegged:
        raise errors.order_rejected(errors.PEGS_UNSUPPORTED)
    if order.trailing_delta is not None and not rules.allows_trailing:
        raise errors.order_rejected(errors.TRAILING_UNSUPPORTED)
    mode = order.self_trade_prevention_mode
    if mode is not None and mode not in rules.self_trade_prevention_modes:
        raise errors.self_trade_mode_refused()


def check_precision(order: NewOrder, prefix: str = "") -> None:
    """That nothing has more significant decimals than its asset. Raises VenueError with -1111."""
    for name, value in (
        ("quantity", order.quantity),
        ("quoteOrderQty", order.quote_order_quantity),
        ("price", order.price),
        ("stopPrice", order.stop_price),
        ("icebergQty", order.iceberg_quantity),
    ):
        if value is not None and count_decimals(value) > ASSET_PRECISION:
            raise errors.too_precise(_Needs(prefix).name(name))


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
    check_tick(price, rules)
    if average_price is None:
        return
    if side is Side.BUY:
        up, down = rules.bid_multiplier_up, rules.bid_multiplier_down
    else:
        up, down = rules.ask_multiplier_up, rules.ask_multiplier_down
    if (up > 0 and price > average_price * up) or price < average_price * down:
        raise errors.filter_failure("PERCENT_PRICE_BY_SIDE")


def check_tick(price: Decimal, rules: SymbolRules) -> None:
    """PRICE_FILTER, which stop prices must pass as well (filters.md). Raises VenueError with -1013."""
    if (
        price <= 0
        or price < rules.min_price
        or 0 < rules.max_price < price
        or (rules.tick_size > 0 and price % rules.tick_size != 0)
    ):
        raise errors.filter_failure("PRICE_FILTER")


def check_quantity(quantity: Decimal, rules: SymbolRules) -> None:
    """LOT_SIZE. Raises VenueError with -1013."""
    if (
        quantity <= 0
        or quantity < rules.min_quantity
        or 0 < rules.max_quantity < quantity
        or (rules.lot_size > 0 and quantity % rules.lot_size != 0)
    ):
        raise errors.filter_failure("LOT_SIZE")


def check_iceberg(shown: Decimal, quantity: Decimal, rules: SymbolRules) -> None:
    """LOT_SIZE and ICEBERG_PARTS of what an order shows at a time (filters.md). Raises VenueError with -1013 or -2010."""
    check_quantity(shown, rules)
    if shown >= quantity:
        raise errors.order_rejected(errors.ICEBERG_TOO_LARGE)
    if 0 < rules.max_iceberg_parts < math.ceil(quantity / shown):
        raise errors.filter_failure("ICEBERG_PARTS")


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
    is_market = order.order_type in UNLIMITED_TYPES
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
