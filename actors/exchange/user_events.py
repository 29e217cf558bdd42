"""User data events in Binance's form (user-data-stream.md): what an account is told of its orders and balances.

All events of one request carry the same times, `E` and `T`.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from actors.exchange.accounts import Account
from actors.exchange.matching import quote_amount
from actors.exchange.orders import (
    ZERO,
    Execution,
    ListStatusType,
    OrderList,
    OrderRecord,
    PreventedMatch,
)
from actors.exchange.wire import NO_TRADE_GROUP, NOTHING, list_order_status, to_ms, to_text
from messages.enums import ExecutionType


def execution_report(
    order: OrderRecord,
    execution_type: ExecutionType,
    execution_id: int,
    time_us: int,
    execution: Execution | None = None,
) -> dict[str, Any]:
    """One executionReport of an order as it stands now; `execution` belongs to the type TRADE.

    `w` is true only in the report of its acceptance, as on Binance. In a CANCELED report `C` holds the id that the
    order was placed with and `c` that of the cancel, in a REPLACED report those before and after; elsewhere `C` is empty.
    """
    report = {
        "e": "executionReport",
        "E": to_ms(time_us),
        "s": order.symbol,
        "c": order.client_order_id,
        "S": str(order.side),
        "o": str(order.order_type),
        "f": str(order.time_in_force),
        "q": to_text(order.quantity),
        "p": to_text(order.price),
        "P": to_text(order.stop_price or ZERO),
        "F": to_text(order.iceberg_quantity or ZERO),
        "g": order.order_list_id,
        "C": _original_id(order, execution_type),
        "x": str(execution_type),
        "X": str(order.status),
        "r": "NONE",
        "i": order.order_id,
        "l": to_text(execution.quantity) if execution else NOTHING,
        "z": to_text(order.executed_quantity),
        "L": to_text(execution.price) if execution else NOTHING,
        "n": to_text(execution.commission) if execution else "0",
        "N": execution.commission_asset if execution else None,
        "T": to_ms(time_us),
        "t": execution.trade_id if execution else -1,
        "I": execution_id,
        "w": execution_type is ExecutionType.NEW and bool(order.working_time_us),
        "m": execution.is_maker if execution else False,
        "M": execution is not None,
        "O": to_ms(order.time_us),
        "Z": to_text(order.executed_quote_quantity),
        "Y": to_text(execution.quote_quantity) if execution else NOTHING,
        "Q": to_text(order.quote_order_quantity),
    }
    return _add_conditional(report, order, execution_type)


def _original_id(order: OrderRecord, execution_type: ExecutionType) -> str:
    """The id that the order was known by before this report, where the report is about another one."""
    if execution_type is ExecutionType.CANCELED:
        return order.original_client_order_id
    if execution_type is ExecutionType.REPLACED and order.amendments:
        return order.amendments[-1].previous_client_order_id
    return ""


def _add_conditional(
    report: dict[str, Any], order: OrderRecord, execution_type: ExecutionType
) -> dict[str, Any]:
    """Fields that are there only when they apply (user-data-stream.md, Conditional Fields in Execution Report)."""
    if order.working_time_us:
        report["W"] = to_ms(order.working_time_us)
    report["V"] = str(order.self_trade_prevention_mode)
    if order.trailing_delta is not None:
        report["d"] = order.trailing_delta
        report["D"] = -1 if order.trailing_time_us is None else to_ms(order.trailing_time_us)
    if order.strategy_id is not None:
        report["j"] = order.strategy_id
    if order.strategy_type is not None:
        report["J"] = order.strategy_type
    if execution_type is ExecutionType.EXPIRED and order.expiry_reason is not None:
        report["eR"] = str(order.expiry_reason)
    return report


def prevention_fields(
    order: OrderRecord,
    counter: OrderRecord,
    match: PreventedMatch,
    last: Decimal,
    quantity: Decimal,
) -> dict[str, Any]:
    """What a TRADE_PREVENTION report has besides: `last` expired of the order, `quantity` would have traded."""
    return {
        "v": match.number,
        "A": to_text(order.prevented_quantity),
        "B": to_text(last),
        "u": NO_TRADE_GROUP,
        "U": counter.order_id,
        "Cs": counter.symbol,
        "pl": to_text(quantity),
        "pL": to_text(match.price),
        "pY": to_text(quote_amount(match.price, quantity)),
    }


def list_status(order_list: OrderList, kind: ListStatusType, time_us: int) -> dict[str, Any]:
    """listStatus: how a list stands, and its orders by their own ids, as in the answers about it."""
    return {
        "e": "listStatus",
        "E": to_ms(time_us),
        "s": order_list.symbol,
        "g": order_list.list_id,
        "c": str(order_list.contingency),
        "l": str(kind),
        "L": list_order_status(order_list),
        "r": "NONE",
        "C": order_list.client_id,
        "T": to_ms(time_us),
        "O": [
            {"s": order.symbol, "i": order.order_id, "c": order.original_client_order_id}
            for order in order_list.orders
        ],
    }


def account_position(account: Account, assets: Iterable[str], time_us: int) -> dict[str, Any]:
    """outboundAccountPosition: absolute balances of the assets that may have changed."""
    balances = [(asset, account.balance(asset)) for asset in assets]
    return {
        "e": "outboundAccountPosition",
        "E": to_ms(time_us),
        "u": to_ms(account.update_time_us),
        "B": [
            {"a": asset, "f": to_text(balance.free), "l": to_text(balance.locked)}
            for asset, balance in balances
        ],
    }
