"""Performance figures of a series of equity and of a list of trades. Pure; every figure that has no value is None.

Annualisation: a year has 365 days, for the market never closes; a series sampled every p seconds has 31,536,000 / p periods
a year. Returns are simple, `e[i] / e[i - 1] - 1`; the first value is the equity at the start, before any gain, so that a
loss before the first peak counts.

Sources: Sharpe ratio, W. F. Sharpe, The Sharpe Ratio (Journal of Portfolio Management, 1994), risk-free rate 0, sample
deviation (n - 1), times the root of the periods a year. Sortino ratio, F. Sortino and L. Price, Performance Measurement in
a Downside Risk Framework (Journal of Investing, 1994), target 0: mean over the root of the mean of all squared negative
returns, a positive one counting 0. Calmar ratio, T. Young (Futures, 1991): compound annual return over the greatest
drawdown, here over the whole run. Drawdown: 1 - equity / highest equity so far. Profit factor: gross profit over gross
loss of the closed trades after fees. Win rate: closed trades with a profit after fees, of all.
"""

import itertools
import math
from collections.abc import Sequence

YEAR_S = 365 * 86_400
SHORTEST_FOR_ANNUAL_S = 86_400
"""A shorter run has no annual return: it would be raised to a power that means nothing."""


def returns_of(equity: Sequence[float]) -> list[float]:
    """Simple returns from value to value; a value of 0 or less ends the series."""
    found = []
    for before, after in itertools.pairwise(equity):
        if before <= 0:
            break
        found.append(after / before - 1)
    return found


def total_return(equity: Sequence[float]) -> float | None:
    """From the first value to the last."""
    if len(equity) < 2 or equity[0] <= 0:
        return None
    return equity[-1] / equity[0] - 1


def drawdowns_of(equity: Sequence[float]) -> list[float]:
    """At each value, how far below the highest so far, as a fraction of that."""
    peak = -math.inf
    found = []
    for value in equity:
        peak = max(peak, value)
        found.append(1 - value / peak if peak > 0 else 0.0)
    return found


def maximum_drawdown(equity: Sequence[float]) -> float:
    """The greatest of them; 0 for a series that never falls."""
    return max(drawdowns_of(equity), default=0.0)


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean of at least one value."""
    return math.fsum(values) / len(values)


def deviation(values: Sequence[float]) -> float | None:
    """The sample standard deviation; None for fewer than two values."""
    if len(values) < 2:
        return None
    middle = mean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


def volatility(returns: Sequence[float], periods_a_year: float) -> float | None:
    """The annual standard deviation of the returns."""
    found = deviation(returns)
    return None if found is None else found * math.sqrt(periods_a_year)


def sharpe_ratio(returns: Sequence[float], periods_a_year: float = 1.0) -> float | None:
    """Mean over deviation, annualised; None where nothing varies."""
    found = deviation(returns)
    if found is None or found <= 1e-15 * max(abs(value) for value in returns):
        return None
    return mean(returns) / found * math.sqrt(periods_a_year)


def sortino_ratio(returns: Sequence[float], periods_a_year: float = 1.0) -> float | None:
    """Mean over downside deviation, annualised; None where nothing fell."""
    if len(returns) < 2:
        return None
    downside = math.sqrt(math.fsum(min(value, 0.0) ** 2 for value in returns) / len(returns))
    return mean(returns) / downside * math.sqrt(periods_a_year) if downside > 0 else None


def annual_return(equity: Sequence[float], seconds: float) -> float | None:
    """The compound annual return; None for less than a day, and where everything was lost."""
    whole = total_return(equity)
    if whole is None or whole <= -1 or seconds < SHORTEST_FOR_ANNUAL_S:
        return None
    exponent = YEAR_S / seconds * math.log1p(whole)
    return math.expm1(exponent) if exponent < 100 else None


def calmar_ratio(equity: Sequence[float], seconds: float) -> float | None:
    """Annual return over maximum drawdown; None where there is neither."""
    annual, worst = annual_return(equity, seconds), maximum_drawdown(equity)
    return annual / worst if annual is not None and worst > 0 else None


def profit_factor(profits: Sequence[float]) -> float | None:
    """Gross profit over gross loss; None without a loss."""
    gain = math.fsum(value for value in profits if value > 0)
    loss = -math.fsum(value for value in profits if value < 0)
    return gain / loss if loss > 0 else None


def win_rate(profits: Sequence[float]) -> float | None:
    """The part of the trades that won; None without trades."""
    return sum(value > 0 for value in profits) / len(profits) if profits else None
