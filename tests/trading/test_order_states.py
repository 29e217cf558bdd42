"""Every (status, event) pair of the order table, against a table written by hand."""

from decimal import Decimal

import pytest

from actors.trading.order_change import Verdict
from actors.trading.order_table import OrderTable
from messages.enums import Exchanges, ExecutionType, OrderStatus, OrderType, Reason, Side
from messages.orders import Order

EXCHANGE = Exchanges.BINANCE
S = OrderStatus
WORDS = (
    *(S.PENDING_NEW, S.NEW, S.PARTIALLY_FILLED, S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED),
    *(S.EXPIRED_IN_MATCH, S.UNKNOWN, S.NOT_FOUND),
)
"""What a gateway may say."""
OURS = ("cancel requested", "cancel refused", "unknown", "not found", "refused")
"""What the order manager says itself."""
ENDS = (S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED, S.EXPIRED_IN_MATCH)
LATER: dict[OrderStatus | str, OrderStatus] = {end: end for end in ENDS}
WITHOUT_REJECTED: dict[OrderStatus | str, OrderStatus] = {
    end: end for end in ENDS if end is not S.REJECTED
}
DENIED: dict[OrderStatus | str, OrderStatus] = {
    S.NOT_FOUND: S.NOT_FOUND,
    "not found": S.NOT_FOUND,
}

EXPECTED: dict[OrderStatus, dict[OrderStatus | str, OrderStatus]] = {
    S.PENDING_NEW: {
        **LATER,
        S.NEW: S.NEW,
        S.PARTIALLY_FILLED: S.PARTIALLY_FILLED,
        S.UNKNOWN: S.UNKNOWN,
        S.NOT_FOUND: S.NOT_FOUND,
        "cancel requested": S.PENDING_CANCEL,
        "unknown": S.UNKNOWN,
        "not found": S.NOT_FOUND,
        "refused": S.REJECTED,
    },
    S.NEW: {
        **WITHOUT_REJECTED,
        S.PARTIALLY_FILLED: S.PARTIALLY_FILLED,
        "cancel requested": S.PENDING_CANCEL,
        **DENIED,
    },
    S.PARTIALLY_FILLED: {**WITHOUT_REJECTED, "cancel requested": S.PENDING_CANCEL, **DENIED},
    S.PENDING_CANCEL: {**WITHOUT_REJECTED, "cancel refused": S.NEW, **DENIED},
    S.UNKNOWN: {
        **LATER,
        S.PENDING_NEW: S.PENDING_NEW,
        S.NEW: S.NEW,
        S.PARTIALLY_FILLED: S.PARTIALLY_FILLED,
        S.NOT_FOUND: S.NOT_FOUND,
        "cancel requested": S.PENDING_CANCEL,
        "not found": S.NOT_FOUND,
        "refused": S.REJECTED,
    },
    S.NOT_FOUND: {
        **LATER,
        S.PENDING_NEW: S.PENDING_NEW,
        S.NEW: S.NEW,
        S.PARTIALLY_FILLED: S.PARTIALLY_FILLED,
        "refused": S.REJECTED,
    },
    **{end: {} for end in ENDS},
}
"""What an event makes of a status; an event that is not named changes nothing."""

WAYS: dict[OrderStatus, tuple[OrderStatus | str, ...]] = {
    S.PENDING_NEW: (),
    S.NEW: (S.NEW,),
    S.PARTIALLY_FILLED: (S.PARTIALLY_FILLED,),
    S.PENDING_CANCEL: (S.NEW, "cancel requested"),
    S.UNKNOWN: (S.UNKNOWN,),
    S.NOT_FOUND: (S.UNKNOWN, S.NOT_FOUND),
    **{end: (end,) for end in ENDS},
}
"""How an order comes to a status."""


def apply(table: OrderTable, order: Order, event: OrderStatus | str) -> Verdict:
    if event == "cancel requested":
        return table.on_cancel_requested(order).verdict
    if event == "cancel refused":
        return table.on_cancel_refused(order).verdict
    if event == "unknown":
        return table.on_unknown(order, "timed out").verdict
    if event == "not found":
        return table.on_not_found(order, "asked").verdict
    if event == "refused":
        return table.on_refused(order, Reason.JOURNAL, "not written").verdict
    return table.on_venue_order(make_event(OrderStatus(event)), 1).verdict


def make_event(status: OrderStatus, **fields: object) -> Order:
    values: dict[str, object] = {
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "symbol": "BTCUSDT",
        "client_order_id": "bot-maker-1-1",
        "status": status,
        "exchange_order_id": 0 if status in (S.UNKNOWN, S.NOT_FOUND) else 7,
    }
    return Order(**(values | fields))  # type: ignore[arg-type] # values of many types, by name


def make_order_in(status: OrderStatus) -> tuple[OrderTable, Order]:
    table = OrderTable(lambda name: "maker" if name.startswith("bot-") else None)
    order = make_event(S.PENDING_NEW, order_id="a", strategy="maker", quantity=Decimal(2))
    order.exchange_order_id = 0
    table.add(order)
    for event in WAYS[status]:
        apply(table, order, event)
    assert order.status is status
    return table, order


@pytest.mark.parametrize("event", [*WORDS, *OURS])
@pytest.mark.parametrize("status", list(OrderStatus))
def test_every_pair(status: OrderStatus, event: OrderStatus | str) -> None:
    table, order = make_order_in(status)
    verdict = apply(table, order, event)
    expected = EXPECTED[status].get(event, status)
    assert order.status is expected
    if expected is not status:
        assert verdict is Verdict.APPLIED
    elif event not in (S.PENDING_NEW, S.NEW, S.PARTIALLY_FILLED):  # they may tell the venue's id
        assert verdict is not Verdict.APPLIED, "what changes nothing is told to nobody"
    assert sum(table.counts.values()) == len(WAYS[status]) + 1, "everything is counted"
    assert bool(table.open_orders()) == order.is_open


def test_the_table_names_every_status() -> None:
    assert EXPECTED.keys() == WAYS.keys() == set(OrderStatus)


def make_resting() -> tuple[OrderTable, Order]:
    table, order = make_order_in(S.NEW)
    return table, order


def test_an_amendment_shrinks_the_quantity_and_may_change_the_name() -> None:
    table, order = make_resting()
    change = table.on_venue_order(
        make_event(
            S.NEW,
            client_order_id="Xy12",
            quantity=Decimal("1.5"),
            execution_type=ExecutionType.REPLACED,
        ),
        2,
    )
    assert change.is_news
    assert (order.quantity, order.client_order_id) == (Decimal("1.5"), "Xy12")
    for name in ("Xy12", "bot-maker-1-1"):
        assert table.find(EXCHANGE, "BTCUSDT", name) is order


def test_a_view_from_before_an_amendment_brings_nothing_back() -> None:
    table, order = make_resting()
    for quantity in ("1.2", "1.5", "2"):
        event = make_event(S.NEW, quantity=Decimal(quantity), execution_type=ExecutionType.REPLACED)
        table.on_venue_order(event, 2)
    assert order.quantity == Decimal("1.2")
    table.on_venue_order(make_event(S.NEW, quantity=Decimal(2)), 3)
    assert order.quantity == Decimal("1.2")


def test_both_names_of_an_amended_order_are_forgotten_with_it() -> None:
    table = OrderTable(lambda name: "maker", keep_closed=1, remember_closed=1)
    for number in range(4):
        order = make_event(
            S.PENDING_NEW, client_order_id=f"c{number}", order_id=f"o{number}", strategy="maker"
        )
        order.exchange_order_id = 0
        table.add(order)
        for name, status in ((f"d{number}", S.NEW), (f"d{number}", S.CANCELED)):
            event = make_event(
                status,
                client_order_id=name if status is S.NEW else f"d{number}",
                exchange_order_id=100 + number,
                execution_type=ExecutionType.REPLACED
                if status is S.NEW
                else ExecutionType.CANCELED,
            )
            if status is S.NEW:
                first = make_event(S.NEW, client_order_id=f"c{number}")
                first.exchange_order_id = 100 + number
                table.on_venue_order(first, 1)
            table.on_venue_order(event, 2)
    assert table.find(EXCHANGE, "BTCUSDT", "c0") is None
    assert table.find(EXCHANGE, "BTCUSDT", "d0") is None
    assert table.find(EXCHANGE, "BTCUSDT", "c3") is table.find(EXCHANGE, "BTCUSDT", "d3")


def test_a_restored_order_is_found_as_before() -> None:
    _, order = make_resting()
    again = OrderTable(lambda name: "maker")
    again.restore(order)
    again.restore(order)
    assert again.open_orders("maker", EXCHANGE, "BTCUSDT") == [order]
    assert again.find(EXCHANGE, "BTCUSDT", "", 7) is order
    again.on_venue_order(make_event(S.CANCELED), 3)
    assert again.open_orders() == []
    assert again.closed_orders(5) == [order]
