"""Market frames to messages: the documentation's, recorded ones, and broken ones."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.binance.market_decoder import MarketDecoder
from actors.binance.stream_names import (
    aggregate_trade_stream,
    book_ticker_stream,
    depth_stream,
    kline_stream,
    partial_book_stream,
    trade_stream,
)
from actors.binance.wire_market import DepthUpdate, decode_depth_snapshot, decode_klines
from messages.enums import Exchanges, KlineInterval, Side
from messages.market import BookTicker, Kline, OrderBook, PartialKline, Trade

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
FOUR_SYMBOLS = ROOT / "../shared/data/four-symbols-frames-2021-10-12.jsonl.gz"


def stream_example(line: int) -> dict[str, Any]:
    """The frame printed at a line of web-socket-streams.md."""
    for text in (DATA / "binance-examples.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(text)
        if item["file"] == "web-socket-streams.md" and item["line"] == line:
            value: dict[str, Any] = item["value"]
            return value
    raise AssertionError(f"no example at line {line}")


def combined(stream: str, data: Any) -> bytes:
    """A combined frame."""
    return msgspec.json.encode({"stream": stream, "data": data})


def test_a_trade_raw_and_combined() -> None:
    decoder, data = MarketDecoder(), stream_example(262)
    expected = Trade(
        exchange=Exchanges.BINANCE,
        symbol="BNBBTC",
        trade_id=12345,
        price=0.001,
        quantity=100.0,
        buyer_is_maker=True,
        trade_time_ns=1672515782136000000,
        event_time_ns=1672515782136000000,
        receive_time_ns=9,
    )
    assert decoder.decode(combined("bnbbtc@trade", data), 9) == expected
    assert decoder.decode(msgspec.json.encode(data), 9) == expected
    assert decoder.decode(json.dumps(data), 9) == expected
    assert expected.side is Side.SELL


def test_an_aggregate_trade_counts_aggregates() -> None:
    trade = MarketDecoder().decode(combined("bnbbtc@aggTrade", stream_example(238)))
    assert isinstance(trade, Trade)
    assert trade.trade_id == 12345


def test_a_book_ticker_raw_and_combined() -> None:
    decoder, data = MarketDecoder(Exchanges.CUSTOM), stream_example(542)
    ticker = decoder.decode(combined("bnbusdt@bookTicker", data))
    assert isinstance(ticker, BookTicker)
    assert (ticker.bid_price, ticker.ask_quantity) == (25.3519, 40.66)
    assert ticker.event_time_ns == 0
    assert ticker.exchange is Exchanges.CUSTOM
    assert decoder.decode(msgspec.json.encode(data)) == ticker


@pytest.mark.parametrize("name", ["bnbbtc@depth", "bnbbtc@depth@100ms"])
def test_a_depth_update(name: str) -> None:
    update = MarketDecoder().decode(combined(name, stream_example(608)))
    assert update == DepthUpdate(
        1672515782136, "BNBBTC", 157, 160, [(0.0024, 10.0)], [(0.0026, 100.0)]
    )
    assert isinstance(update, DepthUpdate)
    assert update.event_time_ns == 1672515782136000000


@pytest.mark.parametrize("levels", [5, 10, 20])
def test_a_partial_book_has_its_symbol_from_its_stream(levels: int) -> None:
    book = MarketDecoder().decode(
        combined(partial_book_stream("BNBBTC", levels), stream_example(582))
    )
    assert isinstance(book, OrderBook)
    assert (book.symbol, book.update_id, book.bids) == ("BNBBTC", 160, [(0.0024, 10.0)])


def test_open_and_closed_bars_are_two_classes() -> None:
    decoder, data = MarketDecoder(), stream_example(327)
    growing = decoder.decode(combined("bnbbtc@kline_1m", data))
    data["k"]["x"] = True
    closed = decoder.decode(combined("bnbbtc@kline_1m@+08:00", data))
    assert type(growing) is PartialKline
    assert type(closed) is Kline
    assert isinstance(closed, Kline)
    assert (closed.open, closed.high, closed.low, closed.close) == (0.0010, 0.0025, 0.0015, 0.0020)
    assert closed.interval is KlineInterval.MINUTE_1
    assert closed.close_time_ns == 1672515839999000000
    assert (closed.volume, closed.quote_volume, closed.trade_count) == (1000.0, 1.0, 100)


def test_an_unknown_interval_and_unknown_fields_do_not_stop_anything() -> None:
    data = stream_example(327)
    data["k"] |= {"i": "7m", "novelty": [1]}
    bar = MarketDecoder().decode(combined("bnbbtc@kline_7m", data))
    assert isinstance(bar, PartialKline)
    assert bar.interval is KlineInterval.UNRECOGNISED


def test_times_in_microseconds() -> None:
    data = stream_example(262) | {"T": 1741046401000123, "E": 1741046401000456}
    trade = MarketDecoder().decode(combined("bnbbtc@trade", data))
    assert isinstance(trade, Trade)
    assert trade.trade_time_ns == 1741046401000123000


def test_what_is_no_market_data_is_counted() -> None:
    decoder = MarketDecoder()
    frames = [
        combined("!miniTicker@arr", []),
        combined("!serverShutdown", {"e": "serverShutdown"}),
        combined("bnbbtc@horoscope", {"e": "horoscope"}),
        b'{"result":null,"id":1}',
        b'{"e":"horoscope"}',
    ]
    assert [decoder.decode(frame) for frame in frames] == [None] * 5
    assert decoder.ignored == {
        "!miniTicker@arr": 1,
        "!serverShutdown": 1,
        "bnbbtc@horoscope": 1,
        "without type": 1,
        "horoscope": 1,
    }


@pytest.mark.parametrize(
    "frame",
    [
        b"{",
        b"",
        b"\xff",
        combined("bnbbtc@trade", {"e": "trade"}),
        combined("bnbbtc@trade", stream_example(262) | {"p": "NaN"}),
        combined("bnbbtc@depth", stream_example(608) | {"b": [["1"]]}),
        combined("bnbbtc@depth", stream_example(608) | {"b": [["inf", "1"]]}),
    ],
)
def test_a_broken_frame_raises_value_error(frame: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        MarketDecoder().decode(frame)


def test_recorded_frames_of_2024() -> None:
    decoder, kinds = MarketDecoder(), Counter[str]()
    with gzip.open(DATA / "BTCUSDT-frames-2024-08-08.jsonl.gz", "rb") as lines:
        for line in lines:
            record = json.loads(line)
            data = record["data"]
            frame = data.encode() if isinstance(data, str) else msgspec.json.encode(data)
            if record["from"] == "rest":
                assert len(decode_depth_snapshot(frame).bids) == 1000
                continue
            message = decoder.decode(frame, record["received_ns"])
            assert message is not None
            kinds[type(message).__name__] += 1
            plain = json.loads(frame)["data"]
            if isinstance(message, Trade):
                assert message.price == float(plain["p"])
                assert message.receive_time_ns == record["received_ns"]
            elif isinstance(message, DepthUpdate):
                assert message.bids == [(float(p), float(q)) for p, q in plain["b"]]
    assert set(kinds) == {"Trade", "BookTicker", "DepthUpdate"}
    assert decoder.ignored == {}


def test_recorded_frames_of_four_symbols_of_2021() -> None:
    if not FOUR_SYMBOLS.exists():
        pytest.skip("the recording of four symbols is not on this machine")
    decoder, kinds, symbols = MarketDecoder(), Counter[str](), set()
    with gzip.open(FOUR_SYMBOLS, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if record["from"] != "ws" or "data" not in record:
                continue
            message = decoder.decode(msgspec.json.encode(record["data"]))
            assert message is not None
            kinds[type(message).__name__] += 1
            symbols.add(message.symbol)
    assert symbols == {"NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"}
    assert set(kinds) == {"Trade", "BookTicker", "DepthUpdate", "PartialKline"}


def test_past_bars_leave_out_the_one_that_still_grows() -> None:
    closed = [
        1499040000000,
        "0.01",
        "0.8",
        "0.01",
        "0.015",
        "148",
        1499644799999,
        "2434",
        308,
        "17",
        "28",
        "0",
    ]
    growing = [1499644800000, *closed[1:6], 1500249599999, *closed[7:]]
    data = msgspec.json.encode([closed, growing])
    (bar,) = decode_klines(data, "ETHBTC", KlineInterval.WEEK_1, 1500000000000 * 10**6)
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (0.01, 0.8, 0.01, 0.015, 148.0)
    assert (bar.open_time_ns, bar.trade_count) == (1499040000000000000, 308)


def test_stream_names() -> None:
    assert trade_stream("BTCUSDT") == "btcusdt@trade"
    assert aggregate_trade_stream("BTCUSDT") == "btcusdt@aggTrade"
    assert book_ticker_stream("BTCUSDT") == "btcusdt@bookTicker"
    assert depth_stream("BTCUSDT") == "btcusdt@depth@100ms"
    assert kline_stream("BTCUSDT", KlineInterval.MONTH_1) == "btcusdt@kline_1M"
    with pytest.raises(ValueError, match="5, 10 or 20"):
        partial_book_stream("BTCUSDT", 7)


def test_trades_of_a_stream_that_is_known_are_what_they_were_before() -> None:
    decoder = MarketDecoder()
    frame = combined("bnbbtc@trade", stream_example(262))
    first = decoder.decode(frame, 9)
    assert isinstance(first, Trade)
    assert decoder.decode(frame, 9) == first
    spaced = json.dumps(json.loads(frame)).encode()
    assert spaced != frame
    assert decoder.decode(spaced, 9) == first
    other = decoder.decode(combined("bnbbtc@aggTrade", stream_example(238)))
    assert isinstance(other, Trade)
    assert other.receive_time_ns == 0
    with pytest.raises(msgspec.ValidationError):
        decoder.decode(b'{"stream":"bnbbtc@trade","data":{"e":"trade"}}')
