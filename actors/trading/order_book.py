"""One symbol's order book, kept from a snapshot and a stream of differences.

Source of the rule: web-socket-streams.md, "How to manage a local order book correctly" (as corrected on 2025-11-12).
Differences carry the first and last update id they hold. Those that come before there is a snapshot are kept, a bounded
number of them; a snapshot older than the oldest kept is of no use. From then on a difference whose last id is not above
the book's is old; one whose first id is above the book's id + 1 leaves a hole, and the book is void until the next
snapshot; any other is applied, overlapping or not, since it states absolute quantities. A snapshot tells of so many levels
only: of one beyond them nothing is known until something happens to it.
"""

import enum
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from messages.enums import Exchanges
from messages.market import BookTicker, OrderBook

INFINITY = float("inf")
RawLevel = Sequence[float | str]
"""Price and quantity, as numbers or as the venue's text."""
Level = tuple[float, float]


class BookResult(enum.Enum):
    """What became of a difference or a snapshot."""

    APPLIED = "APPLIED"
    IGNORED = "IGNORED"
    """It was older than what is known. An ignored snapshot must be asked for again while the book is void."""
    BUFFERED = "BUFFERED"
    """There is no snapshot yet; the difference waits for it."""
    GAP = "GAP"
    """Updates are missing; the book is void and empty, and a new snapshot is needed."""


class Difference(NamedTuple):
    """Levels that changed between two update ids, with their new absolute quantities."""

    first_update_id: int
    last_update_id: int
    bids: list[Level]
    asks: list[Level]


class BookSide:
    """The levels of one side: quantities by price, and the prices in ascending order."""

    def __init__(self, best_index: int, maximum_levels: int) -> None:
        self.quantities: dict[float, float] = {}
        self.prices: list[float] = []
        self.best_index = best_index
        """Where the best price stands in `prices`: 0 for asks, -1 for bids."""
        self.maximum_levels = maximum_levels
        self.end: float | None = None
        """The worst price up to which every level is known; None if that is all of them."""

    def set_levels(self, levels: Iterable[Level]) -> None:
        """Sets the quantities of these prices; 0 removes a price. The worst prices go when there are too many."""
        quantities, prices = self.quantities, self.prices
        for price, quantity in levels:
            if quantity:
                if price not in quantities:
                    prices.insert(bisect_left(prices, price), price)
                quantities[price] = quantity
            elif quantities.pop(price, None) is not None:
                del prices[bisect_left(prices, price)]
        if len(prices) > self.maximum_levels:
            while len(prices) > self.maximum_levels:
                del quantities[prices.pop(-1 - self.best_index)]
            self.set_end(prices[-1 - self.best_index])

    def set_end(self, price: float) -> None:
        """Beyond this price levels may be missing."""
        is_asks = self.best_index == 0
        self.end = (
            price if self.end is None else min(self.end, price) if is_asks else max(self.end, price)
        )

    def knows(self, count: int) -> bool:
        """Whether no level that was never told can lie among the best, so many of them."""
        if self.end is None:
            return True
        if len(self.prices) < count:
            return False
        if self.best_index == 0:
            return self.prices[count - 1] <= self.end
        return self.prices[-count] >= self.end

    def clear(self) -> None:
        """Empties the side."""
        self.end = None
        self.quantities.clear()
        self.prices.clear()

    def best(self) -> Level | None:
        """Price and quantity of the best level, or None if the side is empty."""
        if not self.prices:
            return None
        price = self.prices[self.best_index]
        return price, self.quantities[price]

    def top(self, count: int) -> list[Level]:
        """The best levels, best first."""
        prices = self.prices[:count] if self.best_index == 0 else self.prices[: -count - 1 : -1]
        return [(price, self.quantities[price]) for price in prices]


class LocalOrderBook:
    """A book that is either right or void; see the module's docstring for the rule."""

    def __init__(self, *, buffer_limit: int = 1_000, maximum_levels: int = 10_000) -> None:
        self.update_id = 0
        """The last update the book holds; 0 while it is void."""
        self.is_synchronized = False
        self.bids = BookSide(-1, maximum_levels)
        self.asks = BookSide(0, maximum_levels)
        self._buffer: deque[Difference] = deque(maxlen=buffer_limit)

    def reset(self) -> None:
        """Voids and empties the book, as when the connection was lost; kept differences go too."""
        self._void()
        self._buffer.clear()

    def apply_snapshot(
        self,
        last_update_id: int,
        bids: Iterable[RawLevel],
        asks: Iterable[RawLevel],
        limit: int | None = None,
    ) -> BookResult:
        """Takes a snapshot in place of what the book held, then the differences that waited for it.

        `limit` is how many levels of a side it tells at most: where it tells so many, there may be more beyond.
        IGNORED if it is older than what the book, or the oldest waiting difference, needs. GAP if there is a hole
        among the waiting differences: the book is void then, and those after the hole go on waiting.
        Raises ValueError for a level that is no price and quantity; nothing is changed then.
        """
        new_bids, new_asks = parse_levels(bids), parse_levels(asks)
        if self.is_synchronized and last_update_id < self.update_id:
            return BookResult.IGNORED
        if self._buffer and last_update_id < self._buffer[0].first_update_id - 1:
            return BookResult.IGNORED
        self._void()
        for side, levels in ((self.bids, new_bids), (self.asks, new_asks)):
            if levels and limit is not None and len(levels) >= limit:
                side.end = (max if side is self.asks else min)(price for price, _ in levels)
            side.set_levels(levels)
        self.update_id = last_update_id
        self.is_synchronized = True
        while self._buffer:
            if self._take(self._buffer[0]) is BookResult.GAP:
                return BookResult.GAP
            self._buffer.popleft()
        return BookResult.APPLIED

    def apply_diff(
        self,
        first_update_id: int,
        last_update_id: int,
        bids: Iterable[RawLevel],
        asks: Iterable[RawLevel],
    ) -> BookResult:
        """Takes one difference (`U`, `u`, `b`, `a` of depthUpdate).

        GAP is answered once for each hole; what follows is BUFFERED until a snapshot has mended it.
        Raises ValueError for a level that is no price and quantity; nothing is changed then.
        """
        difference = Difference(
            first_update_id, last_update_id, parse_levels(bids), parse_levels(asks)
        )
        if not self.is_synchronized:
            self._buffer.append(difference)
            return BookResult.BUFFERED
        result = self._take(difference)
        if result is BookResult.GAP:
            self._buffer.append(difference)
        return result

    def _take(self, difference: Difference) -> BookResult:
        if difference.last_update_id <= self.update_id:
            return BookResult.IGNORED
        if difference.first_update_id > self.update_id + 1:
            self._void()
            return BookResult.GAP
        self.bids.set_levels(difference.bids)
        self.asks.set_levels(difference.asks)
        self.update_id = difference.last_update_id
        return BookResult.APPLIED

    def _void(self) -> None:
        self.bids.clear()
        self.asks.clear()
        self.update_id = 0
        self.is_synchronized = False

    def best_bid(self) -> Level | None:
        """Price and quantity of the best bid, or None."""
        return self.bids.best()

    def best_ask(self) -> Level | None:
        """Price and quantity of the best ask, or None."""
        return self.asks.best()

    def top(self, count: int) -> tuple[list[Level], list[Level]]:
        """The best levels of both sides, best first."""
        return self.bids.top(count), self.asks.top(count)

    def knows(self, count: int) -> bool:
        """Whether the best levels of both sides, so many of each, are surely all: see `apply_snapshot` for its `limit`."""
        return self.bids.knows(count) and self.asks.knows(count)

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is not below the best ask, which no right book shows."""
        bid, ask = self.bids.best(), self.asks.best()
        return bid is not None and ask is not None and bid[0] >= ask[0]

    def agrees_with(self, ticker: BookTicker) -> bool | None:
        """Whether best bid and ask are those of a ticker of the same update id; None if its id is another."""
        if not self.is_synchronized or ticker.update_id != self.update_id:
            return None
        return self.bids.best() == (ticker.bid_price, ticker.bid_quantity) and (
            self.asks.best() == (ticker.ask_price, ticker.ask_quantity)
        )

    def to_message(
        self,
        exchange: Exchanges,
        symbol: str,
        count: int,
        event_time_ns: int = 0,
        receive_time_ns: int = 0,
    ) -> OrderBook:
        """The best levels as a message."""
        bids, asks = self.top(count)
        return OrderBook(
            exchange=exchange,
            symbol=symbol,
            update_id=self.update_id,
            bids=bids,
            asks=asks,
            event_time_ns=event_time_ns,
            receive_time_ns=receive_time_ns,
        )


def parse_levels(levels: Iterable[RawLevel]) -> list[Level]:
    """Prices and quantities as numbers. Raises ValueError unless each price is above 0 and each quantity at least 0."""
    parsed = []
    for level in levels:
        price, quantity = float(level[0]), float(level[1])
        if not (0.0 < price < INFINITY and 0.0 <= quantity < INFINITY):
            raise ValueError(f"not a level of an order book: {level!r}")
        parsed.append((price, quantity))
    return parsed
