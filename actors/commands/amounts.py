"""How figures are written for people: money with at most eight decimals, as Binance has it, and never an exponent."""

from bisect import bisect_left
from collections.abc import Mapping
from decimal import Decimal, localcontext
from itertools import accumulate

from hdrh.histogram import HdrHistogram

from messages.instruments import to_decimal

FINEST = Decimal("0.00000001")
ENOUGH_DIGITS = 100


def show(number: Decimal) -> str:
    """A decimal, rounded to eight places, without needless zeros."""
    with localcontext(prec=ENOUGH_DIGITS):
        text = f"{number.quantize(FINEST) + 0:f}"
    return text.rstrip("0").rstrip(".")


def show_price(price: float | Decimal) -> str:
    """A price of the market, or an average."""
    return show(to_decimal(price))


def show_amounts(amounts: Mapping[str, Decimal]) -> str:
    """Amounts per asset, such as `1.5 USDT, 0.001 BTC`."""
    return ", ".join(f"{show(amount)} {asset}" for asset, amount in sorted(amounts.items())) or "0"


def show_counts(counts: Mapping[str, int]) -> str:
    """Counts by name, such as `3 canceled, 1 filled`."""
    return ", ".join(
        f"{count} {name.lower().replace('_', ' ')}" for name, count in sorted(counts.items())
    )


def find_percentile(histogram: HdrHistogram, part: float) -> int:
    """What the histogram's own `get_value_at_percentile` says, without its loop in Python of some milliseconds."""
    counts = memoryview(histogram.counts).cast("B").cast("Q")
    totals = list(accumulate(counts))
    index = bisect_left(totals, histogram.get_target_count_at_percentile(part))
    if index == len(totals):
        return 0
    return int(histogram.get_highest_equivalent_value(histogram.get_value_from_index(index)))


def show_latency(histogram: HdrHistogram) -> str:
    """Median, 99th percentile and greatest of a histogram of microseconds."""
    if not histogram.get_total_count():
        return "-"
    middle, high = (find_percentile(histogram, part) for part in (50, 99))
    return f"p50 {middle / 1000:.1f} ms, p99 {high / 1000:.1f} ms, max {histogram.get_max_value() / 1000:.1f} ms"
