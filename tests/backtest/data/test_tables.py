"""CSV files in all the forms in which the venue and others publish them, and what is wrong in them."""

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.backtest.data_files import DataFile
from actors.backtest.errors import DataError
from actors.exchange.recorded_trades import read_trades
from messages.codec import encode
from messages.enums import Exchanges, KlineInterval
from messages.market import BookTicker, FeedStatus, Kline, Trade
from tests.backtest.data.files import (
    AGGREGATES_2026,
    TRADES_2021,
    TRADES_HEADER,
    kline_row,
    load,
    messages_of,
    trade_row,
    without_statuses,
    write_lines,
)

LAST_OF_2024 = 1735689599999
FIRST_OF_2025 = 1735689600000000


def pack_zip(path: Path, data: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("BTCUSDT-trades-2021-01-08.csv", data)


def with_header_inside(data: bytes) -> bytes:
    lines = data.split(b"\n")
    lines.insert(1000, TRADES_HEADER.encode())
    return b"\n".join(lines)


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "header": lambda data: TRADES_HEADER.encode() + b"\n" + data,
    "crlf": lambda data: data.replace(b"\n", b"\r\n"),
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "byte order mark and header": lambda data: b"\xef\xbb\xbf" + with_header_inside(data),
    "header inside": with_header_inside,
    "no newline at the end": lambda data: data.rstrip(b"\n"),
    "empty lines": lambda data: b"\n" + data.replace(b"\n", b"\n\n", 7),
    "quotes": lambda data: data.replace(b"True", b'"True"'),
    "blanks": lambda data: data.replace(b",", b", "),
    "lower case": lambda data: data.replace(b"True", b"true").replace(b"False", b"false"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_bytes(form: str, tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-trades-2021-01-08.csv"
    path.write_bytes(FORMS[form](TRADES_2021.read_bytes()))
    plain, other = load(tmp_path, TRADES_2021), load(tmp_path, path)
    assert [chunk.frame for chunk in other.chunks()] == [chunk.frame for chunk in plain.chunks()]
    assert other.digest == plain.digest
    assert other.streams[0].count == 2001


@pytest.mark.parametrize("suffix", [".csv.gz", ".zip", ".csv.zst", "two members.csv.gz"])
def test_however_packed_it_gives_the_same_bytes(suffix: str, tmp_path: Path) -> None:
    data = TRADES_2021.read_bytes()
    path = tmp_path / f"BTCUSDT-trades-{suffix}"
    if suffix == ".zip":
        pack_zip(path, data)
    elif suffix == ".csv.zst":
        path.write_bytes(zstandard.compress(data))
    elif suffix == ".csv.gz":
        path.write_bytes(gzip.compress(data))
    else:
        path.write_bytes(gzip.compress(data[:70_000]) + gzip.compress(data[70_000:]))
    assert load(tmp_path, path).digest == load(tmp_path, TRADES_2021).digest


def test_a_trade_is_what_its_row_says(tmp_path: Path) -> None:
    first, *_ = messages_of(load(tmp_path, TRADES_2021))
    at = 1610064000278000000
    assert first == Trade(
        sender="market_data",
        time_ns=at,
        origin_time_ns=at,
        exchange=Exchanges.BINANCE,
        symbol="BTCUSDT",
        trade_id=553287559,
        price=39432.48,
        quantity=0.000263,
        buyer_is_maker=True,
        trade_time_ns=at,
        event_time_ns=at,
        receive_time_ns=at,
    )


def test_what_lies_in_the_cache_is_what_the_messages_encode_to(tmp_path: Path) -> None:
    bars = write_lines(tmp_path / "BTCUSDT-1m-2024.csv", [kline_row(1704067200000, 1704067259999)])
    quotes = write_lines(
        tmp_path / "BTCUSDT-bookTicker-2024.csv",
        ["time,bid,bid_size,ask,ask_size", "1704067200001,1.0,2.0,3.0,4.0"],
    )
    data = load(tmp_path, TRADES_2021, AGGREGATES_2026, bars, quotes)
    decode = data.make_decoder()
    classes = set()
    for chunk in data.chunks():
        messages = decode(chunk.frame)
        assert encode(messages) == chunk.frame
        assert len(messages) == chunk.message_count
        classes |= set(map(type, messages))
    assert classes == {Trade, Kline, BookTicker, FeedStatus}  # nothing between the two of trades
    assert [(at, frame) for batch in data.frames() for at, frame in batch] == [
        (message.receive_time_ns, encode(message)) for message in messages_of(data)
    ]


def test_times_are_milliseconds_or_microseconds(tmp_path: Path) -> None:
    """In two files, in one joined file, and for bars."""
    old, new = trade_row(1, LAST_OF_2024), trade_row(2, FIRST_OF_2025)
    first = write_lines(tmp_path / "BTCUSDT-trades-2024-12-31.csv", [old])
    second = write_lines(tmp_path / "BTCUSDT-trades-2025-01-01.csv", [new])
    joined = write_lines(tmp_path / "BTCUSDT-trades-joined.csv", [old, new])
    expected = [1735689599999000000, 1735689600000000000]
    for files in ([first, second], [second, first], [joined]):
        found = messages_of(load(tmp_path, *files))
        assert [trade.trade_time_ns for trade in found] == expected
    bars = write_lines(
        tmp_path / "BTCUSDT-1s-joined.csv",
        [kline_row(1735689599000, LAST_OF_2024), kline_row(FIRST_OF_2025, 1735689600999999)],
    )
    data = load(tmp_path, bars)
    found = messages_of(data)
    assert [bar.close_time_ns for bar in found] == [1735689599999000000, 1735689600999999000]
    assert [bar.receive_time_ns for bar in found] == [1735689600000000000, 1735689601000000000]
    assert not data.notes


def test_microseconds_of_the_venue_s_own_file(tmp_path: Path) -> None:
    data = load(tmp_path, AGGREGATES_2026)
    first, *_ = messages_of(data)
    assert (first.trade_id, first.trade_time_ns) == (3800397495, 1767225600039409000)
    assert data.streams[0].count == 3000
    assert not data.notes


def test_two_rows_run_into_one_stop_with_file_and_line(tmp_path: Path) -> None:
    """A row that two were run into."""
    lines = TRADES_2021.read_text().splitlines()
    lines[99:101] = [lines[99][:-20] + lines[100]]
    path = write_lines(tmp_path / "BTCUSDT-trades-2021-01-08.csv", lines)
    with pytest.raises(DataError, match=r"2021-01-08\.csv, line 100: \d+ fields, not 7"):
        load(tmp_path, path)
    repaired = load(tmp_path, path, repair=True)
    assert len(without_statuses(repaired)) == 1999
    assert [(note.kind, note.count) for note in repaired.notes] == [("gap", 2), ("repair", 1)]
    assert "line 100" in repaired.notes[1].text


BROKEN = {
    "price": "3,nan,1,1,1700000000000,True,True",
    "infinite": "3,inf,1,1,1700000000000,True,True",
    "zero price": "3,0.0,1,1,1700000000000,True,True",
    "negative": "3,1.0,-1,1,1700000000000,True,True",
    "underscore": "3,1_0.0,1,1,1700000000000,True,True",
    "full width": "3,\uff11.0,1,1,1700000000000,True,True",
    "id": "x,1.0,1,1,1700000000000,True,True",
    "id with a fraction": "3.5,1.0,1,1,1700000000000,True,True",
    "side": "3,1.0,1,1,1700000000000,Maybe,True",
    "time": "3,1.0,1,1,,True,True",
    "short": "3,1.0,1",
    "long": "3,1.0,1,1,1700000000000,True,True,9",
    "brackets": "3,1.0,1,1,1700000000000,True,True],[4,1.0,1,1,1700000000000,True,True",
    "quotes": '3,"1.0,1,1,1700000000000,True,True',
    "backslash": "3,1.0\\,1,1,1700000000000,True,True",
    "control character": "3,1.0,1\x00,1,1700000000000,True,True",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_row_is_named(name: str, tmp_path: Path) -> None:
    lines = [trade_row(1, 1700000000000), trade_row(2, 1700000000000), BROKEN[name]]
    path = write_lines(tmp_path / "BTCUSDT-trades-x.csv", [*lines, trade_row(4, 1700000000001)])
    with pytest.raises(DataError, match=r"BTCUSDT-trades-x\.csv, line 3: ") as raised:
        load(tmp_path, path)
    assert "--repair" in str(raised.value)
    repaired = load(tmp_path, path, repair=True)
    assert [trade.trade_id for trade in without_statuses(repaired)] == [1, 2, 4]


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-trades-x.csv"
    path.write_bytes(trade_row(1, 1700000000000).encode() + b"\n2,\xff\xfe,1,1,1,True,True\n")
    with pytest.raises(DataError, match="line 2"):
        load(tmp_path, path)


@pytest.mark.parametrize("suffix", [".csv.gz", ".zip"])
def test_a_packed_file_that_was_cut_is_named(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"BTCUSDT-trades-2021{suffix}"
    if suffix == ".zip":
        pack_zip(path, TRADES_2021.read_bytes())
    else:
        path.write_bytes(gzip.compress(TRADES_2021.read_bytes()))
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(DataError, match=str(path)):
        load(tmp_path, path)
    left = [item for item in (tmp_path / "cache").rglob("*") if item.is_file()]
    assert not left, "nothing half is left"


def test_trades_of_one_instant_are_put_in_the_order_of_their_ids(tmp_path: Path) -> None:
    """Whatever their order in the file."""
    rows = [trade_row(number, 1700000000000) for number in (7, 9, 8, 10)]
    path = write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows)
    data = load(tmp_path, path)
    assert [trade.trade_id for trade in without_statuses(data)] == [7, 8, 9, 10]
    assert sum(trade.quantity for trade in without_statuses(data)) == 6.0
    assert not data.notes


def test_time_that_goes_back_stops_or_is_put_in_its_place(tmp_path: Path) -> None:
    rows = [trade_row(number, 1700000000000 + number) for number in (1, 2, 5, 6, 3, 4, 7)]
    path = write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows)
    with pytest.raises(DataError, match=r"x\.csv, line 5: time goes back, from .* to 2023-11-14"):
        load(tmp_path, path)
    repaired = load(tmp_path, path, repair=True)
    assert [trade.trade_id for trade in without_statuses(repaired)] == [1, 2, 3, 4, 5, 6, 7]
    assert ("repair", 1) in [(note.kind, note.count) for note in repaired.notes]


def test_gaps_and_duplicates_are_told_and_the_run_goes_on(tmp_path: Path) -> None:
    numbers = (1, 2, 2, 3, 10, 11, 11, 20)
    rows = [trade_row(number, 1700000000000 + number) for number in numbers]
    data = load(tmp_path, write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows))
    assert [trade.trade_id for trade in without_statuses(data)] == [1, 2, 3, 10, 11, 20]
    told = [(note.kind, note.count, note.text) for note in data.notes]
    assert told == [
        ("duplicate", 2, "BTCUSDT trades: 2 there twice, let through once"),
        (
            "gap",
            14,
            "BTCUSDT trades: 14 missing in 2 gaps, the first before 2023-11-14 22:13:20.010000",
        ),
    ]


def test_an_id_that_comes_again_at_another_time_is_left_out_and_told(tmp_path: Path) -> None:
    rows = [trade_row(number, 1700000000000 + at) for at, number in enumerate((7, 8, 8, 9, 7, 10))]
    path = write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows)
    for repair in (False, True):
        data = load(tmp_path, path, repair=repair)
        assert [trade.trade_id for trade in messages_of(data)] == [7, 8, 9, 10]
        assert [(note.kind, note.count, note.text) for note in data.notes] == [
            ("duplicate", 2, "BTCUSDT trades: 2 there again later in the file, left out")
        ]


def test_one_that_comes_again_after_rows_whose_time_goes_back(tmp_path: Path) -> None:
    rows = [
        trade_row(number, 1700000000000 + at)
        for number, at in ((1, 1), (2, 2), (5, 5), (6, 6), (3, 3), (4, 4), (5, 5), (2, 6), (7, 7))
    ]
    path = write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows)
    data = load(tmp_path, path, repair=True)
    assert [trade.trade_id for trade in messages_of(data)] == [1, 2, 3, 4, 5, 6, 7]
    assert [(note.kind, note.count) for note in data.notes] == [("duplicate", 2), ("repair", 1)]


def test_a_part_that_was_all_there_before(tmp_path: Path) -> None:
    rows = [trade_row(number, 1700000000000 + number) for number in (1, 2, 3, 2)]
    path = write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows)
    data = load(tmp_path, path, repair=True)
    assert [trade.trade_id for trade in messages_of(data)] == [1, 2, 3]
    assert data.streams[0].first_time_ns == 1700000000001 * 10**6
    assert [(note.kind, note.count) for note in data.notes] == [("duplicate", 1), ("repair", 1)]


def test_ids_that_go_back_while_time_goes_on_are_told(tmp_path: Path) -> None:
    numbers = (3, 4, 8, 6, 7, 9, 1, 10)
    rows = [trade_row(number, 1700000000000 + at) for at, number in enumerate(numbers)]
    data = load(tmp_path, write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows))
    assert [trade.trade_id for trade in without_statuses(data)] == list(numbers)
    assert [(note.kind, note.count, note.text) for note in data.notes] == [
        (
            "disorder",
            2,
            "BTCUSDT trades: ids go back while time goes on 2 times, the first at "
            "2023-11-14 22:13:20.003000; these rows are played at their times",
        ),
        (
            "gap",
            2,
            "BTCUSDT trades: 2 missing in 2 gaps, the first before 2023-11-14 22:13:20.000000",
        ),
    ]


def test_missing_bars_are_told(tmp_path: Path) -> None:
    opens = [1704067200000 + 60_000 * minute for minute in (0, 1, 5, 6)]
    rows = [kline_row(time, time + 59_999) for time in opens]
    data = load(tmp_path, write_lines(tmp_path / "BTCUSDT-1m-x.csv", rows))
    assert [(note.kind, note.count) for note in data.notes] == [("gap", 3)]
    assert messages_of(data)[0].interval is KlineInterval.MINUTE_1


def test_a_bar_that_begins_a_little_late_is_no_gap(tmp_path: Path) -> None:
    begins = [1704067200000 + 60_000 * number for number in range(4)]
    begins[2] += 7
    rows = [kline_row(begin, begin + 59_999) for begin in begins]
    data = load(tmp_path, write_lines(tmp_path / "BTCUSDT-1m-x.csv", rows))
    assert len(messages_of(data)) == 4
    assert not data.notes


def test_a_bar_whose_prices_contradict_each_other_is_broken(tmp_path: Path) -> None:
    rows = [kline_row(1704067200000, 1704067259999), kline_row(1704067260000, 1704067319999, "103")]
    path = write_lines(tmp_path / "BTCUSDT-1m-x.csv", rows)
    with pytest.raises(DataError, match=r"line 2: a bar whose open 100\.0 or close 103\.0"):
        load(tmp_path, path)
    assert len(messages_of(load(tmp_path, path, repair=True))) == 1


def test_other_columns_are_read_by_a_mapping(tmp_path: Path) -> None:
    lines = [
        "when,px,amount,direction",
        "2024-01-01T00:00:00.000001Z,1.5,2,sell",
        "2024-01-01 01:00:00.000002+01:00,2.5,3,BUY",
    ]
    path = write_lines(tmp_path / "mine.csv", lines)
    columns = {"time": "when", "price": "px", "quantity": "amount", "taker_side": "direction"}
    data = load(tmp_path, DataFile(path, symbol="BTCUSDT", columns=columns))
    first, second = messages_of(data)
    assert (first.trade_time_ns, first.price, first.quantity) == (1704067200000001000, 1.5, 2.0)
    assert (first.buyer_is_maker, second.buyer_is_maker) == (True, False)
    assert second.trade_time_ns == first.trade_time_ns + 1000
    with pytest.raises(DataError, match="its name tells no symbol"):
        load(tmp_path, DataFile(path, columns=columns))
    with pytest.raises(DataError, match="no column is known for time"):
        load(tmp_path, DataFile(path, symbol="BTCUSDT"))
    with pytest.raises(DataError, match="there is no column 'nothing'"):
        load(tmp_path, DataFile(path, symbol="BTCUSDT", columns={"time": "nothing"}))


def test_a_file_of_several_symbols_is_told_apart(tmp_path: Path) -> None:
    lines = ["symbol,open_time,open,high,low,close,volume"]
    for minute in range(3):
        for symbol in ("ETHUSDT", "BTCUSDT"):
            lines.append(f"{symbol},{1704067200000 + minute * 60_000},1,2,0.5,1.5,{minute}")
    path = write_lines(tmp_path / "two-1m.csv.gz", lines)
    data = load(tmp_path, path)
    assert [(item.symbol, item.count) for item in data.streams] == [("BTCUSDT", 3), ("ETHUSDT", 3)]
    assert [bar.symbol for bar in messages_of(data)] == ["BTCUSDT", "ETHUSDT"] * 3
    assert load(tmp_path, DataFile(path, symbol="ETHUSDT")).symbols == ("ETHUSDT",)


def test_side_by_the_tick_rule(tmp_path: Path) -> None:
    prices = ("10", "11", "11", "9", "9", "12")
    lines = ["time,price,quantity", *(f"{1700000000000 + i},{p},1" for i, p in enumerate(prices))]
    data = load(tmp_path, write_lines(tmp_path / "BTCUSDT-trades-x.csv", lines))
    sold = [trade.buyer_is_maker for trade in without_statuses(data)]
    assert sold == [False, False, False, True, True, False]
    assert [note.kind for note in data.notes] == ["assumption", "assumption"]


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-trades-x.csv"
    for content in ("", "\n\n", TRADES_HEADER + "\n"):
        path.write_text(content)
        with pytest.raises(DataError, match="there is no"):
            load(tmp_path, path)


def test_no_message_is_before_the_bar_that_closes_with_it(tmp_path: Path) -> None:
    bars = write_lines(tmp_path / "BTCUSDT-1m-x.csv", [kline_row(1704067200000, 1704067259999)])
    rows = [trade_row(1, 1704067259999), trade_row(2, 1704067260000), trade_row(3, 1704067260001)]
    trades = write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows)
    found = messages_of(load(tmp_path, trades, bars))
    assert [type(message).__name__ for message in found] == ["Trade", "Kline", "Trade", "Trade"]


def test_a_broken_first_row_is_named_or_left_out(tmp_path: Path) -> None:
    lines = ["", "1,1.0,1", '2,"1', *(trade_row(number, 1700000000000) for number in (3, 4))]
    path = write_lines(tmp_path / "BTCUSDT-trades-x.csv", lines)
    with pytest.raises(DataError, match=r"x\.csv, line 2: 3 fields without a header line"):
        load(tmp_path, path)
    repaired = load(tmp_path, path, repair=True)
    assert [trade.trade_id for trade in without_statuses(repaired)] == [3, 4]
    assert [(note.kind, note.count) for note in repaired.notes] == [("repair", 2)]


@pytest.mark.parametrize("truths", ["1,1", "0,1", "1,0"])
def test_trades_whose_truths_are_numbers_do_not_pass_for_best_prices(
    tmp_path: Path, truths: str
) -> None:
    rows = [trade_row(1, 1700000000000).replace("True,True", truths)]
    path = write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows)
    with pytest.raises(DataError, match=r"x\.csv, line 1: .* is no time of these decades"):
        load(tmp_path, path)


@pytest.mark.parametrize("path", [TRADES_2021, AGGREGATES_2026], ids=lambda path: path.name)
def test_the_local_exchange_reads_the_same(path: Path, tmp_path: Path) -> None:
    """Two readers that share no code: this one is fast, that one looks at every row by itself."""
    expected = [
        (
            row.trade_id,
            float(row.price),
            float(row.quantity),
            row.time_us * 1000,
            row.is_buyer_maker,
        )
        for row in read_trades(path)
    ]
    found = [
        (item.trade_id, item.price, item.quantity, item.trade_time_ns, item.buyer_is_maker)
        for item in messages_of(load(tmp_path, path))
    ]
    assert found == expected


GOOD_AND_BAD = {
    "price": (("1.5", "0.00000001", "99999"), ("", "0", "-1", "1,5", "NaN", "1e999", "0x1", ".5")),
    "quantity": (("1", "2.50000000"), ("", "x", "0.0", "inf", "[1]", '"')),
    "time": (("1700000000000", "1700000000000000"), ("", "0", "-5", "17e", "1.5")),
    "side": (("True", "False", "true", "FALSE"), ("", "2", "yes", "None")),
}
fields = st.tuples(
    *(
        st.one_of(
            st.sampled_from([(text, True) for text in good]),
            st.sampled_from([(text, True) for text in good]),
            st.sampled_from([(text, False) for text in bad]),
        )
        for good, bad in GOOD_AND_BAD.values()
    )
)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(fields, min_size=1, max_size=12))
def test_exactly_the_broken_rows_are_found(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[tuple[str, bool], ...]]
) -> None:
    """Whatever stands beside them: a block that cannot be read as a whole is read line by line."""
    folder = tmp_path_factory.mktemp("broken")
    lines, good = [trade_row(1, 1700000000000)], [1]
    for number, ((price, a), (quantity, b), (time, c), (side, d)) in enumerate(rows, 2):
        lines.append(f"{number},{price},{quantity},9.9,{time},{side},True")
        if a and b and c and d:
            good.append(number)
    path = write_lines(folder / "BTCUSDT-trades-x.csv", lines)
    assert [trade.trade_id for trade in without_statuses(load(folder, path, repair=True))] == good
    if len(good) == len(lines):
        assert load(folder, path).streams[0].count == len(lines)
        return
    first = next(number for number in range(1, len(lines) + 1) if number not in good)
    with pytest.raises(DataError, match=rf"x\.csv, line {first}: "):
        load(folder, path)
