"""Patience with what is to be done in the loop, of which a machine that stood still meanwhile takes a part and not all."""

from collections.abc import Callable

SLICES = 4


class Patience:
    """So much time, used up look by look: however long ago the last look was, it takes one slice at most."""

    def __init__(self, read_clock_ns: Callable[[], int], patience_s: float) -> None:
        self.read_clock_ns = read_clock_ns
        self.left_ns = round(patience_s * 1e9)
        self.slice_ns = self.left_ns // SLICES
        self.looked_ns = read_clock_ns()

    def is_left(self) -> bool:
        """Whether there is time left. To be asked often."""
        now_ns = self.read_clock_ns()
        self.left_ns -= min(now_ns - self.looked_ns, self.slice_ns)
        self.looked_ns = now_ns
        return self.left_ns > 0
