"""What one request does to accounts and to the public: settlement of its matches, and the events that tell of them.

Events are collected while the request is applied and delivered after it, when everything is consistent: for each account
its reports in the order in which things happened, then one outboundAccountPosition of the assets that may have changed
(user-data-stream.md); then the public trades.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol

from actors.exchange.accounts import Account, Ledger
from actors.exchange.market import SymbolMarket
from actors.exchange.matching import expire, quote_amount
from actors.exchange.orders import (
    ZERO,
    AccountTrade,
    Execution,
    ExpiryReason,
    ListStatusType,
    OrderList,
    OrderRecord,
    PreventedMatch,
    PublicTrade,
)
from actors.exchange.user_events import (
    account_position,
    execution_report,
    list_status,
    prevention_fields,
)
from messages.enums import ExecutionType, OrderStatus, SelfTradePrevention, Side


class MarketListener(Protocol):
    """Who is told of public trades and of changed books."""

    def on_trade(self, symbol: str, trade: PublicTrade) -> None:
        """A trade was printed."""

    def on_book(self, symbol: str) -> None:
        """The symbol's book changed; told once after a request, however much it changed."""


def needed_for(order: OrderRecord) -> Decimal:
    """What an open order must have locked: base asset to sell; quote asset to buy, by its limit or else its trigger.

    What a triggered purchase without a limit costs beyond that is locked when it triggers.
    """
    if order.side is Side.SELL:
        return order.open_quantity
    price = order.price or order.stop_price or order.trailing_extreme or ZERO
    return quote_amount(price, order.open_quantity)


def effective_mode(taker: OrderRecord, maker: OrderRecord) -> SelfTradePrevention:
    """What prevents a trade: the taker's mode, but a TRANSFER takes two (faqs/stp_faq.md)."""
    modes = taker.self_trade_prevention_mode, maker.self_trade_prevention_mode
    is_half = modes[0] is SelfTradePrevention.TRANSFER is not modes[1]
    return SelfTradePrevention.DECREMENT if is_half else modes[0]


class Transaction:
    """The effects of one request in one symbol: `orders`, `account_trades` and `assets` are those of traders alone."""

    __slots__ = (
        "_events",
        "_ledger",
        "_market",
        "_price_in_bnb",
        "_recorder",
        "_take_execution_id",
        "_trades",
        "account_trades",
        "assets",
        "order_lists",
        "orders",
        "time_us",
    )

    def __init__(
        self,
        market: SymbolMarket,
        ledger: Ledger,
        time_us: int,
        take_execution_id: Callable[[], int],
        price_in_bnb: Callable[[str], Decimal | None],
        recorder: "Recorder | None" = None,
    ) -> None:
        self.time_us = time_us
        self._recorder = recorder
        self._market = market
        self._ledger = ledger
        self._take_execution_id = take_execution_id
        self._price_in_bnb = price_in_bnb
        self._events: list[tuple[Account, dict[str, Any]]] = []
        self.orders: dict[OrderRecord, None] = {}
        self.order_lists: dict[OrderList, None] = {}
        self.account_trades: list[tuple[Account, AccountTrade]] = []
        self.assets: dict[Account, dict[str, None]] = {}
        self._trades: list[PublicTrade] = []

    def report(
        self, order: OrderRecord, kind: ExecutionType, execution: Execution | None = None
    ) -> None:
        """Tells the order's account what happened to it."""
        execution_id = self._take_execution_id()
        account = order.account
        if account.listeners:
            event = execution_report(order, kind, execution_id, self.time_us, execution)
            self._events.append((account, event))
        if not account.is_house:
            self.orders[order] = None
            rules = self._market.rules
            self.assets.setdefault(account, {rules.base_asset: None, rules.quote_asset: None})

    def report_rejected(self, order: OrderRecord, reason: str) -> None:
        """Tells the order's account that the engine has refused it; it is in no book and in no history."""
        execution_id = self._take_execution_id()
        if order.account.listeners:
            event = execution_report(order, ExecutionType.REJECTED, execution_id, self.time_us)
            self._events.append((order.account, event | {"r": reason}))

    def report_list(self, order_list: OrderList, kind: ListStatusType) -> None:
        """Tells a list's account how the list stands."""
        self.order_lists[order_list] = None
        if order_list.account.listeners:
            event = list_status(order_list, kind, self.time_us)
            self._events.append((order_list.account, event))

    def settle(
        self,
        taker: OrderRecord,
        maker: OrderRecord,
        price: Decimal,
        quantity: Decimal,
        quote: Decimal,
    ) -> None:
        """Moves the funds of one match, takes the fees, and reports it to both sides and the public."""
        market, rules = self._market, self._market.rules
        if maker.order_list_id >= 0:
            self.choose(maker)
        trade_id = market.take_trade_id()
        buyer, seller = (taker, maker) if taker.side is Side.BUY else (maker, taker)
        self._ledger.move(buyer.account, seller.account, rules.quote_asset, quote)
        self._ledger.move(seller.account, buyer.account, rules.base_asset, quantity)
        buyer.reserved -= quote
        seller.reserved -= quantity
        for order, is_maker in ((taker, False), (maker, True)):
            received, asset = (
                (quantity, rules.base_asset) if order is buyer else (quote, rules.quote_asset)
            )
            self._book(order, is_maker, trade_id, (price, quantity, quote), (received, asset))
        if not market.has_recorded_tape:
            trade = PublicTrade(
                trade_id, price, quantity, quote, self.time_us, maker.side is Side.BUY
            )
            market.print(trade)
            self._trades.append(trade)

    def prevent(
        self,
        taker: OrderRecord,
        maker: OrderRecord,
        quantity: Decimal,
        taker_quantity: Decimal | None,
        maker_quantity: Decimal | None,
    ) -> None:
        """Notes a trade of an account with itself that did not take place, and reports what expired for it."""
        if maker_quantity is not None and maker.order_list_id >= 0:
            self.choose(maker)
        match = PreventedMatch(
            self._market.take_prevented_match_id(),
            taker.order_id,
            maker.order_id,
            effective_mode(taker, maker),
            maker.price,
            taker_quantity,
            maker_quantity,
            self.time_us,
        )
        taker.prevented_matches.append(match)
        taker.account.history.add_prevented(taker.symbol, match)
        for order, counter, expired in (
            (maker, taker, maker_quantity),
            (taker, maker, taker_quantity),
        ):
            if expired is None:
                continue
            order.prevented_match_id = match.number
            order.update_time_us = self.time_us
            if order is maker:
                self.release(order)
            self._report_prevention(order, counter, match, quantity)

    def _report_prevention(
        self, order: OrderRecord, counter: OrderRecord, match: PreventedMatch, quantity: Decimal
    ) -> None:
        self.orders[order] = None
        rules = self._market.rules
        self.assets.setdefault(order.account, {rules.base_asset: None, rules.quote_asset: None})
        execution_id = self._take_execution_id()
        if not order.account.listeners:
            return
        kind = ExecutionType.TRADE_PREVENTION
        event = execution_report(order, kind, execution_id, self.time_us)
        last = (
            match.maker_quantity if order.order_id == match.maker_order_id else match.taker_quantity
        )
        event |= prevention_fields(order, counter, match, last or ZERO, quantity)
        self._events.append((order.account, event))

    def choose(self, order: OrderRecord) -> None:
        """Decides for an order whose pair was undecided: what the pair has locked is its own, and the other one expires."""
        order_list = self._undecided_list(order)
        if order_list is None:
            return
        order_list.is_decided = True
        order.reserved += order_list.reserved
        order_list.reserved = ZERO
        self.order_lists[order_list] = None
        for other in order_list.pending:
            if other is not order and other.is_open:
                self.expire(other, ExpiryReason.OCO_TRIGGER)

    def expire(self, order: OrderRecord, reason: ExpiryReason) -> None:
        """Ends an open order that waits or rests, and reports it."""
        self._market.triggers.remove(order)
        self._market.engine.remove(order)
        expire(order, reason)
        order.update_time_us = self.time_us
        self.release(order)
        self.report(order, ExecutionType.EXPIRED)

    def _undecided_list(self, order: OrderRecord) -> OrderList | None:
        """The list that an order is one of an undecided pair of."""
        order_list = self._market.order_lists.get(order.order_list_id)
        if order_list is None or not order_list.is_undecided or order not in order_list.pending:
            return None
        return order_list

    def _close_lists(self) -> None:
        """Draws for each list the consequences of what happened to its orders."""
        touched = {order.order_list_id for order in self.orders if order.order_list_id >= 0}
        for list_id in sorted(touched):
            order_list = self._market.order_lists.get(list_id)
            if order_list is None:
                continue
            working = order_list.working
            if working is not None and not order_list.is_placed and not working.is_open:
                if working.status is OrderStatus.FILLED:
                    self._market.due.append(order_list)
                    continue
                for order in order_list.pending:
                    if order.is_open:
                        self.expire(order, ExpiryReason.OTO_PHASE_ONE_EXPIRED)
            if not any(order.is_open for order in order_list.orders):
                order_list.is_done = True
                order_list.time_us = self.time_us
                del self._market.order_lists[list_id]
                self.report_list(order_list, ListStatusType.ALL_DONE)

    def _book(
        self,
        order: OrderRecord,
        is_maker: bool,
        trade_id: int,
        traded: tuple[Decimal, Decimal, Decimal],
        received: tuple[Decimal, str],
    ) -> None:
        """One side of a match: fee, records, report."""
        account = order.account
        order.update_time_us = self.time_us
        if account.is_house:
            self._take_execution_id()
            if is_maker:
                self.release(order)
            return
        amount, asset = received
        rate = account.maker_fee if is_maker else account.taker_fee
        price, quantity, quote = traded
        worth = self._worth_in_bnb(quantity, quote) if account.uses_bnb else None
        fee, fee_asset = self._ledger.charge(account, asset, amount, rate, worth)
        execution = Execution(
            trade_id, price, quantity, quote, fee, fee_asset, is_maker, self.time_us
        )
        if not is_maker:
            order.executions.append(execution)
        trade = AccountTrade(
            order.symbol, order.order_id, order.is_buy, execution, order.order_list_id
        )
        account.history.add_trade(trade)
        self.account_trades.append((account, trade))
        if is_maker:
            self.release(order)
        self.report(order, ExecutionType.TRADE, execution)
        self.assets[account][fee_asset] = None

    def _worth_in_bnb(self, quantity: Decimal, quote: Decimal) -> Decimal | None:
        """What a match is worth in BNB; None if there is no price to convert by."""
        rules = self._market.rules
        if rules.base_asset == "BNB":
            return quantity
        price = self._price_in_bnb(rules.quote_asset)
        return None if price is None else quote * price

    def release(self, order: OrderRecord) -> None:
        """Unlocks what an order no longer needs, and closes one that has ended."""
        order_list = self._undecided_list(order) if order.order_list_id >= 0 else None
        is_open = order.is_open
        if not is_open and not order.account.is_house:
            order.account.history.close(order)
        if order_list is not None:
            open_ones = [one for one in order_list.pending if one.is_open]
            needed = max((needed_for(one) for one in open_ones), default=ZERO)
            self._unlock(order, order_list.reserved - needed)
            order_list.reserved = needed
        elif order.status is not OrderStatus.PENDING_NEW:
            needed = needed_for(order) if is_open else ZERO
            self._unlock(order, order.reserved - needed)
            order.reserved = needed

    def _unlock(self, order: OrderRecord, excess: Decimal) -> None:
        if excess:
            asset = self._market.rules.paid_asset(order.side)
            self._ledger.unlock(order.account, asset, excess)

    def deliver(self, listeners: list[MarketListener]) -> None:
        """Delivers the user events, then the public trades; before that, hands everything to the recorder."""
        if self._market.order_lists:
            self._close_lists()
        for account in self.assets:
            account.update_time_us = self.time_us
        if self._recorder is not None and self.assets:
            self._recorder(self)
        for account, event in self._events:
            _tell(account, event)
        for account, assets in self.assets.items():
            if account.listeners:
                _tell(account, account_position(account, assets, self.time_us))
        for trade in self._trades:
            for listener in listeners:
                listener.on_trade(self._market.rules.name, trade)


Recorder = Callable[[Transaction], None]
"""Makes the effects of a request durable."""


def _tell(account: Account, event: dict[str, Any]) -> None:
    for listener in list(account.listeners):
        listener(event)
