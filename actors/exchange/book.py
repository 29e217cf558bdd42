"""One symbol's order book: price levels, each a queue of resting orders in the order of their arrival.

Every change of a level's total takes one update id. Whoever needs the changes (a depth stream of 100 ms, another of
1000 ms) opens a `DepthChanges` of its own; it remembers which levels changed and gives their totals of the moment it
is asked, so that a diff with the ids `U` to `u` brings a book of id `U - 1` or later exactly to id `u`
(web-socket-streams.md, How to manage a local order book correctly).
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from sortedcontainers import SortedDict

from actors.exchange.orders import ZERO, OrderRecord
from messages.enums import Side

Levels = list[tuple[Decimal, Decimal]]
"""(price, quantity) pairs, best first."""


@dataclass(slots=True, frozen=True)
class DepthSnapshot:
    """The best levels of both sides as of one update id."""

    last_update_id: int
    bids: Levels
    asks: Levels


@dataclass(slots=True, frozen=True)
class DepthDiff:
    """All levels that changed in the updates from `first_update_id` to `final_update_id`; quantity 0 removes one."""

    first_update_id: int
    final_update_id: int
    bids: dict[Decimal, Decimal]
    asks: dict[Decimal, Decimal]


@dataclass(slots=True, frozen=True)
class BookTicker:
    """Best price and quantity of both sides; zeros for an empty side."""

    update_id: int
    bid_price: Decimal
    bid_quantity: Decimal
    ask_price: Decimal
    ask_quantity: Decimal


class Level:
    """One price: its orders, oldest first, and together what of them is seen (`quantity`) and what is `hidden`."""

    __slots__ = ("hidden", "orders", "quantity")

    def __init__(self) -> None:
        # An OrderedDict finds its first entry and drops any entry in constant time; a plain dict walks over the
        # holes that removed entries left at its front.
        self.orders: OrderedDict[int, OrderRecord] = OrderedDict()
        self.quantity = ZERO
        self.hidden = ZERO

    def show(self, order: OrderRecord, before: Decimal, left: Decimal, shown: Decimal) -> None:
        """Counts an iceberg order of which `before` was open, `left` is, and `shown` is seen from now on."""
        self.quantity += shown - order.shown_quantity
        self.hidden += left - shown - (before - order.shown_quantity)
        order.shown_quantity = shown


class DepthChanges:
    """What changed in one book since this consumer last took it."""

    def __init__(self, book: "OrderBook") -> None:
        self._book = book
        self._taken_update_id = book.update_id
        self.bids: set[Decimal] = set()
        self.asks: set[Decimal] = set()

    def take(self) -> DepthDiff | None:
        """The changes since the last call (or the opening), and forgets them; None if there were none."""
        book = self._book
        if book.update_id == self._taken_update_id:
            return None
        diff = DepthDiff(
            self._taken_update_id + 1,
            book.update_id,
            {price: book.quantity_at(Side.BUY, price) for price in sorted(self.bids, reverse=True)},
            {price: book.quantity_at(Side.SELL, price) for price in sorted(self.asks)},
        )
        self._taken_update_id = book.update_id
        self.bids.clear()
        self.asks.clear()
        return diff

    def close(self) -> None:
        """Stops collecting."""
        self._book.close_changes(self)


class OrderBook:
    """The resting orders of one symbol."""

    def __init__(self) -> None:
        self.update_id = 0
        self._bids: SortedDict = SortedDict()
        self._asks: SortedDict = SortedDict()
        self._consumers: list[DepthChanges] = []

    def open_changes(self) -> DepthChanges:
        """A new consumer, which sees the changes from now on."""
        changes = DepthChanges(self)
        self._consumers.append(changes)
        return changes

    def close_changes(self, changes: DepthChanges) -> None:
        """Ends a consumer; one that has ended already is no error."""
        if changes in self._consumers:
            self._consumers.remove(changes)

    def add(self, order: OrderRecord) -> None:
        """Puts an order at the end of its price's queue."""
        levels = self._bids if order.side is Side.BUY else self._asks
        level = levels.get(order.price)
        if level is None:
            level = levels[order.price] = Level()
        level.orders[order.order_id] = order
        quantity = order.open_quantity
        if order.iceberg_quantity:
            order.shown_quantity = ZERO
            level.show(order, ZERO, quantity, min(order.iceberg_quantity, quantity))
        else:
            level.quantity += quantity
        self._note(order.side, order.price)

    def remove(self, order: OrderRecord) -> None:
        """Takes an order out, with what is open of it.

        Raises KeyError if it does not rest here.
        """
        levels = self._bids if order.side is Side.BUY else self._asks
        level = levels[order.price]
        del level.orders[order.order_id]
        self._reduce(levels, level, order, order.open_quantity)

    def execute(self, order: OrderRecord, quantity: Decimal) -> None:
        """Takes an executed or prevented quantity off a resting order, which keeps its place or, when it was all, leaves.

        An iceberg order of which all that was shown is gone shows the next part, at the end of the queue.
        Called before the order's own quantities are raised.
        """
        levels = self._bids if order.side is Side.BUY else self._asks
        level = levels[order.price]
        if quantity == order.open_quantity:
            del level.orders[order.order_id]
        elif order.iceberg_quantity and quantity >= order.shown_quantity:
            level.orders.move_to_end(order.order_id)
            left = order.open_quantity - quantity
            level.show(order, order.open_quantity, left, min(order.iceberg_quantity, left))
            self._note(order.side, order.price)
            return
        self._reduce(levels, level, order, quantity)

    def reduce(self, order: OrderRecord, quantity: Decimal) -> None:
        """Takes a part off a resting order, less than what is open of it; the order keeps its place.

        Of an iceberg order, what is hidden goes first.
        """
        levels = self._bids if order.side is Side.BUY else self._asks
        level = levels[order.price]
        if order.iceberg_quantity:
            left = order.open_quantity - quantity
            level.show(order, order.open_quantity, left, min(order.shown_quantity, left))
            self._note(order.side, order.price)
            return
        self._reduce(levels, level, order, quantity)

    def _reduce(
        self, levels: SortedDict, level: Level, order: OrderRecord, quantity: Decimal
    ) -> None:
        if order.iceberg_quantity:
            left = order.open_quantity - quantity
            level.show(
                order,
                order.open_quantity,
                left,
                min(order.shown_quantity - quantity, left) if left else ZERO,
            )
        else:
            level.quantity -= quantity
        if not level.orders:
            del levels[order.price]
        self._note(order.side, order.price)

    def _note(self, side: Side, price: Decimal) -> None:
        self.update_id += 1
        for consumer in self._consumers:
            (consumer.bids if side is Side.BUY else consumer.asks).add(price)

    def best_price(self, side: Side) -> Decimal | None:
        """The highest bid or the lowest ask."""
        best = self._best(side)
        return best[0] if best else None

    def best_order(self, side: Side) -> OrderRecord | None:
        """The order that is first in line on a side."""
        best = self._best(side)
        return next(iter(best[1].orders.values())) if best else None

    def _best(self, side: Side) -> tuple[Decimal, Level] | None:
        levels = self._bids if side is Side.BUY else self._asks
        if not levels:
            return None
        best: tuple[Decimal, Level] = levels.peekitem(-1 if side is Side.BUY else 0)
        return best

    def levels(self, side: Side) -> Iterator[tuple[Decimal, Level]]:
        """All levels of a side, best first."""
        levels = self._bids if side is Side.BUY else self._asks
        for price in reversed(levels) if side is Side.BUY else levels:
            yield price, levels[price]

    def quantity_at(self, side: Side, price: Decimal) -> Decimal:
        """What is seen at one price; 0 if nothing."""
        level = (self._bids if side is Side.BUY else self._asks).get(price)
        return level.quantity if level is not None else ZERO

    def depth(self, limit: int) -> DepthSnapshot:
        """The best `limit` levels of both sides."""
        return DepthSnapshot(
            self.update_id,
            [(price, level.quantity) for price, level in islice(self.levels(Side.BUY), limit)],
            [(price, level.quantity) for price, level in islice(self.levels(Side.SELL), limit)],
        )

    def ticker(self) -> BookTicker:
        """Best bid and ask."""
        bid, ask = self._best(Side.BUY), self._best(Side.SELL)
        return BookTicker(
            self.update_id,
            bid[0] if bid else ZERO,
            bid[1].quantity if bid else ZERO,
            ask[0] if ask else ZERO,
            ask[1].quantity if ask else ZERO,
        )
