"""Klines of UTC+8: they open and close in that zone, and their times are UTC's (web-socket-streams.md:353)."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from actors.exchange.times import TimeUnit
from actors.exchange.topics import KlineTopic, Topic, ZonedKlineTopic, make_topic
from actors.exchange.zoned_klines import is_the_same_everywhere, zoned_kline, zoned_klines
from messages.enums import KlineInterval

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench

SECOND = 1_000_000


def at(text: str) -> int:
    """Microseconds since the epoch of a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


class Ears:
    """Hears one stream."""

    is_combined = False
    time_unit = TimeUnit.MILLISECOND

    def __init__(self, topic: Topic) -> None:
        self.klines: list[dict[str, Any]] = []
        topic.subscribers[self] = None

    def write(self, frame: bytes) -> None:
        """Takes a frame of more than 125 and less than 65536 bytes."""
        self.klines.append(msgspec.json.decode(frame[4:])["k"])


@pytest.mark.parametrize(
    ("interval", "opens", "closes"),
    [
        ("6h", "2024-01-31 22:00:00", "2024-02-01 04:00:00"),
        ("12h", "2024-01-31 16:00:00", "2024-02-01 04:00:00"),
        ("1d", "2024-01-31 16:00:00", "2024-02-01 16:00:00"),
        ("1w", "2024-01-28 16:00:00", "2024-02-04 16:00:00"),
        ("1M", "2024-01-31 16:00:00", "2024-02-29 16:00:00"),
    ],
)
def test_periods_begin_and_end_in_the_zone(
    bench: "Bench", interval: str, opens: str, closes: str
) -> None:
    bench.now_us = at("2024-02-01 02:30:00")
    trader = bench.account("a")
    bench.sell(trader, "1", "100")
    bench.buy(trader, "1", "100")
    second = bench.now_us // SECOND
    found = zoned_kline(bench.venue, bench.symbol, KlineInterval(interval), 8, second)
    assert found is not None
    assert (found.open_time_ms, found.close_time_ms) == (at(opens) // 1000, at(closes) // 1000 - 1)
    assert (found.trades, str(found.close), found.is_closed) == (1, "100", False)


@pytest.mark.parametrize("interval", ["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "8h"])
def test_short_ones_are_those_of_utc(bench: "Bench", interval: str) -> None:
    assert is_the_same_everywhere(KlineInterval(interval), 8)
    topic = make_topic(bench.venue, f"ltcusdt@kline_{interval}@+08:00")
    assert type(topic) is KlineTopic


def test_no_kline_before_the_first_trade(bench: "Bench") -> None:
    assert zoned_kline(bench.venue, bench.symbol, KlineInterval.DAY_1, 8, 0) is None


def test_a_day_is_sent_running_and_once_more_when_it_has_closed(bench: "Bench") -> None:
    bench.now_us = at("2024-02-01 14:30:00")
    topic = make_topic(bench.venue, "ltcusdt@kline_1d@+08:00")
    assert isinstance(topic, ZonedKlineTopic)
    ears = Ears(topic)
    topic.tick(0, bench.now_us)
    assert not ears.klines
    trader = bench.account("a")
    for hour, price in enumerate(("100", "103", "101")):
        bench.now_us = at(f"2024-02-01 {14 + hour}:30:00")
        bench.sell(trader, "1", price)
        bench.buy(trader, "1", price)
        topic.tick(0, bench.now_us)
    assert [(one["o"], one["c"], one["n"], one["x"]) for one in ears.klines] == [
        ("100.00000000", "100.00000000", 1, False),
        ("100.00000000", "103.00000000", 2, False),
        ("100.00000000", "103.00000000", 2, True),
        ("101.00000000", "101.00000000", 1, False),
    ]
    midnight = at("2024-02-01 16:00:00") // 1000
    assert [one["t"] for one in ears.klines[2:]] == [midnight - 86_400_000, midnight]
    assert ears.klines[2]["T"] == midnight - 1


@pytest.mark.parametrize("zone", ["@", "@+0800", "@+09:00", "@-08:00", "@+08:00@", "@100ms"])
def test_no_other_zone_has_streams(bench: "Bench", zone: str) -> None:
    assert make_topic(bench.venue, f"ltcusdt@kline_1d{zone}") is None


@pytest.mark.parametrize(
    ("interval", "zone_minutes", "opens"),
    [
        ("1h", 345, ["14:15:00", "15:15:00"]),
        ("30m", 345, ["14:15:00", "15:15:00"]),
        ("5m", 303, ["14:27:00", "15:27:00"]),
        ("1d", -180, ["03:00:00"]),
        ("1d", 480, ["16:00:00"]),
        ("12h", 840, ["10:00:00"]),
        ("15m", 345, ["14:30:00", "15:15:00"]),
    ],
)
def test_bars_of_any_zone(
    bench: "Bench", interval: str, zone_minutes: int, opens: list[str]
) -> None:
    """rest-api.md:1151: hours, or hours and minutes, from -12:00 to +14:00."""
    bench.now_us = at("2024-02-01 14:30:00")
    trader = bench.account("a")
    for minute in ("14:30:00", "14:31:59", "15:29:59"):
        bench.now_us = at(f"2024-02-01 {minute}")
        bench.sell(trader, "1", "100")
        bench.buy(trader, "1", "100")
    found = zoned_klines(
        bench.venue, bench.symbol, KlineInterval(interval), zone_minutes, (None, None), 1000
    )
    traded = [bar for bar in found if bar.trades]
    times = [datetime.fromtimestamp(bar.open_time_ms / 1000, UTC) for bar in traded]
    assert [f"{one:%H:%M:%S}" for one in times] == opens
    assert sum(bar.trades for bar in traded) == 3
    lengths = {bar.close_time_ms + 1 - bar.open_time_ms for bar in found}
    assert len(lengths) == 1
    assert all(one.close_time_ms + 1 == other.open_time_ms for one, other in pairwise(found))
