"""Every JSON example that Binance prints in its Spot documentation, against this exchange: names, their order, and types.

Each of the examples is asked of the running exchange, or named in `NOT_COMPARED` with the reason why not.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from actors.exchange.methods import METHODS
from tests.exchange.server.client import Rest, Socket, World
from tests.exchange.server.documented import (
    REPLIES,
    SCENARIOS,
    SYMBOL,
    rest_order,
    rows,
    shape,
    trade,
)
from tests.exchange.server.documented_events import EVENTS
from tests.exchange.server.documented_refusals import OTHER_ORDER_LINE, REFUSALS

OPO = "the symbols say opoAllowed: false"
SOR = "no symbol here takes part in smart order routing"
NO_REFERENCE = "no symbol here has a reference price; what is said then is compared"
NO_RULES = "no symbol here has execution rules: the list is empty"
NO_BLOCKS = "there are no block trades here: the list is empty"
OLD_ORDER = "an order as rest-api.md has it, in an older form; prevention itself is in core/test_self_trade.py"
AS_FILTER = (
    "the symbols here do not have this filter (filters.md: not every symbol has every filter)"
)
NOT_COMPARED_METHODS = {
    "executionRules": NO_RULES,
    "blockTrades.historical": NO_BLOCKS,
    "referencePrice": NO_REFERENCE,
    "referencePrice.calculation": NO_REFERENCE,
    "orderList.place.opo": OPO,
    "orderList.place.opoco": OPO,
    "sor.order.place": SOR,
    "sor.order.test": SOR,
    "myAllocations": SOR,
    "myFilters": "compared below by REST, but for the filters that no symbol here has",
}
NOT_COMPARED = {
    ("rest-api.md", 909): NO_RULES,
    ("rest-api.md", 1063): NO_BLOCKS,
    **{("rest-api.md", line): NO_REFERENCE for line in (2049, 2059, 2108, 2119)},
    **{("rest-api.md", line): OPO for line in (3730, 3855)},
    **{("rest-api.md", line): SOR for line in (4079, 4145, 4152, 4777)},
    ("rest-api.md", 4929): "exchange and asset filters: there are none here; the keys are compared",
    ("web-socket-api.md", 530): "an empty list and its envelope, as in the example of openOrders",
    ("web-socket-api.md", 2768): "a part of the ticker example, which is compared",
    ("web-socket-streams.md", 221): NO_REFERENCE,
    ("web-socket-streams.md", 283): NO_BLOCKS,
    (
        "web-socket-streams.md",
        371,
    ): "in the form of the klines of UTC, which are compared; its times: core/test_zoned_klines.py",
    ("user-data-stream.md", 61): "nothing is paid in or out",
    ("user-data-stream.md", 351): "nothing locks funds from outside",
    **{("filters.md", line): AS_FILTER for line in (73, 149, 247, 266, 337, 349, 360, 373, 394)},
    ("web-socket-api.md", 1322): "server/test_ws_api.py revokes a key and has the same words",
    (
        "faqs/stp_faq.md",
        134,
    ): "every symbol allows every mode; core/test_self_trade.py has the words",
    ("faqs/market_orders_faq.md", 61): "no valid JSON; executionReport is in user-data-stream.md",
    **{
        ("faqs/stp_faq.md", line): OLD_ORDER
        for line in (
            *(67, 90, 160, 187, 229, 258, 286, 315, 368, 395, 421, 448, 487, 516, 558, 584, 626),
            *(654, 694, 723, 756, 775, 801, 830, 868, 887),
        )
    },
}
MOST_NOT_COMPARED = 75

REST_METHODS = {
    747: "ping",
    767: "time",
    956: "depth",
    990: "trades.recent",
    1025: "trades.historical",
    1101: "trades.aggregate",
    1163: "klines",
    1216: "uiKlines",
    1254: "avgPrice",
    **dict.fromkeys((1356, 1382, 1412, 1431), "ticker.24hr"),
    **dict.fromkeys((1528, 1550, 1593, 1612), "ticker.tradingDay"),
    **dict.fromkeys((1909, 1932, 1975, 1996), "ticker"),
    **dict.fromkeys((1720, 1727), "ticker.price"),
    **dict.fromkeys((1816, 1826), "ticker.book"),
    **dict.fromkeys((2205, 2216, 2238), "order.place"),
    **dict.fromkeys((2352, 2358), "order.test"),
    2410: "order.cancel",
    2476: "openOrders.cancelAll",
    3030: "order.amend.keepPriority",
    3161: "orderList.place",
    3293: "orderList.place.oco",
    3433: "orderList.place.oto",
    3588: "orderList.place.otoco",
    3971: "orderList.cancel",
    4196: "account.status",
    4261: "order.status",
    4311: "openOrders.status",
    4371: "allOrders",
    4425: "orderList.status",
    4477: "allOrderLists",
    4545: "openOrderLists.status",
    4615: "myTrades",
    4657: "account.rateLimits.orders",
    4717: "myPreventedMatches",
    4821: "account.commission",
    4879: "order.amendments",
}
"""What the examples of rest-api.md are answers to, by their line."""
OTHER_ORDER_OF_REST = (4311, 4371)
"""These have origQuoteOrderQty before workingTime; Query order and web-socket-api.md after it."""
OF_A_LIST = 3058
"""The example of an amended order that belongs to a list."""
EXCHANGE_INFORMATION = 813
FILTERS = {
    52: "PRICE_FILTER",
    100: "PERCENT_PRICE_BY_SIDE",
    126: "LOT_SIZE",
    173: "NOTIONAL",
    188: "ICEBERG_PARTS",
    209: "MARKET_LOT_SIZE",
    223: "MAX_NUM_ORDERS",
    235: "MAX_NUM_ALGO_ORDERS",
    292: "TRAILING_DELTA",
    310: "MAX_NUM_ORDER_AMENDS",
    323: "MAX_NUM_ORDER_LISTS",
}
MARKET_ORDER = 23
PREVENTION_OF_A_SYMBOL = 121
EXAMPLES = {(row["file"], row["line"]): row for row in rows()}


class RestAsSocket(Socket):
    """The REST API, spoken to by the method names of the WebSocket API."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest
        self.methods = {method.name: method for method in METHODS}

    async def call(self, method: str, **parameters: Any) -> Any:
        """An unsigned request."""
        names = {name: self.as_query(value) for name, value in parameters.items()}
        answer = await self.rest.get(self.path(method), **names)
        return {"status": answer.status, "result": answer.json}

    async def signed(self, method: str, **parameters: Any) -> Any:
        """A signed request."""
        names = {name: self.as_query(value) for name, value in parameters.items()}
        verb = self.methods[method].verb
        answer = await self.rest.signed(verb, self.path(method), **names)
        return {"status": answer.status, "result": answer.json}

    def path(self, method: str) -> str:
        """Where a method lives, below /api/v3."""
        return self.methods[method].path.removeprefix("/api/v3/")

    def as_query(self, value: Any) -> str:
        """A JSON value as a query has it."""
        if isinstance(value, list):
            return "[" + ",".join(f'"{one}"' for one in value) + "]"
        return str(value).lower() if isinstance(value, bool) else str(value)


def compared() -> set[tuple[str, int]]:
    """The examples that a test here compares."""
    requests = {
        key
        for key, row in EXAMPLES.items()
        if isinstance(row["value"], dict)
        and "method" in row["value"]
        and key[0] == "web-socket-api.md"
    }
    return (
        requests
        | {("web-socket-api.md", line) for line, method, _ in REPLIES if method in SCENARIOS}
        | {("rest-api.md", line) for line in (*REST_METHODS, OF_A_LIST, EXCHANGE_INFORMATION)}
        | {("filters.md", line) for line in FILTERS}
        | {("faqs/market_orders_faq.md", MARKET_ORDER), ("faqs/stp_faq.md", PREVENTION_OF_A_SYMBOL)}
        | EVENTS.keys()
        | REFUSALS.keys()
        | {("web-socket-api.md", line) for line in ENVELOPES}
    )


def test_every_example_is_compared_or_named_with_a_reason() -> None:
    named = NOT_COMPARED.keys() | {
        ("web-socket-api.md", line) for line, method, _ in REPLIES if method in NOT_COMPARED_METHODS
    }
    assert len(EXAMPLES) == 324
    assert named | compared() == EXAMPLES.keys()
    assert not named & compared()
    assert len(named) <= MOST_NOT_COMPARED


def test_every_documented_method_is_known_or_named() -> None:
    asked = {
        row["value"]["method"].removeprefix("v3/")
        for (file, _), row in EXAMPLES.items()
        if file == "web-socket-api.md"
        and isinstance(row["value"], dict)
        and "method" in row["value"]
    }
    unknown = asked - {method.name for method in METHODS}
    assert unknown == {"sor.order.place", "sor.order.test"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("line", "method", "example"),
    [pytest.param(*one, id=f"{one[1]}-{one[0]}") for one in REPLIES if one[1] in SCENARIOS],
)
async def test_a_websocket_reply(still_world: World, line: int, method: str, example: Any) -> None:
    async with still_world.api(number=1) as socket:
        await trade(socket)
        reply = await SCENARIOS[method](socket, example)
        assert reply["status"] == 200, reply
        assert shape(reply["result"], line) == shape(example, line), f"web-socket-api.md:{line}"


@pytest.mark.asyncio
@pytest.mark.parametrize("line", REST_METHODS, ids=lambda line: f"{REST_METHODS[line]}-{line}")
async def test_a_rest_answer(still_world: World, line: int) -> None:
    example = EXAMPLES["rest-api.md", line]["value"]
    rest = RestAsSocket(still_world.rest())
    await trade(rest)
    answer = await SCENARIOS[REST_METHODS[line]](rest, example)
    assert answer["status"] == 200, answer
    order = OTHER_ORDER_LINE if line in OTHER_ORDER_OF_REST else 0
    assert shape(answer["result"], order) == shape(example, order), f"rest-api.md:{line}"


@pytest.mark.asyncio
async def test_an_amended_order_of_a_list(still_world: World) -> None:
    async with still_world.api(number=1) as socket:
        placed = await socket.signed(
            "orderList.place.oto",
            symbol=SYMBOL,
            workingType="LIMIT",
            workingSide="BUY",
            workingPrice="40000",
            workingQuantity="0.02",
            workingTimeInForce="GTC",
            pendingType="MARKET",
            pendingSide="SELL",
            pendingQuantity="0.02",
        )
        number = placed["result"]["orders"][1]["orderId"]
        reply = await socket.signed(
            "order.amend.keepPriority", symbol=SYMBOL, orderId=number, newQty="0.01"
        )
    example = EXAMPLES["rest-api.md", OF_A_LIST]["value"]
    for name in ("amendedOrder", "listStatus"):
        assert shape(reply["result"][name], 0) == shape(example[name], 0)


@pytest.mark.asyncio
async def test_the_exchange_information_and_filters(still_world: World) -> None:
    answer = (await still_world.rest().get("exchangeInfo", symbol=SYMBOL)).json
    example = EXAMPLES["rest-api.md", EXCHANGE_INFORMATION]["value"]
    assert [name for name in example if name != "sors"] == list(answer)
    assert list(example["symbols"][0]) == list(answer["symbols"][0])
    filters = {one["filterType"]: one for one in answer["symbols"][0]["filters"]}
    for line, name in FILTERS.items():
        assert shape(filters[name], 0) == shape(EXAMPLES["filters.md", line]["value"], 0)
    prevention = EXAMPLES["faqs/stp_faq.md", PREVENTION_OF_A_SYMBOL]["value"]
    for name in prevention:
        assert shape(answer["symbols"][0][name], 0) == shape(prevention[name], 0)
    own = (await still_world.rest().signed("GET", "myFilters", symbol=SYMBOL)).json
    assert list(own) == list(EXAMPLES["rest-api.md", 4929]["value"])


@pytest.mark.asyncio
async def test_the_answer_to_a_market_order(still_world: World) -> None:
    rest = still_world.rest()
    await rest.place("SELL", "0.01", "50000")
    terms = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    answer = await rest.signed("POST", "order", **terms)
    example = EXAMPLES["faqs/market_orders_faq.md", MARKET_ORDER]["value"]
    # Here `fills` comes before selfTradePreventionMode, in rest-api.md after it.
    other = shape(example, OTHER_ORDER_LINE), shape(answer.json, OTHER_ORDER_LINE)
    assert [one for one in other[1] if one[0] in example] == other[0]


async def place(socket: Socket) -> Any:
    """A reply with the counts of orders."""
    await rest_order(socket)
    return await socket.place("BUY", "0.01", "30000")


async def ask_the_time(socket: Socket) -> Any:
    """A reply with the weight used."""
    return await socket.call("time")


async def ask_briefly(socket: Socket) -> Any:
    """A reply without limits."""
    return await socket.call("time", returnRateLimits=False)


ENVELOPES: dict[int, Callable[[Socket], Awaitable[Any]]] = {
    180: place,
    585: place,
    405: ask_the_time,
    468: ask_the_time,
    491: ask_briefly,
}
"""Whole replies with their limits, by their line in web-socket-api.md."""


@pytest.mark.asyncio
@pytest.mark.parametrize("line", ENVELOPES)
async def test_an_envelope(still_world: World, line: int) -> None:
    async with still_world.api(number=1) as socket:
        reply = await ENVELOPES[line](socket)
    example = EXAMPLES["web-socket-api.md", line]["value"]
    assert list(reply) == list(example)
    if "rateLimits" in example:
        assert [list(one) for one in reply["rateLimits"]] == [
            list(one) for one in example["rateLimits"]
        ]
        assert shape(reply["rateLimits"][0], 0) == shape(example["rateLimits"][0], 0)
