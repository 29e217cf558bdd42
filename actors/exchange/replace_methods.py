"""Cancel an order and place another in one request; and what self-trade prevention has prevented.

Sources: rest-api.md, Cancel an Existing Order and Send a New Order, and Query Prevented Matches.
"""

from collections.abc import Mapping
from typing import Any

from actors.exchange import wire
from actors.exchange.desk import Call, Method, Security
from actors.exchange.errors import (
    REJECT_REASONS,
    REPLACE_UNSUPPORTED,
    VenueError,
    bad_combination,
    missing_both,
    order_rejected,
)
from actors.exchange.limits import RateLimited
from actors.exchange.market_methods import ROWS, SYMBOL, fixed
from actors.exchange.orders import CancelRestriction
from actors.exchange.parameters import Parameter, choice, client_order_id, integer
from actors.exchange.trading_methods import (
    CANCEL_RESTRICTIONS,
    ORDER_ID,
    PLACE_PARAMETERS,
    order_of,
    respond,
)

SUCCESS, FAILURE, NOT_ATTEMPTED = "SUCCESS", "FAILURE", "NOT_ATTEMPTED"


def cancels_at_least(parameters: Mapping[str, str]) -> bool:
    """Whether the cancel is wanted even when no further order may be placed."""
    return parameters.get("orderRateLimitExceededMode") == "CANCEL_ONLY"


def replace(call: Call) -> Any:
    """Cancels, then places; raises VenueError -2021 (409) if one of the two failed, -2022 (400) if both did."""
    values = call.values
    order = order_of(values)
    if "cancelOrderId" not in values and "cancelOrigClientOrderId" not in values:
        raise missing_both("cancelOrigClientOrderId", "cancelOrderId")
    # Filters are evaluated before anything is done.
    call.venue.test_order(call.account, order)
    if not call.venue.rules(order.symbol).allows_cancel_replace:
        raise order_rejected(REPLACE_UNSUPPORTED)
    data: dict[str, Any] = {"cancelResult": SUCCESS, "newOrderResult": NOT_ATTEMPTED}
    data |= {"cancelResponse": None, "newOrderResponse": None}
    stops = values["cancelReplaceMode"] == "STOP_ON_FAILURE"
    try:
        data["cancelResponse"] = cancel_first(call)
    except VenueError as error:
        data |= {"cancelResult": FAILURE, "cancelResponse": describe(error)}
        if stops:
            limited = excess(call)
            # It counts all the same (rest-api.md, Cancel an Existing Order and Send a New Order).
            call.desk.orders_of(call.account.name).burn(call.now)
            raise failed(400, data, limited) from None
    limited = None
    try:
        call.desk.orders_of(call.account.name).check(call.now)
        data |= {"newOrderResult": SUCCESS, "newOrderResponse": respond(call, order)}
    except VenueError as error:
        data |= {"newOrderResult": FAILURE, "newOrderResponse": describe(error)}
        reason = REJECT_REASONS.get(error.message)
        if data["cancelResult"] == SUCCESS and reason is not None:
            # The one case in which a refused order has an event (user-data-stream.md, Execution types).
            call.venue.tell_rejected(call.account, order, reason)
        # The table of responses in rest-api.md: 429 where the mode is STOP_ON_FAILURE, 409 where failures are allowed.
        limited = error if stops and isinstance(error, RateLimited) else None
    results = data["cancelResult"], data["newOrderResult"]
    if results == (FAILURE, FAILURE):
        raise failed(400, data)
    if FAILURE in results:
        raise failed(409, data, limited)
    return data


def failed(status: int, data: dict[str, Any], limited: RateLimited | None = None) -> VenueError:
    """What a failure is answered with: of an account that placed too many orders 429, with the time to go on."""
    code, message = (
        (-2021, "Order cancel-replace partially failed.")
        if SUCCESS in data.values()
        else (-2022, "Order cancel-replace failed.")
    )
    if limited is None:
        return VenueError(code, message, status, data)
    return RateLimited(code, message, 429, limited.now, limited.retry_at, data)


def excess(call: Call) -> RateLimited | None:
    """Why the account may place no further order now, if so."""
    try:
        call.desk.orders_of(call.account.name).check(call.now)
    except RateLimited as error:
        return error
    return None


def cancel_first(call: Call) -> dict[str, Any]:
    """The cancel of a cancel-replace."""
    values = call.values
    restriction = values.get("cancelRestrictions")
    record = call.venue.cancel_order(
        call.account,
        values["symbol"],
        values.get("cancelOrderId"),
        values.get("cancelOrigClientOrderId"),
        values.get("cancelNewClientOrderId"),
        CancelRestriction(restriction) if restriction else None,
    )
    return wire.order_cancel(record)


def describe(error: VenueError) -> dict[str, Any]:
    """One of the two errors."""
    return {"code": error.code, "msg": error.message}


def prevented_matches(call: Call) -> Any:
    """Trades that self-trade prevention has prevented: one by its id, or those of an order."""
    values = call.values
    symbol, number, order_id = (
        values["symbol"],
        values.get("preventedMatchId"),
        values.get("orderId"),
    )
    call.venue.rules(symbol)
    if (number is None) is (order_id is None):
        raise bad_combination()
    first = values.get("fromPreventedMatchId", 0)
    chosen = [
        match
        for match in call.account.history.prevented(symbol)
        if match.number == number
        or (order_id in (match.taker_order_id, match.maker_order_id) and match.number >= first)
    ]
    return [wire.prevented_match(symbol, match) for match in chosen[: values.get("limit", 500)]]


def prevented_weight(parameters: Mapping[str, str]) -> int:
    """20 by an order, else 2."""
    return 20 if parameters.get("orderId") else 2


REPLACE_METHODS = (
    Method(
        "order.cancelReplace",
        replace,
        fixed(1),
        "POST",
        "/api/v3/order/cancelReplace",
        Security.SIGNED,
        (
            *PLACE_PARAMETERS,
            Parameter(
                "cancelReplaceMode", choice("STOP_ON_FAILURE", "ALLOW_FAILURE"), is_mandatory=True
            ),
            Parameter("cancelNewClientOrderId", client_order_id),
            Parameter("cancelOrigClientOrderId", client_order_id),
            Parameter("cancelOrderId", integer),
            CANCEL_RESTRICTIONS,
            Parameter("orderRateLimitExceededMode", choice("DO_NOTHING", "CANCEL_ONLY")),
        ),
        is_free=True,
        places_order=True,
        counts_later=cancels_at_least,
    ),
    Method(
        "myPreventedMatches",
        prevented_matches,
        prevented_weight,
        "GET",
        "/api/v3/myPreventedMatches",
        Security.SIGNED,
        (
            SYMBOL,
            Parameter("preventedMatchId", integer),
            ORDER_ID,
            Parameter("fromPreventedMatchId", integer),
            ROWS,
        ),
    ),
)
