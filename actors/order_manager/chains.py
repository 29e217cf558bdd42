"""Orders that were amended: several orders at the venue, one order for the strategy. Pure.

The strategy's own id stays its handle for good. Each order at the venue (a *leg*) has an id of its own in the order table:
the handle, then `handle~2`, `handle~3`. What a strategy hears of is the whole: the quantities and executions of all legs,
the price and the status of the last. A cancel that only makes way for the next leg is not shown: the strategy may still
cancel or amend the order, and would not if it looked as if it were being canceled.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from actors.order_manager.books import copy_order
from messages.enums import OrderStatus
from messages.orders import Execution, Order

ZERO = Decimal(0)


@dataclass(slots=True)
class Chain:
    """The legs of one order, the current one apart."""

    handle: str
    current: Order
    ended: list[Order] = field(default_factory=list)

    @property
    def executed_before(self) -> Decimal:
        """What the ended legs have executed."""
        return sum((leg.executed_quantity for leg in self.ended), ZERO)


class Chains:
    """All chains of which something may still be heard, by the ids of their legs."""

    def __init__(self, keep_ended: int = 1_000) -> None:
        self.keep_ended = keep_ended
        self.by_leg: dict[str, Chain] = {}
        self.by_handle: dict[str, Chain] = {}
        self.being_amended: set[str] = set()
        """Orders whose cancel makes way for another leg; only asked whether they contain one."""

    def handle_of(self, order: Order) -> str:
        """The id by which the strategy knows an order."""
        chain = self.by_leg.get(order.order_id)
        return chain.handle if chain is not None else order.order_id

    def legs(self, order: Order) -> list[Order]:
        """All orders at the venue that one order of the strategy has been, this one among them."""
        chain = self.by_leg.get(order.order_id)
        return [order] if chain is None else [*chain.ended, chain.current]

    def is_earlier_leg(self, order: Order) -> bool:
        """Whether another order at the venue has taken this one's place."""
        chain = self.by_leg.get(order.order_id)
        return chain is not None and chain.current.order_id != order.order_id

    def current(self, handle: str) -> Order | None:
        """The leg that now stands for a strategy's order; None for one that was never amended."""
        chain = self.by_handle.get(handle)
        return chain.current if chain is not None else None

    def executed_before(self, order: Order) -> Decimal:
        """What earlier legs of this leg's order have executed."""
        chain = self.by_leg.get(order.order_id)
        return chain.executed_before if chain is not None else ZERO

    def next_id(self, order: Order) -> str:
        """The id of the leg that will follow this one."""
        chain = self.by_leg.get(order.order_id)
        legs = 1 if chain is None else len(chain.ended) + 1
        return f"{self.handle_of(order)}~{legs + 1}"

    def extend(self, order: Order, leg: Order) -> None:
        """The leg takes the place of the order."""
        handle = self.handle_of(order)
        chain = self.by_handle.get(handle)
        if chain is None:
            chain = self.by_handle[handle] = self.by_leg[handle] = Chain(handle, order)
        chain.ended.append(chain.current)
        chain.current = leg
        self.by_leg[leg.order_id] = chain
        self._shed()

    def all(self) -> list[Chain]:
        """Every chain of which something may still be heard."""
        return list(self.by_handle.values())

    def restore(self, handle: str, legs: list[Order]) -> None:
        """Takes over a chain as it was."""
        chain = Chain(handle, legs[-1], legs[:-1])
        self.by_handle[handle] = chain
        self.by_leg.update({leg.order_id: chain for leg in legs})

    def restore_leg(self, leg: Order, find: Callable[[str], Order | None]) -> None:
        """Files an order that was placed in the place of another, if its id says so."""
        handle, mark, _ = leg.order_id.rpartition("~")
        if not mark:
            return
        before = self.current(handle) or find(handle)
        if before is not None and self.next_id(before) == leg.order_id:
            self.extend(before, leg)

    def view(self, order: Order) -> Order:
        """The order as its strategy knows it, whichever leg it is; a copy."""
        chain = self.by_leg.get(order.order_id)
        if chain is None and not self.being_amended:
            return copy_order(order)
        whole = copy_order(order if chain is None else chain.current)
        if whole.order_id in self.being_amended and whole.status is OrderStatus.PENDING_CANCEL:
            whole.status = whole.venue_status or OrderStatus.PENDING_NEW
        if chain is None:
            return whole
        whole.order_id = chain.handle
        whole.created_time_ns = chain.ended[0].created_time_ns
        before = chain.executed_before
        whole.quantity += before
        whole.executed_quantity += before
        executions: list[Execution] = []
        for leg in chain.ended:
            whole.executed_quote_quantity += leg.executed_quote_quantity
            executions.extend(leg.executions)
        whole.executions = executions + whole.executions
        if whole.status is OrderStatus.REJECTED:
            # The order did rest at the venue; it is gone because its last leg did not come to be.
            whole.status = OrderStatus.CANCELED
        elif whole.status is OrderStatus.NEW and before:
            whole.status = OrderStatus.PARTIALLY_FILLED
        return whole

    def _shed(self) -> None:
        """Lets the oldest chains go that have ended, once there are too many."""
        if len(self.by_handle) <= self.keep_ended:
            return
        for handle, chain in list(self.by_handle.items()):
            if not chain.current.is_open:
                del self.by_handle[handle]
                for leg in (*chain.ended, chain.current):
                    self.by_leg.pop(leg.order_id, None)
                if len(self.by_handle) <= self.keep_ended:
                    return
