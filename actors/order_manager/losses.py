"""Limits of loss: looked at after every fill and once a second while anything is held; at one of them trading halts.

Fees in a third asset (BNB) count at the first price that is known for it after they were paid; while none is known they
are left out, and that is said.

The halt is kept over a restart of the bot, and so is what was lost; the word to go on counts from then on.
"""

from actors.order_manager.books import Books
from actors.order_manager.checkpoints import Checkpoints
from actors.order_manager.gate import ALL, TradingGate
from actors.order_manager.halts import Halts
from actors.order_manager.port import Port
from actors.trading.loss_watch import LossWatch
from actors.trading.risk import RiskLimits
from messages.control import HaltTrading
from messages.recovery import LossMark


class Losses:
    """Watches the whole bot, and each strategy for itself."""

    def __init__(
        self,
        port: Port,
        books: Books,
        gate: TradingGate,
        halts: Halts,
        checkpoints: Checkpoints,
        limits: RiskLimits,
    ) -> None:
        self.port = port
        self.books = books
        self.gate = gate
        self.halts = halts
        self.checkpoints = checkpoints
        self.told: set[tuple[str, str]] = set()
        """Fee assets without a price, each with its quote asset; only asked whether they contain one."""
        self.bot = LossWatch(limits.maximum_daily_loss, limits.maximum_drawdown)
        self.strategies = LossWatch(
            limits.maximum_strategy_daily_loss, limits.maximum_strategy_drawdown
        )

    def check(self) -> None:
        """Halts what has lost too much."""
        if not (self.bot.is_set or self.strategies.is_set):
            return
        self._value_fees()
        known = [(mark.strategy, mark.quote_asset, mark.day) for mark in self.marks()]
        if self.bot.is_set:
            self._check(self.bot, ALL)
        if self.strategies.is_set:
            for strategy in {
                position.strategy: None for position in self.books.portfolio.positions()
            }:
                self._check(self.strategies, strategy)
        if known != [(mark.strategy, mark.quote_asset, mark.day) for mark in self.marks()]:
            # What was lost today must not be forgotten over a crash.
            self.checkpoints.ask()

    def _value_fees(self) -> None:
        books = self.books
        for exchange, asset, quote in books.portfolio.unvalued_fees():
            price = books.find_price(exchange, asset, quote)
            if price is not None:
                books.portfolio.value_fees(exchange, asset, quote, price)
            elif (asset, quote) not in self.told:
                self.told.add((asset, quote))
                self.port.log.warning(
                    "fees in %s do not count towards the limits of loss: its price in %s is not known; "
                    "let some actor watch %s%s",
                    asset,
                    quote,
                    asset,
                    quote,
                )

    def forgive(self, scope: str) -> None:
        """Somebody has said that trading goes on: losses are counted from now on."""
        watch = self.bot if scope == ALL else self.strategies
        if watch.is_set:
            profits = self.books.portfolio.profits_after_all_fees(None if scope == ALL else scope)
            watch.forgive(scope, profits, self.port.now_ns)
            self.checkpoints.ask()

    def marks(self) -> list[LossMark]:
        """From where losses are counted."""
        return [*self.bot.marks.values(), *self.strategies.marks.values()]

    def restore(self, marks: list[LossMark]) -> None:
        """Takes the marks of an earlier instance over."""
        for mark in marks:
            watch = self.bot if mark.strategy == ALL else self.strategies
            watch.marks[mark.strategy, mark.quote_asset] = mark

    def begin(self) -> None:
        """After a restart: what has been lost before anybody set a limit does not count."""
        for strategy in {position.strategy: None for position in self.books.portfolio.positions()}:
            self._begin(self.strategies, strategy, strategy)
        self._begin(self.bot, ALL, None)

    def _begin(self, watch: LossWatch, scope: str, strategy: str | None) -> None:
        profits = self.books.portfolio.profits_after_all_fees(strategy)
        new = {asset: each for asset, each in profits.items() if (scope, asset) not in watch.marks}
        if watch.is_set and new:
            watch.forgive(scope, new, self.port.now_ns)

    def _check(self, watch: LossWatch, scope: str) -> None:
        if scope in self.gate.halts:
            return
        profits = self.books.portfolio.profits_after_all_fees(None if scope == ALL else scope)
        reason = watch.check(scope, profits, self.port.now_ns)
        if reason is not None:
            self.port.log.error("%s halts: %s", scope or "trading", reason)
            self.halts.begin(HaltTrading(reason=reason, strategy=scope, is_kept=True))
