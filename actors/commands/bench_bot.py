"""The real bot as `tick-to-order` and `startup` run it: feed, strategy, order manager, and gateway over python-binance.

As a program it is `startup`'s child: it takes the exchange's addresses as one line of JSON on standard input, starts the
bot, prints one line of JSON (`StartupReport`) when the bot may trade, and ends.
"""

import asyncio
import resource
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec
import uvloop

from actors.binance.endpoints import BinanceEndpoints, endpoints_at
from actors.commands.bench_exchange import SYMBOL, BenchAddresses
from actors.commands.composition import ApiKeys
from actors.gateways.binance import BinanceGateway
from actors.market_data.binance import BinanceMarketDataFeed
from actors.order_manager.manager import OrderManager
from actors.runtime.actor import Actor
from actors.runtime.clock import RealClock
from actors.runtime.garbage import settle_garbage_collector
from actors.runtime.journal import Journal
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from actors.strategies.strategy import Strategy
from messages.control import Ready
from messages.enums import FeedState, TimeInForce
from messages.market import FeedStatus, Trade
from messages.orders import OrderUpdate

READY_PATIENCE_S = 30.0


class Way(msgspec.Struct, frozen=True):
    """How orders go to the exchange, and what signs them."""

    entry: Literal["websocket", "rest"] = "websocket"
    key: Literal["HMAC", "Ed25519"] = "HMAC"

    @property
    def name(self) -> str:
        """In words."""
        return f"{'WebSocket API' if self.entry == 'websocket' else 'REST'}, {self.key}"


DEFAULT_WAY = Way()


class StartupReport(msgspec.Struct, frozen=True):
    """What a start took."""

    import_cpu_s: float
    """CPU time of interpreter and imports."""
    ready_s: float
    """From the first actor's construction to the moment at which strategies may trade."""
    peak_mib: float


class TickAnswerer(Strategy):
    """Answers each trade of its first symbol with one order at its price that does not rest."""

    def __init__(self, symbols: tuple[str, ...], quantity: Decimal) -> None:
        self.symbols, self.quantity = symbols, quantity
        self.answered = symbols[0]
        self.asked_ns: dict[str, int] = {}
        self.acknowledgements_ns: list[int] = []
        """From the order's being asked for here to the venue's word on it being heard here."""

    def on_trade(self, trade: Trade) -> None:
        """One order for each tick."""
        if trade.symbol == self.answered:
            asked_ns = time.perf_counter_ns()
            order_id = self.buy(
                trade.symbol, self.quantity, trade.price, time_in_force=TimeInForce.IOC
            )
            self.asked_ns[order_id] = asked_ns

    def on_order_update(self, update: OrderUpdate) -> None:
        """Notes when the venue has spoken."""
        order = update.order
        if order.acknowledged_time_ns and order.order_id in self.asked_ns:
            asked_ns = self.asked_ns.pop(order.order_id)
            self.acknowledgements_ns.append(time.perf_counter_ns() - asked_ns)


class TradeCounter(Strategy):
    """Counts trades, and says when it has heard so many."""

    def __init__(self, symbols: tuple[str, ...], expected: int) -> None:
        self.symbols, self.expected = symbols, expected
        self.count = 0
        self.first_ns = self.last_ns = 0
        self.done = asyncio.Event()

    def on_trade(self, trade: Trade) -> None:
        """One more."""
        if self.count == 0:
            self.first_ns = time.perf_counter_ns()
        self.count += 1
        if self.count == self.expected:
            self.last_ns = time.perf_counter_ns()
            self.done.set()


class ReadyWatch(Actor):
    """Notes when the bot may trade and its market data flow."""

    def __init__(self) -> None:
        self.is_ready = asyncio.Event()
        self.is_live = asyncio.Event()

    def on_ready(self, ready: Ready) -> None:
        """The order manager knows what the venue knows."""
        self.is_ready.set()

    def on_feed_status(self, status: FeedStatus) -> None:
        """The feed is connected."""
        if status.state is FeedState.LIVE:
            self.is_live.set()


def answerer(symbols: tuple[str, ...] = (SYMBOL,)) -> ActorSpecification:
    """The strategy that answers ticks."""
    arguments = {"symbols": symbols, "quantity": Decimal("0.001")}
    return ActorSpecification(TickAnswerer, "answerer", arguments)


def bot_actors(
    addresses: BenchAddresses, strategies: Sequence[ActorSpecification], way: Way
) -> list[ActorSpecification]:
    """All actors of a bot with these strategies, whose orders go that way."""
    endpoints: BinanceEndpoints = endpoints_at(addresses.rest, addresses.ws_api, addresses.streams)
    keys = ApiKeys(addresses.api_key, addresses.api_secret)
    if way.key == "Ed25519":
        keys = ApiKeys(addresses.ed25519_api_key, private_key=addresses.ed25519_private_key)
    gateway = {"endpoints": endpoints, "keys": keys, "order_entry": way.entry}
    return [
        ActorSpecification(BinanceGateway, "gateway", gateway),
        ActorSpecification(OrderManager, "order_manager", {"bot": "bench"}),
        ActorSpecification(ReadyWatch, "watch"),
        *strategies,
        ActorSpecification(BinanceMarketDataFeed, "market_data", {"endpoints": endpoints}),
    ]


async def start_bot(
    addresses: BenchAddresses,
    journal: Journal | None = None,
    strategies: Sequence[ActorSpecification] = (),
    way: Way = DEFAULT_WAY,
) -> System:
    """A running bot that may trade; without strategies named, the one that answers ticks.

    Raises TimeoutError if it does not come so far.
    """
    run = journal.grant_run() if journal is not None else 1
    actors = bot_actors(addresses, strategies or [answerer()], way)
    system = System(actors, RealClock(), run=run, journal=journal)
    await system.start()
    watch = system.cells["watch"].instance
    assert isinstance(watch, ReadyWatch)
    try:
        async with asyncio.timeout(READY_PATIENCE_S):
            await watch.is_ready.wait()
            await watch.is_live.wait()
    except TimeoutError:
        await system.stop()
        raise
    settle_garbage_collector()  # as a bot does that has started
    return system


def read_peak_mib() -> float:
    """The most memory that this program has held; where only rusage tells it, what its parent held counts as well."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


async def start_once(addresses: BenchAddresses) -> StartupReport:
    """Starts a bot and stops it; what the start took."""
    import_cpu_s = time.process_time()
    began = time.perf_counter()
    system = await start_bot(addresses)
    ready_s = time.perf_counter() - began
    peak_mib = read_peak_mib()
    report = StartupReport(import_cpu_s, ready_s, peak_mib)
    print(msgspec.json.encode(report).decode(), flush=True)
    await system.stop()
    return report


if __name__ == "__main__":
    uvloop.run(start_once(msgspec.json.decode(sys.stdin.readline(), type=BenchAddresses)))
