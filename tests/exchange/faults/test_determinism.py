"""The faulty exchange in a world of virtual time: one seed gives one run, minutes pass at once, and kills lose nothing."""

import asyncio
from typing import Any

import aiohttp
import pytest

from actors.exchange.app import serve
from actors.exchange.configuration import AccountConfiguration, ExchangeConfiguration
from actors.exchange.signing import KeyKind, KeyPair
from actors.simulation.weather import Weather
from actors.simulation.world import Report, World
from tests.exchange.faults.world import plan_of
from tests.exchange.server.client import Rest

PAIR = KeyPair("K" * 64, "S" * 64, KeyKind.HMAC)
RULES: tuple[dict[str, Any], ...] = (
    {"kind": "late", "delay_ms": 12_000, "probability": 0.1},
    {"kind": "error", "code": -1007, "probability": 0.1, "on": "order.place"},
    {"kind": "disconnect", "probability": 0.1, "executes": False},
    {"kind": "silence", "nth": 20},
    {"kind": "query_lag", "lag_ms": 2000, "probability": 0.5},
)
CALM = Weather()
ORDERS = 60

# Of virtual time, which costs nothing.
RETRY_SECONDS = 1.0
SETTLING_SECONDS = 30.0


def exchange_of(world: World) -> ExchangeConfiguration:
    """An exchange that keeps its state on its disk, with faults of all sorts."""
    jitter = {"ms": 5, "jitter_ms": 50}
    return ExchangeConfiguration(
        host="0.0.0.0",
        port=80,
        accounts=(AccountConfiguration(keys=(PAIR,)),),
        faults=plan_of(*RULES, seed=3, latency={"rest": jitter, "market": jitter}),
        state=world.folder("exchange") / "state.db",
    )


def run_orders(seed: int, kills: tuple[int, ...] = ()) -> tuple[Report, list[Any], list[Any]]:
    """Orders with faults, and kills before some statements; what was answered, and what the exchange says at the end."""
    world = World(seed, CALM)
    answered: list[Any] = []
    found: list[Any] = []

    async def trade() -> None:
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            rest = Rest(session, "http://exchange", PAIR)
            for number in range(ORDERS):
                try:
                    side, price = ("BUY", "62000") if number % 2 else ("SELL", "58000")
                    answer = await rest.place(side, "0.001", price)
                    if answer.status == 200:
                        answered.append(answer.json)
                except (aiohttp.ClientError, OSError, TimeoutError):
                    await asyncio.sleep(RETRY_SECONDS)

    async def look() -> int:
        """Asks until it is answered for what the exchange knows."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            rest = Rest(session, "http://exchange", PAIR)
            while not found:
                try:
                    answer = await rest.signed("GET", "myTrades", symbol="BTCUSDT", limit=1000)
                    found.extend(answer.json)
                except (aiohttp.ClientError, OSError, TimeoutError):
                    await asyncio.sleep(RETRY_SECONDS)
        return len(found)

    exchange = world.start("exchange", serve, exchange_of(world))
    world.restart(exchange, after=1)
    for statement in kills:
        world.kill(exchange, statement=statement)
    trader = world.start("trader", trade)

    async def scenario() -> int:
        await world.ended(trader)
        await asyncio.sleep(SETTLING_SECONDS)
        return await look()

    report = world.run(scenario)
    assert exchange.incarnation == len(kills)
    return report, answered, found


def test_one_seed_gives_one_run() -> None:
    first, answered, _ = run_orders(1)
    again, answered_again, _ = run_orders(1)
    assert first.digest == again.digest
    assert answered == answered_again
    assert 20 < len(answered) < ORDERS


@pytest.mark.parametrize("statement", [60, 61, 62, 63, 64, 65, 66, 67])
def test_a_kill_before_any_statement_loses_no_answer(statement: int) -> None:
    _, answered, found = run_orders(2, kills=(statement,))
    kept = {trade["orderId"] for trade in found}
    assert {order["orderId"] for order in answered if order["fills"]} <= kept
    assert len({trade["id"] for trade in found}) == len(found)
