"""Triggers that the order manager keeps, of orders whose type the venue lacks.

A stop, a take profit or a trailing stop in a symbol that has no such orders is written down, with the name under which it
will go to the venue, before its strategy hears that it stands. From then on the last quote of its symbol is looked at every
`WATCH_S`. When it reaches the trigger the order is sent as the MARKET or LIMIT order that it becomes: one intent, on the
disk before it is sent, under the name that it has had from the beginning. After a restart, or a hole in the quotes, the
first fresh quote counts: a price that was passed meanwhile sets the order off at once.

A trigger that goes off while trading is held waits for the end of the hold, wherever the price goes. One whose order could
not be written down goes off again a little later. If the venue is proven not to know the order, because the bot was killed
between writing and sending, the trigger is armed again, as another order under the strategy's id, unless its end was asked
for meanwhile. If the venue speaks of an order whose trigger is armed, an older copy of the journal was put back: the order
has gone off long ago, and is the venue's from then on.

A symbol that does not trade keeps its triggers until it does. Terms are rounded once more, to the rules of the moment at
which they are sent. An order that never left this machine, because the connection was gone, is armed again like one that
is proven absent, and goes off again a little later wherever the price is.

The exits of a list that is kept here are armed too: they wait for their entry, and a target for nothing else (kept_lists.py).

Until it goes off the order locks nothing at the venue, and nobody watches while the bot is not running.
"""

from collections.abc import Callable

import msgspec

from actors.order_manager.amending import build_leg
from actors.order_manager.books import Books, copy_order
from actors.order_manager.cancels import Cancels
from actors.order_manager.chains import Chains
from actors.order_manager.gate import TradingGate
from actors.order_manager.placements import Placements
from actors.order_manager.port import Port
from actors.order_manager.publisher import Publisher
from actors.trading.order_change import OrderChange, Verdict
from actors.trading.order_lists import EXITS, find_beside, find_left, is_sold_out
from actors.trading.price_trigger import (
    find_venue_type,
    find_watched_price,
    follow,
    is_target,
    is_triggered,
    needs_emulation,
)
from messages.enums import ListRole, OrderStatus, Reason, SymbolStatus
from messages.instruments import to_text
from messages.orders import NewOrderRequest, Order
from messages.recovery import OrderNote, TriggerArmed

WATCH_S = 0.1
NOTE_NS = 1_000_000_000
"""How far a trailing order has come is written down so seldom."""
RETRY_NS = 1_000_000_000


class Emulation:
    """Keeps triggers, watches prices, and sends what they set off."""

    def __init__(
        self,
        port: Port,
        books: Books,
        publisher: Publisher,
        gate: TradingGate,
        chains: Chains,
        placements: Placements,
        cancels: Cancels,
        settle: Callable[[OrderChange], None],
    ) -> None:
        self.port = port
        self.books = books
        self.publisher = publisher
        self.gate = gate
        self.chains = chains
        self.placements = placements
        self.cancels = cancels
        self.settle = settle
        self.armed: dict[str, Order] = {}
        self.due: dict[str, int] = {}
        """Orders whose price was reached and that could not be sent yet, with the time before which it is not tried again."""
        self.noted: dict[str, int] = {}
        """When it was last written down how far an order has trailed."""
        self.shortened: set[str] = set()
        """Exits that are being canceled because they offer more than is left; only asked whether they contain one."""
        self.is_watching = False

    def arm(self, order: Order) -> None:
        """Writes an order's trigger down; its strategy hears that it stands when that is done."""
        order.is_armed = True
        self.books.table.refile(order)
        self.armed[order.order_id] = order
        self.port.send(TriggerArmed(order=copy_order(order)))
        self.port.schedule(0.0, self._acknowledge, order.order_id)

    def restore(self, order: Order) -> None:
        """Goes on with a trigger that an earlier instance has written down."""
        self.armed[order.order_id] = order
        if order.status is OrderStatus.PENDING_CANCEL:
            self.port.schedule(0.0, self.disarm, order.order_id)
        elif order.status is OrderStatus.NEW:
            self._watch()
        else:
            self.port.schedule(0.0, self._acknowledge, order.order_id)

    def release(self, order: Order) -> None:
        """An exit whose entry has been filled waits no longer."""
        order.is_waiting = False
        self.books.table.refile(order)
        if order.status is OrderStatus.PENDING_NEW:
            self._acknowledge(order.order_id)

    def refuse(self, order: Order, reason: Reason, reason_text: str) -> None:
        """An exit whose entry has been refused comes to nothing."""
        self._forget(order.order_id)
        self.settle(self.books.table.on_refused(order, reason, reason_text))

    def disarm(self, order_id: str) -> None:
        """Carries the cancel of an armed order out."""
        order = self.armed.get(order_id)
        if order is None or not order.is_open:
            return
        self._forget(order_id)
        order.say(OrderStatus.CANCELED)
        self.books.table.refile(order)
        self.settle(OrderChange(Verdict.APPLIED, order, status_changed=True, is_ended=True))

    def take_back(self, order_id: str) -> bool:
        """The intent of an order could not be written down: True if it is one of these, whose trigger stands again."""
        order = self.books.table.get(order_id)
        if order is None or order.is_armed or order.venue_status is not None:
            return False
        if not (order.is_open and self._is_ours(order)):
            return False
        order.is_armed = True
        self.armed[order_id] = order
        order.venue_status = OrderStatus.NEW
        is_unwanted = order_id in self.cancels.wanted
        order.status = OrderStatus.PENDING_CANCEL if is_unwanted else OrderStatus.NEW
        self.books.table.refile(order)
        if is_unwanted:
            self.port.schedule(0.0, self.disarm, order_id)
            return True
        self.due[order_id] = self.port.now_ns + RETRY_NS
        self._tell(order)
        self._watch()
        return True

    def hand_over(self, order: Order) -> None:
        """The venue speaks of an order whose trigger is armed here, or was taken back: it has gone off, and we forgot it."""
        wants_cancel = order.status in (OrderStatus.PENDING_CANCEL, OrderStatus.CANCELED)
        self.port.log.error(
            "%s is at the venue already: the journal is older than that; its trigger is not kept any more",
            order.client_order_id,
        )
        self._forget(order.order_id)
        order.is_armed = False
        order.status, order.venue_status = OrderStatus.PENDING_NEW, None
        self.books.table.refile(order)
        if wants_cancel:
            self.port.schedule(0.0, self._cancel, order.order_id)

    def proceed(self, change: OrderChange) -> bool:
        """Arms the trigger again of an order that never came to the venue; True if the change was told here."""
        order = change.order
        if order is None or not change.status_changed:
            is_untold = order is not None and order.order_id in self.books.unruled
            if is_untold:
                self.publisher.book(change)
            return is_untold
        if order.order_id in self.shortened and not order.is_open:
            self.shortened.discard(order.order_id)
            if order.status is not OrderStatus.NOT_FOUND:
                return self._keep_rest(change, order)
        is_there = order.venue_status is not None and (order.is_open or order.executed_quantity)
        if is_there and self.chains.is_earlier_leg(order) and not order.is_list_kept:
            self._stand_down(order)
        # An exit that is refused with its entry is armed still: it has never gone off.
        has_failed = order.status is OrderStatus.REJECTED and order.reason is Reason.UNSENT
        is_unsent = has_failed and not order.is_armed
        if not (is_unsent or order.status is OrderStatus.NOT_FOUND):
            return False
        if not (is_unsent or order.venue_status is None) or not self._is_ours(order):
            return False
        if self.gate.is_over(order.strategy) or order.order_id in self.cancels.wanted:
            return False
        leg = build_leg(order, order.price, order.open_quantity, self.port.now_ns)
        self._succeed(order, leg)
        if is_unsent:
            self.due[leg.order_id] = self.port.now_ns + RETRY_NS
        self.port.log.warning(
            "%s never came to the venue%s: its trigger is armed again",
            order.client_order_id,
            f" ({order.reason_text})" if is_unsent else "",
        )
        self.placements.arm_again(leg)
        return True

    def _keep_rest(self, change: OrderChange, order: Order) -> bool:
        """A stop that offered too much is canceled, or never left: its trigger is armed again for what can still be sold.

        But not while another exit of its list is one that was given up: it may turn up too, and have sold.
        """
        mates = self.books.table.list_orders(order)
        instrument = self.books.instruments.get((order.exchange, order.symbol))
        is_unsent = order.status is OrderStatus.REJECTED and order.reason is Reason.UNSENT
        is_gone = order.status is OrderStatus.CANCELED or is_unsent
        is_over = not is_gone or order.is_end_wanted or self.gate.is_over(order.strategy)
        exits = [mate for mate in mates if mate.list_role in EXITS]
        is_in_doubt = self.chains.is_earlier_leg(order) or any(
            is_sold_out(mate) or mate.status is OrderStatus.NOT_FOUND for mate in exits
        )
        if is_over or is_in_doubt:
            return False
        if instrument is None:
            self.publisher.book(change)
            self.books.unruled[order.order_id] = order
            return True
        leg = build_leg(order, order.price, order.open_quantity, self.port.now_ns)
        left, leg.executed_beside = find_left(leg, mates), find_beside(leg, mates)
        leg.quantity = left
        if not left or self.placements.find_fault(leg, instrument) is not None:
            return False
        self.publisher.book(change)
        self._succeed(order, leg)
        if is_unsent:
            self.due[leg.order_id] = self.port.now_ns + RETRY_NS
        self.port.log.warning(
            "%s has ended: its trigger is armed again for the %s that are left",
            order.client_order_id,
            to_text(leg.quantity),
        )
        self.placements.arm_again(leg)
        return True

    def _succeed(self, order: Order, leg: Order) -> None:
        self.port.send(OrderNote(order=copy_order(order)))
        leg.order_id, leg.best_price = self.chains.next_id(order), order.best_price
        self.chains.extend(order, leg)

    def _stand_down(self, order: Order) -> None:
        """The venue knows an order after all that had been proven absent: its trigger must not go off a second time.

        If it has, what it was sent as is canceled, as far as it rests; and so is the order itself, if that has executed
        anything or was ended.
        """
        current = self.chains.current(self.chains.handle_of(order))
        if current is None:
            return
        if order.is_open and (current.executed_quantity or not current.is_open):
            self.port.log.error(
                "%s is at the venue after all, and %s, which took its place, is %s: it is canceled",
                order.client_order_id,
                current.client_order_id,
                current.status,
            )
            self.port.schedule(0.0, self._cancel, order.order_id)
        if current.is_open:
            self.port.log.error(
                "%s is at the venue after all: its trigger, armed again as %s, is taken back",
                order.client_order_id,
                current.client_order_id,
            )
            self.port.schedule(0.0, self._cancel, current.order_id)

    def _cancel(self, order_id: str) -> None:
        order = self.books.table.get(order_id)
        if order is not None:
            self.cancels.request(order, is_pursued=True)

    def _is_ours(self, order: Order) -> bool:
        instrument = self.books.instruments.get((order.exchange, order.symbol))
        return instrument is not None and needs_emulation(order, instrument)

    def _acknowledge(self, order_id: str) -> None:
        order = self.armed.get(order_id)
        if order is None or order.status is not OrderStatus.PENDING_NEW:
            if order is not None and not order.is_open:
                self._forget(order_id)
            return
        if order.is_waiting:
            return
        if is_target(order):
            # It stands when the venue says so.
            self._look_at(order)
            self._watch()
            return
        order.say(OrderStatus.NEW)
        order.acknowledged_time_ns = order.acknowledged_time_ns or self.port.now_ns
        self.books.table.refile(order)
        self.settle(OrderChange(Verdict.APPLIED, order, status_changed=True, is_acknowledged=True))
        self._look_at(order)
        self._watch()

    def _watch(self) -> None:
        if self.armed and not self.is_watching:
            self.is_watching = True
            self.port.schedule(WATCH_S, self._look)

    def _look(self) -> None:
        self.is_watching = False
        for order in list(self.armed.values()):
            self._look_at(order)
        self._watch()

    def _look_at(self, order: Order) -> None:
        is_ready = is_target(order) and order.status is OrderStatus.PENDING_NEW
        if order.is_waiting or not (is_ready or order.status is OrderStatus.NEW):
            return
        order_id = order.order_id
        if is_target(order):
            self.due.setdefault(order_id, 0)
        if order_id not in self.due:
            ticker = self.books.tickers.get((order.exchange, order.symbol))
            price = None if ticker is None else find_watched_price(order, ticker)
            if price is None:
                return
            if not is_triggered(order, price):
                if follow(order, price):
                    self._note(order)
                return
            self.due[order_id] = 0
            self.port.log.info("%s is set off at %s", order.client_order_id, to_text(price))
        refusal = self.gate.find_refusal(order.strategy, order.exchange)
        instrument = self.books.instruments.get((order.exchange, order.symbol))
        if instrument is not None and instrument.status is not SymbolStatus.TRADING:
            return
        if refusal is None and self.due[order_id] <= self.port.now_ns and self._is_alone(order):
            self._fire(order)

    def _is_alone(self, order: Order) -> bool:
        """Whether no other exit of its list is at the venue; one that is gets canceled, so that both do not sell."""
        mates = self.books.table.list_orders(order) if order.is_list_kept else ()
        at_venue = [
            mate
            for mate in mates
            if mate is not order
            and mate.list_role is not ListRole.ENTRY
            and mate.is_open
            and not mate.is_armed
        ]
        for mate in at_venue:
            if mate.order_id not in self.cancels.pursued:
                self.cancels.request(
                    mate, Reason.REPLACED, "the other exit is reached", is_pursued=True
                )
        return not at_venue

    def _note(self, order: Order) -> None:
        """How far an order has trailed outlives the bot, within a second."""
        if self.port.now_ns - self.noted.get(order.order_id, 0) >= NOTE_NS:
            self.noted[order.order_id] = self.port.now_ns
            self.port.send(OrderNote(order=copy_order(order)))

    def _fire(self, order: Order) -> None:
        if order.is_list_kept:
            mates = self.books.table.list_orders(order)
            left = find_left(order, mates)
            if not left:
                self.disarm(order.order_id)
                return
            order.quantity, order.executed_beside = left, find_beside(order, mates)
            self._withdraw_targets(order, mates)
        self._forget(order.order_id)
        order.is_armed = False
        order.status, order.venue_status = OrderStatus.PENDING_NEW, None
        instrument = self.books.instruments.get((order.exchange, order.symbol))
        if instrument is not None:
            # What rounds to nothing goes as it is: the venue says then what is wrong with it.
            order.quantity = instrument.round_quantity(order.quantity, find_venue_type(order)) or (
                order.quantity
            )
            if order.price:
                order.price = instrument.round_price(order.price, order.side)
        self.books.table.refile(order)
        self.port.send(
            NewOrderRequest(
                exchange=order.exchange,
                order=msgspec.structs.replace(
                    copy_order(order),
                    order_type=find_venue_type(order),
                    stop_price=type(order.stop_price)(0),
                    trailing_delta=0,
                ),
            )
        )
        self._tell(order)

    def _withdraw_targets(self, order: Order, mates: list[Order]) -> None:
        """A target that has not been sent yet would be, at once, in the place of the stop that goes off now."""
        for mate in mates:
            if mate is not order and mate.is_armed and is_target(mate):
                self.cancels.request(mate, Reason.REPLACED, "the other exit is reached")

    def _tell(self, order: Order) -> None:
        self.publisher.publish(OrderChange(Verdict.APPLIED, order, status_changed=True))

    def _forget(self, order_id: str) -> None:
        for known in (self.armed, self.due, self.noted):
            known.pop(order_id, None)
