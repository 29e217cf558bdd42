"""What one strategy holds and has under way, as the order manager tells it. Pure.

Theory of operation. One fill is told in several messages: an `OrderUpdate` that counts it and a `Position` that contains
it, in this order or in the other, and a strategy's handler may run between them. Where the order is told first, its
executions are neither open any more nor in the position yet. They are kept here as *untold* until the position moves, so
that a decision taken in between neither buys nor sells them a second time. Two messages sent by the handling of the same
cause tell the same state; then only what the order manager itself could not book yet (`Order.unbooked_quantity`) is untold.

A cancel that was asked for stands until the order ends, the order manager speaks of it, or it is refused: a report that
crossed it on the way does not make the order look as if nobody had asked.

After a restart the mailbox still holds what was sent before the `Resync`: it is older than the state that `Resync` told
and is left out, except for orders which this very instance had sent before it was told anything.
"""

from dataclasses import dataclass
from decimal import Decimal

import msgspec

from actors.trading.order_lists import counted_orders
from messages.account import Position
from messages.base import Message
from messages.control import Resync
from messages.enums import Exchanges, OrderStatus, Reason, Side
from messages.orders import Order, OrderUpdate

ENDED_REMEMBERED = 1_000
"""Ended orders whose executed quantity is remembered, for the executions that are told after the end."""
ZERO = Decimal(0)

Market = tuple[Exchanges, str]


@dataclass(frozen=True, slots=True)
class Untold:
    """Executions of one order that no position contains yet."""

    market: Market
    side: Side
    quantity: Decimal


class Holdings:
    """Positions, open orders with those on their way, and executions between the two."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.positions: dict[Market, Position] = {}
        self._untold: dict[str, Untold] = {}
        self._ended: dict[str, Decimal] = {}
        self._cancels: set[str] = set()
        self._sent_before_resync: set[str] = set()
        self._resync_sender = ""
        self._resync_number = 0

    # Questions.

    def open_orders(self, market: Market | None = None, side: Side | None = None) -> list[Order]:
        """Orders that may still be executed, oldest first; None stands for any."""
        return [
            order
            for order in self.orders.values()
            if (market is None or (order.exchange, order.symbol) == market)
            and (side is None or order.side is side)
        ]

    def held_quantity(self, market: Market) -> Decimal:
        """What the last position said."""
        position = self.positions.get(market)
        return position.quantity if position is not None else ZERO

    def untold_quantity(self, market: Market, side: Side) -> Decimal:
        """Executed on this side and not yet in the position."""
        items = self._untold.values()
        return sum((x.quantity for x in items if x.market == market and x.side is side), ZERO)

    def is_buying(self, market: Market) -> bool:
        """Whether a BUY order is open or on its way, or executed and not yet in the position."""
        return bool(self.open_orders(market, Side.BUY)) or bool(
            self.untold_quantity(market, Side.BUY)
        )

    def free_quantity(self, market: Market) -> Decimal:
        """What is held and not offered already; 0 while that cannot be known."""
        sales = self.open_orders(market, Side.SELL)
        if any(not order.quantity for order in sales):  # an order by amount of quote asset
            return ZERO
        offered = sum((order.open_quantity for order in counted_orders(sales)), ZERO)
        return max(
            self.held_quantity(market) - offered - self.untold_quantity(market, Side.SELL), ZERO
        )

    def possible_quantity(self, market: Market) -> Decimal:
        """What would be held if every BUY order were filled, and no SELL order."""
        bids = self.open_orders(market, Side.BUY)
        incoming = sum((order.open_quantity for order in counted_orders(bids)), ZERO)
        return self.held_quantity(market) + incoming + self.untold_quantity(market, Side.BUY)

    # What the strategy itself does.

    def add(self, order: Order) -> None:
        """An order is on its way."""
        self.orders[order.order_id] = order

    def remove(self, order_id: str) -> None:
        """An order never got to the order manager."""
        self.orders.pop(order_id, None)
        self._cancels.discard(order_id)

    def request_cancel(self, order_id: str) -> Order | None:
        """Notes that a cancel is on its way; the order, or None if there is nothing (more) to ask for."""
        order = self.orders.get(order_id)
        if order is None or order.status is OrderStatus.PENDING_CANCEL:
            return None
        self._cancels.add(order_id)
        self.orders[order_id] = msgspec.structs.replace(order, status=OrderStatus.PENDING_CANCEL)
        return order

    def withdraw_cancel(self, order_id: str) -> None:
        """The cancel never got to the order manager."""
        self._cancels.discard(order_id)
        order = self.orders.get(order_id)
        if order is not None and order.status is OrderStatus.PENDING_CANCEL:
            word = order.venue_status or OrderStatus.PENDING_NEW
            self.orders[order_id] = msgspec.structs.replace(order, status=word)

    # What the order manager tells.

    def on_order_update(self, update: OrderUpdate) -> None:
        """Takes over how an order stands."""
        order = update.order
        order_id = order.order_id
        is_outdated = self._is_outdated(update)
        if is_outdated and order_id not in self._sent_before_resync:
            return
        known = self.orders.get(order_id)
        seen = known.executed_quantity if known is not None else self._ended.get(order_id, ZERO)
        if order.is_open:
            self.orders[order_id] = self._with_own_cancel(update)
        else:
            self.orders.pop(order_id, None)
            self._cancels.discard(order_id)
            self._sent_before_resync.discard(order_id)
            self._remember_ended(order)
        if not is_outdated:
            self._note_untold(update, max(order.executed_quantity - seen, ZERO))

    def _with_own_cancel(self, update: OrderUpdate) -> Order:
        order = update.order
        if order.status is OrderStatus.PENDING_CANCEL or update.reason is not Reason.NONE:
            # The order manager speaks of the cancel itself, or has refused it: its word counts from now on.
            self._cancels.discard(order.order_id)
        if order.order_id in self._cancels:
            return msgspec.structs.replace(order, status=OrderStatus.PENDING_CANCEL)
        return order

    def _remember_ended(self, order: Order) -> None:
        if order.executed_quantity:
            self._ended[order.order_id] = order.executed_quantity
            if len(self._ended) > ENDED_REMEMBERED:
                del self._ended[next(iter(self._ended))]

    def _note_untold(self, update: OrderUpdate, growth: Decimal) -> None:
        order = update.order
        market = (order.exchange, order.symbol)
        before = self._untold.pop(order.order_id, None)
        quantity = growth + (before.quantity if before is not None else ZERO)
        if is_told_with(update, self.positions.get(market)):
            quantity = min(quantity, order.unbooked_quantity)
        if quantity > 0:
            self._untold[order.order_id] = Untold(market, order.side, quantity)

    def on_position(self, position: Position) -> None:
        """Takes over what is held; if a fill has moved it, it contains what was executed so far."""
        if self._is_outdated(position):
            return
        market = (position.exchange, position.symbol)
        if has_traded_since(self.positions.get(market), position):
            self._untold = {
                order_id: item for order_id, item in self._untold.items() if item.market != market
            }
        self.positions[market] = position

    def on_resync(self, resync: Resync) -> None:
        """Takes over the whole state; orders sent before it, of which it does not know, are still on their way."""
        on_their_way = {
            order_id: order
            for order_id, order in self.orders.items()
            if not order.client_order_id and order.venue_status is None
        }
        self._resync_sender, self._resync_number = resync.sender, resync.number
        self.positions = {(item.exchange, item.symbol): item for item in resync.positions}
        self.orders = {order.order_id: order for order in resync.open_orders if order.is_open}
        self._untold = {
            order.order_id: Untold(
                (order.exchange, order.symbol), order.side, order.unbooked_quantity
            )
            for order in resync.open_orders
            if order.unbooked_quantity
        }
        self._ended.clear()
        self._sent_before_resync = on_their_way.keys() - self.orders.keys()
        for order_id, order in on_their_way.items():
            self.orders.setdefault(order_id, order)
        self._cancels &= self.orders.keys()

    def _is_outdated(self, message: Message) -> bool:
        return message.sender == self._resync_sender and message.number < self._resync_number


def is_told_with(update: OrderUpdate, position: Position | None) -> bool:
    """Whether both were sent by the handling of the same message, and so tell the same state."""
    if position is None or not update.cause_sender:
        return False
    cause = (update.cause_sender, update.cause_number)
    return cause == (position.cause_sender, position.cause_number)


def has_traded_since(old: Position | None, new: Position) -> bool:
    """Whether a fill lies between two states of a position, and not only another market price."""
    if old is None:
        return bool(new.quantity or new.realized_profit or new.fees)
    return (old.quantity, old.average_price, old.realized_profit, old.fees) != (
        new.quantity,
        new.average_price,
        new.realized_profit,
        new.fees,
    )
