"""The simulated venue: the exchange's own core (accounts, filters, matching, fees) on a market of data.

It takes the gateway's requests and keeps, until it is asked, what it has to tell: orders with their executions, and the
balances that have changed. Nothing here is an actor: this is the world outside.
"""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal

import msgspec

from actors.backtest.bar_book import BarBook
from actors.backtest.errors import BacktestError
from actors.backtest.fee_ledger import FeeLedger
from actors.backtest.settings import DEFAULT_BALANCE, BacktestSettings, FeeAsset
from actors.backtest.symbol_book import SymbolBook
from actors.binance.wire_info import decode_exchange_info, instruments_of
from actors.binance.wire_requests import TIMED_TYPES
from actors.exchange.errors import VenueError
from actors.exchange.market_wire import exchange_info
from actors.exchange.order_lists import NewOrderList
from actors.exchange.orders import Execution as VenueExecution
from actors.exchange.orders import NewOrder, OrderRecord
from actors.exchange.symbols import SymbolRules, rules_for
from actors.exchange.transaction import Transaction
from actors.exchange.venue import Venue
from actors.gateways.answers import answer_cancel, answer_not_found, answer_other, answer_placement
from messages.account import AccountSnapshot, Balance
from messages.base import Message
from messages.enums import (
    Exchanges,
    ListRole,
    OrderStatus,
    Reason,
    SelfTradePrevention,
    TimeInForce,
)
from messages.instruments import Instrument, to_decimal
from messages.market import Kline, MarketMessage
from messages.order_requests import NewOrderListRequest
from messages.orders import (
    AmendOrderRequest,
    CancelOrderRequest,
    Execution,
    NewOrderRequest,
    Order,
    QueryOrderRequest,
)

ACCOUNT = "trader"


class DataVenue(Venue):
    """The exchange's core, which converts fees by the data's prices: nobody needs to have traded there."""

    price_of: Callable[[str], Decimal | None]

    def last_price_if_listed(self, symbol: str) -> Decimal | None:
        """What the data say."""
        return self.price_of(symbol)


class Outside:
    """The venue, its one trader, and the books of all symbols."""

    def __init__(
        self,
        quote_classes: Mapping[str, type[MarketMessage]],
        settings: BacktestSettings,
        rules: Mapping[str, SymbolRules],
        traded: Collection[str],
    ) -> None:
        """`quote_classes`: per symbol the class of messages that its quotes come from; `rules`: its trading rules;
        `traded`: symbols of which the data have trades.

        Raises BacktestError for balances that an account cannot have.
        """
        self.settings = settings
        self.time_us = 0
        listed = dict(rules)
        if settings.fee_asset is FeeAsset.BNB and "BNBUSDT" not in listed:
            listed["BNBUSDT"] = rules_for("BNBUSDT")
        self.venue = DataVenue(list(listed.values()), lambda: self.time_us)
        self.venue.price_of = self.price_of
        self.venue.ledger = FeeLedger(settings.fee_asset)
        try:
            self.account = self.venue.open_account(
                ACCOUNT,
                settings.balances or default_balances(rules),
                settings.maker_fee,
                settings.taker_fee,
                settings.fee_asset is FeeAsset.BNB,
            )
        except ValueError as error:
            raise BacktestError(str(error)) from error
        self.initial = {
            asset: held.free for asset, held in self.account.balances.items() if held.free
        }
        self.venue.recorder = self._on_effects
        house = self.venue.open_house_account("market")
        self.books: dict[str, SymbolBook] = {
            symbol: BarBook(
                self.venue,
                house,
                symbol,
                settings.fill_model,
                settings.bar_model,
                self.set_time_us,
            )
            if quote_class is Kline
            else SymbolBook(
                self.venue,
                house,
                symbol,
                quote_class,
                settings.fill_model,
                has_trades=symbol in traded,
            )
            for symbol, quote_class in quote_classes.items()
        }
        self.told: list[Message] = []
        """What the trader is to be told, oldest first."""
        self.now_ns = 0
        self.find_price: Callable[[str], float | None] = lambda symbol: None
        """The middle of a symbol's market at present."""

    def set_time_us(self, time_us: int) -> None:
        """Sets the venue's clock."""
        self.time_us = time_us

    def set_now(self, now_ns: int) -> None:
        """Moves the venue to an instant."""
        self.now_ns = now_ns
        self.time_us = now_ns // 1000

    def price_of(self, symbol: str) -> Decimal | None:
        """The middle of a symbol's market, or what the settings say of BNB; None if neither is known."""
        price = self.find_price(symbol)
        if price is None:
            return self.settings.bnb_price if symbol == "BNBUSDT" else None
        return to_decimal(price)

    # Requests.

    def place(self, request: NewOrderRequest, standing: MarketMessage | None) -> None:
        """Places an order on the market as it stands."""
        try:
            self.books[request.order.symbol].place(
                self.account, new_order_of(request.order), standing
            )
        except VenueError as error:
            text = f"{error.code}: {error.message}"
            self.told.append(
                answer_placement(request, OrderStatus.REJECTED, Reason.VENUE, text, error.code)
            )

    def refuses(self, placement: NewOrderRequest, cancel: CancelOrderRequest) -> bool:
        """Whether the filters refuse an order that is to replace another, which then stands; both are told."""
        try:
            self.venue.test_order(self.account, new_order_of(placement.order))
        except VenueError as error:
            text = f"{error.code}: {error.message}"
            self.told.append(answer_cancel(cancel, text, error.code, is_unknown=False))
            self.told.append(
                answer_placement(placement, OrderStatus.REJECTED, Reason.VENUE, text, error.code)
            )
            return True
        return False

    def acknowledge(self, request: NewOrderRequest) -> None:
        """An order waits at the venue for its market to open."""
        answer = answer_placement(request, OrderStatus.NEW, Reason.NONE, "")
        answer.event_time_ns = self.now_ns
        self.told.append(answer)

    def place_list(self, request: NewOrderListRequest, standing: MarketMessage | None) -> None:
        """Places a list of orders on the market as it stands."""
        error: VenueError | None = None
        book = self.books.get(request.symbol)
        if book is None:
            error = VenueError(-1121, "Invalid symbol.")
        else:
            try:
                book.place_list(self.account, new_list_of(request), standing)
            except VenueError as refusal:
                error = refusal
        for order in request.orders if error is not None else ():
            placement = NewOrderRequest(exchange=request.exchange, order=order)
            text, code = (
                f"{error.code}: {error.message}" if error else "",
                error.code if error else 0,
            )
            answer = answer_placement(placement, OrderStatus.REJECTED, Reason.VENUE, text, code)
            self.told.append(answer)

    def cancel(self, request: CancelOrderRequest) -> bool:
        """Cancels an order, and its list with it; True if it was open."""
        is_canceled = True
        try:
            self.venue.cancel_order(
                self.account, request.symbol, None, request.client_order_id, None
            )
        except VenueError as error:
            text = f"{error.code}: {error.message}"
            self.told.append(answer_cancel(request, text, error.code, is_unknown=False))
            is_canceled = False
        self.books[request.symbol].note_orders()
        return is_canceled

    def amend(self, request: AmendOrderRequest) -> None:
        """Reduces an order's quantity."""
        try:
            self.venue.amend_order(
                self.account,
                request.symbol,
                request.quantity,
                None,
                request.client_order_id,
                request.new_client_order_id,
            )
        except VenueError as error:
            text = f"{error.code}: {error.message}"
            answer = answer_other(request, OrderStatus.UNKNOWN, Reason.VENUE, text, error.code)
            if answer is not None:
                self.told.append(answer)
        self.books[request.symbol].note_orders()

    def query(self, request: QueryOrderRequest) -> None:
        """Tells how an order stands, with all its executions."""
        record = self.account.history.find_by_client_id(request.symbol, request.client_order_id)
        if record is None:
            self.told.append(answer_not_found(request))
            return
        executions = [
            trade.execution
            for trade in self.account.history.trades(request.symbol, None, None, None)
            if trade.order_id == record.order_id
        ]
        self.told.append(order_of(record, executions))

    # What it tells.

    def take_told(self) -> list[Message]:
        """What there is to tell since the last call."""
        told, self.told = self.told, []
        return told

    def snapshot(self, symbols: list[str]) -> AccountSnapshot:
        """The whole account."""
        account = self.account
        return AccountSnapshot(
            exchange=Exchanges.BINANCE,
            balances=[self._balance(asset) for asset in sorted(account.balances)],
            open_orders=[
                order_of(record, [])
                for symbol in symbols
                if symbol in self.books
                for record in self.venue.open_orders(account, symbol)
            ],
            maker_fee=account.maker_fee,
            taker_fee=account.taker_fee,
            event_time_ns=self.now_ns,
            symbols=symbols,
        )

    def instrument(self, symbol: str) -> Instrument | None:
        """A symbol's trading rules, read out of the exchange's own announcement; None for one it does not list."""
        if symbol not in self.books:
            return None
        answer = exchange_info([self.venue.market(symbol).rules], [], self.now_ns // 1_000_000)
        info = decode_exchange_info(msgspec.json.encode(answer, enc_hook=int))
        [instrument] = instruments_of(
            info, Exchanges.BINANCE, self.account.maker_fee, self.account.taker_fee
        )
        return instrument

    def balances(self) -> dict[str, Decimal]:
        """What the account holds of each asset, free and locked."""
        return {
            asset: held.free + held.locked
            for asset, held in sorted(self.account.balances.items())
            if held.free or held.locked or asset in self.initial
        }

    def _balance(self, asset: str) -> Balance:
        held = self.account.balance(asset)
        return Balance(
            exchange=Exchanges.BINANCE,
            asset=asset,
            free=held.free,
            locked=held.locked,
            event_time_ns=self.now_ns,
        )

    def _on_effects(self, transaction: Transaction) -> None:
        for record in transaction.orders:
            executions = [
                trade.execution
                for _, trade in transaction.account_trades
                if trade.order_id == record.order_id
            ]
            self.told.append(order_of(record, executions))
        for assets in transaction.assets.values():
            self.told.extend(self._balance(asset) for asset in assets)


def default_balances(rules: Mapping[str, SymbolRules]) -> dict[str, Decimal]:
    """A sum of each quote asset."""
    return {item.quote_asset: DEFAULT_BALANCE for item in rules.values()}


def new_order_of(order: Order) -> NewOrder:
    """The request as the exchange takes it."""
    is_limit = order.order_type in TIMED_TYPES
    mode = order.self_trade_prevention
    in_force = order.time_in_force
    if in_force is TimeInForce.UNRECOGNISED:
        in_force = TimeInForce.GTC
    return NewOrder(
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity or None,
        quote_order_quantity=order.quote_quantity or None,
        price=order.price or None,
        time_in_force=in_force if is_limit else None,
        client_order_id=order.client_order_id,
        stop_price=order.stop_price or None,
        trailing_delta=order.trailing_delta or None,
        self_trade_prevention_mode=None if mode is None else SelfTradePrevention(mode.value),
    )


def new_list_of(request: NewOrderListRequest) -> NewOrderList:
    """The request for a list as the exchange takes it."""
    orders = request.orders
    has_entry = orders[0].list_role is ListRole.ENTRY
    pending = tuple(new_order_of(order) for order in (orders[1:] if has_entry else orders))
    names = ("above", "below")
    prefixes = tuple(f"pending{name.title()}" for name in names) if has_entry else names
    return NewOrderList(
        symbol=request.symbol,
        client_id=request.list_id,
        working=new_order_of(orders[0]) if has_entry else None,
        pending=pending,
        prefixes=("pending",) if len(pending) == 1 else prefixes,
    )


def order_of(record: OrderRecord, executions: list[VenueExecution]) -> Order:
    """The venue's view of an order, with the executions that this event reports; times to the microsecond."""
    reason = str(record.expiry_reason) if record.expiry_reason is not None else ""
    return Order(
        side=record.side,
        order_type=record.order_type,
        symbol=record.symbol,
        exchange=Exchanges.BINANCE,
        client_order_id=record.original_client_order_id or record.client_order_id,
        exchange_order_id=record.order_id,
        quantity=record.quantity,
        quote_quantity=record.quote_order_quantity,
        price=record.price,
        time_in_force=record.time_in_force,
        status=record.status,
        executed_quantity=record.executed_quantity,
        executed_quote_quantity=record.executed_quote_quantity,
        executions=[execution_of(item) for item in executions],
        reason=Reason.VENUE if reason else Reason.NONE,
        reason_text=reason,
        event_time_ns=record.update_time_us * 1000,
        stop_price=record.stop_price or Decimal(0),
        trailing_delta=record.trailing_delta or 0,
        exchange_list_id=record.order_list_id,
    )


def execution_of(execution: VenueExecution) -> Execution:
    """One execution as the order manager knows it."""
    return Execution(
        trade_id=execution.trade_id,
        price=execution.price,
        quantity=execution.quantity,
        fee=execution.commission,
        fee_asset=execution.commission_asset,
        is_maker=execution.is_maker,
        event_time_ns=execution.time_us * 1000,
    )
