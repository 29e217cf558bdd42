"""The local exchange with a stamp at each end of its socket: the process on the other side of `tick-to-order`.

Its market stands still but for the ticks that it is asked for. Each tick is one trade at a price of its own, a tick size
above the last; whoever hears it answers with an order at that price, so that price tells which tick an order answers.
Two instants are taken by one clock of one process: just before the trade's frame is written, and when the order's frame
has been read, before anything is done with it.

It prints one line of JSON with its addresses. Then each line of standard input asks for ticks, `COUNT INTERVAL_MS`, and
is answered by a line of JSON, a `TickReport`. A tick comes when the last one has been answered and the interval has passed
since, so that no order waits for another's. It ends with its standard input.
"""

import asyncio
import sys
import time
from decimal import Decimal

import msgspec
import uvloop
from aiohttp import web

from actors.commands.exchange import make_limits
from actors.exchange.app import Exchange, addresses_of
from actors.exchange.configuration import STILL, ExchangeConfiguration
from actors.exchange.methods import METHODS
from actors.exchange.sockets import SocketSettings
from actors.exchange.ws_api import ApiConnection, WebSocketApi
from messages.enums import Side, TimeInForce

SYMBOL = "BTCUSDT"
FIRST_PRICE = Decimal(60_000)
TICK_SIZE = Decimal("0.01")
LOT = Decimal("0.001")
NO_LIMIT = 1_000_000_000
ANSWER_PATIENCE_S = 2.0


class TickReport(msgspec.Struct, frozen=True):
    """How long the orders of one batch of ticks took to come in, in ns; ticks without an order are counted."""

    latencies_ns: list[int]
    unanswered: int


class BenchAddresses(msgspec.Struct, frozen=True):
    """Where it listens, its key, and the price of the next tick."""

    rest: str
    streams: str
    ws_api: str
    api_key: str
    api_secret: str


def price_of(tick: int) -> Decimal:
    """The price of a tick, by its number since the start of the process."""
    return FIRST_PRICE + tick * TICK_SIZE


class OrderParameters(msgspec.Struct):
    """What identifies an order's tick."""

    price: str = ""


class OrderFrame(msgspec.Struct):
    """A request of the WebSocket API, as far as it matters here."""

    method: str = ""
    params: OrderParameters | None = None


class DepartureStamp:
    """The first subscriber of the trade stream: it is written to just before the real ones."""

    is_combined = True

    def __init__(self) -> None:
        self.times_ns: list[int] = []

    def write(self, frame: bytes) -> None:
        """Takes the time."""
        self.times_ns.append(time.perf_counter_ns())


class StampedConnection(ApiConnection):
    """A connection to the WebSocket API that notes when each frame has come."""

    def receive(self, message: bytes) -> None:
        """Takes the time before anything else."""
        now_ns = time.perf_counter_ns()
        if isinstance(self.api, StampedApi):
            self.api.arrivals.append((now_ns, message))
            self.api.has_arrival.set()
        super().receive(message)


class StampedApi(WebSocketApi):
    """The WebSocket API on such connections."""

    arrivals: list[tuple[int, bytes]]
    has_arrival: asyncio.Event

    async def handle(self, http_request: web.Request) -> web.StreamResponse:
        """Serves one connection."""
        connection = StampedConnection(self, http_request, http_request.remote or "")
        return await connection.run(connection.receive)


class BenchExchange(Exchange):
    """An exchange that trades on demand."""

    def __init__(self) -> None:
        super().__init__(
            ExchangeConfiguration(
                symbols=(SYMBOL,), market=STILL, limits=make_limits(NO_LIMIT, NO_LIMIT)
            )
        )
        settings = SocketSettings(clock=self.clock)
        self.stamped_api = StampedApi(self.desk, METHODS, self.user_streams, settings)
        self.stamped_api.arrivals = []
        self.stamped_api.has_arrival = asyncio.Event()
        self.ws_api = self.stamped_api
        self.departures = DepartureStamp()
        # The venue's word for whoever listens is written in the order of subscription.
        self.streams.subscribe(f"{SYMBOL.lower()}@trade", self.departures)  # type: ignore[arg-type] # writes as one does
        self.makers = self.venue.open_house_account("bench makers")
        self.takers = self.venue.open_house_account("bench takers")
        self.ticks = 0
        # A market price on both sides, for whoever asks for one.
        for side, price in ((Side.BUY, Decimal(50_000)), (Side.SELL, Decimal(80_000))):
            self.venue.place_house_order(self.makers, SYMBOL, side, price, LOT)

    def tick(self) -> None:
        """One trade: a maker's offer that a taker buys at once."""
        price = price_of(self.ticks)
        self.ticks += 1
        self.venue.place_house_order(self.makers, SYMBOL, Side.SELL, price, LOT)
        self.venue.place_house_order(self.takers, SYMBOL, Side.BUY, price, LOT, TimeInForce.IOC)

    async def run_ticks(self, count: int, interval_s: float) -> TickReport:
        """Makes ticks one by one, each when the last has been answered and `interval_s` has passed since; reports."""
        first = self.ticks
        departures, arrivals = self.departures.times_ns, self.stamped_api.arrivals
        has_arrival = self.stamped_api.has_arrival
        departures.clear()
        arrivals.clear()
        for _ in range(count):
            has_arrival.clear()
            self.tick()
            try:
                async with asyncio.timeout(ANSWER_PATIENCE_S):
                    await has_arrival.wait()
            except TimeoutError:
                break
            await asyncio.sleep(interval_s)
        decode = msgspec.json.Decoder(OrderFrame).decode
        latencies: dict[int, int] = {}
        for time_ns, frame in arrivals:
            request = decode(frame)
            if not request.method.endswith("order.place") or request.params is None:
                continue
            number = int((Decimal(request.params.price) - FIRST_PRICE) / TICK_SIZE) - first
            if 0 <= number < count:
                latencies.setdefault(number, time_ns - departures[number])
        return TickReport(list(latencies.values()), count - len(latencies))


async def read_lines() -> asyncio.StreamReader:
    """Standard input as a stream."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def run() -> None:
    """Serves until standard input ends."""
    exchange = BenchExchange()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", exchange.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    beats = asyncio.create_task(exchange.streams.run())
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        found = addresses_of(exchange.configuration, runner.addresses[0][1])
        addresses = BenchAddresses(
            found.rest, found.streams, found.ws_api, found.api_key, found.api_secret
        )
        print(msgspec.json.encode(addresses).decode(), flush=True)
        reader = await read_lines()
        while line := await reader.readline():
            count, interval_ms = line.split()
            report = await exchange.run_ticks(int(count), float(interval_ms) / 1e3)
            print(msgspec.json.encode(report).decode(), flush=True)
    finally:
        beats.cancel()
        exchange.announce_shutdown()
        await runner.cleanup()
        await asyncio.gather(beats, return_exceptions=True)


if __name__ == "__main__":
    uvloop.run(run())
