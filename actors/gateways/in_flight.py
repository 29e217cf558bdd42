"""One request that a gateway has taken in and not answered yet."""

from actors.gateways.begun import Begun
from actors.gateways.order_turns import Turn
from messages.order_requests import OrderRequest
from messages.orders import Order

Placement = Begun[Order | None]
"""A placement that has been sent and not answered."""


class InFlight:
    """One request that has not been answered."""

    def __init__(self, request: OrderRequest, names: tuple[str, ...], turn: Turn) -> None:
        self.request = request
        self.names = names
        self.turn = turn
        self.is_sent = False
        """Whether it may have left this machine."""
        self.is_withdrawn = False
        """A placement whose cancel was asked for before it was sent."""
