"""The files that the command line asks for: checked before anything runs, written when it does."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from actors.commands.configuration import Configuration
from actors.runtime.errors import ConfigurationError, Fault
from actors.runtime.specification import ActorSpecification
from actors.runtime.tap import RecordingTap
from messages.recording import Opening

RECORDED_PACKAGES = ("msgspec", "python-binance", "aiohttp")


def find_output_faults(files: dict[str, Path | None]) -> list[Fault]:
    """Files, by the switch that named them, that could not be written."""
    faults = []
    for switch, path in files.items():
        if path is None:
            continue
        folder = path.parent
        if path.is_dir():
            problem = "is a folder"
        elif not folder.is_dir():
            problem = f"there is no folder {str(folder)!r}"
        elif not os.access(path if path.exists() else folder, os.W_OK):
            problem = "cannot be written"
        else:
            continue
        faults.append(Fault(f"{switch} {path}", problem, "name a file that can be written"))
    return faults


def open_tap(path: Path, configuration: Configuration, run: int, now_ns: int) -> RecordingTap:
    """A recording that opens with what is needed to run its actors again.

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
    )
    try:
        return RecordingTap(path, opening)
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
