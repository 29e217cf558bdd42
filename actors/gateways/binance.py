"""The gateway to Binance Spot: order entry by WebSocket API or REST, the account's events on a connection of their own."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Literal

from actors.binance.client import BinanceClient
from actors.binance.endpoints import BinanceEndpoints, endpoints_named
from actors.binance.errors import INVALID_TIMESTAMP, TOO_MANY_ORDERS, BinanceError, RequestRefused
from actors.binance.limits import OrderBudget
from actors.binance.orders import BinanceOrders
from actors.binance.wire_events import (
    AccountPosition,
    BalanceChange,
    ExternalLock,
    UserEventDecoder,
)
from actors.binance.wire_orders import ExecutionReport, from_binance_order
from actors.binance.ws_api import BinanceWebsocketAPI
from actors.gateways.binance_errors import venue_errors
from actors.gateways.binance_reads import BinanceReads
from actors.gateways.errors import LimitExceeded, Refused, Unsent
from actors.gateways.gateway import ExchangeGateway
from actors.gateways.keys import ApiKeys
from messages.account import AccountSnapshot
from messages.base import HEADER_FIELDS
from messages.enums import Exchanges, Reason
from messages.instruments import Instrument
from messages.orders import CancelOrderRequest, NewOrderRequest, Order, QueryOrderRequest

USER_STREAM = "user stream"
LIMIT = "request limit"
ROUND_PAUSE_S = 0.25

log = logging.getLogger(__name__)


class BinanceGateway(ExchangeGateway):
    """One account at Binance, or at whatever speaks its protocol.

    `endpoints` is an environment's name (`production`, `testnet`, `demo`) or its addresses; `recv_window_ms` how old a
    request may be when it reaches the matching engine. Rules and limits are read again every `rules_interval_s` seconds,
    the venue's clock every `clock_interval_s`.
    """

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
        self._client: BinanceClient | None = None
        self._events: BinanceWebsocketAPI | None = None
        self._order_budget = OrderBudget()
        self._decoder = UserEventDecoder()
        self._rules: dict[str, Instrument] = {}
        self._account_due = asyncio.Event()
        self._clock_due = asyncio.Event()
        self._limit_due = asyncio.Event()
        self._key_refused = asyncio.Event()
        self._is_stream_subscribed = False

    # Life.

    async def connect(self) -> None:
        """Measures the venue's clock, then subscribes the account's events."""
        if self._client is None:
            self._client = self._make_client()
            self._events = self._client.new_ws_api()
            self._events.on_lost = self._stream_lost
            self._events.on_connected = self._stream_connected
            self._events.on_key_refused = self._take_key_refusal
        with venue_errors(self._note):
            await self.client.synchronise_clock()
            if not self._is_stream_subscribed and self._events is not None:
                await self._events.subscribe_user_stream(self._take_event)
                self._is_stream_subscribed = True

    def _make_client(self) -> BinanceClient:
        client = BinanceClient(
            self.endpoints,
            self.keys.api_key,
            self.keys.api_secret,
            self.keys.private_key,
            random=self.random,
            now_ns=self.wall_ns,
            recv_window_ms=self.recv_window_ms,
            timeout_s=self.request_timeout_s,
            silence_limit_s=self.silence_limit_s,
        )
        is_websocket = self.order_entry == "websocket"
        self._entry = BinanceOrders(client, over_websocket=is_websocket, exchange=self.exchange)
        self.reads = BinanceReads(client, self._order_budget, self._note, self.exchange)
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
                group.create_task(self._keep_limit())
                await self._key_refused.wait()
                raise Refused("the venue says that the key is no longer good")
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors

    async def disconnect(self) -> None:
        """Closes all connections at once."""
        if self._events is not None:
            await self._events.close()
        if self._client is not None:
            await self._client.close_connection()

    # Requests.

    def reserve_placement(self) -> float:
        """The venue's `ORDERS` limits bind all keys of the account; cancels are free of them."""
        now_ns = self.client.venue_time_ns()
        wait_s = self._order_budget.may_place(now_ns)
        if wait_s <= 0:
            self._order_budget.placed(now_ns)
        return wait_s

    async def place(self, request: NewOrderRequest) -> Order:
        """Places an order."""
        sent_ns = self.client.venue_time_ns()
        try:
            with venue_errors(self._note):
                return await self._entry.place(request.order, request.send_before_ns)
        except ValueError as error:
            raise Refused(str(error), reason=Reason.UNSUPPORTED) from error
        finally:
            counts = self.client.usage.counts.values()
            self._order_budget.answered(
                sent_ns,
                self.client.venue_time_ns(),
                [usage for usage in counts if usage.time_ns >= sent_ns],
            )

    async def cancel(self, request: CancelOrderRequest) -> Order:
        """Cancels an order, by the venue's own id where it is known."""
        with venue_errors(self._note):
            return await self._entry.cancel(
                request.symbol, request.client_order_id, self.exchange_order_id_of(request)
            )

    async def query(self, request: QueryOrderRequest) -> Order | None:
        """How an order stands, with its executions."""
        order_id = self.exchange_order_id_of(request)
        return await self.reads.order(request.symbol, request.client_order_id, order_id)

    async def snapshot(self, symbols: list[str]) -> AccountSnapshot:
        """Balances, fees, and the open orders in these symbols with their executions."""
        return await self.reads.snapshot(symbols)

    async def instruments(self, symbols: list[str]) -> list[Instrument]:
        """The rules of these symbols."""
        found = await self.reads.instruments(symbols)
        self._rules.update({instrument.symbol: instrument for instrument in found})
        return found

    def _note(self, error: Refused) -> None:
        """What must be done about a refusal, besides telling it."""
        if isinstance(error, LimitExceeded):
            if error.code == TOO_MANY_ORDERS:
                now_ns = self.client.venue_time_ns()
                self._order_budget.exceeded(now_ns, error.retry_at_ns)
            else:
                self._limit_due.set()
        elif error.code == INVALID_TIMESTAMP:
            self._clock_due.set()

    # What comes without being asked for.

    def _take_event(self, event: bytes) -> None:
        decoded = self._decoder.decode(event)
        if isinstance(decoded, ExecutionReport):
            self.tell(from_binance_order(decoded, self.exchange))
        elif isinstance(decoded, AccountPosition):
            for balance in decoded.to_balances(self.exchange):
                self.send(balance)
        elif isinstance(decoded, BalanceChange | ExternalLock):
            # They are differences; what they amount to must be asked.
            self._account_due.set()

    def _stream_lost(self, reason: str) -> None:
        self.hold(USER_STREAM, f"{self.exchange}: the account's events are lost ({reason})")

    def _stream_connected(self) -> None:
        if USER_STREAM in self.holds:
            self._account_due.set()

    def _take_key_refusal(self, error: RequestRefused) -> None:
        self._key_refused.set()

    # What is kept fresh.

    async def _keep_account(self) -> None:
        """After a loss of events, or one that only tells a difference: the account as a whole."""
        while True:
            await self._account_due.wait()
            self._account_due.clear()
            await self.persist("reading the account", self.tell_account)
            if self._events is not None and self._events.is_user_stream_live:
                self.release(USER_STREAM)

    async def _keep_clock(self) -> None:
        """The venue's clock, measured again from time to time and whenever it refused a timestamp."""
        while True:
            try:
                async with asyncio.timeout(self.clock_interval_s):
                    await self._clock_due.wait()
            except TimeoutError:
                self.log.debug("the clock is measured as a matter of routine")
            self._clock_due.clear()
            await self.persist("reading the venue's clock", self._measure_clock)

    async def _measure_clock(self) -> None:
        with venue_errors(self._note):
            await self.client.synchronise_clock()

    async def _keep_rules(self) -> None:
        """Rules and limits, read again from time to time; what has changed is told."""
        while True:
            await asyncio.sleep(self.rules_interval_s)
            await self.persist("reading the instruments", self._refresh_rules)

    async def _refresh_rules(self) -> None:
        known = dict(self._rules)
        if not known:
            return
        for instrument in await self.instruments(list(known)):
            if not have_same_rules(instrument, known[instrument.symbol]):
                self.log.warning("the rules of %s have changed", instrument.symbol)
                self.send(instrument)

    async def _keep_limit(self) -> None:
        """While the venue wants to be left alone nothing new is decided."""
        while True:
            await self._limit_due.wait()
            self._limit_due.clear()
            usage = self.client.usage
            while (left_ns := usage.retry_at_ns - self.client.venue_time_ns()) > 0:
                what = "banned" if usage.is_banned else "rate limited"
                self.hold(LIMIT, f"{self.exchange}: {what} for {left_ns / 1e9:.0f} s")
                await asyncio.sleep(left_ns / 1e9)
            self.release(LIMIT)


def have_same_rules(first: Instrument, second: Instrument) -> bool:
    """Whether two tellings of an instrument differ in nothing but when and by whom they were told."""
    told = {*HEADER_FIELDS, "event_time_ns"}
    return all(
        getattr(first, name) == getattr(second, name)
        for name in first.__struct_fields__
        if name not in told
    )


async def cancel_our_orders(
    endpoints: BinanceEndpoints | str,
    keys: ApiKeys,
    is_ours: Callable[[str], bool],
    symbols: Iterable[str],
    patience_s: float = 20.0,
    exchange: Exchanges = Exchanges.BINANCE,
) -> list[Order]:
    """Cancels one by one what `is_ours` says of its client order id; returns those of ours not proven to be gone.

    Never by `DELETE openOrders`: the account's owner may have orders of his own in the same symbols. It looks again after
    canceling, until a look shows none, or `patience_s` is over. Raises BinanceError if not even one look succeeded.
    """
    where = endpoints_named(endpoints) if isinstance(endpoints, str) else endpoints
    client = BinanceClient(where, keys.api_key, keys.api_secret, keys.private_key)
    orders = BinanceOrders(client, over_websocket=False, exchange=exchange)
    left: list[Order] | None = None
    failure: BinanceError | None = None
    try:
        async with asyncio.timeout(patience_s):
            while left is None or left:
                try:
                    await client.synchronise_clock(samples=1)
                    left = [
                        order
                        for symbol in symbols
                        for order in await orders.open_orders(symbol)
                        if is_ours(order.client_order_id)
                    ]
                    for order in left:
                        await cancel_one(orders, order)
                except BinanceError as error:
                    log.warning("canceling our orders: %s", error)
                    failure = error
                if left is None or left:
                    await asyncio.sleep(ROUND_PAUSE_S)
    except TimeoutError:
        log.error("our orders are not proven to be gone within %s s", patience_s)
    finally:
        await client.close_connection()
    if left is None and failure is not None:
        raise failure
    return left or []


async def cancel_one(orders: BinanceOrders, order: Order) -> None:
    """Cancels one order; what comes of it the next look will show."""
    try:
        await orders.cancel(order.symbol, order.client_order_id, order.exchange_order_id)
        log.info("canceled %s in %s", order.client_order_id, order.symbol)
    except BinanceError as error:
        log.warning("%s in %s: %s", order.client_order_id, order.symbol, error)
