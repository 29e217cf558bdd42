"""Every market stream of the documentation, raw and combined, with its control messages; and every user event."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.exchange.server.client import Socket, World
from tests.exchange.server.conformance_streams import (
    NO_STREAMS,
    NO_USER_EVENTS,
    REFUSALS,
    STREAM_NAMES,
    STREAMS,
    USER_EVENTS,
)
from tests.exchange.server.documented_events import EVENTS

NAMES = {name: kind for streams in STREAMS.values() for name, kind in streams.items()}
PATIENCE_SECONDS = 60.0


def kind_of(message: Any) -> str:
    """The type that an event names; of a list, that of its first."""
    first = message[0] if isinstance(message, list) else message
    return str(first.get("e", ""))


def check(name: str, message: Any) -> None:
    """Raises AssertionError for an event that is not of its stream."""
    assert kind_of(message) == NAMES[name], (name, message)
    if name.startswith("!"):
        assert [one["s"] for one in message] == ["BTCUSDT"]
    elif "lastUpdateId" in message:
        levels = int("".join(filter(str.isdigit, name.split("@")[1])))
        assert 0 < len(message["bids"]) <= levels
    else:
        assert message["s"] == "BTCUSDT"
    if NAMES[name] == "kline":
        assert name.split("@")[1] == f"kline_{message['k']['i']}"


async def first_of_raw(world: World, stack: AsyncExitStack, name: str) -> Any:
    """A raw stream of its own, and its first event."""
    socket = await stack.enter_async_context(world.streams(f"/ws/{name}"))
    return await socket.next()


@pytest.mark.asyncio
async def test_every_raw_stream(lively_world: World) -> None:
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE_SECONDS):
        found = await asyncio.gather(*(first_of_raw(lively_world, stack, name) for name in NAMES))
    for name, message in zip(NAMES, found, strict=True):
        check(name, message)


async def hear_all(socket: Socket) -> None:
    """Reads until every stream has been heard of."""
    missing = set(NAMES)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while missing:
            message = await socket.next()
            assert list(message) == ["stream", "data"]
            if message["stream"] in missing:
                check(message["stream"], message["data"])
                missing.discard(message["stream"])


@pytest.mark.asyncio
async def test_every_stream_combined(lively_world: World) -> None:
    async with lively_world.streams(f"/stream?streams={'/'.join(NAMES)}") as socket:
        await hear_all(socket)


@pytest.mark.asyncio
async def test_every_stream_subscribed_listed_and_dropped(lively_world: World) -> None:
    async with lively_world.streams("/stream") as socket:

        async def ask(method: str, *parameters: Any) -> Any:
            request = {"method": method, "params": parameters, "id": method}
            await socket.socket.send_json(request)
            return (await socket.reply(method))["result"]

        assert await ask("SUBSCRIBE", *NAMES) is None
        assert await ask("LIST_SUBSCRIPTIONS") == list(NAMES)
        await hear_all(socket)
        assert await ask("GET_PROPERTY", "combined") is True
        assert await ask("SET_PROPERTY", "combined", False) is None
        assert await ask("GET_PROPERTY", "combined") is False
        assert await ask("UNSUBSCRIBE", *NAMES) is None
        assert await ask("LIST_SUBSCRIPTIONS") == []
        with pytest.raises(TimeoutError):
            await socket.socket.receive(timeout=1.5)


@pytest.mark.asyncio
async def test_every_refusal(still_world: World) -> None:
    async with still_world.streams("/ws") as socket:
        for line, (message, code, text) in REFUSALS.items():
            await socket.socket.send_str(message)
            answer = await socket.next()
            assert (answer["code"], answer["msg"]) == (code, text), line


def test_every_documented_stream_is_here_or_left_out() -> None:
    assert set(STREAMS) | set(NO_STREAMS) == set(STREAM_NAMES)
    assert not set(STREAMS) & set(NO_STREAMS)
    assert set(REFUSALS) == set(range(199, 208))
    assert len(STREAMS[321]) == len(STREAMS[365]) == 16


def test_every_documented_user_event_is_here_or_left_out() -> None:
    """Each has an example which the exchange is held against, a few lines before its type."""
    brought_about = {
        name
        for (file, line), name in USER_EVENTS.items()
        if any(file == other and 0 <= line - start <= 3 for other, start in EVENTS)
    }
    assert brought_about | set(NO_USER_EVENTS) == set(USER_EVENTS.values())
    assert not brought_about & set(NO_USER_EVENTS)


@pytest.mark.asyncio
async def test_streams_of_all_symbols_have_those_that_changed(still_world: World) -> None:
    """web-socket-streams.md:420 and 513: "only tickers that have changed will be present in the array"."""
    rest = still_world.rest()

    async def trade(symbol: str, price: str) -> None:
        for side in ("SELL", "BUY"):
            await rest.place(side, "0.01", price, symbol=symbol)

    await trade("BTCUSDT", "50000")
    names = ("!miniTicker@arr", "!ticker_1h@arr", "!ticker_4h@arr", "!ticker_1d@arr")
    async with still_world.streams(f"/stream?streams={'/'.join(names)}") as socket:
        await socket.call("LIST_SUBSCRIPTIONS")
        for symbol, price in (("ETHUSDT", "3000"), ("BTCUSDT", "50001"), ("ETHUSDT", "3000")):
            await trade(symbol, price)
            missing = set(names)
            while missing:
                message = await socket.next()
                assert [one["s"] for one in message["data"]] == [symbol], message
                missing.remove(message["stream"])
        with pytest.raises(TimeoutError):
            await socket.socket.receive(timeout=1.5)
