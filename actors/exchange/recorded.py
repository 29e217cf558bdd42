"""A market out of a recording: Binance's trades of some day, printed again as if they happened now.

**The tape.** Every recorded trade is printed exactly as it was: id, price, quantity, who was the maker. Its time is
shifted: the first trade happens when the market starts, the others as much later as they were, divided by the speed;
with speed 0 they happen as fast as they are asked for. Trades of users are not on the tape, which would then no longer be
the recorded one; their accounts know of them, by ids that begin above all recorded ones.

**The book.** The file has no book, so a maker of the house quotes one bid a tick below the last recorded trade and one
ask a tick above it, each worth a hundred thousand dollars. A user's order that crosses a quote takes it. A quote that was
hit is full again after the next recorded trade. Where a user's resting order stands in the way (his bid above the quote
that is due), the house quotes one tick behind it.

**How resting orders of users fill.** By the aggressor of the recorded trade, and never better than it:

- a resting BUY at price p fills when a recorded trade whose taker sold (`isBuyerMaker` true) prints at p or lower, a
  resting SELL when one whose taker bought (`isBuyerMaker` false) prints at p or higher;
- it fills at its own price p, and at most the recorded trade's quantity is shared among all users' orders by price,
  then time. What is left rests on.

There is no queue of others before a user at his price: a trade at p reaches him at once. That is kind to him at his
price, and it is what bounds the quantity by each trade that keeps it honest. A trade by the other aggressor never fills.
At the end of the recording the market stands still, with its quotes in place, and says so.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from actors.exchange.matching import quote_amount
from actors.exchange.orders import OrderRecord, PublicTrade
from actors.exchange.prices import lots_worth
from actors.exchange.recorded_trades import RecordedTrade, read_trades
from actors.exchange.venue import Venue
from messages.enums import Side, TimeInForce

QUOTE_DOLLARS = Decimal(100_000)

TRADES_AT_ONCE = 20
"""The most one call of `advance` plays, about a millisecond, so that a server gets to serve in between."""


class RecordedMarket:
    """One symbol's recorded trades."""

    def __init__(
        self,
        venue: Venue,
        symbol: str,
        path: Path,
        speed: float = 1.0,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        """The quotes around the first trade stand when this returns; the trade itself is due at once.

        Raises ValueError if the file holds no trade, if a row is broken, or if the speed is negative.
        """
        if not speed >= 0:
            raise ValueError(f"the speed must be 0 (as fast as possible) or above, not {speed}")
        self._venue, self._symbol, self._speed, self._on_end = venue, symbol, speed, on_end
        self._market = venue.market(symbol)
        self._house = venue.open_house_account(f"recorded {symbol}")
        self._trades = read_trades(path)
        first = next(self._trades, None)
        if first is None:
            raise ValueError(f"{path}: there is no trade in it")
        self._market.take_recorded_tape()
        self._next: RecordedTrade | None = first
        self._first_time_us = first.time_us
        self._start_us = venue.now_us()
        self._last_due_us = self._start_us
        self._quotes: dict[Side, OrderRecord] = {}
        self._quote(first.price)
        venue.report_book(symbol)

    @property
    def is_finished(self) -> bool:
        """Whether all trades are printed and the market stands still."""
        return self._next is None

    def advance(self, now_us: int) -> int | None:
        """Prints what is due by now; gives the time, in microseconds, of the next trade, or None at the end.

        Raises ValueError, with file and line, when it comes to a broken row; the market stands still from then on.
        """
        for _ in range(TRADES_AT_ONCE):
            trade = self._next
            if trade is None:
                return None
            due_us = self._due_us(trade, now_us)
            if due_us > now_us:
                return due_us
            self._last_due_us = due_us
            self._play(trade, due_us)
            self._next = None  # Should the next row be broken, this trade must not be played again.
            self._next = next(self._trades, None)
            if self._next is None and self._on_end is not None:
                self._on_end()
        return None if self._next is None else self._due_us(self._next, now_us)

    def _due_us(self, trade: RecordedTrade, now_us: int) -> int:
        if not self._speed:
            return now_us
        passed_us = int((trade.time_us - self._first_time_us) / self._speed)
        return max(self._last_due_us, self._start_us + passed_us)

    def _play(self, trade: RecordedTrade, time_us: int) -> None:
        self._fill_users(trade)
        # What the print sets off meets the market as it is then.
        self._quote(trade.price)
        self._venue.print_trade(
            self._symbol,
            PublicTrade(
                trade.trade_id,
                trade.price,
                trade.quantity,
                quote_amount(trade.price, trade.quantity),
                time_us,
                trade.is_buyer_maker,
            ),
        )
        self._venue.report_book(self._symbol)

    def _fill_users(self, trade: RecordedTrade) -> None:
        """Lets the recorded taker meet the users' orders that its price reaches."""
        taker_side = Side.SELL if trade.is_buyer_maker else Side.BUY
        if not self._market.engine.would_match(taker_side, trade.price):
            return
        self._withdraw(taker_side.opposite)
        if self._market.engine.would_match(taker_side, trade.price):
            self._venue.place_house_order(
                self._house,
                self._symbol,
                taker_side,
                trade.price,
                trade.quantity,
                TimeInForce.IOC,
            )

    def _quote(self, price: Decimal) -> None:
        """One full quote on each side, a tick around a price."""
        rules = self._market.rules
        bid, ask = price - rules.tick_size, price + rules.tick_size
        quantity = max(int(lots_worth(rules, QUOTE_DOLLARS, price)), 1) * rules.lot_size
        if self._stands(Side.BUY, bid) and self._stands(Side.SELL, ask):
            return
        self._withdraw(Side.BUY)
        self._withdraw(Side.SELL)
        book = self._market.engine.book
        best_bid, best_ask = book.best_price(Side.BUY), book.best_price(Side.SELL)
        if best_ask is not None:
            bid = min(bid, best_ask - rules.tick_size)
        if best_bid is not None:
            ask = max(ask, best_bid + rules.tick_size)
        for side, quote_price in ((Side.BUY, bid), (Side.SELL, ask)):
            if quote_price > 0:
                self._quotes[side] = self._venue.place_house_order(
                    self._house, self._symbol, side, quote_price, quantity
                )

    def _stands(self, side: Side, price: Decimal) -> bool:
        quote = self._quotes.get(side)
        return (
            quote is not None
            and quote.price == price
            and not quote.executed_quantity
            and quote.is_open
        )

    def _withdraw(self, side: Side) -> None:
        quote = self._quotes.pop(side, None)
        if quote is not None:
            self._venue.cancel_house_order(quote)
