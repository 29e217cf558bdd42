"""Orders that hang together: what a strategy asks for, and what it hears of them as a whole.

Each order of a list has its own `OrderUpdate`s and `Fill`s besides.
"""

from decimal import Decimal
from typing import Any

import msgspec

from messages.base import Message, Routing
from messages.enums import Exchanges, ListRole, ListState, Reason, ReplaceMode
from messages.orders import PlaceOrder, StrategyCommand


class PlaceOrderList(StrategyCommand, kw_only=True):
    """Asks for several orders at once: an entry and what follows its fill, or two exits of which one cancels the other."""

    list_id: str
    orders: list[PlaceOrder]
    roles: list[ListRole]
    """Of each order, in the same order: `ENTRY` first, if there is one."""
    send_before_ns: int = 0


class ReplaceOrder(StrategyCommand, kw_only=True):
    """Asks for the cancel of one of the strategy's orders and for a new order in one request."""

    order_id: str
    """Of the order that is to go."""
    order: PlaceOrder
    mode: ReplaceMode = ReplaceMode.STOP_ON_FAILURE
    send_before_ns: int = 0


class OrderListUpdate(Message, kw_only=True):
    """How a list stands as a whole, after that has changed."""

    strategy: str
    exchange: Exchanges
    symbol: str
    list_id: str
    exchange_list_id: int = -1
    state: ListState = ListState.UNRECOGNISED
    order_ids: list[str] = msgspec.field(default_factory=list)
    """Own ids of its orders, the entry first."""
    unprotected_quantity: Decimal = Decimal(0)
    """What the entry has brought and no exit covers yet: the venue places the exits only when the entry is filled whole."""
    reason: Reason = Reason.NONE
    reason_text: str = ""

    routing = Routing.TO_OWNER

    def routing_key(self) -> tuple[Any, ...]:
        """`(strategy,)`."""
        return (self.strategy,)
