"""What outlives the exchange: restarts, kills, and files that are not as they should be."""

import asyncio
import contextlib
import os
import shlex
import signal
import sqlite3
import stat
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from actors.commands.exchange import main
from actors.exchange.configuration import (
    DEFAULT_BALANCES,
    STILL,
    ExchangeConfiguration,
    default_keys,
)
from actors.exchange.signing import KeyKind, KeyPair
from actors.exchange.state import stored_keys
from tests.exchange.server.client import Rest, World, running

ROOT = Path(__file__).parents[3]
Line = dict[str, Any]


def configure(state: Path, **options: Any) -> ExchangeConfiguration:
    """An exchange with a state of its own."""
    return ExchangeConfiguration(
        **{"market": STILL, "state": state, "allows_self_trades": True, **options}
    )


async def everything(world: World) -> dict[str, Any]:
    """All that an account can ask about itself, but for the time."""
    rest = world.rest()
    account = (await rest.signed("GET", "account")).json
    return {
        "balances": {one["asset"]: (one["free"], one["locked"]) for one in account["balances"]},
        "orders": (await rest.signed("GET", "allOrders", symbol="BTCUSDT")).json,
        "open": (await rest.signed("GET", "openOrders")).json,
        "trades": (await rest.signed("GET", "myTrades", symbol="BTCUSDT")).json,
    }


@pytest.mark.asyncio
async def test_a_restart_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "exchange.db"
    async with running(configure(file)) as world:
        rest = world.rest()
        await rest.place("SELL", "0.05", "50000", newClientOrderId="ask", strategyId=7)
        await rest.place("BUY", "0.02", "50000", newClientOrderId="bid")
        await rest.place("BUY", "0.02", "40000", newClientOrderId="first")
        await rest.place("BUY", "0.03", "40000", newClientOrderId="second")
        ids = {"symbol": "BTCUSDT", "origClientOrderId": "first", "newClientOrderId": "less"}
        await rest.signed("PUT", "order/amend/keepPriority", newQty="0.01", **ids)
        await rest.place("BUY", "0.05", "35000", newClientOrderId="iceberg", icebergQty="0.02")
        await rest.place("BUY", "0.02", "30000", newClientOrderId="gone")
        await rest.signed("DELETE", "order", symbol="BTCUSDT", origClientOrderId="gone")
        before = await everything(world)
        depth = (await rest.get("depth", symbol="BTCUSDT")).json
    async with running(configure(file)) as world:
        rest = world.rest()
        assert await everything(world) == before
        again = (await rest.get("depth", symbol="BTCUSDT")).json
        assert (again["bids"], again["asks"]) == (depth["bids"], depth["asks"])
        assert again["lastUpdateId"] > depth["lastUpdateId"]
        for name in ("less", "gone", "bid"):
            found = await rest.signed("GET", "order", symbol="BTCUSDT", origClientOrderId=name)
            assert found.status == 200, name
        taken = (await rest.place("SELL", "0.02", "40000")).json
        assert taken["orderId"] > max(one["orderId"] for one in before["orders"])
        assert taken["fills"][0]["tradeId"] > max(one["id"] for one in before["trades"])
        ends = await rest.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="less")
        assert ends.json["status"] == "FILLED"
        duplicate = await rest.place("BUY", "0.02", "30000", newClientOrderId="second")
        assert duplicate.error[1:] == (-2010, "Duplicate order sent.")


@pytest.mark.asyncio
async def test_with_a_market_of_its_own(tmp_path: Path) -> None:
    options = {"market": "synthetic", "trades_per_second": 500.0}
    file = tmp_path / "exchange.db"
    async with running(configure(file, **options)) as world:
        for _ in range(3):
            terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
            assert (await world.rest().signed("POST", "order", **terms)).status == 200
        before = await everything(world)
        last = (await world.rest().get("trades", symbol="BTCUSDT", limit=1)).json[0]["id"]
    async with running(configure(file, **options)) as world:
        assert await everything(world) == before
        first = (await world.rest().get("trades", symbol="BTCUSDT", limit=1000)).json[0]["id"]
        assert first > last


@contextlib.asynccontextmanager
async def process(
    *arguments: str, before: str = ""
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Line]]:
    """`bin/exchange` in a process of its own, and its first line."""
    command = shlex.join([sys.executable, "-m", "actors.commands.exchange", *arguments])
    shell = ["bash", "-c", f"{before} exec {command}"]
    started = await asyncio.create_subprocess_exec(
        *shell, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE if before else None
    )
    try:
        assert started.stdout is not None
        yield started, msgspec.json.decode(await started.stdout.readline())
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.kill()
        await started.wait()


async def trade_until_killed(rest: Rest, answered: list[Line]) -> None:
    """Sends orders of all sorts, and keeps what was answered."""
    for number in range(1_000_000):
        side = "BUY" if number % 2 else "SELL"
        more: Line = {"newClientOrderId": f"n{id(rest)}-{number}"}
        if number % 3 == 0:
            more |= {"timeInForce": "IOC"}
        price = "90000" if side == "BUY" else "30000"
        try:
            answer = await rest.place(side, "0.001", price if number % 5 else "60000", **more)
        except (aiohttp.ClientError, OSError):
            return
        assert answer.status == 200, answer.text
        answered.append(answer.json)


def check_conservation(account: Line, trades: list[Line]) -> None:
    """Balances must be what the account began with, plus its trades, less its fees, to the last digit."""
    expected = defaultdict[str, Decimal](Decimal, DEFAULT_BALANCES)
    for one in trades:
        sign = 1 if one["isBuyer"] else -1
        expected["BTC"] += sign * Decimal(one["qty"])
        expected["USDT"] -= sign * Decimal(one["quoteQty"])
        expected[one["commissionAsset"]] -= Decimal(one["commission"])
    found = {
        one["asset"]: Decimal(one["free"]) + Decimal(one["locked"]) for one in account["balances"]
    }
    assert found == {asset: expected[asset] for asset in found}


@pytest.mark.asyncio
@pytest.mark.parametrize("answers_before_the_kill", [1, 60])
async def test_kill_9(tmp_path: Path, answers_before_the_kill: int) -> None:
    file = tmp_path / "exchange.db"
    arguments = ("--state", str(file), "--rate", "200", "--order-limit", "100000")
    answered: list[Line] = []
    async with process(*arguments) as (killed, line), aiohttp.ClientSession() as session:
        pair = KeyPair(line["api_key"], line["api_secret"], KeyKind.HMAC)
        clients = [Rest(session, line["rest"], pair) for _ in range(3)]
        tasks = [asyncio.create_task(trade_until_killed(one, answered)) for one in clients]
        async with asyncio.timeout(60):
            while len(answered) < answers_before_the_kill:  # noqa: ASYNC110 # nobody else counts them
                await asyncio.sleep(0.005)
        killed.send_signal(signal.SIGKILL)
        await asyncio.gather(*tasks)
    async with process(*arguments) as (_, again), aiohttp.ClientSession() as session:
        for name in ("api_key", "api_secret", "ed25519_api_key", "ed25519_private_key"):
            assert again[name] == line[name]
        rest = Rest(session, again["rest"], pair)
        account = (await rest.signed("GET", "account")).json
        trades = (await rest.signed("GET", "myTrades", symbol="BTCUSDT", limit=1000)).json
        orders = (await rest.signed("GET", "allOrders", symbol="BTCUSDT", limit=1000)).json
        check_conservation(account, trades)
    found = {one["orderId"]: one for one in orders}
    for one in answered:
        assert found[one["orderId"]]["clientOrderId"] == one["clientOrderId"]
        assert Decimal(found[one["orderId"]]["executedQty"]) >= Decimal(one["executedQty"])
    assert len(found) <= len(answered) + len(clients)
    filled = defaultdict[int, Decimal](Decimal)
    for trade in trades:
        filled[trade["orderId"]] += Decimal(trade["qty"])
    assert {number: filled[number] for number in found} == {
        number: Decimal(one["executedQty"]) for number, one in found.items()
    }


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "exchange.db"
    assert stored_keys(file, "default") == ()
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    file.chmod(0o640)
    with pytest.raises(ValueError, match="chmod 600"):
        stored_keys(file, "default")


@pytest.mark.asyncio
async def test_one_exchange_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "exchange.db"
    async with running(configure(file)):
        with pytest.raises(ValueError, match="another exchange is using this state"):
            stored_keys(file, "default")


def test_files_that_are_no_state(tmp_path: Path) -> None:
    text, other = tmp_path / "text", tmp_path / "other"
    text.write_text("this is no database, however long it may be\n" * 100)
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE something (x)")
    for file in (text, other):
        file.chmod(0o600)
        with pytest.raises(ValueError, match="no state of an exchange"):
            stored_keys(file, "default")
    with pytest.raises(ValueError, match="cannot be opened"):
        stored_keys(tmp_path / "nowhere" / "file", "default")


@pytest.mark.asyncio
async def test_open_orders_need_their_symbol(tmp_path: Path) -> None:
    file = tmp_path / "exchange.db"
    async with running(configure(file)) as world:
        await world.rest().place("BUY", "0.01", "50000")
    with pytest.raises(ValueError, match="open orders in BTCUSDT"):
        async with running(configure(file, symbols=("ETHUSDT",))):
            pass
    async with running(configure(file)) as world:
        assert len((await world.rest().signed("GET", "openOrders")).json) == 1


@pytest.mark.asyncio
async def test_a_full_disk_ends_the_exchange_and_loses_no_answer(tmp_path: Path) -> None:
    file = tmp_path / "exchange.db"
    arguments = ("--state", str(file), "--market", "still", "--order-limit", "100000")
    answered: list[Line] = []
    # No file may grow beyond 200 kB.
    async with process(*arguments, before="ulimit -f 200;") as (full, line):
        async with aiohttp.ClientSession() as session:
            pair = KeyPair(line["api_key"], line["api_secret"], KeyKind.HMAC)
            rest = Rest(session, line["rest"], pair)
            with contextlib.suppress(aiohttp.ClientError):
                while (answer := await rest.place("BUY", "0.001", "60000")).status == 200:
                    answered.append(answer.json)
        async with asyncio.timeout(60):
            assert await full.wait() == 1
        assert full.stderr is not None
        assert b"the state cannot be written" in await full.stderr.read()
    assert answered
    async with process(*arguments) as (_, again), aiohttp.ClientSession() as session:
        rest = Rest(session, again["rest"], pair)
        rows = (await rest.signed("GET", "allOrders", symbol="BTCUSDT", limit=1000)).json
    assert [one["orderId"] for one in rows][: len(answered)] == [one["orderId"] for one in answered]


def test_keys_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shared, ed25519 = default_keys()
    file = tmp_path / "keys.json"
    content = {"api_key": shared.key, "api_secret": shared.secret, "rest": "http://127.0.0.1:1"}
    for text, mode, said in (
        (content, 0o644, "chmod 600"),
        ({"api_key": shared.key}, 0o600, "must be given together"),
        ({}, 0o600, "no key in it"),
        ({"api_key": "short", "api_secret": "x"}, 0o600, "64 letters and digits"),
        ([], 0o600, "Expected `object`"),
        (
            {"ed25519_api_key": ed25519.key, "ed25519_private_key": "x"},
            0o600,
            "ed25519_private_key",
        ),
    ):
        file.write_bytes(msgspec.json.encode(text))
        file.chmod(mode)
        assert main(["--keys", str(file)]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.asyncio
async def test_keys_from_a_file_are_used(tmp_path: Path) -> None:
    shared, _ = default_keys()
    file = tmp_path / "keys.json"
    file.write_bytes(msgspec.json.encode({"api_key": shared.key, "api_secret": shared.secret}))
    file.chmod(0o600)
    state = str(tmp_path / "state.db")
    async with process("--keys", str(file), "--state", state, "--control") as (_, line):
        assert (line["api_key"], line["api_secret"]) == (shared.key, shared.secret)
        assert line["ed25519_api_key"] == ""
        assert line["control"].startswith("http://127.0.0.1:")
    async with process("--state", state) as (_, line):
        assert (line["api_key"], line["api_secret"]) == (shared.key, shared.secret)
        assert "control" not in line
