"""One symbol of which the data hold bars alone.

A bar tells what happened within it, so it is no quote: an order finds a market only at an instant whose price is known,
the open of a bar that begins at or after its acceptance. There a MARKET order, and a limit that the open has reached, fill
at the open; other limits rest, and fill at their own price when a later bar's range reaches them (`touch`) or goes beyond
them (`through`). A bar that opens beyond a resting limit fills it at the open, which is better for it. So no fill lies
outside its bar, and no limit fills worse than its price. All fills of a bar together are at most its volume.

A trigger that an open is beyond goes off there, and its order fills at the open; inside a bar at its trigger price. Beyond
the bar's volume such an order expires, as any that has no limit. What can happen **inside one bar** says inside_bar.py.

With `BarModel.QUOTES` a bar is four quotes instead, open, high, low, close in this order, of unlimited quantity and with
bid = ask; the close stands until the next bar. A trigger goes off at the first of them that reaches it, and fills there.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal

from actors.backtest.inside_bar import InsideBar
from actors.backtest.quotes import UNLIMITED, Level
from actors.backtest.settings import BarModel, FillModel
from actors.backtest.symbol_book import SymbolBook
from actors.exchange.accounts import Account
from actors.exchange.order_lists import NewOrderList
from actors.exchange.orders import CONTINGENT_TYPES, NewOrder, OrderRecord
from actors.exchange.queue_position import ZERO
from actors.exchange.venue import Venue
from messages.enums import OrderType, Side, TimeInForce
from messages.instruments import to_decimal
from messages.market import Kline, MarketMessage, Trade


class BarBook(SymbolBook):
    """A market of bars."""

    def __init__(
        self,
        venue: Venue,
        house: Account,
        symbol: str,
        fill_model: FillModel,
        bar_model: BarModel,
        set_time_us: Callable[[int], None],
    ) -> None:
        """`set_time_us` sets the venue's clock: a fill at an open is stamped with the open's time."""
        super().__init__(venue, house, symbol, Kline, fill_model, has_trades=False)
        self.bar_model = bar_model
        self.set_time_us = set_time_us
        self.find_next_bar: Callable[[], Kline | None] = lambda: None
        """The bar that follows the last one that was played; only its open and its volume are used."""
        self.volume_taken = (0, ZERO)
        """Begin of a bar, and how much of its volume was filled at its open."""

    def needs_open(self, order: NewOrder) -> bool:
        """Whether an order cannot rest: it must wait for a price."""
        if self.bar_model is BarModel.QUOTES:
            return False
        return order.order_type is OrderType.MARKET or order.time_in_force in (
            TimeInForce.IOC,
            TimeInForce.FOK,
        )

    def next_open_ns(self, time_ns: int) -> int | None:
        """When the next bar opens, if that is not before this instant; None if it is, or there is none."""
        bar = self.find_next_bar()
        if bar is None or bar.open_time_ns < time_ns:
            return None
        return bar.open_time_ns

    def standing(
        self, order: NewOrder, time_ns: int, last: MarketMessage | None
    ) -> MarketMessage | None:
        """The market that an order arrives at: the last quote, or the open of a bar that begins now.

        Of a market between its bars, and for one that waits for a price, the last close is known: neither a
        LIMIT_MAKER nor a trigger may be reached by it. None for a LIMIT order, which it would fill: that rests until a
        bar opens.
        """
        if self.bar_model is BarModel.QUOTES or order.order_type in CONTINGENT_TYPES:
            return last
        bar = self.find_next_bar()
        if bar is not None and bar.open_time_ns == time_ns and has_traded(bar):
            return open_of(bar)
        is_maker_only = order.order_type is OrderType.LIMIT_MAKER
        return last if is_maker_only else None

    def levels(self, message: MarketMessage, side: Side) -> list[Level]:
        """A bar's close, or its open where only that is known, with what is left of its volume."""
        if not isinstance(message, Trade):
            return super().levels(message, side)
        left = self._left(message.trade_time_ns, message.quantity)
        return [(to_decimal(message.price), left)] if left > 0 else []

    def shown(self, message: MarketMessage, side: Side) -> list[Level]:
        """As it is: what lies in the way is put aside."""
        return self.levels(message, side)

    def offer(
        self, message: MarketMessage, levels: Iterable[Level], side: Side
    ) -> list[OrderRecord]:
        """All of it: what is left of a bar's volume is known."""
        return self.quote(levels, side)

    def place(
        self, account: Account, order: NewOrder, standing: MarketMessage | None
    ) -> OrderRecord:
        """Places an order; at an open what rests and is reached by it comes first."""
        if not isinstance(standing, Trade):
            return super().place(account, order, standing)
        bar = self.find_next_bar()
        if bar is not None and self.is_watched:
            self._meet_open(bar)
        record = super().place(account, order, standing)
        self._note_taken(standing.trade_time_ns, record.executed_quantity)
        return record

    def place_list(
        self, account: Account, request: NewOrderList, standing: MarketMessage | None
    ) -> None:
        """Places a list; at an open what rests and is reached by it comes first."""
        bar = self.find_next_bar() if isinstance(standing, Trade) else None
        if bar is not None and self.is_watched:
            self._meet_open(bar)
        super().place_list(account, request, standing)
        if bar is not None:
            placed = next(reversed(account.history.order_lists.values()))
            executed = sum((order.executed_quantity for order in placed.orders), ZERO)
            self._note_taken(bar.open_time_ns, executed)

    def _left(self, open_time_ns: int, volume: float) -> Decimal:
        """What is left of a bar's volume; a bar that moved and tells none does not limit."""
        if volume <= 0:
            return UNLIMITED
        taken = self.volume_taken[1] if self.volume_taken[0] == open_time_ns else ZERO
        return to_decimal(volume) - taken

    def _note_taken(self, open_time_ns: int, quantity: Decimal) -> None:
        before = self.volume_taken[1] if self.volume_taken[0] == open_time_ns else ZERO
        self.volume_taken = (open_time_ns, before + quantity)

    def on_message(self, message: MarketMessage) -> None:
        """Lets a bar meet the orders that rest and wait."""
        if not isinstance(message, Kline) or not has_traded(message):
            return
        now_us = message.receive_time_ns // 1000
        younger = self.set_aside(message.open_time_ns)
        self._meet_open(message)
        self.set_time_us(now_us)
        if self.bar_model is BarModel.QUOTES:
            for price in (message.high, message.low, message.close):
                self._meet_quote(message, to_decimal(price))
        else:
            inside = InsideBar(self, message)
            inside.play()
            self.ambiguous_bars += inside.is_ambiguous
        self.put_back(younger)

    def _meet_quote(self, bar: Kline, price: Decimal) -> None:
        """A quote of unlimited quantity, with bid = ask."""
        for taker in (Side.SELL, Side.BUY):
            self.take(taker, price, UNLIMITED)
        if self.market.triggers:
            due = self.market.triggers.observe(price, bar.receive_time_ns // 1000)
            self.set_off(due, bar, lambda side: [(price, UNLIMITED)])

    def _meet_open(self, bar: Kline) -> None:
        """Orders that the open has reached fill there, as takers; then those that it sets off."""
        price = to_decimal(bar.open)
        self.market.tape.last_price = price
        reached = [
            *(record for record in self.records(Side.BUY) if record.price >= price),
            *(record for record in self.records(Side.SELL) if record.price <= price),
        ]
        for record in reached:
            self.engine.book.remove(record)
        for record in reached:
            left = self.left_of(bar)
            if left <= ZERO:
                self.engine.book.add(record)
                continue
            self.set_time_us(max(bar.open_time_ns // 1000, record.time_us))
            quantity = min(left, record.open_quantity)
            quotes = self.quote([(price, quantity)], record.side.opposite)
            self.venue.execute_again(record)
            self.withdraw(quotes)
            self._note_taken(bar.open_time_ns, quantity)
        for order in self.market.triggers.observe(price, bar.open_time_ns // 1000):
            self.set_time_us(max(bar.open_time_ns // 1000, order.time_us))
            self.fire(order, price, bar)

    def left_of(self, bar: Kline) -> Decimal:
        """What a bar's open, or the bar, can still fill."""
        if self.bar_model is BarModel.QUOTES:
            return UNLIMITED
        return self._left(bar.open_time_ns, bar.volume)

    def fire(self, order: OrderRecord, price: Decimal, bar: Kline) -> None:
        """An order that was set off meets the market at a price, as far as the bar's volume goes; what is left expires."""
        left, before = self.left_of(bar), order.executed_quantity
        self.market.tape.last_price = price
        # What of the trader's own lies in its way has been passed by the market already, or was not let fill.
        own = self.clear_way(order.side.opposite, price)
        self.set_off([order], bar, lambda side: [(price, left)] if left > ZERO else [])
        for record in own:
            self.engine.book.add(record)
        self._note_taken(bar.open_time_ns, order.executed_quantity - before)

    def take_of_bar(self, record: OrderRecord, bar: Kline) -> None:
        """A bar fills what rests first on a side, as far as its volume goes."""
        self._note_taken(bar.open_time_ns, self.take_one(record, self.left_of(bar)))


def has_traded(bar: Kline) -> bool:
    """Whether anything can have filled in a bar: one price and no volume is a bar without a trade."""
    return not (bar.volume == 0 and bar.open == bar.high == bar.low == bar.close)


def open_of(bar: Kline) -> Trade:
    """The first trade of a bar, with the bar's volume as its quantity: all of it that is known when the bar opens."""
    return Trade(
        exchange=bar.exchange,
        symbol=bar.symbol,
        trade_id=0,
        price=bar.open,
        quantity=bar.volume,
        buyer_is_maker=False,
        trade_time_ns=bar.open_time_ns,
        receive_time_ns=bar.open_time_ns,
    )
