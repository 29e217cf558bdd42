"""A bracket's whole life told in any order, doubled, and with the order manager killed between any two words of it."""

import copy
import random
from decimal import Decimal

import pytest

from actors.trading.order_lists import counted_orders, find_state
from messages.enums import Exchanges, ListState, OrderStatus, OrderType, Side
from messages.order_requests import NewOrderListRequest
from messages.orders import Execution, Order, OrderUpdate
from tests.order_manager.brackets import ask_bracket, rules
from tests.order_manager.desk import GATEWAY, Desk, only

S = OrderStatus
ENTRY, TARGET, STOP = 0, 1, 2


def open_desk() -> tuple[Desk, list[Order]]:
    desk = Desk().start()
    desk.tell(rules(), GATEWAY)
    return desk, only(ask_bracket(desk), NewOrderListRequest).orders


def fill(trade_id: int, order: Order, quantity: str) -> Execution:
    return Execution(
        trade_id=trade_id,
        price=order.price or order.stop_price,
        quantity=Decimal(quantity),
        fee_asset="USDT",
    )


def history(orders: list[Order]) -> list[Order]:
    """All that the venue tells of a bracket whose entry fills in two parts and whose stop is reached."""
    told: list[Order] = []

    def say(which: int, status: OrderStatus, executed: str = "0", *fills: Execution) -> None:
        order = orders[which]
        told.append(
            Order(
                side=order.side,
                order_type=order.order_type,
                symbol=order.symbol,
                client_order_id=order.client_order_id,
                exchange_order_id=500 + which,
                exchange_list_id=7,
                quantity=order.quantity,
                price=order.price,
                stop_price=order.stop_price,
                status=status,
                executed_quantity=Decimal(executed),
                executed_quote_quantity=Decimal(executed) * (order.price or order.stop_price),
                executions=list(fills),
            )
        )

    say(TARGET, S.PENDING_NEW)
    say(STOP, S.PENDING_NEW)
    say(ENTRY, S.NEW)
    say(ENTRY, S.PARTIALLY_FILLED, "0.4", fill(1, orders[ENTRY], "0.4"))
    say(ENTRY, S.FILLED, "1", fill(2, orders[ENTRY], "0.6"))
    say(TARGET, S.NEW)
    say(STOP, S.NEW)
    say(TARGET, S.EXPIRED)
    say(STOP, S.FILLED, "1", fill(3, orders[STOP], "1"))
    return told


def check_end(desk: Desk) -> None:
    """Whatever the way there: entered, stopped out, nothing open, nothing locked, nothing sent twice."""
    table = desk.manager.books.table
    found = [table.get(name) for name in ("entry", "target", "stop")]
    orders = [order for order in found if order is not None]
    assert [order.status for order in orders] == [S.FILLED, S.EXPIRED, S.FILLED]
    assert find_state(orders) is ListState.ALL_DONE
    assert table.count_open() == 0
    assert desk.position() == 0
    for side in (Side.BUY, Side.SELL):
        assert desk.manager.books.under_way(Exchanges.BINANCE, "BTCUSDT", side) == 0
    assert len(desk.ever_sent(NewOrderListRequest)) == 1


@pytest.mark.parametrize("seed", range(150))
def test_the_end_does_not_depend_on_the_order_of_the_words(seed: int) -> None:
    dice = random.Random(seed)
    desk, orders = open_desk()
    events = history(orders)
    events += dice.sample(events, dice.randrange(len(events)))
    dice.shuffle(events)
    for event in events:
        desk.tell(copy.deepcopy(event), GATEWAY)
        # What is at work never counts more than once, and never more than there is.
        at_work = counted_orders(desk.manager.books.table.open_orders())
        assert sum(order.open_quantity for order in at_work if order.side is Side.SELL) <= 1
    check_end(desk)
    fills = [order for order in desk.sent(OrderUpdate) if order.status is S.FILLED]
    assert fills


@pytest.mark.parametrize("is_whole_bot", [True, False])
@pytest.mark.parametrize("killed_after", range(10))
def test_a_kill_between_any_two_words_changes_nothing(
    killed_after: int, is_whole_bot: bool
) -> None:
    desk, orders = open_desk()
    events = history(orders)
    for event in events[:killed_after]:
        desk.tell(copy.deepcopy(event), GATEWAY)
    desk.restart(is_whole_bot=is_whole_bot)
    desk.watch()
    desk.tell(rules(), GATEWAY)
    table = desk.manager.books.table
    assert [order.order_type for order in orders if table.get(order.order_id)] == [
        OrderType.LIMIT,
        OrderType.LIMIT_MAKER,
        OrderType.STOP_LOSS,
    ]
    # The venue, asked, tells how each stands; then goes on.
    for event in events[killed_after:]:
        desk.tell(copy.deepcopy(event), GATEWAY)
    check_end(desk)


@pytest.mark.parametrize("seed", range(60))
def test_kills_at_random_and_words_in_any_order(seed: int) -> None:
    dice = random.Random(1_000 + seed)
    desk, orders = open_desk()
    events = history(orders)
    dice.shuffle(events)
    for event in events:
        if dice.random() < 0.3:
            desk.restart(is_whole_bot=dice.random() < 0.5)
            desk.watch()
            desk.tell(rules(), GATEWAY)
        desk.tell(copy.deepcopy(event), GATEWAY)
    check_end(desk)
