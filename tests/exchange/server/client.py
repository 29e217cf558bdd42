"""A plain client of the Binance Spot API for the tests: it writes and signs requests by itself, from the documentation."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from yarl import URL

from actors.exchange.app import serve
from actors.exchange.configuration import ExchangeAddresses, ExchangeConfiguration
from actors.exchange.signing import KeyKind, KeyPair

PATIENCE_SECONDS = 30.0
LIMIT_ORDER = {"symbol": "BTCUSDT", "type": "LIMIT", "timeInForce": "GTC"}


@dataclass(slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.text)

    @property
    def error(self) -> tuple[int, int, str]:
        """HTTP status, code and message of a refusal."""
        body = self.json
        return self.status, body["code"], body["msg"]


def now_ms() -> int:
    """The wall clock in milliseconds."""
    return time.time_ns() // 1_000_000


async def room_in_minute() -> None:
    """Waits, if a minute is about to end: the request weight begins anew with the next one."""
    left = 60.0 - time.time() % 60.0
    if left < 12.0:
        await asyncio.sleep(left)


def sign(pair: KeyPair, payload: str) -> str:
    """The signature of a text: hexadecimal for an HMAC key, base64 for an Ed25519 key."""
    if pair.kind is KeyKind.HMAC:
        return hmac.new(pair.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    key = load_pem_private_key(pair.secret.encode(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    return base64.b64encode(key.sign(payload.encode())).decode()


class Rest:
    """HTTP requests to one exchange, on one connection pool."""

    def __init__(self, session: aiohttp.ClientSession, base: str, pair: KeyPair) -> None:
        self.session = session
        self.base = base
        self.pair = pair

    async def raw(
        self,
        verb: str,
        target: str,
        body: bytes | BytesIO | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Sends a request exactly as written."""
        url = URL(self.base + target, encoded=True)
        async with self.session.request(verb, url, data=body, headers=headers) as response:
            return Answer(response.status, response.headers, await response.text())

    async def get(self, path: str, **parameters: Any) -> Answer:
        """An unsigned GET."""
        query = "?" + urlencode(parameters) if parameters else ""
        return await self.raw("GET", f"/api/v3/{path}{query}")

    async def signed(self, verb: str, path: str, **parameters: Any) -> Answer:
        """A signed request with everything in the query."""
        target, headers = self.prepare(path, parameters)
        return await self.raw(verb, target, headers=headers)

    def prepare(self, path: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        """The target and the headers of a signed request with everything in the query."""
        query = self.form(parameters)
        return f"/api/v3/{path}?{query}", {"X-MBX-APIKEY": self.pair.key}

    def form(self, parameters: Mapping[str, Any]) -> str:
        """Parameters with timestamp and signature, as a form."""
        payload = urlencode({"timestamp": now_ms(), **parameters})
        return f"{payload}&signature={quote(sign(self.pair, payload), safe='')}"

    async def place(self, side: str, quantity: str, price: str, **more: Any) -> Answer:
        """A LIMIT GTC order in BTCUSDT unless `more` says otherwise."""
        terms = {**LIMIT_ORDER, "side": side, "quantity": quantity, "price": price, **more}
        return await self.signed("POST", "order", **terms)


class Socket:
    """A WebSocket whose messages are awaited with patience."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse[bool], pair: KeyPair) -> None:
        self.socket = socket
        self.pair = pair
        self.events: list[dict[str, Any]] = []
        self.numbers = 0

    async def next(self) -> Any:
        """The next message."""
        message = await self.socket.receive(timeout=PATIENCE_SECONDS)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return msgspec.json.decode(message.data)

    async def until(self, **expected: Any) -> Any:
        """The next message, or its event, that has these fields; what comes before it is kept in `events`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            message = await self.next()
            event = message.get("event", message)
            if all(event.get(name) == value for name, value in expected.items()):
                return event
            self.events.append(event)
        raise AssertionError(f"no message with {expected} came")

    async def call(self, method: str, **parameters: Any) -> Any:
        """An unsigned request's reply; events that come first are kept in `events`."""
        self.numbers += 1
        request: dict[str, Any] = {"id": self.numbers, "method": method}
        if parameters:
            request["params"] = parameters
        await self.socket.send_bytes(msgspec.json.encode(request))
        return await self.reply(self.numbers)

    async def reply(self, number: Any) -> Any:
        """The reply of this id."""
        while True:
            message = await self.next()
            if "id" in message and message["id"] == number:
                return message
            self.events.append(message)

    async def signed(self, method: str, **parameters: Any) -> Any:
        """A signed request's reply."""
        return await self.call(method, **self.sign(parameters))

    def sign(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters with key, timestamp and signature; values must be texts, integers or booleans."""
        complete = {"apiKey": self.pair.key, "timestamp": now_ms(), **parameters}
        payload = "&".join(f"{name}={as_text(complete[name])}" for name in sorted(complete))
        return {**complete, "signature": sign(self.pair, payload)}

    async def place(self, side: str, quantity: str, price: str, **more: Any) -> Any:
        """A LIMIT GTC order in BTCUSDT unless `more` says otherwise."""
        terms = {**LIMIT_ORDER, "side": side, "quantity": quantity, "price": price, **more}
        return await self.signed("order.place", **terms)


def as_text(value: Any) -> str:
    """A JSON value as it is signed."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(slots=True)
class World:
    """A running exchange and ways to it."""

    configuration: ExchangeConfiguration
    addresses: ExchangeAddresses
    session: aiohttp.ClientSession
    stop: asyncio.Event
    task: asyncio.Task[None]

    def pair(self, number: int = 0, account: int = 0) -> KeyPair:
        """A key: by default 0 is the HMAC key, 1 the Ed25519 key."""
        return self.configuration.accounts[account].keys[number]

    def rest(self, number: int = 0, account: int = 0) -> Rest:
        """HTTP with a key of an account."""
        return Rest(self.session, self.addresses.rest, self.pair(number, account))

    @asynccontextmanager
    async def api(
        self, query: str = "", number: int = 0, account: int = 0, **options: Any
    ) -> AsyncIterator[Socket]:
        """A WebSocket API connection with a key of an account."""
        url = self.addresses.ws_api + query
        async with self.session.ws_connect(url, **options) as socket:
            yield Socket(socket, self.pair(number, account))

    @asynccontextmanager
    async def streams(self, path: str, **options: Any) -> AsyncIterator[Socket]:
        """A market stream connection."""
        url = URL(self.addresses.streams + path, encoded=True)
        async with self.session.ws_connect(url, **options) as socket:
            yield Socket(socket, self.pair())


@asynccontextmanager
async def running(configuration: ExchangeConfiguration) -> AsyncIterator[World]:
    """An exchange that serves until the block ends, and must then end well."""
    found: asyncio.Future[ExchangeAddresses] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    task = asyncio.create_task(serve(configuration, found.set_result, stop))
    task.add_done_callback(lambda ended: found.cancel())
    try:
        await found
    except asyncio.CancelledError:
        task.result()
        raise
    async with aiohttp.ClientSession() as session:
        try:
            yield World(configuration, found.result(), session, stop, task)
        finally:
            stop.set()
            await asyncio.wait_for(task, PATIENCE_SECONDS)
