"""The feed's place among the actors of a backtest: it is named as the source of all market data, which the player plays."""

from typing import Any

from actors.runtime.actor import Actor
from messages.enums import Exchanges
from messages.market import (
    BookTicker,
    FeedStatus,
    Kline,
    OrderBook,
    PartialKline,
    Trade,
)


class SimulatedFeed(Actor[Trade | BookTicker | OrderBook | Kline | PartialKline | FeedStatus]):
    """Sends nothing by itself. That it names every class makes the wiring check pass; `wanted.py` looks at the data."""

    is_boundary = True
    exchange = Exchanges.BINANCE


def make_feed_class() -> type[Actor[Any]]:
    """The class of the feed."""
    return SimulatedFeed
