"""Amendments by both entries, over real sockets."""

import pytest

from tests.exchange.server.client import World

FIELDS = (
    "symbol orderId orderListId origClientOrderId clientOrderId price qty executedQty preventedQty quoteOrderQty "
    "cumulativeQuoteQty status timeInForce type side workingTime selfTradePreventionMode"
)


@pytest.mark.asyncio
async def test_by_rest(still_world: World) -> None:
    rest = still_world.rest()
    placed = (await rest.place("BUY", "0.05", "50000", newClientOrderId="one")).json
    one = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    answer = await rest.signed("PUT", "order/amend/keepPriority", newQty="0.02", **one)
    assert list(answer.json) == ["transactTime", "executionId", "amendedOrder"]
    amended = answer.json["amendedOrder"]
    assert list(amended) == FIELDS.split()
    assert (amended["qty"], amended["origClientOrderId"]) == ("0.02000000", "one")
    assert (await rest.signed("GET", "order", **one)).json["origQty"] == "0.02000000"
    listed = (await rest.signed("GET", "order/amendments", **one)).json
    assert [(row["origQty"], row["newQty"]) for row in listed] == [("0.05000000", "0.02000000")]
    assert listed[0]["executionId"] == answer.json["executionId"]
    assert int(answer.headers["X-MBX-USED-WEIGHT-1M"]) % 4 == 0
    again = await rest.signed("PUT", "order/amend/keepPriority", newQty="0.03", **one)
    assert again.error[:2] == (400, -2038)
    info = (await rest.get("exchangeInfo", symbol="BTCUSDT")).json
    assert info["symbols"][0]["amendAllowed"] is True


@pytest.mark.asyncio
async def test_by_websocket(still_world: World) -> None:
    async with still_world.api() as api:
        await api.signed("userDataStream.subscribe.signature")
        await api.place("BUY", "0.05", "50000", newClientOrderId="one")
        count = (await api.signed("account.rateLimits.orders"))["result"][1]["count"]
        reply = await api.signed(
            "order.amend.keepPriority",
            symbol="BTCUSDT",
            origClientOrderId="one",
            newClientOrderId="two",
            newQty="0.02",
        )
        assert reply["result"]["amendedOrder"]["clientOrderId"] == "two"
        reports = [one["event"] for one in api.events if one["event"].get("x") == "REPLACED"]
        assert [(one["c"], one["C"]) for one in reports] == [("two", "one")]
        assert (await api.signed("account.rateLimits.orders"))["result"][1]["count"] == count
