"""The WebSocket API over a real socket."""

import asyncio

import aiohttp
import msgspec
import pytest

from actors.exchange.configuration import STILL, ExchangeConfiguration
from actors.exchange.limits import RateLimit
from tests.exchange.server.client import PATIENCE_SECONDS, World, now_ms, running


@pytest.mark.asyncio
async def test_public_methods(lively_world: World) -> None:
    async with lively_world.api() as api:
        ping = await api.call("ping")
        assert ping["status"] == 200
        assert ping["result"] == {}
        # 2 for connecting and 1 for the ping, unless a new minute has begun in between.
        assert ping["rateLimits"][0]["count"] in (1, 3)
        assert abs((await api.call("time"))["result"]["serverTime"] - now_ms()) < 2000
        assert (await api.call("v3/time"))["status"] == 200
        info = await api.call("exchangeInfo", symbols=["BTCUSDT"])
        assert info["result"]["symbols"][0]["symbol"] == "BTCUSDT"
        book = await api.call("depth", symbol="BTCUSDT", limit=5)
        assert len(book["result"]["bids"]) == 5
        assert (await api.call("trades.recent", symbol="BTCUSDT", limit=1))["result"]
        assert (await api.call("klines", symbol="BTCUSDT", interval="1m"))["result"]
        assert float((await api.call("ticker.price", symbol="BTCUSDT"))["result"]["price"]) > 0
        assert (await api.call("ticker.book"))["result"][0]["symbol"] == "BTCUSDT"
        assert (await api.call("avgPrice", symbol="BTCUSDT"))["result"]["mins"] == 5


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [0, 1], ids=["hmac", "ed25519"])
async def test_place_query_cancel(still_world: World, number: int) -> None:
    async with still_world.api(number=number) as api:
        placed = await api.place("BUY", "0.01", "50000", newClientOrderId="mine-1")
        assert placed["status"] == 200
        assert [limit["rateLimitType"] for limit in placed["rateLimits"]] == [
            "ORDERS",
            "ORDERS",
            "REQUEST_WEIGHT",
        ]
        one = {"symbol": "BTCUSDT", "orderId": placed["result"]["orderId"]}
        assert (await api.signed("order.status", **one))["result"]["status"] == "NEW"
        assert len((await api.signed("openOrders.status"))["result"]) == 1
        canceled = await api.signed("order.cancel", **one)
        assert canceled["result"]["origClientOrderId"] == "mine-1"
        again = await api.signed("order.cancel", **one)
        assert (again["status"], again["error"]) == (
            400,
            {"code": -2011, "msg": "Unknown order sent."},
        )
        await api.place("BUY", "0.01", "50000")
        everything = await api.signed("openOrders.cancelAll", symbol="BTCUSDT")
        assert len(everything["result"]) == 1
        assert len((await api.signed("allOrders", symbol="BTCUSDT"))["result"]) == 2
        assert (await api.signed("myTrades", symbol="BTCUSDT"))["result"] == []
        assert (await api.signed("account.status"))["result"]["accountType"] == "SPOT"
        assert (await api.signed("account.rateLimits.orders"))["result"][1]["count"] == 2
        rates = await api.signed("account.commission", symbol="BTCUSDT")
        assert rates["result"]["symbol"] == "BTCUSDT"
        terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
        assert (await api.signed("order.test", **terms))["result"] == {}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("text", "number", "code"),
    [
        ("", None, -1135),
        ("{", None, -1135),
        ("[]", None, -1135),
        ("7", None, -1135),
        ('{"method":"ping"}', None, -1135),
        ('{"id":1.5,"method":"ping"}', None, -1135),
        ('{"id":{},"method":"ping"}', None, -1135),
        ('{"id":"%s","method":"ping"}' % ("a" * 37), None, -1135),
        ('{"id":1}', 1, -1135),
        ('{"id":1,"method":5}', 1, -1135),
        ('{"id":1,"method":"order.explode"}', 1, -1135),
        ('{"id":1,"method":"ping","params":[]}', 1, -1135),
        ('{"id":1,"method":"depth","params":{"symbol":{}}}', 1, -1135),
        ('{"id":1,"method":"depth","params":{"symbol":null}}', 1, -1102),
        ('{"id":1,"method":"depth"}', 1, -1102),
        ('{"id":1,"method":"ping","params":{"x":"\\ud800"}}', None, -1135),
        ('{"id":1,"method":"order.place","params":{"symbol":"BTCUSDT"}}', 1, -1102),
    ],
)
async def test_nonsense_is_answered_and_the_connection_lives(
    still_world: World, text: str, number: int | None, code: int
) -> None:
    async with still_world.api() as api:
        await api.socket.send_str(text)
        reply = await api.next()
        assert (reply["id"], reply["status"], reply["error"]["code"]) == (number, 400, code)
        assert (await api.call("ping"))["status"] == 200


@pytest.mark.asyncio
@pytest.mark.parametrize("raw", ["1", "-9", '"abc-1_"', "null", '"5"'])
async def test_ids_come_back_as_they_were(still_world: World, raw: str) -> None:
    async with still_world.api() as api:
        await api.socket.send_str(f'{{"id":{raw},"method":"ping"}}')
        message = await api.socket.receive(timeout=PATIENCE_SECONDS)
        assert str(message.data).startswith(f'{{"id":{raw},"status":200,')


@pytest.mark.asyncio
async def test_keys_signatures_and_times(still_world: World) -> None:
    async with still_world.api() as api:
        good = api.sign({})

        async def code(**changes: object) -> int:
            sent = {**good, **changes}
            request = {name: value for name, value in sent.items() if value is not None}
            reply = await api.call("account.status", **request)
            return int(reply["error"]["code"]) if "error" in reply else reply["status"]

        assert await code() == 200
        assert await code(apiKey=None) == -1102
        assert await code(signature=None) == -1102
        assert await code(timestamp=None) == -1102
        assert await code(apiKey="short") == -2014
        assert await code(apiKey="A" * 64) == -2015
        assert await code(signature="0" * 64) == -1022
        assert await code(timestamp=now_ms() - 60_000) == -1021
        assert await code(surprise=1) == -1022
        rejected = await api.call("account.status", **{**good, "apiKey": "A" * 64})
        assert rejected["status"] == 401
        extra = await api.signed("account.status", surprise=1)
        assert extra["error"]["msg"] == (
            "Not all sent parameters were read; read '3' parameter(s) but was sent '4'."
        )


@pytest.mark.asyncio
async def test_a_session_signs_once(still_world: World) -> None:
    async with still_world.api(number=1) as api:
        assert (await api.call("session.status"))["result"]["apiKey"] is None
        refused = await api.call("userDataStream.subscribe")
        assert (refused["status"], refused["error"]["code"]) == (401, -1002)
        on = (await api.signed("session.logon"))["result"]
        assert on["apiKey"] == api.pair.key
        assert on["connectedSince"] <= on["authorizedSince"] <= on["serverTime"]
        plain = await api.call("account.status", timestamp=now_ms())
        assert plain["status"] == 200
        assert (await api.call("account.status"))["error"]["code"] == -1102
        assert (await api.call("account.status", timestamp=1))["error"]["code"] == -1021
        # A request may still name a key of its own.
        other = still_world.pair(0, 1)
        api.pair = other
        assert (await api.signed("account.status"))["result"]["uid"] != plain["result"]["uid"]
        off = (await api.call("session.logout"))["result"]
        assert off["apiKey"] is None
        assert (await api.call("account.status", timestamp=now_ms()))["error"]["code"] == -1102


@pytest.mark.asyncio
async def test_hmac_keys_cannot_log_on(still_world: World) -> None:
    async with still_world.api() as api:
        assert (await api.signed("session.logon"))["error"] == {
            "code": -4056,
            "msg": "HMAC_SHA256 API key is not supported.",
        }


@pytest.mark.asyncio
async def test_rate_limits_are_shown_as_wished(still_world: World) -> None:
    async with still_world.api("?returnRateLimits=false") as api:
        assert "rateLimits" not in await api.call("ping")
        assert "rateLimits" in await api.call("ping", returnRateLimits=True)
        assert (await api.call("session.status"))["result"]["returnRateLimits"] is False
    async with still_world.api() as api:
        assert "rateLimits" in await api.call("ping")
        assert "rateLimits" not in await api.call("ping", returnRateLimits=False)
        wrong = await api.call("ping", returnRateLimits="maybe")
        assert wrong["error"]["code"] == -1130


@pytest.mark.asyncio
async def test_too_much_weight_is_refused_with_the_time_to_retry_then_banned() -> None:
    limits = (RateLimit("REQUEST_WEIGHT", "DAY", 1, 22),)
    async with running(ExchangeConfiguration(market=STILL, limits=limits)) as world:
        async with world.api() as api:
            assert (await api.call("exchangeInfo"))["status"] == 200
            refused = await api.call("ping")
            assert (refused["status"], refused["error"]["code"]) == (429, -1003)
            data = refused["error"]["data"]
            assert abs(data["serverTime"] - now_ms()) < 2000
            assert data["retryAfter"] % 86_400_000 == 0
            statuses = [(await api.call("ping"))["status"] for _ in range(10)]
            assert statuses == [429] * 9 + [418]
            ended = await api.socket.receive(timeout=PATIENCE_SECONDS)
            assert ended.type is aiohttp.WSMsgType.CLOSE
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            async with world.api():
                pass
        assert caught.value.status == 418


@pytest.mark.asyncio
async def test_requests_are_answered_though_many_come_at_once(still_world: World) -> None:
    async with still_world.api() as api:
        for number in range(200):
            await api.socket.send_bytes(msgspec.json.encode({"id": number, "method": "ping"}))
        replies = [(await api.next())["id"] for _ in range(200)]
        assert sorted(replies) == list(range(200))


@pytest.mark.asyncio
async def test_plain_http_is_refused(still_world: World) -> None:
    assert (await still_world.rest().raw("GET", "/ws-api/v3")).status == 400


@pytest.mark.asyncio
async def test_the_server_says_goodbye() -> None:
    async with (
        running(ExchangeConfiguration(market=STILL)) as world,
        world.api() as api,
        world.streams("/stream") as streams,
        world.streams("/ws") as raw,
    ):
        world.stop.set()
        said = await asyncio.gather(api.next(), streams.next(), raw.next())
        assert said[0]["event"]["e"] == "serverShutdown"
        assert said[1]["stream"] == "!serverShutdown"
        assert said[2]["e"] == "serverShutdown"
        message = await api.socket.receive(timeout=PATIENCE_SECONDS)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
