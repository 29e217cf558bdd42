"""The check of the wiring: every fault, each with its place and a remedy, before anything starts."""

from typing import Any

import pytest

from actors.runtime.actor import Actor
from actors.runtime.clock import SimulatedClock
from actors.runtime.errors import WiringError
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from actors.runtime.wiring import describe_wiring, find_wiring_faults
from actors.strategies.strategy import Strategy
from actors.testing import make_probe
from messages.base import Message
from messages.control import HaltTrading, Resync, ResyncRequest, Subscribe
from messages.enums import Exchanges
from messages.market import Kline, Trade
from messages.order_lists import PlaceOrderList, ReplaceOrder
from messages.orders import (
    AmendOrder,
    CancelOrder,
    CancelOrderRequest,
    ClosePosition,
    PlaceOrder,
)
from tests.runtime.harness import BOSS, SOURCE, Job, Ping, Pong, StartSystem, actor


class Feed(Actor[Trade]):
    def __init__(self, exchange: Exchanges = Exchanges.BINANCE) -> None: ...

    def on_subscribe(self, subscribe: Subscribe) -> None: ...


class Trader(Strategy):
    def __init__(self, exchange: Exchanges = Exchanges.BINANCE) -> None:
        self.exchange, self.symbol = exchange, "BTCUSDT"

    def on_trade(self, trade: Trade) -> None: ...

    def on_resync(self, resync: Resync) -> None: ...

    def on_halt(self, halt: HaltTrading) -> None: ...


class Manager(Actor[CancelOrderRequest | Resync]):
    def on_command(
        self,
        command: PlaceOrder
        | PlaceOrderList
        | ReplaceOrder
        | CancelOrder
        | AmendOrder
        | ClosePosition,
    ) -> None: ...

    def on_resync_request(self, request: ResyncRequest) -> None: ...


class Gateway(Actor):
    def __init__(self, exchange: Exchanges = Exchanges.BINANCE) -> None: ...

    def on_cancel(self, request: CancelOrderRequest) -> None: ...


GOOD = [actor(Feed), actor(Gateway), actor(Manager), actor(Trader)]


def texts(specifications: list[ActorSpecification]) -> list[str]:
    return [str(fault) for fault in find_wiring_faults(specifications)]


def test_what_fits_has_no_faults() -> None:
    assert texts(GOOD) == []
    assert texts([*GOOD, actor(Trader, "second")]) == []
    # Market data may come from a venue that nobody trades at.
    assert texts([*GOOD, actor(Feed, "more", exchange="CUSTOM")]) == []


@pytest.mark.parametrize(
    ("specifications", "expected"),
    [
        ([*GOOD[1:]], "Trader handles Trade, which nobody sends for BINANCE"),
        ([actor(Feed, exchange="CUSTOM"), *GOOD[1:]], "Trade, which nobody sends for BINANCE"),
        (
            [*GOOD, actor(Gateway, "more")],
            "CancelOrderRequest at BINANCE, sent by manager, needs exactly one",
        ),
        (
            [GOOD[0], *GOOD[2:]],
            "CancelOrderRequest at BINANCE, sent by manager, needs exactly one handler and has nobody",
        ),
        (
            [*GOOD, actor(Trader, "x", exchange="CUSTOM"), actor(Feed, "y", exchange="CUSTOM")],
            "CancelOrderRequest at CUSTOM",
        ),
        ([*GOOD, actor(Trader)], "the name 'trader' is taken"),
        ([*GOOD, actor(Trader, "a b")], "the name 'a b' is not usable"),
        ([*GOOD, ActorSpecification(Trader, "")], "the name '' is not usable"),
        ([*GOOD, actor(Trader, "ä")], "the name 'ä' is not usable"),
        ([*GOOD, actor(Trader, "a\n")], "is not usable"),
        ([*GOOD, actor(Trader, "system")], "the name 'system' is the runtime's own"),
        ([BOSS, SOURCE], "Job, sent by boss, needs exactly one handler and has nobody"),
    ],
)
def test_one_fault(specifications: list[ActorSpecification], expected: str) -> None:
    [text] = texts(specifications)
    assert expected in text
    assert text.endswith(")")


def test_two_that_answer_for_a_strategys_state() -> None:
    class Second(Actor):
        def on_resync_request(self, request: ResyncRequest) -> None: ...

    [text] = texts([*GOOD, actor(Second)])
    assert (
        "ResyncRequest, sent by system, needs exactly one handler and has manager, second" in text
    )


def make_class(name: str) -> type[Message]:
    return type(name, (Message,), {"__module__": "elsewhere"}, kw_only=True)


@pytest.mark.parametrize("name", ["Ping", "Start", "Gap"])
def test_two_message_classes_of_one_name(name: str) -> None:
    other: Any = make_class(name)

    class Sends(Actor[other]): ...

    faults = texts([SOURCE, actor(Sends), actor(make_probe(Ping), "probe")])
    assert [text for text in faults if f"two message classes are named {name}" in text]
    assert "elsewhere" in faults[0]


@pytest.mark.asyncio
async def test_a_users_message_from_another_module(start_system: StartSystem) -> None:
    own: Any = make_class("OwnMessage")

    class Sends(Actor[own]):
        def on_start(self) -> None:
            self.send(own())

    system = await start_system(actor(Sends), actor(make_probe(own), "sink"))
    assert system.statistics()["sink"]["handled"] == 2


def test_all_at_once_and_nothing_starts() -> None:
    built: list[str] = []

    class Loud(Actor[Job]):
        def __init__(self) -> None:
            built.append("built")

        def on_pong(self, pong: Pong) -> None: ...

    with pytest.raises(WiringError) as caught:
        System(
            [actor(Loud, "a a"), actor(Loud, "system"), *GOOD[1:], actor(Trader)], SimulatedClock()
        )
    assert len(caught.value.faults) == 8
    assert built == []
    assert str(caught.value).count("\n") == 7


@pytest.mark.asyncio
async def test_a_subscription_that_cannot_be_served(start_system: StartSystem) -> None:
    class NoInterval(Actor):
        symbol = "BTCUSDT"

        def on_kline(self, kline: Kline) -> None: ...

    class OddInterval(NoInterval):
        interval = "7m"

    class LowerCase(NoInterval):
        symbol = "btcusdt"

        def on_trade(self, trade: Trade) -> None: ...

    with pytest.raises(WiringError) as caught:
        await start_system(SOURCE, actor(NoInterval), actor(OddInterval), actor(LowerCase))
    assert (
        "actor 'lowercase': LowerCase asks for 'btcusdt', which is no symbol (did you mean 'BTCUSDT'?)"
    ) in str(caught.value)
    assert str(caught.value).count("LowerCase") == 1
    assert "actor 'nointerval': NoInterval handles Kline and names no interval" in str(caught.value)
    assert "actor 'oddinterval': OddInterval names no interval that there is" in str(caught.value)


def test_the_description_names_who_sends_what_to_whom() -> None:
    text = describe_wiring(GOOD)
    assert "trader (Trader)\n" in text
    assert "  PlaceOrder -> manager\n" in text
    assert "  Trade -> trader\n" in text
    assert "  CancelOrderRequest -> gateway" in text
    assert text == describe_wiring(GOOD)


class Forgetful(Trader):
    """Whose constructor keeps the symbol under another name."""

    def __init__(self) -> None:
        self.pair = "BTCUSDT"


@pytest.mark.parametrize("has_another", [False, True])
@pytest.mark.asyncio
async def test_a_strategy_that_names_no_symbol_is_told_so(
    start_system: StartSystem, caplog: pytest.LogCaptureFixture, has_another: bool
) -> None:
    others = [item for item in GOOD if has_another or item.actor_class is not Trader]
    await start_system(*others, actor(Forgetful))
    said = [item.getMessage() for item in caplog.records if item.levelname == "WARNING"]
    # Beside another it hears what that one asks for, as an observer does.
    assert [line.partition(",")[0] for line in said] == (
        [] if has_another else ["forgetful handles Trade"]
    )
