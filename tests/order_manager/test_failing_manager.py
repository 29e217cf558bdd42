"""An order manager that fails in mid-run, and a bot that begins again on its journal: nothing lost, nothing doubled."""

import asyncio
from pathlib import Path

import pytest

from actors.runtime.clock import RealClock
from actors.runtime.journal import Journal
from actors.runtime.replay import replay
from actors.runtime.restart_policy import RestartPolicy
from actors.runtime.system import System
from actors.runtime.tap import RecordingTap
from actors.testing import START_TIME_NS
from messages.control import ActorRestarted
from messages.enums import Exchanges
from messages.orders import Fill
from messages.recording import Opening, read_recording
from tests.order_manager.lasting_bot import (
    PATIENCE_S,
    heard,
    instance_of,
    make_specifications,
    resting_at_venue,
    wait_until,
)
from tests.order_manager.venue import SmallGateway


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
