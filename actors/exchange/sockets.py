"""WebSocket connections that can be written to without awaiting.

A frame goes straight to the transport, in the loop turn in which it came about: a task wake-up for every frame would
halve the number of frames a second. aiohttp makes the handshake and reads; what it writes by itself (close frames)
are whole frames on the same transport, so the two never mix inside a frame.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

TEXT_OPCODE = 0x81
CLOSE_OPCODE = 0x88
PING_OPCODE = 0x89
PONG_OPCODE = 0x8A
LARGEST_MESSAGE = 1 << 20
LARGEST_BUFFER = 8 << 20
PING_INTERVAL_SECONDS = 20.0
SILENCE_SECONDS = 60.0
LIFETIME_SECONDS = 86_400.0
GOING_AWAY = 1001
POLL_SECONDS = 0.1


def frame_head(opcode: int, length: int) -> bytes:
    """The head of an unmasked, final frame (RFC 6455, 5.2)."""
    if length < 126:
        return bytes((opcode, length))
    if length < 65536:
        return bytes((opcode, 126)) + length.to_bytes(2, "big")
    return bytes((opcode, 127)) + length.to_bytes(8, "big")


def text_frame(payload: bytes) -> bytes:
    """A whole frame around JSON text."""
    return frame_head(TEXT_OPCODE, len(payload)) + payload


def drop(transport: asyncio.Transport | None, reset: bool) -> None:
    """Ends a TCP connection on the spot, whatever is still to be sent; by a reset if so asked."""
    if transport is None or transport.is_closing():
        return
    raw = transport.get_extra_info("socket") if reset else None
    if raw is not None:
        # Lingering for no time at all makes the system send a reset.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


@dataclass(slots=True, kw_only=True)
class SocketHabits:
    """What may be changed while sockets are open; a new lifetime is that of new connections.

    `pings` carry the `time` or are `empty`; `pongs` `echo` the ping, are `empty`, or do not come at all (`none`).
    """

    lifetime_seconds: float = LIFETIME_SECONDS
    pings: str = "time"
    pongs: str = "echo"


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketSettings:
    """What all sockets of one exchange share. `clock` gives microseconds since the epoch.

    A client is pinged every `ping_interval_seconds`, dropped after `silence_seconds` without any sign of life, and
    dropped when more than `largest_buffer` bytes wait for it.
    """

    clock: Callable[[], int]
    largest_buffer: int = LARGEST_BUFFER
    ping_interval_seconds: float = PING_INTERVAL_SECONDS
    silence_seconds: float = SILENCE_SECONDS
    habits: SocketHabits = field(default_factory=SocketHabits)


class Connection:
    """One client's socket: bounded in what it buffers, pinged, and dead when it stays silent."""

    def __init__(self, request: web.Request, settings: SocketSettings) -> None:
        self.request = request
        self.settings = settings
        self.is_open = False
        self.is_frozen = False
        """Whether it only looks open: nothing goes out, and what comes in is lost."""
        self.transport: asyncio.Transport | None = None
        self.socket = web.WebSocketResponse(
            autoping=False,
            autoclose=False,
            compress=False,
            max_msg_size=LARGEST_MESSAGE,
            decode_text=False,
        )
        self.last_sign_of_life = 0.0
        self.timer: asyncio.TimerHandle | None = None

    async def run(self, receive: Callable[[bytes], None]) -> web.WebSocketResponse[Any]:
        """Serves the socket until it ends; `receive` gets each message that is no ping and no pong."""
        await self.socket.prepare(self.request)
        transport = self.request.transport
        if transport is None:
            return self.socket
        self.transport = transport
        self.is_open = True
        loop = asyncio.get_running_loop()
        self.last_sign_of_life = loop.time()
        self.timer = loop.call_later(self.settings.ping_interval_seconds, self.ping)
        lifetime = self.settings.habits.lifetime_seconds
        end = loop.call_later(lifetime, self.hang_up, GOING_AWAY)
        try:
            self.opened()
            await self.read(loop, receive)
        finally:
            self.is_open = False
            self.timer.cancel()
            end.cancel()
            self.closed()
        return self.socket

    async def read(self, loop: asyncio.AbstractEventLoop, receive: Callable[[bytes], None]) -> None:
        """Reads until the client leaves or is dropped."""
        while self.is_open:
            message = await self.socket.receive()
            self.last_sign_of_life = loop.time()
            if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
                if not self.is_frozen:
                    receive(message.data)
            elif message.type is WSMsgType.PING:
                self.pong(bytes(message.data))
            elif message.type is not WSMsgType.PONG:
                await self.part(message.type)
                return

    async def part(self, kind: WSMsgType) -> None:
        """Answers a close frame; a frozen socket lets the client wait for that until it gives up."""
        if kind is not WSMsgType.CLOSE:
            return
        transport = self.transport
        # A transport tells nobody else that it was lost: it must be looked at.
        while self.is_frozen and transport is not None and not transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
        await self.socket.close()

    def opened(self) -> None:
        """Called once, before the first message is read."""

    def closed(self) -> None:
        """Called once, when the connection is over."""

    def write(self, frame: bytes) -> None:
        """Sends a frame in the order of the connection."""
        self.write_now(frame)

    def write_now(self, frame: bytes) -> None:
        """Sends a frame now; a client that has let too much pile up is dropped instead."""
        transport = self.transport
        if transport is None or not self.is_open or self.is_frozen or transport.is_closing():
            return
        if transport.get_write_buffer_size() > self.settings.largest_buffer:
            # Whoever does not read slows nobody else, and is not told: there is no room left to tell it in.
            self.is_open = False
            transport.abort()
            return
        transport.write(frame)

    def ping(self) -> None:
        """Sends the regular ping, or drops a client that has shown no sign of life."""
        loop = asyncio.get_running_loop()
        if not self.is_open or self.transport is None:
            return
        if loop.time() - self.last_sign_of_life >= self.settings.silence_seconds:
            self.is_open = False
            self.transport.abort()
            return
        is_empty = self.settings.habits.pings == "empty"
        payload = b"" if is_empty else str(self.settings.clock() // 1000).encode()
        self.write_now(frame_head(PING_OPCODE, len(payload)) + payload)
        self.timer = loop.call_later(self.settings.ping_interval_seconds, self.ping)

    def pong(self, payload: bytes) -> None:
        """Answers a client's ping."""
        habit = self.settings.habits.pongs
        if habit != "none":
            payload = b"" if habit == "empty" else payload
            self.write_now(frame_head(PONG_OPCODE, len(payload)) + payload)

    def hang_up(self, code: int, reason: bytes = b"") -> None:
        """Sends a close frame and ends the connection once it is written; one that has ended is left alone."""
        if not self.is_open:
            return
        payload = code.to_bytes(2, "big") + reason
        self.write_now(frame_head(CLOSE_OPCODE, len(payload)) + payload)
        self.is_open = False
        if self.transport is not None:
            self.transport.close()

    def drop(self, reset: bool = False) -> None:
        """Ends the connection without a close frame."""
        self.is_open = False
        drop(self.transport, reset)
