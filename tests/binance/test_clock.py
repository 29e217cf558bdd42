"""The venue's clock, estimated from readings that take their time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.binance.clock import TimeSample, estimate_offset, sample_clock

MILLISECOND_NS = 1_000_000
START_NS = 1_700_000_000_000_000_000


@given(
    offset=st.integers(min_value=-(10**10), max_value=10**10),
    ways=st.lists(
        st.tuples(
            st.integers(min_value=0, max_value=10**9), st.integers(min_value=0, max_value=10**9)
        ),
        min_size=1,
        max_size=7,
    ),
)
def test_the_truth_lies_within_the_uncertainty(offset: int, ways: list[tuple[int, int]]) -> None:
    samples, now_ns = [], START_NS
    for there_ns, back_ns in ways:
        venue_ns = now_ns + there_ns + offset
        cut_ns = venue_ns // MILLISECOND_NS * MILLISECOND_NS
        samples.append(TimeSample(now_ns, cut_ns, now_ns + there_ns + back_ns))
        now_ns += 2 * 10**9
    estimate = estimate_offset(samples)
    assert abs(estimate.offset_ns - offset) <= estimate.uncertainty_ns + 1
    shortest = min(there + back for there, back in ways)
    assert estimate.uncertainty_ns == shortest // 2 + MILLISECOND_NS // 2


def test_the_shortest_round_trip_wins() -> None:
    slow = TimeSample(START_NS, START_NS + 900 * MILLISECOND_NS, START_NS + 1000 * MILLISECOND_NS)
    fast = TimeSample(START_NS, START_NS + 101 * MILLISECOND_NS, START_NS + 2 * MILLISECOND_NS)
    assert estimate_offset([slow, fast]).offset_ns == 100 * MILLISECOND_NS + MILLISECOND_NS // 2


def test_a_reading_over_which_our_clock_went_back_is_left_out() -> None:
    back = TimeSample(START_NS, START_NS, START_NS - 1)
    good = TimeSample(START_NS, START_NS, START_NS + MILLISECOND_NS)
    assert estimate_offset([back, good]).offset_ns == 0
    with pytest.raises(ValueError, match="went backwards"):
        estimate_offset([back])


@pytest.mark.asyncio
async def test_the_clock_is_read_one_reading_after_the_other() -> None:
    ticks = iter(range(100))

    async def read() -> int:
        return next(ticks) + 1000

    samples = await sample_clock(read, lambda: next(ticks), 3)
    assert [(s.sent_ns, s.venue_time_ns, s.received_ns) for s in samples] == [
        (0, 1001, 2),
        (3, 1004, 5),
        (6, 1007, 8),
    ]
