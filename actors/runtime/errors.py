"""The one tree of errors that this system raises, named by who is at fault.

TicktroupeError
├── ConfigurationError    the user's configuration: every fault at once
│   └── WiringError       actors that do not fit together, or a class that cannot be an actor
├── HandlerError          a class whose handlers cannot be understood
├── NotDeclaredError      an actor sent what its type argument does not name
├── JournalError          the journal cannot be opened, or does not belong here
│   └── JournalLocked     another process holds it: later it may be had
└── ReplayDivergence      a recording and its re-execution part

Operating errors (a refused order, a lost connection) are messages, not exceptions.
"""

import traceback
from dataclasses import dataclass
from typing import Any


class TicktroupeError(Exception):
    """Base of all errors of this system."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a configuration, and what to do about it."""

    where: str
    """File and key, such as `bot.toml: actors[1].level`."""
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.problem}"
        return f"{text} ({self.remedy})" if self.remedy else text


class ConfigurationError(TicktroupeError):
    """Faults of the user's configuration, all of them."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults

    def __reduce__(self) -> tuple[Any, ...]:
        """By its faults, not its text: so it comes whole out of a worker process."""
        return type(self), (self.faults,)


class WiringError(ConfigurationError):
    """Actors that do not fit together."""


class HandlerError(TicktroupeError, TypeError):
    """A class whose handlers cannot be understood; names class, method and type."""


class NotDeclaredError(TicktroupeError, TypeError):
    """An actor sent a message that its type argument does not name."""


class JournalError(TicktroupeError):
    """The journal cannot be opened, or belongs to another bot."""


class JournalLocked(JournalError):
    """Another process holds the journal; nothing is wrong with it."""


class ForeseenError(TicktroupeError):
    """An actor cannot go on, and says in its own words why: its traceback is logged for debugging alone."""


class BrokenOff(BaseException):
    """An actor's handler did not return, and was broken off for good; no `except Exception` of its own may keep it."""


class ReplayDivergence(TicktroupeError):
    """A recording and its re-execution part."""


def describe_error(error: BaseException) -> str:
    """`Class: text` of any exception, fit to be sent: also of one whose own text fails or holds lone surrogates."""
    text = traceback.TracebackException(type(error), error, None)
    return sendable(f"{type(error).__name__}: {text}")


def sendable(text: str) -> str:
    """A text without lone surrogates, which no message can carry."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
