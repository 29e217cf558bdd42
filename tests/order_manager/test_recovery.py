"""The beginning after an earlier life: the journal, then the venue, and only then the word that trading may begin."""

import logging
from decimal import Decimal

import pytest

from actors.runtime.errors import JournalError
from actors.testing import make_instrument
from messages.account import Position
from messages.base import Message
from messages.codec import encode
from messages.control import (
    HaltTrading,
    HoldTrading,
    Ready,
    Recovered,
    ResumeTrading,
    Resync,
    ResyncRequest,
    Start,
    Stop,
)
from messages.enums import Exchanges, OrderStatus, Reason, Side
from messages.order_requests import SnapshotRequest
from messages.orders import (
    CancelOrderRequest,
    Fill,
    NewOrderRequest,
    OrderUpdate,
    QueryOrderRequest,
)
from messages.recovery import OrderManagerCheckpoint, StateKept, StrategyState
from tests.order_manager.desk import GATEWAY, STRATEGY, Desk, all_of, only, refusal_of


def is_ready(desk: Desk) -> bool:
    return bool(desk.sent(Ready))


@pytest.mark.parametrize("part", [1, 2, 1_000])
def test_position_orders_and_profit_come_back_to_the_last_digit(part: int) -> None:
    desk = Desk().start()
    desk.buy_filled("0.73", fee="0.00073", fee_asset="BTC")
    desk.buy_filled("0.1", fee="0.00001", fee_asset="BNB")
    resting = desk.place_accepted(Side.SELL, "0.5", "110")
    desk.say(resting, OrderStatus.PARTIALLY_FILLED, desk.fill(resting, "0.2", fee="0.022"))
    before = desk.manager.books.portfolio.save()
    desk.restart(part=part)
    resync = desk.go_on([desk.view(resting, OrderStatus.PARTIALLY_FILLED, executed="0.2")])
    assert desk.manager.books.portfolio.save() == before
    [position] = resync.positions
    assert position.quantity == Decimal("0.72927") + Decimal("0.1") - Decimal("0.2")
    [order] = resync.open_orders
    assert (order.order_id, order.executed_quantity) == (resting.order_id, Decimal("0.2"))
    assert resync.has_traded
    assert not desk.sent(NewOrderRequest)
    assert not desk.sent(Fill), "what was told is not told again"


@pytest.mark.parametrize("keeps_checkpoint", [True, False])
def test_what_is_held_again_is_told_when_trading_may_begin(keeps_checkpoint: bool) -> None:
    """An observer shows it at once, and a bot that is stopped a moment later states it."""
    desk = Desk().start()
    desk.buy_filled("0.73", fee="0.00073", fee_asset="BTC")
    if keeps_checkpoint:
        desk.tell(Stop(target="order_manager"), "system")
    desk.restart()
    desk.go_on()
    assert is_ready(desk)
    assert [each.quantity for each in desk.sent(Position)] == [Decimal("0.72927")]


def test_an_order_that_the_venue_does_not_list_is_asked_for_before_ready() -> None:
    desk = Desk().start()
    order = desk.place_accepted(Side.BUY, "1", "90")
    desk.restart()
    desk.tell(ResyncRequest(actor=STRATEGY), "system")
    desk.advance(0)
    desk.tell(make_instrument(), GATEWAY)
    told = desk.state_account({"USDT": "100000"})
    assert only(told, QueryOrderRequest).client_order_id == order.client_order_id
    assert not is_ready(desk)
    assert refusal_of(desk.place()) is Reason.NOT_READY
    told = desk.say(order, OrderStatus.CANCELED)
    resync = only(told, Resync)
    assert (resync.open_orders, resync.positions) == ([], [])
    assert not desk.sent(NewOrderRequest), "no sale and no second order"


def test_a_part_that_was_filled_while_nobody_listened_is_booked_once() -> None:
    desk = Desk().start()
    order = desk.place_accepted(Side.BUY, "1", "90")
    fill = desk.fill(order, "0.4")
    desk.restart()
    canceled = desk.view(order, OrderStatus.CANCELED, fill, executed="0.4")
    resync = desk.go_on(executed_orders=[canceled])
    assert [each.quantity for each in resync.positions] == [Decimal("0.4")]
    desk.say(order, OrderStatus.CANCELED, fill, executed="0.4")
    assert desk.position() == Decimal("0.4")
    assert [each.trade_id for each in desk.sent(Fill)] == [fill.trade_id]


def test_an_intent_that_nobody_acknowledged_is_asked_for_and_never_sent_again() -> None:
    desk = Desk().start({"USDT": "150"})
    order = only(desk.place(), NewOrderRequest).order
    told = desk.restart()
    assert only(told, OrderUpdate).status is OrderStatus.UNKNOWN
    desk.watch()
    desk.advance(0)
    desk.tell(make_instrument(), GATEWAY)
    desk.state_account({"USDT": "150"})
    assert not is_ready(desk)
    desk.say(order, OrderStatus.NOT_FOUND)
    assert is_ready(desk), "the venue has answered; it may still arrive, and is kept as unknown"
    assert [each.status for each in desk.manager.books.table.open_orders()] == [OrderStatus.UNKNOWN]
    assert refusal_of(desk.place()) is Reason.INSUFFICIENT_FUNDS, "its funds stay reserved"
    desk.advance(31)
    ended = only(desk.say(order, OrderStatus.NOT_FOUND), OrderUpdate)
    assert ended.status is OrderStatus.NOT_FOUND
    assert not desk.sent(NewOrderRequest)
    # Even that can be revoked.
    desk.say(order, OrderStatus.FILLED, desk.fill(order, "1"))
    assert desk.position() == 1


@pytest.mark.parametrize(
    ("seconds", "status"), [(34, OrderStatus.UNKNOWN), (36, OrderStatus.NOT_FOUND)]
)
def test_long_after_it_could_have_been_sent_absence_counts_at_once(
    seconds: float, status: OrderStatus
) -> None:
    desk = Desk(absence_after_s=30.0).start()
    send_before_ns = desk.now_ns + 5_000_000_000
    order = only(desk.place(send_before_ns=send_before_ns), NewOrderRequest).order
    desk.advance(seconds)
    desk.restart()
    desk.say(order, OrderStatus.NOT_FOUND)
    assert desk.sent(OrderUpdate)[-1].status is status


def test_the_trades_since_the_last_known_are_asked_for() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    desk.restart()
    request = only(desk.advance(0), SnapshotRequest)
    assert request.symbols == ["BTCUSDT"], "also when nobody watches the symbol any more"
    assert request.trades_after == {"BTCUSDT": desk.trade_id}


def test_a_doubtful_journal_is_said_and_all_trades_are_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk().start()
    with caplog.at_level(logging.WARNING):
        desk.restart(doubt="the write-ahead log is missing")
    assert "the write-ahead log is missing" in caplog.text
    desk.watch()
    assert only(desk.advance(0), SnapshotRequest).trades_after == {"BTCUSDT": 0}
    desk.advance(5)
    assert desk.sent(SnapshotRequest)[-1].trades_after == {"BTCUSDT": 0}, "until it is answered"
    desk.state_account({"USDT": "1000"})
    desk.manager.readiness.ask_snapshot(Exchanges.BINANCE)
    assert only(desk.advance(0), SnapshotRequest).trades_after == {}, "all of them, once"


def test_orders_of_a_lost_journal_are_ours_and_their_trades_make_the_position() -> None:
    lost = Desk().start()
    order = lost.place_accepted(Side.BUY, "1", "90")
    fill = lost.fill(order, "0.4")
    desk = Desk()
    desk.begin(run=1)
    desk.tell(Start(target="OrderManager"), "system")
    desk.tell(Recovered(target="OrderManager", frames=[], doubt="it is gone"), "system")
    view = lost.view(order, OrderStatus.PARTIALLY_FILLED, fill, executed="0.4")
    resync = desk.go_on([view])
    assert [each.client_order_id for each in resync.open_orders] == [order.client_order_id]
    assert [each.quantity for each in resync.positions] == [Decimal("0.4")]


def test_an_older_copy_of_the_journal_uses_no_id_twice(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk().start()
    desk.restart()
    desk.go_on()
    forgotten = desk.place_accepted(Side.BUY, "1", "90")
    older = Desk()
    older.begin(run=desk.context.run)
    older.tell(Start(target="OrderManager"), "system")
    older.tell(Recovered(target="OrderManager", frames=[]), "system")
    older.go_on([desk.view(forgotten, OrderStatus.NEW)])
    assert "older than the account's orders" in caplog.text
    new = only(older.place(), NewOrderRequest).order
    assert new.client_order_id != forgotten.client_order_id
    assert new.client_order_id.split("-")[2] == "2"
    # The next start goes on from there, whatever number it is granted.
    older.advance(0)
    older.restart()
    older.go_on([desk.view(forgotten, OrderStatus.NEW), older.view(new, OrderStatus.NEW)])
    assert only(older.place(), NewOrderRequest).order.client_order_id.split("-")[2] == "3"


def test_the_same_run_goes_on_with_other_ids() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.restart(is_whole_bot=False)
    desk.go_on([desk.view(order, OrderStatus.NEW)])
    assert only(desk.place(), NewOrderRequest).order.client_order_id != order.client_order_id


def test_time_to_cancel_keeps_the_time_already_spent() -> None:
    desk = Desk().start()
    order = desk.place_accepted(time_to_cancel=10.0)
    desk.advance(6)
    desk.restart()
    desk.go_on([desk.view(order, OrderStatus.NEW)])
    assert not all_of(desk.advance(3.9), CancelOrderRequest)
    assert only(desk.advance(0.2), CancelOrderRequest).client_order_id == order.client_order_id


def test_a_cancel_that_was_on_its_way_is_asked_for_once_more() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.cancel(order.order_id)
    desk.restart()
    assert not desk.sent(CancelOrderRequest)
    desk.go_on([desk.view(order, OrderStatus.NEW)])
    assert [each.client_order_id for each in desk.sent(CancelOrderRequest)] == [
        order.client_order_id
    ]
    desk.say(order, OrderStatus.CANCELED)
    assert desk.manager.books.table.open_orders() == []


def test_an_amended_order_comes_back_under_its_own_id() -> None:
    desk = Desk().start()
    order = desk.place_accepted(Side.BUY, "2", "90")
    desk.say(order, OrderStatus.PARTIALLY_FILLED, desk.fill(order, "0.5"))
    desk.amend(order.order_id, price="91")
    leg = only(desk.say(order, OrderStatus.CANCELED, executed="0.5"), NewOrderRequest).order
    desk.say(leg, OrderStatus.NEW)
    for _ in range(2):  # from the messages, then from a checkpoint
        desk.restart()
        [view] = desk.go_on([desk.view(leg, OrderStatus.NEW)]).open_orders
        assert (view.order_id, view.client_order_id) == (order.order_id, leg.client_order_id)
        assert (view.quantity, view.executed_quantity) == (Decimal(2), Decimal("0.5"))
        assert view.price == 91
        desk.advance(0)
    desk.say(leg, OrderStatus.FILLED, desk.fill(leg, "1.5"))
    assert desk.position() == 2


def test_a_checkpoint_says_what_all_messages_before_it_said() -> None:
    desk = Desk(checkpoint_entries=5).start()
    desk.buy_filled("1")
    resting = desk.place_accepted(Side.SELL, "1", "110")
    desk.advance(0)
    assert desk.sent(OrderManagerCheckpoint)
    assert len(desk.frames()) < 8
    before = desk.manager.books.portfolio.save()
    desk.restart()
    desk.go_on([desk.view(resting, OrderStatus.NEW)])
    assert desk.manager.books.portfolio.save() == before
    # A trade that is told late, of an order that has ended, is known.
    assert desk.manager.books.table.counts.total() > 0
    ended = desk.manager.books.table.closed_orders(10)
    assert [each.executed_quantity for each in ended] == [Decimal(1)]


def test_an_orderly_stop_writes_all_down() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    desk.tell(Stop(target="OrderManager"), "system")
    assert len(desk.frames()) == 1
    desk.restart()
    assert [each.quantity for each in desk.go_on().positions] == [Decimal(1)]


def test_what_is_to_be_read_at_a_start_is_bounded() -> None:
    desk = Desk(checkpoint_entries=50).start()
    for _ in range(100):
        desk.buy_filled("0.1")
        desk.advance(0)
    assert len(desk.frames()) <= 60


def test_a_damaged_message_is_refused_with_a_clear_word() -> None:
    desk = Desk()
    frame = encode(StateKept(strategy="A", state=b""))
    desk.tell(Start(target="OrderManager"), "system")
    with pytest.raises(JournalError, match=r"cannot be read.*restore a good copy"):
        desk.tell(Recovered(target="OrderManager", frames=[frame[:-3]]), "system")


def test_a_halt_that_is_kept_outlives_the_bot_and_others_do_not() -> None:
    desk = Desk().start()
    desk.tell(HaltTrading(reason="the bot stops"), "system")
    desk.restart()
    desk.go_on()
    order = only(desk.place(), NewOrderRequest).order
    desk.say(order, OrderStatus.REJECTED)
    desk.tell(HaltTrading(reason="too much was lost", is_kept=True), "system")
    for _ in range(2):
        desk.restart()
        desk.go_on()
        assert refusal_of(desk.place()) is Reason.HALTED
        desk.advance(0)
    desk.tell(ResumeTrading(), "system")
    desk.restart()
    desk.go_on()
    assert all_of(desk.place(), NewOrderRequest)


def test_an_order_manager_that_failed_keeps_holds_and_halts_and_tells_the_strategies() -> None:
    desk = Desk().start()
    desk.tell(HoldTrading(reason="the stream is lost"), GATEWAY)
    desk.tell(HaltTrading(reason="enough", strategy="Other"), "system")
    desk.restart(is_whole_bot=False)
    desk.watch()
    desk.advance(0)
    desk.tell(make_instrument(), GATEWAY)
    desk.state_account({"USDT": "1000"})
    assert refusal_of(desk.place()) is Reason.HELD
    assert refusal_of(desk.place(strategy="Other")) is Reason.HALTED


def test_after_a_failure_of_its_own_strategies_hear_how_things_stand() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    order = desk.place_accepted(Side.SELL, "1", "110")
    desk.restart(is_whole_bot=False)
    desk.watch()
    desk.advance(0)
    desk.tell(make_instrument(), GATEWAY)
    assert refusal_of(desk.place()) is Reason.NOT_READY
    told: list[Message] = desk.state_account({"BTC": "1"}, [desk.view(order, OrderStatus.NEW)])
    resync = only(told, Resync)
    assert (resync.target, resync.is_restart) == (STRATEGY, False)
    assert [each.order_id for each in resync.open_orders] == [order.order_id]
    assert [each.quantity for each in resync.positions] == [Decimal(1)]


def test_a_strategys_state_is_written_down_and_given_back() -> None:
    desk = Desk().start()
    told = desk.tell(StrategyState(state=b"first"), STRATEGY)
    assert only(told, StateKept).state == b"first"
    desk.tell(StrategyState(state=b"second"), STRATEGY)
    for _ in range(2):
        desk.restart()
        assert desk.go_on().saved_state == b"second"
        desk.advance(0)


def test_without_a_journal_it_does_not_begin_anew() -> None:
    desk = Desk().start()
    assert not desk.manager.may_restart()
    desk.restart()
    assert desk.manager.may_restart()


def test_another_venues_symbols_are_not_asked_of_this_one() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.restart()
    requests = all_of(desk.advance(0), SnapshotRequest)
    assert [each.exchange for each in requests] == [Exchanges.BINANCE]
    desk.go_on([desk.view(order, OrderStatus.NEW)])
