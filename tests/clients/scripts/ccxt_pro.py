"""ccxt, asynchronous, with its WebSocket part and its default options: all its orders by the WebSocket API."""

import asyncio
from typing import Any

import ccxt.pro
from common import KEY, REST, SECRET, STREAMS, WS_API, balances_of, below, cut, tell

SYMBOL = "BTC/USDT"
URLS = {
    "public": f"{REST}/api/v3",
    "private": f"{REST}/api/v3",
    "sapi": f"{REST}/sapi/v1",
    "fapiPublic": f"{REST}/fapi/v1",
    "dapiPublic": f"{REST}/dapi/v1",
    "ws": {"spot": f"{STREAMS}/ws", "ws-api": {"spot": WS_API}},
}


async def trades_from(exchange: Any, count: int) -> int:
    """Waits for so many trades; a connection that was reset is told at once and made anew by the next call."""
    seen = 0
    while seen < count:
        try:
            seen += len(await exchange.watch_trades(SYMBOL))
        except ccxt.NetworkError:
            continue
    return seen


async def main() -> None:
    """One run."""
    exchange = ccxt.pro.binance({"apiKey": KEY, "secret": SECRET, "urls": {"api": URLS}})
    await exchange.load_markets()
    events: list[tuple[str, str]] = []
    is_heard, is_filled = asyncio.Event(), asyncio.Event()

    async def listen() -> None:
        while True:
            for order in await exchange.watch_orders(SYMBOL):
                events.append((order["id"], order["info"]["x"]))
                is_heard.set()
                if order["info"]["x"] == "TRADE":
                    is_filled.set()

    listener = asyncio.create_task(listen())
    frames = [await trades_from(exchange, 3) >= 3]
    book = await exchange.watch_order_book(SYMBOL)
    price = float(below(book["bids"][0][0]))
    while not is_heard.is_set():
        # It does not say when it listens: asked until an order's first event has come.
        resting = await exchange.create_order_ws(SYMBOL, "limit", "buy", 0.001, price)
        try:
            await asyncio.wait_for(is_heard.wait(), 1)
        except TimeoutError:
            await exchange.cancel_order_ws(resting["id"], SYMBOL)
    renewed = await exchange.edit_order_ws(resting["id"], SYMBOL, "limit", "buy", 0.002, price)
    await exchange.cancel_order_ws(renewed["id"], SYMBOL)
    cut()
    frames.append(await trades_from(exchange, 3) >= 3)
    filled = await exchange.create_order_ws(SYMBOL, "market", "buy", 0.001)
    await is_filled.wait()
    listener.cancel()
    orders = [
        await exchange.fetch_order(order["id"], SYMBOL) for order in (resting, renewed, filled)
    ]
    balances = await exchange.fetch_balance()
    trades = await exchange.fetch_my_trades(SYMBOL)
    tell(
        [(order["id"], order["info"]["status"], order["info"]["executedQty"]) for order in orders],
        balances_of(balances["info"]["balances"]),
        [trade["id"] for trade in trades],
        events,
        frames,
    )


asyncio.run(main())
