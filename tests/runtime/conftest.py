"""Systems that are always stopped, on both event loops; whatever the loop itself had to report fails the test."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
import pytest_asyncio
import uvloop

from actors.runtime.clock import Clock, RealClock
from actors.runtime.restart_policy import RestartPolicy
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from tests.runtime.harness import StartSystem, pause


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every asynchronous test of this folder runs on both loops."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest_asyncio.fixture
async def start_system() -> AsyncIterator[StartSystem]:
    """Starts systems, and at the end stops them and looks for what they have left behind."""
    loop = asyncio.get_running_loop()
    reports: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: reports.append(context))
    tasks_before = len(asyncio.all_tasks())
    systems: list[System] = []

    async def start(
        *specifications: ActorSpecification, clock: Clock | None = None, **options: Any
    ) -> System:
        options.setdefault("restart_policy", RestartPolicy(backoff_s=0.001, max_backoff_s=0.002))
        system = System(specifications, clock or RealClock(), **options)
        systems.append(system)
        await system.start()
        await pause()
        return system

    yield start
    for system in systems:
        await system.stop(patience_s=1.0)
        assert not any(cell.tasks or cell.loop_timers for cell in system.cells.values())
        assert not system.supervisor.restart_handles
    await pause()
    assert len(asyncio.all_tasks()) == tasks_before
    assert reports == []
