"""What a bot has written down: its intents, its orders, its fills and its positions, read from its journal."""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from actors.commands.state_folder import JOURNAL_FILE
from actors.runtime.journal import connect
from actors.trading.portfolio import add_to
from messages.codec import union_decoder
from messages.enums import OrderStatus
from messages.order_requests import NewOrderListRequest, ReplaceOrderRequest
from messages.orders import Fill, NewOrderRequest, Order, OrderUpdate
from messages.recovery import OrderManagerCheckpoint, OrderNote, TriggerArmed

READ = (
    *(NewOrderRequest, NewOrderListRequest, ReplaceOrderRequest),
    *(OrderUpdate, OrderNote, Fill, OrderManagerCheckpoint, TriggerArmed),
)


class Beliefs:
    """The journal of the order manager, folded together. Raises JournalError if it cannot be opened."""

    def __init__(self, folder: Path) -> None:
        self.intended: list[str] = []
        """Client order ids, in the order in which they were written down, doubled ones twice."""
        self.orders: dict[str, Order] = {}
        """The last word on each order, by its client order id."""
        self.names: dict[int, str] = {}
        """Client order ids by the venue's own."""
        self.armed: list[Order] = []
        """Orders whose trigger the order manager has kept."""
        self.fills: list[Fill] = []
        self.checkpoint: OrderManagerCheckpoint | None = None
        self.fills_since_checkpoint: list[Fill] = []
        self.called_absent: set[str] = set()
        """Orders that were ever taken for unknown to the venue."""
        self.doubtful: dict[str, int] = {}
        """When orders were asked for whose outcome was ever unknown; our clock, in nanoseconds."""
        decode = union_decoder(READ).decode
        for frame in frames_of(folder / JOURNAL_FILE, [item.__name__ for item in READ]):
            message = decode(frame)
            if isinstance(message, NewOrderRequest | ReplaceOrderRequest):
                self.intended.append(message.order.client_order_id)
            elif isinstance(message, NewOrderListRequest):
                self.intended += [order.client_order_id for order in message.orders]
            elif isinstance(message, TriggerArmed):
                self.armed.append(message.order)
                self.take_order(message.order)
            elif isinstance(message, OrderUpdate | OrderNote):
                self.take_order(message.order)
            elif isinstance(message, Fill):
                self.fills.append(message)
                self.fills_since_checkpoint.append(message)
            elif isinstance(message, OrderManagerCheckpoint):
                self.checkpoint = message
                self.fills_since_checkpoint.clear()
                for order in message.orders:
                    self.take_order(order)

    def take_order(self, order: Order) -> None:
        """One word about an order; refusals of orders that were never sent have no name."""
        if not order.client_order_id:
            return
        self.orders[order.client_order_id] = order
        if order.exchange_order_id:
            self.names[order.exchange_order_id] = order.client_order_id
        if order.status is OrderStatus.NOT_FOUND:
            self.called_absent.add(order.client_order_id)
        if order.status is OrderStatus.UNKNOWN:
            self.doubtful[order.client_order_id] = order.created_time_ns

    def flows(self) -> dict[str, Decimal]:
        """What the bot believes its fills did to the account, per asset; by its last checkpoint."""
        flows: dict[str, Decimal] = {}
        for state in self.checkpoint.positions if self.checkpoint is not None else ():
            for asset, amount in state.flows.items():
                add_to(flows, asset, amount)
        return flows

    def positions(self) -> dict[str, Decimal]:
        """What each strategy believes to hold, by `strategy symbol`; by its last checkpoint."""
        states = self.checkpoint.positions if self.checkpoint is not None else []
        return {f"{state.strategy} {state.symbol}": state.quantity for state in states}


def frames_of(path: Path, message_classes: Iterable[str]) -> list[bytes]:
    """The frames of these classes in a journal, oldest first."""
    names = list(message_classes)
    marks = ", ".join("?" * len(names))
    database = connect(path)
    try:
        rows = database.execute(
            f"SELECT frame FROM entry WHERE message_class IN ({marks}) ORDER BY position", names
        ).fetchall()
    finally:
        database.close()
    return [row[0] for row in rows]
