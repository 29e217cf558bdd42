"""What to ask the exchange so that it answers as an example of the documentation does, and how the two are compared."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.exchange.server.client import Socket

EXAMPLES = Path(__file__).parents[2] / "data" / "binance-examples.jsonl"
SYMBOL = "BTCUSDT"
OTHER_ORDER = {
    6946: "rest-api.md, Account information, has commissionRates before canTrade",
    7187: "web-socket-api.md, Query order, has origQuoteOrderQty near the end",
}
"""Examples whose names are in an order that contradicts another page of the documentation, which is followed here."""
LEFT_OUT = {
    3891: ("selfTradePreventionMode", "that of the same answer in rest-api.md is there"),
    4769: ("workingTime", "that of the cancelReplace example in rest-api.md is there"),
    6629: ("origClientOrderId", "rest-api.md, Cancel Order list, has it"),
}
"""Names that an example lacks and another page of the documentation shows."""
CONDITIONAL = frozenset(
    {
        "expiryReason",
        "icebergQty",
        "pegOffsetType",
        "pegOffsetValue",
        "pegPriceType",
        "peggedPrice",
        "preventedMatchId",
        "preventedMatches",
        "preventedQuantity",
        "stopPrice",
        "strategyId",
        "strategyType",
        "tradeGroupId",
        "trailingDelta",
        "trailingTime",
        "usedSor",
        "workingFloor",
        "sors",
        "listStatus",
    }
)
"""Fields that are there only when they apply (rest-api.md, Conditional fields in Order Responses)."""


def rows() -> list[dict[str, Any]]:
    """All examples of the documentation, as the file has them."""
    return [json.loads(line) for line in EXAMPLES.read_text(encoding="utf-8").splitlines()]


def load() -> list[tuple[int, str, Any]]:
    """Line, method and example of every successful reply."""
    method, found = "", []
    for row in rows():
        value = row["value"]
        if row["file"] != "web-socket-api.md" or not isinstance(value, dict):
            continue
        if "method" in value:
            method = value["method"]
        elif value.get("status") == 200 and row["line"] > 1340 and "result" in value:
            found.append((row["line"], method, value["result"]))
    return found


REPLIES = load()


def shape(value: Any, line: int, name: str = "") -> Any:
    """Names in their order and kinds of values; of a list that of its first element."""
    if isinstance(value, dict):
        left_out, _ = LEFT_OUT.get(line, ("", ""))
        fields = [
            (field, shape(one, line, field))
            for field, one in value.items()
            if field not in CONDITIONAL and field != left_out
        ]
        return sorted(fields, key=lambda field: field[0]) if line in OTHER_ORDER else fields
    if isinstance(value, list):
        return [shape(value[0], line)] if value else []
    if isinstance(value, str):
        is_number = value.replace(".", "").lstrip("-").isdigit() and "symbol" not in name
        return "number" if is_number else "text"
    return type(value).__name__


async def trade(socket: Socket, price: str = "50000") -> Any:
    """A trade of the account with itself; the reply about the order that took."""
    await socket.place("SELL", "0.01", price)
    return await socket.place("BUY", "0.01", price)


async def rest_order(socket: Socket) -> int:
    """The id of an order that rests."""
    reply = await socket.place("BUY", "0.02", "30000")
    number = reply["result"]["orderId"]
    assert isinstance(number, int)
    return number


PAIR = {
    "symbol": SYMBOL,
    "side": "SELL",
    "quantity": "0.01",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "60000",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "40000",
    "belowPrice": "39900",
    "belowTimeInForce": "GTC",
}
WORKING = {
    "symbol": SYMBOL,
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "49000",
    "workingQuantity": "0.01",
    "workingTimeInForce": "GTC",
}


async def place_order(socket: Socket, example: Any) -> Any:
    """An order with the kind of answer that the example shows."""
    kind = "FULL" if "fills" in example else "RESULT" if "status" in example else "ACK"
    await socket.place("SELL", "0.01", "50000")
    return await socket.place("BUY", "0.01", "50000", newOrderRespType=kind)


async def check_order(socket: Socket, example: Any) -> Any:
    """A test with or without commissions."""
    terms = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    return await socket.signed("order.test", **terms, computeCommissionRates=bool(example))


async def cancel_order(socket: Socket, example: Any) -> Any:
    """A single order, or one of a list."""
    if "orderReports" not in example:
        return await socket.signed("order.cancel", symbol=SYMBOL, orderId=await rest_order(socket))
    placed = await socket.signed("orderList.place.oco", **PAIR)
    list_id = placed["result"]["orderListId"]
    return await socket.signed("orderList.cancel", symbol=SYMBOL, orderListId=list_id)


async def replace_order(socket: Socket, example: Any) -> Any:
    """Both parts succeed."""
    terms = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    return await socket.signed(
        "order.cancelReplace",
        **terms,
        quantity="0.01",
        price="30001",
        newOrderRespType="RESULT" if "status" in example["newOrderResponse"] else "ACK",
        cancelReplaceMode="ALLOW_FAILURE",
        cancelOrderId=await rest_order(socket),
    )


async def amend_order(socket: Socket, example: Any) -> Any:
    """A reduction."""
    number = await rest_order(socket)
    return await socket.signed(
        "order.amend.keepPriority", symbol=SYMBOL, orderId=number, newQty="0.01"
    )


async def cancel_all(socket: Socket, example: Any) -> Any:
    """Single orders and a list."""
    await rest_order(socket)
    await socket.signed("orderList.place.oco", **PAIR)
    return await socket.signed("openOrders.cancelAll", symbol=SYMBOL)


async def old_pair(socket: Socket, example: Any) -> Any:
    """A pair by the deprecated method."""
    return await socket.signed(
        "orderList.place",
        symbol=SYMBOL,
        side="SELL",
        quantity="0.01",
        price="60000",
        stopPrice="40000",
        stopLimitPrice="39000",
        stopLimitTimeInForce="GTC",
        newOrderRespType="RESULT",
    )


def listed(method: str, **parameters: Any) -> "Scenario":
    """A query after a list was placed."""

    async def ask(socket: Socket, example: Any) -> Any:
        placed = await socket.signed("orderList.place.oco", **PAIR)
        number = {"orderListId": placed["result"]["orderListId"]} if parameters else {}
        return await socket.signed(method, **number)

    return ask


def ordered(method: str, with_id: bool = False, **parameters: Any) -> "Scenario":
    """A query after an order was placed."""

    async def ask(socket: Socket, example: Any) -> Any:
        number = await rest_order(socket)
        more = {"orderId": number} if with_id else {}
        return await socket.signed(method, **parameters, **more)

    return ask


def signed(method: str, **parameters: Any) -> "Scenario":
    """A signed request as it is."""

    async def ask(socket: Socket, example: Any) -> Any:
        return await socket.signed(method, **parameters)

    return ask


def public(method: str, **parameters: Any) -> "Scenario":
    """A request about the market; for many symbols where the example is a list."""

    async def ask(socket: Socket, example: Any) -> Any:
        is_many = method.startswith("ticker") and isinstance(example, list)
        asked = {"symbols": [SYMBOL, "ETHUSDT"]} if is_many else parameters
        if "openPrice" in str(example) and "priceChange" not in str(example):
            asked = asked | {"type": "MINI"}
        return await socket.call(method, **asked)

    return ask


async def depth(socket: Socket, example: Any) -> Any:
    """A book with an order on either side."""
    await rest_order(socket)
    await socket.place("SELL", "0.01", "60000")
    return await socket.call("depth", symbol=SYMBOL)


async def amendments(socket: Socket, example: Any) -> Any:
    """Of an order that was reduced once."""
    reduced = await amend_order(socket, example)
    number = reduced["result"]["amendedOrder"]["orderId"]
    return await socket.signed("order.amendments", symbol=SYMBOL, orderId=number)


async def prevented(socket: Socket, example: Any) -> Any:
    """Of an order that would have traded with its own account."""
    maker = await socket.place("BUY", "0.01", "50000")
    await socket.place("SELL", "0.01", "50000", selfTradePreventionMode="EXPIRE_MAKER")
    number = maker["result"]["orderId"]
    return await socket.signed("myPreventedMatches", symbol=SYMBOL, orderId=number)


async def log_on(socket: Socket, example: Any) -> Any:
    """The reply to a log-on."""
    return await socket.signed("session.logon")


async def session_status(socket: Socket, example: Any) -> Any:
    """How a session stands that has logged on, or has not."""
    if example.get("apiKey"):
        await log_on(socket, example)
    return await socket.call("session.status")


async def log_out(socket: Socket, example: Any) -> Any:
    """The reply to a log-out."""
    await log_on(socket, example)
    return await socket.call("session.logout")


async def subscribe(socket: Socket, example: Any) -> Any:
    """A subscription of a session."""
    await log_on(socket, example)
    return await socket.call("userDataStream.subscribe")


async def subscriptions(socket: Socket, example: Any) -> Any:
    """All subscriptions of a connection."""
    await socket.signed("userDataStream.subscribe.signature")
    return await socket.call("session.subscriptions")


async def unsubscribe(socket: Socket, example: Any) -> Any:
    """The end of all subscriptions."""
    await socket.signed("userDataStream.subscribe.signature")
    return await socket.call("userDataStream.unsubscribe")


Scenario = Callable[[Socket, Any], Awaitable[Any]]
SCENARIOS: dict[str, Scenario] = {
    "ping": public("ping"),
    "time": public("time"),
    "exchangeInfo": public("exchangeInfo", symbols=[SYMBOL]),
    "depth": depth,
    "trades.recent": public("trades.recent", symbol=SYMBOL),
    "trades.aggregate": public("trades.aggregate", symbol=SYMBOL),
    "klines": public("klines", symbol=SYMBOL, interval="1m"),
    "avgPrice": public("avgPrice", symbol=SYMBOL),
    "ticker.24hr": public("ticker.24hr", symbol=SYMBOL),
    "uiKlines": public("uiKlines", symbol=SYMBOL, interval="1m"),
    "trades.historical": public("trades.historical", symbol=SYMBOL, fromId=0),
    "ticker": public("ticker", symbol=SYMBOL, windowSize="7d"),
    "ticker.tradingDay": public("ticker.tradingDay", symbol=SYMBOL),
    "ticker.price": public("ticker.price", symbol=SYMBOL),
    "ticker.book": public("ticker.book", symbol=SYMBOL),
    "session.logon": log_on,
    "session.status": session_status,
    "session.logout": log_out,
    "session.subscriptions": subscriptions,
    "userDataStream.subscribe": subscribe,
    "userDataStream.unsubscribe": unsubscribe,
    "userDataStream.subscribe.signature": signed("userDataStream.subscribe.signature"),
    "order.place": place_order,
    "order.test": check_order,
    "order.cancel": cancel_order,
    "order.cancelReplace": replace_order,
    "order.amend.keepPriority": amend_order,
    "openOrders.cancelAll": cancel_all,
    "orderList.place": old_pair,
    "orderList.place.oco": signed("orderList.place.oco", **PAIR),
    "orderList.place.oto": signed(
        "orderList.place.oto",
        **WORKING,
        pendingType="MARKET",
        pendingSide="SELL",
        pendingQuantity="0.01",
    ),
    "orderList.place.otoco": signed(
        "orderList.place.otoco",
        **WORKING,
        pendingSide="SELL",
        pendingQuantity="0.01",
        pendingAboveType="LIMIT_MAKER",
        pendingAbovePrice="60000",
        pendingBelowType="STOP_LOSS",
        pendingBelowStopPrice="40000",
    ),
    "orderList.cancel": cancel_order,
    "orderList.status": listed("orderList.status", by="id"),
    "openOrderLists.status": listed("openOrderLists.status"),
    "allOrderLists": listed("allOrderLists"),
    "account.status": signed("account.status"),
    "order.status": ordered("order.status", with_id=True, symbol=SYMBOL),
    "openOrders.status": ordered("openOrders.status", symbol=SYMBOL),
    "allOrders": ordered("allOrders", symbol=SYMBOL),
    "myTrades": signed("myTrades", symbol=SYMBOL),
    "account.rateLimits.orders": signed("account.rateLimits.orders"),
    "myPreventedMatches": prevented,
    "account.commission": signed("account.commission", symbol=SYMBOL),
    "order.amendments": amendments,
}
