"""A venue that refuses our time while a gateway starts: its clock is measured again, and only so often."""

import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from actors.gateways.binance import BinanceGateway
from actors.gateways.start_clock import CLOCK_TRIES
from messages.enums import OrderStatus
from tests.gateways.conftest import RunningExchange
from tests.gateways.order_venue import OrderVenue

OpenFloor = Callable[..., Any]
REFUSAL = {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}


@pytest_asyncio.fixture
async def venue() -> AsyncIterator[OrderVenue]:
    """A venue that does what the test says."""
    made = OrderVenue()
    await made.start()
    yield made
    await made.stop()


@pytest.mark.parametrize("offset_ms", [20_000, -20_000])
@pytest.mark.parametrize("occasion", ["userDataStream.subscribe.signature", "exchangeInfo"])
@pytest.mark.asyncio
async def test_a_clock_set_between_measuring_and_asking_is_measured_again(
    start_exchange: Callable[..., RunningExchange],
    open_floor: OpenFloor,
    tmp_path: Any,
    offset_ms: int,
    occasion: str,
) -> None:
    """The real exchange: its clock jumps and drifts when a request of the start comes, and what follows is refused."""
    faults = tmp_path / "faults.toml"
    faults.write_text(
        "[clock]\noffset_ms = -1500\ndrift_ppm = 200\n\n"
        f'[[faults]]\nkind = "clock_changed"\non = "{occasion}"\nnth = 1\n'
        f"offset_ms = {offset_ms}\ndrift_ppm = 200\n"
    )
    exchange = start_exchange("--symbols", "BTCUSDT", "--faults", str(faults))
    arguments = {"endpoints": exchange.endpoints, "keys": exchange.hmac}
    floor = await open_floor(BinanceGateway, arguments)
    await floor.until_ready(20)
    floor.place("a")
    await floor.until(lambda: floor.orders("a"))
    assert floor.orders("a")[0].status is OrderStatus.NEW
    measured_ms = floor.gateway.client.clock_offset.offset_ns / 1e6
    assert abs(measured_ms - offset_ms) < 500
    assert not floor.system.failure


@pytest.mark.asyncio
async def test_a_time_that_is_always_refused_ends_the_start_after_so_many_tries(
    venue: OrderVenue, open_floor: OpenFloor, keys: Any, caplog: pytest.LogCaptureFixture
) -> None:
    venue.rest_answers["GET account"] = (400, REFUSAL)
    caplog.set_level(logging.WARNING)
    floor = await open_floor(BinanceGateway, {"endpoints": venue.endpoints, "keys": keys})
    await floor.until(floor.system.ended.is_set)
    asked = [path for _, path, *_ in venue.rest_requests if path.endswith("account")]
    assert len(asked) == CLOCK_TRIES + 1
    assert f"try {CLOCK_TRIES} of {CLOCK_TRIES}" in caplog.text
    assert "refused our time" in caplog.text
    assert "recvWindow" in floor.system.failure


@pytest.mark.asyncio
async def test_a_wrong_key_at_the_start_is_not_asked_again(
    venue: OrderVenue, open_floor: OpenFloor, keys: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    venue.rest_answers["GET account"] = (401, {"code": -2015, "msg": "Invalid API-key."})
    floor = await open_floor(BinanceGateway, {"endpoints": venue.endpoints, "keys": keys})
    await floor.until(floor.system.ended.is_set)
    asked = [path for _, path, *_ in venue.rest_requests if path.endswith("account")]
    assert len(asked) == 1
