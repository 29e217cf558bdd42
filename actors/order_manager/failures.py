"""Others' failures: a gateway that lost its requests, a handler that refused a command, a journal that was not written."""

from actors.order_manager.books import Books
from actors.order_manager.checkpoints import Checkpoints
from actors.order_manager.gate import TradingGate
from actors.order_manager.reducing import Reducing
from actors.order_manager.settlement import Settlement
from messages.codec import class_name_of, decoder_of
from messages.control import ActorFailed, CommandFailed, JournalFailed
from messages.enums import Exchanges, OrderStatus, Reason
from messages.order_requests import NewOrderListRequest, ReplaceOrderRequest
from messages.orders import AmendOrderRequest, CancelOrderRequest, NewOrderRequest, Order
from messages.recovery import TriggerArmed

INTENTS = (
    *(NewOrderRequest.__name__, NewOrderListRequest.__name__, ReplaceOrderRequest.__name__),
    TriggerArmed.__name__,
)
"""What is not sent unless it is written down."""


class Failures:
    """Says of each order what a failure leaves certain."""

    def __init__(
        self,
        books: Books,
        gate: TradingGate,
        settlement: Settlement,
        reducing: Reducing,
        checkpoints: Checkpoints,
    ) -> None:
        self.books = books
        self.gate = gate
        self.settlement = settlement
        self.reducing = reducing
        self.checkpoints = checkpoints

    def on_actor_failed(self, failed: ActorFailed) -> None:
        """A gateway that failed has lost its requests in flight: what became of them is not known."""
        for exchange in self.gate.venues.get(failed.actor, ()):
            for order in self.books.table.open_orders(None, exchange):
                if order.is_armed:
                    continue  # its gateway has never heard of it
                if order.status is OrderStatus.PENDING_NEW and order.venue_status is None:
                    text = f"{failed.actor} failed while the order was on its way"
                    self.settlement.settle(self.books.table.on_unknown(order, text))
                elif order.status is OrderStatus.PENDING_CANCEL:
                    text = f"{failed.actor} failed while it was on its way"
                    self.settlement.refuse_cancel(order, text)
                elif order.order_id in self.reducing.pending:
                    self.reducing.refuse(order, Reason.OUTCOME_UNKNOWN, failed.error)
                    self.settlement.inquiries.consider(order, wants_answer=True)

    def on_command_failed(self, failed: CommandFailed) -> None:
        """A gateway's handler raised: the request was certainly not sent."""
        if failed.failed_class in INTENTS:
            self._refuse_unsent(
                failed.failed_class, failed.failed_frame, Reason.HANDLER_FAILED, failed.error
            )
        elif failed.failed_class == CancelOrderRequest.__name__:
            request = decoder_of(CancelOrderRequest).decode(failed.failed_frame)
            order = self._find(request.exchange, request.symbol, request.client_order_id)
            if order is not None:
                self.settlement.refuse_cancel(order, failed.error)
        elif failed.failed_class == AmendOrderRequest.__name__:
            self._refuse_reduction(failed.failed_frame, Reason.HANDLER_FAILED, failed.error)

    def on_journal_failed(self, failed: JournalFailed) -> None:
        """What could not be written down was not sent."""
        self.checkpoints.on_journal_failed()
        for frame in failed.frames:
            name = class_name_of(frame)
            if name in INTENTS:
                self._refuse_unsent(name, frame, Reason.JOURNAL, failed.reason)
            elif name == AmendOrderRequest.__name__:
                self._refuse_reduction(frame, Reason.JOURNAL, failed.reason)

    def _refuse_unsent(self, name: str, frame: bytes, reason: Reason, reason_text: str) -> None:
        if name == NewOrderListRequest.__name__:
            listed = decoder_of(NewOrderListRequest).decode(frame).orders
            for order in listed:
                self.settlement.refuse_unsent(order.order_id, reason, reason_text)
        elif name == ReplaceOrderRequest.__name__:
            request = decoder_of(ReplaceOrderRequest).decode(frame)
            self.settlement.refuse_unsent(request.order.order_id, reason, reason_text)
            old = self._find(request.exchange, request.order.symbol, request.client_order_id)
            if old is not None:
                self.settlement.refuse_cancel(old, reason_text)
        elif name == TriggerArmed.__name__:
            armed = decoder_of(TriggerArmed).decode(frame).order
            self.settlement.refuse_unsent(armed.order_id, reason, reason_text)
        else:
            placed = decoder_of(NewOrderRequest).decode(frame).order
            if reason is Reason.JOURNAL and self.settlement.emulation.take_back(placed.order_id):
                return
            self.settlement.refuse_unsent(placed.order_id, reason, reason_text)

    def _refuse_reduction(self, frame: bytes, reason: Reason, reason_text: str) -> None:
        request = decoder_of(AmendOrderRequest).decode(frame)
        order = self._find(request.exchange, request.symbol, request.client_order_id)
        if order is not None and order.order_id in self.reducing.pending:
            self.reducing.refuse(order, reason, reason_text)

    def _find(self, exchange: Exchanges, symbol: str, client_order_id: str) -> Order | None:
        return self.books.table.find(exchange, symbol, client_order_id)
