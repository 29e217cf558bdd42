"""The order of requests on one order: each waits until the one before it has been answered.

Separate TCP connections have no common order, so a cancel must not be sent before its order's placement has been answered.
Requests on different orders know nothing of each other.
"""

import asyncio

import msgspec


class Turn(msgspec.Struct, eq=False):
    """One request's place in the sequence of its order."""

    previous: "Turn | None"
    is_order_dead: bool
    """The order is proven not to be at the venue, and its end has been told."""
    is_ended: bool = False
    ended: asyncio.Event | None = None
    """Made when somebody waits: hardly any order is spoken of twice at once."""

    async def wait(self) -> None:
        """Returns when the request before this one has been answered."""
        if self.previous is not None:
            await self.previous.wait_for_end()
            self.is_order_dead = self.is_order_dead or self.previous.is_order_dead
            # What is over is let go of, or a long sequence would be kept whole.
            self.previous = None

    async def wait_for_end(self) -> None:
        """Returns when this request has been answered."""
        if not self.is_ended:
            if self.ended is None:
                self.ended = asyncio.Event()
            await self.ended.wait()

    def end(self) -> None:
        """It has been answered."""
        self.is_ended = True
        if self.ended is not None:
            self.ended.set()


class OrderTurns:
    """The last request of each order on which one is under way, by client order id."""

    def __init__(self) -> None:
        self.last: dict[str, Turn] = {}

    def take(self, *client_order_ids: str) -> Turn:
        """The next turn on an order; an amendment gives the order a second id, and is named with both."""
        previous = None
        for name in client_order_ids:
            previous = previous or self.last.get(name)
        turn = Turn(previous, previous is not None and previous.is_order_dead)
        for name in client_order_ids:
            self.last[name] = turn
        return turn

    def end(self, turn: Turn, *client_order_ids: str) -> None:
        """The request has been answered; whoever waits for it may go."""
        turn.end()
        for name in client_order_ids:
            if self.last.get(name) is turn:
                del self.last[name]
