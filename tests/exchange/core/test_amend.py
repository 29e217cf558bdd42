"""Orders that are reduced in place."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from actors.exchange.errors import VenueError
from actors.exchange.orders import OrderRecord
from messages.enums import OrderStatus, Side

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench


def amend(bench: "Bench", order: OrderRecord, quantity: str, **more: Any) -> OrderRecord:
    """Reduces an order by its id."""
    return bench.venue.amend_order(
        order.account, order.symbol, Decimal(quantity), order.order_id, **more
    )[0]


def refused(bench: "Bench", order: OrderRecord, quantity: str, **more: Any) -> tuple[int, str]:
    with pytest.raises(VenueError) as caught:
        amend(bench, order, quantity, **more)
    return caught.value.code, caught.value.message


def test_an_amended_order_keeps_its_place(bench: "Bench") -> None:
    first, second, taker = (bench.account(name) for name in "abc")
    mine, other = bench.sell(first, "5", "100"), bench.sell(second, "5", "100")
    amend(bench, mine, "2")
    assert bench.levels() == ({}, {"100": "7"})
    bench.buy(taker, "3", "100")
    assert mine.status is OrderStatus.FILLED
    assert mine.executed_quantity == 2
    assert other.executed_quantity == 1


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_funds_are_freed(bench: "Bench", side: Side) -> None:
    account = bench.account("a", LTC="10", USDT="1000")
    order = bench.limit(account, side, "5", "100")
    amend(bench, order, "2")
    asset, free, locked = ("USDT", 800, 200) if side is Side.BUY else ("LTC", 8, 2)
    assert bench.balance(account, asset) == (free, locked)
    bench.venue.cancel_order(account, bench.symbol, order.order_id)
    assert bench.balance(account, asset) == (free + locked, 0)


def test_a_partly_filled_order(bench: "Bench") -> None:
    maker, taker = bench.account("a", LTC="10"), bench.account("b")
    order = bench.sell(maker, "5", "100")
    bench.buy(taker, "2", "100")
    amend(bench, order, "4")
    assert order.status is OrderStatus.PARTIALLY_FILLED
    assert order.open_quantity == 2
    assert bench.balance(maker, "LTC") == (6, 2)
    amend(bench, order, "1")
    assert order.executed_quantity == 2
    assert bench.venue.find_order(maker, bench.symbol, order.order_id).status is OrderStatus.EXPIRED
    assert bench.balance(maker, "LTC") == (8, 0)
    assert bench.levels() == ({}, {})
    assert bench.venue.open_orders(maker) == []


def test_client_ids(bench: "Bench") -> None:
    account = bench.account("a")
    order = bench.limit(account, Side.BUY, "5", "100", client_order_id="one")
    bench.limit(account, Side.BUY, "5", "100", client_order_id="two")
    amend(bench, order, "4", new_client_order_id="one")
    assert order.client_order_id == "one"
    amend(bench, order, "3")
    assert len(order.client_order_id) == 22
    assert refused(bench, order, "2", new_client_order_id="two") == (-2038, "Duplicate order sent.")
    amend(bench, order, "2", new_client_order_id="three")
    found = bench.venue.find_order(account, bench.symbol, original_client_order_id="three")
    assert found is order
    assert bench.limit(account, Side.BUY, "5", "100", client_order_id="one").is_open
    with pytest.raises(VenueError):
        bench.limit(account, Side.BUY, "5", "100", client_order_id="three")


def test_events(bench: "Bench", listener: Any) -> None:
    account = bench.account("a", LTC="10")
    order = bench.limit(account, Side.SELL, "5", "100", client_order_id="one")
    events = listener(account)
    _, amendment = bench.venue.amend_order(
        account, bench.symbol, Decimal(2), order.order_id, new_client_order_id="two"
    )
    report, position = events
    assert [report[key] for key in "xXqcCIi"] == [
        "REPLACED",
        "NEW",
        "2.00000000",
        "two",
        "one",
        amendment.execution_id,
        order.order_id,
    ]
    assert {"a": "LTC", "f": "8.00000000", "l": "2.00000000"} in position["B"]
    bench.venue.cancel_order(account, bench.symbol, order.order_id)
    assert events[2]["C"] == "two"


def test_refusals_change_nothing(bench: "Bench") -> None:
    account = bench.account("a")
    order = bench.buy(account, "5", "100")
    assert refused(bench, order, "5")[0] == -2038
    assert refused(bench, order, "6") == (
        -2038,
        "Order amend (quantity increase) is not supported.",
    )
    assert refused(bench, order, "0") == (-1013, "Filter failure: LOT_SIZE")
    assert refused(bench, order, "2.0001") == (-1013, "Filter failure: LOT_SIZE")
    assert refused(bench, order, "0.001") == (-1013, "Filter failure: NOTIONAL")
    assert order.quantity == 5
    bench.venue.cancel_order(account, bench.symbol, order.order_id)
    assert refused(bench, order, "2") == (-2038, "Unknown order sent.")


def test_ten_amendments_and_no_more(bench: "Bench") -> None:
    order = bench.buy(bench.account("a"), "50", "100")
    for number in range(10):
        amend(bench, order, str(49 - number))
    assert refused(bench, order, "1") == (-2038, "Filter failure: MAX_NUM_ORDER_AMENDS")
