"""The exchange's own clock: the true one, or one that is off and drifts."""

from collections.abc import Callable


class ServerClock:
    """Microseconds since the epoch as the exchange believes them to be; calling it reads it."""

    def __init__(self, true_clock: Callable[[], int]) -> None:
        self.true_clock = true_clock
        self.offset_us = 0
        self.drift_ppm = 0.0
        self.since_us = 0

    def __call__(self) -> int:
        """The time."""
        now = self.true_clock()
        if not self.drift_ppm:
            return now + self.offset_us
        return now + self.offset_us + int((now - self.since_us) * self.drift_ppm / 1_000_000)

    def set(self, offset_ms: float, drift_ppm: float) -> None:
        """Jumps to an offset from the true time, and gains on it by `drift_ppm` from now on."""
        self.offset_us, self.drift_ppm = int(offset_ms * 1000), drift_ppm
        self.since_us = self.true_clock()
