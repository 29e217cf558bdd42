"""How the world outside tells a running bot to stop."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class BotControl:
    """Two events, one to stop in good order, one to leave at once; and whether there is a venue to do it at."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    abandon: asyncio.Event = field(default_factory=asyncio.Event)

    has_lost_venue: bool = False
    """Whether the venue is gone for good, and with it the account and its orders: only an embedded exchange can be."""

    expect_end: Callable[[float], None] = field(default=lambda delay_s: None)
    """Told in how many seconds there will be an end that no signal asks for: from then on no handler may hold it up."""

    def lose_venue(self) -> None:
        """There is nobody left to cancel orders at: leave at once."""
        self.has_lost_venue = True
        self.stop.set()
        self.abandon.set()

    def interrupt(self) -> None:
        """The first time: stop in good order. The second time: leave at once."""
        (self.abandon if self.stop.is_set() else self.stop).set()
