"""The feed of Binance Spot: combined streams, and order books kept by the documented rule.

Theory of operation. A symbol's streams share one connection. Depth differences go into the symbol's book and nowhere else;
after each the best levels are published, never from a book that is void or crossed. A book is synchronised by a task of
its own: differences are collected first, then the REST snapshot is asked for (web-socket-streams.md, "How to manage a local
order book correctly"). A hole in the differences voids and empties the book, is told once as GAP, and starts that task
again; so does the end of a connection, told as DISCONNECTED. A book that has used up half of the levels which its snapshot
told beyond those that are published is read anew while it goes on: of others the venue tells only what changes. Missing
trades and closed bars are read by REST and sent before those that follow; a GAP says that they come late, and how many could
not be had. A connection that is old, or whose server will end, is replaced without any of this.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from actors.binance.backoff import Backoff
from actors.binance.client import BinanceClient
from actors.binance.clock_watch import ClockWatch
from actors.binance.endpoints import BinanceEndpoints, endpoints_named
from actors.binance.errors import BinanceError
from actors.binance.market_decoder import MarketDecoder
from actors.binance.socket_manager import BinanceStreams
from actors.binance.stream_names import book_ticker_stream, depth_stream, kline_stream, trade_stream
from actors.binance.streams import MarketStream
from actors.binance.wire_market import DepthUpdate
from actors.market_data.feed import MarketDataFeed, WantedStream
from actors.market_data.hole_reader import HoleReader
from actors.market_data.kline_sequence import KlineSequence
from actors.market_data.symbol_line import SymbolLine
from actors.market_data.trade_sequence import TradeSequence
from actors.trading.order_book import BookResult, LocalOrderBook
from messages.enums import Exchanges, KlineInterval
from messages.market import BookTicker, Kline, OrderBook, PartialKline, Trade

STREAMS_PER_CONNECTION = 1000
"""Binance takes 1024 (web-socket-streams.md, General WSS information)."""
SNAPSHOTS_AT_ONCE = 4
RENEWAL_PAUSE_S = 30.0
"""A living book is read anew at most so often: of twenty symbols that takes a third of the weight that an address has."""
FIRST_DIFFERENCE_WAIT_S = 3.0
"""A symbol in which nothing happens for so long is synchronised without having seen a difference."""


class Connection:
    """One connection and the symbols whose streams it carries."""

    def __init__(self) -> None:
        self.lines: list[SymbolLine] = []
        self.stream_count = 0
        self.stream: MarketStream | None = None


class Synchronisation(NamedTuple):
    """A book on its way to be synchronised."""

    task: asyncio.Task[None]
    has_difference: asyncio.Event
    """Set once a difference waits in the book."""


class BinanceMarketDataFeed(MarketDataFeed):
    """Market data of Binance, or of whatever speaks its protocol.

    `endpoints` is an environment's name (`production`, `testnet`, `demo`) or its addresses; `book_levels` how many levels
    of each side are published, `snapshot_levels` how many are asked for when a book is synchronised. A symbol that says
    nothing for `stale_after_s` seconds is STALE; a connection that says nothing for `silence_limit_s` is given up, one that
    is `connection_lifetime_s` old replaced. Of one hole at most `trades_to_fill` trades are read again (0: none), in at most
    `fill_patience_s`. Our clock has jumped if it moves by `clock_jump_s` more than time passed: all connections are renewed.
    """

    def __init__(
        self,
        endpoints: BinanceEndpoints | str,
        exchange: Exchanges = Exchanges.BINANCE,
        book_levels: int = 20,
        snapshot_levels: int = 1000,
        stale_after_s: float = 15.0,
        silence_limit_s: float = 60.0,
        request_timeout_s: float = 10.0,
        connection_lifetime_s: float = 23 * 3600.0,
        trades_to_fill: int = 5000,
        fill_patience_s: float = 10.0,
        clock_jump_s: float = 1.0,
    ) -> None:
        """Raises ValueError for an unknown environment or a figure out of range."""
        if not 1 <= book_levels <= snapshot_levels <= 5000:
            raise ValueError(
                f"book_levels ({book_levels}) must be 1 to snapshot_levels ({snapshot_levels}), and that at most 5000"
            )
        if trades_to_fill < 0:
            raise ValueError(f"trades_to_fill must not be below 0, but is {trades_to_fill}")
        durations = {
            "stale_after_s": stale_after_s,
            "silence_limit_s": silence_limit_s,
            "request_timeout_s": request_timeout_s,
            "connection_lifetime_s": connection_lifetime_s,
            "fill_patience_s": fill_patience_s,
            "clock_jump_s": clock_jump_s,
        }
        for name, value in durations.items():
            if not value > 0:
                raise ValueError(f"{name} must be above 0, not {value}")
        self.endpoints = endpoints_named(endpoints) if isinstance(endpoints, str) else endpoints
        self.exchange = exchange
        self.book_levels = book_levels
        self.snapshot_levels = snapshot_levels
        self.stale_after_s = stale_after_s
        self.silence_limit_s = silence_limit_s
        self.request_timeout_s = request_timeout_s
        self.connection_lifetime_s = connection_lifetime_s
        self.trades_to_fill = trades_to_fill
        self.fill_patience_s = fill_patience_s
        self.clock_jump_s = clock_jump_s
        self.synchronisations = 0
        """How often a snapshot was taken into a book."""
        self._lines: dict[str, SymbolLine] = {}
        self._connections: list[Connection] = []
        self._clock_watch: ClockWatch | None = None
        self._decode = MarketDecoder(exchange).decode
        self._synchronisations: dict[str, Synchronisation] = {}
        self._snapshot_turns = asyncio.Semaphore(SNAPSHOTS_AT_ONCE)

    # Streams.

    async def stream(self) -> None:
        """Opens what is wanted, at start and later."""
        client = BinanceClient(
            self.endpoints,
            random=self.random,
            now_ns=self._context.now_ns,
            timeout_s=self.request_timeout_s,
        )
        self._reader = HoleReader(client, self.exchange, self.trades_to_fill, self.fill_patience_s)
        streams = BinanceStreams(
            client, silence_limit_s=self.silence_limit_s, lifetime_s=self.connection_lifetime_s
        )
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                while True:
                    self._open(streams, await self.wait_for_wanted())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors
        finally:
            await client.close_connection()

    def _open(self, streams: BinanceStreams, news: list[WantedStream]) -> None:
        for wanted in news:
            self._add_stream(wanted)
        for connection in self._connections:
            names = [name for line in connection.lines for name in line.streams]
            if connection.stream is None:
                connection.stream = streams.open_streams(
                    names,
                    self._take_frame,
                    partial(self._connected, connection),
                    partial(self._lost, connection),
                    self.together(),
                )
                self._group.create_task(connection.stream.run())
            else:
                connection.stream.subscribe(names)
                if connection.stream.is_connected:
                    self._connected(connection)

    def _add_stream(self, wanted: WantedStream) -> None:
        line = self._lines.get(wanted.symbol)
        if line is None:
            line = self._lines[wanted.symbol] = SymbolLine(wanted.symbol)
            line.loss = "not connected yet"
            line.take = self._takers_of(line)
            self._connection_with_room().lines.append(line)
            self._tell_state(line)
        if wanted.message_class is OrderBook and line.book is None:
            line.book = LocalOrderBook()
        name = stream_of(wanted)
        if name not in line.streams:
            line.streams.append(name)
            next(item for item in self._connections if line in item.lines).stream_count += 1

    def _connection_with_room(self) -> Connection:
        if (
            not self._connections
            or self._connections[-1].stream_count >= STREAMS_PER_CONNECTION - 20
        ):
            self._connections.append(Connection())
        return self._connections[-1]

    def _connected(self, connection: Connection) -> None:
        now_ns = self.wall_ns()
        for line in connection.lines:
            if not line.is_connected:
                line.connect(now_ns)
            self._synchronise_if_needed(line)
            self._tell_state(line)

    def _lost(self, connection: Connection, reason: str) -> None:
        for line in connection.lines:
            if (pending := self._synchronisations.pop(line.symbol, None)) is not None:
                pending.task.cancel()
            line.lose_connection(reason)
            self._tell_state(line)

    def every_second(self) -> None:
        """Looks for symbols that have fallen silent, and for a jump of our clock (a machine that slept)."""
        self._watch_clock()
        silent_since_ns = self.wall_ns() - round(self.stale_after_s * 1e9)
        for line in self._lines.values():
            if line.is_connected and not line.is_stale and line.last_receive_ns < silent_since_ns:
                line.is_stale = True
                self._tell_state(line)

    def _watch_clock(self) -> None:
        wall_ns, monotonic_ns = self.wall_ns(), self._context.clock.monotonic_ns()
        if self._clock_watch is None:
            self._clock_watch = ClockWatch(round(self.clock_jump_s * 1e9), wall_ns, monotonic_ns)
        jump_ns = self._clock_watch.find_jump_ns(wall_ns, monotonic_ns)
        if jump_ns:
            self.log.warning(
                "our clock jumped by %.1f s: all connections are renewed", jump_ns / 1e9
            )
            for connection in self._connections:
                if connection.stream is not None:
                    connection.stream.renew()

    def _tell_state(self, line: SymbolLine) -> None:
        self.set_state(line.symbol, line.state, line.reason)

    # Frames.

    def _take_frame(self, frame: bytes) -> None:
        """One frame, decoded once. Raises ValueError for one that cannot be read."""
        receive_time_ns = self._context.now_ns()
        data = self._decode(frame, receive_time_ns)
        if data is None or (line := self._lines.get(data.symbol)) is None:
            return
        line.last_receive_ns = receive_time_ns
        if line.is_stale:
            line.is_stale = False
            self._tell_state(line)
        line.take[type(data)](data)

    def _takers_of(self, line: SymbolLine) -> dict[type[Any], Callable[[Any], None]]:
        trades = TradeSequence(
            self.send,
            partial(self._tell_hole, line.symbol, "trades"),
            partial(self._reader.trades, line.symbol),
            self._group.create_task,
        )
        return {
            Trade: trades.take,
            BookTicker: partial(self._take_book_ticker, line),
            DepthUpdate: partial(self._take_difference, line),
            Kline: partial(self._take_kline, line),
            PartialKline: partial(self._take_kline, line),
        }

    def _take_book_ticker(self, line: SymbolLine, ticker: BookTicker) -> None:
        if ticker.update_id > line.last_ticker_id:
            line.last_ticker_id = ticker.update_id
            self.tell_ticker(ticker)

    def _take_kline(self, line: SymbolLine, bar: Kline | PartialKline) -> None:
        sequence = line.klines.get(bar.interval)
        if sequence is None:
            sequence = line.klines[bar.interval] = self._kline_sequence(line.symbol, bar.interval)
        sequence.take(bar)

    def _kline_sequence(self, symbol: str, interval: KlineInterval) -> KlineSequence:
        """Closed bars are read again only where somebody asked for them."""

        wanted = WantedStream(Kline, symbol, interval)

        async def read(begin_ns: int, end_ns: int) -> list[Kline]:
            if not self.is_wanted(wanted):
                return []
            return await self._reader.klines(symbol, interval, begin_ns, end_ns)

        def tell_hole(read: int, missed: int) -> None:
            if self.is_wanted(wanted):
                self._tell_hole(symbol, f"bars of {interval}", read, missed)

        return KlineSequence(self._send_bar, tell_hole, read, self._group.create_task)

    def _send_bar(self, bar: Kline | PartialKline) -> None:
        if self.is_wanted(WantedStream(type(bar), bar.symbol, bar.interval)):
            self.send(bar)

    def _tell_hole(self, symbol: str, what: str, read: int, missed: int) -> None:
        """Marks what follows: it comes late, or a part of it never comes."""
        self.tell_gap(symbol, f"{what} were missed; {read} were read again", missed)

    def _take_difference(self, line: SymbolLine, update: DepthUpdate) -> None:
        book = line.book
        if book is None:
            return
        before_id = book.update_id
        difference = (update.first_update_id, update.last_update_id, update.bids, update.asks)
        result = book.apply_diff(*difference)
        if line.renewal is not None:
            line.renewal.apply_diff(*difference)
            self._synchronisations[line.symbol].has_difference.set()
        if result is BookResult.GAP:
            self._take_hole(line, update.first_update_id - before_id - 1)
            self._synchronisations[line.symbol].has_difference.set()
        elif result is BookResult.BUFFERED:
            if (pending := self._synchronisations.get(line.symbol)) is not None:
                pending.has_difference.set()
        elif result is BookResult.APPLIED:
            self._publish_book(line, book, update.event_time_ns)

    def _take_hole(self, line: SymbolLine, missed: int) -> None:
        line.has_hole = True
        line.loss = "updates of the order book are missing"
        self.set_state(line.symbol, line.state, line.loss, missed)
        self._synchronise_if_needed(line)

    def _publish_book(self, line: SymbolLine, book: LocalOrderBook, event_time_ns: int) -> None:
        """Sends the best levels; a crossed book proves that something was lost, and is thrown away."""
        if book.is_crossed:
            book.reset()
            self._take_hole(line, 0)
            return
        self.send(
            book.to_message(
                self.exchange, line.symbol, self.book_levels, event_time_ns, line.last_receive_ns
            )
        )
        if not book.knows((self.book_levels + self.snapshot_levels) // 2):
            self._renew(line)

    # Synchronisation.

    def _synchronise_if_needed(self, line: SymbolLine) -> None:
        book = line.book
        if book is None or book.is_synchronized or not line.is_connected:
            return
        if line.symbol not in self._synchronisations:
            self._begin_synchronisation(line, book)

    def _renew(self, line: SymbolLine) -> None:
        """Reads another book beside the one that lives. If that gets a hole meanwhile, this one mends it."""
        now_s = asyncio.get_running_loop().time()
        if (
            line.symbol not in self._synchronisations
            and now_s >= line.renewed_at_s + RENEWAL_PAUSE_S
        ):
            line.renewal, line.renewed_at_s = LocalOrderBook(), now_s
            self._begin_synchronisation(line, line.renewal)

    def _begin_synchronisation(self, line: SymbolLine, book: LocalOrderBook) -> None:
        has_difference = asyncio.Event()
        task = self._group.create_task(self._synchronise(line, book, has_difference))
        self._synchronisations[line.symbol] = Synchronisation(task, has_difference)

    async def _synchronise(
        self, line: SymbolLine, book: LocalOrderBook, has_difference: asyncio.Event
    ) -> None:
        """Collects differences, then asks for snapshots until one fits; canceled when the connection is lost."""
        backoff = Backoff(self.random, first_s=0.1, limit_s=10.0)
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_DIFFERENCE_WAIT_S):
                await has_difference.wait()
        while True:
            try:
                async with self._snapshot_turns:
                    snapshot = await self._reader.depth_snapshot(line.symbol, self.snapshot_levels)
                told = (snapshot.last_update_id, snapshot.bids, snapshot.asks)
                result = book.apply_snapshot(*told, self.snapshot_levels)
            except (BinanceError, ValueError) as error:  # ValueError: what it tells is no book
                self.log.warning("no snapshot of %s yet: %s", line.symbol, error)
                await asyncio.sleep(backoff.next_delay_s())
                continue
            if result is BookResult.APPLIED:
                break
            self.log.info("a snapshot of %s does not fit: %s", line.symbol, result)
            await asyncio.sleep(backoff.next_delay_s())
        self.synchronisations += 1
        del self._synchronisations[line.symbol]
        line.book, line.renewal, line.has_hole = book, None, False
        self._tell_state(line)
        self._publish_book(line, book, 0)


def stream_of(wanted: WantedStream) -> str:
    """The venue's stream in which a class of market data comes. Raises ValueError for bars without an interval."""
    if wanted.message_class is Trade:
        return trade_stream(wanted.symbol)
    if wanted.message_class is BookTicker:
        return book_ticker_stream(wanted.symbol)
    if wanted.message_class is OrderBook:
        return depth_stream(wanted.symbol)
    if wanted.interval is None:
        raise ValueError(f"bars of {wanted.symbol} were asked for without an interval")
    return kline_stream(wanted.symbol, wanted.interval)
