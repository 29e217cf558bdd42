"""Questions to the venue about orders of which we do not know enough, repeated at growing distances until it has spoken.

Four kinds of order are asked about: one of unknown outcome; one whose cancel was refused, which may have ended or still
rest; one of which the venue says that more was executed than the executions that we know; and one whose placement or cancel
has not been answered for long, though every request should be, or that never rests and has not ended.

"Not found" is the venue's word, but no proof while the request may still be under way to it or its own read side lags:
it counts only `absence_after_s` after the outcome became unknown, and until then the question is asked again. Nothing is
ever concluded from silence.
"""

from dataclasses import dataclass

from actors.order_manager.books import Books
from actors.order_manager.port import Port
from messages.account import AccountSnapshot
from messages.enums import OrderStatus, OrderType, TimeInForce
from messages.orders import Order, QueryOrderRequest

FIRST_WAIT_S = 0.5
MAXIMUM_WAIT_S = 30.0
SILENCE_S = 10.0
PENDING = (OrderStatus.PENDING_NEW, OrderStatus.PENDING_CANCEL)


@dataclass(slots=True)
class Inquiry:
    """One order that is being asked about."""

    order: Order
    since_ns: int
    timer: int = 0
    questions: int = 0
    wants_answer: bool = False
    """True until the venue has said anything about the order, whatever it is."""


class Inquiries:
    """Asks until the venue has spoken."""

    def __init__(self, port: Port, books: Books, absence_after_s: float) -> None:
        self.port = port
        self.books = books
        self.absence_after_ns = round(absence_after_s * 1e9)
        self.running: dict[str, Inquiry] = {}
        self.sent_before: dict[str, int] = {}
        """Of orders that an earlier instance left: the instant after which they were not sent any more."""
        self.silent: dict[str, OrderStatus] = {}
        """Orders that waited for an answer when they were last looked through."""

    def start(self) -> None:
        """Begins to look for requests that are not answered."""
        self.port.schedule(SILENCE_S, self._look_for_silence)

    def consider(self, order: Order, *, wants_answer: bool = False) -> None:
        """Starts to ask about an order if it needs it, and ends what is not needed any more."""
        inquiry = self.running.get(order.order_id)
        if inquiry is None:
            if not (wants_answer or is_open_question(order)):
                return
            now_ns = self.port.now_ns
            since_ns = min(self.sent_before.pop(order.order_id, now_ns), now_ns)
            inquiry = Inquiry(order, since_ns, wants_answer=wants_answer)
            self.running[order.order_id] = inquiry
            if wants_answer or order.status is OrderStatus.UNKNOWN:
                self._ask(inquiry)
            else:
                # The slower of the two roads usually brings the executions a moment later.
                self._wait(inquiry)
            return
        if wants_answer and not inquiry.wants_answer:
            inquiry.wants_answer = True
            self.port.cancel_timer(inquiry.timer)
            self._ask(inquiry)
        if not (inquiry.wants_answer or is_open_question(order)):
            self._end(inquiry)

    def on_answer(self, order: Order) -> None:
        """The venue has said something about an order, whatever it was."""
        inquiry = self.running.get(order.order_id)
        if inquiry is not None:
            inquiry.wants_answer = False
        self.consider(order)

    def on_snapshot(self, snapshot: AccountSnapshot) -> None:
        """Asks about what we take for open and the venue, in a later view of the account, does not list."""
        for order in self.find_unlisted(snapshot):
            was_told = order.venue_status is not None or order.status is OrderStatus.UNKNOWN
            if was_told and order.event_time_ns <= snapshot.event_time_ns:
                self.consider(order, wants_answer=True)

    def find_unlisted(self, snapshot: AccountSnapshot) -> list[Order]:
        """What we take for open and this view of the account does not list, though it would list its symbol."""
        listed = {order.client_order_id for order in snapshot.open_orders}
        listed_ids = {(order.symbol, order.exchange_order_id) for order in snapshot.open_orders}
        return [
            order
            for order in self.books.table.open_orders(None, snapshot.exchange)
            if order.client_order_id not in listed
            and (order.symbol, order.exchange_order_id) not in listed_ids
            and (not snapshot.symbols or order.symbol in snapshot.symbols)
        ]

    def is_proven_absent(self, order: Order) -> bool:
        """Whether the venue's "not found" can be believed by now."""
        inquiry = self.running.get(order.order_id)
        if inquiry is None or order.status is not OrderStatus.UNKNOWN:
            return False
        return self.port.now_ns - inquiry.since_ns >= self.absence_after_ns

    def _look_for_silence(self) -> None:
        before, self.silent = self.silent, {}
        for order in self.books.table.open_orders():
            if not awaits_word(order):
                continue
            self.silent[order.order_id] = order.status
            if before.get(order.order_id) is order.status:
                self.consider(order, wants_answer=True)
        self.start()

    def _ask(self, inquiry: Inquiry) -> None:
        order = inquiry.order
        self.port.send(
            QueryOrderRequest(
                exchange=order.exchange,
                symbol=order.symbol,
                client_order_id=order.client_order_id,
                exchange_order_id=order.exchange_order_id,
                order_id=order.order_id,
            )
        )
        inquiry.questions += 1
        self._wait(inquiry)

    def _wait(self, inquiry: Inquiry) -> None:
        delay_s = min(FIRST_WAIT_S * 2 ** min(inquiry.questions, 10), MAXIMUM_WAIT_S)
        inquiry.timer = self.port.schedule(delay_s, self._ask_again, inquiry.order.order_id)

    def _ask_again(self, order_id: str) -> None:
        inquiry = self.running.get(order_id)
        if inquiry is not None:
            self._ask(inquiry)

    def _end(self, inquiry: Inquiry) -> None:
        self.port.cancel_timer(inquiry.timer)
        del self.running[inquiry.order.order_id]


def is_open_question(order: Order) -> bool:
    """Whether an order's outcome or some of its executions are not known."""
    return order.status is OrderStatus.UNKNOWN or order.unbooked_quantity > 0


def awaits_word(order: Order) -> bool:
    """Whether the venue owes us a word: on a request, or on the end of an order that never rests."""
    return (
        order.status in PENDING
        or order.order_type is OrderType.MARKET
        or order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
    )
