"""A paper market: one exchange plays Binance, another streams its market, and users' orders fill there on paper."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from actors.exchange.configuration import STILL, AccountConfiguration, ExchangeConfiguration
from actors.exchange.public_feed import SourceError
from actors.exchange.public_source import BINANCE_SOURCE, PublicSource, find_source
from tests.exchange.server.client import World, running

ACCOUNTS = (AccountConfiguration(), AccountConfiguration(name="other"))


@asynccontextmanager
async def paper_of(world: World, **options: Any) -> AsyncIterator[World]:
    """An exchange that streams another one's BTCUSDT."""
    configuration = ExchangeConfiguration(market=world.addresses.rest, **options)
    async with running(configuration) as paper:
        yield paper


async def until_book(paper: World, bids: list[list[str]], asks: list[list[str]]) -> None:
    """Waits until the best levels of the paper market are these."""
    for _ in range(200):
        depth = (await paper.rest().get("depth", symbol="BTCUSDT", limit=5)).json
        found = [
            [[f"{float(text):g}" for text in one] for one in depth[key]] for key in ("bids", "asks")
        ]
        if found == [bids, asks]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the book is {found}")


def test_where_a_market_comes_from() -> None:
    assert find_source("binance") is BINANCE_SOURCE
    assert find_source("https://a.example/") == PublicSource("https://a.example", "wss://a.example")
    assert find_source("http://127.0.0.1:8") == PublicSource(
        "http://127.0.0.1:8", "ws://127.0.0.1:8"
    )
    assert find_source("synthetic") is None
    assert find_source("trades.csv") is None


@pytest.mark.asyncio
async def test_its_book_follows_and_orders_fill_behind_the_queue() -> None:
    async with running(ExchangeConfiguration(market=STILL, accounts=ACCOUNTS)) as real:
        maker, taker = real.rest(), real.rest(account=1)
        await maker.place("BUY", "2", "50000")
        await maker.place("SELL", "2", "50010")
        async with paper_of(real) as paper, paper.streams("/ws/btcusdt@trade") as trades:
            await until_book(paper, [["50000", "2"]], [["50010", "2"]])
            order = (await paper.rest().place("BUY", "1", "50000")).json["orderId"]
            await until_book(paper, [["50000", "3"]], [["50010", "2"]])
            await taker.place("SELL", "1.5", "50000")
            assert (await trades.until(e="trade"))["q"] == "1.50000000"
            await until_book(paper, [["50000", "1.5"]], [["50010", "2"]])
            found = (
                await paper.rest().signed("GET", "order", symbol="BTCUSDT", orderId=order)
            ).json
            assert (found["status"], found["executedQty"]) == ("NEW", "0.00000000")
            await maker.place("BUY", "1", "50000")
            await until_book(paper, [["50000", "2.5"]], [["50010", "2"]])
            await taker.place("SELL", "1", "50000")
            await trades.until(e="trade")
            found = (
                await paper.rest().signed("GET", "order", symbol="BTCUSDT", orderId=order)
            ).json
            assert (found["status"], found["executedQty"]) == ("PARTIALLY_FILLED", "0.50000000")
            mine = (await paper.rest().signed("GET", "myTrades", symbol="BTCUSDT")).json
            assert [(one["price"], one["isMaker"]) for one in mine] == [("50000.00000000", True)]
            printed = (await paper.rest().get("trades", symbol="BTCUSDT")).json
            original = (await real.rest().get("trades", symbol="BTCUSDT")).json
            assert [(one["id"], one["qty"]) for one in printed] == [
                (one["id"], one["qty"]) for one in original
            ]


@pytest.mark.asyncio
async def test_it_takes_over_rules_and_what_was_traded_before() -> None:
    async with running(ExchangeConfiguration(market=STILL, accounts=ACCOUNTS)) as real:
        await real.rest().place("SELL", "1", "50000")
        await real.rest(account=1).place("BUY", "1", "50000")
        async with paper_of(real) as paper:
            names = ("exchangeInfo", "ticker/price")
            for name in names:
                theirs = (await real.rest().get(name, symbol="BTCUSDT")).json
                ours = (await paper.rest().get(name, symbol="BTCUSDT")).json
                for body in (theirs, ours):
                    body.pop("serverTime", None)
                assert ours == theirs


@pytest.mark.asyncio
async def test_a_lively_market_stays_the_same_over_cuts_and_lost_frames() -> None:
    lively = ExchangeConfiguration(trades_per_second=100.0, seed=3, has_control=True)
    rules = [
        {"kind": "frame_dropped", "on": "btcusdt@depth*", "nth": 3},
        {"kind": "sockets_dropped", "channel": "market", "reset": True, "at_seconds": 1.0},
        {"kind": "sockets_closed", "channel": "market", "at_seconds": 2.0},
    ]
    async with running(lively) as real, paper_of(real) as paper:
        await agree(real, paper)
        url = f"{real.addresses.control}/faults"
        async with real.session.post(url, json={"faults": rules}) as answer:
            assert answer.status == 200
        for _ in range(12):
            await asyncio.sleep(0.1)
            await agree(real, paper)


async def agree(real: World, paper: World) -> None:
    """Waits until both show the same best levels."""
    for _ in range(500):
        theirs = (await real.rest().get("depth", symbol="BTCUSDT", limit=5)).json
        ours = (await paper.rest().get("depth", symbol="BTCUSDT", limit=5)).json
        if theirs["bids"] == ours["bids"] and theirs["asks"] == ours["asks"]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{ours} is not {theirs}")


@pytest.mark.asyncio
async def test_without_its_streams_it_shows_nothing_and_comes_back() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    first = ExchangeConfiguration(market=STILL, port=port, accounts=ACCOUNTS)
    async with running(first) as real:
        await real.rest().place("BUY", "2", "50000")
        paper_configuration = ExchangeConfiguration(market=real.addresses.rest)
        paper_context = running(paper_configuration)
        paper = await paper_context.__aenter__()
        await until_book(paper, [["50000", "2"]], [])
    try:
        await until_book(paper, [], [])
        order = (await paper.rest().place("SELL", "1", "50000")).json
        assert order["status"] == "NEW"
        async with running(
            ExchangeConfiguration(market=STILL, port=port, accounts=ACCOUNTS)
        ) as real:
            await real.rest().place("SELL", "3", "50005")
            await until_book(paper, [], [["50000", "1"], ["50005", "3"]])
    finally:
        await paper_context.__aexit__(None, None, None)


@pytest.mark.asyncio
async def test_a_source_that_is_not_there_is_told_at_the_start() -> None:
    with pytest.raises(
        SourceError, match=r"http://127\.0\.0\.1:9/api/v3/exchangeInfo.* cannot be read"
    ):
        async with running(ExchangeConfiguration(market="http://127.0.0.1:9")):
            raise AssertionError("it has started")


@pytest.mark.asyncio
async def test_a_symbol_that_the_source_does_not_list() -> None:
    async with running(ExchangeConfiguration(market=STILL)) as real:
        with pytest.raises(SourceError, match="ETHUSDT"):
            async with paper_of(real, symbols=("ETHUSDT",)):
                raise AssertionError("it has started")
