"""An actor that fails in the same way after each restart: its traceback is logged once, its failures each time."""

import logging

import pytest

from actors.runtime.actor import Actor
from tests.runtime.harness import SOURCE, Ping, StartSystem, actor, emit, until


class Failing(Actor):
    def on_ping(self, ping: Ping) -> None:
        if ping.value == 3:
            raise KeyError("another")
        raise ValueError("the same")


@pytest.mark.asyncio
async def test_the_same_traceback_is_logged_once(
    start_system: StartSystem, caplog: pytest.LogCaptureFixture
) -> None:
    system = await start_system(SOURCE, actor(Failing))
    emit(system, Ping(value=1), Ping(value=2), Ping(value=3))
    await until(lambda: system.statistics()["failing"]["restarts"] == 3)
    told = [item.getMessage() for item in caplog.records if item.levelno == logging.ERROR]
    assert [text.count("Traceback (most recent call last)") for text in told] == [1, 0, 1]
    assert told[1] == "failing failed on Ping: ValueError: the same (traceback as before)"
