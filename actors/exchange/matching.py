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
cannot meet an order with nothing left. An iceberg order shows a part of itself at a time: a taker meets that part, and when it
is gone the next one, at the end of the queue; all of it before a worse price.

**How far a taker goes.** It stops when it is filled, when the other side is empty, or when the next price is beyond its
limit. A MARKET order has no limit. What is left then depends on its kind:

=====================  ==========================================================
LIMIT GTC              rests at its own price, behind all that is there
LIMIT IOC              expires, `UNFILLED_IOC_QUANTITY_EXPIRED`
LIMIT FOK              executes in full or not at all; if not, it expires whole, `UNFILLED_FOK_ORDER_EXPIRED`
MARKET                 expires, `INSUFFICIENT_LIQUIDITY`: the book was not deep enough
LIMIT_MAKER            never gets so far: the venue refuses it if it would match (`would_match`)
STOP_LOSS, TAKE_PROFIT gets here when it has triggered, and is a MARKET order then
=====================  ==========================================================

**Self-trade prevention.** A taker with a mode other than NONE that meets an order of its own account does not trade with
it. By its mode (faqs/stp_faq.md; the resting order's mode does not matter) the rest of the maker, of the taker, or of both
expires, or DECREMENT takes the smaller open quantity off both, and so does TRANSFER, which differs only between accounts of
one trade group: there are none here. What expired is an order's *prevented* quantity; an order
that ends this way is EXPIRED_IN_MATCH. A FOK order with such a mode does not count on what its own account offers, and
expires whole where it would lose a part of itself to that.

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
level is the sum of its orders' open quantities, of icebergs what is shown of them. No maker is executed beyond its open
quantity. The tests hold all of them against random flows of orders.
"""

from collections import deque
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Protocol

from actors.exchange.accounts import Account
from actors.exchange.book import Level, OrderBook
from actors.exchange.orders import ZERO, ExpiryReason, OrderRecord
from messages.enums import OrderStatus, SelfTradePrevention, Side, TimeInForce
from messages.instruments import round_down

SMALLEST = Decimal("0.00000001")

EXPIRES_TAKER = frozenset({SelfTradePrevention.EXPIRE_TAKER, SelfTradePrevention.EXPIRE_BOTH})
EXPIRES_MAKER = frozenset({SelfTradePrevention.EXPIRE_MAKER, SelfTradePrevention.EXPIRE_BOTH})

DECREMENTS = frozenset({SelfTradePrevention.DECREMENT, SelfTradePrevention.TRANSFER})


class MatchListener(Protocol):
    """Who settles what the engine does; told after each match, when the orders show it already."""

    def settle(
        self,
        taker: OrderRecord,
        maker: OrderRecord,
        price: Decimal,
        quantity: Decimal,
        quote: Decimal,
    ) -> None:
        """Two orders have traded; `quote` is the amount of quote asset."""

    def prevent(
        self,
        taker: OrderRecord,
        maker: OrderRecord,
        quantity: Decimal,
        taker_quantity: Decimal | None,
        maker_quantity: Decimal | None,
    ) -> None:
        """Two orders of one account would have traded `quantity`; what expired of each, None for one left alone."""


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

    def plan(
        self,
        side: Side,
        quantity: Decimal,
        limit: Decimal | None = None,
        without: Account | None = None,
    ) -> Plan:
        """What an order by quantity would execute; `limit` None takes any price, `without` leaves out an account's orders."""
        remaining, quote = quantity, ZERO
        for price, level in self.book.levels(side.opposite):
            if remaining <= 0 or (limit is not None and not _reaches(side, limit, price)):
                break
            taken = min(remaining, _offered(level, without))
            quote += quote_amount(price, taken)
            remaining -= taken
        return Plan(quantity - remaining, quote, remaining > 0)

    def plan_by_amount(self, side: Side, amount: Decimal, without: Account | None = None) -> Plan:
        """The quantity of a MARKET order by amount of quote asset, 0 if the other side is empty."""
        remaining, quantity, last_price = amount, ZERO, ZERO
        for price, level in self.book.levels(side.opposite):
            affordable = round_down(remaining / price, self.lot_size)
            offered = _offered(level, without)
            taken = min(affordable, offered)
            remaining -= quote_amount(price, taken)
            quantity += taken
            last_price = price
            if affordable <= offered:
                return Plan(quantity, amount - remaining, False)
        rest = round_down(remaining / last_price, self.lot_size) if last_price else ZERO
        return Plan(quantity + rest, amount - remaining, rest > 0)

    def execute(self, taker: OrderRecord, listener: MatchListener) -> None:
        """Matches an order and leaves it filled, resting or expired; the only place that changes the book by trades."""
        limit = None if taker.has_no_limit else taker.price
        is_all_or_none = taker.time_in_force is TimeInForce.FOK
        if is_all_or_none and self._falls_short(taker, limit):
            expire(taker, ExpiryReason.UNFILLED_FOK_ORDER)
            return
        self._match(taker, limit, listener)
        if taker.open_quantity <= 0:
            return
        if taker.has_no_limit:
            expire(taker, ExpiryReason.INSUFFICIENT_LIQUIDITY)
        elif taker.time_in_force is TimeInForce.IOC:
            expire(taker, ExpiryReason.UNFILLED_IOC_QUANTITY)
        else:
            self.book.add(taker)

    def _falls_short(self, taker: OrderRecord, limit: Decimal | None) -> bool:
        plan = self.plan(taker.side, taker.open_quantity, limit, avoided_account(taker))
        return plan.is_short or self._loses_a_part(taker)

    def _loses_a_part(self, taker: OrderRecord) -> bool:
        """Whether an order that others could fill meets one of its own account first, which takes a part of it."""
        avoided = avoided_account(taker)
        if avoided is None or taker.self_trade_prevention_mode is SelfTradePrevention.EXPIRE_MAKER:
            return False
        remaining = taker.open_quantity
        for _, level in self.book.levels(taker.side.opposite):
            queue = deque(
                (one, one.visible_quantity, one.open_quantity) for one in level.orders.values()
            )
            while queue and remaining > 0:
                maker, shown, left = queue.popleft()
                if maker.account is avoided:
                    return True
                remaining -= shown
                if left > shown:
                    left -= shown
                    queue.append((maker, min(maker.iceberg_quantity or left, left), left))
            if remaining <= 0:
                break
        return False

    def _match(self, taker: OrderRecord, limit: Decimal | None, listener: MatchListener) -> None:
        book, other_side = self.book, taker.side.opposite
        avoided = avoided_account(taker)
        while taker.open_quantity > 0:
            maker = book.best_order(other_side)
            if maker is None or (
                limit is not None and not _reaches(taker.side, limit, maker.price)
            ):
                return
            quantity = min(taker.open_quantity, maker.visible_quantity)
            if maker.account is avoided:
                self._prevent(taker, maker, quantity, listener)
                continue
            quote = quote_amount(maker.price, quantity)
            book.execute(maker, quantity)
            _advance(maker, quantity, quote)
            _advance(taker, quantity, quote)
            listener.settle(taker, maker, maker.price, quantity, quote)

    def _prevent(
        self, taker: OrderRecord, maker: OrderRecord, quantity: Decimal, listener: MatchListener
    ) -> None:
        mode = taker.self_trade_prevention_mode
        off_taker: Decimal | None = quantity
        off_maker: Decimal | None = quantity
        if mode not in DECREMENTS:
            off_taker = taker.open_quantity if mode in EXPIRES_TAKER else None
            off_maker = maker.open_quantity if mode in EXPIRES_MAKER else None
        if off_maker is not None:
            self.book.execute(maker, off_maker)
            _hold_back(maker, off_maker)
        if off_taker is not None:
            _hold_back(taker, off_taker)
        listener.prevent(taker, maker, quantity, off_taker, off_maker)

    def amend(self, order: OrderRecord, quantity: Decimal) -> bool:
        """Reduces an open order, which keeps its place; False if nothing is left to execute: then it has expired."""
        is_left = quantity > order.executed_quantity + order.prevented_quantity
        if order.rests:
            if is_left:
                self.book.reduce(order, order.quantity - quantity)
            else:
                self.book.remove(order)
        order.quantity = quantity
        if not is_left:
            order.status = OrderStatus.EXPIRED
        return is_left

    def cancel(self, order: OrderRecord) -> None:
        """Ends an open order, and takes it out of the book if it rests there."""
        self.remove(order)
        order.status = OrderStatus.CANCELED

    def remove(self, order: OrderRecord) -> None:
        """Takes an open order out of the book if it rests there."""
        if order.rests:
            self.book.remove(order)


def expire(order: OrderRecord, reason: ExpiryReason) -> None:
    """Ends an order that is not in the book."""
    order.status = OrderStatus.EXPIRED
    order.expiry_reason = reason


def avoided_account(order: OrderRecord) -> Account | None:
    """The account whose orders it does not trade with: its own, if it has a mode of self-trade prevention."""
    has_mode = order.self_trade_prevention_mode is not SelfTradePrevention.NONE
    return order.account if has_mode else None


def _offered(level: Level, without: Account | None) -> Decimal:
    """What a level holds, hidden parts included, for somebody who leaves out the orders of one account."""
    if without is None:
        return level.quantity + level.hidden
    own = (order.open_quantity for order in level.orders.values() if order.account is without)
    return level.quantity + level.hidden - sum(own, ZERO)


def _reaches(side: Side, limit: Decimal, price: Decimal) -> bool:
    """Whether an order with this limit trades at a price of the other side."""
    return price <= limit if side is Side.BUY else price >= limit


def _advance(order: OrderRecord, quantity: Decimal, quote: Decimal) -> None:
    order.executed_quantity += quantity
    order.executed_quote_quantity += quote
    # Also filled is what was executed in all that was not prevented.
    order.status = OrderStatus.PARTIALLY_FILLED if order.open_quantity else OrderStatus.FILLED


def _hold_back(order: OrderRecord, quantity: Decimal) -> None:
    order.prevented_quantity += quantity
    if not order.open_quantity:
        order.status = OrderStatus.EXPIRED_IN_MATCH
