"""A new order that waits for the end of the old one, where a symbol has no request for both: it can be taken back, and its
id is its own."""

import pytest

from messages.base import Message
from messages.enums import Exchanges, ListRole, OrderStatus, OrderType, Reason, Side
from messages.order_lists import ReplaceOrder
from messages.orders import CancelOrderRequest, NewOrderRequest, Order, OrderUpdate
from tests.order_manager.brackets import ask, leg, open_desk
from tests.order_manager.desk import STRATEGY, Desk, all_of, only, refusal_of

S = OrderStatus


def begin() -> tuple[Desk, Order]:
    """The desk, and the order whose cancel is on its way to make room for `new`."""
    desk = open_desk()
    instrument = desk.manager.books.instruments[Exchanges.BINANCE, "BTCUSDT"]
    instrument.allows_cancel_replace = False
    desk.buy_filled()
    old = desk.place_accepted()
    ask_replacement(desk, old, "new")
    return desk, old


def ask_replacement(desk: Desk, old: Order, name: str) -> list[Message]:
    """The old order's strategy wants another in its place."""
    replace = ReplaceOrder(
        exchange=Exchanges.BINANCE,
        symbol="BTCUSDT",
        order_id=old.order_id,
        order=leg(name, OrderType.LIMIT, Side.BUY, price="99"),
    )
    return desk.tell(replace, STRATEGY)


def told_of_new(told: list[Message]) -> list[OrderStatus]:
    """What its strategy hears of the new order."""
    return [each.status for each in all_of(told, OrderUpdate) if each.order_id == "new"]


@pytest.mark.parametrize("end", [S.CANCELED, S.FILLED])
def test_one_that_is_canceled_meanwhile_is_not_sent(end: OrderStatus) -> None:
    desk, old = begin()
    assert told_of_new(desk.cancel("new")) == [S.CANCELED]
    assert not told_of_new(desk.cancel("new")), "it has been told"
    told = desk.say(old, end, *([desk.fill(old, "1")] if end is S.FILLED else []))
    assert not all_of(told, NewOrderRequest)
    assert not told_of_new(told)


def test_one_of_a_position_that_is_closed_is_not_sent() -> None:
    desk, old = begin()
    assert told_of_new(desk.close_position()) == [S.CANCELED]
    sale = only(desk.say(old, S.CANCELED), NewOrderRequest).order
    assert (sale.side, sale.order_type) == (Side.SELL, OrderType.MARKET)


def test_no_other_strategy_takes_it_back() -> None:
    desk, old = begin()
    desk.cancel("new", strategy="Other")
    assert only(desk.say(old, S.CANCELED), NewOrderRequest).order.order_id == "new"


def check_going_on(desk: Desk, old: Order) -> None:
    """The one that waits is sent at the end of the old one, as if nothing had been asked meanwhile."""
    sent = only(desk.say(old, S.CANCELED), NewOrderRequest).order
    assert (sent.order_id, sent.strategy) == ("new", STRATEGY)
    assert sent.price == 99


def test_a_second_order_of_its_id_is_denied_at_once() -> None:
    desk, old = begin()
    told = desk.place(order_id="new")
    assert not all_of(told, NewOrderRequest)
    update = only(told, OrderUpdate)
    assert (update.order_id, update.status) == ("new", S.PENDING_NEW), "the one that waits stands"
    assert update.reason is Reason.UNSUPPORTED
    assert update.order.price == 99
    assert refusal_of(desk.place(order_id="new", strategy="Other")) is Reason.UNSUPPORTED
    check_going_on(desk, old)


def test_a_list_or_a_second_replacement_of_its_id_is_denied_at_once() -> None:
    desk, old = begin()
    orders = [
        leg("new", OrderType.LIMIT_MAKER, price="110"),
        leg("stop", OrderType.STOP_LOSS, stop_price="95"),
    ]
    told = ask(desk, orders, [ListRole.ABOVE, ListRole.BELOW])
    assert {update.reason for update in all_of(told, OrderUpdate)} == {Reason.UNSUPPORTED}
    other = desk.place_accepted()
    told = ask_replacement(desk, other, "new")
    assert not all_of(told, CancelOrderRequest), "what is not replaced stays"
    refused = [each for each in all_of(told, OrderUpdate) if each.reason is Reason.UNSUPPORTED]
    assert only(list(refused), OrderUpdate).status is S.REJECTED
    check_going_on(desk, old)


def test_no_order_is_canceled_for_one_whose_id_is_used_already() -> None:
    desk = begin()[0]
    first, second = desk.place_accepted(), desk.place_accepted()
    told = ask_replacement(desk, first, second.order_id)
    assert not all_of(told, CancelOrderRequest)
    assert [each.reason for each in all_of(told, OrderUpdate)] == [
        Reason.UNSUPPORTED,
        Reason.CANCEL_REFUSED,
    ]


def test_its_id_is_free_again_once_it_is_taken_back() -> None:
    desk, old = begin()
    desk.cancel("new")
    assert only(desk.place(order_id="new"), NewOrderRequest).order.order_id == "new"
    assert not all_of(desk.say(old, S.CANCELED), NewOrderRequest)
