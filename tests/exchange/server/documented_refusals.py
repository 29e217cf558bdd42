"""How to bring about each refusal that the documentation prints."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.exchange.server.client import World
from tests.exchange.server.documented import SYMBOL

REST, API = "rest-api.md", "web-socket-api.md"
Refused = Callable[[World], Awaitable[Any]]
ORDER: dict[str, Any] = {
    "symbol": SYMBOL,
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "40000",
    "quantity": "0.01",
}


def get(path: str, **parameters: Any) -> Refused:
    """An unsigned request by REST."""

    async def refuse(world: World) -> Any:
        return (await world.rest().get(path, **parameters)).json

    return refuse


def rest(verb: str, path: str, **parameters: Any) -> Refused:
    """A signed request by REST, with an order that rests as `name-1`."""

    async def refuse(world: World) -> Any:
        await world.rest().place("BUY", "0.01", "30000", newClientOrderId="name-1")
        return (await world.rest().signed(verb, path, **parameters)).json

    return refuse


def api(method: str, **parameters: Any) -> Refused:
    """A signed request by the WebSocket API, likewise; the whole reply."""

    async def refuse(world: World) -> Any:
        await world.rest().place("BUY", "0.01", "30000", newClientOrderId="name-1")
        async with world.api() as socket:
            return await socket.signed(method, **parameters)

    return refuse


async def ask_for_a_reference_price(world: World) -> Any:
    """A price that no symbol has."""
    async with world.api() as socket:
        return await socket.call("referencePrice", symbol=SYMBOL)


def limited(mode: str | None, by_rest: bool = False) -> Refused:
    """A cancel-replace when no order may be placed any more."""

    async def refuse(world: World) -> Any:
        first = world.rest()
        answers = [await first.place("BUY", "0.01", "30000") for _ in range(50)]
        number = answers[0].json["orderId"]
        more = {"orderRateLimitExceededMode": mode} if mode else {}
        terms = ORDER | {"cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": number} | more
        if by_rest:
            return (await first.signed("POST", "order/cancelReplace", **terms)).json
        async with world.api() as socket:
            return await socket.signed("order.cancelReplace", **terms)

    return refuse


def without_envelope(refused: Refused) -> Refused:
    """The error of a reply alone."""

    async def refuse(world: World) -> Any:
        return (await refused(world))["error"]

    return refuse


KNOWN = {"cancelOrigClientOrderId": "name-1"}
UNKNOWN = {"cancelOrigClientOrderId": "nobody"}
TOO_MUCH = {"quantity": "100", "price": "60000"}
STOP = {"cancelReplaceMode": "STOP_ON_FAILURE"}
GO_ON = {"cancelReplaceMode": "ALLOW_FAILURE"}


def replacing(**parameters: Any) -> tuple[Refused, Refused]:
    """A cancel-replace by both APIs."""
    terms = ORDER | parameters
    return (
        rest("POST", "order/cancelReplace", **terms),
        api("order.cancelReplace", **terms),
    )


NOT_TRIED = replacing(**STOP, **UNKNOWN)
NEW_FAILS = replacing(**GO_ON, **KNOWN, **TOO_MUCH)
CANCEL_FAILS = replacing(**GO_ON, **UNKNOWN)
CANCEL_FAILS_BRIEFLY = replacing(**GO_ON, **UNKNOWN, newOrderRespType="ACK")[0]
BOTH_FAIL = replacing(**GO_ON, **UNKNOWN, **TOO_MUCH)
PART = {"symbol": SYMBOL, "origClientOrderId": "name-1"}
BY_ID = {**PART, "cancelRestrictions": "ONLY_PARTIALLY_FILLED"}
WRONG = {**PART, "cancelRestrictions": "SOMETIMES"}


def cancel_by_api(terms: dict[str, Any]) -> Refused:
    """A cancel's refusal without its envelope, as it is printed."""
    return without_envelope(api("order.cancel", **terms))


async def fill_the_weight(world: World) -> Any:
    """What a banned address gets."""
    async with world.api() as socket:
        while True:
            reply = await socket.call("exchangeInfo", symbol=SYMBOL)
            if reply["status"] == 418:
                return reply


REFUSALS: dict[tuple[str, int], Refused] = {
    ("errors.md", 6): get("depth", symbol="NOSUCHPAIR"),
    (REST, 126): get("depth", symbol="NOSUCHPAIR"),
    (REST, 2069): get("referencePrice", symbol=SYMBOL),
    (REST, 2099): get("referencePrice/calculation", symbol=SYMBOL),
    (REST, 2440): rest("DELETE", "order", **WRONG),
    (REST, 2447): rest("DELETE", "order", **BY_ID),
    (REST, 2851): NOT_TRIED[0],
    (REST, 2868): NEW_FAILS[0],
    (REST, 2903): CANCEL_FAILS_BRIEFLY,
    (REST, 2927): BOTH_FAIL[0],
    (REST, 2948): limited(None, by_rest=True),
    (REST, 2957): limited("CANCEL_ONLY", by_rest=True),
    (API, 549): fill_the_weight,
    (API, 230): api("order.place", **(ORDER | TOO_MUCH)),
    (API, 3326): ask_for_a_reference_price,
    (API, 4320): cancel_by_api(WRONG),
    (API, 4327): cancel_by_api(BY_ID),
    (API, 4845): NOT_TRIED[1],
    (API, 4892): NEW_FAILS[1],
    (API, 4952): CANCEL_FAILS[1],
    (API, 5015): BOTH_FAIL[1],
    (API, 5063): limited(None),
    (API, 5099): limited("CANCEL_ONLY"),
}
WITH_RETRY = {(API, 5063)}
"""Printed without `data.retryAfter`, which web-socket-api.md, Unfilled Order Count, has in every 429."""
OTHER_TIMES = {(API, 549)}
OTHER_LIMITS = {(REST, 2948), (REST, 2957)}
"""Printed of an exchange with another number of orders in its limit."""
OTHER_REASONS = {
    **{(REST, line): (-2010, -1015) for line in (2868, 2927, 2957)},
    **{(API, line): (-2010, -1015) for line in (4892, 5015, 5099)},
}
"""Where the example's new order was refused for another reason of the engine; which it was is not compared."""
OTHER_ORDER_LINE = 6946
"""The examples of a cancel-replace have `fills` before selfTradePreventionMode, unlike Response FULL of an order."""
