"""Stops, brackets and replacements by a strategy's calls: what is sent, what is refused at once, what is free meanwhile."""

from decimal import Decimal
from typing import Any

import pytest

from actors.strategies.bracket_breakout import BracketBreakout
from actors.strategies.strategy import Strategy
from actors.testing import make_instrument, make_order_update, make_trade
from messages.account import Position
from messages.base import Message
from messages.codec import encode
from messages.control import CommandFailed, TimerFired
from messages.enums import (
    Exchanges,
    ListRole,
    ListState,
    OrderStatus,
    OrderType,
    ReplaceMode,
    SelfTradePrevention,
    Side,
)
from messages.market import Trade
from messages.order_lists import OrderListUpdate, PlaceOrderList, ReplaceOrder
from messages.orders import ClosePosition, PlaceOrder

SYMBOL = "BTCUSDT"


class Caller(Strategy):
    """Does on each trade what the test has put into `plan`."""

    symbol = SYMBOL

    def __init__(self) -> None:
        self.plan: Any = lambda: None

    def on_trade(self, trade: Trade) -> None:
        self.plan()


def do(strategy: Caller, plan: Any) -> list[Message]:
    """Runs `plan` within a handler; what was sent by it."""
    before = len(strategy.outbox)
    strategy.plan = plan
    strategy.handle(make_trade())
    return strategy.outbox[before:]


def hold(strategy: Strategy, quantity: str) -> None:
    strategy.handle(
        Position(
            strategy="Caller",
            exchange=Exchanges.BINANCE,
            symbol=SYMBOL,
            quantity=Decimal(quantity),
            average_price=Decimal(100),
        )
    )


@pytest.mark.parametrize(
    ("call", "order_type", "price", "stop_price", "delta"),
    [
        (lambda s: s.stop(SYMBOL, 1, 95), "STOP_LOSS", None, 95, None),
        (lambda s: s.stop(SYMBOL, 1, 95, 94.5), "STOP_LOSS_LIMIT", 94.5, 95, None),
        (lambda s: s.take_profit(SYMBOL, 1, 110), "TAKE_PROFIT", None, 110, None),
        (lambda s: s.take_profit(SYMBOL, 1, 110, 109), "TAKE_PROFIT_LIMIT", 109, 110, None),
        (lambda s: s.trailing_stop(SYMBOL, 1, 50), "STOP_LOSS", None, None, 50),
        (
            lambda s: s.trailing_stop(SYMBOL, 1, 50, 90, stop_price=105),
            "STOP_LOSS_LIMIT",
            90,
            105,
            50,
        ),
    ],
)
def test_each_call_is_one_order(
    call: Any, order_type: str, price: float | None, stop_price: float | None, delta: int | None
) -> None:
    strategy = Caller()
    ids: list[str] = []
    (placed,) = do(strategy, lambda: ids.append(call(strategy)))
    assert isinstance(placed, PlaceOrder)
    assert ids == [placed.order_id]
    assert (placed.side, placed.order_type) == (Side.SELL, OrderType(order_type))
    expected = [None if x is None else Decimal(str(x)) for x in (price, stop_price)]
    assert [placed.price, placed.stop_price] == expected
    assert placed.trailing_delta == delta
    assert [order.stop_price for order in strategy.open_orders(SYMBOL)] == [expected[1] or 0]


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.stop(SYMBOL, 1, 0),
        lambda s: s.stop(SYMBOL, 1, -5),
        lambda s: s.stop(SYMBOL, 0, 95),
        lambda s: s.trailing_stop(SYMBOL, 1, 0),
        lambda s: s.trailing_stop(SYMBOL, 1, 10_000),
        lambda s: s.trailing_stop(SYMBOL, 1, 1.5),
        lambda s: s.trailing_stop(SYMBOL, 1, 50.0),
        lambda s: s.trailing_stop(SYMBOL, 1, True),
        lambda s: s.buy(SYMBOL, 1, 100, stop_price=95),
        lambda s: s.sell(SYMBOL, 1, order_type=OrderType.STOP_LOSS),
        lambda s: s.stop(SYMBOL, 1, 95, time_to_cancel=0),
        lambda s: s.bracket(SYMBOL, 1, 100),
        lambda s: s.bracket(SYMBOL, 1, 100, stop=101, target=110),
        lambda s: s.bracket(SYMBOL, 1, 100, stop=95, target=100),
        lambda s: s.bracket(SYMBOL, 1, 100, stop=95, target=90, side=Side.SELL),
        lambda s: s.bracket(SYMBOL, 1, stop=95),
        lambda s: s.bracket(SYMBOL, 0, 100, stop=95, target=110),
    ],
)
def test_what_no_order_can_have_is_refused_at_once_and_sends_nothing(call: Any) -> None:
    strategy = Caller()
    with pytest.raises(ValueError, match=r"."):
        do(strategy, lambda: call(strategy))
    assert strategy.outbox == []
    assert strategy.open_orders(SYMBOL) == []


def test_a_bracket_is_one_message_and_its_exits_offer_nothing_yet() -> None:
    strategy = Caller()
    kept: list[Any] = []
    (placed,) = do(
        strategy,
        lambda: kept.append(
            strategy.bracket(
                SYMBOL,
                1,
                100,
                stop=95,
                target=110,
                time_to_cancel=3.0,
                self_trade_prevention=SelfTradePrevention.EXPIRE_MAKER,
            )
        ),
    )
    assert isinstance(placed, PlaceOrderList)
    [ids] = kept
    assert placed.list_id == ids.list_id
    assert [order.order_id for order in placed.orders] == [ids.entry, ids.target, ids.stop]
    assert placed.roles == [ListRole.ENTRY, ListRole.ABOVE, ListRole.BELOW]
    assert [order.side for order in placed.orders] == [Side.BUY, Side.SELL, Side.SELL]
    assert [order.time_to_cancel for order in placed.orders] == [3.0, None, None]
    assert {order.self_trade_prevention for order in placed.orders} == {
        SelfTradePrevention.EXPIRE_MAKER
    }
    assert not strategy.is_flat(SYMBOL)
    hold(strategy, "1")
    assert strategy.free_quantity(SYMBOL) == 1
    assert strategy.possible_quantity(SYMBOL) == 2


def test_a_short_bracket_has_its_stop_above() -> None:
    strategy = Caller()
    (placed,) = do(
        strategy, lambda: strategy.bracket(SYMBOL, 1, 100, stop=105, target=90, side=Side.SELL)
    )
    assert isinstance(placed, PlaceOrderList)
    types = [
        (order.order_type, role) for order, role in zip(placed.orders, placed.roles, strict=True)
    ]
    assert types == [
        (OrderType.LIMIT, ListRole.ENTRY),
        (OrderType.STOP_LOSS, ListRole.ABOVE),
        (OrderType.LIMIT_MAKER, ListRole.BELOW),
    ]


def test_two_exits_of_what_is_held_offer_it_once() -> None:
    strategy = Caller()
    hold(strategy, "3")
    do(strategy, lambda: strategy.bracket(SYMBOL, 1, stop=95, target=110))
    assert strategy.free_quantity(SYMBOL) == 2


def test_a_failed_command_leaves_no_order_behind() -> None:
    strategy = Caller()
    (placed,) = do(strategy, lambda: strategy.bracket(SYMBOL, 1, 100, stop=95, target=110))
    strategy.handle(
        CommandFailed(
            target="Caller",
            failed_class="PlaceOrderList",
            failed_frame=encode(placed),
            error="bug",
        )
    )
    assert strategy.open_orders(SYMBOL) == []


def test_a_replacement_takes_over_what_is_not_given() -> None:
    strategy = Caller()
    kept: list[str] = []
    do(strategy, lambda: kept.append(strategy.stop(SYMBOL, 2, 95, 94)))
    (sent,) = do(
        strategy,
        lambda: kept.append(
            strategy.replace(kept[0], stop_price=96, mode=ReplaceMode.ALLOW_FAILURE)
        ),
    )
    assert isinstance(sent, ReplaceOrder)
    assert (sent.order_id, sent.order.order_id) == (kept[0], kept[1])
    terms = sent.order
    assert (terms.order_type, terms.price, terms.stop_price, terms.quantity) == (
        OrderType.STOP_LOSS_LIMIT,
        Decimal(94),
        Decimal(96),
        Decimal(2),
    )
    assert [order.status for order in strategy.open_orders()] == [
        OrderStatus.PENDING_CANCEL,
        OrderStatus.PENDING_NEW,
    ]
    # The old one is on its way out already.
    assert do(strategy, lambda: kept.append(strategy.replace(kept[0], 93))) == []
    assert kept[-1] == ""


def test_the_bracket_breakout_enters_once_and_gets_out_when_unprotected() -> None:
    breakout = BracketBreakout(SYMBOL, level=100.0, quantity=Decimal("0.01"))
    breakout.handle(make_instrument())
    for price in (99.0, 101.0, 102.0):
        breakout.handle(make_trade(price=price))
    assert [type(message) for message in breakout.outbox] == [PlaceOrderList]
    update = OrderListUpdate(
        strategy="BracketBreakout",
        exchange=Exchanges.BINANCE,
        symbol=SYMBOL,
        list_id="list",
        state=ListState.UNPROTECTED,
    )
    breakout.handle(update)
    assert [type(message) for message in breakout.outbox] == [PlaceOrderList]
    for order in breakout.open_orders(SYMBOL):
        breakout._holdings.remove(order.order_id)
    breakout.handle(update)
    assert [type(message) for message in breakout.outbox] == [PlaceOrderList, ClosePosition]


@pytest.mark.parametrize("status", [OrderStatus.EXPIRED, OrderStatus.EXPIRED_IN_MATCH])
def test_the_bracket_breakout_asks_again_for_a_sale_that_the_book_could_not_take(
    status: OrderStatus,
) -> None:
    breakout = BracketBreakout(SYMBOL, level=100.0, quantity=Decimal("0.01"))
    breakout.handle(make_instrument())
    hold(breakout, "1")
    sale: dict[str, Any] = {"order_type": OrderType.MARKET, "side": Side.SELL}
    breakout.handle(make_order_update("1", OrderStatus.FILLED, **sale))
    assert not breakout._timers
    breakout.handle(make_order_update("2", status, **sale))
    (timer,) = breakout._timers
    breakout.handle(TimerFired(target=breakout.name, timer=timer))
    assert [type(message) for message in breakout.outbox] == [ClosePosition]
    hold(breakout, "0")
    breakout.handle(make_order_update("3", status, **sale))
    (timer,) = breakout._timers
    breakout.handle(TimerFired(target=breakout.name, timer=timer))
    assert [type(message) for message in breakout.outbox] == [ClosePosition]
