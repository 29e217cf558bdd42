"""The gateway of a backtest: takes the order manager's requests to the simulated venue, and its words back.

Requests and words each take their latency, first in, first out, as over one connection. Without latency a request is
carried out within the handler that gets it, and everything that follows happens at the same instant.
"""

from typing import Any

from actors.backtest.bar_book import BarBook
from actors.backtest.latency import Delays
from actors.backtest.outside import Outside, new_list_of, new_order_of
from actors.backtest.timeline import Timeline
from actors.gateways.answers import answer_placement, cancel_of
from actors.gateways.known_orders import KnownOrders
from actors.runtime.actor import Actor
from actors.runtime.context import TASK_CAUSE, Cause
from messages.account import AccountSnapshot, Balance
from messages.base import Message
from messages.control import Subscribe
from messages.enums import Exchanges, OrderStatus, OrderType, Reason, ReplaceMode
from messages.instruments import Instrument
from messages.order_requests import (
    CancelRefused,
    NewOrderListRequest,
    OrderRequest,
    ReplaceOrderRequest,
    SnapshotRequest,
)
from messages.orders import (
    AmendOrderRequest,
    CancelOrderRequest,
    NewOrderRequest,
    Order,
    QueryOrderRequest,
)


class SimulatedGateway(Actor[Order | CancelRefused | AccountSnapshot | Balance | Instrument]):
    """Speaks to the simulated venue."""

    is_essential = True
    is_boundary = True
    max_restarts = 0
    exchange = Exchanges.BINANCE

    def __init__(self, outside: Outside, timeline: Timeline, market: Any) -> None:
        """`market` tells by `last_message(symbol)` what the symbol's market last quoted."""
        self.outside, self.timeline, self.market = outside, timeline, market
        settings = outside.settings
        self.delays = Delays(settings.order_latency, settings.seed, "order")
        self.is_immediate = settings.order_latency.is_zero
        self.known = KnownOrders()
        self.last_arrival_ns = self.last_return_ns = 0
        self.told_symbols: set[str] = set()
        """Whose rules were told; asked only whether it holds one."""
        self.waiting: dict[str, tuple[NewOrderRequest, Cause]] = {}
        """By client order id: orders that wait at the venue for their market to open."""

    @property
    def under_way_until_ns(self) -> int:
        """When the last request or word that is on its way now will have arrived."""
        return max(self.last_arrival_ns, self.last_return_ns)

    # What the order manager asks.

    def on_subscribe(self, subscribe: Subscribe) -> None:
        """A symbol that somebody watches is one that may be traded: its rules are told, once."""
        if subscribe.exchange is not self.exchange or subscribe.symbol in self.told_symbols:
            return
        instrument = self.outside.instrument(subscribe.symbol)
        if instrument is not None:
            self.told_symbols.add(subscribe.symbol)
            self.send(instrument)

    def on_snapshot_request(self, request: SnapshotRequest) -> None:
        """The account, at once: a backtest begins with everything known."""
        self.outside.now_ns = self.now_ns
        self.send(self.outside.snapshot(request.symbols))

    def on_new_order_request(self, request: NewOrderRequest) -> None:
        """Places an order."""
        cause = Cause(request.sender, request.number, request.origin_time_ns)
        self.known.remember(request.order.client_order_id, cause)
        self._take_there(request, cause)

    def on_new_order_list_request(self, request: NewOrderListRequest) -> None:
        """Places a list of orders."""
        cause = Cause(request.sender, request.number, request.origin_time_ns)
        for order in request.orders:
            self.known.remember(order.client_order_id, cause)
        self._take_there(request, cause)

    def on_replace_order_request(self, request: ReplaceOrderRequest) -> None:
        """Cancels one order and places another."""
        cause = Cause(request.sender, request.number, request.origin_time_ns)
        self.known.remember(request.order.client_order_id, cause)
        self._take_there(request, cause)

    def on_cancel_order_request(self, request: CancelOrderRequest) -> None:
        """Cancels an order."""
        self._take_there(request, Cause(request.sender, request.number, request.origin_time_ns))

    def on_amend_order_request(self, request: AmendOrderRequest) -> None:
        """Reduces an order."""
        self.known.rename(request.client_order_id, request.new_client_order_id)
        self._take_there(request, Cause(request.sender, request.number, request.origin_time_ns))

    def on_query_order_request(self, request: QueryOrderRequest) -> None:
        """Asks how an order stands."""
        self._take_there(request, Cause(request.sender, request.number, request.origin_time_ns))

    # The way there.

    def _take_there(self, request: OrderRequest, cause: Cause) -> None:
        if self.is_immediate:
            self.outside.set_now(self.now_ns)
            self._carry_out(request, cause)
            for message in self.outside.take_told():
                self.send(message)
            return
        arrival_ns = max(self.now_ns + self.delays.next_ns(), self.last_arrival_ns)
        self.last_arrival_ns = arrival_ns
        self.timeline.at(arrival_ns, self._arrive, request, cause)

    def _arrive(self, request: OrderRequest, cause: Cause) -> None:
        self.outside.set_now(self.timeline.clock.time_ns)
        self._carry_out(request, cause)
        self.bring_back(cause)

    def _carry_out(self, request: OrderRequest, cause: Cause) -> None:
        outside = self.outside
        if isinstance(request, NewOrderRequest):
            if request.order.symbol not in outside.books:
                text = f"no market data of {request.order.symbol}: it cannot be traded here"
                outside.told.append(
                    answer_placement(request, OrderStatus.REJECTED, Reason.INSTRUMENT, text)
                )
                return
            self._place(request, cause)
        elif isinstance(request, NewOrderListRequest):
            self._place_list(request)
        elif isinstance(request, ReplaceOrderRequest):
            self._replace(request, cause)
        elif isinstance(request, CancelOrderRequest):
            if not self._withdraw_waiting(request):
                outside.cancel(request)
        elif isinstance(request, AmendOrderRequest):
            outside.amend(request)
        elif request.client_order_id in self.waiting:
            outside.acknowledge(self.waiting[request.client_order_id][0])
        else:
            outside.query(request)

    def _replace(self, request: ReplaceOrderRequest, cause: Cause) -> None:
        """The cancel, then, unless that failed and was a condition, the new order; neither if filters refuse that."""
        outside = self.outside
        placement = NewOrderRequest(exchange=request.exchange, order=request.order)
        cancel = cancel_of(request)
        if outside.refuses(placement, cancel):
            return
        if (
            self._withdraw_waiting(cancel)
            or outside.cancel(cancel)
            or request.mode is ReplaceMode.ALLOW_FAILURE
        ):
            self._place(placement, cause)
        else:
            text = "the order to be replaced was not canceled"
            outside.told.append(
                answer_placement(placement, OrderStatus.REJECTED, Reason.CANCEL_REFUSED, text)
            )

    def _place(self, request: NewOrderRequest, cause: Cause) -> None:
        book = self.outside.books[request.order.symbol]
        now_ns = self.outside.now_ns
        last = self.market.last_message(book.symbol)
        order = new_order_of(request.order)
        if not isinstance(book, BarBook):
            self.outside.place(request, last)
            return
        standing = book.standing(order, now_ns, last)
        if standing is None and book.needs_open(order):
            self._wait_for_open(request, cause, book, now_ns)
            return
        self.outside.place(request, standing)

    def _place_list(self, request: NewOrderListRequest) -> None:
        """A list meets the market as a single order does."""
        book = self.outside.books.get(request.symbol)
        standing = last = self.market.last_message(request.symbol)
        if isinstance(book, BarBook):
            # Of an OCO the order with the trigger: both are held against the last price.
            orders = new_list_of(request).orders
            first = min(orders, key=lambda order: order.order_type is OrderType.LIMIT_MAKER)
            standing = book.standing(first, self.outside.now_ns, last)
        self.outside.place_list(request, standing)

    def _wait_for_open(
        self, request: NewOrderRequest, cause: Cause, book: BarBook, now_ns: int
    ) -> None:
        """The order is executed at the open of the next bar that begins after its acceptance."""
        self.waiting[request.order.client_order_id] = (request, cause)
        self.outside.acknowledge(request)
        self._await_bar(request, book, now_ns)

    def _await_bar(self, request: NewOrderRequest, book: BarBook, now_ns: int) -> None:
        open_ns = book.next_open_ns(now_ns)
        if open_ns is not None:
            self.timeline.at(open_ns, self._open, request, book)
        else:
            # The bar that is under way, or a hole in the data: looked at again when the next bar has been told.
            self.market.after_next_bar(book.symbol, lambda: self._await_bar(request, book, now_ns))

    def _open(self, request: NewOrderRequest, book: BarBook) -> None:
        name = request.order.client_order_id
        if name not in self.waiting:
            return
        now_ns = self.timeline.clock.time_ns
        standing = book.standing(new_order_of(request.order), now_ns, None)
        if standing is None:  # a bar without a trade
            self.market.after_next_bar(book.symbol, lambda: self._await_bar(request, book, now_ns))
            return
        _, cause = self.waiting.pop(name)
        self.outside.set_now(now_ns)
        self.outside.place(request, standing)
        self.bring_back(cause)

    def _withdraw_waiting(self, request: CancelOrderRequest) -> bool:
        waiting = self.waiting.pop(request.client_order_id, None)
        if waiting is None:
            return False
        answer = answer_placement(waiting[0], OrderStatus.CANCELED, Reason.NONE, "")
        answer.event_time_ns = self.outside.now_ns
        self.outside.told.append(answer)
        return True

    # The way back.

    def bring_back(self, cause: Cause | None = None) -> None:
        """Takes what the venue has to tell back to the system, after its latency."""
        told = self.outside.take_told()
        if not told:
            return
        if self.is_immediate:
            self._tell(told, cause)
            return
        now_ns = self.timeline.clock.time_ns
        return_ns = max(now_ns + self.delays.next_ns(), self.last_return_ns)
        self.last_return_ns = return_ns
        self.timeline.at(return_ns, self._tell, told, cause)

    def _tell(self, messages: list[Message], cause: Cause | None) -> None:
        """Sends them with their causes: of an order's word that is the request that placed it."""
        last_cause = cause
        for message in messages:
            if isinstance(message, Order):
                last_cause = self.known.note(message) or cause
            token = TASK_CAUSE.set(last_cause)
            try:
                self.send(message)
            finally:
                TASK_CAUSE.reset(token)
