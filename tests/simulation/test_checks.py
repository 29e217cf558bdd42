"""The comparison of bot and venue tells every kind of difference, and nothing when they agree."""

from decimal import Decimal
from typing import Any

import pytest

from actors.binance.wire_orders import BinanceOrder, BinanceTrade
from actors.commands.simulate_account import VenueAccount
from actors.commands.simulate_beliefs import Beliefs
from actors.commands.simulate_bystander import Bystander, Wish
from actors.commands.simulate_checks import (
    compare_balances,
    compare_bot,
    compare_bystander,
    compare_triggers,
    outcomes_were_clear,
)
from actors.commands.simulate_setup import ENDPOINTS
from actors.order_manager.naming import OrderNames
from messages.enums import Exchanges, OrderStatus, OrderType, Side
from messages.orders import Fill, Order
from messages.recovery import OrderManagerCheckpoint, PositionState

OURS, MANUAL = "bot-Maker-1-1", "manual-1"
ASSETS = {"BTCUSDT": ("BTC", "USDT")}
INITIAL = {"BTC": Decimal(1), "USDT": Decimal(1000)}
FLOWS = {"BTC": Decimal("0.0999"), "USDT": Decimal(-10)}
NAMES = OrderNames("bot", 0)
NAMES.register("Maker")


def venue_order(number: int, name: str, **fields: Any) -> BinanceOrder:
    values: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "exchange_order_id": number,
        "client_order_id": name,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "status": OrderStatus.FILLED,
        "quantity": "0.1",
        "executed_quantity": "0.1",
    }
    return BinanceOrder(**(values | fields))


def trade(order: int, number: int, **fields: Any) -> BinanceTrade:
    values: dict[str, Any] = {"price": "100", "quantity": "0.1", "fee": "0.0001"}
    return BinanceTrade(
        symbol="BTCUSDT",
        trade_id=number,
        exchange_order_id=order,
        fee_asset="BTC",
        is_buyer=True,
        **(values | fields),
    )


def make_account() -> VenueAccount:
    """One order of the bot's that was filled, and one by hand that rests."""
    account = VenueAccount()
    manual = venue_order(2, MANUAL, status=OrderStatus.NEW, executed_quantity="0")
    account.orders = {1: venue_order(1, OURS), 2: manual}
    account.names = {1: OURS, 2: MANUAL}
    account.open_ids = {2}
    account.trades = [trade(1, 7)]
    account.balances = {asset: INITIAL[asset] + FLOWS[asset] for asset in INITIAL}
    return account


def make_beliefs() -> Beliefs:
    """What the bot has written down about it."""
    beliefs = Beliefs.__new__(Beliefs)
    beliefs.intended = [OURS]
    order = Order(
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        client_order_id=OURS,
        exchange_order_id=1,
        status=OrderStatus.FILLED,
        executed_quantity=Decimal("0.1"),
    )
    beliefs.orders, beliefs.names = {OURS: order}, {1: OURS}
    beliefs.armed = []
    beliefs.fills = [
        Fill(
            strategy="Maker",
            exchange=Exchanges.BINANCE,
            symbol="BTCUSDT",
            order_id=OURS,
            client_order_id=OURS,
            exchange_order_id=1,
            trade_id=7,
            side=Side.BUY,
            price=Decimal(100),
            quantity=Decimal("0.1"),
            fee=Decimal("0.0001"),
            fee_asset="BTC",
        )
    ]
    position = PositionState(
        strategy="Maker",
        exchange=Exchanges.BINANCE,
        symbol="BTCUSDT",
        base_asset="BTC",
        quote_asset="USDT",
        quantity=Decimal("0.0999"),
        flows=dict(FLOWS),
    )
    beliefs.checkpoint = OrderManagerCheckpoint(naming_run=1, positions=[position])
    beliefs.fills_since_checkpoint, beliefs.called_absent, beliefs.doubtful = [], set(), {}
    return beliefs


def make_bystander() -> Bystander:
    bystander = Bystander(ENDPOINTS, "", "", "BTCUSDT", 1, 1.0)
    bystander.wishes[MANUAL] = Wish("BUY", "LIMIT", Decimal("0.1"), Decimal(90))
    return bystander


def compare(
    beliefs: Beliefs, account: VenueAccount, bystander: Bystander | None = None
) -> list[str]:
    """All that the comparisons say."""
    return [
        *compare_bot(beliefs, account, NAMES, ASSETS),
        *compare_triggers(beliefs, account),
        *compare_balances(account, beliefs, NAMES, ASSETS, INITIAL),
        *compare_bystander(bystander or make_bystander(), account, beliefs, NAMES),
    ]


def test_nothing_is_said_when_all_agree() -> None:
    assert compare(make_beliefs(), make_account()) == []


def test_a_doubled_intent() -> None:
    beliefs = make_beliefs()
    beliefs.intended.append(OURS)
    assert compare(beliefs, make_account()) == [f"{OURS} was written down 2 times"]


def test_a_doubled_order() -> None:
    account = make_account()
    account.orders[3] = venue_order(3, OURS, executed_quantity="0")
    account.names[3] = OURS
    assert f"{OURS} was placed 2 times" in compare(make_beliefs(), account)


def test_an_order_left_open() -> None:
    account = make_account()
    account.open_ids.add(1)
    assert compare(make_beliefs(), account) == [f"{OURS} is still open after the end"]


def test_an_order_once_called_absent() -> None:
    beliefs = make_beliefs()
    beliefs.called_absent.add(OURS)
    assert compare(beliefs, make_account()) == [
        f"{OURS} is at the venue and was once called absent"
    ]


@pytest.mark.parametrize("field", ["price", "quantity", "fee"])
def test_a_fill_that_differs_in_its_last_digit(field: str) -> None:
    account = make_account()
    account.trades = [trade(1, 7, **{field: "0.10000001"})]
    said = compare(make_beliefs(), account)
    assert any("was never told" in line for line in said)
    assert any("is not the venue's" in line for line in said)


def test_a_fill_told_twice_or_never() -> None:
    beliefs = make_beliefs()
    beliefs.fills *= 2
    assert [line for line in compare(beliefs, make_account()) if "told twice" in line]
    beliefs.fills = []
    assert [line for line in compare(beliefs, make_account()) if "never told" in line]


def test_a_position_and_a_balance_off_by_the_last_digit() -> None:
    beliefs = make_beliefs()
    assert beliefs.checkpoint is not None
    beliefs.checkpoint.positions[0].quantity += Decimal("1E-8")
    (line,) = compare(beliefs, make_account())
    assert line.startswith("position of Maker BTCUSDT: ours 0.09990001")
    account = make_account()
    account.balances["USDT"] += Decimal("1E-8")
    (line,) = compare(make_beliefs(), account)
    assert line.startswith("balance of USDT")


def test_a_fill_in_no_checkpoint() -> None:
    beliefs = make_beliefs()
    beliefs.fills_since_checkpoint = list(beliefs.fills)
    assert compare(beliefs, make_account()) == ["1 fills are in no checkpoint after the end"]


def test_the_bystanders_order_canceled_by_somebody_else() -> None:
    account, bystander = make_account(), make_bystander()
    account.orders[2] = venue_order(2, "abc", status=OrderStatus.CANCELED, executed_quantity="0")
    account.open_ids.clear()
    (line,) = compare(make_beliefs(), account, bystander)
    assert line == f"{MANUAL} was placed by hand and canceled by somebody else"
    bystander.cancels.add(MANUAL)
    assert compare(make_beliefs(), account, bystander) == []


def test_an_order_that_nobody_asked_for() -> None:
    account = make_account()
    account.orders[3] = venue_order(3, "stray", executed_quantity="0")
    account.names[3] = "stray"
    assert compare(make_beliefs(), account) == ["order 3 (stray) is nobody's, or there twice"]


def test_an_order_not_answered_in_the_calm() -> None:
    beliefs = make_beliefs()
    beliefs.doubtful = {"early": 10 * 10**9, "late": 30 * 10**9}
    said = list(outcomes_were_clear(beliefs, 20 * 10**9))
    assert said == ["late was not answered, 10.0 s after all was well again"]


def arm(beliefs: Beliefs, name: str = OURS, order_id: str = "stop") -> Order:
    """A trigger that was kept, whose order has not gone off."""
    order = Order(
        side=Side.SELL,
        order_type=OrderType.STOP_LOSS,
        client_order_id=name,
        order_id=order_id,
        quantity=Decimal("0.1"),
        status=OrderStatus.NEW,
        is_armed=True,
    )
    beliefs.armed.append(order)
    beliefs.orders.setdefault(name, order)
    return order


def test_a_trigger_that_went_off_or_was_taken_back() -> None:
    beliefs = make_beliefs()
    arm(beliefs)
    arm(beliefs, "other", "other").status = OrderStatus.CANCELED
    assert compare(beliefs, make_account()) == []


def test_a_trigger_that_went_off_twice() -> None:
    beliefs, account = make_beliefs(), make_account()
    arm(beliefs)
    arm(beliefs, "again", "stop~2").status = OrderStatus.FILLED
    beliefs.intended.append("again")
    account.orders[3] = venue_order(3, "again", executed_quantity="0.1")
    account.names[3] = "again"
    assert "stop went off more than once: 0.2 of 0.1 executed" in compare(beliefs, account)


def test_a_trigger_that_was_forgotten() -> None:
    beliefs = make_beliefs()
    arm(beliefs, "lost")
    assert "the trigger of lost was forgotten: NEW" in compare(beliefs, make_account())
    beliefs.orders["lost"].status = OrderStatus.FILLED
    assert "lost has never gone off and is FILLED" in compare(beliefs, make_account())


def test_a_trigger_that_was_written_down_twice() -> None:
    beliefs = make_beliefs()
    arm(beliefs)
    arm(beliefs)
    assert f"the trigger of {OURS} was written down 2 times" in compare(beliefs, make_account())
