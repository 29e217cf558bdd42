"""Notices that the event loop stood still. All actors share it: a handler that sleeps or computes for long holds up all."""

import asyncio
import logging

LOOK_S = 0.25
LONGEST_S = 1.0
"""A loop that is so late was not just busy."""
PAUSE_S = 60.0
"""Between two warnings; a handler that is slow once is slow at every message."""

log = logging.getLogger("actors.bot")


async def watch_for_standstill(look_s: float = LOOK_S, longest_s: float = LONGEST_S) -> None:
    """Looks every `look_s` seconds, until it is canceled, and warns when it came more than `longest_s` too late."""
    loop = asyncio.get_running_loop()
    silent_until = loop.time()
    while True:
        due = loop.time() + look_s
        await asyncio.sleep(look_s)
        late_s = loop.time() - due
        if late_s > longest_s and loop.time() >= silent_until:
            silent_until = loop.time() + PAUSE_S
            log.warning(
                "nothing was handled for %.1f s: a handler that sleeps or computes for so long holds up every actor "
                "(or this machine stood still)",
                late_s,
            )
