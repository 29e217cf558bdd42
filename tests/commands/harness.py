"""A local exchange and a bot as processes of their own, and a plain client that asks the exchange behind the bot's back."""

import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests/data/BTCUSDT-trades-2021-01-08.csv"
PATIENCE_S = 60.0
UNLIMITED = ("--weight-limit", "1000000")
SUMMARY_KEYS = [
    "orders",
    "fills",
    "realized_profit",
    "fees",
    "latency_us",
    "messages",
    "conflated",
    "dropped",
    "restarts",
    "positions",
    "open_orders",
]
PATIENT = """
[[actors]]
class = "MarketMaker"
name = "Patient"
symbol = "BTCUSDT"
quantity = "0.001"
spread = 0.05
requote_threshold = 0.5
"""
"""A market maker whose orders rest: far from the market, and hardly ever renewed."""


def wait_until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Looks again and again until a condition holds, and returns what it says."""
    deadline = time.monotonic() + patience_s
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"it did not come: {what}"
        time.sleep(0.02)
    return answer


class LocalVenue:
    """A running local exchange, and its account as a second client sees it, which may ask as often as it likes."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "actors.commands.exchange", *UNLIMITED, *arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.line: dict[str, str] = json.loads(self.process.stdout.readline())

    def close(self) -> None:
        """Ends it."""
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def ask(self, method: str, path: str, **params: Any) -> Any:
        """One signed REST request: its answer as decoded JSON, numbers as texts where the venue has texts."""
        params["timestamp"] = time.time_ns() // 1_000_000
        query = urllib.parse.urlencode(params)
        secret = self.line["api_secret"].encode()
        signature = hmac.new(secret, query.encode(), hashlib.sha256).hexdigest()
        request = urllib.request.Request(
            f"{self.line['rest']}/api/v3/{path}?{query}&signature={signature}",
            method=method,
            headers={"X-MBX-APIKEY": self.line["api_key"]},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def set_fault(self, **rule: Any) -> None:
        """From now on it does so; it must have been started with `--control`."""
        body = json.dumps({"faults": [rule]}).encode()
        address = f"{self.line['control']}/faults"
        with urllib.request.urlopen(address, body, timeout=PATIENCE_S) as answer:
            assert answer.status == 200

    def place_by_hand(self, client_order_id: str) -> None:
        """An order of the account's owner: a bid that rests far below the market."""
        self.ask(
            "POST",
            "order",
            symbol="BTCUSDT",
            side="BUY",
            type="LIMIT",
            timeInForce="GTC",
            quantity="0.01",
            price="20000",
            newClientOrderId=client_order_id,
        )

    def open_ids(self, symbol: str = "BTCUSDT") -> list[str]:
        """Client order ids of what is open."""
        return [item["clientOrderId"] for item in self.ask("GET", "openOrders", symbol=symbol)]

    def trades(self, symbol: str = "BTCUSDT") -> list[dict[str, Any]]:
        """All executions of the account."""
        found: list[dict[str, Any]] = []
        while True:
            first = found[-1]["id"] + 1 if found else 0
            page = self.ask("GET", "myTrades", symbol=symbol, fromId=first, limit=1000)
            found += page
            if len(page) < 1000:
                return found

    def balances(self) -> dict[str, Decimal]:
        """What is free and locked together, by asset; without what is nothing."""
        account = self.ask("GET", "account")
        sums = {
            item["asset"]: Decimal(item["free"]) + Decimal(item["locked"])
            for item in account["balances"]
        }
        return {asset: amount for asset, amount in sums.items() if amount}

    def write_configuration(self, folder: Path, body: str, bot: str = "") -> Path:
        """A bot's configuration for this venue, its key file and its state beside it."""
        keys = folder / "keys"
        keys.touch(mode=0o600)
        keys.write_text(f"{self.line['api_key']}\n{self.line['api_secret']}\n", encoding="utf-8")
        file = folder / "bot.toml"
        file.write_text(
            f'[bot]\nstate_folder = "{folder / "state"}"\n{bot}\n'
            f'[venue]\nenvironment = "local"\nrest = "{self.line["rest"]}"\n'
            f'ws_api = "{self.line["ws_api"]}"\nstreams = "{self.line["streams"]}"\n'
            f'key_file = "{keys}"\n{body}',
            encoding="utf-8",
        )
        return file


@dataclass
class Ended:
    """A bot that has ended: its exit code, and what it has written."""

    code: int
    stdout: str
    stderr: str
    folder: Path

    @property
    def summary(self) -> dict[str, Any]:
        """The summary it left."""
        found: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())
        return found


@dataclass
class BotProcess:
    """`bin/start` as a process of its own."""

    folder: Path
    """Its state, its summary and its recording lie here."""
    arguments: list[str] = field(default_factory=list)
    heard: str = ""
    """What was read of its stderr before its end."""

    def __post_init__(self) -> None:
        words = ["--summary", str(self.folder / "summary.json"), *self.arguments]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "actors.commands.start", *words],
            cwd=ROOT,
            env={**os.environ, "XDG_STATE_HOME": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def signal(self, number: int) -> None:
        """Sends it a signal."""
        self.process.send_signal(number)

    def wait(self, patience_s: float = PATIENCE_S) -> Ended:
        """Waits for its end."""
        stdout, stderr = self.process.communicate(timeout=patience_s)
        return Ended(
            self.process.returncode, stdout or "", self.heard + (stderr or ""), self.folder
        )

    def kill(self) -> None:
        """Ends it, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
