"""Answers that are older than they should be: queries read a database, which lags behind the matching engine."""

from collections.abc import Callable
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from actors.exchange import wire
from actors.exchange.errors import order_not_found
from actors.exchange.fault_rules import QueryLag, QueryRule, StaleOpenOrders, StaleSnapshot
from actors.exchange.faults import Faults
from messages.enums import OrderStatus, OrderType, TimeInForce

if TYPE_CHECKING:
    from actors.exchange.desk import Call

MOST_STALE_ORDERS = 1000


def answer(faults: Faults, name: str, handler: Callable[["Call"], Any], call: "Call") -> Any:
    """The handler's answer, or an older one if a rule strikes. Raises VenueError as the handler does, or -2013."""
    rule = faults.strike(QueryRule, name)
    if isinstance(rule, StaleSnapshot):
        snapshot = call.desk.old_snapshots.get(call.values["symbol"])
        if snapshot is not None:
            return snapshot
    result = handler(call)
    if isinstance(rule, QueryLag):
        return hide_young(result, call.now // 1000 - rule.lag_ms)
    if isinstance(rule, StaleOpenOrders):
        return [*result, *lately_open(call, int(rule.lag_ms * 1000))]
    return result


def hide_young(result: Any, limit_ms: float) -> Any:
    """Rows without those that came about after `limit_ms`; one order that did is unknown (VenueError -2013)."""
    if isinstance(result, list):
        return [row for row in result if row["time"] <= limit_ms]
    if result["time"] > limit_ms:
        raise order_not_found()
    return result


def lately_open(call: "Call", lag_us: int) -> list[dict[str, Any]]:
    """Orders that ended within the lag, as they were when they were accepted."""
    symbol, since = call.values.get("symbol"), call.now - lag_us
    found = takewhile(
        lambda order: order.update_time_us >= since, call.account.history.newest_closed()
    )
    rows = []
    for order, _ in zip(found, range(MOST_STALE_ORDERS), strict=False):
        has_rested = (
            order.order_type is not OrderType.MARKET and order.time_in_force is TimeInForce.GTC
        )
        if has_rested and symbol in (None, order.symbol):
            row = wire.order_query(order)
            nothing = {"executedQty": wire.NOTHING, "cummulativeQuoteQty": wire.NOTHING}
            row.update(nothing, status=OrderStatus.NEW.value, updateTime=row["time"])
            row["clientOrderId"] = order.original_client_order_id
            row.pop("expiryReason", None)
            rows.append(row)
    return rows[::-1]
