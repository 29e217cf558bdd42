"""python-binance's socket manager, giving out our market streams."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import msgspec
from binance.ws.streams import BinanceSocketManager

from actors.binance.client import BinanceClient
from actors.binance.streams import MarketStream


class BinanceStreams(BinanceSocketManager):  # type: ignore[misc]  # python-binance is untyped
    """python-binance's socket manager, whose sockets are `MarketStream`s.

    `open_streams` is the way in for a feed. python-binance's own (`trade_socket`, `multiplex_socket`, ...) give sockets
    to be used as it documents, `async with` and `recv`.
    """

    def __init__(self, client: BinanceClient, **options: Any) -> None:
        super().__init__(client)
        self.STREAM_URL = f"{client.endpoints.streams}/"
        self._random = client.random
        self._options = {"connects": client.connects, **options}

    def open_streams(
        self,
        streams: Iterable[str],
        on_frame: Callable[[bytes], None],
        on_connected: Callable[[], None],
        on_lost: Callable[[str], None],
        together: AbstractContextManager[None] | None = None,
    ) -> MarketStream:
        """A connection for these combined streams (names by `stream_names`); it opens when its `run` is awaited."""
        return MarketStream(
            self._get_stream_url(),
            self._random,
            on_frame,
            on_connected,
            on_lost,
            together=together,
            streams=streams,
            **self._options,
        )

    def _get_socket(
        self,
        path: str,
        stream_url: str | None = None,
        prefix: str = "ws/",
        is_binary: bool = False,
        socket_type: Any = None,
    ) -> MarketStream:
        """A socket whose frames, as plain objects, wait for `recv`."""
        socket = MarketStream(
            self._get_stream_url(stream_url),
            self._random,
            lambda frame: queue.put_nowait(msgspec.json.decode(frame)),
            lambda: None,
            lambda reason: None,
            path=f"{prefix}{path}",
            **self._options,
        )
        queue = socket._queue
        return socket
