"""A benchmark's peer: one-way messages in another actor library, xoscar or pykka. A program of its own.

Its first line of standard input names the library and how many messages; it prints the messages a second as JSON. The
message is a plain dictionary of the same eight fields as our trade. It needs nothing of this project.
"""

import asyncio
import importlib
import json
import sys
import time
from typing import Any

TRADE = {
    "exchange": "BINANCE",
    "symbol": "BTCUSDT",
    "trade_id": 1,
    "price": 60_000.12,
    "quantity": 0.01234,
    "buyer_is_maker": True,
    "trade_time_ns": 1_767_225_600_000_000_000,
    "event_time_ns": 1_767_225_600_000_000_000,
}


def time_pykka(messages: int) -> float:
    """Messages a second, told from the main thread to an actor in its own."""
    pykka: Any = importlib.import_module("pykka")

    class Counter(pykka.ThreadingActor):  # type: ignore[misc]  # its base is not known here
        """Counts."""

        def __init__(self) -> None:
            super().__init__()
            self.count = 0

        def on_receive(self, message: Any) -> Any:
            if "ask" in message:
                return self.count
            self.count += 1
            return None

    counter = Counter.start()
    begin = time.perf_counter()
    for number in range(messages):
        counter.tell({**TRADE, "trade_id": number})
    handled = counter.ask({"ask": True})
    seconds = time.perf_counter() - begin
    counter.stop()
    return float(handled) / seconds


async def time_xoscar(messages: int) -> float:
    """Messages a second, sent one way within one pool of one process."""
    xoscar: Any = importlib.import_module("xoscar")

    class Counter(xoscar.Actor):  # type: ignore[misc]  # its base is not known here
        """Counts."""

        def __init__(self) -> None:
            self.count = 0

        def take(self, message: Any) -> None:
            self.count += 1

        def get(self) -> int:
            return self.count

    pool = await xoscar.create_actor_pool("127.0.0.1", n_process=0)
    async with pool:
        counter = await xoscar.create_actor(Counter, address=pool.external_address)
        begin = time.perf_counter()
        for number in range(messages):
            await counter.take.tell({**TRADE, "trade_id": number})
        handled = 0
        while handled < messages:
            handled = await counter.get()
        return messages / (time.perf_counter() - begin)


if __name__ == "__main__":
    wanted = json.loads(sys.stdin.readline())
    count = wanted["messages"]
    is_pykka = wanted["library"] == "pykka"
    rate = time_pykka(count) if is_pykka else asyncio.run(time_xoscar(count))
    print(json.dumps({"messages_per_s": rate}), flush=True)
