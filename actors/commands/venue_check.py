"""A first word with the venue, before any actor runs: whether it answers, and whether it takes the key."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from actors.binance.client import BinanceClient
from actors.binance.errors import BinanceError, RateLimited, RequestRefused
from actors.commands.composition import Venue
from actors.runtime.errors import TicktroupeError

PATIENCE_S = 10.0
PAUSE_S = 0.5
TELL_AFTER_S = 2.0


class VenueError(TicktroupeError):
    """The venue cannot be traded at."""


@asynccontextmanager
async def told_when_slow(
    what: Callable[[], str], after_s: float = TELL_AFTER_S
) -> AsyncIterator[None]:
    """Says on stderr what is being waited for, once it has taken `after_s` seconds."""
    loop = asyncio.get_running_loop()
    handle = loop.call_later(after_s, lambda: print(what(), file=sys.stderr, flush=True))
    try:
        yield
    finally:
        handle.cancel()


async def check_venue(
    venue: Venue, receive_window_ms: int = 5_000, patience_s: float = PATIENCE_S
) -> None:
    """Asks the venue for its time and for the account; what cannot be reached is tried again for a while.

    Raises VenueError with a sentence for people when it cannot be reached, or refuses.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    where = venue.endpoints.rest
    reason = "it has not answered yet"
    try:
        client = BinanceClient(
            venue.endpoints,
            venue.keys.api_key,
            venue.keys.api_secret,
            venue.keys.private_key,
            recv_window_ms=receive_window_ms,
        )
    except ValueError as error:
        raise VenueError(f"the key cannot be used: {error}") from error
    try:
        async with told_when_slow(lambda: f"waiting for the venue at {where}: {reason}"):
            while True:
                try:
                    await client.synchronise_clock(samples=1)
                    await client.call("get", "account", {"omitZeroBalances": "true"}, signed=True)
                    return
                except RequestRefused as error:
                    raise VenueError(describe_refusal(where, error)) from error
                except RateLimited as error:
                    raise VenueError(
                        f"the venue at {where} wants to be left alone for now: {error}"
                    ) from error
                except BinanceError as error:
                    reason = str(error)
                    if loop.time() >= deadline:
                        raise VenueError(
                            f"the venue at {where} cannot be reached: {reason}; nothing was traded"
                        ) from error
                await asyncio.sleep(PAUSE_S)
    finally:
        await client.close_connection()


def describe_refusal(where: str, error: RequestRefused) -> str:
    """What a refusal of the first request means to a user."""
    said = f"{error.message} (code {error.code}, status {error.http_status})"
    if error.http_status == 404 or not error.code:
        return f"what answers at {where} is no such exchange, or shuts you out: {said}"
    return (
        f"the venue at {where} refuses the key: {said}; check that key and secret are of this environment, "
        "and that the key may trade from this address"
    )
