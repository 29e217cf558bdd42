"""What happens inside one bar, judged pessimistically: the order of its prices is not known, but for its open and its close.

**Reached.** A fall from the open to the low reaches resting BUY orders, SELL stops and BUY take profits; a rise to the high
the others. Orders that only one end of the bar reaches are certain, each at its own price: a limit at its limit, a trigger at
its trigger price (of a trail, cut to the worse side and to the range). They happen in the order in which the price comes by.

**Both ends.** Where a fall and a rise each reach something, the bar is counted as ambiguous. A stop counts at whichever end
it lies, and nothing at the other end but stops; without a stop only the end that the bar closed towards (its low, if it
fell or stood).

**What comes into being inside a bar** (exits that an entry's fill releases, orders that become limits when set off) takes part
in the rest of that movement: so a released stop may end a position in the very bar that opened it. To the other side it
fills only if the close, which came last, reached its price; where the bar has been there and the close has not, that is
ambiguous.

**Trails** know the best price of the bars before, and the open. The bar is held against them first, then they follow its
extreme, or, if they began within it, its close.
"""

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from actors.backtest.settings import FillModel
from actors.exchange.orders import STOP_LOSS_TYPES, OrderRecord
from actors.exchange.triggers import trailing_trigger, triggers_above, would_trigger
from messages.enums import Side
from messages.instruments import to_decimal
from messages.market import Kline

if TYPE_CHECKING:
    from actors.backtest.bar_book import BarBook


class InsideBar:
    """One bar after its open, and the orders that it meets."""

    def __init__(self, book: "BarBook", bar: Kline) -> None:
        self.book, self.bar = book, bar
        self.low, self.high = to_decimal(bar.low), to_decimal(bar.high)
        self.close = to_decimal(bar.close)
        self.known = {(order.order_id, order.is_waiting) for order in self._orders()}
        """What rested or waited before."""
        self.is_ambiguous = False

    def play(self) -> None:
        """Lets everything happen."""
        fall = [order for order in self._orders() if self._is_reached(order, Side.SELL)]
        rise = [order for order in self._orders() if self._is_reached(order, Side.BUY)]
        stops = [
            taker
            for taker, found in ((Side.SELL, fall), (Side.BUY, rise))
            if any(map(is_stop, found))
        ]
        if fall and rise:
            self.is_ambiguous = True
            toward = Side.SELL if self.bar.close <= self.bar.open else Side.BUY
            for taker in stops or [toward]:
                self._move(taker, only_stops=len(stops) > 1)
        elif fall or rise:
            self._move(Side.SELL if fall else Side.BUY)
        self._meet_close()
        self._trail()

    def _orders(self) -> Iterator[OrderRecord]:
        """The trader's that rest, then those that wait."""
        yield from self.book.records(Side.BUY)
        yield from self.book.records(Side.SELL)
        yield from self.book.market.triggers

    def _is_new(self, order: OrderRecord) -> bool:
        """Whether it came to rest or to wait within this bar."""
        return (order.order_id, order.is_waiting) not in self.known

    # One movement, from the open to an extreme.

    def _move(self, taker: Side, *, only_stops: bool = False) -> None:
        """The price falls to the low (the market sells) or rises to the high."""
        while True:
            reached = [
                order
                for order in self._orders()
                if self._is_reached(order, taker) and not (only_stops and not is_stop(order))
            ]
            if not reached:
                return
            sign = -1 if taker is Side.SELL else 1
            order = min(
                reached,
                key=lambda one: (
                    sign * price_of(one),
                    one.is_waiting,
                    one.time_us,
                    one.order_id,
                ),
            )
            self._happen(order)

    def _happen(self, order: OrderRecord) -> None:
        if order.is_waiting:
            self.book.market.triggers.remove(order)
            self.book.fire(order, self._fill_price(order), self.bar)
        else:
            self.book.take_of_bar(order, self.bar)
        self.is_ambiguous = self.is_ambiguous or any(map(self._is_unclear, self._orders()))

    def _is_reached(self, order: OrderRecord, taker: Side) -> bool:
        if moved_by(order) is not taker or not self._can_happen(order):
            return False
        price = price_of(order)
        extreme = self.low if taker is Side.SELL else self.high
        return self._reaches(order, price, taker, extreme)

    def _can_happen(self, order: OrderRecord) -> bool:
        if not order.is_waiting:
            return self.book.left_of(self.bar) > 0
        return order.trailing_delta is None or trailing_trigger(order) is not None

    def _reaches(self, order: OrderRecord, price: Decimal, taker: Side, extreme: Decimal) -> bool:
        if not order.is_waiting and self.book.fill_model is FillModel.THROUGH:
            return price > extreme if taker is Side.SELL else price < extreme
        return price >= extreme if taker is Side.SELL else price <= extreme

    def _fill_price(self, order: OrderRecord) -> Decimal:
        """At what price it happens: its own; of a trail cut to the worse side of the price step, within the range."""
        price = price_of(order)
        if not order.is_waiting or order.trailing_delta is None:
            return price
        tick = self.book.rules.tick_size
        way = ROUND_CEILING if order.is_buy else ROUND_FLOOR
        return min(max((price / tick).to_integral_value(way) * tick, self.low), self.high)

    # After it.

    def _meet_close(self) -> None:
        """What came into being in the bar, to the other side: only the close is known to have come after it."""
        while True:
            reached = [
                order
                for order in self._orders()
                if self._is_new(order)
                and not is_stop(order)
                and self._can_happen(order)
                and self._reaches(order, price_of(order), moved_by(order), self.close)
            ]
            if not reached:
                return
            self._happen(reached[0])

    def _is_unclear(self, order: OrderRecord) -> bool:
        """Whether the bar has been at the price of what came into being within it, and nobody knows when."""
        if not self._is_new(order) or is_stop(order) or not self._can_happen(order):
            return False
        taker, price = moved_by(order), price_of(order)
        extreme = self.low if taker is Side.SELL else self.high
        return self._reaches(order, price, taker, extreme) and not self._reaches(
            order, price, taker, self.close
        )

    def _trail(self) -> None:
        for order in self.book.market.triggers:
            if order.trailing_delta is None:
                continue
            best = self.low if order.is_buy else self.high
            if self._is_new(order):
                best = self.close
            if order.trailing_time_us is None:
                reached = self.high if triggers_above(order) else self.low
                if order.stop_price is None or not would_trigger(order, reached):
                    continue
                order.trailing_time_us = self.book.venue.now_us()
                order.trailing_extreme = order.stop_price
                if triggers_above(order) is order.is_buy:  # it began against its own direction
                    best = self.close
            known = order.trailing_extreme or best
            order.trailing_extreme = min(known, best) if order.is_buy else max(known, best)


def price_of(order: OrderRecord) -> Decimal:
    """The price that it rests at or waits for."""
    if not order.is_waiting:
        return order.price
    return trailing_trigger(order) or order.stop_price or Decimal(0)


def moved_by(order: OrderRecord) -> Side:
    """Which movement brings the price to an order: a market that sells, and falls, or one that buys."""
    if not order.is_waiting:
        return order.side.opposite
    if order.trailing_delta is not None:
        return order.side
    return Side.BUY if triggers_above(order) else Side.SELL


def is_stop(order: OrderRecord) -> bool:
    """Whether an order waits for a price that is worse than the last: a stop loss, or any that trails."""
    return order.is_waiting and (
        order.trailing_delta is not None or order.order_type in STOP_LOSS_TYPES
    )
