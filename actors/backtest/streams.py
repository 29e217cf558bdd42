"""Which streams of the data make a symbol's market, and who receives them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from actors.backtest.errors import BacktestError
from actors.backtest.host import BacktestSystem
from actors.backtest.source import MarketData
from actors.backtest.stream_set import MESSAGE_CLASSES
from actors.runtime.actor import needs_interval
from actors.runtime.cell import ActorCell
from actors.runtime.context import Envelope
from actors.trading.kline_interval import find_bounds
from messages.enums import Exchanges, KlineInterval
from messages.instruments import to_decimal
from messages.market import BookTicker, Kline, MarketMessage, OrderBook, Trade

CLASSES: dict[str, type[MarketMessage]] = {item.__name__: item for item in MESSAGE_CLASSES}
QUOTING: tuple[type[MarketMessage], ...] = (OrderBook, BookTicker, Trade, Kline)
"""What quotes may come from, the best first."""

StreamKey = tuple[type, str, str]


@dataclass(slots=True)
class PlannedStream:
    """One stream of the data."""

    index: int
    message_class: type[MarketMessage]
    symbol: str
    interval: str
    key: tuple[Any, ...]
    """The routing key."""
    is_quote: bool = False
    """Whether the symbol's quotes come from it."""
    acts: bool = False
    """Whether it may fill resting orders."""
    is_bar: bool = False
    """Whether it is the stream of bars that make the market."""


def stream_key(message: Any) -> StreamKey:
    """What tells a message's stream."""
    return (type(message), message.symbol, getattr(message, "interval", ""))


class StreamPlan:
    """The streams by what they do."""

    def __init__(self, data: MarketData) -> None:
        """Raises BacktestError for data without anything that can be traded on."""
        self.data = data
        self.streams: list[PlannedStream] = []
        for index, stream in enumerate(data.streams):
            message_class = CLASSES[stream.message_class]
            key: tuple[Any, ...] = (Exchanges(stream.exchange), stream.symbol)
            if needs_interval(message_class):
                key = (*key, KlineInterval(stream.interval))
            self.streams.append(
                PlannedStream(index, message_class, stream.symbol, stream.interval, key)
            )
        self.classes = [stream.message_class for stream in self.streams]
        self.by_key: dict[StreamKey, PlannedStream] = {
            (item.message_class, item.symbol, item.interval): item for item in self.streams
        }
        self.quotes: dict[str, PlannedStream] = {}
        for symbol in data.symbols:
            self._choose(symbol)
        if not self.quotes:
            raise BacktestError("the data hold no trades, book tickers, order books or bars")
        self.derived: dict[str, bool] = {}
        """Symbols from whose trades other streams are made."""
        self.answers: dict[int, tuple[ActorCell, ...]] = {}
        self.answers_of: Any = None

    def _choose(self, symbol: str) -> None:
        mine = [item for item in self.streams if item.symbol == symbol]
        for message_class in QUOTING:
            found = [item for item in mine if item.message_class is message_class]
            if not found:
                continue
            chosen = min(found, key=lambda item: length_of(item.interval))
            chosen.is_quote = chosen.acts = True
            chosen.is_bar = message_class is Kline
            self.quotes[symbol] = chosen
            break
        else:
            return
        if not chosen.is_bar:
            for item in mine:
                item.acts = item.acts or item.message_class is Trade

    def quote_classes(self) -> dict[str, type[MarketMessage]]:
        """Per symbol the class that its quotes come from."""
        return {symbol: item.message_class for symbol, item in self.quotes.items()}

    def finer_bars(self, symbol: str, interval: str) -> str:
        """The longest interval of the symbol's bars of which bars of another are made up; empty if there is none."""
        mine = [
            item.interval
            for item in self.streams
            if item.symbol == symbol and item.message_class is Kline
        ]
        wanted = length_of(interval)
        found = [item for item in mine if length_of(item) < wanted and divides(item, interval)]
        return max(found, key=length_of, default="")

    def traded_symbols(self) -> set[str]:
        """Symbols of which there are trades."""
        return {item.symbol for item in self.streams if item.message_class is Trade}

    def quote_stream(self, symbol: str) -> int | None:
        """The stream that a symbol's quotes come from."""
        chosen = self.quotes.get(symbol)
        return chosen.index if chosen is not None else None

    def last_time_ns(self, stream: int) -> int:
        """When the last message of a stream is due."""
        return self.data.streams[stream].last_time_ns

    def decimals(self, symbol: str) -> tuple[int, int | None]:
        """How many decimals prices and quantities of a symbol have in the first chunk of its quotes; None for bars' volumes."""
        chosen = self.quotes[symbol]
        decode = self.data.make_decoder()
        for chunk in self.data.chunks():
            messages = [
                item
                for item in decode(chunk.frame)
                if type(item) is chosen.message_class and item.symbol == symbol
            ]
            if messages:
                return count_decimals(messages)
        return 0, None

    def is_plain(self, stream: int) -> bool:
        """Whether nothing is derived from a stream, so that its messages go to their receivers and nowhere else."""
        return not self.derived.get(self.streams[stream].symbol, False)

    def receivers(self, stream: int, system: BacktestSystem) -> tuple[ActorCell, ...]:
        """Who gets a stream's messages; those whose lazy inputs are seen to before each delivery do not."""
        router = system.router
        if self.answers_of is not router.answers or not router.answers:
            self.answers.clear()
            self.answers_of = router.answers
        found = self.answers.get(stream)
        if found is None:
            item = self.streams[stream]
            cells = router.receivers_of(Envelope(item.message_class, item.key, b""))
            found = self.answers[stream] = tuple(
                cell
                for cell in cells
                if cell not in system.before_delivery or not is_lazy(cell, item.message_class)
            )
        return found


def is_lazy(cell: ActorCell, message_class: type) -> bool:
    """Whether an actor takes a class lazily: only the newest, ahead of its next control message."""
    return message_class in cell.actor_class.lazy_inputs


PRICES = ("price", "bid_price", "ask_price", "open", "high", "low", "close")


def count_decimals(messages: list[Any]) -> tuple[int, int | None]:
    """The most decimals of prices, and of the quantities of trades, among messages of one class."""
    prices = [
        getattr(message, name) for message in messages for name in PRICES if hasattr(message, name)
    ]
    quantities = [message.quantity for message in messages if hasattr(message, "quantity")]
    most = max((decimals_of(price) for price in prices), default=0)
    return most, max(map(decimals_of, quantities)) if quantities else None


def decimals_of(number: float) -> int:
    """How many decimals the shortest text of a number has."""
    exponent = to_decimal(number).normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def length_of(interval: str) -> int:
    """The length of a bar in nanoseconds; 0 for what is no bar."""
    if not interval:
        return 0
    begin, end = find_bounds(KlineInterval(interval), 0)
    return end - begin


def divides(fine: str, coarse: str) -> bool:
    """Whether whole bars of one interval make up each bar of another; months and weeks begin with a day."""
    day = length_of(KlineInterval.DAY_1)
    if coarse == KlineInterval.MONTH_1 or length_of(coarse) > day:
        return length_of(fine) <= day and day % length_of(fine) == 0
    return length_of(coarse) % length_of(fine) == 0


def finest_bar_ns(streams: Iterable[PlannedStream]) -> int:
    """The length of the shortest bars; 0 where there are none."""
    lengths = [length_of(item.interval) for item in streams if item.is_bar]
    return min(lengths, default=0)
