"""Restarts, their limits and waits, the end of an actor and of the bot, and what everyone else hears of it."""

import logging
from typing import Any

import pytest

from actors.runtime.actor import Actor
from actors.runtime.clock import SimulatedClock
from actors.runtime.errors import WiringError
from actors.runtime.restart_policy import RestartPolicy, RestartRecord
from actors.runtime.system import System
from actors.strategies.strategy import Strategy
from actors.testing import make_probe, received_by
from messages.base import Message
from messages.control import (
    ActorFailed,
    ActorRestarted,
    ActorStopped,
    CommandFailed,
    HaltTrading,
    Resync,
    ResyncRequest,
)
from messages.market import Trade
from messages.order_lists import PlaceOrderList, ReplaceOrder
from messages.orders import AmendOrder, CancelOrder, ClosePosition, PlaceOrder
from tests.runtime.harness import (
    BOSS,
    SOURCE,
    Datum,
    Job,
    Ping,
    Pong,
    StartSystem,
    actor,
    emit,
    pause,
    settle,
    until,
    values,
)

Watcher = make_probe(ActorFailed, ActorRestarted, ActorStopped, HaltTrading, name="Watcher")


Command = PlaceOrder | PlaceOrderList | ReplaceOrder | CancelOrder | AmendOrder | ClosePosition


class Brittle(Actor[Pong]):
    """Raises on a negative value; echoes any other."""

    def on_ping(self, ping: Ping) -> None:
        if ping.value < 0:
            raise ValueError(f"no {ping.value}")
        self.send(Pong(value=ping.value))

    def on_datum(self, datum: Datum) -> None:
        self.send(Pong(value=datum.value))


class Essential(Brittle):
    is_essential = True
    max_restarts = 0


class Clerk(Actor[Resync]):
    """Stands for the order manager where a strategy's state is asked for; it answers late, and may fail before."""

    is_essential = True

    def __init__(self) -> None:
        self.asked: list[ResyncRequest] = []

    def on_resync_request(self, request: ResyncRequest) -> None:
        self.asked.append(request)

    def on_ping(self, ping: Ping) -> None:
        if ping.value < 0:
            raise ValueError("the clerk")
        for request in self.asked:
            self.send(
                Resync(
                    target=request.actor,
                    positions=[],
                    open_orders=[],
                    has_traded=ping.value == 2,
                    is_restart=request.is_restart,
                )
            )
        self.asked.clear()

    def on_order(self, order: Command) -> None: ...


class Trader(Strategy):
    """Tells what it saw; may be made to fail."""

    def __init__(self, symbol: str, fails_at_start: bool = False) -> None:
        self.symbol = symbol
        self.seen: list[str] = []
        self.fails_at_start = fails_at_start

    def on_start(self) -> None:
        self.seen.append("start")
        if self.fails_at_start and self._context.counter == 0:
            self._context.counter = 1
            raise ValueError("at the start")

    def on_trade(self, trade: Trade) -> None:
        self.seen.append("trade")

    def on_pong(self, pong: Pong) -> None:
        self.seen.append("pong")
        if pong.value < 0:
            raise ValueError("the trader")


class Resuming(Trader):
    """Knows how to go on."""

    def on_resync(self, resync: Resync) -> None:
        self.seen.append(f"resync {resync.is_restart}")


def seen_by(system: System, name: str) -> list[str]:
    seen: list[str] = getattr(system.cells[name].instance, "seen", [])
    return seen


def kinds_of(messages: list[Message]) -> list[str]:
    return [type(item).__name__ for item in messages]


async def restarted(system: System, name: str, restarts: int) -> None:
    """Waits until an actor has come back that often."""
    cell = system.cells[name]
    await until(lambda: cell.restarts.restarts == restarts and cell.is_running)
    await settle(system)


def test_intensity_and_wait() -> None:
    record = RestartRecord(RestartPolicy(3, period_s=60.0, backoff_s=0.5, max_backoff_s=1.5))
    second = 1_000_000_000
    assert [record.next_backoff_s(at * second) for at in (0, 1, 2, 3)] == [0.5, 1.0, 1.5, None]
    # 61 seconds after the first, that one no longer counts.
    assert record.next_backoff_s(61 * second) == 1.5
    assert record.next_backoff_s(61 * second) is None
    assert record.restarts == 4
    assert record.next_backoff_s(1_000 * second) == 0.5
    assert RestartRecord(RestartPolicy(0)).next_backoff_s(0) is None


@pytest.mark.parametrize(
    "arguments",
    [
        {"max_restarts": -1},
        {"period_s": 0.0},
        {"backoff_s": 0.0},
        {"max_backoff_s": -1.0},
        {"period_s": float("nan")},
    ],
)
def test_a_policy_that_cannot_be_meant(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        RestartPolicy(**arguments)


def test_a_negative_limit_of_a_class_is_a_fault_of_the_wiring() -> None:
    class Odd(Brittle):
        max_restarts = -1

    with pytest.raises(WiringError, match=r"max_restarts is -1 \(0 \(never restart\) or more"):
        System([SOURCE, actor(Odd)], SimulatedClock())


@pytest.mark.asyncio
async def test_messages_keep_coming_while_an_actor_is_down(start_system: StartSystem) -> None:
    pongs = make_probe(Pong, name="Pongs")
    system = await start_system(
        SOURCE,
        actor(Brittle),
        actor(pongs),
        restart_policy=RestartPolicy(backoff_s=0.5),
        mailbox_limits={"sequence_limit": 3},
    )
    emit(system, Datum(value=1), Ping(value=-1), Ping(value=2))
    await pause()
    assert not system.cells["brittle"].is_running
    emit(system, *(Datum(value=value) for value in range(10, 20)), Ping(value=3))
    await pause()
    assert values(received_by(system, "pongs")) == []
    await restarted(system, "brittle", 1)
    assert values(received_by(system, "pongs")) == [2, 3, 17, 18, 19]
    assert system.statistics()["brittle"]["dropped"] == 8


@pytest.mark.asyncio
async def test_out_for_good_after_its_last_restart(start_system: StartSystem) -> None:
    system = await start_system(
        SOURCE, actor(Brittle), actor(Watcher), restart_policy=RestartPolicy(2, backoff_s=0.001)
    )
    for restarts in (1, 2):
        emit(system, Ping(value=-1))
        await restarted(system, "brittle", restarts)
    emit(system, Ping(value=-7))
    await settle(system)
    received = received_by(system, "watcher")
    assert kinds_of(received) == [
        *("ActorFailed", "ActorRestarted") * 2,
        *("ActorFailed", "ActorStopped"),
    ]
    last = received[-1]
    assert isinstance(last, ActorStopped)
    assert (last.actor, last.reason) == ("brittle", "ValueError: no -7")
    assert system.statistics()["brittle"]["is_out"]
    assert not system.ended.is_set()
    letters = system.router.dead_letters
    emit(system, Ping(value=1), Datum(value=1))
    await settle(system)
    assert system.router.dead_letters == letters + 2
    system.deliver_all([system.stamp(Ping(value=value)) for value in range(3)])
    assert system.router.dead_letters == letters + 5
    assert system.cells["brittle"].mailbox.qsize() == 0


@pytest.mark.asyncio
async def test_an_essential_actor_that_is_out_ends_the_bot(start_system: StartSystem) -> None:
    system = await start_system(SOURCE, actor(Essential), actor(Watcher))
    emit(system, Ping(value=-1))
    await settle(system)
    assert system.ended.is_set()
    assert system.failure == "essential: ValueError: no -1"
    halt = received_by(system, "watcher")[-1]
    assert isinstance(halt, HaltTrading)
    assert halt.strategy == ""


@pytest.mark.asyncio
async def test_a_strategy_that_is_out_is_halted_and_the_rest_goes_on(
    start_system: StartSystem,
) -> None:
    system = await start_system(
        SOURCE,
        actor(Clerk),
        actor(Trader, symbol="BTCUSDT"),
        actor(Trader, "other", symbol="BTCUSDT"),
        actor(Brittle),
        actor(Watcher),
    )
    # Both have traded before, and know nothing about going on.
    emit(system, Ping(value=2))
    await settle(system)
    trader = system.cells["trader"]
    assert isinstance(trader.instance, Trader)
    assert not trader.instance.may_restart()
    trader.receive([system.stamp(Pong(value=-1))])
    await settle(system)
    received = received_by(system, "watcher")
    assert kinds_of(received) == ["ActorFailed", "ActorStopped", "HaltTrading"]
    failed, stopped, halt = received
    assert isinstance(failed, ActorFailed)
    assert isinstance(stopped, ActorStopped)
    assert isinstance(halt, HaltTrading)
    assert not failed.will_restart
    assert "has traded and defines no on_resync" in stopped.reason
    assert halt.strategy == "trader"
    assert not system.ended.is_set()
    emit(system, Ping(value=5))
    await settle(system)
    assert seen_by(system, "other") == ["start", "pong", "pong"]


@pytest.mark.asyncio
async def test_an_owner_hears_its_state_before_anything_else(start_system: StartSystem) -> None:
    system = await start_system(
        SOURCE, actor(Clerk), actor(Resuming, symbol="BTCUSDT"), actor(Watcher)
    )
    emit(system, Pong(value=1))
    await pause()
    assert seen_by(system, "resuming") == ["start"]
    emit(system, Ping(value=1))
    await settle(system)
    assert seen_by(system, "resuming") == ["start", "resync False", "pong"]
    emit(system, Pong(value=-1), Pong(value=1))
    await restarted(system, "resuming", 1)
    assert seen_by(system, "resuming") == ["start"]
    emit(system, Ping(value=2))
    await settle(system)
    assert seen_by(system, "resuming") == ["start", "resync True", "pong"]


@pytest.mark.asyncio
async def test_an_answer_meant_for_a_failed_instance_is_not_its_successors(
    start_system: StartSystem,
) -> None:
    class Prompt(Actor[Resync]):
        """Answers at once, so that the answer waits beside the strategy's first message."""

        def on_resync_request(self, request: ResyncRequest) -> None:
            self.send(
                Resync(
                    target=request.actor,
                    positions=[],
                    open_orders=[],
                    is_restart=request.is_restart,
                )
            )

        def on_order(self, order: Command) -> None: ...

    system = await start_system(
        SOURCE, actor(Prompt), actor(Resuming, symbol="BTCUSDT", fails_at_start=True)
    )
    await restarted(system, "resuming", 1)
    assert seen_by(system, "resuming") == ["start", "resync True"]


@pytest.mark.asyncio
async def test_owners_are_not_forgotten_when_the_order_manager_restarts(
    start_system: StartSystem,
) -> None:
    system = await start_system(SOURCE, actor(Clerk), actor(Resuming, symbol="BTCUSDT"))
    emit(system, Ping(value=-1))
    await restarted(system, "clerk", 1)
    emit(system, Ping(value=1), Pong(value=1))
    await settle(system)
    assert seen_by(system, "resuming") == ["start", "resync False", "pong"]


@pytest.mark.asyncio
async def test_a_full_control_lane_is_the_receivers_failure(
    start_system: StartSystem, caplog: pytest.LogCaptureFixture
) -> None:
    system = await start_system(
        SOURCE, actor(Brittle), actor(Watcher), mailbox_limits={"control_limit": 10}
    )
    brittle = system.cells["brittle"]
    for value in range(30):
        emit(system, Ping(value=value))
    assert brittle.is_out
    assert values(item for item in received_by(system, "watcher")) == []
    await settle(system)
    [stopped] = received_by(system, "watcher")
    assert isinstance(stopped, ActorStopped)
    assert "more than 10 control messages" in stopped.reason
    assert "brittle is out" in caplog.text


@pytest.mark.asyncio
async def test_an_actor_that_overflows_while_it_is_down_stays_out(
    start_system: StartSystem,
) -> None:
    system = await start_system(
        SOURCE,
        actor(Brittle),
        mailbox_limits={"control_limit": 10},
        restart_policy=RestartPolicy(backoff_s=60.0),
    )
    emit(system, Ping(value=-1))
    await pause()
    [restart] = system.supervisor.restart_handles.values()
    emit(system, *(Ping(value=value) for value in range(30)))
    assert system.statistics()["brittle"]["is_out"]
    await settle(system)
    assert restart.cancelled()
    assert not system.cells["brittle"].is_running
    assert not system.supervisor.restart_handles


@pytest.mark.asyncio
async def test_what_was_sent_before_a_failure_goes_out_before_it_is_told(
    start_system: StartSystem,
) -> None:
    order: list[str] = []

    class Listener(Actor):
        def on_pong(self, pong: Pong) -> None:
            order.append("pong")

        def on_failed(self, failed: ActorFailed) -> None:
            order.append("failed")

    system = await start_system(SOURCE, actor(Brittle), actor(Listener))
    emit(system, Ping(value=1), Ping(value=-1))
    await settle(system)
    assert order == ["pong", "failed"]


@pytest.mark.asyncio
async def test_a_command_that_fails_is_told_to_its_sender(start_system: StartSystem) -> None:
    class Worker(Actor):
        def on_job(self, job: Job) -> None:
            job.sender = "somebody else"
            raise ValueError("no job")

    class Giver(Actor[Job]):
        def __init__(self) -> None:
            self.told: list[CommandFailed] = []

        def on_ping(self, ping: Ping) -> None:
            self.send(Job(value=ping.value))

        def on_command_failed(self, failed: CommandFailed) -> None:
            self.told.append(failed)

    system = await start_system(SOURCE, actor(Worker), actor(Giver))
    emit(system, Ping(value=5))
    await settle(system)
    giver = system.cells["giver"].instance
    assert isinstance(giver, Giver)
    [told] = giver.told
    assert (told.failed_class, told.error) == ("Job", "ValueError: no job")
    assert told.failed_frame


@pytest.mark.asyncio
async def test_a_message_that_breaks_its_class_is_not_its_receivers_failure(
    start_system: StartSystem, caplog: pytest.LogCaptureFixture
) -> None:
    failures = make_probe(CommandFailed, name="Failures")

    class Worker(Essential):
        def on_job(self, job: Job) -> None:
            self.send(Pong(value=job.value))

    system = await start_system(SOURCE, BOSS, actor(Worker), actor(failures, "sink"))
    wrong: Any = "seven"
    emit(system, Job(value=wrong), Ping(value=wrong), Job(value=8))
    await settle(system)
    assert system.failure is None
    assert system.statistics()["worker"]["unreadable"] == 2
    assert system.statistics()["worker"]["restarts"] == 0
    errors = [item.getMessage() for item in caplog.records if item.levelno >= logging.ERROR]
    assert [text.partition(":")[0] for text in errors] == [
        "worker cannot read Job of boss",
        "worker cannot read Ping of source",
    ]


@pytest.mark.asyncio
async def test_a_hook_of_the_users_that_fails_does_not_stop_the_supervisor(
    start_system: StartSystem,
) -> None:
    class Confused(Brittle):
        def may_restart(self) -> bool:
            raise KeyError("who knows")

    system = await start_system(SOURCE, actor(Confused), actor(Watcher))
    emit(system, Ping(value=-1))
    await settle(system)
    assert kinds_of(received_by(system, "watcher")) == ["ActorFailed", "ActorStopped"]
