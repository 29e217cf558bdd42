"""The local order book: the venue's rule, and real frames."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.trading.order_book import BookResult, LocalOrderBook
from messages.enums import Exchanges
from messages.market import BookTicker

SAMPLES = Path(__file__).parents[1] / "data"
SHARED = Path(__file__).parents[2] / "../shared/data"
FRAMES = "BTCUSDT-frames-2024-08-08.jsonl.gz"


def make_book() -> LocalOrderBook:
    book = LocalOrderBook()
    book.apply_snapshot(100, [("1.00", "5")], [("1.10", "4")])
    return book


def read_frames(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Source and payload of every frame."""
    if not path.exists():
        pytest.skip(f"needs the recorded frames {path.name}")
    with gzip.open(path, "rt") as file:
        for line in file:
            frame = json.loads(line)
            yield frame["from"], frame["data"].get("data", frame["data"])


def make_ticker(data: dict[str, Any]) -> BookTicker:
    return BookTicker(
        exchange=Exchanges.BINANCE,
        symbol=data["s"],
        update_id=data["u"],
        bid_price=float(data["b"]),
        bid_quantity=float(data["B"]),
        ask_price=float(data["a"]),
        ask_quantity=float(data["A"]),
    )


def test_overlapping_differences_are_no_gap() -> None:
    book = make_book()
    assert book.apply_diff(99, 102, [("1.00", "6")], []) is BookResult.APPLIED
    assert book.update_id == 102
    asks = [("1.10", "0"), ("1.11", "3")]
    assert book.apply_diff(101, 104, [], asks) is BookResult.APPLIED
    assert book.update_id == 104
    assert book.best_ask() == (1.11, 3.0)
    assert book.apply_diff(100, 103, [("1.05", "1")], []) is BookResult.IGNORED
    assert book.top(5) == ([(1.0, 6.0)], [(1.11, 3.0)])
    assert book.apply_diff(106, 107, [], []) is BookResult.GAP
    assert not book.is_synchronized
    assert book.top(5) == ([], [])
    assert book.apply_diff(109, 110, [], []) is BookResult.BUFFERED


def test_after_a_resynchronisation_only_the_new_levels_are_there() -> None:
    book = LocalOrderBook()
    book.apply_snapshot(10, [(100.0, 1.0), (99.9, 1.0)], [(100.1, 1.0)])
    book.reset()
    assert book.best_bid() is None
    assert book.best_ask() is None
    assert book.apply_snapshot(500, [(90.0, 3.0)], [(90.1, 2.0)]) is BookResult.APPLIED
    assert book.top(10) == ([(90.0, 3.0)], [(90.1, 2.0)])
    assert not book.is_crossed


@pytest.mark.parametrize("zero", ["0", "0.000", "0.00000000", 0.0, -0.0])
def test_numerically_zero_removes_a_level(zero: float | str) -> None:
    book = make_book()
    assert book.apply_diff(101, 101, [("1.000", zero), ("0.5", zero)], []) is BookResult.APPLIED
    assert book.best_bid() is None


def test_differences_wait_for_the_snapshot() -> None:
    book = LocalOrderBook()
    for first, last in ((90, 95), (96, 101), (102, 105)):
        diff = [(1.0 + last / 1000, 1.0)]
        assert book.apply_diff(first, last, diff, []) is BookResult.BUFFERED
    assert book.apply_snapshot(88, [], []) is BookResult.IGNORED
    assert not book.is_synchronized
    assert book.apply_snapshot(98, [(1.0, 9.0)], [(2.0, 1.0)]) is BookResult.APPLIED
    assert book.update_id == 105
    assert book.bids.top(9) == [(1.105, 1.0), (1.101, 1.0), (1.0, 9.0)]
    assert book.apply_diff(106, 106, [(1.0, 0.0)], []) is BookResult.APPLIED


def test_a_hole_among_the_waiting_differences_voids_the_snapshot() -> None:
    book = LocalOrderBook()
    book.apply_diff(100, 105, [], [])
    book.apply_diff(110, 115, [(5.0, 1.0)], [])
    assert book.apply_snapshot(102, [(1.0, 1.0)], []) is BookResult.GAP
    assert book.best_bid() is None
    assert book.apply_snapshot(103, [(1.0, 1.0)], []) is BookResult.IGNORED
    assert book.apply_snapshot(112, [(1.0, 1.0)], []) is BookResult.APPLIED
    assert book.update_id == 115
    assert book.best_bid() == (5.0, 1.0)


def test_the_difference_that_showed_the_gap_is_not_lost() -> None:
    book = make_book()
    assert book.apply_diff(106, 107, [(1.05, 1.0)], []) is BookResult.GAP
    assert book.apply_snapshot(105, [(1.0, 1.0)], [(2.0, 1.0)]) is BookResult.APPLIED
    assert book.update_id == 107
    assert book.best_bid() == (1.05, 1.0)


def test_what_waits_is_bounded() -> None:
    book = LocalOrderBook(buffer_limit=3)
    for update_id in range(1, 11):
        book.apply_diff(update_id, update_id, [], [])
    assert book.apply_snapshot(5, [], []) is BookResult.IGNORED
    assert book.apply_snapshot(7, [], []) is BookResult.APPLIED
    assert book.update_id == 10


def test_an_older_snapshot_does_not_turn_a_living_book_back() -> None:
    book = make_book()
    assert book.apply_snapshot(99, [], []) is BookResult.IGNORED
    assert book.best_bid() == (1.0, 5.0)


def test_the_worst_levels_go_when_there_are_too_many() -> None:
    book = LocalOrderBook(maximum_levels=3)
    levels = [(float(price), 1.0) for price in range(1, 10)]
    book.apply_snapshot(1, levels, [(price + 10, 1.0) for price, _ in levels])
    assert book.bids.top(9) == [(9.0, 1.0), (8.0, 1.0), (7.0, 1.0)]
    assert book.asks.top(9) == [(11.0, 1.0), (12.0, 1.0), (13.0, 1.0)]
    assert book.top(0) == ([], [])
    assert len(book.bids.quantities) == 3


def test_it_says_what_may_be_missing_beyond_a_snapshot() -> None:
    book = LocalOrderBook(maximum_levels=4)
    book.apply_snapshot(1, [(9.0, 1.0), (8.0, 1.0)], [(10.0, 1.0), (11.0, 1.0), (12.0, 1.0)], 3)
    assert book.knows(3), "all bids were told"
    assert not book.knows(4), "there may be more asks"
    book.apply_diff(2, 2, [], [(10.0, 0.0), (13.0, 1.0)])
    assert book.knows(2)
    assert not book.knows(3), "between 12 and 13"
    book.apply_diff(3, 3, [(price, 1.0) for price in (7.0, 6.0, 5.0)], [])
    book.apply_diff(4, 4, [(9.0, 0.0), (4.0, 1.0)], [])
    assert not book.bids.knows(4), "5 was forgotten"
    assert book.bids.knows(3)
    book.apply_snapshot(5, [(9.0, 1.0)], [(10.0, 1.0)], 3)
    assert book.knows(3)


@pytest.mark.parametrize(
    "level",
    [("nan", "1"), ("1", "nan"), ("inf", "1"), ("-1", "1"), ("1", "-1"), ("0", "1"), ("x", "1")],
)
def test_what_is_no_level_changes_nothing(level: tuple[str, str]) -> None:
    book = make_book()
    with pytest.raises(ValueError, match=r"not a level|could not convert"):
        book.apply_diff(101, 101, [("1.01", "1"), level], [])
    assert book.update_id == 100
    assert book.best_bid() == (1.0, 5.0)


def test_a_crossed_book_is_seen() -> None:
    book = make_book()
    assert not book.is_crossed
    book.apply_diff(101, 101, [("1.10", "1")], [])
    assert book.is_crossed


def test_a_book_as_a_message() -> None:
    book = make_book()
    message = book.to_message(Exchanges.CUSTOM, "BTCUSDT", 5, event_time_ns=3, receive_time_ns=4)
    assert message.update_id == 100
    assert (message.bids, message.asks) == ([(1.0, 5.0)], [(1.1, 4.0)])
    assert (message.event_time_ns, message.receive_time_ns) == (3, 4)


levels = st.lists(
    st.tuples(st.integers(1, 30).map(float), st.integers(0, 3).map(float)), max_size=8
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(levels, levels), max_size=8))
def test_it_agrees_with_plain_dictionaries(
    differences: list[tuple[list[tuple[float, float]], list[tuple[float, float]]]],
) -> None:
    book = LocalOrderBook()
    book.apply_snapshot(0, [], [])
    bids: dict[float, float] = {}
    asks: dict[float, float] = {}
    for number, (bid_levels, ask_levels) in enumerate(differences, 1):
        book.apply_diff(number, number, bid_levels, ask_levels)
        bids |= dict(bid_levels)
        asks |= dict(ask_levels)
        left_bids = sorted(((p, q) for p, q in bids.items() if q), reverse=True)
        left_asks = sorted((p, q) for p, q in asks.items() if q)
        assert book.top(4) == (left_bids[:4], left_asks[:4])


def replay(path: Path) -> tuple[int, int, int, int]:
    """Differences applied, gaps, tickers of the book's id, and those of them that agree; never crossed."""
    book = LocalOrderBook(buffer_limit=100_000)
    waiting: dict[int, BookTicker] = {}
    applied = gaps = same = agreeing = 0
    for source, data in read_frames(path):
        if source == "rest":
            assert book.apply_snapshot(data["lastUpdateId"], data["bids"], data["asks"]) is (
                BookResult.APPLIED
            )
        elif data.get("e") == "depthUpdate":
            result = book.apply_diff(data["U"], data["u"], data["b"], data["a"])
            gaps += result is BookResult.GAP
            applied += result is BookResult.APPLIED
        elif "e" not in data:
            waiting[data["u"]] = make_ticker(data)
            continue
        else:
            continue
        assert not book.is_crossed
        ticker = waiting.get(book.update_id)
        if book.is_synchronized and ticker is not None and data.get("e") == "depthUpdate":
            same += 1
            agreeing += book.agrees_with(ticker) is True
    return applied, gaps, same, agreeing


def test_the_sampled_frames_give_the_recorded_best_prices() -> None:
    applied, gaps, same, agreeing = replay(SAMPLES / FRAMES)
    assert applied > 300
    assert gaps == 0
    assert agreeing == same > 50


def test_all_frames_give_the_recorded_best_prices() -> None:
    _, gaps, same, agreeing = replay(SHARED / FRAMES)
    assert gaps == 0
    assert (same, agreeing) == (1072, 1072)


def test_a_frame_taken_out_is_one_gap() -> None:
    book = LocalOrderBook(buffer_limit=100_000)
    results: list[BookResult] = []
    for source, data in read_frames(SAMPLES / FRAMES):
        if source == "rest":
            book.apply_snapshot(data["lastUpdateId"], data["bids"], data["asks"])
        elif data.get("e") == "depthUpdate":
            if len(results) == 200:
                results.append(BookResult.IGNORED)
                continue
            results.append(book.apply_diff(data["U"], data["u"], data["b"], data["a"]))
    assert results.count(BookResult.GAP) == 1
    assert results[201] is BookResult.GAP
    assert set(results[202:]) == {BookResult.BUFFERED}


def test_a_second_snapshot_an_hour_later_confirms_the_book() -> None:
    book = LocalOrderBook(buffer_limit=100_000)
    compared = 0
    second: dict[str, Any] | None = None
    for source, data in read_frames(SHARED / "ETHBTC-depth-2020-11-01.jsonl.gz"):
        if source == "rest":
            if not book.is_synchronized:
                book.apply_snapshot(data["lastUpdateId"], data["bids"], data["asks"])
            else:
                second = data
            continue
        before = dict(book.bids.quantities)
        result = book.apply_diff(data["U"], data["u"], data["b"], data["a"])
        assert result is not BookResult.GAP
        if second is None or book.update_id < second["lastUpdateId"]:
            continue
        changed = {float(price) for price, _ in data["b"]}
        for price, quantity in second["bids"][:100]:
            if float(price) not in changed:
                assert before[float(price)] == float(quantity)
                compared += 1
        break
    assert compared > 50
