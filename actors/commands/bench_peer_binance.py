"""A benchmark's peer: the stock client library, used as its documentation shows. A program of its own.

Its first line of standard input is a task in JSON (`PeerTask`). It prints a line when it is ready; then it answers each
trade with an order, or counts so many and prints how long that took. It needs nothing of this project.
"""

import asyncio
import importlib
import json
import sys
import time
from typing import Any

QUEUE = 10_000_000


async def run(task: dict[str, Any]) -> None:
    """Does what the task says."""
    binance: Any = importlib.import_module("binance")
    client_class, manager_class = binance.AsyncClient, binance.BinanceSocketManager
    client_class.API_URL = f"{task['rest']}/api"
    client_class.WS_API_URL = task["ws_api"]
    manager_class.STREAM_URL = f"{task['streams']}/"
    if task["job"] == "intake":
        client = client_class()
        manager = manager_class(client, max_queue_size=QUEUE)
        await count(manager, task)
        return
    keys = {"api_key": task["api_key"], "api_secret": task["api_secret"]}
    if task["key"] == "Ed25519":
        keys = {"api_key": task["api_key"], "private_key": task["api_secret"]}
    client = await client_class.create(**keys)
    manager = manager_class(client)
    place = client.ws_create_order if task["entry"] == "websocket" else client.create_order
    names = [f"{symbol.lower()}@trade" for symbol in task["symbols"]]
    first = task["symbols"][0]
    async with manager.multiplex_socket(names) as stream:
        print("ready", flush=True)
        while True:
            trade = (await stream.recv())["data"]
            if trade["s"] == first:
                await place(
                    symbol=first,
                    side="BUY",
                    type="LIMIT",
                    timeInForce="IOC",
                    quantity="0.001",
                    price=trade["p"].rstrip("0").rstrip("."),
                )


async def count(manager: Any, task: dict[str, Any]) -> None:
    """Takes so many trades."""
    names = [f"{symbol.lower()}@trade" for symbol in task["symbols"]]
    async with manager.multiplex_socket(names) as stream:
        print("ready", flush=True)
        await stream.recv()
        begin = time.perf_counter()
        for _ in range(task["frames"] - 1):
            await stream.recv()
        seconds = time.perf_counter() - begin
        print(json.dumps({"frames": task["frames"], "seconds": seconds}), flush=True)


if __name__ == "__main__":
    asyncio.run(run(json.loads(sys.stdin.readline())))
