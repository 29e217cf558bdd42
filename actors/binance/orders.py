"""The account's requests in the project's own words: what a gateway asks of the venue, and `Order` back."""

from decimal import Decimal
from typing import Any

from actors.binance.client import BinanceClient
from actors.binance.errors import REPLACE_CODES, UNREADABLE, OutcomeUnknown, RequestRefused
from actors.binance.wire_amend import decode_amendment
from actors.binance.wire_info import account_snapshot_of, decode_account
from actors.binance.wire_lists import (
    Half,
    OrderListAnswer,
    decode_canceled,
    decode_list,
    decode_replacement,
    orders_of_list,
)
from actors.binance.wire_orders import (
    BinanceTrade,
    decode_order,
    decode_orders,
    decode_trades,
    from_binance_order,
    name_of_cancel,
)
from actors.binance.wire_requests import new_order_params, order_list_params, order_reference
from messages.account import AccountSnapshot
from messages.enums import Exchanges, ReplaceMode
from messages.instruments import to_text
from messages.orders import Order

REST_CALLS = {
    "order.place": ("post", "order"),
    "order.cancel": ("delete", "order"),
    "order.cancelReplace": ("post", "order/cancelReplace"),
    "orderList.place.oco": ("post", "orderList/oco"),
    "orderList.place.oto": ("post", "orderList/oto"),
    "orderList.place.otoco": ("post", "orderList/otoco"),
    "orderList.cancel": ("delete", "orderList"),
    "orderList.status": ("get", "orderList"),
    "order.amend.keepPriority": ("put", "order/amend/keepPriority"),
    "order.status": ("get", "order"),
    "openOrders.status": ("get", "openOrders"),
    "account.status": ("get", "account"),
    "myTrades": ("get", "myTrades"),
}
"""The REST form of each WebSocket API method used here: they take the same parameters and give the same answers."""


class BinanceOrders:
    """Order entry, queries and the account, over the WebSocket API or over REST.

    Every method raises the four errors of `actors.binance.errors` and nothing else, save ValueError from what places an
    order that cannot be put into words. An answer that cannot be read is an unknown outcome.
    """

    def __init__(
        self,
        client: BinanceClient,
        *,
        over_websocket: bool = True,
        exchange: Exchanges = Exchanges.BINANCE,
    ) -> None:
        self.client = client
        self.over_websocket = over_websocket
        self.exchange = exchange

    async def place(self, order: Order, send_before_ns: int = 0) -> Order:
        """Places an order; the answer has its fills so far."""
        params = new_order_params(order)
        # The same as `_ask`, a step shorter: every order passes here.
        if self.over_websocket:
            data = await self.client.ws_api.request(
                "order.place", params, send_before_ns=send_before_ns
            )
        else:
            data = await self.client.call(
                "post", "order", params, signed=True, send_before_ns=send_before_ns
            )
        answer = self._order(data)
        if answer.client_order_id != order.client_order_id or answer.symbol != order.symbol:
            text = f"the answer is about {answer.symbol} {answer.client_order_id!r}: {data[:200]!r}"
            raise OutcomeUnknown(text)
        return answer

    async def cancel(self, symbol: str, client_order_id: str, exchange_order_id: int = 0) -> Order:
        """Cancels an order; the answer may tell of a part that was executed before.

        The cancel has a name that tells its order's, for that is what the venue calls the order from then on.
        """
        reference = order_reference(symbol, client_order_id, exchange_order_id)
        name = name_of_cancel(client_order_id)
        if name is not None:
            reference["newClientOrderId"] = name
        data = await self._ask("order.cancel", reference)
        try:
            return decode_canceled(data, client_order_id, exchange_order_id, self.exchange)
        except UNREADABLE as error:
            raise unreadable(data, error) from error

    async def place_list(
        self, list_id: str, orders: list[Order], send_before_ns: int = 0
    ) -> list[Order]:
        """Places a list of orders in one request: each as it stands."""
        method, params = order_list_params(list_id, orders)
        return self._listed(await self._ask(method, params, send_before_ns))

    async def cancel_list(
        self, symbol: str, list_id: str, exchange_list_id: int = -1
    ) -> list[Order]:
        """Cancels a list with all its orders: each as it stands."""
        params: dict[str, str | int] = {"symbol": symbol}
        if exchange_list_id >= 0:
            params["orderListId"] = exchange_list_id
        else:
            params["listClientOrderId"] = list_id
        return self._listed(await self._ask("orderList.cancel", params))

    async def query_list(self, list_id: str, exchange_list_id: int = -1) -> OrderListAnswer:
        """How a list stands; its orders are asked for one by one."""
        params: dict[str, str | int] = {"origClientOrderId": list_id}
        if exchange_list_id >= 0:
            params = {"orderListId": exchange_list_id}
        data = await self._ask("orderList.status", params)
        try:
            return decode_list(data)
        except UNREADABLE as error:
            raise unreadable(data, error) from error

    async def replace(
        self,
        order: Order,
        client_order_id: str,
        exchange_order_id: int = 0,
        mode: ReplaceMode = ReplaceMode.STOP_ON_FAILURE,
        send_before_ns: int = 0,
    ) -> tuple[Half, Half]:
        """Cancels one order and places another in one request: what became of each."""
        params = new_order_params(order) | {"cancelReplaceMode": mode}
        if exchange_order_id:
            params["cancelOrderId"] = exchange_order_id
        else:
            params["cancelOrigClientOrderId"] = client_order_id
        name = name_of_cancel(client_order_id)
        if name is not None:
            params["cancelNewClientOrderId"] = name
        try:
            data = await self._ask("order.cancelReplace", params, send_before_ns)
        except RequestRefused as error:
            if error.code not in REPLACE_CODES:
                raise
            data = error.body
        try:
            return decode_replacement(data, self.exchange)
        except UNREADABLE as error:
            raise unreadable(data, error) from error

    async def amend(
        self,
        symbol: str,
        client_order_id: str,
        quantity: Decimal,
        new_client_order_id: str,
        exchange_order_id: int = 0,
        send_before_ns: int = 0,
    ) -> Order:
        """Reduces an order's quantity; it keeps its place in the queue, and gets another client order id."""
        params = {
            **order_reference(symbol, client_order_id, exchange_order_id),
            "newQty": to_text(quantity),
            "newClientOrderId": new_client_order_id,
        }
        data = await self._ask("order.amend.keepPriority", params, send_before_ns)
        try:
            return decode_amendment(data, self.exchange)
        except UNREADABLE as error:
            raise unreadable(data, error) from error

    async def query(self, symbol: str, client_order_id: str, exchange_order_id: int = 0) -> Order:
        """How an order stands; the venue's answer may lag behind its matching engine."""
        reference = order_reference(symbol, client_order_id, exchange_order_id)
        order = self._order(await self._ask("order.status", reference))
        if client_order_id and not exchange_order_id:
            # A canceled order goes by the id of its cancel (web-socket-api.md, Cancel order): it is the one asked for.
            order.client_order_id = client_order_id
        return order

    async def open_orders(self, symbol: str | None = None) -> list[Order]:
        """All open orders of a symbol (weight 6), or of the account (weight 80)."""
        data = await self._ask("openOrders.status", {"symbol": symbol})
        try:
            return [from_binance_order(order, self.exchange) for order in decode_orders(data)]
        except UNREADABLE as error:
            raise unreadable(data, error) from error

    async def account(self, open_orders: list[Order]) -> AccountSnapshot:
        """Balances and fees, in one message with the open orders that were read before."""
        data = await self._ask("account.status", {"omitZeroBalances": True})
        try:
            return account_snapshot_of(decode_account(data), open_orders, self.exchange)
        except UNREADABLE as error:
            raise unreadable(data, error) from error

    async def trades(
        self,
        symbol: str,
        *,
        from_id: int | None = None,
        exchange_order_id: int | None = None,
        limit: int = 1000,
    ) -> list[BinanceTrade]:
        """The account's executions, oldest first: from a trade id on, or of one order (weight 5 instead of 20)."""
        params = {
            "symbol": symbol,
            "fromId": from_id,
            "orderId": exchange_order_id,
            "limit": limit,
        }
        data = await self._ask("myTrades", params)
        try:
            return decode_trades(data)
        except UNREADABLE as error:
            raise unreadable(data, error) from error

    async def _ask(self, method: str, params: Any, send_before_ns: int = 0) -> bytes:
        if self.over_websocket:
            result: bytes = await self.client.ws_api.request(
                method, params, send_before_ns=send_before_ns
            )
            return result
        verb, path = REST_CALLS[method]
        return await self.client.call(
            verb, path, params, signed=True, send_before_ns=send_before_ns
        )

    def _listed(self, data: bytes) -> list[Order]:
        try:
            return orders_of_list(decode_list(data), self.exchange)
        except UNREADABLE as error:
            raise unreadable(data, error) from error

    def _order(self, data: bytes) -> Order:
        try:
            return from_binance_order(decode_order(data), self.exchange)
        except UNREADABLE as error:
            raise unreadable(data, error) from error


def unreadable(data: bytes, error: Exception) -> OutcomeUnknown:
    """The error for an answer of success that has not the form it should have."""
    return OutcomeUnknown(f"the answer cannot be read ({error}): {data[:200]!r}")
