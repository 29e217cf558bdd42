"""What rounds have found in the parts that they run, each as a test of its own."""

import asyncio
import time
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

import pytest

from actors.binance.client import BinanceClient
from actors.binance.errors import OutcomeUnknown
from actors.binance.orders import BinanceOrders
from actors.commands.simulate_setup import API_KEY, API_SECRET, ENDPOINTS
from actors.exchange.app import serve
from actors.exchange.configuration import (
    STILL,
    AccountConfiguration,
    ExchangeConfiguration,
    system_clock,
)
from actors.exchange.server_clock import ServerClock
from actors.exchange.signing import KeyKind, KeyPair
from actors.exchange.sockets import SocketSettings
from actors.exchange.streams import StreamHub
from actors.exchange.symbols import rules_for
from actors.exchange.topics import Topic
from actors.exchange.venue import Venue
from actors.simulation.entropy import Entropy
from actors.simulation.world import World
from messages.enums import OrderStatus, OrderType, Side
from messages.orders import Order


def run_with_exchange(work: Coroutine[Any, Any, Any], entropy: Entropy) -> Any:
    """What the work returns beside an exchange on which nobody else trades."""
    configuration = ExchangeConfiguration(
        host="0.0.0.0",
        port=80,
        market=STILL,
        accounts=(
            AccountConfiguration(
                keys=(KeyPair(key=API_KEY, secret=API_SECRET, kind=KeyKind.HMAC),)
            ),
        ),
    )
    world = World(entropy=entropy)
    world.start("exchange", serve, configuration)

    async def scenario() -> Any:
        await asyncio.sleep(1)
        return await work

    return world.run(scenario).result


def test_a_canceled_order_is_known_by_the_name_that_was_asked_for(entropy: Entropy) -> None:
    async def cancel_by_hand() -> list[Order]:
        client = await BinanceClient.create(ENDPOINTS, API_KEY, API_SECRET)
        orders = BinanceOrders(client, over_websocket=False)
        placed = await orders.place(
            Order(
                side=Side.BUY,
                order_type=OrderType.LIMIT,
                symbol="BTCUSDT",
                client_order_id="bot-maker-1-1",
                quantity=Decimal("0.001"),
                price=Decimal(50_000),
            )
        )
        # By the owner, in an application of the venue's: under an id that is not the bot's.
        await orders.cancel("BTCUSDT", "", placed.exchange_order_id)
        found = [
            await orders.query("BTCUSDT", "bot-maker-1-1"),
            await orders.query("BTCUSDT", "bot-maker-1-1", placed.exchange_order_id),
        ]
        await client.close_connection()
        return found

    by_name, by_id = run_with_exchange(cancel_by_hand(), entropy)
    assert by_name.status is by_id.status is OrderStatus.CANCELED
    assert by_name.client_order_id == "bot-maker-1-1"
    assert by_name.exchange_order_id == by_id.exchange_order_id


def test_a_clock_set_back_while_it_is_measured_is_measured_again(entropy: Entropy) -> None:
    steps = iter([0, -2_000_000_000])

    async def measure() -> tuple[str, int]:
        def wall_ns() -> int:
            return time.time_ns() + next(steps, -2_000_000_000)

        client = BinanceClient(ENDPOINTS, API_KEY, API_SECRET, now_ns=wall_ns)
        try:
            with pytest.raises(OutcomeUnknown, match="went backwards") as caught:
                await client.synchronise_clock(samples=1)
            offset = await client.synchronise_clock(samples=1)
            return str(caught.value), round(offset.offset_ns / 1e8)
        finally:
            await client.close_connection()

    assert run_with_exchange(measure(), entropy)[1] == 20


class CountingTopic(Topic):
    """Notes at which tenths of a second it was ticked."""

    def __init__(self) -> None:
        super().__init__("counting")
        self.ticks: list[int] = []

    def tick(self, number: int, now_us: int) -> None:
        self.ticks.append(number)


@pytest.mark.parametrize("drift_ppm", [-500.0, 0.0, 500.0])
def test_streams_tick_ten_times_a_second_of_a_clock_that_drifts(
    drift_ppm: float, entropy: Entropy
) -> None:
    clock = ServerClock(system_clock)
    topic = CountingTopic()

    async def tick() -> None:
        clock.set(0.0, drift_ppm)
        hub = StreamHub(Venue([rules_for("BTCUSDT")], clock), SocketSettings(clock=clock))
        hub.topics["counting"] = topic
        await hub.run()

    world = World(entropy=entropy)
    program = world.start("exchange", tick)

    async def scenario() -> tuple[int, int]:
        await asyncio.sleep(0.05)
        first = clock() // 100_000
        await asyncio.sleep(60)
        last = clock() // 100_000
        assert program.process is not None
        return last - first, program.process.steps

    tenths, steps = world.run(scenario).result
    assert topic.ticks == list(range(topic.ticks[0], topic.ticks[0] + len(topic.ticks)))
    assert abs(len(topic.ticks) - tenths) <= 1
    # A sleep takes two steps: between two ticks it does nothing.
    assert steps < 3 * len(topic.ticks)
