"""Orders that wait for their window in the venue's order limit, in the order in which they were asked for."""

import asyncio
from collections import deque
from collections.abc import Callable

SECOND_NS = 1_000_000_000


class Waiter:
    """One order that waits."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self.is_withdrawn = False


class PlacementQueue:
    """First in, first out: only the order at the head asks whether the limit lets it pass.

    `reserve` counts an order and returns 0.0 if it may go now, or else says how many seconds to wait.
    """

    def __init__(self, reserve: Callable[[], float], now_ns: Callable[[], int]) -> None:
        self.reserve = reserve
        self.now_ns = now_ns
        self.waiters: deque[Waiter] = deque()
        self.by_order: dict[str, Waiter] = {}

    def may_pass(self) -> bool:
        """Whether an order may be sent now, without waiting; it is counted then."""
        return not self.waiters and self.reserve() <= 0

    async def wait(self, client_order_id: str, send_before_ns: int) -> bool:
        """Waits for this order's turn: True when it may be sent at once, False when it was withdrawn or would be late.

        `send_before_ns` is the instant past which it must not be sent, 0 for none; an order that cannot pass before it
        does not wait for it.
        """
        if self.may_pass():
            return True
        waiter = Waiter()
        self.waiters.append(waiter)
        self.by_order[client_order_id] = waiter
        try:
            return await self._wait_as(waiter, send_before_ns)
        finally:
            self.waiters.remove(waiter)
            del self.by_order[client_order_id]
            if self.waiters:
                self.waiters[0].woken.set()

    async def _wait_as(self, waiter: Waiter, send_before_ns: int) -> bool:
        while not waiter.is_withdrawn:
            left_s = float("inf")
            if send_before_ns:
                left_s = (send_before_ns - self.now_ns()) / SECOND_NS
            if left_s <= 0:
                return False
            delay_s = float("inf")
            if self.waiters[0] is waiter:
                delay_s = self.reserve()
                if delay_s <= 0:
                    return True
                if delay_s > left_s:
                    return False
            waiter.woken.clear()
            wait_s = min(left_s, delay_s)
            try:
                async with asyncio.timeout(None if wait_s == float("inf") else wait_s):
                    await waiter.woken.wait()
            except TimeoutError:
                continue
        return False

    def look_again(self) -> None:
        """The limit may let more pass than it did when it was asked last."""
        if self.waiters:
            self.waiters[0].woken.set()

    def withdraw(self, client_order_id: str) -> None:
        """Takes an order out, if it still waits."""
        waiter = self.by_order.get(client_order_id)
        if waiter is not None:
            waiter.is_withdrawn = True
            waiter.woken.set()
