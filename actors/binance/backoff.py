"""How long to wait before the next attempt to connect."""

from random import Random


class Backoff:
    """Delays that begin short and double up to a limit, each drawn between half and whole of its bound.

    The randomness is the caller's, so that a run can be repeated.
    """

    def __init__(self, random: Random, first_s: float = 0.05, limit_s: float = 30.0) -> None:
        if first_s <= 0 or limit_s < first_s:
            raise ValueError(f"a back-off from {first_s} s to {limit_s} s is none")
        self._random = random
        self._first_s = first_s
        self._limit_s = limit_s
        self.failures = 0

    def next_delay_s(self) -> float:
        """The delay after one more failure."""
        bound_s = min(self._first_s * 2.0 ** min(self.failures, 60), self._limit_s)
        self.failures += 1
        return bound_s * (0.5 + self._random.random() / 2)

    def reset(self) -> None:
        """A connection held: the next delay is the first again."""
        self.failures = 0
