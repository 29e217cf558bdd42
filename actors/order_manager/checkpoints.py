"""The order manager's own memory, written down whole from time to time, so that a start need not read everything.

Whatever was durable before the last checkpoint is in it. It is written after so many durable messages, at an orderly stop,
when something is to be remembered at once, and again after the journal could not be written: what happened meanwhile is in
no entry.
"""

from collections.abc import Callable
from decimal import Decimal

from actors.order_manager.books import Books, copy_order
from actors.order_manager.chains import Chains
from actors.order_manager.gate import TradingGate
from actors.order_manager.port import Port
from actors.order_manager.publisher import Publisher
from messages.account import Balance
from messages.enums import OrderStatus, Reason
from messages.orders import Order
from messages.recovery import ChainState, LossMark, OrderManagerCheckpoint

CLOSED_KEPT = 1_000
"""Ended orders whose late executions are still recognised after a restart."""
RETRY_S = 5.0


class Checkpoints:
    """Writes checkpoints when they are due."""

    def __init__(
        self,
        port: Port,
        books: Books,
        chains: Chains,
        gate: TradingGate,
        publisher: Publisher,
        marks: Callable[[], list[LossMark]],
        after_entries: int,
    ) -> None:
        self.port = port
        self.books = books
        self.chains = chains
        self.gate = gate
        self.publisher = publisher
        self.marks = marks
        self.after_entries = after_entries
        self.entries = 0
        """Durable messages since the last one, which the next start would have to read; whoever sends them counts."""
        self.is_asked = False

    def ask(self, delay_s: float = 0.0) -> None:
        """One soon, as a message of its own: within a handler the books may not agree yet."""
        if not self.is_asked:
            self.is_asked = True
            self.port.schedule(delay_s, self._write)

    def on_journal_failed(self) -> None:
        """What happened meanwhile is in no entry."""
        self.ask(RETRY_S)

    def on_stop(self) -> None:
        """The last word of an orderly stop."""
        if self.entries:
            self._write()

    def _write(self) -> None:
        self.is_asked = True  # the checkpoint is counted too, and asks for no other
        self.port.send(self.build())
        self.entries, self.is_asked = 0, False

    def build(self) -> OrderManagerCheckpoint:
        """All that only the order manager knows."""
        books = self.books
        orders: dict[str, Order] = {}
        # A last leg that was refused unsent has no name at the venue, and nothing more will be heard of it.
        chains = {
            chain.handle: [leg for leg in (*chain.ended, chain.current) if leg.client_order_id]
            for chain in self.chains.all()
        }
        legs = [leg for chain in chains.values() for leg in chain]
        for order in (*books.table.closed_orders(CLOSED_KEPT), *legs):
            orders[order.order_id] = order
        for order in (*books.unsettled_orders.values(), *books.table.open_orders()):
            orders[order.order_id] = order
        for order in books.unruled.values():
            orders[order.order_id] = before_its_end(order)
        return OrderManagerCheckpoint(
            naming_run=books.names.run_number,
            orders=[order if order.is_open else without_origin(order) for order in orders.values()],
            chains=[
                ChainState(handle=handle, legs=[leg.order_id for leg in chain])
                for handle, chain in chains.items()
            ],
            positions=books.portfolio.save(),
            last_trade_ids=[(*market, last) for market, last in books.last_trade_ids.items()],
            traded=sorted(books.traded),
            states=dict(books.states),
            gate=list(self.gate.notes.values()),
            baselines=[
                Balance(exchange=exchange, asset=asset, free=amount, locked=Decimal(0))
                for (exchange, asset), amount in books.baselines.items()
            ],
            loss_marks=self.marks(),
            fills_to_book=[
                fill for fills in self.publisher.restored_fills.values() for fill in fills
            ],
            fills_to_tell=[
                fill for fills in self.publisher.waiting_fills.values() for fill in fills
            ],
        )


def before_its_end(order: Order) -> Order:
    """A copy of a stop whose end is not told yet: the next instance asks the venue for it, and acts on it."""
    copied = copy_order(order)
    is_canceled = order.status is OrderStatus.CANCELED
    copied.venue_status = OrderStatus.NEW if is_canceled else None
    copied.status = OrderStatus.PENDING_CANCEL if is_canceled else OrderStatus.PENDING_NEW
    copied.reason, copied.reason_text = Reason.REPLACED if is_canceled else Reason.NONE, ""
    return copied


def without_origin(order: Order) -> Order:
    """A copy without the tick that it was decided on, which is in the journal already."""
    copied = copy_order(order)
    copied.decided_on = b""
    return copied
