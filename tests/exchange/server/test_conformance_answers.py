"""What an answer says, where the documentation has a rule for it: each test with its line (version of 2026-07-21)."""

import asyncio
from typing import Any

import pytest

from tests.exchange.server.client import Rest, World, room_in_minute
from tests.exchange.server.conformance import LIMIT, OCO, SYMBOL

HOUR_MS = 3_600_000


async def trade(world: World, price: str) -> None:
    """Two accounts trade, so that there is a last price."""
    await world.rest(account=1).place("SELL", "0.01", price)
    await world.rest(account=1).place("BUY", "0.01", price)


async def used(rest: Rest) -> int:
    """The request weight so far, this request included."""
    return int((await rest.get("ping")).headers["X-MBX-USED-WEIGHT-1M"])


@pytest.mark.asyncio
async def test_orders_by_time_are_those_last_touched_then(still_world: World) -> None:
    """web-socket-api.md:7269: with a time, `orderId` is ignored and the last update counts."""
    rest = still_world.rest()
    first = (await rest.place("BUY", "0.01", "40000")).json
    await rest.place("BUY", "0.01", "41000")
    await asyncio.sleep(0.005)  # Into another millisecond.
    one = {"symbol": SYMBOL, "orderId": first["orderId"]}
    canceled = (await rest.signed("DELETE", "order", **one)).json["transactTime"]
    later = await rest.signed(
        "GET", "allOrders", symbol=SYMBOL, startTime=canceled, orderId=first["orderId"] + 5
    )
    assert [row["orderId"] for row in later.json] == [first["orderId"]]
    earlier = {"symbol": SYMBOL, "endTime": first["transactTime"] - 1}
    assert (await rest.signed("GET", "allOrders", **earlier)).json == []


@pytest.mark.asyncio
@pytest.mark.parametrize("entry", ["rest", "websocket"])
async def test_a_cancel_of_one_order_of_a_list_answers_with_the_list(
    still_world: World, entry: str
) -> None:
    """web-socket-api.md:4233: When an order list is canceled."""
    await trade(still_world, "50000")
    rest = still_world.rest()
    placed = (await rest.signed("POST", "orderList/oco", **OCO)).json
    leg = {"symbol": SYMBOL, "orderId": placed["orders"][1]["orderId"], "newClientOrderId": "bye"}
    if entry == "rest":
        answer = (await rest.signed("DELETE", "order", **leg)).json
    else:
        async with still_world.api() as api:
            answer = (await api.signed("order.cancel", **leg))["result"]
    assert list(answer) == list(placed)
    assert (answer["listStatusType"], answer["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    assert [(one["status"], one["clientOrderId"]) for one in answer["orderReports"]] == [
        ("CANCELED", "bye"),
        ("CANCELED", "bye"),
    ]


@pytest.mark.asyncio
async def test_tickers_of_several_leave_out_those_of_another_status(still_world: World) -> None:
    """rest-api.md:1346, 1510, 1709, 1805, 1897: "non-matching ones are simply excluded"."""
    rest = still_world.rest()
    both = f'["{SYMBOL}","ETHUSDT"]'
    for path in ("ticker/24hr", "ticker/tradingDay", "ticker/price", "ticker/bookTicker", "ticker"):
        for status, count in (("TRADING", 2), ("BREAK", 0)):
            answer = await rest.get(path, symbols=both, symbolStatus=status)
            assert len(answer.json) == count, path


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["klines", "uiKlines"])
async def test_a_kline_of_another_time_zone(still_world: World, path: str) -> None:
    """rest-api.md:1155: intervals are the zone's, startTime and endTime are UTC's."""
    await trade(still_world, "50000")
    rest = still_world.rest()
    day = 24 * HOUR_MS
    for zone, hours in (("8", 8.0), ("-1:00", -1.0), ("05:45", 5.75), ("0", 0.0), ("14:00", 14.0)):
        sent = {"symbol": SYMBOL, "interval": "1d", "timeZone": zone}
        [row] = (await rest.get(path, **sent)).json
        assert (row[0] + hours * HOUR_MS) % day == 0
        assert row[6] == row[0] + day - 1
        assert (row[4], row[8]) == ("50000.00000000", 1)
        assert (await rest.get(path, startTime=row[0] + 1, **sent)).json == []
        assert (await rest.get(path, endTime=row[0], **sent)).json == [row]


@pytest.mark.asyncio
async def test_transfer_among_orders_of_one_account_is_decrement(still_world: World) -> None:
    """faqs/stp_faq.md:34 and CHANGELOG 2026-03-27: "STP Transfer will be allowed on all symbols"."""
    rest = still_world.rest()
    info = (await rest.get("exchangeInfo", symbol=SYMBOL)).json["symbols"][0]
    assert info["allowedSelfTradePreventionModes"] == [
        "NONE",
        "EXPIRE_TAKER",
        "EXPIRE_MAKER",
        "EXPIRE_BOTH",
        "DECREMENT",
        "TRANSFER",
    ]
    for maker_mode in ("TRANSFER", "NONE"):
        await rest.place("BUY", "0.03", "40000", selfTradePreventionMode=maker_mode)
        taker = await rest.place("SELL", "0.01", "40000", selfTradePreventionMode="TRANSFER")
        body = taker.json
        assert (body["status"], body["preventedQuantity"]) == ("EXPIRED_IN_MATCH", "0.01000000")
        [match] = (
            await rest.signed("GET", "myPreventedMatches", symbol=SYMBOL, orderId=body["orderId"])
        ).json
        effective = "TRANSFER" if maker_mode == "TRANSFER" else "DECREMENT"
        assert match["selfTradePreventionMode"] == effective
        await rest.signed("DELETE", "openOrders", symbol=SYMBOL)


OLD_OCO: dict[str, Any] = {
    "symbol": SYMBOL,
    "side": "SELL",
    "quantity": "0.01",
    "price": "60000",
    "stopPrice": "40000",
}


@pytest.mark.asyncio
async def test_strategies_of_the_old_pair(still_world: World) -> None:
    """rest-api.md:3138-3145."""
    await trade(still_world, "50000")
    rest = still_world.rest()
    answer = await rest.signed(
        "POST",
        "order/oco",
        **OLD_OCO,
        limitStrategyId=1,
        limitStrategyType=1000000,
        stopStrategyId=2,
        stopStrategyType=1000001,
        newOrderRespType="FULL",
    )
    assert answer.status == 200, answer.text
    found = {one["type"]: one for one in answer.json["orderReports"]}
    assert (found["LIMIT_MAKER"]["strategyId"], found["LIMIT_MAKER"]["strategyType"]) == (1, 10**6)
    assert (found["STOP_LOSS"]["strategyId"], found["STOP_LOSS"]["strategyType"]) == (2, 10**6 + 1)


@pytest.mark.asyncio
async def test_what_an_amendment_weighs(still_world: World) -> None:
    """CHANGELOG 2026-04-02: nothing when it makes the order expire, else its weight."""
    await room_in_minute()
    rest = still_world.rest()
    order = (await rest.place("BUY", "0.05", "50000")).json
    await still_world.rest(account=1).place("SELL", "0.02", "50000")
    one = {"symbol": SYMBOL, "orderId": order["orderId"]}
    for quantity, weight, status in (
        ("0.04", 4, "PARTIALLY_FILLED"),
        ("0.06", 4, ""),
        ("0.02", 0, "EXPIRED"),
    ):
        before = await used(rest)
        answer = await rest.signed("PUT", "order/amend/keepPriority", newQty=quantity, **one)
        assert await used(rest) == before + weight + 1
        if status:
            assert answer.json["amendedOrder"]["status"] == status


@pytest.mark.asyncio
async def test_both_orders_of_a_pair_are_amended(still_world: World) -> None:
    """faqs/order_amend_keep_priority.md: "amending either order affects both orders"."""
    await trade(still_world, "50000")
    async with still_world.api() as api:
        placed = (await api.signed("orderList.place.oco", **(OCO | {"quantity": "0.05"})))["result"]
        above, below = placed["orders"]
        await api.signed("userDataStream.subscribe.signature")
        amended = {"symbol": SYMBOL, "orderId": above["orderId"]}
        reply = await api.signed(
            "order.amend.keepPriority",
            **amended,
            newQty="0.02",
            newClientOrderId=above["clientOrderId"],
        )
        assert reply["status"] == 200, reply
        for one in (above, below):
            found = await api.signed("order.status", symbol=SYMBOL, orderId=one["orderId"])
            assert found["result"]["origQty"] == "0.02000000"
            assert found["result"]["clientOrderId"] == one["clientOrderId"]
        events = [one["event"] for one in api.events]
        assert [(one["i"], one["q"]) for one in events if one.get("x") == "REPLACED"] == [
            (above["orderId"], "0.02000000"),
            (below["orderId"], "0.02000000"),
        ]
        # No client order id has changed, so there is no word of the list.
        assert not [one for one in events if one["e"] == "listStatus"]
        await api.signed("order.amend.keepPriority", **amended, newQty="0.01")
        kinds = [one["event"].get("l") for one in api.events]
        assert "UPDATED" in kinds
        balance = (await api.signed("account.status", omitZeroBalances=True))["result"]["balances"]
        assert [one["locked"] for one in balance if one["asset"] == "BTC"] == ["0.01000000"]


@pytest.mark.asyncio
async def test_an_order_that_shows_a_part_of_itself(still_world: World) -> None:
    """rest-api.md:2305 and 2191, user-data-stream.md:91, faqs/spot_glossary.md (icebergQty)."""
    rest = still_world.rest()
    info = (await rest.get("exchangeInfo", symbol=SYMBOL)).json["symbols"][0]
    assert info["icebergAllowed"] is True
    terms = {**LIMIT, "quantity": "0.05", "icebergQty": "0.02"}
    async with still_world.api() as api:
        await api.signed("userDataStream.subscribe.signature")
        placed = (await rest.signed("POST", "order", **terms, newOrderRespType="RESULT")).json
        assert placed["icebergQty"] == "0.02000000"
        report = await api.until(e="executionReport", x="NEW")
        assert (report["q"], report["F"]) == ("0.05000000", "0.02000000")
        assert (await rest.get("depth", symbol=SYMBOL)).json["bids"] == [
            ["45000.00000000", "0.02000000"]
        ]
        sale = await still_world.rest(account=1).place("SELL", "0.03", "45000")
        assert [one["qty"] for one in sale.json["fills"]] == ["0.02000000", "0.01000000"]
    one = {"symbol": SYMBOL, "orderId": placed["orderId"]}
    found = (await rest.signed("GET", "order", **one)).json
    assert (found["icebergQty"], found["executedQty"]) == ("0.02000000", "0.03000000")
    canceled = (await rest.signed("DELETE", "order", **one)).json
    assert canceled["icebergQty"] == "0.02000000"
    plain = (await rest.place("BUY", "0.01", "40000")).json
    assert "icebergQty" not in plain
    legs = OCO | {"aboveIcebergQty": "0.005"}
    await trade(still_world, "50000")
    listed = (await rest.signed("POST", "orderList/oco", **legs)).json
    assert ["icebergQty" in one for one in listed["orderReports"]] == [True, False]


@pytest.mark.asyncio
async def test_the_time_of_an_average_price_is_that_of_the_last_trade(still_world: World) -> None:
    """rest-api.md:1257."""
    await trade(still_world, "50000")
    rest = still_world.rest()
    await asyncio.sleep(0.01)
    [last] = (await rest.get("trades", symbol=SYMBOL, limit=1)).json
    found = (await rest.get("avgPrice", symbol=SYMBOL)).json
    assert found == {"mins": 5, "price": "50000.00000000", "closeTime": last["time"]}


@pytest.mark.asyncio
async def test_a_list_is_asked_for_by_the_clients_id_if_both_are_given(still_world: World) -> None:
    """web-socket-api.md:7408: "only `origClientOrderId` is used and `orderListId` is ignored"."""
    await trade(still_world, "50000")
    rest = still_world.rest()
    for name in ("one", "two"):
        await rest.signed("POST", "orderList/oco", **OCO, listClientOrderId=name)
    found = await rest.signed("GET", "orderList", orderListId=0, origClientOrderId="two")
    assert (found.json["orderListId"], found.json["listClientOrderId"]) == (1, "two")
    # A cancel looks for the id first and then checks the name (rest-api.md:3963).
    refused = await rest.signed(
        "DELETE", "orderList", symbol=SYMBOL, orderListId=0, listClientOrderId="two"
    )
    assert refused.error == (400, -2011, "Unknown order sent.")


@pytest.mark.asyncio
async def test_all_lists_from_an_id_or_a_time(still_world: World) -> None:
    """web-socket-api.md:7567 ignores `fromId` beside a time; rest-api.md:4464 refuses the two together."""
    await trade(still_world, "50000")
    rest = still_world.rest()
    for name in ("one", "two"):
        await rest.signed("POST", "orderList/oco", **OCO, listClientOrderId=name)
    async with still_world.api() as api:
        both = await api.signed("allOrderLists", fromId=1, startTime=1)
        assert [one["orderListId"] for one in both["result"]] == [0, 1]
        later = await api.signed("allOrderLists", fromId=1)
        assert [one["orderListId"] for one in later["result"]] == [1]


@pytest.mark.asyncio
async def test_an_old_pair_whose_stop_trails(still_world: World) -> None:
    """web-socket-api.md:5501: "Either `stopPrice` or `trailingDelta`, or both must be specified"."""
    await trade(still_world, "50000")
    terms = {name: value for name, value in OLD_OCO.items() if name != "stopPrice"}
    answer = await still_world.rest().signed("POST", "order/oco", **terms, trailingDelta=100)
    assert answer.status == 200, answer.text
    stop = next(one for one in answer.json["orderReports"] if one["type"] == "STOP_LOSS")
    assert stop["trailingDelta"] == 100


@pytest.mark.asyncio
async def test_sbe_is_not_enabled(still_world: World) -> None:
    """faqs/sbe_faq.md, How to get an SBE response: 406, 400, and JSON where that is accepted too."""
    rest = still_world.rest()
    binary = {"Accept": "application/sbe", "X-MBX-SBE": "3:5"}
    refused = await rest.raw("GET", "/api/v3/time", headers=binary)
    assert refused.error == (406, -1155, "SBE is not enabled.")
    either = binary | {"Accept": "application/sbe, application/json"}
    assert (await rest.raw("GET", "/api/v3/time", headers=either)).json["serverTime"]
    target = "/ws-api/v3?responseFormat=sbe&sbeSchemaId=3&sbeSchemaVersion=5"
    assert (await rest.raw("GET", target)).error == (400, -1155, "SBE is not enabled.")


@pytest.mark.asyncio
async def test_the_old_pair_is_answered_in_full_by_websocket(still_world: World) -> None:
    """web-socket-api.md:5509 has FULL as its default; the example of rest-api.md:3161 shows RESULT."""
    await trade(still_world, "50000")
    async with still_world.api() as api:
        reply = await api.signed("orderList.place", **OLD_OCO)
        assert [one["fills"] for one in reply["result"]["orderReports"]] == [[], []]
    answer = await still_world.rest().signed("POST", "order/oco", **OLD_OCO)
    assert not any("fills" in one for one in answer.json["orderReports"])
