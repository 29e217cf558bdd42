"""Where one file of a symbol ends and the next begins: told as what is missing or there twice within a file."""

from pathlib import Path
from typing import Any

import pytest

from actors.backtest.data_files import DataFile, Note
from actors.backtest.engine import run_backtest
from actors.backtest.errors import DataError
from actors.backtest.report import build_report
from actors.backtest.source import MarketData
from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy
from messages.enums import FeedState, KlineInterval
from messages.market import FeedStatus, Kline
from tests.backtest.data.files import kline_row, load, messages_of, trade_row, write_lines

START_MS = 1_700_000_040_000
"""The begin of a minute."""
MINUTE_MS = 60_000
GAP, LIVE = FeedState.GAP, FeedState.LIVE


def told(data: MarketData) -> list[Any]:
    """Of a feed's words their state and what is missing, of all else the id or the begin."""
    return [
        (item.state, item.missed)
        if isinstance(item, FeedStatus)
        else getattr(item, "trade_id", None) or (item.open_time_ns // 10**6 - START_MS) // MINUTE_MS
        for item in messages_of(data)
    ]


def trades_file(folder: Path, name: str, *numbers: int, apart_ms: int = 1000) -> Path:
    rows = [trade_row(number, START_MS + number * apart_ms) for number in numbers]
    return write_lines(folder / f"BTCUSDT-{name}.csv", rows)


def bars_file(folder: Path, name: str, *numbers: int) -> Path:
    begins = [START_MS + number * MINUTE_MS for number in numbers]
    rows = [kline_row(begin, begin + MINUTE_MS - 1) for begin in begins]
    return write_lines(folder / f"BTCUSDT-1m-{name}.csv", rows)


def kinds_of(data: MarketData) -> list[tuple[str, int]]:
    return [(note.kind, note.count) for note in data.notes]


def test_ids_that_jump_from_one_file_to_the_next(tmp_path: Path) -> None:
    files = [trades_file(tmp_path, "trades-1", 1, 2), trades_file(tmp_path, "trades-2", 6, 7)]
    for given in (files, files[::-1]):
        data = load(tmp_path, *given)
        assert told(data) == [1, 2, (GAP, 3), (LIVE, 0), 6, 7]
        [note] = data.notes
        text = (
            "BTCUSDT trades: 3 missing between the end of BTCUSDT-trades-1.csv "
            "and the begin of BTCUSDT-trades-2.csv"
        )
        assert note == Note("BTCUSDT-trades-2.csv", "gap", 3, text)
        assert messages_of(data)[2].reason == text


def test_nothing_is_told_where_nothing_is_missing(tmp_path: Path) -> None:
    trades = [trades_file(tmp_path, "trades-1", 1, 2), trades_file(tmp_path, "trades-2", 3, 4)]
    assert told(load(tmp_path, *trades)) == [1, 2, 3, 4]
    bars = [bars_file(tmp_path, "1", 1, 2), bars_file(tmp_path, "2", 3, 4)]
    data = load(tmp_path, *bars)
    assert (told(data), data.notes) == ([1, 2, 3, 4], ())


def test_bars_that_are_missing_between_two_files(tmp_path: Path) -> None:
    data = load(tmp_path, bars_file(tmp_path, "1", 1, 2), bars_file(tmp_path, "2", 5, 6))
    assert told(data) == [1, 2, (GAP, 2), (LIVE, 0), 5, 6]
    assert kinds_of(data) == [("gap", 2)]


def test_several_symbols_and_kinds_have_their_own_holes(tmp_path: Path) -> None:
    other = [
        write_lines(tmp_path / f"ETHUSDT-trades-{n}.csv", [trade_row(n, START_MS + n * 1000)])
        for n in (1, 2)
    ]
    files = [
        *other,
        *(trades_file(tmp_path, f"trades-{n}", n) for n in (1, 9)),
        *(bars_file(tmp_path, str(n), n) for n in (1, 9)),
    ]
    data = load(tmp_path, *files)
    words = [item for item in messages_of(data) if isinstance(item, FeedStatus)]
    assert {item.symbol for item in words} == {"BTCUSDT"}
    assert [(item.state, item.missed) for item in words] == [(GAP, 7), (LIVE, 0)] * 2
    assert kinds_of(data) == [("gap", 7), ("gap", 7)]


def test_two_holes_of_one_instant_are_both_told(tmp_path: Path) -> None:
    """A hole of the trades and one of the bars, each within its file, before messages of the same time."""
    end = START_MS + 4 * MINUTE_MS
    trades = [trade_row(1, START_MS + MINUTE_MS), trade_row(5, end)]
    begins = [START_MS, START_MS + 3 * MINUTE_MS]
    bars = [kline_row(begin, begin + MINUTE_MS - 1) for begin in begins]
    data = load(
        tmp_path,
        write_lines(tmp_path / "BTCUSDT-trades-x.csv", trades),
        write_lines(tmp_path / "BTCUSDT-1m-x.csv", bars),
    )
    words = [item for item in messages_of(data) if isinstance(item, FeedStatus)]
    assert sorted(item.missed for item in words) == [0, 0, 2, 3]
    assert [item.state for item in words] == [GAP, LIVE, GAP, LIVE]


def test_without_ids_a_silence_between_files_is_told(tmp_path: Path) -> None:
    def file(name: str, *seconds: int) -> Path:
        rows = [f"{START_MS + second * 1000},100,1" for second in seconds]
        return write_lines(tmp_path / f"BTCUSDT-{name}.csv", ["time,price,qty", *rows])

    data = load(tmp_path, file("1", 0, 1), file("2", 302, 303))
    words = [
        (item.state, item.missed) for item in messages_of(data) if isinstance(item, FeedStatus)
    ]
    assert words == [(GAP, 0), (LIVE, 0)]
    assert [note.kind for note in data.notes if note.kind != "assumption"] == ["silence"]
    near = load(tmp_path, file("1", 0, 1), file("3", 50, 51))
    assert not [item for item in messages_of(near) if isinstance(item, FeedStatus)]


def test_what_lies_in_both_of_two_files_is_counted(tmp_path: Path) -> None:
    files = [
        trades_file(tmp_path, "trades-1", *range(1, 8)),
        trades_file(tmp_path, "trades-2", *range(5, 12)),
    ]
    data = load(tmp_path, *files)
    assert told(data) == list(range(1, 12))
    [note] = data.notes
    assert (note.kind, note.count) == ("duplicate", 3)
    assert "3 in more than one file" in note.text
    within = load(tmp_path, files[0], trades_file(tmp_path, "trades-3", 3, 4))
    assert kinds_of(within) == [("duplicate", 2)]
    apart = load(tmp_path, *files, trades_file(tmp_path, "trades-4", 14))
    assert kinds_of(apart) == [("duplicate", 3), ("gap", 2)]


def test_the_same_file_under_two_names(tmp_path: Path) -> None:
    files = [bars_file(tmp_path, "1", 1, 2, 3), bars_file(tmp_path, "2", 1, 2, 3)]
    data = load(tmp_path, *files)
    assert (told(data), kinds_of(data)) == ([1, 2, 3], [("duplicate", 3)])


def test_trades_and_aggregate_trades_are_numbered_apart(tmp_path: Path) -> None:
    """Their ids do not count on, and of the same time they would count twice."""
    first = trades_file(tmp_path, "trades-1", 1, 2)
    data = load(tmp_path, first, trades_file(tmp_path, "aggTrades-2", 4, 9))
    assert kinds_of(data) == [("gap", 4)]  # the one within the second file
    with pytest.raises(DataError, match="aggregate trades in the other"):
        load(tmp_path, first, trades_file(tmp_path, "aggTrades-3", 2, 3))


def test_a_file_whose_rows_were_put_in_their_place_counts_as_a_whole(tmp_path: Path) -> None:
    first = trades_file(tmp_path, "trades-1", 1, 3, 2)
    data = load(tmp_path, first, trades_file(tmp_path, "trades-2", 4), repair=True)
    assert told(data) == [1, 2, 3, 4]
    later = load(tmp_path, first, trades_file(tmp_path, "trades-3", 6), repair=True)
    assert told(later) == [1, 2, 3, (GAP, 2), (LIVE, 0), 6]


class BarListener(Strategy):
    """Notes the bars that it gets."""

    bars: list[int]

    def __init__(self, symbol: str) -> None:
        self.symbol, self.interval = symbol, KlineInterval("1m")
        BarListener.bars = []

    def on_kline(self, kline: Kline) -> None:
        """One that was finished."""
        self.bars.append((kline.open_time_ns // 10**6 - START_MS) // MINUTE_MS)


@pytest.mark.parametrize("is_one_file", [True, False])
def test_a_bar_built_from_trades_does_not_reach_across_a_hole(
    tmp_path: Path, is_one_file: bool
) -> None:
    before, after = range(1, 15), range(20, 34)
    if is_one_file:
        files = [trades_file(tmp_path, "trades-1", *before, *after, apart_ms=15_000)]
    else:
        files = [
            trades_file(tmp_path, "trades-1", *before, apart_ms=15_000),
            trades_file(tmp_path, "trades-2", *after, apart_ms=15_000),
        ]
    data = load(tmp_path, *files)
    actor = ActorSpecification(BarListener, "listener", {"symbol": "BTCUSDT"})
    run = run_backtest(data, [actor])
    # The hole is from 3:30 to 5:00. The first bar begins before the data, the last is not over.
    assert BarListener.bars == [1, 2, 5, 6, 7]
    [note] = build_report(run)["data"]["notes"]
    assert note["count"] == 5


def test_files_may_be_of_several_folders_with_the_same_name(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    first = trades_file(tmp_path / "a", "trades", 1)
    data = load(tmp_path, DataFile(first), DataFile(trades_file(tmp_path / "b", "trades", 4)))
    assert told(data) == [1, (GAP, 2), (LIVE, 0), 4]
