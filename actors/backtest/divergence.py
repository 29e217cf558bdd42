"""Where a live run and a backtest over the same data part, order by order, and why.

Orders are paired by strategy, symbol and side in the order of their decisions: a pair lies at most `PAIRING_NS` apart.
A reason is told for each difference: an order that only one of them placed (missed data, or what an earlier difference has
led to), a rejection, another price or quantity (the fill model), another time (latency).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from actors.backtest.record import OrderRow, make_row
from actors.backtest.report import time_text
from actors.backtest.trail import read_trail
from messages.enums import OrderStatus, Reason
from messages.instruments import to_text
from messages.orders import OrderUpdate

PAIRING_NS = 5_000_000_000
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


def compare_orders(live: Iterable[OrderRow], tested: Iterable[OrderRow]) -> list[Difference]:
    """Every difference, by the time of the decision."""
    groups: dict[tuple[str, str, str], tuple[list[OrderRow], list[OrderRow]]] = {}
    for index, rows in enumerate((live, tested)):
        for row in rows:
            key = (row.strategy, row.symbol, str(row.side))
            groups.setdefault(key, ([], []))[index].append(row)
    found: list[Difference] = []
    for ours, theirs in groups.values():
        found += compare_group(
            sorted(ours, key=lambda row: row.created_time_ns),
            sorted(theirs, key=lambda row: row.created_time_ns),
        )
    return sorted(found, key=lambda item: (item.time_ns, item.strategy, item.order_id))


def compare_group(live: list[OrderRow], tested: list[OrderRow]) -> list[Difference]:
    """The orders of one strategy, symbol and side."""
    found = []
    first = second = 0
    while first < len(live) or second < len(tested):
        one = live[first] if first < len(live) else None
        other = tested[second] if second < len(tested) else None
        if one is not None and other is not None:
            apart_ns = one.created_time_ns - other.created_time_ns
            if abs(apart_ns) <= PAIRING_NS:
                found += compare_pair(one, other)
                first, second = first + 1, second + 1
                continue
            if apart_ns > 0:
                one = None
            else:
                other = None
        if one is not None:
            found.append(alone(one, "only live"))
            first += 1
        elif other is not None:
            found.append(alone(other, "only in the backtest"))
            second += 1
    return found


def alone(row: OrderRow, where: str) -> Difference:
    """An order that has no counterpart."""
    if row.status is OrderStatus.REJECTED:
        reason, text = "rejection", f"{where}, and refused there: {row.reason} {row.reason_text}"
    else:
        reason = "missed data or an earlier difference"
        text = f"{where}: {row.side} {to_text(row.quantity)}, decided on {row.decided_on_id or 'a timer'}"
    return Difference(row.created_time_ns, row.strategy, row.order_id, reason, text)


def compare_pair(live: OrderRow, tested: OrderRow) -> list[Difference]:
    """What differs in one order; the first of the reasons that applies."""
    reason = text = ""
    if live.status is not tested.status and OrderStatus.REJECTED in (live.status, tested.status):
        reason = "rejection"
        refused = live if live.status is OrderStatus.REJECTED else tested
        where = "live" if refused is live else "in the backtest"
        text = f"refused {where}: {refused.reason} {refused.reason_text}"
    elif (live.quantity, live.price) != (tested.quantity, tested.price):
        reason = "other terms"
        text = f"live {terms(live)}, backtest {terms(tested)}: it was decided in another state"
    elif live.executed_quantity != tested.executed_quantity:
        reason = "fill model"
        text = f"executed {to_text(live.executed_quantity)} live, {to_text(tested.executed_quantity)} in the backtest"
    elif average(live) != average(tested):
        reason = "fill model"
        text = f"filled at {average(live)} live, {average(tested)} in the backtest"
    elif live.status is not tested.status:
        reason = "fill model"
        text = f"{live.status} live, {tested.status} in the backtest"
    else:
        late_ns = (live.ended_time_ns - live.created_time_ns) - (
            tested.ended_time_ns - tested.created_time_ns
        )
        if live.ended_time_ns and tested.ended_time_ns and abs(late_ns) >= LATENCY_NS:
            reason = "latency"
            text = (
                f"ended {abs(late_ns) / 1e6:,.1f} ms {'later' if late_ns > 0 else 'earlier'} live"
            )
    if not reason:
        return []
    return [Difference(live.created_time_ns, live.strategy, live.order_id, reason, text)]


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
