"""Orders by their ids, what an account is told, and what it can look up."""

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from actors.exchange.errors import VenueError
from actors.exchange.history import OrderHistory
from actors.exchange.orders import CancelRestriction, NewOrder
from messages.enums import OrderStatus, OrderType, Side, TimeInForce

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench

LIMIT = NewOrder(
    symbol="LTCUSDT",
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    quantity=Decimal(1),
    price=Decimal(90),
    time_in_force=TimeInForce.GTC,
)


def refused_code(error: "pytest.ExceptionInfo[VenueError]") -> tuple[int, str]:
    return error.value.code, error.value.message


def test_client_order_id_is_unique_among_open_orders_only(bench: "Bench") -> None:
    account = bench.account("a")
    named = replace(LIMIT, client_order_id="mine")
    first = bench.venue.new_order(account, named)
    with pytest.raises(VenueError) as error:
        bench.venue.new_order(account, named)
    assert refused_code(error) == (-2010, "Duplicate order sent.")
    other = bench.account("b")
    assert bench.venue.new_order(other, named).status is OrderStatus.NEW
    bench.venue.cancel_order(account, "LTCUSDT", first.order_id)
    second = bench.venue.new_order(account, named)
    assert second.order_id > first.order_id
    found = bench.venue.find_order(account, "LTCUSDT", original_client_order_id="mine")
    assert found is second


def test_missing_client_order_id_is_generated(bench: "Bench") -> None:
    account = bench.account("a")
    ids = {bench.venue.new_order(account, LIMIT).client_order_id for _ in range(50)}
    assert len(ids) == 50
    assert {len(client_id) for client_id in ids} == {22}
    assert all(client_id.isalnum() for client_id in ids)


def test_canceled_order_is_found_by_its_own_id_and_by_the_cancels(bench: "Bench") -> None:
    account = bench.account("a")
    order = bench.venue.new_order(account, replace(LIMIT, client_order_id="mine"))
    canceled = bench.venue.cancel_order(
        account, "LTCUSDT", original_client_order_id="mine", new_client_order_id="away"
    )
    assert canceled is order
    assert (order.status, order.client_order_id) == (OrderStatus.CANCELED, "away")
    for client_id in ("mine", "away"):
        found = bench.venue.find_order(account, "LTCUSDT", original_client_order_id=client_id)
        assert found is order
    with pytest.raises(VenueError) as error:
        bench.venue.cancel_order(account, "LTCUSDT", original_client_order_id="mine")
    assert refused_code(error) == (-2011, "Unknown order sent.")


def test_lookups_that_fail(bench: "Bench") -> None:
    account, other = bench.account("a"), bench.account("b")
    order = bench.venue.new_order(account, replace(LIMIT, client_order_id="mine"))
    cases: list[tuple[dict[str, Any], tuple[int, str]]] = [
        ({"order_id": 999}, (-2013, "Order does not exist.")),
        ({"original_client_order_id": "what"}, (-2013, "Order does not exist.")),
        (
            {"order_id": order.order_id, "original_client_order_id": "what"},
            (-2039, "Client order ID is not correct for this order ID."),
        ),
        (
            {},
            (
                -1102,
                "Param 'orderId' or 'origClientOrderId' must be sent, but both were empty/null!",
            ),
        ),
    ]
    for arguments, expected in cases:
        with pytest.raises(VenueError) as error:
            bench.venue.find_order(account, "LTCUSDT", **arguments)
        assert refused_code(error) == expected
    with pytest.raises(VenueError) as error:
        bench.venue.find_order(other, "LTCUSDT", order.order_id)
    assert error.value.code == -2013
    with pytest.raises(VenueError) as error:
        bench.venue.cancel_order(other, "LTCUSDT", order.order_id)
    assert error.value.code == -2011
    with pytest.raises(VenueError) as error:
        bench.venue.new_order(account, replace(LIMIT, symbol="NOPE"))
    assert refused_code(error) == (-1121, "Invalid symbol.")


def test_cancel_restrictions(bench: "Bench") -> None:
    account = bench.account("a")
    order = bench.venue.new_order(account, LIMIT)
    only_new, only_partial = CancelRestriction.ONLY_NEW, CancelRestriction.ONLY_PARTIALLY_FILLED
    with pytest.raises(VenueError) as error:
        bench.venue.cancel_order(account, "LTCUSDT", order.order_id, restriction=only_partial)
    assert refused_code(error) == (-2011, "Order was not canceled due to cancel restrictions.")
    bench.sell(bench.account("b"), "0.4", "90")
    with pytest.raises(VenueError):
        bench.venue.cancel_order(account, "LTCUSDT", order.order_id, restriction=only_new)
    bench.venue.cancel_order(account, "LTCUSDT", order.order_id, restriction=only_partial)
    assert (order.status, order.executed_quantity) == (OrderStatus.CANCELED, Decimal("0.4"))


def test_cancel_all_cancels_own_orders_of_the_symbol_only(new_bench: type["Bench"]) -> None:
    bench = new_bench("LTCUSDT", "BTCUSDT")
    account, other = bench.account("a"), bench.account("b")
    bench.buy(account, "1", "90")
    bench.buy(account, "1", "91")
    bench.buy(other, "1", "89")
    bench.symbol = "BTCUSDT"
    bitcoin = bench.buy(account, "0.01", "60000")
    assert len(bench.venue.cancel_open_orders(account, "LTCUSDT")) == 2
    assert bench.venue.open_orders(account) == [bitcoin]
    bench.symbol = "LTCUSDT"
    assert bench.levels() == ({"89": "1"}, {})
    with pytest.raises(VenueError) as error:
        bench.venue.cancel_open_orders(account, "LTCUSDT")
    assert refused_code(error) == (-2011, "Unknown order sent.")


def test_test_order_checks_and_does_nothing(bench: "Bench") -> None:
    account = bench.account("a", USDT="1")
    bench.venue.test_order(account, LIMIT)
    assert bench.venue.open_orders(account) == []
    with pytest.raises(VenueError) as error:
        bench.venue.test_order(account, replace(LIMIT, price=Decimal("90.001")))
    assert error.value.code == -1013


def test_takers_events_come_in_the_documented_order(bench: "Bench", listener: Any) -> None:
    maker, taker = bench.account("maker"), bench.account("taker")
    bench.sell(maker, "2", "100")
    bench.sell(maker, "2", "101")
    makers, takers = listener(maker), listener(taker)
    bench.limit(taker, Side.BUY, "6", "101", TimeInForce.IOC, "mine")
    told = [(e["e"], e.get("x"), e.get("X")) for e in takers]
    assert told == [
        ("executionReport", "NEW", "NEW"),
        ("executionReport", "TRADE", "PARTIALLY_FILLED"),
        ("executionReport", "TRADE", "PARTIALLY_FILLED"),
        ("executionReport", "EXPIRED", "EXPIRED"),
        ("outboundAccountPosition", None, None),
    ]
    reports = takers[:-1]
    assert len({event["E"] for event in takers}) == len({event["T"] for event in reports}) == 1
    assert [event["z"] for event in reports] == [
        "0.00000000",
        "2.00000000",
        "4.00000000",
        "4.00000000",
    ]
    assert [event["Z"] for event in reports[1:3]] == ["200.00000000", "402.00000000"]
    assert [event["w"] for event in reports] == [True, False, False, False]
    assert [event["m"] for event in reports] == [False] * 4
    assert [event["t"] for event in reports] == [-1, 1, 2, -1]
    assert [event["N"] for event in reports] == [None, "LTC", "LTC", None]
    assert reports[3]["eR"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
    numbers = [event["I"] for event in reports]
    assert numbers == sorted(set(numbers))
    assert [(e["e"], e.get("X"), e.get("m")) for e in makers] == [
        ("executionReport", "FILLED", True),
        ("executionReport", "FILLED", True),
        ("outboundAccountPosition", None, None),
    ]
    assert makers[-1]["B"] == [
        {"a": "LTC", "f": "999996.00000000", "l": "0.00000000"},
        {"a": "USDT", "f": "100000402.00000000", "l": "0.00000000"},
    ]


def test_cancel_report_carries_both_ids(bench: "Bench", listener: Any) -> None:
    account = bench.account("a")
    bench.venue.new_order(account, replace(LIMIT, client_order_id="mine"))
    events = listener(account)
    bench.venue.cancel_order(
        account, "LTCUSDT", original_client_order_id="mine", new_client_order_id="away"
    )
    report, position = events
    assert (report["x"], report["X"]) == ("CANCELED", "CANCELED")
    assert (report["C"], report["c"]) == ("mine", "away")
    assert position["B"][1] == {"a": "USDT", "f": "100000000.00000000", "l": "0.00000000"}


def test_listener_may_act_within_an_event(bench: "Bench") -> None:
    maker, taker = bench.account("maker"), bench.account("taker")

    def place_again(event: dict[str, Any]) -> None:
        if event.get("X") == "FILLED":
            bench.sell(maker, "1", "101")

    maker.listeners.append(place_again)
    bench.sell(maker, "1", "100")
    bench.buy(taker, "1", "100")
    assert bench.levels() == ({}, {"101": "1"})


class _Watcher:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_trade(self, symbol: str, trade: Any) -> None:
        self.seen.append(f"{symbol} {trade.trade_id}")

    def on_book(self, symbol: str) -> None:
        self.seen.append(f"{symbol} book")


def test_market_listeners_hear_of_trades_then_of_the_book_once(bench: "Bench") -> None:
    maker, taker = bench.account("maker"), bench.account("taker")
    bench.sell(maker, "1", "100")
    bench.sell(maker, "1", "101")
    watcher = _Watcher()
    bench.venue.market_listeners.append(watcher)
    bench.buy(taker, "3", "101")
    assert watcher.seen == ["LTCUSDT 1", "LTCUSDT 2", "LTCUSDT book"]
    bench.market(taker, Side.BUY, "1")
    assert watcher.seen[3:] == []


def test_all_orders_by_id_time_and_newest(bench: "Bench") -> None:
    account = bench.account("a")
    orders = []
    for _ in range(6):
        orders.append(bench.venue.new_order(account, LIMIT))
        bench.pass_time(1)
    bench.venue.cancel_order(account, "LTCUSDT", orders[0].order_id)
    first_ms = orders[0].time_us // 1000
    all_orders = bench.venue.all_orders
    assert all_orders(account, "LTCUSDT") == orders
    assert all_orders(account, "LTCUSDT", limit=2) == orders[-2:]
    assert all_orders(account, "LTCUSDT", order_id=orders[2].order_id, limit=2) == orders[2:4]
    assert all_orders(account, "LTCUSDT", start_time_ms=first_ms + 1000, limit=2) == orders[1:3]
    assert all_orders(account, "LTCUSDT", end_time_ms=first_ms + 3999, limit=2) == orders[2:4]


def test_my_trades_by_order_id_time_and_newest(bench: "Bench") -> None:
    account, other = bench.account("a"), bench.account("b")
    order_ids = []
    for _ in range(5):
        bench.sell(other, "1", "100")
        order_ids.append(bench.buy(account, "1", "100").order_id)
        bench.pass_time(1)
    start_ms = bench.venue.my_trades(account, "LTCUSDT")[0].time_us // 1000

    def ids(**arguments: int) -> list[int]:
        return [t.trade_id for t in bench.venue.my_trades(account, "LTCUSDT", **arguments)]

    assert ids() == [1, 2, 3, 4, 5]
    assert ids(limit=2) == [4, 5]
    assert ids(from_id=2, limit=2) == [2, 3]
    assert ids(order_id=order_ids[2]) == [3]
    assert ids(start_time_ms=start_ms + 1000, limit=2) == [2, 3]
    assert ids(end_time_ms=start_ms + 2000, limit=2) == [2, 3]


def test_closed_orders_are_forgotten_past_the_bound(bench: "Bench") -> None:
    account = bench.account("a")
    account.history = OrderHistory(closed_orders_kept=3)
    orders = [bench.venue.new_order(account, LIMIT) for _ in range(5)]
    for order in orders[:4]:
        bench.venue.cancel_order(account, "LTCUSDT", order.order_id)
    assert bench.venue.all_orders(account, "LTCUSDT") == orders[1:]
    with pytest.raises(VenueError):
        bench.venue.find_order(account, "LTCUSDT", orders[0].order_id)


def test_clock_that_goes_back_does_not_turn_time_back(bench: "Bench") -> None:
    account = bench.account("a")
    first = bench.venue.new_order(account, LIMIT)
    bench.pass_time(-3600)
    second = bench.venue.new_order(account, LIMIT)
    assert second.time_us == first.time_us


def test_account_name_is_taken_once(bench: "Bench") -> None:
    bench.account("a")
    with pytest.raises(ValueError, match="exists already"):
        bench.account("a")
    with pytest.raises(ValueError, match="must not be negative"):
        bench.account("b", USDT="-1")
