"""What every gateway stands on: the reasons for which it holds trading, and attempts that do not give up."""

import asyncio
from abc import ABC
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self

import msgspec

from actors.gateways.errors import LimitExceeded, Refused
from actors.runtime.actor import Actor
from messages.account import AccountSnapshot, Balance
from messages.control import HoldTrading, ReleaseTrading
from messages.instruments import Instrument
from messages.order_requests import CancelRefused
from messages.orders import Order

FIRST_RETRY_S = 0.25
LAST_RETRY_S = 30.0


class VenueActor(
    Actor[
        Order
        | CancelRefused
        | AccountSnapshot
        | Instrument
        | Balance
        | HoldTrading
        | ReleaseTrading
    ],
    ABC,
):
    """An actor that speaks for a venue."""

    _holds: dict[str, str]
    _told_rules: dict[str, Instrument]
    _is_ready: asyncio.Event

    def __new__(cls, *arguments: Any, **keywords: Any) -> Self:
        """Creates the state that the base keeps."""
        instance = super().__new__(cls, *arguments, **keywords)
        instance._holds = {}
        instance._told_rules = {}
        instance._is_ready = asyncio.Event()
        return instance

    def wall_ns(self) -> int:
        """Our clock now, also within a task, where `now_ns` stands still."""
        return self._context.now_ns()

    def monotonic_ns(self) -> int:
        """Nanoseconds that never go back, for durations."""
        return self._context.clock.monotonic_ns()

    @property
    def holds(self) -> dict[str, str]:
        """Why this gateway holds trading at present, by key."""
        return dict(self._holds)

    def hold(self, key: str, reason: str) -> None:
        """Holds trading; other reasons, each by its key, may hold it as well."""
        if self._holds.get(key) != reason:
            self._holds[key] = reason
            self.log.warning("trading is held: %s", reason)
            self.send(HoldTrading(reason=reason))

    def release(self, key: str) -> None:
        """Ends one reason; trading goes on when none is left."""
        if self._holds.pop(key, None) is None:
            return
        remaining = next(iter(self._holds.values()), None)
        if remaining is None:
            self.log.info("trading goes on")
            self.send(ReleaseTrading(reason=f"{self.name} has no reason left to hold"))

    def tell_rules(self, instrument: Instrument) -> None:
        """Sends the trading rules of a symbol, and remembers them, without the price of this moment, for `repeat_rules`."""
        self._told_rules[instrument.symbol] = msgspec.structs.replace(
            instrument, bid_price=0.0, ask_price=0.0
        )
        self.send(instrument)

    def repeat_rules(self, symbol: str) -> None:
        """Whoever asks for rules that were told already has not heard them: an order manager that began anew."""
        if (told := self._told_rules.get(symbol)) is not None:
            self.send(msgspec.structs.replace(told))

    async def mend(self, refused: Exception, refusals: int) -> bool:
        """Whether the `refusals`-th refusal of one attempt of the start may be followed by another, all done that may help."""
        return False

    async def persist(self, what: str, attempt: Callable[[], Awaitable[None]]) -> None:
        """Tries something again, at growing distances, until it succeeds.

        Raises Refused while the gateway starts: what the venue forbids then, such as a wrong key, is not worth waiting for,
        unless `mend` has something to offer against it.
        """
        delay_s, refusals = FIRST_RETRY_S, 0
        while True:
            try:
                await attempt()
                return
            except Exception as error:
                is_final = isinstance(error, Refused) and not isinstance(error, LimitExceeded)
                if is_final and not self._is_ready.is_set():
                    refusals += 1
                    if not await self.mend(error, refusals):
                        raise
                self.log.warning("%s failed, again in %.2f s: %r", what, delay_s, error)
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, LAST_RETRY_S)


async def wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Returns when the event is set, or after this time; the event is cleared."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    event.clear()
