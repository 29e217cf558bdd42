"""What must hold whatever orders come: money is conserved, priority is kept, and diffs lead to the same book."""

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.exchange.book import DepthDiff
from actors.exchange.orders import OrderRecord
from messages.enums import OrderStatus, OrderType, Side

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench

from tests.exchange.core.random_requests import (
    DECIMALS,
    Action,
    act,
    actions_in,
    check_money,
    open_accounts,
)


def check_lists(bench: "Bench") -> None:
    """No list is done with open orders, none is open without; of a pair never both have traded; nothing is left due."""
    for account in bench.venue.accounts.values():
        for order_list in account.history.order_lists.values():
            assert order_list.is_done is not any(one.is_open for one in order_list.orders)
            assert sum(one.executed_quantity > 0 for one in order_list.pending) <= 1
            working = order_list.working
            if working is not None and order_list.is_placed:
                assert working.status is OrderStatus.FILLED
            if working is not None and not order_list.is_placed:
                assert all(not one.executed_quantity for one in order_list.pending)
    for market in bench.venue.markets.values():
        assert not market.due
        assert set(market.order_lists) == {
            one.list_id
            for account in bench.venue.accounts.values()
            for one in account.history.order_lists.values()
            if not one.is_done and one.symbol == market.rules.name
        }


@pytest.mark.parametrize("symbol", list(DECIMALS))
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_money_is_conserved_and_never_negative(
    new_bench: type["Bench"], symbol: str, data: st.DataObject
) -> None:
    bench = new_bench(symbol, "BNBUSDT", "BTCUSDT")
    seed = bench.account("seed", BNB="10", BTC="1", USDT="100000")
    for bench.symbol, price in (("BNBUSDT", "500"), ("BTCUSDT", "50000")):
        bench.sell(seed, "1", price)
        bench.buy(seed, "1", price)
    bench.symbol = symbol
    accounts = open_accounts(bench)
    for index, action in data.draw(actions_in(symbol)):
        act(bench, accounts[index], action)
        check_money(bench)
        check_lists(bench)


class _Mirror:
    """A book kept from diffs by the documented rule."""

    def __init__(self) -> None:
        self.sides: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] = ({}, {})
        self.update_id = 0

    def apply(self, diff: DepthDiff | None) -> None:
        if diff is None:
            return
        assert diff.first_update_id == self.update_id + 1
        assert diff.final_update_id >= diff.first_update_id
        self.update_id = diff.final_update_id
        for side, changes in zip(self.sides, (diff.bids, diff.asks), strict=True):
            for price, quantity in changes.items():
                if quantity:
                    side[price] = quantity
                else:
                    side.pop(price, None)


@settings(max_examples=100, deadline=None)
@given(actions=actions_in("LTCUSDT"), pace=st.integers(1, 7))
def test_book_from_diffs_equals_the_engines(
    new_bench: type["Bench"], actions: list[tuple[int, Action]], pace: int
) -> None:
    bench = new_bench("LTCUSDT")
    accounts = open_accounts(bench)
    consumers = [bench.venue.open_depth_changes("LTCUSDT") for _ in range(2)]
    mirrors = [_Mirror(), _Mirror()]
    for number, (index, action) in enumerate(actions):
        act(bench, accounts[index], action)
        mirrors[0].apply(consumers[0].take())
        if number % pace == 0:
            mirrors[1].apply(consumers[1].take())
    mirrors[1].apply(consumers[1].take())
    depth = bench.venue.depth("LTCUSDT", 5000)
    totals: dict[Side, dict[Decimal, Decimal]] = {Side.BUY: {}, Side.SELL: {}}
    for account in accounts:
        for order in bench.venue.open_orders(account):
            assert order.open_quantity > 0
            if not order.rests:
                continue
            levels = totals[order.side]
            levels[order.price] = levels.get(order.price, Decimal(0)) + order.visible_quantity
            assert 0 < order.visible_quantity <= order.open_quantity
    assert (totals[Side.BUY], totals[Side.SELL]) == (dict(depth.bids), dict(depth.asks))
    for side in Side.BUY, Side.SELL:
        for _, level in bench.venue.market("LTCUSDT").engine.book.levels(side):
            open_quantities = [one.open_quantity for one in level.orders.values()]
            assert level.quantity + level.hidden == sum(open_quantities)
    for mirror in mirrors:
        assert mirror.sides == (dict(depth.bids), dict(depth.asks))
        assert mirror.update_id == depth.last_update_id


@settings(max_examples=150, deadline=None)
@given(actions=actions_in("LTCUSDT", plain=True))
def test_best_price_then_oldest_order(
    new_bench: type["Bench"], actions: list[tuple[int, Action]]
) -> None:
    bench = new_bench("LTCUSDT")
    accounts = open_accounts(bench)
    for index, action in actions:
        waiting = {
            order.order_id: (order, order.executed_quantity)
            for account in accounts
            for order in bench.venue.open_orders(account)
        }
        placed = act(bench, accounts[index], action)
        touched = [o for o, before in waiting.values() if o.executed_quantity != before]
        passed_over = [
            order
            for order, before in waiting.values()
            if order.is_open and placed is not None and order.side is not placed.side
        ]
        for order in touched:
            assert placed is not None
            for other in passed_over:
                assert rank(order) <= rank(other)
        depth = bench.venue.depth("LTCUSDT", 1)
        if depth.bids and depth.asks:
            assert depth.bids[0][0] < depth.asks[0][0]
        if placed is not None and placed.order_type is not OrderType.MARKET:
            for execution in placed.executions:
                worse = execution.price > placed.price
                assert not (worse if placed.is_buy else execution.price < placed.price)


def rank(order: OrderRecord) -> tuple[Decimal, int]:
    """Smaller is first in line on its side."""
    return (-order.price if order.is_buy else order.price, order.order_id)
