"""A scripted venue and clients of it, on both event loops."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from random import Random
from typing import Any

import pytest
import pytest_asyncio
import uvloop

from actors.binance.client import BinanceClient
from tests.binance.raw_venue import RawVenue
from tests.binance.scripted_venue import ScriptedVenue

MakeClient = Callable[..., BinanceClient]
OpenClient = Callable[..., Awaitable[BinanceClient]]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every asynchronous test of this folder runs on both loops."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest_asyncio.fixture
async def venue() -> AsyncIterator[ScriptedVenue]:
    """A venue that listens."""
    scripted = ScriptedVenue()
    await scripted.start()
    yield scripted
    await scripted.stop()


@pytest_asyncio.fixture
async def make_client(venue: ScriptedVenue) -> AsyncIterator[MakeClient]:
    """Makes clients of the venue; they are closed at the end."""
    made: list[BinanceClient] = []

    def make(**options: Any) -> BinanceClient:
        settings: dict[str, Any] = {
            "api_key": "key",
            "api_secret": "secret",
            "random": Random(1),
            "timeout_s": 2.0,
        }
        client = BinanceClient(venue.endpoints, **{**settings, **options})
        made.append(client)
        return client

    yield make
    for client in made:
        await client.close_connection()


@pytest_asyncio.fixture
async def raw() -> AsyncIterator[RawVenue]:
    """A server that answers by its script."""
    made = RawVenue()
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def open_client(raw: RawVenue) -> AsyncIterator[OpenClient]:
    """Makes clients with connections open ahead; they are closed at the end."""
    made: list[BinanceClient] = []

    async def open_one(**options: Any) -> BinanceClient:
        settings: dict[str, Any] = {"random": Random(1), "timeout_s": 2.0, **options}
        client = BinanceClient(raw.endpoints, "key", "secret", **settings)
        made.append(client)
        await client.keep_direct()
        assert client.direct.is_ready
        return client

    yield open_one
    for client in made:
        await client.close_connection()
