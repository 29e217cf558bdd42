"""The bare loop: the least that can answer a tick, and the bound that everything else is measured against.

One protocol on each socket, the frame decoded by msgspec, and the order taken from a table in which it lies signed and
framed. It decides nothing, checks nothing, and keeps no account.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

import msgspec

from actors.commands.bench_bot import DEFAULT_WAY, Way
from actors.commands.bench_exchange import (
    LOT,
    OTHER_SYMBOLS,
    SYMBOL,
    BenchAddresses,
    TickReport,
    price_of,
)
from actors.commands.bench_process import PATIENCE_S, ExchangeProcess

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
POST = (
    "POST /api/v3/order HTTP/1.1\r\nHost: {host}\r\nX-MBX-APIKEY: {key}\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{payload}"
)


class TradeData(msgspec.Struct):
    """The part of a trade event that the bare loop decides on."""

    s: str
    p: str


class TradeFrame(msgspec.Struct):
    """A frame of a combined stream."""

    data: TradeData


class BareSocket(asyncio.Protocol):
    """A WebSocket client by hand: whole text frames in, frames made beforehand out."""

    def __init__(self, path: str, on_text: Callable[[bytes], None]) -> None:
        self.path = path
        self.on_text = on_text
        self.is_open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the upgrade."""
        # uvloop's transports are of no class of asyncio's; they only look like them.
        self.transport = cast(asyncio.Transport, transport)
        host, port = transport.get_extra_info("peername")[:2]
        self.transport.write(UPGRADE.format(path=self.path, host=f"{host}:{port}").encode())

    def data_received(self, data: bytes) -> None:
        """Cuts frames out of the bytes (RFC 6455, 5.2); a server's frames carry no mask."""
        data = self.buffer + data if self.buffer else data
        if not self.is_open.done():
            head, separator, data = data.partition(b"\r\n\r\n")
            if not separator:
                self.buffer = head
                return
            self.is_open.set_result(None)
        start = 0
        while len(data) - start >= 4:
            length, body = data[start + 1], start + 2
            if length == 126:
                length, body = int.from_bytes(data[start + 2 : start + 4], "big"), start + 4
            if len(data) < body + length:
                break
            if data[start] == 0x81:
                self.on_text(data[body : body + length])
            start = body + length
        self.buffer = data[start:]


async def open_bare(url: str, on_text: Callable[[bytes], None]) -> BareSocket:
    """A connected socket. Raises TimeoutError if the upgrade does not come."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    _, client = await asyncio.get_running_loop().create_connection(
        lambda: BareSocket(path, on_text), parts.hostname or "", parts.port or 0
    )
    await asyncio.wait_for(client.is_open, PATIENCE_S)
    return client


def client_frame(payload: bytes) -> bytes:
    """A client's whole text frame; a mask of zeros leaves the payload as it is."""
    return b"\x81" + bytes((0x80 | 126,)) + len(payload).to_bytes(2, "big") + bytes(4) + payload


def sign_orders(addresses: BenchAddresses, first: int, count: int, way: Way) -> dict[str, bytes]:
    """The request for each tick to come, signed and framed, by the price as the trade will spell it."""
    orders = {}
    for tick in range(first, first + count):
        parameters: dict[str, str | int] = {
            "price": f"{price_of(tick):.2f}",
            "quantity": str(LOT),
            "recvWindow": 60_000,
            "side": "BUY",
            "symbol": SYMBOL,
            "timeInForce": "IOC",
            "timestamp": time.time_ns() // 1_000_000,
            "type": "LIMIT",
        }
        if way.entry == "websocket":
            parameters = {"apiKey": addresses.api_key, **parameters}
        payload = "&".join(f"{key}={value}" for key, value in parameters.items())
        secret = addresses.api_secret.encode()
        signature = hmac.new(secret, payload.encode(), hashlib.sha256).hexdigest()
        price = f"{price_of(tick):.8f}"
        if way.entry == "websocket":
            request = {
                "id": tick,
                "method": "order.place",
                "params": {**parameters, "signature": signature},
            }
            orders[price] = client_frame(msgspec.json.encode(request))
        else:
            payload = f"{payload}&signature={signature}"
            host = urlsplit(addresses.rest).netloc
            key, length = addresses.api_key, len(payload)
            orders[price] = POST.format(host=host, key=key, length=length, payload=payload).encode()
    return orders


class BareRequests(asyncio.Protocol):
    """A connection to the REST API: requests made beforehand out, and what comes back is not looked at."""

    def __init__(self, on_answer: Callable[[bytes], None]) -> None:
        self.on_answer = on_answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """An answer has come: a small one comes whole."""
        self.on_answer(data)


async def run_bare(
    exchange: ExchangeProcess,
    ticks: int,
    way: Way = DEFAULT_WAY,
    flood_per_s: float = 0.0,
    acknowledgements_ns: list[int] | None = None,
) -> TickReport:
    """The bare loop answers so many ticks."""
    addresses = exchange.addresses
    orders = sign_orders(addresses, exchange.ticks, ticks, way)
    decode = msgspec.json.Decoder(TradeFrame).decode
    sent_ns = 0

    def answer(frame: bytes) -> None:
        nonlocal sent_ns
        data = decode(frame).data
        if data.s == SYMBOL:
            sent_ns = time.perf_counter_ns()
            client.transport.write(orders[data.p])

    def hear(frame: bytes) -> None:
        """What the exchange makes of the order is no matter here, only that it has spoken."""
        if acknowledgements_ns is not None:
            acknowledgements_ns.append(time.perf_counter_ns() - sent_ns)

    client: BareSocket | BareRequests
    if way.entry == "websocket":
        client = await open_bare(addresses.ws_api, hear)
    else:
        parts = urlsplit(addresses.rest)
        _, client = await asyncio.get_running_loop().create_connection(
            lambda: BareRequests(hear), parts.hostname or "", parts.port or 0
        )
    symbols = (SYMBOL, OTHER_SYMBOLS[0]) if flood_per_s else (SYMBOL,)
    names = "/".join(f"{symbol.lower()}@trade" for symbol in symbols)
    stream = await open_bare(f"{addresses.streams}/stream?streams={names}", answer)
    try:
        return await exchange.run_ticks(ticks, flood_per_s)
    finally:
        client.transport.close()
        stream.transport.close()
