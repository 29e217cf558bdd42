"""A bot's status in lines for people, no wider than a terminal of 80 columns."""

import textwrap
from decimal import Decimal

from actors.commands.amounts import show, show_counts
from actors.commands.bot_status import (
    BotStatus,
    LimitUse,
    Obstacle,
    OrderStatusLine,
    PositionStatus,
)

WIDTH = 80
LABEL = 11


def describe_status(status: BotStatus) -> str:
    """All of it."""
    lines = [
        *row("bot", f"{status.bot}, process {status.process}, since {status.started}"),
        *row("venue", status.venue),
        *row("state", describe_state(status)),
    ]
    for item in status.obstacles:
        lines += row(item.kind, describe_obstacle(item))
    for connection in (*status.connections, *status.market_data):
        lines += row("connection", f"{connection.name}: {connection.state} {connection.detail}")
    for actor in status.actors:
        notes = [f"{actor.handled} handled"]
        notes += [f"{actor.restarts} restarts"] * bool(actor.restarts)
        notes += [f"{actor.dropped} dropped"] * bool(actor.dropped)
        notes += ["OUT"] * actor.is_out
        lines += row("actor", f"{actor.name} ({actor.class_name}): {', '.join(notes)}")
    if status.state != "starting" or status.actors:
        lines += describe_trading(status)
    return "\n".join(lines)


def describe_trading(status: BotStatus) -> list[str]:
    """Orders, positions, profit and limits."""
    lines = row(
        "orders",
        f"{status.orders_sent} sent, {len(status.open_orders)} open, {status.fills} fills"
        + (f"; {show_counts(status.orders_by_status)}" if status.orders_by_status else ""),
    )
    if status.refusals:
        lines += row("refused", show_counts(status.refusals))
    for order in status.open_orders:
        lines += row("UNKNOWN" if order.is_unknown else "open", describe_order(order))
    for position in status.positions:
        lines += row("position", describe_position(position))
    if not status.positions:
        lines += row("position", "none")
    for asset, profit in status.profit.items():
        lines += row(
            "profit",
            f"{show(profit.realized)} realised, {show(profit.unrealized)} open, before "
            f"{show(profit.fees)} fees, in {asset}",
        )
    for limit in status.limits:
        lines += row("limit", describe_limit(limit))
    return lines


def row(label: str, text: str) -> list[str]:
    """A label and a text, which goes on below itself where it is long."""
    return textwrap.wrap(
        text.strip() or "-",
        WIDTH,
        initial_indent=f"{label:<{LABEL}}",
        subsequent_indent=" " * LABEL,
        break_on_hyphens=False,
    )


def describe_state(status: BotStatus) -> str:
    """The state and what it waits for."""
    return f"{status.state}: waits for {status.waiting_for}" if status.waiting_for else status.state


def describe_obstacle(item: Obstacle) -> str:
    """What stands in the way, of whom, and how it ends."""
    whom = f"{item.scope}: " if item.scope else ""
    since = f", since {item.since}" if item.since else ""
    end = {
        "halt": "ends by `bin/start resume`" + (", also after a restart" if item.is_kept else ""),
        "hold": "ends by itself",
        "pause": "ends by itself",
        "journal": "new orders are refused, cancels pass; ends when it can be written",
        "stop": "ends by a restart of the bot",
    }[item.kind]
    return f"{whom}{item.reason}{since} ({end})"


def describe_order(order: OrderStatusLine) -> str:
    """One order."""
    price = f"at {show(order.price)}" if order.price else order.order_type
    filled = f", {show(order.executed_quantity)} filled" if order.executed_quantity else ""
    unknown = "; sent and not answered, the venue is being asked" if order.is_unknown else ""
    return (
        f"{order.client_order_id} {order.side} {show(order.quantity)} {order.symbol} {price} "
        f"{order.status}{filled}{unknown}"
    )


def describe_position(item: PositionStatus) -> str:
    """One position."""
    if not item.quantity:
        return f"{item.strategy} holds no {item.symbol}; {show(item.realized_profit)} realised"
    dust = " (dust: less than the venue lets anybody sell)" if item.is_dust else ""
    return (
        f"{item.strategy} holds {show(item.quantity)} {item.symbol}{dust} bought at "
        f"{show(item.average_price)}; {show(item.realized_profit)} realised, "
        f"{show(item.unrealized_profit)} open"
    )


def describe_limit(limit: LimitUse) -> str:
    """One limit and how much of it is used."""
    scope = f" of {limit.scope}" if limit.scope else ""
    if limit.used is None:
        return f"{limit.name}{scope}: {show(limit.limit)} {limit.unit}"
    share = limit.used / limit.limit * 100 if limit.limit else Decimal(0)
    return (
        f"{limit.name}{scope}: {show(limit.used)} of {show(limit.limit)} {limit.unit} "
        f"({share:.0f} %)"
    )
