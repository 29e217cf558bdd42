"""What a strategy asks for, as an order: its form, its rounding, and the venue's rules. Pure."""

import math
from decimal import Decimal

from actors.trading.price_trigger import needs_emulation, takes_type
from actors.trading.risk import Refusal
from messages.enums import OrderStatus, OrderType, Reason, Side, SymbolStatus, TimeInForce
from messages.instruments import Instrument, round_down, to_text
from messages.order_lists import ReplaceOrder
from messages.orders import AmendOrder, CancelOrder, Order, PlaceOrder

ZERO = Decimal(0)
MAXIMUM_EXPONENT = 20
"""Numbers of more digits on either side of the point are no order's, and would not fit the arithmetic."""


def build_order(place: PlaceOrder, now_ns: int) -> Order:
    """The order that a command asks for, not yet rounded, not yet named."""
    return Order(
        side=place.side,
        order_type=place.order_type,
        symbol=place.symbol,
        exchange=place.exchange,
        order_id=place.order_id,
        strategy=place.sender,
        quantity=place.quantity,
        quote_quantity=place.quote_quantity,
        price=ZERO if place.price is None else place.price,
        time_in_force=place.time_in_force,
        time_to_cancel=place.time_to_cancel,
        created_time_ns=now_ns,
        decided_on=place.decided_on,
        decided_on_id=place.cause_id,
        origin_request_ns=place.origin_time_ns,
        stop_price=ZERO if place.stop_price is None else place.stop_price,
        trailing_delta=place.trailing_delta or 0,
        self_trade_prevention=place.self_trade_prevention,
    )


def build_unknown(command: PlaceOrder | CancelOrder | AmendOrder | ReplaceOrder) -> Order:
    """What stands in an answer about an order of which nothing is known but what the command says."""
    return Order(
        side=Side.UNRECOGNISED if isinstance(command, ReplaceOrder) else command.side,
        order_type=OrderType.UNRECOGNISED,
        symbol=command.symbol,
        exchange=command.exchange,
        order_id=command.order_id,
        strategy=command.sender,
        status=OrderStatus.NOT_FOUND,
    )


def find_malformation(order: Order) -> Refusal | None:
    """Why these terms make no order at any venue, or None."""
    if order.side is Side.UNRECOGNISED or order.order_type is OrderType.UNRECOGNISED:
        return Reason.UNSUPPORTED, f"{order.side} {order.order_type} orders are not supported"
    if order.time_in_force is TimeInForce.UNRECOGNISED:
        return Reason.UNSUPPORTED, "this time in force is not supported"
    # Most orders lack most of these terms, and nothing is wrong with a term that is not there.
    if not is_sane(order.quantity) or (order.quote_quantity and not is_sane(order.quote_quantity)):
        return Reason.QUANTITY, "the quantity is no sensible number"
    if order.price and not is_sane(order.price):
        return Reason.PRICE, "the price is no sensible number"
    seconds = order.time_to_cancel
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        return Reason.UNSUPPORTED, f"time_to_cancel must be above 0 seconds, not {seconds}"
    kind = order.order_type
    has_trigger = kind.is_contingent or order.stop_price or order.trailing_delta
    if has_trigger and (fault := find_trigger_fault(order)):
        return Reason.PRICE, fault
    if order.price and not kind.has_price:
        return Reason.PRICE, f"a {kind} order has no price"
    if kind is OrderType.MARKET:
        if (order.quantity > 0) == (order.quote_quantity > 0):
            return Reason.QUANTITY, "a MARKET order needs a quantity or a quote_quantity"
    elif order.quote_quantity:
        return Reason.QUANTITY, "only a MARKET order may have a quote_quantity"
    elif kind.has_price and order.price <= 0:
        return Reason.PRICE, f"a {kind} order needs a price above 0"
    return None


def find_trigger_fault(order: Order) -> str | None:
    """What is wrong with the price or the distance that sets an order off, or None."""
    if not is_sane(order.stop_price) or order.stop_price < 0:
        return "the stop price is no sensible number"
    if not 0 <= order.trailing_delta < 10_000:
        return f"a trailing delta is 1 to 9999 basis points, not {order.trailing_delta}"
    has_trigger = bool(order.stop_price or order.trailing_delta)
    if has_trigger is not order.order_type.is_contingent:
        need = "needs" if order.order_type.is_contingent else "has no"
        return f"a {order.order_type} order {need} stop price or trailing delta"
    return None


def is_sane(number: Decimal) -> bool:
    """Whether it is finite and neither astronomically great nor small."""
    return number.is_finite() and (not number or abs(number.adjusted()) <= MAXIMUM_EXPONENT)


def round_terms(order: Order, instrument: Instrument) -> None:
    """Rounds price and quantities to the instrument's steps, in place."""
    order.quantity = instrument.round_quantity(order.quantity, order.order_type)
    if order.quote_quantity:
        step = Decimal(1).scaleb(-instrument.quote_precision)
        order.quote_quantity = round_down(order.quote_quantity, step)
    if order.price:
        order.price = instrument.round_price(order.price, order.side)
    if order.stop_price:
        order.stop_price = instrument.round_price(order.stop_price, order.side)


def find_venue_fault(
    order: Order, instrument: Instrument | None, market_price: Decimal | None
) -> Refusal | None:
    """Why the venue would refuse an order with rounded terms, or None; the market's price is for one without its own."""
    if instrument is None:
        return Reason.INSTRUMENT, f"the trading rules of {order.symbol} are not known"
    if instrument.status is not SymbolStatus.TRADING:
        return Reason.INSTRUMENT, f"{order.symbol} does not trade now: {instrument.status}"
    if not (takes_type(order, instrument) or needs_emulation(order, instrument)):
        return Reason.UNSUPPORTED, f"{order.symbol} takes no {order.order_type} orders"
    mode = order.self_trade_prevention
    if mode and (modes := instrument.self_trade_prevention_modes) and mode not in modes:
        return Reason.UNSUPPORTED, f"{order.symbol} has no mode {mode}"
    if order.quote_quantity:
        return find_amount_fault(order.quote_quantity, instrument)
    kind, quantity = order.order_type, order.quantity
    if kind is OrderType.MARKET:
        return instrument.find_fault(kind, quantity, None, market_price)
    price, stop_price = order.price, order.stop_price
    has_trigger = stop_price > 0 or order.trailing_delta > 0
    if (kind.has_price and price <= 0) or (kind.is_contingent and not has_trigger):
        return Reason.PRICE, f"the price is not above 0 after rounding to {instrument.tick_size}"
    fault = instrument.find_fault(kind, quantity, price or stop_price or market_price)
    if fault is None and price and stop_price:
        # PRICE_FILTER binds the stop price as well (filters.md).
        fault = instrument.find_fault(kind, quantity, stop_price)
    if fault is None and not kind.has_price and needs_emulation(order, instrument):
        # It will be sent as a MARKET order, and must not be found too great only then.
        reference = stop_price or market_price
        return instrument.find_fault(OrderType.MARKET, quantity, None, reference)
    return fault


def find_amount_fault(quote_quantity: Decimal, instrument: Instrument) -> Refusal | None:
    """Why a MARKET order for this amount of quote asset breaks the notional filters, or None."""
    asset = instrument.quote_asset
    if instrument.min_notional_applies_to_market and quote_quantity < instrument.min_notional:
        least = to_text(instrument.min_notional)
        return Reason.NOTIONAL, f"{to_text(quote_quantity)} {asset} is below {least}"
    if instrument.max_notional_applies_to_market and 0 < instrument.max_notional < quote_quantity:
        most = to_text(instrument.max_notional)
        return Reason.NOTIONAL, f"{to_text(quote_quantity)} {asset} is above {most}"
    return None
