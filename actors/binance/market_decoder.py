"""Market frames to messages, each decoded once by its type.

A combined frame `{"stream": name, "data": {...}}` is told by its stream's name; a raw frame by its `e`. The envelope is
decoded with its data left as raw bytes, the data by a decoder built for its type: that is right for any spelling of the
envelope. Trades, of which there are most, are decoded whole once their stream is known by the frame's first bytes.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from actors.binance.numbers import LAST_MILLISECOND, nanoseconds_of
from actors.binance.wire_market import (
    AggregateTradeFrame,
    BookTickerFrame,
    DepthSnapshot,
    DepthUpdate,
    KlineFrame,
    TradeFrame,
)
from messages.enums import Exchanges
from messages.market import BookTicker, Kline, OrderBook, PartialKline, Trade

HEAD = b'{"stream":"'


class Envelope(msgspec.Struct):
    """A combined frame (`stream` is set) or what else a market connection says."""

    stream: str | None = None
    data: msgspec.Raw = msgspec.Raw()


class TradeEnvelope(msgspec.Struct, gc=False):
    """A combined frame of a stream of trades, as far as it is not known yet."""

    data: TradeFrame


class RawHead(msgspec.Struct):
    """What tells a raw frame's type; `None` for a book ticker and a partial book."""

    e: str | None = None


MarketData = Trade | BookTicker | DepthUpdate | OrderBook | Kline | PartialKline
"""What a market frame becomes; a depth update stays a wire type, for the book's keeper alone."""


class MarketDecoder:
    """Turns frames of one venue into messages; keeps a decoder per stream name.

    `ignored` counts, by stream or event type, the frames that no decoder is for.
    """

    def __init__(self, exchange: Exchanges = Exchanges.BINANCE) -> None:
        self.exchange = exchange
        self.ignored: dict[str, int] = {}
        self._by_stream: dict[str, Callable[[msgspec.Raw, int], MarketData] | None] = {}
        self._trade_heads: set[bytes] = set()
        """How frames of trades begin, up to the end of their stream's name."""
        self._trade_envelope = msgspec.json.Decoder(TradeEnvelope, strict=False).decode
        self._envelope = msgspec.json.Decoder(Envelope).decode
        self._head = msgspec.json.Decoder(RawHead).decode
        self._trade = msgspec.json.Decoder(TradeFrame, strict=False).decode
        self._aggregate_trade = msgspec.json.Decoder(AggregateTradeFrame, strict=False).decode
        self._book_ticker = msgspec.json.Decoder(BookTickerFrame, strict=False).decode
        self._depth_update = msgspec.json.Decoder(DepthUpdate, strict=False).decode
        self._snapshot = msgspec.json.Decoder(DepthSnapshot, strict=False).decode
        self._kline = msgspec.json.Decoder(KlineFrame, strict=False).decode
        self._by_event: dict[str | None, Callable[[Any, int], MarketData]] = {
            "trade": self.decode_trade,
            "aggTrade": self.decode_aggregate_trade,
            "depthUpdate": self.decode_depth_update,
            "kline": self.decode_kline,
            "bookTicker": self.decode_book_ticker,
        }

    def decode(self, frame: bytes | str, receive_time_ns: int = 0) -> MarketData | None:
        """One frame, combined or raw; None for what is no market data (counted).

        Raises msgspec.MsgspecError (a ValueError) for what is no JSON or has not the form of its type.
        """
        if type(frame) is bytes and frame[: frame.find(b'"', len(HEAD))] in self._trade_heads:
            return self.make_trade(self._trade_envelope(frame).data, receive_time_ns)
        envelope = self._envelope(frame)
        if envelope.stream is None:
            return self.decode_raw(frame, receive_time_ns)
        try:
            decode = self._by_stream[envelope.stream]
        except KeyError:
            decode = self._by_stream[envelope.stream] = self.find_decoder(envelope.stream)
            if decode == self.decode_trade:
                self._trade_heads.add(HEAD + envelope.stream.encode())
        if decode is None:
            self.ignored[envelope.stream] = self.ignored.get(envelope.stream, 0) + 1
            return None
        return decode(envelope.data, receive_time_ns)

    def decode_raw(self, frame: bytes | str, receive_time_ns: int = 0) -> MarketData | None:
        """A frame of a `/ws/<stream>` connection. A partial book has no symbol there and cannot be used."""
        kind = self._head(frame).e
        decode = self._by_event.get(kind)
        if decode is not None:
            return decode(frame, receive_time_ns)
        if kind is None:
            try:
                return self.decode_book_ticker(frame, receive_time_ns)
            except msgspec.ValidationError:
                kind = "without type"
        self.ignored[kind] = self.ignored.get(kind, 0) + 1
        return None

    def find_decoder(self, stream: str) -> Callable[[msgspec.Raw, int], MarketData] | None:
        """The decoder for a stream by its name, `<symbol>@<kind>[@<speed or zone>]`; None for an unknown kind."""
        symbol, _, rest = stream.partition("@")
        kind = rest.partition("@")[0]
        if kind.startswith("kline_"):
            return self.decode_kline
        if kind in ("depth5", "depth10", "depth20"):
            name = symbol.upper()
            return lambda data, receive_time_ns: self.decode_partial_book(
                name, data, receive_time_ns
            )
        return self._by_event.get({"depth": "depthUpdate"}.get(kind, kind))

    def decode_trade(self, data: Any, receive_time_ns: int = 0) -> Trade:
        """A trade."""
        return self.make_trade(self._trade(data), receive_time_ns)

    def make_trade(self, frame: TradeFrame | AggregateTradeFrame, receive_time_ns: int) -> Trade:
        """The message of a trade's frame."""
        trade_time, event_time = frame.trade_time, frame.event_time
        # What `nanoseconds_of` does with milliseconds, in place: trades come in bursts.
        is_usual = 0 < trade_time <= event_time <= LAST_MILLISECOND
        return Trade(
            exchange=self.exchange,
            symbol=frame.symbol,
            trade_id=frame.trade_id,
            price=frame.price,
            quantity=frame.quantity,
            buyer_is_maker=frame.buyer_is_maker,
            trade_time_ns=trade_time * 1_000_000 if is_usual else nanoseconds_of(trade_time),
            event_time_ns=event_time * 1_000_000 if is_usual else nanoseconds_of(event_time),
            receive_time_ns=receive_time_ns,
        )

    def decode_aggregate_trade(self, data: Any, receive_time_ns: int = 0) -> Trade:
        """An aggregate trade; its `trade_id` is the aggregate's, which counts without a gap."""
        return self.make_trade(self._aggregate_trade(data), receive_time_ns)

    def decode_book_ticker(self, data: Any, receive_time_ns: int = 0) -> BookTicker:
        """A book ticker."""
        frame = self._book_ticker(data)
        return BookTicker(
            exchange=self.exchange,
            symbol=frame.symbol,
            update_id=frame.update_id,
            bid_price=frame.bid_price,
            bid_quantity=frame.bid_quantity,
            ask_price=frame.ask_price,
            ask_quantity=frame.ask_quantity,
            event_time_ns=nanoseconds_of(frame.event_time),
            receive_time_ns=receive_time_ns,
        )

    def decode_depth_update(self, data: Any, receive_time_ns: int = 0) -> DepthUpdate:
        """A depth difference, as it is; its time of receipt is the caller's to keep."""
        return self._depth_update(data)

    def decode_partial_book(self, symbol: str, data: Any, receive_time_ns: int = 0) -> OrderBook:
        """The best 5, 10 or 20 levels."""
        frame = self._snapshot(data)
        return OrderBook(
            exchange=self.exchange,
            symbol=symbol,
            update_id=frame.last_update_id,
            bids=frame.bids,
            asks=frame.asks,
            receive_time_ns=receive_time_ns,
        )

    def decode_kline(self, data: Any, receive_time_ns: int = 0) -> Kline | PartialKline:
        """A bar: `Kline` when it has closed, else `PartialKline`."""
        frame = self._kline(data)
        body = frame.body
        kind = Kline if body.is_closed else PartialKline
        return kind(
            exchange=self.exchange,
            symbol=frame.symbol,
            interval=body.interval,
            open_time_ns=nanoseconds_of(body.open_time),
            close_time_ns=nanoseconds_of(body.close_time),
            open=body.open,
            high=body.high,
            low=body.low,
            close=body.close,
            volume=body.volume,
            quote_volume=body.quote_volume,
            trade_count=body.trade_count,
            taker_buy_volume=body.taker_buy_volume,
            taker_buy_quote_volume=body.taker_buy_quote_volume,
            event_time_ns=nanoseconds_of(frame.event_time),
            receive_time_ns=receive_time_ns,
        )
