"""Recorded frames of the venue's streams, and recordings of our own, as market data."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import zstandard

from actors.backtest.data_files import DataFile
from actors.backtest.errors import DataError
from actors.backtest.recordings import is_recording
from actors.runtime.tap import RecordingTap
from actors.testing import make_trade
from messages.base import Message
from messages.codec import encode
from messages.enums import Exchanges, FeedState, KlineInterval
from messages.market import BookTicker, FeedStatus, Kline, OrderBook, Trade
from messages.orders import PlaceOrder
from messages.recording import Opening
from tests.backtest.data.files import SAMPLES, TRADES_2021, load, messages_of, without_statuses

FRAMES = SAMPLES / "BTCUSDT-frames-2024-08-08.jsonl.gz"
FORMAT_1 = SAMPLES / "format-1.recording"


def write_frames(path: Path, lines: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def depth(first: int, last: int, bid: str, time: int, follows: int | None = None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "e": "depthUpdate",
        "E": time,
        "s": "BTCUSDT",
        "U": first,
        "u": last,
        "b": [[bid, "2.0"]],
        "a": [["101.0", "3.0"]],
    }
    if follows is not None:
        data["pu"] = follows
    return {"received_ns": time * 1_000_000, "from": "ws", "data": data}


def snapshot(last: int) -> dict[str, Any]:
    book = {"lastUpdateId": last, "bids": [["99.0", "1.0"]], "asks": [["101.0", "1.0"]]}
    return {"received_ns": 1, "from": "rest", "data": book}


def test_the_book_of_recorded_frames_is_the_venue_s(tmp_path: Path) -> None:
    """Where a book and a book ticker have the same update id, they name the same best prices."""
    data = load(tmp_path, FRAMES)
    messages = messages_of(data)
    assert [type(item).__name__ for item in messages if item.receive_time_ns == 0] == []
    tickers = {item.update_id: item for item in messages if isinstance(item, BookTicker)}
    books = [item for item in messages if isinstance(item, OrderBook)]
    both = [(book, tickers[book.update_id]) for book in books if book.update_id in tickers]
    assert len(both) > 50
    for book, ticker in both:
        assert book.bids[0] == (ticker.bid_price, ticker.bid_quantity)
        assert book.asks[0] == (ticker.ask_price, ticker.ask_quantity)
    assert all(len(book.bids) == 20 for book in books)
    assert not data.notes


def test_frames_are_delivered_as_they_were_received(tmp_path: Path) -> None:
    received = []
    with gzip.open(FRAMES) as lines:
        for line in lines:
            outer = json.loads(line)
            if "@trade" in outer["data"].get("stream", ""):
                received.append((outer["received_ns"], outer["data"]["data"]["t"]))
    found = [
        (item.receive_time_ns, item.trade_id)
        for item in messages_of(load(tmp_path, FRAMES))
        if isinstance(item, Trade)
    ]
    assert found == received


def test_differences_before_the_snapshot_wait_and_a_hole_voids_the_book(tmp_path: Path) -> None:
    lines = [
        depth(1, 3, "98.0", 1000),
        snapshot(4),
        depth(4, 6, "97.0", 1001),
        depth(9, 10, "96.0", 1002),
        depth(11, 12, "95.0", 1003),
        snapshot(12),
        depth(13, 14, "100.0", 1004),
    ]
    data = load(tmp_path, write_frames(tmp_path / "BTCUSDT-frames.jsonl", lines))
    found = [(item.update_id, item.bids) for item in without_statuses(data)]
    assert found == [
        (6, [(99.0, 1.0), (97.0, 2.0)]),
        (14, [(100.0, 2.0), (99.0, 1.0)]),
    ]
    assert [(note.kind, note.count) for note in data.notes] == [("gap", 1)]


def test_futures_differences_say_what_they_follow(tmp_path: Path) -> None:
    lines = [
        snapshot(5),
        depth(3, 8, "98.0", 1001, follows=2),
        depth(12, 20, "97.0", 1002, follows=8),
        depth(25, 30, "96.0", 1003, follows=24),
    ]
    data = load(tmp_path, write_frames(tmp_path / "BTCUSDT-frames.jsonl", lines))
    assert [item.update_id for item in without_statuses(data)] == [8, 20]
    assert [(note.kind, note.count) for note in data.notes] == [("gap", 1)]


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    lines: list[Any] = [snapshot(5), depth(3, 8, "98.0", 1001), {"received_ns": "x", "data": {}}]
    path = write_frames(tmp_path / "BTCUSDT-frames.jsonl", lines)
    with pytest.raises(DataError, match=r"frames\.jsonl, line 3: .*received_ns"):
        load(tmp_path, path)
    data = load(tmp_path, path, repair=True)
    assert [(note.kind, note.count) for note in data.notes] == [("repair", 1)]


def make_kline(number: int) -> Kline:
    return Kline(
        exchange=Exchanges.BINANCE,
        symbol="BTCUSDT",
        interval=KlineInterval.MINUTE_1,
        open_time_ns=number * 60 * 10**9,
        close_time_ns=(number + 1) * 60 * 10**9 - 1,
        open=1.0,
        high=2.0,
        low=0.5,
        close=1.5,
        volume=3.0,
        receive_time_ns=(number + 1) * 60 * 10**9 + 5,
    )


def record(path: Path, messages: Sequence[Message], classes: Sequence[str] = ()) -> None:
    """A recording in which a feed sent these messages, and two actors handled each."""
    opening = Opening(run=1, seed=0, start_time_ns=0, versions={}, actors=[], classes=list(classes))
    tap = RecordingTap(path, opening)
    for number, message in enumerate(messages, 1):
        message.sender, message.number = "market_data", number
        frame = encode(message)
        tap.on_sent("market_data", number, frame)
        tap.on_handled("maker", number, frame)
        tap.on_handled("cross", number + 1, frame)
    tap.close()


def test_a_recording_is_market_data_once_each(tmp_path: Path) -> None:
    trades = [make_trade(price=float(number), trade_id=number) for number in range(1, 4)]
    for number, trade in enumerate(trades):
        trade.receive_time_ns = 100 + number
    path = tmp_path / "run.recording"
    record(path, [trades[0], make_kline(1), trades[1], trades[2]])
    data = load(tmp_path, path)
    assert [(item.message_class, item.count) for item in data.streams] == [
        ("Kline", 1),
        ("Trade", 3),
    ]
    found = messages_of(data)
    assert [getattr(item, "trade_id", "bar") for item in found] == [1, 2, 3, "bar"]
    assert {(item.sender, item.number) for item in found} == {("market_data", 0)}
    assert [item.receive_time_ns for item in found[:3]] == [100, 101, 102]


def test_words_of_the_feed_of_one_instant_are_all_kept(tmp_path: Path) -> None:
    """A hole and its end, told at once: without the second a strategy would wait for the feed for ever."""
    states = [FeedState.GAP, FeedState.LIVE, FeedState.GAP, FeedState.LIVE]
    words = [
        FeedStatus(exchange=Exchanges.BINANCE, symbol="BTCUSDT", state=state, receive_time_ns=100)
        for state in states
    ]
    trade = make_trade(price=1.0, trade_id=1)
    trade.receive_time_ns = 100
    path = tmp_path / "run.recording"
    record(path, [*words, trade])
    data = load(tmp_path, path)
    assert [getattr(item, "state", "trade") for item in messages_of(data)] == [*states, "trade"]
    assert not data.notes


def test_a_chosen_subset_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "run.recording"
    record(path, [make_trade(price=1.0), make_kline(1)], classes=["Kline"])
    assert [item.message_class for item in load(tmp_path, path).streams] == ["Kline"]


def test_a_recording_of_the_first_format_is_market_data(tmp_path: Path) -> None:
    data = load(tmp_path, FORMAT_1)
    counts = {item.message_class: item.count for item in data.streams}
    assert counts["Trade"] > 5
    assert counts["BookTicker"] > 5
    times = [item.receive_time_ns for item in messages_of(data)]
    assert times == sorted(times)


@pytest.mark.parametrize("name", ["run.rec", "BTCUSDT-trades.csv", "run.zst", "run"])
def test_a_recording_is_known_by_its_first_bytes(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    record(path, [make_trade(price=1.0)])
    assert is_recording(path)
    assert [trade.price for trade in messages_of(load(tmp_path, path))] == [1.0]
    old = tmp_path / f"old-{name}"
    old.write_bytes(FORMAT_1.read_bytes())
    assert load(tmp_path, old).streams == load(tmp_path, FORMAT_1).streams


def test_packed_and_plain_tables_are_no_recordings(tmp_path: Path) -> None:
    packed = tmp_path / "BTCUSDT-trades.csv.zst"
    packed.write_bytes(zstandard.compress(TRADES_2021.read_bytes()))
    empty = tmp_path / "empty"
    empty.touch()
    cut = tmp_path / "cut"
    cut.write_bytes(b"\x28\xb5\x2f\xfd\x00")
    for path in (packed, TRADES_2021, empty, cut, tmp_path, tmp_path / "nothing"):
        assert not is_recording(path)
    assert load(tmp_path, packed).streams[0].count == 2001


def test_what_is_no_recording_or_holds_no_market_is_told(tmp_path: Path) -> None:
    path = tmp_path / "run.recording"
    path.write_bytes(b"something else")
    with pytest.raises(DataError, match="not a recording"):
        load(tmp_path, path)
    order = PlaceOrder.__name__
    record(path, [make_trade(price=1.0)], classes=[order])
    with pytest.raises(DataError, match="nothing in it that a backtest could use"):
        load(tmp_path, DataFile(path))
