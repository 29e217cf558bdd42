"""What `get_extra_info("socket")` and `Server.sockets` give: addresses and options, and no way to move bytes."""

import socket
from typing import Any

from actors.simulation.fence import refuse


class SimulatedSocket:
    """The look of a socket; options are kept and have no effect."""

    type = socket.SOCK_STREAM
    proto = socket.IPPROTO_TCP

    def __init__(self, local: Any, peer: Any = None) -> None:
        self._local = local
        self._peer = peer
        self._options: dict[tuple[int, int], Any] = {}
        self.family = socket.AF_UNIX if isinstance(local, str) else socket.AF_INET

    def getsockname(self) -> Any:
        """The own address."""
        return self._local

    def getpeername(self) -> Any:
        """The peer's address."""
        return self._peer

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        """Keeps an option."""
        self._options[level, option] = value

    def getsockopt(self, level: int, option: int, size: int = 0) -> Any:
        """What was kept, or 0."""
        return self._options.get((level, option), 0)

    def gettimeout(self) -> float:
        """Never blocks."""
        return 0.0

    def setblocking(self, flag: bool) -> None:
        """Never blocks."""

    def fileno(self) -> int:
        """There is no file descriptor."""
        return -1

    def __getattr__(self, name: str) -> Any:
        if name in ("send", "sendall", "recv", "recv_into", "accept", "connect", "detach", "dup"):
            refuse(f"socket.{name} on a transport's socket")
        raise AttributeError(name)
