"""Limits and rules: what the venue announces is obeyed, what it changes is followed, and what it forbids is said."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from actors.binance.limits import OrderBudget, RateUsage
from actors.binance.wire_info import RateLimit
from actors.gateways.binance import BinanceGateway
from messages.control import HoldTrading, ReleaseTrading
from messages.enums import OrderStatus, OrderType, Side, SymbolStatus
from messages.instruments import Instrument
from messages.order_requests import CancelRefused
from tests.gateways.order_venue import OrderVenue

OpenFloor = Callable[..., Awaitable[Any]]
SECOND_NS = 1_000_000_000
BAN_MS = 3000
"""Long enough for a busy machine to ask for all that is refused meanwhile."""
TWENTY_A_DAY = {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 20}


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

    async def open_one(venue: OrderVenue, **arguments: Any) -> Any:
        floor = await open_floor(
            BinanceGateway, {"endpoints": venue.endpoints, "keys": keys, **arguments}
        )
        await floor.until_ready()
        return floor

    return open_one


def soon() -> int:
    """Past this instant an order of these tests is refused instead of waiting."""
    return time.time_ns() + 60 * SECOND_NS


@pytest.mark.asyncio
async def test_the_last_share_of_the_order_limit_is_kept_for_what_reduces_a_position(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    venue.rate_limits = [TWENTY_A_DAY]
    floor = await open_gateway(venue)
    for number in range(19):
        floor.place(f"o-{number}", send_before_ns=soon())
    await floor.until(lambda: all(floor.orders(f"o-{number}") for number in range(19)))
    statuses = [floor.statuses(f"o-{number}") for number in range(19)]
    assert statuses == [["NEW"]] * 18 + [["REJECTED"]]
    for number in range(3):
        floor.place(
            f"sale-{number}", side=Side.SELL, order_type=OrderType.MARKET, send_before_ns=soon()
        )
    await floor.until(lambda: all(floor.orders(f"sale-{number}") for number in range(3)))
    assert [floor.statuses(f"sale-{number}") for number in range(3)] == [
        ["NEW"],
        ["NEW"],
        ["REJECTED"],
    ]
    # Cancels are free.
    for number in range(18):
        floor.cancel(f"o-{number}")
    await floor.until(
        lambda: all(floor.statuses(f"o-{number}")[-1] == "CANCELED" for number in range(18))
    )


@pytest.mark.asyncio
async def test_a_sale_that_reduces_overtakes_orders_that_wait_for_the_limit(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    venue.rate_limits = [TWENTY_A_DAY]
    floor = await open_gateway(venue)
    for number in range(25):
        floor.place(f"o-{number}", send_before_ns=time.time_ns() + 2 * 86_400 * SECOND_NS)
    await floor.until(lambda: floor.orders("o-17"))
    floor.place("sale", side=Side.SELL, order_type=OrderType.MARKET)
    await floor.until(lambda: floor.statuses("sale") == ["NEW"])
    assert not floor.orders("o-18")


@pytest.mark.parametrize("way", ["websocket", "rest"])
@pytest.mark.asyncio
async def test_a_ban_holds_trading_and_says_until_when(
    venue: OrderVenue, open_gateway: OpenFloor, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    floor = await open_gateway(venue)

    async def ban(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        data = {"serverTime": until_ms - BAN_MS, "retryAfter": until_ms}
        error = {"code": -1003, "msg": "Way too much request weight used; IP banned.", "data": data}
        await socket.send_json({"id": request["id"], "status": 418, "error": error})

    # The scripted venue's clock is not ours: what it names must be in its own time.
    until_ms = floor.gateway.client.venue_time_ns() // 1_000_000 + BAN_MS
    if way == "websocket":
        venue.on_order = ban
        floor.place("a")
    else:
        venue.rest_answers["GET order"] = (418, {"code": -1003, "msg": "banned"})
        floor.query("a")
    [hold] = await floor.until(lambda: floor.all_of(HoldTrading))
    assert "banned for" in hold.reason
    requests = len(venue.api_requests), len(venue.rest_requests)
    venue.on_order = venue.accept
    # Even a cancel is not sent: it would prolong the ban.
    floor.cancel("b")
    [refused] = await floor.until(lambda: floor.all_of(CancelRefused))
    assert not refused.is_unknown
    floor.place("c")
    await floor.until(lambda: floor.statuses("c") == ["REJECTED"])
    assert requests == (len(venue.api_requests), len(venue.rest_requests))
    await floor.until(lambda: floor.all_of(ReleaseTrading), 20)
    floor.place("d")
    await floor.until(lambda: floor.statuses("d") == ["NEW"])


@pytest.mark.asyncio
async def test_too_many_orders_stops_orders_alone_and_makes_it_read_the_limits_again(
    venue: OrderVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await venue.refuse(socket, request, 429, -1015, "Too many new orders.")

    venue.rate_limits = [{**TWENTY_A_DAY, "limit": 1000}]
    floor = await open_gateway(venue)
    reads = [path for _, path, *_ in venue.rest_requests].count("/api/v3/exchangeInfo")
    venue.on_order = refuse
    floor.place("a")
    [refused] = await floor.until(lambda: floor.orders("a"))
    assert (refused.status, refused.reason_code) == (OrderStatus.REJECTED, -1015)
    venue.on_order = venue.accept
    floor.place("b", send_before_ns=soon())
    await floor.until(lambda: floor.statuses("b") == ["REJECTED"])
    floor.cancel("x")
    await floor.until(lambda: floor.statuses("x") == ["CANCELED"])
    assert not floor.all_of(HoldTrading)
    await floor.until(
        lambda: [path for _, path, *_ in venue.rest_requests].count("/api/v3/exchangeInfo") > reads
    )


@pytest.mark.asyncio
async def test_limits_that_change_are_followed(venue: OrderVenue, open_gateway: OpenFloor) -> None:
    venue.rate_limits = [{**TWENTY_A_DAY, "limit": 2}]
    floor = await open_gateway(venue, rules_interval_s=0.1)
    for number in range(4):
        floor.place(f"o-{number}")
    await floor.until(lambda: floor.orders("o-1"))
    assert not floor.orders("o-2")
    venue.rate_limits = [{**TWENTY_A_DAY, "limit": 1000}]
    await floor.until(lambda: floor.orders("o-3"))


def test_limits_are_taken_from_replies_where_nothing_else_announces_them() -> None:
    usage, budget = RateUsage(), OrderBudget()
    now_ns = 1_700_000_001 * SECOND_NS
    budget.placed(now_ns)
    told = RateLimit("ORDERS", "SECOND", 10, 3, 3)
    budget.answered(now_ns, now_ns, usage.observe_limits([told], now_ns))
    assert 8 < budget.may_place(now_ns) < 10
    told = RateLimit("ORDERS", "SECOND", 10, 100, 3)
    budget.answered(now_ns, now_ns, usage.observe_limits([told], now_ns))
    assert budget.may_place(now_ns) == 0.0


@pytest.mark.asyncio
async def test_a_changed_tick_size_is_told_soon_after_a_refusal_by_it(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    async def refuse(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await venue.refuse(socket, request, 400, -1013, "Filter failure: PRICE_FILTER")

    floor = await open_gateway(venue)
    venue.tick_size, venue.on_order = "0.10", refuse
    floor.place("a")
    await floor.until(lambda: len(floor.all_of(Instrument)) == 2)
    assert floor.all_of(Instrument)[-1].tick_size == Decimal("0.1")


@pytest.mark.asyncio
async def test_a_symbol_that_stops_trading_is_told_and_nothing_else_stops(
    venue: OrderVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    floor = await open_gateway(venue, rules_interval_s=0.05)
    venue.symbol_status = "BREAK"
    await floor.until(lambda: len(floor.all_of(Instrument)) == 2)
    assert floor.all_of(Instrument)[-1].status is SymbolStatus.BREAK
    # And one that is gone altogether.
    venue.rest_answers["GET exchangeInfo"] = (400, {"code": -1121, "msg": "Invalid symbol."})
    await floor.until(lambda: len(floor.all_of(Instrument)) == 3)
    gone = floor.all_of(Instrument)[-1]
    assert (gone.status, gone.tick_size) == (SymbolStatus.HALT, Decimal("0.01"))
    # It is told once, however often it is read.
    await asyncio.sleep(0.1)
    assert len(floor.all_of(Instrument)) == 3
    assert not floor.all_of(HoldTrading)
    floor.place("a")
    await floor.until(lambda: floor.statuses("a") == ["NEW"])
