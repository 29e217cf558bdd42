"""A loop that never sleeps: it asks the kernel for news without waiting for them, and takes a whole core for that.

A loop that sleeps is woken by the kernel, on a core that has slept as well and has lost its caches to others.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def busy_polling(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Keeps the loop from sleeping within; sockets, timers and signals are looked at as ever, in every turn."""
    is_over = False

    def go_on() -> None:
        # A loop sleeps only when nothing is due.
        if not is_over:
            loop.call_soon(go_on)

    go_on()
    try:
        yield
    finally:
        is_over = True
