"""Orders, the account and public requests against the local exchange, over both ways in and with both kinds of key."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio

from actors.binance.client import BinanceClient
from actors.binance.endpoints import endpoints_at
from actors.binance.errors import RequestRefused
from actors.binance.market_decoder import MarketDecoder
from actors.binance.market_requests import BinanceMarket
from actors.binance.orders import BinanceOrders
from actors.binance.socket_manager import BinanceStreams
from actors.binance.stream_names import book_ticker_stream, depth_stream, trade_stream
from actors.binance.wire_events import UserEventDecoder
from actors.binance.wire_orders import ExecutionReport, from_binance_order, name_of_cancel
from actors.binance.wire_requests import new_order_params, order_reference
from messages.enums import (
    ExecutionType,
    KlineInterval,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from messages.orders import Order
from tests.binance.scripted_venue import until

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def exchange() -> Iterator[dict[str, str]]:
    """The local exchange in a process of its own; what its first line says."""
    process = subprocess.Popen(
        [sys.executable, "-m", "actors.commands.exchange", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        first_line: dict[str, str] = json.loads(process.stdout.readline())
        yield first_line
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@pytest_asyncio.fixture(params=["hmac", "ed25519"])
async def client(
    request: pytest.FixtureRequest, exchange: dict[str, str]
) -> AsyncIterator[BinanceClient]:
    """A client of the local exchange, its clock measured."""
    endpoints = endpoints_at(exchange["rest"], exchange["ws_api"], exchange["streams"])
    if request.param == "hmac":
        keys = {"api_key": exchange["api_key"], "api_secret": exchange["api_secret"]}
    else:
        keys = {
            "api_key": exchange["ed25519_api_key"],
            "private_key": exchange["ed25519_private_key"],
        }
    made = await BinanceClient.create(endpoints, random=Random(1), **keys)
    yield made
    await made.close_connection()


async def far_below_the_market(client: BinanceClient) -> Order:
    """A LIMIT BUY that will rest."""
    market = BinanceMarket(client)
    (instrument,) = (await market.rules(["BTCUSDT"])).instruments
    book = await market.depth_snapshot("BTCUSDT", 5)
    price = instrument.round_price(book.bids[0][0] * 0.97, Side.BUY)
    return Order(
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        symbol="BTCUSDT",
        client_order_id=f"test-{client.venue_time_ns()}",
        quantity=instrument.round_quantity(Decimal(20) / price),
        price=price,
    )


@pytest.mark.asyncio
@pytest.mark.parametrize("over_websocket", [True, False])
async def test_an_order_is_placed_queried_and_canceled(
    client: BinanceClient, over_websocket: bool
) -> None:
    orders = BinanceOrders(client, over_websocket=over_websocket)
    order = await far_below_the_market(client)
    placed = await orders.place(order)
    assert placed.status is OrderStatus.NEW
    assert placed.client_order_id == order.client_order_id
    assert (placed.price, placed.quantity) == (order.price, order.quantity)
    queried = await orders.query("BTCUSDT", order.client_order_id)
    assert queried.exchange_order_id == placed.exchange_order_id
    open_ids = [item.client_order_id for item in await orders.open_orders("BTCUSDT")]
    assert order.client_order_id in open_ids
    with pytest.raises(RequestRefused) as caught:
        await orders.place(order)
    assert caught.value.code == -2010
    canceled = await orders.cancel("BTCUSDT", order.client_order_id, placed.exchange_order_id)
    assert canceled.status is OrderStatus.CANCELED
    assert canceled.client_order_id == order.client_order_id
    with pytest.raises(RequestRefused) as caught:
        await orders.cancel("BTCUSDT", order.client_order_id)
    assert caught.value.code == -2011
    with pytest.raises(RequestRefused) as caught:
        await orders.query("BTCUSDT", "never-seen")
    assert caught.value.code == -2013


@pytest.mark.parametrize("over_websocket", [True, False])
@pytest.mark.asyncio
async def test_a_canceled_order_is_known_by_its_name_when_it_is_found_by_the_venues_id(
    client: BinanceClient, over_websocket: bool
) -> None:
    orders = BinanceOrders(client, over_websocket=over_websocket)
    order = await far_below_the_market(client)
    placed = await orders.place(order)
    await orders.cancel("BTCUSDT", order.client_order_id)
    found = await orders.query("BTCUSDT", "", placed.exchange_order_id)
    assert found.client_order_id == order.client_order_id
    assert found.status is OrderStatus.CANCELED


@pytest.mark.parametrize("name", ["", "a" * 35])
def test_a_cancel_without_room_for_a_name_has_none(name: str) -> None:
    assert name_of_cancel(name) is None


@pytest.mark.asyncio
async def test_answer_user_stream_and_own_trades_tell_the_same_fills(client: BinanceClient) -> None:
    orders, decoder = BinanceOrders(client), UserEventDecoder()
    reports: list[Order] = []

    def on_event(event: bytes) -> None:
        decoded = decoder.decode(event)
        if isinstance(decoded, ExecutionReport):
            reports.append(from_binance_order(decoded))

    async with asyncio.timeout(10):
        await client.ws_api.subscribe_user_stream(on_event)
    resting = await far_below_the_market(client)
    order = Order(
        side=Side.BUY,
        order_type=OrderType.MARKET,
        symbol="BTCUSDT",
        client_order_id=resting.client_order_id,
        quantity=resting.quantity,
    )
    filled = await orders.place(order)
    assert filled.status is OrderStatus.FILLED
    mine = order.client_order_id

    def told() -> list[Order]:
        return [report for report in reports if report.client_order_id == mine]

    await until(lambda: told() and told()[-1].status is OrderStatus.FILLED)
    assert told()[0].execution_type is ExecutionType.NEW
    streamed = {e.trade_id: e for report in told() for e in report.executions}
    answered = {e.trade_id: e for e in filled.executions}
    trades = await orders.trades("BTCUSDT", exchange_order_id=filled.exchange_order_id)
    listed = {trade.trade_id: trade.to_execution() for trade in trades}
    assert streamed.keys() == answered.keys() == listed.keys()
    for trade_id, execution in listed.items():
        for other in (streamed[trade_id], answered[trade_id]):
            assert (other.price, other.quantity, other.fee, other.fee_asset) == (
                execution.price,
                execution.quantity,
                execution.fee,
                execution.fee_asset,
            )


@pytest.mark.asyncio
async def test_the_account_and_the_limits(client: BinanceClient) -> None:
    order = await far_below_the_market(client)
    orders = BinanceOrders(client)
    await orders.place(order)
    snapshot = await orders.account(await orders.open_orders("BTCUSDT"))
    assert order.client_order_id in [item.client_order_id for item in snapshot.open_orders]
    (balance,) = [item for item in snapshot.balances if item.asset == "USDT"]
    assert balance.locked >= order.price * order.quantity
    assert client.usage.counts
    await orders.cancel("BTCUSDT", order.client_order_id)


@pytest.mark.asyncio
async def test_market_data_of_the_local_exchange_decodes(client: BinanceClient) -> None:
    decoder = MarketDecoder()
    kinds: set[str] = set()
    stream = BinanceStreams(client).open_streams(
        [trade_stream("BTCUSDT"), book_ticker_stream("BTCUSDT"), depth_stream("BTCUSDT")],
        lambda frame: kinds.add(type(decoder.decode(frame)).__name__),
        lambda: None,
        lambda reason: None,
    )
    running = asyncio.create_task(stream.run())
    await until(lambda: kinds >= {"Trade", "BookTicker", "DepthUpdate"}, within_s=10.0)
    await stream.close()
    await running
    assert kinds == {"Trade", "BookTicker", "DepthUpdate"}
    bars = await BinanceMarket(client).klines("BTCUSDT", KlineInterval.SECOND_1)
    assert all(bar.low <= bar.close <= bar.high for bar in bars)


def make_order(**changes: object) -> Order:
    """A LIMIT order with some terms changed."""
    terms: dict[str, object] = {
        "side": Side.SELL,
        "order_type": OrderType.LIMIT,
        "symbol": "BTCUSDT",
        "client_order_id": "bot-1",
        "quantity": Decimal("1E-5"),
        "price": Decimal("58000.00"),
        "time_in_force": TimeInForce.IOC,
    }
    return Order(**{**terms, **changes})  # type: ignore[arg-type]


def test_parameters_of_each_order_type() -> None:
    limit = new_order_params(make_order())
    assert limit == {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT",
        "newClientOrderId": "bot-1",
        "newOrderRespType": "FULL",
        "timeInForce": "IOC",
        "price": "58000",
        "quantity": "0.00001",
    }
    maker = new_order_params(make_order(order_type=OrderType.LIMIT_MAKER))
    assert "timeInForce" not in maker
    assert maker["price"] == "58000"
    market = new_order_params(make_order(order_type=OrderType.MARKET))
    assert market.keys().isdisjoint({"price", "timeInForce", "quoteOrderQty"})
    by_amount = new_order_params(
        make_order(
            order_type=OrderType.MARKET, quantity=Decimal(0), quote_quantity=Decimal("25.50")
        )
    )
    assert by_amount["quoteOrderQty"] == "25.5"
    assert "quantity" not in by_amount


def test_what_cannot_be_put_into_words_is_refused() -> None:
    with pytest.raises(ValueError, match="no client order id"):
        new_order_params(make_order(client_order_id=""))
    with pytest.raises(ValueError, match="not placed from here"):
        new_order_params(make_order(order_type=OrderType.UNRECOGNISED))


def test_orders_are_named_by_the_venues_id_where_it_is_known() -> None:
    assert order_reference("BTCUSDT", "bot-1", 7) == {"symbol": "BTCUSDT", "orderId": 7}
    assert order_reference("BTCUSDT", "bot-1") == {
        "symbol": "BTCUSDT",
        "origClientOrderId": "bot-1",
    }
