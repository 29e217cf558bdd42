"""One connection to the WebSocket API: requests out, replies matched by id, everything else handed on.

No frame can end its reader: a reply that nobody waits for any more, an error without an id and a frame that is no JSON
are counted, and reading goes on (stock python-binance stops reading at each of these, with the socket still open).
"""

import asyncio
import logging
from collections.abc import Callable

import aiohttp
import msgspec

from actors.binance.errors import (
    UNREADABLE,
    BinanceError,
    NotSent,
    OutcomeUnknown,
    classify_reply,
)
from actors.binance.transport import Socket, end_reason
from actors.binance.wire_info import RateLimit
from actors.runtime.failpoints import ARMED

log = logging.getLogger(__name__)


class ApiFrame(
    msgspec.Struct, rename={"rate_limits": "rateLimits", "subscription_id": "subscriptionId"}
):
    """Any frame of the WebSocket API: a reply has an id, an event has none (web-socket-api.md, Response format).

    `error` is left raw: whatever form it has, its request is answered.
    """

    id: int | str | None = None
    status: int = 0
    result: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    rate_limits: list[RateLimit] | None = None
    subscription_id: int | None = None
    event: msgspec.Raw = msgspec.Raw()


class BareFrame(msgspec.Struct, rename={"subscription_id": "subscriptionId"}):
    """A frame without what is said beside its answer, which is wanted whatever form that may have.

    A `status` that is no number becomes 0: such an answer proves nothing.
    """

    id: int | str | None = None
    status: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    subscription_id: int | None = None
    event: msgspec.Raw = msgspec.Raw()

    def to_frame(self) -> ApiFrame:
        """The same as a frame that names no limits."""
        try:
            status = _decode_status(self.status)
        except ValueError:
            status = 0
        return ApiFrame(
            self.id, status, self.result, self.error, None, self.subscription_id, self.event
        )


_decode_status = msgspec.json.Decoder(int).decode
_decode_bare = msgspec.json.Decoder(BareFrame).decode


def refusal_of(reply: ApiFrame, venue_time_ns: int) -> BinanceError:
    """The typed error of a reply other than 200."""
    if bytes(reply.error) in (b"", b"null"):
        return OutcomeUnknown(f"the reply has status {reply.status} and neither result nor error")
    return classify_reply(reply.status, reply.error, venue_time_ns)


class FrameCounts(msgspec.Struct):
    """What went by without being of use, over all connections of one client."""

    late_replies: int = 0
    unreadable_frames: int = 0
    unrouted_events: int = 0


class ApiConnection:
    """A connected socket, its waiting requests and its reader.

    `on_frame` gets every frame that answers no request: events, and errors without an id. `last_words` is why the
    connection ended, empty while it lives; `stream_end` why its event stream did, which may be told in one breath with the
    answer that it has begun.
    """

    def __init__(
        self,
        socket: Socket,
        counts: FrameCounts,
        on_frame: Callable[["ApiConnection", ApiFrame], None],
    ) -> None:
        self.socket = socket
        self.last_words = self.stream_end = ""
        self._counts = counts
        self._on_frame = on_frame
        self._waiting: dict[int, asyncio.Future[ApiFrame | str]] = {}
        self._decode = msgspec.json.Decoder(ApiFrame).decode

    @property
    def is_open(self) -> bool:
        """Whether a request may be sent over it."""
        socket = self.socket
        # As the socket's own `is_open` says it, asked for every order, and more than once.
        return not (self.last_words or socket._closed or socket._writer.transport.is_closing())

    def require_open(self) -> None:
        """Raises NotSent if no request may be sent over it."""
        if not self.is_open:
            raise NotSent(f"the connection is closed ({self.last_words or 'by the peer'})")

    async def exchange(self, request_id: int, frame: bytes, timeout_s: float) -> ApiFrame:
        """Sends one request over the connection, which is open now, and waits for its reply, whatever its status.

        Raises OutcomeUnknown if the connection breaks or stays silent.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[ApiFrame | str] = loop.create_future()
        self._waiting[request_id] = future
        expiry: asyncio.TimerHandle | None = None
        try:
            self.socket.write_text(frame)
            if ARMED is not None:
                ARMED.reach("socket.written", (msgspec.json.decode(frame)["method"],))
            # No `asyncio.timeout`: it asks for the current task, and an order is written before it has one.
            expiry = loop.call_later(timeout_s, expire, future)
            reply = await future
        except TimeoutError as error:
            raise OutcomeUnknown(f"no answer within {timeout_s} s") from error
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            # uvloop raises RuntimeError for a write to a transport that has just been closed.
            raise OutcomeUnknown(f"the connection broke while sending: {error}") from error
        finally:
            self._waiting.pop(request_id, None)
            if expiry is not None:
                expiry.cancel()
        if isinstance(reply, str):
            raise OutcomeUnknown(f"the connection was lost with the request in flight: {reply}")
        return reply

    async def ping(self, request_id: int, timeout_s: float) -> bool:
        """Whether an answer comes in time, whatever it says; all that the venue said before has been read by then."""
        frame = msgspec.json.encode({"id": request_id, "method": "ping", "params": {}})
        try:
            self.require_open()
            await self.exchange(request_id, frame, timeout_s)
        except (NotSent, OutcomeUnknown):
            return False
        return True

    async def read(self) -> None:
        """Reads until the connection ends, then fails every request in flight at once."""
        reason = "reading stopped"
        try:
            reason = end_reason(self.socket, await self.socket.read_frames(self.take))
        finally:
            self.end(reason)

    def take(self, data: bytes) -> None:
        """One frame."""
        try:
            try:
                frame = self._decode(data)
            except msgspec.ValidationError:
                frame = _decode_bare(data).to_frame()
        except UNREADABLE as error:
            self._counts.unreadable_frames += 1
            log.error("a frame of the WebSocket API cannot be read (%s): %r", error, data[:200])
            return
        if isinstance(frame.id, int) and (future := self._waiting.pop(frame.id, None)) is not None:
            if not future.done():
                future.set_result(frame)
        elif len(frame.event) or frame.id is None:
            self._on_frame(self, frame)
        else:
            self._counts.late_replies += 1
            log.warning(
                "a reply came that nobody waits for: id %s, status %s", frame.id, frame.status
            )

    def end(self, reason: str) -> None:
        """Marks the connection as gone and tells every waiting request; again has no effect."""
        if self.last_words:
            return
        self.last_words = reason
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_result(reason)

    async def drain(self, timeout_s: float) -> None:
        """Waits until every request in flight has its reply, at most `timeout_s`."""
        if self._waiting:
            await asyncio.wait(list(self._waiting.values()), timeout=timeout_s)

    async def close(self, reason: str) -> None:
        """Ends it from our side, at once."""
        self.end(reason)
        await self.socket.close()


def expire(future: "asyncio.Future[ApiFrame | str]") -> None:
    """The time for an answer is over."""
    if not future.done():
        future.set_exception(TimeoutError())


def ignore(*arguments: object) -> None:
    """The callback of an owner who does not care."""
