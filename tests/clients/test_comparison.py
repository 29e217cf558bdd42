"""Whatever a client has seen otherwise than the exchange is told."""

import json
from typing import Any

import pytest
import pytest_asyncio

from tests.clients.comparison import judge
from tests.exchange.server.client import Rest, World
from tests.exchange.server.conftest import still_world

__all__ = ["still_world"]

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def traded(still_world: World) -> tuple[dict[str, str], dict[str, Any]]:
    """The exchange's first line, and a true account of three orders: two canceled, one filled."""
    own, other = still_world.rest(), still_world.rest(account=1)
    numbers = [await canceled(own) for _ in range(2)]
    await other.place("SELL", "1", "50000")
    numbers.append((await own.place("BUY", "1", "50000")).json["orderId"])
    ends = [("CANCELED", "0.00000000"), ("CANCELED", "0.00000000"), ("FILLED", "1.00000000")]
    account = (await own.signed("GET", "account")).json
    seen = {
        "orders": [[number, *end] for number, end in zip(numbers, ends, strict=True)],
        "balances": {each["asset"]: [each["free"], each["locked"]] for each in account["balances"]},
        "trades": [
            each["id"] for each in (await own.signed("GET", "myTrades", symbol="BTCUSDT")).json
        ],
        "events": [
            [number, kind]
            for number, end in zip(numbers, ("CANCELED", "CANCELED", "TRADE"), strict=True)
            for kind in sorted(("NEW", end))
        ],
        "streams": [3, 3],
    }
    pair = still_world.pair()
    return {
        "rest": still_world.addresses.rest,
        "api_key": pair.key,
        "api_secret": pair.secret,
    }, seen


async def canceled(rest: Rest) -> int:
    """The number of an order that rested and was canceled."""
    number: int = (await rest.place("BUY", "1", "40000")).json["orderId"]
    await rest.signed("DELETE", "order", symbol="BTCUSDT", orderId=number)
    return number


async def test_a_true_account_is_found_true(traded: tuple[dict[str, str], dict[str, Any]]) -> None:
    first, seen = traded
    assert await judge(first, {}, json.dumps(seen)) == []


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("orders", lambda rows: [*rows[:2], [rows[2][0], "FILLED", "0.50000000"]], "orders: saw"),
        ("orders", lambda rows: rows[:2], "orders ended as"),
        ("orders", lambda rows: [*rows[:2], [99, "FILLED", "1.00000000"]], "orders: saw"),
        ("balances", lambda rows: {**rows, "BTC": ["100.00000000", "0.00000000"]}, "balances: saw"),
        ("trades", lambda rows: [], "trades: saw"),
        ("events", lambda rows: rows[1:], "events: saw"),
        ("streams", lambda rows: [3, 0], "of market data it saw"),
        ("streams", lambda rows: [3], "of market data it saw"),
    ],
)
async def test_a_false_account_is_told(
    traded: tuple[dict[str, str], dict[str, Any]], name: str, change: Any, told: str
) -> None:
    first, seen = traded
    found = await judge(first, {}, json.dumps({**seen, name: change(seen[name])}))
    assert any(line.startswith(told) for line in found), found


async def test_a_client_without_a_user_stream_saw_no_events(
    traded: tuple[dict[str, str], dict[str, Any]],
) -> None:
    first, seen = traded
    silent = json.dumps({**seen, "events": []})
    assert await judge(first, {"user_stream": False}, silent) == []
    assert await judge(first, {}, silent) != []


async def test_orders_end_as_the_list_of_clients_says(
    traded: tuple[dict[str, str], dict[str, Any]],
) -> None:
    first, seen = traded
    assert await judge(first, {"ends": ["FILLED"]}, json.dumps(seen)) != []


async def test_a_script_that_says_nothing_has_failed() -> None:
    assert await judge({}, {}, "") == ["its script printed no account of itself: "]
