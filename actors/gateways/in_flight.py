"""One request that a gateway has taken in and not answered yet."""

import msgspec

from actors.gateways.begun import Begun
from actors.gateways.order_turns import Turn
from messages.order_requests import OrderRequest
from messages.orders import Order

Placement = Begun[Order | None]
"""A placement that has been sent and not answered."""


class InFlight(msgspec.Struct, eq=False):
    """One request that has not been answered."""

    request: OrderRequest
    names: tuple[str, ...]
    turn: Turn
    is_sent: bool = False
    """Whether it may have left this machine."""
    is_withdrawn: bool = False
    """A placement whose cancel was asked for before it was sent."""
