"""`X-MBX-TIME-UNIT` and `timeUnit`: whatever is printed as a time is printed in the unit asked for (rest-api.md:97,
web-socket-api.md:120, web-socket-streams.md:51)."""

from collections.abc import Iterator
from typing import Any

import aiohttp
import msgspec
import pytest

from actors.exchange.times import ENCODERS
from tests.exchange.server.client import World, now_ms
from tests.exchange.server.documented import PAIR

LEAST_MILLISECONDS, LEAST_MICROSECONDS = 10**12, 10**15
PATIENCE_MS = 5000
WRONG_UNIT = "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
QUERIES = (
    *("time", "exchangeInfo", "trades?symbol=BTCUSDT", "aggTrades?symbol=BTCUSDT"),
    *("klines?symbol=BTCUSDT&interval=1m", "uiKlines?symbol=BTCUSDT&interval=1M"),
    *("avgPrice?symbol=BTCUSDT", "ticker/24hr?symbol=BTCUSDT", "ticker/24hr?type=MINI"),
    *(
        "ticker?symbol=BTCUSDT&windowSize=1h",
        "ticker/tradingDay?symbol=BTCUSDT",
        "historicalTrades?symbol=BTCUSDT",
    ),
)
ACCOUNT_QUERIES: tuple[tuple[str, dict[str, str]], ...] = (
    ("account", {}),
    ("openOrders", {"symbol": "BTCUSDT"}),
    ("allOrders", {"symbol": "BTCUSDT"}),
    ("myTrades", {"symbol": "BTCUSDT"}),
    ("allOrderList", {}),
    ("openOrderList", {}),
)
STREAMS = (
    *("trade", "aggTrade", "kline_1s", "miniTicker", "ticker", "ticker_1h", "avgPrice"),
    *("depth@100ms",),
)


def leaves(content: Any) -> Iterator[int]:
    """Every whole number that is at least a time in milliseconds."""
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        for one in content:
            yield from leaves(one)
    elif isinstance(content, int) and content >= LEAST_MILLISECONDS:
        yield content


def check_units(coarse: Any, fine: Any) -> None:
    """The same times, one in milliseconds and one in microseconds; those that go on may have gone on."""
    in_ms, in_us = list(leaves(coarse)), list(leaves(fine))
    assert in_ms
    assert len(in_ms) == len(in_us)
    for ms, us in zip(in_ms, in_us, strict=True):
        assert ms < LEAST_MICROSECONDS <= us, (coarse, fine)
        assert 0 <= us // 1000 - ms < PATIENCE_MS, (coarse, fine)


async def trade_a_little(world: World) -> None:
    """Trades, a resting order, and a list."""
    rest = world.rest()
    await rest.place("SELL", "0.02", "50000")
    await world.rest(account=1).place("BUY", "0.01", "50000")
    await rest.place("BUY", "0.01", "40000")
    assert (await rest.signed("POST", "orderList/oco", **PAIR)).status == 200


@pytest.mark.asyncio
@pytest.mark.parametrize("unit", ["MICROSECOND", "microsecond"])
async def test_rest_answers(still_world: World, unit: str) -> None:
    await trade_a_little(still_world)
    rest = still_world.rest()
    for query in QUERIES:
        coarse = await rest.raw("GET", f"/api/v3/{query}")
        fine = await rest.raw("GET", f"/api/v3/{query}", headers={"X-MBX-TIME-UNIT": unit})
        check_units(coarse.json, fine.json)
    for path, parameters in ACCOUNT_QUERIES:
        answers = []
        for more in ({}, {"X-MBX-TIME-UNIT": unit}):
            target, headers = rest.prepare(path, parameters)
            answers.append((await rest.raw("GET", target, headers={**headers, **more})).json)
        check_units(*answers)


@pytest.mark.asyncio
async def test_the_end_of_a_kline_is_its_last_microsecond(still_world: World) -> None:
    await trade_a_little(still_world)
    headers = {"X-MBX-TIME-UNIT": "MICROSECOND"}
    target = "/api/v3/klines?symbol=BTCUSDT&interval=1m"
    row = (await still_world.rest().raw("GET", target, headers=headers)).json[-1]
    assert (row[0] % 60_000_000, row[6] - row[0]) == (0, 59_999_999)


@pytest.mark.asyncio
async def test_orders_are_placed_and_canceled_in_microseconds(still_world: World) -> None:
    rest = still_world.rest()
    for verb, path, parameters in (
        ("POST", "order", {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
                           "quantity": "0.01", "price": "40000", "newClientOrderId": "mine"}),
        ("DELETE", "order", {"symbol": "BTCUSDT", "origClientOrderId": "mine"}),
        ("POST", "orderList/oco", PAIR),
        ("DELETE", "openOrders", {"symbol": "BTCUSDT"}),
    ):  # fmt: skip
        target, headers = rest.prepare(path, parameters)
        answer = await rest.raw(verb, target, headers={**headers, "X-MBX-TIME-UNIT": "MICROSECOND"})
        assert answer.status == 200, answer
        found = list(leaves(answer.json))
        assert found
        assert all(abs(one // 1000 - now_ms()) < PATIENCE_MS for one in found)


@pytest.mark.asyncio
async def test_websocket_api_answers_and_user_events(still_world: World) -> None:
    async with (
        still_world.api(number=1) as coarse,
        still_world.api("?timeUnit=MICROSECOND", number=1) as fine,
    ):
        for api in (coarse, fine):
            assert (await api.signed("session.logon"))["status"] == 200
            await api.call("userDataStream.subscribe")
        await trade_a_little(still_world)
        for method in ("time", "exchangeInfo", "session.status"):
            check_units(await coarse.call(method), await fine.call(method))
        assert len(coarse.events) == len(fine.events) > 5
        for slow, fast in zip(coarse.events, fine.events, strict=True):
            check_units(slow, fast)
            assert slow["event"]["E"] == fast["event"]["E"] // 1000
        coarse.events.clear()
        fine.events.clear()
        for api in (coarse, fine):
            await api.call("userDataStream.unsubscribe")
        check_units(await coarse.next(), await fine.next())
        still_world.stop.set()
        check_units(await coarse.next(), await fine.next())


@pytest.mark.asyncio
async def test_refusals_that_end_at_a_time(still_world: World) -> None:
    async with still_world.api("?timeUnit=microsecond") as api:
        while True:
            reply = await api.call("exchangeInfo")
            if reply["status"] == 429:
                break
        data = reply["error"]["data"]
        assert abs(data["serverTime"] // 1000 - now_ms()) < PATIENCE_MS
        assert data["serverTime"] < data["retryAfter"] <= data["serverTime"] + 60_000_000


@pytest.mark.asyncio
@pytest.mark.parametrize("name", STREAMS)
async def test_market_streams(still_world: World, name: str) -> None:
    stream = f"btcusdt@{name}"
    async with (
        still_world.streams(f"/ws/{stream}") as coarse,
        still_world.streams(f"/stream?streams={stream}&timeUnit=MICROSECOND") as fine,
    ):
        await trade_a_little(still_world)
        found = await fine.next()
        assert found["stream"] == stream
        check_units(await coarse.next(), found["data"])


@pytest.mark.asyncio
async def test_the_end_of_the_server(still_world: World) -> None:
    async with (
        still_world.streams("/ws") as coarse,
        still_world.streams("/ws?timeUnit=microsecond") as fine,
    ):
        still_world.stop.set()
        check_units(await coarse.next(), await fine.next())


@pytest.mark.asyncio
async def test_any_other_unit_is_refused(still_world: World) -> None:
    rest = still_world.rest()
    for unit in ("SECOND", "NANOSECOND", "ms", ""):
        headers = {"X-MBX-TIME-UNIT": unit}
        answer = await rest.raw("GET", "/api/v3/time", headers=headers)
        assert answer.error == (400, -1194, WRONG_UNIT)
    for path in ("/ws-api/v3", "/ws/btcusdt@trade", "/stream"):
        answer = await rest.raw("GET", f"{path}?timeUnit=second")
        assert answer.error == (400, -1194, WRONG_UNIT)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await still_world.session.ws_connect(
                still_world.addresses.streams + path + "?timeUnit=x"
            )
    for unit in ("millisecond", "MILLISECOND"):
        async with still_world.api(f"?timeUnit={unit}") as api:
            assert (await api.call("time"))["result"]["serverTime"] < LEAST_MICROSECONDS


def test_what_is_no_time_is_not_printed_as_one() -> None:
    for encoder in ENCODERS.values():
        with pytest.raises(TypeError):
            encoder.encode({"a": object()})
        assert msgspec.json.decode(encoder.encode([1, True])) == [1, True]
