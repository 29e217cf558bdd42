"""What a strategy keeps over a restart: when it is written down, and in which form it comes back."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from actors.strategies.saved_state import encode_state
from actors.strategies.strategy import Strategy
from actors.testing import classes_of, make_order_update, make_trade
from messages.control import Resync, Stop
from messages.enums import OrderStatus
from messages.market import Trade
from messages.orders import PlaceOrder
from messages.recovery import StrategyState


@dataclass
class Memory:
    entries: int = 0
    highest: Decimal = Decimal(0)


class Remembering(Strategy):
    """Counts its entries and remembers the highest price."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.order_of_calls: list[str] = []

    def save_state(self) -> Memory:
        return self.memory

    def load_state(self, state: Memory) -> None:
        self.order_of_calls.append("load")
        self.memory = state

    def on_resync(self, resync: Resync) -> None:
        self.order_of_calls.append("resync")

    def on_trade(self, trade: Trade) -> None:
        self.memory.highest = max(self.memory.highest, Decimal(str(trade.price)))
        if trade.price > 100:
            self.memory.entries += 1
            self.buy("BTCUSDT", 1)


class Careless(Strategy):
    """Saves whatever it was given."""

    def __init__(self, state: Any) -> None:
        self.state = state

    def save_state(self) -> Any:
        return self.state

    def on_trade(self, trade: Trade) -> None:
        self.buy("BTCUSDT", 1)


def make_resync(saved_state: bytes = b"") -> Resync:
    return Resync(target="Remembering", positions=[], open_orders=[], saved_state=saved_state)


def states_of(strategy: Strategy) -> list[StrategyState]:
    return [each for each in strategy.outbox if isinstance(each, StrategyState)]


def test_it_is_written_down_with_an_order_and_not_with_every_tick() -> None:
    strategy = Remembering()
    strategy.handle(make_trade(price=99.0))
    assert strategy.outbox == []
    strategy.handle(make_trade(price=101.0))
    assert classes_of(strategy.outbox) == [PlaceOrder, StrategyState]
    strategy.handle(make_trade(price=100.0))
    assert len(strategy.outbox) == 2


def test_it_is_written_down_after_news_and_at_the_end_if_it_has_changed() -> None:
    strategy = Remembering()
    strategy.handle(make_order_update("a", OrderStatus.NEW))
    assert len(states_of(strategy)) == 1
    strategy.handle(make_order_update("a", OrderStatus.FILLED))
    assert len(states_of(strategy)) == 1, "nothing has changed"
    strategy.handle(make_trade(price=50.0))
    strategy.handle(Stop(target="Remembering"))
    assert len(states_of(strategy)) == 2


def test_it_comes_back_in_its_own_type_before_the_resync() -> None:
    first = Remembering()
    first.handle(make_trade(price=101.5))
    second = Remembering()
    second.handle(make_resync(states_of(first)[-1].state))
    assert second.memory == Memory(1, Decimal("101.5"))
    assert second.order_of_calls == ["load", "resync"]
    assert states_of(second) == [], "it is written down already"
    second.handle(make_resync(encode_state(Memory())))
    assert second.memory.entries == 1, "what lives knows better than what was written"


def test_without_any_there_is_nothing_to_load() -> None:
    strategy = Remembering()
    strategy.handle(make_resync())
    assert strategy.order_of_calls == ["resync"]


@pytest.mark.parametrize("state", [object(), {"x": 10**30}, "x" * 70_000])
def test_what_cannot_be_kept_is_refused_and_the_handler_did_nothing(state: Any) -> None:
    strategy = Careless(state)
    with pytest.raises(ValueError, match="save_state returned"):
        strategy.handle(make_trade(price=1.0))
    assert strategy.outbox == []


def test_a_state_that_no_longer_fits_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"does not fit load_state any more.*defaults"):
        Remembering().handle(make_resync(encode_state({"entries": "many"})))


def test_a_strategy_that_keeps_nothing_sends_nothing() -> None:
    strategy = Careless(None)
    strategy.handle(make_trade(price=1.0))
    assert classes_of(strategy.outbox) == [PlaceOrder]
