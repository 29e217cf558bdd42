"""The matching engine of one symbol: price-time priority, and nothing else.

Theory of operation
===================

The engine knows orders and the book. It knows no accounts, fees, filters, ids or clocks: the venue has checked an order
and reserved its funds before the engine sees it, and settles each match as the engine reports it. That is why one engine
serves the local exchange and whatever else must fill orders as the exchange does.

**Who trades with whom.** An incoming order (the taker) meets the best price of the other side first, and at one price
the order that has waited longest. Each match is at the price of the order that rested (the maker), never at the taker's,
so a taker gets its limit or better. A maker that is only partly executed keeps its place: its entry in the level's queue
is not touched, only its quantity shrinks. Executed in full it leaves the queue in the same step, so a later taker
cannot meet an order with nothing left.

**How far a taker goes.** It stops when it is filled, when the other side is empty, or when the next price is beyond its
limit. A MARKET order has no limit. What is left then depends on its kind:

=====================  ==========================================================
LIMIT GTC              rests at its own price, behind all that is there
LIMIT IOC              expires, `UNFILLED_IOC_QUANTITY_EXPIRED`
LIMIT FOK              executes in full or not at all; if not, it expires whole, `UNFILLED_FOK_ORDER_EXPIRED`
MARKET                 expires, `INSUFFICIENT_LIQUIDITY`: the book was not deep enough
LIMIT_MAKER            never gets so far: the venue refuses it if it would match (`would_match`)
=====================  ==========================================================

**Two passes.** `plan` walks the book without changing it and says what an order would execute and what that would cost.
It decides FOK, the funds that a MARKET order needs, and the quantity that an amount of quote asset buys. `execute` is the
only place that changes anything. Because nothing happens between the two (one thread, no awaiting), the plan holds.

An order by amount (`quoteOrderQty`) is turned into one by quantity in the first pass: at each price as many whole lots as
the rest of the amount pays for; where it does not pay for one lot, it stops, and the rest stays unspent. If the book ends
before the amount does, the rest is counted at the last price there was. From there on it is an ordinary MARKET order: in a
book that was too thin it ends EXPIRED, like any other.

**Amounts.** A match's amount of quote asset is price times quantity, cut to eight decimals as balances have them. Buyer
and seller move the same amount, so nothing appears or vanishes in rounding. What is set aside for a purchase is cut in
the same way, once for the whole of it: the parts of a sum, each cut, are never more than the sum cut once, so it is
always enough for the matches to come.

**Invariants.** The book is never crossed after `execute`: an order rests only when it no longer matches. The total of a
level is the sum of its orders' open quantities. No maker is executed beyond its open quantity. The tests hold all of them
against random flows of orders.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from actors.exchange.book import OrderBook
from actors.exchange.orders import ZERO, ExpiryReason, OrderRecord
from messages.enums import OrderStatus, OrderType, Side, TimeInForce
from messages.instruments import round_down

SMALLEST = Decimal("0.00000001")

OnMatch = Callable[[OrderRecord, OrderRecord, Decimal, Decimal, Decimal], None]
"""Called after each match as (taker, maker, price, quantity, quote quantity)."""


def quote_amount(price: Decimal, quantity: Decimal) -> Decimal:
    """What a match moves of the quote asset, and what must be set aside to buy: cut to eight decimals."""
    return (price * quantity).quantize(SMALLEST, ROUND_DOWN)


@dataclass(slots=True, frozen=True)
class Plan:
    """What an order would execute at once."""

    quantity: Decimal
    quote_quantity: Decimal
    """What its matches move of the quote asset; of a purchase, at most."""
    is_short: bool
    """Whether the book, within the order's limit, ended before the order did."""


class MatchingEngine:
    """The book of one symbol and the rules by which orders meet in it."""

    def __init__(self, lot_size: Decimal) -> None:
        self.lot_size = lot_size
        self.book = OrderBook()

    def would_match(self, side: Side, price: Decimal) -> bool:
        """Whether an order at this price would trade at once."""
        best = self.book.best_price(side.opposite)
        return best is not None and _reaches(side, price, best)

    def plan(self, side: Side, quantity: Decimal, limit: Decimal | None = None) -> Plan:
        """What an order by quantity would execute; `limit` None is a MARKET order."""
        remaining, quote = quantity, ZERO
        for price, level in self.book.levels(side.opposite):
            if remaining <= 0 or (limit is not None and not _reaches(side, limit, price)):
                break
            taken = min(remaining, level.quantity)
            quote += quote_amount(price, taken)
            remaining -= taken
        return Plan(quantity - remaining, quote, remaining > 0)

    def plan_by_amount(self, side: Side, amount: Decimal) -> Plan:
        """The quantity of a MARKET order by amount of quote asset, 0 if the other side is empty."""
        remaining, quantity, last_price = amount, ZERO, ZERO
        for price, level in self.book.levels(side.opposite):
            affordable = round_down(remaining / price, self.lot_size)
            taken = min(affordable, level.quantity)
            remaining -= quote_amount(price, taken)
            quantity += taken
            last_price = price
            if affordable <= level.quantity:
                return Plan(quantity, amount - remaining, False)
        rest = round_down(remaining / last_price, self.lot_size) if last_price else ZERO
        return Plan(quantity + rest, amount - remaining, rest > 0)

    def execute(self, taker: OrderRecord, on_match: OnMatch) -> None:
        """Matches an order and leaves it filled, resting or expired; the only place that changes the book by trades."""
        is_market = taker.order_type is OrderType.MARKET
        limit = None if is_market else taker.price
        is_all_or_none = taker.time_in_force is TimeInForce.FOK
        if is_all_or_none and self.plan(taker.side, taker.quantity, limit).is_short:
            _expire(taker, ExpiryReason.UNFILLED_FOK_ORDER)
            return
        self._match(taker, limit, on_match)
        if taker.open_quantity <= 0:
            return
        if is_market:
            _expire(taker, ExpiryReason.INSUFFICIENT_LIQUIDITY)
        elif taker.time_in_force is TimeInForce.IOC:
            _expire(taker, ExpiryReason.UNFILLED_IOC_QUANTITY)
        else:
            self.book.add(taker)

    def _match(self, taker: OrderRecord, limit: Decimal | None, on_match: OnMatch) -> None:
        book, other_side = self.book, taker.side.opposite
        while taker.executed_quantity < taker.quantity:
            maker = book.best_order(other_side)
            if maker is None or (
                limit is not None and not _reaches(taker.side, limit, maker.price)
            ):
                return
            quantity = min(
                taker.quantity - taker.executed_quantity, maker.quantity - maker.executed_quantity
            )
            quote = quote_amount(maker.price, quantity)
            book.execute(maker, quantity)
            _advance(maker, quantity, quote)
            _advance(taker, quantity, quote)
            on_match(taker, maker, maker.price, quantity, quote)

    def amend(self, order: OrderRecord, quantity: Decimal) -> bool:
        """Reduces a resting order, which keeps its place; False if nothing is left to execute: then it has expired."""
        if quantity == order.executed_quantity:
            self.book.remove(order)
            order.quantity = quantity
            order.status = OrderStatus.EXPIRED
            return False
        self.book.reduce(order, order.quantity - quantity)
        order.quantity = quantity
        return True

    def cancel(self, order: OrderRecord) -> None:
        """Takes a resting order out of the book."""
        self.book.remove(order)
        order.status = OrderStatus.CANCELED


def _reaches(side: Side, limit: Decimal, price: Decimal) -> bool:
    """Whether an order with this limit trades at a price of the other side."""
    return price <= limit if side is Side.BUY else price >= limit


def _advance(order: OrderRecord, quantity: Decimal, quote: Decimal) -> None:
    order.executed_quantity += quantity
    order.executed_quote_quantity += quote
    is_filled = order.executed_quantity == order.quantity
    order.status = OrderStatus.FILLED if is_filled else OrderStatus.PARTIALLY_FILLED


def _expire(order: OrderRecord, reason: ExpiryReason) -> None:
    order.status = OrderStatus.EXPIRED
    order.expiry_reason = reason
