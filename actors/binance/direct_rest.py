"""Requests by REST without a session between them and the connection: for orders, which should leave at once.

aiohttp's session makes a request, its headers, timers and, before Python 3.12, a task that writes; only then is anything on
the wire. Here connections are open before an order comes, and the head of its request is written down: the request is one
write, and nothing is waited for until it has left. aiohttp's connector still makes and owns the connections, checks
certificates, and its parser reads the answers.

A request that may have been written is never sent again, and a connection whose answer did not come whole is closed: what
comes late cannot be taken for the answer to another request.
"""

import asyncio
import logging
from collections.abc import Mapping
from itertools import starmap
from random import Random

import aiohttp
import msgspec
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDictProxy
from yarl import URL

from actors.binance.backoff import Backoff
from actors.runtime.failpoints import ARMED

IDLE_LIMIT_S = 15.0
"""aiohttp's own rule: whatever stands between may have forgotten a connection that was idle for longer."""
SEEN_READY = 0.9
"""Of that limit: an older one is not called ready any more."""
RENEW_AFTER_S = 10.0
SPARES = 2
"""Connections kept open ahead: a second order finds one while the first is answered, or while the other is renewed."""
MOST = 8
"""Connections of one client; more requests at a time go through the session."""
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"

log = logging.getLogger(__name__)


class Answer(msgspec.Struct, frozen=True):
    """An answer that came whole, whatever it says."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class RestLine:
    """A connection that is kept alive and carries one request at a time."""

    def __init__(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        protocol = connection.protocol
        if protocol is None or protocol.transport is None:
            raise aiohttp.ClientConnectionError("the connection ended as soon as it was made")
        self.protocol: ResponseHandler = protocol
        self.used_at_s = loop.time()
        self._connection = connection
        self._loop = loop
        # uvloop keeps what is written until all else of this turn of the loop is done, unless it exceeds the high water.
        protocol.transport.set_write_buffer_limits(high=0)
        self._forget_parser()

    @property
    def is_usable(self) -> bool:
        """Whether it can carry a request, as far as this side knows."""
        protocol = self.protocol
        transport = protocol.transport
        # The protocol says of anything that has come unasked for that it should be closed.
        return transport is not None and not transport.is_closing() and not protocol.should_close

    async def exchange(self, request: bytes, timeout_s: float) -> Answer:
        """Writes a whole request before the first wait, which needs no task, and reads the whole answer.

        Raises TimeoutError, ClientError or OSError without one; the connection is closed then, and when it is left.
        """
        protocol = self.protocol
        assert protocol.transport is not None
        expiry: asyncio.TimerHandle | None = None
        try:
            protocol.transport.write(request)
            protocol.set_response_params(read_until_eof=True)
            if ARMED is not None:
                method, uri, _ = request.decode().split(" ", 2)
                ARMED.reach("rest.written", (place_of(method, uri),))
            # No `asyncio.timeout`: it asks for the current task, and an order is written before it has one.
            expiry = self._loop.call_later(timeout_s, expire, protocol)
            message, payload = await protocol.read()
            while 100 <= message.code < 200 and message.code != 101:
                message, payload = await protocol.read()
            body = await payload.read()
        except HttpProcessingError as error:
            self.abort()
            raise aiohttp.ClientPayloadError(f"the answer is no HTTP: {error}") from error
        except RuntimeError as error:
            # uvloop raises it for a write to a transport that has just been closed.
            self.abort()
            raise aiohttp.ClientOSError(f"the connection broke while sending: {error}") from error
        except BaseException:
            self.abort()
            raise
        finally:
            if expiry is not None:
                expiry.cancel()
        self.used_at_s = self._loop.time()
        self._forget_parser()
        return Answer(message.code, message.headers, body)

    def close(self) -> None:
        """Ends it; it carries no request now."""
        self._connection.close()

    def abort(self) -> None:
        """Ends it at once: what is written and has not left will not leave any more."""
        self.protocol.abort()
        self._connection.close()

    def _forget_parser(self) -> None:
        # Without a parser the protocol keeps what comes unasked for.
        self.protocol._parser = self.protocol._payload = None


def expire(protocol: ResponseHandler) -> None:
    """The time for an answer is over."""
    error = TimeoutError()
    payload = protocol._payload
    protocol.set_exception(error)
    if payload is not None and not payload.is_eof():
        payload.set_exception(error)


class DirectRest:
    """The connections to the host of `base` that are open ahead of requests; `headers` are sent with each of them.

    Raises ValueError for a header that cannot be sent. `random` spreads attempts to connect. A connection that was idle
    for more than `idle_limit_s` carries no request; one that was for `renew_after_s` is asked whether it lives.
    """

    def __init__(
        self,
        connector: aiohttp.BaseConnector,
        base: str,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        random: Random,
        *,
        idle_limit_s: float = IDLE_LIMIT_S,
        renew_after_s: float = RENEW_AFTER_S,
    ) -> None:
        self.base = base
        self.idle_limit_s = idle_limit_s
        self.renew_after_s = renew_after_s
        self._loop = asyncio.get_running_loop()
        self._connector = connector
        # What the connector asks for, and the head of every request with what aiohttp adds; answers are small, and not
        # worth compressing.
        self._destination = aiohttp.ClientRequest(
            "GET",
            URL(base, encoded=True),
            headers=headers,
            skip_auto_headers=("Accept-Encoding",),
            loop=self._loop,
        )
        self._path = self._destination.url.raw_path.rstrip("/")
        self._head = "".join(starmap(header_line, self._destination.headers.items()))
        self._timeout = aiohttp.ClientTimeout(
            connect=connect_timeout_s, sock_connect=connect_timeout_s
        )
        self._backoff = Backoff(random)
        self._retry_at_s = 0.0
        self._ready: list[RestLine] = []
        """The one that was used last is used next: it is the least likely to have been forgotten."""
        self._busy = 0
        self._missed = 0
        """Requests that found none since connections were opened last."""
        self._is_closed = False
        self.sent = 0
        """Requests that went this way, pings included."""
        self.pings = 0
        """Of them those that only asked whether a connection lives."""

    @property
    def is_ready(self) -> bool:
        """Whether a request would find a connection now."""
        ready = self._ready
        # Whoever has seen one must find it: time goes on meanwhile.
        limit_s = self.idle_limit_s * SEEN_READY
        while ready:
            line = ready[-1]
            if line.is_usable and self._loop.time() - line.used_at_s < limit_s:
                return True
            ready.pop().close()
        return False

    async def request(
        self, method: str, uri: str, body: bytes | None, timeout_s: float
    ) -> Answer | None:
        """Sends a request over a connection that is open, before the first wait; None, and nothing sent, without one.

        `uri` is of the host, `method` in capitals, `body` a form. Raises as `RestLine.exchange` does.
        """
        if not (uri.startswith(self.base) and uri.isprintable()):
            return None
        line = self._take()
        if line is None:
            self._missed += 1
            return None
        return await self._exchange(line, method, uri, body, timeout_s)

    async def keep(self, ping_uri: str, timeout_s: float) -> list[Answer]:
        """Renews and opens connections, so that requests find one; to be called every second or so. Raises nothing.

        One that is idle is asked by a ping, whose answer shows that it lives: the cheapest of requests, where a new
        connection would cost the venue a handshake and show less. A new one is asked as well before it counts. Returns
        the answers, for what they say of limits.
        """
        answers: list[Answer] = []
        if self._loop.time() < self._retry_at_s:
            return answers
        try:
            for line in self._pick_stale():
                if line in self._ready:
                    self._ready.remove(line)
                    answers.append(await self._ping(line, ping_uri, timeout_s))
            for _ in range(self._count_wanted()):
                line = await self._open()
                answers.append(await self._ping(line, ping_uri, timeout_s))
                if not line.is_usable:
                    raise aiohttp.ClientConnectionError("the venue closes after each answer")
        except (aiohttp.ClientError, OSError) as error:
            log.info("no connection is kept ahead of orders: %s: %s", type(error).__name__, error)
            self._retry_at_s = self._loop.time() + self._backoff.next_delay_s()
        else:
            self._backoff.reset()
        return answers

    def let_go(self) -> None:
        """Closes what is idle: no orders are to come by REST."""
        while self._ready:
            self._ready.pop().close()

    def close(self) -> None:
        """Closes what is idle, for good; what carries a request ends with it, or with the connector."""
        self._is_closed = True
        self.let_go()

    def _take(self) -> RestLine | None:
        while self._ready:
            line = self._ready.pop()
            if line.is_usable and self._loop.time() - line.used_at_s < self.idle_limit_s:
                return line
            line.close()
        return None

    def _pick_stale(self) -> list[RestLine]:
        """Those to be renewed; of those that have long been idle the surplus is closed."""
        due_s = self._loop.time() - self.renew_after_s
        self._ready, lines = [], self._ready
        stale: list[RestLine] = []
        surplus = len(lines) + self._busy - SPARES
        for line in lines:
            is_stale = line.used_at_s <= due_s
            if not line.is_usable or (is_stale and surplus > 0):
                line.close()
                surplus -= 1
                continue
            self._ready.append(line)
            if is_stale:
                stale.append(line)
        return stale

    def _count_wanted(self) -> int:
        """How many more should be open: the spares, and one for each request that found none."""
        missed, self._missed = self._missed, 0
        present = len(self._ready) + self._busy
        return 0 if self._is_closed else max(SPARES - present, min(missed, MOST - present))

    async def _open(self) -> RestLine:
        connection = await self._connector.connect(self._destination, [], self._timeout)
        try:
            return RestLine(connection, self._loop)
        except BaseException:
            connection.close()
            raise

    async def _ping(self, line: RestLine, ping_uri: str, timeout_s: float) -> Answer:
        self.pings += 1
        return await self._exchange(line, "GET", ping_uri, None, timeout_s)

    async def _exchange(
        self, line: RestLine, method: str, uri: str, body: bytes | None, timeout_s: float
    ) -> Answer:
        start = f"{method} {self._path}{uri.removeprefix(self.base)} HTTP/1.1\r\n{self._head}"
        if body is None:
            request = f"{start}\r\n".encode()
        else:
            request = f"{start}{FORM}Content-Length: {len(body)}\r\n\r\n".encode() + body
        self._busy += 1
        self.sent += 1
        try:
            answer = await line.exchange(request, timeout_s)
        finally:
            self._busy -= 1
        if line.is_usable and not self._is_closed:
            self._ready.append(line)
        else:
            line.close()
        return answer


def place_of(method: str, uri: str) -> str:
    """What a failpoint calls a request, such as `POST.order`."""
    return f"{method.upper()}.{uri.partition('?')[0].rpartition('/v3/')[2]}"


def header_line(name: str, value: str) -> str:
    """A header as it stands in a request. Raises ValueError for one that would be more than that."""
    if not (name + value).isprintable():
        raise ValueError(f"the header {name} has a character that no header has")
    return f"{name}: {value}\r\n"
