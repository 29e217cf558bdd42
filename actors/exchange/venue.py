"""The exchange itself, without a network: symbols, accounts, orders, and the one place that applies a request.

It runs on whatever clock it is given (microseconds since the epoch) and does nothing by itself: a server, a simulation or
a market source calls it. Refusals are `VenueError`s with Binance's codes. The venue remembers, per symbol, the last 1000
public trades and klines of each interval, and per account the last 200,000 finished orders and trades of each symbol.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from actors.exchange import errors
from actors.exchange.accounts import Account, Ledger
from actors.exchange.filters import check_amendment, check_order
from actors.exchange.market import SymbolMarket
from actors.exchange.matching import quote_amount
from actors.exchange.order_queries import OrderQueries
from actors.exchange.orders import (
    ZERO,
    Amendment,
    CancelRestriction,
    NewOrder,
    OrderRecord,
    SelfTradePrevention,
)
from actors.exchange.symbols import SymbolRules
from actors.exchange.transaction import Recorder, Transaction
from messages.enums import (
    ExecutionType,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)

DEFAULT_FEE = Decimal("0.001")
CLIENT_ID_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CLIENT_ID_LENGTH = 22


def _paid_asset(rules: SymbolRules, side: Side) -> str:
    """What an order of this side pays with."""
    return rules.quote_asset if side is Side.BUY else rules.base_asset


class Venue(OrderQueries):
    """All symbols and accounts of one exchange."""

    def __init__(self, symbols: Sequence[SymbolRules], clock: Callable[[], int]) -> None:
        super().__init__(symbols, clock)
        self.accounts: dict[str, Account] = {}
        self.ledger = Ledger()
        self.recorder: Recorder | None = None
        """Gets the effects of every request that touched a trader, before anybody is told of them."""
        self._order_ids = 0
        self._execution_ids = 0
        self._client_ids = 0

    # Accounts.

    def open_account(
        self,
        name: str,
        balances: Mapping[str, Decimal],
        maker_fee: Decimal = DEFAULT_FEE,
        taker_fee: Decimal = DEFAULT_FEE,
        uses_bnb: bool = False,
    ) -> Account:
        """A new trader with the given funds; it shows a balance of every asset that the venue trades.

        Raises ValueError if the name is taken or a balance is negative.
        """
        account = self._open(Account(name, 0, maker_fee, taker_fee, uses_bnb))
        self.ledger.open(account, balances)
        for market in self.markets.values():
            account.balance(market.rules.base_asset)
            account.balance(market.rules.quote_asset)
        account.update_time_us = self.now_us()
        return account

    def open_house_account(self, name: str) -> Account:
        """An account for a market source: free of fees, topped up when it runs short."""
        return self._open(Account(name, 0, is_house=True))

    def _open(self, account: Account) -> Account:
        if account.name in self.accounts:
            raise ValueError(f"account {account.name!r} exists already")
        account.uid = 1_000_001 + len(self.accounts)
        self.accounts[account.name] = account
        return account

    # Orders.

    def new_order(self, account: Account, order: NewOrder) -> OrderRecord:
        """Checks, accepts and matches an order; its record tells how it stands afterwards.

        Raises VenueError: then nothing has happened.
        """
        market = self._check(account, order)
        client_order_id = order.client_order_id or self._take_client_id(account)
        if account.history.is_open_client_id(client_order_id):
            raise errors.order_rejected(errors.DUPLICATE_ORDER)
        if (
            order.order_type is OrderType.LIMIT_MAKER
            and order.price is not None
            and market.engine.would_match(order.side, order.price)
        ):
            raise errors.order_rejected(errors.WOULD_TAKE)
        quantity, reserve = self._size(market, order)
        base_or_quote = _paid_asset(market.rules, order.side)
        self.ledger.lock(account, base_or_quote, reserve)
        now_us = self.now_us()
        record = OrderRecord(
            account=account,
            order_id=self._take_order_id(),
            symbol=order.symbol,
            client_order_id=client_order_id,
            side=order.side,
            order_type=order.order_type,
            time_in_force=order.time_in_force or TimeInForce.GTC,
            price=order.price or ZERO,
            quantity=quantity,
            quote_order_quantity=order.quote_order_quantity or ZERO,
            time_us=now_us,
            update_time_us=now_us,
            original_client_order_id=client_order_id,
            strategy_id=order.strategy_id,
            strategy_type=order.strategy_type,
            self_trade_prevention_mode=order.self_trade_prevention_mode or SelfTradePrevention.NONE,
            reserved=reserve,
        )
        account.history.add(record)
        transaction = self._begin(market)
        transaction.report(record, ExecutionType.NEW)
        market.engine.execute(record, transaction.settle)
        transaction.release(record)
        if record.status is OrderStatus.EXPIRED:
            transaction.report(record, ExecutionType.EXPIRED)
        self._finish(market, transaction)
        return record

    def test_order(self, account: Account, order: NewOrder) -> None:
        """The checks of a new order up to the matching engine, which never sees it. Raises VenueError."""
        self._check(account, order)

    def _check(self, account: Account, order: NewOrder) -> SymbolMarket:
        market = self.market(order.symbol)
        average = market.tape.average_price(self.now_us())
        check_order(order, market.rules, average, account.history.open_count(order.symbol))
        return market

    def _size(self, market: SymbolMarket, order: NewOrder) -> tuple[Decimal, Decimal]:
        """The quantity of an order and what must be locked for it: quote asset to buy, base asset to sell."""
        is_buy = order.side is Side.BUY
        if order.quote_order_quantity is not None:
            amount = order.quote_order_quantity
            quantity = market.engine.plan_by_amount(order.side, amount).quantity
            self._check_planned(market, order.side, quantity)
            return quantity, amount if is_buy else quantity
        quantity = order.quantity or ZERO
        if not is_buy:
            return quantity, quantity
        if order.price is not None:
            return quantity, quote_amount(order.price, quantity)
        return quantity, market.engine.plan(order.side, quantity).quote_quantity

    def _check_planned(self, market: SymbolMarket, side: Side, quantity: Decimal) -> None:
        rules = market.rules
        if market.engine.book.best_price(side.opposite) is None:
            raise errors.order_rejected(errors.NO_LIQUIDITY)
        if quantity < rules.min_quantity or quantity <= 0:
            raise errors.order_rejected(errors.LOT_SIZE_LIQUIDITY)
        if 0 < rules.market_max_quantity < quantity:
            raise errors.filter_failure("MARKET_LOT_SIZE")

    def cancel_order(
        self,
        account: Account,
        symbol: str,
        order_id: int | None = None,
        original_client_order_id: str | None = None,
        new_client_order_id: str | None = None,
        restriction: CancelRestriction | None = None,
    ) -> OrderRecord:
        """Cancels an open order; the cancel's id takes the place of the order's.

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
        self._cancel(market, order, new_client_order_id or self._take_client_id(account))
        return order

    def cancel_open_orders(self, account: Account, symbol: str) -> list[OrderRecord]:
        """Cancels all open orders of an account in a symbol. Raises VenueError (-2011) if there are none."""
        market = self.market(symbol)
        orders = self.open_orders(account, symbol)
        if not orders:
            raise errors.cancel_rejected(errors.UNKNOWN_ORDER)
        cancel_id = self._take_client_id(account)
        for order in orders:
            if order.is_open:  # A listener that was told of the first cancel may have ended it.
                self._cancel(market, order, cancel_id)
        return orders

    def _cancel(self, market: SymbolMarket, order: OrderRecord, cancel_id: str) -> None:
        transaction = self._begin(market)
        market.engine.cancel(order)
        order.client_order_id = cancel_id
        order.update_time_us = transaction.time_us
        transaction.release(order)
        transaction.report(order, ExecutionType.CANCELED)
        self._finish(market, transaction)

    def amend_order(
        self,
        account: Account,
        symbol: str,
        new_quantity: Decimal,
        order_id: int | None = None,
        original_client_order_id: str | None = None,
        new_client_order_id: str | None = None,
    ) -> tuple[OrderRecord, Amendment]:
        """Reduces an open order, which keeps its place in the queue (rest-api.md, Order Amend Keep Priority).

        An order that has executed as much already expires. Raises VenueError (-2038, -1013, -2039): nothing has happened.
        """
        market = self.market(symbol)
        order = self.look_up(account, symbol, order_id, original_client_order_id)
        if order is None or not order.is_open:
            raise errors.amend_rejected(errors.UNKNOWN_ORDER)
        new_id = new_client_order_id or self._take_client_id(account)
        if new_id != order.client_order_id and account.history.is_open_client_id(new_id):
            raise errors.amend_rejected(errors.DUPLICATE_ORDER)
        check_amendment(order, new_quantity, market.rules)
        transaction = self._begin(market)
        amendment = Amendment(
            self._execution_ids + 1,
            order.client_order_id,
            new_id,
            order.quantity,
            new_quantity,
            transaction.time_us,
        )
        order.amendments.append(amendment)
        is_left = market.engine.amend(order, max(new_quantity, order.executed_quantity))
        account.history.rename(order, new_id)
        order.update_time_us = transaction.time_us
        transaction.report(order, ExecutionType.REPLACED)
        transaction.release(order)
        if not is_left:
            transaction.report(order, ExecutionType.EXPIRED)
        self._finish(market, transaction)
        return order, amendment

    # Inner parts of the above.

    def _begin(self, market: SymbolMarket) -> Transaction:
        return Transaction(
            market,
            self.ledger,
            self.now_us(),
            self._take_execution_id,
            self._price_in_bnb,
            self.recorder,
        )

    def _finish(self, market: SymbolMarket, transaction: Transaction) -> None:
        transaction.deliver(self.market_listeners)
        self.report_book(market.rules.name)

    def _take_order_id(self) -> int:
        self._order_ids += 1
        return self._order_ids

    def _take_execution_id(self) -> int:
        self._execution_ids += 1
        return self._execution_ids

    def ids_used(self) -> dict[str, int]:
        """How far each of the venue's own numberings has come, by name."""
        used = {
            "orders": self._order_ids,
            "executions": self._execution_ids,
            "client ids": self._client_ids,
        }
        for name, market in self.markets.items():
            used[f"trades {name}"] = market.next_trade_id - 1
            used[f"aggregates {name}"] = market.tape.aggregates_made
            used[f"book updates {name}"] = market.engine.book.update_id
        return used

    def skip_ids(self, used: Mapping[str, int]) -> None:
        """Lets every numbering go on above what another run of this venue may have used."""
        self._order_ids = used.get("orders", 0)
        self._execution_ids = used.get("executions", 0)
        self._client_ids = used.get("client ids", 0)
        for name, market in self.markets.items():
            market.tape.aggregates_made = used.get(f"aggregates {name}", 0)
            market.next_trade_id = used.get(f"trades {name}", 0) + 1
            market.engine.book.update_id = used.get(f"book updates {name}", 0)

    def _take_client_id(self, account: Account) -> str:
        """An id for an order or cancel that came without one: unlikely to be anybody else's, and the same every run."""
        self._client_ids += 1
        digest = hashlib.sha256(f"{account.name} {self._client_ids}".encode()).digest()
        letters = [CLIENT_ID_LETTERS[byte % len(CLIENT_ID_LETTERS)] for byte in digest]
        return "".join(letters[:CLIENT_ID_LENGTH])

    def _price_in_bnb(self, asset: str) -> Decimal | None:
        """What one unit of an asset is worth in BNB by last prices, directly or by way of USDT; None if unknown."""
        if asset == "BNB":
            return Decimal(1)
        direct = self.last_price_if_listed(f"BNB{asset}")
        if direct:
            return 1 / direct
        in_usdt = self.last_price_if_listed(f"{asset}USDT")
        bnb = self.last_price_if_listed("BNBUSDT")
        return in_usdt / bnb if in_usdt and bnb else None

    # Orders of the house: no filters, no records, and one `report_book` for many of them.

    def place_house_order(
        self,
        account: Account,
        symbol: str,
        side: Side,
        price: Decimal,
        quantity: Decimal,
        time_in_force: TimeInForce = TimeInForce.GTC,
    ) -> OrderRecord:
        """A LIMIT order of a house account; the caller keeps the record, the venue does not."""
        market = self.markets[symbol]
        reserve = quote_amount(price, quantity) if side is Side.BUY else quantity
        self.ledger.lock(account, _paid_asset(market.rules, side), reserve)
        transaction = self._begin(market)
        order = OrderRecord(
            account=account,
            order_id=self._take_order_id(),
            symbol=symbol,
            client_order_id="",
            side=side,
            order_type=OrderType.LIMIT,
            time_in_force=time_in_force,
            price=price,
            quantity=quantity,
            quote_order_quantity=ZERO,
            time_us=transaction.time_us,
            update_time_us=transaction.time_us,
            reserved=reserve,
        )
        market.engine.execute(order, transaction.settle)
        transaction.release(order)
        transaction.deliver(self.market_listeners)
        return order

    def cancel_house_order(self, order: OrderRecord) -> None:
        """Takes an open order of a house account out of the book; one that has ended is left alone."""
        if not order.is_open:
            return
        market = self.markets[order.symbol]
        market.engine.cancel(order)
        self.ledger.unlock(order.account, _paid_asset(market.rules, order.side), order.reserved)
        order.reserved = ZERO
