"""Order entry: by WebSocket API, and by REST when the socket cannot be had.

A request goes by REST only if it is proven that the socket did not take it. One whose outcome is unknown is never sent
again, by whatever way.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from actors.binance.client import BinanceClient
from actors.binance.errors import NotSent
from actors.binance.orders import BinanceOrders
from actors.binance.wire_lists import Half
from messages.enums import Exchanges
from messages.order_requests import NewOrderListRequest, ReplaceOrderRequest
from messages.orders import AmendOrderRequest, CancelOrderRequest, NewOrderRequest, Order

SECOND_NS = 1_000_000_000
AnswerType = TypeVar("AnswerType")


class OrderEntry:
    """Places, cancels and amends. Raises the errors of `actors.binance.errors`, and ValueError as `BinanceOrders.place`.

    New orders go by REST once the socket has been missing for `fallback_after_s`; until then they are told to be unsent.
    Cancels and amendments take the other way at once.
    """

    def __init__(
        self,
        client: BinanceClient,
        monotonic_ns: Callable[[], int],
        exchange: Exchanges,
        *,
        over_websocket: bool,
        fallback_after_s: float,
    ) -> None:
        self.client = client
        self.monotonic_ns = monotonic_ns
        self.over_websocket = over_websocket
        self.fallback_after_ns = round(fallback_after_s * SECOND_NS)
        self.missing_since_ns: int | None = None
        """Since when the socket could not be had, by the monotonic clock; None while it can."""
        self._websocket = BinanceOrders(client, over_websocket=True, exchange=exchange)
        self._rest = BinanceOrders(client, over_websocket=False, exchange=exchange)

    @property
    def is_fallen_back(self) -> bool:
        """Whether new orders go by REST although they should go by the socket."""
        since_ns = self.missing_since_ns
        return since_ns is not None and self.monotonic_ns() - since_ns >= self.fallback_after_ns

    @property
    def is_rest_ready(self) -> bool:
        """Whether a new order would go by REST, and find a connection open."""
        if self.over_websocket and (self.client.ws_api.is_connected or not self.is_fallen_back):
            return False
        return self.client.direct.is_ready

    async def keep_rest_ready(self) -> None:
        """Keeps connections open for orders by REST, if that is their way or the socket cannot be had."""
        if self.over_websocket and self.missing_since_ns is None:
            self.client.direct.let_go()
        else:
            await self.client.keep_direct()

    async def keep_connected(self) -> None:
        """Connects the socket if it is missing, so that no order has to wait for that."""
        if not self.over_websocket:
            return
        if not self.client.ws_api.is_connected:
            try:
                await self.client.ws_api.connect(at_once=False)
            except NotSent:
                self._note_missing()
                return
        self.missing_since_ns = None

    async def place(self, request: NewOrderRequest) -> Order:
        """Places an order."""
        if not self.over_websocket:
            # The same as below, two steps shorter.
            return await self._rest.place(request.order, request.send_before_ns)
        if self.missing_since_ns is None:
            try:
                return await self._websocket.place(request.order, request.send_before_ns)
            except NotSent:
                if self.client.ws_api.is_connected:
                    raise
                self._note_missing()
                raise
        return await self._carry_out(
            lambda orders: orders.place(request.order, request.send_before_ns), is_urgent=False
        )

    async def cancel(self, request: CancelOrderRequest, exchange_order_id: int) -> Order:
        """Cancels an order, by the venue's own id where it is known."""
        return await self._carry_out(
            lambda orders: orders.cancel(
                request.symbol, request.client_order_id, exchange_order_id
            ),
            is_urgent=True,
        )

    async def place_list(self, request: NewOrderListRequest) -> list[Order]:
        """Places a list of orders."""
        return await self._carry_out(
            lambda orders: orders.place_list(
                request.list_id, request.orders, request.send_before_ns
            ),
            is_urgent=False,
        )

    async def cancel_list(self, request: CancelOrderRequest) -> list[Order]:
        """Cancels a list."""
        return await self._carry_out(
            lambda orders: orders.cancel_list(
                request.symbol, request.list_id, request.exchange_list_id
            ),
            is_urgent=True,
        )

    async def replace(
        self, request: ReplaceOrderRequest, exchange_order_id: int
    ) -> tuple[Half, Half]:
        """Cancels one order and places another."""
        return await self._carry_out(
            lambda orders: orders.replace(
                request.order,
                request.client_order_id,
                exchange_order_id,
                request.mode,
                request.send_before_ns,
            ),
            is_urgent=False,
        )

    async def amend(self, request: AmendOrderRequest, exchange_order_id: int) -> Order:
        """Reduces an order's quantity."""
        return await self._carry_out(
            lambda orders: orders.amend(
                request.symbol,
                request.client_order_id,
                request.quantity,
                request.new_client_order_id,
                exchange_order_id,
                request.send_before_ns,
            ),
            is_urgent=True,
        )

    async def _carry_out(
        self, call: Callable[[BinanceOrders], Awaitable[AnswerType]], is_urgent: bool
    ) -> AnswerType:
        if not self.over_websocket:
            return await call(self._rest)
        if not self.client.ws_api.is_connected and self.is_fallen_back:
            return await call(self._rest)
        try:
            answer = await call(self._websocket)
        except NotSent:
            if self.client.ws_api.is_connected:
                raise
            self._note_missing()
            if is_urgent or self.is_fallen_back:
                return await call(self._rest)
            raise
        self.missing_since_ns = None
        return answer

    def _note_missing(self) -> None:
        if self.missing_since_ns is None:
            self.missing_since_ns = self.monotonic_ns()
