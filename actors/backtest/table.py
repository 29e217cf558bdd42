"""The figures of a report as pairs of texts, for terminal and page alike."""

from typing import Any

PERCENTS = (
    ("return", "return"),
    ("annual_return", "annual return (365 days)"),
    ("buy_and_hold_return", "buy and hold"),
    ("maximum_drawdown", "maximum drawdown"),
    ("volatility", "volatility (365 days)"),
)
NUMBERS = (
    ("sharpe", "Sharpe (365 days)"),
    ("sortino", "Sortino (365 days)"),
    ("calmar", "Calmar"),
    ("profit_factor", "profit factor"),
)
NOTHING = "-"


def figure_rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and value of every figure, in the order of reading."""
    currency = figures["currency"]
    rows = [
        ("equity at the start", f"{float(figures['initial_equity']):,.2f} {currency}"),
        ("equity at the end", amount(figures["final_equity"], currency)),
        ("profit after fees", amount(figures["net_profit"], currency)),
    ]
    rows += [(text, percent(figures[name])) for name, text in PERCENTS]
    rows += [(text, decimal(figures[name])) for name, text in NUMBERS]
    rows += [
        ("closed trades", str(figures["trades"])),
        ("win rate", percent(figures["win_rate"])),
        ("average trade", amount(figures["average_trade"], currency)),
        (
            "best, worst trade",
            f"{decimal(figures['best_trade'])}, {decimal(figures['worst_trade'])}",
        ),
        ("exposure (part of the time)", percent(figures["exposure"])),
        ("turnover (times the equity)", decimal(figures["turnover"])),
        ("turnover a day", decimal(figures["turnover_per_day"])),
        ("fees", ", ".join(f"{sum_} {asset}" for asset, sum_ in figures["fees"].items()) or "none"),
        ("orders, fills", f"{figures['orders']}, {figures['fills']}"),
    ]
    rows += [
        (f"orders {outcome}", str(count)) for outcome, count in figures["orders_by_outcome"].items()
    ]
    rows += [
        ("fill ratio (by quantity)", percent(figures["fill_ratio"])),
        ("maker share (by worth)", percent(figures["maker_share"])),
        ("slippage of takers", basis_points(figures["slippage"])),
        ("sampled every", f"{figures['sample_interval_s']} s"),
        ("bars of unclear order", str(figures["ambiguous_bars"])),
        ("messages played", f"{figures['messages']:,}"),
    ]
    return rows


def percent(value: float | None) -> str:
    """A fraction in percent."""
    return NOTHING if value is None else f"{value:.3%}"


def decimal(value: float | None) -> str:
    """A plain figure."""
    return NOTHING if value is None else f"{value:,.3f}"


def amount(value: float | None, currency: str) -> str:
    """An amount of money."""
    return NOTHING if value is None else f"{value:,.2f} {currency}"


def basis_points(value: float | None) -> str:
    """A fraction in hundredths of a percent."""
    return NOTHING if value is None else f"{value * 1e4:.2f} bp"
