"""The files that the command line asks for: checked before anything runs, written when it does."""

import os
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from actors.commands.configuration import Configuration
from actors.commands.recording_thread import ThreadWriter
from actors.runtime.errors import ConfigurationError, Fault
from actors.runtime.specification import ActorSpecification
from actors.runtime.tap import RecordingTap
from actors.spelling import suggest
from messages.base import Message
from messages.recording import Opening, is_recording

RECORDED_PACKAGES = ("msgspec", "python-binance", "aiohttp")


def find_output_faults(
    files: dict[str, Path | None], inputs: Iterable[Path | None] = ()
) -> list[Fault]:
    """Files, by the switch that named them, that could not be written, or must not be: `inputs` are read by this run."""
    faults = []
    taken = {path.resolve() for path in inputs if path is not None}
    for switch, path in files.items():
        if path is None:
            continue
        folder = path.parent
        if problem := find_path_problem(path):
            pass
        elif path.is_dir():
            problem = "is a folder"
        elif not folder.is_dir():
            problem = f"there is no folder {str(folder)!r}"
        elif not os.access(path if path.exists() else folder, os.W_OK):
            problem = "cannot be written"
        elif path.resolve() in taken:
            problem = "is also needed for something else"
        elif switch == "--record" and holds_no_recording(path):
            problem = "holds something that is no recording, which would be lost"
        else:
            taken.add(path.resolve())
            continue
        faults.append(Fault(f"{switch} {path}", problem, "name a file that can be written"))
    return faults


def find_path_problem(path: Path) -> str:
    """Why the system refuses to look for such a file at all, as in another user's folder or for too long a name."""
    try:
        path.exists()
    except OSError as error:
        return f"cannot be written: {error.strerror}"
    return ""


def holds_no_recording(path: Path) -> bool:
    """Whether a file is there, is a plain one, holds something, and that does not begin as a recording does."""
    return path.is_file() and path.stat().st_size > 0 and not is_recording(path)


def find_class_faults(names: Iterable[str]) -> list[Fault]:
    """Names of message classes to record that no loaded class has."""
    known = {item.__name__ for item in subclasses_of(Message)}
    faults = []
    for name in names:
        if name not in known:
            remedy = suggest(name, known, "name classes such as Trade,Fill")
            faults.append(Fault(f"--record-only {name}", "there is no such message class", remedy))
    return faults


def subclasses_of(parent: type[Message]) -> set[type[Message]]:
    """Every class below this one, at any depth."""
    below = set(parent.__subclasses__())
    return below.union(*map(subclasses_of, below))


def open_tap(
    path: Path,
    configuration: Configuration,
    run: int,
    now_ns: int,
    classes: Iterable[str] = (),
) -> RecordingTap:
    """A recording that opens with what is needed to run its actors again; of these classes, or of all if there are none.

    Raises ConfigurationError if the file cannot be written.
    """
    opening = Opening(
        run=run,
        seed=configuration.bot.seed,
        start_time_ns=now_ns,
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in RECORDED_PACKAGES},
        },
        actors=[describe_actor(item) for item in configuration.actors],
        hash_seed=os.environ.get("PYTHONHASHSEED", ""),
        classes=sorted(classes),
    )
    try:
        return RecordingTap(path, opening, ThreadWriter)
    except OSError as error:
        raise ConfigurationError(
            [Fault(f"--record {path}", f"cannot be written: {error.strerror}")]
        ) from error


def describe_actor(item: ActorSpecification) -> dict[str, Any]:
    """Name, class and arguments of a configured actor, as texts."""
    return {
        "name": item.name,
        "class": f"{item.actor_class.__module__}.{item.actor_class.__qualname__}",
        "arguments": {key: str(value) for key, value in item.arguments.items()},
    }
