"""The gateway to Binance Spot: order entry by WebSocket API or REST, the account's events on a connection of their own.

Theory of operation. Whatever makes the view of the account doubtful (the events are lost, the clock jumped) holds trading
under a key of its own. The events are subscribed first, then the account is read, with open orders and the trades since the
last one told; it is told as a snapshot, then come the events that arrived meanwhile, and trading goes on. Several tasks keep
clock, rules and connections fresh; they run side by side in `listen`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from actors.binance.client import BinanceClient
from actors.binance.clock_watch import ClockWatch
from actors.binance.endpoints import BinanceEndpoints, endpoints_named
from actors.binance.errors import INVALID_TIMESTAMP, TOO_MANY_ORDERS, BinanceError
from actors.binance.limits import OrderBudget
from actors.binance.ws_api import BinanceWebsocketAPI
from actors.gateways.account_events import AccountEvents
from actors.gateways.answers import Answer
from actors.gateways.binance_entry import OrderEntry
from actors.gateways.binance_errors import VenueErrors, may_mean_new_rules
from actors.gateways.binance_placing import Placing, answers_to_halves
from actors.gateways.binance_reads import BinanceReads
from actors.gateways.errors import LimitExceeded, Refused, Unsent
from actors.gateways.gateway import ExchangeGateway
from actors.gateways.instrument_rules import InstrumentRules
from actors.gateways.key_watch import KeyWatch
from actors.gateways.keys import ApiKeys
from actors.gateways.limit_hold import LimitHold
from actors.gateways.start_clock import StartClock
from actors.gateways.venue_actor import wait_at_most
from messages.account import AccountSnapshot
from messages.enums import Exchanges
from messages.instruments import Instrument
from messages.order_requests import NewOrderListRequest, ReplaceOrderRequest
from messages.orders import (
    AmendOrderRequest,
    CancelOrderRequest,
    NewOrderRequest,
    Order,
    QueryOrderRequest,
)

USER_STREAM = "user stream"
CLOCK = "clock"
LOOK_INTERVAL_S = 1.0
PING_PATIENCE_S = 3.0
ACCOUNT_PAUSE_S = 1.0
RULES_PAUSE_S = 10.0
"""Rules are read again at most so often, however many refusals ask for it."""


class BinanceGateway(ExchangeGateway):
    """One account at Binance, or at whatever speaks its protocol.

    `endpoints` is an environment's name (`production`, `testnet`, `demo`) or its addresses; `recv_window_ms` how old a
    request may be when it reaches the matching engine. Rules and limits are read again every `rules_interval_s` seconds,
    the venue's clock every `clock_interval_s`. A connection that says nothing for `silence_limit_s`, pongs included, is
    given up, and one that is `connection_lifetime_s` old is replaced (the venue ends each after 24 h). Without the socket
    for `fallback_after_s` orders go by REST. Our clock has jumped if it moves by `clock_jump_s` more than time passed. A
    connection that lived for `settled_after_s` is replaced at once when it is lost, others after growing delays.
    """

    expected_doubts = (OSError, BinanceError)

    def __init__(
        self,
        endpoints: BinanceEndpoints | str,
        keys: ApiKeys,
        exchange: Exchanges = Exchanges.BINANCE,
        order_entry: Literal["websocket", "rest"] = "websocket",
        recv_window_ms: int = 5000,
        request_timeout_s: float = 10.0,
        rules_interval_s: float = 600.0,
        clock_interval_s: float = 300.0,
        silence_limit_s: float = 30.0,
        connection_lifetime_s: float = 23 * 3600.0,
        fallback_after_s: float = 3.0,
        clock_jump_s: float = 1.0,
        settled_after_s: float = 10.0,
    ) -> None:
        """Raises ValueError for an unknown environment or a figure out of range."""
        if order_entry not in ("websocket", "rest"):
            raise ValueError(f"order_entry must be 'websocket' or 'rest', not {order_entry!r}")
        if not 0 < recv_window_ms <= 60_000:
            raise ValueError(f"recv_window_ms must be 1 to 60000, not {recv_window_ms}")
        durations = {
            "request_timeout_s": request_timeout_s,
            "rules_interval_s": rules_interval_s,
            "clock_interval_s": clock_interval_s,
            "silence_limit_s": silence_limit_s,
            "connection_lifetime_s": connection_lifetime_s,
            "fallback_after_s": fallback_after_s,
            "clock_jump_s": clock_jump_s,
            "settled_after_s": settled_after_s,
        }
        for name, value in durations.items():
            if not value > 0:
                raise ValueError(f"{name} must be above 0, not {value}")
        self.endpoints = endpoints_named(endpoints) if isinstance(endpoints, str) else endpoints
        self.keys = keys
        self.exchange = exchange
        self.order_entry = order_entry
        self.recv_window_ms = recv_window_ms
        self.request_timeout_s = request_timeout_s
        self.rules_interval_s = rules_interval_s
        self.clock_interval_s = clock_interval_s
        self.silence_limit_s = silence_limit_s
        self.connection_lifetime_s = connection_lifetime_s
        self.fallback_after_s = fallback_after_s
        self.clock_jump_s = clock_jump_s
        self.settled_after_s = settled_after_s
        self._client: BinanceClient | None = None
        self._events: BinanceWebsocketAPI | None = None
        self._order_budget = OrderBudget()
        self._account_due = asyncio.Event()
        self._account_asked_at_s = -ACCOUNT_PAUSE_S
        self._account = AccountEvents(exchange, self.tell, self.send, self._ask_account)
        self._rules = InstrumentRules()
        self._rules_due, self._clock_due = asyncio.Event(), asyncio.Event()
        self._limits = LimitHold(self, exchange)
        self._key = KeyWatch()
        self._start_clock = StartClock(lambda: self.client.clock_offset)
        self._venue_errors = VenueErrors(self._note)
        self._is_stream_subscribed = False

    # Life.

    async def connect(self) -> None:
        """Measures the venue's clock, then subscribes the account's events."""
        if self._client is None:
            self._client = self._make_client()
            self._events = self._client.new_ws_api()
            self._events.on_lost = self._stream_lost
            self._events.on_connected = self._stream_connected
            self._events.on_key_refused = self._key.withdraw
        with self._venue_errors:
            await self.client.synchronise_clock()
            await self._entry.keep_rest_ready()
            if not self._is_stream_subscribed and self._events is not None:
                await self._events.subscribe_user_stream(self._account.take)
                self._is_stream_subscribed = True

    def _make_client(self) -> BinanceClient:
        client = BinanceClient(
            self.endpoints,
            self.keys.api_key,
            self.keys.api_secret,
            self.keys.private_key,
            random=self.random,
            now_ns=self._context.now_ns,
            recv_window_ms=self.recv_window_ms,
            timeout_s=self.request_timeout_s,
            silence_limit_s=self.silence_limit_s,
            lifetime_s=self.connection_lifetime_s,
            settled_after_s=self.settled_after_s,
        )
        self._entry = OrderEntry(
            client,
            self.monotonic_ns,
            self.exchange,
            over_websocket=self.order_entry == "websocket",
            fallback_after_s=self.fallback_after_s,
        )
        budget, errors = self._order_budget, self._venue_errors
        self._placing = Placing(client, budget, errors, self.retry_placements)
        self.reads = BinanceReads(client, budget, self._note, self.exchange)
        return client

    @property
    def client(self) -> BinanceClient:
        """The connected client. Raises Unsent before there is one."""
        if self._client is None:
            raise Unsent("the gateway is not connected yet")
        return self._client

    async def listen(self) -> None:
        """Keeps clock, rules and the view of the account fresh. Raises Refused when the venue withdraws the key."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_clock())
                group.create_task(self._keep_rules())
                group.create_task(self._keep_account())
                group.create_task(self._limits.keep_limit(self.client))
                group.create_task(self._limits.keep_firewall())
                group.create_task(self._watch_clock())
                group.create_task(self._keep_entry(self._entry.keep_connected))
                group.create_task(self._keep_entry(self._entry.keep_rest_ready))
                await self._key.watch(self.reads.check_key)
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors

    async def disconnect(self) -> None:
        """Closes all connections at once."""
        if self._events is not None:
            await self._events.close()
        if self._client is not None:
            await self._client.close_connection()

    # Requests.

    def places_at_once(self) -> bool:
        """Over the socket if it is open, by REST if a connection is."""
        entry = self._entry
        return (entry.over_websocket and entry.client.ws_api.is_connected) or entry.is_rest_ready

    def reserve_placement(self, is_protective: bool) -> float:
        """The venue's `ORDERS` limits bind all keys of the account; cancels are free of them."""
        return self._order_budget.reserve(self._placing.venue_time_ns(), is_protective)

    async def place(self, request: NewOrderRequest) -> Order:
        """Places an order."""
        return await self._placing.carry_out(self._entry.place(request))

    async def place_list(self, request: NewOrderListRequest) -> list[Order]:
        """Places a list of orders in one request."""
        return await self._placing.carry_out(self._entry.place_list(request))

    async def replace(self, request: ReplaceOrderRequest) -> list[Answer]:
        """Cancels one order and places another in one request."""
        replacing = self._entry.replace(request, self.exchange_order_id_of(request))
        cancel, new = await self._placing.carry_out(replacing)
        for half in (cancel, new):
            if half.code:
                kind = LimitExceeded if half.code == TOO_MANY_ORDERS else Refused
                self._note(kind(half.text, half.code))
        return answers_to_halves(request, cancel, new)

    async def cancel_list(self, request: CancelOrderRequest) -> list[Order]:
        """Cancels a list with all its orders."""
        with self._venue_errors:
            return await self._entry.cancel_list(request)

    async def cancel(self, request: CancelOrderRequest) -> Order:
        """Cancels an order, by the venue's own id where it is known."""
        with self._venue_errors:
            return await self._entry.cancel(request, self.exchange_order_id_of(request))

    async def amend(self, request: AmendOrderRequest) -> Order:
        """Reduces an order's quantity; it keeps its place in the queue, and has another client order id then."""
        with self._venue_errors:
            order = await self._entry.amend(request, self.exchange_order_id_of(request))
        order.order_id = request.order_id
        return order

    async def query(self, request: QueryOrderRequest) -> Order | None:
        """How an order stands, with its executions."""
        order_id = self.exchange_order_id_of(request)
        return await self.reads.order(request.symbol, request.client_order_id, order_id)

    async def snapshot(
        self, symbols: list[str], trades_after: Mapping[str, int]
    ) -> AccountSnapshot:
        """Balances, fees, open orders with their executions, and what was executed since the trades last told."""
        after = self._account.trades_to_read(symbols, trades_after)
        statements = self._account.statements
        snapshot, read_to = await self.reads.snapshot(symbols, after)
        self._account.bring_up_to_date(snapshot, statements)
        self._account.note_read(read_to)
        for instrument in self._rules.take_fees(snapshot.maker_fee, snapshot.taker_fee):
            self.tell_rules(instrument)
        return snapshot

    async def tell_account(self) -> None:
        """Sends a fresh snapshot, then the events that arrived since the stream came back; then trading may go on."""
        epoch = self._account.epoch
        await super().tell_account()
        if self._account.release(epoch):
            self.release(USER_STREAM)

    async def instruments(self, symbols: list[str]) -> list[Instrument]:
        """The rules of these symbols."""
        found = await self.reads.instruments(symbols)
        self._rules.learn(found)
        self.retry_placements()
        return await self.reads.add_prices(found)

    def _note(self, error: Refused) -> None:
        """What must be done about a refusal, besides telling it."""
        if isinstance(error, LimitExceeded) and error.code == TOO_MANY_ORDERS:
            self._order_budget.exceeded(self.client.venue_time_ns(), error.retry_at_ns)
        if error.code == INVALID_TIMESTAMP:
            self._clock_due.set()
        if may_mean_new_rules(error):
            self._rules_due.set()
        self._limits.note(error)
        self._key.note(error)

    # What comes without being asked for.

    def _stream_lost(self, reason: str) -> None:
        self._account.lose()
        self.hold(USER_STREAM, f"{self.exchange}: the account's events are lost ({reason})")

    def _stream_connected(self) -> None:
        self._account.connect()
        if USER_STREAM in self.holds:
            self._account_due.set()

    def _ask_account(self) -> None:
        """An event does not tell what is so now. However many such events come, other reads need the weight limit as well."""
        loop = asyncio.get_running_loop()
        if self._account_asked_at_s > loop.time():
            return  # it will be read when these have been told
        self._account_asked_at_s = max(self._account_asked_at_s + ACCOUNT_PAUSE_S, loop.time())
        loop.call_at(self._account_asked_at_s, self._account_due.set)

    # What is kept fresh.

    async def _keep_account(self) -> None:
        """After a loss of events, or one that only tells a difference or cannot be read: the account as a whole."""
        while True:
            await self._account_due.wait()
            self._account_due.clear()
            await self.persist("reading the account", self.tell_account)

    async def _keep_entry(self, keep: Callable[[], Awaitable[None]]) -> None:
        """The connections of order entry are there before an order needs them, and again after they were lost."""
        while True:
            await keep()
            await asyncio.sleep(LOOK_INTERVAL_S)

    async def _watch_clock(self) -> None:
        """Looks every second whether our clock jumped."""
        watch = ClockWatch(round(self.clock_jump_s * 1e9), self.wall_ns(), self.monotonic_ns())
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            if jump_ns := watch.find_jump_ns(self.wall_ns(), self.monotonic_ns()):
                await self._follow_jump(jump_ns / 1e9)

    async def _follow_jump(self, jump_s: float) -> None:
        """The machine slept, or its clock was set: measures the venue's clock, ends dead connections, reads the account."""
        self.hold(CLOCK, f"{self.exchange}: our clock jumped by {jump_s:.1f} s")
        await self.persist("reading the venue's clock", self._measure_clock)
        self.client.direct.let_go()
        sockets = (self.client.ws_api, self._events or self.client.ws_api)
        await asyncio.gather(*(socket.verify(PING_PATIENCE_S) for socket in sockets))
        await self.persist("reading the account", self.tell_account)
        self.release(CLOCK)

    async def _keep_clock(self) -> None:
        """The venue's clock, measured again from time to time and whenever it refused a timestamp."""
        while True:
            await wait_at_most(self._clock_due, self.clock_interval_s)
            await self.persist("reading the venue's clock", self._measure_clock)

    async def _measure_clock(self) -> None:
        with self._venue_errors:
            await self.client.synchronise_clock()

    async def mend(self, refused: Exception, refusals: int) -> bool:
        """Our time may be refused while the gateway starts, and no order has been decided yet: the clock is measured again."""
        return await self._start_clock.mend(refused, refusals, self._measure_clock)

    async def _keep_rules(self) -> None:
        """Rules and limits, read again from time to time and after a refusal by them; what has changed is told."""
        while True:
            await wait_at_most(self._rules_due, self.rules_interval_s)
            await self.persist("reading the instruments", self._refresh_rules)
            await asyncio.sleep(min(RULES_PAUSE_S, self.rules_interval_s))

    async def _refresh_rules(self) -> None:
        if not (symbols := list(self._rules.known)):
            return
        read = await self.reads.instruments(symbols)
        self.retry_placements()
        for instrument in self._rules.find_news(read):
            self.log.warning(
                "the rules of %s have changed; it is %s", instrument.symbol, instrument.status
            )
            self.tell_rules(instrument)
