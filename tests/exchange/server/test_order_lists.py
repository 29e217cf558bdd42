"""Order lists, cancel-replace, triggers and self-trade prevention over both APIs, as clients send and read them."""

from typing import Any

import pytest

from tests.exchange.server.client import Rest, World

OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.01",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "60000",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "40000",
    "belowPrice": "39900",
    "belowTimeInForce": "GTC",
}


async def trade(rest: Rest, price: str) -> None:
    """Trades with itself at a price, so that there is a last price."""
    await rest.place("SELL", "0.01", price)
    await rest.place("BUY", "0.01", price)


@pytest.mark.asyncio
async def test_a_pair_as_documented(still_world: World) -> None:
    rest = still_world.rest()
    await trade(rest, "50000")
    answer = await rest.signed("POST", "orderList/oco", **OCO)
    assert answer.status == 200
    body = answer.json
    assert list(body) == [
        "orderListId",
        "contingencyType",
        "listStatusType",
        "listOrderStatus",
        "listClientOrderId",
        "transactionTime",
        "symbol",
        "orders",
        "orderReports",
    ]
    assert (body["contingencyType"], body["listStatusType"], body["listOrderStatus"]) == (
        "OCO",
        "EXEC_STARTED",
        "EXECUTING",
    )
    above, below = body["orderReports"]
    assert (above["type"], above["workingTime"]) == ("LIMIT_MAKER", above["transactTime"])
    assert (below["type"], below["stopPrice"], below["workingTime"]) == (
        "STOP_LOSS_LIMIT",
        "40000.00000000",
        -1,
    )
    query = (await rest.signed("GET", "orderList", orderListId=body["orderListId"])).json
    assert query == {key: body[key] for key in list(body)[:-1]}
    assert (await rest.signed("GET", "openOrderList")).json == [query]
    waiting = (await rest.signed("GET", "order", symbol="BTCUSDT", orderId=below["orderId"])).json
    assert (waiting["isWorking"], waiting["orderListId"]) == (False, body["orderListId"])
    canceled = await rest.signed(
        "DELETE", "orderList", symbol="BTCUSDT", orderListId=body["orderListId"]
    )
    assert canceled.json["listOrderStatus"] == "ALL_DONE"
    assert {one["status"] for one in canceled.json["orderReports"]} == {"CANCELED"}
    assert (await rest.signed("GET", "openOrderList")).json == []
    [done] = (await rest.signed("GET", "allOrderList")).json
    assert done["listStatusType"] == "ALL_DONE"
    again = await rest.signed("DELETE", "orderList", symbol="BTCUSDT", orderListId=0)
    assert again.error == (400, -2011, "Unknown order sent.")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"abovePrice": None}, -1102, "'abovePrice'"),
        ({"belowTimeInForce": None}, -1102, "'belowTimeInForce'"),
        ({"belowStopPrice": None}, -1102, "'belowStopPrice' or 'belowTrailingDelta'"),
        ({"aboveStopPrice": "1"}, -1106, "'aboveStopPrice'"),
        ({"abovePrice": "40000"}, -2010, "The relationship of the prices"),
        ({"belowType": "LIMIT_MAKER"}, -1106, "'belowTimeInForce'"),
        ({"aboveType": "ICEBERG"}, -1116, "Invalid orderType."),
        ({"quantity": "140"}, -2010, "insufficient balance"),
        ({"side": None}, -1102, "'side'"),
    ],
)
async def test_refused_pairs(
    still_world: World, changes: dict[str, str | None], code: int, message: str
) -> None:
    rest = still_world.rest()
    await trade(rest, "50000")
    merged = {**OCO, **changes}
    sent = {name: value for name, value in merged.items() if value is not None}
    status, found, text = (await rest.signed("POST", "orderList/oco", **sent)).error
    assert (status, found) == (400, code)
    assert message in text
    assert (await rest.signed("GET", "openOrders")).json == []


@pytest.mark.asyncio
async def test_a_bracket_and_its_orders_in_cancel_all(still_world: World) -> None:
    rest = still_world.rest()
    await trade(rest, "50000")
    bracket = {
        "symbol": "BTCUSDT",
        "workingType": "LIMIT",
        "workingSide": "BUY",
        "workingPrice": "49000",
        "workingQuantity": "0.01",
        "workingTimeInForce": "GTC",
        "pendingSide": "SELL",
        "pendingQuantity": "0.01",
        "pendingAboveType": "LIMIT_MAKER",
        "pendingAbovePrice": "55000",
        "pendingBelowType": "STOP_LOSS",
        "pendingBelowStopPrice": "45000",
    }
    placed = (await rest.signed("POST", "orderList/otoco", **bracket)).json
    assert placed["contingencyType"] == "OTO"
    assert [one["status"] for one in placed["orderReports"]] == [
        "NEW",
        "PENDING_NEW",
        "PENDING_NEW",
    ]
    await rest.place("BUY", "0.01", "30000")
    canceled = (await rest.signed("DELETE", "openOrders", symbol="BTCUSDT")).json
    assert len(canceled) == 2
    [of_list] = [one for one in canceled if "orderReports" in one]
    assert len(of_list["orderReports"]) == 3
    missing = {key: value for key, value in bracket.items() if key != "pendingBelowType"}
    assert (await rest.signed("POST", "orderList/otoco", **missing)).error[1] == -1102


@pytest.mark.asyncio
async def test_an_order_that_releases_another(still_world: World) -> None:
    rest = still_world.rest()
    await trade(rest, "50000")
    answer = await rest.signed(
        "POST",
        "orderList/oto",
        symbol="BTCUSDT",
        workingType="LIMIT",
        workingSide="BUY",
        workingPrice="49000",
        workingQuantity="0.01",
        workingTimeInForce="GTC",
        pendingType="LIMIT",
        pendingSide="SELL",
        pendingPrice="56000",
        pendingQuantity="0.01",
        pendingTimeInForce="GTC",
        newOrderRespType="ACK",
    )
    working, pending = answer.json["orderReports"]
    assert "status" not in working
    await rest.place("SELL", "0.01", "49000")
    found = (await rest.signed("GET", "order", symbol="BTCUSDT", orderId=pending["orderId"])).json
    assert (found["status"], found["isWorking"]) == ("NEW", True)


REPLACEMENT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "30001",
    "cancelReplaceMode": "STOP_ON_FAILURE",
}


@pytest.mark.asyncio
async def test_an_order_replaced(still_world: World) -> None:
    rest = still_world.rest()
    old = (await rest.place("BUY", "0.01", "30000")).json
    answer = await rest.signed(
        "POST", "order/cancelReplace", cancelOrderId=old["orderId"], **REPLACEMENT
    )
    assert answer.status == 200
    body = answer.json
    assert (body["cancelResult"], body["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert body["cancelResponse"]["origClientOrderId"] == old["clientOrderId"]
    assert body["newOrderResponse"]["status"] == "NEW"
    assert body["newOrderResponse"]["fills"] == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("mode", "has_old", "new", "status", "code", "results"),
    [
        ("STOP_ON_FAILURE", False, {}, 400, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("ALLOW_FAILURE", False, {}, 409, -2021, ("FAILURE", "SUCCESS")),
        ("STOP_ON_FAILURE", True, {"quantity": "100"}, 409, -2021, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", False, {"quantity": "100"}, 400, -2022, ("FAILURE", "FAILURE")),
    ],
)
async def test_replacements_that_fail(
    still_world: World,
    mode: str,
    has_old: bool,
    new: dict[str, str],
    status: int,
    code: int,
    results: tuple[str, str],
) -> None:
    rest = still_world.rest()
    old = (await rest.place("BUY", "0.01", "30000")).json if has_old else {"orderId": 999}
    asked: dict[str, Any] = {**REPLACEMENT, **new, "cancelReplaceMode": mode}
    answer = await rest.signed("POST", "order/cancelReplace", cancelOrderId=old["orderId"], **asked)
    assert (answer.status, answer.json["code"]) == (status, code)
    data = answer.json["data"]
    assert (data["cancelResult"], data["newOrderResult"]) == results
    if results[0] == "FAILURE":
        assert data["cancelResponse"] == {"code": -2011, "msg": "Unknown order sent."}
    if results[1] == "NOT_ATTEMPTED":
        assert data["newOrderResponse"] is None


@pytest.mark.asyncio
async def test_a_replacement_against_the_filters_cancels_nothing(still_world: World) -> None:
    rest = still_world.rest()
    old = (await rest.place("BUY", "0.01", "30000")).json
    asked = {**REPLACEMENT, "price": "30000.001"}
    answer = await rest.signed("POST", "order/cancelReplace", cancelOrderId=old["orderId"], **asked)
    assert answer.error == (400, -1013, "Filter failure: PRICE_FILTER")
    assert len((await rest.signed("GET", "openOrders")).json) == 1


@pytest.mark.asyncio
async def test_prevented_matches_can_be_asked_for(still_world: World) -> None:
    rest = still_world.rest()
    maker = (await rest.place("BUY", "0.01", "50000")).json
    taker = (await rest.place("SELL", "0.02", "50000", selfTradePreventionMode="EXPIRE_MAKER")).json
    for asked in ({"preventedMatchId": 0}, {"orderId": maker["orderId"]}):
        [found] = (await rest.signed("GET", "myPreventedMatches", symbol="BTCUSDT", **asked)).json
        assert (found["takerOrderId"], found["makerOrderId"]) == (
            taker["orderId"],
            maker["orderId"],
        )
        assert found["makerPreventedQuantity"] == "0.01000000"
        assert "takerPreventedQuantity" not in found
    nothing = await rest.signed("GET", "myPreventedMatches", symbol="BTCUSDT")
    assert nothing.error[1] == -1128
