"""Bars from trades: the grid of time, stubs, holes, silence, and thresholds."""

import csv
import gzip
from pathlib import Path

import pytest

from actors.trading.bars import (
    MAXIMUM_FLAT_BARS,
    UNITS,
    Bar,
    BarBuilder,
    Measure,
    ThresholdBars,
    TimeBars,
)
from actors.trading.kline_interval import DAY_NS, HOUR_NS, MINUTE_NS, find_bounds, kline_interval_ns
from messages.enums import Exchanges, FeedState, KlineInterval
from messages.market import FeedStatus, Kline, PartialKline, Trade

SHARED = Path(__file__).parents[2] / "../shared/data"
EXCHANGE = Exchanges.CUSTOM
SECOND_NS = 1_000_000_000
DAY_BEGIN_NS = 1_609_459_200 * SECOND_NS  # 2021-01-01


def make_trade(
    seconds: float, price: float, quantity: float = 1.0, buyer_is_maker: bool = False
) -> Trade:
    return Trade(
        exchange=EXCHANGE,
        symbol="BTCUSDT",
        trade_id=1,
        price=price,
        quantity=quantity,
        buyer_is_maker=buyer_is_maker,
        trade_time_ns=DAY_BEGIN_NS + round(seconds * SECOND_NS),
    )


def make_status(state: FeedState, seconds: float, receive_only: bool = False) -> FeedStatus:
    time_ns = DAY_BEGIN_NS + round(seconds * SECOND_NS)
    return FeedStatus(
        exchange=EXCHANGE,
        symbol="BTCUSDT",
        state=state,
        event_time_ns=0 if receive_only else time_ns,
        receive_time_ns=time_ns,
    )


def make_bars(start: float = 0.0, interval: KlineInterval = KlineInterval.MINUTE_1) -> TimeBars:
    start_time_ns = DAY_BEGIN_NS + round(start * SECOND_NS)
    return TimeBars(EXCHANGE, "BTCUSDT", interval, start_time_ns)


def feed(bars: BarBuilder, *trades: tuple[float, float]) -> list[Bar]:
    return [bar for seconds, price in trades for bar in bars.add(make_trade(seconds, price))]


def shape(bar: Bar) -> tuple[type[Bar], float, tuple[float, float, float, float], int]:
    """Class, begin in seconds of the day, open-high-low-close, number of trades."""
    begin = (bar.open_time_ns - DAY_BEGIN_NS) / SECOND_NS
    return type(bar), begin, (bar.open, bar.high, bar.low, bar.close), bar.trade_count


def test_a_stub_is_not_published_as_a_whole_bar() -> None:
    bars = make_bars(start=55)
    finished = feed(bars, (55, 10), (58, 12), (70, 11), (110, 13), (120, 14))
    assert [shape(bar) for bar in finished] == [
        (PartialKline, 0, (10, 12, 10, 12), 2),
        (Kline, 60, (11, 13, 11, 13), 2),
    ]
    growing = bars.partial()
    assert growing is not None
    assert shape(growing) == (PartialKline, 120, (14, 14, 14, 14), 1)


def test_a_bar_that_begins_exactly_at_the_start_is_whole() -> None:
    finished = feed(make_bars(start=0), (0.3, 10), (61, 11))
    assert [shape(bar) for bar in finished] == [(Kline, 0, (10, 10, 10, 10), 1)]
    late = feed(make_bars(start=0.000000001), (0.3, 10), (61, 11))
    assert [type(bar) for bar in late] == [PartialKline]


def test_time_alone_ends_a_bar_and_tells_silent_intervals() -> None:
    bars = make_bars()
    feed(bars, (1, 10), (2, 12))
    assert bars.advance(DAY_BEGIN_NS + 60 * SECOND_NS - 1) == []
    finished = bars.advance(DAY_BEGIN_NS + 60 * SECOND_NS)
    assert [shape(bar) for bar in finished] == [(Kline, 0, (10, 12, 10, 12), 2)]
    assert finished[0].close_time_ns == DAY_BEGIN_NS + 60 * SECOND_NS - 1
    assert bars.partial() is None
    assert bars.advance(DAY_BEGIN_NS + 119 * SECOND_NS) == []
    flat = feed(bars, (185, 9))
    assert [shape(bar) for bar in flat] == [
        (Kline, 60, (12, 12, 12, 12), 0),
        (Kline, 120, (12, 12, 12, 12), 0),
    ]
    assert [bar.volume for bar in flat] == [0, 0]
    assert [shape(bar) for bar in feed(bars, (241, 9))] == [(Kline, 180, (9, 9, 9, 9), 1)]


def test_a_late_trade_is_counted_and_changes_nothing() -> None:
    bars = make_bars()
    feed(bars, (1, 10), (61, 11))
    assert feed(bars, (59, 99)) == []
    assert bars.late_trades == 1
    assert [shape(bar)[2] for bar in feed(bars, (121, 12))] == [(11, 11, 11, 11)]


def test_a_hole_spoils_the_bars_it_touches_and_no_other() -> None:
    bars = make_bars()
    finished = feed(bars, (1, 10), (61, 11))
    bars.on_feed_status(make_status(FeedState.GAP, 70))
    bars.on_feed_status(make_status(FeedState.GAP, 71))
    bars.on_feed_status(make_status(FeedState.LIVE, 200))
    bars.on_feed_status(make_status(FeedState.LIVE, 201))
    finished += feed(bars, (210, 12), (241, 13), (301, 14))
    assert [shape(bar)[:2] for bar in finished] == [
        (Kline, 0),
        (PartialKline, 60),
        (PartialKline, 180),
        (Kline, 240),
    ]


def test_a_feed_that_comes_back_on_the_boundary_gives_a_whole_bar() -> None:
    bars = make_bars()
    finished = feed(bars, (1, 10))
    bars.on_feed_status(make_status(FeedState.DISCONNECTED, 30))
    bars.on_feed_status(make_status(FeedState.LIVE, 120, receive_only=True))
    finished += feed(bars, (121, 11), (181, 12))
    assert [shape(bar)[:2] for bar in finished] == [(PartialKline, 0), (Kline, 120)]


def test_trades_told_while_the_feed_is_down_make_no_whole_bar() -> None:
    bars = make_bars()
    bars.on_feed_status(make_status(FeedState.GAP, 0))
    finished = feed(bars, (1, 10), (61, 11), (121, 12))
    assert [type(bar) for bar in finished] == [PartialKline, PartialKline]
    assert bars.advance(DAY_BEGIN_NS + 600 * SECOND_NS)[1:] == []


def test_a_stale_feed_has_lost_nothing() -> None:
    bars = make_bars()
    feed(bars, (1, 10))
    bars.on_feed_status(make_status(FeedState.STALE, 30))
    bars.on_feed_status(make_status(FeedState.LIVE, 40))
    assert [type(bar) for bar in feed(bars, (61, 11))] == [Kline]


def test_a_gap_of_our_own_mailbox_spoils_the_bars_of_both_its_ends() -> None:
    bars = make_bars()
    feed(bars, (1, 10))
    bars.mark_hole()
    finished = feed(bars, (130, 11), (181, 12), (241, 13))
    assert [shape(bar)[:2] for bar in finished] == [
        (PartialKline, 0),
        (PartialKline, 120),
        (Kline, 180),
    ]


def test_a_long_silence_is_a_hole_and_not_a_flood() -> None:
    bars = make_bars(interval=KlineInterval.SECOND_1)
    feed(bars, (0.5, 10))
    assert len(feed(bars, (MAXIMUM_FLAT_BARS + 1.5, 11))) == MAXIMUM_FLAT_BARS + 1
    finished = feed(bars, (10_000_000, 12), (10_000_001, 13), (10_000_002, 14))
    assert [type(bar) for bar in finished] == [Kline, PartialKline, Kline]


def test_volumes_are_exact() -> None:
    bars = make_bars()
    for quantity in (0.1, 0.2, 0.3, 0.00000001):
        bars.add(make_trade(1, 0.1, quantity, buyer_is_maker=quantity == 0.2))
    bar = bars.advance(DAY_BEGIN_NS + MINUTE_NS)[0]
    assert bar.volume == 0.60000001
    assert bar.quote_volume == 0.060000001
    assert bar.taker_buy_volume == 0.40000001
    assert bar.taker_buy_quote_volume == 0.040000001


@pytest.mark.parametrize(
    ("measure", "threshold", "counts"),
    [(Measure.TRADES, 2, [2, 2]), (Measure.VOLUME, 1.5, [2, 1]), (Measure.TURNOVER, 30, [3, 1])],
)
def test_threshold_bars(measure: Measure, threshold: float, counts: list[int]) -> None:
    bars = ThresholdBars(EXCHANGE, "BTCUSDT", measure, threshold)
    finished = []
    for seconds, price, quantity in ((1, 10, 1), (2, 12, 0.5), (3, 11, 2), (9, 15, 2)):
        finished += bars.add(make_trade(seconds, price, quantity))
    assert [bar.trade_count for bar in finished][: len(counts)] == counts
    first = finished[0]
    assert type(first) is Kline
    assert first.interval is KlineInterval.UNRECOGNISED
    assert first.open_time_ns == DAY_BEGIN_NS + SECOND_NS
    assert first.close_time_ns == DAY_BEGIN_NS + (2 if counts[0] == 2 else 3) * SECOND_NS
    assert bars.advance(DAY_BEGIN_NS + DAY_NS) == []


def test_a_threshold_bar_with_a_hole_is_not_whole() -> None:
    bars = ThresholdBars(EXCHANGE, "BTCUSDT", Measure.TRADES, 2)
    finished = feed(bars, (1, 10))
    bars.on_feed_status(make_status(FeedState.GAP, 2))
    finished += feed(bars, (3, 10), (4, 10))
    bars.on_feed_status(make_status(FeedState.LIVE, 5))
    finished += feed(bars, (6, 10), (7, 10), (8, 10))
    assert [type(bar) for bar in finished] == [PartialKline, PartialKline, Kline]


@pytest.mark.parametrize("threshold", [0, -1, float("nan"), float("inf")])
def test_a_threshold_is_above_zero(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        ThresholdBars(EXCHANGE, "BTCUSDT", Measure.VOLUME, threshold)


def test_interval_lengths() -> None:
    assert kline_interval_ns(KlineInterval.SECOND_1) == SECOND_NS
    assert kline_interval_ns(KlineInterval.MINUTE_15) == 15 * MINUTE_NS
    assert kline_interval_ns(KlineInterval.HOUR_12) == 12 * HOUR_NS
    assert kline_interval_ns(KlineInterval.WEEK_1) == 7 * DAY_NS
    for interval in (KlineInterval.MONTH_1, KlineInterval.UNRECOGNISED):
        with pytest.raises(ValueError, match="no fixed length"):
            kline_interval_ns(interval)


def test_weeks_begin_on_monday_and_months_by_the_calendar() -> None:
    friday = DAY_BEGIN_NS + 5 * HOUR_NS  # 2021-01-01
    monday = DAY_BEGIN_NS - 4 * DAY_NS  # 2020-12-28
    assert find_bounds(KlineInterval.WEEK_1, friday) == (monday, monday + 7 * DAY_NS)
    assert find_bounds(KlineInterval.MONTH_1, friday) == (
        DAY_BEGIN_NS,
        DAY_BEGIN_NS + 31 * DAY_NS,
    )
    december = (DAY_BEGIN_NS - 31 * DAY_NS, DAY_BEGIN_NS)
    assert find_bounds(KlineInterval.MONTH_1, DAY_BEGIN_NS - 1) == december
    for interval in KlineInterval:
        if interval is not KlineInterval.UNRECOGNISED:
            begin_ns, end_ns = find_bounds(interval, friday)
            assert begin_ns <= friday < end_ns
            assert find_bounds(interval, begin_ns) == find_bounds(interval, end_ns - 1)
            assert find_bounds(interval, end_ns)[0] == end_ns


def test_a_day_of_real_trades_adds_up() -> None:
    path = SHARED / "BTCUSDT-trades-2019-04-01.csv.gz"
    if not path.exists():
        pytest.skip(f"needs the recorded trades {path.name}")
    bars = TimeBars(EXCHANGE, "BTCUSDT", KlineInterval.MINUTE_1, 1_554_076_800 * SECOND_NS)
    finished: list[Bar] = []
    units = 0
    with gzip.open(path, "rt", newline="") as file:
        for number, row in enumerate(csv.reader(file)):
            if number == 40_000:
                break
            units += round(float(row[2]) * UNITS)
            trade = make_trade(0, float(row[1]), float(row[2]), row[5] == "True")
            trade.trade_time_ns = int(row[4]) * 1_000_000
            finished += bars.add(trade)
    growing = bars.partial()
    assert growing is not None
    assert sum(bar.trade_count for bar in finished) + growing.trade_count == 40_000
    assert sum(round(bar.volume * UNITS) for bar in [*finished, growing]) == units
    assert bars.late_trades == 0
    assert all(type(bar) is Kline for bar in finished)
    opens = [bar.open_time_ns for bar in finished]
    assert opens == [opens[0] + index * MINUTE_NS for index in range(len(opens))]
    assert all(bar.low <= min(bar.open, bar.close) for bar in finished)
    assert all(bar.high >= max(bar.open, bar.close) for bar in finished)
