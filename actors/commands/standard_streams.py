"""What the commands print, whoever reads it: a pipe that was closed, a full disk, an encoding that lacks a character."""

import io
import os
import sys
from typing import Literal


def print_any_character() -> None:
    """Lets stdout print what its encoding lacks as stderr does: as an escape, where it would fail."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def say(text: str, stream: Literal["stdout", "stderr"] = "stdout") -> bool:
    """Prints at once; returns whether it could be written. A reader who has left wants no more, and that is no failure."""
    try:
        print(text, file=getattr(sys, stream), flush=True)
    except (OSError, ValueError) as error:  # or closed, by a strategy
        # What could not be written must not be met again by the next line, or as the program ends.
        setattr(sys, stream, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        return isinstance(error, BrokenPipeError)
    return True


def let_go_of_closed_outputs() -> None:
    """Forgets an output whose reader has left, or the interpreter's own last flush would turn the exit code into 120."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            setattr(sys, name, None)
