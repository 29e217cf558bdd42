"""The known pitfalls of an order gateway that concern the order manager, each by what it says."""

from decimal import Decimal

import pytest

from actors.testing import make_instrument
from messages.account import Balance
from messages.enums import (
    Exchanges,
    ExecutionType,
    OrderStatus,
    OrderType,
    Reason,
    Side,
    SymbolStatus,
)
from messages.orders import (
    CancelOrderRequest,
    Fill,
    NewOrderRequest,
    OrderUpdate,
    PlaceOrder,
    QueryOrderRequest,
)
from tests.order_manager.desk import GATEWAY, STRATEGY, Desk, all_of, only, refusal_of


def test_an_unknown_outcome_keeps_its_funds_and_is_not_sent_again() -> None:
    desk = Desk().start({"USDT": "150"})
    order = only(desk.place(), NewOrderRequest).order
    desk.say(order, OrderStatus.UNKNOWN)
    assert refusal_of(desk.place()) is Reason.INSUFFICIENT_FUNDS
    told = desk.advance(600)
    assert not all_of(told, NewOrderRequest)
    assert all_of(told, QueryOrderRequest)


@pytest.mark.parametrize("by", ["event", "query", "open orders", "trades"])
def test_an_unknown_outcome_is_resolved_by_whoever_tells_first(by: str) -> None:
    desk = Desk().start()
    order = only(desk.place(), NewOrderRequest).order
    desk.say(order, OrderStatus.UNKNOWN)
    fill = desk.fill(order, "1")
    new = desk.view(order, OrderStatus.NEW)
    filled = desk.view(order, OrderStatus.FILLED, fill)
    if by == "event":
        desk.say(order, OrderStatus.NEW, execution_type=ExecutionType.NEW)
    elif by == "query":
        desk.tell(new, GATEWAY)
    elif by == "open orders":
        desk.state_account({"USDT": "1000"}, [new])
    else:
        desk.state_account({"USDT": "1000"}, executed_orders=[filled])
    expected = OrderStatus.FILLED if by == "trades" else OrderStatus.NEW
    known = desk.manager.books.table.find(order.exchange, "BTCUSDT", order.client_order_id)
    assert known is not None
    assert known.status is expected
    assert not all_of(desk.advance(300), QueryOrderRequest)


def test_not_found_is_no_proof_while_the_request_can_still_be_accepted() -> None:
    desk = Desk(absence_after_s=30.0).start()
    order = only(desk.place(), NewOrderRequest).order
    desk.say(order, OrderStatus.UNKNOWN)
    desk.advance(29)
    assert desk.say(order, OrderStatus.NOT_FOUND) == []
    desk.advance(2)
    assert only(desk.say(order, OrderStatus.NOT_FOUND), OrderUpdate).status is OrderStatus.NOT_FOUND


def test_absence_stays_revocable() -> None:
    desk = Desk(absence_after_s=1.0).start()
    order = only(desk.place(), NewOrderRequest).order
    desk.say(order, OrderStatus.UNKNOWN)
    desk.advance(2)
    desk.say(order, OrderStatus.NOT_FOUND)
    desk.say(order, OrderStatus.FILLED, desk.fill(order, "1"))
    assert desk.position() == 1


def test_a_client_order_id_is_never_used_twice() -> None:
    desk = Desk().start()
    for _ in range(3):
        for _ in range(20):
            order = only(desk.place(quantity="0.1"), NewOrderRequest).order
            desk.say(order, OrderStatus.FILLED, desk.fill(order, "0.1"))
        desk.restart(is_whole_bot=len(desk.journal) % 2 == 0)
        desk.go_on()
    ids = [each.order.client_order_id for each in desk.ever_sent(NewOrderRequest)]
    assert len(ids) == len(set(ids)) == 60
    assert all(len(each) <= 36 for each in ids)


def test_duplicate_order_sent_means_that_the_first_is_open_and_is_adopted() -> None:
    """The gateway asks for the order then, and tells how it stands: it is the one that we sent."""
    desk = Desk().start()
    order = only(desk.place(), NewOrderRequest).order
    desk.say(order, OrderStatus.UNKNOWN)
    update = only(desk.say(order, OrderStatus.NEW), OrderUpdate)
    assert (update.status, update.order_id) == (OrderStatus.NEW, order.order_id)
    assert len(desk.manager.books.table.open_orders()) == 1


def test_a_twin_under_the_same_id_is_as_real_as_the_first() -> None:
    desk = Desk().start()
    order = only(desk.place(), NewOrderRequest).order
    desk.say(order, OrderStatus.FILLED, desk.fill(order, "1"))
    twin = desk.view(order, OrderStatus.FILLED, desk.fill(order, "1"), exchange_order_id=9999)
    desk.tell(twin, GATEWAY)
    assert desk.position() == 2


def test_a_definite_refusal_is_final_at_once_and_nothing_is_tried_again() -> None:
    desk = Desk().start()
    order = only(desk.place(), NewOrderRequest).order
    update = only(desk.say(order, OrderStatus.REJECTED), OrderUpdate)
    assert update.status is OrderStatus.REJECTED
    assert not all_of(desk.advance(300), NewOrderRequest)


def test_an_old_decision_is_never_replayed() -> None:
    desk = Desk().start()
    late = desk.now_ns - 1
    assert refusal_of(desk.place(send_before_ns=late)) is Reason.TOO_LATE


@pytest.mark.parametrize("first", ["reply", "report"])
def test_reply_and_report_may_come_in_either_order(first: str) -> None:
    desk = Desk().start()
    order = only(desk.place(price=None), NewOrderRequest).order
    fill = desk.fill(order, "1")
    reply = desk.view(order, OrderStatus.FILLED, fill)
    reports = [
        desk.view(order, OrderStatus.NEW, exchange_order_id=reply.exchange_order_id),
        desk.view(order, OrderStatus.FILLED, fill, exchange_order_id=reply.exchange_order_id),
    ]
    for event in [reply, *reports] if first == "reply" else [*reports, reply]:
        desk.tell(event, GATEWAY)
    assert desk.position() == 1
    assert [each.trade_id for each in desk.sent(Fill)] == [fill.trade_id]
    assert desk.sent(OrderUpdate)[-1].status is OrderStatus.FILLED


def test_fills_are_folded_by_their_trade_ids() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    first, second = desk.fill(order, "0.4"), desk.fill(order, "0.6")
    desk.say(order, OrderStatus.FILLED, first, second, executed="1")
    desk.say(order, OrderStatus.PARTIALLY_FILLED, first, executed="0.4")
    desk.say(order, OrderStatus.FILLED, second, executed="1")
    assert len(desk.sent(Fill)) == 2
    assert desk.position() == 1


def test_a_cancel_under_another_name_is_found_by_the_venues_own_id() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    told = desk.say(order, OrderStatus.CANCELED, client_order_id="the-cancels-own-id")
    assert only(told, OrderUpdate).order_id == order.order_id


def test_a_refused_cancel_is_no_end() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.cancel(order.order_id)
    told = desk.refuse_cancel(order, "Unknown order sent.")
    assert only(told, OrderUpdate).status is OrderStatus.NEW
    assert all_of(told, QueryOrderRequest)
    update = desk.say(order, OrderStatus.FILLED, desk.fill(order, "1"))
    assert only(update, OrderUpdate).status is OrderStatus.FILLED


def test_a_cancel_names_the_venues_own_id_once_it_is_known() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    assert only(desk.cancel(order.order_id), CancelOrderRequest).exchange_order_id == 1001


def test_a_cancel_that_succeeds_with_executions_books_them() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.cancel(order.order_id)
    desk.say(order, OrderStatus.CANCELED, desk.fill(order, "0.4"))
    assert desk.position() == Decimal("0.4")
    assert desk.manager.books.table.open_orders() == []


@pytest.mark.parametrize("end", [OrderStatus.EXPIRED, OrderStatus.EXPIRED_IN_MATCH])
def test_expiry_is_a_normal_end_maybe_with_fills(end: OrderStatus) -> None:
    desk = Desk().start()
    order = only(desk.place(price=None), NewOrderRequest).order
    update = only(desk.say(order, end, desk.fill(order, "0.4")), OrderUpdate)
    assert (update.status, update.reason) == (end, Reason.NONE)
    assert desk.position() == Decimal("0.4")


def test_an_unknown_status_crashes_nobody_and_is_asked_about() -> None:
    desk = Desk().start()
    order = only(desk.place(), NewOrderRequest).order
    told = desk.say(order, OrderStatus("SOMETHING_NEW"))
    assert all_of(told, QueryOrderRequest)


def test_fees_in_the_received_asset_leave_less_to_sell_and_the_dust_stays() -> None:
    desk = Desk().start(lot_size="0.01", min_notional="0")
    desk.buy_filled("0.40", fee="0.0004", fee_asset="BNB")
    desk.buy_filled("0.33", fee="0.00033", fee_asset="BTC")
    assert desk.position() == Decimal("0.72967")
    assert only(desk.close_position(), NewOrderRequest).order.quantity == Decimal("0.72")


def test_balances_are_absolute_and_the_newest_counts() -> None:
    desk = Desk().start({"USDT": "1000"})
    for free, time_ns in (("900", 20), ("950", 10), ("900", 20)):
        desk.tell(
            Balance(
                exchange=Exchanges.BINANCE,
                asset="USDT",
                free=Decimal(free),
                locked=Decimal(0),
                event_time_ns=desk.now_ns + time_ns,
            ),
            GATEWAY,
        )
    assert desk.manager.books.free(Exchanges.BINANCE, "USDT") == 900


def test_prices_are_rounded_against_us_and_quantities_down() -> None:
    desk = Desk().start(tick_size="0.5", lot_size="0.1")
    bid = only(desk.place(Side.BUY, "1.19", "99.74"), NewOrderRequest).order
    assert (bid.price, bid.quantity) == (Decimal("99.5"), Decimal("1.1"))
    desk.buy_filled("2")
    offer = only(desk.place(Side.SELL, "1.19", "110.01"), NewOrderRequest).order
    assert (offer.price, offer.quantity) == (Decimal("110.5"), Decimal("1.1"))


@pytest.mark.parametrize("status", [SymbolStatus.HALT, SymbolStatus.CANCEL_ONLY])
def test_a_symbol_that_does_not_trade_takes_no_new_orders_but_cancels(status: SymbolStatus) -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    changed = make_instrument()
    changed.status = status
    desk.tell(changed, GATEWAY)
    assert refusal_of(desk.place()) is Reason.INSTRUMENT
    assert all_of(desk.cancel(order.order_id), CancelOrderRequest)


def test_a_filter_refusal_of_the_venue_is_a_normal_answer() -> None:
    desk = Desk().start()
    order = only(desk.place(), NewOrderRequest).order
    told = desk.say(
        order,
        OrderStatus.REJECTED,
        reason=Reason.VENUE,
        reason_code=-1013,
        reason_text="Filter failure: NOTIONAL",
    )
    update = only(told, OrderUpdate)
    assert (update.reason, update.reason_text) == (Reason.VENUE, "Filter failure: NOTIONAL")
    assert all_of(desk.place(), NewOrderRequest)


def test_what_the_account_no_longer_lists_is_asked_for_after_a_reconnect() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    desk.advance(1)
    told = desk.state_account({"USDT": "1000"}, [])
    assert only(told, QueryOrderRequest).client_order_id == order.client_order_id


def test_an_account_that_still_lists_a_filled_order_opens_nothing_again() -> None:
    desk = Desk().start()
    order = desk.place_accepted()
    listed = desk.view(order, OrderStatus.NEW)
    desk.say(order, OrderStatus.FILLED, desk.fill(order, "1"))
    assert not all_of(desk.state_account({"USDT": "1000"}, [listed]), OrderUpdate)
    assert desk.manager.books.table.open_orders() == []


def test_an_amount_that_is_not_spent_whole_is_no_remainder() -> None:
    desk = Desk().start()
    place = PlaceOrder(
        exchange=Exchanges.BINANCE,
        symbol="BTCUSDT",
        order_id="by-amount",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        quote_quantity=Decimal("100.5"),
    )
    order = only(desk.tell(place, STRATEGY), NewOrderRequest).order
    fill = desk.fill(order, "1")
    desk.say(order, OrderStatus.FILLED, fill, quantity=Decimal(1))
    assert desk.position() == 1
    assert desk.manager.books.table.open_orders() == []


def test_ids_hold_no_word_that_a_firewall_stops() -> None:
    desk = Desk(bot="dropselect").start()
    order = only(desk.place(strategy="update-where"), NewOrderRequest).order
    lowered = order.client_order_id.lower()
    assert not [word for word in ("drop", "select", "update", "where") if word in lowered]
