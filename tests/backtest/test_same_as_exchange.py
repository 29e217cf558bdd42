"""The same requests on the same trades come to the same end in a backtest and at the local exchange's recorded market.

Every order type, time in force and list, replacements, amendments and self-trade prevention: statuses, every fill's price,
quantity, fee and role, and the balances, to the last digit.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.specification import ActorSpecification
from actors.strategies.strategy import Strategy
from messages.base import Message
from messages.control import Resync
from messages.enums import (
    OrderStatus,
    OrderType,
    ReplaceMode,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from messages.market import Trade
from messages.order_requests import NewOrderListRequest, ReplaceOrderRequest
from messages.orders import AmendOrderRequest, CancelOrderRequest, NewOrderRequest
from tests.backtest.markets import START, trade
from tests.backtest.random_markets import trades as random_trades
from tests.backtest.same_requests import differences, names_of, play_both
from tests.backtest.wild_strategy import WildStrategy

RECORDED = Path(__file__).parents[1] / "data" / "BTCUSDT-trades-2021-01-08.csv"
MODES = ("EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT")


class Everything(Strategy):
    """Asks by its own dice for everything that a strategy may ask for, within a few steps of the price."""

    def __init__(self, seed: int, reach: float = 30.0) -> None:
        self.symbol, self.seed, self.reach = "BTCUSDT", seed, reach
        self.mine: list[str] = []

    def on_resync(self, resync: Resync) -> None:
        """Its dice depend on its seed alone."""
        self.random.seed(self.seed)

    def on_trade(self, trade: Trade) -> None:
        """Something, now and then."""
        if self.random.random() < 0.3:
            self.do_anything(Decimal(str(trade.price)))

    def price(self, around: Decimal, *, above: bool | None = None) -> Decimal:
        """A price near another one, on the given side."""
        away = Decimal(str(round(self.random.uniform(0.01, self.reach), 2)))
        is_above = self.random.random() < 0.5 if above is None else above
        return around + away if is_above else around - away

    def do_anything(self, last: Decimal) -> None:
        """One of the calls."""
        calls = (self.simple, self.limited, self.waiting, self.listed, self.change, self.withdraw)
        [call] = self.random.choices(calls, (2, 1, 2, 1, 1, 1))
        call(last)

    def simple(self, last: Decimal) -> None:
        """A MARKET order: by quantity, by amount, or of more than there is."""
        side, throw = self.side(), self.random.random()
        if throw < 0.4:
            self.place(side, "BTCUSDT", self.quantity(), **self.mode())
        elif throw < 0.8:
            amount = Decimal(self.random.randint(10, 30_000))
            self.place(side, "BTCUSDT", quote_quantity=amount, **self.mode())
        else:
            self.place(side, "BTCUSDT", 4)

    def limited(self, last: Decimal) -> None:
        """A LIMIT order of any time in force, or a LIMIT_MAKER."""
        side, in_force = (
            self.side(),
            self.random.choice(
                [TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]
            ),
        )
        quantity = self.random.choice([self.quantity(), self.quantity(), Decimal(4)])
        terms: dict[str, Any] = {"time_in_force": in_force}
        if self.random.random() < 0.25:
            terms = {"order_type": OrderType.LIMIT_MAKER}
        self.keep(self.place(side, "BTCUSDT", quantity, self.price(last), **terms, **self.mode()))

    def waiting(self, last: Decimal) -> None:
        """A stop, a take profit or a trail; at market or with a limit."""
        side, throw = self.side(), self.random.random()
        limit = self.random.choice([None, self.price(last)])
        if throw < 0.4:
            at = self.price(last, above=side is Side.BUY)
            self.keep(self.stop("BTCUSDT", self.quantity(), at, limit, side=side))
        elif throw < 0.7:
            at = self.price(last, above=side is Side.SELL)
            self.keep(self.take_profit("BTCUSDT", self.quantity(), at, limit, side=side))
        else:
            terms: dict[str, Any] = {"trailing_delta": self.random.choice([10, 12, 20])}
            if self.random.random() < 0.5:
                terms["stop_price"] = self.price(last)
            kind = self.random.choice([OrderType.STOP_LOSS, OrderType.TAKE_PROFIT])
            self.keep(self.place(side, "BTCUSDT", self.quantity(), order_type=kind, **terms))

    def listed(self, last: Decimal) -> None:
        """OCO, OTO or OTOCO, sometimes with a stop that trails or has a limit."""
        side, is_long = self.side(), False
        is_long = side is Side.BUY
        away = [self.price(last, above=is_long), self.price(last, above=not is_long)]
        target, stop = away
        terms: dict[str, Any] = {"side": side}
        throw = self.random.random()
        if throw < 0.25:
            terms["trailing_delta"] = self.random.choice([10, 20])
        else:
            terms["stop"] = stop
        if 0.25 < throw < 0.5:
            terms["stop_limit"] = self.price(stop)
        kind = self.random.random()
        if kind < 0.4:
            self.bracket("BTCUSDT", self.quantity(), None, target=target, **terms)
            return
        entry = (target + stop) / 2 if self.random.random() < 0.7 else last
        if "stop" not in terms:
            entry = last
        both: dict[str, Any] = {"target": target} if kind < 0.75 else {}
        found = self.bracket(
            "BTCUSDT", self.quantity(), entry.quantize(Decimal("0.01")), **both, **terms
        )
        self.keep(found.entry)

    def change(self, last: Decimal) -> None:
        """A replacement, in one of which the venue finds a fault, or an amendment."""
        open_ones = [order for order in self.open_orders("BTCUSDT") if not order.list_id]
        if not open_ones:
            return
        order, throw = self.random.choice(open_ones), self.random.random()
        mode = self.random.choice(list(ReplaceMode))
        if throw < 0.3 and order.quantity:
            self.amend(order.order_id, quantity=order.quantity / 2)
        elif throw < 0.5 and order.price and not order.stop_price:
            self.amend(order.order_id, price=self.price(last))
        elif order.price and not order.order_type.is_contingent:
            self.keep(self.replace(order.order_id, self.price(last), mode=mode))
        elif order.stop_price and not order.trailing_delta:
            self.keep(self.replace(order.order_id, stop_price=self.price(last), mode=mode))

    def withdraw(self, last: Decimal) -> None:
        """A cancel, also of one that may have ended."""
        if self.mine and self.random.random() < 0.5:
            self.cancel(self.random.choice(self.mine))
        elif orders := self.open_orders("BTCUSDT"):
            self.cancel(self.random.choice(orders).order_id)

    def keep(self, order_id: str) -> None:
        """One more id."""
        if order_id:
            self.mine.append(order_id)

    def side(self) -> Side:
        """Either."""
        return self.random.choice((Side.BUY, Side.SELL))

    def quantity(self) -> Decimal:
        """Some."""
        return Decimal(self.random.randint(1, 300)) / 1000

    def mode(self) -> dict[str, Any]:
        """A mode of self-trade prevention, or the venue's."""
        if self.random.random() < 0.5:
            return {}
        return {"self_trade_prevention": SelfTradePrevention(self.random.choice(MODES))}


def recorded_trades() -> list[Trade]:
    with RECORDED.open() as file:
        rows = list(csv.reader(file))
    begin_ms = int(rows[0][4])
    return [
        trade(
            (int(time_ms) - begin_ms) / 1000,
            float(price),
            float(quantity),
            sold=is_maker == "True",
            trade_id=int(trade_id),
        )
        for trade_id, price, quantity, _, time_ms, is_maker, _ in rows
    ]


def one_at_a_time(trades: Sequence[Trade]) -> list[Trade]:
    """Without those of the same instant as the one before: between them nobody can act at the exchange."""
    found: list[Trade] = []
    for item in trades:
        if not found or item.trade_time_ns // 1000 > found[-1].trade_time_ns // 1000:
            found.append(item)
    return found


def check_same(trades: Sequence[Trade], actors: list[ActorSpecification], folder: Path) -> Any:
    run, exchange, requests = play_both(one_at_a_time(trades), actors, folder)
    assert differences(run, exchange, requests) == []
    assert run.final_balances == exchange.balances()
    assert names_of(requests)
    return run, requests


@pytest.mark.parametrize("seed", range(4))
def test_on_recorded_trades(seed: int, tmp_path: Path) -> None:
    actors = [
        ActorSpecification(Everything, name, {"seed": seed + i}) for i, name in enumerate("ab")
    ]
    check_same(recorded_trades(), actors, tmp_path)


@pytest.mark.parametrize("seed", range(6))
def test_on_a_market_with_gaps(seed: int, tmp_path: Path) -> None:
    actors = [
        ActorSpecification(Everything, "a", {"seed": seed, "reach": 60.0}),
        ActorSpecification(WildStrategy, "b", {"symbol": "BTCUSDT", "activity": 0.4, "seed": seed}),
    ]
    check_same(random_trades(seed, 600), actors, tmp_path)


def test_everything_is_among_what_is_compared(tmp_path: Path) -> None:
    """The tests above would hold of runs in which nothing happens."""
    actors = [ActorSpecification(Everything, name, {"seed": i}) for i, name in enumerate("abc")]
    run, requests = check_same(recorded_trades(), actors, tmp_path)
    orders = orders_of(requests)
    types = Counter(order.order_type for order in orders)
    assert set(types) >= {item for item in OrderType if item not in (OrderType.UNRECOGNISED,)}, (
        types
    )
    assert {order.time_in_force for order in orders} >= {
        TimeInForce.GTC,
        TimeInForce.IOC,
        TimeInForce.FOK,
    }
    assert any(order.quote_quantity for order in orders)
    assert any(order.trailing_delta and order.stop_price for order in orders)
    modes = {order.self_trade_prevention for order in orders}
    assert modes == {None, *map(SelfTradePrevention, MODES)}
    lists = {len(one.orders) for one in requests if isinstance(one, NewOrderListRequest)}
    assert lists == {2, 3}
    kinds = {type(request) for request in requests}
    assert kinds == {
        NewOrderRequest,
        NewOrderListRequest,
        ReplaceOrderRequest,
        CancelOrderRequest,
        AmendOrderRequest,
    }
    statuses = Counter(order.status for order in run.record.orders.values())
    for status in ("FILLED", "CANCELED", "EXPIRED", "REJECTED", "EXPIRED_IN_MATCH"):
        assert statuses[OrderStatus(status)], statuses
    assert {fill.is_maker for fill in run.record.fills} == {True, False}
    assert run.first_time_ns == START


def orders_of(requests: Sequence[Message]) -> list[Any]:
    found: list[Any] = []
    for request in requests:
        if isinstance(request, NewOrderRequest | ReplaceOrderRequest):
            found.append(request.order)
        elif isinstance(request, NewOrderListRequest):
            found += request.orders
    return found
