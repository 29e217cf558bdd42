"""How far one symbol's streams have come: what was received last, and whether its book can be trusted. Pure."""

from actors.trading.order_book import LocalOrderBook
from messages.enums import FeedState
from messages.market import Kline

MILLISECOND_NS = 1_000_000


class SymbolLine:
    """One symbol of a feed."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.streams: list[str] = []
        self.book: LocalOrderBook | None = None
        """None as long as nobody asked for it."""
        self.is_connected = False
        self.is_stale = False
        self.has_hole = False
        """Updates of the book were lost, and it has not been synchronised since."""
        self.loss = ""
        """Why it is not connected, or what the hole is."""
        self.last_receive_ns = 0
        self.last_trade_id = 0
        self.last_close_ns: dict[str, int] = {}

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
        if self.book is not None:
            self.book.reset()

    def connect(self, now_ns: int) -> None:
        """Data may come from now on."""
        self.is_connected = True
        self.last_receive_ns = now_ns

    def note_trade(self, trade_id: int) -> int:
        """Takes a trade's id, which the venue counts without holes; returns how many are missing before it."""
        last, self.last_trade_id = self.last_trade_id, max(self.last_trade_id, trade_id)
        return max(trade_id - last - 1, 0) if last else 0

    def note_kline(self, bar: Kline) -> int:
        """Takes a closed bar; returns how many are missing before it."""
        last_ns = self.last_close_ns.get(bar.interval)
        self.last_close_ns[bar.interval] = bar.close_time_ns
        if last_ns is None:
            return 0
        length_ns = bar.close_time_ns - bar.open_time_ns + MILLISECOND_NS
        return max(round((bar.open_time_ns - last_ns) / length_ns), 0)
