"""Makes the locks anew: every package that a client's environment is made of, in its newest version that fits."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.clients.environments import (
    FailedError,
    install,
    is_node,
    lock_of,
    node_package,
    pin_of,
)

OLDEST_PYTHON = "3.11"
"""What the project itself runs on; a client that asks for a newer one says so."""


def make_lock(name: str, client: dict[str, Any]) -> Path:
    """Writes the lock of a client's environment, and tells where; raises FailedError or SkippedError."""
    text = node_lock(client) if is_node(client) else python_lock(name, client)
    lock = lock_of(client)
    lock.parent.mkdir(exist_ok=True)
    lock.write_text(text)
    return lock


def node_lock(client: dict[str, Any]) -> str:
    """The package-lock.json for a client; from which registry its packages come is for npm to know where they are installed."""
    if shutil.which("npm") is None:
        raise FailedError("npm is needed for its lock, and is not on the path")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "package.json").write_text(node_package(client))
        how = ["--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved"]
        install(["npm", "install", "--prefix", folder, *how])
        return (Path(folder) / "package-lock.json").read_text()


def python_lock(name: str, client: dict[str, Any]) -> str:
    """The constraints for a client: one list for all platforms, and for every Python from the oldest that it runs on.

    Where packages or versions differ between these, uv writes conditions behind them, which pip heeds.
    """
    uv = shutil.which("uv")
    if uv is None:
        raise FailedError("uv is needed for its lock, and is not on the path: pip install uv")
    oldest = client.get("python", OLDEST_PYTHON)
    instead = client.get("instead_of_dependencies", [])
    wanted = [*(instead or [client["requirement"]]), *client.get("built_with", [])]
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "requirements.in"
        asked.write_text("\n".join(wanted) + "\n")
        how = ["--universal", "--python", sys.executable, "--python-version", oldest]
        plain = ["--no-header", "--no-annotate", "--no-config"]
        pins = install([uv, "pip", "compile", *how, *plain, str(asked)]).splitlines()
    if instead:  # its own requirements were not asked for
        pins = sorted([*pins, pin_of(client)])
    head = f"# Made by `bin/test --clients --lock --only {name}`, for Python {oldest} and newer: constraints for pip.\n"
    return head + "\n".join(pins) + "\n"
