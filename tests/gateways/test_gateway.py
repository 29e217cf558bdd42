"""A user's own gateway: five coroutines, and the base does the rest."""

import asyncio
import gc
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from actors.gateways.errors import Refused, Unsent
from actors.gateways.gateway import ExchangeGateway
from messages.account import AccountSnapshot
from messages.control import HoldTrading, ReleaseTrading, Subscribe
from messages.enums import Exchanges, OrderStatus, Reason
from messages.instruments import Instrument
from messages.market import BookTicker
from messages.order_requests import CancelRefused
from messages.orders import (
    AmendOrderRequest,
    CancelOrderRequest,
    NewOrderRequest,
    Order,
    QueryOrderRequest,
)

OpenFloor = Callable[..., Awaitable[Any]]
VENUE = {"exchange": Exchanges.CUSTOM}


class SmallGateway(ExchangeGateway):
    """A venue in memory; a test can make each placement wait or fail."""

    def __init__(self, exchange: Exchanges) -> None:
        self.exchange = exchange
        self.log_of_calls: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.failures: dict[str, BaseException] = {}
        self.room = 1_000_000
        self.is_listening = False
        self.listening = asyncio.Event()
        self.to_raise: BaseException | None = None

    def reserve_placement(self, is_protective: bool) -> float:
        if self.room <= 0:
            return 0.02
        self.room -= 1
        return 0.0

    async def listen(self) -> None:
        self.is_listening = True
        await self.listening.wait()
        if self.to_raise is not None:
            raise self.to_raise

    async def place(self, request: NewOrderRequest) -> Order:
        name = request.order.client_order_id
        self.log_of_calls.append(f"place {name}")
        if name in self.gates:
            await self.gates[name].wait()
        if name in self.failures:
            raise self.failures[name]
        self.log_of_calls.append(f"placed {name}")
        return view_of(request.order, OrderStatus.NEW)

    async def cancel(self, request: CancelOrderRequest) -> Order | None:
        name = request.client_order_id
        self.log_of_calls.append(f"cancel {name} {self.exchange_order_id_of(request)}")
        if f"cancel {name}" in self.failures:
            raise self.failures[f"cancel {name}"]
        return None

    async def query(self, request: QueryOrderRequest) -> Order | None:
        self.log_of_calls.append(f"query {request.client_order_id}")
        return None

    async def snapshot(
        self, symbols: list[str], trades_after: Mapping[str, int]
    ) -> AccountSnapshot:
        self.log_of_calls.append(f"snapshot {' '.join(symbols)}")
        if "snapshot" in self.failures:
            raise self.failures["snapshot"]
        if "snapshot" in self.gates:
            await self.gates["snapshot"].wait()
        return AccountSnapshot(exchange=self.exchange, balances=[], open_orders=[])

    async def instruments(self, symbols: list[str]) -> list[Instrument]:
        self.log_of_calls.append(f"instruments {' '.join(symbols)}")
        return [
            Instrument(
                exchange=self.exchange,
                symbol=symbol,
                base_asset="B",
                quote_asset="Q",
                bid_price=9.0,
            )
            for symbol in symbols
            if symbol != "NOSUCH"
        ]


def view_of(order: Order, status: OrderStatus) -> Order:
    return Order(
        side=order.side,
        order_type=order.order_type,
        symbol=order.symbol,
        exchange=order.exchange,
        client_order_id=order.client_order_id,
        exchange_order_id=77,
        quantity=order.quantity,
        price=order.price,
        status=status,
    )


@pytest.mark.asyncio
async def test_the_start_tells_rules_and_account_and_a_new_symbol_its_rules(
    open_floor: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    floor = await open_floor(SmallGateway, VENUE, ("ONE", "TWO", "NOSUCH"))
    await floor.until_ready()
    await floor.until(lambda: len(floor.all_of(Instrument)) == 2)
    assert [item.symbol for item in floor.all_of(Instrument)] == ["ONE", "TWO"]
    assert "NOSUCH" in caplog.text
    floor.ask_snapshot("THREE")
    await floor.until(lambda: len(floor.all_of(AccountSnapshot)) == 2)
    # The desk did not subscribe to it, but the venue was asked.
    await floor.until(lambda: "instruments THREE" in floor.gateway.log_of_calls)
    assert floor.gateway.log_of_calls[-1] == "snapshot ONE TWO NOSUCH THREE" or (
        floor.gateway.log_of_calls[-2] == "snapshot ONE TWO NOSUCH THREE"
    )


@pytest.mark.asyncio
async def test_rules_that_are_asked_for_again_are_told_again(open_floor: OpenFloor) -> None:
    floor = await open_floor(SmallGateway, VENUE, ("ONE", "TWO"))
    await floor.until_ready()
    await floor.until(lambda: len(floor.all_of(Instrument)) == 2)
    # An order manager that began anew asks for the rules of what it trades, and for all else that is watched.
    for message_class in (Instrument, BookTicker):
        floor.system.send(
            Subscribe(
                exchange=floor.exchange,
                symbol="TWO",
                message_class=message_class.__name__,
                subscriber="desk",
            )
        )
    floor.ask_snapshot()
    await floor.until(lambda: len(floor.all_of(AccountSnapshot)) == 2)
    told = [(item.symbol, item.bid_price) for item in floor.all_of(Instrument)]
    assert told == [("ONE", 9.0), ("TWO", 9.0), ("TWO", 0.0)], "a price of long ago is none"


@pytest.mark.asyncio
async def test_a_snapshot_that_is_asked_for_while_the_first_is_read_is_answered_too(
    open_floor: OpenFloor,
) -> None:
    # The symbol is there from the start: a first reading without it would wait at the gate, and the question behind it.
    floor = await open_floor(SmallGateway, VENUE, ("BTCUSDT",))
    gateway = floor.gateway
    gateway.gates["snapshot"] = asyncio.Event()
    await floor.until(lambda: "snapshot BTCUSDT" in gateway.log_of_calls)
    floor.ask_snapshot("ETHUSDT")
    await asyncio.sleep(0.01)
    gateway.gates["snapshot"].set()
    await floor.until(lambda: "snapshot BTCUSDT ETHUSDT" in gateway.log_of_calls)
    await floor.until(lambda: len(floor.all_of(AccountSnapshot)) == 2)
    assert [call for call in gateway.log_of_calls if call.startswith("snapshot")] == [
        "snapshot BTCUSDT",
        "snapshot BTCUSDT ETHUSDT",
    ]


@pytest.mark.asyncio
async def test_it_listens_also_while_a_second_account_cannot_be_read(
    open_floor: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever keeps the venue from telling it, such as a clock that was set meanwhile, is mended by who listens."""
    caplog.set_level(logging.CRITICAL)
    floor = await open_floor(SmallGateway, VENUE, ("BTCUSDT",))
    gateway = floor.gateway
    gateway.gates["snapshot"] = asyncio.Event()
    await floor.until(lambda: "snapshot BTCUSDT" in gateway.log_of_calls)
    floor.ask_snapshot("ETHUSDT")
    await asyncio.sleep(0.01)
    gateway.failures["snapshot"] = Refused("Timestamp for this request was ahead.", -1021)
    gateway.gates["snapshot"].set()
    await floor.until(lambda: gateway.log_of_calls[-1] == "snapshot BTCUSDT ETHUSDT")
    await floor.until(lambda: gateway.is_listening)
    assert len(floor.all_of(AccountSnapshot)) == 1
    del gateway.failures["snapshot"]
    await floor.until(lambda: len(floor.all_of(AccountSnapshot)) == 2)


@pytest.mark.asyncio
async def test_requests_on_one_order_wait_for_each_other_and_others_do_not(
    open_floor: OpenFloor,
) -> None:
    floor = await open_floor(SmallGateway, VENUE)
    await floor.until_ready()
    gateway = floor.gateway
    gateway.log_of_calls.clear()
    gateway.gates["a"] = asyncio.Event()
    floor.place("a")
    await floor.until(lambda: gateway.log_of_calls == ["place a"])
    floor.cancel("a")
    floor.query("a")
    floor.place("b")
    await floor.until(lambda: floor.orders("b"))
    assert gateway.log_of_calls == ["place a", "place b", "placed b"]
    gateway.gates["a"].set()
    await floor.until(lambda: "query a" in gateway.log_of_calls)
    assert gateway.log_of_calls[3:] == ["placed a", "cancel a 77", "query a"]
    await floor.until(lambda: floor.statuses("a") == ["NEW", "NOT_FOUND"])


@pytest.mark.asyncio
async def test_an_answer_names_its_order_and_the_request_that_caused_it(
    open_floor: OpenFloor,
) -> None:
    floor = await open_floor(SmallGateway, VENUE)
    await floor.until_ready()
    floor.place("a")
    [order] = await floor.until(lambda: floor.orders("a"))
    assert (order.order_id, order.strategy) == ("order-a", "Tester")
    assert order.cause_sender == "system"
    # An event of the venue about it, at any later time, has the same cause.
    floor.gateway.tell(view_of(order, OrderStatus.CANCELED))
    await floor.until(lambda: len(floor.orders("a")) == 2)
    assert floor.orders("a")[1].cause_number == order.cause_number


@pytest.mark.asyncio
async def test_a_late_order_is_refused_and_nothing_is_sent(open_floor: OpenFloor) -> None:
    floor = await open_floor(SmallGateway, VENUE)
    await floor.until_ready()
    floor.place("a", send_before_ns=time.time_ns() - 1)
    [order] = await floor.until(lambda: floor.orders("a"))
    assert (order.status, order.reason) == (OrderStatus.REJECTED, Reason.TOO_LATE)
    assert not any("place" in call for call in floor.gateway.log_of_calls)


@pytest.mark.parametrize(
    ("failure", "status", "reason"),
    [
        (Refused("Filter failure: LOT_SIZE", -1013), OrderStatus.REJECTED, Reason.VENUE),
        (Unsent("no connection"), OrderStatus.REJECTED, Reason.UNSENT),
        (TimeoutError("no answer"), OrderStatus.UNKNOWN, Reason.OUTCOME_UNKNOWN),
        (KeyError("surprise"), OrderStatus.UNKNOWN, Reason.OUTCOME_UNKNOWN),
    ],
)
@pytest.mark.asyncio
async def test_what_is_not_proven_is_unknown_and_the_gateway_lives(
    open_floor: OpenFloor, failure: Exception, status: OrderStatus, reason: Reason
) -> None:
    floor = await open_floor(SmallGateway, VENUE)
    await floor.until_ready()
    floor.gateway.failures = {"a": failure, "cancel b": failure}
    floor.place("a")
    [order] = await floor.until(lambda: floor.orders("a"))
    assert (order.status, order.reason) == (status, reason)
    assert order.reason_code == getattr(failure, "code", 0)
    floor.place("b")
    await floor.until(lambda: floor.orders("b"))
    floor.cancel("b")
    [refused] = await floor.until(lambda: floor.all_of(CancelRefused))
    assert refused.is_unknown is (status is OrderStatus.UNKNOWN)
    assert not floor.system.ended.is_set()


@pytest.mark.asyncio
async def test_a_cancel_of_an_order_that_was_refused_asks_nothing(open_floor: OpenFloor) -> None:
    floor = await open_floor(SmallGateway, VENUE)
    await floor.until_ready()
    gateway = floor.gateway
    gateway.failures["a"] = Refused("no")
    gateway.gates["a"] = asyncio.Event()
    floor.place("a")
    await floor.until(lambda: "place a" in gateway.log_of_calls)
    floor.cancel("a")
    gateway.gates["a"].set()
    await floor.until(lambda: floor.orders("a") and not gateway._in_flight)
    assert not any(call.startswith("cancel") for call in gateway.log_of_calls)
    assert not floor.all_of(CancelRefused)


@pytest.mark.asyncio
async def test_orders_wait_for_the_limit_in_their_order_and_a_cancel_does_not(
    open_floor: OpenFloor,
) -> None:
    floor = await open_floor(SmallGateway, VENUE)
    await floor.until_ready()
    gateway = floor.gateway
    floor.place("resting")
    await floor.until(lambda: floor.orders("resting"))
    gateway.room = 0
    for name in ("a", "b", "c", "d"):
        floor.place(name)
    floor.place("hasty", send_before_ns=time.time_ns() + 5_000_000)
    floor.cancel("resting")
    floor.cancel("b")
    [hasty] = await floor.until(lambda: floor.orders("hasty"))
    assert (hasty.status, hasty.reason) == (OrderStatus.REJECTED, Reason.TOO_LATE)
    [withdrawn] = await floor.until(lambda: floor.orders("b"))
    assert withdrawn.status is OrderStatus.REJECTED
    assert "cancel resting 77" in gateway.log_of_calls
    assert "place a" not in gateway.log_of_calls
    gateway.room = 2
    await floor.until(lambda: floor.orders("c"))
    assert [call for call in gateway.log_of_calls if call.startswith("place ")] == [
        "place resting",
        "place a",
        "place c",
    ]
    gateway.room = 1
    await floor.until(lambda: floor.orders("d"))


@pytest.mark.parametrize("how", ["stop", "task", "handler"])
@pytest.mark.asyncio
async def test_a_dying_gateway_says_what_it_does_not_know(
    open_floor: OpenFloor, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    floor = await open_floor(SmallGateway, VENUE)
    await floor.until_ready()
    gateway = floor.gateway
    gateway.gates["sent"] = asyncio.Event()
    floor.place("sent")
    await floor.until(lambda: "place sent" in gateway.log_of_calls)
    floor.cancel("sent")
    gateway.room = 0
    floor.place("waiting")
    await floor.until(lambda: len(gateway._in_flight) == 3)
    if how == "stop":
        gateway.on_stop()
    elif how == "task":
        gateway.to_raise = RuntimeError("the venue speaks in tongues")
        gateway.listening.set()
    else:
        gateway._turns = None
        floor.query("sent")
    await floor.until(lambda: floor.all_of(CancelRefused))
    assert floor.statuses("sent") == ["UNKNOWN"]
    assert floor.statuses("waiting") == ["REJECTED"]
    assert floor.all_of(CancelRefused)[0].is_unknown
    if how != "stop":
        await asyncio.wait_for(floor.system.ended.wait(), 30)
        assert floor.system.cells["gateway"].is_out


@pytest.mark.asyncio
async def test_trading_is_held_until_the_last_reason_is_gone(open_floor: OpenFloor) -> None:
    floor = await open_floor(SmallGateway, VENUE)
    await floor.until_ready()
    gateway = floor.gateway
    gateway.hold("stream", "the stream is lost")
    gateway.hold("stream", "the stream is lost")
    gateway.hold("limit", "banned")
    gateway.release("stream")
    gateway.release("never held")
    await floor.until(lambda: len(floor.all_of(HoldTrading)) == 2)
    assert not floor.all_of(ReleaseTrading)
    gateway.release("limit")
    await floor.until(lambda: floor.all_of(ReleaseTrading))


@pytest.mark.asyncio
async def test_a_venue_that_cannot_amend_says_so_and_the_order_stays_what_it_is(
    open_floor: OpenFloor,
) -> None:
    floor = await open_floor(SmallGateway, VENUE)
    await floor.until_ready()
    floor.system.send(
        AmendOrderRequest(
            exchange=Exchanges.CUSTOM,
            symbol="BTCUSDT",
            client_order_id="a",
            new_client_order_id="a2",
            quantity=Decimal(1),
        )
    )
    [answer] = await floor.until(lambda: floor.orders("a"))
    assert (answer.status, answer.reason) == (OrderStatus.UNKNOWN, Reason.UNSUPPORTED)


@pytest.mark.asyncio
async def test_no_request_is_collected_half_way_and_no_task_is_kept(open_floor: OpenFloor) -> None:
    floor = await open_floor(SmallGateway, VENUE)
    await floor.until_ready()
    gateway = floor.gateway
    at_start = len(asyncio.all_tasks())
    gate = asyncio.Event()
    names = [f"order-{number}" for number in range(200)]
    gateway.gates = dict.fromkeys(names, gate)
    for name in names:
        floor.place(name)
    await floor.until(lambda: len(gateway._in_flight) == 200)
    for _ in range(20):
        gc.collect()
        await asyncio.sleep(0)
    gate.set()
    await floor.until(lambda: len(floor.all_of(Order)) == 200)
    for number in range(2_000):
        floor.place(f"more-{number}")
        if number % 100 == 0:
            await asyncio.sleep(0)
    await floor.until(lambda: len(floor.all_of(Order)) == 2_200, 30)
    assert abs(len(asyncio.all_tasks()) - at_start) <= 2
    assert not gateway._in_flight
    assert not gateway._turns.last


@pytest.mark.asyncio
async def test_what_a_failed_gateway_calls_unsent_is_not_sent_in_its_last_turn(
    open_floor: OpenFloor,
) -> None:
    """Another placement's task ends the gateway in the very turn in which this one may go."""
    floor = await open_floor(SmallGateway, VENUE, ("ONE",))
    await floor.until_ready()
    gateway = floor.gateway
    gateway.gates["a"], gateway.failures["a"] = asyncio.Event(), asyncio.CancelledError()
    gateway.room = 1
    floor.place("a", symbol="ONE")
    floor.place("b", symbol="ONE")
    await floor.until(lambda: "place a" in gateway.log_of_calls)
    await asyncio.sleep(0)
    gateway.room = 1
    gateway.gates["a"].set()
    gateway.retry_placements()
    await floor.until(lambda: floor.statuses("b"))
    await asyncio.sleep(0.05)
    assert floor.statuses("a") == ["UNKNOWN"]
    was_sent = "place b" in gateway.log_of_calls
    assert floor.statuses("b") == ["UNKNOWN" if was_sent else "REJECTED"]
