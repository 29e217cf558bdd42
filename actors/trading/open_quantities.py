"""What open orders may still execute, as running sums: asked before every placement, and changed with every order. Pure.

Orders that hang together are noted as one: a pair counts once, and an order that waits for another not at all.
"""

from collections.abc import Iterable
from decimal import Decimal

from actors.trading.order_lists import counted_orders
from messages.enums import Exchanges, Side
from messages.orders import Order

ZERO = Decimal(0)
Key = tuple[Exchanges, str, Side, str | None]
"""Exchange, symbol, side, and the strategy; None for all of them."""


class OpenQuantities:
    """Sums by market, side and strategy."""

    def __init__(self) -> None:
        self._sums: dict[Key, Decimal] = {}
        self._parts: dict[str, list[tuple[Key, Decimal]]] = {}
        """What each order or list has in the sums, by its id."""

    def note(self, name: str, orders: Iterable[Order]) -> None:
        """Takes the orders of one list, or a single one, as they stand now; those that have ended count nothing."""
        for key, amount in self._parts.pop(name, ()):
            self._add(key, -amount)
        parts: list[tuple[Key, Decimal]] = []
        for order in counted_orders(each for each in orders if each.is_open):
            for strategy in (None, order.strategy):
                key = (order.exchange, order.symbol, order.side, strategy)
                parts.append((key, order.open_quantity))
                self._add(key, order.open_quantity)
        if parts:
            self._parts[name] = parts

    def find(
        self, exchange: Exchanges, symbol: str, side: Side, strategy: str | None = None
    ) -> Decimal:
        """What one side of a market may still execute, of one strategy or (None) of all, in the base asset."""
        return self._sums.get((exchange, symbol, side, strategy), ZERO)

    def _add(self, key: Key, amount: Decimal) -> None:
        total = self._sums.get(key, ZERO) + amount
        if total:
            self._sums[key] = total
        else:
            self._sums.pop(key, None)
