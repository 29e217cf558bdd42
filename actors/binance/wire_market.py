"""Market data as Binance writes it: stream frames (web-socket-streams.md) and REST answers (rest-api.md).

Field names are our words, the renames are the wire. All of it is decoded with `strict=False`: prices and quantities are
text there and floats here.
"""

import msgspec

from actors.binance.numbers import FloatText, WireInteger, nanoseconds_of
from messages.enums import Exchanges, KlineInterval
from messages.market import Kline, Trade

Level = tuple[FloatText, FloatText]


class TradeFrame(
    msgspec.Struct,
    gc=False,
    rename={
        "event_time": "E",
        "symbol": "s",
        "trade_id": "t",
        "price": "p",
        "quantity": "q",
        "trade_time": "T",
        "buyer_is_maker": "m",
    },
):
    """`<symbol>@trade` (web-socket-streams.md, Trade Streams)."""

    event_time: WireInteger
    symbol: str
    trade_id: WireInteger
    price: FloatText
    quantity: FloatText
    trade_time: WireInteger
    buyer_is_maker: bool


class AggregateTradeFrame(
    msgspec.Struct,
    gc=False,
    rename={
        "event_time": "E",
        "symbol": "s",
        "trade_id": "a",
        "price": "p",
        "quantity": "q",
        "first_trade_id": "f",
        "last_trade_id": "l",
        "trade_time": "T",
        "buyer_is_maker": "m",
    },
):
    """`<symbol>@aggTrade` (web-socket-streams.md, Aggregate Trade Streams). `trade_id` counts aggregates."""

    event_time: WireInteger
    symbol: str
    trade_id: WireInteger
    price: FloatText
    quantity: FloatText
    first_trade_id: WireInteger
    last_trade_id: WireInteger
    trade_time: WireInteger
    buyer_is_maker: bool


class BookTickerFrame(
    msgspec.Struct,
    gc=False,
    rename={
        "update_id": "u",
        "symbol": "s",
        "bid_price": "b",
        "bid_quantity": "B",
        "ask_price": "a",
        "ask_quantity": "A",
        "event_time": "E",
    },
):
    """`<symbol>@bookTicker`: without type and without time on spot."""

    update_id: WireInteger
    symbol: str
    bid_price: FloatText
    bid_quantity: FloatText
    ask_price: FloatText
    ask_quantity: FloatText
    event_time: WireInteger = 0


class BestPrices(msgspec.Struct, gc=False, rename="camel"):
    """One symbol in the answer to `GET ticker/bookTicker`; a side without orders has the price 0."""

    symbol: str
    bid_price: FloatText
    ask_price: FloatText


class DepthUpdate(
    msgspec.Struct,
    rename={
        "event_time": "E",
        "symbol": "s",
        "first_update_id": "U",
        "last_update_id": "u",
        "bids": "b",
        "asks": "a",
    },
):
    """`<symbol>@depth` and `@depth@100ms`: levels whose quantity changed; a quantity of 0 takes the level away."""

    event_time: WireInteger
    symbol: str
    first_update_id: WireInteger
    last_update_id: WireInteger
    bids: list[Level]
    asks: list[Level]

    @property
    def event_time_ns(self) -> int:
        """The venue's clock."""
        return nanoseconds_of(self.event_time)


class DepthSnapshot(msgspec.Struct, rename={"last_update_id": "lastUpdateId"}):
    """`GET depth`, and a frame of `<symbol>@depth5|10|20`: no symbol and no time in it. Best level first."""

    last_update_id: WireInteger
    bids: list[Level]
    asks: list[Level]


class KlineBody(
    msgspec.Struct,
    gc=False,
    rename={
        "open_time": "t",
        "close_time": "T",
        "interval": "i",
        "open": "o",
        "close": "c",
        "high": "h",
        "low": "l",
        "volume": "v",
        "trade_count": "n",
        "is_closed": "x",
        "quote_volume": "q",
        "taker_buy_volume": "V",
        "taker_buy_quote_volume": "Q",
    },
):
    """The `k` of a kline frame."""

    open_time: WireInteger
    close_time: WireInteger
    interval: KlineInterval
    open: FloatText
    close: FloatText
    high: FloatText
    low: FloatText
    volume: FloatText
    trade_count: WireInteger
    is_closed: bool
    quote_volume: FloatText = 0.0
    taker_buy_volume: FloatText = 0.0
    taker_buy_quote_volume: FloatText = 0.0


class KlineFrame(msgspec.Struct, rename={"event_time": "E", "symbol": "s", "body": "k"}):
    """`<symbol>@kline_<interval>`."""

    event_time: WireInteger
    symbol: str
    body: KlineBody


class KlineRow(msgspec.Struct, array_like=True, gc=False):
    """One row of `GET klines`: twelve elements, the last of no meaning."""

    open_time: WireInteger
    open: FloatText
    high: FloatText
    low: FloatText
    close: FloatText
    volume: FloatText
    close_time: WireInteger
    quote_volume: FloatText = 0.0
    trade_count: WireInteger = 0
    taker_buy_volume: FloatText = 0.0
    taker_buy_quote_volume: FloatText = 0.0


class PublicTrade(
    msgspec.Struct,
    gc=False,
    rename={"trade_id": "id", "quantity": "qty", "buyer_is_maker": "isBuyerMaker"},
):
    """One element of `GET trades` and `GET historicalTrades`."""

    trade_id: WireInteger
    price: FloatText
    quantity: FloatText
    time: WireInteger
    buyer_is_maker: bool


_decode_trades = msgspec.json.Decoder(list[PublicTrade], strict=False).decode
_decode_best_prices = msgspec.json.Decoder(list[BestPrices], strict=False).decode
_decode_snapshot = msgspec.json.Decoder(DepthSnapshot, strict=False).decode
_decode_rows = msgspec.json.Decoder(list[KlineRow], strict=False).decode


def decode_depth_snapshot(data: bytes | msgspec.Raw) -> DepthSnapshot:
    """The answer to `GET depth`. Raises msgspec.MsgspecError (a ValueError)."""
    return _decode_snapshot(data)


def decode_public_trades(
    data: bytes | msgspec.Raw,
    symbol: str,
    receive_time_ns: int,
    exchange: Exchanges = Exchanges.BINANCE,
) -> list[Trade]:
    """Trades as the stream would have told them, in the order of their ids; their event time is that of the trade.

    Raises msgspec.MsgspecError (a ValueError).
    """
    return [
        Trade(
            exchange=exchange,
            symbol=symbol,
            trade_id=row.trade_id,
            price=row.price,
            quantity=row.quantity,
            buyer_is_maker=row.buyer_is_maker,
            trade_time_ns=nanoseconds_of(row.time),
            event_time_ns=nanoseconds_of(row.time),
            receive_time_ns=receive_time_ns,
        )
        for row in sorted(_decode_trades(data), key=lambda row: row.trade_id)
    ]


def decode_best_prices(data: bytes | msgspec.Raw) -> list[BestPrices]:
    """The answer to `GET ticker/bookTicker` of several symbols. Raises msgspec.MsgspecError (a ValueError)."""
    return _decode_best_prices(data)


def decode_klines(
    data: bytes | msgspec.Raw,
    symbol: str,
    interval: KlineInterval,
    venue_time_ns: int,
    exchange: Exchanges = Exchanges.BINANCE,
) -> list[Kline]:
    """The closed bars in the answer to `GET klines`: one that ends after `venue_time_ns` still grows and is left out.

    Raises msgspec.MsgspecError (a ValueError).
    """
    return [
        Kline(
            exchange=exchange,
            symbol=symbol,
            interval=interval,
            open_time_ns=nanoseconds_of(row.open_time),
            close_time_ns=nanoseconds_of(row.close_time),
            open=row.open,
            high=row.high,
            low=row.low,
            close=row.close,
            volume=row.volume,
            quote_volume=row.quote_volume,
            trade_count=row.trade_count,
            taker_buy_volume=row.taker_buy_volume,
            taker_buy_quote_volume=row.taker_buy_quote_volume,
        )
        for row in _decode_rows(data)
        if nanoseconds_of(row.close_time) < venue_time_ns
    ]
