"""What the simulated world does not have, refused with a clear error."""

import asyncio
from typing import Any, NoReturn

from actors.simulation.errors import FenceError


def refuse(what: str, instead: str = "") -> NoReturn:
    """Raises FenceError."""
    raise FenceError(f"{what} cannot be simulated{': ' + instead if instead else ''}")


class FencedLoop(asyncio.BaseEventLoop):
    """A loop without selector, threads, subprocesses and real sockets; what it cannot do raises FenceError."""

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> NoReturn:  # type: ignore[override]
        """Refused: no threads."""
        refuse(f"an executor (for {func!r})", "bot and exchange use no threads")

    async def subprocess_exec(self, *arguments: Any, **options: Any) -> NoReturn:
        """Refused: another program would live in real time."""
        refuse(
            "a subprocess", "start what it does as a coroutine function with World.start instead"
        )

    async def subprocess_shell(self, *arguments: Any, **options: Any) -> NoReturn:
        """Refused: another program would live in real time."""
        refuse("a subprocess")

    async def start_tls(self, *arguments: Any, **options: Any) -> NoReturn:
        """Refused."""
        refuse("TLS", "use http:// and ws://")

    async def create_datagram_endpoint(self, *arguments: Any, **options: Any) -> NoReturn:
        """Refused."""
        refuse("a datagram socket")

    async def connect_accepted_socket(self, *arguments: Any, **options: Any) -> NoReturn:
        """Refused."""
        refuse("an accepted socket of the operating system")

    async def connect_read_pipe(self, *arguments: Any, **options: Any) -> NoReturn:
        """Refused."""
        refuse("a pipe")

    async def connect_write_pipe(self, *arguments: Any, **options: Any) -> NoReturn:
        """Refused."""
        refuse("a pipe")

    async def sock_recv(self, *arguments: Any, **options: Any) -> NoReturn:
        """Refused."""
        refuse("reading a bare socket", "use streams or protocols")

    async def sock_recv_into(self, *arguments: Any, **options: Any) -> NoReturn:
        """Refused."""
        refuse("reading a bare socket", "use streams or protocols")

    async def sock_sendall(self, *arguments: Any, **options: Any) -> NoReturn:
        """Refused."""
        refuse("writing a bare socket", "use streams or protocols")

    async def sock_accept(self, *arguments: Any, **options: Any) -> NoReturn:
        """Refused."""
        refuse("accepting on a bare socket", "use create_server")

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> NoReturn:  # type: ignore[override]
        """Refused."""
        refuse("a file descriptor of the operating system")

    def add_writer(self, fd: Any, callback: Any, *args: Any) -> NoReturn:  # type: ignore[override]
        """Refused."""
        refuse("a file descriptor of the operating system")

    def _process_events(self, event_list: Any) -> None:
        """There is no selector."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector, so nobody must be woken."""
