"""A paper market: another exchange's public streams as the market of this one, so that orders fill against real prices
without money. The source is Binance, or any exchange of its kind.

`run` keeps one connection with `<symbol>@depth@100ms` and `<symbol>@trade` of every symbol. A book is begun, and after a gap
begun anew, with a snapshot by REST and the differences that came meanwhile. A connection that is lost, or silent for too
long, is opened again after a growing pause; until then nothing is displayed. Times are the source's, moved to this
exchange's clock by what `time` says at each connection. Trading rules are the source's, read at the start.
"""

import asyncio
import logging
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec

from actors.exchange.paper_book import SNAPSHOT_LEVELS, PaperBook, streamed_trade
from actors.exchange.symbols import SymbolRules
from actors.exchange.venue import Venue
from actors.trading.order_book import BookResult

LOGGER = logging.getLogger(__name__)
SILENCE_SECONDS = 30.0
REQUEST_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
SNAPSHOT_PAUSE_SECONDS = 0.5
CLOCK_READINGS = 4
"""The reading that took least time is the best."""
LOOK_AGAIN_US = 100_000
REFUSALS = (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError)
"""What a source that is away, or that answers nonsense, shows itself by."""


class SourceError(ValueError):
    """The source cannot be this market's: it does not list a symbol."""


class PaperMarket:
    """Some symbols of a venue, traded elsewhere."""

    def __init__(
        self,
        venue: Venue,
        symbols: Sequence[str],
        rest: str,
        streams: str,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self.venue = venue
        self.rest, self.streams = rest.rstrip("/"), streams.rstrip("/")
        self.silence_seconds = silence_seconds
        house = venue.open_house_account("streamed market")
        self.books = {symbol: PaperBook(venue, symbol, house) for symbol in symbols}
        self.clock_offset_us = 0
        """This exchange's clock less the source's."""
        self.connections = 0
        self.snapshots = 0
        self._fetching: dict[str, asyncio.Task[None]] = {}

    def advance(self, now_us: int) -> int:
        """Nothing is due by time; asks to be called again, for what the exchange does beside the market."""
        return now_us + LOOK_AGAIN_US

    async def run(self) -> None:
        """Follows the source until canceled. Raises SourceError if the source does not list a symbol."""
        pause = FIRST_PAUSE_SECONDS
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                before = self.snapshots
                try:
                    await self._prepare(session)
                    await self._follow(session)
                    LOGGER.warning("the source %s has closed the connection", self.streams)
                except SourceError:
                    raise
                except REFUSALS as error:
                    LOGGER.warning("the source %s: %s", self.streams, error or type(error).__name__)
                finally:
                    await self._lose()
                if self.snapshots > before:
                    pause = FIRST_PAUSE_SECONDS
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _prepare(self, session: aiohttp.ClientSession) -> None:
        """Reads the source's clock, and at the first time its trading rules."""
        shortest = None
        for _ in range(CLOCK_READINGS):
            before = self.venue.now_us()
            answer = await self._get(session, "time")
            taken = self.venue.now_us() - before
            if shortest is None or taken < shortest:
                shortest = taken
                self.clock_offset_us = before + taken // 2 - answer["serverTime"] * 1000
        if self.connections:
            return
        for symbol in self.books:
            information = await self._get(session, "exchangeInfo", symbol=symbol)
            rules = self.venue.rules(symbol)
            adopt_filters(rules, information["symbols"][0]["filters"])
            self.venue.market(symbol).engine.lot_size = rules.lot_size

    async def _get(self, session: aiohttp.ClientSession, path: str, **parameters: Any) -> Any:
        async with session.get(f"{self.rest}/api/v3/{path}", params=parameters) as response:
            body = await response.read()
            answer = msgspec.json.decode(body)
            if response.status != 200:
                if isinstance(answer, dict) and answer.get("code") == -1121:
                    raise SourceError(f"{self.rest} does not list {parameters.get('symbol')}")
                raise ValueError(f"{path}: HTTP {response.status} {body[:200]!r}")
            return answer

    async def _follow(self, session: aiohttp.ClientSession) -> None:
        names = [
            f"{symbol.lower()}@{what}" for symbol in self.books for what in ("depth@100ms", "trade")
        ]
        url = f"{self.streams}/stream?streams={'/'.join(names)}"
        async with session.ws_connect(url, max_msg_size=0) as socket:
            self.connections += 1
            for symbol in self.books:
                self._want_snapshot(session, symbol)
            while True:
                message = await socket.receive(timeout=self.silence_seconds)
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return
                self._hear(session, msgspec.json.decode(message.data))

    def _hear(self, session: aiohttp.ClientSession, message: Any) -> None:
        event = message["data"]
        book = self.books.get(event.get("s", ""))
        if book is None:
            return
        if event["e"] == "trade":
            time_us = event["T"] * 1000 + self.clock_offset_us
            book.apply_trade(
                streamed_trade(
                    event["t"],
                    event["p"],
                    event["q"],
                    min(time_us, self.venue.now_us()),
                    event["m"],
                )
            )
        elif event["e"] == "depthUpdate":
            result = book.apply_difference(event["U"], event["u"], event["b"], event["a"])
            if result is BookResult.GAP:
                LOGGER.warning("%s: updates are missing; the book is read again", book.symbol)
                self._want_snapshot(session, book.symbol)

    def _want_snapshot(self, session: aiohttp.ClientSession, symbol: str) -> None:
        running = self._fetching.get(symbol)
        if running is None or running.done():
            self._fetching[symbol] = asyncio.ensure_future(self._fetch(session, symbol))

    async def _fetch(self, session: aiohttp.ClientSession, symbol: str) -> None:
        """Reads snapshots until one fits."""
        book = self.books[symbol]
        while not book.is_known:
            try:
                found = await self._get(session, "depth", symbol=symbol, limit=SNAPSHOT_LEVELS)
                book.apply_snapshot(found["lastUpdateId"], found["bids"], found["asks"])
                self.snapshots += 1
            except REFUSALS as error:
                LOGGER.warning("%s: no snapshot: %s", symbol, error or type(error).__name__)
            if not book.is_known:
                await asyncio.sleep(SNAPSHOT_PAUSE_SECONDS)

    async def _lose(self) -> None:
        tasks = list(self._fetching.values())
        self._fetching.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for book in self.books.values():
            book.reset()


def adopt_filters(rules: SymbolRules, filters: Sequence[dict[str, Any]]) -> None:
    """Takes over the source's price, lot and notional filters (filters.md)."""
    found = {one["filterType"]: one for one in filters}
    if price := found.get("PRICE_FILTER"):
        rules.min_price, rules.max_price = Decimal(price["minPrice"]), Decimal(price["maxPrice"])
        rules.tick_size = Decimal(price["tickSize"])
    if lot := found.get("LOT_SIZE"):
        rules.min_quantity, rules.max_quantity = Decimal(lot["minQty"]), Decimal(lot["maxQty"])
        rules.lot_size = Decimal(lot["stepSize"])
    if market_lot := found.get("MARKET_LOT_SIZE"):
        rules.market_min_quantity = Decimal(market_lot["minQty"])
        rules.market_max_quantity = Decimal(market_lot["maxQty"])
        rules.market_lot_size = Decimal(market_lot["stepSize"])
    if notional := found.get("NOTIONAL") or found.get("MIN_NOTIONAL"):
        rules.min_notional = Decimal(notional["minNotional"])
        rules.max_notional = Decimal(notional.get("maxNotional", "0"))
