"""What the bot has written down, what the exchange has kept, and where the two differ."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from actors.exchange.configuration import DEFAULT_BALANCES
from actors.exchange.orders import AccountTrade
from actors.exchange.state import FEES
from actors.exchange.stored import StoredList, StoredOrder
from actors.simulation.invariants import OrderFact, compare_amounts, compare_orders
from messages.codec import decoder_of
from messages.enums import OrderStatus, Side
from messages.order_requests import NewOrderListRequest, ReplaceOrderRequest
from messages.orders import Fill, NewOrderRequest, Order, OrderUpdate
from messages.recovery import TriggerArmed
from tests.campaign.bystander import PREFIX, Bystander

OPEN_STATUSES = {
    OrderStatus.NEW,
    OrderStatus.PARTIALLY_FILLED,
    OrderStatus.PENDING_NEW,
    OrderStatus.PENDING_CANCEL,
    OrderStatus.UNKNOWN,
}


class JournalReader:
    """Reads a bot's journal while it writes, as any other process may; goes on where it stopped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.position = 0
        self.intents: list[Order] = []
        """Every order that was to be sent, alone, in a list, or in the place of another one."""
        self.lists: list[NewOrderListRequest] = []
        self.updates: dict[str, OrderUpdate] = {}
        """The last of each order, by its client order id."""
        self.fills: list[Fill] = []
        self.armed: list[Order] = []
        """Every order whose trigger the bot has kept, the exits of lists among them."""

    def read(self) -> None:
        """Reads what has been written since."""
        if not self.path.exists():
            return
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=1.0)
        try:
            rows = connection.execute(
                "SELECT position, message_class, frame FROM entry WHERE position > ? ORDER BY position",
                (self.position,),
            ).fetchall()
        except sqlite3.OperationalError:
            # Its tables are not made yet, or it is just being opened.
            return
        finally:
            connection.close()
        for self.position, message_class, frame in rows:
            match message_class:
                case "NewOrderRequest":
                    self.intents.append(decoder_of(NewOrderRequest).decode(frame).order)
                case "ReplaceOrderRequest":
                    self.intents.append(decoder_of(ReplaceOrderRequest).decode(frame).order)
                case "NewOrderListRequest":
                    self.lists.append(decoder_of(NewOrderListRequest).decode(frame))
                    self.intents += self.lists[-1].orders
                case "OrderUpdate":
                    update = decoder_of(OrderUpdate).decode(frame)
                    self.updates[update.order.client_order_id] = update
                case "TriggerArmed":
                    self.armed.append(decoder_of(TriggerArmed).decode(frame).order)
                case "Fill":
                    self.fills.append(decoder_of(Fill).decode(frame))

    def unsettled(self) -> list[str]:
        """Orders whose fate the bot does not know: unknown, or written down and never spoken of again.

        A leg of a list that is pending by the venue's own word is known well.
        """
        intended = {intent.client_order_id for intent in self.intents}
        waiting = {OrderStatus.UNKNOWN, OrderStatus.PENDING_NEW, OrderStatus.PENDING_CANCEL}
        return sorted(
            name
            for name in intended
            if name not in self.updates
            or (
                self.updates[name].status in waiting
                and self.updates[name].status is not self.updates[name].order.venue_status
            )
        )

    def known(self) -> list[OrderFact]:
        """Each order by its last update and the sum of its fills."""
        executed: dict[str, Decimal] = defaultdict(Decimal)
        for fill in self.fills:
            executed[fill.client_order_id] += fill.quantity
        return [
            OrderFact(
                name,
                name in self.updates and self.updates[name].status in OPEN_STATUSES,
                executed[name],
            )
            for name in sorted({*self.updates, *executed})
        ]


class Ledger:
    """What an exchange that has ended left in its state."""

    def __init__(self, path: Path) -> None:
        connection = sqlite3.connect(path)
        decode_order = msgspec.json.Decoder(StoredOrder).decode
        decode_list = msgspec.json.Decoder(StoredList).decode
        decode_trade = msgspec.json.Decoder(AccountTrade).decode
        try:
            self.orders = [
                decode_order(body)
                for (body,) in connection.execute("SELECT body FROM orders ORDER BY order_id")
            ]
            self.lists = [
                decode_list(body)
                for (body,) in connection.execute("SELECT body FROM order_lists ORDER BY list_id")
            ]
            self.trades = [
                decode_trade(body)
                for (body,) in connection.execute("SELECT body FROM trades ORDER BY number")
            ]
            self.balances = {
                asset: Decimal(free) + Decimal(locked)
                for asset, free, locked in connection.execute(
                    "SELECT asset, free, locked FROM balances WHERE account != ?", (FEES,)
                )
            }
        finally:
            connection.close()

    @property
    def ours(self) -> list[StoredOrder]:
        """The bot's orders."""
        return [
            order for order in self.orders if not order.original_client_order_id.startswith(PREFIX)
        ]

    def by_name(self) -> dict[str, StoredOrder]:
        """Orders by the client order ids that they were placed with; of doubled ones the last."""
        return {order.original_client_order_id: order for order in self.orders}


@dataclass
class Evidence:
    """What is left of a round once all have ended."""

    journal: JournalReader
    ledger: Ledger
    summary: dict[str, Any]
    """The bot's own, of its last life."""
    bystander: Bystander


def find_wrong(evidence: Evidence) -> Iterator[str]:
    """Everything that differs."""
    journal, ledger, summary = evidence.journal, evidence.ledger, evidence.summary
    facts = [
        OrderFact(
            order.original_client_order_id, order.status in OPEN_STATUSES, order.executed_quantity
        )
        for order in ledger.ours
    ]
    intended = [intent.client_order_id for intent in journal.intents]
    yield from compare_orders(intended, journal.known(), facts)
    for kind, names in (
        ("client order id", intended),
        ("order", [intent.order_id for intent in journal.intents]),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                yield f"the {kind} {name} was written down {count} times"
    for order in ledger.ours:
        update = journal.updates.get(order.original_client_order_id)
        if update is not None and update.status is not order.status:
            yield (
                f"{order.original_client_order_id} is {order.status}, "
                f"the bot believes {update.status}"
            )
    yield from compare_lists(journal, ledger)
    yield from compare_kept(journal, ledger)
    yield from compare_fills(journal.fills, ledger)
    for order in ledger.ours:
        if order.status in OPEN_STATUSES:
            yield f"{order.original_client_order_id} is open after the bot's end"
    if summary["open_orders"]:
        yield f"the bot says that {summary['open_orders']} orders are open"
    yield from compare_amounts("position", stated_positions(summary), positions_of(journal, ledger))
    if summary["balances_doubt"]:
        yield f"the balances are in doubt: {summary['balances_doubt']}"
    stated = {asset: Decimal(amount) for asset, amount in summary["balances"].items()}
    yield from compare_amounts("balance", stated, ledger.balances)
    yield from compare_amounts("sum of all trades", balances_after(ledger), ledger.balances)
    open_names = {
        order.original_client_order_id for order in ledger.orders if order.status in OPEN_STATUSES
    }
    yield from evidence.bystander.find_wrong(ledger.by_name(), open_names)


def compare_lists(journal: JournalReader, ledger: Ledger) -> Iterator[str]:
    """Every list at the venue was written down once and has just the orders that it was to have; and the other way round."""
    wanted = {
        item.list_id: [order.client_order_id for order in item.orders] for item in journal.lists
    }
    names = {order.order_id: order.original_client_order_id for order in ledger.orders}
    for name, count in Counter(one.client_id for one in ledger.lists).items():
        if count > 1:
            yield f"the list {name} was placed {count} times"
    for one in ledger.lists:
        first = [] if one.working is None else [one.working]
        found = [names.get(order_id, "?") for order_id in (*first, *one.pending)]
        if sorted(found) != sorted(wanted.get(one.client_id, ())):
            yield f"the list {one.client_id} has {found}, written down is {wanted.get(one.client_id)}"
        if not one.is_done:
            yield f"the list {one.client_id} is not done after the bot's end"
    placed = {one.client_id for one in ledger.lists}
    for name, orders in wanted.items():
        taken = [order for order in orders if order in names.values()]
        if name not in placed and taken:
            yield f"the list {name} is not at the venue, and its orders are: {taken}"


def compare_kept(journal: JournalReader, ledger: Ledger) -> Iterator[str]:
    """A trigger that the bot has kept is over after its end, and has sold once; so have the exits of a list together."""
    executed = {order.original_client_order_id: order.executed_quantity for order in ledger.ours}
    sold: dict[str, Decimal] = defaultdict(Decimal)
    asked: dict[str, Decimal] = defaultdict(Decimal)
    for order in journal.armed:
        name = order.client_order_id
        if name not in journal.updates or journal.updates[name].status in OPEN_STATUSES:
            yield f"the trigger of {name} was forgotten"
        for key in {order.order_id.partition("~")[0], order.list_id} - {""}:
            sold[key] += executed.get(name, Decimal(0))
            asked[key] = max(asked[key], order.quantity)
    for key, quantity in sold.items():
        if quantity > asked[key]:
            yield f"{key} has executed {quantity} of {asked[key]}"


def compare_fills(fills: list[Fill], ledger: Ledger) -> Iterator[str]:
    """Every trade of ours once, and every figure of it."""
    ours = Counter(
        (
            fill.exchange_order_id,
            fill.trade_id,
            fill.side is Side.BUY,
            fill.price,
            fill.quantity,
            fill.fee,
            fill.fee_asset,
            fill.is_maker,
        )
        for fill in fills
    )
    numbers = {order.order_id for order in ledger.ours}
    theirs = Counter(
        (
            trade.order_id,
            trade.trade_id,
            trade.is_buyer,
            trade.execution.price,
            trade.execution.quantity,
            trade.execution.commission,
            trade.execution.commission_asset,
            trade.execution.is_maker,
        )
        for trade in ledger.trades
        if trade.order_id in numbers
    )
    for trade in (ours - theirs).elements():
        yield f"the bot has a fill that the venue has not: {trade}"
    for trade in (theirs - ours).elements():
        yield f"the venue has a trade that the bot has not: {trade}"


def stated_positions(summary: dict[str, Any]) -> dict[str, Decimal]:
    """The quantities that the bot says its strategies hold."""
    return {item["strategy"]: Decimal(item["quantity"]) for item in summary["positions"]}


def positions_of(journal: JournalReader, ledger: Ledger) -> dict[str, Decimal]:
    """What each strategy holds by the venue's own trades, fees in the base asset taken off."""
    owners = {intent.client_order_id: intent.strategy for intent in journal.intents}
    strategies = {
        order.order_id: owners.get(order.original_client_order_id, "") for order in ledger.ours
    }
    held: dict[str, Decimal] = defaultdict(Decimal)
    for trade in ledger.trades:
        if trade.order_id in strategies:
            execution = trade.execution
            sign = 1 if trade.is_buyer else -1
            held[strategies[trade.order_id]] += sign * execution.quantity
            if execution.commission_asset == "BTC":
                held[strategies[trade.order_id]] -= execution.commission
    return dict(held)


def balances_after(ledger: Ledger) -> dict[str, Decimal]:
    """What the account began with, and all its trades."""
    sums = defaultdict(Decimal, DEFAULT_BALANCES)
    for trade in ledger.trades:
        execution = trade.execution
        sign = 1 if trade.is_buyer else -1
        sums["BTC"] += sign * execution.quantity
        sums["USDT"] -= sign * execution.price * execution.quantity
        sums[execution.commission_asset] -= execution.commission
    return dict(sums)
