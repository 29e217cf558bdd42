"""`steps`: what is executed between a tick's frame and its order's, counted instead of timed: the same on every machine.

Where ticks are some milliseconds apart, other programs have emptied the caches meanwhile, and each function on the way costs
more by its being fetched than by its running (a microsecond or two on a shared machine). So their number is worth knowing.
"""

import sys
from collections import Counter
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from aiohttp.client_proto import ResponseHandler

from actors.binance.direct_socket import DirectSocket, FrameParser
from actors.commands.bench_bare import BareSocket, run_bare
from actors.commands.bench_bot import TickAnswerer, Way
from actors.commands.bench_measure import Effort, Figure, run_in_loop
from actors.commands.bench_process import BenchError, open_exchange
from actors.commands.bench_tick_to_order import run_bot

TICKS = 20
INTERVAL_MS = 50.0
"""Counting takes its time; what an order brings back must not fall into the next one's way."""
NAMES = ("functions called", "different functions", "bytecodes")
ENDS: dict[Way, Callable[..., Any]] = {
    Way("websocket", "HMAC"): DirectSocket.write_text,
    Way("rest", "HMAC"): ResponseHandler.set_response_params,
}
"""What returns when an order has been written: by REST it makes the parser of the answer, and has one function of its own."""


class WayCounter:
    """Counts the Python functions and bytecodes of each way: from one function's call to another one's return.

    Only ways that go through `by` are kept, if it is given.
    """

    def __init__(
        self,
        begin: Callable[..., Any],
        end: Callable[..., Any],
        by: Callable[..., Any] | None = None,
    ) -> None:
        self.begin, self.end = code_of(begin), code_of(end)
        self.by = code_of(by) if by is not None else self.begin
        self.calls: Counter[CodeType] = Counter()
        self.bytecodes = 0
        self.is_counting = False
        self.ways: list[tuple[int, int, int]] = []
        """Of each way: functions called, different ones among them, bytecodes."""

    def __enter__(self) -> "WayCounter":
        self.earlier = sys.gettrace()
        sys.settrace(self.on_call)
        return self

    def __exit__(self, *exception: object) -> None:
        sys.settrace(self.earlier)

    def on_call(self, frame: FrameType, event: str, argument: Any) -> Any:
        """A function is called, by the interpreter's word."""
        code = frame.f_code
        if code is self.begin:
            self.calls.clear()
            self.bytecodes, self.is_counting = 0, True
        if not self.is_counting:
            return None
        self.calls[code] += 1
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self.on_event

    def on_event(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Something happens within a function."""
        if not self.is_counting:
            return None
        if event == "opcode":
            self.bytecodes += 1
        elif event == "return" and frame.f_code is self.end:
            self.is_counting = False
            # A read that called nothing has brought no tick.
            if self.calls[self.by] and len(self.calls) > 1:
                self.ways.append((self.calls.total(), len(self.calls), self.bytecodes))
        return self.on_event

    def least(self) -> tuple[int, int, int]:
        """Of the way with the fewest bytecodes: on a busy machine what an order brings back falls into others.

        Raises BenchError if there was none.
        """
        if not self.ways:
            raise BenchError("no tick was answered while the way was counted")
        return min(self.ways, key=lambda way: way[2])


def code_of(function: Callable[..., Any]) -> CodeType:
    """A plain function's code."""
    code: CodeType = function.__code__
    return code


async def count_ways(effort: Effort, figures: list[list[Figure]]) -> None:
    """Bot and bare loop by turns and by each way, on one exchange."""
    ticks = effort.count(TICKS, least=10)
    async with open_exchange() as exchange:
        for _ in range(effort.runs):
            for (way, end), trio in zip(ENDS.items(), figures, strict=True):
                with WayCounter(BareSocket.data_received, BareSocket.data_received) as bare:
                    await run_bare(exchange, ticks, way)
                with WayCounter(FrameParser.feed_data, end, TickAnswerer.on_trade) as bot:
                    await run_bot(
                        exchange, ticks, synchronous="NORMAL", way=way, interval_ms=INTERVAL_MS
                    )
                for figure, value, bound in zip(trio, bot.least(), bare.least(), strict=True):
                    figure.add(value, bound)


def measure_steps(effort: Effort) -> list[Figure]:
    """What is executed from the tick's frame to the order's, in the bot with its journal and in the bare loop."""
    figures = [
        [
            Figure(f"tick to order, {'REST, ' if way.entry == 'rest' else ''}{name}", "")
            for name in NAMES
        ]
        for way in ENDS
    ]
    figures[0][0].is_headline = True
    run_in_loop(lambda: count_ways(effort, figures))
    return [figure for trio in figures for figure in trio]
