"""A running exchange with faults, and ways to give it more."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from actors.exchange.configuration import STILL, ExchangeConfiguration
from actors.exchange.fault_plan import FaultPlan, parse_plan
from actors.exchange.methods import METHODS
from tests.exchange.server.client import PATIENCE_SECONDS, Answer, World, running

NAMES = [method.name for method in METHODS]
SYMBOLS = ("BTCUSDT", "ETHUSDT")


def plan_of(*rules: dict[str, Any], **settings: Any) -> FaultPlan:
    """A checked plan."""
    document = {**settings, "faults": list(rules)}
    return parse_plan(msgspec.json.encode(document), False, NAMES, SYMBOLS)


class FaultyWorld(World):
    """A world that can be told what goes wrong."""

    async def give(self, *rules: dict[str, Any], **settings: Any) -> list[int]:
        """Puts a plan in force; the numbers of its rules."""
        answer = await self.control("POST", "faults", {**settings, "faults": list(rules)})
        assert answer.status == 200, answer.text
        numbers: list[int] = answer.json["numbers"]
        return numbers

    async def control(self, verb: str, path: str, content: Any = None) -> Answer:
        """One request to the control endpoint."""
        url = f"{self.addresses.control}/{path}"
        body = None if content is None else msgspec.json.encode(content)
        async with self.session.request(verb, url, data=body) as response:
            return Answer(response.status, response.headers, await response.text())


@asynccontextmanager
async def faulty(*rules: dict[str, Any], **options: Any) -> AsyncIterator[FaultyWorld]:
    """An exchange with control, a still market unless told otherwise, and rules in force from the start."""
    settings = {
        name: options.pop(name)
        for name in ("seed", "latency", "clock", "sockets")
        if name in options
    }
    configuration = ExchangeConfiguration(
        allows_self_trades=True,
        **{
            "symbols": SYMBOLS,
            "market": STILL,
            "has_control": True,
            "faults": plan_of(*rules, **settings),
            **options,
        },
    )
    async with running(configuration) as world:
        yield FaultyWorld(
            world.configuration, world.addresses, world.session, world.stop, world.task
        )


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Asks again and again until the answer is yes; fails when it stays no."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await holds():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.02)
