"""The socket of a running bot: for the bot's own user alone, and harmless whatever is written into it.

It lies in the state folder, and the folder's lock says whose it is: what an ended or killed process has left there is
stale and is replaced. A path may be longer than the hundred-odd bytes that an address can have; then the socket lies in a
folder of its own below the system's temporary one, and a symbolic link in the state folder leads there.
"""

import asyncio
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from actors.commands.command_desk import CommandDesk
from actors.commands.command_lines import (
    LONGEST_REQUEST,
    CommandReply,
    decode_request,
    describe_request,
    encode_line,
)
from actors.commands.state_folder import LONGEST_ADDRESS, SOCKET_FILE
from actors.runtime.errors import ConfigurationError, Fault

TEMPORARY = "ticktroupe-"
REQUEST_PATIENCE_S = 5.0
REPLY_PATIENCE_S = 5.0
MAXIMUM_CLIENTS = 16
BAD_REQUEST = 2
FAILED = 1

log = logging.getLogger("actors.bot")


def socket_path(folder: Path) -> Path:
    """Where the socket of the bot with this state folder is looked for."""
    return folder.absolute() / SOCKET_FILE


def remove_stale(path: Path) -> None:
    """Removes what an earlier bot has left: a socket, or a link to one with the folder made for it.

    Raises OSError, also for anything else that has this name: that is somebody's own.
    """
    if path.is_symlink():
        folder = Path(os.readlink(path)).parent
        path.unlink()
        is_ours = folder.name.startswith(TEMPORARY) and not folder.is_symlink()
        if is_ours and folder.is_dir() and folder.stat().st_uid == os.geteuid():
            shutil.rmtree(folder, ignore_errors=True)
    elif path.is_socket():
        path.unlink()
    elif path.exists():
        raise FileExistsError(17, "something that is no socket has this name", str(path))


def bind_socket(path: Path) -> socket.socket:
    """A listening socket that this user alone can connect to. Raises OSError."""
    remove_stale(path)
    address = path
    if len(os.fsencode(path)) > LONGEST_ADDRESS:
        address = Path(tempfile.mkdtemp(prefix=TEMPORARY)) / SOCKET_FILE
        path.symlink_to(address)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The mask makes the file private from its first moment on. Nothing else runs between these lines.
    mask = os.umask(0o177)
    try:
        listener.bind(os.fspath(address))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(mask)
    listener.setblocking(False)
    return listener


class CommandSocket:
    """Reads one command from each connection and answers it."""

    def __init__(self, desk: CommandDesk) -> None:
        self.desk = desk
        self.clients: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A new connection; one too many is closed unanswered."""
        if len(self.clients) >= MAXIMUM_CLIENTS:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self.clients.add(task)
        task.add_done_callback(self.clients.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(text: str) -> None:
            # Whoever has left does not call off what he has asked for.
            with suppress(OSError, TimeoutError, RuntimeError):
                await self._write(writer, CommandReply(text))

        try:
            try:
                async with asyncio.timeout(REQUEST_PATIENCE_S):
                    line = await reader.readline()
                if not line:
                    return
                request = decode_request(line)
            except ValueError as error:  # also a line that is too long
                await self._write(writer, CommandReply(str(error)[:200], BAD_REQUEST))
                return
            if request.command != "status":
                log.warning("command: %s", describe_request(request))
            await self._write(writer, await self.desk.carry_out(request, say))
        except (OSError, TimeoutError, RuntimeError) as error:
            log.info("a command's connection: %r", error)
        finally:
            if writer.transport.get_write_buffer_size():
                # A reader that has stopped reading is not waited for.
                writer.transport.abort()
            else:
                writer.transport.close()

    async def _write(self, writer: asyncio.StreamWriter, reply: CommandReply) -> None:
        """Writes a line and waits until the system has taken all of it. Raises OSError, or TimeoutError for a slow reader."""
        writer.transport.set_write_buffer_limits(0)
        writer.write(encode_line(reply))
        async with asyncio.timeout(REPLY_PATIENCE_S):
            await writer.drain()

    async def close(self) -> None:
        """Ends all connections."""
        for task in self.clients:
            task.cancel()
        if self.clients:
            await asyncio.wait(self.clients)


@asynccontextmanager
async def listen_for_commands(folder: Path, desk: CommandDesk) -> AsyncIterator[None]:
    """Answers commands as long as this is open.

    Raises ConfigurationError if the socket cannot be made.
    """
    path = socket_path(folder)
    try:
        listener = bind_socket(path)
    except OSError as error:
        raise ConfigurationError(
            [
                Fault(
                    str(path),
                    f"the socket for commands cannot be made: {error.strerror}",
                    "move away what lies there, or set [bot] state_folder",
                )
            ]
        ) from error
    connections = CommandSocket(desk)
    server = await asyncio.start_unix_server(
        connections.accept, sock=listener, limit=LONGEST_REQUEST
    )
    try:
        yield
    finally:
        server.close()
        await connections.close()
        with suppress(OSError):
            remove_stale(path)
