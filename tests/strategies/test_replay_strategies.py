"""A recorded run of every shipped strategy, executed again: the same bytes, also under another hash seed."""

import asyncio
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.actor import Actor
from actors.runtime.clock import RealClock
from actors.runtime.replay import replay
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from actors.runtime.tap import RecordingTap
from actors.strategies.breakout import Breakout
from actors.strategies.market_maker import MarketMaker
from actors.strategies.moving_average_cross import MovingAverageCross
from actors.strategies.price_alert import PriceAlert
from actors.testing import START_TIME_NS, make_book_ticker, make_instrument, make_trade
from messages.account import Position
from messages.control import Resync, ResyncRequest
from messages.enums import Exchanges, FeedState, KlineInterval, OrderStatus, OrderType, Side
from messages.instruments import Instrument
from messages.market import BookTicker, FeedStatus, Kline, Trade
from messages.order_lists import PlaceOrderList, ReplaceOrder
from messages.orders import AmendOrder, CancelOrder, ClosePosition, Order, OrderUpdate, PlaceOrder
from messages.recording import Entry, Opening, Output, read_recording

SYMBOL = "BTCUSDT"
STEPS = 120
SEED = 11


class Market(Actor[Trade | BookTicker | Kline | FeedStatus | Instrument]):
    """A seeded walk: a trade, a ticker and a closed second at each step, a millisecond apart."""

    def on_start(self) -> None:
        self.send(make_instrument())
        self.step(0, 100.0)

    def step(self, index: int, price: float) -> None:
        """One more step."""
        price = round(price + self.random.choice((-0.3, -0.1, 0.1, 0.3)), 2)
        time_ns = START_TIME_NS + index * 200_000_000
        self.send(make_trade(price, trade_id=index, time_ns=time_ns))
        self.send(make_book_ticker(price - 0.05, price + 0.05, update_id=index, time_ns=time_ns))
        self.send(
            Kline(
                exchange=Exchanges.BINANCE,
                symbol=SYMBOL,
                interval=KlineInterval.SECOND_1,
                open_time_ns=time_ns,
                close_time_ns=time_ns + 199_999_999,
                open=price,
                high=price,
                low=price,
                close=price,
                volume=1.0,
            )
        )
        if index % 50 == 49:
            for state in (FeedState.GAP, FeedState.LIVE):
                self.send(FeedStatus(exchange=Exchanges.BINANCE, symbol=SYMBOL, state=state))
        if index < STEPS:
            self.schedule(0.001, self.step, index + 1, price)


class Desk(Actor[OrderUpdate | Position | Resync]):
    """Order manager and venue in one: resting orders fill when the ticker reaches their price."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.held: dict[str, Decimal] = {}

    def on_resync_request(self, request: ResyncRequest) -> None:
        self.send(Resync(target=request.actor, positions=[], open_orders=[]))

    def on_place_order(self, command: PlaceOrder) -> None:
        order = Order(
            side=command.side,
            order_type=command.order_type,
            symbol=command.symbol,
            order_id=command.order_id,
            client_order_id=f"c-{command.order_id}",
            strategy=command.sender,
            quantity=command.quantity,
            price=command.price or Decimal(100),
            status=OrderStatus.NEW,
        )
        self.orders[order.order_id] = order
        self.send(OrderUpdate(strategy=order.strategy, order=order))
        if command.order_type is not OrderType.LIMIT_MAKER:
            self.fill(order)

    def on_cancel_order(self, command: CancelOrder) -> None:
        order = self.orders.pop(command.order_id, None)
        if order is not None:
            order.status = OrderStatus.CANCELED
            self.send(OrderUpdate(strategy=order.strategy, order=order))

    def on_amend_order(self, command: AmendOrder | PlaceOrderList | ReplaceOrder) -> None:
        raise AssertionError("no strategy here amends, replaces or asks for lists")

    def on_close_position(self, command: ClosePosition) -> None:
        self.held[command.sender] = Decimal(0)
        self.tell_position(command.sender)

    def on_ticker(self, ticker: BookTicker) -> None:
        for order in list(self.orders.values()):
            price = float(order.price)
            if price >= ticker.ask_price if order.side is Side.BUY else price <= ticker.bid_price:
                self.fill(order)

    def fill(self, order: Order) -> None:
        """The whole order."""
        del self.orders[order.order_id]
        order.status, order.executed_quantity = OrderStatus.FILLED, order.quantity
        change = order.quantity if order.side is Side.BUY else -order.quantity
        self.held[order.strategy] = self.held.get(order.strategy, Decimal(0)) + change
        self.send(OrderUpdate(strategy=order.strategy, order=order))
        self.tell_position(order.strategy)

    def tell_position(self, strategy: str) -> None:
        """What a strategy holds now."""
        self.send(
            Position(
                strategy=strategy,
                exchange=Exchanges.BINANCE,
                symbol=SYMBOL,
                quantity=self.held[strategy],
                average_price=Decimal(100),
            )
        )


def make_specifications() -> list[ActorSpecification]:
    """The market, the desk, and every shipped strategy."""
    quantity = Decimal("0.5")
    averages: dict[str, Any] = {"symbol": SYMBOL, "fast": 2, "slow": 5, "quantity": quantity}
    interval = KlineInterval.SECOND_1
    return [
        ActorSpecification(Desk, "desk"),
        ActorSpecification(
            MarketMaker,
            "maker",
            {
                "symbol": SYMBOL,
                "quantity": quantity,
                "spread": 0.001,
                "requote_interval_s": 0.002,
                "retry_s": 0.01,
            },
        ),
        ActorSpecification(MovingAverageCross, "on_trades", averages),
        ActorSpecification(MovingAverageCross, "on_klines", {**averages, "interval": interval}),
        ActorSpecification(
            Breakout, "breakout", {"symbol": SYMBOL, "level": 100.5, "quantity": quantity}
        ),
        ActorSpecification(PriceAlert, "alert", {"symbol": SYMBOL, "level": 100.0}),
        ActorSpecification(Market, "market"),
    ]


async def record(path: Path) -> None:
    """Runs all of it for a moment."""
    opening = Opening(run=1, seed=SEED, start_time_ns=START_TIME_NS, versions={}, actors=[])
    tap = RecordingTap(path, opening)
    system = System(make_specifications(), RealClock(), run=1, seed=SEED, tap=tap)
    await system.start()
    deadline = asyncio.get_running_loop().time() + 10
    while system.statistics()["market"]["handled"] <= STEPS:
        # A condition of the running actors, looked at now and then.
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)
    await system.stop()
    tap.close()


def find_divergences(path: Path) -> list[str]:
    """Actors whose second execution differs from the recording."""
    actors = replay(read_recording(path), make_specifications())
    return [repr(actor.divergence) for actor in actors if actor.divergence is not None]


@pytest.mark.asyncio
async def test_every_shipped_strategy_replays_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "run.recording"
    await record(path)
    records = list(read_recording(path))
    senders = {item.actor for item in records if isinstance(item, Output)}
    assert {"maker", "on_trades", "on_klines", "breakout", "alert"} <= senders
    assert any(isinstance(item, Entry) and item.actor == "maker" for item in records)
    assert find_divergences(path) == []
    for hash_seed in ("1", "4242"):
        assert replay_elsewhere(path, hash_seed) == "[]"


def replay_elsewhere(path: Path, hash_seed: str) -> str:
    """The divergences that a process with another hash seed finds, as it prints them."""
    code = (
        "import runpy, pathlib, sys\n"
        "module = runpy.run_path(sys.argv[1])\n"
        "print(module['find_divergences'](pathlib.Path(sys.argv[2])))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, __file__, str(path)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.asyncio
async def test_a_replay_finds_a_strategy_that_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "run.recording"
    await record(path)
    changed = [
        ActorSpecification(
            item.actor_class, item.name, {**item.arguments, "quantity": Decimal("0.7")}
        )
        if item.name in ("maker", "on_trades")
        else item
        for item in make_specifications()
    ]
    actors = replay(read_recording(path), changed)
    diverged = [actor.specification.name for actor in actors if actor.divergence is not None]
    assert diverged == ["maker", "on_trades"]
