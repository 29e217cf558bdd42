"""A scripted venue that lets a gateway start; what it does with orders is the test's."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.binance.scripted_venue import ScriptedVenue

ApiAnswer = Callable[[web.WebSocketResponse, dict[str, Any]], Awaitable[None]]

SYMBOL = {
    "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
    "orderTypes": ["LIMIT", "MARKET"],
    "filters": [{"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"}],
}  # fmt: skip


class OrderVenue(ScriptedVenue):
    """Answers the start of a gateway; what it does with orders is the test's."""

    def __init__(self) -> None:
        super().__init__()
        self.rest = self.answer_read
        self.api = self.answer_api
        self.on_order: ApiAnswer = self.accept
        self.open_orders: list[dict[str, Any]] = []
        self.rest_answers: dict[str, tuple[int, Any]] = {}
        self.tick_size = "0.01"
        self.symbol_status = "TRADING"
        self.rate_limits: list[dict[str, Any]] = []
        self.trades: list[dict[str, Any]] = []
        """The account's own trades, by id; `myTrades` gives them from `fromId` on."""
        self.orders: dict[int, dict[str, Any]] = {}
        """What `GET order` answers, by the venue's id."""
        self.names: dict[int, str] = {}
        """Client order ids of what was accepted, by the venue's id."""
        self.reading_gate = asyncio.Event()
        """While it is cleared, the account is not told."""
        self.reading_gate.set()

    @property
    def stream_socket(self) -> web.WebSocketResponse:
        """The socket on which the account's events were subscribed last."""
        return self.subscribed[-1]

    @property
    def subscribed(self) -> list[web.WebSocketResponse]:
        return self._subscribed

    async def start(self) -> None:
        self._subscribed: list[web.WebSocketResponse] = []
        await super().start()

    def forget(self) -> None:
        """Lets go of what was asked so far, and of the sockets that are closed."""
        for kept in (self.rest_requests, self.rest_headers, self.api_requests, self.api_headers):
            kept.clear()
        self.names.clear()
        for sockets in (self.api_sockets, self._subscribed):
            sockets[:] = [socket for socket in sockets if not socket.closed]

    async def answer_read(self, request: web.Request, body: str) -> web.StreamResponse:
        path = request.path.removeprefix("/api/v3/")
        symbol = json.loads(json.dumps(SYMBOL))
        symbol["filters"][0]["tickSize"] = self.tick_size
        symbol["status"] = self.symbol_status
        query = request.query
        if path == "account":
            await self.reading_gate.wait()
        plain: dict[str, Any] = {
            "time": {"serverTime": int(asyncio.get_running_loop().time() * 1000)},
            "exchangeInfo": {"symbols": [symbol], "rateLimits": self.rate_limits, "serverTime": 1},
            "account": {"balances": [{"asset": "USDT", "free": "10", "locked": "1"}]},
            "openOrders": self.open_orders,
            "myTrades": [
                trade for trade in self.trades if trade["id"] >= int(query.get("fromId", 0))
            ][: int(query.get("limit", 500))],
            "order": self.orders.get(int(query.get("orderId", 0))),
        }
        status, answer = self.rest_answers.get(f"{request.method} {path}", (200, plain.get(path)))
        if answer is None:
            status, answer = 400, {"code": -2013, "msg": "Order does not exist."}
        headers = {"Retry-After": "3"} if status in (418, 429) else None
        return web.json_response(answer, status=status, headers=headers)

    async def answer_api(self, socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        if request["method"] == "userDataStream.subscribe.signature":
            self._subscribed.append(socket)
            await self.reply(socket, request, {"subscriptionId": 0})
        else:
            await self.on_order(socket, request)

    async def reply(
        self, socket: web.WebSocketResponse, request: dict[str, Any], result: Any
    ) -> None:
        await socket.send_json({"id": request["id"], "status": 200, "result": result})

    async def refuse(
        self,
        socket: web.WebSocketResponse,
        request: dict[str, Any],
        status: int,
        code: int,
        text: str,
    ) -> None:
        error = {"code": code, "msg": text}
        await socket.send_json({"id": request["id"], "status": status, "error": error})

    def identify(self, params: dict[str, Any]) -> tuple[int, str]:
        """The venue's id and the client's of the order that a request is about; a new one gets the next id, from 7 on."""
        if "orderId" in params:
            order_id = int(params["orderId"])
            return order_id, self.names.get(order_id, "")
        name = params.get("newClientOrderId") or params.get("origClientOrderId", "")
        order_id = 7 + len(self.names)
        self.names[order_id] = name
        return order_id, name

    async def accept(self, socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        params = request["params"]
        order_id, name = self.identify(params)
        await self.reply(socket, request, {
            "symbol": "BTCUSDT", "orderId": order_id, "clientOrderId": name, "transactTime": 1700000000000,
            "origQty": params.get("quantity", "0"), "executedQty": "0", "cummulativeQuoteQty": "0",
            "status": "CANCELED" if "cancel" in request["method"] else "NEW",
            "timeInForce": "GTC", "type": "LIMIT", "side": "BUY", "price": "1", "fills": [],
        })  # fmt: skip

    async def push(self, *events: dict[str, Any]) -> None:
        """Events of the account, in one TCP segment."""
        for event in events:
            await self.stream_socket.send_json({"subscriptionId": 0, "event": event})


def own_trade(trade_id: int, order_id: int, quantity: str = "1") -> dict[str, Any]:
    """One element of `myTrades`."""
    return {
        "symbol": "BTCUSDT", "id": trade_id, "orderId": order_id, "price": "10", "qty": quantity, "quoteQty": "10",
        "commission": "0.001", "commissionAsset": "BNB", "time": 1700000000000 + trade_id, "isBuyer": True,
        "isMaker": True,
    }  # fmt: skip


def order_answer(name: str, order_id: int, status: str, executed: str = "0") -> dict[str, Any]:
    """One order as `GET order` tells it."""
    return {
        "symbol": "BTCUSDT", "orderId": order_id, "clientOrderId": name, "status": status, "side": "BUY",
        "type": "LIMIT", "timeInForce": "GTC", "origQty": "2", "executedQty": executed, "price": "10",
        "cummulativeQuoteQty": "10", "time": 1700000000000, "updateTime": 1700000000000,
    }  # fmt: skip


def report(name: str, kind: str, status: str, execution_id: int, **fields: Any) -> dict[str, Any]:
    """An execution report in the wire's letters."""
    return {
        "e": "executionReport", "E": 1700000000000, "s": "BTCUSDT", "c": name, "S": "BUY", "o": "MARKET",
        "f": "GTC", "q": "2.5", "p": "0", "x": kind, "X": status, "r": "NONE", "i": 7, "l": "0", "z": "0",
        "L": "0", "n": "0", "N": None, "T": 1700000000000, "t": -1, "I": execution_id, "w": False, "m": False,
        "O": 1700000000000, "Z": "0", "Y": "0", "Q": "0", "V": "NONE", "C": "", **fields,
    }  # fmt: skip
