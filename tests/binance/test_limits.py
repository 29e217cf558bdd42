"""Budgets under the venue's limits, against a venue that counts for itself."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.binance.limits import OrderBudget, RateUsage, UsageCount, WeightBudget, Window
from actors.binance.wire_info import RateLimit

SECOND_NS = 1_000_000_000
START_NS = 1_700_000_000 * SECOND_NS
THREE_IN_TEN = RateLimit(kind="ORDERS", interval="SECOND", interval_count=10, limit=3)
MANY_A_DAY = RateLimit(kind="ORDERS", interval="DAY", interval_count=1, limit=160_000)
WEIGHT = RateLimit(kind="REQUEST_WEIGHT", interval="MINUTE", interval_count=1, limit=100)


def place_all(budget: OrderBudget, count: int, start_ns: int, arrival_ns: int = 0) -> list[int]:
    """Places as fast as the budget allows; returns the venue's times of arrival."""
    now_ns, arrivals = start_ns, []
    for _ in range(count):
        while (wait_s := budget.may_place(now_ns)) > 0:
            now_ns += round(wait_s * SECOND_NS)
        budget.placed(now_ns)
        arrivals.append(now_ns + arrival_ns)
        budget.answered(now_ns, now_ns)
    return arrivals


def test_twelve_orders_at_three_in_ten_seconds_fit_into_four_windows() -> None:
    start_ns = START_NS + SECOND_NS
    arrivals = place_all(OrderBudget([THREE_IN_TEN, MANY_A_DAY]), 12, start_ns)
    windows = Counter(arrival // (10 * SECOND_NS) for arrival in arrivals)
    assert sorted(windows.values()) == [3, 3, 3, 3]
    assert arrivals[-1] - start_ns < 40 * SECOND_NS


@given(
    start=st.integers(min_value=0, max_value=20 * SECOND_NS),
    error=st.integers(min_value=-SECOND_NS // 4, max_value=SECOND_NS // 4),
)
def test_no_window_of_the_venue_overflows_though_its_clock_is_known_badly(
    start: int, error: int
) -> None:
    arrivals = place_all(OrderBudget([THREE_IN_TEN]), 12, START_NS + start, error)
    windows = Counter(arrival // (10 * SECOND_NS) for arrival in arrivals)
    assert max(windows.values()) <= 3
    assert arrivals[-1] - arrivals[0] <= 50 * SECOND_NS


STEPS = st.lists(
    st.tuples(
        # To the next window, around a boundary, and back, as when the clock is measured anew.
        st.integers(min_value=-SECOND_NS // 4, max_value=12 * SECOND_NS)
        | st.sampled_from([-9, -5, -1, 0, 5, 10, 60]).map(lambda seconds: seconds * SECOND_NS),
        st.sampled_from(["sale", "order", "answer", "count", "refusal", "limit"]),
        st.integers(min_value=0, max_value=12),
    ),
    max_size=60,
)


@given(STEPS)
def test_an_order_is_counted_in_few_steps_as_in_many(
    steps: list[tuple[int, str, int]],
) -> None:
    limits = [RateLimit("ORDERS", "SECOND", 10, 12), RateLimit("ORDERS", "DAY", 1, 40)]
    quick, slow = OrderBudget(limits), OrderBudget(limits)
    now_ns = latest_ns = START_NS
    for step_ns, what, number in steps:
        now_ns = max(now_ns + step_ns, latest_ns - 9 * SECOND_NS)
        latest_ns = max(latest_ns, now_ns)
        if what in ("sale", "order"):
            wait_s = slow.may_place(now_ns, is_protective=what == "sale")
            if wait_s <= 0:
                slow.placed(now_ns)
            assert quick.reserve(now_ns, is_protective=what == "sale") == wait_s
        for budget in (quick, slow):
            if what == "answer":
                budget.answered(now_ns, now_ns)
            elif what == "count":
                told = UsageCount("ORDERS", 10 * SECOND_NS, number, now_ns, number)
                budget.answered(now_ns, now_ns, [told])
            elif what == "refusal":
                budget.exceeded(now_ns, now_ns + number * SECOND_NS)
            elif what == "limit":
                budget.update_limits([RateLimit("ORDERS", "SECOND", 10, number), limits[1]])
        assert quick.in_flight == slow.in_flight
        for interval_ns, window in slow.windows.items():
            for index in window.indexes_at(now_ns):
                other = quick.windows[interval_ns]
                assert other.spent.get(index, 0) == window.spent.get(index, 0)
                assert other.limit == window.limit


INSTANTS = st.lists(st.integers(min_value=0, max_value=50 * SECOND_NS), min_size=3, max_size=3)


@given(INSTANTS, st.booleans())
def test_a_count_is_taken_from_an_answer_within_the_window_of_its_request(
    instants: list[int], has_entered: bool
) -> None:
    window = Window(10 * SECOND_NS, 3, SECOND_NS // 4)
    entered_ns, sent_ns, now_ns = instants
    if has_entered:
        window.enter(entered_ns)
    window.correct(2, sent_ns, now_ns)
    indexes = window.indexes_at(sent_ns)
    is_sure = len(indexes) == 1 and indexes == window.indexes_at(now_ns)
    assert window.spent == ({indexes[0]: 2} if is_sure else {})


def test_windows_are_aligned_to_the_clock() -> None:
    budget = OrderBudget([THREE_IN_TEN])
    now_ns = START_NS + 7 * SECOND_NS
    for _ in range(3):
        assert budget.may_place(now_ns) == 0.0
        budget.placed(now_ns)
    assert budget.may_place(now_ns) == pytest.approx(3.25)


def test_the_venue_gives_back_what_was_filled() -> None:
    budget = OrderBudget([THREE_IN_TEN])
    now_ns = START_NS + SECOND_NS
    for _ in range(3):
        budget.placed(now_ns)
    assert budget.may_place(now_ns) > 0
    later_ns = now_ns + SECOND_NS
    for _ in range(3):
        budget.answered(now_ns, later_ns, [UsageCount("ORDERS", 10 * SECOND_NS, 1, later_ns)])
    assert budget.may_place(later_ns) == 0.0


def test_what_others_placed_with_the_same_account_counts() -> None:
    budget = OrderBudget([THREE_IN_TEN])
    now_ns = START_NS + SECOND_NS
    budget.placed(now_ns)
    budget.answered(now_ns, now_ns, [UsageCount("ORDERS", 10 * SECOND_NS, 3, now_ns)])
    assert budget.may_place(now_ns) > 0


def test_a_count_older_than_the_order_is_no_answer_to_it() -> None:
    budget = OrderBudget([THREE_IN_TEN])
    now_ns = START_NS + SECOND_NS
    for _ in range(3):
        budget.placed(now_ns)
        budget.answered(now_ns, now_ns, [UsageCount("ORDERS", 10 * SECOND_NS, 0, now_ns - 1)])
    assert budget.may_place(now_ns) > 0


def test_a_refusal_fills_the_window_whatever_we_counted() -> None:
    budget = OrderBudget([THREE_IN_TEN])
    now_ns = START_NS + SECOND_NS
    budget.exceeded(now_ns)
    assert 9 < budget.may_place(now_ns) < 10
    budget.exceeded(now_ns, now_ns + 30 * SECOND_NS)
    assert budget.may_place(now_ns) == pytest.approx(30.0)


def test_new_limits_are_taken_and_what_is_spent_stays_counted() -> None:
    budget = OrderBudget([THREE_IN_TEN])
    now_ns = START_NS + SECOND_NS
    for _ in range(3):
        budget.placed(now_ns)
    budget.update_limits(
        [RateLimit(kind="ORDERS", interval="SECOND", interval_count=10, limit=5), WEIGHT]
    )
    assert budget.may_place(now_ns) == 0.0
    budget.placed(now_ns)
    budget.placed(now_ns)
    assert budget.may_place(now_ns) > 0


def test_without_announced_limits_nothing_waits() -> None:
    budget = OrderBudget()
    for _ in range(1000):
        budget.placed(START_NS)
    assert budget.may_place(START_NS) == 0.0
    budget.exceeded(START_NS)
    assert budget.may_place(START_NS) == 0.0


def test_weight_is_spent_in_its_own_budget() -> None:
    budget = WeightBudget([THREE_IN_TEN, WEIGHT])
    now_ns = START_NS // (60 * SECOND_NS) * 60 * SECOND_NS + SECOND_NS
    budget.spend(80, now_ns)
    assert budget.wait_s(20, now_ns) == 0.0
    assert budget.wait_s(21, now_ns) == pytest.approx(59.25)


def test_windows_long_past_are_forgotten() -> None:
    for second in (0, 5):
        placed, reserved = OrderBudget([THREE_IN_TEN]), OrderBudget([THREE_IN_TEN])
        for minute in range(1000):
            placed.placed(START_NS + (60 * minute + second) * SECOND_NS)
            assert reserved.reserve(START_NS + (60 * minute + second) * SECOND_NS) == 0.0
        for budget in (placed, reserved):
            assert all(len(window.spent) <= 5 for window in budget.windows.values())


def test_usage_is_read_from_headers_of_any_window() -> None:
    usage = RateUsage()
    usage.observe_headers(
        {
            "X-MBX-USED-WEIGHT": "7",
            "x-mbx-used-weight-1m": "17",
            "X-MBX-ORDER-COUNT-10S": "2",
            "X-MBX-ORDER-COUNT-1D": "40",
            "X-MBX-ORDER-COUNT-1X": "9",
            "X-MBX-ORDER-COUNT-1H": "many",
            "Content-Type": "application/json",
        },
        START_NS,
    )
    assert usage.count_of("REQUEST_WEIGHT", 60 * SECOND_NS) == 17
    assert usage.count_of("ORDERS", 10 * SECOND_NS) == 2
    assert usage.count_of("ORDERS", 86_400 * SECOND_NS) == 40
    assert len(usage.counts) == 3


def test_usage_is_read_from_replies_too() -> None:
    usage = RateUsage()
    counted = RateLimit(kind="ORDERS", interval="SECOND", interval_count=10, limit=50, count=12)
    seen = usage.observe_limits([counted, THREE_IN_TEN], START_NS)
    assert [item.count for item in seen] == [12]
    assert usage.count_of("ORDERS", 10 * SECOND_NS) == 12
