"""Questions to the venue about orders of which we do not know enough, repeated at growing distances until it has spoken.

Four kinds of order are asked about: one of unknown outcome; one whose cancel was refused, which may have ended or still
rest; one of which the venue says that more was executed than the executions that we know; and one whose placement or cancel
has not been answered for long, though every request should be, or that never rests and has not ended.

"Not found" is the venue's word, but no proof while the request may still be under way to it or its own read side lags:
it counts only `absence_after_s` after the outcome became unknown, and until then the question is asked again. An order that
the venue has acknowledged was there for certain: of it more is wanted before it is given up, namely `DENIALS` such answers,
the last so much later than the first, and between them a view of the account that does not list it. The same denials end
the waiting for executions that were counted and never told. After that the question is put a few times more in a day, for
the venue may have lost its memory only for a while. Nothing is ever concluded from silence.
"""

from collections.abc import Callable
from dataclasses import dataclass

from actors.order_manager.books import Books
from actors.order_manager.port import Port
from messages.account import AccountSnapshot
from messages.enums import Exchanges, OrderStatus, OrderType, TimeInForce
from messages.orders import Order, QueryOrderRequest

FIRST_WAIT_S = 0.5
MAXIMUM_WAIT_S = 30.0
MARGIN_S = 0.01
"""uvloop's timers fire up to a millisecond early."""
SILENCE_S = 10.0
DENIALS = 3
"""So often the venue must say that it does not know an order which it has acknowledged."""
LATE_WAIT_S = 600.0
LATE_QUESTIONS = 7
"""Of an order that was given up, at distances that double: the last of them after some 21 hours."""
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
    denials: int = 0
    """How often the venue has said that it does not know the order, and nothing else since."""
    first_denied_ns: int = 0
    is_unlisted: bool = False
    """Whether a view of the account, asked for after the first denial, does not list it either."""
    is_given_up: bool = False


class Inquiries:
    """Asks until the venue has spoken."""

    def __init__(
        self,
        port: Port,
        books: Books,
        absence_after_s: float,
        ask_snapshot: Callable[[Exchanges], None],
        silence_s: float = SILENCE_S,
    ) -> None:
        self.silence_s = silence_s
        self.port = port
        self.books = books
        self.ask_snapshot = ask_snapshot
        self.absence_after_ns = round(absence_after_s * 1e9)
        self.running: dict[str, Inquiry] = {}
        self.sent_before: dict[str, int] = {}
        """Of orders that an earlier instance left: the instant after which they were not sent any more."""
        self.silent: dict[str, OrderStatus] = {}
        """Orders that waited for an answer when they were last looked through."""

    def start(self) -> None:
        """Begins to look for requests that are not answered."""
        self.port.schedule(self.silence_s, self._look_for_silence)

    def consider(self, order: Order, *, wants_answer: bool = False) -> None:
        """Starts to ask about an order if it needs it, and ends what is not needed any more."""
        inquiry = self.running.get(order.order_id)
        if inquiry is None:
            if not (wants_answer or self.is_open_question(order)):
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
        if not (inquiry.wants_answer or inquiry.is_given_up or self.is_open_question(order)):
            self._end(inquiry)

    def is_open_question(self, order: Order) -> bool:
        """Whether an order's outcome or some of its executions are not known."""
        return order.status is OrderStatus.UNKNOWN or self.books.is_unsettled(order)

    def on_answer(self, order: Order) -> None:
        """The venue has said something about an order, whatever it was."""
        inquiry = self.running.get(order.order_id)
        if inquiry is not None and inquiry.is_given_up:
            # What was not to be had of it may be had again.
            self._end(inquiry)
            self.books.take_up(order)
        elif inquiry is not None:
            inquiry.wants_answer = False
            inquiry.denials, inquiry.is_unlisted = 0, False
        self.consider(order)

    def on_denied(self, order: Order) -> bool:
        """The venue says that it does not know an order; whether that can be believed by now."""
        inquiry = self.running.get(order.order_id)
        if inquiry is None or inquiry.is_given_up:
            return False
        now_ns = self.port.now_ns
        inquiry.denials += 1
        if order.venue_status is None:
            return order.is_open and now_ns - inquiry.since_ns >= self.absence_after_ns
        if inquiry.denials == 1:
            inquiry.first_denied_ns = now_ns
            self.ask_snapshot(order.exchange)
        return (
            inquiry.denials >= DENIALS
            and now_ns - inquiry.first_denied_ns >= self.absence_after_ns
            and (inquiry.is_unlisted or not order.is_open)
        )

    def give_up(self, order: Order) -> None:
        """An order is proven absent: it is asked for a few times more, without haste."""
        if (known := self.running.get(order.order_id)) is not None:
            self._end(known)
        inquiry = Inquiry(order, self.port.now_ns, is_given_up=True)
        self.running[order.order_id] = inquiry
        self._wait(inquiry)

    def on_snapshot(self, snapshot: AccountSnapshot) -> None:
        """Asks about what we take for open and the venue, in a later view of the account, does not list."""
        for order in self.find_unlisted(snapshot):
            inquiry = self.running.get(order.order_id)
            if inquiry is not None and inquiry.denials:
                inquiry.is_unlisted = True
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
            if not order.is_armed
            and order.client_order_id not in listed
            and (order.symbol, order.exchange_order_id) not in listed_ids
            and (not snapshot.symbols or order.symbol in snapshot.symbols)
        ]

    def _look_for_silence(self) -> None:
        before, self.silent = self.silent, {}
        for order in self.books.table.open_orders():
            if order.is_armed or not awaits_word(order):
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
        doublings = min(inquiry.questions, 10)
        delay_s = min(FIRST_WAIT_S * 2**doublings, MAXIMUM_WAIT_S)
        if inquiry.is_given_up:
            delay_s = LATE_WAIT_S * 2**doublings
        elif (left_s := self._find_left(inquiry)) > 0:
            # The question that can decide is not put long after it could.
            delay_s = min(delay_s, left_s + MARGIN_S)
        inquiry.timer = self.port.schedule(delay_s, self._ask_again, inquiry.order.order_id)

    def _find_left(self, inquiry: Inquiry) -> float:
        """Seconds until a denial of the venue can be believed; 0 or less if it can, or none has begun to count."""
        order = inquiry.order
        since_ns = inquiry.since_ns if order.venue_status is None else inquiry.first_denied_ns
        if order.venue_status is not None and not inquiry.denials:
            return 0.0
        return (since_ns + self.absence_after_ns - self.port.now_ns) / 1e9

    def _ask_again(self, order_id: str) -> None:
        inquiry = self.running.get(order_id)
        if inquiry is None:
            return
        if inquiry.is_given_up and inquiry.questions >= LATE_QUESTIONS:
            self._end(inquiry)
        else:
            self._ask(inquiry)

    def _end(self, inquiry: Inquiry) -> None:
        self.port.cancel_timer(inquiry.timer)
        del self.running[inquiry.order.order_id]


def awaits_word(order: Order) -> bool:
    """Whether the venue owes us a word: on a request, or on the end of an order that never rests.

    A leg of a list that is pending by the venue's own word waits for another order's fill.
    """
    return (
        (order.status in PENDING and order.status is not order.venue_status)
        or order.order_type is OrderType.MARKET
        or order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
    )
