"""Our state made to match the venue's: at the start, after every loss of the account's events or hold, and periodically.

A snapshot of the account that tells anything new about our orders, after the start, is a discrepancy: the events that
should have told it were lost. It is repaired by the very telling, logged as such and counted. Balances are checked against
what they were at the beginning plus what our own fills have brought and taken; a difference that two snapshots show alike
(one alone may have crossed an event) is somebody else's doing, or a loss of ours, and is said.
"""

from collections import Counter
from decimal import Decimal

from actors.order_manager.books import Books
from actors.order_manager.gate import TradingGate
from actors.order_manager.port import Port
from actors.order_manager.readiness import Readiness
from actors.trading.order_change import OrderChange
from messages.account import AccountSnapshot
from messages.enums import Exchanges
from messages.instruments import to_text
from messages.orders import Order

ZERO = Decimal(0)


class Reconciliation:
    """Asks for snapshots and judges them."""

    def __init__(
        self, port: Port, books: Books, gate: TradingGate, readiness: Readiness, interval_s: float
    ) -> None:
        self.port = port
        self.books = books
        self.gate = gate
        self.readiness = readiness
        self.interval_s = interval_s
        self.discrepancies: Counter[str] = Counter()
        """How many were found so far: `orders`, `executions`, `balances`."""
        self.suspects: dict[tuple[Exchanges, str], Decimal] = {}

    def start(self) -> None:
        """Begins to ask periodically."""
        self.port.schedule(self.interval_s, self._ask)

    def _ask(self) -> None:
        if self.gate.is_ready:
            for exchange in self.readiness.venues():
                self.readiness.ask_snapshot(exchange)
        self.start()

    def on_release(self, sender: str) -> None:
        """A hold has ended: who knows what happened meanwhile. A gateway's concerns its own venue alone."""
        for exchange in self.gate.venues.get(sender) or self.readiness.venues():
            self.readiness.ask_snapshot(exchange)

    def on_told(self, change: OrderChange) -> None:
        """A snapshot has told of one of our orders."""
        order = change.order
        if order is None or not change.is_news or not self.gate.is_ready:
            return
        kind = "executions" if change.executions or change.quantity_changed else "orders"
        if not (change.status_changed or change.quantity_changed or change.executions):
            return
        self.discrepancies[kind] += 1
        self.port.log.warning(
            "discrepancy: the account's state has told what no event did: %s is %s, %s executed; repaired",
            order.client_order_id,
            order.status,
            to_text(order.executed_quantity),
        )

    def on_absent(self, order: Order) -> None:
        """The venue had acknowledged an order and denies it for good."""
        self.discrepancies["orders"] += 1
        self.port.log.error(
            "discrepancy: %s does not know %s (%s, its %d) any more, which was %s, %s of %s executed%s; "
            "it counts as gone until the venue names it again: look there",
            order.exchange,
            order.client_order_id,
            order.symbol,
            order.exchange_order_id,
            order.status,
            to_text(order.executed_quantity),
            to_text(order.quantity),
            f", {to_text(order.unbooked_quantity)} of it never told"
            if order.unbooked_quantity
            else "",
        )

    def on_revoked(self, order: Order) -> None:
        """An order that the venue did not know is there after all."""
        self.discrepancies["orders"] += 1
        self.port.log.error(
            "discrepancy: %s, which the venue did not know, is there after all: %s, %s executed",
            order.client_order_id,
            order.status,
            to_text(order.executed_quantity),
        )

    def check_balances(self, snapshot: AccountSnapshot) -> None:
        """Compares what the venue says with what our own fills explain."""
        exchange = snapshot.exchange
        books = self.books
        if any(order.exchange is exchange for order in books.unsettled_orders.values()):
            return
        flows = books.portfolio.flows(exchange)
        assets = dict.fromkeys(flows)
        for instrument in books.instruments.values():
            if instrument.exchange is exchange:
                assets.update({instrument.base_asset: None, instrument.quote_asset: None})
        for asset in assets:
            balance = books.balances.get(exchange, asset)
            total = balance.total if balance is not None else ZERO
            self._check(exchange, asset, total - flows.get(asset, ZERO))

    def _check(self, exchange: Exchanges, asset: str, beside: Decimal) -> None:
        key = (exchange, asset)
        known = self.books.baselines.setdefault(key, beside)
        if beside == known:
            self.suspects.pop(key, None)
        elif self.suspects.get(key) != beside:
            self.suspects[key] = beside
        else:
            del self.suspects[key]
            self.books.baselines[key] = beside
            self.discrepancies["balances"] += 1
            self.port.log.warning(
                "discrepancy: %s holds %s %s more than our fills explain (a deposit, a withdrawal or somebody "
                "else's trade, if no event of ours was lost); taken as it is",
                exchange,
                to_text(beside - known),
                asset,
            )
