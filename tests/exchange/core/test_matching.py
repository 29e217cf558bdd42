"""Who trades with whom, at what price, and what becomes of the rest."""

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from actors.exchange.errors import VenueError
from actors.exchange.orders import ExpiryReason, NewOrder
from messages.enums import KlineInterval, OrderStatus, OrderType, Side, TimeInForce

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench


def test_partial_fills_of_a_resting_order_are_credited_at_once(bench: "Bench") -> None:
    maker = bench.venue.open_account(
        "maker", {"USDT": Decimal(2000)}, Decimal("0.001"), Decimal("0.001")
    )
    taker = bench.account("taker")
    order = bench.buy(maker, "10", "100")
    bench.sell(taker, "4", "100")
    assert (order.executed_quantity, order.status) == (Decimal(4), OrderStatus.PARTIALLY_FILLED)
    assert bench.balance(maker, "LTC") == (Decimal("3.996"), 0)
    assert bench.balance(maker, "USDT") == (1000, 600)
    bench.sell(taker, "6", "100")
    assert (order.executed_quantity, order.status) == (Decimal(10), OrderStatus.FILLED)
    assert bench.levels() == ({}, {})
    third = bench.sell(taker, "5", "100")
    assert third.status is OrderStatus.NEW
    assert (order.executed_quantity, order.status) == (Decimal(10), OrderStatus.FILLED)
    assert bench.balance(maker, "LTC") == (Decimal("9.99"), 0)
    assert bench.venue.open_orders(maker) == []


def test_partly_filled_order_keeps_its_place_in_the_queue(bench: "Bench") -> None:
    first, second, buyer = bench.account("a"), bench.account("b"), bench.account("c")
    a, b = bench.sell(first, "5", "100"), bench.sell(second, "5", "100")
    bench.buy(buyer, "2", "100")
    assert [a.executed_quantity, b.executed_quantity] == [2, 0]
    bench.buy(buyer, "4", "100")
    assert [a.executed_quantity, b.executed_quantity] == [5, 1]


def test_best_price_first_and_the_makers_price_is_printed(bench: "Bench") -> None:
    maker, taker = bench.account("maker"), bench.account("taker")
    bench.buy(maker, "5", "100")
    bench.buy(maker, "5", "101")
    bench.sell(taker, "5", "99")
    assert bench.trades() == [("101", "5", True)]
    assert bench.levels() == ({"100": "5"}, {})
    kline = bench.venue.current_kline("LTCUSDT", KlineInterval.MINUTE_1)
    assert kline is not None
    numbers = [kline.open, kline.close, kline.volume, kline.taker_buy_volume]
    assert numbers == [101, 101, 5, 0]
    assert bench.venue.average_price("LTCUSDT") == 101


def test_best_ask_first_and_the_makers_price_is_printed(bench: "Bench") -> None:
    maker, taker = bench.account("maker"), bench.account("taker")
    bench.sell(maker, "5", "101")
    bench.sell(maker, "5", "100")
    bench.buy(taker, "5", "102")
    assert bench.trades() == [("100", "5", False)]
    assert bench.levels() == ({}, {"101": "5"})


def test_price_improvement_goes_back_to_the_taker(bench: "Bench") -> None:
    taker = bench.account("taker", USDT="1020")
    bench.sell(bench.account("maker"), "4", "100")
    bench.buy(taker, "10", "102")
    assert bench.balance(taker, "USDT") == (Decimal(1020) - 400 - 612, 612)


def test_ioc_stops_at_its_limit(bench: "Bench") -> None:
    maker, taker = bench.account("maker"), bench.account("taker")
    bench.buy(maker, "1", "32.96")
    bench.buy(maker, "5", "32.74")
    order = bench.limit(taker, Side.SELL, "3", "32.86", TimeInForce.IOC)
    assert bench.trades() == [("32.96", "1", True)]
    assert (order.executed_quantity, order.status) == (Decimal(1), OrderStatus.EXPIRED)
    assert order.expiry_reason is ExpiryReason.UNFILLED_IOC_QUANTITY
    assert bench.levels() == ({"32.74": "5"}, {})
    assert bench.balance(taker, "LTC")[1] == 0


def test_market_order_larger_than_the_book_executes_what_there_is(bench: "Bench") -> None:
    maker, taker = bench.account("maker"), bench.account("taker")
    bench.buy(maker, "60", "100")
    bench.buy(maker, "40", "99")
    order = bench.market(taker, Side.SELL, "101")
    assert [order.executed_quantity, order.quantity] == [100, 101]
    assert order.status is OrderStatus.EXPIRED
    assert order.expiry_reason is ExpiryReason.INSUFFICIENT_LIQUIDITY
    assert bench.balance(taker, "LTC")[1] == 0


def test_market_order_in_an_empty_book_expires_whole(bench: "Bench") -> None:
    order = bench.market(bench.account("taker"), Side.BUY, "1")
    assert (order.status, order.executed_quantity) == (OrderStatus.EXPIRED, Decimal(0))


def test_fok_is_filled_whole_or_not_at_all(bench: "Bench") -> None:
    maker, taker = bench.account("maker"), bench.account("taker")
    bench.sell(maker, "5", "100")
    bench.sell(maker, "5", "101")
    refused = bench.limit(taker, Side.BUY, "6", "100", TimeInForce.FOK)
    assert (refused.status, refused.executed_quantity) == (OrderStatus.EXPIRED, Decimal(0))
    assert refused.expiry_reason is ExpiryReason.UNFILLED_FOK_ORDER
    assert bench.trades() == []
    filled = bench.limit(taker, Side.BUY, "6", "101", TimeInForce.FOK)
    assert filled.status is OrderStatus.FILLED
    assert bench.trades() == [("100", "5", False), ("101", "1", False)]


def test_limit_maker_that_would_take_is_refused(bench: "Bench") -> None:
    maker = bench.account("maker")
    bench.sell(maker, "5", "100")

    def post(price: str) -> NewOrder:
        return NewOrder(
            symbol="LTCUSDT",
            side=Side.BUY,
            order_type=OrderType.LIMIT_MAKER,
            quantity=Decimal(1),
            price=Decimal(price),
        )

    with pytest.raises(VenueError, match="Order would immediately match and take") as refusal:
        bench.venue.new_order(maker, post("100"))
    assert refusal.value.code == -2010
    assert bench.venue.new_order(maker, post("99.99")).status is OrderStatus.NEW
    assert len(bench.venue.open_orders(maker)) == 2


def test_market_order_by_amount_buys_whole_lots_and_keeps_the_rest(bench: "Bench") -> None:
    maker = bench.account("maker")
    buyer = bench.account("buyer", USDT="1000")
    bench.sell(maker, "2", "99.99")
    bench.sell(maker, "5", "100")
    order = bench.market_by_amount(buyer, Side.BUY, "300")
    assert order.status is OrderStatus.FILLED
    assert order.quantity == order.executed_quantity == Decimal("3.000")
    assert order.executed_quote_quantity == Decimal("299.98")
    assert bench.balance(buyer, "USDT") == (Decimal("700.02"), 0)


def test_market_order_by_amount_sells_for_at_most_the_amount(bench: "Bench") -> None:
    seller = bench.account("seller", LTC="10")
    bench.buy(bench.account("maker"), "10", "70")
    order = bench.market_by_amount(seller, Side.SELL, "100")
    assert (order.status, order.executed_quantity) == (OrderStatus.FILLED, Decimal("1.428"))
    assert bench.balance(seller, "USDT") == (Decimal("99.96"), 0)


def test_market_order_by_amount_in_a_thin_book_expires(bench: "Bench") -> None:
    bench.sell(bench.account("maker"), "1", "100")
    buyer = bench.account("buyer", USDT="1000")
    order = bench.market_by_amount(buyer, Side.BUY, "300")
    assert (order.status, order.executed_quantity) == (OrderStatus.EXPIRED, Decimal(1))
    assert order.quantity == 3
    assert bench.balance(buyer, "USDT") == (900, 0)


def test_market_order_by_amount_needs_a_book(bench: "Bench") -> None:
    with pytest.raises(VenueError, match="less than symbol minimum quantity") as refusal:
        bench.market_by_amount(bench.account("buyer"), Side.BUY, "300")
    assert refusal.value.code == -2010


def test_an_account_may_trade_with_itself(bench: "Bench") -> None:
    own = bench.account("own", LTC="1", USDT="100")
    bench.sell(own, "1", "100")
    taker = bench.buy(own, "1", "100")
    assert taker.status is OrderStatus.FILLED
    assert bench.balance(own, "LTC") == (1, 0)
    assert bench.balance(own, "USDT") == (100, 0)


def test_what_a_resting_sale_locks_is_sold_only_after_its_cancel(bench: "Bench") -> None:
    holder, buyer = bench.account("holder", LTC="1", USDT="0"), bench.account("buyer")
    target = bench.sell(holder, "1", "110")
    bench.buy(buyer, "1", "100")
    with pytest.raises(VenueError, match="-2010: Account has insufficient balance"):
        bench.market(holder, Side.SELL, "1")
    assert target.rests
    bench.venue.cancel_order(holder, bench.symbol, target.order_id)
    assert bench.market(holder, Side.SELL, "1").status is OrderStatus.FILLED
    assert bench.balance(holder, "LTC") == (0, 0)


def test_a_resting_sale_that_was_filled_cannot_be_canceled_nor_sold_again(bench: "Bench") -> None:
    holder, buyer = bench.account("holder", LTC="1", USDT="0"), bench.account("buyer")
    target = bench.sell(holder, "1", "110")
    bench.buy(buyer, "1", "110")
    bench.buy(buyer, "1", "100")
    with pytest.raises(VenueError, match="-2011: Unknown order sent"):
        bench.venue.cancel_order(holder, bench.symbol, target.order_id)
    with pytest.raises(VenueError, match="-2010: Account has insufficient balance"):
        bench.market(holder, Side.SELL, "1")
    assert bench.balance(holder, "LTC") == (0, 0)
