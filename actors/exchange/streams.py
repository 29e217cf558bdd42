"""The market stream server: /ws, /stream, and the messages that subscribe (web-socket-streams.md).

Any stream name may be subscribed; one that no stream has is silent. Subscribing again what is subscribed already is
normal for clients and changes nothing.
"""

import asyncio
import re
from typing import Any
from urllib.parse import unquote

import msgspec
from aiohttp import web

from actors.exchange.latency import DelayLine, Latencies
from actors.exchange.orders import AggregateTrade, PublicTrade
from actors.exchange.sockets import Connection, SocketSettings, text_frame
from actors.exchange.times import Time, read_time_unit
from actors.exchange.topics import (
    TICKS_PER_SECOND,
    AggregateTradeTopic,
    BookTickerTopic,
    Gate,
    Topic,
    TradeTopic,
    make_topic,
)
from actors.exchange.venue import Venue

MAXIMUM_STREAMS = 1024
TICK = 1_000_000 // TICKS_PER_SECOND
METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
TEXT_ID = re.compile(r"[a-zA-Z0-9\-_]{1,36}")

# Five messages a second are allowed; counted over ten seconds, so that a burst at the start of a connection passes.
MESSAGE_WINDOW_SECONDS = 10.0
MESSAGES_IN_WINDOW = 50


class BadRequest(Exception):
    """A message that cannot be followed, with Binance's number for why."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class StreamHub:
    """All topics with subscribers; hears the venue's market and passes it on."""

    def __init__(
        self,
        venue: Venue,
        settings: SocketSettings,
        gate: Gate | None = None,
        latencies: Latencies | None = None,
    ) -> None:
        """`gate` may change or hold back what a topic is about to send."""
        self.gate = gate
        self.latencies = latencies
        self.venue = venue
        self.settings = settings
        self.clock = settings.clock
        self.topics: dict[str, Topic] = {}
        self.connections: dict[StreamConnection, None] = {}
        """In the order in which they came, which is the same in every run."""
        self.trades: dict[str, TradeTopic] = {}
        self.aggregates: dict[str, AggregateTradeTopic] = {}
        self.tickers: dict[str, BookTickerTopic] = {}
        venue.market_listeners.append(self)
        venue.aggregate_listeners.append(self.on_aggregate)

    async def handle(self, http_request: web.Request) -> web.StreamResponse:
        """Serves one connection, from its handshake to its end."""
        names = stream_names(http_request)
        if len(names) > MAXIMUM_STREAMS:
            raise web.HTTPBadRequest(text=f"more than {MAXIMUM_STREAMS} streams")
        is_combined = http_request.path.startswith("/stream")
        connection = StreamConnection(self, http_request, names, is_combined)
        return await connection.run(connection.receive)

    async def run(self) -> None:
        """Ticks ten times a second, on the clock's own tenths, until canceled."""
        last = self.clock() // TICK
        while True:
            # Until the tenth after the last one that was counted, however early its timer fired or slow the clock goes.
            due = (last + 1) * TICK
            await asyncio.sleep(min(max(due - self.clock(), 0), TICK) / 1_000_000)
            now = self.clock()
            number = max(last + 1, now // TICK)
            last = number
            for topic in tuple(self.topics.values()):
                topic.tick(number, now)

    def on_trade(self, symbol: str, trade: PublicTrade) -> None:
        """Passes a trade on, in the loop turn in which it happened."""
        if (topic := self.trades.get(symbol)) is not None:
            topic.send(symbol, trade, self.clock())

    def on_aggregate(self, symbol: str, aggregate: AggregateTrade) -> None:
        """Passes an aggregate on, once its request has ended."""
        if (topic := self.aggregates.get(symbol)) is not None:
            topic.send(symbol, aggregate, self.clock())

    def on_book(self, symbol: str) -> None:
        """Passes on what a finished request has changed."""
        if (topic := self.tickers.get(symbol)) is not None:
            topic.send(symbol, self.venue.book_ticker(symbol))

    def subscribe(self, name: str, connection: "StreamConnection") -> None:
        """Adds a connection to a topic; to one that does not exist, nothing."""
        topic = self.topics.get(name)
        if topic is None:
            topic = make_topic(self.venue, name)
            if topic is None:
                return
            self.topics[name] = topic
            topic.gate = self.gate
            self.index(topic, name.partition("@")[0].upper())
        topic.subscribers[connection] = None

    def index(self, topic: Topic, symbol: str) -> None:
        """Makes a topic findable by its symbol, if it is one of those that are not ticked."""
        if isinstance(topic, TradeTopic):
            self.trades[symbol] = topic
        elif isinstance(topic, AggregateTradeTopic):
            self.aggregates[symbol] = topic
        elif isinstance(topic, BookTickerTopic):
            self.tickers[symbol] = topic

    def unsubscribe(self, name: str, connection: "StreamConnection") -> None:
        """Takes a connection off a topic, and closes the topic after its last subscriber."""
        topic = self.topics.get(name)
        if topic is None:
            return
        topic.subscribers.pop(connection, None)
        if topic.subscribers:
            return
        topic.close()
        del self.topics[name]
        symbol = name.partition("@")[0].upper()
        if isinstance(topic, TradeTopic):
            del self.trades[symbol]
        elif isinstance(topic, AggregateTradeTopic):
            del self.aggregates[symbol]
        elif isinstance(topic, BookTickerTopic):
            del self.tickers[symbol]

    def announce_shutdown(self) -> None:
        """Tells every connection that the server goes away (web-socket-streams.md, Server Shutdown)."""
        topic = Topic("!serverShutdown")
        topic.subscribers = dict.fromkeys(self.connections)
        topic.publish({"e": "serverShutdown", "E": Time(self.clock())})


class StreamConnection(Connection):
    """One client of the market streams."""

    def __init__(
        self, hub: StreamHub, http_request: web.Request, names: list[str], is_combined: bool
    ) -> None:
        super().__init__(http_request, hub.settings)
        self.hub = hub
        self.is_combined = is_combined
        self.time_unit = read_time_unit(http_request.query.get("timeUnit"))
        self.names: dict[str, None] = dict.fromkeys(names)
        self.line = DelayLine()
        self.window_start = 0.0
        self.messages = 0

    def opened(self) -> None:
        """Subscribes what the URL names."""
        self.hub.connections[self] = None
        for name in self.names:
            self.hub.subscribe(name, self)

    def closed(self) -> None:
        """Leaves every topic."""
        self.hub.connections.pop(self, None)
        for name in self.names:
            self.hub.unsubscribe(name, self)

    def write(self, frame: bytes) -> None:
        """Sends a frame, some time later if the market's channel is slow."""
        latencies = self.hub.latencies
        delay = latencies.market() if latencies is not None else 0.0
        if delay or self.line.waiting:
            self.line.send(lambda: self.write_now(frame), delay)
        else:
            self.write_now(frame)

    def receive(self, message: bytes) -> None:
        """Answers one message."""
        now = asyncio.get_running_loop().time()
        if now - self.window_start >= MESSAGE_WINDOW_SECONDS:
            self.window_start, self.messages = now, 0
        self.messages += 1
        if self.messages > MESSAGES_IN_WINDOW:
            self.hang_up(1008, b"Too many requests")
            return
        request_id: Any = None
        try:
            fields = read_message(message)
            request_id = fields["id"]
            answer = {"result": self.follow(fields), "id": request_id}
        except BadRequest as error:
            answer = {"code": error.code, "msg": error.message, "id": request_id}
        self.write(text_frame(msgspec.json.encode(answer)))

    def follow(self, fields: dict[str, Any]) -> Any:
        """Does what a message asks for; the result to answer with, or BadRequest."""
        method, parameters = fields["method"], fields.get("params", [])
        if not isinstance(parameters, list):
            raise BadRequest(2, "Invalid request: params must be an array")
        if method == "LIST_SUBSCRIPTIONS":
            return list(self.names)
        if method == "GET_PROPERTY":
            check_property(parameters, 1)
            return self.is_combined
        if method == "SET_PROPERTY":
            check_property(parameters, 2)
            if not isinstance(parameters[1], bool):
                raise BadRequest(1, "Invalid value type: expected Boolean")
            self.is_combined = parameters[1]
            return None
        if not all(isinstance(name, str) for name in parameters):
            raise BadRequest(2, "Invalid request: stream names must be strings")
        if method == "SUBSCRIBE":
            self.subscribe(parameters)
        else:
            self.unsubscribe(parameters)
        return None

    def subscribe(self, names: list[str]) -> None:
        """Adds streams; those that are there already stay as they are."""
        added = [name for name in dict.fromkeys(names) if name not in self.names]
        if len(self.names) + len(added) > MAXIMUM_STREAMS:
            raise BadRequest(2, f"Invalid request: more than {MAXIMUM_STREAMS} streams")
        for name in added:
            self.names[name] = None
            self.hub.subscribe(name, self)

    def unsubscribe(self, names: list[str]) -> None:
        """Drops streams; one that is not subscribed is no error."""
        for name in names:
            if name in self.names:
                del self.names[name]
                self.hub.unsubscribe(name, self)


def stream_names(http_request: web.Request) -> list[str]:
    """The streams that a URL asks for: `/ws/a/b`, `/stream?streams=a/b`; none in `/ws` and `/stream`."""
    path = http_request.path
    if not path.startswith("/stream"):
        return [name for name in path.removeprefix("/ws").split("/") if name]
    # A plus sign is one: `@+08:00` is not form-encoded.
    pairs = http_request.raw_path.partition("?")[2].split("&")
    sent = next((one for one in pairs if one.startswith("streams=")), "streams=")
    listed = unquote(sent.removeprefix("streams="))
    return [name for name in listed.split("/") if name]


def read_message(message: bytes) -> dict[str, Any]:
    """The fields of a message, `method` and `id` checked. Raises BadRequest."""
    try:
        fields = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest(3, "Invalid JSON: expected value at line 1 column 1") from None
    if not isinstance(fields, dict):
        raise BadRequest(2, "Invalid request: expected an object at line 1 column 1")
    if "method" not in fields:
        raise BadRequest(
            2, f"Invalid request: missing field `method` at line 1 column {len(message)}"
        )
    method = fields["method"]
    if method not in METHODS:
        choices = ", ".join(f"`{one}`" for one in METHODS)
        raise BadRequest(
            2,
            f"Invalid request: unknown variant {msgspec.json.encode(method).decode()}, "
            f"expected one of {choices} at line 1 column {len(message)}",
        )
    if "id" not in fields or not is_request_id(fields["id"]):
        raise BadRequest(2, "Invalid request: request ID must be an unsigned integer")
    return fields


def is_request_id(value: Any) -> bool:
    """Whether a value may be a request's id: a 64-bit integer, a short text, or null."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return value is None or (isinstance(value, str) and bool(TEXT_ID.fullmatch(value)))


def check_property(parameters: list[Any], count: int) -> None:
    """Raises BadRequest unless there are `count` parameters, the first of which names the one property there is."""
    if not parameters or not isinstance(parameters[0], str):
        raise BadRequest(2, "Invalid request: property name must be a string")
    if parameters[0] != "combined":
        raise BadRequest(0, "Unknown property")
    if len(parameters) > count:
        raise BadRequest(2, "Invalid request: too many parameters")
    if len(parameters) < count:
        raise BadRequest(1, "Invalid value type: expected Boolean")
