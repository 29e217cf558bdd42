"""Delays between attempts to connect."""

from random import Random

import pytest

from actors.binance.backoff import Backoff


def test_the_first_delay_is_short_and_the_last_is_bounded() -> None:
    backoff = Backoff(Random(1), first_s=0.05, limit_s=30.0)
    delays = [backoff.next_delay_s() for _ in range(200)]
    assert 0.025 <= delays[0] <= 0.05
    assert all(15.0 <= delay <= 30.0 for delay in delays[12:])
    backoff.reset()
    assert backoff.next_delay_s() <= 0.05


def test_the_same_seed_gives_the_same_delays() -> None:
    first, second = Backoff(Random(7)), Backoff(Random(7))
    assert [first.next_delay_s() for _ in range(9)] == [second.next_delay_s() for _ in range(9)]


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="is none"):
        Backoff(Random(1), first_s=0.0)
