"""Futures and tasks of the simulated loop, which are the same in every run where asyncio's are not."""

import asyncio
from typing import Any

from actors.simulation.process import SimulatedProcess


class SimulatedFuture(asyncio.Future[Any]):
    """A future that hashes by number, so that sets of futures have the same order in every run."""

    __slots__ = ("number",)

    def __init__(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self.number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.number


class SimulatedTask(asyncio.Task[Any]):
    """A task that knows its process and hashes by number."""

    __slots__ = ("number", "process")

    def __init__(
        self, number: int, process: SimulatedProcess, coroutine: Any, **options: Any
    ) -> None:
        self.number = number
        self.process = process
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self.number
