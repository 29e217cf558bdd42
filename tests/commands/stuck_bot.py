"""Strategies whose handlers never return, or return late, for a configuration that lies beside this file."""

import time
from decimal import Decimal

from actors.runtime.actor import Actor
from actors.strategies.strategy import Strategy
from messages.control import ActorStopped
from messages.market import BookTicker
from messages.orders import OrderUpdate

LATE_S = 2.0


class Stuck(Strategy):
    """Places an order that rests, and then computes for ever, whatever goes wrong within."""

    def __init__(self, symbol: str, price: Decimal, quantity: Decimal) -> None:
        self.symbol, self.price, self.quantity = symbol, price, quantity
        self.rounds = 0

    def on_book_ticker(self, ticker: BookTicker) -> None:
        """Orders once."""
        if self.is_flat(self.symbol):
            self.buy(self.symbol, self.quantity, price=self.price)

    def on_order_update(self, update: OrderUpdate) -> None:
        """Does not return once its order rests."""
        if update.order.status != "NEW":
            return
        self.log.warning("from here on there is no return")
        while True:
            try:
                self.rounds += 1
            except Exception:
                self.rounds = 0


class Sleepy(Strategy):
    """Places an order that rests, and then takes two seconds over every price."""

    def __init__(self, symbol: str, price: Decimal, quantity: Decimal) -> None:
        self.symbol, self.price, self.quantity = symbol, price, quantity
        self.is_asleep = False

    def on_order_update(self, update: OrderUpdate) -> None:
        """Its order rests."""
        self.is_asleep = self.is_asleep or update.order.status == "NEW"

    def on_book_ticker(self, ticker: BookTicker) -> None:
        """Orders once, and sleeps every time from when that rests."""
        if self.is_asleep:
            self.log.warning("this takes a while")
            time.sleep(LATE_S)
        elif not self.open_orders(self.symbol):
            self.buy(self.symbol, self.quantity, price=self.price)


class Fragile(Actor):
    """The bot cannot do without it, and it breaks at a price that comes when orders rest."""

    is_essential = True
    max_restarts = 0

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.heard = 0

    def on_book_ticker(self, ticker: BookTicker) -> None:
        """Breaks after a while."""
        self.heard += 1
        if self.heard > 50:
            raise ZeroDivisionError


class Numb(Actor):
    """Does not return from hearing that another is out."""

    def on_actor_stopped(self, stopped: ActorStopped) -> None:
        """Does not return."""
        self.log.warning("from here on there is no return")
        while stopped.actor == "Fragile":
            pass
