"""Overlaps, holes, silence, lost connections: what the feed says of each, and that no book is ever wrong."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from messages.enums import FeedState, KlineInterval
from messages.market import BookTicker, FeedStatus, Kline, OrderBook, PartialKline, Trade
from tests.binance.scripted_venue import ScriptedVenue, cut

MakeFeed = Callable[..., Any]
Levels = list[list[str]]


class Snapshots:
    """Answers each question for the book with the next of these; the last one again and again."""

    def __init__(self, venue: ScriptedVenue, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.asked = 0
        venue.rest = self.serve

    async def serve(self, request: web.Request, body: str) -> web.StreamResponse:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if "status" in answer:
            return web.json_response({"code": -1000, "msg": "later"}, status=answer["status"])
        return web.json_response(answer)


def book_of(update_id: int, bids: Levels, asks: Levels) -> dict[str, Any]:
    return {"lastUpdateId": update_id, "bids": bids, "asks": asks}


async def send_diff(
    venue: ScriptedVenue, first: int, last: int, bids: Levels, asks: Levels, symbol: str = "BTCUSDT"
) -> None:
    data = {
        "e": "depthUpdate", "E": 1, "s": symbol, "U": first, "u": last, "b": bids, "a": asks,
    }  # fmt: skip
    await send(venue, f"{symbol.lower()}@depth@100ms", data)


async def send_trade(venue: ScriptedVenue, trade_id: int) -> None:
    data = {
        "e": "trade", "E": 1, "s": "BTCUSDT", "t": trade_id, "p": "1.5", "q": "2", "T": 1, "m": True, "M": True,
    }  # fmt: skip
    await send(venue, "btcusdt@trade", data)


async def send(venue: ScriptedVenue, stream: str, data: dict[str, Any]) -> None:
    await venue.stream_sockets[-1].send_str(json.dumps({"stream": stream, "data": data}))


def gaps_of(feed: Any) -> list[FeedStatus]:
    return [item for item in feed.all_of(FeedStatus) if item.state is FeedState.GAP]


@pytest.mark.asyncio
async def test_an_overlapping_update_is_applied_and_a_lost_one_makes_one_gap(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    first = book_of(100, [["1.00", "5"]], [["1.10", "4"]])
    second = book_of(110, [["1.05", "1"]], [["1.20", "1"]])
    snapshots = Snapshots(venue, first, second)
    feed = make_feed()
    feed.want(OrderBook)
    feed.start()
    await feed.until(lambda: venue.stream_sockets)
    await send_diff(venue, 99, 102, [["1.00", "6"]], [])
    await feed.until(lambda: feed.books())
    await send_diff(venue, 101, 104, [], [["1.10", "0"], ["1.11", "3"]])
    await send_diff(venue, 100, 103, [["1.00", "9"]], [["1.10", "9"]])
    await feed.until(lambda: len(feed.books()) == 2)
    assert [(book.update_id, book.bids, book.asks) for book in feed.books()] == [
        (102, [(1.0, 6.0)], [(1.1, 4.0)]),
        (104, [(1.0, 6.0)], [(1.11, 3.0)]),
    ]
    assert not gaps_of(feed)
    await send_diff(venue, 106, 107, [["1.00", "7"]], [])
    await feed.until(lambda: len(feed.books()) == 3)
    assert (feed.books()[2].update_id, feed.books()[2].bids) == (110, [(1.05, 1.0)])
    assert [gap.missed for gap in gaps_of(feed)] == [1]
    assert snapshots.asked == feed.actor.synchronisations == 2
    assert feed.states() == ["DISCONNECTED", "LIVE", "GAP", "LIVE"]


@pytest.mark.asyncio
async def test_after_a_cut_only_the_levels_of_the_new_snapshot_are_there(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    before = book_of(10, [["100.0", "1"], ["99.9", "1"]], [["100.1", "1"]])
    after = book_of(500, [["90.0", "3"]], [["90.1", "2"]])
    Snapshots(venue, before, after)
    feed = make_feed()
    feed.want(OrderBook)
    feed.start()
    await feed.until(lambda: venue.stream_sockets)
    await send_diff(venue, 10, 11, [["99.9", "2"]], [])
    await feed.until(lambda: feed.books())
    cut(venue.stream_sockets[0])
    await feed.until(lambda: len(venue.stream_sockets) == 2)
    await send_diff(venue, 501, 502, [], [["90.1", "2.000"], ["90.2", "0.000"]])
    await feed.until(lambda: feed.books()[-1].update_id == 502)
    assert (feed.books()[-1].bids, feed.books()[-1].asks) == ([(90.0, 3.0)], [(90.1, 2.0)])
    assert all(book.bids[0][0] < book.asks[0][0] for book in feed.books())
    assert feed.states() == ["DISCONNECTED", "LIVE", "DISCONNECTED", "LIVE"]
    assert not gaps_of(feed)


@pytest.mark.asyncio
async def test_a_crossed_book_is_never_published_and_is_synchronised_anew(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    good = book_of(10, [["100.0", "1"]], [["100.1", "1"]])
    snapshots = Snapshots(venue, good, book_of(20, [["100.0", "1"]], [["100.5", "1"]]))
    feed = make_feed()
    feed.want(OrderBook)
    feed.start()
    await feed.until(lambda: venue.stream_sockets)
    await send_diff(venue, 11, 11, [["100.0", "2"]], [])
    await feed.until(lambda: feed.books())
    await send_diff(venue, 12, 12, [["100.4", "2"]], [])
    await feed.until(lambda: gaps_of(feed))
    await send_diff(venue, 20, 21, [["100.0", "5"]], [])
    await feed.until(lambda: feed.books()[-1].update_id == 21)
    assert [book.asks[0][0] for book in feed.books()] == [100.1, 100.5]
    assert snapshots.asked == 2


@pytest.mark.asyncio
async def test_a_snapshot_that_fails_or_is_too_old_is_asked_for_again(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    old = book_of(5, [["1.0", "1"]], [["2.0", "1"]])
    good = book_of(60, [["1.0", "1"]], [["2.0", "1"]])
    snapshots = Snapshots(venue, {"status": 502}, old, good)
    feed = make_feed()
    feed.want(OrderBook)
    feed.start()
    await feed.until(lambda: venue.stream_sockets)
    await send_diff(venue, 50, 61, [["1.1", "1"]], [])
    await feed.until(lambda: feed.books())
    assert feed.books()[0].bids == [(1.1, 1.0), (1.0, 1.0)]
    assert snapshots.asked == 3
    assert feed.states() == ["DISCONNECTED", "LIVE"]


@pytest.mark.asyncio
async def test_missing_trades_are_counted_also_across_a_cut(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    feed = make_feed()
    feed.want(Trade)
    feed.start()
    await feed.until(lambda: venue.stream_sockets)
    for trade_id in (7, 8, 11):
        await send_trade(venue, trade_id)
    await feed.until(lambda: len(feed.all_of(Trade)) == 3)
    cut(venue.stream_sockets[0])
    await feed.until(lambda: len(venue.stream_sockets) == 2)
    await send_trade(venue, 21)
    await feed.until(lambda: len(feed.all_of(Trade)) == 4)
    assert [gap.missed for gap in gaps_of(feed)] == [2, 9]
    assert feed.actor.state_of("BTCUSDT") is FeedState.LIVE
    outbox = feed.actor.outbox
    told = outbox.index(gaps_of(feed)[1])
    assert isinstance(outbox[told + 1], FeedStatus)
    assert isinstance(outbox[told + 2], Trade)


@pytest.mark.asyncio
async def test_a_silent_symbol_is_stale_and_a_silent_connection_is_given_up(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    feed = make_feed(stale_after_s=0.3, silence_limit_s=3.0)
    feed.want(Trade)
    feed.start()
    await feed.until(lambda: venue.stream_sockets)
    await send_trade(venue, 1)
    await feed.until(lambda: "STALE" in feed.states())
    await send_trade(venue, 2)
    await feed.until(lambda: feed.states()[-1] == "LIVE")
    await feed.until(lambda: len(venue.stream_sockets) == 2)
    # The venue takes the connection a moment before the feed hears that it stands.
    await feed.until(lambda: feed.states()[-1] == "LIVE")
    assert feed.states()[-2:] == ["DISCONNECTED", "LIVE"]
    stale = [item for item in feed.all_of(FeedStatus) if item.state is FeedState.STALE]
    assert len(stale) >= 2, "a state that is not LIVE is repeated"


@pytest.mark.asyncio
async def test_bars_are_sent_as_they_were_asked_for(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    feed = make_feed()
    feed.want(Kline, interval=KlineInterval.MINUTE_1)
    feed.want(Kline, PartialKline, interval=KlineInterval.MINUTE_5)
    feed.start()
    await feed.until(lambda: venue.stream_sockets)
    path = venue.stream_paths[0]
    assert path.count("kline_1m") == path.count("kline_5m") == 1

    async def send_bar(interval: str, minute: int, length: int, is_closed: bool) -> None:
        body = {
            "t": minute * 60_000, "T": (minute + length) * 60_000 - 1, "s": "BTCUSDT", "i": interval, "f": 1, "L": 2,
            "o": "1", "c": "2", "h": "3", "l": "1", "v": "4", "n": 2, "x": is_closed, "q": "5", "V": "1", "Q": "1",
        }  # fmt: skip
        data = {"e": "kline", "E": 1, "s": "BTCUSDT", "k": body}
        await send(venue, f"btcusdt@kline_{interval}", data)

    await send_bar("1m", 1, 1, False)
    await send_bar("1m", 1, 1, True)
    await send_bar("5m", 0, 5, False)
    await send_bar("1m", 4, 1, True)
    await feed.until(lambda: len(feed.all_of(Kline)) == 2)
    assert [bar.open_time_ns for bar in feed.all_of(Kline)] == [60_000_000_000, 240_000_000_000]
    assert [bar.interval for bar in feed.all_of(PartialKline)] == [KlineInterval.MINUTE_5]
    assert [gap.missed for gap in gaps_of(feed)] == [2]


@pytest.mark.asyncio
async def test_what_is_asked_for_twice_is_opened_once_and_later_wishes_join(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    Snapshots(venue, book_of(10, [["1.0", "1"]], [["2.0", "1"]]))
    feed = make_feed()
    feed.want(Trade, Trade, BookTicker)
    feed.want(Trade)
    feed.start()
    await feed.until(lambda: venue.stream_sockets)
    assert venue.stream_paths == ["/stream?streams=btcusdt@trade/btcusdt@bookTicker"]
    feed.want(OrderBook, symbol="ETHUSDT")
    await feed.until(lambda: venue.stream_texts)
    assert json.loads(venue.stream_texts[0])["params"] == ["ethusdt@depth@100ms"]
    await send_diff(venue, 11, 12, [["1.5", "1"]], [], symbol="ETHUSDT")
    await feed.until(lambda: feed.books())
    assert feed.books()[0].symbol == "ETHUSDT"
    assert len(venue.stream_sockets) == 1


@pytest.mark.asyncio
async def test_whoever_asks_later_hears_the_best_bid_and_ask_that_stands(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    feed = make_feed()
    feed.want(BookTicker)
    feed.start()
    await feed.until(lambda: "LIVE" in feed.states())
    feed.want(BookTicker)
    assert not feed.all_of(BookTicker), "none is known yet"
    data = {"u": 7, "s": "BTCUSDT", "b": "1.0", "B": "2", "a": "1.5", "A": "3"}
    await send(venue, "btcusdt@bookTicker", data)
    await feed.until(lambda: feed.all_of(BookTicker))
    feed.want(BookTicker, symbol="ETHUSDT")
    feed.want(Trade)
    assert len(feed.all_of(BookTicker)) == 1
    feed.want(BookTicker)
    first, again = feed.all_of(BookTicker)
    assert (again.bid_price, again.ask_price, again.update_id) == (1.0, 1.5, 7)
    assert again.receive_time_ns == first.receive_time_ns > 0, "its age can be told"
    assert again.number > first.number
    cut(venue.stream_sockets[-1])
    await feed.until(lambda: feed.actor.state_of("BTCUSDT") is FeedState.DISCONNECTED)
    await feed.until(lambda: feed.actor.state_of("BTCUSDT") is FeedState.LIVE)
    feed.want(BookTicker)
    assert len(feed.all_of(BookTicker)) == 2, "what came before the cut may stand no longer"


@pytest.mark.asyncio
async def test_a_frame_that_cannot_be_read_ends_nothing(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    feed = make_feed()
    feed.want(Trade)
    feed.start()
    await feed.until(lambda: venue.stream_sockets)
    await venue.stream_sockets[0].send_str('{"stream":"btcusdt@trade","data":{"t":"?"}}')
    await send_trade(venue, 1)
    await feed.until(lambda: feed.all_of(Trade))
    await asyncio.sleep(0)
    assert feed.task is not None
    assert not feed.task.done()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"book_levels": 0}, "book_levels"),
        ({"book_levels": 50, "snapshot_levels": 20}, "book_levels"),
        ({"stale_after_s": 0.0}, "stale_after_s"),
        ({"silence_limit_s": -1.0}, "silence_limit_s"),
    ],
)
@pytest.mark.asyncio
async def test_wrong_arguments_are_refused(
    make_feed: MakeFeed, arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        make_feed(**arguments)


@pytest.mark.asyncio
async def test_a_book_that_leaves_what_its_snapshot_told_is_read_anew(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    asks = [["101", "1"], ["102", "1"], ["103", "1"], ["104", "1"]]
    # The venue tells of four levels; that of 96 is there all the while, and nothing happens to it.
    first = book_of(10, [["100", "1"], ["99", "1"], ["98", "1"], ["97", "1"]], asks)
    second = book_of(13, [["98", "1"], ["97", "1"], ["96", "7"], ["95", "1"]], asks)
    snapshots = Snapshots(venue, first, second)
    feed = make_feed(book_levels=2, snapshot_levels=4)
    feed.want(OrderBook)
    feed.start()
    await feed.until(lambda: venue.stream_sockets)
    await send_diff(venue, 11, 11, [["100", "2"]], [])
    await feed.until(lambda: feed.books())
    await send_diff(venue, 12, 12, [["100", "0"], ["99", "0"], ["90", "3"]], [])
    await send_diff(venue, 13, 13, [], [["101", "2"]])
    await feed.until(lambda: snapshots.asked == 2)
    await feed.until(lambda: feed.actor.synchronisations == 2)
    await send_diff(venue, 14, 14, [["98", "0"]], [])
    await feed.until(lambda: feed.books()[-1].update_id == 14)
    assert feed.books()[-1].bids == [(97.0, 1.0), (96.0, 7.0)]
    ids = [book.update_id for book in feed.books()]
    assert ids == sorted(ids)
    assert feed.states() == ["DISCONNECTED", "LIVE"]
    assert not gaps_of(feed)


@pytest.mark.parametrize("loss", ["hole", "cut"])
@pytest.mark.asyncio
async def test_a_book_that_is_lost_while_it_is_read_anew_is_mended_once(
    venue: ScriptedVenue, make_feed: MakeFeed, loss: str
) -> None:
    asks = [["101", "1"]]
    first = book_of(10, [["100", "1"], ["99", "1"]], asks)
    second = book_of(20, [["98", "1"], ["97", "1"]], asks)
    snapshots = Snapshots(venue, first, {"status": 502}, {"status": 502}, second)
    feed = make_feed(book_levels=1, snapshot_levels=2)
    feed.want(OrderBook)
    feed.start()
    await feed.until(lambda: venue.stream_sockets)
    await send_diff(venue, 11, 11, [["100", "2"]], [])
    await feed.until(lambda: feed.books())
    await send_diff(venue, 12, 12, [["100", "0"], ["99", "0"]], [])
    await send_diff(venue, 13, 13, [["90", "1"]], [])
    await feed.until(lambda: snapshots.asked == 2)
    if loss == "hole":
        await send_diff(venue, 18, 18, [["90", "2"]], [])
    else:
        cut(venue.stream_sockets[0])
        await feed.until(lambda: len(venue.stream_sockets) == 2)
    told = FeedState.GAP if loss == "hole" else FeedState.DISCONNECTED
    await feed.until(lambda: feed.states()[-1] == told.value)
    await send_diff(venue, 21, 21, [["98", "3"]], [])
    await feed.until(lambda: feed.books()[-1].update_id == 21)
    assert feed.books()[-1].bids == [(98.0, 3.0)]
    assert feed.states() == ["DISCONNECTED", "LIVE", told.value, "LIVE"]
    assert snapshots.asked == 4


@pytest.mark.asyncio
async def test_a_snapshot_of_what_are_no_levels_is_asked_for_again(
    venue: ScriptedVenue, make_feed: MakeFeed
) -> None:
    good = book_of(60, [["1.0", "1"]], [["2.0", "1"]])
    snapshots = Snapshots(venue, book_of(60, [["0", "1"]], [["2.0", "1"]]), good)
    feed = make_feed()
    feed.want(OrderBook)
    feed.start()
    await feed.until(lambda: venue.stream_sockets)
    await send_diff(venue, 61, 61, [["1.1", "1"]], [])
    await feed.until(lambda: feed.books())
    assert snapshots.asked == 2
