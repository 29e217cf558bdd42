"""What must hold whatever orders come: money is conserved, priority is kept, and diffs lead to the same book."""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.exchange.accounts import Account
from actors.exchange.book import DepthDiff
from actors.exchange.errors import VenueError
from actors.exchange.order_lists import NewOrderList
from actors.exchange.orders import NewOrder, OrderRecord, SelfTradePrevention
from messages.enums import OrderStatus, OrderType, Side, TimeInForce
from messages.instruments import round_down

if TYPE_CHECKING:
    from tests.exchange.core.conftest import Bench

SIDES = st.sampled_from([Side.BUY, Side.SELL])
DECIMALS = {"LTCUSDT": (2, 3), "ETHBTC": (5, 4)}
"""Of price and quantity. A price times a quantity of ETHBTC has nine, one more than a balance."""


@st.composite
def new_orders(draw: st.DrawFn, symbol: str) -> NewOrder:
    price_decimals, quantity_decimals = DECIMALS[symbol]
    kind = draw(st.sampled_from(["GTC", "GTC", "GTC", "IOC", "FOK", "MAKER", "MARKET", "AMOUNT"]))
    side = draw(SIDES)
    price = Decimal(draw(st.integers(9_980, 10_020))).scaleb(-price_decimals)
    quantity = Decimal(draw(st.integers(50, 5_000))).scaleb(-quantity_decimals)
    if kind == "MARKET":
        return NewOrder(symbol=symbol, side=side, order_type=OrderType.MARKET, quantity=quantity)
    if kind == "AMOUNT":
        amount = (quantity * price).quantize(Decimal("0.00000001"))
        return NewOrder(
            symbol=symbol, side=side, order_type=OrderType.MARKET, quote_order_quantity=amount
        )
    return NewOrder(
        symbol=symbol,
        side=side,
        order_type=OrderType.LIMIT_MAKER if kind == "MAKER" else OrderType.LIMIT,
        quantity=quantity,
        price=price,
        time_in_force=None if kind == "MAKER" else TimeInForce(kind),
    )


@st.composite
def contingent_orders(draw: st.DrawFn, symbol: str, side: Side | None = None) -> NewOrder:
    price_decimals, quantity_decimals = DECIMALS[symbol]
    kind = draw(
        st.sampled_from(
            [
                OrderType.STOP_LOSS,
                OrderType.STOP_LOSS_LIMIT,
                OrderType.TAKE_PROFIT,
                OrderType.TAKE_PROFIT_LIMIT,
            ]
        )
    )
    prices = st.integers(9_970, 10_030).map(lambda n: Decimal(n).scaleb(-price_decimals))
    trails = draw(st.booleans())
    is_limited = kind in (OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
    return NewOrder(
        symbol=symbol,
        side=side or draw(SIDES),
        order_type=kind,
        quantity=Decimal(draw(st.integers(50, 5_000))).scaleb(-quantity_decimals),
        price=draw(prices) if is_limited else None,
        time_in_force=TimeInForce.GTC if is_limited else None,
        stop_price=None if trails and draw(st.booleans()) else draw(prices),
        trailing_delta=draw(st.integers(10, 30)) if trails else None,
    )


@st.composite
def new_lists(draw: st.DrawFn, symbol: str) -> NewOrderList:
    """Pairs and brackets; many are refused for their prices, which is as it should be."""
    price_decimals, quantity_decimals = DECIMALS[symbol]
    side = draw(SIDES)
    quantity = Decimal(draw(st.integers(50, 5_000))).scaleb(-quantity_decimals)
    far, near = Decimal(draw(st.integers(1, 20))), Decimal(draw(st.integers(1, 20)))
    upper, lower = (10_000 + far).scaleb(-price_decimals), (10_000 - near).scaleb(-price_decimals)
    profit = NewOrder(
        symbol=symbol,
        side=side,
        order_type=OrderType.LIMIT_MAKER,
        quantity=quantity,
        price=upper if side is Side.SELL else lower,
    )
    stop = NewOrder(
        symbol=symbol,
        side=side,
        order_type=OrderType.STOP_LOSS,
        quantity=quantity,
        stop_price=lower if side is Side.SELL else upper,
    )
    pair = (profit, stop) if side is Side.SELL else (stop, profit)
    working = None
    if draw(st.booleans()):
        working = NewOrder(
            symbol=symbol,
            side=draw(SIDES),
            order_type=OrderType.LIMIT,
            quantity=quantity,
            price=Decimal(draw(st.integers(9_990, 10_010))).scaleb(-price_decimals),
            time_in_force=draw(st.sampled_from([TimeInForce.GTC, TimeInForce.IOC])),
        )
    return NewOrderList(
        symbol=symbol, client_id=None, working=working, pending=pair, prefixes=("above", "below")
    )


@st.composite
def guarded(draw: st.DrawFn, orders: "st.SearchStrategy[NewOrder]") -> NewOrder:
    """An order with any mode of self-trade prevention."""
    modes = [one for one in SelfTradePrevention if one.name not in ("TRANSFER", "UNRECOGNISED")]
    return replace(draw(orders), self_trade_prevention_mode=draw(st.sampled_from(modes)))


Action = NewOrder | NewOrderList | int


def actions_in(symbol: str, plain: bool = False) -> "st.SearchStrategy[list[tuple[int, Action]]]":
    """Orders, cancels (by their place among the open orders) and amendments (the same, below 0) of three accounts.

    Not `plain`: triggers, lists and self-trade prevention as well.
    """
    action: st.SearchStrategy[Action] = st.one_of(new_orders(symbol), st.integers(-8, 20))
    if not plain:
        action = st.one_of(
            new_orders(symbol),
            guarded(new_orders(symbol)),
            contingent_orders(symbol),
            new_lists(symbol),
            st.integers(-8, 20),
        )
    return st.lists(st.tuples(st.integers(0, 2), action), max_size=40)


def open_accounts(bench: "Bench") -> list[Account]:
    """Three traders with different fees; the first pays in BNB and runs out of it, the third is poor."""
    opened = bench.venue.open_account
    base, quote = bench.rules.base_asset, bench.rules.quote_asset
    rich = {base: Decimal(100), quote: Decimal(10_000), "BNB": Decimal("0.002")}
    poor = {base: Decimal(3), quote: Decimal(300) if quote == "USDT" else Decimal("0.3")}
    return [
        opened("a", rich, Decimal("0.0008"), Decimal("0.001"), uses_bnb=True),
        opened("b", rich, Decimal("0.00075"), Decimal("0.00123")),
        opened("c", poor, Decimal(0), Decimal("0.01")),
    ]


def act(bench: "Bench", account: Account, action: Action) -> OrderRecord | None:
    """Places an order, or cancels or halves the n-th open one; a refusal changes nothing and gives None."""
    bench.pass_time(0.1)
    try:
        if isinstance(action, NewOrder):
            return bench.venue.new_order(account, action)
        if isinstance(action, NewOrderList):
            bench.venue.new_order_list(account, action, lambda placed: placed)
            return None
        orders = bench.venue.open_orders(account)
        if -len(orders) <= action < 0:
            order = orders[action]
            half = round_down(order.quantity / 2, bench.rules.lot_size)
            bench.venue.amend_order(account, bench.symbol, half, order.order_id)
        elif 0 <= action < len(orders):
            bench.venue.cancel_order(account, bench.symbol, orders[action].order_id)
    except VenueError:
        pass
    return None


def check_money(bench: "Bench") -> None:
    """No balance is negative, locked funds are those of open orders, and everything adds up."""
    ledger, totals = bench.venue.ledger, defaultdict[str, Decimal](Decimal)
    for account in [*bench.venue.accounts.values(), ledger.fees]:
        locked = defaultdict[str, Decimal](Decimal)
        for order in account.history.open.values():
            rules = bench.venue.rules(order.symbol)
            locked[rules.paid_asset(order.side)] += order.reserved
        for market in bench.venue.markets.values():
            for order_list in market.order_lists.values():
                if order_list.account is account:
                    side = order_list.pending[0].side
                    locked[market.rules.paid_asset(side)] += order_list.reserved
        for asset, balance in account.balances.items():
            assert balance.free >= 0
            assert balance.locked == locked[asset]
            totals[asset] += balance.free + balance.locked
    assert {asset: total for asset, total in totals.items() if total} == ledger.issued


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
            levels[order.price] = levels.get(order.price, Decimal(0)) + order.open_quantity
    assert (totals[Side.BUY], totals[Side.SELL]) == (dict(depth.bids), dict(depth.asks))
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
