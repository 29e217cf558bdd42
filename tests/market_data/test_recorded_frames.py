"""Real frames, served over a socket: the book that the feed keeps is the one that the venue's book tickers tell of."""

import asyncio
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from actors.trading.order_book import LocalOrderBook
from messages.enums import FeedState
from messages.market import BookTicker, FeedStatus, OrderBook, Trade
from tests.binance.scripted_venue import ScriptedVenue

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests/data/BTCUSDT-frames-2024-08-08.jsonl.gz"
WHOLE = ROOT / "../shared/data/BTCUSDT-frames-2024-08-08.jsonl.gz"


class Line(msgspec.Struct, rename={"origin": "from"}):
    """One line of a recording."""

    origin: str
    data: msgspec.Raw


class Diff(msgspec.Struct):
    """A depth difference of the recording, decoded apart from the program's own decoder."""

    U: int
    u: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class Frame(msgspec.Struct):
    """A combined frame."""

    stream: str
    data: msgspec.Raw


class Playback:
    """Serves a recording: the snapshot is what the venue's book is at the moment when it is asked for.

    The frames numbered in `left_out` are lost on their way; the venue's own book has them.
    """

    def __init__(self, path: Path, venue: ScriptedVenue, left_out: set[int] | None = None) -> None:
        with gzip.open(path) as file:
            lines = [msgspec.json.decode(line, type=Line) for line in file]
        self.frames = [bytes(line.data) for line in lines if line.origin == "ws"]
        first = msgspec.json.decode(next(line.data for line in lines if line.origin == "rest"))
        self.truth = LocalOrderBook()
        self.truth.apply_snapshot(first["lastUpdateId"], first["bids"], first["asks"])
        self.left_out = left_out or set()
        self.waits_after = [
            number for number, frame in enumerate(self.frames) if b"@depth" in frame[:40]
        ][2:3]
        """Where enough has been said for the feed to need a snapshot; the recording waits there until it has it."""
        self.is_served = asyncio.Event()
        self.snapshots = 0
        self.is_over = False
        venue.rest = self.serve_snapshot
        venue.on_stream_open = self.play

    async def serve_snapshot(self, request: web.Request, body: str) -> web.StreamResponse:
        assert request.path == "/api/v3/depth"
        bids, asks = self.truth.top(1000)
        levels = {
            side: [[f"{price:.8f}", f"{quantity:.8f}"] for price, quantity in found]
            for side, found in (("bids", bids), ("asks", asks))
        }
        self.snapshots += 1
        self.is_served.set()
        return web.json_response({"lastUpdateId": self.truth.update_id, **levels})

    async def play(self, socket: web.WebSocketResponse) -> None:
        for number, text in enumerate(self.frames):
            frame = msgspec.json.decode(text, type=Frame)
            if "depth" in frame.stream:
                diff = msgspec.json.decode(frame.data, type=Diff)
                self.truth.apply_diff(diff.U, diff.u, diff.b, diff.a)
            if number not in self.left_out:
                await socket.send_str(text.decode())
            if number in self.waits_after:
                await asyncio.wait_for(self.is_served.wait(), 10)
                self.is_served.clear()
        self.is_over = True


def check_books(feed: Any) -> int:
    """How many books could be compared with a ticker; every one of them agrees and none is crossed."""
    tickers = {ticker.update_id: ticker for ticker in feed.all_of(BookTicker)}
    compared = 0
    for book in feed.books():
        assert book.bids[0][0] < book.asks[0][0]
        assert len(book.bids) == len(book.asks) == 20
        if (ticker := tickers.get(book.update_id)) is not None:
            compared += 1
            assert book.bids[0] == (ticker.bid_price, ticker.bid_quantity)
            assert book.asks[0] == (ticker.ask_price, ticker.ask_quantity)
    return compared


NEEDS_WHOLE = pytest.mark.skipif(
    not WHOLE.exists(), reason="the whole recording is not on this machine"
)


@pytest.mark.parametrize(
    ("path", "comparable"), [(SAMPLE, 60), pytest.param(WHOLE, 1072, marks=NEEDS_WHOLE)]
)
@pytest.mark.asyncio
async def test_the_book_has_the_recorded_best_prices(
    venue: ScriptedVenue, make_feed: Callable[..., Any], path: Path, comparable: int
) -> None:
    playback = Playback(path, venue)
    feed = make_feed()
    feed.want(Trade, BookTicker, OrderBook)
    feed.start()
    await feed.until(lambda: playback.is_over, 240)
    counts = {
        kind: sum(1 for frame in playback.frames if kind in frame[:40])
        for kind in (b"@trade", b"@bookTicker")
    }
    await feed.until(lambda: len(feed.all_of(BookTicker)) == counts[b"@bookTicker"], 120)
    await feed.until(lambda: len(feed.all_of(Trade)) == counts[b"@trade"], 120)
    assert check_books(feed) >= comparable
    assert feed.states() == ["DISCONNECTED", "LIVE"]
    assert (playback.snapshots, feed.actor.synchronisations) == (1, 1)
    assert all(trade.receive_time_ns > 0 for trade in feed.all_of(Trade)[:10])
    trade_ids = [trade.trade_id for trade in feed.all_of(Trade)]
    assert trade_ids == list(range(trade_ids[0], trade_ids[-1] + 1))


@pytest.mark.asyncio
async def test_a_lost_frame_makes_one_gap_and_one_resynchronisation(
    venue: ScriptedVenue, make_feed: Callable[..., Any]
) -> None:
    playback = Playback(SAMPLE, venue)
    lost = [number for number, frame in enumerate(playback.frames) if b"@depth" in frame[:40]][100]
    next_diff = next(
        number
        for number, frame in enumerate(playback.frames)
        if b"@depth" in frame[:40] and number > lost
    )
    missing = msgspec.json.decode(msgspec.json.decode(playback.frames[lost], type=Frame).data)
    playback.left_out = {lost}
    playback.waits_after.append(next_diff)
    feed = make_feed()
    feed.want(Trade, BookTicker, OrderBook)
    feed.start()
    await feed.until(lambda: playback.is_over, 120)
    tickers = sum(1 for frame in playback.frames if b"@bookTicker" in frame[:40])
    await feed.until(lambda: len(feed.all_of(BookTicker)) == tickers, 120)
    gaps = [status for status in feed.all_of(FeedStatus) if status.state is FeedState.GAP]
    assert [gap.missed for gap in gaps] == [missing["u"] - missing["U"] + 1]
    assert feed.states() == ["DISCONNECTED", "LIVE", "GAP", "LIVE"]
    assert (playback.snapshots, feed.actor.synchronisations) == (2, 2)
    assert check_books(feed) > 50
