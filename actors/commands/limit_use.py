"""How much of each limit is used at this moment, by the order manager's own books."""

from decimal import Decimal

from actors.commands.bot_status import LimitUse
from actors.order_manager.gate import ALL
from actors.order_manager.manager import OrderManager
from actors.trading.loss_watch import DAY_NS, LossWatch
from messages.enums import Side

ZERO = Decimal(0)


def find_limit_uses(manager: OrderManager) -> list[LimitUse]:
    """Every limit that is set."""
    limits = manager.parts.placements.risk.limits
    table = manager.books.table
    uses = [
        LimitUse(name, Decimal(value), None, unit)
        for name, value, unit in (
            ("maximum_order_notional", limits.maximum_order_notional, "quote"),
            ("price_collar", limits.price_collar, ""),
            ("maximum_orders_per_second", limits.maximum_orders_per_second, ""),
        )
        if value is not None
    ]
    strategies = sorted({position.strategy for position in manager.books.portfolio.positions()})
    for scope, most in (
        (None, limits.maximum_open_orders),
        *((name, limits.maximum_strategy_open_orders) for name in strategies),
    ):
        if most is not None:
            count = len(table.open_orders(scope))
            uses.append(
                LimitUse(
                    "maximum_open_orders" if scope is None else "maximum_strategy_open_orders",
                    Decimal(most),
                    Decimal(count),
                    scope=scope or "",
                )
            )
    uses += find_exposures(manager)
    losses = manager.parts.losses
    uses += find_losses(manager, losses.bot, ALL, "maximum")
    for strategy in strategies:
        uses += find_losses(manager, losses.strategies, strategy, "maximum_strategy")
    return uses


def find_exposures(manager: OrderManager) -> list[LimitUse]:
    """What is held and may still be bought in each symbol, at the market's price, against the limits of position."""
    limits, books = manager.parts.placements.risk.limits, manager.books
    uses = []
    for (exchange, symbol), instrument in sorted(books.instruments.items()):
        mid = books.mid_price(exchange, symbol)
        if mid is None:
            continue
        holders = sorted(
            {
                position.strategy
                for position in books.portfolio.positions()
                if (position.exchange, position.symbol) == (exchange, symbol)
            }
        )
        for strategy, most, name in (
            (None, limits.maximum_position_notional, "maximum_position_notional"),
            *(
                (
                    holder,
                    limits.maximum_strategy_position_notional,
                    "maximum_strategy_position_notional",
                )
                for holder in holders
            ),
        ):
            if most is None:
                continue
            held = books.portfolio.quantity(exchange, symbol, strategy)
            held += books.under_way(exchange, symbol, Side.BUY, strategy)
            scope = symbol if strategy is None else f"{strategy} {symbol}"
            uses.append(LimitUse(name, most, held * mid, instrument.quote_asset, scope))
    return uses


def find_losses(manager: OrderManager, watch: LossWatch, scope: str, prefix: str) -> list[LimitUse]:
    """What was lost today (UTC) and since the highest profit, per quote asset."""
    if not watch.is_set:
        return []
    today = manager.now_ns // DAY_NS
    uses = []
    for asset, profit in manager.books.portfolio.profits_after_all_fees(scope or None).items():
        mark = watch.marks.get((scope, asset))
        day_start, peak = ZERO, ZERO
        if mark is not None:
            day_start = profit if today > mark.day else mark.day_start
            peak = mark.peak
        for name, most, used in (
            ("daily_loss", watch.maximum_daily_loss, day_start - profit),
            ("drawdown", watch.maximum_drawdown, peak - profit),
        ):
            if most is not None:
                uses.append(LimitUse(f"{prefix}_{name}", most, max(used, ZERO), asset, scope))
    return uses
