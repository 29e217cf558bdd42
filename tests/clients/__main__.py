"""Clients written by others trade on the local exchange; what they saw is held against what the exchange says."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from actors.commands.command_parser import CommandParser
from tests.clients.comparison import judge
from tests.clients.environments import (
    FailedError,
    SkippedError,
    UnreachableError,
    environment,
    last_line,
    lock_of,
)
from tests.clients.locking import make_lock

HERE = Path(__file__).parent
RUN_SECONDS = 90.0
DIRECT = "127.0.0.1,localhost"
"""What clients are not to ask a proxy for, under both names of the variable: where both are set, the lower one counts."""


async def line_of(process: asyncio.subprocess.Process) -> Any:
    """The first line of a process's output, as JSON."""
    assert process.stdout is not None
    return json.loads(await asyncio.wait_for(process.stdout.readline(), RUN_SECONDS))


async def printed(
    interpreter: str, script: Path, variables: dict[str, str]
) -> tuple[str, str | None]:
    """What a script has printed, and why it failed; what it said beside that is shown where it did."""
    with tempfile.TemporaryFile() as beside:
        ran = await asyncio.create_subprocess_exec(
            interpreter, script, env=variables, stdout=subprocess.PIPE, stderr=beside
        )
        problem = None
        try:
            out, _ = await asyncio.wait_for(ran.communicate(), RUN_SECONDS)
        except TimeoutError:
            ran.kill()
            await ran.wait()
            out, problem = b"", f"not done after {RUN_SECONDS:.0f} s"
        beside.seek(0)
        said = beside.read().decode(errors="replace")
    if problem is None and ran.returncode != 0:
        problem = last_line(said) or f"exit code {ran.returncode}"
    if problem is not None:
        sys.stderr.write(said)
    return out.decode(), problem


async def differences(interpreter: str, own: dict[str, str], client: dict[str, Any]) -> list[str]:
    """Runs a client's script against a new exchange; tells what it saw otherwise than the exchange."""
    script = HERE / "scripts" / client["script"]
    command = [sys.executable, "-m", "actors.commands.exchange", "--symbols", "BTCUSDT,ETHUSDT"]
    command += ["--control", "--rate", "50"]
    exchange = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        first = await line_of(exchange)
        addresses = {f"EXCHANGE_{name.upper()}": str(value) for name, value in first.items()}
        variables = {**os.environ, **addresses, "NO_PROXY": DIRECT, "no_proxy": DIRECT, **own}
        # A script finds what lies beside it, which the commands here do not want for themselves.
        variables.pop("PYTHONSAFEPATH", None)
        out, problem = await printed(interpreter, script, variables)
        if problem:
            return [problem]
        return await judge(first, client, last_line(out))
    finally:
        exchange.terminate()
        await exchange.wait()


def language_of(client: dict[str, Any]) -> str:
    """Whose registry a client comes from."""
    return str(client.get("language", "python"))


def lock(clients: dict[str, dict[str, Any]]) -> int:
    """Makes the locks of these clients' environments anew; 1 when one could not be made."""
    failed = False
    made: set[Path] = set()
    for name, client in clients.items():
        if lock_of(client) in made:
            continue  # two clients of one package share its lock
        made.add(lock_of(client))
        try:
            told = f"locked in {make_lock(name, client).relative_to(Path.cwd())}"
        except (FailedError, SkippedError) as problem:
            failed, told = True, f"failed: {problem}"
        sys.stdout.write(f"{name} ({client['requirement']}): {told}\n")
        sys.stdout.flush()
    return int(failed)


def main() -> int:
    """Every client in turn; 1 when one failed."""
    clients = tomllib.loads((HERE / "clients.toml").read_text())
    parser = CommandParser(prog="bin/test --clients", description=__doc__)
    parser.add_argument("--only", choices=sorted(clients), help="this client alone")
    parser.add_argument("--prepare", action="store_true", help="only make the environments")
    parser.add_argument(
        "--lock",
        action="store_true",
        help="make the locks in tests/clients/locks anew, and nothing else: the newest of all that comes with each client"
        " (needs uv and npm)",
    )
    options = parser.parse_args()
    only = options.only
    if options.lock:
        return lock({only: clients[only]} if only else clients)
    failed = False
    unreachable: set[str] = set()
    for name in [only] if only else clients:
        label = f"{name} ({clients[name]['requirement']})"
        try:
            may_install = language_of(clients[name]) not in unreachable
            interpreter, own = environment(name, clients[name], may_install=may_install)
        except SkippedError as reason:
            if isinstance(reason, UnreachableError):
                # It answers no sooner for the next one, and each asks for minutes.
                unreachable.add(language_of(clients[name]))
            sys.stdout.write(f"{label}: skipped: {reason}\n")
            continue
        except FailedError as problem:
            found = [str(problem)]
        else:
            if options.prepare:
                continue
            found = asyncio.run(differences(interpreter, own, clients[name]))
        failed = failed or bool(found)
        verdict = f"failed: {'; '.join(found)}" if found else "passed"
        sys.stdout.write(f"{label}: {verdict}\n")
        sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
