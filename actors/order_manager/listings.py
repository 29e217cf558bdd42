"""Order lists: one intent, one name, and a word to the strategy when the whole has changed.

A list is nothing but its orders: each carries the list's id and what it is in it, so that whatever brings the orders back
after a restart brings back the list. Each order is asked for by its own client order id when its outcome is unknown.

The venue places the exits of an entry only when that is filled whole (rest-api.md, OTO). What a partly filled entry has
brought, or what is left when exits end without having sold it, nobody protects: that is told and logged when it begins.
Where the venue has no such lists they are kept here (kept_lists.py), by the same rules.
"""

from decimal import Decimal

from actors.order_manager.books import Books
from actors.order_manager.chains import Chains
from actors.order_manager.placements import Placements
from actors.order_manager.port import Port
from actors.order_manager.terms import build_order
from actors.trading.order_lists import find_state, find_unprotected
from messages.enums import ListRole, ListState, Reason
from messages.instruments import to_text
from messages.order_lists import OrderListUpdate, PlaceOrderList
from messages.orders import Order

LISTS_REMEMBERED = 1_000
Standing = tuple[ListState, Decimal, int, str, bool]
"""State, what is unprotected, the venue's id, the reason, and whether anything of it is open."""


class Listings:
    """Places lists and tells how they stand."""

    def __init__(self, port: Port, books: Books, chains: Chains, placements: Placements) -> None:
        self.chains = chains
        self.port = port
        self.books = books
        self.placements = placements
        self.told: dict[str, Standing] = {}
        """What was told last, by the list's id."""

    def place(self, command: PlaceOrderList) -> bool:
        """Sends a list, or tells why not; True if it was sent."""
        orders = []
        for place, role in zip(command.orders, command.roles, strict=False):
            place.sender = command.sender
            place.exchange, place.symbol = command.exchange, command.symbol
            place.origin_time_ns = command.origin_time_ns
            place.cause_sender, place.cause_number = command.cause_sender, command.cause_number
            order = build_order(place, self.port.now_ns)
            order.list_id, order.list_role = command.list_id, role
            orders.append(order)
        has_entry = bool(orders) and orders[0].list_role is ListRole.ENTRY
        for order in orders[1:] if has_entry else ():
            order.is_waiting = True
        refusal = None
        if len(orders) not in (2, 3) or len(command.roles) != len(command.orders):
            refusal = Reason.UNSUPPORTED, "a list has two or three orders"
        elif not has_entry and len(orders) != 2:
            refusal = Reason.UNSUPPORTED, "a list without an entry has two exits"
        elif not command.list_id:
            refusal = Reason.UNSUPPORTED, "a list needs an id of its own"
        if refusal is not None:
            if orders:
                self.placements.refuse_all(orders, refusal)
            is_sent = False
        else:
            is_sent = self.placements.place_list(orders, command.send_before_ns)
        if orders and not is_sent:
            self._tell(orders, ListState.REJECT, Decimal(0))
        return is_sent

    def on_change(self, order: Order) -> None:
        """Tells how the list of an order stands now, if that is news."""
        if not order.list_id:
            return
        orders = self.books.table.list_orders(order)
        state, unprotected = find_state(orders), find_unprotected(orders)
        if unprotected and not self._is_dust(order, unprotected):
            state = ListState.UNPROTECTED
        elif unprotected:
            unprotected = Decimal(0)
        # That nothing more will come is news, also of what was unprotected while the rest of the entry was to be bought.
        is_open = any(each.is_open for each in orders)
        reason_text = find_reason(orders).reason_text
        standing = state, unprotected, order.exchange_list_id, reason_text, is_open
        before = self.told.get(order.list_id)
        if before == standing:
            return
        self.told[order.list_id] = standing
        if len(self.told) > LISTS_REMEMBERED:
            del self.told[next(iter(self.told))]
        if state is ListState.UNPROTECTED and (before is None or before[1] != unprotected):
            self.port.log.warning(
                "%s of %s holds %s that no exit covers: %s",
                order.list_id,
                order.strategy,
                to_text(unprotected),
                ", ".join(f"{each.order_id} is {each.status}" for each in orders),
            )
        self._tell(orders, state, unprotected)

    def _tell(self, orders: list[Order], state: ListState, unprotected: Decimal) -> None:
        first = orders[0]
        last = find_reason(orders)
        self.port.send(
            OrderListUpdate(
                strategy=first.strategy,
                exchange=first.exchange,
                symbol=first.symbol,
                list_id=first.list_id,
                exchange_list_id=max(order.exchange_list_id for order in orders),
                state=state,
                order_ids=list(dict.fromkeys(map(self.chains.handle_of, orders))),
                unprotected_quantity=unprotected,
                reason=last.reason,
                reason_text=last.reason_text,
            )
        )

    def _is_dust(self, order: Order, quantity: Decimal) -> bool:
        """Whether it is less than any order: what the fee of the entry leaves over."""
        instrument = self.books.instruments.get((order.exchange, order.symbol))
        if instrument is None:
            return False
        rounded = instrument.round_quantity(quantity)
        price = (
            order.price or order.stop_price or self.books.mid_price(*(order.exchange, order.symbol))
        )
        worth = rounded * (price or Decimal(0))
        return rounded < instrument.min_quantity or bool(price and worth < instrument.min_notional)


def find_reason(orders: list[Order]) -> Order:
    """The order whose reason tells most of the list's: the first that has one."""
    return next((order for order in orders if order.reason is not Reason.NONE), orders[0])
