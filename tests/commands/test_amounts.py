"""How figures are written for people."""

from decimal import Decimal

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from actors.commands.amounts import (
    find_percentile,
    show,
    show_amounts,
    show_counts,
    show_latency,
    show_price,
)
from actors.commands.latencies import make_histogram


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("0", "0"),
        ("-0.000000001", "0"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("0.10000000", "0.1"),
        ("-0.08534723668402082498998798558", "-0.08534724"),
        ("0.0853472366840208249899879855826992390869042851421706047257", "0.08534724"),
        ("1E-8", "0.00000001"),
        ("123456789012345678901234567890.123456789", "123456789012345678901234567890.12345679"),
    ],
)
def test_money_has_at_most_eight_decimals_and_no_exponent(number: str, text: str) -> None:
    assert show(Decimal(number)) == text


def test_a_price_is_its_shortest_text() -> None:
    assert show_price(0.1 + 0.2) == "0.3"
    assert show_price(1.234e-05) == "0.00001234"
    assert show_price(1234567.89) == "1234567.89"


def test_amounts_and_counts_come_in_order() -> None:
    assert show_amounts({}) == "0"
    assert show_amounts({"USDT": Decimal("1.50"), "BNB": Decimal("0.1")}) == "0.1 BNB, 1.5 USDT"
    assert show_counts({"EXPIRED_IN_MATCH": 2, "CANCELED": 1}) == "1 canceled, 2 expired in match"


def test_a_latency_that_was_not_measured_is_not_claimed() -> None:
    histogram = HdrHistogram(1, 60_000_000, 3)
    assert show_latency(histogram) == "-"
    histogram.record_value(1500)
    assert show_latency(histogram) == "p50 1.5 ms, p99 1.5 ms, max 1.5 ms"


@given(st.lists(st.integers(1, 60_000_000), max_size=50), st.sampled_from([1, 50, 99, 99.9, 100]))
def test_percentiles_are_the_histograms_own(values: list[int], part: float) -> None:
    histogram = make_histogram()
    for value in values:
        histogram.record_value(value)
    assert find_percentile(histogram, part) == histogram.get_value_at_percentile(part)
