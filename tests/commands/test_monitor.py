"""The figures behind terminal and summary."""

import logging
from decimal import Decimal

import pytest

from actors.commands.monitor import Monitor
from actors.commands.summary import summarise_latency
from actors.testing import (
    START_TIME_NS,
    make_book_ticker,
    make_instrument,
    make_order_update,
    make_trade,
)
from messages.account import AccountSnapshot, Balance, Position
from messages.codec import encode
from messages.control import (
    ActorFailed,
    ActorStopped,
    HaltCompleted,
    HaltTrading,
    HoldTrading,
    ReleaseTrading,
    TimerFired,
)
from messages.enums import Exchanges, GateEvent, OrderStatus, OrderType, Reason
from messages.orders import OrderUpdate
from messages.recovery import GateNote


@pytest.fixture
def monitor() -> Monitor:
    """One that has heard nothing yet."""
    return Monitor()


def tell(monitor: Monitor, order_id: str, *statuses: OrderStatus) -> None:
    """An order goes through these."""
    for status in statuses:
        monitor.handle(make_order_update(order_id, status))


def test_orders_are_counted_once_and_by_their_end(monitor: Monitor) -> None:
    pending, new, canceling = (
        OrderStatus.PENDING_NEW,
        OrderStatus.NEW,
        OrderStatus.PENDING_CANCEL,
    )
    tell(monitor, "1", pending, new, new, canceling, OrderStatus.CANCELED, OrderStatus.CANCELED)
    tell(monitor, "2", pending, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED)
    tell(monitor, "3", pending, OrderStatus.UNKNOWN)
    tell(monitor, "4", pending, new)
    figures = monitor.figures
    assert figures.order_count == 4
    assert figures.orders_by_status == {"CANCELED": 1, "FILLED": 1}
    assert list(figures.open_orders) == ["3", "4"]


def test_a_refusal_before_the_venue_is_no_order_sent(monitor: Monitor) -> None:
    update = make_order_update("1", OrderStatus.REJECTED, strategy="Maker")
    update.reason, update.reason_text = Reason.HALTED, "trading is halted"
    monitor.handle(update)
    figures = monitor.figures
    assert figures.order_count == 0
    assert figures.orders_by_status == {}
    assert figures.refusals == {"HALTED": 1}
    assert figures.recent[-1] == "Maker BUY BTCUSDT refused: trading is halted"


def refuse(
    monitor: Monitor,
    reason: Reason,
    text: str,
    strategy: str = "Mine",
    order_type: OrderType = OrderType.LIMIT,
) -> None:
    """One more order of a strategy is refused."""
    update = make_order_update("1", OrderStatus.REJECTED, strategy=strategy, order_type=order_type)
    update.reason, update.reason_text = reason, text
    monitor.handle(update)


def test_a_refusal_is_told_once_for_each_strategy_and_reason(
    monitor: Monitor, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        refuse(monitor, Reason.QUANTITY, "quantity 1 is too small")
    refuse(monitor, Reason.NOTIONAL, "worth too little")
    refuse(monitor, Reason.QUANTITY, "quantity 2 is too small", "Other")
    told = [item.getMessage() for item in caplog.records if item.levelno == logging.WARNING]
    assert told == [
        "Mine: BUY BTCUSDT was refused (QUANTITY): quantity 1 is too small; more of the kind are only counted",
        "Mine: BUY BTCUSDT was refused (NOTIONAL): worth too little; more of the kind are only counted",
        "Other: BUY BTCUSDT was refused (QUANTITY): quantity 2 is too small; more of the kind are only counted",
    ]


def test_that_orders_of_the_account_meet_each_other_is_told_once_for_each_strategy(
    monitor: Monitor, caplog: pytest.LogCaptureFixture
) -> None:
    for order_id, strategy in (("1", "Maker"), ("2", "Maker"), ("3", "Taker")):
        for status in (OrderStatus.PENDING_NEW, OrderStatus.NEW, OrderStatus.EXPIRED_IN_MATCH):
            monitor.handle(make_order_update(order_id, status, strategy=strategy))
    told = [item.getMessage() for item in caplog.records if item.levelno == logging.WARNING]
    assert told == [
        f"{name} BUY BTCUSDT expired: it met another order of the account, and an account does not trade with itself; "
        "more of the kind are only counted"
        for name in ("Maker", "Taker")
    ]
    assert monitor.figures.orders_by_status == {"EXPIRED_IN_MATCH": 3}


@pytest.mark.parametrize(
    ("reason", "order_type"),
    [(Reason.HALTED, OrderType.LIMIT), (Reason.VENUE, OrderType.LIMIT_MAKER)],
)
def test_a_refusal_that_was_to_be_expected_is_no_warning(
    monitor: Monitor, caplog: pytest.LogCaptureFixture, reason: Reason, order_type: OrderType
) -> None:
    caplog.set_level(logging.INFO)
    refuse(monitor, reason, "no", "Mine", order_type)
    assert [item.levelname for item in caplog.records] == ["INFO"]


def test_the_venues_last_word_on_what_is_open_is_taken(monitor: Monitor) -> None:
    for order_id in ("1", "2", "3"):
        update = make_order_update(order_id, OrderStatus.NEW)
        update.order.client_order_id = f"bot-{order_id}"
        monitor.handle(update)
    second = monitor.figures.open_orders["2"]
    monitor.figures.keep_open(
        {"bot-2": second, "bot-7": make_order_update("7", OrderStatus.NEW).order}
    )
    assert list(monitor.figures.open_orders) == ["2", "bot-7"]
    unheard = monitor.figures.unheard_orders
    assert [order.client_order_id for order in unheard] == ["bot-1", "bot-3"]
    assert monitor.figures.orders_by_status == {"UNKNOWN": 2}


@pytest.mark.parametrize(
    ("decided_on", "count"),
    [(encode(make_trade()), 1), (encode(TimerFired(target="x", timer=1)), 0), (b"", 0)],
)
def test_the_way_from_a_tick_is_measured_once_and_only_from_a_tick(
    decided_on: bytes, count: int, monitor: Monitor
) -> None:
    def update(acknowledged_ns: int) -> OrderUpdate:
        made = make_order_update("1", OrderStatus.NEW)
        made.order.decided_on = decided_on
        made.order.origin_request_ns = START_TIME_NS
        made.order.created_time_ns = START_TIME_NS + 1_000_000
        made.order.acknowledged_time_ns = acknowledged_ns
        return made

    for acknowledged_ns in (0, START_TIME_NS + 5_000_000, START_TIME_NS + 9_000_000):
        monitor.handle(update(acknowledged_ns))
    figures = monitor.figures
    assert figures.tick_to_acknowledged_us.get_total_count() == count
    assert figures.request_to_acknowledged_us.get_total_count() == 1
    measured = summarise_latency(figures.request_to_acknowledged_us)
    assert measured["count"] == 1
    assert 3_990 <= measured["p50"] <= measured["max"] <= 4_010
    if not count:
        assert summarise_latency(figures.tick_to_acknowledged_us) == {}


def test_profits_and_fees_are_added_by_asset_to_the_last_digit(monitor: Monitor) -> None:
    third = Decimal("0.3333333333333333333333333333333333333333")
    for symbol, base in (("BTCUSDT", "BTC"), ("ETHUSDT", "ETH")):
        monitor.handle(make_instrument(symbol, base))
        monitor.handle(
            Position(
                strategy="Maker",
                exchange=Exchanges.BINANCE,
                symbol=symbol,
                realized_profit=third,
                unrealized_profit=third.copy_negate(),
                fees={base: Decimal("0.00000001"), "BNB": Decimal("0.5")},
            )
        )
    monitor.handle(
        Position(
            strategy="Maker",
            exchange=Exchanges.BINANCE,
            symbol="ABCXYZ",
            realized_profit=Decimal(7),
        )
    )
    figures = monitor.figures
    two_thirds = Decimal("0.6666666666666666666666666666666666666666")
    assert figures.realized_profit() == {"USDT": two_thirds, "ABCXYZ": Decimal(7)}
    assert figures.unrealized_profit() == {"USDT": two_thirds.copy_negate(), "ABCXYZ": Decimal(0)}
    assert figures.fees() == {
        "BNB": Decimal(1),
        "BTC": Decimal("0.00000001"),
        "ETH": Decimal("0.00000001"),
    }


def test_balances_are_the_newest_word(monitor: Monitor) -> None:
    def balance(free: str) -> Balance:
        return Balance(
            exchange=Exchanges.BINANCE, asset="BTC", free=Decimal(free), locked=Decimal(1)
        )

    monitor.handle(
        AccountSnapshot(exchange=Exchanges.BINANCE, balances=[balance("5")], open_orders=[])
    )
    monitor.handle(balance("4"))
    assert monitor.figures.balances["BTC"].total == Decimal(5)


def test_an_account_that_took_long_to_be_read_does_not_undo_what_came_meanwhile(
    monitor: Monitor,
) -> None:
    def balance(free: str, event_time_ns: int) -> Balance:
        return Balance(
            exchange=Exchanges.BINANCE,
            asset="BTC",
            free=Decimal(free),
            locked=Decimal(0),
            event_time_ns=event_time_ns,
        )

    monitor.handle(balance("2", 20))
    monitor.handle(
        AccountSnapshot(
            exchange=Exchanges.BINANCE,
            balances=[balance("1", 0)],
            open_orders=[],
            event_time_ns=10,
        )
    )
    assert monitor.figures.balances["BTC"].total == Decimal(2)
    monitor.handle(balance("3", 15))
    assert monitor.figures.balances["BTC"].total == Decimal(2)
    # What a later account does not name is empty.
    monitor.handle(
        AccountSnapshot(exchange=Exchanges.BINANCE, balances=[], open_orders=[], event_time_ns=30)
    )
    assert monitor.figures.balances["BTC"].total == Decimal(0)


def test_a_halt_is_shown_until_trading_goes_on(monitor: Monitor) -> None:
    figures = monitor.figures
    monitor.handle(HaltTrading(reason="one is out", strategy="Maker"))
    monitor.handle(HaltCompleted(open_orders=0, strategy="Maker"))
    assert figures.halted == ""
    assert figures.halts_left == {"Maker": 0}
    monitor.handle(HaltTrading(reason="enough"))
    monitor.handle(HaltCompleted(open_orders=2))
    assert figures.halted == "enough"
    assert figures.halts_left == {"Maker": 0, "": 2}
    assert monitor.halts_completed[""].is_set()
    monitor.handle(HaltTrading(reason="again"))
    assert figures.halts_left == {"Maker": 0}
    assert not monitor.halts_completed[""].is_set()
    monitor.handle(GateNote(event=GateEvent.RESUME))
    assert figures.halted == ""


def test_a_halt_of_the_order_managers_own_is_shown(monitor: Monitor) -> None:
    figures = monitor.figures
    monitor.handle(GateNote(event=GateEvent.HALT, scope="Maker", reason="5 USDT lost today"))
    assert figures.halted == ""
    assert figures.recent[-1] == "Maker halts: 5 USDT lost today"
    monitor.handle(GateNote(event=GateEvent.HALT, reason="9 USDT lost today", is_kept=True))
    assert figures.halted == "9 USDT lost today"


def test_a_hold_is_shown_while_it_lasts(monitor: Monitor) -> None:
    monitor.handle(HoldTrading(reason="the clock has jumped"))
    assert monitor.figures.held == "the clock has jumped"
    monitor.handle(ReleaseTrading())
    assert monitor.figures.held == ""


def test_failures_are_remembered(monitor: Monitor) -> None:
    monitor.handle(ActorFailed(actor="Maker", error="ValueError: no", traceback=""))
    monitor.handle(ActorStopped(actor="Maker", reason="ValueError: no"))
    figures = monitor.figures
    assert list(figures.recent) == ["Maker failed: ValueError: no", "Maker is out: ValueError: no"]
    assert figures.stopped_actors == {"Maker": "ValueError: no"}


def test_the_newest_price_is_shown(monitor: Monitor) -> None:
    monitor.handle(make_book_ticker(1.0, 2.0))
    monitor.handle(make_book_ticker(1.5, 2.5))
    assert monitor.figures.last_prices == {"BTCUSDT": (1.5, 2.5)}
