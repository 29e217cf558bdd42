"""Reads held back until they fit into the venue's request weight.

Orders and cancels never wait here: when they succeed they weigh nothing (CHANGELOG.md, 2026-04-02).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from actors.binance.client import BinanceClient
from actors.binance.limits import WeightBudget


class ReadPacer:
    """The weight budget of one client; without announced limits nothing waits."""

    def __init__(self, client: BinanceClient) -> None:
        self.client = client
        self.budget = WeightBudget()

    @asynccontextmanager
    async def reading(self, weight: int) -> AsyncIterator[None]:
        """Waits until a read of this weight fits, and counts it; the venue's own count, once it is told, replaces ours."""
        budget, client = self.budget, self.client
        wait_s = budget.wait_s(weight, client.venue_time_ns())
        while wait_s > 0:
            await asyncio.sleep(wait_s)
            wait_s = budget.wait_s(weight, client.venue_time_ns())
        sent_ns = client.venue_time_ns()
        budget.spend(weight, sent_ns)
        try:
            yield
        finally:
            counts = [usage for usage in client.usage.counts.values() if usage.time_ns >= sent_ns]
            budget.settle(weight, sent_ns, client.venue_time_ns(), counts)
