"""What can happen to a request, over real sockets, by both entries."""

import asyncio
import contextlib
import time
from typing import Any

import aiohttp
import pytest

from tests.exchange.faults.world import FaultyWorld, eventually, faulty
from tests.exchange.server.client import PATIENCE_SECONDS

PLACE = {"on": "order.place"}


async def open_orders(world: FaultyWorld) -> int:
    """How many orders rest."""
    state = (await world.control("GET", "state")).json
    count: int = state["openOrders"]["default"]
    return count


@contextlib.contextmanager
def lost_connection() -> Any:
    """The request must end without an answer, by the connection."""
    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        yield


@pytest.mark.asyncio
async def test_late_answers_by_rest_and_websocket() -> None:
    async with faulty({"kind": "late", "delay_ms": 150, **PLACE}) as world:
        start = time.monotonic()
        assert (await world.rest().place("BUY", "0.01", "50000")).status == 200
        assert time.monotonic() - start >= 0.14
        async with world.api() as api:
            start = time.monotonic()
            order = asyncio.create_task(api.place("BUY", "0.01", "50000"))
            assert (await order)["status"] == 200
            assert time.monotonic() - start >= 0.14


@pytest.mark.asyncio
async def test_a_late_error_too() -> None:
    async with faulty({"kind": "late", "delay_ms": 100, **PLACE}) as world, world.api() as api:
        refused = await api.place("BUY", "0.01", "50000.001")
        assert refused["error"]["code"] == -1013


@pytest.mark.asyncio
async def test_other_replies_overtake_a_late_one() -> None:
    async with faulty({"kind": "late", "delay_ms": 1000, **PLACE}) as world, world.api() as api:
        terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        parameters = api.sign({**terms, "quantity": "0.01", "price": "50000"})
        await api.socket.send_json({"id": "late", "method": "order.place", "params": parameters})
        await api.socket.send_json({"id": "soon", "method": "ping"})
        assert [(await api.next())["id"], (await api.next())["id"]] == ["soon", "late"]


@pytest.mark.asyncio
@pytest.mark.parametrize("executes", [True, False])
async def test_silence(executes: bool) -> None:
    rule = {"kind": "silence", "executes": executes, **PLACE}
    async with faulty(rule) as world:
        await no_answer_comes(world, 1, world.rest().place("BUY", "0.01", "50000"))
        async with world.api() as api:
            await no_answer_comes(world, 2, api.place("BUY", "0.01", "50000"))
            assert (await api.call("ping"))["status"] == 200
        assert await open_orders(world) == (2 if executes else 0)


async def no_answer_comes(world: FaultyWorld, number: int, request: Any) -> None:
    """The rule has struck so many requests with this one, which is not answered for a while after that."""
    waiting = asyncio.ensure_future(request)

    async def has_struck() -> bool:
        (told,) = (await world.control("GET", "state")).json["faults"]
        return bool(told["struck"] == number)

    await eventually(has_struck)
    done, _ = await asyncio.wait({waiting}, timeout=0.3)
    assert not done
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


@pytest.mark.asyncio
@pytest.mark.parametrize("executes", [True, False])
@pytest.mark.parametrize("reset", [True, False])
async def test_disconnect(executes: bool, reset: bool) -> None:
    rule = {"kind": "disconnect", "executes": executes, "reset": reset, **PLACE}
    async with faulty(rule) as world:
        with lost_connection():
            await world.rest().place("BUY", "0.01", "50000")
        async with world.api() as api:
            await send_order(api)
            message = await api.socket.receive(timeout=PATIENCE_SECONDS)
            assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
            assert api.socket.close_code in (None, 1006)
        assert await open_orders(world) == (2 if executes else 0)


async def send_order(api: Any) -> None:
    terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    parameters = api.sign({**terms, "quantity": "0.01", "price": "50000"})
    await api.socket.send_json({"id": 1, "method": "order.place", "params": parameters})


@pytest.mark.asyncio
@pytest.mark.parametrize("code", [1000, 1001, 1008])
async def test_close(code: int) -> None:
    async with faulty({"kind": "close", "code": code, **PLACE}) as world:
        async with world.api() as api:
            await send_order(api)
            message = await api.socket.receive(timeout=PATIENCE_SECONDS)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, code)
        with lost_connection():
            await world.rest().place("BUY", "0.01", "50000")
        assert await open_orders(world) == 2


@pytest.mark.asyncio
@pytest.mark.parametrize("executes", [True, False])
@pytest.mark.parametrize(("code", "status"), [(-1006, 500), (-1007, 504), (-1008, 503)])
async def test_error(code: int, status: int, executes: bool) -> None:
    rule = {"kind": "error", "code": code, "executes": executes, **PLACE}
    async with faulty(rule) as world, world.api() as api:
        answer = await world.rest().place("BUY", "0.01", "50000")
        assert answer.error[:2] == (status, code)
        reply = await api.place("BUY", "0.01", "50000")
        assert (reply["status"], reply["error"]["code"]) == (status, code)
        assert await open_orders(world) == (2 if executes else 0)


@pytest.mark.asyncio
async def test_an_error_of_ones_own() -> None:
    rule = {
        "kind": "error",
        "code": -1001,
        "status": 502,
        "message": "Nothing works.",
        "delay_ms": 1,
    }
    async with faulty(rule) as world:
        assert (await world.rest().get("time")).error == (502, -1001, "Nothing works.")


@pytest.mark.asyncio
@pytest.mark.parametrize(("status", "executes"), [(502, True), (504, False), (403, False)])
async def test_pages(status: int, executes: bool) -> None:
    rule = {"kind": "page", "status": status, "executes": executes, **PLACE}
    async with faulty(rule) as world:
        answer = await world.rest().place("BUY", "0.01", "50000")
        assert answer.status == status
        assert answer.headers["Content-Type"].startswith("text/html")
        assert answer.text.startswith("<html>")
        assert await open_orders(world) == int(executes)


@pytest.mark.asyncio
async def test_wrong_content_type_and_empty_body() -> None:
    rules = (
        {"kind": "wrong_content_type", "nth": 1, **PLACE},
        {"kind": "empty_body", "nth": 2, **PLACE},
    )
    async with faulty(*rules) as world:
        wrong = await world.rest().place("BUY", "0.01", "50000")
        assert (wrong.status, wrong.headers["Content-Type"]) == (200, "text/html")
        assert wrong.json["status"] == "NEW"
        empty = await world.rest().place("BUY", "0.01", "50000")
        assert (empty.status, empty.text) == (200, "")
        assert (await world.rest().place("BUY", "0.01", "50000")).json["orderId"] == 3


@pytest.mark.asyncio
async def test_429_then_418_by_rest() -> None:
    rule = {"kind": "rate_limit", "retry_after_ms": 60_000, "ban_ms": 300_000, "times": 1, **PLACE}
    async with faulty(rule) as world:
        answer = await world.rest().place("BUY", "0.01", "50000")
        assert answer.error[:2] == (429, -1003)
        assert answer.headers["Retry-After"] == "60"
        banned = await world.rest().get("ping")
        assert banned.error[:2] == (418, -1003)
        assert banned.headers["Retry-After"] == "300"
        assert await open_orders(world) == 0


@pytest.mark.asyncio
async def test_patience_after_429_is_rewarded() -> None:
    rule = {"kind": "rate_limit", "retry_after_ms": 50, "times": 1, **PLACE}
    async with faulty(rule) as world:
        assert (await world.rest().place("BUY", "0.01", "50000")).status == 429
        await asyncio.sleep(0.06)
        assert (await world.rest().place("BUY", "0.01", "50000")).status == 200


@pytest.mark.asyncio
async def test_429_by_websocket_tells_an_epoch() -> None:
    rule = {"kind": "rate_limit", "retry_after_ms": 60_000, **PLACE}
    async with faulty(rule) as world, world.api() as api:
        reply = await api.place("BUY", "0.01", "50000")
        data = reply["error"]["data"]
        assert (reply["status"], data["retryAfter"] - data["serverTime"]) == (429, 60_000)
        banned = await api.call("ping")
        assert banned["status"] == 418
        assert banned["error"]["data"]["retryAfter"] > data["retryAfter"]


@pytest.mark.asyncio
async def test_too_many_orders_and_ban() -> None:
    rules = (
        {"kind": "rate_limit", "code": -1015, "retry_after_ms": 3000, "nth": 1, **PLACE},
        {"kind": "ban", "ban_ms": 60_000, "nth": 2, **PLACE},
    )
    async with faulty(*rules) as world:
        answer = await world.rest().place("BUY", "0.01", "50000")
        assert answer.error == (
            429,
            -1015,
            "Too many new orders; current limit is 50 orders per 10 SECOND.",
        )
        assert answer.headers["Retry-After"] == "3"
        assert (await world.rest().get("ping")).status == 200
        assert (await world.rest().place("BUY", "0.01", "50000")).status == 418


@pytest.mark.asyncio
async def test_bad_timestamps() -> None:
    rules = (
        {"kind": "bad_timestamp", "variant": "ahead", "nth": 1, **PLACE},
        {"kind": "bad_timestamp", "variant": "outside", "counts": True, "nth": 2, **PLACE},
    )
    async with faulty(*rules) as world:
        ahead = await world.rest().place("BUY", "0.01", "50000")
        assert ahead.error[1:] == (
            -1021,
            "Timestamp for this request was 1000ms ahead of the server's time.",
        )
        assert ahead.headers["X-MBX-ORDER-COUNT-1D"] == "0"
        outside = await world.rest().place("BUY", "0.01", "50000")
        assert outside.error[1:] == (
            -1021,
            "Timestamp for this request is outside of the recvWindow.",
        )
        assert outside.headers["X-MBX-ORDER-COUNT-1D"] == "1"
        assert await open_orders(world) == 0


@pytest.mark.asyncio
async def test_a_slow_engine_checks_the_window_again() -> None:
    # The window is wide enough for a busy machine to send the request.
    async with faulty({"kind": "slow_engine", "delay_ms": 1000, **PLACE}) as world:
        late = await world.rest().place("BUY", "0.01", "50000", recvWindow=900)
        assert late.error[:2] == (400, -1021)
        assert late.headers["X-MBX-ORDER-COUNT-1D"] == "1"
        assert (await world.rest().place("BUY", "0.01", "50000")).status == 200
        assert await open_orders(world) == 1


@pytest.mark.asyncio
async def test_past_the_engines_time_out_the_outcome_is_unknown() -> None:
    rule = {"kind": "slow_engine", "delay_ms": 1500, **PLACE}
    async with faulty(rule, engine_timeout_seconds=0.05) as world, world.api() as api:
        reply = await api.place("BUY", "0.01", "50000")
        assert (reply["status"], reply["error"]["code"]) == (504, -1007)
        assert (await world.rest().place("BUY", "0.01", "50000")).error[:2] == (504, -1007)
        assert await open_orders(world) == 0

        async def both_rest() -> bool:
            return await open_orders(world) == 2

        await eventually(both_rest)


@pytest.mark.asyncio
async def test_a_default_window_of_ones_own() -> None:
    rule = {"kind": "slow_engine", "delay_ms": 80, **PLACE}
    async with faulty(rule, receive_window_ms=40) as world:
        assert (await world.rest().place("BUY", "0.01", "50000")).error[1] == -1021
        answer = await world.rest().place("BUY", "0.01", "50000", recvWindow=5000)
        assert answer.status == 200


@pytest.mark.asyncio
async def test_one_entry_alone() -> None:
    rule = {"kind": "error", "code": -1008, "channel": "rest"}
    async with faulty(rule) as world, world.api() as api:
        assert (await world.rest().get("ping")).status == 503
        assert (await api.call("ping"))["status"] == 200


@pytest.mark.asyncio
async def test_sockets_that_do_not_open() -> None:
    rules = (
        {"kind": "page", "status": 403, "on": "connect", "channel": "websocket_api", "nth": 1},
        {"kind": "rate_limit", "on": "connect", "channel": "market", "nth": 1},
    )
    async with faulty(*rules) as world:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            async with world.api():
                pass
        assert caught.value.status == 403
        await world.give({"kind": "disconnect", "on": "connect", "channel": "websocket_api"})
        with lost_connection():
            async with world.api():
                pass
        assert (await world.control("DELETE", "faults/3")).json == {"removed": 1}
        async with world.api() as api:
            assert (await api.call("ping"))["status"] == 200
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            async with world.streams("/ws"):
                pass
        assert caught.value.status == 429


@pytest.mark.asyncio
async def test_latency_of_requests() -> None:
    slow = {"ms": 40, "jitter_ms": 20}
    async with faulty(latency={"rest": slow, "websocket_api": slow}) as world, world.api() as api:
        start = time.monotonic()
        assert (await world.rest().get("ping")).status == 200
        assert 0.079 <= time.monotonic() - start < 10
        start = time.monotonic()
        for number in range(20):
            await api.socket.send_json({"id": number, "method": "ping"})
        assert sorted([(await api.next())["id"] for _ in range(20)]) == list(range(20))
        assert time.monotonic() - start >= 0.079


@pytest.mark.asyncio
async def test_a_slow_network_keeps_one_connections_requests_in_order() -> None:
    async with faulty(latency={"websocket_api": {"jitter_ms": 30}}) as world, world.api() as api:
        terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        for number in range(10):
            parameters = api.sign({**terms, "quantity": "0.01", "price": f"5000{number}"})
            await api.socket.send_json(
                {"id": number, "method": "order.place", "params": parameters}
            )
        replies = [await api.next() for _ in range(10)]
        ids = {reply["id"]: reply["result"]["orderId"] for reply in replies}
        assert [ids[number] for number in range(10)] == list(range(1, 11))


@pytest.mark.asyncio
async def test_a_subscription_waits_for_its_late_reply() -> None:
    rule = {"kind": "late", "delay_ms": 1000, "on": "userDataStream.subscribe.signature"}
    async with faulty(rule) as world, world.api() as api:
        parameters = api.sign({})
        await api.socket.send_json(
            {"id": "s", "method": "userDataStream.subscribe.signature", "params": parameters}
        )
        await api.place("BUY", "0.01", "50000")
        assert api.events == []
        assert (await api.next())["id"] == "s"
        await api.place("BUY", "0.01", "50000")
        assert [one["event"]["e"] for one in api.events][:1] == ["executionReport"]
