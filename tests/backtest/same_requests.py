"""What a backtest asked of its venue, asked of the local exchange on the same trades at the same instants."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.backtest.engine import BacktestRun, run_backtest
from actors.backtest.outside import new_list_of, new_order_of
from actors.backtest.settings import BacktestSettings
from actors.backtest.streams import StreamPlan
from actors.backtest.trading_rules import make_rules
from actors.exchange.accounts import Account
from actors.exchange.errors import VenueError
from actors.exchange.recorded import RecordedMarket
from actors.exchange.venue import Venue
from actors.runtime.specification import ActorSpecification
from actors.trading.risk import RiskLimits
from messages.base import Message
from messages.codec import union_decoder
from messages.enums import OrderStatus, ReplaceMode
from messages.instruments import to_decimal
from messages.market import Trade
from messages.order_requests import NewOrderListRequest, ReplaceOrderRequest
from messages.orders import AmendOrderRequest, CancelOrderRequest, NewOrderRequest
from tests.backtest.markets import make_data

REQUESTS = (
    NewOrderRequest,
    NewOrderListRequest,
    ReplaceOrderRequest,
    CancelOrderRequest,
    AmendOrderRequest,
)
_decode = union_decoder(REQUESTS).decode
NAMES = {item.__name__ for item in REQUESTS}
BALANCES = {"USDT": Decimal(2_000_000), "BTC": Decimal(50)}
MAKER_FEE, TAKER_FEE = Decimal("0.0008"), Decimal("0.001")

OrderState = tuple[OrderStatus, Decimal, Decimal, list[tuple[Any, ...]]]
"""Status, executed quantity and amount, and its fills: price, quantity, fee, its asset, whether it was the maker."""


class Listener:
    """A tap that keeps what the order manager asks of the venue, with the time."""

    def __init__(self) -> None:
        self.requests: list[tuple[int, Message]] = []

    def on_handled(self, actor: str, time_ns: int, frame: bytes) -> None:
        """Nothing: what was sent tells all."""

    def on_sent(self, actor: str, time_ns: int, frame: bytes) -> None:
        """Keeps a request."""
        if actor == "order_manager":
            try:
                self.requests.append((time_ns, _decode(frame)))
            except ValueError:  # another message
                return

    def flush(self) -> None:
        """Nothing is buffered."""

    def close(self) -> None:
        """Nothing is open."""


class Exchange:
    """The local exchange on a recording, on a clock of its own."""

    def __init__(self, trades: Sequence[Trade], folder: Path, rules: Any) -> None:
        path = folder / "BTCUSDT-trades.csv"
        path.write_text("".join(map(row_of, trades)))
        self.time_us = trades[0].trade_time_ns // 1000
        self.venue = Venue([rules], lambda: self.time_us)
        self.account: Account = self.venue.open_account("trader", BALANCES, MAKER_FEE, TAKER_FEE)
        self.market = RecordedMarket(self.venue, "BTCUSDT", path)
        self.refused: set[str] = set()

    def play_until(self, time_us: int) -> None:
        """Every trade up to an instant."""
        while (due := self.market.advance(self.time_us)) is not None and due <= time_us:
            self.time_us = due
        self.time_us = max(self.time_us, time_us)

    def ask(self, request: Message) -> None:
        """Carries a request out, as its methods do."""
        if isinstance(request, NewOrderRequest):
            names = [request.order.client_order_id]
            order = new_order_of(request.order)
            self._try(names, lambda: self.venue.new_order(self.account, order))
        elif isinstance(request, NewOrderListRequest):
            names = [order.client_order_id for order in request.orders]
            listed = new_list_of(request)
            self._try(names, lambda: self.venue.new_order_list(self.account, listed, lambda _: 0))
        elif isinstance(request, ReplaceOrderRequest):
            self._replace(request)
        elif isinstance(request, CancelOrderRequest):
            self._try([], lambda: self._cancel(request.client_order_id))
        elif isinstance(request, AmendOrderRequest):
            renamed = (request.client_order_id, request.new_client_order_id)
            self._try(
                [],
                lambda: self.venue.amend_order(
                    self.account, "BTCUSDT", request.quantity, None, *renamed
                ),
            )

    def _replace(self, request: ReplaceOrderRequest) -> None:
        """replace_methods.py without the wire: the filters come first."""
        name, order = request.order.client_order_id, new_order_of(request.order)
        is_checked = self._try([name], lambda: self.venue.test_order(self.account, order))
        if not is_checked:
            return
        is_canceled = self._try([], lambda: self._cancel(request.client_order_id))
        if is_canceled or request.mode is ReplaceMode.ALLOW_FAILURE:
            self._try([name], lambda: self.venue.new_order(self.account, order))
        else:
            self.refused.add(name)

    def _cancel(self, name: str) -> None:
        self.venue.cancel_order(self.account, "BTCUSDT", None, name)

    def _try(self, names: Sequence[str], call: Callable[[], Any]) -> bool:
        try:
            call()
        except VenueError:
            self.refused.update(names)
            return False
        return True

    def state_of(self, names: Sequence[str]) -> OrderState:
        """How an order stands that went to the venue under these names, one after the other."""
        status, executed, amount = OrderStatus.REJECTED, Decimal(0), Decimal(0)
        fills: list[tuple[Any, ...]] = []
        for name in names:
            record = self.account.history.find_by_client_id("BTCUSDT", name)
            if record is None:
                assert name in self.refused
                continue
            status = record.status
            executed += record.executed_quantity
            amount += record.executed_quote_quantity
            fills += [
                (one.price, one.quantity, one.commission, one.commission_asset, one.is_maker)
                for trade in self.account.history.trades("BTCUSDT", None, None, None)
                if trade.order_id == record.order_id
                for one in [trade.execution]
            ]
        if status is OrderStatus.NEW and executed:  # of an earlier one of its names
            status = OrderStatus.PARTIALLY_FILLED
        return status, executed, amount, fills

    def balances(self) -> dict[str, Decimal]:
        """What the account holds."""
        return {
            asset: held.free + held.locked
            for asset, held in self.account.balances.items()
            if held.free + held.locked
        }


def row_of(trade: Trade) -> str:
    """A trade in the venue's own form."""
    time_us, maker = trade.trade_time_ns // 1000, trade.buyer_is_maker
    price, quantity = to_decimal(trade.price), to_decimal(trade.quantity)
    return f"{trade.trade_id},{price:f},{quantity:f},0,{time_us},{maker},True\n"


def play_both(
    trades: Sequence[Trade], actors: Sequence[ActorSpecification], folder: Path
) -> tuple[BacktestRun, Exchange, list[Message]]:
    """A backtest, then the same requests at the exchange."""
    listener = Listener()
    data = make_data(list(trades))
    settings = BacktestSettings(
        balances=BALANCES,
        maker_fee=MAKER_FEE,
        taker_fee=TAKER_FEE,
        risk=RiskLimits(may_sell_account_holdings=True),
    )
    run = run_backtest(data, actors, settings, tap=listener)
    rules = make_rules("BTCUSDT", StreamPlan(data).decimals("BTCUSDT"), {})
    exchange = Exchange(trades, folder, rules)
    for time_ns, request in listener.requests:
        exchange.play_until(time_ns // 1000)
        exchange.ask(request)
    exchange.play_until(trades[-1].trade_time_ns // 1000)
    return run, exchange, [request for _, request in listener.requests]


def differences(
    run: BacktestRun, exchange: Exchange, requests: Sequence[Message]
) -> list[tuple[str, OrderState, OrderState]]:
    """The orders that stand otherwise in the backtest and at the exchange, by their own ids."""
    found = []
    for order_id, names in names_of(requests).items():
        order = run.record.orders[order_id]
        fills = [
            (one.price, one.quantity, one.fee, one.fee_asset, one.is_maker)
            for one in run.record.fills
            if one.order_id == order_id
        ]
        here = order.status, order.executed_quantity, order.executed_quote_quantity, fills
        there = exchange.state_of(names)
        if here != there:
            found.append((order_id, here, there))
    return found


def names_of(requests: Sequence[Message]) -> dict[str, list[str]]:
    """By own order id: the names at the venue; an order whose price was amended has been there under several."""
    names: dict[str, list[str]] = {}
    for request in requests:
        orders: list[Any] = getattr(request, "orders", [])
        if isinstance(request, NewOrderRequest | ReplaceOrderRequest):
            orders = [request.order]
        for order in orders:
            names.setdefault(order.order_id.partition("~")[0], []).append(order.client_order_id)
    return names
