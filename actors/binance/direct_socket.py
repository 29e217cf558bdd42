"""aiohttp's WebSocket client without a task between the transport and whoever reads the frames.

aiohttp puts each message into a queue and wakes the task that waits on it: the loop comes round once more before a frame is
looked at. Here text frames go straight to a function, within the transport's own call; pings, closes and errors take the
usual way. Whoever reads may have a block put around the frames of one read, where it brings several. A read of more than
`SLICE` bytes is parsed slice by slice, the loop coming round between them and nothing else being read meanwhile: a flood
stays in the socket's buffers, in the end in the sender's, rather than in the mailboxes of those who cannot keep up with it.
The heartbeat notes when data came instead of scheduling a callback each time.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import Context, copy_context
from typing import Any

import aiohttp
from aiohttp import WSMessage, WSMsgType
from aiohttp._websocket.reader import WebSocketDataQueue
from aiohttp.http import WebSocketReader

FEW = 400
"""A read of fewer bytes has one frame, or two: nothing is put around them."""
SLICE = 6_144
"""Bytes that are parsed at once: about thirty trades."""
PORTION = 32
"""Frames that are taken at once of those that came before anybody read."""
ROUNDS = 3
"""So often the loop comes round between two slices or portions: time for actors to handle one before the next is read."""
DATA = (WSMsgType.TEXT, WSMsgType.BINARY)
ENDS = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)


class FrameQueue(WebSocketDataQueue):
    """aiohttp's queue of one connection, which text frames pass by while somebody reads directly."""

    on_text: Callable[[bytes], None] | None = None
    context: Context | None = None
    """That of whoever reads, in which its function is called."""
    failure: BaseException | None = None
    """What `on_text` raised; it is not called again."""
    together: AbstractContextManager[None] | None = None
    """What is put around the frames of one read."""

    def feed_data(self, data: Any, size: int) -> None:
        """One message, from the parser."""
        on_text = self.on_text
        if on_text is None or data.type is not WSMsgType.TEXT:
            super().feed_data(data, size)
            return
        try:
            on_text(data.data)
        except BaseException as error:
            # The parser ends the connection by it; the reader's task raises it.
            self.on_text = None
            self.failure = error
            raise


class FrameParser(WebSocketReader):
    """aiohttp's parser, which takes much at once in slices."""

    frames: FrameQueue
    protocol: Any
    rest = b""
    """A read that is being parsed in slices; empty when none is."""
    position = 0
    """How much of it has been parsed."""

    def feed_data(self, data: bytes | bytearray | memoryview) -> tuple[bool, bytes]:
        """The bytes of one read."""
        if self.rest:
            self.rest += bytes(data)
            return False, b""
        if len(data) <= SLICE or self.frames.on_text is None:
            return self.parse(data)
        self.rest, self.position = bytes(data), SLICE
        self.protocol.pause_reading()
        self.protocol._loop.call_soon(self.go_on, ROUNDS)
        return self.parse(data[:SLICE])

    def parse(self, data: bytes | bytearray | memoryview) -> tuple[bool, bytes]:
        """Gives the frames in a part of a read to whoever reads."""
        frames, parse = self.frames, super().feed_data
        if frames.context is None:
            return parse(data)
        if frames.together is None or len(data) < FEW:
            return frames.context.run(parse, data)
        with frames.together:
            return frames.context.run(parse, data)

    def go_on(self, rounds: int) -> None:
        """Parses the next slice once the loop has come round so often; as often after the last one the socket is read again."""
        if not self.rest:
            return  # the connection has ended meanwhile
        if rounds > 1:
            self.protocol._loop.call_soon(self.go_on, rounds - 1)
            return
        begin, self.position = self.position, min(self.position + SLICE, len(self.rest))
        if begin == self.position:
            self.rest = b""
            self.protocol.resume_reading()
            return
        has_failed, _ = self.parse(self.rest[begin : self.position])
        if has_failed:
            self.rest = b""
            # What the protocol does itself when a read cannot be parsed.
            self.protocol._payload = self.protocol._payload_parser = None
            self.protocol._payload_parser_failed = True
        else:
            self.protocol._loop.call_soon(self.go_on, ROUNDS)

    def feed_eof(self) -> None:
        """The connection has ended: what came before is parsed first."""
        piece, self.rest = self.rest[self.position :], b""
        if piece:
            self.parse(piece)
        super().feed_eof()


class DirectSocket(aiohttp.ClientWebSocketResponse[Any]):
    """One connected socket; `read_frames` reads it."""

    def __init__(self, reader: WebSocketDataQueue, *arguments: Any, **options: Any) -> None:
        loop: asyncio.AbstractEventLoop = arguments[-1]
        self.frames = FrameQueue(reader._protocol, reader._limit // 2, loop=loop)
        super().__init__(self.frames, *arguments, **options)
        # uvloop keeps what is written until all else of this turn of the loop is done, unless it exceeds the high water.
        self._writer.transport.set_write_buffer_limits(high=0)

    @property
    def _parser(self) -> WebSocketReader | None:
        return self._own_parser

    @_parser.setter
    def _parser(self, parser: WebSocketReader | None) -> None:
        # The session makes one for the queue that it has made, and hands on the one that it finds here.
        self._own_parser: FrameParser | None = None
        if parser is not None:
            self._own_parser = FrameParser(self.frames, 0, compress=False, decode_text=False)
            self._own_parser.frames = self.frames
            self._own_parser.protocol = self.frames._protocol

    async def read_frames(
        self,
        on_frame: Callable[[bytes], None],
        together: AbstractContextManager[None] | None = None,
    ) -> WSMessage:
        """Gives each data frame to `on_frame`, as bytes, until the connection ends; the message that ended it.

        What came before is given first. Frames that come with one read are given within `together`, if it is there.
        Raises what `on_frame` raises.
        """
        frames, handled = self.frames, 0
        frames.context, frames.together = copy_context(), together
        try:
            while True:
                if frames.on_text is None and not frames._buffer:
                    frames.on_text = on_frame
                message: WSMessage = await self.receive()
                if frames.failure is not None:
                    raise frames.failure
                if message.type in DATA:
                    on_frame(message.data)
                    handled += 1
                    if handled % PORTION == 0:
                        for _ in range(ROUNDS):
                            await asyncio.sleep(0)
                elif message.type in ENDS:
                    return message
        finally:
            frames.on_text = None

    def write_text(self, frame: bytes) -> None:
        """Hands a text frame to the transport. Raises ClientConnectionResetError, or as the transport does, if it is gone."""
        writing = self._writer.send_frame(frame, WSMsgType.TEXT)
        try:
            writing.send(None)
        except StopIteration:
            return
        # Written, and the peer is slow to read: nobody waits for that.
        writing.close()

    @property
    def is_open(self) -> bool:
        """Whether it can still carry a frame, as far as this side knows."""
        return not self._closed and not self._writer.transport.is_closing()

    def abandon(self) -> None:
        """Its session is closed, and with it the connection: the heartbeat ends, which nobody who reads is there to end."""
        if not self._closed:
            self._set_closed()
            self._response.close()

    def _on_data_received(self) -> None:
        if self._closing or self._closed:
            return  # aiohttp would begin its heartbeat anew, for a socket that is going
        if self._heartbeat_cb is None or self._heartbeat is None:
            super()._on_data_received()
        else:
            # The heartbeat's own callback looks at this before it sends a ping.
            self._heartbeat_when = self._loop.time() + self._heartbeat
