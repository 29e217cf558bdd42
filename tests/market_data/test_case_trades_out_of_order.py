"""Trades of one instant whose ids come out of order: none is old, and none is told twice."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.market_data.trade_sequence import PASSED_OVER_KEPT, TradeSequence
from messages.enums import Exchanges
from messages.market import Trade

INSTANT_NS = 1_609_459_200_000_000_000


def make_trade(trade_id: int, time_ns: int = INSTANT_NS) -> Trade:
    return Trade(
        exchange=Exchanges.CUSTOM,
        symbol="BTCUSDT",
        trade_id=trade_id,
        price=100.0,
        quantity=0.1 * trade_id,
        buyer_is_maker=False,
        trade_time_ns=time_ns,
    )


class Taken:
    """A sequence, what it has sent, and a venue that gives some of the trades that are missing."""

    def __init__(self, given_ids: frozenset[int] = frozenset()) -> None:
        self.given_ids = given_ids
        self.sent: list[Trade] = []
        self.holes: list[tuple[int, int]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.sequence = TradeSequence(
            self.sent.append,
            lambda read, missed: self.holes.append((read, missed)),
            self.read,
            lambda work: self.tasks.append(asyncio.ensure_future(work)),
        )

    async def read(self, first_id: int, end_id: int) -> list[Trade]:
        await asyncio.sleep(0)
        return [
            make_trade(number) for number in range(first_id, end_id) if number in self.given_ids
        ]

    async def settle(self) -> None:
        while pending := [task for task in self.tasks if not task.done()]:
            await asyncio.wait(pending)

    def ids(self) -> list[int]:
        return [trade.trade_id for trade in self.sent]


@pytest.mark.asyncio
@pytest.mark.parametrize("given_ids", [frozenset(), frozenset({8})])
@pytest.mark.parametrize("in_one_burst", [True, False])
async def test_four_trades_of_one_millisecond_are_four_trades(
    given_ids: frozenset[int], in_one_burst: bool
) -> None:
    """Ids 7, 9, 8, 10, whether or not the venue gives the one that seems to be missing, and however soon it comes."""
    taken = Taken(given_ids)
    for trade_id in (7, 9, 8, 10):
        taken.sequence.take(make_trade(trade_id))
        if not in_one_burst:
            await taken.settle()
    await taken.settle()
    assert sorted(taken.ids()) == [7, 8, 9, 10]
    assert sum(trade.quantity for trade in taken.sent) == pytest.approx(3.4)
    taken.sequence.take(make_trade(8))
    assert sorted(taken.ids()) == [7, 8, 9, 10], "told once"
    taken.sequence.take(make_trade(11))
    assert taken.ids()[-1] == 11


@settings(max_examples=200, deadline=None)
@given(
    order=st.permutations(range(2, 12)),
    given_ids=st.frozensets(st.integers(2, 11)),
    turns=st.lists(st.booleans(), min_size=10, max_size=10),
)
def test_each_trade_is_told_once_whatever_the_order(
    order: list[int], given_ids: frozenset[int], turns: list[bool]
) -> None:
    async def play() -> Taken:
        taken = Taken(given_ids)
        taken.sequence.take(make_trade(1))
        for trade_id, gives_a_turn in zip(order, turns, strict=True):
            taken.sequence.take(make_trade(trade_id))
            if gives_a_turn:
                await asyncio.sleep(0)
        await taken.settle()
        return taken

    taken = asyncio.run(play())
    assert Counter(taken.ids()) == Counter(range(1, 12))


@pytest.mark.asyncio
async def test_what_is_remembered_of_a_long_hole_is_bounded() -> None:
    taken = Taken()
    taken.sequence.take(make_trade(1))
    taken.sequence.take(make_trade(10_000_000))
    await taken.settle()
    assert taken.holes == [(0, 9_999_998)]
    taken.sequence.take(make_trade(10_000_000 - PASSED_OVER_KEPT))
    taken.sequence.take(make_trade(10_000_000 - PASSED_OVER_KEPT - 1))
    assert taken.ids() == [1, 10_000_000, 10_000_000 - PASSED_OVER_KEPT]
