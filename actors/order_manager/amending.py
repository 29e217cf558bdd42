"""Amendments: where only the quantity shrinks, in place (see `reducing`); else a cancel, the venue's word on it, then a
new order for what is left.

The quantity of an amendment is the whole order's, what was executed already included. The strategy's own id stays the
order's handle throughout (see `chains`): it hears that the order stands as before, then PENDING_NEW and NEW with the new
terms, and never that its order is gone. `time_to_cancel` begins anew with the new order's acknowledgement.

No new order is sent if the order was filled meanwhile, if nothing is left of the new quantity, if the cancel was refused,
if the order ended in any way but by this cancel, or if the strategy cancels it while the amendment is under way. If what
is left may not be sent (limits, funds, the venue's least order, a halt), the order ends as CANCELED with that reason.
"""

from dataclasses import dataclass
from decimal import Decimal

from actors.order_manager.books import copy_order
from actors.order_manager.cancels import Cancels
from actors.order_manager.chains import Chains
from actors.order_manager.placements import Placements
from actors.order_manager.port import Port
from actors.order_manager.publisher import Publisher
from actors.order_manager.reducing import Reducing
from actors.order_manager.terms import is_sane
from actors.trading.order_change import OrderChange
from actors.trading.risk import Refusal
from messages.enums import OrderStatus, Reason
from messages.orders import AmendOrder, AmendOrderRequest, Order
from messages.recovery import OrderNote


@dataclass(slots=True)
class Amendment:
    """New terms for an order whose cancel is on its way."""

    price: Decimal
    quantity: Decimal
    """Of the whole order."""
    send_before_ns: int


class Amending:
    """Carries amendments out."""

    def __init__(
        self,
        port: Port,
        chains: Chains,
        publisher: Publisher,
        placements: Placements,
        cancels: Cancels,
        reducing: Reducing,
    ) -> None:
        self.reducing = reducing
        self.port = port
        self.chains = chains
        self.publisher = publisher
        self.placements = placements
        self.cancels = cancels
        self.pending: dict[str, Amendment] = {}
        """By the id of the leg that is being canceled."""

    def begin(self, order: Order, command: AmendOrder) -> None:
        """Cancels an open order so that another takes its place; or refuses, and it stays as it is."""
        amendment = self._find_terms(order, command)
        refusal = self._find_refusal(order, amendment)
        if refusal is not None:
            self.publisher.tell(order, *refusal)
            return
        if order.order_id not in self.pending and order.status is OrderStatus.PENDING_CANCEL:
            self.publisher.tell(order, Reason.CANCEL_REFUSED, "it is being canceled already")
            return
        request = self._find_reduction(order, amendment)
        if request is not None and self.reducing.can_begin(order):
            self.reducing.begin(order, request, command)
            return
        if order.list_id:
            self.publisher.tell(order, Reason.UNSUPPORTED, "an order of a list can only be reduced")
            return
        self.pending[order.order_id] = amendment
        self.chains.being_amended.add(order.order_id)
        self.cancels.request(order)

    def abandon(self, order: Order) -> None:
        """The cancel that is on its way is final: no new order will follow."""
        if self.pending.pop(order.order_id, None) is None:
            return
        self.chains.being_amended.discard(order.order_id)
        if order.status is OrderStatus.PENDING_CANCEL:
            self.publisher.tell(order)

    def proceed(self, change: OrderChange) -> bool:
        """Goes on when an order that is being amended has ended; True if the change was told here."""
        order = change.order
        if order is None or order.is_open or order.order_id not in self.pending:
            return False
        amendment = self.pending.pop(order.order_id)
        self.chains.being_amended.discard(order.order_id)
        left = amendment.quantity - self.chains.executed_before(order) - order.executed_quantity
        if order.status is not OrderStatus.CANCELED or left <= 0:
            return False
        self.publisher.book(change)
        self.port.send(OrderNote(order=copy_order(order)))
        leg = build_leg(order, amendment.price, left, self.port.now_ns)
        leg.order_id = self.chains.next_id(order)
        self.chains.extend(order, leg)
        self.placements.place(leg, amendment.send_before_ns)
        return True

    def _find_reduction(self, order: Order, amendment: Amendment) -> AmendOrderRequest | None:
        """The request that only reduces the order, or None if more than its quantity changes."""
        quantity = amendment.quantity - self.chains.executed_before(order)
        instrument = self.placements.books.instruments.get((order.exchange, order.symbol))
        if (
            order.is_armed
            or instrument is None
            or instrument.round_price(amendment.price, order.side) != order.price
        ):
            return None
        quantity = instrument.round_quantity(quantity, order.order_type)
        if not order.executed_quantity < quantity < order.quantity:
            return None
        return AmendOrderRequest(
            exchange=order.exchange,
            symbol=order.symbol,
            client_order_id=order.client_order_id,
            # Given again, or the venue would make one up (rest-api.md, Order Amend Keep Priority).
            new_client_order_id=order.client_order_id,
            quantity=quantity,
            exchange_order_id=order.exchange_order_id,
            order_id=order.order_id,
            send_before_ns=amendment.send_before_ns,
        )

    def _find_terms(self, order: Order, command: AmendOrder) -> Amendment:
        """The whole order's new terms; what the command leaves out stays as it is."""
        price, quantity = order.price, order.quantity + self.chains.executed_before(order)
        earlier = self.pending.get(order.order_id)
        if earlier is not None:
            price, quantity = earlier.price, earlier.quantity
        return Amendment(
            price=price if command.price is None else command.price,
            quantity=quantity if command.quantity is None else command.quantity,
            send_before_ns=command.send_before_ns,
        )

    def _find_refusal(self, order: Order, amendment: Amendment) -> Refusal | None:
        if not order.order_type.has_price:
            return Reason.UNSUPPORTED, f"a {order.order_type} order cannot be amended"
        if order.list_id and amendment.price != order.price:
            # A cancel of one would cancel all of them.
            return Reason.UNSUPPORTED, "an order of a list can only be reduced"
        if order.status is OrderStatus.UNKNOWN:
            return Reason.OUTCOME_UNKNOWN, "whether the order exists is not known yet"
        if not (is_sane(amendment.price) and amendment.price > 0):
            return Reason.PRICE, "the new price must be a number above 0"
        if not (is_sane(amendment.quantity) and amendment.quantity > 0):
            return Reason.QUANTITY, "the new quantity must be a number above 0"
        refusal = self.placements.find_closed_gate(order, amendment.send_before_ns)
        if refusal is not None:
            return refusal
        executed = self.chains.executed_before(order) + order.executed_quantity
        left = amendment.quantity - executed
        if left <= 0:
            return None
        leg = build_leg(order, amendment.price, left, self.port.now_ns)
        instrument = self.placements.books.instruments.get((order.exchange, order.symbol))
        return self.placements.find_fault(leg, instrument)


def build_leg(order: Order, price: Decimal, quantity: Decimal, now_ns: int) -> Order:
    """An order with the same intent and other terms, of which the venue knows nothing yet."""
    return Order(
        side=order.side,
        order_type=order.order_type,
        symbol=order.symbol,
        exchange=order.exchange,
        strategy=order.strategy,
        quantity=quantity,
        price=price,
        time_in_force=order.time_in_force,
        time_to_cancel=order.time_to_cancel,
        created_time_ns=now_ns,
        decided_on=order.decided_on,
        decided_on_id=order.decided_on_id,
        origin_request_ns=order.origin_request_ns,
        stop_price=order.stop_price,
        trailing_delta=order.trailing_delta,
        self_trade_prevention=order.self_trade_prevention,
        list_id=order.list_id,
        list_role=order.list_role,
        is_list_kept=order.is_list_kept,
        executed_beside=order.executed_beside + order.executed_quantity,
    )
