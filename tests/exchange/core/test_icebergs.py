"""Orders that show a part of themselves at a time (rest-api.md:2191; filters.md, ICEBERG_PARTS)."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from actors.exchange.accounts import Account
from actors.exchange.orders import NewOrder, OrderRecord
from messages.enums import OrderStatus, OrderType, SelfTradePrevention, Side, TimeInForce

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench


def sell(bench: "Bench", account: Account, quantity: str, shown: str, **more: Any) -> OrderRecord:
    """A sale at 100 of which `shown` is seen at a time."""
    terms: dict[str, Any] = {
        "symbol": bench.symbol,
        "side": Side.SELL,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal(quantity),
        "price": Decimal(100),
        "time_in_force": TimeInForce.GTC,
        "iceberg_quantity": Decimal(shown),
    }
    return bench.venue.new_order(account, NewOrder(**(terms | more)))


def asks(bench: "Bench") -> dict[str, str]:
    return bench.levels()[1]


def test_the_book_shows_a_part_and_then_the_next(bench: "Bench") -> None:
    maker, taker = bench.account("a"), bench.account("b")
    order = sell(bench, maker, "5", "2")
    assert asks(bench) == {"100": "2"}
    for left in ("1", "2", "1", "1"):
        bench.buy(taker, "1", "100")
        assert asks(bench) == {"100": left}
    bench.buy(taker, "1", "100")
    assert order.status is OrderStatus.FILLED
    assert asks(bench) == {}


def test_the_next_part_stands_at_the_end_of_the_queue(bench: "Bench") -> None:
    maker, other, taker = (bench.account(name) for name in "abc")
    order = sell(bench, maker, "5", "1")
    behind = bench.sell(other, "2", "100")
    bench.buy(taker, "2", "100")
    assert [int(one.executed_quantity) for one in (order, behind)] == [1, 1]
    bench.buy(taker, "2", "100")
    assert [int(one.executed_quantity) for one in (order, behind)] == [2, 2]


def test_a_taker_gets_all_of_it_before_a_worse_price(bench: "Bench") -> None:
    maker, other, taker = (bench.account(name) for name in "abc")
    sell(bench, maker, "5", "2")
    bench.sell(other, "1", "101")
    bought = bench.market(taker, Side.BUY, "6")
    assert bench.trades() == [
        ("100", "2", False),
        ("100", "2", False),
        ("100", "1", False),
        ("101", "1", False),
    ]
    assert bought.status is OrderStatus.FILLED


def test_all_or_none_and_amounts_count_what_is_hidden(bench: "Bench") -> None:
    maker, taker = bench.account("a"), bench.account("b")
    sell(bench, maker, "10", "1")
    whole = bench.limit(taker, Side.BUY, "4", "100", TimeInForce.FOK)
    assert whole.status is OrderStatus.FILLED
    by_amount = bench.market_by_amount(taker, Side.BUY, "600")
    assert (by_amount.status, by_amount.executed_quantity) == (OrderStatus.FILLED, Decimal(6))


def test_it_takes_whole_and_rests_in_parts(bench: "Bench") -> None:
    maker, taker = bench.account("a"), bench.account("b")
    bench.buy(taker, "3", "100")
    order = sell(bench, maker, "5", "1")
    assert order.executed_quantity == 3
    assert bench.levels() == ({}, {"100": "1"})


def test_an_amendment_takes_from_what_is_hidden(bench: "Bench") -> None:
    """faqs/order_amend_keep_priority.md: visible changes only if `newQty` is below what is visible."""
    maker, other, taker = (bench.account(name) for name in "abc")
    order = sell(bench, maker, "5", "2")
    bench.sell(other, "1", "100")

    def amend(quantity: str) -> None:
        bench.venue.amend_order(maker, bench.symbol, Decimal(quantity), order.order_id)

    amend("3")
    assert asks(bench) == {"100": "3"}
    amend("1")
    assert asks(bench) == {"100": "2"}
    bench.buy(taker, "1", "100")
    assert order.status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("mode", "taker_left", "maker_left", "shown"),
    [
        (SelfTradePrevention.EXPIRE_MAKER, "3", "0", {}),
        (SelfTradePrevention.EXPIRE_TAKER, "0", "5", {"100": "2"}),
        (SelfTradePrevention.DECREMENT, "0", "2", {"100": "1"}),
    ],
)
def test_self_trade_prevention(
    bench: "Bench",
    mode: SelfTradePrevention,
    taker_left: str,
    maker_left: str,
    shown: dict[str, str],
) -> None:
    account = bench.account("a")
    maker = sell(bench, account, "5", "2")
    taker = bench.venue.new_order(
        account,
        NewOrder(
            symbol=bench.symbol,
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            quantity=Decimal(3),
            price=Decimal(100),
            time_in_force=TimeInForce.GTC,
            self_trade_prevention_mode=mode,
        ),
    )
    assert (taker.open_quantity, maker.open_quantity) == (Decimal(taker_left), Decimal(maker_left))
    assert asks(bench) == shown


def test_a_cancel_leaves_nothing_behind(bench: "Bench") -> None:
    maker, taker = bench.account("a", LTC="5"), bench.account("b")
    order = sell(bench, maker, "5", "2")
    bench.buy(taker, "1", "100")
    bench.venue.cancel_order(maker, bench.symbol, order.order_id)
    assert bench.levels() == ({}, {})
    assert bench.balance(maker, "LTC") == (4, 0)
    assert bench.market(taker, Side.BUY, "1").status is OrderStatus.EXPIRED


def test_nothing_at_a_time_is_no_iceberg(bench: "Bench") -> None:
    """filters.md: an ICEBERG order is any order where the `icebergQty` is > 0."""
    sell(bench, bench.account("a"), "5", "0")
    assert asks(bench) == {"100": "5"}


def test_a_triggered_one_rests_in_parts(bench: "Bench") -> None:
    maker, taker = bench.account("a"), bench.account("b")
    bench.sell(taker, "1", "105")
    bench.buy(taker, "1", "105")
    stop = sell(
        bench,
        maker,
        "5",
        "2",
        order_type=OrderType.STOP_LOSS_LIMIT,
        stop_price=Decimal(101),
        price=Decimal(102),
    )
    assert asks(bench) == {}
    bench.buy(taker, "1", "101")
    bench.sell(taker, "1", "101")
    assert stop.working_time_us
    assert asks(bench) == {"102": "2"}
