"""What other people's clients send, each thing by itself: every one of them breaks a server that is not prepared."""

from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from tests.exchange.server.client import LIMIT_ORDER, PATIENCE_SECONDS, World, now_ms, sign

ORDER = {**LIMIT_ORDER, "side": "BUY", "quantity": "0.01", "price": "50000"}
TRADE = "btcusdt@trade"


@pytest.mark.asyncio
async def test_a_form_body_labelled_json(still_world: World) -> None:
    rest = still_world.rest()
    headers = {"X-MBX-APIKEY": rest.pair.key, "Content-Type": "application/json"}
    answer = await rest.raw("POST", "/api/v3/order", rest.form(ORDER).encode(), headers)
    assert answer.json["status"] == "NEW"


@pytest.mark.asyncio
async def test_everything_in_the_query_and_an_empty_json_body(still_world: World) -> None:
    rest = still_world.rest()
    target, headers = rest.prepare("order", ORDER)
    headers["Content-Type"] = "application/json"
    assert (await rest.raw("POST", target, b"", headers)).json["status"] == "NEW"


@pytest.mark.asyncio
async def test_delete_parameters_in_the_body(still_world: World) -> None:
    rest = still_world.rest()
    order = (await rest.place("BUY", "0.01", "50000")).json
    body = rest.form({"symbol": "BTCUSDT", "orderId": order["orderId"]}).encode()
    answer = await rest.raw("DELETE", "/api/v3/order", body, {"X-MBX-APIKEY": rest.pair.key})
    assert answer.json["status"] == "CANCELED"


@pytest.mark.asyncio
@pytest.mark.parametrize("literal", ["0.00020", "1", "0.1", "0.00100000"])
async def test_number_literals_are_signed_as_they_are_written(
    still_world: World, literal: str
) -> None:
    async with still_world.api() as api:
        values: dict[str, Any] = {**ORDER, "quantity": literal, "price": "50000.0"}
        values |= {"apiKey": api.pair.key, "timestamp": str(now_ms())}
        payload = "&".join(f"{name}={values[name]}" for name in sorted(values))
        numbers = {"quantity", "price", "timestamp"}
        fields = [
            f'"{name}":{value}' if name in numbers else f'"{name}":"{value}"'
            for name, value in values.items()
        ]
        fields.append(f'"signature":"{sign(api.pair, payload)}"')
        text = f'{{"id":7,"method":"order.place","params":{{{",".join(fields)}}}}}'
        await api.socket.send_str(text)
        reply = await api.reply(7)
        assert reply["result"]["status"] == "NEW", reply
        assert float(reply["result"]["origQty"]) == float(literal)


@pytest.mark.asyncio
async def test_an_exponent_is_signed_well_and_refused_for_what_it_is(still_world: World) -> None:
    async with still_world.api() as api:
        values = {**ORDER, "quantity": "1e-05", "apiKey": api.pair.key, "timestamp": str(now_ms())}
        payload = "&".join(f"{name}={values[name]}" for name in sorted(values))
        signed = {**values, "signature": sign(api.pair, payload)}
        text = msgspec.json.encode({"id": 7, "method": "order.place", "params": signed}).decode()
        await api.socket.send_str(text.replace('"1e-05"', "1e-05"))
        assert (await api.reply(7))["error"]["code"] == -1100


@pytest.mark.asyncio
async def test_ids_as_texts_and_booleans_as_signed(still_world: World) -> None:
    async with still_world.api() as api:
        order = (await api.signed("order.place", **ORDER))["result"]
        one = {"symbol": "BTCUSDT", "orderId": str(order["orderId"])}
        assert (await api.signed("order.status", **one))["result"]["orderId"] == order["orderId"]
        balances = await api.signed("account.status", omitZeroBalances=False)
        assert balances["status"] == 200
        assert (await api.signed("userDataStream.subscribe.signature"))["status"] == 200
        ended = await api.call("userDataStream.unsubscribe", subscriptionId="0")
        assert ended["status"] == 200


@pytest.mark.asyncio
async def test_return_rate_limits_inside_signed_parameters(still_world: World) -> None:
    async with still_world.api() as api:
        reply = await api.signed("order.place", **ORDER, returnRateLimits=False)
        assert reply["result"]["status"] == "NEW"
        assert "rateLimits" not in reply


@pytest.mark.asyncio
async def test_absent_parameters(still_world: World) -> None:
    async with still_world.api() as api:
        for name in ("time", "userDataStream.unsubscribe", "session.subscriptions"):
            await api.socket.send_json(
                {"id": "d3df8a21-98ea-4fe0-8f4e-0fcea5d418b7", "method": name}
            )
            assert (await api.reply("d3df8a21-98ea-4fe0-8f4e-0fcea5d418b7"))["status"] == 200


@pytest.mark.asyncio
async def test_the_same_signature_twice_is_no_replay(still_world: World) -> None:
    rest = still_world.rest()
    order = (await rest.place("BUY", "0.01", "50000")).json
    target, headers = rest.prepare("order", {"symbol": "BTCUSDT", "orderId": order["orderId"]})
    statuses = [
        (await rest.raw(verb, target, headers=headers)).json["status"]
        for verb in ("GET", "GET", "DELETE")
    ]
    assert statuses == ["NEW", "NEW", "CANCELED"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "path",
    [
        "/ws",
        "/ws/",
        "/ws/0",
        f"/ws/{TRADE}",
        f"/ws/{TRADE}/btcusdt@depth",
        "/stream",
        "/stream?streams=",
        f"/stream?streams={TRADE}/ethusdt@trade",
        "/stream?streams=btcusdt%40trade",
    ],
)
async def test_any_socket_path_is_served(still_world: World, path: str) -> None:
    async with still_world.streams(path) as streams:
        await streams.socket.send_json({"method": "SUBSCRIBE", "params": [TRADE], "id": 1})
        assert await streams.next() == {"result": None, "id": 1}
        await still_world.rest().place("BUY", "0.01", "50000")
        await still_world.rest(0, account=1).place("SELL", "0.01", "50000")
        message = await streams.until(**({"stream": TRADE} if "stream" in path else {"e": "trade"}))
        assert message.get("data", message)["t"] == 1


@pytest.mark.asyncio
async def test_an_empty_key_on_an_unsigned_request(still_world: World) -> None:
    answer = await still_world.rest().raw("GET", "/api/v3/time", headers={"X-MBX-APIKEY": ""})
    assert answer.status == 200


@pytest.mark.asyncio
async def test_a_repeated_subscription_is_answered_and_delivers_once(still_world: World) -> None:
    async with still_world.streams(f"/ws/{TRADE}") as streams:
        for number in (1, 2):
            await streams.socket.send_json(
                {"method": "SUBSCRIBE", "params": [TRADE, TRADE], "id": number}
            )
            assert await streams.next() == {"result": None, "id": number}
        for price in ("50000", "50001"):
            await still_world.rest().place("BUY", "0.01", price)
            await still_world.rest(0, account=1).place("SELL", "0.01", price)
        assert [(await streams.next())["t"] for _ in range(2)] == [1, 2]


@pytest.mark.asyncio
async def test_the_reply_to_a_subscription_precedes_its_events(still_world: World) -> None:
    async with still_world.api() as api:
        requests = (
            ("userDataStream.subscribe.signature", api.sign({})),
            ("order.place", api.sign(ORDER)),
        )
        for number, (method, parameters) in enumerate(requests):
            await api.socket.send_json({"id": number, "method": method, "params": parameters})
        first, second = await api.next(), await api.next()
        assert first["result"] == {"subscriptionId": 0}
        assert second["event"]["x"] == "NEW"


@pytest.mark.asyncio
async def test_pongs_of_any_kind_and_pings_of_the_client(still_world: World) -> None:
    async with still_world.api(autoping=False) as api, still_world.streams("/ws") as streams:
        for socket in (api.socket, streams.socket):
            for payload in (b"", b"1700000000000", b"unasked"):
                await socket.pong(payload)
            for _ in range(100):
                await socket.ping(b"are you there")
        pong = await api.socket.receive(timeout=PATIENCE_SECONDS)
        assert pong.data == b"are you there"
        await streams.socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
        assert (await streams.next())["result"] == []


@pytest.mark.asyncio
async def test_the_servers_own_origin(still_world: World) -> None:
    origin = still_world.addresses.rest
    async with still_world.api(headers={"Origin": origin}) as api:
        assert (await api.call("ping"))["status"] == 200
    async with still_world.streams("/ws", headers={"Origin": origin}) as streams:
        await streams.socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
        assert (await streams.next())["id"] == 1


@pytest.mark.asyncio
async def test_trailing_zeros_are_not_precision(still_world: World) -> None:
    rest = still_world.rest()
    for quantity, price in (("0.00100000", "58200.01000000"), ("0.001", "58000.0")):
        assert (await rest.place("BUY", quantity, price)).json["status"] == "NEW"


@pytest.mark.asyncio
async def test_exchange_info_is_complete_and_holds_nothing_else(still_world: World) -> None:
    info = (await still_world.rest().get("exchangeInfo", symbol="BTCUSDT")).json
    assert list(info) == ["timezone", "serverTime", "rateLimits", "exchangeFilters", "symbols"]
    assert info["exchangeFilters"] == []
    entry = info["symbols"][0]
    keys = (
        "symbol status baseAsset baseAssetPrecision quoteAsset quotePrecision quoteAssetPrecision "
        "baseCommissionPrecision quoteCommissionPrecision orderTypes icebergAllowed ocoAllowed "
        "otoAllowed opoAllowed quoteOrderQtyMarketAllowed allowTrailingStop cancelReplaceAllowed "
        "amendAllowed pegInstructionsAllowed isSpotTradingAllowed isMarginTradingAllowed filters "
        "permissions permissionSets defaultSelfTradePreventionMode allowedSelfTradePreventionModes"
    )
    assert list(entry) == keys.split()
    assert entry["status"] == "TRADING"
    assert "SPOT" in entry["permissionSets"][0]
    filters = {one["filterType"] for one in entry["filters"]}
    assert {"PRICE_FILTER", "LOT_SIZE", "NOTIONAL"} <= filters
    assert "MAX_ASSET" not in filters


@pytest.mark.asyncio
async def test_the_account_has_every_key(still_world: World) -> None:
    account = (await still_world.rest().signed("GET", "account")).json
    keys = (
        "makerCommission takerCommission buyerCommission sellerCommission canTrade canWithdraw "
        "canDeposit updateTime accountType permissions balances uid commissionRates"
    )
    assert set(keys.split()) <= set(account)
    order = (await still_world.rest().place("BUY", "0.01", "50000")).json
    found = await still_world.rest().signed(
        "GET", "order", symbol="BTCUSDT", orderId=order["orderId"]
    )
    assert {"time", "updateTime"} <= set(found.json)


@pytest.mark.asyncio
async def test_compression_is_offered_and_not_taken(still_world: World) -> None:
    async with still_world.api(compress=15) as api:
        assert api.socket.compress == 0
        assert (await api.call("ping"))["status"] == 200


@pytest.mark.asyncio
async def test_an_ed25519_signature_whose_base64_is_not_percent_encoded(still_world: World) -> None:
    rest = still_world.rest(1)
    for _ in range(20):
        payload = urlencode({"timestamp": now_ms()})
        target = f"/api/v3/account?{payload}&signature={sign(rest.pair, payload)}"
        assert (
            await rest.raw("GET", target, headers={"X-MBX-APIKEY": rest.pair.key})
        ).status == 200
