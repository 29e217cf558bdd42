"""What the order manager knows: orders, positions, balances, trading rules, market prices, and what strategies keep here.

Free funds are the venue's last statement, corrected by what it cannot know yet and what we know better:

- less what orders lock of which the venue has not spoken (those of unknown outcome included);
- plus what an order that ended has unlocked and what an execution has brought in, until the next statement about that
  asset. The reply to a request and the user stream come by two roads: without this a strategy that sells on the word
  that its BUY was filled would be refused for want of what it has just bought.
"""

import copy
from collections.abc import Callable
from decimal import Decimal

from actors.order_manager.naming import OrderNames
from actors.trading.balances import Balances
from actors.trading.order_change import OrderChange
from actors.trading.order_table import OrderTable
from actors.trading.portfolio import Portfolio
from messages.account import AccountSnapshot, Balance
from messages.enums import Exchanges, Side
from messages.instruments import Instrument, to_decimal
from messages.market import BookTicker
from messages.orders import Execution, Order

Market = tuple[Exchanges, str]
ZERO = Decimal(0)


class Books:
    """The state that the parts of the order manager share."""

    def __init__(
        self, names: OrderNames, find_owner: Callable[[str], str | None] | None = None
    ) -> None:
        """`find_owner` names the strategy to which a client order id belongs; by default those that are ours have one."""
        self.names = names
        self.table = OrderTable(find_owner or names.find_strategy)
        self.portfolio = Portfolio()
        self.balances = Balances()
        self.instruments: dict[Market, Instrument] = {}
        self.tickers: dict[Market, BookTicker] = {}
        self.stated: dict[Exchanges, int] = {}
        """When each venue last stated the whole account; our clock."""
        self.on_the_way: dict[tuple[Exchanges, str], Decimal] = {}
        """Per asset: what came free or in since the venue's last statement about it."""
        self.unsettled_orders: dict[str, Order] = {}
        """Orders, ended ones too, with executions that are counted by the venue and not told yet."""
        self.traded: set[str] = set()
        """Strategies that have had an order; asked whether they contain one, and read in sorted order."""
        self.states: dict[str, bytes] = {}
        """What strategies want to find again after a restart."""
        self.last_trade_ids: dict[Market, int] = {}
        """Per symbol the last of our trades that is booked."""
        self.baselines: dict[tuple[Exchanges, str], Decimal] = {}
        """Per asset: what the account holds beside what our own fills brought and took."""

    def mid_price(self, exchange: Exchanges, symbol: str) -> Decimal | None:
        """The mean of the last best bid and ask; None while one of them is not known."""
        ticker = self.tickers.get((exchange, symbol))
        if ticker is None or not (ticker.bid_price > 0 and ticker.ask_price > 0):
            return None
        return (to_decimal(ticker.bid_price) + to_decimal(ticker.ask_price)) / 2

    def revalue(self, exchange: Exchanges, symbol: str) -> None:
        """Lets the portfolio value a symbol at the last mid price."""
        mid = self.mid_price(exchange, symbol)
        if mid is not None:
            self.portfolio.set_market_price(exchange, symbol, mid)

    def set_instrument(self, instrument: Instrument) -> None:
        """Takes trading rules, in place of earlier ones."""
        self.instruments[instrument.exchange, instrument.symbol] = instrument
        self.portfolio.set_instrument(instrument)

    def set_balance(self, balance: Balance) -> None:
        """Takes the venue's statement about one asset."""
        if self.balances.apply(balance):
            self.on_the_way.pop((balance.exchange, balance.asset), None)

    def set_snapshot(self, snapshot: AccountSnapshot, now_ns: int) -> list[Balance]:
        """Takes the venue's statement about the whole account; the balances that it changed."""
        self.stated[snapshot.exchange] = now_ns
        for exchange, asset in list(self.on_the_way):
            if exchange is snapshot.exchange:
                del self.on_the_way[exchange, asset]
        return self.balances.apply_snapshot(
            snapshot.exchange, snapshot.balances, snapshot.event_time_ns
        )

    def free(self, exchange: Exchanges, asset: str) -> Decimal | None:
        """What can be locked by another order; None while the venue has made no statement."""
        free = self.balances.free(exchange, asset)
        if free is None:
            if exchange not in self.stated:
                return None
            free = ZERO
        free += self.on_the_way.get((exchange, asset), ZERO)
        for order in self.table.open_orders(None, exchange):
            if order.venue_status is None:
                locked_asset, amount = self.find_lock(order)
                if locked_asset == asset:
                    free -= amount
        return free

    def find_lock(self, order: Order) -> tuple[str, Decimal]:
        """The asset that an order locks at the venue, and how much of it; ("", 0) where its symbol is not known."""
        instrument = self.instruments.get((order.exchange, order.symbol))
        if instrument is None:
            return "", ZERO
        if order.side is Side.SELL:
            return instrument.base_asset, order.open_quantity
        if order.quote_quantity:
            return instrument.quote_asset, order.quote_quantity - order.executed_quote_quantity
        price = order.price or self.mid_price(order.exchange, order.symbol) or ZERO
        return instrument.quote_asset, order.open_quantity * price

    def unsettled(
        self, strategy: str | None, exchange: Exchanges, symbol: str, side: Side | None = None
    ) -> list[Order]:
        """Orders in a symbol of which the position lacks some executions; None stands for any."""
        return [
            order
            for order in self.unsettled_orders.values()
            if (order.exchange, order.symbol) == (exchange, symbol)
            and (strategy is None or order.strategy == strategy)
            and (side is None or order.side is side)
        ]

    def under_way(
        self, exchange: Exchanges, symbol: str, side: Side, strategy: str | None = None
    ) -> Decimal:
        """What one side may still change the position by: what is open, and what was executed and is not booked."""
        open_quantity = self.table.open_quantity(exchange, symbol, side, strategy)
        unsettled = self.unsettled(strategy, exchange, symbol, side)
        return open_quantity + sum((order.unbooked_quantity for order in unsettled), ZERO)

    def on_change(self, change: OrderChange, was_acknowledged: bool) -> None:
        """Notes what a change of an order has set free or brought in."""
        order = change.order
        if order is None:
            return
        self.note_unsettled(order)
        market = (order.exchange, order.symbol)
        for execution in change.executions:
            self.last_trade_ids[market] = max(
                execution.trade_id, self.last_trade_ids.get(market, 0)
            )
            self._expect(order.exchange, *self._find_proceeds(order, execution))
        if change.is_ended and was_acknowledged:
            self._expect(order.exchange, *self.find_lock(order))

    def note_unsettled(self, order: Order) -> None:
        """Notes whether the venue counts executions of an order that are not booked."""
        if order.unbooked_quantity:
            self.unsettled_orders[order.order_id] = order
        else:
            self.unsettled_orders.pop(order.order_id, None)

    def _find_proceeds(self, order: Order, execution: Execution) -> tuple[str, Decimal]:
        instrument = self.instruments.get((order.exchange, order.symbol))
        if instrument is None:
            return "", ZERO
        if order.side is Side.BUY:
            asset, amount = instrument.base_asset, execution.quantity
        else:
            asset, amount = instrument.quote_asset, execution.quantity * execution.price
        return asset, amount - (execution.fee if execution.fee_asset == asset else ZERO)

    def _expect(self, exchange: Exchanges, asset: str, amount: Decimal) -> None:
        if asset and amount > 0:
            key = (exchange, asset)
            self.on_the_way[key] = self.on_the_way.get(key, ZERO) + amount


def copy_order(order: Order) -> Order:
    """The order as it stands now; later changes of the original do not show in it."""
    copied = copy.copy(order)
    copied.executions = list(order.executions)
    return copied
