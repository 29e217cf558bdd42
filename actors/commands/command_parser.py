"""The parser of every command line: argparse, which tells of an unknown option also what was probably meant."""

import argparse
import re
import sys
from collections.abc import Iterable
from itertools import takewhile
from typing import Any, NoReturn

from actors.spelling import did_you_mean, find_nearest

NUMBERS = {"int": "a whole number", "float": "a number"}
"""What argparse names by Python's types, in a user's words."""


class CommandParser(argparse.ArgumentParser):
    """Options are taken by their whole names alone: a beginning of `--live` must not trade real money."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def parse_args(self, args: Iterable[str] | None = None, namespace: Any = None) -> Any:
        """As argparse does it; what it does not know ends the program with a suggestion."""
        words = self.check_options(args)
        found, unknown = self.parse_known_args(words, namespace)
        return found if not unknown else self.refuse(unknown)

    def parse_intermixed_args(
        self, args: Iterable[str] | None = None, namespace: Any = None
    ) -> Any:
        """The same for command lines whose options stand among the other words."""
        words = self.check_options(args)
        found, unknown = self.parse_known_intermixed_args(words, namespace)
        return found if not unknown else self.refuse(unknown)

    def error(self, message: str) -> NoReturn:
        """Ends the program with exit code 2, and says what was expected in words."""
        found = re.fullmatch(r"(.*: )invalid (int|float) value: (.*)", message)
        super().error(f"{found[1]}{found[3]} is not {NUMBERS[found[2]]}" if found else message)

    def check_options(self, args: Iterable[str] | None) -> list[str]:
        """The words; tells of unknown options before argparse misses what they were to give."""
        words = sys.argv[1:] if args is None else list(args)
        unknown = [
            word
            for word in takewhile(lambda word: word != "--", words)
            if word.startswith("--")
            and " " not in word
            and word.partition("=")[0] not in self._option_string_actions
        ]
        return self.refuse(unknown) if unknown else words

    def refuse(self, words: list[str]) -> NoReturn:
        """Ends the program with exit code 2."""
        options = [word for word in words if word.startswith("-")]
        self.error("; ".join(map(self.describe, options)) or f"unexpected: {' '.join(words)}")

    def describe(self, word: str) -> str:
        """What is said of an unknown option: those that it is the beginning of, or else the one that it resembles."""
        name = word.partition("=")[0]
        # The dashes, which all have, would make any two options alike.
        known = [option.lstrip("-") for option in self._option_string_actions if option[:2] == "--"]
        bare = name.lstrip("-")
        meant = [option for option in known if len(bare) > 1 and option.startswith(bare)]
        if not meant and (nearest := find_nearest(bare, known)):
            meant = [nearest]
        options = [f"--{option}" for option in meant]
        hint = did_you_mean(*options) if options else f"`{self.prog} --help` tells all"
        return f"there is no option {name!r} ({hint})"
