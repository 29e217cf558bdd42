"""Reads another exchange's public market: rules, recent trades, and the streams that keep mirrored markets up to date.

No key is needed and none is used. The book of each symbol is built by the exchange's own rule (actors/trading/order_book.py);
while it is not whole, after a cut or a hole, the mirrored market shows nothing, so that nobody trades against prices that are
no longer there. A connection that breaks or says nothing for `SILENCE_SECONDS` is replaced, at growing distances.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from actors.exchange.announced_rules import read_symbol
from actors.exchange.mirrored import MirroredMarket
from actors.exchange.public_source import PublicSource
from actors.exchange.symbols import SymbolRules
from actors.trading.order_book import BookResult, LocalOrderBook
from messages.instruments import to_decimal

LOGGER = logging.getLogger(__name__)

REQUEST_SECONDS = 10.0
SILENCE_SECONDS = 30.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
SNAPSHOT_LEVELS = 1000
RECENT_TRADES = 500


class SourceError(Exception):
    """The other exchange cannot be read, or not be understood."""


class _Trade(msgspec.Struct):
    """A frame of `<symbol>@trade` (web-socket-streams.md, Trade Streams)."""

    t: int
    p: str
    q: str
    m: bool


class _Depth(msgspec.Struct):
    """A frame of `<symbol>@depth@100ms`, and a snapshot has the same levels (Diff. Depth Stream)."""

    U: int
    u: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class _Snapshot(msgspec.Struct):
    """An order book (rest-api.md, Order book)."""

    lastUpdateId: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class _RecentTrade(msgspec.Struct):
    """One of the recent trades (rest-api.md, Recent trades list)."""

    id: int
    price: str
    qty: str
    isBuyerMaker: bool


class _Frame(msgspec.Struct):
    """What a combined stream wraps each event in."""

    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()


class PublicFeed:
    """The connection to one other exchange. `run` goes on until it is canceled."""

    def __init__(
        self, source: PublicSource, session: aiohttp.ClientSession, symbols: Sequence[str]
    ) -> None:
        self.source, self.symbols = source, tuple(symbols)
        self._session = session
        self._markets: dict[str, MirroredMarket] = {}
        self._books = {symbol: LocalOrderBook() for symbol in symbols}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._after_event: Callable[[], None] = lambda: None
        self._decode_frame = msgspec.json.Decoder(_Frame).decode
        self._decode_trade = msgspec.json.Decoder(_Trade).decode
        self._decode_depth = msgspec.json.Decoder(_Depth).decode

    async def read_rules(self) -> list[SymbolRules]:
        """What the exchange announces of the symbols, in their order. Raises SourceError."""
        names = msgspec.json.encode(self.symbols).decode()
        info = msgspec.json.decode(await self._get("/api/v3/exchangeInfo", symbols=names))
        try:
            found = [read_symbol(entry) for entry in info["symbols"]]
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(f"{self.source.rest}: {error}") from error
        by_name = {rules.name: rules for rules in found}
        missing = [name for name in self.symbols if name not in by_name]
        if missing:
            raise SourceError(f"{self.source.rest} does not list {', '.join(missing)}")
        return [by_name[name] for name in self.symbols]

    async def open(
        self, markets: dict[str, MirroredMarket], after_event: Callable[[], None]
    ) -> None:
        """Takes the markets to keep, and prints what was traded last; `after_event` is called after each change.

        Raises SourceError.
        """
        self._markets, self._after_event = markets, after_event
        for symbol, market in markets.items():
            body = await self._get("/api/v3/trades", symbol=symbol, limit=RECENT_TRADES)
            trades = msgspec.json.decode(body, type=list[_RecentTrade])
            market.remember(
                (one.id, Decimal(one.price), Decimal(one.qty), one.isBuyerMaker) for one in trades
            )

    async def run(self) -> None:
        """Keeps the markets up to date, over as many connections as it takes."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._follow()
                pause = FIRST_PAUSE_SECONDS
                why = "was closed"
            except (OSError, aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
                why = f"broke: {error!r}"
            finally:
                self._forget()
            LOGGER.warning("the streams of %s: the connection %s", self.source.streams, why)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _follow(self) -> None:
        """One connection, to its end."""
        names = [
            f"{symbol.lower()}@{kind}"
            for symbol in self.symbols
            for kind in ("depth@100ms", "trade")
        ]
        url = f"{self.source.streams}/stream?streams={'/'.join(names)}"
        async with self._session.ws_connect(
            url, heartbeat=SILENCE_SECONDS / 2, max_msg_size=0
        ) as socket:
            for symbol in self.symbols:  # In a quiet market nothing may come for long.
                self._ask(symbol)
            while True:
                message = await socket.receive(SILENCE_SECONDS)
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return
                self._take(message.data.encode())

    def _take(self, text: bytes) -> None:
        frame = self._decode_frame(text)
        name, _, kind = frame.stream.partition("@")
        symbol = name.upper()
        market = self._markets.get(symbol)
        if market is None:
            return
        if kind == "trade":
            trade = self._decode_trade(frame.data)
            printed = (trade.t, Decimal(trade.p), Decimal(trade.q), trade.m)
            if self._books[symbol].is_synchronized:
                market.trade(*printed)
            else:  # What stands ahead of users' orders is not known: the trade is printed, and meets none of them.
                market.remember([printed])
        else:
            self._take_depth(symbol, market, self._decode_depth(frame.data))
        self._after_event()

    def _take_depth(self, symbol: str, market: MirroredMarket, depth: _Depth) -> None:
        result = self._books[symbol].apply_diff(depth.U, depth.u, depth.b, depth.a)
        if result is BookResult.APPLIED:
            market.set_levels(levels_of(depth.b), levels_of(depth.a))
        elif result is not BookResult.IGNORED:
            if result is BookResult.GAP:
                LOGGER.warning("%s: updates are missing; its book is read again", symbol)
                market.withdraw()
            self._ask(symbol)

    def _ask(self, symbol: str) -> None:
        """Has a symbol's book read, unless that is under way."""
        if symbol not in self._asking:
            asking = self._asking[symbol] = asyncio.ensure_future(self._read_book(symbol))
            asking.add_done_callback(lambda ended: self._forget_asking(symbol, ended))

    def _forget_asking(self, symbol: str, ended: asyncio.Task[None]) -> None:
        if self._asking.get(symbol) is ended:
            del self._asking[symbol]

    async def _read_book(self, symbol: str) -> None:
        """Reads snapshots until one fits the differences that have been kept."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                body = await self._get("/api/v3/depth", symbol=symbol, limit=SNAPSHOT_LEVELS)
                found = msgspec.json.decode(body, type=_Snapshot)
                result = self._books[symbol].apply_snapshot(
                    found.lastUpdateId, found.bids, found.asks
                )
            except (SourceError, ValueError, msgspec.MsgspecError) as error:
                LOGGER.warning("%s: its book cannot be read: %s", symbol, error)
            else:
                if result is BookResult.APPLIED:
                    self._load(symbol)
                    return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _load(self, symbol: str) -> None:
        book = self._books[symbol]
        bids, asks = book.top(SNAPSHOT_LEVELS * 10)
        self._markets[symbol].load(
            [(to_decimal(price), to_decimal(quantity)) for price, quantity in bids],
            [(to_decimal(price), to_decimal(quantity)) for price, quantity in asks],
        )
        self._after_event()

    def _forget(self) -> None:
        """Nothing is known any longer: what comes next may have a hole before it."""
        for task in self._asking.values():
            task.cancel()
        self._asking.clear()
        for symbol, market in self._markets.items():
            self._books[symbol].reset()
            market.withdraw()
        self._after_event()

    async def _get(self, path: str, **query: Any) -> bytes:
        """The body of an answer. Raises SourceError if there is none, or another than 200."""
        url = str(URL(self.source.rest + path).with_query(query))
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        try:
            async with self._session.get(url, timeout=timeout) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise SourceError(f"{url} cannot be read: {error or type(error).__name__}") from error
        if answer.status != 200:
            text = body[:200].decode(errors="replace")
            raise SourceError(f"{url} answers {answer.status}: {text}")
        return body


def levels_of(levels: Sequence[tuple[str, str]]) -> list[tuple[Decimal, Decimal]]:
    """Prices and quantities out of a frame that the book has checked."""
    return [(Decimal(price), Decimal(quantity)) for price, quantity in levels]
