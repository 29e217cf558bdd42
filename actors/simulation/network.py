"""The network between the simulated hosts: names, listeners, connections, partitions."""

import asyncio
import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.simulation.connection import Connection
from actors.simulation.fake_socket import SimulatedSocket
from actors.simulation.frames import unmask
from actors.simulation.link import Link
from actors.simulation.plan import Fates, PlannedFates
from actors.simulation.process import ByteTrigger, SimulatedProcess
from actors.simulation.seeded import SeededRandom
from actors.simulation.transport import SimulatedTransport

if TYPE_CHECKING:
    from actors.simulation.socket_calls import NetworkLoop

Address = tuple[str, Any]
"""`(IP, port)`, or `(IP of the host, path)` of a Unix socket."""
ProtocolFactory = Callable[[], asyncio.BaseProtocol]
OWN_NAMES = (None, "", "localhost", "127.0.0.1", "0.0.0.0", "::", "::1")
FIRST_EPHEMERAL_PORT = 40_000


@dataclass
class Listener:
    """A process that accepts connections at an address."""

    process: SimulatedProcess
    factory: ProtocolFactory
    server: "SimulatedServer"


class SimulatedServer(asyncio.AbstractServer):
    """What `create_server` returns; closes as asyncio's does."""

    def __init__(self, network: "Network", addresses: list[Address], shown: list[Any]) -> None:
        self._network = network
        self._addresses = addresses
        self._shown = shown
        self._connected: dict[SimulatedTransport, None] = {}
        self._waiters: list[asyncio.Future[Any]] = []
        self._is_closed = False

    @property
    def sockets(self) -> tuple[SimulatedSocket, ...]:
        """The listening sockets; none once it is closed."""
        return () if self._is_closed else tuple(SimulatedSocket(shown) for shown in self._shown)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The world's loop."""
        return self._network.loop

    def is_serving(self) -> bool:
        """Whether it accepts."""
        return not self._is_closed

    def close(self) -> None:
        """Accepts no more; open connections stay."""
        if not self._is_closed:
            self._is_closed = True
            if self._network.loop.current.is_alive:
                for address in self._addresses:
                    self._network.listeners.pop(address, None)
            self._wake_if_idle()

    def attach(self, transport: SimulatedTransport) -> None:
        """Counts a connection."""
        self._connected[transport] = None

    def detach(self, transport: SimulatedTransport) -> None:
        """A connection has ended."""
        self._connected.pop(transport, None)
        self._wake_if_idle()

    def _wake_if_idle(self) -> None:
        if self._is_closed and not self._connected:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiters.clear()

    async def start_serving(self) -> None:
        """It serves from the start."""

    async def serve_forever(self) -> None:
        """Until canceled."""
        try:
            await self.get_loop().create_future()
        finally:
            self.close()

    async def wait_closed(self) -> None:
        """Returns once it is closed and its connections have ended."""
        if not self._is_closed or self._connected:
            waiter = self.get_loop().create_future()
            self._waiters.append(waiter)
            await waiter


class Network:
    """All hosts and lines of a world."""

    def __init__(self, loop: "NetworkLoop", fates: Fates | None = None) -> None:
        self.loop = loop
        self.random = SeededRandom(f"{loop.seed}:network")
        self.fates: Fates = fates if fates is not None else PlannedFates((), ())
        self.link = Link()
        self.links: dict[tuple[str, str], Link] = {}
        """Lines that differ from `link`, by client's and server's host."""
        self.addresses = {"world": "10.0.0.1"}
        self.listeners: dict[Address, Listener] = {}
        self.connections = 0
        self.processes: list[SimulatedProcess] = []
        self._partitions: dict[frozenset[str], int] = {}
        self._last_port = FIRST_EPHEMERAL_PORT
        self._transports = 0

    # Names and lines.

    def address_of(self, host: str) -> str:
        """The host's IP address; a new host gets the next one."""
        return self.addresses.setdefault(host, f"10.0.0.{len(self.addresses) + 1}")

    def resolve(self, process: SimulatedProcess, host: str | None) -> str:
        """The IP address of a name, as that process sees it. Raises OSError (gaierror) for an unknown one."""
        if host in OWN_NAMES:
            return process.address
        assert host is not None
        if host in self.addresses:
            return self.addresses[host]
        if host in self.addresses.values():
            return host
        raise socket.gaierror(socket.EAI_NONAME, f"no simulated host is called {host!r}")

    def next_port(self) -> int:
        """A port that no one else has."""
        self._last_port += 1
        return self._last_port

    def partition(self, first: str, second: str, duration_ns: int) -> None:
        """Holds back everything between two hosts for a while; it arrives afterwards, as after TCP's repetitions."""
        pair = frozenset((first, second))
        until_ns = self.loop.now_ns + duration_ns
        self.loop.record("partition", f"{first}|{second}|{duration_ns}")
        self._partitions[pair] = max(until_ns, self._partitions.get(pair, 0))

    def delay_ns(self, link: Link, source: str, target: str) -> int:
        """How long a segment that leaves now is under way."""
        random = self.random.random
        low, high = link.tail_ns if random() < link.tail_share else link.latency_ns
        delay_ns = low + int(random() * (high - low))
        if self._partitions:
            until_ns = self._partitions.get(frozenset((source, target)), 0)
            delay_ns += max(0, until_ns - self.loop.here_ns())
        return delay_ns

    def link_between(self, client: str, server: str) -> Link:
        """The line from a client's host to a server's."""
        return self.links.get((client, server), self.link)

    def is_reachable(self, process: SimulatedProcess) -> bool:
        """Whether the machine of a dead process is there to answer: after a power cut only once something runs again."""
        if not process.is_power_lost:
            return True
        return any(other.is_alive and other.host == process.host for other in self.processes)

    # Listening and connecting.

    def listen(
        self,
        process: SimulatedProcess,
        factory: ProtocolFactory,
        keys: list[Address],
        shown: list[Any],
    ) -> SimulatedServer:
        """Accepts connections at those addresses. Raises OSError if one is taken."""
        for key in keys:
            taken = self.listeners.get(key)
            if taken is not None and taken.process.is_alive:
                raise OSError(
                    errno.EADDRINUSE,
                    f"error while attempting to bind on address {key}: address already in use",
                )
        server = SimulatedServer(self, keys, shown)
        for key in keys:
            self.listeners[key] = Listener(process, factory, server)
        return server

    async def open(
        self, process: SimulatedProcess, address: Address, shown: str
    ) -> SimulatedTransport:
        """A connection from a process; its transport has no protocol yet. Raises ConnectionRefusedError."""
        loop = self.loop
        self.connections += 1
        number = self.connections
        waiter = loop.create_future()
        target = self.host_at(address[0])
        link = self.link_between(process.host, target)
        loop.record("connect", f"{number}|{process.name}|{shown}")
        delay_ns = self.delay_ns(link, process.host, target)
        loop.kernel_after(delay_ns, self._arrive, process, waiter, address, number, link)
        transport: SimulatedTransport = await waiter
        return transport

    def host_at(self, address: str) -> str:
        """The name of the host with this IP address."""
        for host, known in self.addresses.items():
            if known == address:
                return host
        return address

    def _arrive(
        self,
        client_process: SimulatedProcess,
        waiter: "asyncio.Future[SimulatedTransport]",
        address: Address,
        number: int,
        link: Link,
    ) -> None:
        """A request to connect (SYN) reaches its host."""
        loop, listener = self.loop, self.listeners.get(address)
        back_ns = self.delay_ns(link, self.host_at(address[0]), client_process.host)
        is_down = listener is not None and not self.is_reachable(listener.process)
        if is_down:
            return
        if listener is None or not listener.process.is_alive or self.fates.is_refused(number):
            loop.kernel_after(back_ns, loop.post, client_process, self._refuse, waiter, address)
            return
        is_unix = not isinstance(address[1], int)
        server_end = address[1] if is_unix else address
        client_end = "" if is_unix else (client_process.address, self.next_port())
        client = self._transport(client_process, client_end, server_end, None)
        server = self._transport(listener.process, server_end, client_end, listener.server)
        Connection(self, number, link, client, server, self.fates.cut_of(number))
        loop.post(listener.process, self._accept, listener, server)
        loop.kernel_after(back_ns, self._established, client_process, waiter, client)

    def _transport(
        self, process: SimulatedProcess, local: Any, peer: Any, server: SimulatedServer | None
    ) -> SimulatedTransport:
        self._transports += 1
        return SimulatedTransport(self.loop, process, self._transports, local, peer, server)

    def _accept(self, listener: Listener, transport: SimulatedTransport) -> None:
        """The server process takes a connection."""
        if not listener.server.is_serving():
            transport.abort()
            return
        listener.server.attach(transport)
        transport.set_protocol(listener.factory())
        transport.start()

    def _refuse(self, waiter: "asyncio.Future[SimulatedTransport]", address: Address) -> None:
        if not waiter.done():
            waiter.set_exception(
                ConnectionRefusedError(errno.ECONNREFUSED, f"Connect call failed {address}")
            )

    def _established(
        self,
        process: SimulatedProcess,
        waiter: "asyncio.Future[SimulatedTransport]",
        client: SimulatedTransport,
    ) -> None:
        """The answer (SYN-ACK) reaches the client's host."""
        if process.is_alive:
            self.loop.post(process, self._connected, waiter, client)

    def _connected(
        self, waiter: "asyncio.Future[SimulatedTransport]", client: SimulatedTransport
    ) -> None:
        if waiter.done():
            client.abort()
        else:
            waiter.set_result(client)

    # Faults at a write.

    def may_write(self, transport: SimulatedTransport, data: bytes) -> bool:
        """Whether a write goes on; it does not if the process dies in it, after all, a part or none of it was taken."""
        process = transport.process
        triggers = process.triggers
        if triggers.writes_left is not None:
            triggers.writes_left -= 1
            if triggers.writes_left < 0:
                part = data[: self.random.randrange(len(data) + 1)]
                if part and not transport.is_waiting_for_room:
                    transport.outgoing.send(part)
                self.loop.kill(process)
                return False
        if triggers.on_bytes:
            self._pull(triggers.on_bytes, unmask(data), process)
        return True

    def spare(self) -> None:
        """Calls off the cuts that are still to come of the connections that stand."""
        for process in self.processes:
            for transport in process.transports:
                transport.outgoing.cut = transport.incoming.cut = None

    def note_arrival(self, process: SimulatedProcess, data: bytes) -> None:
        """Bytes lie before a process, which may die before it reads them."""
        if process.triggers.on_heard:
            self._pull(process.triggers.on_heard, unmask(data), process)

    def _pull(self, triggers: list[ByteTrigger], data: bytes, process: SimulatedProcess) -> None:
        for trigger in triggers:
            if trigger.pattern in data:
                trigger.occurrences_left -= 1
                if trigger.occurrences_left < 0:
                    trigger.occurrences_left = 1 << 62
                    self.loop.kernel_after(trigger.delay_ns, self.loop.kill, process)
