"""python-binance's client with its REST transport and signing made right, and ours for its WebSocket API.

Every method of `AsyncClient` that goes to the spot API (`create_order`, `ws_create_order`, `get_order`, ...) works
through this one; they raise the errors of `actors.binance.errors` instead of python-binance's.

Differences from the class it derives from: what is signed is byte for byte what is sent (python-binance signs values
before encoding them); the caller's `recvWindow` is kept; numbers go out without exponents and `None` not at all; answers
are read once; a request that may have been executed is told from one that was not.
"""

import logging
import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Self

import aiohttp
import msgspec
from binance.async_client import AsyncClient
from yarl import URL

from actors.binance.clock import ClockOffset, estimate_offset, sample_clock
from actors.binance.direct_rest import DirectRest, place_of
from actors.binance.endpoints import BinanceEndpoints
from actors.binance.errors import (
    TOO_MANY_ORDERS,
    UNREADABLE,
    BinanceError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    classify_http,
)
from actors.binance.limits import RateUsage
from actors.binance.signing import RequestSigner, build_signer, rest_payload, sign_rest
from actors.binance.transport import USER_AGENT, ConnectLimit
from actors.binance.wire_info import decode_server_time
from actors.binance.ws_api import BinanceWebsocketAPI
from actors.runtime.failpoints import ARMED

log = logging.getLogger(__name__)

PING_PATIENCE_S = 3.0
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class BinanceClient(AsyncClient):  # type: ignore[misc]  # python-binance is untyped
    """One account at one environment. Must be made within a running loop; makes no connection until first used.

    `private_key` is an Ed25519 PEM and goes before `api_secret` (HMAC). `now_ns` is our wall clock. Raises ValueError
    for a key that cannot be read.
    """

    REQUEST_RECVWINDOW = None

    def __init__(
        self,
        endpoints: BinanceEndpoints,
        api_key: str = "",
        api_secret: str = "",
        private_key: str = "",
        *,
        random: Random | None = None,
        now_ns: Callable[[], int] = time.time_ns,
        recv_window_ms: int = 5000,
        timeout_s: float = 10.0,
        connect_timeout_s: float = 5.0,
        silence_limit_s: float | None = 30.0,
        lifetime_s: float = 23 * 3600.0,
        settled_after_s: float = 10.0,
    ) -> None:
        if not api_key.isprintable():
            raise ValueError("the API key has a character that no key has")
        self.settled_after_s = settled_after_s
        self.lifetime_s = lifetime_s
        self.endpoints = endpoints
        self.timeout_s = timeout_s
        self.connect_timeout_s = connect_timeout_s
        self.silence_limit_s = silence_limit_s
        self.random = random if random is not None else Random()
        self.usage = RateUsage()
        self.connects = ConnectLimit()
        self.signing = RequestSigner(
            api_key=api_key,
            signer=build_signer(api_secret, private_key),
            now_ns=now_ns,
            recv_window_ms=recv_window_ms,
        )
        self.venue_time_ns = self.signing.venue_time_ns
        """The venue's time now, as well as we know it."""
        # The keys stay with the signer: python-binance's own signing is never reached.
        super().__init__(api_key=api_key or None)
        self.API_URL = endpoints.rest
        self.ws_api = self.new_ws_api()
        self.direct = DirectRest(
            self.session.connector,
            endpoints.rest,
            self.session.headers,
            connect_timeout_s,
            self.random,
        )
        """Connections for what changes something by REST; there are some only while `keep_direct` is called."""

    @classmethod
    async def create(cls, *arguments: Any, **options: Any) -> Self:
        """A client that has measured the venue's clock. Takes what the constructor takes; raises as `call` does."""
        client = cls(*arguments, **options)
        try:
            await client.synchronise_clock()
        except BinanceError:
            await client.close_connection()
            raise
        return client

    def new_ws_api(self) -> BinanceWebsocketAPI:
        """Another WebSocket API connection with the same keys and limits, for a user stream of its own."""
        return BinanceWebsocketAPI(
            self.endpoints.ws_api,
            self.signing,
            self.random,
            usage=self.usage,
            timeout_s=self.timeout_s,
            connect_timeout_s=self.connect_timeout_s,
            silence_limit_s=self.silence_limit_s,
            lifetime_s=self.lifetime_s,
            settled_after_s=self.settled_after_s,
            connects=self.connects,
        )

    @property
    def clock_offset(self) -> ClockOffset:
        """The venue's time minus ours, as it was measured last."""
        return self.signing.clock_offset

    async def synchronise_clock(self, samples: int = 5) -> ClockOffset:
        """Measures the venue's clock, uses it from now on, and returns it. Raises as `call` does."""
        measured = await sample_clock(self.read_venue_time_ns, self.signing.now_ns, samples)
        try:
            offset = estimate_offset(measured)
        except ValueError as error:
            # Our own clock was set back meanwhile: another reading will do.
            raise OutcomeUnknown(str(error)) from error
        self.signing.clock_offset = offset
        self.timestamp_offset = round(offset.offset_ns / 1_000_000)
        return offset

    async def read_venue_time_ns(self) -> int:
        """The venue's clock, cut to milliseconds. Raises as `call` does."""
        data = await self.call("get", "time")
        try:
            return decode_server_time(data)
        except UNREADABLE as error:
            raise OutcomeUnknown(f"the venue's time cannot be read ({error})") from error

    async def call(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        signed: bool = False,
        timeout_s: float | None = None,
        send_before_ns: int = 0,
    ) -> bytes:
        """One REST request, such as `call("get", "depth", {"symbol": "BTCUSDT"})`; returns the JSON of its answer.

        `send_before_ns` (our clock; 0 for no limit) is the last instant to send it. Raises one of the four errors of
        `errors`.
        """
        if send_before_ns and self.signing.now_ns() > send_before_ns:
            raise NotSent("too late: it was to be sent earlier")
        uri = self._create_api_uri(path, signed)
        return await self._send(method.lower(), uri, dict(params or {}), signed, timeout_s)

    async def keep_direct(self) -> None:
        """Keeps connections open ahead of orders by REST; to be called every second or so. Raises nothing."""
        if self.usage.retry_at_ns > self.venue_time_ns():
            return  # what is sent now prolongs a ban
        uri = self._create_api_uri("ping", signed=False)
        for answer in await self.direct.keep(uri, min(PING_PATIENCE_S, self.timeout_s)):
            try:
                self._judge(answer.status, answer.headers, answer.body)
            except BinanceError as error:
                log.warning("a ping by REST was answered with %s", error)

    async def close_connection(self) -> None:
        """Closes everything at once (python-binance takes ten seconds)."""
        self.direct.close()
        await self.session.close()
        await self.ws_api.close()

    async def _send(
        self,
        method: str,
        uri: str,
        params: dict[str, Any],
        signed: bool,
        timeout_s: float | None = None,
    ) -> bytes:
        """Signs, sends, and reads the answer. A GET whose kept-alive connection had gone is sent once more."""
        attempts = 2 if method == "get" else 1
        while True:
            attempts -= 1
            try:
                return await self._send_once(method, uri, params, signed, timeout_s)
            except aiohttp.ClientConnectorError as error:
                raise NotSent(f"no connection to {uri}: {error}") from error
            except aiohttp.ConnectionTimeoutError as error:
                raise NotSent(f"no connection to {uri} in time: {error}") from error
            except TimeoutError as error:
                raise OutcomeUnknown(f"no answer from {uri} in time") from error
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if attempts == 0:
                    raise OutcomeUnknown(f"the connection to {uri} broke: {error}") from error
            except (aiohttp.ClientError, OSError) as error:
                text = f"the exchange with {uri} failed: {words_of(error)}"
                # Its own words would follow in every traceback.
                raise OutcomeUnknown(text) from None

    async def _send_once(
        self, method: str, uri: str, params: dict[str, Any], signed: bool, timeout_s: float | None
    ) -> bytes:
        venue_time_ns = self.venue_time_ns()
        if self.usage.retry_at_ns > venue_time_ns:
            raise RateLimited(self.usage.retry_at_ns, self.usage.is_banned, message="not sent")
        payload = self._payload(params, signed, venue_time_ns)
        body: bytes | None = None
        if method in ("get", "delete"):
            # A body of a DELETE has no defined meaning (RFC 9110, 9.3.5): what stands between may drop it.
            uri = f"{uri}?{payload}" if payload else uri
        else:
            body = payload.encode()
        limit_s = self.timeout_s if timeout_s is None else timeout_s
        if ARMED is not None:
            ARMED.reach("rest.before", (place_of(method, uri),))
        if method != "get":
            answer = await self.direct.request(method.upper(), uri, body, limit_s)
            if answer is not None:
                self.response = answer
                if ARMED is not None:
                    ARMED.reach("rest.answered", (place_of(method, uri),))
                return self._judge(answer.status, answer.headers, answer.body)
        async with self.session.request(
            method,
            URL(uri, encoded=True),
            data=body,
            headers=None if body is None else FORM,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=limit_s,
                connect=self.connect_timeout_s,
                sock_connect=self.connect_timeout_s,
            ),
        ) as response:
            self.response = response
            content = await response.read()
            if ARMED is not None:
                ARMED.reach("rest.answered", (place_of(method, uri),))
            return self._judge(response.status, response.headers, content)

    def _payload(self, params: dict[str, Any], signed: bool, venue_time_ns: int) -> str:
        if not signed:
            return rest_payload(params)
        if self.signing.signer is None:
            raise NotSent("the request must be signed and no key was given")
        complete = {"recvWindow": self.signing.recv_window_ms, **params}
        complete["timestamp"] = venue_time_ns // 1_000_000
        return sign_rest(complete, self.signing.signer)

    async def _read_answer(self, response: aiohttp.ClientResponse) -> bytes:
        """As `_judge`, of an answer whose session python-binance has asked."""
        return self._judge(response.status, response.headers, await response.read())

    def _judge(self, status: int, headers: Mapping[str, str], body: bytes) -> bytes:
        """The body of a good answer; counters are kept whatever the answer is. Raises the error a bad one means."""
        venue_time_ns = self.venue_time_ns()
        self.usage.observe_headers(headers, venue_time_ns)
        if 200 <= status < 300:
            return body or b"{}"
        error = classify_http(status, body, headers.get("Retry-After"), venue_time_ns)
        if isinstance(error, RateLimited) and error.code != TOO_MANY_ORDERS:
            self.usage.observe_refusal(error.retry_at_ns, error.is_ban)
        raise error

    # What follows is overridden in python-binance's own terms, so that its methods come through here.

    def _init_session(self) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._get_headers(),
        )
        # aiohttp would send a DELETE or PUT a second time after a lost connection, by itself.
        session._retry_connection = False
        return session

    def _get_headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
        if self.API_KEY:
            headers["X-MBX-APIKEY"] = self.API_KEY
        return headers

    async def _request(
        self, method: str, uri: str, signed: bool, force_params: bool = False, **kwargs: Any
    ) -> Any:
        params = dict(kwargs.get("data") or {})
        params.pop("requests_params", None)
        params.pop("signature", None)
        data = await self._send(method.lower(), uri, params, signed)
        return decode_answer(data)

    async def _handle_response(self, response: aiohttp.ClientResponse) -> Any:
        return decode_answer(await self._read_answer(response))

    async def _ws_api_request(self, method: str, signed: bool, params: dict[str, Any]) -> Any:
        own = {name: value for name, value in params.items() if name != "id"}
        return decode_answer(await self.ws_api.request(method, own, signed=signed))


def decode_answer(data: bytes) -> Any:
    """The JSON of a good answer as plain objects. Raises OutcomeUnknown if it is no JSON."""
    try:
        return msgspec.json.decode(data)
    except UNREADABLE as error:
        raise OutcomeUnknown(f"the answer cannot be read ({error}): {data[:200]!r}") from error


def words_of(error: Exception) -> str:
    """What went wrong, without the address: aiohttp's own words name the whole of it, and so a signature."""
    text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return f"{type(error).__name__}: {text}"
