"""The one WebSocket transport under both of python-binance's socket classes: aiohttp's client.

No compression (nobody on loopback or at the venue gains by it), text frames left as bytes, no limit on a reply's size,
and `TCP_NODELAY`, which aiohttp sets on every connection. No proxy is taken from the environment.

The venue takes 300 attempts to connect in five minutes from one address (web-socket-streams.md, General information) and
shuts out who makes more. Delays between attempts keep below that as long as connections last; where each ends as soon as
it is there, because its server is about to, only a count does.
"""

import asyncio
import logging
from collections import deque
from typing import Any
from weakref import WeakSet

import aiohttp
from yarl import URL

from actors.binance.direct_socket import DirectSocket
from actors.binance.errors import NotSent

CLOSE_TIMEOUT_S = 0.2
USER_AGENT = "ticktroupe"

Socket = DirectSocket

log = logging.getLogger(__name__)

WINDOW_S = 300.0
MOST_CONNECTS = 140
"""Of one client: feed and gateway each have one, and something is left for who looks after the account by hand."""
LONGEST_CONNECT_WAIT_S = 0.2
"""Whoever needs a connection sooner is told so at once: a cancel has another way."""


class ConnectLimit:
    """Counts the connections that the sockets of one client begin."""

    def __init__(self, most: int = MOST_CONNECTS, window_s: float = WINDOW_S) -> None:
        self.most = most
        self.window_s = window_s
        self.is_exceeded = False
        self._begun: deque[float] = deque()

    async def take(self) -> None:
        """Counts an attempt that begins now, or in a moment. Raises NotSent if it would have to wait for longer."""
        loop = asyncio.get_running_loop()
        given_up_s = loop.time() + LONGEST_CONNECT_WAIT_S
        while (wait_s := self._find_wait_s(loop.time())) > 0:
            if loop.time() + wait_s > given_up_s:
                self._tell(wait_s)
                raise NotSent(
                    f"{self.most} connections were begun lately; the next may be in {wait_s:.1f} s"
                )
            await asyncio.sleep(wait_s)
        self._begun.append(loop.time())
        self.is_exceeded = False

    def _find_wait_s(self, now_s: float) -> float:
        while self._begun and self._begun[0] + self.window_s <= now_s:
            self._begun.popleft()
        return self._begun[0] + self.window_s - now_s if len(self._begun) >= self.most else 0.0

    def _tell(self, wait_s: float) -> None:
        if not self.is_exceeded:
            self.is_exceeded = True
            log.warning(
                "%d connections were begun within %g s, and the venue shuts out who begins many: none for %.1f s",
                len(self._begun),
                self.window_s,
                wait_s,
            )


class WebSocketTransport:
    """Opens sockets; its session is made on the first use and closed by `close`.

    `silence_limit_s` is how long a peer may send nothing, not even the answer to a ping, before its socket is given up;
    None means for ever. `connects` is shared by all sockets of a client.
    """

    def __init__(
        self,
        connect_timeout_s: float = 10.0,
        silence_limit_s: float | None = 30.0,
        connects: ConnectLimit | None = None,
    ) -> None:
        self.connects = connects if connects is not None else ConnectLimit()
        self.connect_timeout_s = connect_timeout_s
        self.silence_limit_s = silence_limit_s
        self._session: aiohttp.ClientSession | None = None
        self._opened: WeakSet[Any] = WeakSet()

    async def open(self, url: str) -> Socket:
        """A connected socket. Raises NotSent if that fails or takes too long, or if too many were begun."""
        await self.connects.take()
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": USER_AGENT},
                ws_response_class=DirectSocket,
            )
        # aiohttp sends a ping after `heartbeat` of silence and waits half as long again for an answer.
        heartbeat = None if self.silence_limit_s is None else self.silence_limit_s / 1.5
        try:
            async with asyncio.timeout(self.connect_timeout_s):
                socket: Any = await self._session.ws_connect(
                    URL(url, encoded=True),
                    heartbeat=heartbeat,
                    compress=0,
                    max_msg_size=0,
                    decode_text=False,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S),
                )
                self._opened.add(socket)
                opened: Socket = socket
                return opened
        except TimeoutError as error:
            raise NotSent(f"no connection to {url} within {self.connect_timeout_s} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise NotSent(f"no connection to {url}: {error}") from error

    async def close(self) -> None:
        """Closes the session and with it every socket it opened."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        for socket in tuple(self._opened):
            socket.abandon()


def end_reason(socket: Socket, message: aiohttp.WSMessage) -> str:
    """Why reading ended, in words."""
    error = message.data if isinstance(message.data, BaseException) else socket.exception()
    # aiohttp answers the end of a cut connection with a close frame, and that is the error it then keeps.
    is_cut = isinstance(error, aiohttp.ClientConnectionResetError)
    if error is not None and not is_cut:
        return f"{type(error).__name__}: {error}"
    if is_cut or socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE:
        return "connection lost without a close frame"
    return f"closed by the peer with code {socket.close_code}"
