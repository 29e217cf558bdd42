"""The folder where a bot's journal, logs and recordings lie, and the lock that keeps a second copy of the bot out."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from actors.runtime.errors import ConfigurationError, Fault

JOURNAL_FILE = "journal.sqlite"
LOG_FILE = "bot.log"
LOCK_FILE = "lock"
SOCKET_FILE = "control.socket"
LONGEST_ADDRESS = 100
"""Of a socket, in bytes. Linux takes 107, macOS 103."""


def find_holder(path: Path) -> int | None:
    """The process that last locked this folder, if there is still one of that number."""
    try:
        number = int((path / LOCK_FILE).read_text(encoding="ascii"))
        os.kill(number, 0)
    except PermissionError:
        return number  # somebody else's, but it is there
    except (OSError, ValueError, OverflowError):
        return None
    return number


def describe_holder(path: Path) -> str:
    """` (process 123)`, or nothing where it is not known."""
    holder = find_holder(path)
    return f" (process {holder})" if holder is not None else ""


class StateFolder:
    """An open state folder; while it is open no other process can open it."""

    def __init__(self, path: Path) -> None:
        """Creates the folder if need be and locks it.

        Raises ConfigurationError if it cannot be written, or if another copy of the bot holds it.
        """
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.lock = (path / LOCK_FILE).open("a+")
        except OSError as error:
            raise ConfigurationError(
                [
                    Fault(
                        f"state folder {path}",
                        f"cannot be used: {error.strerror}",
                        "set [bot] state_folder",
                    )
                ]
            ) from error
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.lock.close()
            raise ConfigurationError(
                [
                    Fault(
                        f"state folder {path}",
                        f"another copy of this bot is running{describe_holder(path)}",
                        "stop it, or give this one another [bot] name",
                    )
                ]
            ) from None
        self.lock.truncate(0)
        self.lock.write(str(os.getpid()))
        self.lock.flush()

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.path / JOURNAL_FILE

    @property
    def log(self) -> Path:
        """The log's file."""
        return self.path / LOG_FILE

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.lock.close()
