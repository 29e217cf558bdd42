"""The one place that applies a request about orders: placing, canceling, reducing, and what a trade price sets off.

Refusals are `VenueError`s with Binance's codes, and then nothing has happened. What a request sets off (stop orders that
its trades trigger, orders of a list that come next) is applied after it, each in a transaction of its own.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from decimal import Decimal

from actors.exchange import errors
from actors.exchange.accounts import Account, Ledger
from actors.exchange.filters import check_order
from actors.exchange.market import SymbolMarket
from actors.exchange.matching import avoided_account, expire
from actors.exchange.order_queries import OrderQueries
from actors.exchange.orders import (
    CONTINGENT_TYPES,
    ZERO,
    CancelRestriction,
    ExpiryReason,
    NewOrder,
    OrderList,
    OrderRecord,
)
from actors.exchange.symbols import SymbolRules
from actors.exchange.transaction import Recorder, Transaction, needed_for
from actors.exchange.triggers import would_trigger
from messages.enums import ExecutionType, OrderStatus, OrderType, TimeInForce

CLIENT_ID_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CLIENT_ID_LENGTH = 22


class Trading(OrderQueries, ABC):
    """Orders in all symbols, and the numberings that they take."""

    def __init__(self, symbols: Sequence[SymbolRules], clock: Callable[[], int]) -> None:
        super().__init__(symbols, clock)
        self.ledger = Ledger()
        self.recorder: Recorder | None = None
        """Gets the effects of every request that touched a trader, before anybody is told of them."""
        self.order_ids = 0
        self.execution_ids = 0
        self.client_ids = 0
        self.list_ids = 0

    def new_order(self, account: Account, order: NewOrder) -> OrderRecord:
        """Checks, accepts and matches an order; its record tells how it stands afterwards.

        Raises VenueError: then nothing has happened.
        """
        market = self.check(account, order)
        record = self.prepare(account, market, order)
        self.check_entry(market, record)
        record.reserved = self._reserve(market, record, order)
        asset = market.rules.paid_asset(record.side)
        self.ledger.lock(account, asset, record.reserved)
        self.accept(record)
        transaction = self.begin(market)
        self.enter(market, transaction, record)
        self.finish(market, transaction)
        return record

    def test_order(self, account: Account, order: NewOrder) -> None:
        """The checks of a new order up to the matching engine, which never sees it. Raises VenueError."""
        self.check(account, order)

    def check(self, account: Account, order: NewOrder) -> SymbolMarket:
        """The checks of one new order; gives its market."""
        market = self.market(order.symbol)
        average = market.tape.average_price(self.now_us())
        check_order(order, market.rules, average)
        self.check_counts(account, market.rules, [order])
        return market

    def check_counts(
        self, account: Account, rules: SymbolRules, orders: Sequence[NewOrder]
    ) -> None:
        """MAX_NUM_ORDERS and MAX_NUM_ALGO_ORDERS for orders that are placed together. Raises VenueError (-1013)."""
        history = account.history
        if 0 < rules.max_open_orders < history.open_count(rules.name) + len(orders):
            raise errors.filter_failure("MAX_NUM_ORDERS")
        contingent = sum(order.order_type in CONTINGENT_TYPES for order in orders)
        if not contingent:
            return
        open_now = sum(
            one.symbol == rules.name and one.order_type in CONTINGENT_TYPES
            for one in history.open.values()
        )
        if 0 < rules.max_contingent_orders < open_now + contingent:
            raise errors.filter_failure("MAX_NUM_ALGO_ORDERS")

    def prepare(
        self, account: Account, market: SymbolMarket, order: NewOrder, list_id: int = -1
    ) -> OrderRecord:
        """The record of an order that has passed its checks; nobody knows it yet. Raises VenueError (-2010)."""
        client_order_id = order.client_order_id or self.take_client_id(account)
        if account.history.is_open_client_id(client_order_id):
            raise errors.order_rejected(errors.DUPLICATE_ORDER)
        mode = order.self_trade_prevention_mode or market.rules.self_trade_prevention_mode
        now_us = self.now_us()
        is_waiting = order.order_type in CONTINGENT_TYPES
        record = OrderRecord(
            account=account,
            order_id=0,
            symbol=order.symbol,
            client_order_id=client_order_id,
            side=order.side,
            order_type=order.order_type,
            time_in_force=order.time_in_force or TimeInForce.GTC,
            price=order.price or ZERO,
            quantity=order.quantity or ZERO,
            quote_order_quantity=order.quote_order_quantity or ZERO,
            time_us=now_us,
            update_time_us=now_us,
            original_client_order_id=client_order_id,
            stop_price=order.stop_price,
            trailing_delta=order.trailing_delta,
            iceberg_quantity=order.iceberg_quantity,
            is_waiting=is_waiting,
            working_time_us=0 if is_waiting else now_us,
            order_list_id=list_id,
            strategy_id=order.strategy_id,
            strategy_type=order.strategy_type,
            self_trade_prevention_mode=mode,
        )
        if order.quote_order_quantity is not None:
            record.quantity = self._quantity_for(market, record)
        return record

    def tell_rejected(self, account: Account, order: NewOrder, reason: str) -> None:
        """Tells an account of an order that the engine has refused after all its checks. Raises VenueError as `prepare`."""
        market = self.market(order.symbol)
        record = self.prepare(account, market, order)
        record.status, record.working_time_us = OrderStatus.REJECTED, 0
        self.order_ids += 1
        record.order_id = self.order_ids
        transaction = self.begin(market)
        transaction.report_rejected(record, reason)
        self.finish(market, transaction)

    def check_entry(self, market: SymbolMarket, order: OrderRecord) -> None:
        """What only the matching engine can refuse: a LIMIT_MAKER that would take, a trigger that is reached already.

        Raises VenueError (-2010).
        """
        if order.order_type is OrderType.LIMIT_MAKER:
            if market.engine.would_match(order.side, order.price):
                raise errors.order_rejected(errors.WOULD_TAKE)
        elif order.order_type in CONTINGENT_TYPES and order.trailing_delta is None:
            last = market.tape.last_price
            if last is not None and would_trigger(order, last):
                raise errors.order_rejected(errors.WOULD_TRIGGER)

    def begin_to_trail(self, market: SymbolMarket, order: OrderRecord) -> None:
        """Lets a trailing order without a stop price follow the price from where it is now."""
        if order.trailing_delta is not None and order.stop_price is None:
            order.trailing_time_us = self.now_us()
            order.trailing_extreme = market.tape.last_price

    def _reserve(self, market: SymbolMarket, record: OrderRecord, order: NewOrder) -> Decimal:
        """What must be locked for an order: quote asset to buy, base asset to sell."""
        self.begin_to_trail(market, record)
        if record.order_type is not OrderType.MARKET or not record.is_buy:
            return needed_for(record)
        if order.quote_order_quantity is not None:
            return order.quote_order_quantity
        return self.cost(market, record)

    def cost(self, market: SymbolMarket, order: OrderRecord) -> Decimal:
        """What a purchase without a limit costs at most, as the book is now."""
        avoided = avoided_account(order)
        return market.engine.plan(order.side, order.quantity, None, avoided).quote_quantity

    def _quantity_for(self, market: SymbolMarket, order: OrderRecord) -> Decimal:
        """The quantity of a MARKET order by amount. Raises VenueError (-2010, -1013)."""
        engine, rules = market.engine, market.rules
        amount, avoided = order.quote_order_quantity, avoided_account(order)
        quantity = engine.plan_by_amount(order.side, amount, avoided).quantity
        if engine.book.best_price(order.side.opposite) is None:
            raise errors.order_rejected(errors.NO_LIQUIDITY)
        if quantity < rules.min_quantity or quantity <= 0:
            raise errors.order_rejected(errors.LOT_SIZE_LIQUIDITY)
        if 0 < rules.market_max_quantity < quantity:
            raise errors.filter_failure("MARKET_LOT_SIZE")
        return quantity

    def accept(self, order: OrderRecord) -> None:
        """Gives an order its id and a place in its account's history."""
        self.order_ids += 1
        order.order_id = self.order_ids
        order.account.history.add(order)

    def enter(self, market: SymbolMarket, transaction: Transaction, order: OrderRecord) -> None:
        """Reports an order as new and lets it wait for its trigger, or meet the book."""
        transaction.report(order, ExecutionType.NEW)
        if order.is_waiting:
            market.triggers.add(order)
            return
        market.engine.execute(order, transaction)
        transaction.release(order)
        if order.status is OrderStatus.EXPIRED:
            transaction.report(order, ExecutionType.EXPIRED)

    def cancel_order(
        self,
        account: Account,
        symbol: str,
        order_id: int | None = None,
        original_client_order_id: str | None = None,
        new_client_order_id: str | None = None,
        restriction: CancelRestriction | None = None,
    ) -> OrderRecord:
        """Cancels an open order, and with it the list it belongs to; the cancel's id takes the place of the order's.

        Raises VenueError (-2011) if there is no such open order, (-2039) if the two ids are of different orders.
        """
        market = self.market(symbol)
        order = self.look_up(account, symbol, order_id, original_client_order_id)
        if order is None or not order.is_open:
            raise errors.cancel_rejected(errors.UNKNOWN_ORDER)
        wanted = OrderStatus.NEW
        if restriction is CancelRestriction.ONLY_PARTIALLY_FILLED:
            wanted = OrderStatus.PARTIALLY_FILLED
        if restriction is not None and order.status is not wanted:
            raise errors.cancel_rejected(errors.CANCEL_RESTRICTED)
        self.cancel(market, order, new_client_order_id or self.take_client_id(account))
        return order

    def cancel_open_orders(self, account: Account, symbol: str) -> list[OrderRecord]:
        """Cancels all open orders of an account in a symbol. Raises VenueError (-2011) if there are none."""
        market = self.market(symbol)
        orders = self.open_orders(account, symbol)
        if not orders:
            raise errors.cancel_rejected(errors.UNKNOWN_ORDER)
        cancel_id = self.take_client_id(account)
        for order in orders:
            if order.is_open:  # It may have ended with its list, or by a listener that was told of the first cancel.
                self.cancel(market, order, cancel_id)
        return orders

    def cancel(self, market: SymbolMarket, order: OrderRecord, cancel_id: str) -> None:
        """Ends an open order, and every other open order of its list."""
        transaction = self.begin(market)
        order_list = market.order_lists.get(order.order_list_id)
        together = order_list.orders if order_list is not None else [order]
        for one in together:
            if one.is_open:
                market.triggers.remove(one)
                market.engine.cancel(one)
                one.client_order_id = cancel_id
                one.update_time_us = transaction.time_us
                transaction.release(one)
                transaction.report(one, ExecutionType.CANCELED)
        self.finish(market, transaction)

    def execute_again(self, order: OrderRecord) -> None:
        """Lets an order that was taken out of the book enter it anew: it trades at once with what is there, as a taker.

        For a market that has moved past a resting order without a trade at its price, such as one of bars.
        """
        market = self.markets[order.symbol]
        transaction = self.begin(market)
        transaction.choose(order)
        market.engine.execute(order, transaction)
        transaction.release(order)
        self.finish(market, transaction)

    # What a request sets off.

    def follow_up(self, market: SymbolMarket) -> None:
        """Applies what has been set off, and what that sets off in turn."""
        if market.is_following_up:
            return
        market.is_following_up = True
        try:
            while market.due:
                due = market.due.popleft()
                if isinstance(due, OrderList):
                    self.place_pending(market, due)
                elif due.is_open and due.is_waiting:
                    self._trigger(market, due)
        finally:
            market.is_following_up = False

    @abstractmethod
    def place_pending(self, market: SymbolMarket, order_list: OrderList) -> None:
        """Places the orders of a list whose first order has been filled."""

    def _trigger(self, market: SymbolMarket, order: OrderRecord) -> None:
        """Lets an order that its trigger has set off meet the book."""
        transaction = self.begin(market)
        transaction.choose(order)
        order.is_waiting = False
        order.working_time_us = order.update_time_us = transaction.time_us
        if order.has_no_limit and order.is_buy and not self._top_up(market, order):
            expire(order, ExpiryReason.REJECTED)
            transaction.release(order)
            transaction.report(order, ExecutionType.EXPIRED)
        else:
            self.enter(market, transaction, order)
        self.finish(market, transaction)

    def _top_up(self, market: SymbolMarket, order: OrderRecord) -> bool:
        """Locks what a purchase at the market costs more than was set aside; False if there is not enough."""
        short = self.cost(market, order) - order.reserved
        asset = market.rules.quote_asset
        if short > order.account.balance(asset).free:
            return False
        if short > 0:
            self.ledger.lock(order.account, asset, short)
            order.reserved += short
        return True

    # Inner parts.

    def begin(self, market: SymbolMarket) -> Transaction:
        """A transaction in a market, as of now."""
        return Transaction(
            market,
            self.ledger,
            self.now_us(),
            self.take_execution_id,
            self.price_in_bnb,
            self.recorder,
        )

    def finish(self, market: SymbolMarket, transaction: Transaction) -> None:
        """Makes a transaction known, then applies what it has set off."""
        transaction.deliver(self.market_listeners)
        self.report_book(market.rules.name)
        self.follow_up(market)

    def take_execution_id(self) -> int:
        """The next execution id."""
        self.execution_ids += 1
        return self.execution_ids

    def take_client_id(self, account: Account) -> str:
        """An id for an order or cancel that came without one: unlikely to be anybody else's, and the same every run."""
        self.client_ids += 1
        digest = hashlib.sha256(f"{account.name} {self.client_ids}".encode()).digest()
        letters = [CLIENT_ID_LETTERS[byte % len(CLIENT_ID_LETTERS)] for byte in digest]
        return "".join(letters[:CLIENT_ID_LENGTH])

    def price_in_bnb(self, asset: str) -> Decimal | None:
        """What one unit of an asset is worth in BNB by last prices, directly or by way of USDT; None if unknown."""
        if asset == "BNB":
            return Decimal(1)
        direct = self.last_price_if_listed(f"BNB{asset}")
        if direct:
            return 1 / direct
        in_usdt = self.last_price_if_listed(f"{asset}USDT")
        bnb = self.last_price_if_listed("BNBUSDT")
        return in_usdt / bnb if in_usdt and bnb else None
