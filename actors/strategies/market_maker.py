"""A market maker for one symbol: one bid and one offer around the mid price, renewed as the market moves."""

from dataclasses import dataclass
from decimal import Decimal

from actors.strategies.arguments import ArgumentChecks
from actors.strategies.strategy import Strategy
from messages.account import Position
from messages.control import Resync
from messages.enums import Exchanges, FeedState, OrderStatus, OrderType, Reason, Side
from messages.market import BookTicker, FeedStatus
from messages.orders import OrderUpdate

MAX_PAUSE_S = 30.0
REFUSALS = (OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.EXPIRED_IN_MATCH)
ACCEPTANCES = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED)


@dataclass(slots=True)
class QuoteState:
    """What is remembered of one side beside its order: pace, and where the market was when it was quoted."""

    quoted_mid: float = 0.0
    next_placement_ns: int = 0
    pause_until_ns: int = 0
    refusals: int = 0
    timer: int | None = None


class MarketMaker(Strategy):
    """Quotes both sides with LIMIT_MAKER orders and earns the spread between them.

    It begins with the bid, for it holds nothing of its own, and offers what it has bought and nothing else. A side has
    never more than one order, those on their way and those being canceled included; a new quote waits for the old one's
    end. It quotes anew when the mid price has moved by `requote_threshold` and when an order has ended, and buys no more
    than `maximum_inventory` together with what it holds. While the feed is not live or one side of the book is empty it
    withdraws. After a refusal the side pauses, each time twice as long, at most thirty seconds.
    """

    def __init__(
        self,
        symbol: str,
        quantity: Decimal,
        spread: float = 0.001,
        time_to_cancel: float | None = None,
        requote_threshold: float | None = None,
        maximum_inventory: Decimal | None = None,
        requote_interval_s: float = 0.1,
        retry_s: float = 1.0,
        exchange: Exchanges = Exchanges.BINANCE,
    ) -> None:
        """`quantity` of each quote in the base asset; `spread` between bid and offer as a fraction of the mid price.

        Absent: `time_to_cancel` never, `requote_threshold` (a fraction too) a quarter of the spread, `maximum_inventory`
        five quotes. A side is quoted at most once in `requote_interval_s`, and pauses `retry_s` after its first refusal.
        Raises ValueError for what cannot be meant, naming each key.
        """
        with ArgumentChecks() as check:
            check.symbol(symbol)
            check.above_zero("quantity", quantity)
            check.above_zero("spread", spread)
            fault = f"spread is a fraction of the price (0.001 is 0.1 %), not {spread}"
            check.require(not spread >= 1, fault)
            check.above_zero("time_to_cancel", time_to_cancel)
            check.above_zero("requote_threshold", requote_threshold)
            check.above_zero("maximum_inventory", maximum_inventory)
            check.above_zero("requote_interval_s", requote_interval_s)
            check.above_zero("retry_s", retry_s)
            if maximum_inventory is None:
                maximum_inventory = 5 * quantity
            elif not check.faults:
                why = "else it could never buy"
                check.at_least("maximum_inventory", maximum_inventory, quantity, why)
        self.symbol, self.exchange = symbol, exchange
        self.quantity, self.maximum_inventory = quantity, maximum_inventory
        self.spread, self.time_to_cancel = spread, time_to_cancel
        self.requote_threshold = spread / 4 if requote_threshold is None else requote_threshold
        self.requote_interval_s, self.retry_s = requote_interval_s, retry_s
        self.mid: float | None = None
        self.is_feed_live = True
        self.quotes = {Side.BUY: QuoteState(), Side.SELL: QuoteState()}

    # What it hears.

    def on_book_ticker(self, ticker: BookTicker) -> None:
        """Takes the mid price; a book with an empty side, or a crossed one, has none."""
        has_mid = self.is_feed_live and 0 < ticker.bid_price < ticker.ask_price
        self.mid = ticker.mid_price if has_mid else None
        self.quote_both_sides()

    def on_feed_status(self, status: FeedStatus) -> None:
        """Quotes on fresh prices alone."""
        is_live = status.state is FeedState.LIVE
        if is_live != self.is_feed_live:
            self.is_feed_live = is_live
            if not is_live:
                self.mid = None  # the next ticker after the interruption tells it again
            self.quote_both_sides()

    def on_order_update(self, update: OrderUpdate) -> None:
        """Quotes anew when an order has ended, at once or after a pause if it was refused."""
        order = update.order
        if (order.exchange, order.symbol) != (self.exchange, self.symbol):
            return
        quote = self.quotes[order.side]
        is_refusal = order.is_open and update.reason not in (Reason.NONE, Reason.TIME_TO_CANCEL)
        if order.status in REFUSALS or is_refusal:
            quote.refusals += 1
            pause_s = min(self.retry_s * 2 ** min(quote.refusals - 1, 30), MAX_PAUSE_S)
            quote.pause_until_ns = self.now_ns + round(pause_s * 1e9)
        elif order.status in ACCEPTANCES:
            quote.refusals = 0
        self.quote_both_sides()

    def on_position(self, position: Position) -> None:
        """Offers what was bought."""
        self.quote_both_sides()

    def on_resync(self, resync: Resync) -> None:
        """Withdraws what an earlier instance has quoted, and begins anew as each of those orders ends."""
        self.cancel_all(self.symbol)

    # What it decides.

    def quote_both_sides(self) -> None:
        """Brings both sides to where they should be, as far as that can be done now."""
        for side in (Side.BUY, Side.SELL):
            self.quote_side(side)

    def quote_side(self, side: Side) -> None:
        """Keeps, withdraws or places the quote of one side."""
        quote = self.quotes[side]
        live = self.open_orders(self.symbol, side)
        if live:
            if self.now_ns >= quote.pause_until_ns and self.has_moved(quote):
                for order in live:
                    self.cancel(order.order_id)
            return
        if self.mid is None:
            return
        price = self.mid * (1 + self.spread / 2 * (-1 if side is Side.BUY else 1))
        quantity = self.wanted_quantity(side, price)
        if quantity <= 0 or self.would_match_own(side, price):
            return
        earliest_ns = max(quote.next_placement_ns, quote.pause_until_ns)
        if self.now_ns < earliest_ns:
            self.come_back(side, earliest_ns)
            return
        self.place(
            side,
            self.symbol,
            quantity,
            price,
            order_type=OrderType.LIMIT_MAKER,
            time_to_cancel=self.time_to_cancel,
        )
        quote.quoted_mid = self.mid
        quote.next_placement_ns = self.now_ns + round(self.requote_interval_s * 1e9)

    def has_moved(self, quote: QuoteState) -> bool:
        """Whether the mid price has left the one that was quoted on, or is not known any more."""
        if self.mid is None:
            return True
        return abs(self.mid - quote.quoted_mid) >= self.requote_threshold * quote.quoted_mid

    def wanted_quantity(self, side: Side, price: float) -> Decimal:
        """How much to quote: 0 if the inventory is full, or nothing is held that could be sold."""
        if side is Side.BUY:
            after = self.possible_quantity(self.symbol) + self.quantity
            return self.quantity if after <= self.maximum_inventory else Decimal(0)
        quantity = min(self.quantity, self.free_quantity(self.symbol))
        instrument = self.instrument(self.symbol)
        if instrument is not None and quantity > 0:
            quantity = instrument.round_quantity(quantity)
            offer = instrument.round_price(price, side)
            if instrument.find_fault(OrderType.LIMIT_MAKER, quantity, offer) is not None:
                return Decimal(0)
        return quantity

    def would_match_own(self, side: Side, price: float) -> bool:
        """Whether an old quote of the other side, still to be withdrawn, stands in the way."""
        others = self.open_orders(self.symbol, side.opposite)
        if side is Side.BUY:
            return any(order.price <= price for order in others)
        return any(order.price >= price for order in others)

    def come_back(self, side: Side, due_ns: int) -> None:
        """Looks at the side again at that time, also if the market stands still until then."""
        quote = self.quotes[side]
        if quote.timer is None:
            delay_s = max((due_ns - self.now_ns) / 1e9, 0.001)
            quote.timer = self.schedule(delay_s, self.end_pause, side)

    def end_pause(self, side: Side) -> None:
        """The pause of a side is over."""
        self.quotes[side].timer = None
        self.quote_side(side)
