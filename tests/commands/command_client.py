"""`bin/start status` and its kin as a user calls them, and a raw client that keeps to no rule."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.commands.harness import PATIENCE_S, ROOT, wait_until


@dataclass
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str


def command(name: str, config: Path | None = None, *words: str, cwd: Path = ROOT) -> Answer:
    """Runs a command in a process of its own, without a terminal."""
    where = ["--config", str(config)] if config is not None else []
    ended = subprocess.run(
        [sys.executable, "-m", "actors.commands.start", name, *where, *words],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Answer(ended.returncode, ended.stdout, ended.stderr)


def ask_status(folder: Path) -> dict[str, Any]:
    """The status of the bot with this state folder, over its socket; empty while there is none."""
    lines = talk(folder, b'{"command":"status"}\n')
    if not lines:
        return {}
    status: dict[str, Any] = json.loads(lines[-1])["status"]
    return status


def talk(folder: Path, data: bytes) -> list[bytes]:
    """What the bot answers to these bytes until it closes; nothing if there is no bot."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE_S)
        path = folder / "control.socket"
        try:
            client.connect(os.readlink(path) if path.is_symlink() else str(path))
        except OSError:
            return []
        heard = b""
        try:
            client.sendall(data)
            while piece := client.recv(65536):
                heard += piece
        except (BrokenPipeError, ConnectionResetError):
            pass
    return heard.splitlines()


def wait_for_state(folder: Path, *states: str) -> dict[str, Any]:
    """The status as soon as the bot is in one of these states."""

    def look() -> dict[str, Any]:
        status = ask_status(folder)
        return status if status.get("state") in states else {}

    found: dict[str, Any] = wait_until(look, f"the state {states}")
    return found
