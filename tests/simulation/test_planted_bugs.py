"""Each error planted into the real bot is found by a round that has nothing to say of the sound one."""

import pytest

from actors.simulation.entropy import Entropy
from tests.simulation.planted_bugs import BUGS, search

FOUND = {
    "resend on timeout": 4,
    "journal after send": 0,
    "timeout means failed": 28,
    "not found means absent": 4,
    "wedged reader": 1,
}
"""The first seeds that found them, by `python -m tests.simulation.planted_bugs`."""
NEIGHBOURS = 60
"""A change of the code shifts what a seed means: so many seeds after the stored ones are tried then."""


def test_every_bug_has_a_seed() -> None:
    assert FOUND.keys() == BUGS.keys()
    assert max(FOUND.values()) < 1_000


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bug_is_found(bug: str, entropy: Entropy) -> None:
    found = search(bug, FOUND[bug], NEIGHBOURS, entropy)
    assert found is not None
    assert BUGS[bug].words in found[1]
