"""Our JSON forms have the fields of the documented and recorded ones, in their order, and of their types."""

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actors.exchange import market_wire, wire
from actors.exchange.orders import NewOrder
from actors.exchange.symbols import rules_for
from actors.exchange.times import Time
from messages.enums import KlineInterval, OrderType, Side, TimeInForce

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench

DATA = Path(__file__).parents[2] / "data"


def documented(file: str, line: int) -> Any:
    """The example that the documentation prints at a line of one of its files."""
    for text in (DATA / "binance-examples.jsonl").read_text().splitlines():
        example = json.loads(text)
        if (example["file"], example["line"]) == (file, line):
            return example["value"]
    raise AssertionError(f"no example at {file}:{line}")


def shape(value: Any) -> Any:
    """Names and types, in order; of a list its first element."""
    if isinstance(value, dict):
        return [(key, shape(part)) for key, part in value.items()]
    if isinstance(value, list):
        return [shape(part) for part in value[:1]]
    return "int" if isinstance(value, Time) else type(value).__name__


@pytest.fixture
def traded(bench: "Bench") -> "Bench":
    """A venue with depth on both sides and one trade."""
    maker, taker = bench.account("maker"), bench.account("taker")
    bench.sell(maker, "5", "101")
    bench.buy(maker, "5", "99")
    bench.market(taker, Side.BUY, "1")
    return bench


def test_answers_to_a_new_order(traded: "Bench") -> None:
    order = traded.market(traded.venue.accounts["taker"], Side.BUY, "1")
    assert shape(wire.order_ack(order)) == shape(documented("rest-api.md", 2205))
    assert shape(wire.order_result(order)) == shape(documented("rest-api.md", 2216))
    assert shape(wire.order_full(order)) == shape(documented("rest-api.md", 2238))
    full = wire.order_full(order)
    assert (full["status"], full["timeInForce"], full["price"]) == ("FILLED", "GTC", "0.00000000")
    assert full["fills"][0] == {
        "price": "101.00000000",
        "qty": "1.00000000",
        "commission": "0.00000000",
        "commissionAsset": "LTC",
        "tradeId": 2,
    }


def test_resting_order_has_no_fills(traded: "Bench") -> None:
    order = traded.buy(traded.venue.accounts["taker"], "1", "98")
    assert wire.order_full(order)["fills"] == []


def test_query_open_orders_and_cancel(traded: "Bench") -> None:
    taker = traded.venue.accounts["taker"]
    order = traded.buy(taker, "1", "98")
    assert shape(wire.order_query(order)) == shape(documented("rest-api.md", 4261))
    traded.venue.cancel_order(taker, "LTCUSDT", order.order_id, None, "away")
    canceled = wire.order_cancel(order)
    assert shape(canceled) == shape(documented("rest-api.md", 2410))
    assert canceled["clientOrderId"] == "away"
    assert canceled["origClientOrderId"] == order.original_client_order_id != "away"


def test_conditional_fields_only_when_they_apply(traded: "Bench") -> None:
    taker = traded.venue.accounts["taker"]
    expired = traded.limit(taker, Side.BUY, "1", "98", TimeInForce.IOC)
    for answer in (wire.order_result(expired), wire.order_query(expired)):
        assert answer["expiryReason"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
    tagged = traded.venue.new_order(
        taker,
        NewOrder(
            symbol="LTCUSDT",
            side=Side.BUY,
            order_type=OrderType.LIMIT_MAKER,
            quantity=Decimal(1),
            price=Decimal(98),
            strategy_id=7,
            strategy_type=1_000_001,
        ),
    )
    answer = wire.order_query(tagged)
    assert (answer["strategyId"], answer["strategyType"]) == (7, 1_000_001)
    assert "expiryReason" not in answer


def test_account_and_its_trades(traded: "Bench") -> None:
    taker = traded.venue.accounts["taker"]
    assert shape(wire.account_state(taker)) == shape(documented("rest-api.md", 4196))
    trades = traded.venue.my_trades(taker, "LTCUSDT")
    assert shape([wire.account_trade(t) for t in trades]) == shape(documented("rest-api.md", 4615))


def test_fee_rates_are_shown_in_basis_points_and_as_rates(bench: "Bench") -> None:
    account = bench.venue.open_account("a", {}, Decimal("0.0015"), Decimal("0.001"))
    state = wire.account_state(account)
    assert (state["makerCommission"], state["takerCommission"]) == (15, 10)
    assert state["commissionRates"]["maker"] == "0.00150000"


def test_empty_balances_are_left_out_on_request(bench: "Bench") -> None:
    account = bench.venue.open_account("a", {"USDT": Decimal(1)})
    assert [b["asset"] for b in wire.account_state(account)["balances"]] == ["USDT", "LTC"]
    assert wire.account_state(account, omit_zero=True)["balances"] == [
        {"asset": "USDT", "free": "1.00000000", "locked": "0.00000000"}
    ]


def test_market_data(traded: "Bench") -> None:
    venue = traded.venue
    assert shape(market_wire.depth(venue.depth("LTCUSDT"))) == shape(documented("rest-api.md", 956))
    trades = [market_wire.public_trade(trade) for trade in venue.recent_trades("LTCUSDT")]
    assert shape(trades) == shape(documented("rest-api.md", 990))
    (kline,) = venue.klines("LTCUSDT", KlineInterval.MINUTE_1)
    row, example = market_wire.kline_row(kline), documented("rest-api.md", 1163)[0]
    assert [shape(part) for part in row] == [shape(part) for part in example]
    ticker = market_wire.book_ticker("LTCUSDT", venue.book_ticker("LTCUSDT"))
    assert shape(ticker) == shape(documented("rest-api.md", 1816))
    price = venue.last_price("LTCUSDT")
    assert price is not None
    assert shape(market_wire.price_ticker("LTCUSDT", price)) == shape(
        documented("rest-api.md", 1720)
    )
    average = market_wire.average_price(price, venue.now_us())
    assert shape(average) == shape(documented("rest-api.md", 1254))


def test_market_events(traded: "Bench") -> None:
    venue, now_us = traded.venue, traded.now_us
    (trade,) = venue.recent_trades("LTCUSDT")
    event = market_wire.trade_event("LTCUSDT", trade, now_us)
    assert shape(event) == shape(documented("web-socket-streams.md", 262))
    (kline,) = venue.klines("LTCUSDT", KlineInterval.MINUTE_1)
    event = market_wire.kline_event("LTCUSDT", kline, now_us)
    assert shape(event) == shape(documented("web-socket-streams.md", 327))
    event = market_wire.book_ticker_event("LTCUSDT", venue.book_ticker("LTCUSDT"))
    assert shape(event) == shape(documented("web-socket-streams.md", 542))
    changes = venue.open_depth_changes("LTCUSDT")
    traded.buy(venue.accounts["taker"], "1", "98")
    traded.sell(venue.accounts["taker"], "1", "102")
    diff = changes.take()
    assert diff is not None
    event = market_wire.depth_event("LTCUSDT", diff, now_us)
    assert shape(event) == shape(documented("web-socket-streams.md", 608))
    assert event["b"] == [["98.00000000", "1.00000000"]]
    assert event["u"] - event["U"] == 1
    changes.close()


def test_exchange_info_has_every_key_and_no_other() -> None:
    ours = market_wire.exchange_info([rules_for("ETHBTC")], [{}], 1)
    example = documented("rest-api.md", 813)
    del example["sors"]
    assert list(ours) == list(example)
    assert list(ours["symbols"][0]) == list(example["symbols"][0])
    assert ours["exchangeFilters"] == []
    filters = {part["filterType"]: part for part in ours["symbols"][0]["filters"]}
    for line in (52, 100, 126, 173, 188, 209, 223, 235, 292, 310, 323):
        example_filter = documented("filters.md", line)
        assert shape(filters.pop(example_filter["filterType"])) == shape(example_filter)
    assert filters == {}


def test_user_events_have_the_documented_fields(bench: "Bench", listener: Any) -> None:
    account = bench.account("a")
    events = listener(account)
    bench.buy(account, "1", "98")
    report = documented("user-data-stream.md", 79)["event"]
    del report["v"]  # only of orders that self-trade prevention touched
    assert shape(events[0]) == shape(report)
    position = documented("user-data-stream.md", 34)["event"]
    assert shape(events[1]) == shape(position)


def recorded_fields(kind: str) -> set[str]:
    """Every field that a recorded report of one execution type ever had."""
    fields: set[str] = set()
    for line in (DATA / "binance-user-frames.jsonl").read_text().splitlines():
        event = json.loads(line)["data"]
        if event.get("x") == kind:
            fields |= event.keys()
    return fields


def test_user_events_have_the_recorded_fields(bench: "Bench", listener: Any) -> None:
    account = bench.account("a")
    events = listener(account)
    order = bench.buy(account, "2", "98")
    bench.sell(bench.account("b"), "1", "98")
    bench.venue.cancel_order(account, "LTCUSDT", order.order_id)
    reports = {event["x"]: event for event in events if event["e"] == "executionReport"}
    assert list(reports) == ["NEW", "TRADE", "CANCELED"]
    optional = {"j", "J", "v", "U", "u", "A", "B", "d", "D"}
    for kind, report in reports.items():
        assert report.keys() - recorded_fields(kind) <= {"W", "V"}
        assert recorded_fields(kind) - report.keys() <= optional
    assert (reports["TRADE"]["w"], reports["TRADE"]["m"], reports["TRADE"]["M"]) == (
        False,
        True,
        True,
    )
