"""What holds around every test."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def logging_is_left_as_found() -> Iterator[None]:
    """A test that changes the level of all logging would change what the tests after it see."""
    root = logging.getLogger()
    level = root.level
    yield
    left = root.level
    root.setLevel(level)
    assert left == level, "this test, or what it ran, changed the root logger's level"
