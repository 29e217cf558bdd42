"""The one WebSocket transport under both of python-binance's socket classes: aiohttp's client.

No compression (nobody on loopback or at the venue gains by it), text frames left as bytes, no limit on a reply's size,
and `TCP_NODELAY`, which aiohttp sets on every connection. No proxy is taken from the environment.
"""

import asyncio
from typing import Any
from weakref import WeakSet

import aiohttp
from yarl import URL

from actors.binance.direct_socket import DirectSocket
from actors.binance.errors import NotSent

CLOSE_TIMEOUT_S = 0.2
USER_AGENT = "ticktroupe"

Socket = DirectSocket


class WebSocketTransport:
    """Opens sockets; its session is made on the first use and closed by `close`.

    `silence_limit_s` is how long a peer may send nothing, not even the answer to a ping, before its socket is given up;
    None means for ever.
    """

    def __init__(
        self, connect_timeout_s: float = 10.0, silence_limit_s: float | None = 30.0
    ) -> None:
        self.connect_timeout_s = connect_timeout_s
        self.silence_limit_s = silence_limit_s
        self._session: aiohttp.ClientSession | None = None
        self._opened: WeakSet[Any] = WeakSet()

    async def open(self, url: str) -> Socket:
        """A connected socket. Raises NotSent if that fails or takes too long."""
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
