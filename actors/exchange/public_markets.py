"""The public side of the exchange: its symbols, its clock, and what everyone may see of its markets."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from actors.exchange import errors
from actors.exchange.book import BookTicker, DepthChanges, DepthSnapshot
from actors.exchange.klines import Kline
from actors.exchange.market import SymbolMarket
from actors.exchange.orders import AggregateTrade, PublicTrade
from actors.exchange.symbols import SymbolRules
from actors.exchange.transaction import MarketListener
from messages.enums import KlineInterval


class PublicMarkets:
    """All symbols, and who listens to them. Methods that take a symbol raise VenueError (-1121) for an unknown one."""

    def __init__(self, symbols: Sequence[SymbolRules], clock: Callable[[], int]) -> None:
        self.clock = clock
        self.markets = {rules.name: SymbolMarket(rules) for rules in symbols}
        self.market_listeners: list[MarketListener] = []
        self.aggregate_listeners: list[Callable[[str, AggregateTrade], None]] = []
        """Each is called with a symbol and its next aggregate, when that is complete."""
        self._now_us = 0

    def now_us(self) -> int:
        """The time of the venue's clock, which never goes back here, whatever the clock does."""
        self._now_us = max(self._now_us, self.clock())
        return self._now_us

    @property
    def symbols(self) -> dict[str, SymbolRules]:
        """The rules of every symbol by its name."""
        return {name: market.rules for name, market in self.markets.items()}

    def market(self, symbol: str) -> SymbolMarket:
        """The state of a symbol. Raises VenueError (-1121)."""
        market = self.markets.get(symbol)
        if market is None:
            raise errors.invalid_symbol()
        return market

    def rules(self, symbol: str) -> SymbolRules:
        """The rules of a symbol. Raises VenueError (-1121)."""
        return self.market(symbol).rules

    def depth(self, symbol: str, limit: int = 100) -> DepthSnapshot:
        """The best levels of the book."""
        return self.market(symbol).engine.book.depth(limit)

    def open_depth_changes(self, symbol: str) -> DepthChanges:
        """A consumer of the book's changes from now on; to be closed when no longer needed."""
        return self.market(symbol).engine.book.open_changes()

    def book_ticker(self, symbol: str) -> BookTicker:
        """Best bid and ask."""
        return self.market(symbol).engine.book.ticker()

    def recent_trades(self, symbol: str, limit: int = 500) -> list[PublicTrade]:
        """The newest public trades, oldest first."""
        return list(self.market(symbol).tape.trades)[-limit:]

    def aggregate_trades(
        self,
        symbol: str,
        from_id: int | None = None,
        start_time_ms: int | None = None,
        end_time_ms: int | None = None,
        limit: int = 500,
    ) -> list[AggregateTrade]:
        """Aggregated trades, oldest first: from an id or a time on if given, else the newest up to the end."""
        chosen = [
            one
            for one in self.market(symbol).tape.aggregates
            if (from_id is None or one.number >= from_id)
            and (start_time_ms is None or one.time_us // 1000 >= start_time_ms)
            and (end_time_ms is None or one.time_us // 1000 <= end_time_ms)
        ]
        is_from_start = from_id is not None or start_time_ms is not None
        return chosen[:limit] if is_from_start else chosen[-limit:]

    def klines(
        self,
        symbol: str,
        interval: KlineInterval,
        start_time_ms: int | None = None,
        end_time_ms: int | None = None,
        limit: int = 500,
    ) -> list[Kline]:
        """Klines by open time, oldest first; the newest is the running one. None before the first trade."""
        if interval is KlineInterval.UNRECOGNISED:
            raise errors.invalid_interval()
        klines = self.market(symbol).tape.klines
        return klines.range(interval, self.now_us(), start_time_ms, end_time_ms, limit)

    def current_kline(self, symbol: str, interval: KlineInterval) -> Kline | None:
        """The running kline; None before the first trade."""
        return self.market(symbol).tape.klines.current(interval, self.now_us())

    def last_price(self, symbol: str) -> Decimal | None:
        """The price of the last public trade; None before the first."""
        return self.market(symbol).tape.last_price

    def average_price(self, symbol: str) -> Decimal | None:
        """The volume weighted average of the last five minutes, else the last price; None before the first trade."""
        return self.market(symbol).tape.average_price(self.now_us())

    def last_price_if_listed(self, symbol: str) -> Decimal | None:
        """The last price of a symbol that may not exist here."""
        market = self.markets.get(symbol)
        return market.tape.last_price if market else None

    def print_trade(self, symbol: str, trade: PublicTrade) -> None:
        """Prints a trade that was recorded elsewhere; no account takes part in it."""
        self.markets[symbol].print(trade)
        for listener in self.market_listeners:
            listener.on_trade(symbol, trade)

    def report_book(self, symbol: str) -> None:
        """Tells the listeners of a changed book, once for all changes since they were last told."""
        market = self.markets[symbol]
        for aggregate in market.tape.take_completed():
            for hear in self.aggregate_listeners:
                hear(symbol, aggregate)
        if market.engine.book.update_id != market.reported_update_id:
            market.reported_update_id = market.engine.book.update_id
            for listener in self.market_listeners:
                listener.on_book(symbol)
