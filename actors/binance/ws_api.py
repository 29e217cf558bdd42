"""python-binance's WebSocket API client with its failure paths made right, over aiohttp's sockets.

What differs from the class it derives from:

- a request in flight fails at once when its connection is lost (`OutcomeUnknown`), and one that could not be sent says so
  (`NotSent`); there is one connection, however many requests ask for it;
- the user stream is subscribed again after every reconnect, and its owner is told of loss and return;
- `serverShutdown`, and the age at which the venue cuts every connection, lead to a new connection before the old one goes;
- requests are stamped and signed when they are sent, over raw UTF-8 in sorted order, not when they were asked for;
- `close` takes no ten seconds.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import msgspec
from binance.ws.constants import WSListenerState
from binance.ws.websocket_api import WebsocketAPI

from actors.binance.backoff import Backoff
from actors.binance.errors import (
    TOO_MANY_ORDERS,
    UNREADABLE,
    BinanceError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
)
from actors.binance.limits import RateUsage
from actors.binance.signing import RequestSigner, websocket_parameters
from actors.binance.transport import ConnectLimit, WebSocketTransport
from actors.binance.wire_events import SERVER_SHUTDOWN, STREAM_TERMINATED, find_notice
from actors.binance.ws_connection import ApiConnection, ApiFrame, FrameCounts, ignore, refusal_of

log = logging.getLogger(__name__)

ALREADY_SUBSCRIBED = -2035
SUBSCRIBE = "userDataStream.subscribe.signature"
LONGEST_WAIT_S = 1.0  # a request waits this long for the next attempt to connect, or fails at once


class BinanceWebsocketAPI(WebsocketAPI):  # type: ignore[misc]  # python-binance is untyped
    """Requests and the user stream over the WebSocket API; connects when first asked to.

    Owners set the callbacks: `on_connected` when the user stream is live (first and again), `on_lost(reason)` when it is
    no longer, `on_shutdown` when the venue announced the end of a server, `on_key_refused(error)` when it said without
    being asked that the key is no longer good. All are called within the reader and must not block.
    """

    def __init__(
        self,
        url: str,
        signing: RequestSigner,
        random: Random,
        *,
        usage: RateUsage | None = None,
        timeout_s: float = 10.0,
        connect_timeout_s: float = 10.0,
        silence_limit_s: float | None = 30.0,
        lifetime_s: float = 23 * 3600.0,
        settled_after_s: float = 10.0,
        connects: ConnectLimit | None = None,
    ) -> None:
        super().__init__(url=url)
        self.ws: Any = None
        self.signing = signing
        self.usage = usage if usage is not None else RateUsage()
        self.timeout_s = timeout_s
        self.lifetime_s = lifetime_s
        self.settled_after_s = settled_after_s
        self.on_connected: Callable[[], None] = ignore
        self.on_lost: Callable[[str], None] = ignore
        self.on_shutdown: Callable[[], None] = ignore
        self.on_key_refused: Callable[[BinanceError], None] = ignore
        self.counts, self.connections_opened = FrameCounts(), 0
        self._transport = WebSocketTransport(connect_timeout_s, silence_limit_s, connects)
        self._backoff, self._stream_backoff = Backoff(random), Backoff(random)
        self._retry_at_s = 0.0
        self._ids = itertools.count(1)
        self._connection: ApiConnection | None = None
        self._opening: asyncio.Task[ApiConnection] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._on_event: Callable[[bytes], None] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._subscribed_on: ApiConnection | None = None
        self._stream_end: asyncio.Future[str] | None = None
        self._renewal: asyncio.TimerHandle | None = None
        self._replacement: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def is_connected(self) -> bool:
        """Whether a request would find an open connection."""
        return self._connection is not None and self._connection.is_open

    @property
    def is_user_stream_live(self) -> bool:
        """Whether events of the account arrive, as far as this side knows."""
        return self._subscribed_on is not None and self._subscribed_on.is_open

    async def request(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        signed: bool = True,
        timeout_s: float | None = None,
        send_before_ns: int = 0,
        over: ApiConnection | None = None,
    ) -> bytes:
        """Sends one request, `over` this connection or the present one, and returns the JSON of its `result`.

        Decimals and floats are written as text, `None` is left out. `send_before_ns` (our clock; 0 for no limit) is
        checked when it would really leave: waiting for a connection never makes a stale order. Raises a `BinanceError`.
        """
        connection = over or self._connection
        if connection is None or not connection.is_open:
            connection = over or await self._ensure_ws_connection()
            connection.require_open()
        if send_before_ns and self.signing.now_ns() > send_before_ns:
            raise NotSent("too late: it was to be sent earlier")
        venue_time_ns = self.signing.venue_time_ns()
        if self.usage.retry_at_ns > venue_time_ns:
            raise RateLimited(self.usage.retry_at_ns, self.usage.is_banned, message="not sent")
        params = params or {}
        request_id = next(self._ids)
        body = {
            "id": request_id,
            "method": method,
            "params": self.signing.sign_request(params, venue_time_ns)
            if signed
            else websocket_parameters(params),
        }
        reply = await connection.exchange(
            request_id,
            msgspec.json.encode(body),
            self.timeout_s if timeout_s is None else timeout_s,
        )
        now_ns = self.signing.venue_time_ns()
        self.usage.observe_limits(reply.rate_limits or (), now_ns)
        if reply.status == 200:
            return bytes(reply.result)
        raise self._refusal_of(reply, now_ns)

    async def subscribe_user_stream(self, on_event: Callable[[bytes], None]) -> None:
        """Hands every event of the account (without its envelope) to `on_event`, for as long as this object is open.

        Returns when the stream is live for the first time, however long that takes. From then on it is kept: after a
        loss it is opened again with a back-off. Events may come doubled when a connection is replaced, and what happened
        between `on_lost` and the next `on_connected` must be asked for. `on_event` may raise ValueError for an event
        it cannot read: it is logged and reading goes on.

        Raises RequestRefused if the venue refuses the subscription.
        """
        if self._keeper is not None:
            raise RuntimeError("the user stream of this connection has been subscribed already")
        self._on_event = on_event
        connection = None
        while connection is None:
            try:
                connection = await self._subscribe()
            except (NotSent, RateLimited, OutcomeUnknown) as error:
                log.warning("the user stream cannot be opened yet: %s", error)
                await asyncio.sleep(self._pause_s())
        self._keeper = self._hold(self._keep_user_stream())

    async def connect(self, *, at_once: bool = True) -> None:
        """Connects before the first request, at once or when the back-off allows it. Raises NotSent if that fails."""
        self._retry_at_s = 0.0 if at_once else self._retry_at_s
        await self._ensure_ws_connection()

    async def verify(self, timeout_s: float) -> bool:
        """Asks whether the connection still lives, and ends one that does not answer in time; False if there is none."""
        connection = self._connection
        if connection is None or not connection.is_open:
            return False
        if await connection.ping(next(self._ids), timeout_s):
            return True
        await connection.close("no answer to a ping")
        return False

    async def close(self) -> None:
        """Closes everything at once; requests in flight fail with OutcomeUnknown."""
        self._is_closed = True
        self.ws_state = WSListenerState.EXITING
        if self._renewal is not None:
            self._renewal.cancel()
        if self._connection is not None:
            await self._connection.close("closed by us")
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._transport.close()
        self._connection = None
        self.ws = None

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def _ensure_ws_connection(self) -> ApiConnection:
        """The open connection; all who need one while there is none share one attempt."""
        if self._is_closed:
            raise NotSent("the client is closed")
        if self._connection is not None and self._connection.is_open:
            return self._connection
        return await self._connect_once()

    async def _connect_once(self) -> ApiConnection:
        """Joins the attempt to connect that is under way, or begins one. Raises NotSent."""
        if self._opening is None:
            wait_s = self._retry_at_s - asyncio.get_running_loop().time()
            if wait_s > LONGEST_WAIT_S:
                raise NotSent(f"not connected; the next attempt is in {wait_s:.2f} s")
            self._opening = self._hold(self._open(wait_s))
            self._opening.add_done_callback(self._opening_done)
        # Shielded: one caller that gives up must not take the attempt away from the others.
        return await asyncio.shield(self._opening)

    def _opening_done(self, task: "asyncio.Task[ApiConnection]") -> None:
        self._opening = None
        task.cancelled() or task.exception()

    async def _open(self, wait_s: float) -> ApiConnection:
        """One attempt to connect; a failure makes the next attempts wait."""
        loop = asyncio.get_running_loop()
        self.ws_state = WSListenerState.RECONNECTING
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        try:
            socket = await self._transport.open(self._url)
        except NotSent:
            self._retry_at_s = loop.time() + self._backoff.next_delay_s()
            raise
        connection = ApiConnection(socket, self.counts, self._take)
        self.connections_opened += 1
        self._connection = connection
        self.ws = socket
        self.ws_state = WSListenerState.STREAMING
        self._hold(self._read(connection))
        if self._renewal is not None:
            self._renewal.cancel()
        self._renewal = loop.call_later(self.lifetime_s, self._replace_soon)
        return connection

    async def _read(self, connection: ApiConnection) -> None:
        loop = asyncio.get_running_loop()
        opened_at_s = loop.time()
        try:
            await connection.read()
        finally:
            if loop.time() - opened_at_s >= self.settled_after_s:
                self._backoff.reset()
            else:
                self._retry_at_s = loop.time() + self._backoff.next_delay_s()
            if self._connection is connection:
                self._connection = None
                self.ws = None
                if not self._is_closed:
                    self.ws_state = WSListenerState.RECONNECTING
            if self._subscribed_on is connection:
                self._end_user_stream(connection.last_words)
            for queue in self._subscription_queues.values():
                queue.put_nowait(
                    {"e": "error", "type": "BinanceWebsocketClosed", "m": connection.last_words}
                )
            await connection.socket.close()

    def _refusal_of(self, reply: ApiFrame, venue_time_ns: int) -> BinanceError:
        """The typed error of a reply; an exceeded limit is remembered."""
        error = refusal_of(reply, venue_time_ns)
        if isinstance(error, RateLimited) and error.code != TOO_MANY_ORDERS:
            self.usage.observe_refusal(error.retry_at_ns, error.is_ban)
        return error

    async def _subscribe(self, connection: ApiConnection | None = None) -> ApiConnection:
        """Subscribes the user stream on a connection (the present one by default). Raises as `request` does."""
        if connection is None:
            connection = await self._ensure_ws_connection()
        connection.stream_end = ""
        try:
            await self.request(SUBSCRIBE, over=connection)
        except RequestRefused as error:
            if error.code != ALREADY_SUBSCRIBED:
                raise
        is_first = self._subscribed_on is None
        self._subscribed_on = connection
        if is_first:
            self._stream_end = asyncio.get_running_loop().create_future()
            self.on_connected()
        if end := connection.last_words or connection.stream_end:
            self._end_user_stream(end)
        return connection

    async def _keep_user_stream(self) -> None:
        """Subscribes again whenever the stream has ended, after growing delays if it does not last."""
        loop = asyncio.get_running_loop()
        while self._stream_end is not None:
            begun_at_s = loop.time()
            self.on_lost(await self._stream_end)
            if loop.time() - begun_at_s >= self.settled_after_s:
                self._stream_backoff.reset()
            else:
                await asyncio.sleep(self._stream_backoff.next_delay_s())
            while self._subscribed_on is None:
                try:
                    await self._subscribe()
                    break  # whether it holds the next round will see
                except BinanceError as error:
                    log.warning("the user stream is lost and cannot be opened yet: %s", error)
                    await asyncio.sleep(self._pause_s())

    def _end_user_stream(self, reason: str) -> None:
        self._subscribed_on = None
        if self._stream_end is not None and not self._stream_end.done():
            self._stream_end.set_result(reason)

    def _take(self, connection: ApiConnection, frame: ApiFrame) -> None:
        """A frame that answers no request."""
        event = bytes(frame.event)
        if not event:
            self._take_notice(frame)
            return
        notice = find_notice(event)
        if notice == SERVER_SHUTDOWN:
            log.warning("the venue announced the end of this server; a new connection is made")
            self.on_shutdown()
            self._replace_soon()
            return
        if notice == STREAM_TERMINATED:
            connection.stream_end = "the venue ended the event stream"
            if self._subscribed_on is connection:
                self._end_user_stream(connection.stream_end)
            return
        queue = self._subscription_queues.get(frame.subscription_id)
        if queue is not None:
            queue.put_nowait(msgspec.json.decode(event))
        elif self._on_event is not None:
            try:
                self._on_event(event)
            except UNREADABLE:
                log.exception("an event of the user stream cannot be read: %r", event[:400])
        else:
            self.counts.unrouted_events += 1

    def _take_notice(self, frame: ApiFrame) -> None:
        """An error without an id: the venue says that the key is no longer good (web-socket-api.md, 401)."""
        error = self._refusal_of(frame, self.signing.venue_time_ns())
        log.error("the venue sent an error that answers no request: %s", error)
        self.on_key_refused(error)

    def _replace_soon(self) -> None:
        is_replacing = self._replacement is not None and not self._replacement.done()
        if not self._is_closed and self._connection is not None and not is_replacing:
            self._replacement = self._hold(self._replace(self._connection))

    async def _replace(self, old: ApiConnection) -> None:
        """A new connection first, with its user stream; then the old one, once its replies are in.

        Tried again and again for as long as the old one lives.
        """
        while old.is_open and not self._is_closed:
            try:
                new = self._connection
                if new is None or new is old or not new.is_open:
                    new = await self._connect_once()
                if self._subscribed_on is old:
                    await self._subscribe(new)
                    await self._flush(old)
                await old.drain(self.timeout_s)
                await old.close("replaced by a new connection")
            except BinanceError as error:
                log.warning("no new connection yet, the old one still serves: %s", error)
                await asyncio.sleep(self._pause_s())

    async def _flush(self, old: ApiConnection) -> None:
        """Waits until the old connection has told whatever happened before the new subscription.

        The answer to a ping comes after all that; if there is none, something may be missing, and the owner is told.
        """
        if not await old.ping(next(self._ids), self.timeout_s):
            self.on_lost("the old connection did not tell all it had")
            self.on_connected()

    def _pause_s(self) -> float:
        """How long to wait after a failed attempt."""
        wait_s = self._retry_at_s - asyncio.get_running_loop().time()
        return wait_s if wait_s > 0 else self._backoff.next_delay_s()

    def _hold(self, coroutine: Any) -> "asyncio.Task[Any]":
        """Starts a task and keeps it; an error that ends it is the loop's to report."""
        task: asyncio.Task[Any] = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
