"""Random orders, lists, cancels and amendments of three accounts, and what of money must hold after each."""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from actors.exchange.accounts import Account
from actors.exchange.errors import VenueError
from actors.exchange.order_lists import NewOrderList
from actors.exchange.orders import NewOrder, OrderRecord
from actors.exchange.venue import Venue
from messages.enums import OrderType, SelfTradePrevention, Side, TimeInForce
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
    modes = [one for one in SelfTradePrevention if one.name != "UNRECOGNISED"]
    return replace(draw(orders), self_trade_prevention_mode=draw(st.sampled_from(modes)))


@st.composite
def parted(draw: st.DrawFn, orders: "st.SearchStrategy[NewOrder]", lot: Decimal) -> NewOrder:
    """An order that shows a part of itself; many are refused, for what they are or for how small the part is."""
    order = draw(orders)
    quantity = order.quantity or Decimal(1)
    shown = round_down(quantity / draw(st.integers(1, 9)), lot)
    return replace(order, iceberg_quantity=shown)


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
            parted(guarded(new_orders(symbol)), Decimal(1).scaleb(-DECIMALS[symbol][1])),
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
    check_money_of(bench.venue)


def check_money_of(venue: Venue) -> None:
    """The same of any venue."""
    ledger, totals = venue.ledger, defaultdict[str, Decimal](Decimal)
    for account in [*venue.accounts.values(), ledger.fees]:
        locked = defaultdict[str, Decimal](Decimal)
        for order in account.history.open.values():
            rules = venue.rules(order.symbol)
            locked[rules.paid_asset(order.side)] += order.reserved
        for market in venue.markets.values():
            for order_list in market.order_lists.values():
                if order_list.account is account:
                    side = order_list.pending[0].side
                    locked[market.rules.paid_asset(side)] += order_list.reserved
        for asset, balance in account.balances.items():
            assert balance.free >= 0
            assert balance.locked == locked[asset]
            totals[asset] += balance.free + balance.locked
    assert {asset: total for asset, total in totals.items() if total} == ledger.issued
