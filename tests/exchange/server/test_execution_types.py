"""Every execution type and order status that user-data-stream.md and enums.md name, brought about and told by its event."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.exchange.server.client import Rest, World
from tests.exchange.server.conformance import LIMIT, MARKET, OCO, SYMBOL

Scenario = Callable[[Rest, Rest], Awaitable[Any]]


async def rests(mine: Rest, other: Rest) -> None:
    """An order that rests."""
    await mine.place("BUY", "0.01", "40000")


async def is_canceled(mine: Rest, other: Rest) -> None:
    """A cancel."""
    await mine.place("BUY", "0.01", "40000", newClientOrderId="first")
    await mine.signed(
        "DELETE", "order", symbol=SYMBOL, origClientOrderId="first", newClientOrderId="second"
    )


async def is_reduced(mine: Rest, other: Rest) -> None:
    """An amendment."""
    await mine.place("BUY", "0.02", "40000", newClientOrderId="first")
    await mine.signed(
        "PUT", "order/amend/keepPriority", symbol=SYMBOL, origClientOrderId="first", newQty="0.01"
    )


async def trades_in_part(mine: Rest, other: Rest) -> None:
    """A part of a resting order."""
    await mine.place("BUY", "0.02", "40000")
    await other.place("SELL", "0.01", "40000")


async def trades_whole(mine: Rest, other: Rest) -> None:
    """All of a resting order."""
    await mine.place("BUY", "0.01", "40000")
    await other.place("SELL", "0.01", "40000")


def is_replaced_by(**terms: str) -> Scenario:
    """An order that is canceled for one that the engine refuses."""

    async def replace(mine: Rest, other: Rest) -> None:
        await other.place("SELL", "0.01", "45000")
        await mine.place("BUY", "0.01", "40000", newClientOrderId="first")
        order = {name: value for name, value in LIMIT.items() if name != "timeInForce"} | terms
        if order["type"] == "LIMIT":
            order["timeInForce"] = "GTC"
        answer = await mine.signed(
            "POST",
            "order/cancelReplace",
            **order,
            newClientOrderId="next",
            cancelReplaceMode="STOP_ON_FAILURE",
            cancelOrigClientOrderId="first",
        )
        assert answer.error[:2] == (409, -2021), answer.error

    return replace


async def expires_at_once(mine: Rest, other: Rest) -> None:
    """An IOC order that finds nothing."""
    await mine.signed("POST", "order", **(LIMIT | {"timeInForce": "IOC"}))


async def is_killed(mine: Rest, other: Rest) -> None:
    """A FOK order that finds too little."""
    await other.place("SELL", "0.001", "45000")
    await mine.signed("POST", "order", **(LIMIT | {"timeInForce": "FOK"}))


async def finds_too_little(mine: Rest, other: Rest) -> None:
    """A MARKET order larger than the book."""
    await other.place("SELL", "0.001", "45000")
    await mine.signed("POST", "order", **MARKET)


async def meets_itself(mine: Rest, other: Rest) -> None:
    """A taker that would trade with its own account."""
    await mine.place("SELL", "0.01", "45000")
    await mine.signed("POST", "order", **LIMIT, selfTradePreventionMode="EXPIRE_TAKER")


async def expires_with_its_pair(mine: Rest, other: Rest) -> None:
    """The other order of a pair, one of which is filled."""
    await mine.signed("POST", "orderList/oco", **OCO)
    await other.place("BUY", "0.01", "60000")


async def waits_in_its_list(mine: Rest, other: Rest) -> None:
    """An order that the fill of another releases."""
    await mine.signed(
        "POST",
        "orderList/oto",
        symbol=SYMBOL,
        workingType="LIMIT",
        workingSide="BUY",
        workingPrice="40000",
        workingQuantity="0.01",
        workingTimeInForce="GTC",
        pendingType="LIMIT",
        pendingSide="SELL",
        pendingPrice="60000",
        pendingQuantity="0.005",
        pendingTimeInForce="GTC",
    )


async def is_released(mine: Rest, other: Rest) -> None:
    """The same, released."""
    await waits_in_its_list(mine, other)
    await other.place("SELL", "0.01", "40000")


CASES: dict[str, tuple[Scenario, dict[str, Any]]] = {
    "NEW": (rests, {"x": "NEW", "X": "NEW", "w": True, "r": "NONE"}),
    "CANCELED": (is_canceled, {"x": "CANCELED", "X": "CANCELED", "C": "first", "c": "second"}),
    "REPLACED": (is_reduced, {"x": "REPLACED", "X": "NEW", "q": "0.01000000"}),
    "TRADE, in part": (
        trades_in_part,
        {"x": "TRADE", "X": "PARTIALLY_FILLED", "l": "0.01000000", "m": True},
    ),
    "TRADE, whole": (trades_whole, {"x": "TRADE", "X": "FILLED", "z": "0.01000000", "N": "BTC"}),
    "EXPIRED, IOC": (
        expires_at_once,
        {"x": "EXPIRED", "X": "EXPIRED", "eR": "UNFILLED_IOC_QUANTITY_EXPIRED"},
    ),
    "EXPIRED, FOK": (
        is_killed,
        {"x": "EXPIRED", "X": "EXPIRED", "eR": "UNFILLED_FOK_ORDER_EXPIRED", "z": "0.00000000"},
    ),
    "EXPIRED, MARKET": (
        finds_too_little,
        {"x": "EXPIRED", "X": "EXPIRED", "eR": "INSUFFICIENT_LIQUIDITY", "z": "0.00100000"},
    ),
    "TRADE_PREVENTION": (
        meets_itself,
        {"x": "TRADE_PREVENTION", "X": "EXPIRED_IN_MATCH", "A": "0.01000000"},
    ),
    "EXPIRED, pair": (expires_with_its_pair, {"x": "EXPIRED", "X": "EXPIRED", "eR": "OCO_TRIGGER"}),
    "REJECTED, match": (
        is_replaced_by(type="LIMIT_MAKER", price="50000"),
        {"x": "REJECTED", "X": "REJECTED", "r": "WOULD_MATCH_IMMEDIATELY", "c": "next", "w": False},
    ),
    "REJECTED, funds": (
        is_replaced_by(quantity="200", price="41000"),
        {"x": "REJECTED", "X": "REJECTED", "r": "INSUFFICIENT_BALANCES", "z": "0.00000000"},
    ),
    "PENDING_NEW": (waits_in_its_list, {"x": "NEW", "X": "PENDING_NEW", "w": False}),
    "NEW, released": (is_released, {"x": "NEW", "X": "NEW", "S": "SELL", "w": True}),
}
"""By execution type and order status, with what of the event is to be as documented (user-data-stream.md:79-280)."""


@pytest.mark.asyncio
@pytest.mark.parametrize("name", CASES)
async def test_an_execution_type(still_world: World, name: str) -> None:
    happen, expected = CASES[name]
    async with still_world.api() as api:
        await api.signed("userDataStream.subscribe.signature")
        await happen(still_world.rest(), still_world.rest(account=1))
        event = await api.until(e="executionReport", **expected)
    assert event["s"] == SYMBOL
    assert event["T"] <= event["E"]
    assert (event["t"] == -1) is (event["x"] != "TRADE")


def test_every_execution_type_is_here() -> None:
    """Of enums.md."""
    types = {expected["x"] for _, expected in CASES.values()}
    assert types == {
        *("NEW", "CANCELED", "REPLACED", "REJECTED", "TRADE", "EXPIRED", "TRADE_PREVENTION")
    }
    states = {expected["X"] for _, expected in CASES.values()}
    assert states == {
        *("NEW", "PENDING_NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED"),
        *("EXPIRED_IN_MATCH", "REJECTED"),
    }


@pytest.mark.asyncio
async def test_an_order_that_is_refused_by_itself_has_no_event(still_world: World) -> None:
    """REJECTED is told only of the new order of a cancel-replace whose cancel succeeded (user-data-stream.md)."""
    async with still_world.api() as api:
        await api.signed("userDataStream.subscribe.signature")
        mine, other = still_world.rest(), still_world.rest(account=1)
        await other.place("SELL", "0.01", "45000")
        refused = await mine.signed(
            "POST", "order", **(LIMIT | {"type": "LIMIT_MAKER", "price": "50000"})
        )
        assert refused.status == 400
        await mine.place("BUY", "0.01", "40000", newClientOrderId="after")
        event = await api.until(e="executionReport")
    assert (event["x"], event["c"]) == ("NEW", "after")
