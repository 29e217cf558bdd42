"""The README's example of an actor that is no strategy: it watches a price and tells when it crosses a level."""

from actors.runtime.actor import Actor
from actors.strategies.arguments import ArgumentChecks
from messages.base import Message
from messages.enums import Exchanges
from messages.market import Trade


class Alert(Message, kw_only=True):
    """The price of a symbol has crossed a level."""

    exchange: Exchanges
    symbol: str
    level: float
    price: float
    is_above: bool
    """True when the price rose above the level, False when it fell to it or below."""


class PriceAlert(Actor[Alert]):
    """Logs and sends one `Alert` each time the price crosses a level, in either direction."""

    def __init__(self, symbol: str, level: float, exchange: Exchanges = Exchanges.BINANCE) -> None:
        """Raises ValueError for a symbol or a level that cannot be one."""
        with ArgumentChecks() as check:
            check.symbol(symbol)
            check.above_zero("level", level)
        self.symbol, self.level, self.exchange = symbol, level, exchange
        self.was_above: bool | None = None

    def on_trade(self, trade: Trade) -> None:
        """Compares each trade with the level; the first one only tells on which side the price is."""
        is_above = trade.price > self.level
        if self.was_above not in (None, is_above):
            word = "above" if is_above else "below"
            self.log.warning("%s: %s is %s %s", self.symbol, trade.price, word, self.level)
            self.send(
                Alert(
                    exchange=trade.exchange,
                    symbol=trade.symbol,
                    level=self.level,
                    price=trade.price,
                    is_above=is_above,
                )
            )
        self.was_above = is_above
