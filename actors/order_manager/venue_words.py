"""What a venue says of orders and of the account, judged before it is booked: replies, reports, answers, whole snapshots."""

from actors.order_manager.amending import Amending
from actors.order_manager.books import Books
from actors.order_manager.foreign import ForeignOrders
from actors.order_manager.gate import TradingGate
from actors.order_manager.halts import Halts
from actors.order_manager.inquiries import Inquiries
from actors.order_manager.readiness import Readiness
from actors.order_manager.reconciliation import Reconciliation
from actors.order_manager.recovery import Recovery
from actors.order_manager.reducing import Reducing
from actors.order_manager.settlement import Settlement
from messages.account import AccountSnapshot
from messages.enums import ExecutionType, OrderStatus, Reason
from messages.orders import Order


class VenueWords:
    """Takes the venue's words in."""

    def __init__(
        self,
        books: Books,
        gate: TradingGate,
        settlement: Settlement,
        inquiries: Inquiries,
        recovery: Recovery,
        reconciliation: Reconciliation,
        readiness: Readiness,
        amending: Amending,
        reducing: Reducing,
        halts: Halts,
        foreign: ForeignOrders,
    ) -> None:
        self.books = books
        self.gate = gate
        self.settlement = settlement
        self.inquiries = inquiries
        self.recovery = recovery
        self.reconciliation = reconciliation
        self.readiness = readiness
        self.amending = amending
        self.reducing = reducing
        self.halts = halts
        self.foreign = foreign

    def take_order(self, event: Order, *, is_listed: bool = False) -> None:
        """Takes what is said of one order; `is_listed` where a snapshot of the account says it."""
        self.gate.learn_venue(event.sender, event.exchange)
        if event.reason is Reason.NONE:
            event.reason = REASONS.get(event.status, Reason.NONE)
        known = self.books.table.find(event.exchange, event.symbol, event.client_order_id)
        if event.status is OrderStatus.UNKNOWN and known and self.reducing.is_pending(known):
            self._refuse_reduction(known, event)
            return
        if event.status is OrderStatus.NOT_FOUND and (known is None or not self._is_absent(known)):
            return
        if known is not None and known.is_armed and event.exchange_order_id:
            self.settlement.emulation.hand_over(known)
        was_acknowledged = known is not None and known.venue_status is not None
        was_absent = known is not None and known.status is OrderStatus.NOT_FOUND
        change = self.books.table.on_venue_order(event, self.settlement.port.now_ns)
        if is_listed:
            self.reconciliation.on_told(change)
        self.settlement.settle(change, was_acknowledged=was_acknowledged)
        order = change.order
        if order is None:
            return
        if was_absent and change.status_changed:
            self.reconciliation.on_revoked(order)
            self.settlement.kept_lists.on_revoked(order)
            self.halts.on_adopted(order)
        if event.status not in (OrderStatus.UNKNOWN, OrderStatus.NOT_FOUND):
            self.inquiries.on_answer(order)
            self.recovery.on_answer(order)
            if event.execution_type is ExecutionType.UNRECOGNISED and not is_listed:
                self.reducing.on_answer(order)

    def take_snapshot(self, snapshot: AccountSnapshot) -> None:
        """Takes a whole view of the account: what it tells of our orders counts, what it leaves out is asked about."""
        exchange = snapshot.exchange
        self.gate.learn_venue(snapshot.sender, exchange)
        for order in snapshot.open_orders:
            self.take_order(order, is_listed=True)
            self.foreign.on_listed(order)
        for order in snapshot.executed_orders:
            self.take_order(order, is_listed=True)
        self.inquiries.on_snapshot(snapshot)
        self.recovery.on_snapshot(snapshot)
        self.reconciliation.check_balances(snapshot)
        self.readiness.on_snapshot(exchange)

    def _is_absent(self, order: Order) -> bool:
        """Takes the venue's denial of an order; whether it is proven by now that there is none."""
        is_proven = self.inquiries.on_denied(order)
        if is_proven:
            self.inquiries.give_up(order)
        if is_proven and order.venue_status is not None:
            self.reconciliation.on_absent(order)
            self.books.give_up(order)
        self.recovery.on_answer(order)
        return is_proven

    def _refuse_reduction(self, order: Order, event: Order) -> None:
        command = self.reducing.refuse(order, event.reason, event.reason_text)
        if command is not None:
            self.amending.begin(order, command)
        elif event.reason is Reason.OUTCOME_UNKNOWN:
            self.inquiries.consider(order, wants_answer=True)


REASONS = {
    OrderStatus.UNKNOWN: Reason.OUTCOME_UNKNOWN,
    OrderStatus.REJECTED: Reason.VENUE,
    OrderStatus.NOT_FOUND: Reason.UNKNOWN_ORDER,
}
"""Why an order has come to a status, where the venue gives no reason."""
