"""What a gateway's own coroutines raise to say what is proven about a request.

    GatewayError
    ├── Refused              the venue answered, and did not do it
    │   ├── LimitExceeded    because too much was asked of it: later it may do it
    │   └── KeyGone          because the key is no longer good: nothing can be done any more
    └── Unsent               the request never left this machine

Any other exception means that nothing is proven: the outcome of the request is unknown.
"""

from actors.runtime.errors import ForeseenError
from messages.enums import Reason


class GatewayError(Exception):
    """Base of what is proven about a request that was not carried out."""

    reason = Reason.VENUE
    code = 0


class Refused(GatewayError):
    """The venue's definite no; `code` is its error code, 0 if it has none."""

    def __init__(self, text: str, code: int = 0, reason: Reason = Reason.VENUE) -> None:
        super().__init__(text)
        self.code = code
        self.reason = reason
        self.is_firewall = False
        """It came from something that stands before the API: the request has not reached it, and less should be asked."""


class KeyGone(Refused, ForeseenError):
    """The venue takes the key no longer: nothing can be done here, and somebody must act."""


class LimitExceeded(Refused):
    """Not carried out, because a limit of the venue is used up until `retry_at_ns` (the venue's clock; 0 if unknown)."""

    def __init__(self, text: str, code: int = 0, retry_at_ns: int = 0) -> None:
        super().__init__(text, code)
        self.retry_at_ns = retry_at_ns


class Unsent(GatewayError):
    """The request provably never left."""

    reason = Reason.UNSENT
