"""A key that the venue no longer takes: noticed by any refusal, and told from a single forbidden action."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from actors.binance.errors import RequestRefused
from actors.gateways.binance import BinanceGateway
from actors.gateways.binance_cancels import cancel_our_orders
from messages.control import HoldTrading
from messages.orders import Order
from tests.gateways.order_venue import OrderVenue

OpenFloor = Callable[..., Any]
REFUSAL = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}


@pytest_asyncio.fixture
async def venue() -> AsyncIterator[OrderVenue]:
    """A venue that does what the test says."""
    made = OrderVenue()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def open_gateway(open_floor: OpenFloor, keys: Any) -> Callable[..., Awaitable[Any]]:
    """A Binance gateway at a scripted venue, ready."""

    async def open_one(venue: OrderVenue) -> Any:
        floor = await open_floor(BinanceGateway, {"endpoints": venue.endpoints, "keys": keys})
        await floor.until_ready()
        return floor

    return open_one


async def refuse_orders(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
    error = {"id": request["id"], "status": 401, "error": REFUSAL}
    await socket.send_json(error)


@pytest.mark.asyncio
async def test_a_key_that_is_revoked_while_in_use_ends_the_gateway(
    venue: OrderVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    """The venue says nothing by itself: it is an order that is refused, and then the account."""
    floor = await open_gateway(venue)
    venue.on_order = refuse_orders
    venue.rest_answers["GET account"] = (401, REFUSAL)
    floor.place("first")
    await asyncio.wait_for(floor.system.ended.wait(), 20)
    assert "the key is no longer good" in floor.system.failure
    assert [str(order.status) for order in floor.all_of(Order)] == ["REJECTED"]
    told = [each for each in caplog.records if each.levelno > logging.DEBUG]
    assert [each for each in told if "gateway failed" in each.getMessage()]
    assert not [each for each in told if "Traceback" in each.getMessage() or each.exc_info], (
        "one line says it"
    )


@pytest.mark.asyncio
async def test_a_key_that_may_only_read_ends_nothing(
    venue: OrderVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    floor = await open_gateway(venue)
    venue.on_order = refuse_orders
    floor.place("first")
    await floor.until(lambda: "the key may read the account" in caplog.text)
    venue.on_order = venue.accept
    floor.place("second")
    await floor.until(lambda: floor.orders("second"))
    assert not floor.system.ended.is_set()
    assert not floor.all_of(HoldTrading)


@pytest.mark.asyncio
async def test_an_unasked_error_about_something_else_is_not_about_the_key(
    venue: OrderVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    floor = await open_gateway(venue)
    error = {"code": -1100, "msg": "Illegal characters found in a parameter."}
    await venue.stream_socket.send_json({"id": None, "status": 400, "error": error})
    await floor.until(lambda: "answers no request" in caplog.text)
    floor.place("first")
    await floor.until(lambda: floor.orders("first"))
    assert not floor.system.ended.is_set()


@pytest.mark.asyncio
async def test_orders_are_not_asked_about_again_and_again_with_a_refused_key(
    venue: OrderVenue, keys: Any
) -> None:
    venue.rest_answers["GET openOrders"] = (401, REFUSAL)
    with pytest.raises(RequestRefused, match="Invalid API-key"):
        await cancel_our_orders(venue.endpoints, keys, lambda name: True, ["BTCUSDT"])
    asked = [line for line in venue.rest_requests if "openOrders" in str(line)]
    assert len(asked) == 1
