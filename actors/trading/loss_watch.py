"""Limits of loss: within a day (UTC), and from the highest profit. Pure.

Profits are net: realised and unrealised, after fees, in one quote asset. What a strategy (or the whole bot) has lost is
counted from its marks, which outlive a restart of the bot; the word to go on after a halt sets them anew.
"""

from decimal import Decimal

from messages.instruments import to_text
from messages.recovery import LossMark

DAY_NS = 86_400_000_000_000
ZERO = Decimal(0)


class LossWatch:
    """Counts the losses of one scope: of each strategy for itself, or of all together.

    A limit that is None does not limit.
    """

    def __init__(
        self, maximum_daily_loss: Decimal | None, maximum_drawdown: Decimal | None
    ) -> None:
        self.maximum_daily_loss = maximum_daily_loss
        self.maximum_drawdown = maximum_drawdown
        self.marks: dict[tuple[str, str], LossMark] = {}
        """By strategy ("" for all) and quote asset."""

    @property
    def is_set(self) -> bool:
        """Whether there is anything to watch."""
        return self.maximum_daily_loss is not None or self.maximum_drawdown is not None

    def check(self, strategy: str, profits: dict[str, Decimal], now_ns: int) -> str | None:
        """Takes the net profits per quote asset; why trading must stop, or None."""
        day = now_ns // DAY_NS
        for asset, profit in profits.items():
            mark = self.marks.get((strategy, asset))
            if mark is None:
                # Before its first trade a strategy had earned nothing.
                mark = LossMark(strategy=strategy, quote_asset=asset, day=day)
                self.marks[strategy, asset] = mark
            if day > mark.day:
                # A clock that was set back begins no new day.
                mark.day, mark.day_start = day, profit
            mark.peak = max(mark.peak, profit)
            loss, fall = mark.day_start - profit, mark.peak - profit
            if self.maximum_daily_loss is not None and loss >= self.maximum_daily_loss:
                limit = to_text(self.maximum_daily_loss)
                return f"{to_text(loss)} {asset} lost today (UTC), {limit} are allowed"
            if self.maximum_drawdown is not None and fall >= self.maximum_drawdown:
                limit = to_text(self.maximum_drawdown)
                return f"{to_text(fall)} {asset} below the highest profit, {limit} are allowed"
        return None

    def forgive(self, strategy: str, profits: dict[str, Decimal], now_ns: int) -> None:
        """Losses are counted from now on: somebody has said that trading goes on."""
        for asset, profit in profits.items():
            self.marks[strategy, asset] = LossMark(
                strategy=strategy,
                quote_asset=asset,
                day=now_ns // DAY_NS,
                day_start=profit,
                peak=profit,
            )
