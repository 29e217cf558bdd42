"""A small venue of the user's own: a feed and a gateway that answers everything at once, for any member of `Exchanges`."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from actors.runtime.actor import Actor
from actors.testing import make_book_ticker, make_instrument, make_trade
from messages.account import AccountSnapshot, Balance
from messages.control import Subscribe
from messages.enums import Exchanges, OrderStatus, OrderType, Side
from messages.instruments import Instrument
from messages.market import BookTicker, Trade
from messages.order_requests import (
    CancelRefused,
    NewOrderListRequest,
    ReplaceOrderRequest,
    SnapshotRequest,
)
from messages.orders import (
    AmendOrderRequest,
    CancelOrderRequest,
    Execution,
    NewOrderRequest,
    Order,
    QueryOrderRequest,
)

TICK_S = 0.002


class SmallFeed(Actor[Trade | BookTicker]):
    """A trade and a book ticker every two milliseconds in every symbol that is asked for."""

    def __init__(self, exchange: Exchanges) -> None:
        self.exchange = exchange
        self.symbols: dict[str, None] = {}
        self.count = 0

    def on_start(self) -> None:
        self.tick()

    def on_subscribe(self, asked: Subscribe) -> None:
        if asked.exchange is self.exchange:
            self.symbols[asked.symbol] = None

    def tick(self) -> None:
        self.count += 1
        for symbol in self.symbols:
            price = 100.0 + self.random.choice((-0.1, 0.0, 0.1))
            now_ns = self.now_ns
            self.send(
                make_book_ticker(
                    price - 0.01,
                    price + 0.01,
                    symbol,
                    update_id=self.count,
                    time_ns=now_ns,
                    exchange=self.exchange,
                )
            )
            self.send(
                make_trade(
                    price, 1.0, symbol, trade_id=self.count, time_ns=now_ns, exchange=self.exchange
                )
            )
        self.schedule(TICK_S, self.tick)


class SmallGateway(Actor[Order | CancelRefused | AccountSnapshot | Instrument | Balance]):
    """Fills MARKET orders at 100, lets all others rest, and cancels what it is told to."""

    def __init__(self, exchange: Exchanges) -> None:
        self.exchange = exchange
        self.orders: dict[str, Order] = {}
        self.balances = {"USDT": Decimal(10_000), "BTC": Decimal(0)}
        self.trade_count = 0
        self.canceled: list[str] = []
        self.doubled: list[str] = []
        """Names that came twice."""

    def on_subscribe(self, asked: Subscribe) -> None:
        if asked.exchange is self.exchange and asked.message_class == Instrument.__name__:
            self.send(make_instrument(asked.symbol, exchange=self.exchange))

    def on_snapshot_request(self, request: SnapshotRequest) -> None:
        living = [order for order in self.orders.values() if order.is_open]
        executed = [
            order
            for order in self.orders.values()
            if order.symbol in request.trades_after
            and any(each.trade_id > request.trades_after[order.symbol] for each in order.executions)
        ]
        self.send(
            AccountSnapshot(
                exchange=self.exchange,
                balances=[self.balance_of(asset) for asset in self.balances],
                open_orders=living,
                executed_orders=executed,
                event_time_ns=self.now_ns,
            )
        )

    def on_new_order_request(self, request: NewOrderRequest) -> None:
        order = request.order
        if order.client_order_id in self.orders:
            self.doubled.append(order.client_order_id)
        order.exchange_order_id = len(self.orders) + 1
        order.status = OrderStatus.NEW
        order.event_time_ns = self.now_ns
        self.orders[order.client_order_id] = order
        self.send(order)
        if order.order_type is OrderType.MARKET:
            self.fill(order)

    def fill(self, order: Order) -> None:
        self.trade_count += 1
        price = Decimal(100)
        execution = Execution(
            trade_id=self.trade_count,
            price=price,
            quantity=order.quantity,
            fee=order.quantity / 10,
            fee_asset="USDT",
            event_time_ns=self.now_ns,
        )
        order.executions = [execution]
        order.executed_quantity = order.quantity
        order.executed_quote_quantity = order.quantity * price
        order.status = OrderStatus.FILLED
        sign = 1 if order.side == "BUY" else -1
        self.balances["BTC"] += sign * order.quantity
        self.balances["USDT"] -= sign * order.quantity * price + execution.fee
        self.send(order)
        for asset in self.balances:
            self.send(self.balance_of(asset))

    def on_cancel_order_request(self, request: CancelOrderRequest) -> None:
        self.canceled.append(request.client_order_id)
        order = self.orders.get(request.client_order_id)
        if order is None or not order.is_open:
            self.send(
                CancelRefused(
                    exchange=self.exchange,
                    symbol=request.symbol,
                    client_order_id=request.client_order_id,
                    reason_text="no such order",
                )
            )
            return
        order.status = OrderStatus.CANCELED
        self.send(order)

    def on_new_order_list_request(self, request: NewOrderListRequest) -> None:
        raise AssertionError("nobody asks for a list here")

    def on_replace_order_request(self, request: ReplaceOrderRequest) -> None:
        raise AssertionError("nobody replaces an order here")

    def on_query_order_request(self, request: QueryOrderRequest) -> None:
        order = self.orders.get(request.client_order_id)
        if order is None:
            order = Order(
                side=Side.UNRECOGNISED,
                order_type=OrderType.UNRECOGNISED,
                symbol=request.symbol,
                exchange=self.exchange,
                client_order_id=request.client_order_id,
                status=OrderStatus.NOT_FOUND,
            )
        self.send(order)

    def on_amend_order_request(self, request: AmendOrderRequest) -> None:
        raise AssertionError("the order manager amends by a cancel and a new order")

    def balance_of(self, asset: str) -> Balance:
        return Balance(
            exchange=self.exchange,
            asset=asset,
            free=self.balances[asset],
            locked=Decimal(0),
            event_time_ns=self.now_ns,
        )


def run_elsewhere(test_file: str, path: Path, hash_seed: str) -> str:
    """What `find_divergences(path)` of a test file prints in a process with another hash seed."""
    code = (
        "import runpy, pathlib, sys\n"
        "module = runpy.run_path(sys.argv[1])\n"
        "print(module['find_divergences'](pathlib.Path(sys.argv[2])))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, test_file, str(path)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()
