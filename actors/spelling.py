"""What was probably meant by a word that nobody knows: the one home of every "did you mean". Pure."""

from collections.abc import Iterable
from difflib import get_close_matches

LIKENESS = 0.5
"""From 0 to 1, by difflib's ratio; below it a word is not suggested."""


def find_nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like this one, whatever the case of either; None where nothing is like it."""
    spelt = {name.strip().lower(): name for name in sorted(known)}
    nearest = get_close_matches(word.strip().lower(), spelt, n=1, cutoff=LIKENESS)
    return spelt[nearest[0]] if nearest else None


def did_you_mean(*words: str) -> str:
    """The question, in the one form that it has everywhere."""
    return f"did you mean {' or '.join(map(repr, words))}?"


def suggest(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """`did you mean 'x'?` with the nearest known word; `otherwise` where nothing is like it."""
    nearest = find_nearest(word, known)
    return otherwise if nearest is None else did_you_mean(nearest)
