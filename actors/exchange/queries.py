"""Which of an account's orders and trades a request asks for.

The common rule (rest-api.md, General API Information): with a start, the oldest first from there; with an end alone, the
newest up to it; with neither, the newest. What is returned is always in the order of time.
"""

from itertools import islice

from actors.exchange.history import OrderHistory
from actors.exchange.orders import AccountTrade, OrderRecord

TimeRange = tuple[int | None, int | None]
"""First and last millisecond, both inclusive."""


def select_orders(
    history: OrderHistory, symbol: str, order_id: int | None, times_ms: TimeRange, limit: int
) -> list[OrderRecord]:
    """allOrders: by the time of the last update, else from an order id on, else the newest.

    With a time the id is ignored (web-socket-api.md, Account order history).
    """
    start_ms, end_ms = times_ms
    if start_ms is None and end_ms is None:
        if order_id is None:
            return list(islice(history.newest_orders(symbol), limit))[::-1]
        return [one for one in history.orders(symbol) if one.order_id >= order_id][:limit]
    chosen = sorted(
        (
            order
            for order in history.orders(symbol)
            if (start_ms is None or order.update_time_us // 1000 >= start_ms)
            and (end_ms is None or order.update_time_us // 1000 <= end_ms)
        ),
        key=lambda order: (order.update_time_us, order.order_id),
    )
    return chosen[-limit:] if start_ms is None else chosen[:limit]


def select_trades(
    history: OrderHistory,
    symbol: str,
    ids: tuple[int | None, int | None],
    times_ms: TimeRange,
    limit: int,
) -> list[AccountTrade]:
    """myTrades; `ids` are the order whose trades are asked for and the trade id to begin with."""
    order_id, from_id = ids
    start_ms, end_ms = times_ms
    trades = history.trades(
        symbol,
        from_id,
        None if start_ms is None else start_ms * 1000,
        None if end_ms is None else end_ms * 1000 + 999,
    )
    if order_id is not None:
        trades = [trade for trade in trades if trade.order_id == order_id]
    return trades[-limit:] if from_id is None and start_ms is None else trades[:limit]
