"""python-binance, asynchronous: streams, a reset connection, orders by REST and by the WebSocket API."""

import asyncio
from typing import Any

from binance import AsyncClient, BinanceSocketManager
from common import (
    KEY,
    REST,
    SECRET,
    STREAMS,
    SYMBOL,
    WS_API,
    below,
    cut,
    is_report,
    reports_of,
    tell_answers,
)


class LocalClient(AsyncClient):  # type: ignore[misc]
    """The client, at another address."""

    API_URL = REST + "/api"
    WS_API_URL = WS_API


class LocalSockets(BinanceSocketManager):  # type: ignore[misc]
    """Its streams, at another address."""

    STREAM_URL = STREAMS + "/"


async def trades_from(socket: Any, count: int) -> int:
    """Waits for so many trades; errors on the way are what the client tells of its reconnection."""
    seen = 0
    while seen < count:
        message = await socket.recv()
        seen += message.get("e") == "trade"
    return seen


async def main() -> None:
    """One run."""
    client = await LocalClient.create(KEY, SECRET)
    sockets = LocalSockets(client)
    await client.get_exchange_info()
    events: list[dict[str, Any]] = []
    is_filled = asyncio.Event()
    user = sockets.user_socket()
    await user.__aenter__()

    async def listen() -> None:
        while True:
            events.append(await user.recv())
            if is_report(events[-1], "TRADE"):
                is_filled.set()

    listener = asyncio.create_task(listen())
    market, depth = sockets.trade_socket(SYMBOL), sockets.depth_socket(SYMBOL)
    await market.__aenter__()
    await depth.__aenter__()
    frames = [await trades_from(market, 3)]
    update = await depth.recv()
    book = await client.get_order_book(symbol=SYMBOL)
    price = below(book["bids"][0][0])
    resting = await client.order_limit_buy(symbol=SYMBOL, quantity="0.001", price=price)
    replaced = await client.cancel_replace_order(
        symbol=SYMBOL,
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity="0.002",
        price=price,
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=resting["orderId"],
    )
    renewed = replaced["newOrderResponse"]
    await client.cancel_order(symbol=SYMBOL, orderId=renewed["orderId"])
    cut()
    frames.append(await trades_from(market, 3))
    filled = await client.ws_order_market_buy(symbol=SYMBOL, quantity="0.001")
    await is_filled.wait()
    listener.cancel()
    orders = [
        await client.get_order(symbol=SYMBOL, orderId=order["orderId"])
        for order in (resting, renewed, filled)
    ]
    account = await client.get_account()
    trades = await client.get_my_trades(symbol=SYMBOL)
    tell_answers(orders, account, trades, reports_of(events), [*frames, update["e"]])


asyncio.run(main())
