"""Events of the account that cannot be read, or say nothing: the account is asked, what follows is heard, no trade is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from actors.gateways.binance import BinanceGateway
from messages.account import AccountSnapshot
from tests.binance.scripted_venue import cut
from tests.gateways.conftest import Floor, Keys
from tests.gateways.order_venue import OrderVenue, own_trade, report

QUIET_S = 0.2
"""Long enough for events to arrive."""
TRADE = report("a", "TRADE", "FILLED", 5, l="1", z="1", L="10", t=77, Y="10", Z="10")
UNREADABLE: dict[str, dict[str, Any]] = {
    "too small a number": {"l": "1E-28"},
    "id as text": {"i": "7"},
    "no time": {"T": None},
    "id of 71 bits": {"i": 2**70},
    "trade id of 65 bits": {"t": 2**64},
    "time of the year 33000": {"T": 10**18},
}


@pytest_asyncio.fixture
async def venue() -> AsyncIterator[OrderVenue]:
    made = OrderVenue()
    await made.start()
    yield made
    await made.stop()


async def open_ready(venue: OrderVenue, open_floor: Callable[..., Any]) -> Floor:
    """A floor whose gateway has told the account, and hears its events."""
    floor: Floor = await open_floor(
        BinanceGateway, {"endpoints": venue.endpoints, "keys": Keys(), "request_timeout_s": 2.0}
    )
    await floor.until_ready()
    await venue.push(report("first", "NEW", "NEW", 1, i=6))
    await floor.until(lambda: floor.orders("first"))
    return floor


@pytest.mark.parametrize("fields", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.asyncio
async def test_what_an_unreadable_event_told_is_asked_for(
    fields: dict[str, Any], venue: OrderVenue, open_floor: Callable[..., Any]
) -> None:
    floor = await open_ready(venue, open_floor)
    await venue.push(report("known", "TRADE", "FILLED", 2, i=5, l="1", z="1", L="10", t=76))
    await floor.until(lambda: floor.orders("known"))
    venue.trades = [own_trade(76, 5), own_trade(77, 7)]
    await venue.push({**TRADE, **fields}, report("b", "NEW", "NEW", 6, i=8))
    await floor.until(lambda: floor.orders("b"))
    snapshot = await floor.until(lambda: floor.all_of(AccountSnapshot)[1:])
    executed = [each.trade_id for order in snapshot[0].executed_orders for each in order.executions]
    assert executed == [77]
    assert len(venue.api_sockets) == 2, "no connection was lost over it"


@pytest.mark.asyncio
async def test_unreadable_events_without_end_leave_the_weight_limit_to_others(
    venue: OrderVenue, open_floor: Callable[..., Any]
) -> None:
    floor = await open_ready(venue, open_floor)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for _ in range(20):
        await venue.push({**TRADE, "l": "1E-28"})
        await asyncio.sleep(0.02)
    # The first was told at the start, the second is read at once, and each further one a second after the last.
    assert len(floor.all_of(AccountSnapshot)) <= 3 + (loop.time() - began_s)


@pytest.mark.asyncio
async def test_one_that_was_held_back_keeps_none_after_it(
    venue: OrderVenue, open_floor: Callable[..., Any]
) -> None:
    floor = await open_ready(venue, open_floor)
    venue.reading_gate.clear()
    cut(venue.stream_socket)
    await floor.until(lambda: len(venue.subscribed) == 2)
    await venue.push({**TRADE, "l": "1E-28"}, report("b", "NEW", "NEW", 6, i=8))
    await asyncio.sleep(QUIET_S)
    venue.reading_gate.set()
    await floor.until(lambda: floor.orders("b") and not floor.gateway.holds)
    assert floor.statuses("b") == ["NEW"]


@pytest.mark.parametrize("quantity", ["0", "-1", "0.00000000"])
@pytest.mark.asyncio
async def test_a_trade_of_nothing_does_not_pass_for_a_known_one(
    quantity: str, venue: OrderVenue, open_floor: Callable[..., Any]
) -> None:
    floor = await open_ready(venue, open_floor)
    await venue.push({**TRADE, "l": quantity})
    await floor.until(lambda: floor.orders("a"))
    assert floor.orders("a")[0].unbooked_quantity == 1, "it will be asked for"
