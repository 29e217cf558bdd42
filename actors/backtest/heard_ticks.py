"""What market data a run has had, as far as a comparison of two runs needs to know it."""

from collections import Counter
from collections.abc import Callable, Iterable

import msgspec

from actors.backtest.pairing import Tick, tick_of

STREAM_FIELDS = 3
SECOND_NS = 1_000_000_000
TickSource = Callable[[], Iterable[bytes]]


class HeardTicks:
    """Of some ticks which ones a run has had; and how many of each stream in each second."""

    def __init__(self, wanted: set[Tick], source: TickSource | None) -> None:
        self.ticks: set[Tick] = set()
        self.streams: set[Tick] = set()
        """Class, exchange and symbol of what it has had; what it has made by itself of other streams is not known."""
        self.seconds: Counter[tuple[Tick, int]] = Counter()
        for frame in source() if source is not None else ():
            tick = tick_of(frame)
            if tick is None:
                continue
            stream = tick[:STREAM_FIELDS]
            self.streams.add(stream)
            self.seconds[stream, receive_time_of(frame) // SECOND_NS] += 1
            if tick in wanted:
                self.ticks.add(tick)

    def lacks(self, tick: Tick) -> bool:
        """Whether it never had a tick, although it had others of its stream."""
        return tick not in self.ticks and tick[:STREAM_FIELDS] in self.streams

    def seconds_short_of(self, other: "HeardTicks") -> list[int]:
        """The seconds in which it has had less than another run of a stream that both have, in order."""
        return sorted(
            {
                second
                for (stream, second), count in other.seconds.items()
                if stream in self.streams and self.seconds[stream, second] < count
            }
        )


def receive_time_of(frame: bytes) -> int:
    """The last field of any message of market data."""
    time_ns: int = msgspec.msgpack.decode(frame)[-1]
    return time_ns
