"""Order lists: pairs of which one order cancels the other (OCO), and orders that another one's fill releases (OTO, OTOCO).

Contract: rest-api.md, Order lists. What an undecided pair may cost is locked once, for the dearer of the two. The first
order of an OTO locks its own funds; the others lock theirs when they are placed, and expire if that is refused then.
A released pair or order is placed in a transaction of its own, after the request that filled the first order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from actors.exchange import errors
from actors.exchange.accounts import Account
from actors.exchange.amending import Amending
from actors.exchange.filters import check_order
from actors.exchange.market import SymbolMarket
from actors.exchange.orders import (
    STOP_LOSS_TYPES,
    ContingencyType,
    ExpiryReason,
    ListStatusType,
    NewOrder,
    OrderList,
    OrderRecord,
)
from actors.exchange.transaction import needed_for
from messages.enums import ExecutionType, OrderStatus, OrderType, Side

Answer = TypeVar("Answer")
ABOVE_TYPES = frozenset(
    {
        OrderType.STOP_LOSS,
        OrderType.STOP_LOSS_LIMIT,
        OrderType.TAKE_PROFIT,
        OrderType.TAKE_PROFIT_LIMIT,
        OrderType.LIMIT_MAKER,
    }
)


@dataclass(slots=True, frozen=True, kw_only=True)
class NewOrderList:
    """A request for a list: `working` is absent in an OCO, `pending` is one order, or the above and the below one.

    `prefixes` begin the parameter names of the pending orders, for errors.
    """

    symbol: str
    client_id: str | None
    working: NewOrder | None
    pending: tuple[NewOrder, ...]
    prefixes: tuple[str, ...]

    @property
    def orders(self) -> list[NewOrder]:
        """All of its orders."""
        return [*([self.working] if self.working else []), *self.pending]


def check_pair(above: NewOrder, below: NewOrder, last_price: Decimal | None) -> None:
    """The types and the relation of the prices of a pair (rest-api.md, New Order list - OCO).

    The upper price must lie above the last price, the lower one below it. Raises VenueError.
    """
    if above.order_type not in ABOVE_TYPES or below.order_type not in ABOVE_TYPES:
        raise errors.VenueError(-1158, "Order type not supported in OCO.")
    if above.order_type is OrderType.LIMIT_MAKER and below.order_type is OrderType.LIMIT_MAKER:
        raise errors.VenueError(-1168, "At least one OCO order must be contingent.")
    if (above.order_type in STOP_LOSS_TYPES) is (below.order_type in STOP_LOSS_TYPES):
        raise errors.unsupported_combination()
    check_places(above, below)
    upper, lower = _decisive_price(above), _decisive_price(below)
    if upper is not None and lower is not None and upper <= lower:
        raise errors.order_rejected(errors.BAD_LIST_PRICES)
    if last_price is None:
        return
    if (upper is not None and upper <= last_price) or (lower is not None and lower >= last_price):
        raise errors.order_rejected(errors.BAD_LIST_PRICES)


MISPLACED = {
    (Side.BUY, "limit"): (-1165, "A limit order in a buy OCO must be below."),
    (Side.SELL, "limit"): (-1166, "A limit order in a sell OCO must be above."),
    (Side.BUY, "stop loss"): (-1196, "A stop loss order in a buy OCO must be above."),
    (Side.SELL, "stop loss"): (-1197, "A stop loss order in a sell OCO must be below."),
    (Side.BUY, "take profit"): (-1198, "A take profit order in a buy OCO must be below."),
    (Side.SELL, "take profit"): (-1199, "A take profit order in a sell OCO must be above."),
}


def check_places(above: NewOrder, below: NewOrder) -> None:
    """Which order of a pair must be above and which below (errors.md, -1165 to -1199). Raises VenueError."""
    wrong = above if above.side is Side.BUY else below
    if wrong.order_type is OrderType.LIMIT_MAKER:
        raise errors.VenueError(*MISPLACED[wrong.side, "limit"])
    if wrong.order_type not in STOP_LOSS_TYPES:
        raise errors.VenueError(*MISPLACED[wrong.side, "take profit"])
    other = below if wrong is above else above
    if other.order_type in STOP_LOSS_TYPES:
        raise errors.VenueError(*MISPLACED[wrong.side, "stop loss"])


def _decisive_price(order: NewOrder) -> Decimal | None:
    """The price of a leg that must lie on its side of the market; None for one that only trails."""
    if order.order_type in (OrderType.LIMIT_MAKER, OrderType.TAKE_PROFIT_LIMIT):
        return order.price
    return order.stop_price


class ListTrading(Amending):
    """Trading with lists besides single orders."""

    def new_order_list(
        self,
        account: Account,
        request: NewOrderList,
        describe: Callable[[OrderList], Answer],
    ) -> Answer:
        """Places a list; what `describe` makes of it as it stands before anything that its orders have set off.

        Raises VenueError: then nothing has happened.
        """
        market = self.market(request.symbol)
        self._check_list(account, market, request)
        order_list = self._prepare_list(account, market, request)
        lock, order = self._funds_of(order_list)
        self.ledger.lock(account, market.rules.paid_asset(order.side), lock)
        if order_list.working is None:
            order_list.reserved = lock
        else:
            order.reserved = lock
        for one in order_list.orders:
            self.accept(one)
        market.order_lists[order_list.list_id] = order_list
        account.history.add_list(order_list)
        transaction = self.begin(market)
        transaction.report_list(order_list, ListStatusType.EXEC_STARTED)
        if order_list.working is None:
            order_list.is_placed = True
            for one in order_list.pending:
                self.enter(market, transaction, one)
        else:
            for one in order_list.pending:
                transaction.report(one, ExecutionType.NEW)
            self.enter(market, transaction, order_list.working)
        transaction.deliver(self.market_listeners)
        answer = describe(order_list)
        self.report_book(market.rules.name)
        self.follow_up(market)
        return answer

    def _check_list(self, account: Account, market: SymbolMarket, request: NewOrderList) -> None:
        rules = market.rules
        average = market.tape.average_price(self.now_us())
        if request.working is not None:
            check_order(request.working, rules, average, "working")
        for order, prefix in zip(request.pending, request.prefixes, strict=True):
            check_order(order, rules, average, prefix)
        if not rules.allows_order_lists:
            raise errors.order_rejected(errors.LISTS_UNSUPPORTED)
        self.check_counts(account, rules, request.orders)
        open_lists = sum(one.account is account for one in market.order_lists.values())
        if 0 < rules.max_order_lists <= open_lists:
            raise errors.filter_failure("MAX_NUM_ORDER_LISTS")
        if len(request.pending) > 1:
            above, below = request.pending
            # The pair of an OTOCO will meet another price: only its own order is checked now.
            check_pair(above, below, None if request.working else market.tape.last_price)

    def _prepare_list(
        self, account: Account, market: SymbolMarket, request: NewOrderList
    ) -> OrderList:
        client_id = request.client_id or self.take_client_id(account)
        known = account.history.find_list(client_id)
        if known is not None and not known.is_done:
            raise errors.order_rejected(errors.DUPLICATE_ORDER)
        list_id = self.list_ids
        records = [self.prepare(account, market, order, list_id) for order in request.orders]
        if len({record.client_order_id for record in records}) < len(records):
            raise errors.order_rejected(errors.DUPLICATE_ORDER)
        working = records.pop(0) if request.working else None
        for record in [working] if working is not None else records:
            self.check_entry(market, record)
        if working is None:
            for record in records:
                self.begin_to_trail(market, record)
        else:
            for record in records:
                record.status, record.is_waiting = OrderStatus.PENDING_NEW, True
                record.working_time_us = 0
        self.list_ids += 1
        return OrderList(
            account,
            list_id,
            request.symbol,
            ContingencyType.OTO if working is not None else ContingencyType.OCO,
            client_id,
            working,
            records,
            self.now_us(),
        )

    def _funds_of(self, order_list: OrderList) -> tuple[Decimal, OrderRecord]:
        """What must be locked as a list is placed, and an order that it is locked for."""
        if order_list.working is not None:
            return needed_for(order_list.working), order_list.working
        dearest = max(order_list.pending, key=needed_for)
        return needed_for(dearest), dearest

    def place_pending(self, market: SymbolMarket, order_list: OrderList) -> None:
        """Places the orders that the first order's fill has released; they expire if the engine refuses them now."""
        pending = [order for order in order_list.pending if order.is_open]
        if order_list.is_placed or not pending:
            return
        transaction = self.begin(market)
        try:
            self._release(market, order_list, pending)
        except errors.VenueError:
            for order in pending:
                transaction.expire(order, ExpiryReason.REJECTED)
            order_list.is_placed = True
        else:
            for order in pending:
                if order.is_open:  # The one before may have traded at once, and so ended this one.
                    self.enter(market, transaction, order)
        self.finish(market, transaction)

    def _release(
        self, market: SymbolMarket, order_list: OrderList, pending: Sequence[OrderRecord]
    ) -> None:
        for order in pending:
            self.check_entry(market, order)
        for order in pending:
            self.begin_to_trail(market, order)
        needed = max(self._cost_now(market, order) for order in pending)
        account, rules = order_list.account, market.rules
        self.ledger.lock(account, rules.paid_asset(pending[0].side), needed)
        now_us = self.now_us()
        for order in pending:
            order.status = OrderStatus.NEW
            order.is_waiting = order.stop_price is not None or order.trailing_delta is not None
            order.update_time_us = now_us
            order.working_time_us = 0 if order.is_waiting else now_us
        order_list.is_placed = True
        if len(pending) > 1:
            order_list.reserved = needed
        else:
            pending[0].reserved = needed

    def _cost_now(self, market: SymbolMarket, order: OrderRecord) -> Decimal:
        if order.order_type is OrderType.MARKET and order.is_buy:
            return self.cost(market, order)
        return needed_for(order)

    def find_order_list(
        self, account: Account, list_id: int | None = None, client_id: str | None = None
    ) -> OrderList:
        """A list by the venue's id, which the client's must then belong to, or by the client's.

        Raises VenueError (-2013 if there is none, -1102 without an id).
        """
        if list_id is None:
            if client_id is None:
                raise errors.missing_both("orderListId", "origClientOrderId")
            found = account.history.find_list(client_id)
        else:
            found = account.history.order_lists.get(list_id)
            if found is not None and client_id not in (None, found.client_id):
                found = None
        if found is None:
            raise errors.order_not_found()
        return found

    def cancel_order_list(
        self,
        account: Account,
        symbol: str,
        list_id: int | None = None,
        client_id: str | None = None,
        new_client_order_id: str | None = None,
    ) -> OrderList:
        """Cancels all open orders of a list. Raises VenueError (-2011) if there is no such open list."""
        market = self.market(symbol)
        try:
            order_list = self.find_order_list(account, list_id, client_id)
        except errors.VenueError as error:
            if error.code != errors.order_not_found().code:
                raise
            raise errors.cancel_rejected(errors.UNKNOWN_ORDER) from None
        if order_list.symbol != symbol or order_list.is_done:
            raise errors.cancel_rejected(errors.UNKNOWN_ORDER)
        cancel_id = new_client_order_id or self.take_client_id(account)
        first = next(order for order in order_list.orders if order.is_open)
        self.cancel(market, first, cancel_id)
        return order_list
