"""Holes in what the streams bring: trades and closed bars are read again, in order; what is lost for good is said."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from actors.runtime.clock import RealClock
from messages.base import Message
from messages.enums import FeedState, KlineInterval
from messages.market import BookTicker, FeedStatus, Kline, PartialKline, Trade
from tests.binance.scripted_venue import ScriptedVenue, cut

MakeFeed = Callable[..., Any]
MINUTE_MS = 60_000
NEWEST_TRADES = 1000


class TradeMemory:
    """Answers for the trades and bars that exist; only the newest thousand trades are recent."""

    def __init__(
        self, venue: ScriptedVenue, trades: range = range(0), bars: range = range(0)
    ) -> None:
        self.trades = trades
        self.bars = bars
        self.failures: dict[str, list[int]] = {}
        """Statuses to answer with first, by path."""
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[str] = []
        self.limits: list[dict[str, Any]] = []
        venue.rest = self.serve

    async def serve(self, request: web.Request, body: str) -> web.StreamResponse:
        path = request.path.removeprefix("/api/v3/")
        self.asked.append(path)
        await self.gate.wait()
        if self.failures.get(path):
            status = self.failures[path].pop(0)
            return web.json_response(
                {"code": -1121 if status < 500 else -1000, "msg": "no"}, status=status
            )
        query = request.query
        rows: Any = {"symbols": [], "rateLimits": self.limits}
        if path == "trades":
            rows = [self.trade(number) for number in self.trades[-NEWEST_TRADES:]]
        elif path == "historicalTrades":
            first = int(query["fromId"])
            rows = [self.trade(number) for number in self.trades if number >= first][:NEWEST_TRADES]
        elif path == "klines":
            begin, end = int(query["startTime"]), int(query["endTime"])
            rows = [bar_row(minute) for minute in self.bars if begin <= minute * MINUTE_MS <= end]
        return web.json_response(rows)

    @staticmethod
    def trade(number: int) -> dict[str, Any]:
        return {
            "id": number, "price": "1.25", "qty": "3", "quoteQty": "1", "time": number, "isBuyerMaker": False,
            "isBestMatch": True,
        }  # fmt: skip


def bar_row(minute: int) -> list[Any]:
    begin = minute * MINUTE_MS
    return [begin, "1", "3", "1", "2", "4", begin + MINUTE_MS - 1, "5", 2, "1", "1", "0"]


async def send(venue: ScriptedVenue, stream: str, data: dict[str, Any]) -> None:
    for socket in venue.stream_sockets:
        if not socket.closed:
            await socket.send_str(json.dumps({"stream": stream, "data": data}))


async def send_trade(venue: ScriptedVenue, trade_id: int, time_ms: int = 0) -> None:
    time_ms = time_ms or trade_id
    data = {
        "e": "trade", "E": time_ms, "s": "BTCUSDT", "t": trade_id, "p": "1.5", "q": "2", "T": time_ms, "m": True,
    }  # fmt: skip
    await send(venue, "btcusdt@trade", data)


async def send_bar(venue: ScriptedVenue, minute: int, is_closed: bool, event_ms: int = 0) -> None:
    begin = minute * MINUTE_MS
    body = {
        "t": begin, "T": begin + MINUTE_MS - 1, "s": "BTCUSDT", "i": "1m", "f": 1, "L": 2, "o": "1", "c": "2",
        "h": "3", "l": "1", "v": "4", "n": 2, "x": is_closed, "q": "5", "V": "1", "Q": "1",
    }  # fmt: skip
    event_ms = event_ms or begin + (MINUTE_MS if is_closed else 1000)
    data = {"e": "kline", "E": event_ms, "s": "BTCUSDT", "k": body}
    await send(venue, "btcusdt@kline_1m", data)


def gaps_of(feed: Any) -> list[FeedStatus]:
    return [item for item in feed.all_of(FeedStatus) if item.state is FeedState.GAP]


def trade_ids(feed: Any) -> list[int]:
    return [trade.trade_id for trade in feed.all_of(Trade)]


async def open_feed(
    venue: ScriptedVenue, make_feed: MakeFeed, *classes: type[Message], **arguments: Any
) -> Any:
    feed = make_feed(**arguments)
    for message_class in classes:
        is_bar = message_class in (Kline, PartialKline)
        feed.want(message_class, interval=KlineInterval.MINUTE_1 if is_bar else None)
    feed.start()
    await feed.until(lambda: venue.stream_sockets)
    return feed


@pytest.mark.asyncio
async def test_missed_trades_are_read_and_sent_in_order_before_those_that_follow(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    memory = TradeMemory(venue, range(1, 21))
    feed = await open_feed(venue, make_feed, Trade)
    await send_trade(venue, 7)
    memory.gate.clear()
    await send_trade(venue, 11)
    await feed.until(lambda: memory.asked)
    await send_trade(venue, 12)
    await send_trade(venue, 14)
    assert trade_ids(feed) == [7]
    memory.gate.set()
    await feed.until(lambda: trade_ids(feed)[-1:] == [14])
    assert trade_ids(feed) == [7, 8, 9, 10, 11, 12, 13, 14]
    assert [(gap.missed, gap.reason) for gap in gaps_of(feed)] == [
        (0, "trades were missed; 3 were read again"),
        (0, "trades were missed; 1 were read again"),
    ]
    read = feed.all_of(Trade)[1]
    assert (read.price, read.quantity, read.buyer_is_maker) == (1.25, 3.0, False)
    assert read.event_time_ns == read.trade_time_ns == 8_000_000
    outbox = feed.actor.outbox
    assert outbox.index(gaps_of(feed)[0]) < outbox.index(read)
    assert feed.actor.state_of("BTCUSDT") is FeedState.LIVE


@pytest.mark.asyncio
async def test_trades_missed_while_disconnected_are_read_when_it_goes_on(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    TradeMemory(venue, range(1, 3001))
    feed = await open_feed(venue, make_feed, Trade)
    await send_trade(venue, 100)
    await feed.until(lambda: trade_ids(feed) == [100])
    cut(venue.stream_sockets[0])
    await feed.until(lambda: len(venue.stream_sockets) == 2)
    # More than the newest thousand: the older ones come from the venue's history, page by page.
    await send_trade(venue, 2600)
    await feed.until(lambda: trade_ids(feed)[-1:] == [2600])
    assert trade_ids(feed) == list(range(100, 2601))
    assert [gap.missed for gap in gaps_of(feed)] == [0]


@pytest.mark.parametrize(
    ("failures", "arguments", "read", "missed"),
    [
        ({"trades": [500, 502]}, {}, 9, 0),
        ({"historicalTrades": [404], "trades": [403]}, {}, 0, 9),
        ({}, {"trades_to_fill": 4}, 4, 5),
        ({}, {"trades_to_fill": 0}, 0, 9),
        ({"exchangeInfo": [500, 500, 500]}, {}, 0, 9),
    ],
)
@pytest.mark.asyncio
async def test_what_cannot_be_read_is_counted(
    venue: ScriptedVenue,
    make_feed: MakeFeed,
    failures: dict[str, list[int]],
    arguments: dict[str, int],
    read: int,
    missed: int,
) -> None:
    memory = TradeMemory(venue, range(1, 100))
    memory.failures = failures
    feed = await open_feed(venue, make_feed, Trade, **arguments)
    await send_trade(venue, 10)
    await send_trade(venue, 20)
    await feed.until(lambda: len(trade_ids(feed)) == 2 + read)
    assert trade_ids(feed) == [10, *range(20 - read, 20), 20]
    assert [gap.missed for gap in gaps_of(feed)] == [missed]


@pytest.mark.asyncio
async def test_a_venue_that_does_not_answer_does_not_hold_trades_back_for_long(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    memory = TradeMemory(venue)
    memory.gate.clear()
    feed = await open_feed(venue, make_feed, Trade, fill_patience_s=0.3)
    await send_trade(venue, 10)
    await send_trade(venue, 20)
    await feed.until(lambda: trade_ids(feed) == [10, 20])
    assert [gap.missed for gap in gaps_of(feed)] == [9]
    memory.gate.set()


@pytest.mark.asyncio
async def test_a_venue_that_counts_anew_is_followed(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    TradeMemory(venue)
    feed = await open_feed(venue, make_feed, Trade)
    await send_trade(venue, 5000)
    await send_trade(venue, 4999)
    await send_trade(venue, 1, time_ms=6000)
    await send_trade(venue, 2, time_ms=6001)
    await feed.until(lambda: trade_ids(feed) == [5000, 1, 2])
    assert not gaps_of(feed)


@pytest.mark.asyncio
async def test_reads_stay_within_the_limit_that_the_venue_announces(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    """Five pages of trades weigh more than the venue allows in a minute: what it allows is read, the rest is told."""
    memory = TradeMemory(venue, range(1, 9000))
    memory.limits = [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "DAY", "intervalNum": 1, "limit": 60}
    ]
    feed = await open_feed(venue, make_feed, Trade, fill_patience_s=2.0)
    await send_trade(venue, 10)
    await send_trade(venue, 4000)
    await feed.until(lambda: trade_ids(feed)[-1:] == [4000])
    assert memory.asked == ["exchangeInfo", "trades", "historicalTrades"]
    assert [gap.missed for gap in gaps_of(feed)] == [2989]


@pytest.mark.asyncio
async def test_bars_of_a_hole_are_read_again_and_none_is_made_of_parts(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    memory = TradeMemory(venue, bars=range(100))
    feed = await open_feed(venue, make_feed, Kline, PartialKline)
    await send_bar(venue, 10, is_closed=True)
    await send_bar(venue, 11, is_closed=False)
    await feed.until(lambda: feed.all_of(PartialKline))
    cut(venue.stream_sockets[0])
    await feed.until(lambda: len(venue.stream_sockets) == 2)
    # Bars 11 to 13 closed unheard; the first word is of a bar that still grows.
    memory.gate.clear()
    await send_bar(venue, 14, is_closed=False)
    await feed.until(lambda: "exchangeInfo" in memory.asked)
    await send_bar(venue, 14, is_closed=True)
    await send_bar(venue, 15, is_closed=False)
    await feed.until(lambda: len(feed.all_of(PartialKline)) == 3)
    assert [bar.open_time_ns // 60_000_000_000 for bar in feed.all_of(Kline)] == [10]
    memory.gate.set()
    await feed.until(lambda: len(feed.all_of(Kline)) == 5)
    assert [bar.open_time_ns // 60_000_000_000 for bar in feed.all_of(Kline)] == [
        10,
        11,
        12,
        13,
        14,
    ]
    assert [(gap.missed, gap.reason) for gap in gaps_of(feed)] == [
        (0, "bars of 1m were missed; 3 were read again")
    ]


@pytest.mark.asyncio
async def test_bars_that_come_twice_while_a_hole_is_read_are_told_once(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    memory = TradeMemory(venue, bars=range(100))
    feed = await open_feed(venue, make_feed, Kline)
    await send_bar(venue, 10, is_closed=True)
    memory.gate.clear()
    # As when a connection takes another's place: both tell of the same bars for a moment.
    for number in (13, 14, 13, 14):
        await send_bar(venue, number, is_closed=True)
    await feed.until(lambda: "exchangeInfo" in memory.asked)
    memory.gate.set()
    await send_bar(venue, 15, is_closed=True)
    await feed.until(lambda: feed.all_of(Kline)[-1].open_time_ns // 60_000_000_000 == 15)
    told = [bar.open_time_ns // 60_000_000_000 for bar in feed.all_of(Kline)]
    assert told == [10, 11, 12, 13, 14, 15]


@pytest.mark.asyncio
async def test_a_bar_that_the_venue_does_not_give_is_told_to_be_missing(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    TradeMemory(venue, bars=range(11, 13))
    feed = await open_feed(venue, make_feed, Kline, fill_patience_s=5.0)
    await send_bar(venue, 10, is_closed=True)
    await send_bar(venue, 14, is_closed=True)
    await feed.until(lambda: len(feed.all_of(Kline)) == 4)
    assert [bar.open_time_ns // 60_000_000_000 for bar in feed.all_of(Kline)] == [10, 11, 12, 14]
    assert [gap.missed for gap in gaps_of(feed)] == [1]


@pytest.mark.asyncio
async def test_connections_are_replaced_before_their_end_without_a_gap(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    """Lives of less than a second: every trade and bar once, no older ticker after a newer, and never disconnected."""
    TradeMemory(venue)
    feed = await open_feed(
        venue, make_feed, Trade, BookTicker, Kline, PartialKline, connection_lifetime_s=0.3
    )
    loop = asyncio.get_running_loop()
    tasks_at_start = len(asyncio.all_tasks())
    least_s, patience_s, number = loop.time() + 4.0, loop.time() + 60.0, 0
    # A slow machine may need longer for as many lives.
    while loop.time() < least_s or (len(venue.stream_sockets) < 3 and loop.time() < patience_s):
        number += 1
        await send_trade(venue, number)
        ticker = {"u": number, "s": "BTCUSDT", "b": "1", "B": "1", "a": "2", "A": "1"}
        await send(venue, "btcusdt@bookTicker", ticker)
        await send_bar(venue, number // 2, is_closed=number % 2 == 1)
        await asyncio.sleep(0.004)
    await feed.until(lambda: trade_ids(feed)[-1:] == [number])
    assert len(venue.stream_sockets) >= 3
    assert trade_ids(feed) == list(range(1, number + 1))
    assert [ticker.update_id for ticker in feed.all_of(BookTicker)] == list(range(1, number + 1))
    minutes = [bar.open_time_ns // 60_000_000_000 for bar in feed.all_of(Kline)]
    assert minutes == list(range(minutes[0], minutes[-1] + 1))
    assert feed.states() == ["DISCONNECTED", "LIVE"]
    assert not gaps_of(feed)
    await feed.until(lambda: abs(len(asyncio.all_tasks()) - tasks_at_start) <= 4)


@pytest.mark.asyncio
async def test_after_a_jump_of_our_clock_all_connections_are_new(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    class SleepyClock(RealClock):
        jump_ns = 0

        def now_ns(self) -> int:
            return super().now_ns() + self.jump_ns

    clock = SleepyClock()
    feed = make_feed(stale_after_s=1000.0)
    feed.actor._context.clock, feed.actor._context.now_ns = clock, clock.now_ns
    feed.want(Trade)
    feed.start()
    await feed.until(lambda: venue.stream_sockets)
    await send_trade(venue, 1)
    await feed.until(lambda: feed.actor._clock_watch is not None)
    clock.jump_ns = 8_000_000_000
    await feed.until(lambda: len(venue.stream_sockets) == 2)
    await feed.until(lambda: venue.stream_sockets[0].closed)
    await send_trade(venue, 2)
    await feed.until(lambda: trade_ids(feed) == [1, 2])
    assert not gaps_of(feed)
