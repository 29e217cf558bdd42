"""The exchange's synthetic market as data."""

from pathlib import Path

import pytest

from actors.backtest.arguments import parse_data_files
from actors.backtest.errors import DataError
from messages.market import BookTicker, Trade
from tests.backtest.data.files import load, messages_of


def test_equal_words_make_equal_data(tmp_path: Path) -> None:
    words = ["synthetic:ETHUSDT:60:20:3", "synthetic:ETHUSDT:60:20:4"]
    (one, other), (again, _) = parse_data_files(words), parse_data_files(words)
    data = load(tmp_path / "a", one)
    assert load(tmp_path / "b", again).digest == data.digest != load(tmp_path / "b", other).digest
    messages = messages_of(data)
    trades = [item for item in messages if isinstance(item, Trade)]
    assert 800 < len(trades) < 1800
    assert [item.trade_id for item in trades] == list(range(1, len(trades) + 1))
    tickers = [item for item in messages if isinstance(item, BookTicker)]
    assert all(0 < item.bid_price < item.ask_price for item in tickers)
    assert not data.notes
    assert (data.last_time_ns - data.first_time_ns) < 60 * 10**9


@pytest.mark.parametrize(
    "word", ["synthetic:", "synthetic:NOTHING", "synthetic:BTCUSDT:0", "synthetic:BTCUSDT:1:x"]
)
def test_other_words_are_refused(word: str) -> None:
    with pytest.raises(DataError, match="write synthetic:SYMBOL:SECONDS:RATE:SEED"):
        parse_data_files([word])
