"""What is missing in data is told to strategies as a live feed tells it, ahead of the first message after it."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.backtest.engine import run_backtest
from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy
from messages.enums import FeedState
from messages.market import FeedStatus, Trade
from tests.backtest.data.files import kline_row, load, messages_of, trade_row, write_lines

START_MS = 1_700_000_000_000
MINUTE_MS = 60_000


def told(messages: list[Any]) -> list[Any]:
    """Of a feed's words their state and what is missing, of all else the class."""
    return [
        (item.state, item.missed) if isinstance(item, FeedStatus) else type(item).__name__
        for item in messages
    ]


def test_missing_trades(tmp_path: Path) -> None:
    rows = [trade_row(number, START_MS + number) for number in (1, 2, 6, 7)]
    path = write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows)
    found = messages_of(load(tmp_path, path))
    gap, live = (FeedState.GAP, 3), (FeedState.LIVE, 0)
    assert told(found) == ["Trade", "Trade", gap, live, "Trade", "Trade"]
    assert found[2].receive_time_ns == found[4].receive_time_ns
    assert "3 missing" in found[2].reason


def test_missing_bars(tmp_path: Path) -> None:
    opens = [START_MS + number * MINUTE_MS for number in (0, 1, 4)]
    rows = [kline_row(begin, begin + MINUTE_MS - 1) for begin in opens]
    path = write_lines(tmp_path / "BTCUSDT-1m-x.csv", rows)
    found = told(messages_of(load(tmp_path, path)))
    assert found == ["Kline", "Kline", (FeedState.GAP, 2), (FeedState.LIVE, 0), "Kline"]


def test_a_silence_where_there_are_no_ids(tmp_path: Path) -> None:
    rows = ["time,price,qty", f"{START_MS},100,1", f"{START_MS + 315_000},100,1"]
    path = write_lines(tmp_path / "BTCUSDT-x.csv", rows)
    found = messages_of(load(tmp_path, path))
    assert told(found) == ["Trade", (FeedState.GAP, 0), (FeedState.LIVE, 0), "Trade"]
    assert "315 s" in found[1].reason


def test_a_hole_in_an_order_book_lasts_until_the_next_snapshot(tmp_path: Path) -> None:
    def difference(first: int, last: int) -> str:
        frame = {"e": "depthUpdate", "E": START_MS + last, "s": "BTCUSDT", "U": first, "u": last}
        frame |= {"b": [["99.0", "1.0"]], "a": [["101.0", "1.0"]]}
        return json.dumps({"received_ns": (START_MS + last) * 10**6, "data": frame})

    def snapshot(number: int) -> str:
        data = {"lastUpdateId": number, "bids": [["99.0", "2.0"]], "asks": [["101.0", "2.0"]]}
        request = "/api/v3/depth?symbol=BTCUSDT&limit=1000"
        return json.dumps({"received_ns": START_MS * 10**6, "request": request, "data": data})

    lines = [snapshot(10), difference(11, 12), difference(15, 16), difference(17, 18)]
    lines += [snapshot(20), difference(21, 22)]
    path = write_lines(tmp_path / "BTCUSDT-frames-x.jsonl", lines)
    found = told(messages_of(load(tmp_path, path)))
    assert found == ["OrderBook", (FeedState.GAP, 0), (FeedState.LIVE, 0), "OrderBook"]


def test_rows_that_were_put_in_their_place_leave_no_hole(tmp_path: Path) -> None:
    rows = [trade_row(number, START_MS + number) for number in (1, 2, 5, 3, 4, 6)]
    path = write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows)
    assert told(messages_of(load(tmp_path, path, repair=True))) == ["Trade"] * 6


class Listener(Strategy):
    """Notes what it hears, and buys after each hole."""

    heard: list[Any]

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        Listener.heard = []

    def on_feed_status(self, status: FeedStatus) -> None:
        self.heard.append((status.state, status.missed))
        if status.state is FeedState.GAP:
            self.buy(self.symbol, Decimal("0.01"))

    def on_trade(self, trade: Trade) -> None:
        self.heard.append(trade.trade_id)


def test_a_strategy_hears_of_it_in_time(tmp_path: Path) -> None:
    rows = [trade_row(number, START_MS + number) for number in (1, 2, 6, 7)]
    path = write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows)
    actor = ActorSpecification(Listener, "listener", {"symbol": "BTCUSDT"})
    run = run_backtest(load(tmp_path, path), [actor])
    live = (FeedState.LIVE, 0)
    assert Listener.heard == [live, 1, 2, (FeedState.GAP, 3), live, 6, 7]
    assert run.failure is None
    (order,) = run.record.orders.values()
    assert order.created_time_ns == (START_MS + 6) * 10**6
