"""What can go wrong with a request to the venue, by what is proven about it, and the table that decides which it is.

    BinanceError
    ├── RequestRefused   the venue answered and did not do it
    ├── RateLimited      the venue answered, did not do it, and wants to be left alone for a while
    ├── NotSent          it never left this machine
    └── OutcomeUnknown   it left, and whether it was done must be asked

Whatever is not proven refused or unsent is unknown. Codes decide, never the text of a message (errors.md: "Error codes
are universal, but messages can vary").
"""

import re

import msgspec

DISCONNECTED = -1001
TOO_MANY_REQUESTS = -1003
UNEXPECTED_RESPONSE = -1006
TIMEOUT = -1007
SERVER_BUSY = -1008
TOO_MANY_ORDERS = -1015
SERVICE_SHUTTING_DOWN = -1016
INVALID_TIMESTAMP = -1021
INVALID_SYMBOL = -1121
REPLACE_PARTLY_FAILED = -2021
REPLACE_FAILED = -2022
REPLACE_CODES = frozenset({REPLACE_PARTLY_FAILED, REPLACE_FAILED})
"""What each half came to stands in the body, whatever the status: 400, 409, or 429 if only the new order was too much."""
NEW_ORDER_REJECTED = -2010
CANCEL_REJECTED = -2011
NO_SUCH_ORDER = -2013
DUPLICATE_ORDER = "Duplicate order sent."
"""errors.md, "Messages for -1010, -2010, -2011, -2038": a text that is part of the interface."""
KEY_FORMAT_INVALID = -2014
KEY_REFUSED = -2015

UNKNOWN_OUTCOME_CODES = frozenset(
    {-1000, DISCONNECTED, UNEXPECTED_RESPONSE, TIMEOUT, SERVER_BUSY, SERVICE_SHUTTING_DOWN}
)
"""Codes that do not say whether the request was executed (errors.md, 10xx)."""
KEY_CODES = frozenset({KEY_FORMAT_INVALID, KEY_REFUSED})
"""The key is not good, or not for this."""
RATE_LIMIT_CODES = frozenset({TOO_MANY_REQUESTS, TOO_MANY_ORDERS})

UNREADABLE = (ValueError, RecursionError)
"""What decoding raises for bytes that are not what they should be: msgspec's errors are ValueErrors, but for those nested
without end."""

SECOND_NS = 1_000_000_000
PAUSE_WITHOUT_WORD_NS = 60 * SECOND_NS
"""How long to stay silent after a 429 that does not say how long."""
BAN_WITHOUT_WORD_NS = 120 * SECOND_NS
LONGEST_PAUSE_NS = 3 * 86_400 * SECOND_NS
"""The shortest and the longest documented ban (rest-api.md, IP Limits: "from 2 minutes to 3 days")."""
LEAST_PAUSE_NS = SECOND_NS
PAST_TOLERATED_NS = 10 * SECOND_NS
"""So long ago an instant may lie that an answer names: it was on its way, and the clocks differ."""
CODE = re.compile(rb'"?(-?[0-9]{1,6})"?')
"""A code on the wire: a number, or the text of one."""
PAUSE_STATUSES = (418, 429)
"""They say all by themselves: not executed, and wait."""
SECONDS_TEXT = re.compile(r"[0-9]{1,9}")
BANNED_UNTIL = re.compile(r"banned until ([0-9]{13,16})\b")
"""errors.md, -1003: "IP banned until %s", an instant in the wire's units. It is heard where nothing else says how long."""


class BinanceError(Exception):
    """Base of every error this package raises about a request."""


class RequestRefused(BinanceError):
    """The venue's definite no: the request was not executed.

    `code` is 0 where the answer was none of the API's own (a firewall's HTML page). A partly executed cancel-replace
    (409, code -2021 or -2022) is the one exception to "not executed": both results stand in `body`.
    """

    def __init__(self, code: int, message: str, http_status: int, body: bytes = b"") -> None:
        super().__init__(f"refused with {code} (status {http_status}): {message}")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.body = body


def is_about_key(error: BinanceError) -> bool:
    """Whether it is the key that the venue refuses: asking again with the same one is in vain."""
    return isinstance(error, RequestRefused) and error.code in KEY_CODES


def is_duplicate(code: int, message: str) -> bool:
    """Whether an order was refused because one with its client order id is open: it is there, by whatever request."""
    return code == NEW_ORDER_REJECTED and message == DUPLICATE_ORDER


class RateLimited(BinanceError):
    """Not executed: a limit is exceeded. Nothing may be sent before `retry_at_ns`.

    `retry_at_ns` is on the venue's clock. Under a ban (418) even cancels prolong it.
    """

    def __init__(
        self, retry_at_ns: int, is_ban: bool, code: int = TOO_MANY_REQUESTS, message: str = ""
    ) -> None:
        kind = "banned" if is_ban else "rate limited"
        super().__init__(f"{kind} with {code} until {retry_at_ns} ns since the epoch: {message}")
        self.retry_at_ns = retry_at_ns
        self.is_ban = is_ban
        self.code = code
        self.message = message


class NotSent(BinanceError):
    """The request provably never left: it may be sent again."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not sent: {reason}")
        self.reason = reason


class OutcomeUnknown(BinanceError):
    """The request left, and nothing proves what became of it: ask the venue before anything else."""

    def __init__(self, reason: str, code: int = 0) -> None:
        super().__init__(f"outcome unknown: {reason}")
        self.reason = reason
        self.code = code


class RawErrorBody(msgspec.Struct):
    """The API's error object, `{"code": ..., "msg": ..., "data": ...}`, of whatever form its parts are."""

    code: msgspec.Raw
    msg: msgspec.Raw = msgspec.Raw(b'""')
    data: msgspec.Raw = msgspec.Raw()


class ErrorBody(msgspec.Struct):
    """The same, read: `code` is None if it is neither a whole number nor the text of one."""

    code: int | None
    msg: str
    data: bytes


class ReplyErrorData(msgspec.Struct, rename="camel"):
    """What an error may add: for an exceeded limit the instant from which on to try again, in epoch milliseconds."""

    retry_after: int | None = None


_decode_body = msgspec.json.Decoder(RawErrorBody).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode_data = msgspec.json.Decoder(ReplyErrorData).decode


def read_error(data: bytes | msgspec.Raw) -> ErrorBody:
    """The API's error object. Raises ValueError or RecursionError for what is none."""
    body = _decode_body(data)
    code = CODE.fullmatch(bytes(body.code))
    try:
        text = _decode_text(body.msg)
    except UNREADABLE:
        text = words_of(bytes(body.msg))
    return ErrorBody(None if code is None else int(code[1]), text, bytes(body.data))


def words_of(data: bytes) -> str:
    """The beginning of what cannot be read."""
    return data[:200].decode(errors="replace")


def classify_answer(
    status: int, code: int | None, message: str, retry_at_ns: int = 0, body: bytes = b""
) -> BinanceError:
    """The error that an answer other than success means.

    `code` is None where the answer carried none of the API's error objects; `retry_at_ns` is 0 where it named no time
    (the caller then adds its own, see `classify_http`). Sources: rest-api.md "HTTP Return Codes", errors.md.
    """
    if code in REPLACE_CODES:
        return RequestRefused(code or 0, message, status, body)
    if status in PAUSE_STATUSES or code in RATE_LIMIT_CODES:
        return RateLimited(retry_at_ns, status == 418, code or TOO_MANY_REQUESTS, message)
    if code in UNKNOWN_OUTCOME_CODES:
        return OutcomeUnknown(f"the venue answered {code}: {message}", code or 0)
    if status >= 500:
        return OutcomeUnknown(f"the venue answered status {status}: {message}", code or 0)
    if status in (408, 409) or not 400 <= status < 500:
        # 409 says of a replacement that a part of it was done (rest-api.md); without its code nobody knows which.
        return OutcomeUnknown(f"the answer has status {status} and no result: {message}", code or 0)
    if status == 403 and code is None:
        message = f"a firewall before the API refused it: {message}"
    return RequestRefused(code or 0, message, status, body)


def classify_http(
    status: int, body: bytes, retry_after: str | None, venue_time_ns: int
) -> BinanceError:
    """The error that a REST answer other than 2xx means.

    `retry_after` is the header of that name, whole seconds; `venue_time_ns` the venue's time now.
    """
    try:
        error = read_error(body)
    except UNREADABLE:
        # None of the API's own: the status alone decides.
        error = None
    if error is not None and error.code is None and status not in PAUSE_STATUSES:
        return without_code(status, error.msg)
    code, text = (None, words_of(body)) if error is None else (error.code, error.msg)
    named_ns = None
    if retry_after is not None and SECONDS_TEXT.fullmatch(retry_after):
        named_ns = venue_time_ns + int(retry_after) * SECOND_NS
    retry_at_ns = find_retry_at_ns(status, code, text, named_ns, venue_time_ns)
    return classify_answer(status, code, text, retry_at_ns, body)


def classify_reply(status: int, data: bytes | msgspec.Raw, venue_time_ns: int) -> BinanceError:
    """The error that a WebSocket API reply other than 200 means; `data` is the JSON of its `error`.

    Unlike REST it names an instant to wait for, in epoch milliseconds (web-socket-api.md, IP limits).
    """
    try:
        error = read_error(data)
    except UNREADABLE:
        error = ErrorBody(None, words_of(bytes(data)), b"")
    if error.code is None and status not in PAUSE_STATUSES:
        return without_code(status, error.msg)
    try:
        retry_after_ms = _decode_data(error.data).retry_after
    except UNREADABLE:
        retry_after_ms = None
    named_ns = None if retry_after_ms is None else retry_after_ms * 1_000_000
    retry_at_ns = find_retry_at_ns(status, error.code, error.msg, named_ns, venue_time_ns)
    return classify_answer(status, error.code, error.msg, retry_at_ns, error.data)


def without_code(status: int, text: str) -> OutcomeUnknown:
    """The error for one of the API's own of which nobody knows what it says: it proves nothing."""
    return OutcomeUnknown(
        f"the venue answered status {status} and no code that can be read: {text}"
    )


def find_retry_at_ns(
    status: int, code: int | None, message: str, named_ns: int | None, venue_time_ns: int
) -> int:
    """The instant from which on something may be sent again, by what the answer names and by what can be.

    A time that has come already gives a short pause; one that no limit and no ban has is no word at all. The windows of the
    order limit are known without one.
    """
    is_ban, are_orders = status == 418, code == TOO_MANY_ORDERS
    found = BANNED_UNTIL.search(message) if is_ban else None
    for instant_ns in (named_ns, found and int(f"{found[1]:0<16}") * 1_000):
        if instant_ns is not None and (
            -PAST_TOLERATED_NS <= instant_ns - venue_time_ns <= LONGEST_PAUSE_NS
        ):
            return max(instant_ns, venue_time_ns + (0 if are_orders else LEAST_PAUSE_NS))
    if are_orders and not is_ban:
        return venue_time_ns
    return venue_time_ns + (BAN_WITHOUT_WORD_NS if is_ban else PAUSE_WITHOUT_WORD_NS)
