"""What a gateway reads from Binance: rules, account, single orders; over REST, within the request weight limit.

Orders that succeed weigh nothing, and cancels never wait: only these reads are held back.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import msgspec

from actors.binance.client import BinanceClient
from actors.binance.errors import INVALID_SYMBOL, NO_SUCH_ORDER, BinanceError
from actors.binance.limits import OrderBudget
from actors.binance.market_requests import BinanceMarket
from actors.binance.orders import BinanceOrders
from actors.binance.pacing import ReadPacer
from actors.binance.wire_orders import BinanceTrade
from actors.gateways.binance_errors import VenueErrors
from actors.gateways.errors import GatewayError, Refused
from messages.account import AccountSnapshot
from messages.enums import Exchanges, OrderStatus, OrderType
from messages.instruments import Instrument
from messages.orders import Order

log = logging.getLogger(__name__)

EXCHANGE_INFO_WEIGHT = 20
BOOK_TICKERS_WEIGHT = 4
PRICES_PATIENCE_S = 2.0
"""They spare the first orders a refusal, and a start waits for them no longer."""
ACCOUNT_WEIGHT = 20
OPEN_ORDERS_WEIGHT = 6
ALL_OPEN_ORDERS_WEIGHT = 80
TRADES_WEIGHT = 20
TRADES_OF_ORDER_WEIGHT = 5
TRADES_PER_PAGE = 1000
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
        self.pacer = ReadPacer(client)
        self.account = BinanceOrders(client, over_websocket=False, exchange=exchange)
        self.market = BinanceMarket(client, exchange)
        self._unknown: set[str] = set()
        """Symbols that it was said of that the venue does not know them."""

    async def order(
        self, symbol: str, client_order_id: str, exchange_order_id: int
    ) -> Order | None:
        """How an order stands, with its executions; None if the venue does not know it."""
        order = await self._order_or_none(symbol, client_order_id, exchange_order_id)
        if order is not None:
            await self._add_executions(order)
        return order

    async def _order_or_none(
        self, symbol: str, client_order_id: str, exchange_order_id: int
    ) -> Order | None:
        try:
            async with self._reading(QUERY_WEIGHT):
                return await self.account.query(symbol, client_order_id, exchange_order_id)
        except Refused as error:
            if error.code == NO_SUCH_ORDER:
                return None
            raise

    async def snapshot(
        self, symbols: list[str], trades_after: Mapping[str, int]
    ) -> tuple[AccountSnapshot, dict[str, int]]:
        """The account, with the orders executed after these trade ids; and up to which id each symbol was read so.

        Open orders are those of these symbols (all, if none is given), with all their executions.
        """
        open_orders: list[Order] = []
        if not symbols:
            async with self._reading(ALL_OPEN_ORDERS_WEIGHT):
                open_orders = await self.account.open_orders()
        for symbol in symbols:
            with self._unless_unknown(symbol):
                async with self._reading(OPEN_ORDERS_WEIGHT):
                    open_orders += await self.account.open_orders(symbol)
        async with self._reading(ACCOUNT_WEIGHT):
            snapshot = await self.account.account(open_orders)
        for order in open_orders:
            await self._add_executions(order)
        snapshot.symbols = list(symbols)
        read_to: dict[str, int] = {}
        trades: list[BinanceTrade] = []
        for symbol, trade_id in trades_after.items():
            found: list[BinanceTrade] = []
            with self._unless_unknown(symbol):
                found = await self._trades_after(symbol, trade_id)
            read_to[symbol] = found[-1].trade_id if found else trade_id
            trades += found
        snapshot.executed_orders = await self._orders_of(trades)
        return snapshot, read_to

    async def check_key(self) -> None:
        """Reads the account for no other reason than to see whether the key is good for that."""
        async with self._reading(ACCOUNT_WEIGHT):
            await self.account.account([])

    async def _trades_after(self, symbol: str, trade_id: int) -> list[BinanceTrade]:
        """The account's own trades of a symbol after this one, page by page until a page is not full."""
        trades: list[BinanceTrade] = []
        while True:
            async with self._reading(TRADES_WEIGHT):
                page = await self.account.trades(
                    symbol, from_id=trade_id + 1, limit=TRADES_PER_PAGE
                )
            # A venue may give trades of another order in one page; ours go by their ids.
            news = sorted(
                (trade for trade in page if trade.trade_id > trade_id),
                key=lambda trade: trade.trade_id,
            )
            trades += news
            if len(page) < TRADES_PER_PAGE or not news:
                return trades
            trade_id = news[-1].trade_id

    async def _orders_of(self, trades: list[BinanceTrade]) -> list[Order]:
        """The orders of these trades as they stand now, each with its own of the trades."""
        by_order: dict[tuple[str, int], list[BinanceTrade]] = {}
        for trade in trades:
            by_order.setdefault((trade.symbol, trade.exchange_order_id), []).append(trade)
        orders = []
        for (symbol, exchange_order_id), own in by_order.items():
            order = await self._order_or_none(symbol, "", exchange_order_id)
            if order is None:
                order = order_of_trade(own[0], self.account.exchange)
            order.executions = [trade.to_execution() for trade in own]
            orders.append(order)
        return orders

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
        self.pacer.budget.update_limits(rules.rate_limits)
        return rules.instruments

    async def add_prices(self, instruments: list[Instrument]) -> list[Instrument]:
        """The same with their best prices now; without, where these cannot be read: the feed's come as well. Raises nothing."""
        if not instruments:
            return []
        symbols = [instrument.symbol for instrument in instruments]
        try:
            async with asyncio.timeout(PRICES_PATIENCE_S), self._reading(BOOK_TICKERS_WEIGHT):
                prices = await self.market.best_prices(symbols)
        except (GatewayError, BinanceError, OSError) as error:
            log.info("the best prices of %s are not known yet: %r", ", ".join(symbols), error)
            return instruments
        return [
            msgspec.structs.replace(
                item, bid_price=prices[item.symbol][0], ask_price=prices[item.symbol][1]
            )
            if item.symbol in prices
            else item
            for item in instruments
        ]

    async def _add_executions(self, order: Order) -> None:
        """Asks for the executions that an answer only counts."""
        if order.unbooked_quantity > 0 and order.exchange_order_id:
            async with self._reading(TRADES_OF_ORDER_WEIGHT):
                trades = await self.account.trades(
                    order.symbol, exchange_order_id=order.exchange_order_id
                )
            order.executions = [trade.to_execution() for trade in trades]

    @contextmanager
    def _unless_unknown(self, symbol: str) -> Iterator[None]:
        """A symbol that the venue does not know (any more) has no orders and no trades, and hides those of no other."""
        try:
            yield
        except Refused as error:
            if error.code != INVALID_SYMBOL:
                raise
            if symbol not in self._unknown:
                self._unknown.add(symbol)
                log.info("the venue does not know the symbol %s", symbol)

    @asynccontextmanager
    async def _reading(self, weight: int) -> AsyncIterator[None]:
        """Waits until a read fits into the weight limit, and says of its errors what they prove."""
        async with self.pacer.reading(weight):
            with VenueErrors(self.note):
                yield


def order_of_trade(trade: BinanceTrade, exchange: Exchanges) -> Order:
    """All that a trade says of its order, for one that the venue does not find (its answers may lag)."""
    return Order(
        side=trade.side,
        order_type=OrderType.UNRECOGNISED,
        symbol=trade.symbol,
        exchange=exchange,
        exchange_order_id=trade.exchange_order_id,
        status=OrderStatus.UNKNOWN,
    )
