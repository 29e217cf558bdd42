"""One symbol of which the data hold bars alone.

A bar tells what happened within it, so it is no quote: an order finds a market only at an instant whose price is known,
the open of a bar that begins at or after its acceptance. There a MARKET order, and a limit that the open has reached, fill
at the open; other limits rest, and fill at their own price when a later bar's range reaches them (`touch`) or goes beyond
them (`through`). A bar that opens beyond a resting limit fills it at the open, which is better for it. So no fill lies
outside its bar, and no limit fills worse than its price. All fills of a bar together are at most its volume.

**Inside one bar** the order of its prices is not known. A bar that reaches orders of both sides lets only that side fill
against which it closed: the BUY orders if it fell or stood, the SELL orders if it rose. Such bars are counted.

With `BarModel.QUOTES` a bar is four quotes instead, open, high, low, close in this order, of unlimited quantity and with
bid = ask; the close stands until the next bar.
"""

from collections.abc import Callable
from decimal import Decimal

from actors.backtest.settings import BarModel, FillModel
from actors.backtest.symbol_book import UNLIMITED, Level, SymbolBook
from actors.exchange.accounts import Account
from actors.exchange.orders import NewOrder, OrderRecord
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
        super().__init__(venue, house, symbol, Kline, fill_model)
        self.bar_model = bar_model
        self.set_time_us = set_time_us
        self.find_next_bar: Callable[[], Kline | None] = lambda: None
        """The bar that follows the last one that was played; only its open and its volume are used."""
        self.taken = (0, ZERO)
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

    def standing(self, time_ns: int, last: MarketMessage | None) -> MarketMessage | None:
        """What the market is at an instant: the last quote, or the open of a bar that begins now."""
        if self.bar_model is BarModel.QUOTES:
            return last
        bar = self.find_next_bar()
        if bar is None or bar.open_time_ns != time_ns or not has_traded(bar):
            return None
        return open_of(bar)

    def levels(self, message: MarketMessage, side: Side) -> list[Level]:
        """A bar's close, or its open where only that is known, with what is left of its volume."""
        if not isinstance(message, Trade):
            return super().levels(message, side)
        left = self._left(message.trade_time_ns, message.quantity)
        return [(to_decimal(message.price), left)] if left > 0 else []

    def place(
        self, account: Account, order: NewOrder, standing: MarketMessage | None
    ) -> OrderRecord:
        """Places an order; at an open what rests and is reached by it comes first."""
        if not isinstance(standing, Trade):
            return super().place(account, order, standing)
        bar = self.find_next_bar()
        if bar is not None and self.is_watched:
            self._fill_at_open(bar)
        record = super().place(account, order, standing)
        self._note_taken(standing.trade_time_ns, record.executed_quantity)
        return record

    def _left(self, open_time_ns: int, volume: float) -> Decimal:
        """What is left of a bar's volume; a bar that moved and tells none does not limit."""
        if volume <= 0:
            return UNLIMITED
        taken = self.taken[1] if self.taken[0] == open_time_ns else ZERO
        return to_decimal(volume) - taken

    def _note_taken(self, open_time_ns: int, quantity: Decimal) -> None:
        before = self.taken[1] if self.taken[0] == open_time_ns else ZERO
        self.taken = (open_time_ns, before + quantity)

    def on_message(self, message: MarketMessage) -> None:
        """Lets a bar meet the resting orders."""
        if not isinstance(message, Kline) or not has_traded(message):
            return
        now_us = message.receive_time_ns // 1000
        younger = self.set_aside(message.open_time_ns)
        self._fill_at_open(message)
        left = self._left(message.open_time_ns, message.volume)
        self.set_time_us(now_us)
        if self.bar_model is BarModel.QUOTES:
            for price in (message.high, message.low, message.close):
                for taker in (Side.SELL, Side.BUY):
                    self.take(taker, to_decimal(price), UNLIMITED)
        else:
            self._fill_in_range(message, left)
        self.put_back(younger)

    def _fill_at_open(self, bar: Kline) -> None:
        """Orders that the open has reached fill there, as takers."""
        price = to_decimal(bar.open)
        reached = [
            *(record for record in self.records(Side.BUY) if record.price >= price),
            *(record for record in self.records(Side.SELL) if record.price <= price),
        ]
        for record in reached:
            self.engine.book.remove(record)
        for record in reached:
            left = self._left(bar.open_time_ns, bar.volume)
            if self.bar_model is BarModel.QUOTES:
                left = UNLIMITED
            if left <= ZERO:
                self.engine.book.add(record)
                continue
            self.set_time_us(max(bar.open_time_ns // 1000, record.time_us))
            quantity = min(left, record.open_quantity)
            quotes = self.quote([(price, quantity)], record.side.opposite)
            self.venue.execute_again(record)
            self.withdraw(quotes)
            self._note_taken(bar.open_time_ns, quantity)

    def _fill_in_range(self, bar: Kline, left: Decimal) -> None:
        low, high = to_decimal(bar.low), to_decimal(bar.high)
        if left <= ZERO:
            return
        buys = self._reaches(Side.BUY, low)
        sells = self._reaches(Side.SELL, high)
        if buys and sells:
            self.ambiguous_bars += 1
            buys, sells = bar.close <= bar.open, bar.close > bar.open
        if buys:
            self.take(Side.SELL, low, left)
        elif sells:
            self.take(Side.BUY, high, left)

    def _reaches(self, side: Side, price: Decimal) -> bool:
        best = self.engine.book.best_price(side)
        if best is None:
            return False
        if self.fill_model is FillModel.THROUGH:
            return best > price if side is Side.BUY else best < price
        return best >= price if side is Side.BUY else best <= price


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
