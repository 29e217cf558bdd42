"""The market streams over a real socket."""

import asyncio
import contextlib
import time
from itertools import pairwise
from typing import Any

import aiohttp
import msgspec
import pytest

from actors.exchange.configuration import STILL, ExchangeConfiguration
from tests.exchange.server.client import PATIENCE_SECONDS, World, now_ms, running

TRADE = "btcusdt@trade"


async def trade_once(world: World, price: str = "50000", quantity: str = "0.01") -> None:
    """One trade between the two accounts."""
    assert (await world.rest(0).place("SELL", quantity, price)).status == 200
    assert (await world.rest(0, account=1).place("BUY", quantity, price)).status == 200


async def ask(socket: Any, method: str, *parameters: Any, number: Any = 1) -> Any:
    """The reply to a control message; market messages before it go to `events`."""
    await socket.socket.send_json({"method": method, "params": list(parameters), "id": number})
    return await socket.reply(number)


@pytest.mark.asyncio
async def test_trades_and_best_prices_come_as_they_happen(still_world: World) -> None:
    names = f"{TRADE}/btcusdt@bookTicker/btcusdt@aggTrade"
    async with still_world.streams(f"/ws/{names}") as streams:
        await trade_once(still_world)
        ticker = await streams.next()
        assert list(ticker) == ["u", "s", "b", "B", "a", "A"]
        assert (ticker["a"], ticker["A"]) == ("50000.00000000", "0.01000000")
        trade = await streams.next()
        assert list(trade) == ["e", "E", "s", "t", "p", "q", "T", "m", "M"]
        assert (trade["e"], trade["t"], trade["m"]) == ("trade", 1, False)
        assert abs(trade["T"] - now_ms()) < 2000
        together = await streams.until(e="aggTrade")
        assert (together["f"], together["l"], together["q"]) == (1, 1, "0.01000000")


@pytest.mark.asyncio
async def test_aggregate_trades_gather_the_fills_of_one_taker_at_one_price(
    still_world: World,
) -> None:
    async with still_world.streams("/ws/btcusdt@aggTrade") as streams:
        maker, taker = still_world.rest(0), still_world.rest(0, account=1)
        for price in ("50000", "50000", "50001"):
            await maker.place("SELL", "0.01", price)
        await taker.place("BUY", "0.03", "50001")
        first, second = await streams.next(), await streams.next()
        assert (first["a"], first["f"], first["l"], first["q"]) == (1, 1, 2, "0.02000000")
        assert (second["a"], second["f"], second["l"], second["p"]) == (2, 3, 3, "50001.00000000")
        await ask(streams, "UNSUBSCRIBE", "btcusdt@aggTrade")
        await trade_once(still_world, "50002")
        await ask(streams, "SUBSCRIBE", "btcusdt@aggTrade", number=2)
        await trade_once(still_world, "50003")
        last = await streams.until(e="aggTrade")
        assert last["a"] == 4
        listed = (await maker.get("aggTrades", symbol="BTCUSDT")).json
        assert [(one["a"], one["f"], one["l"]) for one in listed] == [
            (1, 1, 2),
            (2, 3, 3),
            (3, 4, 4),
            (4, 5, 5),
        ]
        assert {"e": "aggTrade", "E": last["E"], "s": "BTCUSDT", **listed[3]} == last
        some = (await maker.get("aggTrades", symbol="BTCUSDT", fromId=2, limit=2)).json
        assert [one["a"] for one in some] == [2, 3]
        newest = (await maker.get("aggTrades", symbol="BTCUSDT", limit=1)).json
        assert newest == listed[3:]
        since = (await maker.get("aggTrades", symbol="BTCUSDT", startTime=last["T"] + 60_000)).json
        assert since == []
        async with still_world.api() as api:
            assert (await api.call("trades.aggregate", symbol="BTCUSDT"))["result"] == listed


@pytest.mark.asyncio
async def test_combined_streams_are_wrapped(still_world: World) -> None:
    async with still_world.streams(f"/stream?streams={TRADE}/ethusdt@trade") as streams:
        await trade_once(still_world)
        message = await streams.next()
        assert (message["stream"], message["data"]["s"]) == (TRADE, "BTCUSDT")


@pytest.mark.asyncio
async def test_a_book_built_from_diffs_is_the_book(lively_world: World) -> None:
    async with lively_world.streams("/ws/btcusdt@depth@100ms") as streams:
        diffs = [await streams.next()]
        book = (await lively_world.rest().get("depth", symbol="BTCUSDT", limit=5000)).json
        while diffs[-1]["u"] <= book["lastUpdateId"]:
            diffs.append(await streams.next())
        levels = {side: dict(book[name]) for side, name in (("b", "bids"), ("a", "asks"))}
        last = book["lastUpdateId"]
        fresh = [diff for diff in diffs if diff["u"] > last]
        assert fresh[0]["U"] <= last + 1 <= fresh[0]["u"]
        for _ in range(5):
            fresh.append(await streams.next())
        for diff in fresh:
            assert diff["U"] <= last + 1
            last = diff["u"]
            for side in ("b", "a"):
                for price, quantity in diff[side]:
                    if float(quantity):
                        levels[side][price] = quantity
                    else:
                        levels[side].pop(price, None)
        for before, after in pairwise(fresh):
            assert after["U"] == before["u"] + 1
        assert max(float(price) for price in levels["b"]) < min(
            float(price) for price in levels["a"]
        )


@pytest.mark.asyncio
async def test_both_speeds_of_depth_and_the_partial_books(lively_world: World) -> None:
    names = ["btcusdt@depth", "btcusdt@depth@100ms", "btcusdt@depth5@100ms", "btcusdt@depth20"]
    async with lively_world.streams(f"/stream?streams={'/'.join(names)}") as streams:
        seen: dict[str, list[Any]] = {name: [] for name in names}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and len(seen["btcusdt@depth"]) < 2:
            message = await streams.next()
            seen[message["stream"]].append(message["data"])
        slow, fast = seen["btcusdt@depth"], seen["btcusdt@depth@100ms"]
        assert slow[1]["U"] == slow[0]["u"] + 1
        assert len(fast) > len(slow) + 1
        assert all(
            list(book) == ["lastUpdateId", "bids", "asks"] for book in seen["btcusdt@depth20"]
        )
        assert len(seen["btcusdt@depth5@100ms"][0]["bids"]) == 5
        assert len(seen["btcusdt@depth20"][0]["asks"]) == 20


@pytest.mark.asyncio
async def test_klines_run_and_close_without_a_hole(lively_world: World) -> None:
    async with lively_world.streams("/ws/btcusdt@kline_1s") as streams:
        closed: list[Any] = []
        running_seen = 0
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and len(closed) < 3:
            bar = (await streams.until(e="kline"))["k"]
            if bar["x"]:
                closed.append(bar)
            else:
                running_seen += 1
        assert [bar["t"] - closed[0]["t"] for bar in closed] == [0, 1000, 2000]
        assert closed[1]["f"] == closed[0]["L"] + 1
        assert running_seen >= 2
        rows = (await lively_world.rest().get("klines", symbol="BTCUSDT", interval="1s")).json
        found = {row[0]: row for row in rows}[closed[1]["t"]]
        assert [closed[1][name] for name in "ohlcv"] == found[1:6]


@pytest.mark.asyncio
async def test_tickers_and_the_average_price_come_each_second(lively_world: World) -> None:
    names = ["btcusdt@miniTicker", "btcusdt@ticker", "btcusdt@avgPrice", "!miniTicker@arr"]
    async with lively_world.streams(f"/stream?streams={'/'.join(names)}") as streams:
        seen = {
            message["stream"]: message["data"] for message in [await streams.next() for _ in names]
        }
        assert set(seen) == set(names)
        assert seen["btcusdt@miniTicker"]["e"] == "24hrMiniTicker"
        assert seen["btcusdt@ticker"]["e"] == "24hrTicker"
        assert seen["btcusdt@avgPrice"]["i"] == "5m"
        assert seen["!miniTicker@arr"][0]["s"] == "BTCUSDT"


@pytest.mark.asyncio
async def test_subscribing_listing_and_unsubscribing(still_world: World) -> None:
    async with still_world.streams("/ws") as streams:
        reply = await ask(streams, "SUBSCRIBE", TRADE, "btcusdt@depth", number="a-1")
        assert reply == {"result": None, "id": "a-1"}
        assert (await ask(streams, "LIST_SUBSCRIPTIONS"))["result"] == [TRADE, "btcusdt@depth"]
        await trade_once(still_world)
        assert (await streams.until(e="trade"))["t"] == 1
        assert (await ask(streams, "UNSUBSCRIBE", TRADE, "never@there"))["result"] is None
        assert (await ask(streams, "LIST_SUBSCRIPTIONS"))["result"] == ["btcusdt@depth"]
        streams.events.clear()
        await trade_once(still_world, "50001")
        await streams.until(e="depthUpdate")
        assert not [event for event in streams.events if event.get("e") == "trade"]


@pytest.mark.asyncio
async def test_the_combined_property(still_world: World) -> None:
    async with still_world.streams(f"/ws/{TRADE}") as streams:
        assert (await ask(streams, "GET_PROPERTY", "combined"))["result"] is False
        assert (await ask(streams, "SET_PROPERTY", "combined", True))["result"] is None
        assert (await ask(streams, "GET_PROPERTY", "combined"))["result"] is True
        await trade_once(still_world)
        assert (await streams.next())["stream"] == TRADE
    async with still_world.streams("/stream") as streams:
        assert (await ask(streams, "GET_PROPERTY", "combined"))["result"] is True


UNKNOWN = (
    'Invalid request: unknown variant "SUB", expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, '
    "`LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` at line 1 column 25"
)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("{", 3, "Invalid JSON: expected value at line 1 column 1"),
        ("[1]", 2, None),
        ('{"id":1}', 2, "Invalid request: missing field `method` at line 1 column 8"),
        ('{"method":"SUB",  "id":1}', 2, UNKNOWN),
        ('{"method":["SUB"],"id":1}', 2, None),
        (
            '{"method":"SUBSCRIBE","params":["a"]}',
            2,
            "Invalid request: request ID must be an unsigned integer",
        ),
        (
            '{"method":"SUBSCRIBE","params":["a"],"id":1.5}',
            2,
            "Invalid request: request ID must be an unsigned integer",
        ),
        ('{"method":"SUBSCRIBE","params":"a","id":1}', 2, None),
        ('{"method":"SUBSCRIBE","params":[1],"id":1}', 2, None),
        (
            '{"method":"GET_PROPERTY","params":[],"id":1}',
            2,
            "Invalid request: property name must be a string",
        ),
        ('{"method":"GET_PROPERTY","params":["x"],"id":1}', 0, "Unknown property"),
        (
            '{"method":"GET_PROPERTY","params":["combined",1],"id":1}',
            2,
            "Invalid request: too many parameters",
        ),
        (
            '{"method":"SET_PROPERTY","params":["combined","yes"],"id":1}',
            1,
            "Invalid value type: expected Boolean",
        ),
        (
            '{"method":"SET_PROPERTY","params":["combined"],"id":1}',
            1,
            "Invalid value type: expected Boolean",
        ),
    ],
)
async def test_nonsense_is_answered_and_the_connection_lives(
    still_world: World, text: str, code: int, message: str | None
) -> None:
    async with still_world.streams("/ws") as streams:
        await streams.socket.send_str(text)
        answer = await streams.next()
        assert answer["code"] == code
        assert message is None or answer["msg"] == message
        assert (await ask(streams, "LIST_SUBSCRIPTIONS"))["result"] == []


@pytest.mark.asyncio
async def test_no_more_than_1024_streams(still_world: World) -> None:
    async with still_world.streams("/ws") as streams:
        many = [f"s{number}@trade" for number in range(1024)]
        assert (await ask(streams, "SUBSCRIBE", *many))["result"] is None
        assert (await ask(streams, "SUBSCRIBE", TRADE))["code"] == 2
        assert (await ask(streams, "SUBSCRIBE", many[0]))["result"] is None


@pytest.mark.asyncio
async def test_a_flood_of_messages_ends_the_connection(still_world: World) -> None:
    async with still_world.streams("/ws") as streams:
        for _ in range(60):
            await streams.socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
        messages = [await streams.socket.receive(timeout=PATIENCE_SECONDS) for _ in range(51)]
        assert messages[-1].type is aiohttp.WSMsgType.CLOSE
        assert messages[-1].data == 1008


def client_frame(message: Any) -> bytes:
    """A JSON message as a client's frame, its mask being zero."""
    payload = msgspec.json.encode(message)
    return b"\x81\xff" + len(payload).to_bytes(8, "big") + bytes(4) + payload


async def read_to_the_end(reader: asyncio.StreamReader) -> None:
    """Reads until the other side has ended or cut the connection."""
    with contextlib.suppress(ConnectionError):
        while await reader.read(1 << 16):
            pass


@pytest.mark.asyncio
async def test_whoever_does_not_read_is_dropped_and_slows_nobody() -> None:
    configuration = ExchangeConfiguration(trades_per_second=500.0, largest_buffer=100_000)
    async with running(configuration) as world, world.streams(f"/ws/{TRADE}") as streams:
        host, port = world.addresses.streams.removeprefix("ws://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        handshake = (
            f"GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        writer.write(handshake.encode())
        assert b"101" in await reader.readline()
        # Twenty answers of half a megabyte, which nobody reads: more than the system buffers by itself.
        names = [f"{number:0500}@trade" for number in range(1000)]
        writer.write(client_frame({"method": "SUBSCRIBE", "params": names, "id": 1}))
        for number in range(20):
            writer.write(client_frame({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        worst = 0
        for _ in range(500):
            worst = max(worst, now_ms() - (await streams.next())["E"])
        assert worst < 5000
        # Nobody has said good-bye, so only a connection that the server has cut comes to an end.
        await asyncio.wait_for(read_to_the_end(reader), PATIENCE_SECONDS)
        writer.transport.abort()


@pytest.mark.asyncio
async def test_both_sides_ping_and_silence_ends_a_connection() -> None:
    configuration = ExchangeConfiguration(
        market=STILL, ping_interval_seconds=0.05, silence_seconds=1.0
    )
    async with running(configuration) as world, world.streams("/ws", autoping=False) as streams:
        ping = await streams.socket.receive(timeout=PATIENCE_SECONDS)
        assert ping.type is aiohttp.WSMsgType.PING
        assert abs(int(ping.data) - now_ms()) < 2000
        await streams.socket.ping(b"hello")
        while (
            message := await streams.socket.receive(timeout=PATIENCE_SECONDS)
        ).type is aiohttp.WSMsgType.PING:
            await streams.socket.pong()
        assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"hello")
        # Any pong is a sign of life, whatever it holds.
        for _ in range(12):
            message = await streams.socket.receive(timeout=PATIENCE_SECONDS)
            assert message.type is aiohttp.WSMsgType.PING
            await streams.socket.pong(b"something else")
        start = time.monotonic()
        while message.type is aiohttp.WSMsgType.PING:
            message = await streams.socket.receive(timeout=PATIENCE_SECONDS)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        assert 0.9 < time.monotonic() - start < 10
