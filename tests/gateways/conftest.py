"""A trading floor for gateway tests: a system of one gateway and a desk that keeps all it says; and real exchanges."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from actors.binance.endpoints import BinanceEndpoints, endpoints_at
from actors.runtime.actor import Actor
from actors.runtime.clock import Clock, RealClock
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from messages.account import AccountSnapshot, Balance
from messages.base import Message
from messages.control import HoldTrading, ReleaseTrading
from messages.enums import Exchanges, OrderType, Side, TimeInForce
from messages.instruments import Instrument
from messages.order_requests import (
    CancelRefused,
    NewOrderListRequest,
    ReplaceOrderRequest,
    SnapshotRequest,
)
from messages.orders import (
    AmendOrderRequest,
    CancelOrderRequest,
    NewOrderRequest,
    Order,
    QueryOrderRequest,
)

ROOT = Path(__file__).parents[2]


class Desk(
    Actor[
        NewOrderRequest
        | CancelOrderRequest
        | AmendOrderRequest
        | QueryOrderRequest
        | SnapshotRequest
        | NewOrderListRequest
        | ReplaceOrderRequest
    ]
):
    """Stands in the order manager's place: keeps whatever the gateway says."""

    def __init__(self, symbols: list[str], exchange: Exchanges) -> None:
        self.symbols = symbols
        self.exchange = exchange
        self.received: list[Message] = []

    def on_word(
        self,
        message: Order
        | CancelRefused
        | AccountSnapshot
        | Instrument
        | Balance
        | HoldTrading
        | ReleaseTrading,
    ) -> None:
        self.received.append(message)


class Floor:
    """A running gateway and the desk beside it."""

    def __init__(
        self,
        gateway_class: type[Actor[Any]],
        arguments: dict[str, Any],
        symbols: list[str],
        clock: Clock | None = None,
    ) -> None:
        self.exchange = Exchanges(arguments.get("exchange", Exchanges.BINANCE))
        desk = {"symbols": symbols, "exchange": self.exchange}
        self.system = System(
            [
                ActorSpecification(gateway_class, "gateway", arguments),
                ActorSpecification(Desk, "desk", desk),
            ],
            clock or RealClock(),
            run=1,
        )

    @property
    def gateway(self) -> Any:
        return self.system.cells["gateway"].instance

    @property
    def received(self) -> list[Any]:
        instance: Any = self.system.cells["desk"].instance
        kept: list[Any] = instance.received
        return kept

    def all_of(self, message_class: type[Message]) -> list[Any]:
        return [item for item in self.received if isinstance(item, message_class)]

    def orders(self, client_order_id: str) -> list[Order]:
        return [item for item in self.all_of(Order) if item.client_order_id == client_order_id]

    def statuses(self, client_order_id: str) -> list[str]:
        return [order.status.value for order in self.orders(client_order_id)]

    async def until(self, condition: Callable[[], Any], timeout_s: float = 30.0) -> Any:
        """Waits until a condition holds, and returns what it says."""
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        while not (answer := condition()):
            if asyncio.get_running_loop().time() > deadline_s:
                kept = "\n".join(repr(item)[:300] for item in self.received[-8:])
                raise AssertionError(f"it did not come within {timeout_s} s; last heard:\n{kept}")
            await asyncio.sleep(0.005)
        return answer

    async def until_ready(self, timeout_s: float = 60.0) -> AccountSnapshot:
        await self.until(lambda: self.all_of(AccountSnapshot), timeout_s)
        snapshot: AccountSnapshot = self.all_of(AccountSnapshot)[-1]
        return snapshot

    def place(
        self,
        client_order_id: str,
        *,
        side: Side = Side.BUY,
        order_type: OrderType = OrderType.LIMIT,
        quantity: str = "0.001",
        price: str = "20000",
        symbol: str = "BTCUSDT",
        time_in_force: TimeInForce = TimeInForce.GTC,
        send_before_ns: int = 0,
    ) -> None:
        order = Order(
            side=side,
            order_type=order_type,
            symbol=symbol,
            exchange=self.exchange,
            order_id=f"order-{client_order_id}",
            client_order_id=client_order_id,
            strategy="Tester",
            quantity=Decimal(quantity),
            price=Decimal(0) if order_type is OrderType.MARKET else Decimal(price),
            time_in_force=time_in_force,
        )
        request = NewOrderRequest(
            exchange=self.exchange, order=order, send_before_ns=send_before_ns
        )
        self.system.send(request)

    def cancel(self, client_order_id: str, symbol: str = "BTCUSDT") -> None:
        self.system.send(
            CancelOrderRequest(
                exchange=self.exchange, symbol=symbol, client_order_id=client_order_id
            )
        )

    def query(self, client_order_id: str, symbol: str = "BTCUSDT") -> None:
        self.system.send(
            QueryOrderRequest(
                exchange=self.exchange, symbol=symbol, client_order_id=client_order_id
            )
        )

    def ask_snapshot(self, *symbols: str, **trades_after: int) -> None:
        self.system.send(
            SnapshotRequest(
                exchange=self.exchange, symbols=list(symbols), trades_after=trades_after
            )
        )

    def amend(self, client_order_id: str, new_client_order_id: str, quantity: str) -> None:
        self.system.send(
            AmendOrderRequest(
                exchange=self.exchange,
                symbol="BTCUSDT",
                client_order_id=client_order_id,
                new_client_order_id=new_client_order_id,
                quantity=Decimal(quantity),
                order_id=f"order-{client_order_id}",
            )
        )


@dataclass(frozen=True)
class Keys:
    api_key: str = "key"
    api_secret: str = field(default="secret", repr=False)
    private_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class RunningExchange:
    """A local exchange in a process of its own."""

    endpoints: BinanceEndpoints
    hmac: Keys
    ed25519: Keys


@pytest_asyncio.fixture
async def open_floor() -> AsyncIterator[Callable[..., Any]]:
    """Starts a gateway class with its arguments on a floor; all are stopped after the test."""
    async with AsyncExitStack() as stack:

        async def open_one(
            gateway_class: type[Actor[Any]],
            arguments: dict[str, Any],
            symbols: tuple[str, ...] = ("BTCUSDT",),
            clock: Clock | None = None,
        ) -> Floor:
            floor = Floor(gateway_class, arguments, list(symbols), clock)
            await floor.system.start()
            stack.push_async_callback(floor.system.stop)
            return floor

        yield open_one


@pytest.fixture
def start_exchange() -> Iterator[Callable[..., RunningExchange]]:
    """Starts local exchanges with these arguments; all are ended after the test."""
    with ExitStack() as stack:

        def start(*arguments: str) -> RunningExchange:
            command = [sys.executable, "-m", "actors.commands.exchange", *arguments]
            process = stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            )
            stack.callback(process.terminate)
            assert process.stdout is not None
            line = json.loads(process.stdout.readline())
            return RunningExchange(
                endpoints_at(line["rest"], line["ws_api"], line["streams"]),
                Keys(line["api_key"], line["api_secret"]),
                Keys(line["ed25519_api_key"], "", line["ed25519_private_key"]),
            )

        yield start


@pytest.fixture
def keys() -> Keys:
    """Keys that no venue checks."""
    return Keys()
