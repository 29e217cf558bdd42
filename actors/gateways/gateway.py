"""The base class of gateways: one task per request, and an answer to every request whatever happens.

A venue's gateway implements a few coroutines: `place`, `cancel`, `query`, `snapshot`, `instruments`, and where the venue
has them `connect`, `listen`, `disconnect`, `amend`. They say by `Refused` or `Unsent` (errors.py) what is proven about a
request; any other exception means that its outcome is unknown. The rest is done here: requests on one order wait for
each other, late ones are refused, the venue's order limit is waited for, and no exception of a request ends the gateway.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Self

from actors.gateways.answers import Answer, answer_not_found, answer_refusal, answer_unknown
from actors.gateways.begun import Begun
from actors.gateways.errors import GatewayError, Refused, Unsent
from actors.gateways.in_flight import InFlight, OrderRequest, Placement
from actors.gateways.known_orders import KnownOrders
from actors.gateways.order_turns import OrderTurns
from actors.gateways.placement_queue import PlacementQueue
from actors.gateways.venue_actor import VenueActor
from actors.runtime.context import TASK_CAUSE, Cause
from actors.runtime.failpoints import ARMED
from messages.account import AccountSnapshot
from messages.base import Message
from messages.control import Subscribe
from messages.enums import Exchanges, OrderType, Reason, Side
from messages.instruments import Instrument
from messages.order_requests import CancelRefused, SnapshotRequest
from messages.orders import (
    AmendOrderRequest,
    CancelOrderRequest,
    NewOrderRequest,
    Order,
    QueryOrderRequest,
)


class ExchangeGateway(VenueActor, ABC):
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
    _may_place_at_once: Callable[[], bool]
    """Whether `place`, called now, sends its request before its first wait, and asks for no task until then."""

    def __new__(cls, *arguments: Any, **keywords: Any) -> Self:
        """Creates the state that the base keeps."""
        instance = super().__new__(cls, *arguments, **keywords)
        instance._turns = OrderTurns()
        instance._queue = PlacementQueue(
            lambda: instance.reserve_placement(is_protective=False), instance.wall_ns
        )
        instance._protective_queue = PlacementQueue(
            lambda: instance.reserve_placement(is_protective=True), instance.wall_ns
        )
        instance._known = KnownOrders()
        instance._in_flight = {}
        instance._symbols = {}
        instance._is_loading = False
        instance._is_snapshot_due = False
        instance._trades_wanted = {}
        instance._may_place_at_once = bool
        return instance

    # What a venue's gateway implements. All of it raises GatewayError for what is proven not to have been done.

    @abstractmethod
    async def place(self, request: NewOrderRequest) -> Order | None:
        """Places an order: the venue's first word on it, or None if that comes as an event."""

    @abstractmethod
    async def cancel(self, request: CancelOrderRequest) -> Order | None:
        """Cancels an order: the venue's word on it, or None if that comes as an event."""

    @abstractmethod
    async def query(self, request: QueryOrderRequest) -> Order | None:
        """How an order stands, with its executions; None if the venue does not know it."""

    @abstractmethod
    async def snapshot(
        self, symbols: list[str], trades_after: Mapping[str, int]
    ) -> AccountSnapshot:
        """Balances, fees, the open orders in these symbols, and the orders executed after these trade ids, by symbol."""

    @abstractmethod
    async def instruments(self, symbols: list[str]) -> list[Instrument]:
        """The trading rules of these symbols; one that the venue does not know is left out."""

    async def amend(self, request: AmendOrderRequest) -> Order | None:
        """Reduces an order's quantity and keeps its place: the venue's word on it."""
        raise Refused("this venue's orders cannot be amended", reason=Reason.UNSUPPORTED)

    async def connect(self) -> None:
        """Connects and listens to the account's events, before the account is asked for: nothing is missed between.

        It is tried again until it succeeds, unless it raises `Refused`.
        """

    async def listen(self) -> None:
        """Runs once the gateway is ready, for as long as it likes; events may be told from here."""

    async def disconnect(self) -> None:
        """Closes what was opened; called however the gateway ends."""

    def reserve_placement(self, is_protective: bool) -> float:
        """Counts one order against the venue's limit and returns 0.0, or returns the seconds to wait for it.

        A protective order, which turns what is held into money, may take the share that others must leave.
        """
        return 0.0

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
        if isinstance(request, NewOrderRequest):
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
            # What was asked for while the first answers were on their way.
            await self.persist("reading the instruments", self.load_instruments)
            if self._is_snapshot_due:
                await self.persist("reading the account", self.tell_account)
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
                    self.send(instrument)
                for symbol in sorted({*wanted} - {instrument.symbol for instrument in found}):
                    self.log.error("%s has no symbol %r to trade", self.exchange, symbol)
        finally:
            self._is_loading = False

    def on_stop(self) -> None:
        """Whatever is still in flight is told to be unknown."""
        self.report_in_flight("the gateway was stopped")

    def run_handlers(self, message: Message, frame: bytes, now_ns: int, keep: int = 0) -> None:
        """Runs the handlers; if one raises, what is in flight is told to be unknown before the gateway ends."""
        try:
            super().run_handlers(message, frame, now_ns, keep)
        except BaseException:
            self.report_in_flight("the gateway has failed")
            raise

    def report_in_flight(self, why: str) -> None:
        """The last words of a gateway: each request without an answer gets the only honest one."""
        in_flight, self._in_flight = self._in_flight, {}
        for entry in in_flight.values():
            if entry.is_sent or not isinstance(entry.request, NewOrderRequest):
                answer = answer_unknown(entry.request, why)
            else:
                answer = answer_refusal(entry.request, Unsent(why))
            if answer is not None:
                self.send(answer)

    # Requests.

    def on_subscribe(self, subscribe: Subscribe) -> None:
        """A symbol that somebody watches is one that may be traded: its rules are told."""
        if subscribe.exchange == self.exchange:
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

    def on_cancel_order_request(self, request: CancelOrderRequest) -> None:
        """One task cancels the order, once its placement has been answered; one not yet sent is not sent at all."""
        for entry in self._in_flight.values():
            if (
                isinstance(entry.request, NewOrderRequest)
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
        if ARMED is not None or entry.turn.previous is not None or not self._is_ready.is_set():
            return None
        if not self._may_place_at_once() or 0 < request.send_before_ns < self.wall_ns():
            return None
        if not self._queue_of(request).may_pass():
            return None
        entry.is_sent = True
        begun = Begun(self.place(request))
        self._known.note_sent(request.order.client_order_id, self.wall_ns())
        return begun

    def _queue_of(self, request: NewOrderRequest) -> PlacementQueue:
        return self._protective_queue if is_protective(request.order) else self._queue

    async def _carry_out(self, entry: InFlight, begun: Placement | None = None) -> None:
        """The boundary of a request's task: whatever is not proven unsent or refused is unknown."""
        request = entry.request
        try:
            if begun is None:
                await entry.turn.wait()
                await self._is_ready.wait()
            if ARMED is not None:
                ARMED.reach("gateway.before", (type(request).__name__,))
            answer = await self._answer(entry, begun)
            if ARMED is not None:
                ARMED.reach("gateway.after", (type(request).__name__,))
        except GatewayError as error:
            answer = self._take_refusal(entry, error)
        except Exception as error:
            self._log_doubt(request, entry.names, error)
            answer = answer_unknown(request, f"{type(error).__name__}: {error}")
        except BaseException:
            self.report_in_flight("the gateway has failed")
            raise
        finally:
            self._turns.end(entry.turn, *entry.names)
        # A gateway that ended meanwhile has already said of this request what it could.
        if self._in_flight.pop(id(entry), None) is None or answer is None:
            return
        if isinstance(answer, Order):
            self.tell(answer)
        else:
            self.send(answer)

    def _log_doubt(self, request: OrderRequest, names: tuple[str, ...], error: Exception) -> None:
        """Where an error in the program itself may be the reason, it is shown where it happened."""
        where = None if isinstance(error, self.expected_doubts) else error
        what = f"the outcome of {type(request).__name__} {' '.join(names)} is not known"
        self.log.warning("%s, the venue is asked: %r", what, error, exc_info=where)

    def _take_refusal(self, entry: InFlight, error: GatewayError) -> Order | CancelRefused | None:
        request = entry.request
        self.log.info("%s was not carried out: %s", type(request).__name__, error)
        if isinstance(request, NewOrderRequest):
            entry.turn.is_order_dead = True
            is_late = 0 < request.send_before_ns < self.wall_ns()
            if isinstance(error, Unsent) and is_late and not entry.is_withdrawn:
                error = Refused(str(error), reason=Reason.TOO_LATE)
        return answer_refusal(request, error)

    async def _answer(self, entry: InFlight, begun: Placement | None) -> Answer | None:
        """Carries out one request. Raises GatewayError, or whatever leaves its outcome unknown."""
        request = entry.request
        if isinstance(request, NewOrderRequest):
            if begun is None:
                await self._wait_for_placement(entry, request)
                entry.is_sent = True
                self._known.note_sent(request.order.client_order_id, self.wall_ns())
                answer = await self.place(request)
            else:
                answer = await begun
            if answer is not None:
                answer.order_id = answer.order_id or request.order.order_id
                answer.strategy = answer.strategy or request.order.strategy
            return answer
        if isinstance(request, QueryOrderRequest):
            return await self.query(request) or answer_not_found(request)
        if entry.turn.is_order_dead:
            # The end of the order has been told, and the venue has never heard of it.
            return None
        if isinstance(request, CancelOrderRequest):
            entry.is_sent = True
            return await self.cancel(request)
        self._refuse_if_late(request.send_before_ns)
        entry.is_sent = True
        return await self.amend(request)

    async def _wait_for_placement(self, entry: InFlight, request: NewOrderRequest) -> None:
        """Returns when the order may be sent at once. Raises Refused if it is late, Unsent if it was withdrawn."""
        self._refuse_if_late(request.send_before_ns)
        may_pass = False
        if not entry.is_withdrawn:
            queue = self._queue_of(request)
            may_pass = await queue.wait(request.order.client_order_id, request.send_before_ns)
        if entry.is_withdrawn:
            raise Unsent("canceled before it was sent")
        if not may_pass:
            raise Refused("too late: the venue's order limit is used up", reason=Reason.TOO_LATE)

    def _refuse_if_late(self, send_before_ns: int) -> None:
        now_ns = self.wall_ns()
        if send_before_ns and now_ns > send_before_ns:
            late_ms = (now_ns - send_before_ns) / 1e6
            raise Refused(f"too late by {late_ms:.0f} ms: nothing was sent", reason=Reason.TOO_LATE)


def is_protective(order: Order) -> bool:
    """Whether an order only turns what is held into money, at once: a sale at market, as a closed position is."""
    return order.side is Side.SELL and order.order_type is OrderType.MARKET
