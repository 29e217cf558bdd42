"""After every reconnect, after a hold and periodically: what the account tells counts, and a discrepancy is said."""

import logging
from decimal import Decimal

import pytest

from messages.base import Message
from messages.control import HoldTrading, ReleaseTrading
from messages.enums import Exchanges, OrderStatus, OrderType, Side
from messages.order_requests import SnapshotRequest
from messages.orders import (
    CancelOrderRequest,
    Fill,
    NewOrderRequest,
    Order,
    OrderUpdate,
    QueryOrderRequest,
)
from tests.order_manager.desk import GATEWAY, Desk, all_of, only


def make_foreign(client_order_id: str = "manual-1", status: OrderStatus = OrderStatus.NEW) -> Order:
    return Order(
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        symbol="BTCUSDT",
        client_order_id=client_order_id,
        exchange_order_id=77,
        quantity=Decimal(1),
        price=Decimal(90),
        status=status,
    )


def test_the_account_is_compared_periodically() -> None:
    desk = Desk(reconcile_interval_s=60.0).start()
    desk.buy_filled("1")
    assert not all_of(desk.advance(59), SnapshotRequest)
    request = only(desk.advance(1), SnapshotRequest)
    assert (request.symbols, request.trades_after) == (["BTCUSDT"], {"BTCUSDT": 1})
    desk.state_account({"USDT": "99900", "BTC": "1"})
    assert len(all_of(desk.advance(60), SnapshotRequest)) == 1


def test_where_all_agrees_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    resting = desk.place_accepted(Side.BUY, "1", "90")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            told = desk.state_account(
                {"USDT": "99900", "BTC": "1"}, [desk.view(resting, OrderStatus.NEW)]
            )
            assert not all_of(told, OrderUpdate)
            assert not all_of(told, QueryOrderRequest)
    assert caplog.text == ""
    assert not desk.manager.reconciliation.discrepancies


def test_fills_that_no_event_told_are_booked_said_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk().start()
    order = desk.place_accepted(Side.BUY, "1", "90")
    fill = desk.fill(order, "0.4")
    with caplog.at_level(logging.WARNING):
        told = desk.state_account(
            {"USDT": "1000"}, [desk.view(order, OrderStatus.PARTIALLY_FILLED, fill)]
        )
    assert only(told, Fill).trade_id == fill.trade_id
    assert desk.position() == Decimal("0.4")
    assert "discrepancy" in caplog.text
    assert desk.manager.reconciliation.discrepancies == {"executions": 1}
    rest = desk.fill(order, "0.6")
    filled = desk.view(order, OrderStatus.FILLED, rest, executed="1")
    told = desk.state_account({"USDT": "1000"}, executed_orders=[filled])
    assert only(told, OrderUpdate).status is OrderStatus.FILLED
    assert desk.position() == 1
    assert desk.manager.reconciliation.discrepancies == {"executions": 2}
    # The events themselves, however late, are old news.
    assert desk.say(order, OrderStatus.FILLED, fill, rest, executed="1") == []


def test_what_the_account_does_not_list_is_asked_for() -> None:
    desk = Desk().start()
    order = desk.place_accepted(Side.BUY, "1", "90")
    desk.advance(1)
    told = desk.state_account({"USDT": "1000"})
    assert only(told, QueryOrderRequest).client_order_id == order.client_order_id
    update = only(desk.say(order, OrderStatus.CANCELED), OrderUpdate)
    assert update.status is OrderStatus.CANCELED
    assert not all_of(desk.state_account({"USDT": "1000"}), QueryOrderRequest)


def test_after_a_hold_the_account_is_asked_for() -> None:
    desk = Desk().start()
    desk.tell(HoldTrading(reason="the stream is lost"), GATEWAY)
    desk.tell(ReleaseTrading(), GATEWAY)
    assert only(desk.advance(0), SnapshotRequest).exchange is Exchanges.BINANCE
    desk.state_account({"USDT": "1000"})
    desk.tell(HoldTrading(reason="the clock has jumped"), "Watch")
    desk.tell(ReleaseTrading(), "Watch")
    assert all_of(desk.advance(0), SnapshotRequest)


def test_a_balance_that_our_fills_do_not_explain_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk().start({"USDT": "1000"})
    desk.buy_filled("1")
    with caplog.at_level(logging.WARNING):
        desk.state_account({"USDT": "900", "BTC": "1"})
        desk.state_account({"USDT": "850", "BTC": "1"})
        assert caplog.text == "", "one look alone may have crossed an event"
        desk.state_account({"USDT": "850", "BTC": "1"})
        assert "-50 USDT more than our fills explain" in caplog.text
        caplog.clear()
        desk.state_account({"USDT": "850", "BTC": "1"})
    assert caplog.text == ""
    assert desk.manager.reconciliation.discrepancies == {"balances": 1}


def list_foreign(desk: Desk) -> list[Message]:
    return desk.state_account({"USDT": "1000"}, [make_foreign()])


def test_foreign_orders_are_reported_once_and_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk().start()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            told = list_foreign(desk)
            assert not all_of(told, CancelOrderRequest) + all_of(told, OrderUpdate)
    assert caplog.text.count("manual-1") == 1
    assert desk.manager.books.table.open_orders() == []


def test_foreign_orders_are_canceled_if_that_is_wanted() -> None:
    desk = Desk(foreign_orders="cancel").start()
    request = only(list_foreign(desk), CancelOrderRequest)
    assert (request.client_order_id, request.exchange_order_id) == ("manual-1", 77)
    mine = desk.place_accepted()
    told = desk.state_account({"USDT": "1000"}, [desk.view(mine, OrderStatus.NEW)])
    assert not all_of(told, CancelOrderRequest)


def test_foreign_orders_are_adopted_if_that_is_wanted() -> None:
    desk = Desk(foreign_orders="adopt").start()
    update = only(list_foreign(desk), OrderUpdate)
    assert (update.strategy, update.order.client_order_id) == ("foreign", "manual-1")
    order = make_foreign(status=OrderStatus.FILLED)
    order.executed_quantity = Decimal(1)
    order.executions = [desk.fill(order, "1")]
    desk.tell(order, GATEWAY)
    assert desk.position("foreign") == 1
    assert desk.position() == 0


def test_a_cancel_of_an_order_that_was_just_refused_is_not_answered() -> None:
    desk = Desk(maximum_order_notional=Decimal(10)).start()
    update = only(desk.place(), OrderUpdate)
    assert update.status is OrderStatus.REJECTED
    assert desk.cancel(update.order_id) == []
    assert desk.amend(update.order_id, quantity="0.1") == []
    assert not desk.sent(NewOrderRequest)
    # Of an id that nobody gave the strategy is told, with the side that it named itself.
    unknown = only(desk.cancel("never-given"), OrderUpdate)
    assert (unknown.status, unknown.order.side) == (OrderStatus.NOT_FOUND, Side.BUY)
