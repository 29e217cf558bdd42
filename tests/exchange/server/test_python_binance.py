"""The real python-binance against the exchange: nothing changed but its URLs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from binance import AsyncClient, BinanceSocketManager
from binance.exceptions import BinanceAPIException
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from actors.exchange.configuration import (
    STILL,
    AccountConfiguration,
    ExchangeConfiguration,
    default_keys,
)
from actors.exchange.signing import KeyKind, KeyPair
from tests.exchange.server.client import PATIENCE_SECONDS, World, running

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
TERMS = {**ORDER, "quantity": "0.01", "price": "50000"}


@contextlib.asynccontextmanager
async def binance_client(world: World, number: int, account: int = 0) -> AsyncIterator[Any]:
    """An AsyncClient with a key of an account (0 HMAC, others asymmetric), created as its documentation says."""
    addresses, pair = world.addresses, world.pair(number, account)

    class LocalClient(AsyncClient):  # type: ignore[misc]
        API_URL = f"{addresses.rest}/api"
        WS_API_URL = addresses.ws_api

    secret = {"private_key": pair.secret} if number else {"api_secret": pair.secret}
    client = await LocalClient.create(api_key=pair.key, **secret)
    # Its default offers compression and takes a proxy from the environment.
    client.ws_api._ws_kwargs = {"compression": None, "proxy": None}
    try:
        yield client
    finally:
        await client.session.close()
        await close(client.ws_api)


async def close(socket: Any) -> None:
    """Closes one of its sockets at once: its own way waits until a read has timed out after ten seconds."""
    if socket.ws is None:
        return
    readers = [task for task in asyncio.all_tasks() if "_read_loop" in repr(task.get_coro())]
    for task in readers:
        task.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    await socket.ws.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [0, 1], ids=["hmac", "ed25519"])
async def test_rest_orders(still_world: World, number: int) -> None:
    async with binance_client(still_world, number) as client:
        placed = await client.create_order(**TERMS)
        one = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
        assert (await client.get_order(**one))["status"] == "NEW"
        assert len(await client.get_open_orders(symbol="BTCUSDT")) == 1
        assert (await client.cancel_order(**one))["status"] == "CANCELED"
        with pytest.raises(BinanceAPIException) as caught:
            await client.cancel_order(**one)
        assert (caught.value.code, caught.value.message) == (-2011, "Unknown order sent.")
        await client.create_test_order(**TERMS)
        balances = (await client.get_account())["balances"]
        assert {entry["asset"] for entry in balances} >= {"BTC", "USDT"}
        assert len(await client.get_all_orders(symbol="BTCUSDT")) == 1
        assert await client.get_my_trades(symbol="BTCUSDT") == []
        assert (await client.get_order_book(symbol="BTCUSDT"))["bids"] == []
        assert len((await client.get_exchange_info())["symbols"]) == 2
        assert await client.get_klines(symbol="BTCUSDT", interval="1m") == []
        assert (await client.get_symbol_ticker(symbol="BTCUSDT"))["symbol"] == "BTCUSDT"


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [0, 1], ids=["hmac", "ed25519"])
async def test_websocket_api_orders_and_user_events(still_world: World, number: int) -> None:
    async with binance_client(still_world, number) as client:
        manager = BinanceSocketManager(client)
        user = manager.user_socket()
        await asyncio.wait_for(user.connect(), PATIENCE_SECONDS)
        placed = await client.ws_create_order(**TERMS, newClientOrderId="mine-1")
        one = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
        assert (await client.ws_get_order(**one))["status"] == "NEW"
        new = await asyncio.wait_for(user.recv(), PATIENCE_SECONDS)
        assert (new["e"], new["x"], new["c"]) == ("executionReport", "NEW", "mine-1")
        taker = still_world.rest(0, account=1)
        assert (await taker.place("SELL", "0.004", "50000")).json["status"] == "FILLED"
        event = new
        while event.get("x") != "TRADE":
            event = await asyncio.wait_for(user.recv(), PATIENCE_SECONDS)
        assert (event["l"], event["X"]) == ("0.00400000", "PARTIALLY_FILLED")
        canceled = await client.ws_cancel_order(**one)
        assert (canceled["status"], canceled["executedQty"]) == ("CANCELED", "0.00400000")
        while event.get("x") != "CANCELED":
            event = await asyncio.wait_for(user.recv(), PATIENCE_SECONDS)
        assert event["C"] == "mine-1"


@pytest.mark.asyncio
async def test_market_sockets(lively_world: World) -> None:
    async with binance_client(lively_world, 0) as client:
        # Its own queue of a hundred messages overflows for good while one waits for another.
        manager = BinanceSocketManager(client, max_queue_size=100_000)
        manager.STREAM_URL = f"{lively_world.addresses.streams}/"
        manager.ws_kwargs = {"compression": None, "proxy": None}
        names = ["btcusdt@trade", "btcusdt@bookTicker", "btcusdt@depth@100ms", "btcusdt@kline_1s"]
        sockets = [
            manager.trade_socket("BTCUSDT"),
            manager.depth_socket("BTCUSDT"),
            manager.multiplex_socket(names),
        ]
        for one in sockets:
            await one.connect()
        assert (await sockets[0].recv())["e"] == "trade"
        assert (await sockets[1].recv())["e"] == "depthUpdate"
        seen: set[str] = set()
        while seen != set(names):
            seen.add((await asyncio.wait_for(sockets[2].recv(), PATIENCE_SECONDS))["stream"])
        for one in sockets:
            await close(one)


@pytest.mark.asyncio
async def test_orders_with_an_rsa_key() -> None:
    private_key = generate_private_key(public_exponent=65537, key_size=2048)
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    keys = (*default_keys(), KeyPair("r" * 64, pem.decode(), KeyKind.RSA))
    configuration = ExchangeConfiguration(market=STILL, accounts=(AccountConfiguration(keys=keys),))
    async with running(configuration) as world, binance_client(world, 2) as client:
        placed = await client.create_order(**TERMS)
        one = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
        assert (await client.ws_get_order(**one))["status"] == "NEW"
        assert (await client.ws_cancel_order(**one))["status"] == "CANCELED"
