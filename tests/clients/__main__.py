"""Clients written by others trade on the local exchange; what they saw is held against what the exchange says."""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from tests.clients.comparison import judge
from tests.clients.environments import FailedError, SkippedError, environment, last_line

HERE = Path(__file__).parent
RUN_SECONDS = 90.0


async def line_of(process: asyncio.subprocess.Process) -> Any:
    """The first line of a process's output, as JSON."""
    assert process.stdout is not None
    return json.loads(await asyncio.wait_for(process.stdout.readline(), RUN_SECONDS))


async def differences(interpreter: str, own: dict[str, str], client: dict[str, Any]) -> list[str]:
    """Runs a client's script against a new exchange; tells what it saw otherwise than the exchange."""
    script = HERE / "scripts" / client["script"]
    command = [sys.executable, "-m", "actors.commands.exchange", "--symbols", "BTCUSDT,ETHUSDT"]
    command += ["--control", "--rate", "50"]
    exchange = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        first = await line_of(exchange)
        addresses = {f"EXCHANGE_{name.upper()}": str(value) for name, value in first.items()}
        variables = {**os.environ, **addresses, "NO_PROXY": "127.0.0.1,localhost", **own}
        ran = await asyncio.create_subprocess_exec(
            interpreter, script, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            out, err = await asyncio.wait_for(ran.communicate(), RUN_SECONDS)
        except TimeoutError:
            ran.kill()
            return [f"not done after {RUN_SECONDS:.0f} s"]
        if ran.returncode != 0:
            sys.stderr.write(err.decode())
            return [last_line(err.decode()) or f"exit code {ran.returncode}"]
        return await judge(first, client, last_line(out.decode()))
    finally:
        exchange.terminate()
        await exchange.wait()


def main() -> int:
    """Every client in turn; 1 when one failed."""
    clients = tomllib.loads((HERE / "clients.toml").read_text())
    parser = argparse.ArgumentParser(prog="bin/test --clients", description=__doc__)
    parser.add_argument("--only", choices=sorted(clients), help="this client alone")
    only = parser.parse_args().only
    failed = False
    for name in [only] if only else clients:
        label = f"{name} ({clients[name]['requirement']})"
        try:
            interpreter, own = environment(name, clients[name])
        except SkippedError as reason:
            sys.stdout.write(f"{label}: skipped: {reason}\n")
            continue
        except FailedError as problem:
            found = [str(problem)]
        else:
            found = asyncio.run(differences(interpreter, own, clients[name]))
        failed = failed or bool(found)
        verdict = f"failed: {'; '.join(found)}" if found else "passed"
        sys.stdout.write(f"{label}: {verdict}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
