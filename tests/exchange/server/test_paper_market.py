"""A paper market on another exchange's streams: a second local exchange plays Binance, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from actors.exchange.configuration import (
    PAPER,
    STILL,
    AccountConfiguration,
    ExchangeConfiguration,
)
from actors.exchange.fault_plan import FaultPlan
from actors.exchange.fault_rules import FrameDropped
from tests.exchange.server.client import World, running
from tests.free_port import free_port

PATIENCE_SECONDS = 30.0
A_MOMENT = 0.5
"""Above the error of the measured clock, on a busy machine too: a trade in the moment of an order's acceptance passes it by."""
SOURCE = ExchangeConfiguration(
    symbols=("BTCUSDT", "ETHUSDT"), market=STILL, allows_self_trades=True
)


@asynccontextmanager
async def paper(source: World) -> AsyncIterator[World]:
    """An exchange whose market is the source's."""
    configuration = ExchangeConfiguration(
        symbols=("BTCUSDT", "ETHUSDT"),
        market=PAPER,
        source_rest=source.addresses.rest,
        source_streams=source.addresses.streams,
        accounts=(AccountConfiguration(), AccountConfiguration(name="other")),
    )
    async with running(configuration) as world:
        yield world


async def until(condition: Callable[[], Any]) -> Any:
    """Waits, with patience, until something is so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = condition()
            found = await found if asyncio.iscoroutine(found) else found
            if found:
                return found
            await asyncio.sleep(0.02)


async def book_of(world: World) -> tuple[Any, Any]:
    """The displayed levels."""
    answer = (await world.rest().get("depth", symbol="BTCUSDT", limit=1000)).json
    return answer["bids"], answer["asks"]


async def agree(source: World, other: World) -> None:
    """Waits until both show the same, which must be something."""

    async def same() -> bool:
        theirs = await book_of(source)
        return bool(theirs[0]) and theirs == await book_of(other)

    await until(same)


async def status_of(world: World, order_id: int) -> tuple[str, Decimal]:
    """How an order stands, and what of it is executed."""
    answer = (await world.rest().signed("GET", "order", symbol="BTCUSDT", orderId=order_id)).json
    return answer["status"], Decimal(answer["executedQty"])


async def fill_of(world: World, order_id: int, quantity: str) -> None:
    """Waits until so much of an order is executed."""
    await until(lambda: has_filled(world, order_id, quantity))


async def has_filled(world: World, order_id: int, quantity: str) -> bool:
    """Whether so much of an order is executed."""
    return (await status_of(world, order_id))[1] == Decimal(quantity)


async def last_trade(world: World) -> Any:
    """The newest public trade."""
    return (await world.rest().get("trades", symbol="BTCUSDT", limit=1)).json


async def has_printed(world: World, count: int) -> bool:
    """Whether so many trades are on the tape."""
    return len((await world.rest().get("trades", symbol="BTCUSDT")).json) >= count


async def traded_alike(source: World, other: World) -> None:
    """Waits until the newest trade is the source's."""

    async def same() -> bool:
        theirs, ours = await last_trade(source), await last_trade(other)
        names = ("id", "price", "qty", "isBuyerMaker")
        return bool(ours) and [theirs[0][name] for name in names] == [
            ours[0][name] for name in names
        ]

    await until(same)


@pytest.mark.asyncio
async def test_the_book_and_the_tape_are_the_sources() -> None:
    async with (
        running(replace(SOURCE, market="synthetic", trades_per_second=50.0)) as source,
        paper(source) as world,
    ):
        await until(lambda: has_printed(world, 10))
        ours = (await world.rest().get("trades", symbol="BTCUSDT", limit=1000)).json
        theirs = (await source.rest().get("trades", symbol="BTCUSDT", limit=1000)).json
        by_id = {one["id"]: one for one in theirs}
        names = ("price", "qty", "quoteQty", "isBuyerMaker")
        assert all([one[n] for n in names] == [by_id[one["id"]][n] for n in names] for one in ours)


@pytest.mark.asyncio
async def test_resting_orders_wait_for_their_turn_and_takers_take_what_is_displayed() -> None:
    async with running(SOURCE) as source, paper(source) as world:
        other, mine = source.rest(), world.rest()
        await other.place("BUY", "0.50000", "50000")
        await other.place("SELL", "0.30000", "50010")
        await agree(source, world)

        rests = (await mine.place("BUY", "0.20000", "50000")).json["orderId"]
        await asyncio.sleep(A_MOMENT)
        await other.place("SELL", "0.40000", "50000", timeInForce="IOC")
        await traded_alike(source, world)
        assert await status_of(world, rests) == ("NEW", Decimal(0))
        await other.place("SELL", "0.10000", "50000", timeInForce="IOC")
        await traded_alike(source, world)
        assert await status_of(world, rests) == ("NEW", Decimal(0))
        await other.place("BUY", "0.15000", "50000")
        await other.place("SELL", "0.15000", "50000", timeInForce="IOC")
        await fill_of(world, rests, "0.15")
        # Beyond its price there is no queue.
        await other.place("BUY", "0.02000", "49990")
        await other.place("SELL", "0.02000", "49990", timeInForce="IOC")
        await fill_of(world, rests, "0.17")

        taken = (await mine.place("BUY", "0.20000", "50010")).json
        assert taken["status"] == "FILLED"
        assert {one["price"] for one in taken["fills"]} == {"50010.00000000"}
        short = (await mine.place("BUY", "0.20000", "50010", timeInForce="IOC")).json
        assert (short["status"], short["executedQty"]) == ("EXPIRED", "0.10000000")


@pytest.mark.asyncio
async def test_the_other_side_that_comes_to_an_order_trades_with_it() -> None:
    async with running(SOURCE) as source, paper(source) as world:
        await source.rest().place("BUY", "0.10000", "49000")
        await source.rest().place("SELL", "0.10000", "51000")
        await agree(source, world)
        rests = (await world.rest().place("BUY", "0.20000", "50000")).json["orderId"]
        await source.rest().place("SELL", "0.05000", "49900")
        await fill_of(world, rests, "0.05")
        fills = (await world.rest().signed("GET", "myTrades", symbol="BTCUSDT")).json
        assert [one["price"] for one in fills] == ["50000.00000000"]


@pytest.mark.asyncio
async def test_a_gap_is_mended_by_a_snapshot(caplog: pytest.LogCaptureFixture) -> None:
    faults = FaultPlan(
        faults=(FrameDropped(on=("btcusdt@depth*",), nth=3),),
    )
    async with running(replace(SOURCE, faults=faults)) as source, paper(source) as world:
        for step in range(8):
            await source.rest().place("BUY", "0.10000", str(49000 + step))
            await source.rest().place("SELL", "0.10000", str(51000 + step))
            await asyncio.sleep(0.1)
        await agree(source, world)
        assert len((await book_of(world))[0]) == 8
    assert "updates are missing" in caplog.text


@pytest.mark.asyncio
async def test_a_lost_source_empties_the_book_until_it_is_back() -> None:
    configuration = replace(SOURCE, port=free_port())
    async with running(configuration) as source:
        context = paper(source)
        world = await context.__aenter__()
        await source.rest().place("BUY", "0.10000", "49000")
        await source.rest().place("SELL", "0.10000", "51000")
        await agree(source, world)
    try:
        await until(lambda: is_empty(world))
        refused = await world.rest().signed(
            "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="100"
        )
        assert refused.error[1] == -2010
        async with running(configuration) as again:
            await again.rest().place("BUY", "0.30000", "48000")
            await again.rest().place("SELL", "0.30000", "52000")
            await agree(again, world)
    finally:
        await context.__aexit__(None, None, None)


async def is_empty(world: World) -> bool:
    """Whether nothing is displayed."""
    return await book_of(world) == ([], [])


@pytest.mark.asyncio
async def test_trading_rules_are_the_sources() -> None:
    async with running(SOURCE) as source:
        answer = (await source.rest().get("exchangeInfo", symbol="BTCUSDT")).json
        async with paper(source) as world:
            await source.rest().place("BUY", "0.30000", "48000")
            await agree(source, world)
            ours = (await world.rest().get("exchangeInfo", symbol="BTCUSDT")).json
            assert ours["symbols"][0]["filters"] == answer["symbols"][0]["filters"]


@pytest.mark.asyncio
async def test_a_symbol_that_the_source_does_not_list_ends_the_exchange() -> None:
    async with running(replace(SOURCE, symbols=("BTCUSDT",))) as source:
        with pytest.raises(ValueError, match="does not list ETHUSDT"):
            async with paper(source) as world:
                await asyncio.wait_for(asyncio.shield(world.task), PATIENCE_SECONDS)
