"""Notices that the wall clock jumped: a laptop that slept, a clock that was set. Pure.

The wall clock is compared with one that only counts while the machine runs; between two looks both must have moved by the
same amount.
"""


class ClockWatch:
    """Compares two clocks from look to look; a difference above `limit_ns` is a jump."""

    def __init__(self, limit_ns: int, wall_ns: int, monotonic_ns: int) -> None:
        self.limit_ns = limit_ns
        self.difference_ns = wall_ns - monotonic_ns

    def find_jump_ns(self, wall_ns: int, monotonic_ns: int) -> int:
        """By how much the wall clock has jumped since the last look; 0 if it has not.

        A drift within the limit is followed silently: many small ones make no jump.
        """
        difference_ns = wall_ns - monotonic_ns
        jump_ns = difference_ns - self.difference_ns
        self.difference_ns = difference_ns
        return jump_ns if abs(jump_ns) > self.limit_ns else 0
