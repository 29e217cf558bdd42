"""The merge of many streams against a plain sort, for random streams."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.backtest import frame_store
from actors.backtest.data_files import StreamKey
from actors.backtest.errors import DataError
from actors.backtest.merge import merge_segments
from actors.backtest.source import END_OF_TIME_NS, MarketData
from tests.backtest.data.files import (
    AGGREGATES_2026,
    TRADES_2021,
    kline_row,
    load,
    messages_of,
    trade_row,
    write_lines,
)

FIRST = 1_700_000_000_000
SLOW = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

steps = st.lists(st.integers(0, 3), min_size=1, max_size=40)
streams = st.dictionaries(
    st.sampled_from(["AAAUSDT", "BBBUSDT", "CCCUSDT", "DDDUSDT"]), steps, min_size=1
)


def write_trades(folder: Path, symbol: str, gaps: list[int], part: str = "") -> Path:
    time = FIRST
    rows = []
    for number, gap in enumerate(gaps, 1):
        time += gap
        rows.append(trade_row(number, time))
    return write_lines(folder / f"{symbol}-trades-{part}.csv", rows)


def key_of(message: Any) -> tuple[int, str, int]:
    return (message.receive_time_ns, message.symbol, message.trade_id)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a few messages, so that small streams have many."""
    monkeypatch.setattr(frame_store, "CHUNK_MESSAGES", 3)


@SLOW
@given(contents=streams, order=st.randoms(use_true_random=False))
def test_the_merge_is_a_sort(
    small_chunks: None, tmp_path_factory: pytest.TempPathFactory, contents: Any, order: Any
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    files = [write_trades(folder, symbol, gaps) for symbol, gaps in contents.items()]
    data = load(folder, *files)
    found = messages_of(data)
    assert len(found) == sum(map(len, contents.values()))
    assert found == sorted(found, key=key_of)
    order.shuffle(files)
    again = load(folder, *files)
    assert (again.streams, again.digest) == (data.streams, data.digest)
    assert list(again.chunks()) == list(data.chunks())
    for chunk, after in pairwise(data.chunks()):
        assert chunk.last_time_ns < after.first_time_ns or (
            chunk.stream == after.stream and chunk.stream >= 0
        )


@SLOW
@given(contents=streams, begin=st.integers(0, 120), length=st.integers(0, 120), cut=st.booleans())
def test_a_part_is_what_lies_within(
    small_chunks: None,
    tmp_path_factory: pytest.TempPathFactory,
    contents: Any,
    begin: int,
    length: int,
    cut: bool,
) -> None:
    folder = tmp_path_factory.mktemp("part")
    data = load(folder, *(write_trades(folder, *item) for item in contents.items()))
    begin_ns = (FIRST + begin) * 10**6
    end_ns = begin_ns + length * 10**6 if cut else END_OF_TIME_NS
    expected = [item for item in messages_of(data) if begin_ns <= item.receive_time_ns < end_ns]
    assert messages_of(data.within(begin_ns, end_ns)) == expected


@SLOW
@given(gaps=steps, data=st.data())
def test_files_of_one_stream_that_overlap_are_one(
    small_chunks: None, tmp_path_factory: pytest.TempPathFactory, gaps: list[int], data: Any
) -> None:
    """What is in two files is let through once."""
    folder = tmp_path_factory.mktemp("overlap")
    whole = write_trades(folder, "AAAUSDT", gaps, "whole")
    rows = whole.read_text().splitlines()
    begin = data.draw(st.integers(0, len(rows)))
    end = data.draw(st.integers(begin, len(rows)))
    parts = [
        write_lines(folder / f"AAAUSDT-trades-{name}.csv", part)
        for name, part in (("one", rows[:end]), ("two", rows[begin:]))
        if part
    ]
    assert messages_of(load(folder, *parts)) == messages_of(load(folder, whole))


def test_files_without_ids_must_not_overlap(tmp_path: Path) -> None:
    rows = [f"{FIRST + number},1.0,1" for number in range(5)]
    head = "time,price,quantity"
    one = write_lines(tmp_path / "AAAUSDT-trades-1.csv", [head, *rows[:3]])
    two = write_lines(tmp_path / "AAAUSDT-trades-2.csv", [head, *rows[3:]])
    both = write_lines(tmp_path / "AAAUSDT-trades-3.csv", [head, *rows[2:]])
    assert len(messages_of(load(tmp_path, two, one))) == 5
    with pytest.raises(DataError, match="AAAUSDT: two files of Trade overlap"):
        load(tmp_path, one, both)


def test_several_kinds_and_symbols_in_any_order_of_the_arguments(tmp_path: Path) -> None:
    minute = 1610064000000
    bars = [
        kline_row(minute + 60_000 * index, minute + 60_000 * index + 59_999) for index in (-1, 0)
    ]
    files = [
        write_lines(tmp_path / "BTCUSDT-1m-x.csv", bars),
        write_lines(tmp_path / "ETHUSDT-1m-x.csv", bars),
        write_lines(
            tmp_path / "ETHUSDT-trades-x.csv", [trade_row(5, minute), trade_row(6, minute)]
        ),
        TRADES_2021,
        AGGREGATES_2026,
    ]
    data = load(tmp_path, *files)
    assert list(load(tmp_path, *reversed(files)).chunks()) == list(data.chunks())
    found = [(type(item).__name__, item.symbol) for item in messages_of(data)[:4]]
    assert found == [
        ("Kline", "BTCUSDT"),
        ("Kline", "ETHUSDT"),
        ("Trade", "ETHUSDT"),
        ("Trade", "ETHUSDT"),
    ]
    assert [(item.message_class, item.symbol) for item in data.streams] == [
        ("FeedStatus", "BTCUSDT"),  # nothing between the two files of BTCUSDT
        ("Kline", "BTCUSDT"),
        ("Kline", "ETHUSDT"),
        ("Trade", "BTCUSDT"),
        ("Trade", "ETHUSDT"),
    ]


def test_a_file_is_opened_when_its_first_message_is_due(tmp_path: Path) -> None:
    """A year of daily files of many symbols must not need a handle each."""
    files = [
        write_lines(tmp_path / f"AAAUSDT-trades-{day}.csv", [trade_row(day, FIRST + day * 1000)])
        for day in range(1, 40)
    ]
    data = load(tmp_path, *files)
    chunks = merge_segments(data.segments, 0, END_OF_TIME_NS)
    next(chunks)
    Path(data.segments[-1].path).unlink()
    with pytest.raises(FileNotFoundError):
        list(chunks)


def test_data_may_be_pickled_and_hold_no_file(tmp_path: Path) -> None:
    import pickle

    data = load(tmp_path, TRADES_2021)
    again = pickle.loads(pickle.dumps(data))
    assert isinstance(again, MarketData)
    assert list(again.chunks()) == list(data.chunks())


def test_a_stream_key_sorts_as_messages_are_delivered() -> None:
    bar = StreamKey(1, "Kline", "BINANCE", "ZZZUSDT", "1m")
    trade = StreamKey(5, "Trade", "BINANCE", "AAAUSDT", "")
    assert sorted([trade, bar]) == [bar, trade]
