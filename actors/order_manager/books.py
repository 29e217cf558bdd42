"""What the order manager knows: orders, positions, balances, trading rules, market prices, and what strategies keep here.

Free funds are the venue's last statement, corrected by what it cannot know yet and what we know better:

- less what orders lock of which the venue has not spoken (those of unknown outcome included);
- plus what an order that ended has unlocked and what an execution has brought in, until the next statement about that
  asset. The reply to a request and the user stream come by two roads: without this a strategy that sells on the word
  that its BUY was filled would be refused for want of what it has just bought.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from actors.order_manager.naming import OrderNames
from actors.trading.balances import Balances
from actors.trading.open_quantities import find_lock
from actors.trading.order_change import OrderChange
from actors.trading.order_lists import EXITS
from actors.trading.order_table import OrderTable
from actors.trading.portfolio import Portfolio
from messages.account import AccountSnapshot, Balance
from messages.enums import Exchanges, Side
from messages.instruments import Instrument, to_decimal
from messages.market import BookTicker
from messages.orders import Execution, Order

Market = tuple[Exchanges, str]
ZERO = Decimal(0)
GIVEN_UP_REMEMBERED = 1_000


class Books:
    """The state that the parts of the order manager share."""

    def __init__(
        self, names: OrderNames, find_owner: Callable[[str], str | None] | None = None
    ) -> None:
        """`find_owner` names the strategy to which a client order id belongs; by default those that are ours have one."""
        self.names = names
        self.table = OrderTable(find_owner or names.find_strategy)
        self.reserved_ids: set[str] = set()
        """Own ids of orders that wait to be placed and are in no table yet; only asked whether they contain one."""
        self.unruled: dict[str, Order] = {}
        """Shortened stops that have ended before the rules of their symbol were known: nothing is told of that until then."""
        self.portfolio = Portfolio()
        self.balances = Balances()
        self.instruments: dict[Market, Instrument] = {}
        self.tickers: dict[Market, BookTicker] = {}
        self._mids: dict[Market, tuple[BookTicker, Decimal]] = {}
        self.stated: dict[Exchanges, int] = {}
        """When each venue last stated the whole account; our clock."""
        self.on_the_way: dict[tuple[Exchanges, str], list[tuple[int, Decimal]]] = {}
        """Per asset: what came free or in since the venue's last statement about it, and when (the venue's clock)."""
        self.unsettled_orders: dict[str, Order] = {}
        """Orders, ended ones too, with executions that are counted by the venue and not told yet."""
        self.given_up: dict[str, Decimal] = {}
        """Orders whose executions the venue does not tell for good: how much it had counted by then."""
        self.traded: set[str] = set()
        """Strategies that have had an order; asked whether they contain one, and read in sorted order."""
        self.states: dict[str, bytes] = {}
        """What strategies want to find again after a restart."""
        self.last_trade_ids: dict[Market, int] = {}
        """Per symbol the last of our trades that is booked."""
        self.baselines: dict[tuple[Exchanges, str], Decimal] = {}
        """Per asset: what the account holds beside what our own fills brought and took."""

    def take_in(self, orders: Sequence[Order]) -> None:
        """Takes new intents into the table. Raises what `OrderTable.add_all` raises, for ids that are reserved too."""
        if self.reserved_ids:
            for order in orders:
                self._check_reserved(order.order_id)
        self.table.add_all(orders)

    def reserve(self, order_id: str) -> None:
        """No order gets this id until it is released. Raises ValueError if one has it, or waits for it, already."""
        self._check_reserved(order_id)
        if self.table.get(order_id) is not None:
            raise ValueError(f"order {order_id} exists; ids are never used twice")
        if order_id:
            self.reserved_ids.add(order_id)

    def _check_reserved(self, order_id: str) -> None:
        if order_id in self.reserved_ids:
            raise ValueError(f"order {order_id} waits to be placed; ids are never used twice")

    def mid_price(self, exchange: Exchanges, symbol: str) -> Decimal | None:
        """The mean of the last best bid and ask; None while one of them is not known."""
        ticker = self.tickers.get((exchange, symbol))
        if ticker is None or not (ticker.bid_price > 0 and ticker.ask_price > 0):
            return None
        known = self._mids.get((exchange, symbol))
        if known is not None and known[0] is ticker:
            return known[1]
        mid = (to_decimal(ticker.bid_price) + to_decimal(ticker.ask_price)) / 2
        self._mids[exchange, symbol] = (ticker, mid)
        return mid

    def find_price(self, exchange: Exchanges, asset: str, quote_asset: str) -> Decimal | None:
        """What one unit of an asset is worth in another, by a symbol that is watched; None where there is none."""
        for (venue, symbol), instrument in self.instruments.items():
            pair = (instrument.base_asset, instrument.quote_asset)
            if venue is exchange and pair == (asset, quote_asset):
                return self.mid_price(exchange, symbol)
        return None

    def revalue(self, exchange: Exchanges, symbol: str) -> None:
        """Lets the portfolio value a symbol at the last mid price."""
        mid = self.mid_price(exchange, symbol)
        if mid is not None:
            self.portfolio.set_market_price(exchange, symbol, mid)

    def set_instrument(self, instrument: Instrument) -> None:
        """Takes trading rules, in place of earlier ones, and the price that came with them until there is a ticker."""
        exchange, symbol = instrument.exchange, instrument.symbol
        self.instruments[exchange, symbol] = instrument
        self.table.set_assets(exchange, symbol, (instrument.base_asset, instrument.quote_asset))
        self.portfolio.set_instrument(instrument)
        if instrument.bid_price > 0 and instrument.ask_price > 0:
            told = BookTicker(
                exchange=exchange,
                symbol=symbol,
                update_id=0,
                bid_price=instrument.bid_price,
                bid_quantity=0.0,
                ask_price=instrument.ask_price,
                ask_quantity=0.0,
                receive_time_ns=instrument.time_ns,
            )
            self.tickers.setdefault((exchange, symbol), told)

    def set_balance(self, balance: Balance) -> None:
        """Takes the venue's statement about one asset."""
        if self.balances.apply(balance):
            self.on_the_way.pop((balance.exchange, balance.asset), None)

    def set_snapshot(self, snapshot: AccountSnapshot, now_ns: int) -> list[Balance]:
        """Takes the venue's statement about the whole account; the balances that it changed."""
        self.stated[snapshot.exchange] = now_ns
        for key, amounts in list(self.on_the_way.items()):
            if key[0] is snapshot.exchange:
                # One that was taken before an execution and arrives after it does not hold what that brought.
                later = [item for item in amounts if item[0] > snapshot.event_time_ns > 0]
                self.on_the_way[key] = later
                if not later:
                    del self.on_the_way[key]
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
        for _, amount in self.on_the_way.get((exchange, asset), ()):
            free += amount
        return free - self.table.quantities.find_locked(exchange, asset, self.mid_price)

    def find_lock(self, order: Order) -> tuple[str, Decimal]:
        """The asset that an order locks at the venue, and how much of it; ("", 0) where its symbol is not known."""
        instrument = self.instruments.get((order.exchange, order.symbol))
        if instrument is None or order.is_waiting or order.is_armed:
            return "", ZERO
        assets = (instrument.base_asset, instrument.quote_asset)
        asset, amount, is_priced = find_lock(order, assets)
        if not is_priced:
            amount *= self.mid_price(order.exchange, order.symbol) or ZERO
        return asset, amount

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

    def find_under_way(
        self, exchange: Exchanges, symbol: str, strategy: str
    ) -> tuple[Decimal, Decimal, Decimal]:
        """`under_way` for all BUY orders, and for the BUY and the SELL orders of one strategy."""
        find = self.table.open_quantity
        all_buys = find(exchange, symbol, Side.BUY)
        own_buys = find(exchange, symbol, Side.BUY, strategy)
        own_sales = find(exchange, symbol, Side.SELL, strategy)
        for order in self.unsettled(None, exchange, symbol):
            is_own, amount = order.strategy == strategy, order.unbooked_quantity
            if order.side is Side.BUY:
                all_buys += amount
                own_buys += amount if is_own else ZERO
            elif is_own:
                own_sales += amount
        return all_buys, own_buys, own_sales

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
            self._expect(order, *self._find_proceeds(order, execution))
        if change.is_ended and was_acknowledged:
            self._expect(order, *self._find_release(order))

    def _find_release(self, order: Order) -> tuple[str, Decimal]:
        """What the end of an order sets free: of a pair, which is locked once, only the end of the second."""
        asset, amount = self.find_lock(order)
        others = [
            other
            for other in self.table.list_orders(order)
            if other is not order
            and other.list_role in EXITS
            and order.list_role in EXITS
            and not other.is_armed
        ]
        if any(other.is_open for other in others):
            return "", ZERO
        return asset, min([amount, *(self.find_lock(other)[1] for other in others)])

    def is_unsettled(self, order: Order) -> bool:
        """Whether executions of an order are still to be told and booked."""
        given_up = self.given_up.get(order.order_id)
        return order.unbooked_quantity > 0 and order.executed_quantity != given_up

    def give_up(self, order: Order) -> None:
        """The venue knows no more of an order: nothing waits for its executions, until it counts more of them."""
        self.given_up[order.order_id] = order.executed_quantity
        if len(self.given_up) > GIVEN_UP_REMEMBERED:
            del self.given_up[next(iter(self.given_up))]
        self.note_unsettled(order)

    def take_up(self, order: Order) -> None:
        """The venue knows an order again that was given up: its executions are waited for once more."""
        if self.given_up.pop(order.order_id, None) is not None:
            self.note_unsettled(order)

    def note_unsettled(self, order: Order) -> None:
        """Notes whether the venue counts executions of an order that are not booked."""
        if self.is_unsettled(order):
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

    def _expect(self, order: Order, asset: str, amount: Decimal) -> None:
        if asset and amount > 0:
            expected = self.on_the_way.setdefault((order.exchange, asset), [])
            expected.append((order.event_time_ns, amount))


def copy_order(order: Order) -> Order:
    """The order as it stands now; later changes of the original do not show in it."""
    return msgspec.structs.replace(order, executions=list(order.executions))
