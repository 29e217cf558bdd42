"""The local exchange with a stamp at each end of its socket: the process on the other side of the benchmarks.

Its market stands still but for what it is asked for. Each tick is one trade at a price of its own, a tick size above the
last; whoever hears it answers with an order at that price, so that price tells which tick an order answers. Two instants
are taken by one clock of one process: just before the trade's frame is written, and when the order's request has been read,
before anything is done with it (a REST request when its head has been parsed).

It prints one line of JSON with its addresses. Then each line of standard input is a task in JSON, `Ticks` or `Flood`,
answered by a line of JSON. A tick comes when the last one has been answered and the interval has passed since, so that no
order waits for another's. It ends with its standard input.
"""

import asyncio
import sys
import time
from decimal import Decimal
from urllib.parse import parse_qs

import msgspec
import uvloop
from aiohttp import web

from actors.commands.exchange import make_limits
from actors.exchange.app import Exchange, addresses_of
from actors.exchange.configuration import STILL, ExchangeConfiguration
from actors.exchange.methods import METHODS
from actors.exchange.sockets import SocketSettings, text_frame
from actors.exchange.streams import StreamConnection
from actors.exchange.times import TimeUnit
from actors.exchange.ws_api import ApiConnection, WebSocketApi
from messages.enums import Side, TimeInForce

SYMBOL = "BTCUSDT"
OTHER_SYMBOLS = (
    *("ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT"),
    *("DOGEUSDT", "LTCUSDT", "DOTUSDT", "LINKUSDT"),
)
"""What floods are made of, beside the symbol of the ticks."""
SYMBOLS = (SYMBOL, *OTHER_SYMBOLS)
FLOOD_TURN_S = 0.002
CHUNK = 200
"""Frames of a flood without a rate that are written at once, while there is room for them."""
ROOM = 1 << 20
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
    ed25519_api_key: str
    ed25519_private_key: str


class Ticks(msgspec.Struct, frozen=True, tag=True):
    """So many ticks at such distances, while `flood_per_s` trades of another symbol go out beside them."""

    count: int
    interval_ms: float
    flood_per_s: float = 0.0


class Flood(msgspec.Struct, frozen=True, tag=True):
    """So many trades, of the first so many symbols in turns, as fast as they are taken; answered by an empty line."""

    frames: int
    symbols: int


Task = Ticks | Flood


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


def trade_frame(symbol: str, trade_id: int, time_ms: int) -> bytes:
    """One trade as a combined stream tells it, framed for a client."""
    text = (
        '{"stream":"%s@trade","data":{"e":"trade","E":%d,"s":"%s","t":%d,"p":"60000.12000000",'
        '"q":"0.01234000","T":%d,"m":true,"M":true}}'
    )
    payload = text % (symbol.lower(), time_ms, symbol, trade_id, time_ms)
    return text_frame(payload.encode())


class DepartureStamp:
    """The first subscriber of the trade stream: it is written to just before the real ones."""

    is_combined = True
    time_unit = TimeUnit.MILLISECOND

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
        if isinstance(self.api, StampedApi) and b"order.place" in message:
            self.api.arrivals.append((now_ns, message))
            self.api.has_arrival.set()
        super().receive(message)


class StampedApi(WebSocketApi):
    """The WebSocket API on such connections."""

    arrivals: list[tuple[int, bytes | str]]
    """When an order came, and its WebSocket API request or its REST parameters."""
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
                symbols=SYMBOLS, market=STILL, limits=make_limits(NO_LIMIT, NO_LIMIT)
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
        self.last_trade_ids = dict.fromkeys(SYMBOLS, 0)
        # A market price on both sides, for whoever asks for one.
        for side, price in ((Side.BUY, Decimal(50_000)), (Side.SELL, Decimal(80_000))):
            self.venue.place_house_order(self.makers, SYMBOL, side, price, LOT)

    async def handle(self, http_request: web.Request) -> web.StreamResponse:
        """Serves one request; an order's is stamped."""
        if http_request.method == "POST" and http_request.path.endswith("/order"):
            now_ns = time.perf_counter_ns()
            body = (await http_request.read()).decode()
            self.stamped_api.arrivals.append((now_ns, f"{http_request.query_string}&{body}"))
            self.stamped_api.has_arrival.set()
        return await super().handle(http_request)

    def tick(self) -> None:
        """One trade: a maker's offer that a taker buys at once."""
        price = price_of(self.ticks)
        self.ticks += 1
        self.venue.place_house_order(self.makers, SYMBOL, Side.SELL, price, LOT)
        self.venue.place_house_order(self.takers, SYMBOL, Side.BUY, price, LOT, TimeInForce.IOC)

    def next_frame(self, symbol: str, time_ms: int) -> bytes:
        """The next trade of a symbol that nobody has traded."""
        self.last_trade_ids[symbol] += 1
        return trade_frame(symbol, self.last_trade_ids[symbol], time_ms)

    def listeners(self, symbol: str) -> list[StreamConnection]:
        """Who has subscribed to the trades of a symbol."""
        name = f"{symbol.lower()}@trade"
        return [item for item in self.streams.connections if name in item.names]

    async def flood_gently(self, per_s: float) -> None:
        """Trades of one other symbol at a steady rate, until canceled."""
        symbol = OTHER_SYMBOLS[0]
        begin_s, sent = time.perf_counter(), 0
        while True:
            due = int((time.perf_counter() - begin_s) * per_s)
            time_ms = time.time_ns() // 1_000_000
            for _ in range(due - sent):
                frame = self.next_frame(symbol, time_ms)
                for connection in self.listeners(symbol):
                    connection.write_now(frame)
            sent = due
            await asyncio.sleep(FLOOD_TURN_S)

    async def run_flood(self, flood: Flood) -> None:
        """Writes all frames as fast as whoever listens takes them."""
        time_ms = time.time_ns() // 1_000_000
        names = SYMBOLS[: flood.symbols]
        frames = [
            self.next_frame(names[number % len(names)], time_ms) for number in range(flood.frames)
        ]
        transports = [item.transport for item in self.listeners(names[0]) if item.transport]
        for start in range(0, len(frames), CHUNK):
            chunk = b"".join(frames[start : start + CHUNK])
            for transport in transports:
                while transport.get_write_buffer_size() > ROOM:  # noqa: ASYNC110 - tells nobody
                    await asyncio.sleep(0)
                transport.write(chunk)
            await asyncio.sleep(0)

    async def run_ticks(self, task: Ticks) -> TickReport:
        """Makes ticks one by one, each when the last has been answered and the interval has passed since; reports."""
        flood = (
            asyncio.create_task(self.flood_gently(task.flood_per_s)) if task.flood_per_s else None
        )
        try:
            return await self.make_ticks(task.count, task.interval_ms / 1e3)
        finally:
            if flood is not None:
                flood.cancel()

    async def make_ticks(self, count: int, interval_s: float) -> TickReport:
        """The ticks themselves."""
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
        latencies: dict[int, int] = {}
        for time_ns, request in arrivals:
            number = int((price_in(request) - FIRST_PRICE) / TICK_SIZE) - first
            if 0 <= number < count:
                latencies.setdefault(number, time_ns - departures[number])
        return TickReport(list(latencies.values()), count - len(latencies))


def price_in(request: bytes | str) -> Decimal:
    """The price of an order that was asked for in JSON or as parameters; 0 if it has none."""
    if isinstance(request, str):
        return Decimal(parse_qs(request).get("price", ["0"])[0])
    frame = msgspec.json.decode(request, type=OrderFrame, strict=False)
    return Decimal(frame.params.price or "0") if frame.params is not None else Decimal(0)


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
            found.rest,
            found.streams,
            found.ws_api,
            found.api_key,
            found.api_secret,
            found.ed25519_api_key,
            found.ed25519_private_key,
        )
        print(msgspec.json.encode(addresses).decode(), flush=True)
        reader = await read_lines()
        while line := await reader.readline():
            task = msgspec.json.decode(line, type=Task)
            if isinstance(task, Flood):
                await exchange.run_flood(task)
                print("{}", flush=True)
            else:
                report = await exchange.run_ticks(task)
                print(msgspec.json.encode(report).decode(), flush=True)
    finally:
        beats.cancel()
        exchange.announce_shutdown()
        await runner.cleanup()
        await asyncio.gather(beats, return_exceptions=True)


if __name__ == "__main__":
    uvloop.run(run())
