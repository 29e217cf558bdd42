"""Replacements: a cancel and a new order in one request, of which each half has an outcome of its own.

The old order is `PENDING_CANCEL` and the new one `PENDING_NEW` until the venue has told of each. If the venue says that
the cancel failed the old order stands as it last said, and is asked about; if it says nothing, each is asked by its own
name. After a restart the old order is not canceled again: a replacement that was never sent must not cost the protection
that the old order gave. Where a symbol has no such request, the order is canceled first, and the new one is placed when
the venue has confirmed that, unless its strategy cancels it or closes the position before. Its id is taken meanwhile.
"""

from dataclasses import dataclass

from actors.order_manager.books import Books
from actors.order_manager.cancels import Cancels
from actors.order_manager.closings import PositionKey
from actors.order_manager.placements import Placements
from actors.order_manager.port import Port
from actors.order_manager.publisher import Publisher
from actors.order_manager.terms import build_order
from actors.trading.price_trigger import takes_type
from actors.trading.risk import Refusal
from messages.enums import OrderStatus, Reason, ReplaceMode
from messages.order_lists import ReplaceOrder
from messages.orders import Order, PlaceOrder


@dataclass(slots=True)
class Successor:
    """A new order that waits for the end of the old one, and for what its old one was canceled with."""

    order: Order
    mode: ReplaceMode
    send_before_ns: int


class Replacing:
    """Carries replacements out."""

    def __init__(
        self,
        port: Port,
        books: Books,
        publisher: Publisher,
        placements: Placements,
        cancels: Cancels,
    ) -> None:
        self.port = port
        self.books = books
        self.publisher = publisher
        self.placements = placements
        self.cancels = cancels
        self.waiting: dict[str, Successor] = {}
        """By the id of the order that is being canceled for them."""

    def begin(self, old: Order, command: ReplaceOrder) -> bool:
        """Asks for the exchange of two orders, or refuses it and the old one stays; True if it was asked for."""
        place = command.order
        place.sender, place.exchange, place.symbol = old.strategy, old.exchange, old.symbol
        place.origin_time_ns = command.origin_time_ns
        place.cause_sender, place.cause_number = command.cause_sender, command.cause_number
        order = build_order(place, self.port.now_ns)
        refusal: Refusal | None = None
        if old.status in (OrderStatus.PENDING_CANCEL, OrderStatus.UNKNOWN) or not old.is_open:
            refusal = Reason.CANCEL_REFUSED, f"the order to be replaced is {old.status}"
        elif old.list_id:
            refusal = Reason.UNSUPPORTED, "an order of a list is canceled with the whole list"
        instrument = self.books.instruments.get((old.exchange, old.symbol))
        is_canceled_first = instrument is not None and not (
            instrument.allows_cancel_replace and takes_type(order, instrument) and not old.is_armed
        )
        if refusal is None and is_canceled_first:
            refusal = self._find_id_fault(order)
        if refusal is not None:
            self.placements.refuse(order, refusal)
            self.publisher.tell(old, Reason.CANCEL_REFUSED, refusal[1])
            return False
        if is_canceled_first:
            self.cancels.forget_wish(old)
            self.waiting[old.order_id] = Successor(order, command.mode, command.send_before_ns)
            self.cancels.request(old, Reason.REPLACED, "canceled to be replaced")
            return True
        if not self.placements.replace(old, order, command.mode, command.send_before_ns):
            self.publisher.tell(old, Reason.CANCEL_REFUSED, "its replacement was refused here")
            return False
        self.cancels.forget_wish(old)
        canceled = self.books.table.on_cancel_requested(old, Reason.REPLACED, "being replaced")
        self.publisher.publish(canceled)
        self.publisher.tell(order)
        return True

    def _find_id_fault(self, order: Order) -> Refusal | None:
        """Takes the id of an order that is to wait; why it may not have it, or None."""
        try:
            self.books.reserve(order.order_id)
        except ValueError as error:
            return Reason.UNSUPPORTED, str(error)
        return None

    def find_waiting(self, place: PlaceOrder) -> Order | None:
        """The order of this strategy and id that waits for the end of another, if one does."""
        if place.order_id not in self.books.reserved_ids:
            return None
        orders = (successor.order for successor in self.waiting.values())
        key = (place.sender, place.order_id)
        return next((order for order in orders if (order.strategy, order.order_id) == key), None)

    def withdraw(self, strategy: str, order_id: str) -> bool:
        """Cancels a new order that waits for the end of the old one; False if none of this id does."""
        for old_id, successor in self.waiting.items():
            order = successor.order
            if (order.strategy, order.order_id) == (strategy, order_id):
                self._cancel_waiting(old_id)
                return True
        return False

    def withdraw_all(self, key: PositionKey) -> None:
        """Cancels all that wait of a strategy in a symbol, whose position it closes: the old orders end without them."""
        for old_id, successor in list(self.waiting.items()):
            order = successor.order
            if (order.strategy, order.exchange, order.symbol) == key:
                self._cancel_waiting(old_id)

    def _cancel_waiting(self, old_id: str) -> None:
        order = self._end_waiting(old_id).order
        if order.order_id:
            self.placements.refusals.remember(order.strategy, order.order_id)
            order.status = OrderStatus.CANCELED
            self.publisher.tell(order)

    def on_change(self, old: Order) -> None:
        """Goes on when an order that is canceled first has ended."""
        if old.is_open or old.order_id not in self.waiting:
            return
        successor = self._end_waiting(old.order_id)
        if old.status is OrderStatus.CANCELED or successor.mode is ReplaceMode.ALLOW_FAILURE:
            self.placements.place(successor.order, successor.send_before_ns)
        else:
            text = f"the order to be replaced is {old.status}"
            self.placements.refuse(successor.order, (Reason.CANCEL_REFUSED, text))

    def on_cancel_refused(self, old: Order) -> None:
        """The cancel that should make way did not take place."""
        if old.is_open and old.order_id in self.waiting:
            text = "the order to be replaced could not be canceled"
            order = self._end_waiting(old.order_id).order
            self.placements.refuse(order, (Reason.CANCEL_REFUSED, text))

    def _end_waiting(self, old_id: str) -> Successor:
        """What waited for this order does so no longer, and its id is free to be placed."""
        successor = self.waiting.pop(old_id)
        self.books.reserved_ids.discard(successor.order.order_id)
        return successor
