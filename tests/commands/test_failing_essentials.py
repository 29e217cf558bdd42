"""A gateway, an order manager or a feed that fails: the bot halts, its orders are canceled, and the exit code is 1."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from actors.commands.composition import compose, open_venue
from actors.commands.configuration import load_configuration
from actors.commands.control import BotControl
from actors.commands.run_bot import RunOptions, run_on_venue
from actors.gateways.binance import BinanceGateway
from actors.market_data.binance import BinanceMarketDataFeed
from actors.order_manager.manager import OrderManager
from actors.runtime.actor import Actor
from actors.runtime.journal import Journal
from messages.control import Subscribe
from messages.enums import OrderStatus
from messages.market import BookTicker
from messages.orders import CancelOrderRequest, Order
from tests.commands.harness import LocalVenue

QUOTES = """
[[actors]]
class = "MarketMaker"
name = "Brief"
symbol = "BTCUSDT"
quantity = "0.001"
spread = 0.02
time_to_cancel = 0.6

[[actors]]
class = "MarketMaker"
name = "Patient"
symbol = "BTCUSDT"
quantity = "0.001"
spread = 0.02
requote_threshold = 0.5
"""
LIMIT_S = 8.0
A_MOMENT_NS = 200_000_000
"""In which a newer quote may take the place of the one that is told again; much shorter than the time between two."""


class GatewayThatFails(BinanceGateway):
    """Fails on the first cancel that it is asked for."""

    def on_cancel_order_request(self, request: CancelOrderRequest) -> None:
        raise ValueError("the gateway's mistake")


class GatewayWhoseTaskFails(BinanceGateway):
    """Fails in a task, on the first cancel that it is asked for."""

    def on_cancel_order_request(self, request: CancelOrderRequest) -> None:
        self.spawn(self.fail())

    async def fail(self) -> None:
        await asyncio.sleep(0)
        raise asyncio.CancelledError


class OrderManagerThatFails(OrderManager):
    """Fails on the first word of the venue that an order is canceled."""

    def on_order(self, event: Order) -> None:
        if event.status is OrderStatus.CANCELED:
            raise RecursionError("the order manager's mistake")
        super().on_order(event)


class OrderManagerThatFailsOnce(OrderManager):
    """Fails like the one above, and its successors do not."""

    def on_order(self, event: Order) -> None:
        if event.status is OrderStatus.CANCELED and not self.recovery.frames:
            raise RecursionError("the order manager's mistake")
        super().on_order(event)


class OrderManagerThatListens(OrderManagerThatFailsOnce):
    """Its successor notes when it began, and when the quotes were received that it heard of."""

    began_ns: ClassVar[list[int]] = []
    received_ns: ClassVar[list[int]] = []

    def on_start(self) -> None:
        self.began_ns.append(self.now_ns)
        super().on_start()

    def on_book_ticker(self, ticker: BookTicker) -> None:
        if len(self.began_ns) > 1:
            self.received_ns.append(ticker.receive_time_ns)
        super().on_book_ticker(ticker)


class FeedThatFails(BinanceMarketDataFeed):
    """Fails a second after its first subscription, in every life."""

    max_restarts = 1

    def on_subscribe(self, subscribe: Subscribe) -> None:
        super().on_subscribe(subscribe)
        self.schedule(1.0, self.fail)

    def fail(self) -> None:
        raise ValueError("the feed's mistake")


async def run_composed(
    folder: Path, venue: LocalVenue, actor_class: type[Actor[Any]], options: RunOptions
) -> int:
    """Runs a bot in which this class stands in place of the one it is derived from."""
    configuration = load_configuration(venue.write_configuration(folder, QUOTES))
    opened = open_venue(configuration, None)
    specifications = [
        replace(item, actor_class=actor_class) if item.actor_class in actor_class.__mro__ else item
        for item in compose(configuration, opened)
    ]
    assert any(item.actor_class is actor_class for item in specifications)
    configuration.bot.folder.mkdir()
    journal = Journal(configuration.bot.folder / "journal.sqlite", "bot")
    try:
        return await run_on_venue(
            configuration, options, BotControl(), opened, journal, specifications
        )
    finally:
        journal.close()


@pytest.mark.parametrize(
    ("actor_class", "mistake"),
    [
        (GatewayThatFails, "gateway: ValueError: the gateway's mistake"),
        (GatewayWhoseTaskFails, "gateway: CancelledError"),
        (OrderManagerThatFails, "order_manager: RecursionError: the order manager's mistake"),
        (FeedThatFails, "market_data: ValueError: the feed's mistake"),
    ],
)
@pytest.mark.asyncio
async def test_the_bot_halts_with_its_orders_canceled(
    actor_class: type[Actor[Any]],
    mistake: str,
    start_venue: Callable[..., LocalVenue],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    venue = start_venue("--rate", "20")
    venue.place_by_hand("manual-1")
    summary = tmp_path / "summary.json"
    code = await run_composed(tmp_path, venue, actor_class, RunOptions(summary=summary))
    assert code == 1
    told = mistake.partition(": ")[2]
    failed_at = min(item.created for item in caplog.records if told in item.getMessage())
    assert time.time() - failed_at < LIMIT_S
    assert venue.open_ids() == ["manual-1"]
    captured = capfd.readouterr()
    assert mistake in captured.out
    assert "0 still open" in captured.out


@pytest.mark.asyncio
async def test_an_order_manager_that_failed_once_trades_on(
    start_venue: Callable[..., LocalVenue], tmp_path: Path
) -> None:
    venue = start_venue("--rate", "20")
    summary = tmp_path / "summary.json"
    options = RunOptions(duration_s=6.0, summary=summary)
    assert await run_composed(tmp_path, venue, OrderManagerThatFailsOnce, options) == 0
    told = json.loads(summary.read_bytes())
    assert told["restarts"] == 1
    assert told["orders"] > 2, "two were sent before it failed"


@pytest.mark.asyncio
async def test_an_order_manager_that_failed_once_hears_the_price_that_stands(
    start_venue: Callable[..., LocalVenue], tmp_path: Path
) -> None:
    venue = start_venue("--rate", "1")
    began, received = OrderManagerThatListens.began_ns, OrderManagerThatListens.received_ns
    began.clear()
    received.clear()
    options = RunOptions(duration_s=8.0)
    assert await run_composed(tmp_path, venue, OrderManagerThatListens, options) == 0
    assert len(began) == 2
    assert received[0] < began[1] + A_MOMENT_NS, "it does not wait for the next one"
