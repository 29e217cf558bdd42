"""A whole bot on a small venue that lives on when the bot ends, and a strategy whose state is easily checked."""

import asyncio
from collections.abc import Callable
from typing import Any

from actors.order_manager.manager import OrderManager
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from actors.strategies.strategy import Strategy
from actors.testing import make_probe, received_by
from messages.control import ActorRestarted, HaltTrading, Resync
from messages.enums import Exchanges
from messages.market import Trade
from messages.orders import Fill, OrderUpdate
from tests.order_manager.venue import SmallFeed, SmallGateway

PATIENCE_S = 60.0
"""An order that was on its way as the bot stopped is proven absent only after some ten seconds; so long nothing is bought."""
Observer = make_probe(OrderUpdate, Fill, ActorRestarted, HaltTrading, name="Observer")


class FragileManager(OrderManager):
    """Fails on certain trades of the market."""

    def __init__(self, bot: str, failing_on: list[int]) -> None:
        super().__init__(bot, checkpoint_entries=7)
        self.failing_on = failing_on

    def on_trade(self, trade: Trade) -> None:
        if trade.trade_id in self.failing_on:
            raise ValueError("a fault of the order manager")


class Counting(Strategy):
    """Rests one order far away, and buys and sells in turns; counts its purchases over all its lives."""

    def __init__(self, symbol: str, exchange: Exchanges) -> None:
        self.symbol, self.exchange = symbol, exchange
        self.purchases = 0
        self.resyncs: list[Resync] = []

    def on_resync(self, resync: Resync) -> None:
        self.resyncs.append(resync)

    def save_state(self) -> dict[str, int]:
        return {"purchases": self.purchases}

    def load_state(self, state: dict[str, int]) -> None:
        self.purchases = state["purchases"]

    def on_trade(self, trade: Trade) -> None:
        if not any(order.price == 50 for order in self.open_orders(self.symbol)):
            self.buy(self.symbol, "1", "50")
        if self.free_quantity(self.symbol):
            self.sell(self.symbol, self.free_quantity(self.symbol))
        elif len(self.open_orders(self.symbol)) == 1 and trade.trade_id % 5 == 0:
            self.purchases += 1
            self.buy(self.symbol, "0.5")


class LastingGateway(SmallGateway):
    """Its venue lives on when the bot ends: it goes on with what an earlier gateway left."""

    def __init__(self, exchange: Exchanges, earlier: SmallGateway | None) -> None:
        super().__init__(exchange)
        if earlier is not None:
            self.orders, self.balances = earlier.orders, earlier.balances
            self.trade_count, self.doubled = earlier.trade_count, earlier.doubled


def make_specifications(
    failing_on: list[int], earlier: SmallGateway | None = None
) -> list[ActorSpecification]:
    venue = Exchanges.CUSTOM
    return [
        ActorSpecification(Counting, "counting", {"symbol": "BTCUSDT", "exchange": venue}),
        ActorSpecification(Observer, "observer"),
        ActorSpecification(
            FragileManager, "order_manager", {"bot": "bot", "failing_on": failing_on}
        ),
        ActorSpecification(LastingGateway, "gateway", {"exchange": venue, "earlier": earlier}),
        ActorSpecification(SmallFeed, "feed", {"exchange": venue}),
    ]


async def wait_until(condition: Callable[[], bool]) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.005)


def heard(system: System, message_class: type[Any]) -> list[Any]:
    return [each for each in received_by(system, "observer") if isinstance(each, message_class)]


def instance_of(system: System, name: str) -> Any:
    return system.cells[name].instance


def resting_at_venue(gateway: SmallGateway) -> int:
    return sum(1 for order in gateway.orders.values() if order.is_open and order.price == 50)
