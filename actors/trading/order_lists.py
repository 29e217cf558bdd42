"""What orders that hang together amount to: a pair locks and executes once, an order that waits not at all. Pure."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from messages.enums import ListRole, ListState, OrderStatus
from messages.orders import Order

EXITS = (ListRole.ABOVE, ListRole.BELOW, ListRole.EXIT)
ZERO = Decimal(0)


def counted_orders(orders: Iterable[Order]) -> Iterator[Order]:
    """Those of some open orders that lock and may execute for themselves: of a pair the first, and none that waits."""
    pairs: set[str] = set()
    for order in orders:
        if order.is_waiting:
            continue
        if order.list_id and order.list_role in EXITS:
            if order.list_id in pairs:
                continue
            pairs.add(order.list_id)
        yield order


def find_unprotected(orders: Iterable[Order]) -> Decimal:
    """What the entry of a list has brought and no exit covers, or is about to cover: those of a filled entry come next."""
    entry = covered = executed = ZERO
    is_filled = False
    for order in orders:
        if order.list_role is ListRole.ENTRY:
            entry, is_filled = order.executed_quantity, order.status is OrderStatus.FILLED
            continue
        executed += order.executed_quantity
        if order.is_open and (is_filled or not order.is_waiting):
            covered = max(covered, order.open_quantity)
    return max(entry - executed - covered, ZERO)


def find_beside(order: Order, orders: Iterable[Order]) -> Decimal:
    """What the other exits of an exit's list have executed."""
    others = (each for each in orders if each is not order and each.list_role in EXITS)
    return sum((each.executed_quantity for each in others), ZERO)


def find_left(order: Order, orders: Iterable[Order]) -> Decimal:
    """What an exit may execute in all, after what the others have executed since its quantity was set."""
    return max(order.quantity + order.executed_beside - find_beside(order, orders), ZERO)


def is_sold_out(order: Order) -> bool:
    """Whether it has executed all that it was for: what self-trade prevention took of an order that is FILLED was not sold."""
    return order.status is OrderStatus.FILLED and not order.open_quantity


def find_excess(orders: Iterable[Order]) -> Decimal:
    """What the exits of one list have executed together beyond what any of them alone was for."""
    exits = [order for order in orders if order.list_role in EXITS]
    most = max((order.quantity + order.executed_beside for order in exits), default=ZERO)
    return max(sum((order.executed_quantity for order in exits), ZERO) - most, ZERO)


def find_state(orders: list[Order]) -> ListState:
    """How a list stands, by its orders."""
    if any(order.status is OrderStatus.UNKNOWN for order in orders):
        return ListState.UNKNOWN
    if all(order.status is OrderStatus.REJECTED for order in orders):
        return ListState.REJECT
    return ListState.EXECUTING if any(order.is_open for order in orders) else ListState.ALL_DONE
