"""Time and randomness, the only place where they come from."""

import random
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Where actors and runtime read the time."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch, UTC; may jump with the machine's clock."""
        ...

    def monotonic_ns(self) -> int:
        """Nanoseconds that never go back, from an arbitrary start; for durations and deadlines."""
        ...


class RealClock:
    """The machine's clock."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch, UTC."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Nanoseconds from an arbitrary start that never go back."""
        return time.perf_counter_ns()


class SimulatedClock:
    """A clock that moves only when told: for backtests, replays and tests."""

    def __init__(self, now_ns: int = 0) -> None:
        self.time_ns = now_ns

    def now_ns(self) -> int:
        """Nanoseconds since the epoch, UTC."""
        return self.time_ns

    def monotonic_ns(self) -> int:
        """The same time; it never goes back."""
        return self.time_ns

    def advance_to(self, time_ns: int) -> None:
        """Moves to a later time.

        Raises ValueError if it is earlier.
        """
        if time_ns < self.time_ns:
            raise ValueError(f"time cannot go back from {self.time_ns} to {time_ns}")
        self.time_ns = time_ns

    def advance(self, seconds: float) -> None:
        """Moves by a number of seconds."""
        self.advance_to(self.time_ns + round(seconds * 1e9))


def readers_of(clock: Clock) -> tuple[Callable[[], int], Callable[[], int]]:
    """A clock's `now_ns` and `monotonic_ns`; of the machine's own the functions themselves, which are asked per message."""
    if type(clock) is RealClock:
        return time.time_ns, time.perf_counter_ns
    return clock.now_ns, clock.monotonic_ns


def random_for(seed: int, name: str) -> random.Random:
    """The random numbers of one actor: they depend on the bot's seed and the actor's name, on nothing else."""
    return random.Random(f"{seed}:{name}")
