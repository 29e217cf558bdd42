"""What a gateway remembers of the orders it was asked for: who asked, and what the venue calls them."""

import msgspec

from actors.runtime.context import Cause
from messages.orders import Order

DEFAULT_LIMIT = 20_000
ENDED_LIMIT = 1_000
"""So many orders are remembered after their end."""


class KnownOrder(msgspec.Struct):
    """One order's origin and the venue's id of it, 0 until the venue has said it."""

    cause: Cause
    exchange_order_id: int = 0
    sent_time_ns: int = 0


class KnownOrders:
    """By client order id; the oldest, and those that ended long ago, are forgotten.

    That costs their events their cause and nothing else.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self.limit = limit
        self.orders: dict[str, KnownOrder] = {}
        self._ended: dict[str, None] = {}

    def remember(self, client_order_id: str, cause: Cause) -> None:
        """Notes who asked for an order."""
        if len(self.orders) >= self.limit:
            del self.orders[next(iter(self.orders))]
        self.orders[client_order_id] = KnownOrder(cause)

    def note_sent(self, client_order_id: str, now_ns: int) -> None:
        """The order's request has been handed to the connection."""
        if (known := self.orders.get(client_order_id)) is not None:
            known.sent_time_ns = now_ns

    def rename(self, client_order_id: str, new_client_order_id: str) -> None:
        """An amendment gives an order another client order id; both are known then."""
        if (known := self.orders.get(client_order_id)) is not None:
            self.orders[new_client_order_id] = known

    def note(self, order: Order) -> Cause | None:
        """Keeps the venue's id of an order, and says when it was sent; returns who asked for it, if we know."""
        known = self.orders.get(order.client_order_id)
        if known is None:
            return None
        known.exchange_order_id = known.exchange_order_id or order.exchange_order_id
        order.sent_time_ns = known.sent_time_ns
        if order.status.is_terminal:
            self._ended[order.client_order_id] = None
            if len(self._ended) > ENDED_LIMIT:
                name = next(iter(self._ended))
                del self._ended[name]
                self.orders.pop(name, None)
        return known.cause

    def exchange_order_id_of(self, client_order_id: str) -> int:
        """The venue's id; 0 if it is not known."""
        known = self.orders.get(client_order_id)
        return known.exchange_order_id if known is not None else 0
