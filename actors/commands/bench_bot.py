"""The real bot as `tick-to-order` and `startup` run it: feed, strategy, order manager, and gateway over python-binance.

As a program it is `startup`'s child: it takes the exchange's addresses as one line of JSON on standard input, starts the
bot, prints one line of JSON (`StartupReport`) when the bot may trade, and ends.
"""

import asyncio
import resource
import sys
import time
from decimal import Decimal

import msgspec
import uvloop

from actors.binance.endpoints import BinanceEndpoints, endpoints_at
from actors.commands.bench_exchange import BenchAddresses
from actors.commands.composition import ApiKeys
from actors.gateways.binance import BinanceGateway
from actors.market_data.binance import BinanceMarketDataFeed
from actors.order_manager.manager import OrderManager
from actors.runtime.actor import Actor
from actors.runtime.clock import RealClock
from actors.runtime.journal import Journal
from actors.runtime.specification import ActorSpecification
from actors.runtime.system import System
from actors.strategies.strategy import Strategy
from messages.control import Ready
from messages.enums import FeedState, TimeInForce
from messages.market import FeedStatus, Trade

READY_PATIENCE_S = 30.0


class StartupReport(msgspec.Struct, frozen=True):
    """What a start took."""

    import_cpu_s: float
    """CPU time of interpreter and imports."""
    ready_s: float
    """From the first actor's construction to the moment at which strategies may trade."""
    peak_mib: float


class TickAnswerer(Strategy):
    """Answers each trade with one order at its price that does not rest."""

    def __init__(self, symbol: str, quantity: Decimal) -> None:
        self.symbol, self.quantity = symbol, quantity

    def on_trade(self, trade: Trade) -> None:
        """One order for each tick."""
        self.buy(self.symbol, self.quantity, trade.price, time_in_force=TimeInForce.IOC)


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


def bot_actors(addresses: BenchAddresses, symbol: str) -> list[ActorSpecification]:
    """All actors of a bot that answers ticks."""
    endpoints: BinanceEndpoints = endpoints_at(addresses.rest, addresses.ws_api, addresses.streams)
    keys = ApiKeys(addresses.api_key, addresses.api_secret)
    return [
        ActorSpecification(BinanceGateway, "gateway", {"endpoints": endpoints, "keys": keys}),
        ActorSpecification(OrderManager, "order_manager", {"bot": "bench"}),
        ActorSpecification(ReadyWatch, "watch"),
        ActorSpecification(
            TickAnswerer, "answerer", {"symbol": symbol, "quantity": Decimal("0.001")}
        ),
        ActorSpecification(BinanceMarketDataFeed, "market_data", {"endpoints": endpoints}),
    ]


async def start_bot(addresses: BenchAddresses, symbol: str, journal: Journal | None) -> System:
    """A running bot that may trade.

    Raises TimeoutError if it does not come so far.
    """
    run = journal.grant_run() if journal is not None else 1
    system = System(bot_actors(addresses, symbol), RealClock(), run=run, journal=journal)
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
    return system


async def start_once(addresses: BenchAddresses) -> StartupReport:
    """Starts a bot and stops it; what the start took."""
    import_cpu_s = time.process_time()
    began = time.perf_counter()
    system = await start_bot(addresses, "BTCUSDT", None)
    ready_s = time.perf_counter() - began
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report = StartupReport(import_cpu_s, ready_s, peak_mib)
    print(msgspec.json.encode(report).decode(), flush=True)
    await system.stop()
    return report


if __name__ == "__main__":
    uvloop.run(start_once(msgspec.json.decode(sys.stdin.readline(), type=BenchAddresses)))
