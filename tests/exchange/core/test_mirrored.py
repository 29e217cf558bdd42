"""Mirrored markets: the book is the streamed one, and users' orders fill behind what stood before them."""

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.exchange.mirrored import MirroredMarket
from messages.enums import OrderStatus, Side

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench


def levels(**quantities: str) -> list[tuple[Decimal, Decimal]]:
    """`p100="5"` as the level 100 with a quantity of 5."""
    return [(Decimal(price[1:]), Decimal(quantity)) for price, quantity in quantities.items()]


@pytest.fixture
def mirrored(bench: "Bench") -> MirroredMarket:
    """Bids 5 @ 100 and 7 @ 99, asks 4 @ 101 and 6 @ 102."""
    market = MirroredMarket(bench.venue, bench.symbol)
    market.load(levels(p100="5", p99="7"), levels(p101="4", p102="6"))
    return market


def test_the_book_is_the_streamed_one(bench: "Bench", mirrored: MirroredMarket) -> None:
    assert bench.levels() == ({"100": "5", "99": "7"}, {"101": "4", "102": "6"})
    mirrored.set_levels(levels(p100="2", p98="1"), levels(p101="0", p103="9"))
    assert bench.levels() == ({"100": "2", "99": "7", "98": "1"}, {"102": "6", "103": "9"})
    mirrored.withdraw()
    assert bench.levels() == ({}, {})


def test_the_market_may_move_through_its_own_old_levels(
    bench: "Bench", mirrored: MirroredMarket
) -> None:
    mirrored.set_levels(levels(p100="0", p99="0", p103="3"), levels(p101="0", p102="0", p104="2"))
    assert bench.levels() == ({"103": "3"}, {"104": "2"})
    assert bench.trades() == []


def test_a_trade_eats_what_stands_ahead_before_it_reaches_the_order(
    bench: "Bench", mirrored: MirroredMarket
) -> None:
    order = bench.buy(bench.account("a"), "3", "100")
    mirrored.trade(1, Decimal(100), Decimal(4), is_buyer_maker=True)
    assert order.executed_quantity == 0
    mirrored.trade(2, Decimal(100), Decimal(2), is_buyer_maker=True)
    assert order.executed_quantity == 1
    mirrored.trade(3, Decimal(100), Decimal(9), is_buyer_maker=True)
    assert order.status is OrderStatus.FILLED
    assert bench.trades() == [("100", "4", True), ("100", "2", True), ("100", "9", True)]


def test_a_trade_of_the_other_aggressor_does_not_touch_it(
    bench: "Bench", mirrored: MirroredMarket
) -> None:
    order = bench.buy(bench.account("a"), "3", "100")
    mirrored.trade(1, Decimal(100), Decimal(50), is_buyer_maker=False)
    assert order.executed_quantity == 0


def test_a_trade_beyond_its_price_fills_it_at_its_own(
    bench: "Bench", mirrored: MirroredMarket
) -> None:
    account = bench.account("a", USDT="1000")
    order = bench.buy(account, "3", "100")
    mirrored.trade(1, Decimal(99), Decimal(2), is_buyer_maker=True)
    assert order.executed_quantity == 2
    assert bench.balance(account, "LTC")[0] == 2
    assert bench.balance(account, "USDT") == (700, 100)


def test_who_cancels_stood_behind_as_long_as_there_is_anybody(
    bench: "Bench", mirrored: MirroredMarket
) -> None:
    order = bench.buy(bench.account("a"), "1", "100")
    mirrored.set_levels(levels(p100="8"), [])  # three more, behind it
    mirrored.set_levels(levels(p100="5"), [])  # gone again: five are still ahead
    mirrored.trade(1, Decimal(100), Decimal(5), is_buyer_maker=True)
    assert order.executed_quantity == 0
    mirrored.set_levels(levels(p100="2"), [])  # two came after it
    mirrored.trade(2, Decimal(100), Decimal(1), is_buyer_maker=True)
    assert order.status is OrderStatus.FILLED


def test_a_level_that_shows_less_than_was_ahead_moves_it_up(
    bench: "Bench", mirrored: MirroredMarket
) -> None:
    order = bench.buy(bench.account("a"), "1", "100")
    mirrored.set_levels(levels(p100="2"), [])
    mirrored.trade(1, Decimal(100), Decimal(3), is_buyer_maker=True)
    assert order.status is OrderStatus.FILLED


def test_a_quote_that_comes_to_an_order_fills_it(bench: "Bench", mirrored: MirroredMarket) -> None:
    order = bench.buy(bench.account("a"), "3", "100.5")
    mirrored.set_levels(levels(p100="0", p99="0", p98="1"), levels(p101="0", p99="2"))
    assert order.status is OrderStatus.PARTIALLY_FILLED
    assert order.executed_quantity == 2
    assert order.executed_quote_quantity == 201  # at its own price


def test_what_a_user_took_comes_back_with_the_next_change(
    bench: "Bench", mirrored: MirroredMarket
) -> None:
    order = bench.market(bench.account("a"), Side.BUY, "6")
    assert order.executed_quote_quantity == 4 * 101 + 2 * 102
    assert bench.levels()[1] == {"102": "4"}
    mirrored.set_levels(levels(p98="1"), [])
    assert bench.levels() == ({"100": "5", "99": "7", "98": "1"}, {"101": "4", "102": "6"})


def test_nobody_trades_against_a_book_that_is_not_known(
    bench: "Bench", mirrored: MirroredMarket
) -> None:
    account = bench.account("a")
    resting = bench.buy(account, "1", "100")
    mirrored.withdraw()
    assert bench.market(account, Side.BUY, "1").status is OrderStatus.EXPIRED
    mirrored.load(levels(p97="5"), levels(p98="4"))
    assert resting.status is OrderStatus.FILLED  # the market has moved through it
    assert bench.levels() == ({"97": "5"}, {"98": "3"})
    mirrored.set_levels([], [])
    assert bench.levels()[1] == {"98": "4"}


def test_a_trade_that_is_told_again_is_no_trade(bench: "Bench", mirrored: MirroredMarket) -> None:
    mirrored.remember([(7, Decimal(100), Decimal(1), True)])
    mirrored.trade(7, Decimal(100), Decimal(1), is_buyer_maker=True)
    mirrored.trade(6, Decimal(100), Decimal(1), is_buyer_maker=True)
    assert len(bench.trades()) == 1
    assert bench.venue.last_price(bench.symbol) == 100


PRICES = st.integers(90, 110).map(Decimal)
QUANTITIES = st.integers(0, 20).map(Decimal)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("book"), st.dictionaries(PRICES, QUANTITIES, max_size=8), PRICES),
            st.tuples(st.just("trade"), PRICES, st.integers(1, 20).map(Decimal), st.booleans()),
            st.tuples(st.just("user"), PRICES, st.integers(1, 5), st.sampled_from(list(Side))),
        ),
        max_size=30,
    )
)
def test_books_without_users_orders_are_the_streamed_ones(steps: list[tuple[object, ...]]) -> None:
    """Whatever users do: with their orders gone, one change later the book is the streamed one, and nothing is made."""
    from tests.exchange.core.conftest import Bench

    bench = Bench()
    market = MirroredMarket(bench.venue, bench.symbol)
    account = bench.account("a")
    streamed: dict[Side, dict[Decimal, Decimal]] = {Side.BUY: {}, Side.SELL: {}}
    number = 0
    for step in steps:
        match step:
            case ("book", dict(quantities), Decimal() as middle):
                # A streamed book is never crossed: bids lie below the middle, asks above it.
                bids = {p: q if p < middle else Decimal(0) for p, q in quantities.items()}
                asks = {p: q if p > middle else Decimal(0) for p, q in quantities.items()}
                bids |= {p: Decimal(0) for p in streamed[Side.BUY] if p >= middle}
                asks |= {p: Decimal(0) for p in streamed[Side.SELL] if p <= middle}
                market.set_levels(bids.items(), asks.items())
                for side, changes in ((Side.BUY, bids), (Side.SELL, asks)):
                    kept = {**streamed[side], **changes}
                    streamed[side] = {p: q for p, q in kept.items() if q}
            case ("trade", Decimal() as price, Decimal() as quantity, bool(is_buyer_maker)):
                number += 1
                market.trade(number, price, quantity, is_buyer_maker)
                side = Side.BUY if is_buyer_maker else Side.SELL
                if price in streamed[side]:
                    left = streamed[side][price] - quantity
                    if left > 0:
                        streamed[side][price] = left
                    else:
                        del streamed[side][price]
            case ("user", Decimal() as price, int(quantity), Side() as side):
                bench.limit(account, side, str(quantity), str(price))
    for order in list(bench.venue.open_orders(account, bench.symbol)):
        bench.venue.cancel_order(account, bench.symbol, order.order_id)
    market.set_levels([], [])
    depth = bench.venue.depth(bench.symbol, 5000)
    assert dict(depth.bids) == streamed[Side.BUY]
    assert dict(depth.asks) == streamed[Side.SELL]
    assert sum(bench.balance(account, "LTC")) >= 0
