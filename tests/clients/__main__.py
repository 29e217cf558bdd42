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

import aiohttp

from actors.exchange.signing import KeyKind, KeyPair
from tests.clients.environments import FailedError, SkippedError, environment, last_line
from tests.exchange.server.client import Rest

HERE = Path(__file__).parent
RUN_SECONDS = 90.0
ENDS = ["CANCELED", "CANCELED", "FILLED"]
"""What becomes of a script's orders, where clients.toml says nothing else: one replaced (or changed), the one in its place
canceled, one filled."""
LAST_EVENTS = {"CANCELED": "CANCELED", "FILLED": "TRADE"}


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
        "events": sorted(
            [each["orderId"], kind]
            for each in found
            for kind in ("NEW", LAST_EVENTS.get(each["status"], each["status"]))
        ),
    }


async def judge(first: dict[str, str], client: dict[str, Any], told: str) -> list[str]:
    """How a script's account of what it saw differs from the exchange's state."""
    try:
        seen = json.loads(told)
        orders = [(number, status, executed) for number, status, executed in seen["orders"]]
    except (ValueError, KeyError, TypeError):
        return [f"its script printed no account of itself: {told}"]
    numbers = {order[0] for order in orders}
    seen["events"] = [event for event in seen.get("events", []) if event[0] in numbers]
    expected = await truth(first, orders)
    if not client.get("user_stream", True):
        expected["events"] = []
    found = [
        f"{name}: saw {seen.get(name)}, is {value}"
        for name, value in expected.items()
        if seen.get(name) != value
    ]
    if [order[1] for order in orders] != client.get("ends", ENDS):
        found.append(f"orders ended as {orders}")
    streams = seen.get("streams", [])
    if len(streams) < 2 or not all(streams):
        found.append(f"of market data it saw {streams} before and after the connection was reset")
    return found


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
