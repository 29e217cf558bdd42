"""Klines whose periods do not begin where UTC's do, put together from shorter ones that do.

Sources: web-socket-streams.md, Kline/Candlestick Streams with timezone offset; rest-api.md, Kline/Candlestick data
(`timeZone`): "kline intervals are interpreted in that timezone", while `startTime` and `endTime` stay UTC's.
"""

import dataclasses
from collections.abc import Iterable

from actors.exchange.klines import (
    DAY_S,
    KLINES_KEPT,
    SECONDS,
    Kline,
    next_period,
    period_start,
)
from actors.exchange.venue import Venue
from messages.enums import KlineInterval

MINUTE_S = 60
HOUR_MINUTES = 60
PARTS = (
    KlineInterval.HOUR_1,
    KlineInterval.MINUTE_30,
    KlineInterval.MINUTE_15,
    KlineInterval.MINUTE_5,
    KlineInterval.MINUTE_3,
    KlineInterval.MINUTE_1,
)
"""What a bar may be put together from: the longest of which offset and interval are whole numbers."""


def is_the_same_everywhere(interval: KlineInterval, offset_hours: int) -> bool:
    """Whether the periods of an interval are those of UTC: an offset of eight hours moves none of up to four."""
    return begins_with_utc(interval, offset_hours * HOUR_MINUTES)


def begins_with_utc(interval: KlineInterval, offset_minutes: int) -> bool:
    """The same of any offset."""
    start = offset_minutes * MINUTE_S
    return period_start(interval, start) == start


def zoned_kline(
    venue: Venue, symbol: str, interval: KlineInterval, offset_hours: int, second: int
) -> Kline | None:
    """The bar that a second lies in, where clocks are `offset_hours` before UTC; None before the first trade.

    Of what is longer than the hourly bars that are kept (41 days), only their part is there.
    """
    shift = offset_hours * HOUR_MINUTES * MINUTE_S
    start = period_start(interval, second + shift)
    end = next_period(interval, start) - shift
    start -= shift
    hours = venue.klines(symbol, KlineInterval.HOUR_1, start * 1000, end * 1000 - 1, 1000)
    return next(iter(put_together(hours, interval, shift)), None)


def zoned_klines(
    venue: Venue,
    symbol: str,
    interval: KlineInterval,
    offset_minutes: int,
    times_ms: tuple[int | None, int | None],
    limit: int,
) -> list[Kline]:
    """Bars by open time, oldest first, where clocks are `offset_minutes` before UTC.

    From the first of `times_ms` on if given, else the newest up to the last. Raises VenueError (-1121).
    """
    first, last = times_ms
    if begins_with_utc(interval, offset_minutes):
        return venue.klines(symbol, interval, first, last, limit)
    shift = offset_minutes * MINUTE_S
    length = SECONDS.get(interval, DAY_S)  # A month is a number of days.
    part = next(one for one in PARTS if shift % SECONDS[one] == 0 == length % SECONDS[one])
    kept = venue.klines(symbol, part, None, None, KLINES_KEPT)
    chosen = [
        bar
        for bar in put_together(kept, interval, shift)
        if (first is None or bar.open_time_ms >= first)
        and (last is None or bar.open_time_ms <= last)
    ]
    return chosen[:limit] if first is not None else chosen[-limit:]


def put_together(parts: Iterable[Kline], interval: KlineInterval, shift: int) -> list[Kline]:
    """The bars of an interval whose periods begin `shift` seconds before UTC's; the last one is running."""
    bars: list[Kline] = []
    for part in parts:
        start = period_start(interval, part.open_time_ms // 1000 + shift)
        open_time_ms = (start - shift) * 1000
        if bars and bars[-1].open_time_ms == open_time_ms:
            bars[-1].add(part)
            continue
        if bars:
            bars[-1].is_closed = True
        bars.append(
            dataclasses.replace(
                part,
                interval=interval,
                open_time_ms=open_time_ms,
                close_time_ms=(next_period(interval, start) - shift) * 1000 - 1,
                is_closed=False,
            )
        )
    return bars
