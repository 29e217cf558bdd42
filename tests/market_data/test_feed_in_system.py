"""The feed in a running system, reading the local exchange, which runs in a process of its own."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Never

import pytest

from actors.binance.endpoints import BinanceEndpoints, endpoints_at
from actors.market_data.binance import BinanceMarketDataFeed
from actors.runtime.actor import Actor
from actors.runtime.clock import RealClock
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from messages.base import Message
from messages.enums import FeedState, KlineInterval
from messages.market import BookTicker, FeedStatus, OrderBook, PartialKline, Trade

ROOT = Path(__file__).parents[2]
Heard = Trade | BookTicker | OrderBook | PartialKline | FeedStatus


class Watcher(Actor[Never]):
    """Keeps the market data of one symbol."""

    def __init__(self, symbol: str, interval: KlineInterval) -> None:
        self.symbol = symbol
        self.interval = interval
        self.received: list[Message] = []

    def on_data(self, message: Heard) -> None:
        self.received.append(message)


@pytest.fixture
def exchange() -> Iterator[BinanceEndpoints]:
    """A local exchange with two symbols and fifty trades a second."""
    command = [sys.executable, "-m", "actors.commands.exchange"]
    command += ["--symbols", "BTCUSDT,ETHUSDT", "--rate", "50", "--seed", "3"]
    with (
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process,
        ExitStack() as stack,
    ):
        stack.callback(process.terminate)
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        yield endpoints_at(line["rest"], line["ws_api"], line["streams"])


def make_system(endpoints: BinanceEndpoints) -> System:
    interval = KlineInterval.MINUTE_1
    return System(
        [
            ActorSpecification(Watcher, "btc", {"symbol": "BTCUSDT", "interval": interval}),
            ActorSpecification(Watcher, "eth", {"symbol": "ETHUSDT", "interval": interval}),
            ActorSpecification(
                BinanceMarketDataFeed, "feed", {"endpoints": endpoints, "book_levels": 5}
            ),
        ],
        RealClock(),
    )


def heard_by(system: System, name: str) -> list[Any]:
    instance: Any = system.cells[name].instance
    kept: list[Any] = instance.received
    return kept


async def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline_s = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline_s, "it did not come in time"
        await asyncio.sleep(0.01)


def has_everything(heard: list[Any]) -> bool:
    classes = {type(item) for item in heard}
    return classes >= {Trade, BookTicker, OrderBook, PartialKline, FeedStatus}


@pytest.mark.asyncio
async def test_every_class_reaches_who_asked_for_it_and_a_rebuilt_feed_goes_on(
    exchange: BinanceEndpoints, caplog: pytest.LogCaptureFixture
) -> None:
    system = make_system(exchange)
    await system.start()
    try:
        for name, symbol in (("btc", "BTCUSDT"), ("eth", "ETHUSDT")):
            await until(lambda name=name: has_everything(heard_by(system, name)))  # type: ignore[misc]
            heard = heard_by(system, name)
            assert {item.symbol for item in heard} == {symbol}
            states = [item.state for item in heard if isinstance(item, FeedStatus)]
            assert states[-1] is FeedState.LIVE
            assert FeedState.GAP not in states
            books = [item for item in heard if isinstance(item, OrderBook)]
            assert all(len(book.bids) <= 5 for book in books)
            assert all(book.bids[0][0] < book.asks[0][0] for book in books)

        async def fail() -> None:
            raise RuntimeError("a task of the feed fails")

        feed: Any = system.cells["feed"].instance
        feed.spawn(fail())
        await until(lambda: system.statistics()["feed"]["restarts"] == 1)
        for name in ("btc", "eth"):
            heard_by(system, name).clear()
        for name in ("btc", "eth"):
            await until(lambda name=name: has_everything(heard_by(system, name)))  # type: ignore[misc]
        assert not system.ended.is_set()
    finally:
        await system.stop()
