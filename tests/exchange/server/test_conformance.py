"""The exchange answers each documented rule as Binance does: HTTP status, code, message; and what it leaves out is named."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from actors.exchange.methods import METHODS
from tests.exchange.server.client import World
from tests.exchange.server.conformance import LIMIT, MAKER, MARKET, OCO, STOP, SYMBOL, Case
from tests.exchange.server.conformance_engine import ENGINE, LISTS, PRECEDENCE, SIGNATURES
from tests.exchange.server.conformance_features import ICEBERGS, LIST_NAMES, OPO, PEGS
from tests.exchange.server.conformance_orders import FILTERS, TYPES
from tests.exchange.server.conformance_public import PUBLIC
from tests.exchange.server.conformance_queries import QUERIES

CASES = [
    *PUBLIC,
    *TYPES,
    *FILTERS,
    *ENGINE,
    *LISTS,
    *SIGNATURES,
    *PRECEDENCE,
    *QUERIES,
    *ICEBERGS,
    *PEGS,
    *LIST_NAMES,
    *OPO,
]


@pytest_asyncio.fixture
async def traded_world(still_world: World) -> AsyncIterator[World]:
    """An exchange on which something has happened."""
    rest, other = still_world.rest(), still_world.rest(account=1)
    await rest.place("SELL", "0.01", "50000", newClientOrderId="done-1")
    await other.place("BUY", "0.01", "50000")
    await rest.place("BUY", "0.01", "40000", newClientOrderId="open-1")
    await rest.place("BUY", "0.01", "39000", newClientOrderId="gone-1")
    await rest.signed("DELETE", "order", symbol=SYMBOL, origClientOrderId="gone-1")
    yield still_world


@pytest.mark.asyncio
async def test_every_case(traded_world: World) -> None:
    rest = traded_world.rest()
    wrong = []
    for case in CASES:
        sent = {name: value for name, value in case.sent.items() if value is not None}
        if case.verb == "get":
            answer = await rest.get(case.path, **sent)
        else:
            answer = await rest.signed(case.verb, case.path, **sent)
        found = answer.error if answer.status != 200 else (200, 0, answer.text)
        if found != (case.status, case.code, case.message):
            wrong.append((case, found))
    assert not wrong, "\n".join(describe(*one) for one in wrong)


def describe(case: Case, found: tuple[int, int, str]) -> str:
    """One line about a case that failed."""
    return f"{case.source} {case.verb} {case.path} {case.sent}: {found}, not {case[4:]}"


ACCEPTED = {
    "LIMIT GTC": (LIMIT, "NEW"),
    "LIMIT IOC": (LIMIT | {"timeInForce": "IOC"}, "EXPIRED"),
    "LIMIT FOK": (LIMIT | {"timeInForce": "FOK"}, "EXPIRED"),
    "LIMIT_MAKER": (MAKER, "NEW"),
    "MARKET": (MARKET | {"side": "SELL"}, "FILLED"),
    "MARKET by amount": (
        {"symbol": SYMBOL, "side": "SELL", "type": "MARKET", "quoteOrderQty": "100"},
        "FILLED",
    ),
    "STOP_LOSS": (STOP, "NEW"),
    "STOP_LOSS_LIMIT": (
        STOP | {"type": "STOP_LOSS_LIMIT", "timeInForce": "GTC", "price": "44900"},
        "NEW",
    ),
    "TAKE_PROFIT": (STOP | {"type": "TAKE_PROFIT", "stopPrice": "55000"}, "NEW"),
    "TAKE_PROFIT_LIMIT": (
        STOP
        | {
            "type": "TAKE_PROFIT_LIMIT",
            "timeInForce": "GTC",
            "price": "55100",
            "stopPrice": "55000",
        },
        "NEW",
    ),
    "trailing": (
        {
            "symbol": SYMBOL,
            "side": "SELL",
            "type": "STOP_LOSS",
            "quantity": "0.01",
            "trailingDelta": "100",
        },
        "NEW",
    ),
}
"""Every order type and time in force (rest-api.md:2170, enums.md), and how it stands on a book with a bid at 40000."""


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ACCEPTED)
async def test_every_order_type_and_time_in_force(traded_world: World, name: str) -> None:
    terms, status = ACCEPTED[name]
    rest = traded_world.rest()
    answer = await rest.signed("POST", "order", newOrderRespType="RESULT", **terms)
    assert answer.status == 200, answer.text
    assert answer.json["status"] == status
    assert (await rest.signed("POST", "order/test", **terms)).text == "{}"


LEFT_OUT = {
    "sor/order",
    "sor/order/test",
}
"""Endpoints of rest-api.md that are answered as unknown, as the chapter says."""
ENDPOINTS = {
    "ping",
    "time",
    "exchangeInfo",
    "executionRules",
    "depth",
    "trades",
    "historicalTrades",
    "historicalBlockTrades",
    "aggTrades",
    "klines",
    "uiKlines",
    "avgPrice",
    "ticker/24hr",
    "ticker/tradingDay",
    "ticker/price",
    "ticker/bookTicker",
    "ticker",
    "referencePrice",
    "referencePrice/calculation",
    "order",
    "order/test",
    "openOrders",
    "order/cancelReplace",
    "order/amend/keepPriority",
    "orderList/oco",
    "orderList/oto",
    "orderList/otoco",
    "orderList/opo",
    "orderList/opoco",
    "orderList",
    "order/oco",
    "sor/order",
    "sor/order/test",
    "account",
    "allOrders",
    "allOrderList",
    "openOrderList",
    "myTrades",
    "rateLimit/order",
    "myPreventedMatches",
    "myAllocations",
    "account/commission",
    "order/amendments",
    "myFilters",
}
"""Every path of rest-api.md, below /api/v3."""


def test_every_endpoint_is_there_or_named() -> None:
    paths = {method.path.removeprefix("/api/v3/") for method in METHODS if method.path}
    assert paths == ENDPOINTS - LEFT_OUT


@pytest.mark.asyncio
@pytest.mark.parametrize("path", sorted(LEFT_OUT))
async def test_what_is_left_out_is_unknown(still_world: World, path: str) -> None:
    assert (await still_world.rest().signed("POST", path)).status == 404


@pytest.mark.asyncio
async def test_lists_that_are_open_are_counted_as_exchange_info_says(still_world: World) -> None:
    """filters.md:316 and 229: 20 lists of a symbol, but 5 stop orders, of which each pair has one."""
    filters = (await still_world.rest().get("exchangeInfo", symbol=SYMBOL)).json["symbols"][0]
    found = {one["filterType"]: one for one in filters["filters"]}
    assert found["MAX_NUM_ORDER_LISTS"]["maxNumOrderLists"] == 20
    most = found["MAX_NUM_ALGO_ORDERS"]["maxNumAlgoOrders"]
    rest = still_world.rest()
    for _ in range(most):
        assert (await rest.signed("POST", "orderList/oco", **OCO)).status == 200
    refused = await rest.signed("POST", "orderList/oco", **OCO)
    assert refused.error == (400, -1013, "Filter failure: MAX_NUM_ALGO_ORDERS")
    working = {
        "workingType": "LIMIT",
        "workingSide": "BUY",
        "workingPrice": "40000",
        "workingQuantity": "0.01",
        "workingTimeInForce": "GTC",
    }
    pending = {"pendingType": "MARKET", "pendingSide": "SELL", "pendingQuantity": "0.01"}
    for _ in range(20 - most):
        answer = await rest.signed("POST", "orderList/oto", symbol=SYMBOL, **working, **pending)
        assert answer.status == 200, answer.text
    refused = await rest.signed("POST", "orderList/oto", symbol=SYMBOL, **working, **pending)
    assert refused.error == (400, -1013, "Filter failure: MAX_NUM_ORDER_LISTS")
