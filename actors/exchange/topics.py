"""The market streams one by one: what each is called, and what it sends when (web-socket-streams.md).

A topic has subscribers and encodes each of its messages once, however many there are. Trades and best prices go out
as they happen; the rest is sent by `tick`, which is called ten times a second.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import msgspec

from actors.exchange import market_wire, wire
from actors.exchange.book import BookTicker, DepthChanges
from actors.exchange.day_statistics import day_statistics, window_statistics
from actors.exchange.klines import Kline
from actors.exchange.orders import AggregateTrade, PublicTrade
from actors.exchange.sockets import text_frame
from actors.exchange.times import ENCODERS, TimeUnit
from actors.exchange.venue import Venue
from actors.exchange.zoned_klines import is_the_same_everywhere, zoned_kline
from messages.enums import KlineInterval

TICKS_PER_SECOND = 10
WINDOWS = {"1h": 60, "4h": 240, "1d": 1440}
"""The rolling windows that have streams, in minutes."""
TIME_NAMES = frozenset({"E", "O", "C"})
"""The fields of a ticker that move with the clock, whatever is traded."""
ZONE, ZONE_HOURS = "+08:00", 8
PARTIAL_DEPTH = re.compile(r"depth(5|10|20)")


Gate = Callable[[str, Any], Any]
"""Gets a stream's name and a message; gives the message to send, or None for none."""


class Subscriber(Protocol):
    """Whoever gets a topic's messages."""

    is_combined: bool
    time_unit: TimeUnit

    def write(self, frame: bytes) -> None:
        """Takes a whole WebSocket frame, without waiting."""


class Topic:
    """One stream and its subscribers."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.head = b'{"stream":%b,"data":' % msgspec.json.encode(name)
        self.gate: Gate | None = None
        self.subscribers: dict[Subscriber, None] = {}
        """In the order in which they came; a subscriber gets each message once."""

    def publish(self, message: Any) -> None:
        """Sends a message to every subscriber, bare or in the wrapper of combined streams, in its unit of time."""
        if not self.subscribers:
            return
        if self.gate is not None and (message := self.gate(self.name, message)) is None:
            return
        frames: dict[tuple[TimeUnit, bool], bytes] = {}
        for subscriber in tuple(self.subscribers):
            unit, is_combined = form = (subscriber.time_unit, subscriber.is_combined)
            if (frame := frames.get(form)) is None:
                payload = ENCODERS[unit].encode(message)
                frame = text_frame(self.head + payload + b"}" if is_combined else payload)
                frames[form] = frame
            subscriber.write(frame)

    def tick(self, number: int, now: int) -> None:
        """Sends what is due in the tick of this number; `now` in microseconds."""

    def close(self) -> None:
        """Lets go of what the topic holds; called when the last subscriber has left."""


class TradeTopic(Topic):
    """`<symbol>@trade`: every trade, as it happens."""

    def send(self, symbol: str, trade: PublicTrade, now: int) -> None:
        """Sends one trade."""
        self.publish(market_wire.trade_event(symbol, trade, now))


class AggregateTradeTopic(Topic):
    """`<symbol>@aggTrade`: the fills of one taker order at one price, together."""

    def send(self, symbol: str, aggregate: AggregateTrade, now: int) -> None:
        """Sends one aggregate."""
        self.publish(market_wire.aggregate_trade_event(symbol, aggregate, now))


class BookTickerTopic(Topic):
    """`<symbol>@bookTicker`: the best prices and quantities, whenever one of them changes."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.last: BookTicker | None = None

    def send(self, symbol: str, ticker: BookTicker) -> None:
        """Sends the ticker if it says something new."""
        last = self.last
        if (
            last is None
            or ticker.bid_price != last.bid_price
            or ticker.ask_price != last.ask_price
            or ticker.bid_quantity != last.bid_quantity
            or ticker.ask_quantity != last.ask_quantity
        ):
            self.last = ticker
            self.publish(market_wire.book_ticker_event(symbol, ticker))


class DepthTopic(Topic):
    """`<symbol>@depth[@100ms]`: what changed in the book since the last message."""

    def __init__(self, name: str, symbol: str, venue: Venue, every: int) -> None:
        """`every` is the number of ticks between two messages."""
        super().__init__(name)
        self.symbol = symbol
        self.every = every
        self.changes: DepthChanges = venue.open_depth_changes(symbol)

    def tick(self, number: int, now: int) -> None:
        """Sends a diff unless nothing changed."""
        if number % self.every == 0 and (diff := self.changes.take()) is not None:
            self.publish(market_wire.depth_event(self.symbol, diff, now))

    def close(self) -> None:
        """Stops gathering changes."""
        self.changes.close()


class PartialDepthTopic(Topic):
    """`<symbol>@depth<levels>[@100ms]`: the best levels, again and again."""

    def __init__(self, name: str, symbol: str, venue: Venue, levels: int, every: int) -> None:
        super().__init__(name)
        self.symbol, self.venue, self.levels, self.every = symbol, venue, levels, every

    def tick(self, number: int, now: int) -> None:
        """Sends the levels."""
        if number % self.every == 0:
            self.publish(market_wire.depth(self.venue.depth(self.symbol, self.levels)))


class KlineTopic(Topic):
    """`<symbol>@kline_<interval>`: the running kline every second or two, and each one once more when it has closed."""

    def __init__(self, name: str, symbol: str, venue: Venue, interval: KlineInterval) -> None:
        super().__init__(name)
        self.symbol, self.venue, self.interval = symbol, venue, interval
        self.every = TICKS_PER_SECOND * (1 if interval is KlineInterval.SECOND_1 else 2)
        self.running = -1
        """Open time of the kline that was running at the last tick, in milliseconds; -1 before the first."""

    def tick(self, number: int, now: int) -> None:
        """Sends what has closed since the last tick, then the running kline when its time has come."""
        current = self.current(now)
        if current is None:
            return
        if 0 <= self.running < current.open_time_ms:
            for kline in self.closed(current.open_time_ms):
                self.publish(market_wire.kline_event(self.symbol, kline, now))
        self.running = current.open_time_ms
        if number % self.every == 0:
            self.publish(market_wire.kline_event(self.symbol, current, now))

    def current(self, now: int) -> Kline | None:
        """The kline that is running; None before the first trade."""
        return self.venue.current_kline(self.symbol, self.interval)

    def closed(self, end_ms: int) -> list[Kline]:
        """What was running at the last tick and has closed since."""
        return self.venue.klines(self.symbol, self.interval, self.running, end_ms - 1, 1000)


class ZonedKlineTopic(KlineTopic):
    """`<symbol>@kline_<interval>@+08:00`: the same, where days begin at midnight UTC+8."""

    def current(self, now: int) -> Kline | None:
        """The kline that is running; None before the first trade."""
        return self.at(now // 1_000_000)

    def closed(self, end_ms: int) -> list[Kline]:
        """What was running at the last tick, whole."""
        found = self.at(self.running // 1000)
        return [] if found is None else [replace(found, is_closed=True)]

    def at(self, second: int) -> Kline | None:
        """The kline of a second."""
        return zoned_kline(self.venue, self.symbol, self.interval, ZONE_HOURS, second)


class PeriodicTopic(Topic):
    """A message a second, made on the spot: tickers and the average price. None means nothing to say."""

    def __init__(self, name: str, make: Callable[[int], Any]) -> None:
        super().__init__(name)
        self.make = make

    def tick(self, number: int, now: int) -> None:
        """Sends the message of this second."""
        if number % TICKS_PER_SECOND == 0 and (message := self.make(now)) is not None:
            self.publish(message)


class ChangedTopic(Topic):
    """`!miniTicker@arr` and its like: once a second those symbols whose figures have changed since the last message."""

    def __init__(
        self, name: str, venue: Venue, make: Callable[[Venue, str, int], dict[str, Any] | None]
    ) -> None:
        super().__init__(name)
        self.venue, self.make = venue, make
        self.figures: dict[str, dict[str, Any]] = {}
        """What was told of each symbol, times left out; to begin with, what there was to tell."""
        self.take_changed(venue.now_us())

    def tick(self, number: int, now: int) -> None:
        """Sends what has changed, if anything has."""
        if number % TICKS_PER_SECOND == 0 and (changed := self.take_changed(now)):
            self.publish(changed)

    def take_changed(self, now: int) -> list[dict[str, Any]]:
        """The events of the symbols with new figures."""
        changed = []
        for symbol in self.venue.symbols:
            event = self.make(self.venue, symbol, now)
            if event is None:
                continue
            figures = {name: value for name, value in event.items() if name not in TIME_NAMES}
            if figures != self.figures.get(symbol):
                self.figures[symbol] = figures
                changed.append(event)
        return changed


def average_price_event(venue: Venue, symbol: str, now: int) -> dict[str, Any] | None:
    """The payload of `<symbol>@avgPrice`; None before the first trade."""
    price = venue.average_price(symbol)
    if price is None:
        return None
    trades = venue.recent_trades(symbol, 1)
    return {
        "e": "avgPrice",
        "E": wire.to_ms(now),
        "s": symbol,
        "i": "5m",
        "w": wire.to_text(price),
        "T": wire.to_ms(trades[-1].time_us) if trades else 0,
    }


def mini_ticker_event(venue: Venue, symbol: str, now: int) -> dict[str, Any] | None:
    """The payload of `<symbol>@miniTicker`; None if nothing was traded in 24 hours."""
    found = day_statistics(venue, symbol, now)
    return found.mini_event() if found.trades else None


def ticker_event(venue: Venue, symbol: str, now: int) -> dict[str, Any] | None:
    """The payload of `<symbol>@ticker`; None if nothing was traded in 24 hours."""
    found = day_statistics(venue, symbol, now)
    return found.event() if found.trades else None


def window_event(venue: Venue, symbol: str, now: int, size: str) -> dict[str, Any] | None:
    """The payload of `<symbol>@ticker_<size>`; None if nothing was traded in the window."""
    found = window_statistics(venue, symbol, now, WINDOWS[size])
    return found.window_event(size) if found.trades else None


def make_topic(venue: Venue, name: str) -> Topic | None:
    """The topic of a stream's name, or None for a name that no stream has."""
    if name == "!miniTicker@arr":
        return ChangedTopic(name, venue, mini_ticker_event)
    lowered, _, what = name.partition("@")
    size = lowered.removeprefix("!ticker_")
    if size != lowered and size in WINDOWS and what == "arr":
        return ChangedTopic(name, venue, partial(window_event, size=size))
    symbol = lowered.upper()
    if symbol not in venue.symbols or lowered != symbol.lower():
        return None
    if what == "trade":
        return TradeTopic(name)
    if what == "aggTrade":
        return AggregateTradeTopic(name)
    if what == "bookTicker":
        return BookTickerTopic(name)
    if what == "miniTicker":
        return PeriodicTopic(name, lambda now: mini_ticker_event(venue, symbol, now))
    if what == "ticker":
        return PeriodicTopic(name, lambda now: ticker_event(venue, symbol, now))
    length = what.removeprefix("ticker_")
    if length != what and length in WINDOWS:
        return PeriodicTopic(name, lambda now: window_event(venue, symbol, now, length))
    if what == "avgPrice":
        return PeriodicTopic(name, lambda now: average_price_event(venue, symbol, now))
    if what.startswith("kline_"):
        return make_kline_topic(venue, name, symbol, what.removeprefix("kline_"))
    return make_depth_topic(venue, name, symbol, what)


def make_kline_topic(venue: Venue, name: str, symbol: str, what: str) -> Topic | None:
    """The topic of a kline stream: an interval, perhaps with the one time zone that has klines of its own."""
    length, at, zone = what.partition("@")
    interval = KlineInterval(length)
    if interval is KlineInterval.UNRECOGNISED or length == "UNRECOGNISED":
        return None
    if at and zone != ZONE:
        return None
    is_zoned = bool(at) and not is_the_same_everywhere(interval, ZONE_HOURS)
    return (ZonedKlineTopic if is_zoned else KlineTopic)(name, symbol, venue, interval)


def make_depth_topic(venue: Venue, name: str, symbol: str, what: str) -> Topic | None:
    """The topic of a depth stream: `depth`, `depth5`, `depth10`, `depth20`, at 1000 or 100 ms."""
    kind, _, speed = what.partition("@")
    every = {"": TICKS_PER_SECOND, "1000ms": TICKS_PER_SECOND, "100ms": 1}.get(speed)
    if every is None:
        return None
    if kind == "depth":
        return DepthTopic(name, symbol, venue, every)
    if levels := PARTIAL_DEPTH.fullmatch(kind):
        return PartialDepthTopic(name, symbol, venue, int(levels[1]), every)
    return None
