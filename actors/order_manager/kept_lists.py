"""Lists that the order manager keeps where the venue has none: an entry, and exits of which one ends the other.

The exits are written down with the entry, under the names that they will have at the venue, and wait. When the entry is
filled whole the target goes to the venue, to rest there, and the stop's trigger is watched here (emulation.py); when the
entry ends otherwise they are canceled. A pair without an entry begins at once.

Both exits must not sell: when the stop is reached the target is canceled first, and the stop is sent when the venue has
said how that ended, for what the target has not sold. Until then the stop stands, also beside a target that is filled in
part; a target that is filled whole cancels it.
"""

from actors.order_manager.books import Books
from actors.order_manager.cancels import Cancels
from actors.order_manager.emulation import Emulation
from actors.order_manager.placements import fit_exits
from actors.order_manager.port import Port
from actors.trading.price_trigger import is_target
from messages.enums import ListRole, OrderStatus
from messages.orders import Order


class KeptLists:
    """Lets exits follow their entry, and one exit end the other."""

    def __init__(self, port: Port, books: Books, cancels: Cancels, emulation: Emulation) -> None:
        self.port = port
        self.books = books
        self.cancels = cancels
        self.emulation = emulation

    def on_change(self, order: Order) -> None:
        """Carries on the list of an order that has ended, or that was proven absent and is there after all."""
        if not order.is_list_kept:
            return
        if order.is_open:
            self._withdraw_late(order)
            return
        exits = [each for each in self._exits_of(order) if each.is_open and each is not order]
        if order.list_role is ListRole.ENTRY:
            self._follow(order, [each for each in exits if each.is_waiting])
        elif order.status is OrderStatus.FILLED:
            for other in exits:
                self.cancels.request(other, is_pursued=True)

    def _withdraw_late(self, order: Order) -> None:
        """Cancels an exit that turns up at the venue when another one has sold; a target also when the stop is at it.

        With what the stop has sold, or still offers, the target would offer more than is left.
        """
        if order.list_role is ListRole.ENTRY or order.is_armed:
            return
        others = [each for each in self._exits_of(order) if each is not order]
        has_sold = any(each.status is OrderStatus.FILLED for each in others)
        is_beside = is_target(order) and any(
            each.executed_quantity or (each.is_open and not (each.is_armed or each.is_waiting))
            for each in others
        )
        if has_sold or is_beside:
            self.cancels.request(order, is_pursued=True)

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
            if any(each.status is OrderStatus.FILLED for each in self._exits_of(order)):
                self.cancels.request(order, is_pursued=True)
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

    def _exits_of(self, order: Order) -> list[Order]:
        listed = self.books.table.list_orders(order)
        return [each for each in listed if each.list_role is not ListRole.ENTRY]
