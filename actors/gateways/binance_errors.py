"""The venue's errors as what they prove."""

from collections.abc import Callable
from types import TracebackType

from actors.binance.errors import (
    INVALID_SYMBOL,
    NEW_ORDER_REJECTED,
    TOO_MANY_ORDERS,
    NotSent,
    RateLimited,
    RequestRefused,
    is_duplicate,
)
from actors.gateways.errors import LimitExceeded, Refused, Unsent

MARKET_CLOSED = "Market is closed."
"""errors.md, "Messages for -1010, -2010, -2011, -2038": a text that is part of the interface."""
RULE_CODES = frozenset({-1013, -1111, TOO_MANY_ORDERS, INVALID_SYMBOL})


class OrderAlreadyOpen(Exception):
    """The venue has an open order with this client order id: it must be asked for, and is by no means rejected."""


class VenueErrors:
    """Turns the venue's definite words within a `with` into GatewayErrors, and shows a refusal to `note` first.

    An unknown outcome passes as it is. It holds nothing of a request, so that one serves for all of them.
    """

    def __init__(self, note: Callable[[Refused], None]) -> None:
        self.note = note

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.judge(error)

    def judge(self, error: BaseException | None) -> None:
        """Raises what an error proves, if it proves anything."""
        if isinstance(error, RequestRefused):
            if is_duplicate(error.code, error.message):
                raise OrderAlreadyOpen(str(error)) from error
            refused = Refused(error.message, error.code)
            refused.is_firewall = error.http_status == 403 and error.code == 0
            self.note(refused)
            raise refused from error
        if isinstance(error, RateLimited):
            exceeded = LimitExceeded(str(error), error.code, error.retry_at_ns)
            self.note(exceeded)
            raise exceeded from error
        if isinstance(error, NotSent):
            raise Unsent(str(error)) from error


def may_mean_new_rules(error: Refused) -> bool:
    """Whether a refusal may mean that rules or limits are not what they were when they were read."""
    is_closed = error.code == NEW_ORDER_REJECTED and str(error) == MARKET_CLOSED
    return is_closed or error.code in RULE_CODES
