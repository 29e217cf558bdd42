"""Our loop against asyncio's and uvloop's on loopback: the same dialogues, the same callbacks in the same order."""

import asyncio
import gc
import inspect
import warnings
from collections.abc import Callable

import pytest
import uvloop

from actors.simulation.entropy import Entropy
from actors.simulation.loop import Dialect
from actors.simulation.weather import CALM
from actors.simulation.world import World
from tests.simulation.scenarios import SCENARIOS, Log


def by_end(log: Log) -> dict[str, Log]:
    """What each end saw, in its order; how the two interleave is a matter of latency."""
    seen: dict[str, Log] = {"server": [], "client": [], "scenario": []}
    for entry in log:
        is_callback = isinstance(entry, tuple) and entry[0] in ("server", "client")
        seen[entry[0] if is_callback else "scenario"].append(entry)
    return {end: drop_repeated(entries) for end, entries in seen.items()}


def drop_repeated(entries: Log) -> Log:
    """Data in one piece or in several is the same."""
    kept: Log = []
    for entry in entries:
        is_data = isinstance(entry, tuple) and entry[1:] == ("data",)
        if not (is_data and kept and kept[-1] == entry):
            kept.append(entry)
    return kept


def run_for_real(name: str, make_loop: Callable[[], asyncio.AbstractEventLoop]) -> Log:
    log: Log = []
    loop = make_loop()
    loop.set_exception_handler(lambda *ignored: None)
    with warnings.catch_warnings():
        # A scenario leaves open what it was not about.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            loop.run_until_complete(SCENARIOS[name](loop, log))
        finally:
            loop.close()
            gc.collect()
    return log


def run_simulated(name: str, dialect: Dialect, entropy: Entropy) -> Log:
    log: Log = []
    world = World(1, CALM, dialect=dialect, entropy=entropy)
    world.loop.set_exception_handler(lambda *ignored: None)

    async def run() -> None:
        await SCENARIOS[name](world.loop, log)

    world.run(run)
    return log


FORGETS_A_PAUSE = "is_reading" not in inspect.getsource(
    asyncio.selector_events._SelectorTransport._add_reader  # type: ignore[attr-defined]
)
"""A fault of asyncio in 3.11.2 and others, mended since: the simulated loop does as it does today."""


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize(
    ("dialect", "make_loop"),
    [("asyncio", asyncio.SelectorEventLoop), ("uvloop", uvloop.new_event_loop)],
)
def test_same_callbacks(
    name: str,
    dialect: Dialect,
    make_loop: Callable[[], asyncio.AbstractEventLoop],
    entropy: Entropy,
) -> None:
    if FORGETS_A_PAUSE and (dialect, name) == ("asyncio", "pause_before_start"):
        pytest.skip("this Python's asyncio forgets a pause that comes before the start")
    real = by_end(run_for_real(name, make_loop))
    simulated = by_end(run_simulated(name, dialect, entropy))
    assert simulated == real
