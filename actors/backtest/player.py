"""Plays market data to the actors and to the venue, in simulated time.

Theory of operation. A message is due at its time of receipt. At that instant, in this order: what was due before or then
(timers, requests that reach the venue, words that come back, samples of the equity) happens; the venue takes the message,
which may fill resting orders, whose owners hear of it; then every actor that asked for the message handles its own copy,
and all that follows is carried out before time moves on. With a latency of the feed the last step comes later by it.

Data come as list-frames. As long as nothing rests at the venue and nothing else is due, a chunk of one stream with one
receiver is handled in a tight loop: decoded at once for the receiver, its handlers called as plain functions. The engine's
own copy is decoded only when an order, a sample or a question needs to know the market. Whenever a handler has sent or
scheduled anything the loop is left, and everything goes the runtime's usual ways: cells, mailboxes, router, supervisor.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from actors.backtest.bar_book import BarBook
from actors.backtest.bar_ends import BarEnds
from actors.backtest.chunk_copy import ChunkCopy
from actors.backtest.derived import DerivedStreams
from actors.backtest.gateway import SimulatedGateway
from actors.backtest.host import BacktestSystem
from actors.backtest.latency import Delays
from actors.backtest.merge import Chunk
from actors.backtest.outside import Outside
from actors.backtest.row_messages import FEED_NAME
from actors.backtest.settings import BacktestSettings
from actors.backtest.source import MarketData
from actors.backtest.streams import StreamPlan, is_lazy, stream_key
from actors.backtest.tight_loop import run_single, run_tight
from actors.backtest.timeline import Timeline
from actors.runtime.actor import Actor
from actors.runtime.cell import ActorCell
from actors.runtime.context import Envelope
from messages.base import Message
from messages.codec import encode
from messages.enums import Exchanges
from messages.market import BookTicker, Kline, MarketMessage

Reading = tuple[ChunkCopy, int]


class Player:
    """Plays one backtest."""

    def __init__(
        self,
        data: MarketData,
        plan: StreamPlan,
        system: BacktestSystem,
        outside: Outside,
        settings: BacktestSettings,
    ) -> None:
        self.data, self.plan, self.system, self.outside = data, plan, system, outside
        self.timeline: Timeline = system.timeline
        self.clock = self.timeline.clock
        self.feed_delays = Delays(settings.feed_latency, settings.seed, "feed")
        self.is_delayed = not settings.feed_latency.is_zero
        self.last_delivery_ns = 0
        self.gateway: SimulatedGateway | None = None
        self.manager: ActorCell | None = None
        self.derived = DerivedStreams(plan)
        self.bar_ends = BarEnds(self)
        self.readings: dict[str, Reading] = {}
        """Per symbol the last message that quotes, as the venue knows it."""
        self.delivered: dict[str, Reading] = self.readings
        """The same as it has reached us."""
        if self.is_delayed:
            self.delivered = {}
        self.told_readings: dict[str, Reading] = {}
        self.copy = ChunkCopy(b"\x90", msgspec.msgpack.Decoder(list[Any]).decode, 0, 1)
        self.stream_in_hand = -1
        """The only stream of the chunk in hand, or -1."""
        self.read_until_ns = -1
        """The time of the last message of the chunk in hand: all that follows it is later."""
        self.index = -1
        """The last message of the chunk in hand that was played."""
        self.tight: Actor[Any] | None = None
        """Whose messages the tight loop handles at present: its cause tells the message in hand."""
        self.number = 0
        self.message_count = 0
        self.chunks: Iterator[Chunk] = iter(())
        self.upcoming: deque[Chunk] = deque()
        self.next_bars: dict[str, Kline] = {}
        self.after_bars: dict[str, list[Callable[[], None]]] = {}
        self.decoders: dict[int, Callable[[bytes], list[Any]]] = {
            index: msgspec.msgpack.Decoder(list[item]).decode  # type: ignore[valid-type] # at run time
            for index, item in enumerate(plan.classes)
        }
        self.decoders[-1] = data.make_decoder()
        for symbol, book in outside.books.items():
            if isinstance(book, BarBook):
                book.find_next_bar = self._bar_finder(symbol)

    # What others ask.

    def last_message(self, symbol: str) -> MarketMessage | None:
        """What the symbol's market last quoted, at the venue."""
        return read(self.readings.get(symbol))

    def mid_price(self, symbol: str) -> float | None:
        """The middle of the symbol's market as it has reached us; None while it has none."""
        message = read(self.delivered.get(symbol))
        book = self.outside.books.get(symbol)
        return book.mid(message) if book is not None and message is not None else None

    def after_next_bar(self, symbol: str, callback: Callable[[], None]) -> None:
        """Calls back when the symbol's next bar has been played."""
        self.after_bars.setdefault(symbol, []).append(callback)

    def frame_in_hand(self) -> bytes:
        """The message that is being handled, as its receiver got it."""
        if self.tight is not None:
            self.index = self.tight._cause_number - self.copy.first_number
        return self.copy.frame_of(self.index)

    # The run.

    def play(self, on_progress: Callable[[int], None] | None = None) -> None:
        """Plays all data. `on_progress` is told the time, now and then."""
        self.chunks = iter(self.data.chunks())
        while (chunk := self._next_chunk()) is not None and not self.system.ended.is_set():
            decode = self.decoders[chunk.stream]
            self.copy = ChunkCopy(chunk.frame, decode, chunk.message_count, self.number + 1)
            self.index, self.stream_in_hand = -1, chunk.stream
            self.read_until_ns = chunk.last_time_ns
            if chunk.stream >= 0 and self.plan.is_plain(chunk.stream) and self.system.tap is None:
                self._play_stream(chunk)
            else:
                for index in range(chunk.message_count):
                    self._step(index)
            self.number += chunk.message_count
            self.message_count += chunk.message_count
            if on_progress is not None:
                on_progress(chunk.last_time_ns)

    def run_until(self, time_ns: int) -> None:
        """Lets all that is due by a time happen."""
        timeline, system = self.timeline, self.system
        while (appointment := timeline.pop_due(time_ns)) is not None:
            if appointment.is_timer:  # its actor gets it without a delivery
                self.tell_manager()
            appointment.callback(*appointment.arguments)
            system.pump()

    def _next_chunk(self) -> Chunk | None:
        if self.upcoming:
            return self.upcoming.popleft()
        return next(self.chunks, None)

    def _play_stream(self, chunk: Chunk) -> None:
        """A chunk of one stream: by the tight loop wherever that is allowed, else message by message."""
        plan = self.plan.streams[chunk.stream]
        book = self.outside.books.get(plan.symbol) if plan.acts else None
        count, index = chunk.message_count, 0
        while index < count:
            if self.is_delayed or (
                book is not None and (book.is_watched or self._has_waiting(plan.symbol))
            ):
                self._step(index)
                index += 1
                continue
            cells = self.plan.receivers(chunk.stream, self.system)
            if not cells and chunk.last_time_ns < self.timeline.next_ns:
                index = count
                self._note_played(plan.is_quote, plan.symbol, count - 1)
                self.clock.time_ns = max(self.clock.time_ns, chunk.last_time_ns)
                if plan.is_bar:
                    self.next_bars.pop(plan.symbol, None)
                continue
            if (
                len(cells) != 1
                or not is_free(cells[0])
                or is_lazy(cells[0], self.plan.classes[chunk.stream])
            ):
                self._step(index)
                index += 1
                continue
            index = run_tight(self, cells[0], self.copy.hand(cells[0].name), index, plan)

    def _has_waiting(self, symbol: str) -> bool:
        return bool(self.after_bars) and symbol in self.after_bars

    def _note_played(self, is_quote: bool, symbol: str, index: int) -> None:
        self.index = index
        if is_quote:
            self.readings[symbol] = (self.copy, index)

    # One message.

    def _step(self, index: int) -> None:
        """Everything that happens by one message."""
        copy = self.copy
        message = copy.messages[index]
        time_ns: int = message.receive_time_ns
        if self.timeline.next_ns <= time_ns:
            self.run_until(time_ns)
        self.clock.time_ns = time_ns
        self.index = index
        plan = self.plan.by_key[stream_key(message)]
        symbol = plan.symbol
        if plan.is_quote:
            self.readings[symbol] = (copy, index)
        if plan.acts:
            book = self.outside.books[symbol]
            if book.is_watched:
                self.outside.set_now(time_ns)
                book.on_message(message)
                if self.outside.told:
                    assert self.gateway is not None
                    self.gateway.bring_back()
                    self.system.pump()
            if plan.is_bar:
                self._end_bar(symbol)
        if self.is_delayed:
            self.timeline.at(self.next_delivery_ns(time_ns), self._deliver_late, copy, index)
            return
        self._deliver(copy, index)

    def next_delivery_ns(self, time_ns: int) -> int:
        """When what the venue says at a time comes to us, after all that it has said before."""
        self.last_delivery_ns = max(time_ns + self.feed_delays.next_ns(), self.last_delivery_ns)
        return self.last_delivery_ns

    def _end_bar(self, symbol: str) -> None:
        self.next_bars.pop(symbol, None)
        for callback in self.after_bars.pop(symbol, ()):
            callback()

    def _deliver_late(self, copy: ChunkCopy, index: int) -> None:
        self._deliver(copy, index)

    def _deliver(self, copy: ChunkCopy, index: int) -> None:
        """Hands a message to all who asked for it, then what was derived from it."""
        message = copy.messages[index]
        plan = self.plan.by_key[stream_key(message)]
        if self.is_delayed and plan.is_quote:
            self.delivered[plan.symbol] = (copy, index)
        for cell in self.plan.receivers(plan.index, self.system):
            self._hand(cell, copy, index)
        for derived in self.derived.take(message):
            self.send_aside(derived)
        self.system.pump()
        if self.timeline.next_ns <= self.clock.time_ns:
            self.run_until(self.clock.time_ns)

    def _hand(self, cell: ActorCell, copy: ChunkCopy, index: int) -> None:
        """One message to one actor: at once, or into its mailbox where it is recorded or does not run."""
        message = copy.messages[index]
        if self.system.tap is None and is_free(cell) and not is_lazy(cell, type(message)):
            run_single(self, cell, copy, index)
            return
        key = message.routing_key()
        envelope = Envelope(type(message), key, copy.frame_of(index), message.number)
        self.system.deliver(cell, [envelope])

    def send_aside(self, message: Message) -> None:
        """A message that is not in the data."""
        message.sender = FEED_NAME
        message.number = self.copy.first_number + self.index
        message.time_ns = message.origin_time_ns = self.clock.time_ns
        self.system.deliver_all(
            [Envelope(type(message), message.routing_key(), encode(message), message.number)]
        )

    # The order manager takes the market lazily.

    def tell_manager(self) -> None:
        """Gives the order manager the best bid and ask of every symbol whose market has moved since."""
        manager = self.manager
        if manager is None:
            return
        for symbol, reading in self.delivered.items():
            if self.told_readings.get(symbol) is reading:
                continue
            self.told_readings[symbol] = reading
            message = read(reading)
            best = self.outside.books[symbol].ticker(message) if message is not None else None
            if best is None:
                continue
            ticker = BookTicker(
                exchange=Exchanges.BINANCE,
                symbol=symbol,
                update_id=0,
                bid_price=best[0],
                bid_quantity=best[1],
                ask_price=best[2],
                ask_quantity=best[3],
                receive_time_ns=self.clock.time_ns,
                sender=FEED_NAME,
                number=reading[0].first_number + reading[1],
                time_ns=self.clock.time_ns,
                origin_time_ns=self.clock.time_ns,
            )
            envelope = Envelope(BookTicker, ticker.routing_key(), encode(ticker), ticker.number)
            if manager.is_running:
                manager.mailbox._put(envelope)

    # What comes next, for bars alone: their open is the price of an order that arrives at that instant.

    def _bar_finder(self, symbol: str) -> Callable[[], Kline | None]:
        return lambda: self._find_next_bar(symbol)

    def _find_bar_in_hand(self, stream: int, symbol: str, interval: str) -> Kline | None:
        """The next bar within the chunk in hand, if it is there."""
        copy, index = self.copy, self.index + 1
        if self.stream_in_hand == stream:
            bar: Kline | None = copy.message(index) if index < copy.count else None
            return bar
        if self.stream_in_hand >= 0:
            return None
        return find_bar(copy.messages[index:], symbol, interval)

    def _find_next_bar(self, symbol: str) -> Kline | None:
        known = self.next_bars.get(symbol)
        if known is not None:
            return known
        stream = self.plan.quote_stream(symbol)
        if stream is None or self.clock.time_ns >= self.plan.last_time_ns(stream):
            return None
        interval = self.plan.streams[stream].interval
        found = self._find_bar_in_hand(stream, symbol, interval)
        position = 0
        while found is None:
            if position == len(self.upcoming):
                chunk = next(self.chunks, None)
                if chunk is None:
                    return None
                self.upcoming.append(chunk)
            chunk = self.upcoming[position]
            position += 1
            if chunk.stream == stream:
                decode = self.decoders[stream]
                found = ChunkCopy(chunk.frame, decode, chunk.message_count, 0).message(0)
            elif chunk.stream < 0:
                found = find_bar(self.decoders[-1](chunk.frame), symbol, interval)
        self.next_bars[symbol] = found
        return found


def read(reading: Reading | None) -> MarketMessage | None:
    """The message at a place of a chunk."""
    if reading is None:
        return None
    message: MarketMessage = reading[0].message(reading[1])
    return message


def find_bar(messages: list[Any], symbol: str, interval: str) -> Kline | None:
    """The first bar of a stream among messages."""
    for message in messages:
        if type(message) is Kline and message.symbol == symbol and message.interval == interval:
            return message
    return None


def is_free(cell: ActorCell) -> bool:
    """Whether a message may be handled at once: the actor runs, and nothing waits ahead of it."""
    return cell.is_running and not cell.awaits_resync and not cell.mailbox.depth
