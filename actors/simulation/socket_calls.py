"""The loop's calls that reach the network: names, connections, servers."""

import asyncio
import os
import socket
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from actors.simulation.fence import refuse
from actors.simulation.loop import SimulatedLoop
from actors.simulation.network import Address, Network, ProtocolFactory, SimulatedServer
from actors.simulation.plan import Fates
from actors.simulation.transport import SimulatedTransport

if TYPE_CHECKING:
    from actors.simulation.disk import OpenDatabase


class NetworkLoop(SimulatedLoop):
    """A simulated loop with a simulated network."""

    def __init__(self, seed: int, *, fates: Fates | None = None, **options: Any) -> None:
        super().__init__(seed, **options)
        self.network = Network(self, fates)
        self.databases: list[OpenDatabase] = []
        self.synchronised_logs: dict[Path, int] = {}
        """How many bytes of each database's write-ahead log are on the platter since an earlier incarnation."""
        self._connected: WeakKeyDictionary[socket.socket, SimulatedTransport] = WeakKeyDictionary()

    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """The one address of a simulated host."""
        name = host.decode() if isinstance(host, bytes) else host
        address = self.network.resolve(self.current, name)
        return [
            (
                socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, int(port or 0)),
            )
        ]

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> tuple[str, str]:
        """The numbers themselves."""
        return str(sockaddr[0]), str(sockaddr[1])

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Connects; the operating system's socket only stands for the connection. Raises ConnectionRefusedError."""
        self._connected[sock] = await self._open(address[0], address[1])

    async def _open(self, host: str | None, port: int) -> SimulatedTransport:
        address = (self.network.resolve(self.current, host), port)
        return await self.network.open(self.current, address, f"{address[0]}|{port}")

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: ProtocolFactory,
        host: str | None = None,
        port: int | None = None,
        *,
        ssl: Any = None,
        sock: socket.socket | None = None,
        **options: Any,
    ) -> tuple[asyncio.BaseTransport, asyncio.BaseProtocol]:
        """Connects to a simulated host. Raises OSError (refused, unknown host) and FenceError for TLS."""
        if ssl:
            refuse("TLS", "use http:// and ws://")
        if sock is not None:
            transport = self._connected.pop(sock, None)
            sock.close()
            if transport is None:
                refuse("a socket that was connected outside the loop")
        else:
            if port is None:
                raise ValueError("host and port was not specified and no sock specified")
            transport = await self._open(host, port)
        return await self._begin(transport, protocol_factory)

    async def create_unix_connection(  # type: ignore[override]
        self, protocol_factory: ProtocolFactory, path: Any = None, **options: Any
    ) -> tuple[asyncio.BaseTransport, asyncio.BaseProtocol]:
        """Connects to a Unix socket of the same host. Raises FileNotFoundError or ConnectionRefusedError."""
        if options.get("ssl") or options.get("sock") is not None:
            refuse("TLS or a ready-made socket")
        name = os.fspath(path)
        os.stat(name)
        process = self.current
        transport = await self.network.open(process, (process.address, name), Path(name).name)
        return await self._begin(transport, protocol_factory)

    async def _begin(
        self, transport: SimulatedTransport, factory: ProtocolFactory
    ) -> tuple[asyncio.BaseTransport, asyncio.BaseProtocol]:
        """Gives a connected transport its protocol and waits until it was told."""
        waiter = self.create_future()

        def told() -> None:
            if not waiter.done():
                waiter.set_result(None)

        try:
            protocol = factory()
            transport.set_protocol(protocol)
            transport.start(told)
            await waiter
        except BaseException:
            transport.abort()
            raise
        return transport, protocol

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: ProtocolFactory,
        host: str | Sequence[str] | None = None,
        port: int | None = None,
        *,
        ssl: Any = None,
        sock: Any = None,
        **options: Any,
    ) -> SimulatedServer:
        """Listens on the running process's host. Raises OSError if the port is taken."""
        if ssl or sock is not None:
            refuse("TLS or a ready-made listening socket")
        process = self.current
        hosts = [host] if host is None or isinstance(host, str) else list(host)
        chosen = port or self.network.next_port()
        keys: list[Address] = []
        for name in hosts:
            key = (self.network.resolve(process, name), chosen)
            if key not in keys:
                keys.append(key)
        shown = [(name or "0.0.0.0", chosen) for name in hosts]
        return self.network.listen(process, protocol_factory, keys, shown)

    async def create_unix_server(  # type: ignore[override]
        self, protocol_factory: ProtocolFactory, path: Any = None, **options: Any
    ) -> SimulatedServer:
        """Listens at a path, where a socket file appears as asyncio makes it (an older one is replaced).

        Raises OSError if a server listens there, or if the path cannot be made.
        """
        if options.get("ssl") or options.get("sock") is not None:
            refuse("TLS or a ready-made listening socket")
        name = os.fspath(path)
        process = self.current
        server = self.network.listen(process, protocol_factory, [(process.address, name)], [name])
        make_socket_file(Path(name))
        return server


def make_socket_file(path: Path) -> None:
    """Leaves a socket file that nobody of the operating system listens at, in place of an older one."""
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        path.unlink()
    with socket.socket(socket.AF_UNIX) as stub:
        stub.bind(str(path))
