"""Holds trading while the venue, or a firewall before it, wants to be left alone; says so, and until when.

Under a ban even cancels are not sent (they would prolong it); the client below refuses them until the time has come.
"""

import asyncio

from actors.binance.client import BinanceClient
from actors.binance.errors import TOO_MANY_ORDERS
from actors.gateways.errors import LimitExceeded, Refused
from actors.gateways.venue_actor import VenueActor
from messages.enums import Exchanges

LIMIT = "request limit"
FIREWALL = "firewall"
FIREWALL_PAUSE_S = 10.0


class LimitHold:
    """Takes note of refusals, and keeps `keep` running beside the gateway."""

    def __init__(self, gateway: VenueActor, exchange: Exchanges) -> None:
        self.gateway = gateway
        self.exchange = exchange
        self._limit_due = asyncio.Event()
        self._firewall_due = asyncio.Event()

    def note(self, error: Refused) -> None:
        """A refusal: for too many requests (not: too many orders), or by a firewall."""
        if isinstance(error, LimitExceeded) and error.code != TOO_MANY_ORDERS:
            self._limit_due.set()
        if error.is_firewall:
            self._firewall_due.set()

    async def keep_limit(self, client: BinanceClient) -> None:
        """Until the time that the venue has named nothing new is decided."""
        while True:
            await self._limit_due.wait()
            self._limit_due.clear()
            usage = client.usage
            while (left_ns := usage.retry_at_ns - client.venue_time_ns()) > 0:
                what = "banned" if usage.is_banned else "rate limited"
                self.gateway.hold(LIMIT, f"{self.exchange}: {what} for {left_ns / 1e9:.0f} s")
                await asyncio.sleep(left_ns / 1e9)
            self.gateway.release(LIMIT)

    async def keep_firewall(self) -> None:
        """A firewall does not say how long: a while after its last refusal it is tried again."""
        while True:
            await self._firewall_due.wait()
            why = f"{self.exchange}: a firewall before the venue's API refuses requests"
            self.gateway.hold(FIREWALL, why)
            while self._firewall_due.is_set():
                self._firewall_due.clear()
                await asyncio.sleep(FIREWALL_PAUSE_S)
            self.gateway.release(FIREWALL)
