"""User data events in Binance's form (user-data-stream.md): what an account is told of its orders and balances.

All events of one request carry the same times, `E` and `T`.
"""

from collections.abc import Iterable
from typing import Any

from actors.exchange.accounts import Account
from actors.exchange.orders import Execution, OrderRecord
from actors.exchange.wire import NO_ORDER_LIST, NOTHING, to_ms, to_text
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
    original = ""
    if execution_type is ExecutionType.CANCELED:
        original = order.original_client_order_id
    elif execution_type is ExecutionType.REPLACED and order.amendments:
        original = order.amendments[-1].previous_client_order_id
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
        "P": NOTHING,
        "F": NOTHING,
        "g": NO_ORDER_LIST,
        "C": original,
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
        "w": execution_type is ExecutionType.NEW,
        "m": execution.is_maker if execution else False,
        "M": execution is not None,
        "O": to_ms(order.time_us),
        "Z": to_text(order.executed_quote_quantity),
        "Y": to_text(execution.quote_quantity) if execution else NOTHING,
        "Q": to_text(order.quote_order_quantity),
        "W": to_ms(order.time_us),
        "V": str(order.self_trade_prevention_mode),
    }
    if order.strategy_id is not None:
        report["j"] = order.strategy_id
    if order.strategy_type is not None:
        report["J"] = order.strategy_type
    if execution_type is ExecutionType.EXPIRED and order.expiry_reason is not None:
        report["eR"] = str(order.expiry_reason)
    return report


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
