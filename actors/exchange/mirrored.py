"""A market out of another exchange's streams: its book and its trades, in which the orders of users take part on paper.

**The book.** Every streamed level is kept here as orders of the house, quantity for quantity; that is what our own depth
streams show, with the users' orders among it. What a user takes from a level is put back with the next change of the book:
the other exchange knows nothing of him.

**How resting orders of users fill**, and the queue before them. What a level shows when an order arrives stands ahead of it.
A streamed trade at its price first eats what is ahead of it and only then the order itself; a trade beyond its price, or a
quote of the other side that comes to it, has reached it at once. It fills at its own price, and never for more than the trade
or the quote offers. When a level shrinks without a trade, somebody has canceled, and nobody tells where in the queue he stood:
he is taken to have stood behind the user, as long as there is anybody behind him. What a level gains stands behind the user.

**The tape** is the streamed trades with their own ids, and nothing else. Trades of users are known to their accounts, under
ids above all streamed ones.
"""

from collections.abc import Iterable
from decimal import Decimal

from sortedcontainers import SortedDict

from actors.exchange.matching import quote_amount
from actors.exchange.orders import ZERO, OrderRecord, PublicTrade
from actors.exchange.venue import Venue
from messages.enums import Side, TimeInForce

Level = tuple[Decimal, Decimal]
"""Price and quantity."""


class MirroredMarket:
    """One symbol. `set_levels`, `trade` and `withdraw` leave the book of the engine as streamed, and report it."""

    def __init__(self, venue: Venue, symbol: str) -> None:
        """Raises VenueError for an unknown symbol."""
        self._venue, self._symbol = venue, symbol
        self._market = venue.market(symbol)
        self._market.take_recorded_tape()
        self._house = venue.open_house_account(f"streamed {symbol}")
        self._streamed: dict[Side, SortedDict] = {Side.BUY: SortedDict(), Side.SELL: SortedDict()}
        self._resting: dict[Side, dict[Decimal, list[OrderRecord]]] = {Side.BUY: {}, Side.SELL: {}}
        self._last_trade_id = 0

    # The book.

    def load(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Takes a whole book in place of what there was."""
        for side, levels in ((Side.BUY, dict(bids)), (Side.SELL, dict(asks))):
            gone = [price for price in self._resting[side] if price not in levels]
            self._streamed[side] = SortedDict(levels)
            for price in gone:
                self._shrink(side, price, ZERO)
        self._apply([(side, price) for side, levels in self._streamed.items() for price in levels])

    def set_levels(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Sets levels to absolute quantities; 0 removes one."""
        changed = []
        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            streamed = self._streamed[side]
            for price, quantity in levels:
                if quantity:
                    streamed[price] = quantity
                else:
                    streamed.pop(price, None)
                changed.append((side, price))
            changed += [(side, price) for price in self._taken(side)]
        self._apply(changed)

    def withdraw(self) -> None:
        """The streamed book is not known any longer: nobody may trade against what it was."""
        self.load((), ())

    def _taken(self, side: Side) -> list[Decimal]:
        """The levels, from the best on, that users or trades have taken from since the book was last set."""
        taken = []
        streamed = self._streamed[side]
        for price in reversed(streamed) if side is Side.BUY else streamed:
            if self._held(side, price) == streamed[price]:
                break
            taken.append(price)
        return taken

    def _apply(self, changed: Iterable[tuple[Side, Decimal]]) -> None:
        """Brings levels to what is streamed: first down, so that what comes up meets no order of the house.

        Then up, from the best on: so what users' orders take of it is missing from the best on.
        """
        changed = sorted(set(changed), key=lambda one: -one[1] if one[0] is Side.BUY else one[1])
        for side, price in changed:
            self._shrink(side, price, self._streamed[side].get(price, ZERO))
        for side, price in changed:
            self._grow(side, price, self._streamed[side].get(price, ZERO))
        self._venue.report_book(self._symbol)

    def _open_orders(self, side: Side, price: Decimal) -> list[OrderRecord]:
        orders = [order for order in self._resting[side].get(price, ()) if order.is_open]
        if orders:
            self._resting[side][price] = orders
        else:
            self._resting[side].pop(price, None)
        return orders

    def _held(self, side: Side, price: Decimal) -> Decimal:
        orders = self._resting[side].get(price, ())
        return sum((order.open_quantity for order in orders if order.is_open), ZERO)

    def _shrink(self, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Takes what is too much off a level, the youngest first."""
        surplus = self._held(side, price) - quantity
        if surplus <= 0:
            return
        for order in reversed(self._open_orders(side, price)):
            if order.open_quantity > surplus:
                self._venue.reduce_house_order(order, surplus)
                break
            surplus -= order.open_quantity
            self._venue.cancel_house_order(order)
            if not surplus:
                break
        self._open_orders(side, price)

    def _grow(self, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Adds what is missing at the end of the queue; where nobody else stands in it, as one order with what was there."""
        orders = self._open_orders(side, price)
        missing = quantity - sum((order.open_quantity for order in orders), ZERO)
        if missing <= 0:
            return
        if len(orders) > 1 and self._is_alone(side, price):
            for order in orders:
                self._venue.cancel_house_order(order)
            orders, missing = [], quantity
        placed = self._venue.place_house_order(self._house, self._symbol, side, price, missing)
        self._resting[side][price] = [*orders, placed]

    def _is_alone(self, side: Side, price: Decimal) -> bool:
        """Whether all that rests at a price is the house's."""
        return self._market.engine.book.quantity_at(side, price) == self._held(side, price)

    # Trades.

    def trade(self, trade_id: int, price: Decimal, quantity: Decimal, is_buyer_maker: bool) -> None:
        """Lets a streamed trade meet the orders that stand where it was, and prints it. One already known is ignored."""
        if trade_id <= self._last_trade_id:
            return
        self._last_trade_id = trade_id
        taker = Side.SELL if is_buyer_maker else Side.BUY
        maker = taker.opposite
        self._clear_better(maker, price)
        streamed = self._streamed[maker]
        if price in streamed:
            streamed[price] = max(streamed[price] - quantity, ZERO)
            if not streamed[price]:
                del streamed[price]
        if self._market.engine.would_match(taker, price):
            self._venue.place_house_order(
                self._house, self._symbol, taker, price, quantity, TimeInForce.IOC
            )
        self._print(trade_id, price, quantity, is_buyer_maker)
        self._venue.report_book(self._symbol)

    def remember(self, trades: Iterable[tuple[int, Decimal, Decimal, bool]]) -> None:
        """Prints trades that were before the market began, so that there is a last price."""
        for trade_id, price, quantity, is_buyer_maker in trades:
            if trade_id > self._last_trade_id:
                self._last_trade_id = trade_id
                self._print(trade_id, price, quantity, is_buyer_maker)

    def _print(
        self, trade_id: int, price: Decimal, quantity: Decimal, is_buyer_maker: bool
    ) -> None:
        amount = quote_amount(price, quantity)
        now_us = self._venue.now_us()
        printed = PublicTrade(trade_id, price, quantity, amount, now_us, is_buyer_maker)
        self._venue.print_trade(self._symbol, printed)

    def _clear_better(self, side: Side, price: Decimal) -> None:
        """Who traded at a price has found nothing better: what we still show there is out of date, and is not his.

        Its levels come back with the next change of the book, should they be there after all.
        """
        better = [
            own for own in self._resting[side] if (own > price if side is Side.BUY else own < price)
        ]
        for own in better:
            self._shrink(side, own, ZERO)
