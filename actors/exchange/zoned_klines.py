"""Klines whose days do not begin at midnight UTC, put together from those that do.

Every offset from UTC that has klines of its own is a number of whole hours, so each bar is a row of hourly ones.
Source: web-socket-streams.md, Kline/Candlestick Streams with timezone offset.
"""

import dataclasses

from actors.exchange.klines import Kline, next_period, period_start
from actors.exchange.venue import Venue
from messages.enums import KlineInterval

HOUR_S = 3600


def is_the_same_everywhere(interval: KlineInterval, offset_hours: int) -> bool:
    """Whether the periods of an interval are those of UTC: an offset of eight hours moves none of up to four."""
    start = offset_hours * HOUR_S
    return period_start(interval, start) == start


def zoned_kline(
    venue: Venue, symbol: str, interval: KlineInterval, offset_hours: int, second: int
) -> Kline | None:
    """The bar that a second lies in, where clocks are `offset_hours` before UTC; None before the first trade.

    Of what is longer than the hourly bars that are kept (41 days), only their part is there.
    """
    shift = offset_hours * HOUR_S
    start = period_start(interval, second + shift)
    end = next_period(interval, start) - shift
    start -= shift
    hours = venue.klines(symbol, KlineInterval.HOUR_1, start * 1000, end * 1000 - 1, 1000)
    if not hours:
        return None
    bar = dataclasses.replace(
        hours[0],
        interval=interval,
        open_time_ms=start * 1000,
        close_time_ms=end * 1000 - 1,
        is_closed=False,
    )
    for hour in hours[1:]:
        bar.add(hour)
    return bar
