"""Strategies that begin again: what they are told, what they must not forget, and which may."""

from decimal import Decimal
from typing import Any

import pytest

from actors.runtime.clock import SimulatedClock, random_for
from actors.runtime.context import ActorContext
from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy
from actors.testing import make_instrument, make_order_update, make_trade
from messages.account import Position
from messages.base import Message
from messages.control import Resync
from messages.enums import Exchanges, OrderStatus
from messages.market import Trade
from messages.orders import Order, PlaceOrder

SYMBOL = "BTCUSDT"


class Caller(Strategy):
    """Does on each trade what the test has put into `plan`."""

    symbol = SYMBOL

    def __init__(self) -> None:
        self.plan: Any = lambda: None

    def on_trade(self, trade: Trade) -> None:
        self.plan()


class Resuming(Caller):
    """Knows how to go on after a restart."""

    def on_resync(self, resync: Resync) -> None:
        pass


def do(strategy: Caller, plan: Any) -> list[Message]:
    """Runs `plan` within a handler; what was sent by it."""
    before = len(strategy.outbox)
    strategy.plan = plan
    strategy.handle(make_trade())
    return strategy.outbox[before:]


def buy_one(strategy: Caller) -> str:
    """A BUY of 1 at 100 on its way; its id."""
    (placed,) = do(strategy, lambda: strategy.buy(SYMBOL, 1, 100))
    assert isinstance(placed, PlaceOrder)
    return placed.order_id


def make_position(
    quantity: str, average: str = "100", unrealized: str = "0", **header: Any
) -> Position:
    """What the order manager says is held."""
    return Position(
        strategy="Caller",
        exchange=Exchanges.BINANCE,
        symbol=SYMBOL,
        quantity=Decimal(quantity),
        average_price=Decimal(average),
        unrealized_profit=Decimal(unrealized),
        **header,
    )


def make_resync(*orders: Order, number: int = 0, **fields: Any) -> Resync:
    """The state that the order manager tells."""
    sender = "order_manager" if number else ""
    return Resync(
        target="Caller",
        positions=fields.pop("positions", []),
        open_orders=list(orders),
        sender=sender,
        number=number,
        **fields,
    )


def test_resync_tells_positions_orders_and_rules() -> None:
    strategy = Caller()
    order = make_order_update("Caller-0-1", OrderStatus.NEW).order
    ended = make_order_update("Caller-0-2", OrderStatus.FILLED).order
    strategy.handle(
        make_resync(order, ended, positions=[make_position("2")], instruments=[make_instrument()])
    )
    assert [item.order_id for item in strategy.open_orders()] == ["Caller-0-1"]
    assert strategy.position(SYMBOL).quantity == 2
    assert strategy.instrument(SYMBOL) == make_instrument()


def test_what_was_said_before_the_resync_is_older_than_it() -> None:
    strategy = Caller()
    order = make_order_update("Caller-0-1", OrderStatus.PARTIALLY_FILLED).order
    strategy.handle(make_resync(order, number=10, positions=[make_position("2")]))
    late = make_order_update("Caller-0-1", OrderStatus.NEW)
    late.sender, late.number = "order_manager", 8
    gone = make_order_update("Caller-0-0", OrderStatus.NEW)
    gone.sender, gone.number = "order_manager", 9
    for message in (late, gone, make_position("0", sender="order_manager", number=9)):
        strategy.handle(message)
    assert [item.status for item in strategy.open_orders()] == [OrderStatus.PARTIALLY_FILLED]
    assert strategy.position(SYMBOL).quantity == 2
    fresh = make_order_update("Caller-0-1", OrderStatus.CANCELED)
    fresh.sender, fresh.number = "order_manager", 11
    strategy.handle(fresh)
    assert strategy.open_orders() == []


@pytest.mark.parametrize("last", [OrderStatus.REJECTED, OrderStatus.FILLED])
def test_an_order_sent_before_the_resync_is_still_on_its_way(last: OrderStatus) -> None:
    strategy = Caller()
    order_id = buy_one(strategy)
    strategy.handle(make_resync(number=10))
    assert not strategy.is_flat(SYMBOL)
    # The order manager had dealt with it before it told the state; its words come late.
    for number, status in ((7, OrderStatus.NEW), (8, last)):
        update = make_order_update(order_id, status)
        update.sender, update.number = "order_manager", number
        strategy.handle(update)
    assert strategy.is_flat(SYMBOL)


def test_may_restart_unless_it_has_traded_and_cannot_go_on() -> None:
    assert Caller().may_restart()
    for act in ("buy", "close", "resync"):
        for actor_class, expected in ((Caller, False), (Resuming, True)):
            strategy = actor_class()
            if act == "resync":
                strategy.handle(make_resync(has_traded=True))
            else:
                terms = (SYMBOL, 1) if act == "buy" else (SYMBOL,)
                do(strategy, lambda s=strategy, t=terms, a=act: getattr(s, a)(*t))
            assert strategy.may_restart() is expected


def test_ids_are_not_used_twice_by_a_rebuilt_instance() -> None:
    context = ActorContext("caller", SimulatedClock(), random_for(0, "caller"), run=3)
    specification = ActorSpecification(Caller, "caller")
    ids = set()
    for _ in range(3):
        strategy = specification.build(context)
        assert isinstance(strategy, Caller)
        ids |= {buy_one(strategy) for _ in range(3)}
        assert strategy.is_flat("ETHUSDT")
    assert len(ids) == 9
    assert all(order_id.startswith("caller-3-") for order_id in ids)
