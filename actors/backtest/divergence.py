"""Where a live run and a backtest over the same data part, order by order, and why.

Orders are paired as `pairing.py` says. A reason is told for each difference. Of an order that only one of them placed:
`rejection`; `missed data`, if the other one never had the tick that it was decided on; else `an earlier difference`, which
is named. Of a pair: `rejection`; `other terms`, for it was decided in another state; and where it was filled or ended
otherwise: `latency`, if it has reached the venue earlier or later than the other; `missed data`, if the backtest lacks
ticks of its time; else `fill model`. What only the live run placed, and refused since it was stopping, is no difference.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from actors.backtest.heard_ticks import SECOND_NS, HeardTicks, TickSource
from actors.backtest.pairing import pair_orders, tick_of
from actors.backtest.record import OrderRow, make_row
from actors.backtest.report import time_text
from actors.backtest.trail import read_trail
from messages.control import END_OF_BOT
from messages.enums import OrderStatus, Reason
from messages.instruments import to_text
from messages.orders import OrderUpdate
from messages.recording import Entry, read_recording

LATENCY_NS = 1_000_000
"""A difference of times below this is none."""


@dataclass(frozen=True)
class Difference:
    """One order and how it differs."""

    time_ns: int
    strategy: str
    order_id: str
    reason: str
    text: str

    def __str__(self) -> str:
        """For people."""
        return (
            f"{time_text(self.time_ns)} {self.strategy} {self.order_id}: {self.reason}: {self.text}"
        )


def read_live_orders(recording: Path) -> dict[str, OrderRow]:
    """The orders of a recorded run, as its order manager told them. Raises BacktestError for what is no recording."""
    rows: dict[str, OrderRow] = {}
    for sighting in read_trail(recording):
        message = sighting.message
        if not sighting.is_sent or not isinstance(message, OrderUpdate):
            continue
        order = message.order
        row = rows.get(order.order_id)
        if row is None:
            row = rows[order.order_id] = make_row(order, None)
        row.status, row.quantity, row.price = order.status, order.quantity, order.price
        row.executed_quantity = order.executed_quantity
        row.executed_quote_quantity = order.executed_quote_quantity
        row.acknowledged_time_ns = order.acknowledged_time_ns
        if order.reason is not Reason.NONE:
            row.reason, row.reason_text = order.reason, order.reason_text
        if not order.is_open:
            row.ended_time_ns = sighting.time_ns
    return rows


def compare_orders(
    live: Iterable[OrderRow],
    tested: Iterable[OrderRow],
    live_ticks: TickSource | None = None,
    tested_ticks: TickSource | None = None,
) -> list[Difference]:
    """Every difference, by the time of the decision.

    `live_ticks` and `tested_ticks` give the frames of the market data that each run has had; without them nothing is
    taken for missed.
    """
    pairs = pair_orders(live, tested)
    if all(one and other and not find_reason(one, other, ())[0] for one, other in pairs):
        return []
    wanted = {
        tick
        for one, other in pairs
        if (row := one or other) is not None
        and not (one and other)
        and (tick := tick_of(row.decided_on)) is not None
    }
    had_live, had_tested = HeardTicks(wanted, live_ticks), HeardTicks(wanted, tested_ticks)
    short = had_tested.seconds_short_of(had_live)
    found: list[Difference] = []
    last: dict[str, Difference] = {}
    for one, other in pairs:
        difference: Difference | None = None
        if one is not None and other is not None:
            difference = compare_pair(one, other, short)
        elif one is not None and not is_of_the_end(one):
            difference = alone(one, "only live", had_tested, last.get(one.strategy))
        elif other is not None:
            difference = alone(other, "only in the backtest", had_live, last.get(other.strategy))
        if difference is not None:
            found.append(difference)
            last[difference.strategy] = difference
    return found


def alone(row: OrderRow, where: str, had: HeardTicks, before: Difference | None) -> Difference:
    """An order that has no counterpart."""
    tick = tick_of(row.decided_on)
    what = f"{where}: {row.side} {terms(row)}"
    if row.status is OrderStatus.REJECTED:
        reason, text = "rejection", f"{where}, and refused there: {row.reason} {row.reason_text}"
    elif tick is not None and had.lacks(tick):
        reason = "missed data"
        other = "the backtest" if where == "only live" else "the live run"
        text = f"{what}, decided on {tick[0]} {row.decided_on_id}, which {other} never had"
    else:
        reason = "an earlier difference"
        cause = f"; the last one was {before.order_id}, {before.reason}" if before else ""
        text = f"{what}, decided on {row.decided_on_id or 'a timer'}{cause}"
    return Difference(row.created_time_ns, row.strategy, row.order_id, reason, text)


def is_of_the_end(row: OrderRow) -> bool:
    """Whether an order was refused because the bot was stopping, which no backtest does in the middle of its data."""
    return row.reason is Reason.HALTED and row.reason_text.endswith(END_OF_BOT)


def compare_pair(live: OrderRow, tested: OrderRow, short: Sequence[int]) -> Difference | None:
    """What differs in one order; `short` are the seconds of which the backtest lacks data."""
    reason, text = find_reason(live, tested, short)
    if not reason:
        return None
    return Difference(live.created_time_ns, live.strategy, live.order_id, reason, text)


def find_reason(live: OrderRow, tested: OrderRow, short: Sequence[int]) -> tuple[str, str]:
    """The first of the reasons that applies and what it is about; empty if nothing differs."""
    if live.status is not tested.status and OrderStatus.REJECTED in (live.status, tested.status):
        refused = live if live.status is OrderStatus.REJECTED else tested
        where = "live" if refused is live else "in the backtest"
        return "rejection", f"refused {where}: {refused.reason} {refused.reason_text}"
    if (live.quantity, live.price) != (tested.quantity, tested.price):
        text = f"live {terms(live)}, backtest {terms(tested)}: it was decided in another state"
        return "other terms", text
    fills = ""
    if live.executed_quantity != tested.executed_quantity:
        fills = (
            f"executed {to_text(live.executed_quantity)} live, "
            f"{to_text(tested.executed_quantity)} in the backtest"
        )
    elif average(live) != average(tested):
        fills = f"filled at {average(live)} live, {average(tested)} in the backtest"
    elif live.status is not tested.status:
        fills = f"{live.status} live, {tested.status} in the backtest"
    late_ns = acknowledged_after_ns(live) - acknowledged_after_ns(tested)
    is_late = bool(live.acknowledged_time_ns and tested.acknowledged_time_ns) and (
        abs(late_ns) >= LATENCY_NS
    )
    if not fills and live.ended_time_ns and tested.ended_time_ns:
        end_ns = (live.ended_time_ns - live.created_time_ns) - (
            tested.ended_time_ns - tested.created_time_ns
        )
        if abs(end_ns) >= LATENCY_NS:
            fills = f"ended {shift(end_ns)} live"
            is_late = is_late or not live.executed_quantity
    if not fills:
        return "", ""
    if is_late:
        return "latency", f"acknowledged {shift(late_ns)} live; {fills}" if late_ns else fills
    if lacks_any(short, live):
        return "missed data", f"{fills}; the backtest lacks ticks of its time"
    return "fill model", fills


def lacks_any(short: Sequence[int], row: OrderRow) -> bool:
    """Whether any of these seconds lies within the life of an order."""
    place = bisect_left(short, row.created_time_ns // SECOND_NS)
    end_ns = row.ended_time_ns
    return place < len(short) and (not end_ns or short[place] <= end_ns // SECOND_NS)


def acknowledged_after_ns(row: OrderRow) -> int:
    """From the decision to the venue's first word."""
    return row.acknowledged_time_ns - row.created_time_ns


def shift(late_ns: int) -> str:
    """How much later or earlier."""
    return f"{abs(late_ns) / 1e6:,.1f} ms {'later' if late_ns > 0 else 'earlier'}"


def read_live_ticks(recording: Path, strategies: Collection[str]) -> Iterator[bytes]:
    """The market data that strategies have handled in a recorded run."""
    for record in read_recording(recording):
        if isinstance(record, Entry) and record.actor in strategies:
            yield record.frame


def terms(row: OrderRow) -> str:
    """Quantity and price."""
    return (
        f"{to_text(row.quantity)} at {to_text(row.price)}" if row.price else to_text(row.quantity)
    )


def average(row: OrderRow) -> Decimal:
    """The average price of what was executed, to ten digits."""
    if not row.executed_quantity:
        return Decimal(0)
    return (row.executed_quote_quantity / row.executed_quantity).quantize(Decimal("1e-8"))
