"""Who receives what, also for streams that are asked for while running and actors that are gone."""

from typing import Any

import pytest

from actors.runtime.actor import Actor, Subscription
from actors.runtime.context import Envelope
from actors.runtime.router import Router
from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy
from actors.testing import make_probe, make_trade, received_by
from messages.base import Message, Routing
from messages.control import HaltCompleted, Stop, Subscribe
from messages.enums import Exchanges, KlineInterval, Side
from messages.market import BookTicker, Kline, Trade
from messages.orders import CancelOrderRequest, Fill
from tests.runtime.harness import SOURCE, Ping, StartSystem, actor, emit, settle


class Receiver:
    """What a router needs to know."""

    def __init__(
        self, name: str, actor_class: type[Actor[Any]], exchange: Exchanges | None = None
    ) -> None:
        self.name, self.actor_class, self.exchange = name, actor_class, exchange


class Owner(Strategy):
    def on_fill(self, fill: Fill) -> None: ...

    def on_trade(self, trade: Trade) -> None: ...


class Observer(Actor):
    def on_fill(self, fill: Fill) -> None: ...

    def on_trade(self, trade: Trade) -> None: ...


class Gateway(Actor):
    def on_cancel(self, request: CancelOrderRequest) -> None: ...


class Bars(Actor):
    def on_kline(self, kline: Kline) -> None: ...


def names(router: Router[Receiver], message_class: type[Message], *key: Any) -> list[str]:
    return [item.name for item in router.receivers_of(Envelope(message_class, key, b""))]


def test_market_data_by_symbol_and_to_those_who_take_all() -> None:
    router: Router[Receiver] = Router()
    btc = Subscription(Trade, Exchanges.BINANCE, "BTCUSDT")
    router.add(Receiver("a", Owner), [btc])
    router.add(Receiver("b", Owner), [Subscription(Trade, Exchanges.BINANCE, "ETHUSDT")])
    router.add(Receiver("all", Observer), [])
    assert names(router, Trade, Exchanges.BINANCE, "BTCUSDT") == ["a", "all"]
    assert names(router, Trade, Exchanges.BINANCE, "ETHUSDT") == ["b", "all"]
    assert names(router, Trade, Exchanges.CUSTOM, "BTCUSDT") == ["all"]
    router.subscribe(router.receivers["b"], btc)
    router.subscribe(router.receivers["b"], btc)
    router.subscribe(router.receivers["all"], btc)
    assert names(router, Trade, Exchanges.BINANCE, "BTCUSDT") == ["a", "b", "all"]
    # Nobody handles it, however it was asked for.
    router.subscribe(router.receivers["b"], Subscription(BookTicker, Exchanges.BINANCE, "BTCUSDT"))
    assert names(router, BookTicker, Exchanges.BINANCE, "BTCUSDT") == []
    assert router.dead_letters == 1


def test_bars_by_interval() -> None:
    router: Router[Receiver] = Router()
    minute, hour = KlineInterval("1m"), KlineInterval("1h")
    router.add(Receiver("m", Bars), [Subscription(Kline, Exchanges.BINANCE, "BTCUSDT", minute)])
    router.add(Receiver("h", Bars), [Subscription(Kline, Exchanges.BINANCE, "BTCUSDT", hour)])
    assert names(router, Kline, Exchanges.BINANCE, "BTCUSDT", minute) == ["m"]
    assert names(router, Kline, Exchanges.BINANCE, "BTCUSDT", hour) == ["h"]


def test_to_the_owner_and_to_observers() -> None:
    router: Router[Receiver] = Router()
    for name, actor_class in (("a", Owner), ("b", Owner), ("eye", Observer)):
        router.add(Receiver(name, actor_class), [])
    assert names(router, Fill, "a") == ["a", "eye"]
    assert names(router, Fill, "nobody") == ["eye"]


def test_by_venue() -> None:
    router: Router[Receiver] = Router()
    router.add(Receiver("one", Gateway, Exchanges.BINANCE), [])
    router.add(Receiver("two", Gateway, Exchanges.CUSTOM), [])
    router.add(Receiver("any", Gateway), [])
    assert names(router, CancelOrderRequest, Exchanges.CUSTOM) == ["two", "any"]


def test_to_a_target_alone() -> None:
    router: Router[Receiver] = Router()
    router.add(Receiver("a", Owner), [])
    assert names(router, Stop, "a") == ["a"]
    assert names(router, Stop, "b") == []


def test_a_receiver_that_was_removed() -> None:
    router: Router[Receiver] = Router()
    trade_key = (Exchanges.BINANCE, "BTCUSDT")
    router.add(Receiver("a", Owner), [Subscription(Trade, *trade_key)])
    router.add(Receiver("all", Observer), [])
    assert names(router, Trade, *trade_key) == ["a", "all"]
    router.remove("a")
    router.remove("never there")
    assert names(router, Trade, *trade_key) == ["all"]
    router.remove("all")
    for message_class, key in ((Trade, trade_key), (Fill, ("a",)), (Stop, ("a",))):
        assert names(router, message_class, *key) == []
    assert router.dead_letters == 3


class Late(Actor):
    """Asks for a stream while running."""

    symbol = "BTCUSDT"

    def __init__(self) -> None:
        self.symbols_seen: list[str] = []

    def on_ping(self, ping: Ping) -> None:
        if ping.value < 0:
            raise ValueError("late")
        self.subscribe(Trade, "ETHUSDT")

    def on_trade(self, trade: Trade) -> None:
        self.symbols_seen.append(trade.symbol)


@pytest.mark.asyncio
async def test_a_stream_asked_for_while_running_outlives_a_restart(
    start_system: StartSystem,
) -> None:
    feed = make_probe(Subscribe, name="Feed")
    system = await start_system(SOURCE, actor(feed), actor(Late))
    trades = [make_trade(symbol=symbol) for symbol in ("BTCUSDT", "ETHUSDT", "XRPUSDT")]
    emit(system, *trades)
    await settle(system)
    late = system.cells["late"].instance
    assert isinstance(late, Late)
    assert late.symbols_seen == ["BTCUSDT"]
    emit(system, Ping())
    await settle(system)
    emit(system, *trades)
    await settle(system)
    assert late.symbols_seen == ["BTCUSDT", "BTCUSDT", "ETHUSDT"]
    asked = [item for item in received_by(system, "feed") if isinstance(item, Subscribe)]
    assert [(item.symbol, item.message_class, item.subscriber) for item in asked] == [
        ("BTCUSDT", "Trade", "late"),
        ("ETHUSDT", "Trade", "late"),
    ]
    emit(system, Ping(value=-1), *trades)
    while system.cells["late"].instance is late:
        await settle(system)
    await settle(system)
    again = system.cells["late"].instance
    assert isinstance(again, Late)
    assert again.symbols_seen == ["BTCUSDT", "ETHUSDT"]


def test_bars_need_an_interval() -> None:
    with pytest.raises(ValueError, match="Kline comes by interval"):
        Late().subscribe(Kline, "BTCUSDT")


def test_default_subscriptions() -> None:
    class Both(Actor):
        symbols = ("A", "B")
        interval = "1m"

        def on_kline(self, kline: Kline) -> None: ...

        def on_trade(self, trade: Trade) -> None: ...

        def on_ping(self, ping: Ping) -> None: ...

    minute = KlineInterval("1m")
    assert Both().subscriptions() == [
        Subscription(Kline, Exchanges.BINANCE, "A", minute),
        Subscription(Kline, Exchanges.BINANCE, "B", minute),
        Subscription(Trade, Exchanges.BINANCE, "A"),
        Subscription(Trade, Exchanges.BINANCE, "B"),
    ]
    assert Observer().subscriptions() == []


def test_the_only_venue_of_an_actor() -> None:
    class Bound(Actor):
        def __init__(self, exchange: Exchanges = Exchanges.CUSTOM) -> None:
            self.exchange = exchange

    assert ActorSpecification(Bound, "a").exchange is Exchanges.CUSTOM
    assert ActorSpecification(Bound, "a", {"exchange": "BINANCE"}).exchange is Exchanges.BINANCE
    assert ActorSpecification(Observer, "a").exchange is None
    assert ActorSpecification(Owner, "a").exchange is Exchanges.BINANCE
    assert (HaltCompleted.routing, Side.BUY.opposite) == (Routing.BY_CLASS, Side.SELL)
