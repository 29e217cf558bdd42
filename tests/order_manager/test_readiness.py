"""The start: what is asked of the venues, and when strategies hear that they may trade."""

import logging
from decimal import Decimal

import pytest

from actors.testing import classes_of, make_instrument
from messages.account import AccountSnapshot, Balance
from messages.base import Message
from messages.control import Ready, Resync, ResyncRequest, Start, Subscribe
from messages.enums import Exchanges, OrderStatus, OrderType, Side
from messages.order_requests import SnapshotRequest
from messages.orders import CancelOrderRequest, NewOrderRequest, Order
from tests.order_manager.desk import GATEWAY, STRATEGY, Desk, all_of, only


def begin(*markets: tuple[str, Exchanges]) -> Desk:
    desk = Desk()
    desk.tell(Start(target="OrderManager"), "system")
    desk.tell(ResyncRequest(actor=STRATEGY), "system")
    for symbol, exchange in markets:
        desk.watch(symbol, exchange)
    return desk


def readiness_of(messages: list[Message]) -> list[type[Message]]:
    return [kind for kind in classes_of(messages) if kind in (Ready, Resync)]


def test_prices_and_rules_are_asked_for_wherever_somebody_watches() -> None:
    desk = begin(("BTCUSDT", Exchanges.BINANCE), ("BTCUSDT", Exchanges.BINANCE))
    asked = [(each.symbol, each.message_class) for each in desk.sent(Subscribe)]
    assert asked == [("BTCUSDT", "BookTicker"), ("BTCUSDT", "Instrument")]
    # Its own subscriptions come back to it like everybody's.
    before = len(desk.manager.outbox)
    for each in desk.sent(Subscribe):
        desk.tell(each, "OrderManager")
    assert len(desk.manager.outbox) == before


def test_each_venue_is_asked_once_for_all_its_symbols() -> None:
    desk = begin(
        ("BTCUSDT", Exchanges.BINANCE),
        ("ETHUSDT", Exchanges.BINANCE),
        ("BTCUSDT", Exchanges.CUSTOM),
    )
    requests = all_of(desk.advance(0), SnapshotRequest)
    assert [(each.exchange, each.symbols) for each in requests] == [
        (Exchanges.BINANCE, ["BTCUSDT", "ETHUSDT"]),
        (Exchanges.CUSTOM, ["BTCUSDT"]),
    ]


def test_ready_when_every_venue_and_every_rule_is_known() -> None:
    desk = begin(("BTCUSDT", Exchanges.BINANCE), ("BTCUSDT", Exchanges.CUSTOM))
    desk.advance(0)
    assert readiness_of(desk.tell(make_instrument(), GATEWAY)) == []
    assert readiness_of(desk.state_account({"USDT": "1"})) == []
    custom = make_instrument(exchange=Exchanges.CUSTOM)
    assert readiness_of(desk.tell(custom, "CustomGateway")) == []
    told = desk.state_account({}, exchange=Exchanges.CUSTOM, sender="CustomGateway")
    assert readiness_of(told) == [Ready, Resync]
    resync = only(told, Resync)
    assert (resync.target, resync.has_traded, resync.is_restart) == (STRATEGY, False, False)
    assert (resync.positions, resync.open_orders) == ([], [])
    assert [each.exchange for each in resync.instruments] == [Exchanges.BINANCE, Exchanges.CUSTOM]
    assert readiness_of(desk.state_account({})) == []


def test_a_silent_venue_is_asked_again_and_again() -> None:
    desk = begin(("BTCUSDT", Exchanges.BINANCE))
    desk.tell(make_instrument(), GATEWAY)
    assert len(all_of(desk.advance(20), SnapshotRequest)) == 5
    assert readiness_of(desk.state_account({})) == [Ready, Resync]
    assert not all_of(desk.advance(60), SnapshotRequest)


def test_a_symbol_that_does_not_exist_keeps_nobody_waiting_for_ever(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = begin(("BTCUSDT", Exchanges.BINANCE), ("BTCUSDTT", Exchanges.BINANCE))
    desk.advance(0)
    desk.tell(make_instrument(), GATEWAY)
    desk.state_account({"USDT": "1000"})
    assert readiness_of(desk.advance(9.9)) == []
    with caplog.at_level(logging.WARNING):
        assert readiness_of(desk.advance(0.2)) == [Ready, Resync]
    assert "BTCUSDTT" in caplog.text
    assert all_of(desk.place(), NewOrderRequest)


def test_without_any_market_strategies_begin_at_once() -> None:
    desk = begin()
    assert readiness_of(desk.advance(0)) == [Ready, Resync]


def test_a_strategy_that_begins_again_is_told_what_it_has() -> None:
    desk = Desk().start()
    desk.buy_filled("1")
    order = desk.place_accepted(Side.SELL, "1", "110")
    told = desk.tell(ResyncRequest(actor=STRATEGY, is_restart=True), "system")
    resync = only(told, Resync)
    assert (resync.has_traded, resync.is_restart) == (True, True)
    assert [position.quantity for position in resync.positions] == [Decimal(1)]
    assert [each.order_id for each in resync.open_orders] == [order.order_id]
    other = only(desk.tell(ResyncRequest(actor="Other"), "system"), Resync)
    assert (other.has_traded, other.positions, other.open_orders) == (False, [], [])


def test_a_market_that_is_watched_later_is_asked_about() -> None:
    desk = Desk().start()
    desk.watch("ETHUSDT")
    assert only(desk.advance(0), SnapshotRequest).symbols == ["BTCUSDT", "ETHUSDT"]
    desk.tell(make_instrument("ETHUSDT", "ETH"), GATEWAY)
    assert all_of(desk.place(symbol="ETHUSDT"), NewOrderRequest)


def test_orders_of_an_earlier_run_are_ours_and_others_are_not() -> None:
    desk = begin(("BTCUSDT", Exchanges.BINANCE))
    desk.advance(0)
    desk.tell(make_instrument(), GATEWAY)

    def resting(client_order_id: str, exchange_order_id: int) -> Order:
        return Order(
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            symbol="BTCUSDT",
            client_order_id=client_order_id,
            exchange_order_id=exchange_order_id,
            quantity=Decimal(1),
            price=Decimal(90),
            status=OrderStatus.NEW,
        )

    def state_account() -> list[Message]:
        return desk.tell(
            AccountSnapshot(
                exchange=Exchanges.BINANCE,
                balances=[],
                open_orders=[resting("manual-1", 1), resting("bot-Breakout-0-zz", 2)],
            ),
            GATEWAY,
        )

    assert not all_of(state_account(), Resync), "what else do we not know?"
    assert only(desk.advance(0), SnapshotRequest).trades_after == {"BTCUSDT": 0}
    told = state_account()
    resync = only(told, Resync)
    assert [order.client_order_id for order in resync.open_orders] == ["bot-Breakout-0-zz"]
    assert resync.has_traded
    assert not all_of(told, CancelOrderRequest), "the strategy decides about it"


def test_observers_hear_which_balances_a_snapshot_has_changed() -> None:
    desk = Desk().start({"USDT": "100", "BTC": "1"})
    told = desk.state_account({"USDT": "100", "BTC": "2"})
    balance = only(told, Balance)
    assert (balance.asset, balance.free) == ("BTC", Decimal(2))
    # What it tells comes back to it, possibly after the venue's newer word.
    newer = Balance(exchange=Exchanges.BINANCE, asset="BTC", free=Decimal(3), locked=Decimal(0))
    desk.tell(newer, GATEWAY)
    desk.tell(balance, "OrderManager")
    assert desk.manager.books.free(Exchanges.BINANCE, "BTC") == 3
