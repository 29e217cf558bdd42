"""Market data in memory, in the form in which files give them, and shorthands for the messages in them."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec

from actors.backtest.merge import Chunk
from actors.backtest.row_messages import FEED_NAME
from actors.backtest.source import MarketData, Stream
from actors.backtest.streams import stream_key
from messages.enums import Exchanges, KlineInterval
from messages.market import BookTicker, Kline, Trade

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
START = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z."""


class MemoryData(MarketData, frozen=True):
    """Messages in memory; a chunk is some messages in a row, of one stream wherever they are."""

    chunk_list: tuple[Chunk, ...] = ()

    def chunks(self) -> Iterator[Chunk]:
        """All of them."""
        return iter(self.chunk_list)

    def chunks_ahead(self, symbol: str, classes: Collection[str], begin_ns: int) -> Iterator[Chunk]:
        """Those of a symbol's streams; what lies before the instant is cut off."""
        for chunk in self.chunk_list:
            stream = self.streams[chunk.stream]
            if stream.symbol != symbol or stream.message_class not in classes:
                continue
            messages = [
                item
                for item in self.make_decoder()(chunk.frame)
                if item.receive_time_ns >= begin_ns
            ]
            if messages:
                yield chunk._replace(
                    frame=msgspec.msgpack.encode(messages), message_count=len(messages)
                )


def make_data(messages: Sequence[Any], size: int = 256) -> MemoryData:
    """Data of these messages, which are in the order of their receipt."""
    keys: dict[Any, int] = {}
    for message in messages:
        stamp(message)
        keys.setdefault(stream_key(message), len(keys))
    streams = tuple(
        Stream(
            message_class=key[0].__name__,
            exchange=str(Exchanges.BINANCE),
            symbol=key[1],
            interval=str(key[2]),
            count=len(mine),
            first_time_ns=mine[0].receive_time_ns,
            last_time_ns=mine[-1].receive_time_ns,
        )
        for key in keys
        for mine in [[item for item in messages if stream_key(item) == key]]
    )
    found = []
    for key, group in groupby(messages, key=stream_key):
        items = list(group)
        for begin in range(0, len(items), size):
            part: list[Any] = items[begin : begin + size]
            found.append(
                Chunk(
                    msgspec.msgpack.encode(part),
                    len(part),
                    part[0].receive_time_ns,
                    part[-1].receive_time_ns,
                    keys[key],
                )
            )
    digest = hashlib.blake2s(b"".join(chunk.frame for chunk in found)).hexdigest()
    return MemoryData(
        streams=streams, notes=(), digest=digest, segments=(), chunk_list=tuple(found)
    )


def stamp(message: Any) -> None:
    """The header that the data have."""
    message.sender = FEED_NAME
    message.number = 0
    message.time_ns = message.origin_time_ns = message.receive_time_ns


def trade(
    at_s: float,
    price: float,
    quantity: float = 1.0,
    *,
    sold: bool = False,
    symbol: str = "BTCUSDT",
    trade_id: int = 0,
) -> Trade:
    """A trade some seconds after the start; `sold`: its taker sold."""
    time_ns = START + round(at_s * SECOND)
    return Trade(
        exchange=Exchanges.BINANCE,
        symbol=symbol,
        trade_id=trade_id,
        price=price,
        quantity=quantity,
        buyer_is_maker=sold,
        trade_time_ns=time_ns,
        event_time_ns=time_ns,
        receive_time_ns=time_ns,
    )


def ticker(
    at_s: float,
    bid: float,
    ask: float,
    bid_quantity: float = 1.0,
    ask_quantity: float = 1.0,
    *,
    symbol: str = "BTCUSDT",
) -> BookTicker:
    """A best bid and ask."""
    time_ns = START + round(at_s * SECOND)
    return BookTicker(
        exchange=Exchanges.BINANCE,
        symbol=symbol,
        update_id=0,
        bid_price=bid,
        bid_quantity=bid_quantity,
        ask_price=ask,
        ask_quantity=ask_quantity,
        event_time_ns=time_ns,
        receive_time_ns=time_ns,
    )


def bar(
    number: int,
    prices: tuple[float, float, float, float],
    volume: float = 1000.0,
    *,
    minutes: int = 1,
    symbol: str = "BTCUSDT",
) -> Kline:
    """The bar with this number after the start: open, high, low, close."""
    begin = START + number * minutes * MINUTE
    end = begin + minutes * MINUTE
    return Kline(
        exchange=Exchanges.BINANCE,
        symbol=symbol,
        interval=KlineInterval(f"{minutes}m"),
        open_time_ns=begin,
        close_time_ns=end - 1_000_000,
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        volume=volume,
        event_time_ns=end,
        receive_time_ns=end,
    )
