"""The venue's clock, estimated from several readings of it.

Each reading lies somewhere between sending and receiving; the one with the shortest round trip says most, and its middle
is the best guess. Half a unit is added because the venue cuts its time down to whole milliseconds.
"""

from collections.abc import Awaitable, Callable, Iterable

import msgspec

MILLISECOND_NS = 1_000_000


class TimeSample(msgspec.Struct, frozen=True):
    """One reading of the venue's clock, between two readings of ours."""

    sent_ns: int
    venue_time_ns: int
    received_ns: int

    @property
    def round_trip_ns(self) -> int:
        """From sending to receiving."""
        return self.received_ns - self.sent_ns


class ClockOffset(msgspec.Struct, frozen=True):
    """The venue's time minus ours, and how far off that may be."""

    offset_ns: int
    uncertainty_ns: int


def estimate_offset(samples: Iterable[TimeSample]) -> ClockOffset:
    """The offset by the sample with the shortest round trip.

    Samples in which our clock went backwards are left out. Raises ValueError if none is left.
    """
    usable = [sample for sample in samples if sample.round_trip_ns >= 0]
    if not usable:
        raise ValueError("no usable reading of the venue's clock: our own went backwards")
    best = min(usable, key=lambda sample: sample.round_trip_ns)
    resolution_ns = MILLISECOND_NS if best.venue_time_ns % MILLISECOND_NS == 0 else 1_000
    middle_ns = best.sent_ns + best.round_trip_ns // 2
    return ClockOffset(
        offset_ns=best.venue_time_ns + resolution_ns // 2 - middle_ns,
        uncertainty_ns=best.round_trip_ns // 2 + resolution_ns // 2,
    )


async def sample_clock(
    read_venue_time_ns: Callable[[], Awaitable[int]], now_ns: Callable[[], int], count: int = 5
) -> list[TimeSample]:
    """Reads the venue's clock `count` times, one after the other. Raises what the reader raises."""
    samples = []
    for _ in range(count):
        sent_ns = now_ns()
        venue_time_ns = await read_venue_time_ns()
        samples.append(TimeSample(sent_ns, venue_time_ns, now_ns()))
    return samples
