"""A first word with the venue, before any actor runs: whether it answers, and whether it takes the key.

What does not answer is asked again, at growing distances: for a minute, which is announced; and without an end as long as
orders of an earlier run may be open there, because then somebody must look after them.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random

from actors.binance.backoff import Backoff
from actors.binance.client import BinanceClient
from actors.binance.errors import INVALID_TIMESTAMP, BinanceError, RateLimited, RequestRefused
from actors.commands.composition import Venue
from actors.commands.left_orders import describe_order
from actors.gateways.start_clock import CLOCK_TRIES
from actors.runtime.errors import TicktroupeError
from messages.orders import Order

PATIENCE_S = 60.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
TELL_AFTER_S = 2.0
TELL_AGAIN_S = 30.0

log = logging.getLogger(__name__)


class VenueError(TicktroupeError):
    """The venue cannot be traded at."""


@asynccontextmanager
async def told_when_slow(
    what: Callable[[], str],
    after_s: float = TELL_AFTER_S,
    again_s: float = TELL_AGAIN_S,
    say: Callable[[str], None] | None = None,
) -> AsyncIterator[None]:
    """Says on stderr, or by `say`, what is being waited for: once it has taken `after_s` seconds, and every `again_s`."""
    loop = asyncio.get_running_loop()
    handles: list[asyncio.TimerHandle] = []

    def tell() -> None:
        if say is None:
            print(what(), file=sys.stderr, flush=True)
        else:
            say(what())
        handles[:] = [loop.call_later(again_s, tell)]

    handles.append(loop.call_later(after_s, tell))
    try:
        yield
    finally:
        handles[0].cancel()


class VenueCheck:
    """Asks the venue for its time and for the account until it answers."""

    def __init__(
        self,
        venue: Venue,
        receive_window_ms: int = 5_000,
        request_timeout_s: float = 10.0,
        patience_s: float = PATIENCE_S,
        find_left: Callable[[], Sequence[Order]] = tuple,
        is_in_doubt: bool = False,
    ) -> None:
        """`find_left` is asked, once the venue has not answered, for the orders that an earlier run may have left open.

        `is_in_doubt`: the journal may lack some, so that it is not known whether there are any.
        """
        self.venue = venue
        self.receive_window_ms = receive_window_ms
        self.request_timeout_s = request_timeout_s
        self.patience_s = patience_s
        self.find_left = find_left
        self.is_in_doubt = is_in_doubt
        self.left: Sequence[Order] | None = None
        """None until it was asked for."""
        self.reason = "it has not answered yet"
        self.deadline = 0.0
        self.refused_times = 0

    @property
    def where(self) -> str:
        """The venue's address."""
        return self.venue.endpoints.rest

    @property
    def must_wait(self) -> bool:
        """Whether orders may be open, so that somebody must look after them however long the venue is silent."""
        return bool(self.left) or self.is_in_doubt

    def describe(self) -> str:
        """What is being waited for, and for how long."""
        text = f"waiting for the venue at {self.where}: {self.reason}"
        if self.must_wait:
            names = ", ".join(order.client_order_id for order in self.left or ())
            names = names or "the journal may lack some"
            return f"{text}; tried again until it answers, as orders of ours may be open: {names}"
        until_s = max(self.deadline - asyncio.get_running_loop().time(), 0.0)
        return f"{text}; tried again for {until_s:.0f} s more"

    async def run(self) -> None:
        """Returns once the venue has answered and taken the key.

        Raises VenueError with a sentence for people when it cannot be reached in time, or refuses.
        """
        try:
            client = self._make_client()
        except ValueError as error:
            raise VenueError(f"the key cannot be used: {error}") from error
        self.deadline = asyncio.get_running_loop().time() + self.patience_s
        backoff = Backoff(Random(), FIRST_PAUSE_S, LONGEST_PAUSE_S)
        try:
            async with told_when_slow(self.describe, TELL_AFTER_S):
                while True:
                    wait_s = await self._try(client, backoff)
                    if wait_s is None:
                        return
                    await asyncio.sleep(wait_s)
        finally:
            await client.close_connection()

    def _make_client(self) -> BinanceClient:
        keys = self.venue.keys
        return BinanceClient(
            self.venue.endpoints,
            keys.api_key,
            keys.api_secret,
            keys.private_key,
            recv_window_ms=self.receive_window_ms,
            timeout_s=self.request_timeout_s,
        )

    async def _try(self, client: BinanceClient, backoff: Backoff) -> float | None:
        """One attempt: None if it succeeded, else the seconds to wait for the next. Raises VenueError when it is in vain."""
        try:
            await client.synchronise_clock(samples=1)
            await client.call("get", "account", {"omitZeroBalances": "true"}, signed=True)
            return None
        except RequestRefused as error:
            self._learn(describe_refusal(self.where, error))
            if error.code == INVALID_TIMESTAMP:
                self.refused_times += 1
            is_time = error.code == INVALID_TIMESTAMP and self.refused_times <= CLOCK_TRIES
            if is_time:
                log.warning(
                    "%s; its clock is measured again, try %d of %d",
                    self.reason,
                    self.refused_times,
                    CLOCK_TRIES,
                )
            elif error.code or not self.must_wait:
                raise VenueError(self._finish(self.reason)) from error
            wait_s = backoff.next_delay_s()
        except RateLimited as error:
            until = datetime.fromtimestamp(error.retry_at_ns / 1e9, UTC).strftime("%H:%M:%S UTC")
            self._learn(f"it wants to be left alone until {until}")
            wait_s = max((error.retry_at_ns - client.venue_time_ns()) / 1e9, FIRST_PAUSE_S)
            if not self.must_wait and wait_s > self._left_s():
                raise VenueError(
                    self._finish(f"the venue at {self.where} wants to be left alone until {until}")
                ) from error
        except BinanceError as error:
            self._learn(str(error))
            wait_s = backoff.next_delay_s()
            if not self.must_wait:
                if self._left_s() <= 0:
                    raise VenueError(
                        self._finish(f"the venue at {self.where} cannot be reached: {self.reason}")
                    ) from error
                wait_s = min(wait_s, self._left_s())
        return wait_s

    def _left_s(self) -> float:
        return self.deadline - asyncio.get_running_loop().time()

    def _learn(self, reason: str) -> None:
        self.reason = reason
        if self.left is None:
            self.left = self.find_left()

    def _finish(self, text: str) -> str:
        """The last word: what happened, and what may be open at the venue nevertheless."""
        lines = [f"  {describe_order(order)}" for order in self.left or ()]
        if not lines:
            return f"{text}; nothing was traded"
        return "\n".join(
            [f"{text}; nothing was traded, and these orders of an earlier run may be open:", *lines]
        )


async def check_venue(
    venue: Venue,
    receive_window_ms: int = 5_000,
    request_timeout_s: float = 10.0,
    patience_s: float = PATIENCE_S,
    find_left: Callable[[], Sequence[Order]] = tuple,
) -> None:
    """As `VenueCheck.run`."""
    await VenueCheck(venue, receive_window_ms, request_timeout_s, patience_s, find_left).run()


def describe_refusal(where: str, error: RequestRefused) -> str:
    """What a refusal of the first request means to a user."""
    said = f"{error.message} (code {error.code}, status {error.http_status})"
    if error.http_status == 404 or not error.code:
        return f"what answers at {where} is no such exchange, or shuts you out: {said}"
    if error.code == INVALID_TIMESTAMP:
        return (
            f"the venue at {where} refuses our time: {said}; is this machine's clock being set, "
            "or the connection slower than [venue] receive_window_ms?"
        )
    return (
        f"the venue at {where} refuses the key: {said}; check that key and secret are of this environment, "
        "and that the key may trade from this address"
    )
