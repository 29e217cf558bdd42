"""Clients written by others trade on the local exchange; what they saw is held against what the exchange says."""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import Any

import aiohttp
from platformdirs import user_cache_dir

from actors.exchange.signing import KeyKind, KeyPair
from tests.exchange.server.client import Rest

HERE = Path(__file__).parent
RUN_SECONDS = 60.0
INSTALL_SECONDS = 600.0


UNREACHABLE = ("Retrying (", "NewConnectionError", "Network is unreachable")


class FailedError(Exception):
    """This client has failed; the text says how."""


class SkippedError(Exception):
    """This client cannot run here; the text says why."""


def environment(name: str, client: dict[str, str]) -> Path:
    """The interpreter of a client's own environment, made when it is not there."""
    folder = Path(user_cache_dir("ticktroupe")) / "clients" / f"{name}-{client['version']}"
    python = folder / "bin" / "python"
    made = folder / "made"
    if not made.exists():
        sys.stderr.write(f"{name}: making its environment\n")
        venv.create(folder, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", client["requirement"]]
        try:
            done = subprocess.run(install, timeout=INSTALL_SECONDS, capture_output=True, text=True)
        except subprocess.TimeoutExpired as error:
            raise SkippedError(f"not installed after {INSTALL_SECONDS:.0f} s") from error
        if done.returncode:
            # pip tells a registry that it cannot reach by its retries; all else is a fault of what is pinned here.
            if any(word in done.stdout + done.stderr for word in UNREACHABLE):
                raise SkippedError("no package registry can be reached")
            raise FailedError(f"it cannot be installed: {last_line(done.stderr)}")
        made.touch()
    return python


def last_line(text: str) -> str:
    """The last line of what a program has said, or nothing."""
    return (text.strip().splitlines() or [""])[-1]


async def line_of(process: asyncio.subprocess.Process) -> Any:
    """The first line of a process's output, as JSON."""
    assert process.stdout is not None
    return json.loads(await asyncio.wait_for(process.stdout.readline(), RUN_SECONDS))


async def truth(first: dict[str, str], orders: list[Any]) -> dict[str, Any]:
    """What the exchange itself says of these orders, the balances and the trades."""
    pair = KeyPair(first["api_key"], first["api_secret"], KeyKind.HMAC)
    async with aiohttp.ClientSession() as session:
        rest = Rest(session, first["rest"], pair)
        found = [
            (await rest.signed("GET", "order", symbol="BTCUSDT", orderId=order[0])).json
            for order in orders
        ]
        account = (await rest.signed("GET", "account")).json
        trades = (await rest.signed("GET", "myTrades", symbol="BTCUSDT")).json
    return {
        "orders": [[each["orderId"], each["status"], each["executedQty"]] for each in found],
        "balances": {each["asset"]: [each["free"], each["locked"]] for each in account["balances"]},
        "trades": [each["id"] for each in trades],
    }


async def differences(python: Path, script: Path) -> list[str]:
    """Runs a script against a new exchange; tells what it saw otherwise than the exchange."""
    command = [sys.executable, "-m", "actors.commands.exchange", "--symbols", "BTCUSDT"]
    exchange = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        first = await line_of(exchange)
        addresses = {f"EXCHANGE_{name.upper()}": str(value) for name, value in first.items()}
        variables = {**os.environ, **addresses, "NO_PROXY": "127.0.0.1"}
        ran = await asyncio.create_subprocess_exec(
            python, script, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            out, err = await asyncio.wait_for(ran.communicate(), RUN_SECONDS)
        except TimeoutError:
            ran.kill()
            return [f"not done after {RUN_SECONDS:.0f} s"]
        if ran.returncode != 0:
            return [last_line(err.decode()) or f"exit code {ran.returncode}"]
        try:
            seen = json.loads(out)
            orders = [(number, status, executed) for number, status, executed in seen["orders"]]
        except (ValueError, KeyError, TypeError):
            return [f"its script printed no account of itself: {last_line(out.decode())}"]
        expected = await truth(first, orders)
        found = [
            f"{name}: saw {seen.get(name)}, is {value}"
            for name, value in expected.items()
            if seen.get(name) != value
        ]
        if [order[1] for order in seen["orders"]] != ["CANCELED", "FILLED"]:
            found.append(f"orders ended as {seen['orders']}")
        return found
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
        label = f"{name} {clients[name]['version']}"
        try:
            python = environment(name, clients[name])
        except SkippedError as reason:
            sys.stdout.write(f"{label}: skipped: {reason}\n")
            continue
        except FailedError as problem:
            found = [str(problem)]
        else:
            found = asyncio.run(differences(python, HERE / "scripts" / clients[name]["script"]))
        failed = failed or bool(found)
        verdict = f"failed: {'; '.join(found)}" if found else "passed"
        sys.stdout.write(f"{label}: {verdict}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
