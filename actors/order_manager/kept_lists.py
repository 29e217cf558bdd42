"""Lists that the order manager keeps where the venue has none: an entry, and exits of which one ends the other.

The exits are written down with the entry, under the names that they will have at the venue, and wait. When the entry is
filled whole the target goes to the venue, to rest there, and the stop's trigger is watched here (emulation.py); when the
entry ends otherwise they are canceled. A pair without an entry begins at once.

Both exits must not sell: when the stop is reached the target is canceled first, and the stop is sent when the venue has
said how that ended, for what the target has not sold. Until then the stop stands, also beside a target that is filled in
part; a target that is filled whole cancels it.

An order that was proven absent may turn up late. An exit that does so beside another one at the venue is canceled; if it
has executed anything, so is the one that was sent for what is now too much. When the venue has confirmed that, the trigger of
a stop is armed again for the rest, and goes off when nothing else of the list is at the venue. If it comes before the rules
of the symbol are known, as after a restart, that waits for them. An entry that turns up when its exits have ended is
canceled. What has been sold beyond what was held is told as an error.
"""

from decimal import Decimal

from actors.order_manager.books import Books
from actors.order_manager.cancels import Cancels
from actors.order_manager.emulation import Emulation
from actors.order_manager.placements import fit_exits
from actors.order_manager.port import Port
from actors.trading.order_change import OrderChange, Verdict
from actors.trading.order_lists import find_excess, find_left, is_sold_out
from messages.enums import ListRole, OrderStatus, OrderType, Reason
from messages.instruments import Instrument, to_text
from messages.orders import Order

LISTS_REMEMBERED = 1_000
STOPS = (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)


class KeptLists:
    """Lets exits follow their entry, and one exit end the other."""

    def __init__(self, port: Port, books: Books, cancels: Cancels, emulation: Emulation) -> None:
        self.port = port
        self.books = books
        self.cancels = cancels
        self.emulation = emulation
        self.told_excess: dict[str, Decimal] = {}
        """What was told last of what a list's exits have executed too much, by the list's id."""

    def on_change(self, order: Order) -> None:
        """Carries on the list of an order of which something was said: also of one that had been proven absent."""
        if not order.is_list_kept:
            return
        listed = self.books.table.list_orders(order)
        entry = next((each for each in listed if each.list_role is ListRole.ENTRY), None)
        exits = [each for each in listed if each is not entry]
        if order is entry and not order.is_open:
            self._follow(order, [each for each in exits if each.is_open and each.is_waiting])
            return
        if entry is not None and entry.is_open and not any(each.is_open for each in exits):
            self._withdraw(entry, "its exits have ended")
        if order is not entry:
            self._hold_together(exits)

    def on_revoked(self, order: Order) -> None:
        """An exit that had been given up is there after all: meanwhile what it would sell may have been sold."""
        is_exit = order.is_list_kept and order.list_role is not ListRole.ENTRY
        if is_exit and order.is_open and not self.emulation.placements.is_covered(order):
            self._withdraw(order, "what it would sell is not held any more")

    def _hold_together(self, exits: list[Order]) -> None:
        """One exit ends the other, and what the venue tells late of one takes from what another may sell."""
        self._tell_excess(exits)
        is_earlier_leg = self.emulation.chains.is_earlier_leg
        at_venue = [
            each for each in exits if each.is_open and not (each.is_armed or each.is_waiting)
        ]
        # Only of what was proven absent can there be a second one. What protects goes on, as it was sent last.
        at_venue.sort(key=lambda each: (is_earlier_leg(each), each.order_type not in STOPS))
        is_sold = any(map(is_sold_out, exits))
        for each in exits:
            left = find_left(each, exits)
            if not each.is_open:
                continue
            if is_sold or not left:
                self._withdraw(each)
            elif each in at_venue[1:] or (each in at_venue and is_earlier_leg(each)):
                self._withdraw(each, "another exit has taken its place")
            elif each in at_venue and left < each.quantity:
                self._shorten(each)

    def _shorten(self, order: Order) -> None:
        """It offers more than is left: it is canceled, and the trigger of a stop armed again for the rest when that is told."""
        why = "another exit has sold a part of it"
        if order.order_type not in STOPS:
            # The stop stands, for all that is left.
            self._withdraw(order, why)
            return
        if order.order_id in self.cancels.pursued:
            return
        self.port.log.warning("%s is canceled: %s", order.client_order_id, why)
        self.emulation.shortened.add(order.order_id)
        self.cancels.request(order, Reason.REPLACED, why, is_pursued=True)

    def _withdraw(self, order: Order, why: str = "") -> None:
        if order.order_id in self.cancels.pursued:
            return
        if why:
            self.port.log.warning("%s is canceled: %s", order.client_order_id, why)
        self.cancels.request(order, is_pursued=True)

    def _tell_excess(self, exits: list[Order]) -> None:
        """Says once what exits have executed beyond what they were for: what was proven absent has been filled."""
        excess, list_id = find_excess(exits), exits[0].list_id
        if not excess or self.told_excess.get(list_id) == excess:
            return
        self.told_excess[list_id] = excess
        if len(self.told_excess) > LISTS_REMEMBERED:
            del self.told_excess[next(iter(self.told_excess))]
        self.port.log.error(
            "the exits of %s of %s have executed %s more than they were for: %s; look at the position",
            list_id,
            exits[0].strategy,
            to_text(excess),
            ", ".join(
                f"{each.client_order_id} ({each.order_id}) {to_text(each.executed_quantity)} of {to_text(each.quantity)}"
                for each in exits
                if each.executed_quantity
            ),
        )

    def restore_shortened(self, order: Order) -> None:
        """Knows a stop at the venue again that an earlier instance cancels because it offers more than is left."""
        if not order.is_list_kept or order.order_type not in STOPS:
            return
        if find_left(order, self.books.table.list_orders(order)) < order.quantity:
            self.emulation.shortened.add(order.order_id)

    def on_instrument(self, instrument: Instrument) -> None:
        """The ends of shortened stops that had to wait for these rules are acted on and told."""
        market = (instrument.exchange, instrument.symbol)
        for order in list(self.books.unruled.values()):
            if (order.exchange, order.symbol) == market:
                del self.books.unruled[order.order_id]
                self.emulation.shortened.add(order.order_id)
                self.emulation.settle(
                    OrderChange(Verdict.APPLIED, order, status_changed=True, is_ended=True)
                )

    def restore(self, order: Order) -> None:
        """Goes on with an exit that an earlier instance has written down, once all that it has left is known."""
        if order.is_list_kept:
            self.port.schedule(0.0, self._resume, order.order_id)

    def _resume(self, order_id: str) -> None:
        order = self.books.table.get(order_id)
        if order is None or not order.is_open:
            return
        listed = self.books.table.list_orders(order)
        if not order.is_waiting:
            self.on_change(order)
            return
        entry = next((each for each in listed if each.list_role is ListRole.ENTRY), None)
        if entry is None:
            self.port.log.error(
                "nothing is known of the entry that %s waits for: it is canceled", order_id
            )
            self.cancels.request(order)
        elif not entry.is_open:
            self._follow(entry, [order])

    def _follow(self, entry: Order, exits: list[Order]) -> None:
        """The entry has ended: what waited for it begins, or ends too."""
        if entry.status is OrderStatus.FILLED:
            instrument = self.books.instruments.get((entry.exchange, entry.symbol))
            if instrument is not None:
                fit_exits([entry, *exits], instrument)  # it may have been reduced meanwhile
            for each in exits:
                self.emulation.release(each)
        elif entry.status is OrderStatus.REJECTED:
            for each in exits:
                self.emulation.refuse(each, entry.reason, entry.reason_text)
        else:
            for each in exits:
                self.cancels.request(each, entry.reason, f"its entry is {entry.status}")
