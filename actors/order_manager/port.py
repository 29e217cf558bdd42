"""What the parts of the order manager need of the actor that they work for."""

import logging
from collections.abc import Callable
from typing import Any, Protocol

from messages.base import Message


class Port(Protocol):
    """The order manager as its parts see it: a way out for messages, a clock and timers."""

    name: str
    now_ns: int
    log: logging.Logger

    def send(self, message: Message) -> None:
        """Releases a message when the running handler returns."""
        ...

    def schedule(self, delay_s: float, callback: Callable[..., None], *arguments: Any) -> int:
        """Calls back later; the number is for `cancel_timer`."""
        ...

    def cancel_timer(self, number: int) -> None:
        """Voids a timer."""
        ...
