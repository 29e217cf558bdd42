"""A REST server on loopback that says to each request what a test tells it, byte for byte, whether that is HTTP or not."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from actors.binance.endpoints import BinanceEndpoints, endpoints_at


def answer(body: str = "{}", status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers)
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@dataclass
class RawRequest:
    """A request as it came: over which connection (from 0), in how many reads, and its parts."""

    connection: int
    reads: int
    start: str
    headers: dict[str, str]
    body: str
    writer: asyncio.StreamWriter

    @property
    def is_ping(self) -> bool:
        return "/ping" in self.start


Script = Callable[[RawRequest], Awaitable[None]]


async def answer_all(request: RawRequest) -> None:
    """The script of a venue that has nothing to say."""
    request.writer.write(answer())


async def say_nothing(request: RawRequest) -> None:
    """A script that leaves every request without an answer."""


@dataclass
class RawVenue:
    """Keeps what it was asked; pings are answered by themselves unless `script_pings`."""

    script: Script = answer_all
    script_pings: bool = False
    tls: ssl.SSLContext | None = None
    requests: list[RawRequest] = field(default_factory=list)
    pings: list[RawRequest] = field(default_factory=list)
    connections: list[asyncio.StreamWriter] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    """Connections that the client has ended."""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for writer in self.connections:
            # asyncio's TLS transport of Python 3.11 has forgotten its protocol once the connection is lost.
            with suppress(AttributeError):
                writer.transport.abort()
        await asyncio.sleep(0.01)

    @property
    def endpoints(self) -> BinanceEndpoints:
        scheme, host = ("https", "localhost") if self.tls else ("http", "127.0.0.1")
        address = f"{scheme}://{host}:{self.port}"
        return endpoints_at(address, "ws://127.0.0.1:1", "ws://127.0.0.1:1")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(self.connections)
        self.connections.append(writer)
        try:
            while data := await reader.read(65_536):
                request = await self._read_request(number, data, reader, writer)
                if request.is_ping and not self.script_pings:
                    self.pings.append(request)
                    writer.write(answer())
                    continue
                (self.pings if request.is_ping else self.requests).append(request)
                await self.script(request)
            self.closed.append(number)
        except OSError:
            self.closed.append(number)
        finally:
            writer.close()

    async def _read_request(
        self, number: int, data: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> RawRequest:
        reads = 1
        while True:
            head, end, body = data.partition(b"\r\n\r\n")
            start, *lines = head.decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines) if end else {}
            if end and len(body) >= int(headers.get("Content-Length", 0)):
                return RawRequest(number, reads, start, headers, body.decode(), writer)
            data += await reader.read(65_536)
            reads += 1


def says(*pieces: bytes, then_closes: bool = False) -> Script:
    """A script that says this, each piece in a segment of its own."""

    async def script(request: RawRequest) -> None:
        for piece in pieces:
            request.writer.write(piece)
            await asyncio.sleep(0.01)
        if then_closes:
            request.writer.close()

    return script
