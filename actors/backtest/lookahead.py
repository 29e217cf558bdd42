"""Does a strategy use the future? Runs it on data that end, or begin, elsewhere, and compares what it did.

**Truncated data.** What a strategy does up to an instant cannot depend on what comes after it: with all data from there on
taken away its orders until then must be the same, to the digit. A strategy that reads ahead, from a file of its own or from
a figure over the whole series, is told by its first order that differs, with the message on which it was decided.

**Later start.** A strategy that has seen its warm-up decides alike whatever came before it. Runs that begin later must come
to the same orders as the whole run once they have as many messages behind them as the part that was left out; where they
never do, the strategy hangs on its whole past (which is no look-ahead, but makes live differ from a backtest).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from actors.backtest.engine import run_backtest
from actors.backtest.record import OrderRow
from actors.backtest.report import time_text
from actors.backtest.settings import BacktestSettings
from actors.backtest.source import MarketData
from actors.runtime.specification import ActorSpecification


@dataclass(frozen=True)
class Finding:
    """One place where a strategy did otherwise than with all data."""

    strategy: str
    kind: str
    cut_ns: int
    expected: str
    found: str

    def __str__(self) -> str:
        """For people."""
        when = time_text(self.cut_ns)
        if self.kind == "future":
            return (
                f"{self.strategy} uses the future: with the data cut at {when} it did {self.found}, "
                f"with all data {self.expected}"
            )
        return (
            f"{self.strategy} hangs on its past: begun at {when} it did {self.found}, "
            f"begun earlier {self.expected}"
        )


def find_lookahead(
    data: MarketData,
    actors: Sequence[ActorSpecification],
    settings: BacktestSettings,
    cuts: int = 5,
) -> list[Finding]:
    """Every strategy's first difference at each cut. Raises what a backtest raises.

    Nothing is sold at the end of the data: that is no decision of a strategy, and the end is another in each run.
    """
    settings = replace(settings, flatten=False)
    whole = decisions_of(run_backtest(data, actors, settings).record.orders.values())
    begin_ns, end_ns = data.first_time_ns, data.last_time_ns
    findings = []
    for number in range(1, cuts + 1):
        cut_ns = begin_ns + (end_ns - begin_ns) * number // (cuts + 1)
        part = data.within(0, cut_ns)
        if part.last_time_ns <= begin_ns:
            continue
        orders = run_backtest(part, actors, settings).record.orders.values()
        findings += compare(whole, decisions_of(orders), 0, cut_ns, cut_ns, "future")
        rest = data.within(cut_ns)
        settled_ns = cut_ns + (end_ns - cut_ns) // 2
        later = run_backtest(rest, actors, settings).record.orders.values()
        findings += compare(whole, decisions_of(later), settled_ns, end_ns + 1, cut_ns, "past")
    return findings


Decision = tuple[int, str, str]


def decisions_of(orders: Any) -> dict[str, list[Decision]]:
    """Per strategy what it decided: when, and what, in the order of its decisions."""
    found: dict[str, list[Decision]] = {}
    for row in orders:
        found.setdefault(row.strategy, []).append(
            (row.created_time_ns, describe(row), row.order_id)
        )
    return found


def describe(row: OrderRow) -> str:
    """An order's terms, without its name."""
    price = f" at {row.price}" if row.price else ""
    return f"{row.side} {row.quantity} {row.symbol} {row.order_type}{price} at {time_text(row.created_time_ns)}"


def compare(
    whole: dict[str, list[Decision]],
    part: dict[str, list[Decision]],
    from_ns: int,
    to_ns: int,
    cut_ns: int,
    kind: str,
) -> list[Finding]:
    """The first difference of each strategy within a span of time."""
    findings = []
    for strategy in sorted({*whole, *part}):
        expected = [item[1] for item in whole.get(strategy, []) if from_ns <= item[0] < to_ns]
        found = [item[1] for item in part.get(strategy, []) if from_ns <= item[0] < to_ns]
        for index in range(max(len(expected), len(found))):
            one = expected[index] if index < len(expected) else "nothing"
            other = found[index] if index < len(found) else "nothing"
            if one != other:
                findings.append(Finding(strategy, kind, cut_ns, one, other))
                break
    return findings
