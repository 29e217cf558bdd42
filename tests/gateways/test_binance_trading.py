"""The Binance gateway trades on the local exchange, which runs in a process of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from actors.binance.client import BinanceClient
from actors.binance.orders import BinanceOrders
from actors.gateways.binance import BinanceGateway
from actors.gateways.binance_cancels import cancel_our_orders
from messages.account import AccountSnapshot, Balance
from messages.enums import Exchanges, ExecutionType, OrderStatus, OrderType, Reason, Side
from messages.instruments import Instrument
from messages.order_requests import CancelRefused
from messages.orders import Order

OpenFloor = Callable[..., Awaitable[Any]]
StartExchange = Callable[..., Any]


async def place_by_hand(exchange: Any, client_order_id: str, price: str = "15000") -> None:
    """An order of the account's owner, placed beside the bot."""
    client = BinanceClient(exchange.endpoints, exchange.hmac.api_key, exchange.hmac.api_secret)
    try:
        await BinanceOrders(client).place(
            Order(
                side=Side.BUY,
                order_type=OrderType.LIMIT,
                symbol="BTCUSDT",
                client_order_id=client_order_id,
                quantity=Decimal("0.001"),
                price=Decimal(price),
            )
        )
    finally:
        await client.close_connection()


async def open_orders_of(exchange: Any) -> set[str]:
    client = BinanceClient(exchange.endpoints, exchange.hmac.api_key, exchange.hmac.api_secret)
    try:
        orders = await BinanceOrders(client).open_orders("BTCUSDT")
        return {order.client_order_id for order in orders}
    finally:
        await client.close_connection()


async def resting_price(floor: Any) -> str:
    """A price well below the market, but within the venue's bounds."""
    client = floor.gateway.client
    book = await floor.gateway.reads.market.depth_snapshot("BTCUSDT", 5)
    assert client is not None
    return f"{book.bids[0][0] * 0.9:.2f}"


@pytest.mark.parametrize("order_entry", ["websocket", "rest"])
@pytest.mark.parametrize("kind", ["hmac", "ed25519"])
@pytest.mark.asyncio
async def test_orders_are_placed_filled_canceled_refused_and_queried(
    open_floor: OpenFloor, start_exchange: StartExchange, order_entry: str, kind: str
) -> None:
    exchange = start_exchange("--seed", "5")
    arguments = {
        "endpoints": exchange.endpoints,
        "keys": getattr(exchange, kind),
        "order_entry": order_entry,
    }
    floor = await open_floor(BinanceGateway, arguments)
    account = await floor.until_ready()
    [first, instrument] = floor.all_of(Instrument)
    assert first.taker_fee == 0, "the account was not read yet"
    assert instrument.maker_fee == instrument.taker_fee == Decimal("0.001")
    assert instrument.tick_size > 0
    assert instrument.min_notional > 0
    assert account.taker_fee == Decimal("0.001")
    assert {balance.asset for balance in account.balances} >= {"USDT", "BTC"}

    price = await resting_price(floor)
    floor.place("rest-1", price=price, quantity="0.002")
    await floor.until(lambda: floor.statuses("rest-1").count("NEW") == 2)
    by_event, by_answer = sorted(floor.orders("rest-1"), key=lambda item: item.execution_id)[::-1]
    assert by_event.exchange_order_id == by_answer.exchange_order_id > 0
    await floor.until(lambda: floor.all_of(Balance))

    floor.place("buy-1", order_type=OrderType.MARKET, quantity="0.003")
    await floor.until(lambda: floor.statuses("buy-1").count("FILLED") == 2)
    trades = {
        execution.trade_id: execution.quantity
        for order in floor.orders("buy-1")
        for execution in order.executions
    }
    assert sum(trades.values()) == Decimal("0.003")

    floor.place("bad-1", price=price, quantity="0.0000001")
    [refused] = await floor.until(lambda: floor.orders("bad-1"))
    assert (refused.status, refused.reason) == (OrderStatus.REJECTED, Reason.VENUE)
    assert refused.reason_code < 0

    floor.ask_snapshot()
    await floor.until(lambda: len(floor.all_of(AccountSnapshot)) == 2)
    open_now = floor.all_of(AccountSnapshot)[-1].open_orders
    assert [order.client_order_id for order in open_now] == ["rest-1"]

    floor.cancel("rest-1")
    await floor.until(lambda: floor.statuses("rest-1").count("CANCELED") == 2)
    floor.cancel("rest-1")
    [refusal] = await floor.until(lambda: floor.all_of(CancelRefused))
    assert (refusal.reason_code, refusal.is_unknown) == (-2011, False)

    # It may have taken one trade or several, and so one event or several.
    told = len(floor.orders("buy-1"))
    floor.query("buy-1")
    filled = (await floor.until(lambda: floor.orders("buy-1")[told:]))[-1]
    assert filled.status is OrderStatus.FILLED
    assert filled.unbooked_quantity == 0
    assert {item.trade_id for item in filled.executions} == set(trades)
    floor.query("never-1")
    [absent] = await floor.until(lambda: floor.orders("never-1"))
    assert absent.status is OrderStatus.NOT_FOUND


@pytest.mark.parametrize("order_entry", ["websocket", "rest"])
@pytest.mark.asyncio
async def test_an_order_is_amended_and_keeps_its_place(
    open_floor: OpenFloor, start_exchange: StartExchange, order_entry: str
) -> None:
    exchange = start_exchange("--market", "still")
    floor = await open_floor(
        BinanceGateway,
        {"endpoints": exchange.endpoints, "keys": exchange.hmac, "order_entry": order_entry},
    )
    await floor.until_ready()
    floor.place("a", price="15000", quantity="0.003")
    await floor.until(lambda: len(floor.orders("a")) == 2)
    order_id = floor.orders("a")[0].exchange_order_id
    floor.amend("a", "a2", "0.001")
    by_event, by_answer = await floor.until(
        lambda: (
            sorted(floor.orders("a2"), key=lambda item: bool(item.order_id))[:2]
            if len(floor.orders("a2")) == 2
            else None
        )
    )
    for order in (by_event, by_answer):
        assert (order.exchange_order_id, order.quantity) == (order_id, Decimal("0.001"))
        assert (order.status, order.execution_type) == (OrderStatus.NEW, ExecutionType.REPLACED)
    assert by_event.execution_id == by_answer.execution_id
    assert by_answer.order_id == "order-a"
    floor.amend("a2", "a3", "0.002")
    [refused] = await floor.until(
        lambda: [order for order in floor.orders("a2") if order.reason_code]
    )
    assert refused.status is OrderStatus.UNKNOWN
    floor.cancel("a2")
    await floor.until(lambda: "CANCELED" in floor.statuses("a2"))
    assert await open_orders_of(exchange) == set()


@pytest.mark.asyncio
async def test_what_was_executed_while_nobody_listened_is_told_after_the_last_known_trade(
    open_floor: OpenFloor, start_exchange: StartExchange
) -> None:
    exchange = start_exchange("--seed", "5")
    floor = await open_floor(
        BinanceGateway, {"endpoints": exchange.endpoints, "keys": exchange.hmac}
    )
    await floor.until_ready()
    floor.place("known", order_type=OrderType.MARKET, quantity="0.001")
    await floor.until(lambda: floor.statuses("known").count("FILLED") == 2)
    last_id = max(item.trade_id for order in floor.orders("known") for item in order.executions)
    floor.place("missed", order_type=OrderType.MARKET, quantity="0.003")
    await floor.until(lambda: floor.statuses("missed").count("FILLED") == 2)
    other = await open_floor(
        BinanceGateway, {"endpoints": exchange.endpoints, "keys": exchange.ed25519}
    )
    other.ask_snapshot("BTCUSDT", BTCUSDT=last_id)
    await other.until(lambda: [one for one in other.all_of(AccountSnapshot) if one.executed_orders])
    [order] = other.all_of(AccountSnapshot)[-1].executed_orders
    assert (order.client_order_id, order.status) == ("missed", OrderStatus.FILLED)
    assert order.unbooked_quantity == 0
    assert {item.trade_id for item in order.executions} == {
        item.trade_id for told in floor.orders("missed") for item in told.executions
    }
    other.ask_snapshot("BTCUSDT", BTCUSDT=order.executions[-1].trade_id)
    count = len(other.all_of(AccountSnapshot))
    await other.until(lambda: len(other.all_of(AccountSnapshot)) > count)
    assert other.all_of(AccountSnapshot)[-1].executed_orders == []


@pytest.mark.asyncio
async def test_an_order_and_its_cancel_in_one_breath_are_sent_in_their_order(
    open_floor: OpenFloor, start_exchange: StartExchange
) -> None:
    exchange = start_exchange("--market", "still")
    floor = await open_floor(
        BinanceGateway, {"endpoints": exchange.endpoints, "keys": exchange.hmac}
    )
    await floor.until_ready()
    for number in range(20):
        floor.place(f"o-{number}", price="15000")
    await floor.until(lambda: floor.gateway._in_flight or floor.all_of(Order))
    for number in range(20):
        floor.cancel(f"o-{number}")
    for number in range(20):
        await floor.until(
            lambda name=f"o-{number}": floor.statuses(name)[-1:] in (["CANCELED"], ["REJECTED"])
        )
    assert not floor.all_of(CancelRefused)
    assert await open_orders_of(exchange) == set()


@pytest.mark.asyncio
async def test_our_orders_are_canceled_one_by_one_and_foreign_ones_stay(
    open_floor: OpenFloor, start_exchange: StartExchange
) -> None:
    exchange = start_exchange("--market", "still")
    floor = await open_floor(
        BinanceGateway, {"endpoints": exchange.endpoints, "keys": exchange.hmac}
    )
    await floor.until_ready()
    await place_by_hand(exchange, "manual-1")
    # The owner's order is told like any other; that it is not ours is the order manager's to know.
    await floor.until(lambda: floor.statuses("manual-1") == ["NEW"])
    for number in range(5):
        floor.place(f"bot-{number}", price="15000")
    await floor.until(lambda: all(floor.orders(f"bot-{number}") for number in range(5)))
    left = await cancel_our_orders(
        exchange.endpoints, exchange.ed25519, lambda name: name.startswith("bot-"), ["BTCUSDT"]
    )
    assert left == []
    assert await open_orders_of(exchange) == {"manual-1"}
    await floor.until(lambda: floor.statuses("bot-4")[-1] == "CANCELED")


@pytest.mark.asyncio
async def test_an_unknown_symbol_does_not_hide_the_others(
    open_floor: OpenFloor, start_exchange: StartExchange, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = start_exchange("--symbols", "BTCUSDT,ETHUSDT")
    floor = await open_floor(
        BinanceGateway,
        {"endpoints": exchange.endpoints, "keys": exchange.hmac},
        ("BTCUSDT", "NOSUCH", "ETHUSDT"),
    )
    await floor.until(lambda: len(floor.all_of(Instrument)) >= 4)
    with pytest.raises(AssertionError):
        await floor.until(lambda: len(floor.all_of(Instrument)) > 4, 1.5)
    # Once, and once more with the account's fees.
    assert [item.symbol for item in floor.all_of(Instrument)] == ["BTCUSDT", "ETHUSDT"] * 2
    assert "NOSUCH" in caplog.text
    priced, with_fees = floor.all_of(Instrument)[:2], floor.all_of(Instrument)[2:]
    assert all(0 < item.bid_price < item.ask_price for item in priced)
    assert all(item.bid_price == item.ask_price == 0 for item in with_fees)


@pytest.mark.asyncio
async def test_the_venues_order_limit_is_obeyed_and_a_cancel_passes_at_once(
    open_floor: OpenFloor, start_exchange: StartExchange
) -> None:
    exchange = start_exchange("--market", "still", "--order-limit", "3", "--weight-limit", "100")
    floor = await open_floor(
        BinanceGateway, {"endpoints": exchange.endpoints, "keys": exchange.hmac}
    )
    await floor.until_ready()
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for number in range(12):
        floor.place(f"o-{number}", price="15000")
    await floor.until(lambda: floor.orders("o-0"))
    floor.cancel("o-0")
    canceled_s = loop.time()
    await floor.until(lambda: "CANCELED" in floor.statuses("o-0"))
    # It has not waited for the next orders' turn.
    assert loop.time() - canceled_s < 8 or not floor.orders("o-3")
    await floor.until(lambda: all(floor.orders(f"o-{number}") for number in range(12)), 90)
    # Four windows of ten seconds, and none of them missed.
    assert loop.time() - began_s < 48
    assert {order.status for order in floor.all_of(Order)} == {
        OrderStatus.NEW,
        OrderStatus.CANCELED,
    }
    assert floor.gateway.client.usage.retry_at_ns == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"endpoints": "prodution"}, "no environment of Binance"),
        ({"order_entry": "fix"}, "order_entry"),
        ({"recv_window_ms": 0}, "recv_window_ms"),
        ({"request_timeout_s": -1.0}, "request_timeout_s"),
    ],
)
def test_wrong_arguments_are_refused(keys: Any, arguments: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        BinanceGateway(**{"endpoints": "testnet", "keys": keys, **arguments})
    assert BinanceGateway("testnet", keys).exchange is Exchanges.BINANCE
