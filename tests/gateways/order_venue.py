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

    async def answer_read(self, request: web.Request, body: str) -> web.StreamResponse:
        path = request.path.removeprefix("/api/v3/")
        symbol = json.loads(json.dumps(SYMBOL))
        symbol["filters"][0]["tickSize"] = self.tick_size
        plain: dict[str, Any] = {
            "time": {"serverTime": int(asyncio.get_running_loop().time() * 1000)},
            "exchangeInfo": {"symbols": [symbol], "rateLimits": [], "serverTime": 1},
            "account": {"balances": [{"asset": "USDT", "free": "10", "locked": "1"}]},
            "openOrders": self.open_orders,
        }
        status, answer = self.rest_answers.get(f"{request.method} {path}", (200, plain.get(path)))
        headers = {"Retry-After": "1"} if status in (418, 429) else None
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

    async def accept(self, socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        params = request["params"]
        name = params.get("newClientOrderId") or params.get("origClientOrderId", "")
        await self.reply(socket, request, {
            "symbol": "BTCUSDT", "orderId": 7, "clientOrderId": name, "transactTime": 1700000000000,
            "origQty": params.get("quantity", "0"), "executedQty": "0", "cummulativeQuoteQty": "0",
            "status": "CANCELED" if "cancel" in request["method"] else "NEW",
            "timeInForce": "GTC", "type": "LIMIT", "side": "BUY", "price": "1", "fills": [],
        })  # fmt: skip

    async def push(self, *events: dict[str, Any]) -> None:
        """Events of the account, in one TCP segment."""
        for event in events:
            await self.stream_socket.send_json({"subscriptionId": 0, "event": event})


def report(name: str, kind: str, status: str, execution_id: int, **fields: Any) -> dict[str, Any]:
    """An execution report in the wire's letters."""
    return {
        "e": "executionReport", "E": 1700000000000, "s": "BTCUSDT", "c": name, "S": "BUY", "o": "MARKET",
        "f": "GTC", "q": "2.5", "p": "0", "x": kind, "X": status, "r": "NONE", "i": 7, "l": "0", "z": "0",
        "L": "0", "n": "0", "N": None, "T": 1700000000000, "t": -1, "I": execution_id, "w": False, "m": False,
        "O": 1700000000000, "Z": "0", "Y": "0", "Q": "0", "V": "NONE", "C": "", **fields,
    }  # fmt: skip
