"""Order conservation: the bot's fills, fees and balances are those of the exchange's account, to the last digit."""

import sqlite3
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from messages.codec import decoder_of
from messages.enums import OrderStatus, Side
from messages.orders import Fill, OrderUpdate
from tests.commands.whole_runs import WholeRun

INITIAL = {
    "USDT": Decimal(1_000_000),
    "BTC": Decimal(100),
    "ETH": Decimal(1_000),
    "BNB": Decimal(100),
}

KINDS = ["synthetic", "recorded", "bnb"]


@pytest.fixture(params=KINDS)
def run(request: pytest.FixtureRequest, whole_runs: dict[str, WholeRun]) -> WholeRun:
    """Each of the whole runs."""
    return whole_runs[request.param]


def read_journal(folder: Path, message_class: type[Any]) -> list[Any]:
    """Every message of a class in the bot's journal."""
    connection = sqlite3.connect(folder / "state/journal.sqlite")
    try:
        rows = connection.execute(
            "SELECT frame FROM entry WHERE message_class = ? ORDER BY position",
            (message_class.__name__,),
        ).fetchall()
    finally:
        connection.close()
    decode = decoder_of(message_class).decode
    return [decode(frame) for (frame,) in rows]


def test_a_run_of_all_strategies_ends_in_good_order(run: WholeRun) -> None:
    ended = run.ended
    assert ended is not None
    assert ended.code == 0, ended.stderr
    summary = ended.summary
    assert summary["fills"] > 0
    assert summary["orders_by_status"]["CANCELED"] > 0
    assert summary["open_orders"] == 0
    assert summary["restarts"] == 0
    assert run.venue.open_ids() == []


def test_every_fill_is_the_venues_own_trade(run: WholeRun) -> None:
    ended = run.ended
    assert ended is not None
    fills: list[Fill] = read_journal(ended.folder, Fill)
    trades = run.venue.trades()
    ours = [
        (
            fill.trade_id,
            fill.exchange_order_id,
            fill.side is Side.BUY,
            fill.price,
            fill.quantity,
            fill.fee,
            fill.fee_asset,
            fill.is_maker,
            fill.event_time_ns // 1_000_000,
        )
        for fill in fills
    ]
    theirs = [
        (
            trade["id"],
            trade["orderId"],
            trade["isBuyer"],
            Decimal(trade["price"]),
            Decimal(trade["qty"]),
            Decimal(trade["commission"]),
            trade["commissionAsset"],
            trade["isMaker"],
            trade["time"],
        )
        for trade in trades
    ]
    assert sorted(ours) == sorted(theirs)
    assert ended.summary["fills"] == len(trades)


def test_every_order_ends_as_the_venue_says(run: WholeRun) -> None:
    ended = run.ended
    assert ended is not None
    last = {}
    for update in read_journal(ended.folder, OrderUpdate):
        if update.order.exchange_order_id:
            last[update.order.exchange_order_id] = update.order
    theirs = {
        item["orderId"]: (item["status"], Decimal(item["executedQty"]))
        for item in run.venue.ask("GET", "allOrders", symbol="BTCUSDT", limit=1000)
    }
    assert last
    assert {
        number: (order.status.value, order.executed_quantity) for number, order in last.items()
    } == theirs
    assert all(order.status is not OrderStatus.UNKNOWN for order in last.values())


def test_fees_and_balances_are_the_venues_to_the_last_digit(run: WholeRun) -> None:
    ended = run.ended
    assert ended is not None
    fees: dict[str, Decimal] = defaultdict(Decimal)
    flows: dict[str, Decimal] = defaultdict(Decimal)
    for trade in run.venue.trades():
        fee = Decimal(trade["commission"])
        fees[trade["commissionAsset"]] += fee
        flows[trade["commissionAsset"]] -= fee
        sign = 1 if trade["isBuyer"] else -1
        flows["BTC"] += sign * Decimal(trade["qty"])
        flows["USDT"] -= sign * Decimal(trade["quoteQty"])
    told = {asset: Decimal(amount) for asset, amount in ended.summary["fees"].items()}
    assert told == dict(fees)
    balances = run.venue.balances()
    assert balances == {
        asset: amount + flows.get(asset, Decimal(0)) for asset, amount in INITIAL.items()
    }
    told = {asset: Decimal(amount) for asset, amount in ended.summary["balances"].items()}
    assert told == balances
    held = sum(Decimal(position["quantity"]) for position in ended.summary["positions"])
    assert INITIAL["BTC"] + held == balances["BTC"]
