"""Public requests: instruments with the venue's limits, book snapshots, past bars."""

import msgspec

from actors.binance.client import BinanceClient
from actors.binance.errors import UNREADABLE, BinanceError
from actors.binance.wire_info import RateLimit, decode_exchange_info, instruments_of
from actors.binance.wire_market import (
    DepthSnapshot,
    decode_best_prices,
    decode_depth_snapshot,
    decode_klines,
    decode_public_trades,
)
from messages.enums import Exchanges, KlineInterval
from messages.instruments import Instrument
from messages.market import Kline, Trade


class AnswerUnreadable(BinanceError):
    """The answer to a public request has not the form it should have; nothing was changed by it."""


class VenueRules(msgspec.Struct):
    """What exchangeInfo says: the instruments asked for, and the limits that bind everybody."""

    instruments: list[Instrument]
    rate_limits: list[RateLimit]


class BinanceMarket:
    """Public requests over REST. Every method raises a `BinanceError`."""

    def __init__(self, client: BinanceClient, exchange: Exchanges = Exchanges.BINANCE) -> None:
        self.client = client
        self.exchange = exchange

    async def rules(self, symbols: list[str] | None = None) -> VenueRules:
        """Instruments of these symbols (all by default), and the rate limits."""
        data = await self.client.call("get", "exchangeInfo", {"symbols": symbols or None})
        try:
            info = decode_exchange_info(data)
            return VenueRules(instruments_of(info, self.exchange), info.rate_limits)
        except UNREADABLE as error:
            raise AnswerUnreadable(f"exchangeInfo cannot be read: {error}") from error

    async def depth_snapshot(self, symbol: str, limit: int = 1000) -> DepthSnapshot:
        """The book now, best levels first."""
        data = await self.client.call("get", "depth", {"symbol": symbol, "limit": limit})
        try:
            return decode_depth_snapshot(data)
        except UNREADABLE as error:
            raise AnswerUnreadable(f"the book of {symbol} cannot be read: {error}") from error

    async def best_prices(self, symbols: list[str]) -> dict[str, tuple[float, float]]:
        """Best bid and ask of these symbols now; a side without orders is 0."""
        data = await self.client.call("get", "ticker/bookTicker", {"symbols": symbols})
        try:
            rows = decode_best_prices(data)
        except UNREADABLE as error:
            raise AnswerUnreadable(f"the best prices cannot be read: {error}") from error
        return {row.symbol: (row.bid_price, row.ask_price) for row in rows}

    async def recent_trades(self, symbol: str, limit: int = 1000) -> list[Trade]:
        """The newest public trades, in the order of their ids."""
        return await self._trades("trades", {"limit": limit}, symbol)

    async def trades_from(self, symbol: str, from_id: int, limit: int = 1000) -> list[Trade]:
        """Public trades from an id on, in the order of their ids; older than the venue's memory goes."""
        return await self._trades("historicalTrades", {"fromId": from_id, "limit": limit}, symbol)

    async def _trades(self, path: str, params: dict[str, int], symbol: str) -> list[Trade]:
        data = await self.client.call("get", path, {"symbol": symbol, **params})
        now_ns = self.client.signing.now_ns()
        try:
            return decode_public_trades(data, symbol, now_ns, self.exchange)
        except UNREADABLE as error:
            raise AnswerUnreadable(f"the trades of {symbol} cannot be read: {error}") from error

    async def klines(
        self,
        symbol: str,
        interval: KlineInterval,
        limit: int = 500,
        start_time_ms: int | None = None,
        end_time_ms: int | None = None,
    ) -> list[Kline]:
        """Closed bars, oldest first: the latest, or those that open within a range of the venue's time."""
        params = {
            "symbol": symbol,
            "interval": interval.value,
            "limit": limit,
            "startTime": start_time_ms,
            "endTime": end_time_ms,
        }
        data = await self.client.call("get", "klines", params)
        venue_time_ns = self.client.venue_time_ns()
        try:
            return decode_klines(data, symbol, interval, venue_time_ns, self.exchange)
        except UNREADABLE as error:
            raise AnswerUnreadable(f"the bars of {symbol} cannot be read: {error}") from error
