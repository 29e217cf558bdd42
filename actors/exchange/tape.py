"""What one symbol has traded: recent public trades, one by one and aggregated, last and average price, klines."""

from collections import deque
from decimal import Decimal

from actors.exchange.klines import SECOND_US, KlineBuilder
from actors.exchange.orders import ZERO, AggregateTrade, PublicTrade

TRADES_KEPT = 1000
"""As many as one request for recent trades may ask for."""

AVERAGE_SECONDS = 300


class Tape:
    """The public trades of one symbol, in the order they were printed."""

    def __init__(self) -> None:
        self.trades: deque[PublicTrade] = deque(maxlen=TRADES_KEPT)
        self.aggregates: deque[AggregateTrade] = deque(maxlen=TRADES_KEPT)
        """Those that are complete."""
        self.aggregates_made = 0
        self._together: list[PublicTrade] = []
        self._completed: deque[AggregateTrade] = deque(maxlen=TRADES_KEPT)
        self.klines = KlineBuilder()
        self.last_price: Decimal | None = None
        self._seconds: deque[tuple[int, Decimal, Decimal]] = deque()
        self._base, self._quote = ZERO, ZERO

    def add(self, trade: PublicTrade) -> None:
        """Takes in one trade."""
        self.trades.append(trade)
        if self._together and not _belongs(self._together[-1], trade):
            self._complete()
        self._together.append(trade)
        self.klines.add(trade)
        self.last_price = trade.price
        second, base, quote = trade.time_us // SECOND_US, trade.quantity, trade.quote_quantity
        self._base += base
        self._quote += quote
        seconds = self._seconds
        if seconds and seconds[-1][0] >= second:
            last = seconds[-1]
            seconds[-1] = (last[0], last[1] + base, last[2] + quote)
            return
        seconds.append((second, base, quote))
        self._forget(second)

    def take_completed(self) -> list[AggregateTrade]:
        """What has become complete since the last call; what is under way is complete now: a request has ended."""
        self._complete()
        completed = list(self._completed)
        self._completed.clear()
        return completed

    def _complete(self) -> None:
        if not self._together:
            return
        first, last = self._together[0], self._together[-1]
        self.aggregates_made += 1
        aggregate = AggregateTrade(
            self.aggregates_made,
            first.price,
            sum((trade.quantity for trade in self._together), ZERO),
            first.trade_id,
            last.trade_id,
            last.time_us,
            first.is_buyer_maker,
        )
        self._together = []
        self.aggregates.append(aggregate)
        self._completed.append(aggregate)

    def _forget(self, second: int) -> None:
        seconds = self._seconds
        while seconds and seconds[0][0] <= second - AVERAGE_SECONDS:
            _, base, quote = seconds.popleft()
            self._base -= base
            self._quote -= quote

    def average_price(self, now_us: int) -> Decimal | None:
        """The volume weighted average of the last five minutes; the last price if they saw no trade; None before any."""
        self._forget(now_us // SECOND_US)
        return self._quote / self._base if self._base > 0 else self.last_price


def _belongs(one: PublicTrade, other: PublicTrade) -> bool:
    """Whether two trades in a row count as one: same price, side and time."""
    return (
        one.price == other.price
        and one.is_buyer_maker is other.is_buyer_maker
        and one.time_us == other.time_us
    )
