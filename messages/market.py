"""Market data: float64 prices and quantities, times in nanoseconds since the epoch, UTC.

`event_time_ns` is the venue's clock (0 where its message has none), `receive_time_ns` is ours.
"""

from typing import Any

from messages.base import Message, Policy, Routing
from messages.enums import Exchanges, FeedState, KlineInterval, Side


class MarketMessage(Message, kw_only=True):
    """What one symbol of one venue says; routed to those who asked for it."""

    exchange: Exchanges
    symbol: str

    policy = Policy.SEQUENCE
    routing = Routing.BY_MARKET

    def routing_key(self) -> tuple[Any, ...]:
        """`(exchange, symbol)`."""
        return (self.exchange, self.symbol)


class Trade(MarketMessage, kw_only=True, gc=False):
    """One public execution."""

    trade_id: int
    price: float
    quantity: float
    buyer_is_maker: bool
    """True when the buyer's order rested, so that the seller was the taker."""
    trade_time_ns: int
    event_time_ns: int = 0
    receive_time_ns: int = 0

    @property
    def side(self) -> Side:
        """The taker's side."""
        return Side.SELL if self.buyer_is_maker else Side.BUY


class BookTicker(MarketMessage, kw_only=True, gc=False):
    """The best bid and ask."""

    update_id: int
    bid_price: float
    bid_quantity: float
    ask_price: float
    ask_quantity: float
    event_time_ns: int = 0
    receive_time_ns: int = 0

    policy = Policy.NEWEST

    @property
    def mid_price(self) -> float:
        """The mean of best bid and ask."""
        return (self.bid_price + self.ask_price) / 2


class OrderBook(MarketMessage, kw_only=True):
    """The best levels of both sides, best first, each `(price, quantity)`."""

    update_id: int
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]
    event_time_ns: int = 0
    receive_time_ns: int = 0

    policy = Policy.NEWEST


class KlineMessage(MarketMessage, kw_only=True):
    """The fields that a finished and an unfinished bar share."""

    interval: KlineInterval
    open_time_ns: int
    close_time_ns: int
    """The last instant that belongs to the bar."""
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float = 0.0
    trade_count: int = 0
    taker_buy_volume: float = 0.0
    taker_buy_quote_volume: float = 0.0
    event_time_ns: int = 0
    receive_time_ns: int = 0

    def routing_key(self) -> tuple[Any, ...]:
        """`(exchange, symbol, interval)`."""
        return (self.exchange, self.symbol, self.interval)


class Kline(KlineMessage, kw_only=True, gc=False):
    """A bar that has closed; it never changes again."""


class PartialKline(KlineMessage, kw_only=True, gc=False):
    """A bar that still grows; a class of its own, so that it never replaces a closed one."""

    policy = Policy.NEWEST


class FeedStatus(MarketMessage, kw_only=True):
    """How the feed stands with the venue for one symbol: a state, repeated; hearing it twice changes nothing."""

    state: FeedState
    reason: str = ""
    missed: int = 0
    """How many updates are known to be missing, where the venue numbers them; 0 if unknown or none."""
    event_time_ns: int = 0
    receive_time_ns: int = 0
