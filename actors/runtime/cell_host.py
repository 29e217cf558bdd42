"""What an actor's cell needs of whoever runs it: the system, or a backtest."""

import asyncio
from typing import TYPE_CHECKING, Protocol

from actors.runtime.context import Envelope
from actors.runtime.tap import Tap
from actors.runtime.turns import Turns
from messages.base import Message

if TYPE_CHECKING:
    from actors.runtime.cell import ActorCell


class Host(Protocol):
    """What a cell needs of its system."""

    loop: asyncio.AbstractEventLoop
    turns: Turns
    tap: Tap | None

    def stamp(self, message: Message) -> Envelope:
        """Gives a message the system's own id and encodes it."""
        ...

    def release(self, cell: "ActorCell") -> None:
        """Journals and delivers what the cell's drain has sent."""
        ...

    def recover(self, cell: "ActorCell") -> list[Message]:
        """What the cell's actor had made durable, for its new instance."""
        ...

    def deliver_all(self, envelopes: list[Envelope]) -> None:
        """Delivers messages to all their receivers."""
        ...

    def on_unreadable(self, cell: "ActorCell", error: Exception, envelope: Envelope) -> None:
        """The sender has put into a message what its class does not allow."""
        ...

    def on_failure(
        self,
        cell: "ActorCell",
        error: BaseException,
        envelope: Envelope | None,
        message: Message | None,
    ) -> None:
        """A handler or a task of the cell raised."""
        ...
