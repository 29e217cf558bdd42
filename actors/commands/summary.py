"""The summary at the end of a run: the terminal's figures, for people and as JSON."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hdrh.histogram import HdrHistogram

from actors.commands.amounts import show, show_amounts, show_counts, show_latency, show_price
from actors.commands.left_orders import advise, advise_unheard
from actors.commands.monitor import BotFigures
from actors.runtime.system import System


def summarise_latency(histogram: HdrHistogram) -> dict[str, int]:
    """Count and percentiles of a histogram of microseconds; empty when nothing was measured."""
    count = histogram.get_total_count()
    if not count:
        return {}
    return {
        "count": count,
        "p50": histogram.get_value_at_percentile(50),
        "p99": histogram.get_value_at_percentile(99),
        "p99_9": histogram.get_value_at_percentile(99.9),
        "max": histogram.get_max_value(),
    }


def build_summary(figures: BotFigures, system: System) -> dict[str, Any]:
    """All figures of a run; amounts of money are texts.

    Quantities and fees are exact. Profits and average prices, which are quotients, are rounded to eight decimals.
    """
    statistics = system.statistics()
    return {
        "orders": figures.order_count,
        "fills": figures.fill_count,
        "realized_profit": {
            asset: show(amount) for asset, amount in figures.realized_profit().items()
        },
        "fees": {asset: show(amount) for asset, amount in figures.fees().items()},
        "latency_us": {
            "tick_to_acknowledged": summarise_latency(figures.tick_to_acknowledged_us),
            "request_to_acknowledged": summarise_latency(figures.request_to_acknowledged_us),
            "strategies": {
                name: {
                    "tick_to_order": summarise_latency(latency.tick_to_order),
                    "order_to_acknowledged": summarise_latency(latency.order_to_acknowledged),
                }
                for name, latency in sorted(figures.latencies.items())
            },
        },
        "messages": sum(item["handled"] for item in statistics.values()),
        "conflated": sum(item["conflated"] for item in statistics.values()),
        "dropped": sum(item["dropped"] for item in statistics.values()),
        "restarts": sum(item["restarts"] for item in statistics.values()),
        "positions": [
            {
                "strategy": position.strategy,
                "symbol": position.symbol,
                "quantity": show(position.quantity),
                "unsellable": figures.is_unsellable(position),
                "average_price": show(position.average_price),
                "realized_profit": show(position.realized_profit),
                "unrealized_profit": show(position.unrealized_profit),
                "fees": {asset: show(fee) for asset, fee in position.fees.items()},
            }
            for _, position in sorted(figures.positions.items())
        ],
        "balances": {
            asset: show(balance.total)
            for asset, balance in sorted(figures.balances.items())
            if balance.total
        },
        "balances_time": show_time(figures.balances_time_ns),
        "balances_doubt": describe_doubt(figures),
        "open_orders": len(figures.open_orders),
        "unknown_orders": [order.client_order_id for order in figures.unheard_orders],
        "orders_by_status": dict(sorted(figures.orders_by_status.items())),
        "refusals": dict(sorted(figures.refusals.items())),
        "stopped_actors": figures.stopped_actors,
        "actors": statistics,
        "failure": system.failure,
    }


def show_time(time_ns: int) -> str:
    """A time as people and programs read it; empty for none."""
    if not time_ns:
        return ""
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="milliseconds")


def describe_doubt(figures: BotFigures) -> str:
    """Why the balances may not be what the fills have left; empty if they are."""
    if figures.is_account_closed:
        return ""
    time = show_time(figures.balances_time_ns)
    why = f" ({figures.account_failure})" if figures.account_failure else ""
    return (
        f"as the venue told them last{f', at {time}' if time else ''}: the account could not be read at the end{why}, "
        "and what was executed since is not in them"
    )


def write_summary(path: Path, summary: dict[str, Any]) -> None:
    """Writes it as JSON.

    Raises OSError if the file cannot be written.
    """
    path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def describe_end(figures: BotFigures, system: System) -> str:
    """The summary in a few lines for people."""
    statistics = system.statistics().values()
    lines = [
        f"orders    {figures.order_count} sent ({show_counts(figures.orders_by_status) or 'none ended'}), "
        f"{figures.fill_count} fills, {len(figures.open_orders)} still open",
        f"profit    {show_amounts(figures.realized_profit())} realised, "
        f"{show_amounts(figures.unrealized_profit())} open, before fees of {show_amounts(figures.fees())}",
        f"latency   tick to acknowledged {show_latency(figures.tick_to_acknowledged_us)}",
        "messages  "
        + ", ".join(
            f"{sum(item[key] for item in statistics)} {key}"
            for key in ("handled", "conflated", "dropped")
        )
        + f"; {sum(item['restarts'] for item in statistics)} restarts",
    ]
    for _, position in sorted(figures.positions.items()):
        if position.quantity:
            lines.append(
                f"position  {position.strategy} holds {show(position.quantity)} {position.symbol} "
                f"bought at {show_price(position.average_price)}, "
                f"open profit {show(position.unrealized_profit)}"
                + (" (too little to be sold)" if figures.is_unsellable(position) else "")
            )
    if figures.balances and (doubt := describe_doubt(figures)):
        lines.append(f"balances  {doubt}")
    for name, count in sorted(figures.refusals.items()):
        text = figures.refusal_texts.get(name)
        last = f": {text}" if text else ""
        lines.append(f"refused   {show_counts({name: count})}{last}")
    lines += [f"out       {name}: {reason}" for name, reason in figures.stopped_actors.items()]
    lines += [advise(order) for order in figures.open_orders.values()]
    lines += [advise_unheard(order) for order in figures.unheard_orders]
    if system.failure:
        lines.append(f"failure   {system.failure}")
    return "\n".join(lines)
