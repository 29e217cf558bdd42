"""What follows from a change of an order, in one place and in one order.

First what it sets free, then what strategies hear, then what waits for it: an amendment, a close, a halt, a question.
"""

from collections.abc import Callable

from actors.order_manager.amending import Amending
from actors.order_manager.books import Books
from actors.order_manager.cancels import Cancels
from actors.order_manager.closings import Closings
from actors.order_manager.emulation import Emulation
from actors.order_manager.halts import Halts
from actors.order_manager.inquiries import Inquiries
from actors.order_manager.kept_lists import KeptLists
from actors.order_manager.listings import Listings
from actors.order_manager.port import Port
from actors.order_manager.publisher import Publisher
from actors.order_manager.reducing import Reducing
from actors.order_manager.refusals import Refusals
from actors.order_manager.replacing import Replacing
from actors.trading.order_change import OrderChange, Verdict
from messages.enums import OrderStatus, Reason
from messages.orders import Order


class Settlement:
    """Books, tells and acts on changes."""

    def __init__(
        self,
        port: Port,
        books: Books,
        publisher: Publisher,
        cancels: Cancels,
        inquiries: Inquiries,
        amending: Amending,
        reducing: Reducing,
        closings: Closings,
        halts: Halts,
        refusals: Refusals,
        listings: Listings,
        replacing: Replacing,
        emulation: Emulation,
        kept_lists: KeptLists,
        on_adopted: Callable[[Order], None],
    ) -> None:
        self.port = port
        self.books = books
        self.publisher = publisher
        self.cancels = cancels
        self.inquiries = inquiries
        self.amending = amending
        self.reducing = reducing
        self.closings = closings
        self.halts = halts
        self.refusals = refusals
        self.listings = listings
        self.replacing = replacing
        self.emulation = emulation
        self.kept_lists = kept_lists
        self.on_adopted = on_adopted

    def settle(
        self,
        change: OrderChange,
        reason: Reason = Reason.NONE,
        reason_text: str = "",
        *,
        was_acknowledged: bool = False,
    ) -> None:
        """Books, tells and acts on a change of an order."""
        order = change.order
        if order is None:
            return
        is_adopted = change.verdict is Verdict.ADOPTED
        if change.verdict is Verdict.CONTRADICTION:
            self.port.log.warning(
                "%s stays %s: what the venue says now cannot be", order.order_id, order.status
            )
        if is_adopted:
            self.port.log.warning("adopted %s of %s", order.client_order_id, order.strategy)
            self.on_adopted(order)
        self.books.on_change(change, was_acknowledged)
        self.reducing.on_change(order)
        if not (self.amending.proceed(change) or self.emulation.proceed(change)):
            self.publisher.publish(change, reason, reason_text)
        self._judge_refusals(change)
        self.cancels.on_change(order)
        self.inquiries.consider(order)
        self.listings.on_change(order)
        self.replacing.on_change(order)
        self.kept_lists.on_change(order)
        if is_adopted:
            self.halts.on_adopted(order)
        self.closings.progress()
        self.halts.progress()

    def refuse_cancel(self, order: Order, reason_text: str) -> None:
        """A cancel did not take place: the order may have ended or still rest, and the venue is asked which.

        One that was sent for a list concerns all of its orders.
        """
        listed = [order] if order.is_list_kept else self.books.table.list_orders(order)
        for each in listed:
            self._refuse_cancel(each, reason_text)

    def _refuse_cancel(self, order: Order, reason_text: str) -> None:
        change = self.books.table.on_cancel_refused(order)
        if not change.is_news:
            return
        self.amending.abandon(order)
        self.replacing.on_cancel_refused(order)
        if order.reason is Reason.REPLACED:
            order.reason, order.reason_text = Reason.NONE, ""
        self.settle(change, Reason.CANCEL_REFUSED, reason_text)
        self.inquiries.consider(order, wants_answer=True)
        self.cancels.on_refused(order)

    def refuse_unsent(self, order_id: str, reason: Reason, reason_text: str) -> None:
        """An order is proven never to have been sent."""
        order = self.books.table.get(order_id)
        if order is not None:
            self.settle(self.books.table.on_refused(order, reason, reason_text))

    def _judge_refusals(self, change: OrderChange) -> None:
        order = change.order
        if order is None:
            return
        if change.is_acknowledged:
            self.refusals.on_accepted(order.strategy)
        elif change.status_changed and order.status is OrderStatus.REJECTED:
            self.refusals.on_refused(order.strategy, order.reason, order.reason_text)
