"""The base class of gateways: one task per request, and an answer to every request whatever happens.

A venue's gateway implements a few coroutines: `place`, `cancel`, `query`, `snapshot`, `instruments`, and where the venue
has them `connect`, `listen`, `disconnect`, `amend`. They say by `Refused` or `Unsent` (errors.py) what is proven about a
request; any other exception means that its outcome is unknown. The rest is done here: requests on one order wait for
each other, late ones are refused, the venue's order limit is waited for, and no exception of a request ends the gateway.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

from actors.gateways.answers import Answer, answer_not_found, refusals_of, unknowns_of
from actors.gateways.begun import Begun
from actors.gateways.errors import GatewayError, Refused, Unsent
from actors.gateways.in_flight import InFlight, Placement
from actors.gateways.known_orders import KnownOrders
from actors.gateways.order_turns import OrderTurns
from actors.gateways.placement_queue import PlacementQueue
from actors.gateways.venue_actor import VenueActor
from actors.gateways.venue_calls import VenueCalls
from actors.runtime.context import TASK_CAUSE, Cause
from actors.runtime.failpoints import ARMED
from messages.control import Subscribe
from messages.enums import Exchanges, OrderType, Reason, Side
from messages.instruments import Instrument
from messages.order_requests import (
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

PLACEMENTS = (NewOrderRequest, NewOrderListRequest, ReplaceOrderRequest)


class ExchangeGateway(VenueActor, VenueCalls):
    """Speaks to one venue's order API; `exchange` says to which."""

    is_essential = True
    max_restarts = 0
    expected_doubts: tuple[type[Exception], ...] = (OSError,)
    """Errors that are the network's or the venue's way of saying nothing; any other that leaves a request's outcome unknown
    may be one in the program."""
    exchange: Exchanges

    _turns: OrderTurns
    _queue: PlacementQueue
    _protective_queue: PlacementQueue
    _known: KnownOrders
    _in_flight: dict[int, InFlight]
    _symbols: dict[str, bool]
    _is_loading: bool
    _is_snapshot_due: bool
    _trades_wanted: dict[str, int]
    _places_at_once: Callable[[], bool]
    """`places_at_once` once the gateway is ready; before, nothing is placed at once."""

    def __new__(cls, *arguments: Any, **keywords: Any) -> Self:
        """Creates the state that the base keeps."""
        instance = super().__new__(cls, *arguments, **keywords)
        instance._turns = OrderTurns()
        instance._queue = PlacementQueue(
            partial(instance.reserve_placement, False), instance.wall_ns
        )
        instance._protective_queue = PlacementQueue(
            partial(instance.reserve_placement, True), instance.wall_ns
        )
        instance._known = KnownOrders()
        instance._in_flight = {}
        instance._symbols = {}
        instance._is_loading = False
        instance._is_snapshot_due = False
        instance._trades_wanted = {}
        instance._places_at_once = bool
        return instance

    # What it may use.

    @property
    def symbols(self) -> list[str]:
        """Every symbol that was asked for so far."""
        return list(self._symbols)

    def tell(self, order: Order) -> None:
        """Sends the venue's view of an order, with the request that placed it as its cause where we know it."""
        cause = self._known.note(order)
        token = TASK_CAUSE.set(cause if cause is not None else TASK_CAUSE.get())
        try:
            self.send(order)
        finally:
            TASK_CAUSE.reset(token)
        if ARMED is not None:
            ARMED.reach("gateway.told")

    def retry_placements(self) -> None:
        """Orders that wait for the venue's limit look at it again, because it has changed."""
        for queue in (self._protective_queue, self._queue):
            queue.look_again()

    def exchange_order_id_of(self, request: OrderRequest) -> int:
        """The venue's own id of the order: as the request says it, or as the venue has said since; 0 if neither has."""
        if isinstance(request, NewOrderRequest | NewOrderListRequest):
            return 0
        told = request.exchange_order_id
        return told or self._known.exchange_order_id_of(request.client_order_id)

    async def tell_account(self) -> None:
        """Sends a fresh account snapshot, as it is due after a loss of events."""
        self._is_snapshot_due = False
        wanted, self._trades_wanted = self._trades_wanted, {}
        try:
            self.send(await self.snapshot(self.symbols, wanted))
        except BaseException:
            self._is_snapshot_due = True
            self._want_trades(wanted)
            raise

    # Life.

    async def run(self) -> None:
        """Connects, tells instruments and account, then serves until it is stopped."""
        try:
            await self.persist("connecting", self.connect)
            await self.persist("reading the instruments", self.load_instruments)
            await self.persist("reading the account", self.tell_account)
            self._is_ready.set()
            self._places_at_once = self.places_at_once
            # What was asked for while the first answers were on their way. Whatever hinders that, who listens may mend.
            self._is_loading = True
            self.spawn(self.persist("reading the instruments", self.load_instruments))
            if self._is_snapshot_due:
                self.spawn(self.persist("reading the account", self.tell_account))
            await self.listen()
        except BaseException:
            self.report_in_flight("the gateway has failed")
            raise
        finally:
            await self.disconnect()

    async def load_instruments(self) -> None:
        """Sends the trading rules of every symbol that was asked for and is not known yet."""
        self._is_loading = True
        try:
            while wanted := [symbol for symbol, is_known in self._symbols.items() if not is_known]:
                found = await self.instruments(wanted)
                self._symbols.update(dict.fromkeys(wanted, True))
                for instrument in found:
                    self.tell_rules(instrument)
                for symbol in sorted({*wanted} - {instrument.symbol for instrument in found}):
                    self.log.error("%s has no symbol %r to trade", self.exchange, symbol)
        finally:
            self._is_loading = False

    def on_stop(self) -> None:
        """Whatever is still in flight is told to be unknown."""
        self.report_in_flight("the gateway was stopped")

    def say_last_words(self) -> None:
        """A handler has raised, which ends the gateway: whatever is still in flight is told to be unknown."""
        self.report_in_flight("the gateway has failed")

    def report_in_flight(self, why: str) -> None:
        """The last words of a gateway: each request without an answer gets the only honest one."""
        in_flight, self._in_flight = self._in_flight, {}
        for entry in in_flight.values():
            if entry.is_sent or not isinstance(entry.request, PLACEMENTS):
                answers = unknowns_of(entry.request, why)
            else:
                # Its task may still run for a turn of the loop: what is called unsent must not be sent then.
                entry.is_withdrawn = True
                answers = refusals_of(entry.request, Unsent(why))
            for answer in answers:
                self.send(answer)

    # Requests.

    def on_subscribe(self, subscribe: Subscribe) -> None:
        """A symbol that somebody watches is one that may be traded: its rules are told, again if they are asked for."""
        if subscribe.exchange == self.exchange:
            if subscribe.message_class == Instrument.__name__:
                self.repeat_rules(subscribe.symbol)
            self._want([subscribe.symbol])

    def on_snapshot_request(self, request: SnapshotRequest) -> None:
        """Requests that come before the answer to an earlier one was begun share it."""
        self._want(request.symbols)
        self._want_trades(request.trades_after)
        if not self._is_snapshot_due:
            self._is_snapshot_due = True
            if self._is_ready.is_set():
                self.spawn(self.persist("reading the account", self.tell_account))

    def on_new_order_request(self, request: NewOrderRequest) -> None:
        """One task places the order; if nothing has to be waited for, it is sent before the task's first step."""
        name = request.order.client_order_id
        cause = Cause(request.sender, request.number, request.origin_time_ns)
        self._known.remember(name, cause)
        entry = self._enter(request, (name,))
        self.spawn(self._carry_out(entry, self._place_at_once(entry, request)))

    def on_new_order_list_request(self, request: NewOrderListRequest) -> None:
        """One task places the list; whatever else is asked about one of its orders waits for that."""
        cause = Cause(request.sender, request.number, request.origin_time_ns)
        names = tuple(order.client_order_id for order in request.orders)
        for name in names:
            self._known.remember(name, cause)
        self._begin(request, names)

    def on_replace_order_request(self, request: ReplaceOrderRequest) -> None:
        """One task exchanges the orders, once what was asked about the old one before has been answered."""
        name = request.order.client_order_id
        self._known.remember(name, Cause(request.sender, request.number, request.origin_time_ns))
        self._begin(request, (request.client_order_id, name))

    def on_cancel_order_request(self, request: CancelOrderRequest) -> None:
        """One task cancels the order, once its placement has been answered; one not yet sent is not sent at all."""
        for entry in self._in_flight.values():
            if (
                isinstance(entry.request, NewOrderRequest | NewOrderListRequest)
                and request.client_order_id in entry.names
            ):
                entry.is_withdrawn = True
        for queue in (self._queue, self._protective_queue):
            queue.withdraw(request.client_order_id)
        self._begin(request, (request.client_order_id,))

    def on_amend_order_request(self, request: AmendOrderRequest) -> None:
        """One task amends the order, in its turn."""
        self._known.rename(request.client_order_id, request.new_client_order_id)
        self._begin(request, (request.client_order_id, request.new_client_order_id))

    def on_query_order_request(self, request: QueryOrderRequest) -> None:
        """One task asks how the order stands, in its turn."""
        self._begin(request, (request.client_order_id,))

    def _want_trades(self, after: Mapping[str, int]) -> None:
        for symbol, trade_id in after.items():
            self._trades_wanted[symbol] = min(self._trades_wanted.get(symbol, trade_id), trade_id)

    def _want(self, symbols: list[str]) -> None:
        news = [symbol for symbol in symbols if symbol not in self._symbols]
        self._symbols.update(dict.fromkeys(news, False))
        if news and self._is_ready.is_set() and not self._is_loading:
            self._is_loading = True
            self.spawn(self.persist("reading the instruments", self.load_instruments))

    def _begin(self, request: OrderRequest, names: tuple[str, ...]) -> None:
        self.spawn(self._carry_out(self._enter(request, names)))

    def _enter(self, request: OrderRequest, names: tuple[str, ...]) -> InFlight:
        entry = InFlight(request, names, self._turns.take(*names))
        self._in_flight[id(entry)] = entry
        return entry

    def _place_at_once(self, entry: InFlight, request: NewOrderRequest) -> Placement | None:
        """The placement, sent and to be awaited; None if it must wait for anything, or may not be sent."""
        if ARMED is not None or entry.turn.previous is not None or not self._places_at_once():
            return None
        if 0 < request.send_before_ns < self._context.now_ns():
            return None
        queue = self._protective_queue if is_protective(request.order) else self._queue
        if not queue.may_pass():
            return None
        entry.is_sent = True
        begun = Begun(self.place(request))
        self._known.note_sent(request.order.client_order_id, self.wall_ns())
        return begun

    async def _carry_out(self, entry: InFlight, begun: Placement | None = None) -> None:
        """The boundary of a request's task: whatever is not proven unsent or refused is unknown."""
        request = entry.request
        try:
            if begun is None:
                await entry.turn.wait()
                await self._is_ready.wait()
            if ARMED is not None:
                ARMED.reach("gateway.before", (type(request).__name__,))
            answers = await self._answer(entry, begun)
            if ARMED is not None:
                ARMED.reach("gateway.after", (type(request).__name__,))
        except GatewayError as error:
            answers = self._take_refusal(entry, error)
        except Exception as error:
            self._log_doubt(request, entry.names, error)
            answers = unknowns_of(request, f"{type(error).__name__}: {error}")
        except BaseException:
            self.report_in_flight("the gateway has failed")
            raise
        finally:
            self._turns.end(entry.turn, *entry.names)
        # A gateway that ended meanwhile has already said of this request what it could.
        if self._in_flight.pop(id(entry), None) is None:
            return
        for answer in answers:
            if isinstance(answer, Order):
                self.tell(answer)
            else:
                self.send(answer)

    def _log_doubt(self, request: OrderRequest, names: tuple[str, ...], error: Exception) -> None:
        """Where an error in the program itself may be the reason, it is shown where it happened."""
        where = None if isinstance(error, self.expected_doubts) else error
        what = f"the outcome of {type(request).__name__} {' '.join(names)} is not known"
        self.log.warning("%s, the venue is asked: %r", what, error, exc_info=where)

    def _take_refusal(self, entry: InFlight, error: GatewayError) -> list[Answer]:
        request = entry.request
        self.log.info("%s was not carried out: %s", type(request).__name__, error)
        if isinstance(request, NewOrderRequest | NewOrderListRequest):
            entry.turn.is_order_dead = True
            is_late = 0 < request.send_before_ns < self.wall_ns()
            if isinstance(error, Unsent) and is_late and not entry.is_withdrawn:
                error = Refused(str(error), reason=Reason.TOO_LATE)
        return refusals_of(request, error)

    async def _answer(self, entry: InFlight, begun: Placement | None) -> list[Answer]:
        """Carries out one request. Raises GatewayError, or whatever leaves its outcome unknown."""
        request = entry.request
        if isinstance(request, NewOrderRequest):
            if begun is None:
                await self._wait_for_placement(entry, [request.order], request.send_before_ns)
                answer = await self.place(request)
            else:
                answer = await begun
            return [] if answer is None else [self._own(answer, request.order)]
        if isinstance(request, NewOrderListRequest):
            await self._wait_for_placement(entry, request.orders, request.send_before_ns)
            return list(await self.place_list(request))
        if isinstance(request, ReplaceOrderRequest):
            if entry.turn.is_order_dead:
                raise Unsent("the order to be replaced was never at the venue")
            await self._wait_for_placement(entry, [request.order], request.send_before_ns)
            return await self.replace(request)
        if isinstance(request, QueryOrderRequest):
            return [await self.query(request) or answer_not_found(request)]
        if entry.turn.is_order_dead:
            # The end of the order has been told, and the venue has never heard of it.
            return []
        if isinstance(request, CancelOrderRequest):
            entry.is_sent = True
            if request.list_id:
                return list(await self.cancel_list(request))
            answer = await self.cancel(request)
        else:
            self._refuse_if_late(request.send_before_ns)
            entry.is_sent = True
            answer = await self.amend(request)
        return [] if answer is None else [answer]

    def _own(self, answer: Order, order: Order) -> Order:
        answer.order_id = answer.order_id or order.order_id
        answer.strategy = answer.strategy or order.strategy
        return answer

    async def _wait_for_placement(
        self, entry: InFlight, orders: list[Order], send_before_ns: int
    ) -> None:
        """Returns when orders may be sent at once. Raises Refused if they are late, Unsent if they were withdrawn."""
        self._refuse_if_late(send_before_ns)
        may_pass, name = False, orders[0].client_order_id
        if not entry.is_withdrawn:
            queue = self._protective_queue if is_protective(orders[0]) else self._queue
            may_pass = await queue.wait(name, send_before_ns)
        if entry.is_withdrawn:
            raise Unsent("canceled before it was sent")
        if not may_pass:
            raise Refused("too late: the venue's order limit is used up", reason=Reason.TOO_LATE)
        for order in orders[1:]:
            # A list counts each of its orders (faqs/order_count_decrement.md), and goes whole or not at all.
            self.reserve_placement(is_protective=True)
            self._known.note_sent(order.client_order_id, self.wall_ns())
        entry.is_sent = True
        self._known.note_sent(name, self.wall_ns())

    def _refuse_if_late(self, send_before_ns: int) -> None:
        now_ns = self.wall_ns()
        if send_before_ns and now_ns > send_before_ns:
            late_ms = (now_ns - send_before_ns) / 1e6
            raise Refused(f"too late by {late_ms:.0f} ms: nothing was sent", reason=Reason.TOO_LATE)


def is_protective(order: Order) -> bool:
    """Whether an order only turns what is held into money: a sale at market at once, or when a price is reached."""
    return order.side is Side.SELL and (
        order.order_type is OrderType.MARKET or order.order_type.is_contingent
    )
