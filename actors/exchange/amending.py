"""Reducing open orders where they stand (rest-api.md, Order Amend Keep Priority; faqs/order_amend_keep_priority.md)."""

from abc import ABC
from decimal import Decimal

from actors.exchange import errors
from actors.exchange.accounts import Account
from actors.exchange.filters import check_amendment
from actors.exchange.market import SymbolMarket
from actors.exchange.orders import Amendment, ListStatusType, OrderRecord
from actors.exchange.trading import Trading
from actors.exchange.transaction import Transaction
from messages.enums import ExecutionType


class Amending(Trading, ABC):
    """Trading with amendments."""

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

        An order that has executed as much already expires; the other order of a pair is reduced with it.
        Raises VenueError (-2038, -1013, -2039): then nothing has happened.
        """
        market = self.market(symbol)
        order = self.look_up(account, symbol, order_id, original_client_order_id)
        if order is None or not order.is_open:
            raise errors.amend_rejected(errors.UNKNOWN_ORDER)
        new_id = new_client_order_id or self.take_client_id(account)
        if new_id != order.client_order_id and account.history.is_open_client_id(new_id):
            raise errors.amend_rejected(errors.DUPLICATE_ORDER)
        check_amendment(order, new_quantity, market.rules)
        transaction = self.begin(market)
        order_list = market.order_lists.get(order.order_list_id)
        is_renamed = new_id != order.client_order_id
        self._reduce(market, transaction, order, new_quantity, new_id)
        for other in order_list.others_of_pair(order) if order_list else ():
            self._reduce(market, transaction, other, new_quantity, other.client_order_id)
        if order_list is not None and is_renamed:
            transaction.report_list(order_list, ListStatusType.UPDATED)
        self.finish(market, transaction)
        return order, order.amendments[-1]

    def _reduce(
        self,
        market: SymbolMarket,
        transaction: Transaction,
        order: OrderRecord,
        quantity: Decimal,
        client_id: str,
    ) -> None:
        order.amendments.append(
            Amendment(
                self.execution_ids + 1,
                order.client_order_id,
                client_id,
                order.quantity,
                quantity,
                transaction.time_us,
            )
        )
        is_left = market.engine.amend(order, max(quantity, order.executed_quantity))
        order.account.history.rename(order, client_id)
        order.update_time_us = transaction.time_us
        transaction.report(order, ExecutionType.REPLACED)
        transaction.release(order)
        if not is_left:
            transaction.report(order, ExecutionType.EXPIRED)
