"""The WebSocket API at /ws-api/v3: JSON messages around the desk (web-socket-api.md).

Values are never decoded to numbers: a JSON number reaches the desk, and the signature, as the literal that the client
wrote. A message that makes no sense is answered; the connection lives on.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from actors.exchange.desk import Desk, Method, Request
from actors.exchange.errors import VenueError
from actors.exchange.fault_rules import Close, Disconnect, RequestRule, Silence
from actors.exchange.latency import DelayLine
from actors.exchange.limits import RateLimited
from actors.exchange.parameters import boolean
from actors.exchange.request_faults import Outcome, RequestFaults
from actors.exchange.sessions import Session, SessionRevoked, UserStreams
from actors.exchange.signing import websocket_payload
from actors.exchange.sockets import Connection, SocketSettings, text_frame
from actors.exchange.times import ENCODERS, Time, read_time_unit

CONNECT_WEIGHT = 2
INTEGER_ID = re.compile(rb"-?[0-9]{1,19}")
TEXT_ID = re.compile(rb'"[a-zA-Z0-9\-_]{1,36}"')
SHELL_NAMES = frozenset({"apiKey", "returnRateLimits"})
NULL = msgspec.Raw(b"null")
NOTHING = msgspec.Raw(b"")

INVALID_JSON = "Invalid JSON Request"
INVALID_ID = (
    "Invalid 'id' in JSON request; "
    "expected an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null."
)
INVALID_METHOD = "Invalid 'method' in JSON request; expected a string."
INVALID_PARAMETERS = "Invalid 'params' in JSON request; expected an object."


class WebSocketApi:
    """Serves every method of the table on WebSocket connections."""

    def __init__(
        self,
        desk: Desk,
        methods: Iterable[Method],
        streams: UserStreams,
        settings: SocketSettings,
        faults: RequestFaults | None = None,
    ) -> None:
        self.desk = desk
        self.faults = faults
        self.settings = settings
        self.methods = {method.name: method for method in methods}
        self.streams = streams
        self.connections: dict[ApiConnection, None] = {}
        """In the order in which they came, which is the same in every run."""
        self.decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])

    async def handle(self, http_request: web.Request) -> web.StreamResponse:
        """Serves one connection, from its handshake to its end."""
        address = http_request.remote or ""
        # Raises for a banned address; the caller turns that into an HTTP answer.
        self.desk.weight_of(address).admit(CONNECT_WEIGHT, self.desk.clock())
        connection = ApiConnection(self, http_request, address)
        return await connection.run(connection.receive)

    def announce_shutdown(self) -> None:
        """Tells every connection that the server goes away (web-socket-api.md, Server Shutdown)."""
        event = {"event": {"e": "serverShutdown", "E": Time(self.desk.clock())}}
        for connection in tuple(self.connections):
            connection.send(ENCODERS[connection.session.time_unit].encode(event))

    def revoke_sessions(self) -> None:
        """Sends every connection the unsolicited word that its key does not work."""
        for connection in tuple(self.connections):
            connection.session.revoke()

    def end_user_streams(self) -> None:
        """Ends every subscription, unasked."""
        for connection in tuple(self.connections):
            connection.session.end_all()


class ApiConnection(Connection):
    """One connection to the WebSocket API."""

    def __init__(self, api: WebSocketApi, http_request: web.Request, address: str) -> None:
        super().__init__(http_request, api.settings)
        self.api = api
        self.address = address
        self.arrivals = DelayLine()
        self.session = Session(
            api.streams,
            self.send,
            api.desk.clock,
            returns_rate_limits=http_request.query.get("returnRateLimits", "").lower() != "false",
            time_unit=read_time_unit(http_request.query.get("timeUnit")),
            connected_since=api.desk.clock(),
        )

    def opened(self) -> None:
        """Registers the connection."""
        self.api.connections[self] = None

    def closed(self) -> None:
        """Ends its subscriptions."""
        self.api.connections.pop(self, None)
        self.session.close()

    def send(self, payload: bytes) -> None:
        """Sends JSON text now."""
        self.write(text_frame(payload))

    def receive(self, message: bytes) -> None:
        """Answers one message."""
        try:
            fields = self.api.decoder.decode(message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.refuse(NULL, INVALID_JSON)
            return
        envelope = Envelope(fields.get("id", NOTHING), self.session.returns_rate_limits)
        if not is_request_id(bytes(envelope.request_id)):
            self.refuse(NULL, INVALID_ID)
            return
        try:
            name = msgspec.json.decode(fields.get("method", NULL), type=str)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.refuse(envelope.request_id, INVALID_METHOD)
            return
        try:
            self.answer(envelope, name.removeprefix("v3/"), read_parameters(fields.get("params")))
        except VenueError as error:
            self.fail(envelope, error)

    def answer(self, envelope: "Envelope", name: str, parameters: Mapping[str, str]) -> None:
        """Calls the method and replies, or raises VenueError."""
        api_key = parameters.get("apiKey")
        request = Request(
            parameters=parameters,
            address=self.address,
            api_key=api_key,
            signature=parameters.get("signature"),
            payload=lambda: websocket_payload(parameters),
            shell_names=SHELL_NAMES,
            session=self.session,
        )
        if wish := parameters.get("returnRateLimits"):
            envelope.shows_limits = boolean("returnRateLimits", wish)
        method = envelope.method = self.api.methods.get(name)
        if method is None:
            raise VenueError(-1135, "Unknown 'method' in JSON request.")
        key = self.api.desk.key_of(request)
        envelope.account = key.account if key is not None else None
        faults = self.api.faults
        course = faults.course("websocket_api", self.api.desk, method, request) if faults else None
        if course is None and not self.arrivals.waiting:
            self.reply(envelope, 200, "result", self.api.desk.answer(method, request))
        elif course is None:
            self.arrivals.send(lambda: self.answer_late(envelope, method, request), 0.0)
        else:
            rule = course.rule
            self.arrivals.send(
                lambda: course.start(lambda outcome: self.conclude(envelope, rule, outcome)),
                course.arrival,
            )

    def answer_late(self, envelope: "Envelope", method: Method, request: Request) -> None:
        """Answers a request that waited for others before it on the same connection."""
        try:
            self.reply(envelope, 200, "result", self.api.desk.answer(method, request))
        except VenueError as error:
            self.fail(envelope, error)

    def conclude(self, envelope: "Envelope", rule: RequestRule | None, outcome: Outcome) -> None:
        """Replies to a request that had a course of its own, or does what a rule puts in place of the reply."""
        if isinstance(rule, Disconnect):
            self.drop(rule.reset)
        elif isinstance(rule, Close):
            self.hang_up(rule.code)
        elif isinstance(rule, Silence):
            pass
        elif outcome.error is not None:
            self.fail(envelope, outcome.error)
        else:
            self.reply(envelope, 200, "result", outcome.result)
        if self.is_open:
            for action in outcome.after_reply:
                action()

    def refuse(self, request_id: msgspec.Raw, message: str) -> None:
        """The answer to what is no request."""
        envelope = Envelope(request_id, self.session.returns_rate_limits)
        self.fail(envelope, VenueError(-1135, message))

    def fail(self, envelope: "Envelope", error: VenueError) -> None:
        """Replies with an error; `retryAfter` is an epoch in milliseconds here, unlike REST's seconds."""
        if isinstance(error, SessionRevoked):
            self.session.revoke()
            return
        described: dict[str, Any] = {"code": error.code, "msg": error.message}
        if error.data is not None:
            described["data"] = error.data
        elif isinstance(error, RateLimited):
            described["data"] = {
                "serverTime": Time(error.now),
                "retryAfter": Time(error.retry_at),
            }
        self.reply(envelope, error.http_status, "error", described)
        if error.http_status == 418:
            self.hang_up(1008, b"banned")

    def reply(self, envelope: "Envelope", status: int, kind: str, content: Any) -> None:
        """Sends a reply, then whatever had to wait for it."""
        answer = {"id": envelope.request_id, "status": status, kind: content}
        if envelope.shows_limits:
            answer["rateLimits"] = self.limits(envelope)
        self.send(ENCODERS[self.session.time_unit].encode(answer))
        self.session.replied()

    def limits(self, envelope: "Envelope") -> list[dict[str, str | int]]:
        """The `rateLimits` of a reply: the order counts where orders are placed, and the weight used."""
        desk = self.api.desk
        now = desk.clock()
        found: list[dict[str, str | int]] = []
        if envelope.method is not None and envelope.method.places_order and envelope.account:
            found.extend(desk.orders_of(envelope.account).report(now))
        found.extend(window.report(now) for window in desk.weight_of(self.address).weights)
        return found


@dataclass(slots=True)
class Envelope:
    """What a reply needs to know of its request."""

    request_id: msgspec.Raw
    shows_limits: bool
    method: Method | None = None
    account: str | None = None


def is_request_id(raw: bytes) -> bool:
    """Whether a JSON value may be a request's id: an integer, a short text, or null."""
    return raw == b"null" or bool(INTEGER_ID.fullmatch(raw) or TEXT_ID.fullmatch(raw))


def read_parameters(raw: msgspec.Raw | None) -> dict[str, str]:
    """The parameters as texts: a number as its literal, a text as its characters, `true` and `false`, arrays as JSON.

    Raises VenueError -1135 for what is no object of such values. Null counts as empty.
    """
    if raw is None:
        return {}
    try:
        values = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        return {name: as_text(name, bytes(value)) for name, value in values.items()}
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise VenueError(-1135, INVALID_PARAMETERS) from None


def as_text(name: str, raw: bytes) -> str:
    """One JSON value as the text that the desk and the signature take."""
    first = raw[:1]
    if first == b'"':
        return msgspec.json.decode(raw, type=str)
    if first == b"{":
        raise VenueError(-1135, f"JSON sent for parameter '{name}' is not valid")
    return "" if raw == b"null" else raw.decode()
