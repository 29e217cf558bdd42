"""Amendments that only reduce an order's quantity: the order keeps its place in the queue (rest-api.md, Order Amend Keep
Priority). Where a venue does not offer this, the amendment goes the other way: a cancel, then a new order.

The order stands as before until the venue says how it stands now. Of an amendment of unknown outcome the order itself is
asked: whether its quantity has shrunk is the answer.
"""

from dataclasses import dataclass

from actors.order_manager.port import Port
from actors.order_manager.publisher import Publisher
from messages.enums import Exchanges, OrderStatus, Reason
from messages.orders import AmendOrder, AmendOrderRequest, Order


@dataclass(slots=True)
class Reduction:
    """One amendment that is on its way."""

    command: AmendOrder
    request: AmendOrderRequest
    is_unknown: bool = False


class Reducing:
    """Carries reductions out."""

    def __init__(self, port: Port, publisher: Publisher) -> None:
        self.port = port
        self.publisher = publisher
        self.pending: dict[str, Reduction] = {}
        """By the order's own id."""
        self.unsupported: set[tuple[Exchanges, str]] = set()
        """Markets that do not offer it; only asked whether they contain one."""

    def can_begin(self, order: Order) -> bool:
        """Whether an order may be amended in this way: it rests, and its market offers it as far as we know."""
        return (
            order.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
            and order.exchange_order_id != 0
            and order.order_id not in self.pending
            and (order.exchange, order.symbol) not in self.unsupported
        )

    def is_pending(self, order: Order) -> bool:
        """Whether an amendment of the order is on its way."""
        return order.order_id in self.pending

    def begin(self, order: Order, request: AmendOrderRequest, command: AmendOrder) -> None:
        """Asks for the smaller quantity; the name stays the same."""
        self.pending[order.order_id] = Reduction(command, request)
        self.port.send(request)

    def on_change(self, order: Order) -> None:
        """The venue has told how an order stands: with the smaller quantity, or at its end, the amendment is over."""
        reduction = self.pending.get(order.order_id)
        if reduction is None:
            return
        if not order.is_open or order.quantity <= reduction.request.quantity:
            del self.pending[order.order_id]

    def on_answer(self, order: Order) -> None:
        """The venue, asked, has told how an order stands whose amendment is of unknown outcome."""
        reduction = self.pending.get(order.order_id)
        if reduction is not None and reduction.is_unknown:
            del self.pending[order.order_id]
            self.publisher.tell(order, Reason.OUTCOME_UNKNOWN, "the amendment did not take place")

    def refuse(self, order: Order, reason: Reason, reason_text: str) -> AmendOrder | None:
        """The amendment did not take place, or nobody knows: the command that must now go the other way, or None.

        Of one of unknown outcome nothing is told yet: the order must be asked.
        """
        reduction = self.pending[order.order_id]
        if reason is Reason.OUTCOME_UNKNOWN:
            reduction.is_unknown = True
            return None
        del self.pending[order.order_id]
        if reason is Reason.UNSUPPORTED:
            self.unsupported.add((order.exchange, order.symbol))
            return reduction.command
        self.publisher.tell(order, reason, reason_text)
        return None
