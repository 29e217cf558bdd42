"""Numbers that no message can hold: their frame is left out, the stream goes on, and nothing is measured by them."""

from collections.abc import Callable

import pytest

from messages.enums import KlineInterval
from messages.market import BookTicker, Kline, OrderBook, Trade
from tests.binance.scripted_venue import ScriptedVenue
from tests.market_data.conftest import RunningFeed

TRADE = '{"e":"trade","E":%s,"s":"BTCUSDT","t":%s,"p":"1","q":"2","T":%s,"m":true}'
TICKER = '{"u":%s,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}'
KLINE = (
    '{"e":"kline","E":1,"s":"BTCUSDT","k":{"t":%s,"T":%s,"i":"1m","o":"1","c":"1","h":"1","l":"1",'
    '"v":"1","n":%s,"x":true}}'
)
DEPTH = '{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":%s,"u":%s,"b":[],"a":[]}'
YEAR_4821 = 90_000_000_000_000
FRAMES = {
    "trade id": TRADE % (1, 2**64, 1),
    "trade id below": TRADE % (1, -(2**70), 1),
    "milliseconds": TRADE % (YEAR_4821, 7, YEAR_4821),
    "microseconds": TRADE % (10**17, 7, 10**17),
    "forty digits": TRADE % (10**40, 7, 1),
    "ticker": TICKER % 2**64,
    "bar": KLINE % (YEAR_4821, YEAR_4821 + 59_999, 1),
    "bar's trades": KLINE % (0, 59_999, 2**64),
    "depth": DEPTH % (2**64, 2**64),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@pytest.mark.asyncio
async def test_the_stream_goes_on_as_if_the_frame_had_not_come(
    frame: str, venue: ScriptedVenue, make_feed: Callable[..., RunningFeed]
) -> None:
    feed = make_feed()
    feed.want(Trade, BookTicker, OrderBook)
    feed.want(Kline, interval=KlineInterval.MINUTE_1)
    feed.start()
    await feed.until(lambda: venue.stream_sockets)
    good = (TRADE % (2, 5, 2), TICKER % 5, KLINE % (60_000, 119_999, 1))
    for text in (frame, *good):
        await venue.stream_sockets[0].send_str(text)
    await feed.until(lambda: feed.all_of(Kline))
    assert [trade.trade_id for trade in feed.all_of(Trade)] == [5]
    assert [ticker.update_id for ticker in feed.all_of(BookTicker)] == [5]
    assert [bar.open_time_ns for bar in feed.all_of(Kline)] == [60_000_000_000]
    assert len(venue.stream_sockets) == 1
