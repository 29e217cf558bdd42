"""One symbol of a paper market: the streamed book and trades of another exchange, and the users' orders among them.

**The book.** Every level of the streamed book stands in this exchange's own book as an order of the house, kept to the
streamed quantity with every difference (web-socket-streams.md, How to manage a local order book correctly). So a user's
order that takes meets exactly what is displayed; what it took is back when the stream next tells of that level. While the
book is not known (no snapshot yet, a gap, a lost connection) nothing is displayed and nothing can be taken.

**The tape** is the streamed one, with its ids. Trades of users are not on it; their ids begin above all streamed ones.

**Resting orders** stand in queues by their displayed quantities (queue_position.py); a streamed trade whose taker came from
the other side fills them from what it leaves. One that was made before the order was accepted does not. When the other
side of the streamed book comes to an order's price, they trade, as at the matching engine.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from actors.exchange.accounts import Account
from actors.exchange.matching import quote_amount
from actors.exchange.orders import OrderRecord, PublicTrade
from actors.exchange.queue_position import QueuePositions
from actors.exchange.venue import Venue
from actors.trading.order_book import BookResult, LocalOrderBook
from messages.enums import Side, TimeInForce
from messages.instruments import to_decimal

Levels = Sequence[tuple[str, str]]
SNAPSHOT_LEVELS = 1000


class PaperBook:
    """The streamed market of one symbol."""

    def __init__(self, venue: Venue, symbol: str, house: Account) -> None:
        self.venue, self.symbol, self.house = venue, symbol, house
        self.market = venue.market(symbol)
        self.market.take_recorded_tape()
        self.streamed = LocalOrderBook(maximum_levels=5 * SNAPSHOT_LEVELS)
        self.quotes: dict[Side, dict[Decimal, OrderRecord]] = {Side.BUY: {}, Side.SELL: {}}
        self.queue = QueuePositions()

    @property
    def is_known(self) -> bool:
        """Whether the streamed book is known."""
        return self.streamed.is_synchronized

    def reset(self) -> None:
        """The connection is lost: nothing is displayed."""
        self.streamed.reset()
        self._withdraw_all()

    def apply_snapshot(self, last_update_id: int, bids: Levels, asks: Levels) -> BookResult:
        """Takes a snapshot, and the differences that waited for it. Raises ValueError for what is no book."""
        result = self.streamed.apply_snapshot(last_update_id, bids, asks)
        if result is BookResult.APPLIED:
            self._note_orders()
            found = self.streamed.top(5 * SNAPSHOT_LEVELS)
            self._withdraw_all()
            self._display(*([(to_decimal(p), to_decimal(q)) for p, q in side] for side in found))
        elif not self.is_known:
            self._withdraw_all()
        return result

    def apply_difference(
        self, first_update_id: int, last_update_id: int, bids: Levels, asks: Levels
    ) -> BookResult:
        """Takes a difference. Raises ValueError for what is none."""
        result = self.streamed.apply_diff(first_update_id, last_update_id, bids, asks)
        if result is BookResult.APPLIED:
            self._note_orders()
            self._display(*([(Decimal(p), Decimal(q)) for p, q in side] for side in (bids, asks)))
        elif result is BookResult.GAP:
            self._withdraw_all()
        return result

    def apply_trade(self, trade: PublicTrade) -> None:
        """A streamed trade: it fills who rests in its way, and is printed."""
        self._note_orders()
        taker = Side.SELL if trade.is_buyer_maker else Side.BUY
        records = [one for one in self._records(taker.opposite) if one.time_us <= trade.time_us]
        fills = list(self.queue.trade(taker, trade.price, trade.quantity, records))
        if fills:
            self._fill(taker, fills)
        self.venue.print_trade(self.symbol, trade)
        self.venue.report_book(self.symbol)

    def _fill(self, taker: Side, fills: Sequence[tuple[OrderRecord, Decimal]]) -> None:
        """Lets the house take from these orders and no others: what stands before them in the book is set aside."""
        book = self.market.engine.book
        worst = fills[-1][0].price
        chosen = {record.order_id for record, _ in fills}
        aside = [
            order
            for price, level in book.levels(taker.opposite)
            if (price >= worst if taker is Side.SELL else price <= worst)
            for order in level.orders.values()
            if order.order_id not in chosen
        ]
        for order in aside:
            book.remove(order)
        try:
            for record, quantity in fills:
                if record.is_open:
                    self.venue.place_house_order(
                        self.house, self.symbol, taker, record.price, quantity, TimeInForce.IOC
                    )
        finally:
            for order in aside:
                if order.is_open:
                    book.add(order)

    def _records(self, side: Side) -> list[OrderRecord]:
        """The users' resting orders of a side, by price, then time."""
        found = [
            order
            for account in self.venue.accounts.values()
            if not account.is_house and account.history.open
            for order in account.history.open.values()
            if order.symbol == self.symbol and order.side is side and order.rests
        ]
        direction = -1 if side is Side.BUY else 1
        return sorted(found, key=lambda order: (direction * order.price, order.order_id))

    def _note_orders(self) -> None:
        """Gives the orders that came since the last message their places, by the book as it was when they came."""
        known = self.queue.ahead
        resting: set[int] = set()
        for side in (Side.BUY, Side.SELL):
            records = self._records(side)
            resting.update(record.order_id for record in records)
            best = self._best(side) if records else None
            for record in records:
                if record.order_id not in known:
                    quote = self.quotes[side].get(record.price)
                    displayed = quote.open_quantity if quote is not None else None
                    self.queue.join(record, best, displayed, records)
        for order_id in [one for one in known if one not in resting]:
            del known[order_id]

    def _best(self, side: Side) -> Decimal | None:
        quotes = self.quotes[side]
        if not quotes:
            return None
        return max(quotes) if side is Side.BUY else min(quotes)

    def _display(
        self, bids: Iterable[tuple[Decimal, Decimal]], asks: Iterable[tuple[Decimal, Decimal]]
    ) -> None:
        """Brings the house's orders to what is streamed: first away with what has changed, then the new."""
        changed = ((Side.BUY, list(bids)), (Side.SELL, list(asks)))
        for side, levels in changed:
            for price, _ in levels:
                quote = self.quotes[side].pop(price, None)
                if quote is not None:
                    self.venue.cancel_house_order(quote)
        for side, levels in changed:
            for price, quantity in levels:
                if quantity:
                    self.quotes[side][price] = self.venue.place_house_order(
                        self.house, self.symbol, side, price, quantity
                    )
            if self.queue.ahead:
                self.queue.show(self._records(side), dict(levels))
        self.venue.report_book(self.symbol)

    def _withdraw_all(self) -> None:
        for quotes in self.quotes.values():
            for quote in quotes.values():
                self.venue.cancel_house_order(quote)
            quotes.clear()
        self.venue.report_book(self.symbol)


def streamed_trade(
    trade_id: int, price: str, quantity: str, time_us: int, is_buyer_maker: bool
) -> PublicTrade:
    """A trade out of its streamed fields."""
    at, of = Decimal(price), Decimal(quantity)
    return PublicTrade(trade_id, at, of, quote_amount(at, of), time_us, is_buyer_maker)
