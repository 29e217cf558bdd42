"""One symbol at the simulated venue: the trader's orders in the exchange's own matching engine, against a market of data.

Between events the engine's book holds the trader's orders alone. The market meets them in two ways, both through that
engine: an order that arrives finds quotes of a house account on the other side, which are withdrawn afterwards; and what
the market does to resting orders is an order of the house, immediate or cancel, at the price and quantity of the data.
So every fill is at the price of an order that rested, and no fill is larger than what the data show.

**Quotes** are what quotes.py says.

**Resting orders** fill by the fill model (settings.py). A trade reaches the side that its taker did not come from; a book
ticker reaches the orders that its opposite price meets. What is left of a trade after one order goes to the next.
Nothing older than an order's acceptance fills it: data with an earlier time of the venue pass it by.

**Triggers** look at trades where the data have them. Where they have not there is no last price, and a SELL looks at the
best bid, a BUY at the best ask: what it would meet. What is set off meets the market as it stands then, by a trade the
last quotes that were told, no better than that trade.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import groupby

from actors.backtest.errors import BacktestError
from actors.backtest.quotes import Level, QuotedMarket
from actors.backtest.settings import FillModel
from actors.exchange.accounts import Account
from actors.exchange.order_lists import NewOrderList
from actors.exchange.orders import NewOrder, OrderRecord
from actors.exchange.queue_position import QueuePositions
from actors.exchange.triggers import follow, would_trigger
from actors.exchange.venue import Venue
from messages.enums import Side, TimeInForce
from messages.instruments import to_decimal
from messages.market import BookTicker, MarketMessage, OrderBook, Trade


class SymbolBook(QuotedMarket):
    """The market of one symbol as data tell it, and the trader's orders in it."""

    def __init__(
        self,
        venue: Venue,
        house: Account,
        symbol: str,
        quote_class: type[MarketMessage],
        fill_model: FillModel,
        *,
        has_trades: bool = True,
    ) -> None:
        """`quote_class` is the class of messages that the quotes come from; `has_trades`: whether there are trades too.

        Raises BacktestError where the fill model needs more than the data hold.
        """
        if fill_model is FillModel.QUEUE and quote_class not in (BookTicker, OrderBook):
            raise BacktestError(
                f"{symbol}: the fill model queue needs the quantities of book tickers or order books; "
                "its data have none. Use touch or through"
            )
        super().__init__(venue, house, symbol)
        self.quote_class = quote_class
        self.fill_model = fill_model
        self.has_trades = has_trades
        self.last_quotes: BookTicker | OrderBook | None = None
        self.accepted_us = 0
        """When the last order was accepted."""
        self.is_watched = False
        """Whether an order of the trader's rests here, so that every message must be looked at."""
        self.queue = QueuePositions()
        self.ambiguous_bars = 0
        """Bars that reached orders of both sides, so that only one side was let fill."""

    # Orders of the trader.

    def place(
        self, account: Account, order: NewOrder, standing: MarketMessage | None
    ) -> OrderRecord:
        """Places an order at the market as it stands. Raises VenueError: then nothing has happened."""
        with self._facing(order.side, standing) as aside:
            record = self.venue.new_order(account, order)
        if aside and record.rests:  # it is the last of its queue
            self.engine.book.remove(record)
            self.engine.book.add(record)
        self.note_orders()
        return record

    def place_list(
        self, account: Account, request: NewOrderList, standing: MarketMessage | None
    ) -> None:
        """Places orders that belong together, those that work at once at the market as it stands.

        Raises VenueError: then nothing has happened.
        """
        with self._facing(request.orders[0].side, standing):
            self.venue.new_order_list(account, request, lambda placed: None)
        self.note_orders()

    @contextmanager
    def _facing(self, side: Side, standing: MarketMessage | None) -> Iterator[list[OrderRecord]]:
        """The market as it stands before an order of this side; the trader's own that were in its way, aside meanwhile."""
        aside: list[OrderRecord] = []
        quotes: list[OrderRecord] = []
        if standing is not None:
            self.note_price(standing, side)
            levels = self.shown(standing, side.opposite)
            aside = self.clear_way(side, levels[0][0]) if levels else []
            quotes = self.offer(standing, levels, side.opposite)
        self.accepted_us = max(self.accepted_us, self.venue.now_us())
        try:
            yield aside
        finally:
            self.withdraw(quotes)
            for earlier in aside:
                self.engine.book.add(earlier)

    def note_price(self, standing: MarketMessage, side: Side) -> None:
        """Takes down what the last price is for an order of a side that arrives: a trade's, or the quote that it meets."""
        if isinstance(standing, BookTicker | OrderBook):
            self.last_quotes = standing
        if isinstance(standing, Trade):
            self.market.tape.last_price = to_decimal(standing.price)
        elif levels := self.levels(standing, side.opposite):
            self.market.tape.last_price = levels[0][0]

    def clear_way(self, side: Side, price: Decimal) -> list[OrderRecord]:
        """Takes out the trader's own orders of a side that a quote of the other side would meet.

        They rest there because the fill model has not let them fill; the quote is for the order that comes.
        """
        in_the_way = [
            record
            for record in self.records(side)
            if (record.price >= price if side is Side.BUY else record.price <= price)
        ]
        for record in in_the_way:
            self.engine.book.remove(record)
        return in_the_way

    def note_orders(self) -> None:
        """Takes down which prices of the market concern the trader's orders, after they have changed."""
        book = self.engine.book
        buy, sell = book.best_price(Side.BUY), book.best_price(Side.SELL)
        self.highest_buy = float(buy) if buy is not None else -math.inf
        self.lowest_sell = float(sell) if sell is not None else math.inf
        self.is_watched = buy is not None or sell is not None or bool(self.market.triggers)
        if not self.is_watched:
            self.queue.ahead.clear()
        elif self.fill_model is FillModel.QUEUE:
            self._join_queue()

    def records(self, side: Side) -> list[OrderRecord]:
        """The trader's resting orders of a side, by price, then time."""
        return [
            record for _, level in self.engine.book.levels(side) for record in level.orders.values()
        ]

    # What the market does to them.

    def on_message(self, message: MarketMessage) -> None:
        """Lets the market meet the trader's resting orders."""
        if type(message) is Trade:
            self._on_trade(message)
        elif type(message) is BookTicker:
            self._on_best(message, message.bid_price, message.ask_price)
        elif type(message) is OrderBook and message.bids and message.asks:
            self._on_best(message, message.bids[0][0], message.asks[0][0])

    def _on_trade(self, trade: Trade) -> None:
        taker = Side.SELL if trade.buyer_is_maker else Side.BUY
        is_reached = (
            trade.price <= self.highest_buy
            if trade.buyer_is_maker
            else trade.price >= self.lowest_sell
        )
        if not (is_reached or self.market.triggers or self.market.order_lists):
            self.note_own(trade)
            return
        younger = self.set_aside(trade.trade_time_ns)
        price, quantity = to_decimal(trade.price), to_decimal(trade.quantity)
        if is_reached and self.fill_model is FillModel.QUEUE:
            self._take_queue(taker, price, quantity)
        elif is_reached:
            self.take(taker, price, quantity)
        self.note_orders()
        self.note_own(trade)
        market = self.market
        market.tape.last_price = price
        if market.triggers and self.has_trades:
            due = market.triggers.observe(price, trade.trade_time_ns // 1000)
            self._set_off_by_trade(due, trade)
        self.put_back(younger)

    def _set_off_by_trade(self, due: list[OrderRecord], trade: Trade) -> None:
        """They meet the market as it was quoted last, no better than the trade."""
        quotes = self.last_quotes
        if quotes is None:
            self.set_off(due, trade, lambda side: self.shown(trade, side))
            return
        last = to_decimal(trade.price)

        def levels_of(side: Side) -> list[Level]:
            worse = min if side is Side.BUY else max
            return [(worse(price, last), quantity) for price, quantity in self.shown(quotes, side)]

        self.set_off(due, quotes, levels_of)

    def _on_best(self, message: BookTicker | OrderBook, bid: float, ask: float) -> None:
        self.last_quotes = message
        if self.fill_model is FillModel.QUEUE and self.queue.ahead:
            self._move_queue(message)
        if 0 < ask <= self.highest_buy:
            self._cross(message, Side.SELL)
        if bid >= self.lowest_sell:
            self._cross(message, Side.BUY)
        if self.market.triggers and not self.has_trades:
            self._watch_quotes(message, bid, ask)

    def _cross(self, message: BookTicker | OrderBook, taker: Side) -> None:
        """The other side's quotes have come to where orders rest: they trade."""
        younger = self.set_aside(message.event_time_ns or message.receive_time_ns)
        for price, quantity in self.levels(message, taker):
            self.take(taker, price, quantity)
        self.put_back(younger)

    def _watch_quotes(self, message: BookTicker | OrderBook, bid: float, ask: float) -> None:
        """Without trades a trigger looks at what its order would meet."""
        time_ns = message.event_time_ns or message.receive_time_ns
        younger = self.set_aside(time_ns)
        triggers = self.market.triggers
        due = []
        for order in triggers:
            price = bid if order.side is Side.SELL else ask
            if price > 0 and is_set_off(order, to_decimal(price), time_ns // 1000):
                due.append(order)
        for order in due:
            triggers.remove(order)
        self.set_off(due, message, lambda side: self.shown(message, side))
        self.put_back(younger)

    def set_off(
        self,
        due: list[OrderRecord],
        message: MarketMessage,
        levels_of: Callable[[Side], list[Level]],
    ) -> None:
        """Orders whose triggers are reached meet these quotes, which a message shows, in the order of their ids."""
        for side, ours in groupby(due, lambda order: order.side):
            levels = levels_of(side.opposite)
            aside = self.clear_way(side, levels[0][0]) if levels else []
            quotes = self.offer(message, levels, side.opposite)
            self.market.due.extend(ours)
            self.venue.follow_up(self.market)
            self.withdraw(quotes)
            for earlier in aside:
                if earlier.is_open:
                    self.engine.book.add(earlier)

    def take(self, taker: Side, price: Decimal, quantity: Decimal) -> None:
        """The house takes, up to a quantity, what rests at a price or better; for `THROUGH` better only."""
        if self.fill_model is FillModel.THROUGH:
            tick = self.rules.tick_size
            price = price + tick if taker is Side.SELL else price - tick
        while quantity > 0 and price > 0 and self.engine.would_match(taker, price):
            record = self.engine.book.best_order(taker.opposite)
            assert record is not None
            quantity -= self.take_one(record, quantity)

    def take_one(self, record: OrderRecord, quantity: Decimal) -> Decimal:
        """The house takes what rests first on a side, at its price; how much."""
        taken = min(quantity, record.open_quantity)
        if not self.has_trades:  # For what it releases it is the last price, if no trade tells one.
            self.market.tape.last_price = record.price
        self.venue.place_house_order(
            self.house, self.symbol, record.side.opposite, record.price, taken, TimeInForce.IOC
        )
        return taken

    def set_aside(self, time_ns: int) -> list[OrderRecord]:
        """Takes out the orders, resting or waiting, that were accepted after this instant of the venue's clock."""
        time_us = time_ns // 1000
        if time_us >= self.accepted_us:
            return []
        orders = [*self.records(Side.BUY), *self.records(Side.SELL), *self.market.triggers]
        younger = [order for order in orders if order.time_us > time_us]
        for order in younger:
            if order.is_waiting:
                self.market.triggers.remove(order)
            else:
                self.engine.book.remove(order)
        return younger

    def put_back(self, younger: list[OrderRecord]) -> None:
        """Puts them back; they were the last of their queues, and are again."""
        for order in younger:
            if order.is_waiting:
                self.market.triggers.add(order)
            else:
                self.engine.book.add(order)
        self.note_orders()

    # The queue.

    def _join_queue(self) -> None:
        """Orders that have come to rest, placed, set off or released, get their places by the last quotes."""
        for side in (Side.BUY, Side.SELL):
            records = self.records(side)
            new = [record for record in records if record.order_id not in self.queue.ahead]
            levels = self.levels(self.last_quotes, side) if new and self.last_quotes else []
            best = levels[0][0] if levels else None
            for record in new:
                self.queue.join(record, best, dict(levels).get(record.price), records)

    def _move_queue(self, message: BookTicker | OrderBook) -> None:
        """A price has become the best for the first time: all that is displayed there is ahead."""
        for side in (Side.BUY, Side.SELL):
            self.queue.show(self.records(side), dict(self.levels(message, side)))

    def _take_queue(self, taker: Side, price: Decimal, quantity: Decimal) -> None:
        """A trade: at an order's own price what is ahead of it goes first, an order at a better price is next at once."""
        records = self.records(taker.opposite)
        for record, taken in self.queue.trade(taker, price, quantity, records):
            self.venue.place_house_order(
                self.house, self.symbol, taker, record.price, taken, TimeInForce.IOC
            )


def is_set_off(order: OrderRecord, price: Decimal, time_us: int) -> bool:
    """Whether a price sets a waiting order off; one that trails follows it."""
    if order.trailing_delta is not None:
        return follow(order, price, time_us)
    return would_trigger(order, price)
