"""An actor may say how old market data may be that it still handles: what is older is dropped unseen, and counted."""

import pytest

from actors.runtime.actor import Actor
from actors.runtime.clock import SimulatedClock
from actors.runtime.errors import WiringError
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from actors.testing import make_trade
from messages.control import Subscribe
from messages.enums import Exchanges, FeedState
from messages.market import FeedStatus, Trade
from tests.runtime.harness import settle

SECOND_NS = 1_000_000_000


class Feed(Actor[Trade | FeedStatus]):
    """Stands for a feed in the wiring."""


class Hasty(Actor[Subscribe]):
    """Acts on what is young."""

    def __init__(self, greatest_age_s: float | None) -> None:
        self.greatest_age_s = greatest_age_s
        self.prices: list[float] = []
        self.states: list[FeedState] = []

    def on_trade(self, trade: Trade) -> None:
        self.prices.append(trade.price)

    def on_feed_status(self, status: FeedStatus) -> None:
        self.states.append(status.state)


async def hear_late(greatest_age_s: float | None) -> tuple[Hasty, dict[str, int]]:
    """Three trades and a word on the feed, the first two 0.3 s before they can be handled."""
    clock = SimulatedClock(SECOND_NS)
    hasty = ActorSpecification(Hasty, "hasty", {"greatest_age_s": greatest_age_s})
    system = System([ActorSpecification(Feed, "feed"), hasty], clock)
    await system.start()
    await settle(system)
    system.send(make_trade(price=1.0))
    system.send(make_trade(price=2.0))
    system.send(FeedStatus(exchange=Exchanges.BINANCE, symbol="BTCUSDT", state=FeedState.STALE))
    clock.advance(0.3)
    system.send(make_trade(price=3.0))
    await settle(system)
    instance = system.cells["hasty"].instance
    assert isinstance(instance, Hasty)
    counts = system.statistics()["hasty"]
    await system.stop()
    return instance, counts


@pytest.mark.asyncio
async def test_what_is_too_old_is_dropped_and_counted() -> None:
    hasty, counts = await hear_late(0.25)
    assert hasty.prices == [3.0]
    assert counts["too_old"] == 2
    assert hasty.states == [FeedState.STALE]


@pytest.mark.parametrize("greatest_age_s", [None, 0.35])
@pytest.mark.asyncio
async def test_what_is_young_enough_is_handled(greatest_age_s: float | None) -> None:
    hasty, counts = await hear_late(greatest_age_s)
    assert hasty.prices == [1.0, 2.0, 3.0]
    assert counts["too_old"] == 0


@pytest.mark.asyncio
async def test_an_age_that_nothing_can_have_is_refused_at_the_start() -> None:
    with pytest.raises(WiringError, match="greatest_age_s"):
        await hear_late(0.0)
