"""Faults that end or silence connections, on uvloop: it raises where asyncio ignores a write to what is closed."""

import asyncio
from typing import Any

import aiohttp
import uvloop

from tests.exchange.faults.world import FaultyWorld, faulty
from tests.exchange.server.client import PATIENCE_SECONDS

ENDINGS: tuple[dict[str, Any], ...] = (
    {"kind": "disconnect"},
    {"kind": "disconnect", "reset": True, "executes": False},
    {"kind": "close", "code": 1008},
    {"kind": "disconnect", "delay_ms": 30},
)


async def end_connections(world: FaultyWorld) -> None:
    """Orders on connections that break, by both entries, while events and trades are on their way."""
    async with world.api() as listener, world.streams("/ws/btcusdt@trade") as feed:
        await listener.signed("userDataStream.subscribe.signature")
        for rule in ENDINGS:
            (number,) = await world.give({"on": "order.place", **rule})
            results = await asyncio.gather(
                world.rest().place("BUY", "0.01", "70000"),
                world.rest().place("SELL", "0.01", "30000"),
                return_exceptions=True,
            )
            assert [r for r in results if not isinstance(r, aiohttp.ClientError | OSError)] == [], (
                rule
            )
            async with world.api() as api:
                terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
                request = {"id": 1, "method": "order.place", "params": api.sign(terms)}
                await api.socket.send_json(request)
                await api.socket.send_json({"id": 2, "method": "ping"})
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while not api.socket.closed:
                        await api.socket.receive()
            await world.control("DELETE", f"faults/{number}")
        assert (await listener.call("ping"))["status"] == 200
        await world.give({"kind": "sockets_frozen", "channel": "market", "for_ms": 50})
        await feed.next()
        await world.give({"kind": "sockets_dropped", "channel": "market", "reset": True})
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not feed.socket.closed:
                await feed.socket.receive()


async def scenario() -> int:
    """All of it, with a market and slow channels; how often the last rules struck."""
    latency = {name: {"ms": 2, "jitter_ms": 5} for name in ("rest", "user_events", "market")}
    async with faulty(latency=latency, market="synthetic", trades_per_second=200.0) as world:
        await end_connections(world)
        state = (await world.control("GET", "state")).json
    struck: int = sum(rule["struck"] for rule in state["faults"])
    return struck


def test_connections_that_end_on_uvloop() -> None:
    assert uvloop.run(scenario()) == 2
