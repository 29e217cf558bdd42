"""Stops, take profits and trails where the data hold quotes: with trades beside them, and without."""

from decimal import Decimal
from typing import Any

import pytest

from actors.backtest.settings import FillModel
from messages.enums import Exchanges, OrderStatus, OrderType
from messages.market import MarketMessage, OrderBook
from tests.backtest.markets import SECOND, START, ticker, trade
from tests.backtest.orders_at import fills_of, play

STOP = OrderType.STOP_LOSS
CALM = ticker(0, 99.9, 100.1, 50, 50)


def stop(at: float, kind: OrderType = STOP, **terms: Any) -> dict[str, Any]:
    return {"order_type": kind, "stop_price": at, **terms}


@pytest.mark.parametrize(
    ("side", "terms", "bid", "ask", "expected"),
    [
        # A SELL looks at the bid and a BUY at the ask, whatever the other side says.
        ("SELL", stop(95), 95.0, 97.0, ["95"]),
        ("SELL", stop(95), 95.1, 95.2, []),
        ("SELL", stop(95), 90.0, 97.0, ["90"]),
        ("BUY", stop(105), 103.0, 105.0, ["105"]),
        ("BUY", stop(105), 104.8, 104.9, []),
        ("SELL", stop(105, OrderType.TAKE_PROFIT), 104.9, 105.5, []),
        ("SELL", stop(105, OrderType.TAKE_PROFIT), 105.5, 106.0, ["105.5"]),
        ("SELL", stop(95, OrderType.STOP_LOSS_LIMIT, price=94), 94.5, 95.0, ["94.5"]),
        ("SELL", stop(95, OrderType.STOP_LOSS_LIMIT, price=94), 93.0, 94.0, []),
        # 5 % below 99.9 is 94.905.
        ("SELL", {"order_type": STOP, "trailing_delta": 500}, 94.9, 95.0, ["94.9"]),
        ("SELL", {"order_type": STOP, "trailing_delta": 500}, 94.91, 95.0, []),
    ],
)
def test_without_trades_a_trigger_looks_at_what_its_order_would_meet(
    side: str, terms: dict[str, Any], bid: float, ask: float, expected: list[str]
) -> None:
    run = play([CALM, ticker(1, bid, ask, 50, 50)], [(1, side, "1", terms)])
    assert [price for _, _, price in fills_of(run)] == expected


def test_a_trail_follows_the_bid() -> None:
    market = [CALM, ticker(1, 110, 110.2, 50, 50), ticker(2, 104.4, 104.6, 50, 50)]
    run = play(market, [(1, "SELL", "1", {"order_type": STOP, "trailing_delta": 500})])
    assert fills_of(run) == [("SELL", "1", "104.4")]


def test_what_is_set_off_takes_what_is_displayed() -> None:
    run = play([CALM, ticker(1, 94, 95, 0.4, 50)], [(1, "SELL", "1", stop(95))])
    [order] = run.record.orders.values()
    assert fills_of(run) == [("SELL", "0.4", "94")]
    assert order.status is OrderStatus.EXPIRED


def test_order_books_set_off_by_their_best() -> None:
    def book(at_s: int, bids: list[list[float]], asks: list[list[float]]) -> OrderBook:
        return OrderBook(
            exchange=Exchanges.BINANCE,
            symbol="BTCUSDT",
            update_id=at_s,
            bids=[(price, quantity) for price, quantity in bids],
            asks=[(price, quantity) for price, quantity in asks],
            receive_time_ns=START + at_s * SECOND,
        )

    market = [
        book(0, [[99.9, 5]], [[100.1, 5]]),
        book(1, [[94, 0.4], [93, 5]], [[95, 5]]),
    ]
    run = play(market, [(1, "SELL", "1", stop(95))])
    assert fills_of(run) == [("SELL", "0.4", "94"), ("SELL", "0.6", "93")]


def test_a_trigger_that_the_bid_has_reached_is_refused() -> None:
    run = play([CALM, CALM], [(1, "SELL", "1", stop(99.9))])
    [order] = run.record.orders.values()
    assert order.status is OrderStatus.REJECTED
    assert "trigger immediately" in order.reason_text


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        # The quotes alone do not set it off.
        ([ticker(1, 94, 95, 50, 50)], []),
        # A trade does, and what was quoted last is met, no better than the trade.
        ([ticker(1, 94, 95, 50, 50), trade(2, 94.5)], ["94"]),
        ([trade(2, 94.5)], ["94.5"]),
    ],
)
def test_beside_trades_quotes_set_nothing_off(
    messages: list[MarketMessage], expected: list[str]
) -> None:
    market = [CALM, *messages, trade(9, 99, sold=True)]
    run = play(market, [(1, "SELL", "1", stop(95))])
    assert [price for _, _, price in fills_of(run)] == expected


def test_what_was_set_off_and_rests_joins_the_queue() -> None:
    terms = stop(95, OrderType.STOP_LOSS_LIMIT, price=96)
    market = [
        CALM,
        ticker(1, 94, 96, 1, 2),
        trade(2, 95.0),  # sets it off: it rests behind the two that are offered at 96
        trade(3, 96.0, 1.5),
        trade(4, 96.0, 0.9),
    ]
    run = play(market, [(1, "SELL", "1", terms)], fill_model=FillModel.QUEUE)
    assert fills_of(run) == [("SELL", "0.4", "96")]


def test_a_trade_older_than_its_acceptance_sets_nothing_off() -> None:
    late = trade(2, 90.0)
    late.trade_time_ns = START  # it happened before the order came, and was told after it
    market = [trade(0.5, 100.0), trade(1, 100.0), late, trade(3, 94.0)]
    run = play(market, [(1, "SELL", "1", stop(95))])
    assert [item.time_ns for item in run.record.fills] == [START + 3 * SECOND]
    assert run.record.fills[0].price == Decimal("93.99")
