"""A running exchange for each test that asks for one."""

from collections.abc import AsyncIterator

import pytest_asyncio

from actors.exchange.configuration import STILL, AccountConfiguration, ExchangeConfiguration
from tests.exchange.server.client import World, running


@pytest_asyncio.fixture
async def still_world() -> AsyncIterator[World]:
    """Two symbols and two accounts; nobody trades but they."""
    configuration = ExchangeConfiguration(
        symbols=("BTCUSDT", "ETHUSDT"),
        market=STILL,
        allows_self_trades=True,
        accounts=(AccountConfiguration(), AccountConfiguration(name="other")),
    )
    async with running(configuration) as world:
        yield world


@pytest_asyncio.fixture
async def lively_world() -> AsyncIterator[World]:
    """One symbol and a synthetic market of 200 trades a second."""
    configuration = ExchangeConfiguration(trades_per_second=200.0, seed=7)
    async with running(configuration) as world:
        yield world
