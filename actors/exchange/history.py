"""An account's orders and trades: what is open, what has ended, and how both are found.

Bounded: of orders that have ended the last `CLOSED_ORDERS_KEPT` are remembered, of each symbol's trades the last
`TRADES_KEPT`. Order ids and trade ids only grow, so both lie in the order of their ids.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator

from actors.exchange.orders import AccountTrade, OrderList, OrderRecord, PreventedMatch

CLOSED_ORDERS_KEPT = 200_000
TRADES_KEPT = 200_000
ORDER_LISTS_KEPT = 50_000
PREVENTED_MATCHES_KEPT = 50_000


class OrderHistory:
    """The orders and trades of one account."""

    def __init__(
        self, closed_orders_kept: int = CLOSED_ORDERS_KEPT, order_lists_kept: int = ORDER_LISTS_KEPT
    ) -> None:
        self._closed_orders_kept = closed_orders_kept
        self._order_lists_kept = order_lists_kept
        self.open: dict[int, OrderRecord] = {}
        """By order id, oldest first."""
        self._open_counts: dict[str, int] = {}
        self._open_client_ids: set[str] = set()
        self._orders: dict[str, dict[int, OrderRecord]] = {}
        self._by_client_id: dict[tuple[str, str], OrderRecord] = {}
        self._closed: deque[OrderRecord] = deque()
        self._trades: dict[str, list[AccountTrade]] = {}
        self.order_lists: dict[int, OrderList] = {}
        """Those of the last lists, by their ids, oldest first."""
        self._lists_by_client_id: dict[str, OrderList] = {}
        """The newest of each client's id."""
        self._prevented: deque[tuple[str, PreventedMatch]] = deque(maxlen=PREVENTED_MATCHES_KEPT)

    def is_open_client_id(self, client_order_id: str) -> bool:
        """Whether an open order has this id; an id may be used again after its order has ended."""
        return client_order_id in self._open_client_ids

    def add(self, order: OrderRecord) -> None:
        """Takes in a new order."""
        self.open[order.order_id] = order
        self._open_counts[order.symbol] = self._open_counts.get(order.symbol, 0) + 1
        self._open_client_ids.add(order.client_order_id)
        self._orders.setdefault(order.symbol, {})[order.order_id] = order
        self._by_client_id[order.symbol, order.client_order_id] = order

    def rename(self, order: OrderRecord, client_order_id: str) -> None:
        """Gives an open order another client's id; by the old one it is no longer found."""
        key = (order.symbol, order.client_order_id)
        if self._by_client_id.get(key) is order:
            del self._by_client_id[key]
        self._open_client_ids.discard(order.client_order_id)
        order.client_order_id = order.original_client_order_id = client_order_id
        self._open_client_ids.add(client_order_id)
        self._by_client_id[order.symbol, client_order_id] = order

    def close(self, order: OrderRecord) -> None:
        """Notes that an order has ended; it can be found by the id it was placed with and by that of its cancel."""
        del self.open[order.order_id]
        self._open_counts[order.symbol] -= 1
        self._open_client_ids.discard(order.original_client_order_id)
        if order.client_order_id != order.original_client_order_id:
            self._by_client_id.setdefault((order.symbol, order.client_order_id), order)
        self._closed.append(order)
        if len(self._closed) > self._closed_orders_kept:
            self._forget(self._closed.popleft())

    def _forget(self, order: OrderRecord) -> None:
        del self._orders[order.symbol][order.order_id]
        for client_id in (order.client_order_id, order.original_client_order_id):
            if self._by_client_id.get((order.symbol, client_id)) is order:
                del self._by_client_id[order.symbol, client_id]

    def open_count(self, symbol: str) -> int:
        """How many orders are open in a symbol."""
        return self._open_counts.get(symbol, 0)

    def find(self, symbol: str, order_id: int) -> OrderRecord | None:
        """An order by the venue's id."""
        return self._orders.get(symbol, {}).get(order_id)

    def find_by_client_id(self, symbol: str, client_order_id: str) -> OrderRecord | None:
        """The newest order that was placed with a client's id, or was canceled by it."""
        return self._by_client_id.get((symbol, client_order_id))

    def orders(self, symbol: str) -> list[OrderRecord]:
        """All orders of a symbol, oldest first."""
        return list(self._orders.get(symbol, {}).values())

    def newest_orders(self, symbol: str) -> Iterator[OrderRecord]:
        """All orders of a symbol, newest first."""
        return reversed(self._orders.get(symbol, {}).values())

    def newest_closed(self) -> Iterator[OrderRecord]:
        """The orders that have ended, the last one first."""
        return reversed(self._closed)

    def add_trade(self, trade: AccountTrade) -> None:
        """Takes in a trade."""
        trades = self._trades.setdefault(trade.symbol, [])
        trades.append(trade)
        if len(trades) >= 2 * TRADES_KEPT:
            del trades[:-TRADES_KEPT]

    def trades(
        self,
        symbol: str,
        from_id: int | None,
        start_time_us: int | None,
        end_time_us: int | None,
    ) -> list[AccountTrade]:
        """The trades of a symbol within bounds (all inclusive), oldest first."""
        trades = self._trades.get(symbol, [])
        first, last = 0, len(trades)
        if from_id is not None:
            first = bisect_left(trades, from_id, key=lambda trade: trade.trade_id)
        if start_time_us is not None:
            first = max(first, bisect_left(trades, start_time_us, key=lambda trade: trade.time_us))
        if end_time_us is not None:
            last = bisect_right(trades, end_time_us, key=lambda trade: trade.time_us)
        return trades[first:last]

    def add_list(self, order_list: OrderList) -> None:
        """Takes in a new list; forgets the oldest that is done, if there are too many."""
        self.order_lists[order_list.list_id] = order_list
        self._lists_by_client_id[order_list.client_id] = order_list
        if len(self.order_lists) > self._order_lists_kept:
            done = next((one for one in self.order_lists.values() if one.is_done), None)
            if done is not None:
                del self.order_lists[done.list_id]
                if self._lists_by_client_id.get(done.client_id) is done:
                    del self._lists_by_client_id[done.client_id]

    def find_list(self, client_id: str) -> OrderList | None:
        """The newest list with a client's id."""
        return self._lists_by_client_id.get(client_id)

    def add_prevented(self, symbol: str, match: PreventedMatch) -> None:
        """Takes in a prevented match."""
        self._prevented.append((symbol, match))

    def prevented(self, symbol: str) -> list[PreventedMatch]:
        """The prevented matches of a symbol, oldest first."""
        return [match for one, match in self._prevented if one == symbol]
