"""What a gateway reads from Binance: rules, account, single orders; over REST, within the request weight limit.

Orders that succeed weigh nothing, and cancels never wait: only these reads are held back.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from actors.binance.client import BinanceClient
from actors.binance.errors import NO_SUCH_ORDER
from actors.binance.limits import OrderBudget, WeightBudget
from actors.binance.market_requests import BinanceMarket
from actors.binance.orders import BinanceOrders
from actors.gateways.binance_errors import venue_errors
from actors.gateways.errors import Refused
from messages.account import AccountSnapshot
from messages.enums import Exchanges
from messages.instruments import Instrument
from messages.orders import Order

INVALID_SYMBOL = -1121
EXCHANGE_INFO_WEIGHT = 20
ACCOUNT_WEIGHT = 20
OPEN_ORDERS_WEIGHT = 6
ALL_OPEN_ORDERS_WEIGHT = 80
TRADES_OF_ORDER_WEIGHT = 5
QUERY_WEIGHT = 4


class BinanceReads:
    """Reads of one account. Every method raises a GatewayError, or what leaves the answer unknown.

    Reads go over REST even when orders do not: they must work when the WebSocket API fails, and delay no order.
    """

    def __init__(
        self,
        client: BinanceClient,
        order_budget: OrderBudget,
        note: Callable[[Refused], None],
        exchange: Exchanges,
    ) -> None:
        self.client = client
        self.order_budget = order_budget
        self.note = note
        self.weight_budget = WeightBudget()
        self.account = BinanceOrders(client, over_websocket=False, exchange=exchange)
        self.market = BinanceMarket(client, exchange)

    async def order(
        self, symbol: str, client_order_id: str, exchange_order_id: int
    ) -> Order | None:
        """How an order stands, with its executions; None if the venue does not know it."""
        try:
            async with self._reading(QUERY_WEIGHT):
                order = await self.account.query(symbol, client_order_id, exchange_order_id)
        except Refused as error:
            if error.code == NO_SUCH_ORDER:
                return None
            raise
        await self._add_executions(order)
        return order

    async def snapshot(self, symbols: list[str]) -> AccountSnapshot:
        """Balances, fees, and the open orders in these symbols (all, if none is given) with their executions."""
        orders_weight = OPEN_ORDERS_WEIGHT * len(symbols) if symbols else ALL_OPEN_ORDERS_WEIGHT
        async with self._reading(ACCOUNT_WEIGHT + orders_weight):
            snapshot = await self.account.account_snapshot(symbols)
        for order in snapshot.open_orders:
            await self._add_executions(order)
        return snapshot

    async def instruments(self, symbols: list[str]) -> list[Instrument]:
        """The rules of these symbols, unknown ones left out; the limits that come with them are obeyed from now on."""
        try:
            async with self._reading(EXCHANGE_INFO_WEIGHT):
                rules = await self.market.rules(symbols)
        except Refused as error:
            if error.code != INVALID_SYMBOL:
                raise
            if len(symbols) == 1:
                return []
            # One unknown symbol makes the venue refuse all of them.
            return [item for symbol in symbols for item in await self.instruments([symbol])]
        self.order_budget.update_limits(rules.rate_limits)
        self.weight_budget.update_limits(rules.rate_limits)
        return rules.instruments

    async def _add_executions(self, order: Order) -> None:
        """Asks for the executions that an answer only counts."""
        if order.unbooked_quantity > 0 and order.exchange_order_id:
            async with self._reading(TRADES_OF_ORDER_WEIGHT):
                trades = await self.account.trades(
                    order.symbol, exchange_order_id=order.exchange_order_id
                )
            order.executions = [trade.to_execution() for trade in trades]

    @asynccontextmanager
    async def _reading(self, weight: int) -> AsyncIterator[None]:
        """Waits until a read fits into the limit, counts it, and says of its errors what they prove."""
        budget, client = self.weight_budget, self.client
        wait_s = budget.wait_s(weight, client.venue_time_ns())
        while wait_s > 0:
            await asyncio.sleep(wait_s)
            wait_s = budget.wait_s(weight, client.venue_time_ns())
        sent_ns = client.venue_time_ns()
        budget.spend(weight, sent_ns)
        try:
            with venue_errors(self.note):
                yield
        finally:
            counts = [usage for usage in client.usage.counts.values() if usage.time_ns >= sent_ns]
            budget.settle(weight, sent_ns, client.venue_time_ns(), counts)
