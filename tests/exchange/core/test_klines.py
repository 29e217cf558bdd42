"""Klines: alignment, gaps, the running bar, bounds."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.exchange.klines import KLINES_KEPT, SECONDS, Kline, KlineBuilder, period_start
from actors.exchange.orders import PublicTrade
from actors.exchange.tape import Tape
from messages.enums import KlineInterval

MINUTE = KlineInterval.MINUTE_1
INTERVALS = [interval for interval in KlineInterval if interval is not KlineInterval.UNRECOGNISED]


def at(text: str) -> int:
    """Microseconds of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


def trade(
    time_us: int, price: str, quantity: str = "1", is_buyer_maker: bool = False, trade_id: int = 1
) -> PublicTrade:
    amount = Decimal(price) * Decimal(quantity)
    return PublicTrade(trade_id, Decimal(price), Decimal(quantity), amount, time_us, is_buyer_maker)


def prices(kline: Kline | None) -> list[Decimal]:
    assert kline is not None
    return [kline.open, kline.high, kline.low, kline.close]


def test_running_bar_adds_up_its_trades() -> None:
    builder = KlineBuilder()
    start = at("2024-03-01 12:00:00")
    builder.add(trade(start, "10", "2", trade_id=7))
    builder.add(trade(start + 1_500_000, "12", "1", is_buyer_maker=True, trade_id=8))
    builder.add(trade(start + 59_999_999, "9", "3", trade_id=9))
    bar = builder.current(MINUTE, start + 59_999_999)
    assert bar is not None
    assert prices(bar) == [10, 12, 9, 9]
    assert [bar.volume, bar.quote_volume, bar.taker_buy_volume] == [6, 59, 5]
    assert (bar.trades, bar.first_trade_id, bar.last_trade_id) == (3, 7, 9)
    assert (bar.open_time_ms, bar.close_time_ms) == (start // 1000, start // 1000 + 59_999)
    assert not bar.is_closed


def test_bar_closes_when_its_time_is_over_even_without_a_trade() -> None:
    builder = KlineBuilder()
    start = at("2024-03-01 12:00:30")
    builder.add(trade(start, "10"))
    bars = builder.range(MINUTE, start + 30_000_000)
    assert [bar.is_closed for bar in bars] == [True, False]
    assert prices(bars[1]) == [10, 10, 10, 10]
    assert (bars[1].trades, bars[1].volume, bars[1].first_trade_id) == (0, Decimal(0), -1)


def test_first_trade_opens_a_bar_that_began_without_one() -> None:
    builder = KlineBuilder()
    start = at("2024-03-01 12:00:00")
    builder.add(trade(start, "10"))
    builder.advance(start + 70_000_000)
    builder.add(trade(start + 75_000_000, "20"))
    assert prices(builder.current(MINUTE, start + 76_000_000)) == [20, 20, 20, 20]


def test_quiet_periods_have_flat_bars() -> None:
    builder = KlineBuilder()
    start = at("2024-03-01 12:00:00")
    builder.add(trade(start, "10"))
    builder.add(trade(start + 181_000_000, "11"))
    bars = builder.range(MINUTE, start + 181_000_000)
    assert [bar.close for bar in bars] == [10, 10, 10, 11]
    assert [bar.trades for bar in bars] == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("interval", "moment", "start"),
    [
        (KlineInterval.WEEK_1, "2024-03-03 23:59:59", "2024-02-26"),
        (KlineInterval.WEEK_1, "2024-03-04 00:00:00", "2024-03-04"),
        (KlineInterval.MONTH_1, "2024-02-29 23:59:59", "2024-02-01"),
        (KlineInterval.MONTH_1, "2023-12-31 12:00:00", "2023-12-01"),
        (KlineInterval.DAY_1, "2024-03-03 23:59:59", "2024-03-03"),
        (KlineInterval.HOUR_8, "2024-03-03 17:00:00", "2024-03-03 16:00:00"),
    ],
)
def test_periods_are_aligned_in_utc(interval: KlineInterval, moment: str, start: str) -> None:
    assert period_start(interval, at(moment) // 1_000_000) == at(start) // 1_000_000


def test_month_ends_with_its_last_millisecond() -> None:
    builder = KlineBuilder()
    builder.add(trade(at("2024-02-10 00:00:00"), "10"))
    bar = builder.current(KlineInterval.MONTH_1, at("2024-02-10 00:00:00"))
    assert bar is not None
    assert bar.close_time_ms == at("2024-03-01 00:00:00") // 1000 - 1


def test_history_is_bounded_also_after_a_long_silence() -> None:
    builder = KlineBuilder()
    start = at("2024-03-01 12:00:00")
    builder.add(trade(start, "10"))
    later = start + 400 * 86_400 * 1_000_000
    bars = builder.range(KlineInterval.SECOND_1, later, limit=5000)
    assert len(bars) == KLINES_KEPT
    steps = {b.open_time_ms - a.open_time_ms for a, b in pairwise(bars)}
    assert steps == {1000}
    assert bars[-1].open_time_ms == later // 1000
    assert len(builder.range(KlineInterval.MONTH_1, later)) == 14


def test_range_by_start_end_and_limit() -> None:
    builder = KlineBuilder()
    start = at("2024-03-01 12:00:00")
    for minute in range(10):
        builder.add(trade(start + minute * 60_000_000, str(100 + minute)))
    now_us = start + 9 * 60_000_000
    first_ms = start // 1000

    def closes(
        start_ms: int | None = None, end_ms: int | None = None, limit: int = 500
    ) -> list[int]:
        return [int(bar.close) for bar in builder.range(MINUTE, now_us, start_ms, end_ms, limit)]

    assert closes(limit=2) == [108, 109]
    assert closes(start_ms=first_ms + 1, limit=2) == [101, 102]
    assert closes(end_ms=first_ms + 180_000, limit=2) == [102, 103]
    assert closes(first_ms + 60_000, first_ms + 180_000) == [101, 102, 103]


def test_nothing_before_the_first_trade() -> None:
    builder = KlineBuilder()
    assert builder.current(MINUTE, 1_700_000_000_000_000) is None
    assert builder.range(MINUTE, 1_700_000_000_000_000) == []


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 100_000_000), st.integers(1, 50), st.integers(1, 9), st.booleans()
        ),
        min_size=1,
        max_size=60,
    )
)
def test_every_interval_adds_up_to_the_same_trades(
    steps: list[tuple[int, int, int, bool]],
) -> None:
    builder, now_us = KlineBuilder(), at("2024-02-28 23:50:00")
    trades = []
    for number, (gap_us, price, quantity, sold) in enumerate(steps):
        now_us += gap_us
        trades.append(trade(now_us, str(price), str(quantity), sold, number))
        builder.add(trades[-1])
    for interval in INTERVALS:
        for bar in builder.range(interval, now_us, limit=5000):
            own = [
                t
                for t in trades
                if bar.open_time_ms * 1000 <= t.time_us < (bar.close_time_ms + 1) * 1000
            ]
            assert bar.trades == len(own)
            assert bar.volume == sum(t.quantity for t in own)
            assert bar.taker_buy_volume == sum(t.quantity for t in own if not t.is_buyer_maker)
            if own:
                paid = [t.price for t in own]
                assert prices(bar) == [paid[0], max(paid), min(paid), paid[-1]]
                assert (bar.first_trade_id, bar.last_trade_id) == (
                    own[0].trade_id,
                    own[-1].trade_id,
                )
            if interval in SECONDS:
                length_ms = bar.close_time_ms + 1 - bar.open_time_ms
                assert length_ms == SECONDS[interval] * 1000


def test_average_price_is_that_of_five_minutes_then_the_last() -> None:
    tape, start = Tape(), at("2024-03-01 12:00:00")
    assert tape.average_price(start) is None
    tape.add(trade(start, "10", "3"))
    tape.add(trade(start + 299_000_000, "20", "1"))
    assert tape.average_price(start + 299_000_000) == Decimal("12.5")
    assert tape.average_price(start + 301_000_000) == 20
    assert tape.average_price(start + 3_600_000_000) == 20
