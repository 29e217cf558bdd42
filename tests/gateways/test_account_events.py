"""What the account's events and its reading make together: nothing is missed between them, and nothing is told too soon."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web

from actors.gateways.account_events import AccountEvents
from actors.gateways.binance import BinanceGateway
from actors.runtime.clock import RealClock
from actors.trading.balances import Balances
from messages.account import AccountSnapshot, Balance
from messages.control import HoldTrading, ReleaseTrading
from messages.enums import Exchanges, OrderStatus, Side
from messages.orders import Order
from tests.binance.scripted_venue import cut
from tests.gateways.order_venue import OrderVenue, order_answer, own_trade, report

OpenFloor = Callable[..., Awaitable[Any]]
STORY = (AccountSnapshot, HoldTrading, ReleaseTrading, Order)


@pytest_asyncio.fixture
async def venue() -> AsyncIterator[OrderVenue]:
    """A venue that does what the test says."""
    made = OrderVenue()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def open_gateway(open_floor: OpenFloor, keys: Any) -> Callable[..., Awaitable[Any]]:
    """A Binance gateway at a scripted venue, ready."""

    async def open_one(venue: OrderVenue, clock: Any = None, **arguments: Any) -> Any:
        floor = await open_floor(
            BinanceGateway,
            {"endpoints": venue.endpoints, "keys": keys, **arguments},
            clock=clock,
        )
        await floor.until_ready()
        return floor

    return open_one


def fill_report(name: str, order_id: int, trade_id: int, status: str = "FILLED") -> dict[str, Any]:
    return report(
        name, "TRADE", status, trade_id * 10, i=order_id, l="1", L="10", z="1", Z="10", t=trade_id
    )


def story_of(floor: Any) -> list[str]:
    """Snapshots, holds and orders in the order in which they were told."""
    return [
        item.client_order_id if isinstance(item, Order) else type(item).__name__
        for item in floor.received
        if isinstance(item, STORY)
    ]


def asked_for(venue: OrderVenue, path: str) -> list[str]:
    """The queries with which a REST path was asked for."""
    return [query for _, asked, query, _ in venue.rest_requests if asked == f"/api/v3/{path}"]


@pytest.mark.asyncio
async def test_trades_since_the_last_known_are_told_with_their_orders_page_by_page(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue)
    assert asked_for(venue, "myTrades") == []
    venue.trades = [own_trade(number, 50 + number // 1500) for number in range(101, 2301)]
    venue.orders = {
        50: order_answer("first", 50, "FILLED", "2"),
        51: order_answer("second", 51, "CANCELED", "1"),
    }
    floor.ask_snapshot("BTCUSDT", BTCUSDT=200)
    await floor.until(lambda: len(floor.all_of(AccountSnapshot)) == 2)
    snapshot = floor.all_of(AccountSnapshot)[-1]
    assert snapshot.symbols == ["BTCUSDT"]
    first, second = snapshot.executed_orders
    assert (first.client_order_id, first.status) == ("first", OrderStatus.FILLED)
    assert (second.client_order_id, second.status) == ("second", OrderStatus.CANCELED)
    told = [item.trade_id for order in snapshot.executed_orders for item in order.executions]
    assert told == list(range(201, 2301))
    assert first.executions[0].fee_asset == "BNB"
    pages = asked_for(venue, "myTrades")
    assert [page.split("fromId=")[1].split("&")[0] for page in pages] == ["201", "1201", "2201"]


@pytest.mark.asyncio
async def test_without_a_known_trade_none_is_read(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue)
    venue.trades = [own_trade(7, 5)]
    floor.ask_snapshot("BTCUSDT")
    await floor.until(lambda: len(floor.all_of(AccountSnapshot)) == 2)
    assert floor.all_of(AccountSnapshot)[-1].executed_orders == []
    assert asked_for(venue, "myTrades") == []


@pytest.mark.asyncio
async def test_a_trade_whose_order_the_venue_does_not_find_is_told_all_the_same(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue)
    venue.trades = [own_trade(7, 5)]
    floor.ask_snapshot("BTCUSDT", BTCUSDT=6)
    await floor.until(lambda: len(floor.all_of(AccountSnapshot)) == 2)
    [order] = floor.all_of(AccountSnapshot)[-1].executed_orders
    assert (order.exchange_order_id, order.side, order.status) == (5, Side.BUY, OrderStatus.UNKNOWN)
    assert [execution.trade_id for execution in order.executions] == [7]


@pytest.mark.asyncio
async def test_events_during_the_first_reading_follow_the_snapshot(
    venue: OrderVenue, open_floor: OpenFloor, keys: Any
) -> None:
    venue.reading_gate.clear()
    floor = await open_floor(BinanceGateway, {"endpoints": venue.endpoints, "keys": keys})
    await floor.until(lambda: asked_for(venue, "account"))
    await venue.push(report("early", "NEW", "NEW", 1))
    venue.reading_gate.set()
    await floor.until(lambda: floor.orders("early"))
    assert story_of(floor) == ["AccountSnapshot", "early"]


@pytest.mark.asyncio
async def test_after_a_reconnect_comes_the_snapshot_with_what_was_missed_then_the_events(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue)
    await venue.push(fill_report("known", 5, 100))
    await floor.until(lambda: floor.orders("known"))
    venue.reading_gate.clear()
    cut(venue.stream_socket)
    # While nobody listens an order fills, and its end is told to nobody.
    venue.trades = [own_trade(100, 5), own_trade(101, 6)]
    venue.orders = {6: order_answer("missed", 6, "FILLED", "1")}
    await floor.until(lambda: len(venue.subscribed) == 2 and len(asked_for(venue, "account")) == 2)
    venue.trades.append(own_trade(102, 7))
    venue.orders[7] = order_answer("later", 7, "FILLED", "1")
    await venue.push(fill_report("later", 7, 102))
    await floor.until(lambda: floor.gateway._account._held)
    assert story_of(floor) == ["AccountSnapshot", "known", "HoldTrading"]
    venue.reading_gate.set()
    await floor.until(lambda: floor.all_of(ReleaseTrading))
    assert story_of(floor)[3:] == ["AccountSnapshot", "later", "ReleaseTrading"]
    orders = floor.all_of(AccountSnapshot)[-1].executed_orders
    assert [order.client_order_id for order in orders] == ["missed", "later"]
    # What was read once is not read again after the next loss.
    cut(venue.stream_socket)
    await floor.until(lambda: len(floor.all_of(ReleaseTrading)) == 2)
    assert "fromId=103" in asked_for(venue, "myTrades")[-1]
    assert floor.all_of(AccountSnapshot)[-1].executed_orders == []


@pytest.mark.asyncio
async def test_a_loss_during_the_reading_makes_it_read_again_before_trading_goes_on(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    floor = await open_gateway(venue)
    venue.reading_gate.clear()
    cut(venue.stream_socket)
    await floor.until(lambda: len(asked_for(venue, "account")) == 2)
    await venue.push(report("between", "NEW", "NEW", 1))
    cut(venue.stream_socket)
    await floor.until(lambda: len(venue.subscribed) == 3)
    venue.reading_gate.set()
    await floor.until(lambda: floor.all_of(ReleaseTrading))
    story = story_of(floor)
    assert story[-2:] == ["between", "ReleaseTrading"]
    assert story.count("AccountSnapshot") == 3


@pytest.mark.asyncio
async def test_an_answer_that_overtakes_an_event_does_not_hide_an_earlier_trade(
    venue: OrderVenue, open_gateway: OpenFloor
) -> None:
    """Trade 101 is never told by the stream; the answer to a placement tells 102 over another connection."""
    floor = await open_gateway(venue)
    await venue.push(fill_report("known", 5, 100))
    await floor.until(lambda: floor.orders("known"))

    async def fill_at_once(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await venue.reply(socket, request, {
            **order_answer("fast", 8, "FILLED", "1"), "transactTime": 1700000000000,
            "fills": [{"price": "10", "qty": "1", "commission": "0", "commissionAsset": "BNB", "tradeId": 102}],
        })  # fmt: skip

    venue.on_order = fill_at_once
    floor.place("fast")
    await floor.until(lambda: floor.orders("fast"))
    venue.trades = [own_trade(number, 5 + number - 100) for number in (100, 101, 102)]
    venue.orders = {
        6: order_answer("missed", 6, "FILLED", "1"),
        7: order_answer("fast", 7, "FILLED", "1"),
    }
    cut(venue.stream_socket)
    await floor.until(lambda: floor.all_of(ReleaseTrading))
    orders = floor.all_of(AccountSnapshot)[-1].executed_orders
    assert [order.client_order_id for order in orders] == ["missed", "fast"]


@pytest.mark.asyncio
async def test_a_silent_user_stream_is_noticed_within_the_configured_time(
    venue: OrderVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    venue.autoping = False
    floor = await open_gateway(venue, silence_limit_s=0.6)
    began_s = asyncio.get_running_loop().time()
    await floor.until(lambda: floor.all_of(HoldTrading))
    # Unless it is configured it takes thirty.
    assert asyncio.get_running_loop().time() - began_s < 20
    await floor.until(lambda: floor.all_of(ReleaseTrading))
    assert len(floor.all_of(AccountSnapshot)) >= 2


class SleepyClock(RealClock):
    """The machine's clock, whose wall time can jump as that of a laptop that slept."""

    def __init__(self) -> None:
        self.jump_ns = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.jump_ns


@pytest.mark.parametrize("is_dead", [False, True])
@pytest.mark.asyncio
async def test_a_laptop_that_slept_holds_measures_the_clock_and_reads_the_account(
    venue: OrderVenue, open_gateway: OpenFloor, caplog: pytest.LogCaptureFixture, is_dead: bool
) -> None:
    caplog.set_level(logging.CRITICAL)
    clock = SleepyClock()
    floor = await open_gateway(venue, clock=clock)
    await floor.until(lambda: floor.gateway.client.ws_api.is_connected)
    before_ns = floor.gateway.client.clock_offset.offset_ns
    if is_dead:
        # Both connections are open and lead nowhere, as after hours of sleep.
        async def ignore(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
            if request["method"] != "ping":
                await answer(socket, request)

        answer, venue.api = venue.api, ignore
    clock.jump_ns = 3_600_000_000_000
    [hold] = (await floor.until(lambda: floor.all_of(HoldTrading)))[:1]
    assert "jumped by 3600" in hold.reason
    await floor.until(lambda: floor.all_of(ReleaseTrading))
    assert len(floor.all_of(AccountSnapshot)) == (3 if is_dead else 2)
    moved_ns = floor.gateway.client.clock_offset.offset_ns - before_ns
    assert abs(moved_ns + 3_600_000_000_000) < 1_000_000_000
    assert len(venue.subscribed) == (2 if is_dead else 1)
    assert not floor.gateway.holds


def test_the_last_trade_is_known_by_sequence_and_by_reading_alone() -> None:
    told: list[Order] = []
    events = AccountEvents(Exchanges.BINANCE, told.append, lambda balance: None, lambda: None)
    events.connect()
    assert events.release(events.epoch)
    assert events.trades_to_read(["BTCUSDT"], {}) == {}
    assert events.trades_to_read(["BTCUSDT"], {"BTCUSDT": 3}) == {"BTCUSDT": 3}
    events.note_read({"BTCUSDT": 10})
    events.note_read({"BTCUSDT": 8})
    assert events.trades_to_read(["BTCUSDT", "ETHUSDT"], {}) == {"BTCUSDT": 10}
    # Whoever knows less decides: it has not booked what lies between.
    assert events.trades_to_read(["BTCUSDT"], {"BTCUSDT": 7}) == {"BTCUSDT": 7}
    assert events.trades_to_read(["BTCUSDT"], {"BTCUSDT": 12}) == {"BTCUSDT": 10}
    events.lose()
    assert not events.release(events.epoch)


def position_of(free: str, time_ms: int) -> bytes:
    event = {
        "e": "outboundAccountPosition",
        "E": time_ms,
        "u": time_ms,
        "B": [{"a": "BTC", "f": free, "l": "0"}],
    }
    return msgspec.json.encode(event)


def free_after(told: list[Balance], snapshot: AccountSnapshot) -> Decimal | None:
    """What is believed to be free after these statements and then a whole account."""
    balances = Balances()
    for balance in told:
        balances.apply(balance)
    balances.apply_snapshot(snapshot.exchange, snapshot.balances, snapshot.event_time_ns)
    return balances.free(Exchanges.BINANCE, "BTC")


def snapshot_of(free: int, time_ms: int) -> AccountSnapshot:
    stated = Balance(
        exchange=Exchanges.BINANCE,
        asset="BTC",
        free=Decimal(free),
        locked=Decimal(0),
        event_time_ns=time_ms * 1_000_000,
    )
    return AccountSnapshot(
        exchange=Exchanges.BINANCE,
        balances=[stated],
        open_orders=[],
        event_time_ns=time_ms * 1_000_000,
    )


def test_a_reading_overtaken_within_one_millisecond_does_not_take_a_balance_back() -> None:
    """Two changes at 5 ms, and the account read between them: its answer comes after the event of the second."""
    told: list[Balance] = []
    events = AccountEvents(Exchanges.BINANCE, lambda order: None, told.append, lambda: None)
    events.connect()
    assert events.release(events.epoch)
    events.take(position_of("1", 5))
    begun = events.statements
    events.take(position_of("2", 5))
    snapshot = snapshot_of(1, 5)
    events.bring_up_to_date(snapshot, begun)
    assert free_after(told, snapshot) == 2


def test_a_reading_that_nothing_overtook_holds_within_one_millisecond() -> None:
    """The event of the second change has got lost, so the reading is all that tells of it."""
    told: list[Balance] = []
    events = AccountEvents(Exchanges.BINANCE, lambda order: None, told.append, lambda: None)
    events.connect()
    assert events.release(events.epoch)
    events.take(position_of("1", 5))
    snapshot = snapshot_of(2, 5)
    events.bring_up_to_date(snapshot, events.statements)
    assert free_after(told, snapshot) == 2
