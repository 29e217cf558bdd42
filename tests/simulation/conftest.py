"""One set of stand-ins for all worlds of a test module."""

from collections.abc import Iterator

import pytest

from actors.simulation.entropy import Entropy


@pytest.fixture(scope="module")
def entropy() -> Iterator[Entropy]:
    with Entropy() as installed:
        yield installed
