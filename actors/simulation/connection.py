"""One TCP connection between two simulated transports: segments under way, and the fate of the connection."""

from collections import deque
from typing import TYPE_CHECKING, Any

from actors.simulation.link import Link
from actors.simulation.plan import Cut, CutMode

if TYPE_CHECKING:
    from actors.simulation.network import Network
    from actors.simulation.transport import SimulatedTransport


class Stream:
    """The bytes of one direction: on their way, arrived and unread."""

    __slots__ = (
        "connection",
        "cut",
        "has_fin",
        "in_flight",
        "last_arrival_ns",
        "name",
        "received",
        "receiver",
        "sender",
        "sent",
    )

    def __init__(
        self,
        connection: "Connection",
        name: str,
        sender: "SimulatedTransport",
        receiver: "SimulatedTransport",
    ) -> None:
        self.connection = connection
        self.name = name
        self.sender = sender
        self.receiver = receiver
        self.received: deque[bytes] = deque()
        self.has_fin = False
        """Whether the peer's end of data has arrived; what was received before is read first."""
        self.in_flight = 0
        """Bytes taken from the writer that the reader has not read."""
        self.sent = 0
        self.last_arrival_ns = 0
        self.cut: Cut | None = None

    def send(self, data: bytes) -> int:
        """Takes what the window has room for and returns how much that was."""
        room = self.connection.link.window_bytes - self.in_flight
        if room <= 0:
            return 0
        if len(data) > room:
            data = data[:room]
        self.in_flight += len(data)
        cut = self.cut
        if cut is not None and self.sent + len(data) > cut.after_bytes:
            self.cut = None
            kept = data[: max(0, cut.after_bytes - self.sent)]
            if kept:
                self._segment(kept)
            self.connection.end_by(cut.mode, self)
        else:
            self._transmit(data)
        return len(data)

    def _transmit(self, data: bytes) -> None:
        connection = self.connection
        random = connection.network.random
        if len(data) > 1 and random.random() < connection.link.split_share:
            at = random.randrange(1, len(data))
            self._segment(data[:at])
            self._segment(data[at:])
        else:
            self._segment(data)

    def _segment(self, data: bytes) -> None:
        connection = self.connection
        self.sent += len(data)
        if connection.is_silent:
            return
        connection.loop.record("send", self.name, data)
        if connection.is_severed:
            self._answer_with_reset()
            return
        connection.loop.kernel_at(self.next_arrival_ns(), self._arrive, data)

    def next_arrival_ns(self) -> int:
        """When a segment that leaves now arrives: never before an earlier one."""
        connection = self.connection
        delay_ns = connection.network.delay_ns(
            connection.link, self.sender.process.host, self.receiver.process.host
        )
        self.last_arrival_ns = max(self.last_arrival_ns + 1, connection.loop.here_ns() + delay_ns)
        return self.last_arrival_ns

    def _arrive(self, data: bytes) -> None:
        connection, receiver = self.connection, self.receiver
        if connection.is_silent:
            return
        if receiver.is_gone_for_peer():
            if connection.network.is_reachable(receiver.process):
                self._answer_with_reset()
            return
        connection.loop.record("receive", f"{self.name}|{len(data)}")
        self.received.append(data)
        connection.network.note_arrival(receiver.process, data)
        receiver.signal_readable()

    def _answer_with_reset(self) -> None:
        """What comes back for a segment that nobody is there to take."""
        loop = self.connection.loop
        loop.kernel_at(self.sender.incoming.next_arrival_ns(), self.sender.incoming.deliver_reset)

    def send_end(self) -> None:
        """The writer has no more to say (FIN)."""
        self._control(self.deliver_end)

    def send_reset(self) -> None:
        """The writer gives the connection up (RST)."""
        self._control(self.deliver_reset)

    def _control(self, deliver: Any) -> None:
        connection = self.connection
        if not connection.is_silent and not connection.is_severed:
            connection.loop.kernel_at(self.next_arrival_ns(), deliver)

    def deliver_end(self) -> None:
        """The end of data arrives at the reader."""
        if self.connection.is_silent or self.receiver.is_gone_for_peer():
            return
        self.connection.loop.record("end", self.name)
        self.has_fin = True
        self.receiver.signal_readable()

    def deliver_reset(self) -> None:
        """A reset arrives at the reader."""
        if self.connection.is_silent or self.receiver.is_gone_for_peer():
            return
        self.connection.loop.record("reset", self.name)
        self.receiver.take_reset()

    def take(self, most: int) -> bytes:
        """The reader takes what has arrived, up to so many bytes; the writer hears later that there is room."""
        received = self.received
        if len(received) == 1 and len(received[0]) <= most:
            data = received.popleft()
        else:
            data = b"".join(received)
            received.clear()
            if len(data) > most:
                received.append(data[most:])
                data = data[:most]
        self.in_flight -= len(data)
        if self.sender.is_waiting_for_room:
            connection = self.connection
            delay_ns = connection.network.delay_ns(
                connection.link, self.receiver.process.host, self.sender.process.host
            )
            connection.loop.kernel_after(delay_ns, self.sender.signal_writable)
        return data


class Connection:
    """Both directions of one connection. `number` counts the connections of a world from 1."""

    def __init__(
        self,
        network: "Network",
        number: int,
        link: Link,
        client: "SimulatedTransport",
        server: "SimulatedTransport",
        cut: Cut | None,
    ) -> None:
        self.network = network
        self.loop = network.loop
        self.number = number
        self.link = link
        self.is_silent = False
        """A black hole: nothing arrives any more, in either direction, and nobody is told."""
        self.is_severed = False
        """Both ends were closed by something between them; what is still sent is answered with a reset."""
        to_server = Stream(self, f"{number}>", client, server)
        to_client = Stream(self, f"{number}<", server, client)
        client.outgoing = server.incoming = to_server
        server.outgoing = client.incoming = to_client
        if cut is not None:
            (to_server if cut.direction == "to_server" else to_client).cut = cut

    def end_by(self, mode: CutMode, stream: Stream) -> None:
        """Ends the connection at this byte of `stream`; what was sent before still arrives."""
        self.loop.record("cut", f"{stream.name}|{mode}|{stream.sent}")
        if mode == "hole":
            self.loop.kernel_at(
                max(stream.last_arrival_ns, self.loop.here_ns()) + 1, self._fall_silent
            )
            return
        other = stream.sender.incoming
        for way in (stream, other):
            deliver = way.deliver_end if mode == "close" else way.deliver_reset
            self.loop.kernel_at(way.next_arrival_ns(), deliver)
        self.is_severed = True

    def _fall_silent(self) -> None:
        self.is_silent = True
