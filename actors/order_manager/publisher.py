"""What strategies and observers hear of a change: `Position`, then each `Fill`, then the `OrderUpdate`.

The position goes first, because no strategy must ever see an order gone and its position not yet there: it would take
itself for flat and buy again.
"""

from collections.abc import Callable
from decimal import Decimal

from actors.order_manager.books import Books, Market, copy_order
from actors.order_manager.chains import Chains
from actors.order_manager.port import Port
from actors.trading.order_change import OrderChange, build_fill
from messages.enums import Exchanges, OrderStatus, Reason
from messages.instruments import Instrument
from messages.orders import Fill, Order, OrderUpdate
from messages.recovery import OrderNote

VALUATION_INTERVAL_S = 1.0


class Publisher:
    """Books executions and tells of everything."""

    def __init__(
        self,
        port: Port,
        books: Books,
        chains: Chains,
        on_valued: Callable[[], None],
        valuation_interval_s: float = VALUATION_INTERVAL_S,
    ) -> None:
        """`on_valued` is called when profits have changed, by a fill or by the market."""
        self.valuation_interval_s = valuation_interval_s
        self.port = port
        self.on_valued = on_valued
        self.books = books
        self.chains = chains
        self.waiting_fills: dict[Market, list[Fill]] = {}
        """Executions in symbols whose assets are not known yet."""
        self.restored_fills: dict[Market, list[Fill]] = {}
        """Those of them that were told before a restart."""
        self.is_valuing = False
        self.told_profits: dict[tuple[str, Exchanges, str], Decimal] = {}

    def publish(
        self, change: OrderChange, reason: Reason = Reason.NONE, reason_text: str = ""
    ) -> None:
        """Tells of a change; of one that is no news, nothing."""
        if change.order is None or not change.is_news:
            return
        if change.executions:
            self.book(change)
        if self.chains.is_earlier_leg(change.order):
            self.port.send(OrderNote(order=copy_order(change.order)))
        self.tell(change.order, reason, reason_text)

    def book(self, change: OrderChange) -> None:
        """Books the executions of a change and tells of them and of the position."""
        order = change.order
        if order is None or not change.executions:
            return
        fills = [build_fill(order, execution) for execution in change.executions]
        for fill in fills:
            fill.order_id = self.chains.handle_of(order)
        market = (order.exchange, order.symbol)
        if market not in self.books.instruments:
            self.waiting_fills.setdefault(market, []).extend(fills)
            return
        self._book_fills(fills)

    def tell(self, order: Order, reason: Reason = Reason.NONE, reason_text: str = "") -> None:
        """Tells how an order stands. `reason` is why a request about it was refused."""
        view = self.chains.view(order)
        if order.status is OrderStatus.REJECTED and reason is Reason.NONE:
            reason, reason_text = order.reason, order.reason_text
        self.port.send(
            OrderUpdate(strategy=order.strategy, order=view, reason=reason, reason_text=reason_text)
        )

    def restore_fill(self, fill: Fill) -> None:
        """Books a fill that was told before a restart, at the latest when the assets of its symbol are known."""
        if self.books.portfolio.knows(fill.exchange, fill.symbol):
            self.books.portfolio.apply(fill)
        else:
            self.restored_fills.setdefault((fill.exchange, fill.symbol), []).append(fill)

    def on_instrument(self, instrument: Instrument) -> None:
        """Books what had to wait for the assets of this symbol."""
        restored = self.restored_fills.pop((instrument.exchange, instrument.symbol), [])
        for fill in restored:
            self.books.portfolio.apply(fill)
        if restored:
            # What is held again has a value again, and limits of loss to keep.
            self.begin_valuing()
        fills = self.waiting_fills.pop((instrument.exchange, instrument.symbol), [])
        for strategy in dict.fromkeys(fill.strategy for fill in fills):
            self._book_fills([fill for fill in fills if fill.strategy == strategy])

    def tell_position(self, strategy: str, exchange: Exchanges, symbol: str) -> None:
        """Tells what a strategy holds in a symbol, at the last market price."""
        self.books.revalue(exchange, symbol)
        position = self.books.portfolio.position(strategy, exchange, symbol)
        self.told_profits[strategy, exchange, symbol] = position.unrealized_profit
        self.port.send(position)

    def _book_fills(self, fills: list[Fill]) -> None:
        """Fills of one strategy in one symbol."""
        for fill in fills:
            self.books.portfolio.apply(fill)
        self.tell_position(fills[0].strategy, fills[0].exchange, fills[0].symbol)
        for fill in fills:
            self.port.send(fill)
        self.begin_valuing()
        self.on_valued()

    def begin_valuing(self) -> None:
        """From now on positions are valued, for as long as anything is held."""
        if not self.is_valuing:
            self.is_valuing = True
            self.port.schedule(self.valuation_interval_s, self._value)

    def _value(self) -> None:
        """Periodically, while anything is held: tells of positions whose value has moved."""
        self.is_valuing = False
        portfolio = self.books.portfolio
        for held in portfolio.positions():
            if not held.quantity:
                continue
            self.is_valuing = True
            key = (held.strategy, held.exchange, held.symbol)
            self.books.revalue(held.exchange, held.symbol)
            profit = portfolio.position(*key).unrealized_profit
            if self.told_profits.get(key) != profit:
                self.tell_position(*key)
        if self.is_valuing:
            self.port.schedule(self.valuation_interval_s, self._value)
            self.on_valued()
