"""What the actors ask for, held against what the data can give."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from actors.backtest.errors import BacktestError
from actors.backtest.streams import StreamPlan
from actors.exchange.symbols import SymbolRules
from actors.runtime.actor import Subscription
from actors.runtime.specification import ActorSpecification
from messages.enums import FeedState
from messages.market import BookTicker, FeedStatus, Kline, MarketMessage, OrderBook, Trade

if TYPE_CHECKING:
    from actors.backtest.host import BacktestSystem
    from actors.backtest.player import Player

NEEDED = (Trade, BookTicker, OrderBook, Kline)
"""Without these a strategy waits for nothing; other classes only tell it more."""


class Wanted:
    """Serves subscriptions from the data, or by what follows from them."""

    def __init__(self, plan: StreamPlan, rules: Mapping[str, SymbolRules]) -> None:
        self.plan, self.rules = plan, rules

    def serve(
        self, actors: Sequence[ActorSpecification], system: "BacktestSystem", player: "Player"
    ) -> list[str]:
        """Arranges what can be derived, tells the feeds to be live; what the report should mention.

        Raises BacktestError for a stream that an actor asks for and the data cannot give.
        """
        notes: list[str] = []
        missing: list[str] = []
        for item in actors:
            instance: Any = system.cells[item.name].instance
            if instance is None:
                continue
            for subscription in instance.subscriptions():
                self._serve(item.name, subscription, player, notes, missing)
        if missing:
            have = ", ".join(
                f"{item.symbol} {item.message_class.__name__} {item.interval}".strip()
                for item in self.plan.streams
            )
            raise BacktestError(f"{'; '.join(missing)}. The data hold: {have}")
        for symbol, stream in self.plan.quotes.items():
            player.send_aside(
                FeedStatus(exchange=stream.key[0], symbol=symbol, state=FeedState.LIVE)
            )
        system.pump()
        return notes

    def _serve(
        self,
        name: str,
        wanted: Subscription,
        player: "Player",
        notes: list[str],
        missing: list[str],
    ) -> None:
        message_class, symbol = wanted.message_class, wanted.symbol
        interval = str(wanted.interval) if wanted.interval is not None else ""
        if not issubclass(message_class, MarketMessage):
            return
        if (message_class, symbol, interval) in self.plan.by_key:
            return
        has_trades = (Trade, symbol, "") in self.plan.by_key
        what = f"{symbol} {message_class.__name__} {interval}".strip()
        if message_class is Kline and has_trades and wanted.interval is not None:
            builder = player.derived.want_bars(symbol, wanted.interval, player.clock.time_ns)
            if builder is not None:
                player.bar_ends.follow(builder)
            notes.append(f"{what}: built from trades")
        elif (
            message_class is Kline
            and wanted.interval is not None
            and (fine := self.plan.finer_bars(symbol, interval))
        ):
            player.derived.want_coarse_bars(symbol, fine, wanted.interval)
            notes.append(f"{what}: built from bars of {fine}")
        elif message_class is BookTicker and has_trades:
            player.derived.want_quotes(symbol, float(self.rules[symbol].tick_size))
            notes.append(f"{what}: a tick on either side of the last trade")
        elif message_class in NEEDED:
            missing.append(f"{name} asks for {what}, which the data do not hold")
        elif message_class is not FeedStatus:
            notes.append(f"{what}: asked for by {name}, not in the data")
