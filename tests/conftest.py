"""What holds around every test."""

import asyncio
import gc
import logging
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings


def pytest_configure() -> None:
    """Tells asyncio that the main thread has no loop of its own, and hypothesis that a machine may be slow.

    Else the first asynchronous test makes one that nobody closes, and whichever test runs `asyncio.run` later drops it.
    And an example that a busy machine needs 200 ms for would be a failure.
    """
    asyncio.set_event_loop(None)
    patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("patient", patient)
    settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def hears_a_closed_terminal_and_ctrl_c() -> None:
    """A run under nohup ignores SIGHUP, one in the background of a script SIGINT, and so would every bot that it starts."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def logging_is_left_as_found() -> Iterator[None]:
    """A test that changes the level of all logging would change what the tests after it see."""
    root = logging.getLogger()
    level = root.level
    yield
    left = root.level
    root.setLevel(level)
    assert left == level, "this test, or what it ran, changed the root logger's level"


@pytest.fixture(autouse=True)
def garbage_collector_is_left_as_found() -> Iterator[None]:
    """A bot that runs within the tests' own process sets it for a process that trades."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
