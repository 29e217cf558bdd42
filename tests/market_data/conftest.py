"""A feed outside a system, which keeps all it sends, and a scripted venue for it to read."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest_asyncio

from actors.market_data.binance import BinanceMarketDataFeed
from actors.runtime.clock import RealClock, random_for
from actors.runtime.context import ActorContext
from messages.base import Message
from messages.control import Subscribe
from messages.enums import Exchanges, KlineInterval
from messages.market import FeedStatus, OrderBook
from tests.binance.scripted_venue import ScriptedVenue


class RunningFeed:
    """A feed, its task, and what it has sent, nothing of it conflated."""

    def __init__(self, venue: ScriptedVenue, **arguments: Any) -> None:
        self.actor = BinanceMarketDataFeed(venue.endpoints, **arguments)
        self.actor.bind(ActorContext("feed", RealClock(), random_for(0, "feed")))
        self.task: asyncio.Task[None] | None = None

    def want(
        self,
        *message_classes: type[Message],
        symbol: str = "BTCUSDT",
        interval: KlineInterval | None = None,
    ) -> None:
        for message_class in message_classes:
            self.actor.handle(
                Subscribe(
                    exchange=Exchanges.BINANCE,
                    symbol=symbol,
                    message_class=message_class.__name__,
                    interval=interval,
                )
            )

    def start(self) -> None:
        self.task = asyncio.create_task(self.actor.run())

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    def all_of(self, message_class: type[Message]) -> list[Any]:
        return [item for item in self.actor.outbox if type(item) is message_class]

    def states(self) -> list[str]:
        """The states told, without repetitions."""
        told: list[str] = []
        for status in self.all_of(FeedStatus):
            if told[-1:] != [status.state.value]:
                told.append(status.state.value)
        return told

    def books(self) -> list[OrderBook]:
        return self.all_of(OrderBook)

    async def until(self, condition: Callable[[], Any], timeout_s: float = 20.0) -> Any:
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        while not (answer := condition()):
            if self.task is not None and self.task.done():
                self.task.result()
            if asyncio.get_running_loop().time() > deadline_s:
                raise AssertionError(f"it did not come within {timeout_s} s: {self.states()}")
            await asyncio.sleep(0.005)
        return answer


@pytest_asyncio.fixture
async def venue() -> AsyncIterator[ScriptedVenue]:
    """A venue that does what the test says."""
    scripted = ScriptedVenue()
    await scripted.start()
    yield scripted
    await scripted.stop()


@pytest_asyncio.fixture
async def make_feed(venue: ScriptedVenue) -> AsyncIterator[Callable[..., RunningFeed]]:
    """Feeds of that venue, stopped after the test."""
    made: list[RunningFeed] = []

    def make(**arguments: Any) -> RunningFeed:
        feed = RunningFeed(venue, **arguments)
        made.append(feed)
        return feed

    yield make
    for feed in made:
        await feed.stop()
