"""Limits of each strategy for itself, limits of loss, and strategies whose orders are refused on and on."""

import logging
from decimal import Decimal

import pytest

from actors.testing import make_book_ticker, make_instrument
from messages.account import Position
from messages.base import Message
from messages.control import HaltCompleted, ResumeTrading
from messages.enums import OrderStatus, Reason, Side
from messages.orders import CancelOrderRequest, NewOrderRequest, OrderUpdate
from messages.recovery import OrderManagerCheckpoint
from tests.order_manager.desk import GATEWAY, Desk, all_of, only, refusal_of


def move_market(desk: Desk, price: float) -> list[Message]:
    """The market goes there; positions are valued within a second."""
    desk.tell(make_book_ticker(price - 0.01, price + 0.01), "Feed")
    return desk.advance(1.0)


def test_a_strategys_own_position_is_limited_whatever_others_hold() -> None:
    desk = Desk(maximum_strategy_position_notional=Decimal(150)).start()
    desk.buy_filled("1")
    assert refusal_of(desk.place(quantity="0.6")) is Reason.MAX_POSITION
    assert all_of(desk.place(quantity="1.4", strategy="Other"), NewOrderRequest)
    assert refusal_of(desk.place(quantity="0.2", strategy="Other")) is Reason.MAX_POSITION
    assert all_of(desk.place(Side.SELL, "1", "110"), NewOrderRequest), "sales are exempt"


def test_a_strategys_own_open_orders_are_limited() -> None:
    desk = Desk(maximum_strategy_open_orders=1).start()
    desk.place_accepted()
    assert refusal_of(desk.place()) is Reason.MAX_OPEN_ORDERS
    assert all_of(desk.place(strategy="Other"), NewOrderRequest)


def test_at_the_loss_of_a_day_everything_halts_and_stays_halted() -> None:
    desk = Desk(maximum_daily_loss=Decimal(10)).start()
    desk.buy_filled("1")
    resting = desk.place_accepted(Side.BUY, "1", "80", strategy="Other")
    assert not all_of(move_market(desk, 90.01), CancelOrderRequest)
    told = move_market(desk, 90.0)
    assert only(told, CancelOrderRequest).client_order_id == resting.client_order_id
    assert only(desk.say(resting, OrderStatus.CANCELED), HaltCompleted).open_orders == 0
    told = desk.place()
    assert refusal_of(told) is Reason.HALTED
    assert "10 USDT lost today (UTC), 10 are allowed" in only(told, OrderUpdate).reason_text
    assert desk.position() == 1, "a halt sells nothing"
    desk.advance(0)
    desk.restart()
    desk.go_on()
    assert refusal_of(desk.place()) is Reason.HALTED
    desk.tell(ResumeTrading(), "system")
    assert all_of(desk.place(), NewOrderRequest)
    assert not all_of(move_market(desk, 85.0), HaltCompleted), "counted from the word to go on"
    move_market(desk, 75.0)
    assert refusal_of(desk.place()) is Reason.HALTED


def test_what_was_lost_before_a_crash_counts_the_same_day() -> None:
    desk = Desk(maximum_daily_loss=Decimal(10)).start()
    desk.buy_filled("1")
    move_market(desk, 94.0)
    desk.restart()
    desk.go_on()
    move_market(desk, 89.0)
    assert refusal_of(desk.place()) is Reason.HALTED


@pytest.mark.parametrize("is_checkpointed", [False, True])
def test_what_is_held_over_a_crash_is_watched_without_any_new_fill(is_checkpointed: bool) -> None:
    desk = Desk(maximum_daily_loss=Decimal(10)).start()
    desk.buy_filled("1")
    if is_checkpointed:
        desk.advance(0)
        assert desk.sent(OrderManagerCheckpoint)
    desk.restart()
    desk.go_on()
    told = move_market(desk, 89.0)
    assert [each.quantity for each in all_of(told, Position)] == [1]
    assert only(told, HaltCompleted).open_orders == 0


def test_fees_are_losses() -> None:
    desk = Desk(maximum_daily_loss=Decimal(10)).start()
    desk.buy_filled("1", fee="10")
    assert refusal_of(desk.place()) is Reason.HALTED


def test_fees_in_a_third_asset_are_losses_at_its_price(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(maximum_daily_loss=Decimal(10)).start()
    desk.watch("BNBUSDT")
    desk.tell(make_instrument("BNBUSDT", "BNB"), GATEWAY)
    desk.tell(make_book_ticker(499.0, 501.0, "BNBUSDT"), "Feed")
    desk.buy_filled("1", fee="0.019", fee_asset="BNB")
    assert all_of(desk.place(), NewOrderRequest), "9.5 were lost"
    with caplog.at_level(logging.WARNING):
        desk.buy_filled("1", fee="0.001", fee_asset="BNB")
    assert refusal_of(desk.place()) is Reason.HALTED
    assert "do not count" not in caplog.text


def test_fees_without_a_price_are_said_and_count_as_soon_as_there_is_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk(maximum_strategy_daily_loss=Decimal(10)).start()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            desk.buy_filled("1", fee="1", fee_asset="BNB")
    assert caplog.text.count("let some actor watch BNBUSDT") == 1
    desk.restart()
    desk.go_on()
    desk.tell(make_instrument("BNBUSDT", "BNB"), GATEWAY)
    desk.advance(5)
    assert all_of(desk.place(), NewOrderRequest)
    desk.tell(make_book_ticker(499.0, 501.0, "BNBUSDT"), "Feed")
    desk.advance(1.1)
    assert refusal_of(desk.place()) is Reason.HALTED
    assert "lost today" in caplog.text


def test_one_strategys_drawdown_stops_that_strategy_alone() -> None:
    desk = Desk(maximum_strategy_drawdown=Decimal(10)).start()
    desk.buy_filled("1")
    mine = desk.place_accepted(Side.SELL, "1", "130")
    others = desk.place_accepted(Side.BUY, "1", "80", strategy="Other")
    move_market(desk, 120.0)
    told = move_market(desk, 110.0)
    assert [each.client_order_id for each in all_of(told, CancelOrderRequest)] == [
        mine.client_order_id
    ]
    assert refusal_of(desk.place()) is Reason.HALTED
    assert all_of(desk.place(strategy="Other", price="105"), NewOrderRequest)
    assert desk.manager.books.table.find(others.exchange, "BTCUSDT", others.client_order_id)
    assert desk.position() == 1


def test_a_strategy_whose_orders_are_refused_on_and_on_is_held(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits = {"maximum_refusals_in_a_row": 3, "maximum_order_notional": Decimal(100)}
    desk = Desk(refusal_hold_s=60.0, **limits).start()
    for _ in range(2):
        assert refusal_of(desk.place(quantity="2")) is Reason.MAX_NOTIONAL
    order = only(desk.place(), NewOrderRequest).order
    with caplog.at_level(logging.ERROR):
        desk.say(order, OrderStatus.REJECTED, reason=Reason.VENUE)
    assert "Breakout is held for 60 s: 3 orders in a row were refused" in caplog.text
    assert refusal_of(desk.place()) is Reason.HELD
    assert all_of(desk.place(strategy="Other"), NewOrderRequest)
    desk.advance(61)
    assert all_of(desk.place(), NewOrderRequest), "it ends by itself"


def test_an_accepted_order_between_ends_the_count() -> None:
    desk = Desk(maximum_refusals_in_a_row=2, maximum_order_notional=Decimal(100)).start()
    for _ in range(5):
        assert refusal_of(desk.place(quantity="2")) is Reason.MAX_NOTIONAL
        desk.place_accepted()


@pytest.mark.parametrize(
    "key",
    [
        "maximum_strategy_position_notional",
        "maximum_strategy_open_orders",
        "maximum_daily_loss",
        "maximum_drawdown",
        "maximum_strategy_daily_loss",
        "maximum_strategy_drawdown",
        "maximum_refusals_in_a_row",
    ],
)
@pytest.mark.parametrize("value", [0, -1])
def test_zero_and_less_are_no_limits(key: str, value: int) -> None:
    with pytest.raises(ValueError, match=key):
        Desk(**{key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("reconcile_interval_s", 0.0),
        ("refusal_hold_s", -1.0),
        ("checkpoint_entries", 0),
        ("foreign_orders", "steal"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=key):
        Desk(**{key: value})
