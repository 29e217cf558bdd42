"""A strategy that is far too slow under a burst of market data."""

import time

import pytest

from actors.runtime.actor import Actor
from actors.testing import make_book_ticker, make_trade
from messages.control import Gap
from messages.market import BookTicker, Trade
from tests.runtime.harness import SOURCE, Ping, StartSystem, actor, emit, pause, settle

MESSAGES = 100_000


class Slow(Actor):
    """Needs longer for a message than the market needs for many."""

    def __init__(self) -> None:
        self.trades: list[int] = []
        self.tickers: list[int] = []
        self.pings: list[int] = []
        self.missing = 0
        self.last_trade = 0
        self.is_consistent = True

    def on_trade(self, trade: Trade) -> None:
        self.is_consistent &= trade.trade_id == self.last_trade + 1
        self.last_trade = trade.trade_id
        self.trades.append(trade.trade_id)
        until = time.perf_counter() + 20e-6
        while time.perf_counter() < until:
            pass

    def on_gap(self, gap: Gap) -> None:
        self.missing += gap.count
        self.last_trade += gap.count

    def on_book_ticker(self, ticker: BookTicker) -> None:
        self.tickers.append(ticker.update_id)

    def on_ping(self, ping: Ping) -> None:
        self.pings.append(ping.value)


@pytest.mark.asyncio
async def test_it_conflates_counts_and_loses_no_control_message(start_system: StartSystem) -> None:
    system = await start_system(SOURCE, actor(Slow), mailbox_limits={"sequence_limit": 500})
    slow = system.cells["slow"].instance
    assert isinstance(slow, Slow)
    pings = 0
    trade, ticker = make_trade(), make_book_ticker()
    for number in range(1, MESSAGES // 2 + 1):
        trade.trade_id = ticker.update_id = number
        emit(system, trade, ticker)
        if number % 100 == 0:
            emit(system, Ping(value=pings))
            pings += 1
        if number % 700 == 0:
            await pause(1)
    await settle(system)
    statistics = system.statistics()["slow"]
    assert slow.pings == list(range(pings))
    assert slow.is_consistent
    assert len(slow.trades) + slow.missing == MESSAGES // 2
    assert slow.last_trade == MESSAGES // 2
    assert statistics["dropped"] == slow.missing > 0
    assert statistics["gaps"] > 0
    assert slow.tickers == sorted(set(slow.tickers))
    assert slow.tickers[-1] == MESSAGES // 2
    assert statistics["conflated"] == MESSAGES // 2 - len(slow.tickers)
    assert statistics["delivered"] == MESSAGES + pings
    assert statistics["peak_depth"] <= 500 + 1 + pings
