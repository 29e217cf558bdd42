"""User data on the WebSocket API: subscriptions, their envelope, the order of events."""

import msgspec
import pytest

from tests.exchange.server.client import World


@pytest.mark.asyncio
async def test_an_order_from_new_to_filled(still_world: World) -> None:
    other = still_world.rest(0, account=1)
    async with still_world.api() as api:
        subscribed = await api.signed("userDataStream.subscribe.signature")
        assert subscribed["result"] == {"subscriptionId": 0}
        placed = await api.place("BUY", "0.02", "50000", newClientOrderId="mine-1")
        await other.place("SELL", "0.01", "50000")
        await other.place("SELL", "0.01", "49000")
        filled = await api.until(x="TRADE", X="FILLED")
        reports = [event for event in api.events if event.get("event", event).get("x")]
        kinds = [event.get("event", event)["X"] for event in reports]
        assert kinds == ["NEW", "PARTIALLY_FILLED"]
        assert filled["c"] == "mine-1"
        assert filled["i"] == placed["result"]["orderId"]
        assert (filled["z"], filled["m"]) == ("0.02000000", True)
        position = await api.until(e="outboundAccountPosition")
        balances = {entry["a"]: entry["f"] for entry in position["B"]}
        assert balances["BTC"] == "100.01998000"


@pytest.mark.asyncio
async def test_every_event_is_wrapped_with_its_subscription(still_world: World) -> None:
    async with still_world.api() as api:
        assert (await api.signed("userDataStream.subscribe.signature"))["status"] == 200
        api.pair = still_world.pair(0, 1)
        second = await api.signed("userDataStream.subscribe.signature")
        assert second["result"] == {"subscriptionId": 1}
        await still_world.rest(0, account=1).place("BUY", "0.01", "50000")
        await still_world.rest(0).place("BUY", "0.01", "50000")
        seen = [await api.next() for _ in range(4)]
        assert [message["subscriptionId"] for message in seen] == [1, 1, 0, 0]
        assert {frozenset(message) for message in seen} == {frozenset({"subscriptionId", "event"})}
        listed = await api.call("session.subscriptions")
        assert listed["result"] == [{"subscriptionId": 0}, {"subscriptionId": 1}]


@pytest.mark.asyncio
async def test_an_account_is_subscribed_once_per_connection(still_world: World) -> None:
    async with still_world.api(number=1) as api, still_world.api() as second:
        assert (await api.signed("userDataStream.subscribe.signature"))["status"] == 200
        again = await api.signed("userDataStream.subscribe.signature")
        assert again["error"] == {
            "code": -2035,
            "msg": "User Data Stream subscription already active.",
        }
        await api.signed("session.logon")
        assert (await api.call("userDataStream.subscribe"))["error"]["code"] == -2035
        assert (await second.signed("userDataStream.subscribe.signature"))["status"] == 200
        await still_world.rest().place("BUY", "0.01", "50000")
        assert (await api.until(x="NEW"))["i"] == (await second.until(x="NEW"))["i"]


@pytest.mark.asyncio
async def test_unsubscribing_says_so_after_its_reply_and_then_nothing(still_world: World) -> None:
    async with still_world.api() as api:
        await api.signed("userDataStream.subscribe.signature")
        wrong = await api.call("userDataStream.unsubscribe", subscriptionId=7)
        assert wrong["error"]["code"] == -2036
        api.events.clear()
        assert (await api.call("userDataStream.unsubscribe"))["result"] == {}
        assert api.events == []
        last = await api.next()
        assert (last["subscriptionId"], last["event"]["e"]) == (0, "eventStreamTerminated")
        await still_world.rest().place("BUY", "0.01", "50000")
        assert (await api.call("ping"))["status"] == 200
        assert api.events == []
        fresh = await api.signed("userDataStream.subscribe.signature")
        assert fresh["result"] == {"subscriptionId": 1}


@pytest.mark.asyncio
async def test_logging_out_ends_what_rests_on_the_logon_only(still_world: World) -> None:
    async with still_world.api(number=1) as api:
        await api.signed("session.logon")
        assert (await api.call("userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
        assert (await api.call("session.status"))["result"]["userDataStream"] is True
        api.pair = still_world.pair(0, 1)
        await api.signed("userDataStream.subscribe.signature")
        await api.call("session.logout")
        assert (await api.until(e="eventStreamTerminated"))["E"] > 0
        assert (await api.call("session.subscriptions"))["result"] == [{"subscriptionId": 1}]


@pytest.mark.asyncio
async def test_a_market_order_reports_new_then_trades_then_the_balance(still_world: World) -> None:
    maker = still_world.rest(0, account=1)
    for price in ("50000", "50010"):
        await maker.place("SELL", "0.01", price)
    async with still_world.api() as api:
        await api.signed("userDataStream.subscribe.signature")
        terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}
        request = api.sign({**terms, "quantity": "0.03"})
        await api.socket.send_bytes(
            msgspec.json.encode({"id": 99, "method": "order.place", "params": request})
        )
        reply = await api.reply(99)
        assert reply["result"]["status"] == "EXPIRED"
        assert [fill["qty"] for fill in reply["result"]["fills"]] == ["0.01000000", "0.01000000"]
        while len(api.events) < 5:
            api.events.append(await api.next())
        events = [message["event"] for message in api.events]
        assert [event.get("x", event["e"]) for event in events] == [
            "NEW",
            "TRADE",
            "TRADE",
            "EXPIRED",
            "outboundAccountPosition",
        ]
        trades = [event["t"] for event in events if event.get("x") == "TRADE"]
        assert trades == [fill["tradeId"] for fill in reply["result"]["fills"]]


@pytest.mark.asyncio
async def test_a_closed_connection_gets_nothing_and_harms_nobody(still_world: World) -> None:
    async with still_world.api() as api:
        await api.signed("userDataStream.subscribe.signature")
    assert (await still_world.rest().place("BUY", "0.01", "50000")).status == 200


@pytest.mark.asyncio
async def test_listen_keys_are_gone_for_every_verb_and_method(still_world: World) -> None:
    """CHANGELOG 2026-01-21: since 2026-02-20 neither API has them."""
    rest = still_world.rest()
    headers = {"X-MBX-APIKEY": rest.pair.key}
    for verb in ("POST", "PUT", "DELETE"):
        for target in ("/api/v3/userDataStream", "/api/v3/userDataStream?listenKey=x"):
            answer = await rest.raw(verb, target, headers=headers)
            assert answer.error == (410, -1016, "This service is no longer available.")
    async with still_world.api() as api:
        for method in ("userDataStream.start", "userDataStream.ping", "userDataStream.stop"):
            reply = await api.call(method, apiKey=rest.pair.key)
            assert (reply["status"], reply["error"]["code"]) == (400, -1135)
