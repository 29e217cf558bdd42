"""How a line between two hosts behaves."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """One way's delay and habits; times in nanoseconds."""

    latency_ns: tuple[int, int] = (200_000, 3_000_000)
    """Least and greatest, evenly spread."""
    tail_share: float = 0.01
    """Share of segments that take `tail_ns` instead."""
    tail_ns: tuple[int, int] = (20_000_000, 400_000_000)
    split_share: float = 0.1
    """Share of writes that arrive in two pieces. Writes that arrive between two reads come as one piece."""
    window_bytes: int = 262_144
    """What may be on its way or unread; more stays with the writer."""


STEADY_LINK = Link(latency_ns=(200_000, 300_000), tail_share=0.0, split_share=0.0)
"""A line without surprises."""
