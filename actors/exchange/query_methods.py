"""Questions about an account's orders and trades (rest-api.md, Account endpoints)."""

from collections.abc import Mapping
from typing import Any

from actors.exchange import wire
from actors.exchange.desk import Call, Method, Security
from actors.exchange.errors import VenueError, bad_combination
from actors.exchange.market_methods import (
    END_TIME,
    ONE_SYMBOL,
    ROWS,
    START_TIME,
    SYMBOL,
    fixed,
    milliseconds,
)
from actors.exchange.orders import OrderRecord
from actors.exchange.parameters import Parameter, integer
from actors.exchange.trading_methods import ORDER_ID, ORIGINAL_ID, check_ids

DAY = 86_400_000_000
SIGNED = Security.SIGNED


def find(call: Call) -> Any:
    """One order."""
    values = call.values
    check_ids(values)
    return wire.order_query(
        call.venue.find_order(
            call.account, values["symbol"], values.get("orderId"), values.get("origClientOrderId")
        )
    )


def describe_all(records: list[OrderRecord]) -> list[dict[str, Any]]:
    """Orders as queries show them."""
    return [wire.order_query(record) for record in records]


def open_orders(call: Call) -> Any:
    """The open orders of a symbol or of all."""
    return describe_all(call.venue.open_orders(call.account, call.values.get("symbol")))


def open_orders_weight(parameters: Mapping[str, str]) -> int:
    """6 for a symbol, 80 for all."""
    return 6 if parameters.get("symbol") else 80


def check_range(values: Mapping[str, Any]) -> None:
    """Raises VenueError (-1127) for more than 24 hours between startTime and endTime."""
    start, end = values.get("startTime"), values.get("endTime")
    if start is not None and end is not None and end - start > DAY:
        raise VenueError(-1127, "More than 24 hours between startTime and endTime.")


def check_alone(values: Mapping[str, Any], *ids: str) -> None:
    """As `check_range`; raises VenueError (-1128) for a time beside one of these ids."""
    if ("startTime" in values or "endTime" in values) and any(name in values for name in ids):
        raise bad_combination()
    check_range(values)


def all_orders(call: Call) -> Any:
    """Orders of a symbol, open or not."""
    values = call.values
    check_range(values)
    return describe_all(
        call.venue.all_orders(
            call.account,
            values["symbol"],
            values.get("orderId"),
            milliseconds(values.get("startTime")),
            milliseconds(values.get("endTime")),
            values.get("limit", 500),
        )
    )


def my_trades(call: Call) -> Any:
    """The account's trades in a symbol; times go with neither of the two ids (rest-api.md, Account trade list)."""
    values = call.values
    check_alone(values, "orderId", "fromId")
    found = call.venue.my_trades(
        call.account,
        values["symbol"],
        values.get("orderId"),
        values.get("fromId"),
        milliseconds(values.get("startTime")),
        milliseconds(values.get("endTime")),
        values.get("limit", 500),
    )
    return [wire.account_trade(trade) for trade in found]


def my_trades_weight(parameters: Mapping[str, str]) -> int:
    """5 with an order id, else 20."""
    return 5 if parameters.get("orderId") else 20


QUERY_METHODS = (
    Method(
        "order.status",
        find,
        fixed(4),
        "GET",
        "/api/v3/order",
        SIGNED,
        (SYMBOL, ORDER_ID, ORIGINAL_ID),
    ),
    Method(
        "openOrders.status",
        open_orders,
        open_orders_weight,
        "GET",
        "/api/v3/openOrders",
        SIGNED,
        (ONE_SYMBOL,),
    ),
    Method(
        "allOrders",
        all_orders,
        fixed(20),
        "GET",
        "/api/v3/allOrders",
        SIGNED,
        (SYMBOL, ORDER_ID, START_TIME, END_TIME, ROWS),
    ),
    Method(
        "myTrades",
        my_trades,
        my_trades_weight,
        "GET",
        "/api/v3/myTrades",
        SIGNED,
        (SYMBOL, ORDER_ID, START_TIME, END_TIME, Parameter("fromId", integer), ROWS),
    ),
)
