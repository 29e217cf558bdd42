"""A benchmark's peer: ccxt with its WebSocket part, used as its documentation shows. A program of its own.

Its first line of standard input is a task in JSON (`PeerTask`). It prints a line when it is ready; then it answers each
trade with an order. Its own throttle is off, or that would be measured. It needs nothing of this project.
"""

import asyncio
import importlib
import json
import sys
from typing import Any


async def run(task: dict[str, Any]) -> None:
    """Answers each trade with an order at its price."""
    ccxt: Any = importlib.import_module("ccxt.pro")
    rest = f"{task['rest']}/api/v3"
    exchange = ccxt.binance(
        {
            "apiKey": task["api_key"],
            "secret": task["api_secret"],
            "enableRateLimit": False,
            "options": {
                "fetchMarkets": {"types": ["spot"]},
                "fetchMargins": False,
                "fetchCurrencies": False,
            },
            "urls": {
                "api": {
                    "public": rest,
                    "private": rest,
                    "ws": {"spot": f"{task['streams']}/ws", "ws-api": {"spot": task["ws_api"]}},
                }
            },
        }
    )
    await exchange.load_markets()
    symbols = [
        market["symbol"]
        for name in task["symbols"]
        for market in exchange.markets.values()
        if market["id"] == name
    ]
    place = exchange.create_order_ws if task["entry"] == "websocket" else exchange.create_order
    waiting = asyncio.create_task(exchange.watch_trades_for_symbols(symbols))
    await asyncio.sleep(1.0)
    print("ready", flush=True)
    while True:
        trades = await waiting
        waiting = asyncio.create_task(exchange.watch_trades_for_symbols(symbols))
        for trade in trades:
            if trade["symbol"] == symbols[0]:
                terms = {"timeInForce": "IOC"}
                await place(symbols[0], "limit", "buy", 0.001, trade["price"], terms)


if __name__ == "__main__":
    asyncio.run(run(json.loads(sys.stdin.readline())))
