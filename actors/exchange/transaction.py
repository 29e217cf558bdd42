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
from actors.exchange.matching import quote_amount
from actors.exchange.orders import ZERO, AccountTrade, Execution, OrderRecord, PublicTrade
from actors.exchange.user_events import account_position, execution_report
from messages.enums import ExecutionType, Side


class MarketListener(Protocol):
    """Who is told of public trades and of changed books."""

    def on_trade(self, symbol: str, trade: PublicTrade) -> None:
        """A trade was printed."""

    def on_book(self, symbol: str) -> None:
        """The symbol's book changed; told once after a request, however much it changed."""


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
            market.tape.add(trade)
            self._trades.append(trade)

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
        trade = AccountTrade(order.symbol, order.order_id, order.side is Side.BUY, execution)
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
        rules = self._market.rules
        if order.is_open:
            is_buy = order.side is Side.BUY
            rest = order.quantity - order.executed_quantity
            needed = quote_amount(order.price, rest) if is_buy else rest
        else:
            needed = ZERO
            if not order.account.is_house:
                order.account.history.close(order)
        excess = order.reserved - needed
        if excess:
            asset = rules.quote_asset if order.side is Side.BUY else rules.base_asset
            self._ledger.unlock(order.account, asset, excess)
            order.reserved = needed

    def deliver(self, listeners: list[MarketListener]) -> None:
        """Delivers the user events, then the public trades; before that, hands everything to the recorder."""
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
