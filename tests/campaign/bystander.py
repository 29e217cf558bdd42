"""The account's owner, who trades by hand beside the bot, and what must have become of the orders."""

import random
import urllib.error
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from actors.exchange.stored import StoredOrder
from messages.enums import OrderStatus
from tests.campaign.processes import Exchange

PREFIX = "by-hand-"
PAUSE_S = 0.25


class Bystander:
    """Places bids and offers far from the market, cancels some, and buys and sells a little at the market."""

    def __init__(self, exchange: Exchange, seed: int) -> None:
        self.exchange = exchange
        self.chance = random.Random(f"bystander {seed}")
        self.count = 0
        self.resting: list[str] = []
        """Taken by the exchange, and not canceled."""
        self.canceled: list[str] = []
        self.traded: dict[str, Decimal] = {}
        """What was executed of each, as the exchange answered."""
        self.unsure: set[str] = set()
        """Orders of which a request was not answered: the exchange was away."""

    def act(self) -> None:
        """Does one thing."""
        kind = self.chance.random()
        # One is left to rest to the end.
        if kind < 0.2 and len(self.resting) > 1:
            self.cancel(self.resting[self.chance.randrange(len(self.resting))])
        elif kind < 0.5:
            self.trade("BUY" if self.chance.random() < 0.5 else "SELL")
        else:
            self.rest("BUY" if self.chance.random() < 0.5 else "SELL")

    def rest(self, side: str) -> None:
        """An order that waits where the market does not come."""
        price = "20000" if side == "BUY" else "200000"
        answer = self.place(side, type="LIMIT", timeInForce="GTC", quantity="0.01", price=price)
        if answer:
            self.resting.append(answer["clientOrderId"])

    def trade(self, side: str) -> None:
        """An order at the market."""
        answer = self.place(side, type="MARKET", quantity="0.0007")
        if answer:
            self.traded[answer["clientOrderId"]] = Decimal(answer["executedQty"])

    def place(self, side: str, **params: str) -> Any:
        """The exchange's answer, if it has taken the order."""
        self.count += 1
        name = f"{PREFIX}{self.count}"
        return self.ask("POST", name, side=side, newClientOrderId=name, **params)

    def cancel(self, name: str) -> None:
        """Cancels one that rests."""
        self.resting.remove(name)
        if self.ask("DELETE", name, origClientOrderId=name):
            self.canceled.append(name)

    def ask(self, method: str, name: str, **params: str) -> Any:
        """One request about an order; None without an answer."""
        try:
            return self.exchange.ask(method, "order", symbol="BTCUSDT", **params)
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise AssertionError(f"{name} was refused: {error.read()!r}") from error
            self.unsure.add(name)
        except OSError:
            self.unsure.add(name)
        return None

    def find_wrong(self, orders: dict[str, StoredOrder], open_names: set[str]) -> Iterator[str]:
        """What anybody else has done to the orders; `orders` are the venue's by the names that they were given."""
        for name in self.resting:
            order = orders.get(name)
            if order is None or name not in open_names:
                yield f"{name} rested and is gone"
            elif order.executed_quantity or order.amendments or order.quantity != Decimal("0.01"):
                yield f"{name} rested and was touched: {order}"
        for name in self.canceled:
            order = orders.get(name)
            if order is None or order.status is not OrderStatus.CANCELED:
                yield f"{name} was canceled and is {order}"
        for name, quantity in self.traded.items():
            order = orders.get(name)
            if order is None or order.executed_quantity != quantity:
                yield f"{name} had executed {quantity} and is {order}"
        known = {*self.resting, *self.canceled, *self.traded, *self.unsure}
        for name in sorted(orders):
            if name.startswith(PREFIX) and name not in known:
                yield f"{name} is at the venue and was not placed by hand"
