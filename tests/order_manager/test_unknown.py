"""Orders of unknown outcome, failed gateways, a failed journal: nothing is resent, nothing is taken for gone."""

from decimal import Decimal

import pytest

from actors.testing import classes_of
from messages.account import AccountSnapshot
from messages.base import Message
from messages.codec import encode
from messages.control import ActorFailed, ActorRestarted, CommandFailed, JournalFailed
from messages.enums import Exchanges, OrderStatus, Reason, Side
from messages.order_requests import SnapshotRequest
from messages.orders import CancelOrderRequest, NewOrderRequest, OrderUpdate, QueryOrderRequest
from tests.order_manager.desk import GATEWAY, Desk, all_of, only, refusal_of


def test_an_unknown_order_is_asked_about_with_growing_distances_and_never_resent() -> None:
    desk = Desk().start({"USDT": "150"})
    order = only(desk.place(), NewOrderRequest).order
    told = desk.say(order, OrderStatus.UNKNOWN)
    assert classes_of(told) == [OrderUpdate, QueryOrderRequest]
    update = only(told, OrderUpdate)
    assert (update.status, update.order.reason) == (OrderStatus.UNKNOWN, Reason.OUTCOME_UNKNOWN)
    asked = []
    for second in range(1, 121):
        told = desk.advance(1)
        assert not all_of(told, NewOrderRequest) + all_of(told, OrderUpdate)
        asked.extend([second] * len(all_of(told, QueryOrderRequest)))
    assert asked == [1, 3, 7, 15, 31, 61, 91]
    assert refusal_of(desk.place()) is Reason.INSUFFICIENT_FUNDS, "its funds stay reserved"
    desk.say(order, OrderStatus.NEW)
    assert not all_of(desk.advance(120), QueryOrderRequest)


def test_not_found_is_no_proof_while_the_request_may_still_arrive() -> None:
    desk = Desk(absence_after_s=30.0).start({"USDT": "150"})
    order = only(desk.place(), NewOrderRequest).order
    assert desk.say(order, OrderStatus.NOT_FOUND) == [], "its placement is still on its way"
    desk.say(order, OrderStatus.UNKNOWN)
    desk.advance(29)
    assert desk.say(order, OrderStatus.NOT_FOUND) == []
    assert refusal_of(desk.place()) is Reason.INSUFFICIENT_FUNDS
    desk.advance(2)
    update = only(desk.say(order, OrderStatus.NOT_FOUND), OrderUpdate)
    assert (update.status, update.order.is_open) == (OrderStatus.NOT_FOUND, False)
    assert not all_of(desk.advance(300), QueryOrderRequest)
    assert all_of(desk.place(), NewOrderRequest)
    # A word of the venue revokes even that.
    told = desk.say(order, OrderStatus.FILLED, desk.fill(order, "1"))
    assert only(told, OrderUpdate).status is OrderStatus.FILLED
    assert desk.position() == 1


@pytest.mark.parametrize("absence_after_s", [5.0, 12.0, 20.0, 30.0])
def test_absence_is_decided_as_soon_as_it_can_be(absence_after_s: float) -> None:
    """The questions lie at growing distances, but the one that decides does not come long after it could."""
    desk = Desk(absence_after_s=absence_after_s).start()
    order = only(desk.place(), NewOrderRequest).order
    desk.say(order, OrderStatus.UNKNOWN)
    began_ns, asked = desk.now_ns, 1
    while order.order_id in {each.order_id for each in desk.manager.books.table.open_orders()}:
        for _ in all_of(desk.advance(0.05), QueryOrderRequest):
            asked += 1
            desk.say(order, OrderStatus.NOT_FOUND)
    waited_s = (desk.now_ns - began_ns) / 1e9
    assert absence_after_s <= waited_s < absence_after_s + 0.2
    assert asked <= 7


def test_a_venue_that_has_spoken_is_not_unsaid_by_not_found() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.advance(600)
    assert desk.say(order, OrderStatus.NOT_FOUND) == []
    assert desk.manager.books.table.open_orders() != []


def test_a_refused_cancel_of_an_unknown_order_leaves_it_unknown() -> None:
    desk = Desk().start()
    order = only(desk.place(), NewOrderRequest).order
    desk.say(order, OrderStatus.UNKNOWN)
    assert all_of(desk.cancel(order.order_id), CancelOrderRequest)
    told = desk.refuse_cancel(order)
    assert only(told, OrderUpdate).status is OrderStatus.UNKNOWN
    assert all_of(told, QueryOrderRequest)


def test_what_a_failed_gateway_had_in_hand_is_unknown() -> None:
    desk = Desk().start()
    on_its_way = only(desk.place(), NewOrderRequest).order
    resting = desk.place_accepted()
    canceling = desk.place_accepted()
    desk.cancel(canceling.order_id)
    failed = ActorFailed(actor=GATEWAY, error="x", traceback="", will_restart=True)
    told = desk.tell(failed, "system")
    statuses = {update.order_id: update.status for update in all_of(told, OrderUpdate)}
    assert statuses == {
        on_its_way.order_id: OrderStatus.UNKNOWN,
        canceling.order_id: OrderStatus.NEW,
    }
    asked = {request.client_order_id for request in all_of(told, QueryOrderRequest)}
    assert asked == {on_its_way.client_order_id, canceling.client_order_id}
    assert not all_of(told, NewOrderRequest)
    desk.tell(ActorRestarted(actor=GATEWAY, restarts=1), "system")
    assert only(desk.advance(0), SnapshotRequest).symbols == ["BTCUSDT"]
    del resting


def test_another_actors_failure_concerns_no_order() -> None:
    desk = Desk().start()
    desk.place()
    failed = ActorFailed(actor="Breakout", error="x", traceback="", will_restart=True)
    assert desk.tell(failed, "system") == []


def test_orders_that_a_snapshot_does_not_list_are_asked_about() -> None:
    desk = Desk().start()
    listed, missing = desk.place_accepted(), desk.place_accepted()
    only(desk.place(), NewOrderRequest)
    desk.advance(1)
    kept = desk.manager.books.table.get(listed.order_id)
    assert kept is not None
    told = desk.tell(
        AccountSnapshot(
            exchange=Exchanges.BINANCE,
            balances=[],
            open_orders=[kept],
            event_time_ns=desk.now_ns,
        ),
        GATEWAY,
    )
    assert only(told, QueryOrderRequest).client_order_id == missing.client_order_id
    open_ids = [order.order_id for order in desk.manager.books.table.open_orders()]
    assert missing.order_id in open_ids, "silence is no proof"


def journal_failure(frames: list[bytes]) -> Message:
    return JournalFailed(target="OrderManager", reason="disk full", frames=frames)


def handler_failure(frames: list[bytes]) -> Message:
    return CommandFailed(
        target="OrderManager", failed_class="NewOrderRequest", failed_frame=frames[0], error="x"
    )


@pytest.mark.parametrize(
    ("failure", "reason"),
    [(journal_failure, Reason.JOURNAL), (handler_failure, Reason.HANDLER_FAILED)],
)
def test_a_request_that_was_certainly_not_sent_frees_its_funds(
    failure: object, reason: Reason
) -> None:
    assert callable(failure)
    desk = Desk().start({"USDT": "150"})
    request = only(desk.place(), NewOrderRequest)
    update = only(desk.tell(failure([encode(request)]), "system"), OrderUpdate)
    assert (update.status, update.reason) == (OrderStatus.REJECTED, reason)
    assert update.order_id == request.order.order_id
    assert all_of(desk.place(), NewOrderRequest)
    assert not all_of(desk.advance(60), NewOrderRequest)


def test_a_failed_cancel_request_is_a_refused_cancel() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    request = only(desk.cancel(order.order_id), CancelOrderRequest)
    failed = CommandFailed(
        target="OrderManager",
        failed_class="CancelOrderRequest",
        failed_frame=encode(request),
        error="x",
    )
    update = only(desk.tell(failed, "system"), OrderUpdate)
    assert (update.status, update.reason) == (OrderStatus.NEW, Reason.CANCEL_REFUSED)


def test_the_failure_of_another_request_changes_nothing() -> None:
    desk = Desk().start()
    order = only(desk.place(), NewOrderRequest).order
    query = only(desk.say(order, OrderStatus.UNKNOWN), QueryOrderRequest)
    failed = CommandFailed(
        target="OrderManager",
        failed_class="QueryOrderRequest",
        failed_frame=encode(query),
        error="x",
    )
    assert desk.tell(failed, "system") == []
    assert all_of(desk.advance(1), QueryOrderRequest)


@pytest.mark.parametrize("is_canceled", [False, True])
def test_a_request_that_is_not_answered_is_asked_about(is_canceled: bool) -> None:
    desk = Desk().start()
    order = only(desk.place(), NewOrderRequest).order
    if is_canceled:
        desk.say(order, OrderStatus.NEW)
        desk.cancel(order.order_id)
    assert not all_of(desk.advance(9), QueryOrderRequest)
    told = desk.advance(11.5)
    assert {each.client_order_id for each in all_of(told, QueryOrderRequest)} == {
        order.client_order_id
    }
    assert not all_of(told, OrderUpdate) + all_of(told, NewOrderRequest)
    desk.say(order, OrderStatus.CANCELED)
    assert not all_of(desk.advance(120), QueryOrderRequest)


def test_a_sale_of_unknown_outcome_is_not_sold_again() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    sale = only(desk.place(Side.SELL, price=None), NewOrderRequest).order
    desk.say(sale, OrderStatus.UNKNOWN)
    assert refusal_of(desk.place(Side.SELL, price=None)) is Reason.INSUFFICIENT_FUNDS
    assert desk.position() == Decimal(1)
