"""What can happen to user events, queries, market frames and sockets, over real sockets."""

import asyncio
import contextlib
import itertools
import time
from typing import Any

import aiohttp
import pytest

from tests.exchange.faults.world import FaultyWorld, eventually, faulty
from tests.exchange.server.client import PATIENCE_SECONDS, Socket

MARKET = {"trades_per_second": 200.0, "market": "synthetic"}


async def subscribe(api: Socket) -> None:
    assert (await api.signed("userDataStream.subscribe.signature"))["status"] == 200


async def next_kinds(api: Socket, count: int) -> list[str]:
    """The execution types of so many events, however late, and of any that follow soon after them."""
    found: list[str] = []
    while True:
        try:
            message = await asyncio.wait_for(
                api.next(), PATIENCE_SECONDS if len(found) < count else 0.2
            )
        except TimeoutError:
            break
        event = message["event"]
        found.append(event.get("x", event["e"]))
    return found


async def drain(socket: Socket) -> None:
    """Takes what has come already."""
    with contextlib.suppress(TimeoutError):
        for _ in range(1000):
            await asyncio.wait_for(socket.next(), 0.05)


async def trade(world: FaultyWorld) -> None:
    """An order of the default account that is filled at once by itself."""
    assert (await world.rest().place("SELL", "0.01", "50000")).status == 200
    assert (await world.rest().place("BUY", "0.01", "50000")).json["status"] == "FILLED"


@pytest.mark.asyncio
async def test_events_precede_the_reply_unless_their_channel_is_slow() -> None:
    async with faulty() as world, world.api() as api:
        await subscribe(api)
        await api.place("BUY", "0.01", "50000")
        assert [one["event"].get("x") for one in api.events] == ["NEW", None]
        await world.give(latency={"user_events": {"ms": 500}})
        api.events.clear()
        await api.place("BUY", "0.01", "50000")
        assert api.events == []
        assert await next_kinds(api, 2) == ["NEW", "outboundAccountPosition"]


@pytest.mark.asyncio
async def test_an_event_long_after_the_reply_and_after_its_successors() -> None:
    rule = {"kind": "event_late", "on": "executionReport.NEW", "delay_ms": 1000}
    async with faulty(rule) as world, world.api() as api:
        await subscribe(api)
        await trade(world)
        found = await next_kinds(api, 6)
        assert found.index("TRADE") < found.index("NEW")
        assert sorted(found) == sorted(
            ["NEW", "NEW", "TRADE", "TRADE", *["outboundAccountPosition"] * 2]
        )


@pytest.mark.asyncio
async def test_an_event_twice_and_an_event_withheld() -> None:
    rules = (
        {"kind": "event_twice", "on": "executionReport.NEW", "delay_ms": 20},
        {"kind": "event_withheld", "on": "outboundAccountPosition", "account": "default"},
    )
    async with faulty(*rules) as world, world.api() as api:
        await subscribe(api)
        await world.rest().place("BUY", "0.01", "50000")
        assert await next_kinds(api, 2) == ["NEW", "NEW"]


@pytest.mark.asyncio
async def test_the_event_stream_is_terminated() -> None:
    async with faulty() as world, world.api() as api:
        await subscribe(api)
        await world.give({"kind": "event_streams_terminated"})
        assert (await api.next())["event"]["e"] == "eventStreamTerminated"
        await world.rest().place("BUY", "0.01", "50000")
        assert await next_kinds(api, 0) == []
        await subscribe(api)


@pytest.mark.asyncio
async def test_unsolicited_401() -> None:
    async with faulty() as world, world.api(number=1) as api:
        assert (await api.signed("session.logon"))["status"] == 200
        await world.give({"kind": "unauthorized"})
        message = await api.next()
        assert message == {
            "id": None,
            "status": 401,
            "error": {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."},
        }
        assert (await api.call("session.status"))["result"]["apiKey"] is None


@pytest.mark.asyncio
async def test_a_key_revoked_while_in_use() -> None:
    async with faulty() as world, world.api(number=1) as api:
        assert (await api.signed("session.logon"))["status"] == 200
        await world.give({"kind": "key_revoked", "key": "ed25519"})
        now = int(time.time() * 1000)
        await api.socket.send_json(
            {"id": 7, "method": "account.status", "params": {"timestamp": now}}
        )
        assert (await api.next())["id"] is None
        assert (await api.signed("account.status"))["error"]["code"] == -2015
        assert (await world.rest(number=1).signed("GET", "account")).error[:2] == (401, -2015)
        assert (await world.rest(number=0).signed("GET", "account")).status == 200


@pytest.mark.asyncio
async def test_shutdown_notices_on_all_three_kinds_of_socket() -> None:
    async with (
        faulty() as world,
        world.streams("/ws/btcusdt@trade") as raw,
        world.streams("/stream?streams=btcusdt@trade") as combined,
        world.api() as api,
    ):
        await world.give({"kind": "shutdown", "grace_ms": 1000})
        assert (await raw.next())["e"] == "serverShutdown"
        both = await combined.next()
        assert (both["stream"], both["data"]["e"]) == ("!serverShutdown", "serverShutdown")
        notice = await api.next()
        assert list(notice) == ["event"]
        assert (await api.call("ping"))["status"] == 200
        for socket in (raw, combined, api):
            message = await socket.socket.receive(timeout=PATIENCE_SECONDS)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
        async with world.api() as again:
            assert (await again.call("ping"))["status"] == 200


@pytest.mark.asyncio
async def test_query_lag() -> None:
    async with faulty({"kind": "query_lag", "lag_ms": 30_000}) as world:
        rest = world.rest()
        placed = (await rest.place("BUY", "0.01", "50000")).json
        one = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
        assert (await rest.signed("GET", "order", **one)).error == (
            400,
            -2013,
            "Order does not exist.",
        )
        assert (await rest.signed("GET", "openOrders")).json == []

        later = await clock_at(world, 29_000)
        assert (await rest.signed("GET", "openOrders", **later)).json == []
        later = await clock_at(world, 61_000)
        assert (await rest.signed("GET", "order", **one, **later)).status == 200
        assert len((await rest.signed("GET", "openOrders", **later)).json) == 1


async def clock_at(world: FaultyWorld, offset_ms: int) -> dict[str, Any]:
    """Sets the exchange's clock so far ahead of ours; what a request says to be in time there."""
    await world.give({"kind": "clock_changed", "offset_ms": offset_ms})
    return {"timestamp": (await world.rest().get("time")).json["serverTime"]}


@pytest.mark.asyncio
async def test_a_filled_order_is_still_listed_as_open() -> None:
    async with faulty({"kind": "stale_open_orders", "lag_ms": 30_000}) as world:
        rest = world.rest()
        await trade(world)
        listed = (await rest.signed("GET", "openOrders", symbol="BTCUSDT")).json
        assert [(one["orderId"], one["status"], one["executedQty"]) for one in listed] == [
            (1, "NEW", "0.00000000"),
            (2, "NEW", "0.00000000"),
        ]
        assert (await rest.signed("GET", "openOrders", symbol="ETHUSDT")).json == []

        later = await clock_at(world, 61_000)
        assert (await rest.signed("GET", "openOrders", symbol="BTCUSDT", **later)).json == []


@pytest.mark.asyncio
async def test_a_stale_snapshot() -> None:
    async with faulty() as world:
        rest = world.rest()
        before = (await rest.get("depth", symbol="BTCUSDT")).json
        await world.give({"kind": "stale_snapshot", "times": 1})
        await rest.place("BUY", "0.01", "50000")
        assert (await rest.get("depth", symbol="BTCUSDT")).json == before
        now = (await rest.get("depth", symbol="BTCUSDT")).json
        assert now["lastUpdateId"] > before["lastUpdateId"]


@pytest.mark.asyncio
async def test_a_gap_in_the_depth_stream() -> None:
    rule = {"kind": "frame_dropped", "on": "btcusdt@depth*", "nth": 3}
    async with faulty(rule, **MARKET) as world, world.streams("/ws/btcusdt@depth@100ms") as feed:
        frames = [await feed.next() for _ in range(5)]
        gaps = [
            number
            for number, (last, frame) in enumerate(itertools.pairwise(frames), 1)
            if frame["U"] != last["u"] + 1
        ]
        assert gaps == [2]


@pytest.mark.asyncio
async def test_forms_of_zero() -> None:
    async with faulty({"kind": "zero_forms"}, **MARKET) as world:
        async with world.streams("/ws/btcusdt@depth@100ms") as feed:
            found: set[str] = set()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(found) < 3:
                    frame = await feed.next()
                    found |= {size for _, size in (*frame["b"], *frame["a"]) if float(size) == 0}
        assert found == {"0", "0.000", "0.00000000"}


@pytest.mark.asyncio
async def test_a_slow_market_keeps_its_order() -> None:
    market = {"ms": 50, "jitter_ms": 30}
    options = {"latency": {"market": market}, **MARKET}
    async with faulty(**options) as world, world.streams("/ws/btcusdt@trade") as feed:
        trades = [await feed.next() for _ in range(20)]
    ids = [one["t"] for one in trades]
    assert ids == list(range(ids[0], ids[0] + 20))
    assert all(time.time() * 1000 - one["E"] >= 50 for one in trades)


@pytest.mark.asyncio
async def test_a_frozen_socket_is_open_and_silent() -> None:
    async with faulty(**MARKET) as world, world.streams("/ws/btcusdt@trade") as feed:
        await feed.next()
        async with world.api() as api:
            await subscribe(api)
            await world.give({"kind": "sockets_frozen", "channel": "user_events", "for_ms": 1000})
            await api.socket.send_json({"id": "lost", "method": "ping"})
            assert (await world.rest().place("BUY", "0.01", "30000")).status == 200
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(api.next(), 0.1)
            await feed.next()

            async def has_thawed() -> bool:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(api.call("time"), 0.2)
                    return True
                return False

            await eventually(has_thawed)
            assert [message for message in api.events if "event" in message] == []
        await world.give({"kind": "sockets_frozen", "channel": "market"})
        await drain(feed)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(feed.next(), 0.2)
        assert not feed.socket.closed


@pytest.mark.asyncio
@pytest.mark.parametrize("habit", ["echo", "empty", "none"])
async def test_pongs(habit: str) -> None:
    async with faulty(sockets={"pongs": habit}) as world, world.api(autoping=False) as api:
        await api.socket.ping(b"hello")
        await api.socket.send_json({"id": 1, "method": "ping"})
        message = await api.socket.receive(timeout=PATIENCE_SECONDS)
        if habit == "none":
            assert message.type is aiohttp.WSMsgType.TEXT
        else:
            assert (message.type, bytes(message.data)) == (
                aiohttp.WSMsgType.PONG,
                b"hello" if habit == "echo" else b"",
            )


@pytest.mark.asyncio
async def test_empty_pings() -> None:
    options: dict[str, Any] = {"sockets": {"pings": "empty"}, "ping_interval_seconds": 0.05}
    async with faulty(**options) as world, world.api(autoping=False) as api:
        message = await api.socket.receive(timeout=PATIENCE_SECONDS)
        assert (message.type, bytes(message.data)) == (aiohttp.WSMsgType.PING, b"")


@pytest.mark.asyncio
async def test_a_connections_lifetime() -> None:
    async with (
        faulty(sockets={"lifetime_seconds": 0.1}) as world,
        world.api() as api,
        world.streams("/ws") as feed,
    ):
        for socket in (api, feed):
            message = await socket.socket.receive(timeout=PATIENCE_SECONDS)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)


@pytest.mark.asyncio
async def test_sockets_closed_and_dropped() -> None:
    async with faulty() as world, world.streams("/ws") as feed, world.api() as api:
        await world.give({"kind": "sockets_closed", "channel": "websocket_api", "code": 1008})
        message = await api.socket.receive(timeout=PATIENCE_SECONDS)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1008)
        await world.give({"kind": "sockets_dropped", "channel": "market", "reset": True})
        message = await feed.socket.receive(timeout=PATIENCE_SECONDS)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


@pytest.mark.asyncio
async def test_a_key_that_its_owner_restores() -> None:
    async with faulty() as world:
        await world.give({"kind": "key_revoked", "key": "all", "for_ms": 1000})
        for number in (0, 1):
            answer = await world.rest(number=number).signed("GET", "account")
            assert answer.error[:2] == (401, -2015)

        async def is_restored() -> bool:
            return (await world.rest().signed("GET", "account")).status == 200

        await eventually(is_restored)
        for number in (0, 1):
            assert (await world.rest(number=number).signed("GET", "account")).status == 200
