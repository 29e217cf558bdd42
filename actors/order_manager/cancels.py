"""Cancels: requests, refusals, the time an order may rest, and cancels that must be seen through.

Each order's time runs by a timer of its own from its acknowledgement, so that a step of the machine's clock neither
cuts it short nor lengthens it. A cancel that is ours to see through (its time is up, a halt, a close) is sent again after
a refusal, at growing distances, for as long as the venue says that the order is open. An order that was proven absent while
its cancel was wanted is canceled when it turns up after all. That it was wanted is written down with the order.
"""

from collections.abc import Callable

from actors.order_manager.books import Books, copy_order
from actors.order_manager.port import Port
from actors.order_manager.publisher import Publisher
from actors.runtime.actor import LONGEST_DELAY_S
from messages.enums import OrderStatus, Reason
from messages.orders import CancelOrderRequest, Order
from messages.recovery import OrderNote

EARLY_NS = 5_000_000
"""uvloop's timers fire up to a millisecond early. A timer that seems earlier than this met a clock that was set back."""
RETRY_S = 0.5
MAXIMUM_RETRY_S = 30.0
MISSED_REMEMBERED = 1_000


class Cancels:
    """Sends cancels, for strategies and of our own accord."""

    def __init__(
        self, port: Port, books: Books, publisher: Publisher, disarm: Callable[[str], None]
    ) -> None:
        """`disarm` carries the cancel out of an order whose trigger is kept here."""
        self.disarm = disarm
        self.port = port
        self.books = books
        self.publisher = publisher
        self.timers: dict[str, int] = {}
        """Running timers of orders that may rest for a time only."""
        self.pursued: dict[str, int] = {}
        """How often a cancel that must be seen through was refused, by order."""
        self.wanted: set[str] = set()
        """Open orders whose end was asked for, whatever the venue has said of it; only asked whether they contain one."""
        self.missed: dict[str, None] = {}
        """Orders whose end was asked for and that were proven absent: one that turns up after all is canceled then."""

    def request(
        self,
        order: Order,
        reason: Reason = Reason.NONE,
        reason_text: str = "",
        *,
        is_pursued: bool = False,
    ) -> None:
        """Asks the venue to cancel an order, unless it has ended or a cancel is on its way already."""
        if order.status is OrderStatus.NOT_FOUND:
            self._note_wanted(order, reason)
            self._note_missed(order)
            return
        if order.order_id in self.books.unruled:
            self._note_wanted(order, reason)
            return
        if is_pursued and order.is_open:
            self.pursued.setdefault(order.order_id, 0)
        if order.is_open and order.order_id not in self.publisher.chains.being_amended:
            self.wanted.add(order.order_id)
            self._note_wanted(order, reason)
        if not order.is_open or order.status is OrderStatus.PENDING_CANCEL:
            return
        change = self.books.table.on_cancel_requested(order, reason, reason_text)
        if not change.is_news:
            return
        if order.is_armed:
            # A message of its own, as a venue's word would be: whoever asks for several has asked for all by then.
            self.publisher.publish(change)
            self.port.schedule(0.0, self.disarm, order.order_id)
            return
        # A cancel of one order of a list cancels all of them: it is asked for once, of the list.
        listed = [order] if order.is_list_kept else self.books.table.list_orders(order)
        mates = [other for other in listed if other is not order and other.is_open]
        self.port.send(
            CancelOrderRequest(
                exchange=order.exchange,
                symbol=order.symbol,
                client_order_id=order.client_order_id,
                exchange_order_id=order.exchange_order_id,
                order_id=order.order_id,
                list_id=listed[0].client_order_id if mates else "",
                exchange_list_id=order.exchange_list_id if mates else -1,
            )
        )
        self.publisher.publish(change)
        for mate in mates:
            if order.is_end_wanted:
                self.wanted.add(mate.order_id)
                mate.is_end_wanted = True
            if is_pursued:
                self.pursued.setdefault(mate.order_id, 0)
            with_it = self.books.table.on_cancel_requested(mate, reason, reason_text)
            self.publisher.publish(with_it)

    def request_all(self, order: Order) -> None:
        """As `request`, for a strategy: of a list that is kept here each order, as the venue does where it keeps the list.

        Those are seen through: what is left of a list when some of its orders have ended is no list any more.
        """
        listed = self.books.table.list_orders(order) if order.is_list_kept else [order]
        for each in listed:
            self.request(each, is_pursued=order.is_list_kept)

    def on_change(self, order: Order) -> None:
        """Starts an order's time when the venue has acknowledged it; ends what concerns an order that is over."""
        if order.status is OrderStatus.NOT_FOUND and order.order_id in self.wanted:
            self._note_missed(order)
        elif order.status is not OrderStatus.NOT_FOUND and order.order_id in self.missed:
            del self.missed[order.order_id]
            self.request(order, is_pursued=True)
        if not order.is_open:
            self.pursued.pop(order.order_id, None)
            self.wanted.discard(order.order_id)
            timer = self.timers.pop(order.order_id, None)
            if timer is not None:
                self.port.cancel_timer(timer)
            return
        if order.time_to_cancel is None or order.venue_status is None:
            return
        if order.order_id not in self.timers:
            spent_s = max(self.port.now_ns - order.acknowledged_time_ns, 0) / 1e9
            self._start_timer(order, max(order.time_to_cancel - spent_s, 0.0))

    def on_refused(self, order: Order) -> None:
        """A cancel did not take place: if it must be seen through, it is sent again a little later."""
        refusals = self.pursued.get(order.order_id)
        if refusals is None or not order.is_open:
            return
        self.pursued[order.order_id] = refusals + 1
        delay_s = min(RETRY_S * 2**refusals, MAXIMUM_RETRY_S)
        self.port.schedule(delay_s, self._pursue, order.order_id)

    def forget_wish(self, order: Order) -> None:
        """Its strategy has thought better of a cancel that was refused; one that is ours to see through stays wanted."""
        if order.order_id not in self.pursued and order.status is not OrderStatus.PENDING_CANCEL:
            order.is_end_wanted = False
            self.wanted.discard(order.order_id)

    def restore(self, order: Order) -> None:
        """Remembers of an order that an earlier instance has left that its cancel was asked for."""
        if order.status is OrderStatus.NOT_FOUND and order.is_end_wanted:
            self._note_missed(order)
        elif order.is_open and order.is_end_wanted:
            self.wanted.add(order.order_id)

    def _note_wanted(self, order: Order, reason: Reason) -> None:
        if reason is Reason.REPLACED or order.is_end_wanted:
            return
        order.is_end_wanted = True
        is_making_way = (
            order.status is OrderStatus.PENDING_CANCEL and order.reason is Reason.REPLACED
        )
        if is_making_way or order.status is OrderStatus.NOT_FOUND:
            # Otherwise the update says it that tells of the cancel.
            self.port.send(OrderNote(order=copy_order(order)))

    def _note_missed(self, order: Order) -> None:
        self.missed[order.order_id] = None
        if len(self.missed) > MISSED_REMEMBERED:
            del self.missed[next(iter(self.missed))]

    def _start_timer(self, order: Order, delay_s: float) -> None:
        delay_s = min(delay_s, LONGEST_DELAY_S)
        self.timers[order.order_id] = self.port.schedule(
            delay_s, self._on_time_up, order.order_id, self.port.now_ns + round(delay_s * 1e9)
        )

    def _on_time_up(self, order_id: str, due_ns: int) -> None:
        order = self.books.table.get(order_id)
        if order is None or not order.is_open:
            self.timers.pop(order_id, None)
            return
        early_ns = due_ns - self.port.now_ns
        if 0 < early_ns <= EARLY_NS:
            self._start_timer(order, early_ns / 1e9)
            return
        # The number stays in `timers`: an order's time is up once.
        text = f"rested for {order.time_to_cancel} s"
        self.request(order, Reason.TIME_TO_CANCEL, text, is_pursued=True)

    def _pursue(self, order_id: str) -> None:
        order = self.books.table.get(order_id)
        if order is not None and order_id in self.pursued:
            # Nobody wishes the end of what only makes way, and a refusal has taken the reason away. One whose time was up
            # during an amendment made no way for that: it was not asked for until now.
            is_making_way = order_id in self.wanted and not order.is_end_wanted
            reason = Reason.REPLACED if is_making_way else order.reason
            self.request(order, reason, order.reason_text)
