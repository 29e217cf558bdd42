"""Strategies, the order manager and two venues in one running system."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from actors.order_manager.manager import OrderManager
from actors.runtime.clock import RealClock
from actors.runtime.journal import Journal
from actors.runtime.replay import replay
from actors.runtime.restart_policy import RestartPolicy
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from actors.runtime.tap import RecordingTap
from actors.strategies.strategy import Strategy
from actors.testing import START_TIME_NS, make_probe, received_by
from messages.control import ActorRestarted, HaltCompleted, HaltTrading, Resync
from messages.enums import Exchanges, OrderStatus, Reason
from messages.market import Trade
from messages.orders import Fill, OrderUpdate
from messages.recording import Opening, Output, read_recording
from tests.order_manager.venue import SmallFeed, SmallGateway, run_elsewhere

BINANCE, CUSTOM = Exchanges.BINANCE, Exchanges.CUSTOM
PATIENCE_S = 30.0


class InAndOut(Strategy):
    """Buys at market when flat and closes on a later trade, `rounds` times; one order rests meanwhile."""

    def __init__(self, exchange: Exchanges, symbol: str, rounds: int) -> None:
        self.exchange, self.symbol, self.rounds = exchange, symbol, rounds
        self.bought = 0

    def on_trade(self, trade: Trade) -> None:
        held = self.position(self.symbol).quantity
        if held:
            self.close(self.symbol)
        elif self.is_flat(self.symbol) and self.bought < self.rounds:
            self.bought += 1
            self.buy(self.symbol, "0.5")


class Resting(Strategy):
    """Rests one BUY far from the market; raises on every trade after `failing_after`."""

    def __init__(self, exchange: Exchanges, symbol: str, failing_after: int = 0) -> None:
        self.exchange, self.symbol, self.failing_after = exchange, symbol, failing_after
        self.count = 0

    def on_resync(self, resync: Resync) -> None:
        """Goes on with what it has: it knows how to begin again."""

    def on_trade(self, trade: Trade) -> None:
        self.count += 1
        if not self.open_orders(self.symbol):
            self.buy(self.symbol, "1", "50")
        if self.failing_after and self.count > self.failing_after:
            raise ValueError("a fault of the strategy")


Observer = make_probe(OrderUpdate, Fill, HaltCompleted, ActorRestarted, name="Observer")


def make_specifications(
    strategies: Sequence[ActorSpecification], venues: Sequence[Exchanges] = (BINANCE, CUSTOM)
) -> list[ActorSpecification]:
    """The strategies, an observer, the order manager and the venues; receivers before their senders."""
    return [
        *strategies,
        ActorSpecification(Observer, "observer"),
        ActorSpecification(OrderManager, "order_manager", {"bot": "bot"}),
        *(
            ActorSpecification(actor_class, f"{actor_class.__name__}_{venue}", {"exchange": venue})
            for venue in venues
            for actor_class in (SmallGateway, SmallFeed)
        ),
    ]


def in_and_out(name: str, exchange: Exchanges, rounds: int = 3) -> ActorSpecification:
    return ActorSpecification(
        InAndOut, name, {"exchange": exchange, "symbol": "BTCUSDT", "rounds": rounds}
    )


def resting(name: str, exchange: Exchanges, failing_after: int = 0) -> ActorSpecification:
    arguments = {"exchange": exchange, "symbol": "BTCUSDT", "failing_after": failing_after}
    return ActorSpecification(Resting, name, arguments)


async def wait_until(condition: Callable[[], bool]) -> None:
    """Looks now and then whether a condition has come about."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.005)


def heard(system: System, message_class: type[Any]) -> list[Any]:
    return [each for each in received_by(system, "observer") if isinstance(each, message_class)]


def gateway_of(system: System, venue: Exchanges) -> SmallGateway:
    gateway = system.cells[f"SmallGateway_{venue}"].instance
    assert isinstance(gateway, SmallGateway)
    return gateway


def open_orders_at(system: System, venue: Exchanges) -> list[str]:
    orders = gateway_of(system, venue).orders.values()
    return [order.strategy for order in orders if order.is_open]


@pytest.mark.asyncio
async def test_a_second_venue_trades_beside_the_first() -> None:
    strategies = [in_and_out("here", BINANCE), in_and_out("there", CUSTOM, rounds=2)]
    system = System(make_specifications(strategies), RealClock(), run=7)
    await system.start()
    await wait_until(lambda: len(heard(system, Fill)) == 10)
    await system.stop()
    for venue, name, rounds in ((BINANCE, "here", 3), (CUSTOM, "there", 2)):
        gateway = gateway_of(system, venue)
        assert {order.strategy for order in gateway.orders.values()} == {name}
        assert len(gateway.orders) == 2 * rounds
        assert all(client_id.startswith(f"bot-{name}-7-") for client_id in gateway.orders)
        fills = [fill for fill in heard(system, Fill) if fill.strategy == name]
        assert [fill.exchange for fill in fills] == [venue] * (2 * rounds)
        manager = system.cells["order_manager"].instance
        assert isinstance(manager, OrderManager)
        flows = manager.books.portfolio.flows(venue)
        assert flows == {
            "BTC": gateway.balances["BTC"],
            "USDT": gateway.balances["USDT"] - 10_000,
        }
        assert gateway.balances["BTC"] == 0
        assert manager.books.free(venue, "USDT") == gateway.balances["USDT"]
    assert system.failure is None


@pytest.mark.asyncio
async def test_a_strategy_that_fails_for_good_loses_its_orders_and_the_rest_trades_on() -> None:
    strategies = [
        resting("failing", BINANCE, failing_after=3),
        resting("steady", BINANCE),
        in_and_out("there", CUSTOM, rounds=3),
    ]
    system = System(
        make_specifications(strategies),
        RealClock(),
        restart_policy=RestartPolicy(max_restarts=1, backoff_s=0.01),
    )
    await system.start()
    await wait_until(lambda: bool(heard(system, HaltCompleted)))
    completed = heard(system, HaltCompleted)[0]
    assert (completed.strategy, completed.open_orders) == ("failing", 0)
    assert open_orders_at(system, BINANCE) == ["steady"]
    placed = [
        order
        for order in gateway_of(system, BINANCE).orders.values()
        if order.strategy == "failing"
    ]
    assert len(placed) == 1, "the new instance knew of the order"
    assert len(heard(system, ActorRestarted)) == 1
    await wait_until(lambda: len(heard(system, Fill)) == 6)
    assert system.failure is None
    await system.stop()


@pytest.mark.asyncio
async def test_a_halt_cancels_at_every_venue() -> None:
    strategies = [resting("here", BINANCE), resting("there", CUSTOM)]
    system = System(make_specifications(strategies), RealClock())
    await system.start()
    await wait_until(
        lambda: (
            open_orders_at(system, BINANCE) == ["here"]
            and open_orders_at(system, CUSTOM) == ["there"]
        )
    )
    system.send(HaltTrading(reason="the test ends"))
    await wait_until(lambda: bool(heard(system, HaltCompleted)))
    assert heard(system, HaltCompleted)[0].open_orders == 0
    assert open_orders_at(system, BINANCE) == open_orders_at(system, CUSTOM) == []

    def has_asked_again() -> bool:
        reasons = [update.reason for update in heard(system, OrderUpdate)]
        return reasons.count(Reason.HALTED) >= 4

    await wait_until(has_asked_again)
    assert open_orders_at(system, BINANCE) == open_orders_at(system, CUSTOM) == []
    await system.stop()


@pytest.mark.asyncio
async def test_without_a_journal_nothing_is_sent(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite", "bot")
    rival = sqlite3.connect(tmp_path / "journal.sqlite", timeout=0, isolation_level=None)
    rival.execute("BEGIN IMMEDIATE")
    strategies = [resting("here", BINANCE)]
    system = System(make_specifications(strategies, [BINANCE]), RealClock(), journal=journal)
    await system.start()

    def statuses() -> list[OrderStatus]:
        return [update.status for update in heard(system, OrderUpdate)]

    await wait_until(lambda: OrderStatus.REJECTED in statuses())
    assert gateway_of(system, BINANCE).orders == {}
    refused = next(
        update for update in heard(system, OrderUpdate) if update.status is OrderStatus.REJECTED
    )
    assert refused.reason is Reason.JOURNAL
    rival.execute("ROLLBACK")
    await wait_until(lambda: open_orders_at(system, BINANCE) == ["here"])
    await system.stop()
    rival.close()
    written = [name for _, _, name, _, _ in journal.entries("order_manager")]
    assert "NewOrderRequest" in written
    assert "OrderUpdate" in written
    journal.close()


def make_recorded() -> list[ActorSpecification]:
    return make_specifications([in_and_out("here", BINANCE), in_and_out("there", CUSTOM)])


def find_divergences(path: Path) -> list[str]:
    """Actors whose second execution differs from the recording."""
    actors = replay(read_recording(path), make_recorded())
    return [repr(actor.divergence) for actor in actors if actor.divergence is not None]


@pytest.mark.asyncio
async def test_a_recorded_run_replays_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "run.recording"
    opening = Opening(run=3, seed=5, start_time_ns=START_TIME_NS, versions={}, actors=[])
    tap = RecordingTap(path, opening)
    system = System(make_recorded(), RealClock(), run=3, seed=5, tap=tap)
    await system.start()
    await wait_until(lambda: len(heard(system, Fill)) == 12)
    await system.stop()
    tap.close()
    senders = [each.actor for each in read_recording(path) if isinstance(each, Output)]
    assert senders.count("order_manager") > 30
    assert find_divergences(path) == []
    assert run_elsewhere(__file__, path, "4242") == "[]"
