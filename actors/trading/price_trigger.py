"""Orders that wait for a price, where we watch it ourselves. Pure.

The rules are the venue's own (rest-api.md, Trigger order price rules; faqs/trailing-stop-faq.md), but for the price: a SELL
looks at the best bid and a BUY at the best ask, what it would meet, for quotes are what is watched.

========================================  ======================================================
STOP_LOSS BUY, TAKE_PROFIT SELL           at its stop price or above
STOP_LOSS SELL, TAKE_PROFIT BUY           at its stop price or below
with a trailing delta                     so far back from the best price since it began to trail;
                                          it begins when its stop price is reached, without one at once
========================================  ======================================================
"""

from decimal import Decimal

from messages.enums import OrderType, Side
from messages.instruments import Instrument, to_decimal
from messages.market import BookTicker
from messages.orders import Order

WHOLE = 10_000
"""A trailing delta counts in parts of this."""


def find_venue_type(order: Order) -> OrderType:
    """What an order is sent as once its price is reached."""
    return OrderType.LIMIT if order.order_type.has_price else OrderType.MARKET


def takes_type(order: Order, instrument: Instrument) -> bool:
    """Whether the venue has this kind of order in this symbol."""
    if order.trailing_delta and not instrument.allows_trailing_stop:
        return False
    return not instrument.order_types or order.order_type in instrument.order_types


def needs_emulation(order: Order, instrument: Instrument) -> bool:
    """Whether the venue lacks an order's type and would take what it becomes: then its trigger can be kept here."""
    return (
        order.order_type.is_contingent
        and not order.list_id
        and instrument.allows_emulation
        and not takes_type(order, instrument)
        and (not instrument.order_types or find_venue_type(order) in instrument.order_types)
    )


def find_watched_price(order: Order, ticker: BookTicker) -> Decimal | None:
    """The price that an order waits for, by the last quote; None if there is none on that side."""
    price = ticker.bid_price if order.side is Side.SELL else ticker.ask_price
    return to_decimal(price) if price > 0 else None


def is_stop_reached(order: Order, price: Decimal) -> bool:
    """Whether a price reaches an order's stop price; True for one without."""
    if not order.stop_price:
        return True
    is_stop_loss = order.order_type in (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)
    if is_stop_loss is (order.side is Side.BUY):
        return price >= order.stop_price
    return price <= order.stop_price


def is_triggered(order: Order, price: Decimal) -> bool:
    """Whether a price sets an order off; one that trails has followed until now."""
    if not order.trailing_delta:
        return is_stop_reached(order, price)
    if not order.best_price:
        return False
    if order.side is Side.BUY:
        return price >= order.best_price * (WHOLE + order.trailing_delta) / WHOLE
    return price <= order.best_price * (WHOLE - order.trailing_delta) / WHOLE


def follow(order: Order, price: Decimal) -> bool:
    """Lets an order that trails follow a price that has not set it off; True if it moved."""
    if not order.trailing_delta:
        return False
    best = order.best_price
    if best and (price >= best if order.side is Side.BUY else price <= best):
        return False
    if not best and not is_stop_reached(order, price):
        return False
    order.best_price = price
    return True
