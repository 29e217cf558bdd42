"""What each request weighs, and what counts as an order: each with the line of rest-api.md (version of 2026-07-21)."""

import dataclasses
from typing import Any

import pytest

from actors.exchange.configuration import STILL, ExchangeConfiguration
from actors.exchange.limits import DEFAULT_LIMITS
from tests.exchange.server.client import Rest, World, room_in_minute, running
from tests.exchange.server.conformance import LIMIT, OCO, SYMBOL

ONE = {"symbol": SYMBOL}
BOTH = {"symbols": f'["{SYMBOL}","ETHUSDT"]'}
KLINES = {**ONE, "interval": "1m"}
PUBLIC: list[tuple[int, str, dict[str, Any], int]] = [
    (737, "ping", {}, 1),
    (757, "time", {}, 1),
    (781, "exchangeInfo", {}, 20),
    (781, "exchangeInfo", ONE, 20),
    (888, "executionRules", ONE, 2),
    (889, "executionRules", BOTH, 4),
    (890, "executionRules", {"symbolStatus": "TRADING"}, 40),
    (891, "executionRules", {}, 40),
    (938, "depth", ONE, 5),
    (938, "depth", {**ONE, "limit": 1}, 5),
    (938, "depth", {**ONE, "limit": 100}, 5),
    (939, "depth", {**ONE, "limit": 101}, 25),
    (939, "depth", {**ONE, "limit": 500}, 25),
    (940, "depth", {**ONE, "limit": 501}, 50),
    (940, "depth", {**ONE, "limit": 1000}, 50),
    (941, "depth", {**ONE, "limit": 1001}, 250),
    (941, "depth", {**ONE, "limit": 9999}, 250),
    (976, "trades", ONE, 25),
    (1010, "historicalTrades", ONE, 25),
    (1047, "historicalBlockTrades", {**ONE, "fromId": 1}, 25),
    (1082, "aggTrades", ONE, 4),
    (1123, "klines", {**KLINES, "limit": 1000}, 2),
    (1190, "uiKlines", KLINES, 2),
    (1241, "avgPrice", ONE, 2),
    (1282, "ticker/24hr", ONE, 2),
    (1286, "ticker/24hr", {}, 80),
    (1291, "ticker/24hr", BOTH, 2),
    (1473, "ticker/tradingDay", ONE, 4),
    (1473, "ticker/tradingDay", BOTH, 8),
    (1664, "ticker/price", ONE, 2),
    (1668, "ticker/price", {}, 4),
    (1673, "ticker/price", BOTH, 4),
    (1759, "ticker/bookTicker", ONE, 2),
    (1763, "ticker/bookTicker", {}, 4),
    (1768, "ticker/bookTicker", BOTH, 4),
    (1860, "ticker", {**ONE, "windowSize": "7d"}, 4),
    (1860, "ticker", BOTH, 8),
    (2034, "referencePrice", ONE, 2),
    (2083, "referencePrice/calculation", ONE, 2),
]
SIGNED: list[tuple[int, str, str, dict[str, Any], int]] = [
    (2331, "POST", "order/test", LIMIT, 1),
    (2332, "POST", "order/test", LIMIT | {"computeCommissionRates": "true"}, 20),
    (4181, "GET", "account", {}, 20),
    (4239, "GET", "order", {**ONE, "origClientOrderId": "open-1"}, 4),
    (4294, "GET", "openOrders", ONE, 6),
    (4294, "GET", "openOrders", {}, 80),
    (4346, "GET", "allOrders", ONE, 20),
    (4408, "GET", "orderList", {"orderListId": 1}, 4),
    (4458, "GET", "allOrderList", {}, 20),
    (4530, "GET", "openOrderList", {}, 6),
    (4580, "GET", "myTrades", ONE, 20),
    (4581, "GET", "myTrades", {**ONE, "orderId": 1}, 5),
    (4642, "GET", "rateLimit/order", {}, 40),
    (4707, "GET", "myPreventedMatches", {**ONE, "preventedMatchId": 1}, 2),
    (4708, "GET", "myPreventedMatches", {**ONE, "orderId": 1}, 20),
    (4742, "GET", "myAllocations", ONE, 20),
    (4807, "GET", "account/commission", ONE, 20),
    (4859, "GET", "order/amendments", {**ONE, "orderId": 1}, 4),
    (4913, "GET", "myFilters", ONE, 40),
    # What succeeds is free (CHANGELOG 2026-03-27), what fails costs its weight.
    (2137, "POST", "order", LIMIT, 0),
    (2137, "POST", "order", LIMIT | {"price": "0.001"}, 1),
    (2387, "DELETE", "order", {**ONE, "origClientOrderId": "open-1"}, 0),
    (2387, "DELETE", "order", {**ONE, "orderId": 999}, 1),
    (2461, "DELETE", "openOrders", ONE, 0),
    (2461, "DELETE", "openOrders", {"symbol": "ETHUSDT"}, 1),
    (3948, "DELETE", "orderList", {**ONE, "orderListId": 9}, 1),
    (3006, "PUT", "order/amend/keepPriority", {**ONE, "orderId": 999, "newQty": "1"}, 4),
]


async def weight_of(rest: Rest, before: int, answer: Any) -> tuple[int, int]:
    """The weight used so far, and what of it is an answer's."""
    now = int(answer.headers["X-MBX-USED-WEIGHT-1M"])
    return now, now - before


@pytest.mark.asyncio
async def test_every_weight(still_world: World) -> None:
    await room_in_minute()
    rest = still_world.rest()
    await rest.place("BUY", "0.01", "40000", newClientOrderId="open-1")
    wrong = []
    before = int((await rest.get("ping")).headers["X-MBX-USED-WEIGHT-1M"])
    requests = [("get", *one) for one in PUBLIC]
    for verb, line, path, sent, expected in requests:
        before, weight = await weight_of(rest, before, await rest.get(path, **sent))
        if weight != expected:
            wrong.append((verb, line, path, sent, weight, expected))
    for line, verb, path, sent, expected in SIGNED:
        before, weight = await weight_of(rest, before, await rest.signed(verb, path, **sent))
        if weight != expected:
            wrong.append((verb, line, path, sent, weight, expected))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.asyncio
async def test_an_order_that_was_not_attempted_counts(still_world: World) -> None:
    """rest-api.md:2586: it "will still increase the unfilled order count by 1"."""
    rest = still_world.rest()
    for mode, status, count in (("STOP_ON_FAILURE", 400, 1), ("ALLOW_FAILURE", 409, 2)):
        answer = await rest.signed(
            "POST", "order/cancelReplace", **LIMIT, cancelReplaceMode=mode, cancelOrderId=999
        )
        assert answer.status == status
        limits = (await rest.signed("GET", "rateLimit/order")).json
        assert limits[1]["count"] == count


BRACKET = {
    "symbol": SYMBOL,
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "30000",
    "workingQuantity": "0.01",
    "workingTimeInForce": "GTC",
    "pendingSide": "SELL",
    "pendingQuantity": "0.01",
    "pendingAboveType": "LIMIT_MAKER",
    "pendingAbovePrice": "60000",
    "pendingBelowType": "STOP_LOSS",
    "pendingBelowStopPrice": "20000",
}


@pytest.mark.asyncio
async def test_a_list_counts_whole_before_it_is_placed() -> None:
    """faqs/order_count_decrement.md: at most as many as the limit says; an OTOCO is three (rest-api.md:3514)."""
    four = [
        dataclasses.replace(one, limit=4) if one.kind == "ORDERS" and one.interval == "DAY" else one
        for one in DEFAULT_LIMITS
    ]
    async with running(ExchangeConfiguration(market=STILL, limits=tuple(four))) as world:
        rest = world.rest()
        for _ in range(2):
            await rest.place("BUY", "0.01", "30000")
        refused = await rest.signed("POST", "orderList/otoco", **BRACKET)
        assert refused.error[:2] == (429, -1015)
        oco = await rest.signed("POST", "orderList/oco", **OCO)
        assert (oco.status, oco.headers["X-MBX-ORDER-COUNT-1D"]) == (200, "4")
        assert (await rest.place("BUY", "0.01", "30000")).error[:2] == (429, -1015)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "sent", "count"),
    [
        ("order", LIMIT, 1),
        ("orderList/oco", OCO, 2),
        ("orderList/otoco", BRACKET, 3),
    ],
)
async def test_how_many_orders_a_request_counts(
    still_world: World, path: str, sent: dict[str, str], count: int
) -> None:
    """rest-api.md:2140, 3246, 3514: Unfilled Order Count."""
    rest = still_world.rest()
    answer = await rest.signed("POST", path, **sent)
    assert answer.status == 200, answer.text
    for suffix in ("10S", "1D"):
        assert answer.headers[f"X-MBX-ORDER-COUNT-{suffix}"] == str(count)
