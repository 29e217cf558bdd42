"""Methods of order lists (rest-api.md, Order lists; web-socket-api.md, Order lists)."""

from collections.abc import Mapping
from typing import Any

from actors.exchange import wire
from actors.exchange.desk import Call, Method, Security
from actors.exchange.errors import VenueError, missing_both
from actors.exchange.market_methods import END_TIME, ROWS, START_TIME, SYMBOL, fixed
from actors.exchange.order_lists import NewOrderList
from actors.exchange.orders import NewOrder, OrderList
from actors.exchange.parameters import Parameter, choice, client_order_id, decimal, integer
from actors.exchange.pegs import is_pegged, peg_parameters
from actors.exchange.query_methods import check_alone, check_range
from actors.exchange.trading_methods import (
    RESPONSES,
    SIDE,
    TIME_IN_FORCE,
    TYPE,
    spellings,
    strategy_type,
)
from messages.enums import OrderType, SelfTradePrevention, Side, TimeInForce

LIST_ID = Parameter("orderListId", integer)
LIST_CLIENT_ID = Parameter("listClientOrderId", client_order_id)
ORDER_TYPE = TYPE.parse
COMMON = (
    SYMBOL,
    LIST_CLIENT_ID,
    Parameter("newOrderRespType", choice(*RESPONSES)),
    Parameter("selfTradePreventionMode", choice(*spellings(SelfTradePrevention))),
)


def leg(prefix: str, has_own_terms: bool, is_mandatory: bool = True) -> tuple[Parameter, ...]:
    """The parameters of one order in a list; with its own side and quantity, or with those of the pair."""
    own = (
        (
            Parameter(f"{prefix}Side", SIDE.parse, is_mandatory=True),
            Parameter(f"{prefix}Quantity", decimal, is_mandatory=True),
        )
        if has_own_terms
        else ()
    )
    return (
        Parameter(f"{prefix}Type", ORDER_TYPE, is_mandatory=is_mandatory),
        *own,
        Parameter(f"{prefix}ClientOrderId", client_order_id),
        Parameter(f"{prefix}Price", decimal),
        Parameter(f"{prefix}StopPrice", decimal),
        Parameter(f"{prefix}TrailingDelta", integer),
        Parameter(f"{prefix}IcebergQty", decimal),
        Parameter(f"{prefix}TimeInForce", TIME_IN_FORCE.parse),
        Parameter(f"{prefix}StrategyId", integer),
        Parameter(f"{prefix}StrategyType", strategy_type),
        *peg_parameters(prefix),
    )


def order_of(values: Mapping[str, Any], prefix: str, terms: str) -> NewOrder:
    """One order of a list; `terms` begins the names of its side and quantity, "" for `side` and `quantity`."""
    mode = values.get("selfTradePreventionMode")
    time_in_force = values.get(f"{prefix}TimeInForce")
    return NewOrder(
        symbol=values["symbol"],
        side=Side(values[f"{terms}Side" if terms else "side"]),
        order_type=OrderType(values[f"{prefix}Type"]),
        quantity=values[f"{terms}Quantity" if terms else "quantity"],
        price=values.get(f"{prefix}Price"),
        time_in_force=TimeInForce(time_in_force) if time_in_force else None,
        client_order_id=values.get(f"{prefix}ClientOrderId"),
        strategy_id=values.get(f"{prefix}StrategyId"),
        strategy_type=values.get(f"{prefix}StrategyType"),
        self_trade_prevention_mode=SelfTradePrevention(mode) if mode else None,
        stop_price=values.get(f"{prefix}StopPrice"),
        trailing_delta=values.get(f"{prefix}TrailingDelta"),
        iceberg_quantity=values.get(f"{prefix}IcebergQty"),
        is_pegged=is_pegged(values, prefix),
    )


def place(
    call: Call, working: NewOrder | None, pending: dict[str, NewOrder], default: str = "RESULT"
) -> Any:
    """Places a list and describes it as asked, or in the `default` form."""
    describe = RESPONSES[call.values.get("newOrderRespType", default)]
    request = NewOrderList(
        symbol=call.values["symbol"],
        client_id=call.values.get("listClientOrderId"),
        working=working,
        pending=tuple(pending.values()),
        prefixes=tuple(pending),
    )
    return call.venue.new_order_list(
        call.account, request, lambda placed: wire.order_list_report(placed, describe)
    )


def place_oco(call: Call) -> Any:
    """A pair of which one cancels the other."""
    return place(call, None, {name: order_of(call.values, name, "") for name in ("above", "below")})


def place_old_oco(call: Call) -> Any:
    """A pair by the deprecated method: a LIMIT_MAKER and a stop loss (rest-api.md, New OCO - Deprecated)."""
    values = call.values
    side, time_in_force = Side(values["side"]), values.get("stopLimitTimeInForce")
    mode = values.get("selfTradePreventionMode")
    common = {
        "symbol": values["symbol"],
        "side": side,
        "quantity": values["quantity"],
        "self_trade_prevention_mode": SelfTradePrevention(mode) if mode else None,
    }
    limit = NewOrder(
        **common,
        order_type=OrderType.LIMIT_MAKER,
        price=values["price"],
        client_order_id=values.get("limitClientOrderId"),
        strategy_id=values.get("limitStrategyId"),
        strategy_type=values.get("limitStrategyType"),
        iceberg_quantity=values.get("limitIcebergQty"),
    )
    has_limit = "stopLimitPrice" in values
    stop = NewOrder(
        **common,
        order_type=OrderType.STOP_LOSS_LIMIT if has_limit else OrderType.STOP_LOSS,
        stop_price=values.get("stopPrice"),
        price=values.get("stopLimitPrice"),
        time_in_force=TimeInForce(time_in_force) if time_in_force else None,
        trailing_delta=values.get("trailingDelta"),
        client_order_id=values.get("stopClientOrderId"),
        strategy_id=values.get("stopStrategyId"),
        strategy_type=values.get("stopStrategyType"),
        iceberg_quantity=values.get("stopIcebergQty"),
    )
    pair = {"limit": limit, "stop": stop} if side is Side.SELL else {"stop": stop, "limit": limit}
    # The default of web-socket-api.md; rest-api.md names none, and shows the short form.
    return place(call, None, pair, "RESULT" if call.session is None else "FULL")


def place_oto(call: Call) -> Any:
    """An order that another one's fill releases."""
    values = call.values
    return place(
        call,
        working_of(values),
        {"pending": order_of(values, "pending", "pending")},
    )


def place_otoco(call: Call) -> Any:
    """A pair that an order's fill releases."""
    values = call.values
    if "pendingBelowType" not in values:
        raise VenueError(
            -1102,
            "Mandatory parameter 'pendingBelowType' was not sent, was empty/null, or malformed.",
        )
    pair = {name: order_of(values, name, "pending") for name in ("pendingAbove", "pendingBelow")}
    return place(call, working_of(values), pair)


def working_of(values: Mapping[str, Any]) -> NewOrder:
    """The order of a list that comes first. Raises VenueError -1116 for a type that may not."""
    working = order_of(values, "working", "working")
    if working.order_type not in (OrderType.LIMIT, OrderType.LIMIT_MAKER):
        raise VenueError(-1116, "Invalid orderType.")
    return working


def cancel(call: Call) -> Any:
    """Cancels a list."""
    values = call.values
    if "orderListId" not in values and "listClientOrderId" not in values:
        raise missing_both("orderListId", "listClientOrderId")
    canceled = call.venue.cancel_order_list(
        call.account,
        values["symbol"],
        values.get("orderListId"),
        values.get("listClientOrderId"),
        values.get("newClientOrderId"),
    )
    return wire.order_list_report(canceled, wire.order_cancel)


def find(call: Call) -> Any:
    """One list; the id is ignored beside the client's (web-socket-api.md, Query Order list)."""
    values = call.values
    client_id = values.get("origClientOrderId")
    list_id = values.get("orderListId") if client_id is None else None
    found = call.venue.find_order_list(call.account, list_id, client_id)
    return wire.order_list_query(found)


def describe_all(lists: list[OrderList]) -> list[dict[str, Any]]:
    """Lists as queries show them."""
    return [wire.order_list_query(one) for one in lists]


def find_open(call: Call) -> Any:
    """The lists that are not done."""
    lists = call.account.history.order_lists.values()
    return describe_all([one for one in lists if not one.is_done])


def find_all(call: Call) -> Any:
    """All lists: from an id or a time on if given, else the newest.

    An id beside a time is refused by the one API (rest-api.md, -1128) and ignored by the other (web-socket-api.md).
    """
    values = call.values
    if call.session is None:
        check_alone(values, "fromId")
    check_range(values)
    start, end = values.get("startTime"), values.get("endTime")
    first = values.get("fromId") if start is None and end is None else None
    limit = values.get("limit", 500)
    chosen = [
        one
        for one in call.account.history.order_lists.values()
        if (first is None or one.list_id >= first)
        and (start is None or one.time_us >= start)
        and (end is None or one.time_us <= end)
    ]
    is_from_start = first is not None or start is not None
    return describe_all(chosen[:limit] if is_from_start else chosen[-limit:])


SIGNED = Security.SIGNED
PAIR_TERMS = (
    Parameter("side", SIDE.parse, is_mandatory=True),
    Parameter("quantity", decimal, is_mandatory=True),
)
WORKING = leg("working", has_own_terms=True)
LIST_METHODS = (
    Method(
        "orderList.place.oco",
        place_oco,
        fixed(1),
        "POST",
        "/api/v3/orderList/oco",
        SIGNED,
        (*COMMON, *PAIR_TERMS, *leg("above", False), *leg("below", False)),
        is_free=True,
        places_order=True,
        orders=2,
    ),
    Method(
        "orderList.place",
        place_old_oco,
        fixed(1),
        "POST",
        "/api/v3/order/oco",
        SIGNED,
        (
            *COMMON,
            *PAIR_TERMS,
            Parameter("limitClientOrderId", client_order_id),
            Parameter("price", decimal, is_mandatory=True),
            Parameter("limitStrategyId", integer),
            Parameter("limitStrategyType", strategy_type),
            Parameter("limitIcebergQty", decimal),
            Parameter("stopClientOrderId", client_order_id),
            Parameter("stopStrategyId", integer),
            Parameter("stopStrategyType", strategy_type),
            Parameter("stopIcebergQty", decimal),
            Parameter("stopPrice", decimal),
            Parameter("trailingDelta", integer),
            Parameter("stopLimitPrice", decimal),
            Parameter("stopLimitTimeInForce", TIME_IN_FORCE.parse),
        ),
        is_free=True,
        places_order=True,
        orders=2,
    ),
    Method(
        "orderList.place.oto",
        place_oto,
        fixed(1),
        "POST",
        "/api/v3/orderList/oto",
        SIGNED,
        (*COMMON, *WORKING, *leg("pending", has_own_terms=True)),
        is_free=True,
        places_order=True,
        orders=2,
    ),
    Method(
        "orderList.place.otoco",
        place_otoco,
        fixed(1),
        "POST",
        "/api/v3/orderList/otoco",
        SIGNED,
        (
            *COMMON,
            *WORKING,
            Parameter("pendingSide", SIDE.parse, is_mandatory=True),
            Parameter("pendingQuantity", decimal, is_mandatory=True),
            *leg("pendingAbove", False),
            *leg("pendingBelow", False, is_mandatory=False),
        ),
        is_free=True,
        places_order=True,
        orders=3,
    ),
    Method(
        "orderList.cancel",
        cancel,
        fixed(1),
        "DELETE",
        "/api/v3/orderList",
        SIGNED,
        (SYMBOL, LIST_ID, LIST_CLIENT_ID, Parameter("newClientOrderId", client_order_id)),
        is_free=True,
    ),
    Method(
        "orderList.status",
        find,
        fixed(4),
        "GET",
        "/api/v3/orderList",
        SIGNED,
        (LIST_ID, Parameter("origClientOrderId", client_order_id)),
    ),
    Method("openOrderLists.status", find_open, fixed(6), "GET", "/api/v3/openOrderList", SIGNED),
    Method(
        "allOrderLists",
        find_all,
        fixed(20),
        "GET",
        "/api/v3/allOrderList",
        SIGNED,
        (Parameter("fromId", integer), START_TIME, END_TIME, ROWS),
    ),
)
