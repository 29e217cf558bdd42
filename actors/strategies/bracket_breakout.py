"""Buys above a level, and sells again at a gain or at a loss: all three orders in one request."""

from decimal import Decimal

from actors.strategies.arguments import ArgumentChecks
from actors.strategies.strategy import Strategy
from messages.control import Resync
from messages.enums import ListState, OrderStatus, OrderType
from messages.market import Trade
from messages.order_lists import OrderListUpdate
from messages.orders import OrderUpdate

RETRY_S = 1.0
UNSOLD = (OrderStatus.EXPIRED, OrderStatus.EXPIRED_IN_MATCH)


class BracketBreakout(Strategy):
    """Buys when the price rises above a level and nothing is held or on its way; out at `target` or `stop` from there."""

    def __init__(
        self,
        symbol: str,
        level: float,
        quantity: Decimal,
        target: float = 0.02,
        stop: float = 0.01,
    ) -> None:
        """`target` and `stop` are distances as shares of the price: 0.02 is 2 percent.

        Raises ValueError for what cannot be meant, naming each key.
        """
        with ArgumentChecks() as check:
            check.symbol(symbol)
            check.above_zero("level", level)
            check.above_zero("quantity", quantity)
            check.above_zero("target", target)
            check.above_zero("stop", stop)
            check.require(not stop >= 1, f"stop is a share of the price, not {stop}")
        self.symbol, self.level, self.quantity = symbol, level, quantity
        self.target, self.stop_distance = target, stop

    def on_trade(self, trade: Trade) -> None:
        if (
            trade.price > self.level
            and self.is_flat(self.symbol)
            and not self.open_orders(self.symbol)
        ):
            self.bracket(
                self.symbol,
                self.quantity,
                entry=trade.price,
                stop=trade.price * (1 - self.stop_distance),
                target=trade.price * (1 + self.target),
                time_to_cancel=5.0,
            )

    def on_order_list_update(self, update: OrderListUpdate) -> None:
        """A partly filled entry that was canceled, or exits that expired, leave a position that nothing protects."""
        is_over = not self.open_orders(self.symbol)
        if update.state is ListState.UNPROTECTED and is_over:
            self.close(self.symbol)

    def on_order_update(self, update: OrderUpdate) -> None:
        """A sale at the market that the book could not take whole leaves as little protected as there was before."""
        order = update.order
        if order.order_type is OrderType.MARKET and order.status in UNSOLD:
            self.schedule(RETRY_S, self.get_out)

    def get_out(self) -> None:
        """Sells what is still held, if nothing else will."""
        if not (self.is_flat(self.symbol) or self.open_orders(self.symbol)):
            self.close(self.symbol)

    def on_resync(self, resync: Resync) -> None:
        """Position and open orders, all that it looks at, have come back."""
