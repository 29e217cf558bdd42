"""An order manager that fails in mid-run, and a bot that begins again on its journal: nothing lost, nothing doubled."""

import asyncio
from collections.abc import Callable
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
from messages.control import ActorRestarted, HaltTrading, Resync
from messages.enums import Exchanges
from messages.market import Trade
from messages.orders import Fill, OrderUpdate
from messages.recording import Opening, read_recording
from tests.order_manager.venue import SmallFeed, SmallGateway

PATIENCE_S = 10.0
Observer = make_probe(OrderUpdate, Fill, ActorRestarted, HaltTrading, name="Observer")


class FragileManager(OrderManager):
    """Fails on certain trades of the market."""

    def __init__(self, bot: str, failing_on: list[int]) -> None:
        super().__init__(bot, checkpoint_entries=7)
        self.failing_on = failing_on

    def on_trade(self, trade: Trade) -> None:
        if trade.trade_id in self.failing_on:
            raise ValueError("a fault of the order manager")


class Counting(Strategy):
    """Rests one order far away, and buys and sells in turns; counts its purchases over all its lives."""

    def __init__(self, symbol: str, exchange: Exchanges) -> None:
        self.symbol, self.exchange = symbol, exchange
        self.purchases = 0
        self.resyncs: list[Resync] = []

    def on_resync(self, resync: Resync) -> None:
        self.resyncs.append(resync)

    def save_state(self) -> dict[str, int]:
        return {"purchases": self.purchases}

    def load_state(self, state: dict[str, int]) -> None:
        self.purchases = state["purchases"]

    def on_trade(self, trade: Trade) -> None:
        if not any(order.price == 50 for order in self.open_orders(self.symbol)):
            self.buy(self.symbol, "1", "50")
        if self.free_quantity(self.symbol):
            self.sell(self.symbol, self.free_quantity(self.symbol))
        elif len(self.open_orders(self.symbol)) == 1 and trade.trade_id % 5 == 0:
            self.purchases += 1
            self.buy(self.symbol, "0.5")


class LastingGateway(SmallGateway):
    """Its venue lives on when the bot ends: it goes on with what an earlier gateway left."""

    def __init__(self, exchange: Exchanges, earlier: SmallGateway | None) -> None:
        super().__init__(exchange)
        if earlier is not None:
            self.orders, self.balances = earlier.orders, earlier.balances
            self.trade_count = earlier.trade_count


def make_specifications(
    failing_on: list[int], earlier: SmallGateway | None = None
) -> list[ActorSpecification]:
    venue = Exchanges.CUSTOM
    return [
        ActorSpecification(Counting, "counting", {"symbol": "BTCUSDT", "exchange": venue}),
        ActorSpecification(Observer, "observer"),
        ActorSpecification(
            FragileManager, "order_manager", {"bot": "bot", "failing_on": failing_on}
        ),
        ActorSpecification(LastingGateway, "gateway", {"exchange": venue, "earlier": earlier}),
        ActorSpecification(SmallFeed, "feed", {"exchange": venue}),
    ]


async def wait_until(condition: Callable[[], bool]) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.005)


def heard(system: System, message_class: type[Any]) -> list[Any]:
    return [each for each in received_by(system, "observer") if isinstance(each, message_class)]


def instance_of(system: System, name: str) -> Any:
    return system.cells[name].instance


def resting_at_venue(gateway: SmallGateway) -> int:
    return sum(1 for order in gateway.orders.values() if order.is_open and order.price == 50)


@pytest.mark.asyncio
async def test_it_resynchronises_as_at_the_start_and_trading_goes_on(tmp_path: Path) -> None:
    failing_on = [30, 60, 90]
    path = tmp_path / "run.recording"
    opening = Opening(run=1, seed=5, start_time_ns=START_TIME_NS, versions={}, actors=[])
    tap = RecordingTap(path, opening)
    journal = Journal(tmp_path / "journal.sqlite", "bot")
    journal.bind_venue("small")
    system = System(
        make_specifications(failing_on),
        RealClock(),
        run=1,
        seed=5,
        journal=journal,
        tap=tap,
        restart_policy=RestartPolicy(backoff_s=0.01),
    )
    await system.start()
    await wait_until(lambda: len(heard(system, ActorRestarted)) == 3)
    fills = len(heard(system, Fill))
    await wait_until(lambda: len(heard(system, Fill)) >= fills + 4)
    assert system.failure is None
    gateway = instance_of(system, "gateway")
    assert resting_at_venue(gateway) == 1
    ids = [fill.trade_id for fill in heard(system, Fill)]
    assert ids == sorted(set(ids)), "each trade is told once"
    await system.stop()
    manager = instance_of(system, "order_manager")
    flows = manager.books.portfolio.flows(Exchanges.CUSTOM)
    assert flows["BTC"] == gateway.balances["BTC"]
    assert flows["USDT"] == gateway.balances["USDT"] - 10_000
    # It hears how things stand after each failure; the first time it had asked itself.
    assert len(instance_of(system, "counting").resyncs) == 4
    tap.close()
    journal.close()
    divergences = [
        actor.divergence for actor in replay(read_recording(path), make_specifications(failing_on))
    ]
    assert divergences == [None] * len(divergences)


@pytest.mark.asyncio
async def test_past_its_limit_the_bot_halts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite", "bot")
    system = System(
        make_specifications([20, 40, 60, 80]),
        RealClock(),
        journal=journal,
        restart_policy=RestartPolicy(backoff_s=0.01),
    )
    await system.start()
    await asyncio.wait_for(system.ended.wait(), PATIENCE_S)
    assert system.failure is not None
    assert "a fault of the order manager" in system.failure
    assert len(heard(system, ActorRestarted)) == 3
    await system.stop()
    journal.close()


@pytest.mark.asyncio
async def test_without_a_journal_it_halts_at_once() -> None:
    system = System(make_specifications([20]), RealClock())
    await system.start()
    await asyncio.wait_for(system.ended.wait(), PATIENCE_S)
    assert heard(system, ActorRestarted) == []
    await system.stop()


@pytest.mark.asyncio
async def test_a_bot_that_begins_again_finds_what_it_had(tmp_path: Path) -> None:
    """The venue lives on; the bot stops without canceling, and another run of it begins."""
    first = await run_until_filled(tmp_path, run=1)
    counted = instance_of(first, "counting").purchases
    second = await run_until_filled(tmp_path, run=2, earlier=instance_of(first, "gateway"))
    counting = instance_of(second, "counting")
    assert counting.resyncs[0].has_traded
    assert [order.price for order in counting.resyncs[0].open_orders] == [50]
    assert counting.purchases > counted >= 2, "it went on counting"
    gateway = instance_of(second, "gateway")
    assert resting_at_venue(gateway) == 1
    flows = instance_of(second, "order_manager").books.portfolio.flows(Exchanges.CUSTOM)
    assert flows["BTC"] == gateway.balances["BTC"]
    assert flows["USDT"] == gateway.balances["USDT"] - 10_000


async def run_until_filled(folder: Path, run: int, earlier: SmallGateway | None = None) -> System:
    """One run of the bot, until it has traded a few times."""
    journal = Journal(folder / "journal.sqlite", "bot")
    journal.bind_venue("small")
    system = System(make_specifications([], earlier), RealClock(), run=run, journal=journal)
    await system.start()
    await wait_until(lambda: len(heard(system, Fill)) >= 4)
    await system.stop()
    journal.close()
    return system
