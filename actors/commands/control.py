"""How the world outside tells a running bot to stop."""

import asyncio
from dataclasses import dataclass, field


@dataclass
class BotControl:
    """Two events: one to stop in good order, one to leave at once."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    abandon: asyncio.Event = field(default_factory=asyncio.Event)

    def interrupt(self) -> None:
        """The first time: stop in good order. The second time: leave at once."""
        (self.abandon if self.stop.is_set() else self.stop).set()
