"""`bin/test --simulate` and `simulate`: what they print, store and return, and that a failure can be repeated from its file."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.commands import simulate as command
from actors.commands.simulate import main, simulate
from actors.simulation.errors import InvariantError
from actors.simulation.failures import investigate
from actors.simulation.plan import Kill, Plan
from actors.simulation.rounds import run_round
from actors.simulation.weather import CALM
from actors.strategies.strategy import Strategy
from messages.enums import Side
from messages.market import Trade
from messages.orders import OrderUpdate
from tests.simulation.planted_bugs import resend_on_timeout


class Swing(Strategy):
    """A user's own: buys when flat, and closes after so many trades of the market."""

    def __init__(self, symbol: str, quantity: Decimal, trades: int = 10) -> None:
        self.symbol, self.quantity, self.trades = symbol, quantity, trades
        self.seen = 0

    def on_trade(self, trade: Trade) -> None:
        self.seen += 1
        if self.seen % self.trades:
            return
        if self.is_flat(self.symbol):
            self.buy(self.symbol, self.quantity)
        else:
            self.close(self.symbol)

    def on_order_update(self, update: OrderUpdate) -> None:
        """Hears of its orders."""


def test_a_users_strategy_trades_through_a_storm_and_keeps_its_books() -> None:
    plan = Plan(3, kills=[Kill("bot", 0, "time", 20 * 10**9, restart_after_ns=10**9)])
    run = simulate(
        Swing, days=60 / 86_400, seed=3, plan=plan, symbol="ETHUSDT", quantity=Decimal("0.05")
    )
    assert run.starts == 2
    assert run.orders >= 4
    assert {fill.symbol for fill in run.fills} == {"ETHUSDT"}
    held = sum(
        (1 if fill.side is Side.BUY else -1) * fill.quantity
        - (fill.fee if fill.fee_asset == "ETH" else 0)
        for fill in run.fills
    )
    assert run.positions == {"Swing ETHUSDT": held}


def test_same_seed_same_run_for_a_users_strategy() -> None:
    arguments: dict[str, Any] = {"symbol": "BTCUSDT", "quantity": Decimal("0.001")}
    digests = {
        simulate(Swing, days=15 / 86_400, seed=4, **arguments).report.digest for _ in range(2)
    }
    assert len(digests) == 1


class Forgetful(Strategy):
    """Fails at its third trade, whatever was before."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.seen = 0

    def on_trade(self, trade: Trade) -> None:
        self.seen += 1
        if self.seen == 3:
            raise RuntimeError("as meant")


def test_a_strategy_that_fails_harms_nobody() -> None:
    run = simulate(Forgetful, days=15 / 86_400, weather=CALM, symbol="BTCUSDT")
    assert (run.orders, run.fills, run.starts) == (0, [], 1)


def test_an_error_in_the_books_is_told_with_its_plan() -> None:
    fault = {"kind": "disconnect", "on": "order.place", "nth": 1, "until_seconds": 30.0}
    arguments: dict[str, Any] = {"symbol": "BTCUSDT", "quantity": Decimal("0.001")}
    with resend_on_timeout(), pytest.raises(InvariantError) as caught:
        simulate(Swing, days=30 / 86_400, seed=5, plan=Plan(5, venue=[fault]), **arguments)
    assert "was placed 2 times" in str(caught.value)
    assert '"disconnect"' in str(caught.value)


# The command.


def test_rounds_that_hold(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    trace = tmp_path / "round.trace"
    assert main(["--rounds", "2", "--seed", "3", "--trace", str(trace)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("seeds 3 to 4: 2 rounds in ")
    for words in ("rounds a second", "simulated hours a second", "0 failed"):
        assert words in last
    lines = trace.read_bytes()
    assert b"|start|exchange-0|" in lines
    assert b"executionReport" in lines


def test_side_by_side_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rounds", "2", "--processes", "2"]) == 0
    here = capsys.readouterr().out
    assert main(["--rounds", "2"]) == 0
    both = [text.split("in all), ")[1] for text in (here, capsys.readouterr().out)]
    assert both[0] == both[1]


def test_a_failure_is_stored_shrunk_and_repeated(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    seed = 9
    store = tmp_path / "store"
    noise = [
        {"kind": "event_late", "on": "executionReport.NEW", "nth": nth, "delay_ms": 100}
        for nth in (2, 5)
    ]
    guilty = {"kind": "disconnect", "on": "order.place", "every": 2, "until_seconds": 20.0}
    plan = Plan(seed, venue=[*noise, guilty])
    file = tmp_path / "plan.json"
    file.write_bytes(plan.to_json())
    with resend_on_timeout():
        assert main(["--plan", str(file)]) == 1
        assert "was placed 2 times" in capsys.readouterr().out
        report = run_round(command.round_of(seed), seed, plan=plan)
        found = investigate(command.round_of, report, store, tries=8)
        said = found.describe(command.repeat_command)
        assert found.divergence is None
        assert json.loads(found.smallest.read_bytes())["venue"] == [guilty]
        assert (found.faults, found.smallest_faults) == (3, 1)
        assert f"bin/test --simulate --plan {os.path.relpath(found.smallest)}" in said
        assert main(["--plan", str(found.smallest)]) == 1
    capsys.readouterr()
    assert main(["--plan", str(found.smallest)]) == 0
    assert "held" in capsys.readouterr().out


def test_bad_usage(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    broken = tmp_path / "plan.json"
    broken.write_text('{"kills": 3}')
    assert main(["--plan", str(broken)]) == 2
    assert main(["--plan", str(tmp_path / "none.json")]) == 2
    with pytest.raises(SystemExit, match="2"):
        main(["--rounds", "0"])
