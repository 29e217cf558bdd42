"""Orders at the venue that are not ours: reported once each, and left alone unless the configuration says otherwise."""

from typing import Literal

from actors.order_manager.naming import OrderNames
from actors.order_manager.port import Port
from messages.orders import CancelOrderRequest, Order

ForeignOrdersPolicy = Literal["ignore", "adopt", "cancel"]
FOREIGN_STRATEGY = "foreign"
"""Under whose name foreign orders are kept where they are adopted."""
REMEMBERED = 10_000


class ForeignOrders:
    """What is done about them."""

    def __init__(self, port: Port, names: OrderNames, policy: ForeignOrdersPolicy) -> None:
        self.port = port
        self.names = names
        self.policy = policy
        self.seen: dict[tuple[str, str, int], None] = {}

    def find_owner(self, client_order_id: str) -> str | None:
        """The strategy to which an order belongs; None for one that is left alone."""
        owner = self.names.find_strategy(client_order_id)
        return FOREIGN_STRATEGY if owner is None and self.policy == "adopt" else owner

    def on_listed(self, order: Order) -> None:
        """The venue lists an open order; one that is not ours is reported, and canceled if that is wanted."""
        if not order.is_open or self.names.is_ours(order.client_order_id):
            return
        key = (order.exchange, order.symbol, order.exchange_order_id)
        if key not in self.seen:
            self.seen[key] = None
            if len(self.seen) > REMEMBERED:
                del self.seen[next(iter(self.seen))]
            self.port.log.warning(
                "%s: an order that is not ours is open: %s %s %s %s at %s (%s), policy: %s",
                order.exchange,
                order.client_order_id,
                order.side,
                order.open_quantity,
                order.symbol,
                order.price,
                order.exchange_order_id,
                self.policy,
            )
        if self.policy == "cancel":
            self.port.send(
                CancelOrderRequest(
                    exchange=order.exchange,
                    symbol=order.symbol,
                    client_order_id=order.client_order_id,
                    exchange_order_id=order.exchange_order_id,
                )
            )
