"""Bot and exchange as processes of their own, that are killed and come back."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from actors.runtime.failpoints import VARIABLE
from tests.commands.harness import PATIENCE_S, ROOT, UNLIMITED, LocalVenue, wait_until
from tests.free_port import free_port

REMOVES_SOON = f"journal_days = {1 / 86_400}"
"""What an earlier life has written is history for the next one, and removed at its start."""
BOT = """
receive_window_ms = 1000
absence_after_s = 1.5

[risk]
maximum_order_notional = 100000
maximum_open_orders = 100
maximum_orders_per_second = 50
price_collar = 0.1

[[actors]]
class = "MarketMaker"
symbol = "BTCUSDT"
quantity = "0.00123"
spread = 0.00002
requote_threshold = 0.00002
time_to_cancel = 0.3

[[actors]]
class = "MovingAverageCross"
symbol = "BTCUSDT"
fast = 2
slow = 4
sample_s = 0.05
quantity = "0.0017"

[[actors]]
class = "actors.commands.simulate_strategy.EveryOrder"
symbol = "BTCUSDT"
quantity = "0.0011"
every = 3
distance = 0.0003
"""


class Exchange(LocalVenue):
    """`bin/exchange` with a state that outlives it, at one address for all its lives."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        rate: int,
        faults: dict[str, Any],
        plain_symbols: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self.state = folder / "exchange.sqlite"
        plan = folder / "faults.json"
        plan.write_text(json.dumps(faults))
        self.arguments = [
            *UNLIMITED,
            *("--order-limit", "1000000", "--port", str(free_port())),
            *("--seed", str(seed), "--rate", str(rate)),
            *("--state", str(self.state), "--faults", str(plan), "--control"),
            *(("--plain", ",".join(plain_symbols)) if plain_symbols else ()),
        ]
        self.kills = 0
        self.start()

    def start(self) -> None:
        """Starts it, with the accounts that its last life has left."""
        with (self.folder / "exchange.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "actors.commands.exchange", *self.arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the exchange did not start: see {self.folder / 'exchange.log'}"
        self.line: dict[str, str] = json.loads(line)

    def kill(self) -> None:
        """As `kill -9`."""
        self.process.kill()
        self.kills += 1
        self.end()

    def end(self) -> None:
        """Waits for its end."""
        self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def close(self) -> None:
        """Ends it in good order, if it runs."""
        if self.process.poll() is None:
            self.process.terminate()
        self.end()

    def has_listeners(self) -> bool:
        """Whether somebody hears the account's events; False while it is away."""
        try:
            with urllib.request.urlopen(
                f"{self.line['control']}/state", timeout=PATIENCE_S
            ) as answer:
                sockets: dict[str, int] = json.load(answer)["sockets"]
        except OSError:
            return False
        return sockets["userStreams"] > 0

    def take_faults_back(self) -> None:
        """From now on nothing goes wrong; nor does it in a later life."""
        request = urllib.request.Request(f"{self.line['control']}/faults", method="DELETE")
        with urllib.request.urlopen(request, timeout=PATIENCE_S):
            pass
        position = self.arguments.index("--faults")
        del self.arguments[position : position + 2]


class Bot:
    """`bin/start`, one life after the other in one folder; what it says goes into files there."""

    def __init__(self, folder: Path, configuration: Path) -> None:
        self.folder = folder
        self.configuration = configuration
        self.starts = 0
        self.started_s = 0.0
        self.process: subprocess.Popen[str] | None = None

    @property
    def journal(self) -> Path:
        """What it has written down."""
        return self.folder / "state" / "journal.sqlite"

    @property
    def summary(self) -> dict[str, Any]:
        """What its last life has stated at its end."""
        found: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())
        return found

    def start(self, failpoint: str = "") -> None:
        """Starts a life, with a place to be killed at if one is named."""
        self.starts += 1
        self.started_s = time.monotonic()
        environment = {**os.environ, "XDG_STATE_HOME": str(self.folder)}
        environment.pop(VARIABLE, None)
        if failpoint:
            environment[VARIABLE] = failpoint
        with (self.folder / f"bot-{self.starts}.log").open("w") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "actors.commands.start"),
                    *("--config", str(self.configuration)),
                    *("--summary", str(self.folder / "summary.json")),
                ],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )

    @property
    def age_s(self) -> float:
        """How long ago its last life was started."""
        return time.monotonic() - self.started_s

    @property
    def code(self) -> int | None:
        """How its last life has ended; None while it runs."""
        assert self.process is not None
        return self.process.poll()

    def kill(self) -> None:
        """As `kill -9`, if it runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE_S)

    def stop(self) -> int:
        """Ends it in good order; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        wait_until(lambda: self.code is not None, "the bot's end after SIGTERM")
        code = self.code
        assert code is not None
        return code
