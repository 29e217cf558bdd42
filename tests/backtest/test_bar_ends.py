"""Bars that are built from trades are told when they end, as a venue tells its own, and never with a hole."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from actors.backtest.engine import run_backtest
from actors.backtest.latency import Latency
from actors.backtest.settings import BacktestSettings
from actors.backtest.source import MarketData
from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy
from messages.enums import Exchanges, FeedState, KlineInterval
from messages.market import FeedStatus, Kline, PartialKline, Trade
from tests.backtest.data.files import load, trade_row, write_lines
from tests.backtest.markets import SECOND, START, make_data, trade

Heard = tuple[float, str, float, int]


class Listener(Strategy):
    """Notes what it hears, and when."""

    heard: ClassVar[list[Heard]] = []

    def __init__(self, symbol: str, interval: KlineInterval = KlineInterval.MINUTE_1) -> None:
        self.symbol, self.interval = symbol, interval
        Listener.heard.clear()

    def on_kline(self, kline: Kline) -> None:
        """One that was finished."""
        assert kline.receive_time_ns >= kline.event_time_ns == kline.close_time_ns + 1
        self._note("bar", kline.close, kline.trade_count)

    def on_partial_kline(self, kline: PartialKline) -> None:
        """One of which something is missing."""
        self._note("part", kline.close, kline.trade_count)

    def on_trade(self, trade: Trade) -> None:
        """A trade."""
        self._note("trade", trade.price, 1)

    def _note(self, what: str, price: float, count: int) -> None:
        self.heard.append(((self.now_ns - START) / SECOND, what, price, count))


def listen(
    data: MarketData,
    settings: BacktestSettings | None = None,
    interval: KlineInterval = KlineInterval.MINUTE_1,
) -> list[Heard]:
    terms = {"symbol": "BTCUSDT", "interval": interval}
    run_backtest(data, [ActorSpecification(Listener, "listener", terms)], settings)
    return list(Listener.heard)


def bars_of(heard: Sequence[Heard]) -> list[Heard]:
    return [item for item in heard if item[1] != "trade"]


def status(at_s: float, state: FeedState) -> FeedStatus:
    time_ns = START + round(at_s * SECOND)
    return FeedStatus(
        exchange=Exchanges.BINANCE, symbol="BTCUSDT", state=state, receive_time_ns=time_ns
    )


def test_rare_trades_do_not_delay_them() -> None:
    market = [trade(0, 100.0), trade(10, 101.0), trade(290, 102.0), trade(300, 103.0)]
    expected: list[Heard] = [
        (0, "trade", 100.0, 1),
        (10, "trade", 101.0, 1),
        (60, "bar", 101.0, 2),
        *((at_s, "bar", 101.0, 0) for at_s in (120, 180, 240)),
        (290, "trade", 102.0, 1),
        (300, "bar", 102.0, 1),
        (300, "trade", 103.0, 1),
    ]
    assert listen(make_data(market)) == expected
    # Also among trades of another symbol, in chunks of any size; its own end before the others do.
    others = [trade(at_s, 5.0, symbol="ETHUSDT") for at_s in range(1, 500, 7)]
    both = sorted([*market, *others], key=lambda item: item.receive_time_ns)
    for size in (1, 3, 256):
        assert listen(make_data(both, size)) == expected


def test_no_bar_is_told_of_what_lies_behind_the_end_of_the_data(tmp_path: Path) -> None:
    rows = [
        trade_row(number, START // 10**6 + at_s * 1000, f"{number}.0")
        for number, at_s in enumerate((0, 10, 290, 300), 1)
    ]
    data = load(tmp_path, write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows))
    whole = bars_of(listen(data))
    assert [item[0] for item in whole] == [60, 120, 180, 240, 300]
    for end_s in (60, 61, 120, 200, 295):
        cut = data.within(0, START + end_s * SECOND)
        assert bars_of(listen(cut)) == [item for item in whole if item[0] < end_s]


def test_a_hole_that_is_found_later_leaves_no_bar_whole() -> None:
    market: list[Any] = [
        trade(0, 100.0),
        trade(61, 101.0),
        status(250, FeedState.GAP),
        status(250, FeedState.LIVE),
        trade(250, 102.0),
        trade(301, 103.0),
        trade(361, 104.0),
    ]
    assert bars_of(listen(make_data(market))) == [
        (60, "bar", 100.0, 1),
        (120, "part", 101.0, 1),
        (300, "part", 102.0, 1),
        (360, "bar", 103.0, 1),
    ]


def test_a_hole_within_a_file(tmp_path: Path) -> None:
    begin_ms = START // 10**6
    rows = [
        trade_row(number, begin_ms + at_s * 1000, f"{number}.0")
        for number, at_s in ((1, 0), (2, 61), (5, 600), (6, 661), (7, 721))
    ]
    others = [trade_row(number, begin_ms + number * 500) for number in range(2_000)]
    files = [
        write_lines(tmp_path / "BTCUSDT-trades-x.csv", rows),
        write_lines(tmp_path / "ETHUSDT-trades-x.csv", others),
    ]
    expected = [
        (60, "bar", 1.0, 1),
        (120, "part", 2.0, 1),
        (660, "bar", 5.0, 1),
        (720, "bar", 6.0, 1),
    ]
    assert bars_of(listen(load(tmp_path, *files))) == expected
    assert bars_of(listen(load(tmp_path, files[0]))) == expected
    cut = load(tmp_path, *files).within(0, START + 130 * SECOND)
    assert bars_of(listen(cut)) == expected[:2]


def test_a_trade_that_is_on_its_way_at_the_end_is_waited_for() -> None:
    late = trade(59.9, 101.0)
    late.receive_time_ns += SECOND
    after = trade(60.5, 102.0)
    after.receive_time_ns += SECOND
    market = [trade(0, 100.0), late, after, trade(200, 103.0)]
    assert [item[1:] for item in bars_of(listen(make_data(market)))[:2]] == [
        ("bar", 101.0, 2),
        ("bar", 102.0, 1),
    ]
    times = [item[0] for item in bars_of(listen(make_data(market)))]
    assert times == [60.900000001, 120, 180]


def test_they_come_late_where_the_feed_does() -> None:
    market = [trade(0, 100.0), trade(59.99, 101.0), trade(60, 102.0), trade(200, 103.0)]
    settings = BacktestSettings(feed_latency=Latency(50_000_000))
    assert listen(make_data(market), settings)[:4] == [
        (0.05, "trade", 100.0, 1),
        (60.04, "trade", 101.0, 1),
        (60.05, "bar", 101.0, 2),
        (60.05, "trade", 102.0, 1),
    ]


def test_a_month_without_a_trade_is_told_bar_by_bar() -> None:
    market = [trade(0, 100.0), trade(30 * 86_400, 101.0)]
    found = bars_of(listen(make_data(market), interval=KlineInterval.HOUR_1))
    assert [item[0] for item in found] == [3_600 * number for number in range(1, 721)]
