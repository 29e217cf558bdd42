"""A day in seconds: orders without end, connections cut and replaced, and nothing left behind."""

import asyncio
import gc
import logging
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from random import Random
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from actors.binance.backoff import Backoff
from actors.gateways.binance import BinanceGateway
from actors.runtime.actor import Actor
from actors.runtime.clock import RealClock
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from messages.account import AccountSnapshot, Balance
from messages.control import HoldTrading, ReleaseTrading
from messages.enums import Exchanges, OrderStatus, OrderType, Side
from messages.instruments import Instrument
from messages.order_requests import CancelRefused
from messages.orders import NewOrderRequest, Order
from tests.binance.scripted_venue import cut
from tests.gateways.order_venue import OrderVenue, report

BATCH = 40
BATCHES = 500
WARM_UP_BATCHES = 50


class Tally(Actor[NewOrderRequest]):
    """Counts what the gateway says, and keeps none of it."""

    symbols = ("BTCUSDT",)
    exchange = Exchanges.BINANCE

    def __init__(self) -> None:
        self.answers: Counter[OrderStatus] = Counter()
        self.events: Counter[str] = Counter()
        self.answered = 0
        self.execution_ids: set[int] = set()

    def on_word(
        self,
        message: CancelRefused
        | AccountSnapshot
        | Instrument
        | Balance
        | HoldTrading
        | ReleaseTrading,
    ) -> None:
        self.events[type(message).__name__] += 1

    def on_order(self, order: Order) -> None:
        if order.execution_id:
            self.execution_ids.add(order.execution_id)
        else:
            self.answered += 1
            self.answers[order.status] += 1


@pytest_asyncio.fixture
async def venue() -> AsyncIterator[OrderVenue]:
    """A fast venue that fills every order at once."""
    made = OrderVenue()
    await made.start()
    yield made
    await made.stop()


def market_order(number: int) -> NewOrderRequest:
    return NewOrderRequest(
        exchange=Exchanges.BINANCE,
        order=Order(
            side=Side.BUY,
            order_type=OrderType.MARKET,
            symbol="BTCUSDT",
            order_id=f"o-{number}",
            client_order_id=f"c-{number}",
            quantity=Decimal(1),
        ),
    )


async def until(condition: Any, timeout_s: float = 60.0) -> None:
    deadline_s = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline_s, "it did not come in time"
        await asyncio.sleep(0.002)


def make_system(venue: OrderVenue, keys: Any, **arguments: Any) -> System:
    settings = {"endpoints": venue.endpoints, "keys": keys, **arguments}
    return System(
        [
            ActorSpecification(BinanceGateway, "gateway", settings),
            ActorSpecification(Tally, "tally"),
        ],
        RealClock(),
        run=1,
    )


@pytest.mark.asyncio
async def test_twenty_thousand_orders_and_500_reconnects_leave_nothing_behind(
    venue: OrderVenue, keys: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)

    async def fill(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        name = request["params"].get("newClientOrderId", "")
        await venue.reply(socket, request, {
            "symbol": "BTCUSDT", "orderId": 7, "clientOrderId": name, "transactTime": 1700000000000, "origQty": "1",
            "executedQty": "1", "cummulativeQuoteQty": "1", "status": "FILLED", "timeInForce": "GTC",
            "type": "MARKET", "side": "BUY", "price": "0", "fills": [],
        })  # fmt: skip

    venue.on_order = fill
    system = make_system(venue, keys, settled_after_s=0.001)
    await system.start()
    try:
        tally: Any = system.cells["tally"].instance
        gateway: Any = system.cells["gateway"].instance
        await until(lambda: gateway._is_ready.is_set() and gateway.client.ws_api.is_connected)
        for socket_api in (gateway.client.ws_api, gateway._events):
            socket_api._backoff = Backoff(Random(1), first_s=0.001)
        # A day's worth of them in seconds; the venue's limit is on five minutes.
        gateway.client.connects.window_s = 0.001
        objects_at_start = tasks_at_start = 0
        for batch in range(BATCHES):
            for number in range(BATCH):
                system.send(market_order(batch * BATCH + number))
            await until(lambda: tally.answered == (batch + 1) * BATCH)  # noqa: B023
            for socket in venue.open_api_sockets():
                cut(socket)
            await until(lambda: tally.events["ReleaseTrading"] == batch + 1)  # noqa: B023
            venue.forget()
            if batch == WARM_UP_BATCHES:
                gc.collect()
                objects_at_start, tasks_at_start = len(gc.get_objects()), len(asyncio.all_tasks())
        assert tally.answers == {OrderStatus.FILLED: BATCH * BATCHES}
        # Those of the connections that were cut last end in their own time; what is left behind does not.
        await until(lambda: abs(len(asyncio.all_tasks()) - tasks_at_start) <= 2)
        gc.collect()
        assert len(gc.get_objects()) < objects_at_start * 1.02
        assert not gateway.holds
        assert not gateway._in_flight
    finally:
        await system.stop()


def replaced(venue: OrderVenue) -> int:
    """How many connections of each kind there have been: for events, and for orders."""
    return min(len(venue.subscribed), len(venue.api_sockets) - len(venue.subscribed))


@pytest.mark.asyncio
async def test_connections_are_replaced_before_their_end_without_a_gap(
    venue: OrderVenue, keys: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Lives of half a second: every event is told, every order in flight answered, and trading is never held."""
    caplog.set_level(logging.CRITICAL)

    async def accept_slowly(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await asyncio.sleep(0.03 if request["method"] == "order.place" else 0.001)
        await venue.accept(socket, request)

    venue.on_order = accept_slowly
    system = make_system(venue, keys, connection_lifetime_s=0.5)
    await system.start()
    try:
        tally: Any = system.cells["tally"].instance
        gateway: Any = system.cells["gateway"].instance
        await until(lambda: gateway._is_ready.is_set() and gateway.client.ws_api.is_connected)
        tasks_at_start = len(asyncio.all_tasks())
        events = 0
        loop = asyncio.get_running_loop()
        least_s, patience_s = loop.time() + 3.0, loop.time() + 60.0
        # A slow machine may need longer for as many lives.
        while loop.time() < least_s or (replaced(venue) < 4 and loop.time() < patience_s):
            events += 1
            system.send(market_order(events))
            for socket in list(venue.subscribed):
                if not socket.closed:
                    event = report(f"e-{events}", "NEW", "NEW", events)
                    await socket.send_json({"subscriptionId": 0, "event": event})
            await asyncio.sleep(0.005)
        await until(lambda: tally.answered == events)
        await until(lambda: len(tally.execution_ids) == events)
        assert tally.answers == {OrderStatus.NEW: events}
        assert tally.execution_ids == set(range(1, events + 1))
        assert replaced(venue) >= 4
        assert tally.events["HoldTrading"] == 0
        assert tally.events["AccountSnapshot"] == 1
        await until(lambda: len(venue.open_api_sockets()) <= 3)
        await until(lambda: abs(len(asyncio.all_tasks()) - tasks_at_start) <= 4)
    finally:
        await system.stop()
