"""Hummingbot's connector on its own clock: orders by REST, streams, user events on a connection of their own."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

from common import KEY, REST, SECRET, STREAMS, SYMBOL, WS_API, cut, reports_of, run, tell
from hummingbot.connector.exchange.binance import binance_constants
from hummingbot.connector.exchange.binance.binance_exchange import BinanceExchange
from hummingbot.core.clock import Clock, ClockMode
from hummingbot.core.data_type.common import OrderType
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.event.event_forwarder import EventForwarder
from hummingbot.core.event.events import MarketEvent, OrderBookEvent

PAIR = "BTC-USDT"
binance_constants.REST_URL = f"{REST}/api/"
binance_constants.WSS_URL = f"{STREAMS}/ws"
binance_constants.WSS_API_URL = WS_API


class Connector(BinanceExchange):  # type: ignore[misc]
    """The connector, with its user events kept as they came."""

    def __init__(self) -> None:
        super().__init__(KEY, SECRET, trading_pairs=[PAIR])
        self.heard: list[dict[str, Any]] = []

    async def _iter_user_event_queue(self) -> AsyncIterator[dict[str, Any]]:
        async for event in super()._iter_user_event_queue():
            self.heard.append(event)
            yield event

    async def reaches(self, name: str, state: OrderState) -> None:
        """Waits until an order of its own, by the client's id, has come to this state."""

        def has_reached() -> bool:
            order = self._order_tracker.fetch_order(name)
            return order is not None and order.current_state is state

        await until(has_reached)


async def until(holds: Callable[[], bool]) -> None:
    """Waits for a state of the client's that nothing tells of."""
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0.05)


class Market:
    """What came of a symbol's market data."""

    def __init__(self, book: Any) -> None:
        self.book = book
        self.trades = 0
        self.forwarder = EventForwarder(self.count)
        book.add_listener(OrderBookEvent.TradeEvent, self.forwarder)

    def count(self, trade: Any) -> None:
        """One more trade."""
        self.trades += 1

    async def wait(self) -> int:
        """Waits for three trades and a change of the book; tells how many trades it were."""
        trades, update = self.trades, self.book.last_diff_uid
        await until(lambda: self.trades >= trades + 3 and self.book.last_diff_uid > update)
        return self.trades - trades


async def traded() -> None:
    """One run."""
    connector = Connector()
    fills: list[Any] = []
    filled = EventForwarder(fills.append)
    connector.add_listener(MarketEvent.OrderFilled, filled)
    completed: list[Any] = []
    complete = EventForwarder(completed.append)
    connector.add_listener(MarketEvent.BuyOrderCompleted, complete)
    with Clock(ClockMode.REALTIME) as clock:
        clock.add_iterator(connector)
        ticking = asyncio.create_task(clock.run())
        await until(lambda: bool(connector.ready))
        market = Market(connector.get_order_book(PAIR))
        frames = [await market.wait()]
        price = connector.get_price(PAIR, False) * Decimal("0.9")
        names: list[str] = []
        for quantity in ("0.001", "0.002"):
            # It cannot replace: it cancels, and places another.
            name = connector.buy(PAIR, Decimal(quantity), OrderType.LIMIT, price)
            await connector.reaches(name, OrderState.OPEN)
            connector.cancel(PAIR, name)
            await connector.reaches(name, OrderState.CANCELED)
            names.append(name)
        begun = time.time()
        cut("market")
        cut("websocket_api")
        frames.append(await market.wait())
        # The first that comes on a new connection is the answer to its subscription.
        await until(lambda: bool(connector._user_stream_tracker.data_source.last_recv_time > begun))
        names.append(connector.buy(PAIR, Decimal("0.001"), OrderType.MARKET))
        # Not the order's state: a reply that comes after the fill takes it back to OPEN.
        await until(lambda: bool(completed))
        orders = [
            await connector._api_get(
                path_url=binance_constants.ORDER_PATH_URL,
                params={"symbol": SYMBOL, "origClientOrderId": name},
                is_auth_required=True,
            )
            for name in names
        ]
        await connector._update_balances()
        free = connector.available_balances
        ticking.cancel()
    tell(
        [(order["orderId"], order["status"], order["executedQty"]) for order in orders],
        {
            asset: [f"{free[asset]:.8f}", f"{total - free[asset]:.8f}"]
            for asset, total in connector.get_all_balances().items()
        },
        [fill.exchange_trade_id for fill in fills],
        reports_of(connector.heard),
        frames,
    )


run(lambda: asyncio.run(traded()))
