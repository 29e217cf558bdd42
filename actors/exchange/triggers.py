"""The orders of one symbol that wait for a price: stop losses, take profits, and those that trail.

Which trade prices set one off (rest-api.md, Trigger order price rules; faqs/trailing-stop-faq.md):

========================================  ======================================================
STOP_LOSS BUY, TAKE_PROFIT SELL           at its stop price or above
STOP_LOSS SELL, TAKE_PROFIT BUY           at its stop price or below
with a trailing delta                     so far back from the best price since it began to trail;
                                          it begins when its stop price is reached, without one at once
========================================  ======================================================

Every trade price counts, in order; orders that one price sets off leave in the order of their ids.
"""

from collections.abc import Iterator
from decimal import Decimal

from sortedcontainers import SortedDict

from actors.exchange.orders import STOP_LOSS_TYPES, OrderRecord

WHOLE = 10_000
"""A trailing delta counts in parts of this."""


def triggers_above(order: OrderRecord) -> bool:
    """Whether a price at or above its stop price sets an order off; else one at or below."""
    return (order.order_type in STOP_LOSS_TYPES) is order.is_buy


def would_trigger(order: OrderRecord, price: Decimal) -> bool:
    """Whether a price reaches an order's stop price."""
    if order.stop_price is None:
        return False
    return price >= order.stop_price if triggers_above(order) else price <= order.stop_price


def trailing_trigger(order: OrderRecord) -> Decimal | None:
    """The price that sets off an order that trails; None before it does."""
    if order.trailing_delta is None or order.trailing_extreme is None:
        return None
    back = order.trailing_delta if order.is_buy else -order.trailing_delta
    return order.trailing_extreme * (WHOLE + back) / WHOLE


class Triggers:
    """Waiting orders, each until a price sets it off or it is removed."""

    def __init__(self) -> None:
        self._above: SortedDict = SortedDict()
        self._below: SortedDict = SortedDict()
        self._trailing: dict[int, OrderRecord] = {}

    def __bool__(self) -> bool:
        return bool(self._above or self._below or self._trailing)

    def __iter__(self) -> Iterator[OrderRecord]:
        """All that wait, in the order of their ids."""
        waiting = [*self._above.values(), *self._below.values(), *self._trailing.values()]
        return iter(sorted(waiting, key=lambda order: order.order_id))

    def add(self, order: OrderRecord) -> None:
        """Takes in an order with a stop price, a trailing delta, or both."""
        if order.trailing_delta is not None:
            self._trailing[order.order_id] = order
            return
        side, key = self._place(order)
        side[key] = order

    def remove(self, order: OrderRecord) -> None:
        """Forgets an order; one that is not here is no error."""
        if order.trailing_delta is not None:
            self._trailing.pop(order.order_id, None)
            return
        side, key = self._place(order)
        side.pop(key, None)

    def _place(self, order: OrderRecord) -> tuple[SortedDict, tuple[Decimal, int]]:
        price = order.stop_price or Decimal(0)
        if triggers_above(order):
            return self._above, (price, order.order_id)
        return self._below, (-price, order.order_id)

    def observe(self, price: Decimal, time_us: int) -> list[OrderRecord]:
        """Takes out the orders that a trade at this price sets off; those that trail follow it."""
        found = [*_take(self._above, price), *_take(self._below, -price)]
        for order in list(self._trailing.values()):
            if follow(order, price, time_us):
                del self._trailing[order.order_id]
                found.append(order)
        return sorted(found, key=lambda order: order.order_id)


def _take(side: SortedDict, bound: Decimal) -> Iterator[OrderRecord]:
    while side and side.peekitem(0)[0][0] <= bound:
        yield side.popitem(0)[1]


def follow(order: OrderRecord, price: Decimal, time_us: int) -> bool:
    """Lets an order follow the price; True if that sets it off."""
    if order.trailing_time_us is None:
        if not would_trigger(order, price):
            return False
        order.trailing_time_us, order.trailing_extreme = time_us, price
        return False
    trigger = trailing_trigger(order)
    if trigger is not None and (price >= trigger if order.is_buy else price <= trigger):
        return True
    best = order.trailing_extreme
    if best is None or (price < best if order.is_buy else price > best):
        order.trailing_extreme = price
    return False
