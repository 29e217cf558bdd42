"""Rate limits: windows on the clock, refusals, bans, and the unfilled order count of the documentation's tables."""

import pytest

from actors.exchange.limits import DEFAULT_LIMITS, Limits, OrderLimits, RateLimit, RateLimited

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
# 2024-01-01 00:00:00 UTC.
MIDNIGHT = 1_704_067_200 * SECOND


def make_orders(limit: int = 100) -> OrderLimits:
    """The counters of one account, `limit` orders in ten seconds."""
    return Limits(
        [RateLimit("ORDERS", "SECOND", 10, limit), RateLimit("ORDERS", "DAY", 1, 1000)]
    ).account("default")


def counts(orders: OrderLimits, now: int) -> list[int]:
    """The count of each window."""
    return [window.read(now) for window in orders.windows]


def test_weight_counts_in_minutes_of_the_clock() -> None:
    address = Limits().address("127.0.0.1")
    address.admit(70, MIDNIGHT + 59 * SECOND)
    address.admit(30, MIDNIGHT + MINUTE - 1)
    assert address.weights[0].read(MIDNIGHT + MINUTE - 1) == 100
    assert address.weights[0].read(MIDNIGHT + MINUTE) == 0


def test_a_full_window_refuses_until_it_ends() -> None:
    limits = Limits([RateLimit("REQUEST_WEIGHT", "MINUTE", 1, 10)])
    address = limits.address("127.0.0.1")
    now = MIDNIGHT + 20 * SECOND
    address.admit(10, now)
    with pytest.raises(RateLimited) as caught:
        address.admit(1, now)
    error = caught.value
    assert (error.code, error.http_status, error.retry_after_seconds) == (-1003, 429, 40)
    assert error.message == (
        "Too much request weight used; current limit is 10 request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    assert error.retry_at == MIDNIGHT + MINUTE
    address.admit(10, MIDNIGHT + MINUTE)
    limits.address("127.0.0.2").admit(10, now)


def test_whoever_goes_on_is_banned_and_longer_each_time() -> None:
    address = Limits([RateLimit("REQUEST_WEIGHT", "DAY", 1, 1)]).address("127.0.0.1")
    address.admit(1, MIDNIGHT)
    now = MIDNIGHT
    lengths: list[int] = []
    while len(lengths) < 3:
        with pytest.raises(RateLimited) as caught:
            address.admit(1, now)
        if caught.value.http_status == 418:
            lengths.append((caught.value.retry_at - now) // SECOND)
            assert caught.value.message == (
                f"Way too much request weight used; IP banned until {caught.value.retry_at // 1000}. "
                "Please use WebSocket Streams for live updates to avoid bans."
            )
            with pytest.raises(RateLimited) as still:
                address.admit(0, caught.value.retry_at - 1)
            assert still.value.http_status == 418
            now = caught.value.retry_at
    assert lengths == [120, 240, 480]


def test_raw_requests_are_limited_too() -> None:
    address = Limits([RateLimit("RAW_REQUESTS", "MINUTE", 5, 2)]).address("127.0.0.1")
    address.admit(0, MIDNIGHT)
    address.admit(0, MIDNIGHT)
    with pytest.raises(RateLimited, match="-1003"):
        address.admit(0, MIDNIGHT + 299 * SECOND)
    address.admit(0, MIDNIGHT + 300 * SECOND)


def test_the_takers_of_the_documentation() -> None:
    orders = make_orders()
    orders.place("BTCUSDT", 1, MIDNIGHT)
    orders.place("BTCUSDT", 2, MIDNIGHT)
    orders.fill("BTCUSDT", 2, False, MIDNIGHT)
    orders.place("BTCUSDT", 3, MIDNIGHT)
    orders.fill("BTCUSDT", 2, False, MIDNIGHT)
    assert counts(orders, MIDNIGHT) == [2, 2]
    orders.place("BTCUSDT", 4, MIDNIGHT)
    orders.fill("BTCUSDT", 4, False, MIDNIGHT)
    assert counts(orders, MIDNIGHT) == [2, 2]


def test_the_makers_of_the_documentation() -> None:
    orders = make_orders()
    for number in range(5):
        orders.place("BTCUSDT", number, MIDNIGHT)
    orders.fill("BTCUSDT", 0, True, MIDNIGHT)
    assert counts(orders, MIDNIGHT) == [0, 0]
    orders.place("BTCUSDT", 5, MIDNIGHT)
    orders.place("BTCUSDT", 6, MIDNIGHT)
    orders.fill("BTCUSDT", 0, True, MIDNIGHT)
    assert counts(orders, MIDNIGHT) == [2, 2]
    orders.fill("BTCUSDT", 1, True, MIDNIGHT)
    assert counts(orders, MIDNIGHT) == [0, 0]


def test_ended_orders_change_no_count_and_yesterdays_fills_count_today() -> None:
    orders = make_orders()
    orders.place("BTCUSDT", 1, MIDNIGHT - 1)
    orders.place("BTCUSDT", 2, MIDNIGHT)
    orders.place("BTCUSDT", 3, MIDNIGHT)
    orders.forget("BTCUSDT", 2)
    assert counts(orders, MIDNIGHT) == [2, 2]
    orders.fill("BTCUSDT", 1, False, MIDNIGHT)
    orders.fill("BTCUSDT", 2, False, MIDNIGHT)
    assert counts(orders, MIDNIGHT) == [1, 1]


def test_a_full_order_window_is_told_apart() -> None:
    orders = make_orders(limit=3)
    for number in range(3):
        orders.check(MIDNIGHT)
        orders.place("BTCUSDT", number, MIDNIGHT)
    with pytest.raises(RateLimited) as caught:
        orders.check(MIDNIGHT + 4 * SECOND)
    error = caught.value
    assert (error.code, error.http_status, error.retry_after_seconds) == (-1015, 429, 6)
    assert error.message == "Too many new orders; current limit is 3 orders per 10 SECOND."
    orders.check(MIDNIGHT + 10 * SECOND)


def test_the_limits_are_announced_as_binance_does() -> None:
    assert Limits().announcements()[0] == {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": 6000,
    }
    assert [(limit.kind, limit.suffix, limit.limit) for limit in DEFAULT_LIMITS] == [
        ("REQUEST_WEIGHT", "1M", 6000),
        ("ORDERS", "10S", 50),
        ("ORDERS", "1D", 160_000),
        ("RAW_REQUESTS", "5M", 300_000),
    ]
