"""What the market of one symbol shows at a message, and the orders of the house that stand for it in the engine's book.

Quotes come from the finest data of the symbol: levels of an order book, best bid and ask with their quantities, or, of
trades alone, a tick on either side of the last one, each worth a hundred thousand dollars, and a tick behind an order of
the trader's own that lies in the way (so the local exchange quotes a recording). A quantity of 0 in a book ticker says that
it is not known: then it does not limit.

What the trader has taken of a message's quotes is gone until the next message: several orders together take no more than
is shown.
"""

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from actors.exchange.accounts import Account
from actors.exchange.orders import OrderRecord
from actors.exchange.prices import lots_worth
from actors.exchange.venue import Venue
from messages.enums import Side
from messages.instruments import to_decimal
from messages.market import BookTicker, KlineMessage, MarketMessage, OrderBook, Trade

QUOTE_DOLLARS = Decimal(100_000)
UNLIMITED = Decimal(10_000_000_000_000)
"""More than anybody trades at once, of coins too of which a dollar buys a million."""
UNLIMITED_FLOAT = float(UNLIMITED)

Level = tuple[Decimal, Decimal]


class QuotedMarket:
    """One symbol's quotes."""

    def __init__(self, venue: Venue, house: Account, symbol: str) -> None:
        self.venue, self.house, self.symbol = venue, house, symbol
        self.market = venue.market(symbol)
        self.market.take_recorded_tape()
        self.engine, self.rules = self.market.engine, self.market.rules
        self.highest_buy = -math.inf
        self.lowest_sell = math.inf
        self.own: tuple[Trade | None, float, float] = (None, -math.inf, math.inf)
        """The last trade that was quoted around, and the trader's own best prices then."""
        self.taken: dict[tuple[Side, Decimal], Decimal] = {}
        self.taken_of: Any = None
        """Of which message's quotes `taken` tells what is gone."""

    def mid(self, message: MarketMessage) -> float | None:
        """The middle of the market at a message that quotes; None while one side is empty."""
        if isinstance(message, Trade):  # as the quotes around it, without their quantities
            last, tick = to_decimal(message.price), self.rules.tick_size
            return (float(last - tick) + float(last + tick)) / 2 if last > tick else None
        ticker = self.ticker(message)
        if ticker is None or not (ticker[0] > 0 and ticker[2] > 0):
            return None
        return (ticker[0] + ticker[2]) / 2

    def ticker(self, message: MarketMessage) -> tuple[float, float, float, float] | None:
        """Bid, its quantity, ask, its quantity, as the message quotes them; None where it quotes neither."""
        if isinstance(message, BookTicker):
            return (
                message.bid_price,
                message.bid_quantity,
                message.ask_price,
                message.ask_quantity,
            )
        if isinstance(message, KlineMessage):
            return message.close, UNLIMITED_FLOAT, message.close, UNLIMITED_FLOAT
        bids, asks = self.levels(message, Side.BUY), self.levels(message, Side.SELL)
        if not bids or not asks:
            return None
        bid, ask = bids[0], asks[0]
        return float(bid[0]), float(bid[1]), float(ask[0]), float(ask[1])

    def levels(self, message: MarketMessage, side: Side) -> list[Level]:
        """What the market offers on a side at a message, best first."""
        if isinstance(message, BookTicker):
            is_bid = side is Side.BUY
            price = message.bid_price if is_bid else message.ask_price
            quantity = message.bid_quantity if is_bid else message.ask_quantity
            if price <= 0:
                return []
            return [(to_decimal(price), to_decimal(quantity) if quantity > 0 else UNLIMITED)]
        if isinstance(message, OrderBook):
            found = message.bids if side is Side.BUY else message.asks
            return [(to_decimal(price), to_decimal(quantity)) for price, quantity in found]
        if isinstance(message, Trade):
            last, tick = to_decimal(message.price), self.rules.tick_size
            price_around = last - tick if side is Side.BUY else last + tick
            lots = max(int(lots_worth(self.rules, QUOTE_DOLLARS, last)), 1)
            return [(price_around, lots * self.rules.lot_size)] if price_around > 0 else []
        if isinstance(message, KlineMessage):
            return [(to_decimal(message.close), UNLIMITED)]
        return []

    def note_own(self, trade: Trade) -> None:
        """Takes down the trader's own best prices when the house quotes around a trade."""
        self.own = (trade, self.highest_buy, self.lowest_sell)

    def shown(self, message: MarketMessage, side: Side) -> list[Level]:
        """What the market offers where the trader's own orders rest: around a trade not beyond them."""
        levels = self.levels(message, side)
        quoted_around, highest_buy, lowest_sell = self.own
        if not isinstance(message, Trade) or not levels or quoted_around is None:
            return levels
        if key_of(quoted_around) != key_of(message):
            return levels
        [(price, quantity)] = levels
        if side is Side.BUY and lowest_sell < math.inf:
            price = min(price, to_decimal(lowest_sell) - self.rules.tick_size)
        if side is Side.SELL and highest_buy > -math.inf:
            price = max(price, to_decimal(highest_buy) + self.rules.tick_size)
        return [(price, quantity)] if price > 0 else []

    def offer(
        self, message: MarketMessage, levels: Iterable[Level], side: Side
    ) -> list[OrderRecord]:
        """Puts up what a message shows on a side, less what the trader has taken of it."""
        key = key_of(message)
        if key != self.taken_of:
            self.taken.clear()
            self.taken_of = key
        left = [(price, size - self.taken.get((side, price), Decimal(0))) for price, size in levels]
        return self.quote([level for level in left if level[1] > 0], side)

    def quote(self, levels: Iterable[Level], side: Side) -> list[OrderRecord]:
        """Puts the house's quotes on a side of the book."""
        return [
            self.venue.place_house_order(self.house, self.symbol, side, price, quantity)
            for price, quantity in levels
        ]

    def withdraw(self, quotes: list[OrderRecord]) -> None:
        """Takes the house's quotes out again, and down what was taken of them."""
        for quote in quotes:
            if quote.executed_quantity and self.taken_of is not None:
                key = (quote.side, quote.price)
                self.taken[key] = self.taken.get(key, Decimal(0)) + quote.executed_quantity
            self.venue.cancel_house_order(quote)


def key_of(message: MarketMessage) -> tuple[Any, ...]:
    """What tells a message from the ones before and after it."""
    number = getattr(message, "trade_id", 0) or getattr(message, "update_id", 0)
    return (type(message), getattr(message, "receive_time_ns", 0), number)
