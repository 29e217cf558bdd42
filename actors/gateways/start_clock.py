"""A time that the venue refuses while a gateway starts (-1021): its clock is measured again, a bounded number of times.

Between measuring and asking the venue's clock may have been set, or the one request may have been on its way for longer
than `recvWindow`. Either passes; a connection that always takes that long does not, so that at last it is an error.
"""

import logging
from collections.abc import Awaitable, Callable

from actors.binance.clock import ClockOffset
from actors.binance.errors import INVALID_TIMESTAMP, BinanceError
from actors.gateways.errors import GatewayError, Refused

CLOCK_TRIES = 5
"""How often a request of the start is asked again because of its time; with growing pauses, some eight seconds."""

log = logging.getLogger(__name__)


class StartClock:
    """Mends refused times of one start; `offset` is the last measurement."""

    def __init__(self, offset: Callable[[], ClockOffset]) -> None:
        self.offset = offset

    async def mend(
        self, refused: Exception, refusals: int, measure: Callable[[], Awaitable[None]]
    ) -> bool:
        """Whether to ask again, with the clock measured anew, after the `refusals`-th refusal of one request."""
        if not isinstance(refused, Refused) or refused.code != INVALID_TIMESTAMP:
            return False
        if refusals > CLOCK_TRIES:
            log.error(
                "the venue has refused our time %d times although its clock was measured before each (%s): "
                "is the connection slower than [venue] receive_window_ms?",
                refusals,
                refused,
            )
            return False
        try:
            await measure()
        except (GatewayError, BinanceError) as error:
            log.warning("the venue's clock cannot be measured: %s", error)
        offset = self.offset()
        log.warning(
            "the venue refuses our time (%s): its clock is %.0f ms from ours, give or take %.0f ms; try %d of %d",
            refused,
            offset.offset_ns / 1e6,
            offset.uncertainty_ns / 1e6,
            refusals,
            CLOCK_TRIES,
        )
        return True
