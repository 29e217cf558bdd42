"""Exits of a kept list that were proven absent and of which the venue speaks after all, in every order of arrival."""

import itertools
import logging
from collections.abc import Callable
from decimal import Decimal

import pytest

from actors.testing import make_instrument
from messages.base import Message
from messages.control import HoldTrading, ReleaseTrading, ResyncRequest
from messages.enums import ListRole, ListState, OrderStatus, OrderType, Reason, Side
from messages.order_lists import OrderListUpdate
from messages.orders import CancelOrderRequest, NewOrderRequest, Order
from tests.order_manager.brackets import ask, leg
from tests.order_manager.desk import GATEWAY, STRATEGY, Desk, all_of, only
from tests.order_manager.lost_orders import (
    Wire,
    Word,
    at_venue,
    find,
    lose,
    open_bracket,
    open_pair,
    send_stop,
)
from tests.order_manager.triggers import arm, open_desk, quote

S = OrderStatus
Opens = Callable[[], tuple[Desk, Order]]
LIVES: list[tuple[list[Word], list[Word]]] = [
    (target, stop)
    for target in (
        [("target", S.FILLED, "1")],
        [("target", S.NEW, "0"), ("target", S.FILLED, "1")],
        [("target", S.NEW, "0"), ("target", S.CANCELED, "0")],
        [("target", S.PARTIALLY_FILLED, "0.4"), ("target", S.CANCELED, "0.4")],
    )
    for stop in (
        [("stop", S.NEW, "0"), ("stop", S.CANCELED, "0")],
        [("stop", S.NEW, "0"), ("stop", S.FILLED, "1")],
        [("stop", S.PARTIALLY_FILLED, "0.7"), ("stop", S.CANCELED, "0.7")],
    )
]


@pytest.mark.parametrize("opens", [open_bracket, open_pair])
@pytest.mark.parametrize(("target_words", "stop_words"), LIVES)
def test_a_lost_target_and_its_stop_end_whatever_is_told_of_them_and_when(
    opens: Opens, target_words: list[Word], stop_words: list[Word], caplog: pytest.LogCaptureFixture
) -> None:
    for words in itertools.permutations([*target_words, *stop_words]):
        caplog.clear()
        desk, target = opens()
        stop = send_stop(desk, target)
        wire = Wire(desk, {"target": target, "stop": stop})
        told: list[Message] = []
        for word in words:
            told += [*wire.tell(word), *desk.advance(0)]
            check_offers(desk, words)
        told += [*quote(desk, 80.0), *confirm_cancels(desk), *quote(desk, 80.0)]
        sold = sum(Decimal(life[-1][2]) for life in (target_words, stop_words))
        # A stop that was canceled for what the target has sold is sent again for the rest.
        ended = max(words.index(word) for word in stop_words if word[1] is not S.NEW)
        is_shortened = any(Decimal(word[2]) for word in words[:ended] if word[0] == "target")
        rest = [1 - sold] if is_shortened and sold < 1 else []
        sales = [request.order for request in all_of(told, NewOrderRequest)]
        assert [sale.quantity for sale in sales] == rest, words
        for sale in sales:
            told += desk.say(sale, S.FILLED, desk.fill(sale, str(sale.quantity)))
            sold += sale.quantity
        told += [*quote(desk, 120.0), *desk.advance(30)]
        assert desk.position() == 1 - sold, words
        assert not desk.manager.books.table.open_orders(), words
        state = all_of(told, OrderListUpdate)[-1].state
        is_unprotected = opens is open_bracket and sold < 1
        assert state is (ListState.UNPROTECTED if is_unprotected else ListState.ALL_DONE), words
        warnings = [each for each in caplog.records if "than they were for" in each.getMessage()]
        assert bool(warnings) is (sold > 1), words
        for each in warnings:
            assert each.levelno >= logging.WARNING
            assert target.client_order_id in each.getMessage()
            assert stop.client_order_id in each.getMessage()


def check_offers(desk: Desk, words: tuple[Word, ...]) -> None:
    """What is open at the venue beyond what is left of 1 is on its way to be canceled."""
    offered = [order for order in at_venue(desk) if order.status is not S.PENDING_CANCEL]
    listed = desk.manager.books.table.list_orders(find(desk, "stop"))
    sold = sum(order.executed_quantity for order in listed if order.side is Side.SELL)
    assert sum(order.open_quantity for order in offered) <= max(1 - sold, Decimal(0)), words


@pytest.mark.parametrize("is_whole_bot", [True, False])
@pytest.mark.parametrize(("target_words", "stop_words"), LIVES)
def test_a_kill_between_any_two_of_these_words_changes_nothing(
    target_words: list[Word], stop_words: list[Word], is_whole_bot: bool
) -> None:
    words = [*target_words, *stop_words]
    for order_of_words in (words, words[::-1], [*stop_words, *target_words]):
        for killed_after in range(len(words) + 1):
            desk, target = open_bracket()
            stop = send_stop(desk, target)
            wire = Wire(desk, {"target": target, "stop": stop})
            for word in order_of_words[:killed_after]:
                wire.tell(word)
            sent = len(desk.ever_sent(NewOrderRequest))
            desk.restart(is_whole_bot=is_whole_bot)
            desk.watch()
            desk.tell(make_instrument(), GATEWAY)
            desk.tell(ResyncRequest(actor=STRATEGY), "system")
            desk.state_account({"USDT": "1000"})
            for word in order_of_words[killed_after:]:
                wire.tell(word)
                desk.advance(0)
                check_offers(desk, tuple(order_of_words))
            desk.advance(0)
            desk.state_account({"USDT": "1000"})
            quote(desk, 80.0)
            desk.advance(1)
            sold = sum(Decimal(life[-1][2]) for life in (target_words, stop_words))
            more = [request.order for request in desk.ever_sent(NewOrderRequest)[sent:]]
            assert [sale.quantity for sale in more] in ([], [1 - sold])
            for sale in more:
                desk.say(sale, S.FILLED, desk.fill(sale, str(sale.quantity)))
                sold += sale.quantity
            desk.advance(30)
            assert desk.position() == 1 - sold
            assert not desk.manager.books.table.open_orders()
            assert len(desk.ever_sent(NewOrderRequest)) == sent + len(more)


@pytest.mark.parametrize("opens", [open_bracket, open_pair])
@pytest.mark.parametrize(
    "first",
    [
        [("first", S.FILLED, "1")],
        [("first", S.NEW, "0"), ("first", S.CANCELED, "0")],
        [("first", S.PARTIALLY_FILLED, "0.4"), ("first", S.CANCELED, "0.4")],
    ],
)
@pytest.mark.parametrize(
    "second",
    [
        [("second", S.NEW, "0")],
        [("second", S.NEW, "0"), ("second", S.CANCELED, "0")],
        [("second", S.PARTIALLY_FILLED, "0.3"), ("second", S.CANCELED, "0.3")],
        [("second", S.FILLED, "1")],
    ],
)
@pytest.mark.parametrize("is_stop", [False, True])
def test_a_lost_exit_and_what_was_sent_in_its_place_do_not_sell_twice(
    opens: Opens, first: list[Word], second: list[Word], is_stop: bool
) -> None:
    for words in itertools.permutations([*first, *second]):
        desk, target = opens()
        lost = send_stop(desk, target) if is_stop else target
        again = only(lose(desk, lost), NewOrderRequest).order
        assert again.client_order_id != lost.client_order_id
        wire = Wire(desk, {"first": lost, "second": again})
        for word in words:
            wire.tell(word)
            desk.advance(0)
            check_offers(desk, words)
        told = [*quote(desk, 80.0), *confirm_cancels(desk), *desk.advance(0.1)]
        left = max(1 - sum(Decimal(life[-1][2]) for life in (first, second)), Decimal(0))
        sales = [request.order for request in all_of(told, NewOrderRequest)]
        expected = [[left]] if left and not is_stop else [[], [left]] if left else [[]]
        assert [sale.quantity for sale in sales] in expected, words
        for sale in sales:
            assert sale.order_id == ("stop~3" if is_stop else "stop")
            desk.say(sale, S.FILLED, desk.fill(sale, str(left)))
        if is_stop:
            # The one that was sent last still offers what is left, if it has not been canceled.
            rest = [order for order in at_venue(desk) if order.order_id == again.order_id]
            assert [order.open_quantity for order in rest] in ([], [left]), words
            desk.cancel("stop")
            confirm_cancels(desk)
        assert not desk.manager.books.table.open_orders(), words


def confirm_cancels(desk: Desk) -> list[Message]:
    """The venue confirms all cancels that are on their way."""
    told: list[Message] = []
    for order in at_venue(desk):
        if order.status is S.PENDING_CANCEL:
            told += desk.say(order, S.CANCELED, executed=str(order.executed_quantity))
    return told


def test_a_stop_that_never_left_sells_all_that_the_target_has_left() -> None:
    desk, target = open_bracket()
    desk.say(target, S.PARTIALLY_FILLED, desk.fill(target, "0.4"))
    quote(desk, 95.0)
    told = [*desk.say(target, S.CANCELED, executed="0.4"), *desk.advance(0.1)]
    stop = only(told, NewOrderRequest).order
    desk.say(stop, S.REJECTED, reason=Reason.UNSENT, reason_text="no socket")
    again = only(desk.advance(2), NewOrderRequest).order
    assert (stop.quantity, again.quantity) == (Decimal("0.6"), Decimal("0.6"))
    desk.restart()
    desk.say(again, S.FILLED, desk.fill(again, "0.6"))
    assert desk.position() == 0


def test_a_stop_that_goes_off_takes_the_target_back_that_was_not_sent_yet() -> None:
    """A BUY pair has its stop first, and under a hold neither is sent."""
    desk = open_desk()
    stop = leg("stop", OrderType.STOP_LOSS_LIMIT, Side.BUY, stop_price="105", price="106")
    target = leg("target", OrderType.LIMIT_MAKER, Side.BUY, price="90")
    ask(desk, [stop, target], [ListRole.ABOVE, ListRole.BELOW])
    desk.tell(HoldTrading(reason="test"), "Feed")
    quote(desk, 106.0)
    desk.tell(ReleaseTrading(), "Feed")
    told = desk.advance(1)
    assert only(told, NewOrderRequest).order.order_id == "stop"
    assert not all_of(told, CancelOrderRequest)
    assert find(desk, "target").status is S.CANCELED


def test_a_single_stop_that_turns_up_after_its_second_has_sold_is_canceled() -> None:
    desk = open_desk()
    arm(desk, order_type=OrderType.STOP_LOSS_LIMIT, price=Decimal(94))
    first = only(quote(desk, 94.5), NewOrderRequest).order
    second = only(lose(desk, first), NewOrderRequest).order
    desk.say(second, S.FILLED, desk.fill(second, "1"))
    told = [*desk.say(first, S.NEW, order_type=OrderType.LIMIT), *desk.advance(0)]
    assert only(told, CancelOrderRequest).client_order_id == first.client_order_id
