"""The one desk that both APIs bring their requests to: limits, signature, parameters, then the method itself.

REST and the WebSocket API differ in how a request is written down. What it may hold, what it weighs, who may make it
and what it answers is decided here, by the same table entry (methods.py).
"""

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from actors.exchange import query_faults
from actors.exchange.accounts import Account
from actors.exchange.errors import VenueError, missing_parameter, unauthorized
from actors.exchange.faults import Faults
from actors.exchange.limits import AddressLimits, Limits, OrderLimits
from actors.exchange.parameters import Parameter, read_parameters
from actors.exchange.sessions import Session, SessionRevoked
from actors.exchange.signing import (
    DEFAULT_RECEIVE_WINDOW_MICROSECONDS,
    KEY_FORMAT,
    ApiKey,
    check_timing,
    parse_receive_window,
    parse_timestamp,
)
from actors.exchange.times import TimeUnit
from actors.exchange.venue import Venue


class Security(enum.Enum):
    """Who may call a method (rest-api.md, Request Security)."""

    NONE = "NONE"
    """Anybody."""
    SIGNED = "SIGNED"
    """Whoever signs, or has logged on to the WebSocket session."""
    SESSION = "SESSION"
    """Whoever has logged on to the WebSocket session; nothing is signed."""


NO_NAMES: frozenset[str] = frozenset()
SIGNING_NAMES = frozenset({"timestamp", "recvWindow", "signature"})


@dataclass(slots=True)
class Request:
    """One request as it came, from either API.

    `parameters` are texts by name as the client meant them (REST: percent-decoded, the query before the body);
    `payload` makes the text that was signed; `shell_names` are parameters that the API itself reads; `time_unit` is
    that of a REST answer (a connection to the WebSocket API has its own).
    """

    parameters: Mapping[str, str]
    address: str
    api_key: str | None
    signature: str | None
    payload: Callable[[], bytes]
    shell_names: frozenset[str] = NO_NAMES
    session: Session | None = None
    time_unit: TimeUnit = TimeUnit.MILLISECOND


@dataclass(slots=True)
class Call:
    """What a handler gets: parsed values by parameter name, who calls, and when (microseconds)."""

    desk: "Desk"
    values: dict[str, Any]
    now: int
    key: ApiKey | None
    session: Session | None

    @property
    def venue(self) -> Venue:
        """The exchange's core."""
        return self.desk.venue

    @property
    def account(self) -> Account:
        """The caller's account; only methods that need a key have one."""
        if self.key is None:
            raise LookupError("this method has no caller: its table entry must ask for a key")
        return self.venue.accounts[self.key.account]

    @property
    def connection(self) -> Session:
        """The WebSocket connection that the request came on; only methods without a REST path have one."""
        if self.session is None:
            raise LookupError(
                "this method needs a connection: its table entry must have no REST path"
            )
        return self.session


def no_weight(parameters: Mapping[str, str]) -> int:
    """The weight of what costs nothing."""
    return 0


def never(parameters: Mapping[str, str]) -> bool:
    """Of a method that leaves the order count to the desk."""
    return False


def never_weighs(result: Any) -> bool:
    """Of a method that is free whatever it answers."""
    return False


@dataclass(frozen=True)
class Method:
    """One row of the table of methods.

    `weight` reads the parameters as sent. A method that `is_free` costs its weight only when it fails (successful
    orders and cancels, CHANGELOG 2026-04-02), or when its answer `weighs` after all. A method that `places_order` is
    refused while the account's unfilled order count is full, unless it looks at the count itself (`counts_later`, by
    the parameters as sent); `orders` is how many it places.
    """

    name: str
    handler: Callable[[Call], Any]
    weight: Callable[[Mapping[str, str]], int]
    verb: str = ""
    path: str = ""
    security: Security = Security.NONE
    parameters: tuple[Parameter, ...] = ()
    is_free: bool = False
    weighs: Callable[[Any], bool] = never_weighs
    places_order: bool = False
    orders: int = 1
    counts_later: Callable[[Mapping[str, str]], bool] = never
    by_name: dict[str, Parameter] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Indexes the parameters."""
        object.__setattr__(self, "by_name", {one.name: one for one in self.parameters})


class Desk:
    """Answers requests: `answer` gives the result or raises VenueError, and nothing else for any input."""

    def __init__(
        self,
        venue: Venue,
        limits: Limits,
        keys: Iterable[ApiKey],
        clock: Callable[[], int],
        receive_window_us: int = DEFAULT_RECEIVE_WINDOW_MICROSECONDS,
        faults: Faults | None = None,
    ) -> None:
        """`clock` gives microseconds since the epoch; `receive_window_us` is that of a request without one."""
        self.venue = venue
        self.limits = limits
        self.keys = {key.key: key for key in keys}
        self.clock = clock
        self.receive_window_us = receive_window_us
        self.faults = faults
        self.old_snapshots: dict[str, Any] = {}
        """By symbol, what `depth` answers when a fault makes it answer with the past."""

    def answer(self, method: Method, request: Request) -> Any:
        """The method's result, ready for JSON."""
        return self.execute(method, request, self.admit(method, request))

    def admit(self, method: Method, request: Request) -> Call:
        """Everything that comes before the method itself, limits included."""
        now = self.clock()
        weight = 0 if method.is_free else method.weight(request.parameters)
        self.limits.address(request.address).admit(weight, now)
        try:
            return self.prepare(method, request, now)
        except VenueError as error:
            self.charge(method, request, error)
            raise

    def execute(self, method: Method, request: Request, call: Call) -> Any:
        """Carries out what was admitted."""
        try:
            if self.faults is None or not self.faults.rules:
                result = method.handler(call)
            else:
                result = query_faults.answer(self.faults, method.name, method.handler, call)
        except VenueError as error:
            self.charge(method, request, error)
            raise
        if method.weighs(result):
            self.weight_of(request.address).charge(method.weight(request.parameters), self.clock())
        return result

    def charge(self, method: Method, request: Request, error: VenueError) -> None:
        """Makes a request that costs only when it fails pay for its failure."""
        if method.is_free and error.http_status != 429:
            weight = method.weight(request.parameters)
            self.limits.address(request.address).charge(weight, self.clock())

    def check_again(self, request: Request) -> None:
        """The timing check before the matching engine (rest-api.md, Timing security). Raises VenueError -1021."""
        timestamp = request.parameters.get("timestamp")
        if timestamp:
            check_timing(
                parse_timestamp("timestamp", timestamp), self.window(request), self.clock()
            )

    def window(self, request: Request) -> int:
        """The recvWindow of a request, in microseconds."""
        return parse_receive_window(request.parameters.get("recvWindow"), self.receive_window_us)

    def prepare(self, method: Method, request: Request, now: int) -> Call:
        """Everything that comes before the method itself."""
        key = None
        names = request.shell_names
        if method.security is Security.SIGNED:
            key = self.authenticate(request, now)
            names |= SIGNING_NAMES
        elif method.security is Security.SESSION:
            key = request.session.key if request.session is not None else None
            if key is None:
                raise VenueError(-1002, "You are not authorized to execute this request.", 401)
            self.still_valid(key)
        values = read_parameters(method.by_name, request.parameters, names)
        if method.places_order and key is not None and not method.counts_later(request.parameters):
            self.orders_of(key.account).check(now, method.orders)
        return Call(self, values, now, key, request.session)

    def authenticate(self, request: Request, now: int) -> ApiKey:
        """The key of a signed request.

        Raises VenueError: -2014 and -2015 for the key, -1102 for what is missing, -1021 for the time, -1022 for the
        signature.
        """
        session = request.session
        is_logged_on = session is not None and session.key is not None
        is_bare = is_logged_on and request.api_key is None and request.signature is None
        if not is_bare:
            self.check_presence(request)
        timestamp = request.parameters.get("timestamp")
        if not timestamp:
            raise missing_parameter("timestamp")
        window = self.window(request)
        check_timing(parse_timestamp("timestamp", timestamp), window, now)
        if is_bare and session is not None and session.key is not None:
            return self.still_valid(session.key)
        key = self.keys.get(request.api_key or "")
        if key is None:
            raise unauthorized()
        if not key.verifies(request.payload(), request.signature or ""):
            raise VenueError(-1022, "Signature for this request is not valid.")
        return key

    def still_valid(self, key: ApiKey) -> ApiKey:
        """The key that a connection has logged on with. Raises SessionRevoked if it no longer exists."""
        if key.key not in self.keys:
            raise SessionRevoked()
        return key

    def check_presence(self, request: Request) -> None:
        """Raises VenueError if key or signature are missing, or the key is none by its form."""
        if request.session is not None and not request.api_key:
            raise missing_parameter("apiKey")
        if not KEY_FORMAT.fullmatch(request.api_key or ""):
            raise VenueError(-2014, "API-key format invalid.", 401)
        if not request.signature:
            raise missing_parameter("signature")

    def key_of(self, request: Request) -> ApiKey | None:
        """Whose request it is, if that is known: by the key it carries, else by the connection's."""
        if request.api_key:
            return self.keys.get(request.api_key)
        return request.session.key if request.session is not None else None

    def orders_of(self, account: str) -> OrderLimits:
        """The unfilled order count of an account."""
        return self.limits.account(account)

    def weight_of(self, address: str) -> AddressLimits:
        """What an address has used."""
        return self.limits.address(address)
