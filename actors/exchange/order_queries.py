"""Questions about an account's orders and trades, by the venue's ids, the client's ids, or time."""

from actors.exchange import errors
from actors.exchange.accounts import Account
from actors.exchange.orders import AccountTrade, OrderRecord
from actors.exchange.public_markets import PublicMarkets
from actors.exchange.queries import select_orders, select_trades


class OrderQueries(PublicMarkets):
    """A market place whose accounts can be asked about. Unknown symbols are refused with VenueError -1121."""

    def find_order(
        self,
        account: Account,
        symbol: str,
        order_id: int | None = None,
        original_client_order_id: str | None = None,
    ) -> OrderRecord:
        """One order of an account, by the venue's id or by the client's. Raises VenueError (-2013, -2039, -1102)."""
        self.market(symbol)
        order = self.look_up(account, symbol, order_id, original_client_order_id)
        if order is None:
            raise errors.order_not_found()
        return order

    def look_up(
        self, account: Account, symbol: str, order_id: int | None, client_order_id: str | None
    ) -> OrderRecord | None:
        """By the venue's id if there is one, which the client's id must then belong to. Raises VenueError (-2039, -1102)."""
        if order_id is None:
            if client_order_id is None:
                raise errors.missing_both("orderId", "origClientOrderId")
            return account.history.find_by_client_id(symbol, client_order_id)
        order = account.history.find(symbol, order_id)
        if order is None or client_order_id is None:
            return order
        if client_order_id not in (order.client_order_id, order.original_client_order_id):
            raise errors.ids_mismatch()
        return order

    def open_orders(self, account: Account, symbol: str | None = None) -> list[OrderRecord]:
        """The open orders of an account, oldest first. Raises VenueError (-1121)."""
        if symbol is not None:
            self.market(symbol)
        orders = account.history.open.values()
        return [order for order in orders if symbol is None or order.symbol == symbol]

    def all_orders(
        self,
        account: Account,
        symbol: str,
        order_id: int | None = None,
        start_time_ms: int | None = None,
        end_time_ms: int | None = None,
        limit: int = 500,
    ) -> list[OrderRecord]:
        """Orders of any status, oldest first (rest-api.md, All orders). Raises VenueError (-1121)."""
        self.market(symbol)
        return select_orders(account.history, symbol, order_id, (start_time_ms, end_time_ms), limit)

    def my_trades(
        self,
        account: Account,
        symbol: str,
        order_id: int | None = None,
        from_id: int | None = None,
        start_time_ms: int | None = None,
        end_time_ms: int | None = None,
        limit: int = 500,
    ) -> list[AccountTrade]:
        """An account's trades, oldest first (rest-api.md, Account trade list). Raises VenueError (-1121)."""
        self.market(symbol)
        return select_trades(
            account.history, symbol, (order_id, from_id), (start_time_ms, end_time_ms), limit
        )
