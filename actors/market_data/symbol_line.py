"""How far one symbol's streams have come: what was received last, and whether its book can be trusted. Pure."""

from collections.abc import Callable
from typing import Any

from actors.market_data.kline_sequence import KlineSequence
from actors.trading.order_book import LocalOrderBook
from messages.enums import FeedState, KlineInterval


class SymbolLine:
    """One symbol of a feed."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.streams: list[str] = []
        self.book: LocalOrderBook | None = None
        """None as long as nobody asked for it."""
        self.renewal: LocalOrderBook | None = None
        """What is to take the place of the book, which goes on meanwhile."""
        self.renewed_at_s = float("-inf")
        """When such a one was begun last, by the loop's clock."""
        self.is_connected = False
        self.is_stale = False
        self.has_hole = False
        """Updates of the book were lost, and it has not been synchronised since."""
        self.loss = ""
        """Why it is not connected, or what the hole is."""
        self.last_receive_ns = 0
        self.last_ticker_id = 0
        self.take: dict[type[Any], Callable[[Any], None]] = {}
        """What takes its data, by their type."""
        self.klines: dict[KlineInterval, KlineSequence] = {}

    @property
    def state(self) -> FeedState:
        """How it stands: what keeps it from being LIVE, the worst first."""
        if not self.is_connected:
            return FeedState.DISCONNECTED
        if self.has_hole:
            return FeedState.GAP
        if self.book is not None and not self.book.is_synchronized:
            return FeedState.DISCONNECTED
        return FeedState.STALE if self.is_stale else FeedState.LIVE

    @property
    def reason(self) -> str:
        """The state in words; empty when it is LIVE."""
        state = self.state
        if state is FeedState.LIVE:
            return ""
        if state is FeedState.STALE:
            return "connected, but silent"
        if state is FeedState.DISCONNECTED and self.is_connected:
            return "the order book is being synchronised"
        return self.loss

    def lose_connection(self, reason: str) -> None:
        """The connection ended: the book is void and empty until it has been synchronised again."""
        self.is_connected = False
        self.has_hole = False
        self.is_stale = False
        self.loss = reason
        self.last_ticker_id = 0
        if self.book is not None:
            self.book.reset()
            self.renewal = None

    def connect(self, now_ns: int) -> None:
        """Data may come from now on."""
        self.is_connected = True
        self.last_receive_ns = now_ns
