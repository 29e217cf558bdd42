"""What open orders amount to, as running sums: asked before every placement, and changed with every order. Pure.

Two things are summed up: what orders may still execute, and what those of which the venue has not spoken lock there, for
no statement of the account can hold that yet. Orders that hang together are noted as one: a pair counts once, an order that
waits for another not at all, and one whose trigger is kept here locks nothing.

An order to BUY a quantity at the market's price locks what that is worth now; so its quantity is summed up, by symbol, and
valued when it is asked for.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from actors.trading.order_lists import counted_orders
from messages.enums import Exchanges, Side
from messages.orders import Order

ZERO = Decimal(0)
Market = tuple[Exchanges, str]
Assets = tuple[str, str]
"""Base and quote asset."""
FindPrice = Callable[[Exchanges, str], Decimal | None]
Part = tuple[dict[Any, Decimal], Any, Decimal]
"""In which sums, under which key, how much."""


class OpenQuantities:
    """Sums by market, side and strategy, and by locked asset."""

    def __init__(self) -> None:
        self._open: dict[tuple[Exchanges, str, Side], dict[str, Decimal]] = {}
        """By exchange, symbol and side, and then by strategy."""
        self._locked: dict[tuple[Exchanges, str], Decimal] = {}
        """By exchange and asset."""
        self._unpriced: dict[Market, Decimal] = {}
        """What is to be bought at the market's price."""
        self._parts: dict[str, list[Part]] = {}
        """What each order or list has in the sums, by its id."""
        self._assets: dict[Market, Assets] = {}

    def set_assets(self, exchange: Exchanges, symbol: str, assets: Assets) -> bool:
        """Takes the assets of a symbol; True if that is news, and the orders in it must be noted anew."""
        is_news = self._assets.get((exchange, symbol)) != assets
        self._assets[exchange, symbol] = assets
        return is_news

    def note(self, name: str, orders: Sequence[Order]) -> None:
        """Takes the orders of one list, or a single one, as they stand now; those that have ended count nothing."""
        if len(orders) == 1:
            (order,) = orders
            counted = orders if order.status.is_open and not order.is_waiting else ()
            unheard = counted if order.venue_status is None and not order.is_armed else ()
        else:
            standing = [each for each in orders if each.status.is_open]
            counted = list(counted_orders(standing))
            silent = [each for each in standing if each.venue_status is None and not each.is_armed]
            unheard = list(counted_orders(silent))
        parts: list[Part] = []
        for order in counted:
            sums = self._open.setdefault((order.exchange, order.symbol, order.side), {})
            parts.append((sums, order.strategy, order.open_quantity))
        for order in unheard:
            market = (order.exchange, order.symbol)
            if (assets := self._assets.get(market)) is not None:
                asset, amount, is_priced = find_lock(order, assets)
                if is_priced:
                    parts.append((self._locked, (order.exchange, asset), amount))
                else:
                    parts.append((self._unpriced, market, amount))
        before = self._parts.get(name)
        if before is not None:
            if parts == before:
                return
            add_up([(sums, key, -amount) for sums, key, amount in before])
            del self._parts[name]
        if parts:
            add_up(parts)
            self._parts[name] = parts

    def find(
        self, exchange: Exchanges, symbol: str, side: Side, strategy: str | None = None
    ) -> Decimal:
        """What one side of a market may still execute, of one strategy or (None) of all, in the base asset."""
        sums = self._open.get((exchange, symbol, side), {})
        return sum(sums.values(), ZERO) if strategy is None else sums.get(strategy, ZERO)

    def find_locked(self, exchange: Exchanges, asset: str, find_price: FindPrice) -> Decimal:
        """What of an asset is locked by orders of which the venue has not spoken; by the market's price where none is named."""
        locked = self._locked.get((exchange, asset), ZERO)
        for market, quantity in self._unpriced.items():
            if market[0] is exchange and self._assets[market][1] == asset:
                locked += quantity * (find_price(*market) or ZERO)
        return locked


def add_up(parts: list[Part]) -> None:
    """Adds amounts to their sums; a sum of nothing is not kept."""
    for sums, key, amount in parts:
        total = sums.get(key, ZERO) + amount
        if total:
            sums[key] = total
        else:
            sums.pop(key, None)


def find_lock(order: Order, assets: Assets) -> tuple[str, Decimal, bool]:
    """The asset that an order locks, how much of it, and True; with False how much it buys, at whatever price."""
    if order.side is Side.SELL:
        return assets[0], order.open_quantity, True
    if order.quote_quantity:
        return assets[1], order.quote_quantity - order.executed_quote_quantity, True
    price = order.price or order.stop_price
    if not price:
        return assets[1], order.open_quantity, False
    return assets[1], order.open_quantity * price, True
