"""The time grid of klines: where an interval begins and ends, in UTC."""

from datetime import UTC, datetime

from messages.enums import KlineInterval

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
WEEK_NS = 7 * DAY_NS
FIRST_MONDAY_NS = 4 * DAY_NS
"""1970-01-05, the first Monday after the epoch: weeks begin on Mondays."""
UNIT_NS = {"s": SECOND_NS, "m": MINUTE_NS, "h": HOUR_NS, "d": DAY_NS, "w": WEEK_NS}


def kline_interval_ns(interval: KlineInterval) -> int:
    """The length of an interval.

    Raises ValueError for a month, which has no fixed length (ask `find_bounds`), and for what is no interval of time.
    """
    unit_ns = UNIT_NS.get(interval.value[-1])
    if unit_ns is None:
        raise ValueError(f"{interval.value} has no fixed length")
    return int(interval.value[:-1]) * unit_ns


def find_bounds(interval: KlineInterval, time_ns: int) -> tuple[int, int]:
    """Begin of the interval that holds an instant, and begin of the next one.

    Everything counts from the epoch, but weeks from Monday and months by the calendar. Raises ValueError for what is
    no interval of time.
    """
    if interval is KlineInterval.MONTH_1:
        day = datetime.fromtimestamp(time_ns // SECOND_NS, tz=UTC)
        begin = datetime(day.year, day.month, 1, tzinfo=UTC)
        end = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
        return round(begin.timestamp()) * SECOND_NS, round(end.timestamp()) * SECOND_NS
    length_ns = kline_interval_ns(interval)
    offset_ns = FIRST_MONDAY_NS if interval is KlineInterval.WEEK_1 else 0
    begin_ns = (time_ns - offset_ns) // length_ns * length_ns + offset_ns
    return begin_ns, begin_ns + length_ns
