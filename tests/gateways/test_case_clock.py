"""The venue's clock is measured again and again, not once: what is signed follows it however it drifts."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from actors.gateways.binance import BinanceGateway
from tests.gateways.order_venue import OrderVenue

MILLISECOND_NS = 1_000_000


@pytest_asyncio.fixture
async def venue() -> AsyncIterator[OrderVenue]:
    """A venue that does what the test says."""
    made = OrderVenue()
    await made.start()
    yield made
    await made.stop()


@pytest.mark.asyncio
async def test_what_is_signed_follows_a_clock_that_drifts(
    venue: OrderVenue, open_floor: Callable[..., Any], keys: Any
) -> None:
    ahead_ms = 0

    async def script(request: web.Request, body: str) -> web.StreamResponse:
        if request.path.endswith("/time"):
            now_ms = time.time_ns() // MILLISECOND_NS + ahead_ms
            return web.json_response({"serverTime": now_ms})
        return await venue.answer_read(request, body)

    venue.rest = script
    arguments = {"endpoints": venue.endpoints, "keys": keys, "clock_interval_s": 0.05}
    floor = await open_floor(BinanceGateway, arguments)
    await floor.until_ready()
    for number, ahead_ms in enumerate((60_000, -60_000, 3_600_000)):
        await floor.until(
            lambda: (
                abs(floor.gateway.client.clock_offset.offset_ns - ahead_ms * MILLISECOND_NS)  # noqa: B023
                < 500 * MILLISECOND_NS
            )
        )
        floor.place(f"o-{number}")
        await floor.until(lambda: floor.orders(f"o-{number}"))  # noqa: B023
        stamp_ms = venue.api_requests[-1]["params"]["timestamp"]
        assert abs(stamp_ms - ahead_ms - time.time_ns() // MILLISECOND_NS) < 10_000
