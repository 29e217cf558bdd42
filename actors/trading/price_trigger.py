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

from collections.abc import Sequence
from decimal import Decimal

from messages.enums import ListRole, OrderType, Side
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
    if order.list_id:
        return order.is_list_kept and order.list_role is not ListRole.ENTRY
    return (
        order.order_type.is_contingent
        and instrument.allows_emulation
        and not takes_type(order, instrument)
        and (not instrument.order_types or find_venue_type(order) in instrument.order_types)
    )


def needs_kept_list(orders: Sequence[Order], instrument: Instrument) -> bool:
    """Whether the venue lacks this kind of list and would take its orders one by one: then the list can be kept here."""
    has_entry = orders[0].list_role is ListRole.ENTRY
    is_offered = instrument.allows_oto if has_entry else instrument.allows_oco
    if not instrument.allows_emulation or (
        is_offered and all(takes_type(order, instrument) for order in orders)
    ):
        return False
    kinds = {
        order.order_type if order.list_role is ListRole.ENTRY else find_venue_type(order)
        for order in orders
    }
    return not instrument.order_types or kinds <= set(instrument.order_types)


def is_target(order: Order) -> bool:
    """Whether an order waits for no price but rests at its own: of a list that is kept here, the exit with a profit."""
    return order.is_list_kept and order.order_type is OrderType.LIMIT_MAKER


def find_watched_price(order: Order, ticker: BookTicker) -> Decimal | None:
    """The price that an order waits for, by the last quote; None if there is none on that side."""
    price = ticker.bid_price if order.side is Side.SELL else ticker.ask_price
    return to_decimal(price) if price > 0 else None


def is_stop_reached(order: Order, price: Decimal) -> bool:
    """Whether a price reaches an order's stop price, or the price of a target; True for one that has neither."""
    level = order.price if is_target(order) else order.stop_price
    if not level:
        return True
    is_stop_loss = order.order_type in (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)
    if is_stop_loss is (order.side is Side.BUY):
        return price >= level
    return price <= level


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
