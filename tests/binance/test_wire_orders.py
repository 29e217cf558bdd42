"""Every form in which Binance writes an order becomes the same kind of `Order`."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.binance.wire_events import AccountPosition, ListStatus, UserEventDecoder
from actors.binance.wire_orders import (
    BinanceOrder,
    ExecutionReport,
    decode_order,
    decode_orders,
    decode_trades,
    from_binance_order,
)
from messages.enums import (
    Exchanges,
    ExecutionType,
    OrderStatus,
    OrderType,
    Reason,
    Side,
    TimeInForce,
)

DATA = Path(__file__).parents[1] / "data"


def examples() -> list[dict[str, Any]]:
    """All examples of the documentation."""
    lines = (DATA / "binance-examples.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def example(file: str, line: int) -> Any:
    """The example printed at a line of the documentation."""
    return next(
        item["value"] for item in examples() if item["file"] == file and item["line"] == line
    )


def recorded_events() -> list[bytes]:
    """Recorded user events, without their envelope."""
    lines = (DATA / "binance-user-frames.jsonl").read_text(encoding="utf-8").splitlines()
    return [msgspec.json.encode(json.loads(line)["data"]) for line in lines]


def test_an_acknowledgement_means_new() -> None:
    order = from_binance_order(example("rest-api.md", 2205))
    assert order.status is OrderStatus.NEW
    assert order.exchange_order_id == 28
    assert order.client_order_id == "6gCrw2kRUAF9CvJDGP16IP"
    assert order.event_time_ns == 1507725176595000000
    assert order.executions == []
    assert order.side is Side.UNRECOGNISED


def test_a_full_answer_has_its_fills() -> None:
    order = from_binance_order(example("rest-api.md", 2238))
    assert (order.side, order.order_type, order.status) == (
        Side.SELL,
        OrderType.MARKET,
        OrderStatus.FILLED,
    )
    assert [execution.trade_id for execution in order.executions] == [56, 57, 58, 59, 60]
    assert sum(execution.quantity for execution in order.executions) == order.executed_quantity
    first = order.executions[0]
    assert (first.price, first.quantity, first.fee) == (Decimal(4000), Decimal(1), Decimal(4))
    assert first.fee_asset == "USDT"
    assert not first.is_maker
    assert first.event_time_ns == order.event_time_ns


def test_a_cancel_answer_names_the_order_by_its_own_id() -> None:
    order = from_binance_order(example("rest-api.md", 2410))
    assert order.client_order_id == "myOrder1"
    assert order.status is OrderStatus.CANCELED
    assert (order.quantity, order.executed_quantity) == (Decimal(1), Decimal(0))


def test_a_query_answer() -> None:
    order = from_binance_order(example("rest-api.md", 4261))
    assert order.client_order_id == "myOrder1"
    assert order.price == Decimal("0.1")
    assert order.time_in_force is TimeInForce.GTC
    assert order.event_time_ns == 1499827319559000000


def test_an_execution_report_of_the_documentation() -> None:
    order = from_binance_order(example("user-data-stream.md", 79)["event"])
    assert order.client_order_id == "mUvoqJxFIILMdfAW5iGSOW"
    assert order.execution_type is ExecutionType.NEW
    assert order.execution_id == 8641984
    assert order.price == Decimal("0.10264410")


def test_a_typed_order_and_a_plain_dict_give_the_same() -> None:
    plain = example("rest-api.md", 2238)
    typed = decode_order(msgspec.json.encode(plain))
    assert isinstance(typed, BinanceOrder)
    assert from_binance_order(typed) == from_binance_order(plain)
    assert decode_orders(msgspec.json.encode([plain])) == [typed]


def test_the_exchange_is_the_callers() -> None:
    plain = example("rest-api.md", 4261)
    assert from_binance_order(plain).exchange is Exchanges.BINANCE
    assert from_binance_order(plain, exchange=Exchanges.CUSTOM).exchange is Exchanges.CUSTOM


def orders_within(value: Any) -> list[dict[str, Any]]:
    """Every object of an example that has the form of an order, at any depth."""
    if isinstance(value, list):
        return [order for item in value for order in orders_within(item)]
    if not isinstance(value, dict):
        return []
    found = [order for item in value.values() for order in orders_within(item)]
    if "orderId" in value and "clientOrderId" in value and "origQty" in value:
        found.append(value)
    return found


def test_every_order_printed_in_the_documentation_converts() -> None:
    orders = [order for item in examples() for order in orders_within(item.get("value"))]
    assert len(orders) >= 40
    for plain in orders:
        order = from_binance_order(plain)
        assert order.exchange_order_id == plain["orderId"]
        assert order.quantity == Decimal(plain["origQty"])
        assert order.status == plain["status"]
        assert order.client_order_id == plain.get("origClientOrderId", plain["clientOrderId"])


def test_all_recorded_events_decode() -> None:
    decoder = UserEventDecoder()
    events = [decoder.decode(event) for event in recorded_events()]
    assert len(events) == 34
    assert None not in events
    assert decoder.ignored == {}
    assert sum(isinstance(event, ExecutionReport) for event in events) == 25
    assert sum(isinstance(event, AccountPosition) for event in events) == 5
    assert sum(isinstance(event, ListStatus) for event in events) == 3


def test_all_recorded_reports_become_orders() -> None:
    for data in recorded_events():
        plain = json.loads(data)
        if plain["e"] != "executionReport":
            continue
        order = from_binance_order(msgspec.json.decode(data, type=ExecutionReport))
        assert order == from_binance_order(plain)
        assert order.status == plain["X"]
        assert order.execution_id == plain["I"]
        assert order.executed_quantity == Decimal(plain["z"])
        is_cancel = plain["x"] == "CANCELED"
        assert order.client_order_id == (plain["C"] if is_cancel else plain["c"])
        if plain["x"] == "TRADE":
            (execution,) = order.executions
            assert execution.trade_id == plain["t"]
            assert execution.price == Decimal(plain["L"])
            assert execution.quantity == Decimal(plain["l"])
            assert execution.fee == Decimal(plain["n"])
            assert execution.fee_asset == plain["N"]
            assert execution.is_maker is plain["m"]
        else:
            assert order.executions == []


def test_an_old_report_that_does_not_know_its_quote_amount() -> None:
    event = next(event for event in recorded_events() if b'"-0.00000001"' in event)
    order = from_binance_order(json.loads(event))
    assert order.executed_quote_quantity == 0
    assert order.status is OrderStatus.CANCELED


def report(**changes: Any) -> dict[str, Any]:
    """An execution report of the documentation with some fields changed."""
    return {**example("user-data-stream.md", 79)["event"], **changes}


def test_words_that_nobody_knows_yet_do_not_stop_anything() -> None:
    order = from_binance_order(
        report(
            X="FROZEN",
            x="THAWED",
            o="ORACLE",
            f="GTD",
            S="BOTH",
            r="WHIM",
            eR="NEW_RULE",
            zz={"a": [1]},
        )
    )
    assert order.status is OrderStatus.UNKNOWN
    assert order.execution_type is ExecutionType.UNRECOGNISED
    assert order.order_type is OrderType.UNRECOGNISED
    assert order.time_in_force is TimeInForce.UNRECOGNISED
    assert order.side is Side.UNRECOGNISED
    assert order.reason is Reason.VENUE
    assert order.reason_text == "NEW_RULE"


def test_the_same_words_in_an_answer() -> None:
    plain = {**example("rest-api.md", 4261), "status": "FROZEN", "type": "ORACLE", "news": None}
    order = from_binance_order(plain)
    assert order.status is OrderStatus.UNKNOWN
    assert order.order_type is OrderType.UNRECOGNISED


def test_a_report_with_nothing_but_its_identity() -> None:
    order = from_binance_order({"e": "executionReport", "s": "BTCUSDT", "i": 7})
    assert (order.symbol, order.exchange_order_id, order.status) == (
        "BTCUSDT",
        7,
        OrderStatus.UNKNOWN,
    )


def test_times_in_microseconds_come_to_the_same_nanoseconds() -> None:
    milliseconds = from_binance_order(report(T=1735689600000))
    microseconds = from_binance_order(report(T=1735689600000000))
    assert milliseconds.event_time_ns == microseconds.event_time_ns == 1735689600000000000


def test_a_rejection_says_why() -> None:
    order = from_binance_order(report(x="REJECTED", X="REJECTED", r="INSUFFICIENT_BALANCES"))
    assert order.reason is Reason.VENUE
    assert order.reason_text == "INSUFFICIENT_BALANCES"


def test_an_expiry_says_why() -> None:
    plain = {
        **example("rest-api.md", 2238),
        "status": "EXPIRED",
        "expiryReason": "UNFILLED_IOC_QUANTITY_EXPIRED",
    }
    order = from_binance_order(plain)
    assert order.status is OrderStatus.EXPIRED
    assert order.reason_text == "UNFILLED_IOC_QUANTITY_EXPIRED"
    assert len(order.executions) == 5


@pytest.mark.parametrize("text", ["NaN", "1_000", "\uff11", "1e33", "Infinity"])
def test_a_number_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a plain decimal number"):
        from_binance_order(report(z=text))


def test_a_dict_that_is_no_order_is_refused() -> None:
    with pytest.raises(ValueError, match="symbol"):
        from_binance_order({"orderListId": 5})


def test_own_trades_become_executions() -> None:
    (trade,) = decode_trades(msgspec.json.encode(example("rest-api.md", 4615)))
    execution = trade.to_execution()
    assert (trade.symbol, trade.exchange_order_id, trade.side) == ("BNBBTC", 100234, Side.BUY)
    assert execution.trade_id == 28457
    assert execution.price == Decimal("4.00000100")
    assert execution.fee == Decimal("10.10000000")
    assert execution.fee_asset == "BNB"
    assert execution.event_time_ns == 1499865549590000000
