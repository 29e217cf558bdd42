"""What a client's script says that it saw, held against the exchange's own state."""

import json
from typing import Any

import aiohttp

from actors.exchange.signing import KeyKind, KeyPair
from tests.exchange.server.client import Rest

ENDS = ["CANCELED", "CANCELED", "FILLED"]
"""What becomes of a script's orders, where clients.toml says nothing else: one replaced (or changed), the one in its place
canceled, one filled."""
LAST_EVENTS = {"CANCELED": "CANCELED", "FILLED": "TRADE"}


async def truth(first: dict[str, str], orders: list[Any]) -> dict[str, Any]:
    """What the exchange itself says of these orders, the balances and the trades."""
    pair = KeyPair(first["api_key"], first["api_secret"], KeyKind.HMAC)
    async with aiohttp.ClientSession() as session:
        rest = Rest(session, first["rest"], pair)
        found = [
            (await rest.signed("GET", "order", symbol="BTCUSDT", orderId=order[0])).json
            for order in orders
        ]
        account = (await rest.signed("GET", "account")).json
        trades = (await rest.signed("GET", "myTrades", symbol="BTCUSDT")).json
    return {
        "orders": [
            [each.get(name) for name in ("orderId", "status", "executedQty")] for each in found
        ],
        "balances": {each["asset"]: [each["free"], each["locked"]] for each in account["balances"]},
        "trades": [each["id"] for each in trades],
        "events": sorted(
            [each["orderId"], kind]
            for each in found
            if "orderId" in each
            for kind in ("NEW", LAST_EVENTS.get(each["status"], each["status"]))
        ),
    }


async def judge(first: dict[str, str], client: dict[str, Any], told: str) -> list[str]:
    """How a script's account of what it saw differs from the exchange's state."""
    try:
        seen = json.loads(told)
        orders = [(number, status, executed) for number, status, executed in seen["orders"]]
    except (ValueError, KeyError, TypeError):
        return [f"its script printed no account of itself: {told}"]
    numbers = {order[0] for order in orders}
    seen["events"] = [event for event in seen.get("events", []) if event[0] in numbers]
    expected = await truth(first, orders)
    if not client.get("user_stream", True):
        expected["events"] = []
    found = [
        f"{name}: saw {seen.get(name)}, is {value}"
        for name, value in expected.items()
        if seen.get(name) != value
    ]
    if [order[1] for order in orders] != client.get("ends", ENDS):
        found.append(f"orders ended as {orders}")
    streams = seen.get("streams", [])
    if len(streams) < 2 or not all(streams):
        found.append(f"of market data it saw {streams} before and after the connection was reset")
    return found
