"""A transport over the simulated network that behaves as asyncio's selector transport and, in that dialect, as uvloop's.

The order of its callbacks, its flow control and its errors follow asyncio/selector_events.py; the conformance tests
compare it with asyncio and uvloop on loopback.
"""

import asyncio
import contextvars
import errno
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from actors.simulation.fake_socket import SimulatedSocket
from actors.simulation.process import SimulatedProcess

if TYPE_CHECKING:
    from actors.simulation.connection import Stream
    from actors.simulation.network import SimulatedServer
    from actors.simulation.socket_calls import NetworkLoop

MOST_READ_BYTES = 256 * 1024
HIGH_WATER_BYTES = 64 * 1024


class ProtocolCall:
    """Around a call of the protocol: what it raises ends its connection, as in asyncio, not the loop."""

    def __init__(self, transport: "SimulatedTransport", name: str) -> None:
        self.transport = transport
        self.name = name
        self.has_failed = False

    def __enter__(self) -> "ProtocolCall":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is None or isinstance(error, SystemExit | KeyboardInterrupt):
            return False
        self.has_failed = True
        self.transport.fail(error, f"Fatal error: protocol.{self.name}() call failed.")
        return True


class SimulatedTransport(asyncio.Transport):
    """One end of a connection, in one process."""

    incoming: "Stream"
    outgoing: "Stream"

    def __init__(
        self,
        loop: "NetworkLoop",
        process: SimulatedProcess,
        number: int,
        local: Any,
        peer: Any,
        server: "SimulatedServer | None" = None,
    ) -> None:
        socket = SimulatedSocket(local, peer)
        super().__init__({"sockname": local, "peername": peer, "socket": socket})
        self.loop = loop
        self.process = process
        self.number = number
        self.server = server
        self._protocol: asyncio.BaseProtocol | None = None
        self._context = contextvars.copy_context()
        self._buffer = bytearray()
        self._high = HIGH_WATER_BYTES
        self._low = HIGH_WATER_BYTES // 4
        self._is_protocol_paused = False
        self._is_paused = False
        self._is_started = False
        self._is_closing = False
        self._is_half_closed = False
        """The peer's end of data was read and the protocol keeps the connection for writing."""
        self._has_written_end = False
        self._losses = 0
        """Above 0 once `connection_lost` is scheduled; then counts the writes that came to nothing."""
        self._is_closed = False
        self._is_posted = False
        self._socket_error: OSError | None = None
        process.transports[self] = None

    def __hash__(self) -> int:
        return self.number

    def __repr__(self) -> str:
        return f"<SimulatedTransport {self.number} of {self.process.name}>"

    # What a protocol calls.

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """The protocol that hears from now on."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The present protocol."""
        return cast(asyncio.BaseProtocol, self._protocol)

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._is_closing

    def is_reading(self) -> bool:
        """Whether data may be delivered."""
        return not self._is_paused and not self._is_closing

    def pause_reading(self) -> None:
        """Delivers no data until told."""
        # uvloop forgets a pause that comes before it has begun to read.
        if not self._is_closing and (self._is_started or self.loop.dialect == "asyncio"):
            self._is_paused = True

    def resume_reading(self) -> None:
        """Delivers data again."""
        if not self._is_closing and self._is_paused:
            self._is_paused = False
            self._signal_if_ready()

    def get_write_buffer_size(self) -> int:
        """Bytes that the network has not taken yet."""
        return len(self._buffer)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """The marks at which the protocol is paused and resumed: `(low, high)`."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Sets the two marks. Raises ValueError unless high >= low >= 0."""
        if high is None:
            high = HIGH_WATER_BYTES if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high, self._low = high, low
        self._pause_protocol_if_full()

    def can_write_eof(self) -> bool:
        """It can."""
        return True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Sends, or keeps what the network does not take; see the module for what the dialects do after the end."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(
                f"data argument must be a bytes-like object, not {type(data).__name__!r}"
            )
        if not self.process.is_alive or self.loop.is_ended:
            return
        if self._is_closed and self.loop.dialect == "uvloop":
            raise RuntimeError(f"unable to perform operation on {self!r}; the handler is closed")
        if self._has_written_end:
            raise RuntimeError("Cannot call write() after write_eof()")
        if not data:
            return
        if self._losses:
            self._losses += 1
            return
        taken = bytes(data)
        if not self.loop.network.may_write(self, taken):
            return
        if not self._buffer:
            sent = self._send(taken)
            if sent is None or sent == len(taken):
                return
            taken = taken[sent:]
        self._buffer.extend(taken)
        self._pause_protocol_if_full()

    def write_eof(self) -> None:
        """No more will be written; what the peer sends is still read."""
        if self._is_closing or self._has_written_end:
            return
        self._has_written_end = True
        if not self._buffer and self.process.is_alive:
            self.outgoing.send_end()

    def close(self) -> None:
        """Sends what is buffered, then closes."""
        if self._is_closing:
            return
        self._is_closing = True
        if not self._buffer:
            self._losses += 1
            self.loop.call_soon(self._call_connection_lost, None)

    def abort(self) -> None:
        """Closes at once; what is buffered is lost."""
        self._force_close(None)

    # What the network calls.

    @property
    def is_waiting_for_room(self) -> bool:
        """Whether there is more to write than the window takes."""
        return bool(self._buffer)

    def is_gone_for_peer(self) -> bool:
        """Whether what arrives now finds no socket."""
        return self._is_closed or not self.process.is_alive or self._socket_error is not None

    def signal_readable(self) -> None:
        """Something arrived: the process will see it in its next iteration."""
        if not self._is_posted and self._is_started and not self._is_paused:
            self._is_posted = True
            self.loop.post(self.process, self._read_ready, context=self._context)

    def signal_writable(self) -> None:
        """There is room to write again."""
        if self._buffer and not self._losses:
            self.loop.post(self.process, self._write_ready, context=self._context)

    def take_reset(self) -> None:
        """The peer gave the connection up."""
        if self.incoming.has_fin:
            self._socket_error = BrokenPipeError(errno.EPIPE, "Broken pipe")
        else:
            self._socket_error = ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
        self.signal_writable()
        if not self._is_half_closed:
            self.signal_readable()

    def process_died(self) -> None:
        """The kernel closes the socket of a dead process; after a power cut there is no kernel to do so."""
        if not self._is_closed:
            self._is_closed = True
            if self.process.is_power_lost:
                return
            if self._is_started:
                self._say_goodbye()
            else:
                # Nobody had accepted it.
                self.outgoing.send_reset()

    def start(self, established: Callable[[], None] | None = None) -> None:
        """Tells the protocol that it is connected, begins to read, then calls `established`."""
        if self.loop.dialect == "uvloop":
            self.loop.call_soon(self._begin_as_uvloop, established)
            return
        protocol = self._protocol
        assert protocol is not None
        self.loop.call_soon(protocol.connection_made, self)
        self.loop.call_soon(self._begin_reading)
        if established is not None:
            self.loop.call_soon(established)

    def fail(self, error: BaseException, message: str) -> None:
        """Reports what a protocol raised, and closes."""
        if not isinstance(error, OSError):
            self.loop.call_exception_handler(
                {
                    "message": message,
                    "exception": error,
                    "transport": self,
                    "protocol": self._protocol,
                }
            )
        self._force_close(error if isinstance(error, Exception) else None)

    # Within the process.

    def _begin_as_uvloop(self, established: Callable[[], None] | None) -> None:
        """uvloop begins to read only if `connection_made` did not raise."""
        protocol = self._protocol
        assert protocol is not None
        try:
            protocol.connection_made(self)
            if not self._is_closed:
                self._begin_reading()
        finally:
            if established is not None:
                established()

    def _begin_reading(self) -> None:
        self._is_started = True
        self._signal_if_ready()

    def _signal_if_ready(self) -> None:
        stream = self.incoming
        if stream.received or stream.has_fin or self._socket_error is not None:
            self.signal_readable()

    def _read_ready(self) -> None:
        self._is_posted = False
        if self._losses or self._is_paused or self._is_closing or self._is_half_closed:
            return
        stream = self.incoming
        if stream.received:
            self._deliver(stream)
            if not self._is_closing:
                self._signal_if_ready()
        elif stream.has_fin:
            self._deliver_end()
        elif self._socket_error is not None:
            self._force_close(self._socket_error)

    def _deliver(self, stream: "Stream") -> None:
        protocol = self._protocol
        if isinstance(protocol, asyncio.BufferedProtocol):
            with ProtocolCall(self, "get_buffer") as call:
                buffer = memoryview(protocol.get_buffer(-1))
                if not len(buffer):
                    raise RuntimeError("get_buffer() returned an empty buffer")
            if call.has_failed:
                return
            data = stream.take(len(buffer))
            buffer[: len(data)] = data
            with ProtocolCall(self, "buffer_updated"):
                protocol.buffer_updated(len(data))
        else:
            data = stream.take(MOST_READ_BYTES)
            with ProtocolCall(self, "data_received"):
                cast(asyncio.Protocol, protocol).data_received(data)

    def _deliver_end(self) -> None:
        keeps_open: bool | None = False
        with ProtocolCall(self, "eof_received") as call:
            keeps_open = cast(asyncio.Protocol, self._protocol).eof_received()
        if call.has_failed:
            return
        if keeps_open:
            self._is_half_closed = True
        else:
            self.close()

    def _send(self, data: bytes) -> int | None:
        """Hands bytes to the network; a connection that was reset fails here, as in send(2), and None is returned."""
        error = self._socket_error
        if error is not None:
            self._force_close(error)
            return None
        return self.outgoing.send(data)

    def _write_ready(self) -> None:
        if self._losses or not self._buffer or not self.process.is_alive:
            return
        sent = self._send(bytes(self._buffer))
        if sent is None:
            return
        del self._buffer[:sent]
        self._resume_protocol_if_drained()
        if self._buffer:
            return
        if self._is_closing:
            self._losses += 1
            self._call_connection_lost(None)
        elif self._has_written_end:
            self.outgoing.send_end()

    def _pause_protocol_if_full(self) -> None:
        if len(self._buffer) > self._high and not self._is_protocol_paused:
            self._is_protocol_paused = True
            if self._protocol is not None:
                self._protocol.pause_writing()

    def _resume_protocol_if_drained(self) -> None:
        if self._is_protocol_paused and len(self._buffer) <= self._low:
            self._is_protocol_paused = False
            if self._protocol is not None:
                self._protocol.resume_writing()

    def _force_close(self, error: Exception | None) -> None:
        if self._losses or not self.process.is_alive:
            return
        self._buffer.clear()
        self._is_closing = True
        self._losses += 1
        self.loop.call_soon(self._call_connection_lost, error)

    def _call_connection_lost(self, error: Exception | None) -> None:
        if self._is_closed:
            return
        try:
            if self._protocol is not None:
                self._protocol.connection_lost(error)
        finally:
            self._is_closed = True
            self._say_goodbye()
            self.process.transports.pop(self, None)
            self._protocol = None
            if self.server is not None:
                self.server.detach(self)

    def _say_goodbye(self) -> None:
        """What close(2) does: a reset only if there are unread bytes."""
        if self._socket_error is not None:
            return
        if self.incoming.received:
            self.outgoing.send_reset()
        elif not self._has_written_end:
            self.outgoing.send_end()
