"""How a running bot stands, as a structure for people and programs.

It is read between two handlers from what the observer has heard and from the order manager's own books, and changes
neither.
"""

import os
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from actors.commands.bot_status import (
    ActorStatus,
    BotStatus,
    ConnectionStatus,
    Obstacle,
    OrderStatusLine,
    PositionStatus,
    ProfitStatus,
)
from actors.commands.composition import GATEWAY_NAME, MONITOR_NAME, ORDER_MANAGER_NAME
from actors.commands.configuration import Configuration
from actors.commands.left_orders import is_answered
from actors.commands.limit_use import find_limit_uses
from actors.commands.monitor import Monitor
from actors.gateways.binance import BinanceGateway
from actors.gateways.errors import GatewayError
from actors.order_manager.manager import OrderManager
from actors.runtime.system import System
from messages.account import Position
from messages.enums import GateEvent, OrderStatus
from messages.orders import Order


def show_time(time_ns: int) -> str:
    """An instant in ISO 8601, UTC, to the second; empty for 0."""
    if not time_ns:
        return ""
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z")


def find_manager(system: System) -> OrderManager | None:
    """The order manager of a running system; None while it is out."""
    instance = system.cells[ORDER_MANAGER_NAME].instance
    return instance if isinstance(instance, OrderManager) else None


def find_obstacles(manager: OrderManager, *, is_lasting: bool = True) -> list[Obstacle]:
    """All that stands in the way of new orders; what lies at a venue that is not lasting ends with it."""
    gate = manager.gate
    found = []
    for scope, reason in gate.halts.items():
        note = gate.notes.get((GateEvent.HALT, scope))
        found.append(
            Obstacle(
                "halt",
                scope,
                note.reason if note is not None and note.is_kept else reason,
                is_kept=note is not None and note.is_kept and is_lasting,
                since=show_time(note.time_ns) if note is not None else "",
            )
        )
    for kind, reasons in (("hold", gate.holds), ("pause", gate.pauses), ("stop", gate.stops)):
        found += [Obstacle(kind, scope, reason) for scope, reason in reasons.items()]
    return found


def build_status(
    configuration: Configuration,
    started_ns: int,
    system: System | None,
    waiting_for: str = "",
    *,
    is_ending: bool = False,
) -> BotStatus:
    """How the bot stands; `system` is None while it still waits for its venue."""
    section = configuration.venue
    head: dict[str, Any] = {
        "bot": configuration.bot.name,
        "process": os.getpid(),
        "venue": f"{section.exchange} ({section.place})",
        "started": show_time(started_ns),
    }
    if system is None:
        state = "ending" if is_ending else "starting"
        return BotStatus(**head, state=state, waiting_for=waiting_for)
    monitor = system.cells[MONITOR_NAME].instance
    assert isinstance(monitor, Monitor)
    figures, manager = monitor.figures, find_manager(system)
    obstacles = (
        find_obstacles(manager, is_lasting=not section.is_local) if manager is not None else []
    )
    if system.journal is not None and system.journal.trouble:
        obstacles.append(Obstacle("journal", "", system.journal.trouble))
    is_ready = manager is not None and manager.gate.is_ready
    return BotStatus(
        **head,
        run=system.run,
        state="ending" if is_ending else name_state(is_ready, obstacles),
        waiting_for="" if is_ready else "the venue's account, trading rules and open orders",
        obstacles=obstacles,
        actors=describe_actors(system),
        connections=describe_connections(system),
        market_data=[
            ConnectionStatus(symbol, str(state), show_prices(figures.last_prices.get(symbol)))
            for symbol, state in sorted(figures.feed_states.items())
        ],
        positions=[
            describe_position(position, figures.is_unsellable(position))
            for _, position in sorted(figures.positions.items())
            if position.quantity or position.realized_profit
        ],
        open_orders=[describe_order(order) for order in figures.open_orders.values()],
        profit=sum_profit(monitor),
        limits=find_limit_uses(manager) if manager is not None else [],
        orders_sent=figures.order_count,
        fills=figures.fill_count,
        refusals=dict(sorted(figures.refusals.items())),
        orders_by_status=dict(sorted(figures.orders_by_status.items())),
    )


def name_state(is_ready: bool, obstacles: list[Obstacle]) -> str:
    """The state in one word, the worst first."""
    kinds = {item.kind for item in obstacles if item.kind != "halt" or not item.scope}
    if "halt" in kinds:
        return "halted"
    if not is_ready:
        return "starting"
    return "held" if kinds & {"hold", "journal"} else "trading"


def describe_actors(system: System) -> list[ActorStatus]:
    """All actors, in the order of their start."""
    return [
        ActorStatus(
            name,
            system.cells[name].actor_class.__name__,
            counts["handled"],
            counts["restarts"],
            counts["dropped"],
            counts["is_out"],
        )
        for name, counts in system.statistics().items()
    ]


def describe_connections(system: System) -> list[ConnectionStatus]:
    """Order entry, the account's events and the clock, where the gateway is one that has them."""
    gateway = system.cells[GATEWAY_NAME].instance
    if not isinstance(gateway, BinanceGateway):
        return [ConnectionStatus("gateway", "out")] if gateway is None else []
    try:
        client = gateway.client
    except GatewayError:
        return [ConnectionStatus("gateway", "connecting")]
    if gateway.order_entry == "rest":
        entry = ConnectionStatus("order entry", "REST")
    elif client.ws_api.is_connected:
        entry = ConnectionStatus("order entry", "connected", "WebSocket")
    else:
        entry = ConnectionStatus("order entry", "lost", "orders go by REST after a moment")
    holds = gateway.holds
    events = ConnectionStatus(
        "account events", "lost" if holds else "live", "; ".join(holds.values())
    )
    offset_ms = client.clock_offset.offset_ns / 1e6
    return [entry, events, ConnectionStatus("venue's clock", "measured", f"{offset_ms:+.1f} ms")]


def show_prices(prices: tuple[float, float] | None) -> str:
    """Best bid and ask."""
    return f"{prices[0]} / {prices[1]}" if prices is not None else ""


def describe_position(position: Position, is_dust: bool) -> PositionStatus:
    """One position, and whether it is too little to be sold."""
    return PositionStatus(
        position.strategy,
        position.symbol,
        position.quantity,
        position.average_price,
        position.realized_profit,
        position.unrealized_profit,
        position.fees,
        is_dust,
    )


def describe_order(order: Order) -> OrderStatusLine:
    """One open order."""
    return OrderStatusLine(
        order.client_order_id or order.order_id,
        order.strategy,
        order.symbol,
        order.side.value,
        order.order_type.value,
        order.price,
        order.quantity,
        order.executed_quantity,
        order.status.value,
        # A cancel may be on its way for an order that the venue has not spoken of.
        is_unknown=not is_answered(order) and order.status is not OrderStatus.PENDING_NEW,
    )


def sum_profit(monitor: Monitor) -> dict[str, ProfitStatus]:
    """Profits before fees, and fees, per asset."""
    figures = monitor.figures
    realized, unrealized, fees = (
        figures.realized_profit(),
        figures.unrealized_profit(),
        figures.fees(),
    )
    zero = Decimal(0)
    return {
        asset: ProfitStatus(
            realized.get(asset, zero), unrealized.get(asset, zero), fees.get(asset, zero)
        )
        for asset in sorted({*realized, *unrealized, *fees})
    }
