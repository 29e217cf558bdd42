"""Each error planted into the real bot is found by a round that has nothing to say of the sound one."""

import pytest

from actors.simulation.entropy import Entropy
from tests.simulation.planted_bugs import BUGS, search

FOUND = {
    "resend on timeout": (9,),
    "journal after send": (10,),
    "timeout means failed": (51,),
    "not found means absent": (4,),
    "wedged reader": (504, 880),
}
"""The first seeds that found them, by `python -m tests.simulation.planted_bugs`; of the rarest all below 1,000."""
NEIGHBOURS = 60
"""A change of the code shifts what a seed means: so many seeds after the stored ones are tried then."""


def test_every_bug_has_a_seed() -> None:
    assert FOUND.keys() == BUGS.keys()
    assert max(seed for seeds in FOUND.values() for seed in seeds) < 1_000


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bug_is_found(bug: str, entropy: Entropy) -> None:
    first, *others = FOUND[bug]
    spans = [(first, 1), *((seed, 1) for seed in others), (first + 1, NEIGHBOURS)]
    found = next(filter(None, (search(bug, *span, entropy) for span in spans)), None)
    assert found is not None
    assert BUGS[bug].words in found[1]
