"""Every file of the shared market data folder that has trades, quotes or bars, where that folder is there."""

from pathlib import Path

import pytest

from actors.backtest.data_files import DataFile
from tests.backtest.data.files import load

SHARED = Path(__file__).parents[4] / "shared" / "data"
EXPECTED: dict[str, dict[str, int]] = {
    "BTCUSDT-trades-2021-01-08.csv": {"Trade BTCUSDT ": 2001},
    "BTCUSDT-bookTicker-2021-01-08.csv": {"BookTicker BTCUSDT ": 451},
    "BTCUSDT-1m-2020-12-01.csv": {"Kline BTCUSDT 1m": 1441},
    "BTC-PERP-1m-2022-01.csv.gz": {"Kline BTC-PERP 1m": 45_031},
    "BTCUSDT-trades-2019-04-01.csv.gz": {"Trade BTCUSDT ": 183_355},
    "BTCUSDT-trades-2022-01-15.parquet": {"FeedStatus BTCUSDT ": 2, "Trade BTCUSDT ": 451_466},
    "LTCUSDT-aggTrades-2025-06-21.csv.gz": {"FeedStatus LTCUSDT ": 52, "Trade LTCUSDT ": 152_763},
    "BTCUSDT-aggTrades-2020-11-01.csv.gz": {"Trade BTCUSDT ": 33_835},
    "ETHUSDT-aggTrades-2020-11-01.csv.gz": {"Trade ETHUSDT ": 8_905},
    "ETHBTC-aggTrades-2020-11-01.csv.gz": {"Trade ETHBTC ": 3_501},
    "BTCUSDT-aggTrades-2026-01-01.csv.gz": {"Trade BTCUSDT ": 5_000},
    "TRXUSDT-trades-2025-03-04-us.csv.gz": {"Trade TRXUSDT ": 10_000},
    "LTCUSDT-usdm-1m-2026-02.csv.gz": {"Kline LTCUSDT 1m": 40_320},
    "BTCUSDT-usdm-5m-2025-10.csv.gz": {"Kline BTCUSDT 5m": 8_928},
    "five-symbols-1m-2026-03-23.csv.gz": {
        f"Kline {symbol}USDT 1m": 43_199 for symbol in ("BNB", "BTC", "ETH", "SOL", "XRP")
    },
    "BTCUSDT-frames-2024-08-08.jsonl.gz": {
        "BookTicker BTCUSDT ": 73_174,
        "OrderBook BTCUSDT ": 6_492,
        "Trade BTCUSDT ": 19_904,
    },
    "BTCUSDT-usdm-frames-2024-08-08.jsonl.gz": {
        "BookTicker BTCUSDT ": 66_089,
        "OrderBook BTCUSDT ": 6_545,
        "Trade BTCUSDT ": 21_313,
    },
    "four-symbols-frames-2021-10-12.jsonl.gz": {
        "BookTicker BLZETH ": 1,
        "BookTicker LRCBTC ": 9,
        "BookTicker NKNUSDT ": 74,
        "OrderBook BLZETH ": 9,
        "OrderBook LRCBTC ": 13,
        "OrderBook NKNUSDT ": 149,
        "OrderBook RUNEEUR ": 1,
        "PartialKline LRCBTC 1m": 1,
        "PartialKline NKNUSDT 1m": 1,
        "Trade LRCBTC ": 1,
        "Trade NKNUSDT ": 1,
    },
    "ETHBTC-depth-2020-11-01.jsonl.gz": {"OrderBook ETHBTC ": 7_197},
    "BTCUSDT-usdm-clip-2026-03-04.jsonl.gz": {"OrderBook BTCUSDT ": 7, "Trade BTCUSDT ": 69},
}
"""By class, symbol and interval. An order book is published from the first difference after a snapshot on."""
OTHERS = {
    "BTC-PERP-EMA-cross-fills.csv.gz",
    "README.md",
    "binance-examples.jsonl",
    "binance-user-frames.jsonl",
    "published-backtests.json",
}
"""What holds no market data."""
GAPS = {"LTCUSDT-aggTrades-2025-06-21.csv.gz": (25_595, "26 gaps")}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_loads_whole(name: str, tmp_path: Path) -> None:
    path = SHARED / name
    if not path.exists():
        pytest.skip("the shared market data are not here")
    data = load(tmp_path, DataFile(path))
    found = {
        f"{item.message_class} {item.symbol} {item.interval}": item.count for item in data.streams
    }
    assert found == EXPECTED[name]
    assert sum(chunk.message_count for chunk in data.chunks()) == sum(found.values())
    gaps = [note for note in data.notes if note.kind == "gap"]
    if name in GAPS:
        count, text = GAPS[name]
        assert [note.count for note in gaps] == [count]
        assert text in gaps[0].text
    else:
        assert not gaps


def test_no_file_is_left_out() -> None:
    if not SHARED.exists():
        pytest.skip("the shared market data are not here")
    assert {path.name for path in SHARED.iterdir()} == EXPECTED.keys() | OTHERS
