"""The base class of feeds: what is asked for, and how each symbol stands with the venue.

A venue's feed implements one coroutine, `stream`, which waits for what is wanted, sends it, and says how each symbol
stands. The base tells every change of a state at once, and repeats every second what is not LIVE: a state is no event, and
who missed it once hears it again. So is the best bid and ask, which a venue tells when it changes and not before: whoever
asks for it later, such as an order manager that began anew, hears the last one again, with the time at which it was received.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import Any, NamedTuple, Self

import msgspec

from actors.runtime.actor import Actor
from messages.control import Subscribe
from messages.enums import Exchanges, FeedState, KlineInterval
from messages.market import BookTicker, FeedStatus, Kline, OrderBook, PartialKline, Trade

REPEAT_INTERVAL_S = 1.0
DATA_CLASSES = {
    message_class.__name__: message_class
    for message_class in (Trade, BookTicker, OrderBook, Kline, PartialKline)
}


class WantedStream(NamedTuple):
    """One stream of market data that at least one actor asked for; `interval` belongs to bars alone."""

    message_class: type[Trade | BookTicker | OrderBook | Kline | PartialKline]
    symbol: str
    interval: KlineInterval | None = None


class MarketDataFeed(
    Actor[Trade | BookTicker | OrderBook | Kline | PartialKline | FeedStatus], ABC
):
    """Reads one venue's market; `exchange` says which."""

    is_essential = True
    exchange: Exchanges

    _wanted: dict[WantedStream, None]
    _news: list[WantedStream]
    _has_news: asyncio.Event
    _states: dict[str, tuple[FeedState, str]]
    _tickers: dict[str, BookTicker]

    def __new__(cls, *arguments: Any, **keywords: Any) -> Self:
        """Creates the state that the base keeps."""
        instance = super().__new__(cls, *arguments, **keywords)
        instance._wanted = {}
        instance._news = []
        instance._has_news = asyncio.Event()
        instance._states = {}
        instance._tickers = {}
        return instance

    @abstractmethod
    async def stream(self) -> None:
        """Sends what is wanted, for as long as the feed runs; `wait_for_wanted` says what."""

    def on_subscribe(self, subscribe: Subscribe) -> None:
        """Takes what is asked of this venue; asking twice opens nothing, and tells a best bid and ask that stands again."""
        message_class = DATA_CLASSES.get(subscribe.message_class)
        if subscribe.exchange != self.exchange or message_class is None:
            return
        wanted = WantedStream(message_class, subscribe.symbol, subscribe.interval)
        if wanted not in self._wanted:
            self._wanted[wanted] = None
            self._news.append(wanted)
            self._has_news.set()
        elif message_class is BookTicker and (told := self._tickers.get(subscribe.symbol)):
            self.send(msgspec.structs.replace(told))

    def tell_ticker(self, ticker: BookTicker) -> None:
        """Sends a best bid and ask, which stands until the next one or until the connection is lost."""
        self._tickers[ticker.symbol] = ticker
        self.send(ticker)

    async def wait_for_wanted(self) -> list[WantedStream]:
        """What has been asked for since the last call; waits until there is something."""
        await self._has_news.wait()
        self._has_news.clear()
        news, self._news = self._news, []
        return news

    def is_wanted(self, wanted: WantedStream) -> bool:
        """Whether somebody asked for this stream."""
        return wanted in self._wanted

    def wall_ns(self) -> int:
        """Our clock now, also within a task, where `now_ns` stands still."""
        return self._context.now_ns()

    def state_of(self, symbol: str) -> FeedState | None:
        """How a symbol stands; None if nothing has been said of it yet."""
        state = self._states.get(symbol)
        return state[0] if state is not None else None

    def set_state(self, symbol: str, state: FeedState, reason: str = "", missed: int = 0) -> None:
        """Says how a symbol stands; a change is told at once."""
        if self.state_of(symbol) is not state:
            if state is FeedState.DISCONNECTED:
                self._tickers.pop(symbol, None)
            self.log.info("%s is %s%s", symbol, state, f": {reason}" if reason else "")
            self._send_status(symbol, state, reason, missed)
        self._states[symbol] = (state, reason)

    def tell_gap(self, symbol: str, reason: str, missed: int) -> None:
        """Says that something is missing for good in what has been sent; the symbol's state is what it was."""
        self.log.warning("%s: %s, %d missing", symbol, reason, missed)
        self._send_status(symbol, FeedState.GAP, reason, missed)
        if (state := self._states.get(symbol)) is not None:
            self._send_status(symbol, *state)

    def _send_status(self, symbol: str, state: FeedState, reason: str, missed: int = 0) -> None:
        self.send(
            FeedStatus(
                exchange=self.exchange,
                symbol=symbol,
                state=state,
                reason=reason,
                missed=missed,
                receive_time_ns=self.wall_ns(),
            )
        )

    def every_second(self) -> None:
        """Called every second while the feed runs, before states are repeated."""

    async def run(self) -> None:
        """Streams, and repeats what is not LIVE."""
        await run_together(self.stream(), self._repeat_states())

    async def _repeat_states(self) -> None:
        while True:
            await asyncio.sleep(REPEAT_INTERVAL_S)
            self.every_second()
            for symbol, (state, reason) in self._states.items():
                if state is not FeedState.LIVE:
                    self._send_status(symbol, state, reason)


async def run_together(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Runs them until all have ended; the first that fails ends the others. Raises its error as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for coroutine in coroutines:
                group.create_task(coroutine)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
