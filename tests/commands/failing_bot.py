"""Strategies that fail in the middle of a run, for a configuration that lies beside this file."""

import asyncio
from decimal import Decimal

from actors.strategies.strategy import Strategy
from messages.control import Resync
from messages.market import Trade
from messages.orders import OrderUpdate

FAR_BELOW = 0.95
"""Of the price: a bid there rests."""


class Fragile(Strategy):
    """Lets one bid rest, then fails once, as it is told; after that it counts what it hears and trades no more."""

    def __init__(self, symbol: str, failure: str, quantity: Decimal) -> None:
        self.symbol, self.failure, self.quantity = symbol, failure, quantity
        self.is_second_life = False
        self.trades = 0

    def on_resync(self, resync: Resync) -> None:
        """After a restart: the bid of the first life is known."""
        self.is_second_life = resync.is_restart
        if resync.is_restart:
            self.log.warning(
                "%s is back with %d open orders", self.name, len(self.open_orders(self.symbol))
            )

    def on_trade(self, trade: Trade) -> None:
        """Places where nothing rests, and fails at the third trade."""
        self.trades += 1
        if not self.open_orders(self.symbol):
            self.buy(self.symbol, self.quantity, price=trade.price * FAR_BELOW)
        elif self.trades > 3 and not self.is_second_life:
            # What a handler that raises has asked for is not done.
            self.buy(self.symbol, self.quantity, price=trade.price * FAR_BELOW)
            self.fail()

    def fail(self) -> None:
        """Fails."""
        match self.failure:
            case "ValueError":
                raise ValueError("a mistake")
            case "CancelledError":
                raise asyncio.CancelledError
            case "RecursionError":
                self.fail()
            case "SystemExit":
                raise SystemExit(3)


class Tasked(Fragile):
    """Fails in a task that it has spawned."""

    def on_trade(self, trade: Trade) -> None:
        """Places one bid, then spawns."""
        self.trades += 1
        if not self.open_orders(self.symbol):
            self.buy(self.symbol, self.quantity, price=trade.price * FAR_BELOW)
        elif self.trades > 3 and not self.is_second_life:
            self.is_second_life = True
            self.spawn(self.fail_later())

    async def fail_later(self) -> None:
        """Raises, after a turn of the loop."""
        await asyncio.sleep(0)
        raise ValueError("a task's mistake")


class Hopeless(Strategy):
    """Fails on every update of its own order, in every life."""

    def __init__(self, symbol: str, quantity: Decimal) -> None:
        self.symbol, self.quantity = symbol, quantity

    def on_resync(self, resync: Resync) -> None:
        """Knows how to go on, it thinks."""

    def on_trade(self, trade: Trade) -> None:
        """Places one bid; once it rests, fails."""
        if not self.open_orders(self.symbol):
            self.buy(self.symbol, self.quantity, price=trade.price * FAR_BELOW)
        elif any(order.exchange_order_id for order in self.open_orders(self.symbol)):
            raise ValueError("hopeless")


class Forgetful(Hopeless):
    """The same, but it would not know how to go on: it defines no `on_resync`."""

    on_resync = None  # type: ignore[assignment]

    def on_order_update(self, update: OrderUpdate) -> None:
        """Hears of its order."""
