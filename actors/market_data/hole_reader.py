"""Reads by REST what the streams have missed, within the venue's limits; what it cannot get, it leaves out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from actors.binance.backoff import Backoff
from actors.binance.client import BinanceClient
from actors.binance.errors import BinanceError, RequestRefused
from actors.binance.market_requests import BinanceMarket
from actors.binance.pacing import ReadPacer
from actors.binance.wire_market import DepthSnapshot
from messages.enums import Exchanges, KlineInterval
from messages.market import Kline, Trade

MILLISECOND_NS = 1_000_000
EXCHANGE_INFO_WEIGHT = 20
TRADES_WEIGHT = 25
KLINES_WEIGHT = 2
ROWS_PER_PAGE = 1000
DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (5000, 250))
"""Up to so many levels a snapshot weighs so much (rest-api.md, Order book)."""
ATTEMPTS = 3

Row = TypeVar("Row")
log = logging.getLogger(__name__)


class HoleReader:
    """The REST side of a feed. At most `trades_to_fill` trades of one hole are read, and none for longer than `patience_s`."""

    def __init__(
        self, client: BinanceClient, exchange: Exchanges, trades_to_fill: int, patience_s: float
    ) -> None:
        self.client = client
        self.market = BinanceMarket(client, exchange)
        self.pacer = ReadPacer(client)
        self.trades_to_fill = trades_to_fill
        self.patience_s = patience_s
        self._is_limit_known = False

    async def depth_snapshot(self, symbol: str, levels: int) -> DepthSnapshot:
        """The book now. Raises a `BinanceError`."""
        weight = next(weight for most, weight in DEPTH_WEIGHTS if levels <= most)
        async with self.pacer.reading(weight):
            return await self.market.depth_snapshot(symbol, levels)

    async def trades(self, symbol: str, first_id: int, end_id: int) -> list[Trade]:
        """The trades from one id up to, but not including, another: those of them that the venue still gives."""
        first_id = max(first_id, end_id - self.trades_to_fill)
        if first_id >= end_id:
            return []
        found: dict[int, Trade] = {}

        def keep(trades: list[Trade]) -> None:
            found.update(
                {trade.trade_id: trade for trade in trades if first_id <= trade.trade_id < end_id}
            )

        async def read() -> None:
            await self._learn_limits(symbol)
            if not found:
                async with self.pacer.reading(TRADES_WEIGHT):
                    keep(await self.market.recent_trades(symbol, ROWS_PER_PAGE))
            while len(found) < end_id - first_id:
                missing_id = next(
                    number for number in range(first_id, end_id) if number not in found
                )
                async with self.pacer.reading(TRADES_WEIGHT):
                    page = await self.market.trades_from(symbol, missing_id, ROWS_PER_PAGE)
                keep(page)
                if missing_id not in found:
                    return

        await self._try(f"trades of {symbol}", read)
        return [found[number] for number in sorted(found)]

    async def klines(
        self, symbol: str, interval: KlineInterval, begin_ns: int, end_ns: int
    ) -> list[Kline]:
        """The closed bars that open within a range of times, its end not included."""
        found: dict[int, Kline] = {}

        async def read() -> None:
            await self._learn_limits(symbol)
            from_ns = begin_ns
            while from_ns < end_ns:
                async with self.pacer.reading(KLINES_WEIGHT):
                    page = await self.market.klines(
                        symbol,
                        interval,
                        ROWS_PER_PAGE,
                        from_ns // MILLISECOND_NS,
                        end_ns // MILLISECOND_NS - 1,
                    )
                found.update({bar.open_time_ns: bar for bar in page})
                if len(page) < ROWS_PER_PAGE:
                    break
                from_ns = page[-1].close_time_ns + MILLISECOND_NS
            last_ns = max((bar.close_time_ns for bar in found.values()), default=0)
            if last_ns + MILLISECOND_NS < end_ns:
                raise BarsMissing(f"the venue does not give all bars of {symbol} yet")

        await self._try(f"bars of {symbol}", read)
        return [found[open_ns] for open_ns in sorted(found)]

    async def _try(self, what: str, read: Callable[[], Awaitable[None]]) -> None:
        """Reads, again a few times if that fails, and never for too long."""
        backoff = Backoff(self.client.random, first_s=0.2, limit_s=2.0)
        try:
            async with asyncio.timeout(self.patience_s):
                for _ in range(ATTEMPTS):
                    try:
                        await read()
                        return
                    except RequestRefused as error:
                        log.warning("missing %s are not to be had: %s", what, error)
                        return
                    except BinanceError as error:
                        log.warning("missing %s cannot be read yet: %s", what, error)
                    await asyncio.sleep(backoff.next_delay_s())
        except TimeoutError:
            log.warning("missing %s were not read within %s s", what, self.patience_s)

    async def _learn_limits(self, symbol: str) -> None:
        """The venue's limits, before the first read that may weigh something beside the snapshots."""
        if self._is_limit_known:
            return
        async with self.pacer.reading(EXCHANGE_INFO_WEIGHT):
            rules = await self.market.rules([symbol])
        self.pacer.budget.update_limits(rules.rate_limits)
        self._is_limit_known = True


class BarsMissing(BinanceError):
    """The venue has not yet written down a bar that it has closed."""
