"""Lines that things go along one after the other, each arriving some time after it was sent.

A TCP connection never lets a later byte overtake an earlier one, however much the delay varies: nor does a line.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from actors.exchange.fault_plan import Delay, Latency

if TYPE_CHECKING:
    from random import Random


class DelayLine:
    """One direction of one connection. It must be used within a running loop."""

    __slots__ = ("due", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Callable[[], None]] = deque()
        self.due = 0.0

    def send(self, deliver: Callable[[], None], delay_seconds: float) -> None:
        """Calls `deliver` after the delay, and after everything that was sent before; without either, at once."""
        if delay_seconds <= 0 and not self.waiting:
            deliver()
            return
        loop = asyncio.get_running_loop()
        self.due = max(self.due, loop.time() + delay_seconds)
        self.waiting.append(deliver)
        # Timers of one instant fire in any order: each delivers what is first in line, not what it was set for.
        loop.call_at(self.due, self.deliver_next)

    def deliver_next(self) -> None:
        """Delivers what has waited longest."""
        self.waiting.popleft()()


class Latencies:
    """How long each channel takes now, in seconds, jitter drawn anew each time."""

    def __init__(self, rng: "Random") -> None:
        self.rng = rng
        self.plan = Latency()

    def rest(self) -> float:
        """One way of a REST request or answer."""
        return self.draw(self.plan.rest)

    def websocket_api(self) -> float:
        """One way of a request or reply on the WebSocket API."""
        return self.draw(self.plan.websocket_api)

    def of_channel(self, channel: str) -> float:
        """One way of a request or answer by either entry."""
        return self.rest() if channel == "rest" else self.websocket_api()

    def user_events(self) -> float:
        """The way of a user event."""
        return self.draw(self.plan.user_events)

    def market(self) -> float:
        """The way of a market frame."""
        return self.draw(self.plan.market)

    def draw(self, delay: Delay) -> float:
        """Seconds of one delay."""
        jitter = self.rng.random() * delay.jitter_ms if delay.jitter_ms else 0.0
        return (delay.ms + jitter) / 1000
