"""A market stream: python-binance's reconnecting socket, over aiohttp's sockets and without a queue.

What differs from the class it derives from: frames go to a callback as they are read, so that nothing can overflow;
what was subscribed while running is subscribed again after a reconnect; a stream that is open and silent is noticed; a
frame that cannot be read does not end the stream; the first attempt to reconnect comes at once, and there is no last one.
A connection that must end is replaced without a gap: its successor has all its streams, and waits unread, before it goes.
Some frames then come twice, the second time in one piece and in their order: whoever reads them goes by their ids.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from random import Random
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from aiohttp import WSMsgType
from binance.ws.constants import WSListenerState
from binance.ws.reconnecting_websocket import ReconnectingWebsocket

from actors.binance.backoff import Backoff
from actors.binance.errors import UNREADABLE, NotSent
from actors.binance.transport import ConnectLimit, Socket, WebSocketTransport, end_reason

log = logging.getLogger(__name__)

STREAMS_IN_URL = 100
"""More than these are subscribed after connecting, to keep the URL short."""
STREAMS_PER_REQUEST = 100
REQUEST_PAUSE_S = 0.25
"""The venue takes five messages a second, pings among them (web-socket-streams.md, General information)."""
HELD_AFTER_S = 10.0
REPLACED = "replaced by a new connection"
COMBINED = b'{"stream"'
SHUTDOWN = b"serverShutdown"


class ControlFrame(msgspec.Struct):
    """Whatever a market connection says that is no data: replies to requests, errors, notices."""

    id: int | str | None = None
    code: int | None = None
    msg: str = ""
    error: msgspec.Raw = msgspec.Raw()
    stream: str | None = None
    e: str | None = None


class MarketStream(ReconnectingWebsocket):  # type: ignore[misc]  # python-binance is untyped
    """One connection to the market streams, kept for as long as `run` runs.

    `on_frame(frame)` gets every combined or raw data frame as bytes; a ValueError it raises is counted and logged, any
    other error ends `run`. `on_connected()` follows each connection, `on_lost(reason)` its end; neither is called when one
    connection replaces another without a gap. All are called in the reader, must not block, and may subscribe. Frames that
    come with one read are handled within `together`.

    `silence_limit_s` bounds the time without any data frame while something is subscribed; `ping_limit_s` the time
    without any sign of life, pongs among them. None for either means no bound. A connection is replaced after
    `lifetime_s`, and read for `overlap_s` more when its successor is there: what was sent to it before is on its way.
    """

    def __init__(
        self,
        url: str,
        random: Random,
        on_frame: Callable[[bytes], None],
        on_connected: Callable[[], None],
        on_lost: Callable[[str], None],
        *,
        together: AbstractContextManager[None] | None = None,
        streams: Iterable[str] = (),
        path: str = "",
        silence_limit_s: float | None = 60.0,
        ping_limit_s: float | None = 30.0,
        connect_timeout_s: float = 10.0,
        lifetime_s: float = 23 * 3600.0,
        overlap_s: float = 1.0,
        connects: ConnectLimit | None = None,
    ) -> None:
        super().__init__(url=url, path=path, prefix="")
        self.ws: Any = None
        self._handle_read_loop: Any = None
        self.on_frame = on_frame
        self.on_connected = on_connected
        self.on_lost = on_lost
        self.together = together
        self.silence_limit_s = silence_limit_s
        self.lifetime_s = lifetime_s
        self.overlap_s = overlap_s
        self.connections_opened = 0
        self.frames = 0
        self.unreadable_frames = 0
        self.refused: list[str] = []
        """What the venue answered to requests it refused, newest last."""
        self._wanted: dict[str, None] = dict.fromkeys(streams)
        self._live: set[str] = set()
        self._transport = WebSocketTransport(connect_timeout_s, ping_limit_s, connects)
        self._backoff = Backoff(random)
        self._ids = itertools.count(1)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._successor: asyncio.Task[tuple[Socket, set[str]]] | None = None
        self._is_told_connected = False
        self._sender: asyncio.Task[None] | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._drop_reason = ""
        self._is_closed = False
        self._decode_control = msgspec.json.Decoder(ControlFrame).decode

    @property
    def is_connected(self) -> bool:
        """Whether frames can arrive, as far as this side knows."""
        return self.ws is not None and self.ws.is_open

    @property
    def subscriptions(self) -> list[str]:
        """The names of all streams that are wanted, in the order they were asked for."""
        return list(self._wanted)

    def subscribe(self, streams: Iterable[str]) -> None:
        """Adds streams, now or at the next connection; what is there already is left alone."""
        for stream in streams:
            self._wanted[stream] = None
        self._send_soon()

    def unsubscribe(self, streams: Iterable[str]) -> None:
        """Takes streams away."""
        for stream in streams:
            self._wanted.pop(stream, None)
        self._send_soon()

    def renew(self) -> None:
        """Makes a new connection and lets the present one go, without a gap if it still lives."""
        if self._is_closed or self._successor is not None:
            return
        self._successor = self._hold(self._open_successor())
        self._successor.add_done_callback(self._drop_for_successor)

    async def run(self) -> None:
        """Connects, reads, and connects again, until `close`."""
        loop = asyncio.get_running_loop()
        try:
            while not self._is_closed:
                opened = await self._open_next()
                if opened is None:
                    continue
                opened_at_s = loop.time()
                reason = await self._use(*opened)
                if loop.time() - opened_at_s >= HELD_AFTER_S:
                    self._backoff.reset()
                elif self._successor is None and not self._is_closed:
                    await asyncio.sleep(self._backoff.next_delay_s())
                log.debug("a market stream ended: %s", reason)
        finally:
            await self.close()

    async def close(self) -> None:
        """Ends `run` and closes everything at once."""
        self._is_closed = True
        self.ws_state = WSListenerState.EXITING
        self._stop_timers()
        if self.ws is not None:
            self._drop_reason = self._drop_reason or "closed by us"
            await self.ws.close()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._transport.close()

    async def connect(self) -> None:
        """python-binance's way in (`async with`): runs in the background until `close`."""
        self._handle_read_loop = self._hold(self.run())

    async def __aexit__(self, *exception: object) -> None:
        await self.close()
        self._handle_read_loop = None

    async def _open_next(self) -> tuple[Socket, set[str]] | None:
        """The connection that was made ahead, or a new one; None after a failure, once its delay is over."""
        successor, self._successor = self._successor, None
        try:
            return await (successor if successor is not None else self._open())
        except NotSent as error:
            self.ws_state = WSListenerState.RECONNECTING
            log.warning("no connection to the market streams yet: %s", error)
            await asyncio.sleep(self._backoff.next_delay_s())
            return None

    async def _open(self) -> tuple[Socket, set[str]]:
        """A connected socket and the streams in its URL."""
        if self._path:
            return await self._transport.open(f"{self._url}{self._path}"), set(self._wanted)
        first = list(self._wanted)[:STREAMS_IN_URL]
        names = "/".join(quote(name, safe="@!_") for name in first)
        query = f"?streams={names}" if first else ""
        return await self._transport.open(f"{self._url}stream{query}"), set(first)

    @property
    def _is_succeeded(self) -> bool:
        """Whether a successor stands ready to go on without a gap."""
        successor = self._successor
        return (
            successor is not None
            and successor.done()
            and not successor.cancelled()
            and successor.exception() is None
        )

    async def _use(self, socket: Socket, live: set[str]) -> str:
        """One connection's life; returns why it ended."""
        loop = asyncio.get_running_loop()
        self.ws, self._live, self._drop_reason = socket, live, ""
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None
        self.ws_state = WSListenerState.STREAMING
        self.connections_opened += 1
        self._timers = [loop.call_later(self.lifetime_s, self.renew)]
        if self.silence_limit_s is not None:
            self._watch_silence(self.frames)
        reason = "reading stopped"
        try:
            if not self._is_told_connected:
                self._is_told_connected = True
                self.on_connected()
            self._send_soon()
            reason = await self._read(socket)
        finally:
            self._stop_timers()
            self._live = set()
            self.ws_state = WSListenerState.RECONNECTING
            self._hold(socket.close())
            if self._is_closed or not self._is_succeeded:
                self._is_told_connected = False
                self.on_lost(self._drop_reason or reason)
        return self._drop_reason or reason

    async def _read(self, socket: Socket) -> str:
        return end_reason(socket, await socket.read_frames(self._take, self.together))

    def _take(self, frame: bytes) -> None:
        """One frame; data go straight on."""
        is_data = frame.startswith(COMBINED) and not (len(frame) < 120 and SHUTDOWN in frame)
        if not is_data and self._take_control(frame):
            return
        self.frames += 1
        try:
            self.on_frame(frame)
        except UNREADABLE:
            self.unreadable_frames += 1
            log.exception("a market frame cannot be read: %r", frame[:400])

    def _take_control(self, frame: bytes) -> bool:
        """A frame that may be none of data; False if it is data after all."""
        try:
            control = self._decode_control(frame)
        except UNREADABLE:
            return False
        if control.e == SHUTDOWN.decode() or control.stream == "!serverShutdown":
            log.warning("the venue announced the end of a stream server; a new connection is made")
            self.renew()
            return True
        if len(control.error) or control.code is not None:
            self.refused.append(frame.decode(errors="replace"))
            log.error("the venue refused a request on a market stream: %r", frame[:400])
            return True
        return control.id is not None and control.stream is None and control.e is None

    async def _open_successor(self) -> tuple[Socket, set[str]]:
        """A connection with every stream that is wanted now."""
        socket, live = await self._open()
        if not self._path:
            await self._send_requests(socket, live)
        return socket, live

    def _drop_for_successor(self, successor: "asyncio.Task[tuple[Socket, set[str]]]") -> None:
        """The successor is there: the present connection is read a little longer. Without one it goes on serving."""
        if successor.cancelled() or not self._timers:
            return
        loop = asyncio.get_running_loop()
        self._timers[0].cancel()
        if successor.exception() is None:
            self._timers[0] = loop.call_later(self.overlap_s, self._drop, REPLACED)
        else:
            self._successor = None
            self._timers[0] = loop.call_later(self._backoff.next_delay_s(), self.renew)

    def _watch_silence(self, frames_before: int) -> None:
        """Called again and again: no data frame in two intervals of half the limit ends the connection."""
        limit_s = self.silence_limit_s
        if limit_s is None:
            return
        loop = asyncio.get_running_loop()

        def check(frames: int, silent_intervals: int) -> None:
            if self.frames != frames or not (self._live or self._path):
                silent_intervals = 0
            elif silent_intervals >= 1:
                self._drop(f"silent for {limit_s} s")
                return
            else:
                silent_intervals += 1
            arm(self.frames, silent_intervals)

        def arm(frames: int, silent_intervals: int) -> None:
            self._timers[1:] = [loop.call_later(limit_s / 2, check, frames, silent_intervals)]

        arm(frames_before, 0)

    def _stop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = []

    def _drop(self, reason: str) -> None:
        """Ends the present connection from our side; its reader sees it at once."""
        if self.ws is not None and not self._drop_reason:
            self._drop_reason = reason
            self._hold(self.ws.close())

    def _send_soon(self) -> None:
        """Starts telling the venue what is wanted, unless that is under way."""
        if self.ws is None or (self._sender is not None and not self._sender.done()):
            return
        if self.is_connected:
            self._sender = self._hold(self._send_requests(self.ws, self._live))

    async def _send_requests(self, socket: Socket, live: set[str]) -> None:
        """Brings what is live in line with what is wanted, in batches, at the pace that the venue allows."""
        while socket.is_open:
            missing = [stream for stream in self._wanted if stream not in live]
            surplus = sorted(live.difference(self._wanted))
            if not missing and not surplus:
                return
            method, batch = ("SUBSCRIBE", missing) if missing else ("UNSUBSCRIBE", surplus)
            batch = batch[:STREAMS_PER_REQUEST]
            request = {"method": method, "params": batch, "id": next(self._ids)}
            # Marked before the first await: what changes meanwhile is seen in the next round.
            if method == "SUBSCRIBE":
                live.update(batch)
            else:
                live.difference_update(batch)
            try:
                await socket.send_frame(msgspec.json.encode(request), WSMsgType.TEXT)
            except (aiohttp.ClientError, OSError, RuntimeError) as error:
                log.warning("a subscription was not sent, the connection is going: %s", error)
                return
            await asyncio.sleep(REQUEST_PAUSE_S)

    def _hold(self, coroutine: Any) -> "asyncio.Task[Any]":
        task: asyncio.Task[Any] = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
