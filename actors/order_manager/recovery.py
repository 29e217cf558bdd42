"""The order manager's beginning: the journal first, then the venue, and only then the word that trading may begin.

What the journal leaves open is asked: an intent that nobody acknowledged is of unknown outcome, whether it was sent or not,
and never sent again; an order that rested must be listed by the venue, or is asked for by its own id; executions that were
counted and not told are fetched. The gate stays shut until the venue has said something about each of these. A cancel that
had been asked for is asked for once more if its order still rests: that harms nobody.
"""

from collections.abc import Callable

from actors.order_manager.books import Books
from actors.order_manager.cancels import Cancels
from actors.order_manager.checkpoints import CLOSED_KEPT, Checkpoints
from actors.order_manager.halts import Halts
from actors.order_manager.inquiries import Inquiries
from actors.order_manager.losses import Losses
from actors.order_manager.port import Port
from actors.order_manager.publisher import Publisher
from actors.order_manager.readiness import Readiness
from actors.order_manager.restoring import Restoring
from actors.order_manager.settlement import Settlement
from actors.runtime.errors import JournalError
from messages.account import AccountSnapshot
from messages.control import Recovered
from messages.enums import OrderStatus, Reason
from messages.orders import Order


class Recovery:
    """Carries the beginning out."""

    def __init__(
        self,
        port: Port,
        books: Books,
        restoring: Restoring,
        settlement: Settlement,
        cancels: Cancels,
        inquiries: Inquiries,
        checkpoints: Checkpoints,
        losses: Losses,
        halts: Halts,
        publisher: Publisher,
        on_answered: Callable[[], None],
    ) -> None:
        self.port = port
        self.books = books
        self.restoring = restoring
        self.settlement = settlement
        self.cancels = cancels
        self.inquiries = inquiries
        self.checkpoints = checkpoints
        self.losses = losses
        self.halts = halts
        self.publisher = publisher
        self.on_answered = on_answered
        self.awaited: dict[str, Order] = {}
        """Orders of which the venue has not said anything since the beginning."""
        self.to_cancel: dict[str, Order] = {}
        """Orders whose cancel was on its way."""
        self.frames = 0
        self.has_journal = False

    @property
    def is_waiting(self) -> bool:
        """Whether the venue has still to answer."""
        return bool(self.awaited)

    def take(self, recovered: Recovered, readiness: Readiness) -> None:
        """Takes a part of what was written down; with the last part the questions begin.

        Raises JournalError for what cannot be read.
        """
        self.has_journal = True
        for frame in recovered.frames:
            try:
                self.restoring.read(frame)
            except ValueError as error:  # msgspec's errors are ValueErrors
                raise JournalError(
                    f"the journal holds a message that cannot be read ({error}): {frame[:80]!r}; restore a good copy, "
                    "or move it away: what the venue still knows is then asked of it"
                ) from error
        self.frames += len(recovered.frames)
        if not recovered.is_last:
            return
        if recovered.doubt:
            self.port.log.warning(
                "%s; all orders and trades are asked of the venue", recovered.doubt
            )
            readiness.is_in_doubt = True
        self._begin(readiness)

    def _begin(self, readiness: Readiness) -> None:
        books = self.books
        if self.frames:
            self.port.log.info(
                "found in the journal: %d open orders, %d positions",
                len(books.table.open_orders()),
                sum(1 for position in books.portfolio.positions() if position.quantity),
            )
            self.checkpoints.ask()
        self.losses.restore(self.restoring.loss_marks)
        self.losses.begin()
        armed = [order for order in books.table.open_orders() if order.is_armed]
        for order in armed:
            readiness.learn_market(order.exchange, order.symbol)
            self.settlement.emulation.restore(order)
            self.settlement.kept_lists.restore(order)
            self.cancels.on_change(order)
        at_venue = [order for order in books.table.open_orders() if not order.is_armed]
        for order in [*at_venue, *books.unsettled_orders.values()]:
            self.awaited[order.order_id] = order
            readiness.learn_market(order.exchange, order.symbol)
        for exchange, symbol in books.last_trade_ids:
            readiness.learn_market(exchange, symbol)
        for order in at_venue:
            self.cancels.restore(order)
            self.settlement.kept_lists.restore_shortened(order)
            if order.status is OrderStatus.PENDING_CANCEL:
                is_replaced = order.reason is Reason.REPLACED
                if order.is_end_wanted or not is_replaced:
                    self.to_cancel[order.order_id] = order
                    self.cancels.wanted.add(order.order_id)
                if is_replaced:
                    order.reason, order.reason_text = Reason.NONE, ""
                order.restore_venue_status()
            elif order.is_end_wanted and order.is_list_kept:
                # Of a list that has no other order any more: its cancel was to be seen through.
                self.to_cancel[order.order_id] = order
            if order.venue_status is None:
                sent_before_ns = self.restoring.sent_before.get(order.order_id)
                if sent_before_ns is not None:
                    self.inquiries.sent_before[order.order_id] = sent_before_ns
                text = "the order manager began anew before the venue had answered"
                self.settlement.settle(books.table.on_unknown(order, text))
                # If it rests, it has rested ever since: its time does not begin when we hear of it again.
                order.acknowledged_time_ns = order.created_time_ns
            self.cancels.on_change(order)
        for order in self.awaited.values():
            self.inquiries.consider(order)
        for order in books.table.closed_orders(CLOSED_KEPT):
            if order.status is OrderStatus.NOT_FOUND:
                self.inquiries.give_up(order)
                self.cancels.restore(order)
        if any(position.quantity for position in books.portfolio.positions()):
            self.publisher.begin_valuing()

    def on_answer(self, order: Order) -> None:
        """The venue has said something about an order, if only that it does not know it (yet)."""
        if self.awaited.pop(order.order_id, None) is not None and not self.awaited:
            self.on_answered()

    def on_snapshot(self, snapshot: AccountSnapshot) -> None:
        """What the venue does not list it must be asked about."""
        for order in self.inquiries.find_unlisted(snapshot):
            if order.order_id in self.awaited:
                self.inquiries.consider(order, wants_answer=True)
        for order in list(self.awaited.values()):
            if not order.is_open and not self.books.is_unsettled(order):
                self.on_answer(order)

    def on_ready(self) -> list[str]:
        """Carries on what was under way; the strategies that must hear how things stand now, though they did not ask."""
        for order in self.to_cancel.values():
            self.cancels.request(order, order.reason, order.reason_text, is_pursued=True)
        self.to_cancel.clear()
        for order in self.books.table.open_orders():
            self.settlement.kept_lists.on_change(order)
        for halt in self.restoring.halts.values():
            self.port.log.warning("%s stays halted: %s", halt.strategy or "trading", halt.reason)
            self.halts.begin(halt)
        self.restoring.halts.clear()
        is_restart = self.restoring.is_same_run
        self.restoring.is_same_run = False
        # Observers have heard of none of it, and a valuation is a second away.
        for held in self.books.portfolio.positions():
            if held.quantity:
                self.publisher.tell_position(held.strategy, held.exchange, held.symbol)
        return sorted(self.books.traded) if is_restart else []
