"""A loop that stands still is told of: to the user it looks like a dead market."""

import asyncio
import time
from contextlib import suppress

import pytest

from actors.commands.standstill import watch_for_standstill


@pytest.mark.asyncio
@pytest.mark.parametrize(("blocked_s", "times", "told"), [(0.01, 2, 0), (0.6, 1, 1), (0.6, 2, 1)])
async def test_a_loop_that_stands_still_is_told_of_once_in_a_while(
    blocked_s: float, times: int, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    watch = asyncio.get_running_loop().create_task(watch_for_standstill(0.02, 0.4))
    await asyncio.sleep(0.01)
    for _ in range(times):
        time.sleep(blocked_s)  # noqa: ASYNC251 # what a handler must not do
        await asyncio.sleep(0.05)
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == told
    assert all("a handler that sleeps or computes" in line for line in lines)
