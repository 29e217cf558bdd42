"""The base class of strategies: orders by plain calls, and the state it keeps."""

import inspect
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from actors.strategies.order_terms import TERMS
from actors.strategies.strategy import Strategy
from actors.testing import START_TIME_NS, make_instrument, make_order_update, make_trade
from messages.account import Position
from messages.base import Message
from messages.codec import encode
from messages.control import CommandFailed
from messages.enums import Exchanges, OrderStatus, OrderType, Reason, Side
from messages.market import Trade
from messages.orders import AmendOrder, CancelOrder, ClosePosition, Execution, PlaceOrder

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


def buy_one(strategy: Caller) -> str:
    """A BUY of 1 at 100 on its way; its id."""
    (placed,) = do(strategy, lambda: strategy.buy(SYMBOL, 1, 100))
    assert isinstance(placed, PlaceOrder)
    return placed.order_id


def make_position(
    quantity: str, average: str = "100", unrealized: str = "0", **header: Any
) -> Position:
    """What the order manager says is held."""
    return Position(
        strategy="Caller",
        exchange=Exchanges.BINANCE,
        symbol=SYMBOL,
        quantity=Decimal(quantity),
        average_price=Decimal(average),
        unrealized_profit=Decimal(unrealized),
        **header,
    )


def test_terms_of_an_order() -> None:
    strategy = Caller()
    (order,) = do(
        strategy, lambda: strategy.sell(SYMBOL, "0.5", 101.25, order_type=OrderType.LIMIT_MAKER)
    )
    assert isinstance(order, PlaceOrder)
    assert (order.side, order.quantity, order.price) == (
        Side.SELL,
        Decimal("0.5"),
        Decimal("101.25"),
    )
    assert order.order_type is OrderType.LIMIT_MAKER
    assert order.decided_on == encode(make_trade())
    assert order.send_before_ns == START_TIME_NS + 5_000_000_000
    (market,) = do(strategy, lambda: strategy.buy(SYMBOL, quote_quantity=50))
    assert isinstance(market, PlaceOrder)
    assert (market.order_type, market.price, market.quote_quantity) == (
        OrderType.MARKET,
        None,
        Decimal(50),
    )
    assert order.order_id != market.order_id


@pytest.mark.parametrize(
    "terms",
    [
        {"quantity": 0},
        {"quantity": -1},
        {"quantity": float("nan")},
        {"quantity": "1_000"},
        {"quantity": 1, "quote_quantity": 5},
        {"quote_quantity": 5, "price": 100},
        {"quantity": 1, "price": 0},
        {"quantity": 1, "price": -1},
        {"quantity": 1, "price": float("inf")},
        {"quantity": 1, "price": 100, "order_type": OrderType.MARKET},
        {"quantity": 1, "order_type": OrderType.LIMIT_MAKER},
        {"quantity": 1, "price": 100, "time_to_cancel": 0},
        {"quantity": 1, "price": 100, "time_to_cancel": float("nan")},
        {"quantity": 1, "price": 100, "time_to_cancel": float("inf")},
    ],
)
def test_impossible_terms_are_refused_and_leave_no_trace(terms: dict[str, Any]) -> None:
    strategy = Caller()
    with pytest.raises(ValueError, match=r"."):
        do(strategy, lambda: strategy.buy(SYMBOL, **terms))
    assert strategy.outbox == []
    assert strategy.open_orders() == []
    assert strategy.is_flat(SYMBOL)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["time_to_cancle"], "an order has no term 'time_to_cancle' (did you mean 'time_to_cancel'?)"),
        (["quote_quantiy", "exchang"], "'quote_quantiy' (did you mean 'quote_quantity'?), 'exchang' (did you mean"),
        (["qwxz"], "an order has no term 'qwxz' (there are exchange, order_type, quote_quantity, "),
    ],
)  # fmt: skip
def test_a_mistyped_term_is_named_with_the_right_one(names: list[str], told: str) -> None:
    caller = Caller()
    terms: dict[str, Any] = dict.fromkeys(names, 5.0)
    for call in (caller.buy, caller.sell):
        with pytest.raises(TypeError) as caught:
            do(caller, partial(call, SYMBOL, 1, 100, **terms))
        assert told in str(caught.value)
    assert (caller.outbox, caller.open_orders()) == ([], [])


def test_what_every_call_takes_by_name_is_what_an_order_is_made_of() -> None:
    parameters = inspect.signature(Caller._command).parameters.values()
    assert {item.name for item in parameters if item.kind is item.KEYWORD_ONLY} == TERMS


@pytest.mark.parametrize(
    ("symbol", "quantity", "price", "told"),
    [
        (1, SYMBOL, 100, "quantity: 'BTCUSDT' is not a plain decimal number"),
        (SYMBOL, 1, "high", "price: 'high' is not a plain decimal number"),
        (SYMBOL, 0, 100, "an order needs a quantity above 0, not 0"),
    ],
)
def test_a_number_that_is_none_is_named(symbol: Any, quantity: Any, price: Any, told: str) -> None:
    caller = Caller()
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        do(caller, lambda: caller.buy(symbol, quantity, price))
    assert str(caught.value) == told


def test_an_order_on_its_way_counts_until_it_has_ended() -> None:
    strategy = Caller()
    order_id = buy_one(strategy)
    assert not strategy.is_flat(SYMBOL)
    assert [order.order_id for order in strategy.open_orders(SYMBOL, Side.BUY)] == [order_id]
    assert strategy.open_orders(SYMBOL, Side.SELL) == []
    assert strategy.possible_quantity(SYMBOL) == 1
    for status in (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN, OrderStatus.NEW):
        strategy.handle(make_order_update(order_id, status))
        assert not strategy.is_flat(SYMBOL)
    strategy.handle(make_order_update(order_id, OrderStatus.CANCELED))
    assert strategy.is_flat(SYMBOL)
    assert strategy.order(order_id) is None


def test_an_order_at_another_venue_is_another_order() -> None:
    strategy = Caller()
    do(strategy, lambda: strategy.buy(SYMBOL, 1, 100, exchange=Exchanges.CUSTOM))
    assert strategy.is_flat(SYMBOL)
    assert strategy.open_orders(SYMBOL) == []
    assert not strategy.is_flat(SYMBOL, Exchanges.CUSTOM)
    assert len(strategy.open_orders()) == 1


@pytest.mark.parametrize("position_first", [True, False])
def test_bought_counts_between_the_two_messages_that_tell_it(position_first: bool) -> None:
    strategy = Caller()
    order_id = buy_one(strategy)
    told = [
        make_order_update(order_id, OrderStatus.FILLED, executed_quantity=Decimal(1)),
        make_position("1"),
    ]
    for message in reversed(told) if position_first else told:
        strategy.handle(message)
        assert not strategy.is_flat(SYMBOL)
        assert strategy.possible_quantity(SYMBOL) >= 1
    strategy.handle(make_position("0"))
    assert strategy.is_flat(SYMBOL)


@pytest.mark.parametrize("position_first", [True, False])
def test_sold_is_not_offered_twice(position_first: bool) -> None:
    strategy = Caller()
    strategy.handle(make_position("1"))
    (sale,) = do(strategy, lambda: strategy.sell(SYMBOL, "0.6", 101))
    assert isinstance(sale, PlaceOrder)
    assert strategy.free_quantity(SYMBOL) == Decimal("0.4")
    told = [
        make_order_update(
            sale.order_id,
            OrderStatus.FILLED,
            side=Side.SELL,
            quantity=Decimal("0.6"),
            executed_quantity=Decimal("0.6"),
        ),
        make_position("0.4"),
    ]
    for message in reversed(told) if position_first else told:
        strategy.handle(message)
        assert strategy.free_quantity(SYMBOL) <= Decimal("0.4")


def test_messages_of_one_cause_tell_one_state() -> None:
    strategy = Caller()
    order_id = buy_one(strategy)
    cause: dict[str, Any] = {"cause_sender": "gateway", "cause_number": 7}
    strategy.handle(make_position("1", **cause))
    update = make_order_update(order_id, OrderStatus.FILLED, executed_quantity=Decimal(1))
    update.cause_sender, update.cause_number = "gateway", 7
    update.order.executions = [make_execution(Decimal(1))]
    strategy.handle(update)
    assert strategy.possible_quantity(SYMBOL) == 1
    strategy.handle(make_position("0", cause_sender="gateway", cause_number=8))
    assert strategy.is_flat(SYMBOL)


def make_execution(quantity: Decimal) -> Execution:
    """One execution at 100."""
    return Execution(trade_id=1, price=Decimal(100), quantity=quantity)


def test_another_market_price_settles_nothing() -> None:
    strategy = Caller()
    strategy.handle(make_position("0.5"))
    order_id = buy_one(strategy)
    strategy.handle(make_order_update(order_id, OrderStatus.FILLED, executed_quantity=Decimal(1)))
    strategy.handle(make_position("0.5", unrealized="-3"))
    assert strategy.possible_quantity(SYMBOL) == Decimal("1.5")


@pytest.mark.parametrize(
    ("quantity", "average", "unrealized", "is_flat"),
    [
        ("0", "0", "0", True),
        ("0.000009", "60000", "0", True),  # below the lot size
        ("0.00005", "60000", "0", True),  # worth 3, least is 5
        ("0.0001", "60000", "0", False),
        ("0.0001", "60000", "-2", True),  # worth 4 by now
        ("0.00005", "60000", "9", False),  # worth 12 by now
        ("1", "0", "0", False),  # its price is not known
        ("9001", "60000", "0", False),  # too much for one order is not dust
        ("-0.5", "60000", "0", False),
    ],
)
def test_dust_counts_as_nothing(
    quantity: str, average: str, unrealized: str, is_flat: bool
) -> None:
    strategy = Caller()
    strategy.handle(make_instrument())
    strategy.handle(make_position(quantity, average, unrealized))
    assert strategy.is_flat(SYMBOL) is is_flat


def test_without_the_rules_nothing_is_dust() -> None:
    strategy = Caller()
    strategy.handle(make_position("0.000001"))
    assert not strategy.is_flat(SYMBOL)


def test_what_sells_as_a_market_order_is_not_dust() -> None:
    strategy = Caller()
    instrument = make_instrument()
    instrument.min_notional_applies_to_market = False
    strategy.handle(instrument)
    strategy.handle(make_position("0.00005", "60000"))
    assert not strategy.is_flat(SYMBOL)


def test_a_cancel_is_asked_for_once() -> None:
    strategy = Caller()
    order_id = buy_one(strategy)
    assert [type(item) for item in do(strategy, lambda: strategy.cancel(order_id))] == [CancelOrder]
    assert do(strategy, lambda: strategy.cancel_all(SYMBOL)) == []
    # The acknowledgement crossed the cancel on its way.
    strategy.handle(make_order_update(order_id, OrderStatus.NEW))
    assert do(strategy, lambda: strategy.cancel(order_id)) == []
    assert do(strategy, lambda: strategy.amend(order_id, price=99)) == []
    strategy.handle(make_order_update(order_id, OrderStatus.CANCELED))
    assert do(strategy, lambda: strategy.cancel(order_id)) == []


@pytest.mark.parametrize("way", ["reason", "spoken", "failed"])
def test_a_cancel_that_came_to_nothing_may_be_asked_for_again(way: str) -> None:
    strategy = Caller()
    order_id = buy_one(strategy)
    strategy.handle(make_order_update(order_id, OrderStatus.NEW))
    (cancel,) = do(strategy, lambda: strategy.cancel(order_id))
    restored = make_order_update(order_id, OrderStatus.NEW)
    if way == "reason":
        restored.reason = Reason.CANCEL_REFUSED
        strategy.handle(restored)
    elif way == "spoken":
        strategy.handle(make_order_update(order_id, OrderStatus.PENDING_CANCEL))
        strategy.handle(restored)
    else:
        strategy.handle(
            CommandFailed(
                target="Caller",
                failed_class="CancelOrder",
                failed_frame=encode(cancel),
                error="ValueError: x",
            )
        )
    assert [type(item) for item in do(strategy, lambda: strategy.cancel(order_id))] == [CancelOrder]


def test_a_placement_that_failed_is_not_on_its_way() -> None:
    strategy = Caller()
    (placed,) = do(strategy, lambda: strategy.buy(SYMBOL, 1, 100))
    failed = CommandFailed(
        target="Caller", failed_class="PlaceOrder", failed_frame=encode(placed), error="x"
    )
    strategy.handle(failed)
    assert strategy.is_flat(SYMBOL)


def test_amend_and_close() -> None:
    strategy = Caller()
    order_id = buy_one(strategy)
    (amend,) = do(strategy, lambda: strategy.amend(order_id, price="99.5"))
    assert isinstance(amend, AmendOrder)
    assert (amend.price, amend.quantity) == (Decimal("99.5"), None)
    (close,) = do(strategy, lambda: strategy.close(SYMBOL))
    assert isinstance(close, ClosePosition)
    for terms in ({}, {"price": 0}, {"quantity": -1}):
        with pytest.raises(ValueError, match=r"amended|above 0"):
            do(strategy, lambda terms=terms: strategy.amend(order_id, **terms))


def test_a_sale_by_amount_leaves_nothing_free() -> None:
    strategy = Caller()
    strategy.handle(make_position("1"))
    do(strategy, lambda: strategy.sell(SYMBOL, quote_quantity=50))
    assert strategy.free_quantity(SYMBOL) == 0


def test_executions_told_after_the_end_are_counted_once() -> None:
    strategy = Caller()
    order_id = buy_one(strategy)
    partly: dict[str, Any] = {"executed_quantity": Decimal("0.4")}
    strategy.handle(make_order_update(order_id, OrderStatus.CANCELED, **partly))
    strategy.handle(make_position("0.4"))
    strategy.handle(make_order_update(order_id, OrderStatus.CANCELED, **partly))
    assert strategy.possible_quantity(SYMBOL) == Decimal("0.4")
    strategy.handle(
        make_order_update(order_id, OrderStatus.CANCELED, executed_quantity=Decimal("0.7"))
    )
    assert strategy.possible_quantity(SYMBOL) == Decimal("0.7")
    strategy.handle(make_position("0.7"))
    assert strategy.possible_quantity(SYMBOL) == Decimal("0.7")
