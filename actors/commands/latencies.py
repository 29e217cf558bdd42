"""How long orders took, live: from the tick to the socket, and from there to the venue's word; per strategy."""

from dataclasses import dataclass, field

from hdrh.histogram import HdrHistogram

from actors.commands.amounts import find_percentile
from messages.codec import class_name_of
from messages.market import BookTicker, Kline, OrderBook, PartialKline, Trade
from messages.orders import Order

LONGEST_LATENCY_US = 60_000_000
MARKET_DATA = frozenset(
    item.__name__ for item in (Trade, BookTicker, OrderBook, Kline, PartialKline)
)
"""An order decided on one of these has a tick to be measured from; one decided on a timer or on another order has none."""


def make_histogram() -> HdrHistogram:
    """Latencies from 1 µs to a minute, to three digits."""
    return HdrHistogram(1, LONGEST_LATENCY_US, 3)


def record(histogram: HdrHistogram, start_ns: int, end_ns: int) -> None:
    """Takes the time between two instants, if both are known."""
    if start_ns and end_ns:
        elapsed_us = (end_ns - start_ns) // 1_000
        histogram.record_value(min(max(elapsed_us, 1), LONGEST_LATENCY_US))


def show_quantiles(histogram: HdrHistogram) -> list[str]:
    """p50, p99, p99.9 and the greatest, in milliseconds."""
    values = [find_percentile(histogram, part) for part in (50, 99, 99.9)]
    return [f"{value / 1000:.2f}" for value in (*values, histogram.get_max_value())]


def has_tick(order: Order) -> bool:
    """Whether it was decided on market data: only then is there a tick to measure from."""
    return bool(order.decided_on) and class_name_of(order.decided_on) in MARKET_DATA


@dataclass(slots=True)
class StrategyLatency:
    """One strategy's orders, in µs."""

    tick_to_order: HdrHistogram = field(default_factory=make_histogram)
    """From the receipt of the market data decided on to the order's request being handed to the connection."""
    order_to_acknowledged: HdrHistogram = field(default_factory=make_histogram)
    """From then on to the venue's first word."""

    def note(self, order: Order) -> None:
        """An order has been acknowledged."""
        if has_tick(order):
            record(self.tick_to_order, order.origin_request_ns, order.sent_time_ns)
        record(self.order_to_acknowledged, order.sent_time_ns, order.acknowledged_time_ns)
