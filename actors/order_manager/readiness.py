"""The start: which markets there are, what each venue must tell first, and the word to the strategies that they may trade.

Markets become known by the subscriptions of other actors. Of each the order manager asks for the trading rules and, lazily,
for the best bid and ask; of each venue for the state of the account, again and again until it is told. When all venues have
told it, and the rules of all symbols are known or have been waited for long enough (a symbol may not exist), it is ready.
"""

from collections.abc import Callable

from actors.order_manager.books import Books, Market
from actors.order_manager.gate import TradingGate
from actors.order_manager.port import Port
from messages.control import Ready, Subscribe
from messages.enums import Exchanges
from messages.instruments import Instrument
from messages.market import BookTicker
from messages.order_requests import SnapshotRequest

SNAPSHOT_RETRY_S = 5.0
INSTRUMENT_PATIENCE_S = 10.0


class Readiness:
    """Learns markets and venues, and knows when trading may begin."""

    def __init__(
        self,
        port: Port,
        books: Books,
        gate: TradingGate,
        is_waiting: Callable[[], bool],
        on_ready: Callable[[], None],
    ) -> None:
        """`is_waiting`: whether the venue has still to answer for an order that an earlier instance has left."""
        self.port = port
        self.is_waiting = is_waiting
        self.on_ready = on_ready
        self.is_in_doubt = False
        """Whether the journal may lack trades of symbols in which none is known: all of them are asked for then, once."""
        self.asked_whole: dict[Market, None] = {}
        """Markets of which all trades are asked for in a question that is out."""
        self.known_whole: dict[Market, None] = {}
        """Markets of which the venue has told all trades."""
        self.books = books
        self.gate = gate
        self.markets: dict[Market, None] = {}
        self.unasked: dict[Exchanges, None] = {}
        """Venues of which a snapshot is to be asked for."""
        self.awaited: dict[Exchanges, None] = {}
        """Venues whose answer is out."""
        self.timer = 0
        """Of the next question, or of its repetition."""
        self.is_asking = False
        self.is_patient = True

    def start(self) -> None:
        """Begins; by the time of the timer the subscriptions of the start have been heard."""
        self._ask_soon()
        self.port.schedule(INSTRUMENT_PATIENCE_S, self._lose_patience)

    def learn_market(self, exchange: Exchanges, symbol: str) -> None:
        """A symbol that is traded or watched."""
        market = (exchange, symbol)
        if market in self.markets:
            return
        self.markets[market] = None
        for message_class in (BookTicker, Instrument):
            self.port.send(
                Subscribe(
                    exchange=exchange,
                    symbol=symbol,
                    message_class=message_class.__name__,
                    subscriber=self.port.name,
                )
            )
        self.ask_snapshot(exchange)

    def ask_snapshot(self, exchange: Exchanges) -> None:
        """Asks a venue for the state of the account, once for all that becomes known in this instant."""
        self.unasked[exchange] = None
        self._ask_soon()

    def on_snapshot(self, exchange: Exchanges) -> None:
        """A venue has told the state of the account."""
        for market in [market for market in self.asked_whole if market[0] is exchange]:
            del self.asked_whole[market]
            self.known_whole[market] = None
        self.awaited.pop(exchange, None)
        if not self.awaited and not self.is_asking:
            self.port.cancel_timer(self.timer)
        self.announce()

    def announce(self) -> None:
        """Says that trading may begin, once, when everything that it needs is known."""
        if self.gate.is_ready or self.unasked or self.awaited or self.is_asking:
            return
        if self.is_waiting():
            return
        missing = [market for market in self.markets if market not in self.books.instruments]
        if missing and self.is_patient:
            return
        for exchange, symbol in missing:
            self.port.log.warning(
                "%s: no trading rules of %s have come; is the symbol right? Its orders are refused",
                exchange,
                symbol,
            )
        self.gate.is_ready = True
        self.port.send(Ready())
        self.on_ready()

    def _ask_soon(self) -> None:
        if not self.is_asking:
            self.is_asking = True
            self.port.cancel_timer(self.timer)
            self.timer = self.port.schedule(0.0, self._ask)

    def _ask(self) -> None:
        self.is_asking = False
        self.awaited.update(self.unasked)
        self.unasked.clear()
        for exchange in self.awaited:
            symbols = [symbol for venue, symbol in self.markets if venue is exchange]
            self.port.send(
                SnapshotRequest(
                    exchange=exchange,
                    symbols=symbols,
                    trades_after=self._find_last_trades(exchange, symbols),
                )
            )
        if self.awaited:
            self.timer = self.port.schedule(SNAPSHOT_RETRY_S, self._ask)
        self.announce()

    def _find_last_trades(self, exchange: Exchanges, symbols: list[str]) -> dict[str, int]:
        known = self.books.last_trade_ids
        trades_after = {}
        for symbol in symbols:
            market = (exchange, symbol)
            if market in known:
                trades_after[symbol] = known[market]
            elif self.is_in_doubt and market not in self.known_whole:
                trades_after[symbol] = 0
                self.asked_whole[market] = None
        return trades_after

    def venues(self) -> list[Exchanges]:
        """All that are traded or watched."""
        return list(dict.fromkeys(exchange for exchange, _ in self.markets))

    def _lose_patience(self) -> None:
        self.is_patient = False
        self.announce()
