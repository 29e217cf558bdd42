"""Plain sockets that speak just enough HTTP and WebSocket to send what a library would refuse to."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

PATIENCE_SECONDS = 20.0
UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class ConnectionDied(Exception):
    """The other side hung up where it should have answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    content_type: str
    body: bytes


class HttpWire:
    """One connection that is kept alive; requests are sent one behind the other without waiting."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "HttpWire":
        """A new connection to loopback."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 24))

    async def ask(self, requests: Sequence[bytes], verbs: Sequence[str]) -> list[Answer]:
        """The answers to requests, in their order. Raises ConnectionDied."""
        self.writer.write(b"".join(requests))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return [await self.answer(verb) for verb in verbs]
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise ConnectionDied(repr(error)) from error

    async def answer(self, verb: str) -> Answer:
        """The next answer."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
        length = 0 if verb == "HEAD" else int(fields.get("content-length", "0"))
        body = await self.reader.readexactly(length)
        return Answer(int(first.split(" ")[1]), fields.get("content-type", ""), body)

    def close(self) -> None:
        """Ends it."""
        self.writer.close()


def frame(payload: bytes, opcode: int = TEXT, *, is_final: bool = True) -> bytes:
    """A client's frame, masked with zeros."""
    length = len(payload)
    head = bytes((opcode | (0x80 if is_final else 0),))
    if length < 126:
        head += bytes((0x80 | length,))
    elif length < 65536:
        head += b"\xfe" + length.to_bytes(2, "big")
    else:
        head += b"\xff" + length.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


class SocketWire:
    """One WebSocket whose frames are written and read by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int, path: str) -> "SocketWire":
        """A new connection, after its handshake."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
        writer.write(UPGRADE.format(path=path).encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_SECONDS)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionDied(head.decode())
        return cls(reader, writer)

    def send(self, frames: bytes) -> None:
        """Writes bytes as they are."""
        self.writer.write(frames)

    async def next(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame. Raises ConnectionDied."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                first, length = await self.reader.readexactly(2)
                if length >= 126:
                    size = 2 if length == 126 else 8
                    length = int.from_bytes(await self.reader.readexactly(size), "big")
                return first & 15, await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError) as error:
            raise ConnectionDied(repr(error)) from error

    async def text(self) -> bytes:
        """The next message; pings are answered. Raises ConnectionDied."""
        while True:
            opcode, payload = await self.next()
            if opcode == TEXT:
                return payload
            if opcode == CLOSE:
                raise ConnectionDied(f"closed: {payload!r}")
            if opcode == PING:
                self.send(frame(payload, PONG))

    def close(self) -> None:
        """Ends it."""
        self.writer.close()


async def until_closed(port: int, message: bytes) -> bytes:
    """What comes back to bytes on a connection of their own, until the other side has hung up or 0.2 s are over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = b""
    end = time.monotonic() + 0.2
    try:
        writer.write(message)
        while (left := end - time.monotonic()) > 0:
            part = await asyncio.wait_for(reader.read(65536), left)
            if not part:
                break
            found += part
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    return found
