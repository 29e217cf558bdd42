"""Copies of functions with caches of their own."""

from actors.runtime.own_caches import copy_for


class One:
    """An owner."""


class Other:
    """Another owner."""


def add(first: int, second: int = 2, *, third: int = 3) -> int:
    """Adds."""
    return first + second + third


def test_a_copy_does_the_same_in_code_of_its_own() -> None:
    copied = copy_for(One, add)
    assert copied(1) == 6
    assert copied(1, 1, third=1) == 3
    assert (copied.__name__, copied.__doc__) == ("add", "Adds.")
    assert copied.__code__ is not add.__code__


def test_each_class_has_one() -> None:
    assert copy_for(One, add) is copy_for(One, add)
    assert copy_for(One, add) is not copy_for(Other, add)
