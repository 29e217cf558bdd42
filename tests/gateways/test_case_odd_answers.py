"""Answers that are well formed and odd: of another order, with news in places nobody knows, from a clock that stands still."""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from actors.gateways.binance import BinanceGateway
from messages.account import AccountSnapshot, Balance
from messages.instruments import Instrument
from tests.gateways.conftest import Floor, Keys
from tests.gateways.order_venue import SYMBOL, OrderVenue, report

ACKNOWLEDGED = {"symbol": "BTCUSDT", "orderId": 7, "clientOrderId": "a", "transactTime": 1}
LOT = {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "9"}


@pytest_asyncio.fixture
async def venue() -> AsyncIterator[OrderVenue]:
    made = OrderVenue()
    await made.start()
    yield made
    await made.stop()


async def open_gateway(
    venue: OrderVenue, open_floor: Callable[..., Any], **arguments: Any
) -> Floor:
    """A floor whose gateway has told the account."""
    given = {"endpoints": venue.endpoints, "keys": Keys(), "request_timeout_s": 2.0, **arguments}
    floor: Floor = await open_floor(BinanceGateway, given)
    await floor.until_ready()
    return floor


@pytest.mark.parametrize("entry", ["websocket", "rest"])
@pytest.mark.parametrize(
    "fields", [{"clientOrderId": "b"}, {"clientOrderId": ""}, {"symbol": "ETHUSDT"}]
)
@pytest.mark.asyncio
async def test_an_answer_about_another_order_leaves_this_one_unknown(
    entry: str, fields: dict[str, Any], venue: OrderVenue, open_floor: Callable[..., Any]
) -> None:
    async def answer_wrongly(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await venue.reply(socket, request, ACKNOWLEDGED | fields)

    venue.on_order = answer_wrongly
    venue.rest_answers["POST order"] = (200, ACKNOWLEDGED | fields)
    floor = await open_gateway(venue, open_floor, order_entry=entry)
    floor.place("a")
    await floor.until(lambda: floor.orders("a"))
    assert floor.statuses("a") == ["UNKNOWN"]
    assert not floor.orders("b")


@pytest.mark.parametrize("entry", ["websocket", "rest"])
@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"code": "-2010", "msg": "no"}, "REJECTED"),
        ({"code": "nonsense", "msg": "no"}, "UNKNOWN"),
        ({"code": None, "msg": None}, "UNKNOWN"),
        ({"code": 1.5, "msg": ["no"]}, "UNKNOWN"),
    ],
)
@pytest.mark.asyncio
async def test_a_refusal_whose_code_is_no_number_is_answered_at_once(
    entry: str,
    error: dict[str, Any],
    status: str,
    venue: OrderVenue,
    open_floor: Callable[..., Any],
) -> None:
    async def answer_oddly(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await socket.send_json({"id": request["id"], "status": 400, "error": error})

    venue.on_order = answer_oddly
    venue.rest_answers["POST order"] = (400, error)
    floor = await open_gateway(venue, open_floor, order_entry=entry, request_timeout_s=60.0)
    floor.place("a")
    await floor.until(lambda: floor.orders("a"), timeout_s=20.0)
    assert floor.statuses("a") == [status]


@pytest.mark.parametrize(
    "reply",
    [
        {"status": "400", "error": {"code": -2010, "msg": "no"}},
        {"status": None, "error": {"code": "-2010", "msg": "no"}},
        {"status": 400, "error": "no"},
        {"status": 400, "error": {}},
        {"status": 400, "error": None},
        {"status": {}, "error": [], "rateLimits": 5},
    ],
)
@pytest.mark.asyncio
async def test_a_reply_of_no_known_form_is_answered_at_once_and_proves_nothing(
    reply: dict[str, Any], venue: OrderVenue, open_floor: Callable[..., Any]
) -> None:
    async def answer_oddly(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await socket.send_json({"id": request["id"], **reply})

    venue.on_order = answer_oddly
    floor = await open_gateway(venue, open_floor, request_timeout_s=60.0)
    floor.place("a")
    await floor.until(lambda: floor.orders("a"), timeout_s=20.0)
    assert floor.statuses("a") == ["UNKNOWN"]


@pytest.mark.asyncio
async def test_limits_of_a_form_that_nobody_knows_hide_no_answer(
    venue: OrderVenue, open_floor: Callable[..., Any]
) -> None:
    odd: list[dict[str, Any]] = [
        {"rateLimitType": "ORDERS", "interval": None, "intervalNum": "ten", "limit": {}}
    ]
    venue.rate_limits = [
        *odd,
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 50},
    ]

    async def answer_oddly(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        frame = {"id": request["id"], "status": 200, "result": ACKNOWLEDGED, "rateLimits": odd}
        await socket.send_json(frame)

    venue.on_order = answer_oddly
    floor = await open_gateway(venue, open_floor)
    floor.place("a")
    await floor.until(lambda: floor.orders("a"))
    assert floor.statuses("a") == ["NEW"]
    assert [window.limit for window in floor.gateway._order_budget.windows.values()] == [50]


@pytest.mark.asyncio
async def test_a_filter_of_tomorrow_hides_no_other(
    venue: OrderVenue, open_floor: Callable[..., Any]
) -> None:
    tomorrow = {"filterType": "CURFEW", "minQty": 5, "tickSize": None, "maxNumOrders": "x"}
    symbol = SYMBOL | {"filters": [tomorrow, LOT]}
    venue.rest_answers["GET exchangeInfo"] = (200, {"symbols": [symbol]})
    floor = await open_gateway(venue, open_floor)
    assert str(floor.all_of(Instrument)[0].lot_size) == "0.001"


@pytest.mark.asyncio
async def test_numbers_with_exponents_are_the_numbers_they_are(
    venue: OrderVenue, open_floor: Callable[..., Any]
) -> None:
    lot = LOT | {"stepSize": "1E-3", "maxQty": "9E+3"}
    venue.rest_answers["GET exchangeInfo"] = (200, {"symbols": [SYMBOL | {"filters": [lot]}]})
    balances = [{"asset": "USDT", "free": "1E+3", "locked": "0E-8"}]
    venue.rest_answers["GET account"] = (200, {"balances": balances})
    floor = await open_gateway(venue, open_floor)
    rules = floor.all_of(Instrument)[0]
    assert rules.lot_size == Decimal("0.001")
    assert rules.max_quantity == 9000
    balance = floor.all_of(AccountSnapshot)[0].balances[0]
    assert balance.free == 1000
    assert balance.locked == 0
    await venue.push(
        report("a", "TRADE", "FILLED", 5, q="1E+1", l="1E+1", z="1E+1", L="1E+1", t=77, n="5E-8"),
        {
            "e": "outboundAccountPosition",
            "E": 6,
            "u": 6,
            "B": [{"a": "USDT", "f": "9E+2", "l": "0E-8"}],
        },
    )
    await floor.until(lambda: floor.orders("a") and floor.all_of(Balance))
    executed = floor.orders("a")[0].executions[0]
    assert executed.quantity == executed.price == 10
    assert executed.fee == Decimal("0.00000005")
    assert floor.all_of(Balance)[0].free == 900


@pytest.mark.parametrize("time_ms", [0, -1, 10**30])
@pytest.mark.asyncio
async def test_a_clock_that_tells_no_time_is_read_again(
    time_ms: int, venue: OrderVenue, open_floor: Callable[..., Any]
) -> None:
    asked = 0

    async def answer(request: web.Request, body: str) -> web.StreamResponse:
        nonlocal asked
        if request.path == "/api/v3/time":
            asked += 1
            if asked == 1:
                return web.json_response({"serverTime": time_ms})
        return await venue.answer_read(request, body)

    venue.rest = answer
    await open_gateway(venue, open_floor)
    assert asked > 1
    signed = next(request for request in venue.api_requests if "timestamp" in request["params"])
    assert signed["params"]["timestamp"] > 1_000
