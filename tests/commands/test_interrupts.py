"""Ctrl-C and its kin: what is ours is canceled, what is not is left alone, and nothing is left running."""

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from tests.commands.harness import PATIENT, ROOT, BotProcess, Ended, LocalVenue, wait_until

RESTLESS = """
[risk]
maximum_orders_per_second = 1000
maximum_order_notional = 100000

[[actors]]
class = "MarketMaker"
symbol = "BTCUSDT"
quantity = "0.00123"
spread = 0.00002
requote_threshold = 0.00001
requote_interval_s = 0.001
time_to_cancel = 0.05

[[actors]]
class = "MarketMaker"
name = "Second"
symbol = "BTCUSDT"
quantity = "0.001"
spread = 0.01
requote_interval_s = 0.001
time_to_cancel = 0.02
"""
BUYER = """
[[actors]]
class = "Breakout"
symbol = "BTCUSDT"
level = 1
quantity = "0.005"
"""
INITIAL_BTC = Decimal(100)


def check_no_traceback(ended: Ended) -> None:
    """A user who has interrupted his bot is not to see the inside of the program."""
    assert "Traceback" not in ended.stderr
    assert "Traceback" not in ended.stdout
    assert "never awaited" not in ended.stderr


def test_restless_market_makers_leave_no_order_and_touch_no_other(
    start_venue: Callable[..., LocalVenue],
    start_bot: Callable[..., BotProcess],
    tmp_path: Path,
) -> None:
    venue = start_venue("--rate", "60", "--order-limit", "100000")
    venue.place_by_hand("manual-1")
    bots = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        folder = tmp_path / name
        folder.mkdir()
        file = venue.write_configuration(folder, RESTLESS, f'name = "{name}"')
        bots[name] = start_bot("--config", file, folder=folder)
    for name in bots:
        wait_until(partial(any_of, name, venue), f"an open order of {name}")
    wait_until(lambda: len(venue.trades()) > 6, "some trades")

    # Three bots on one account: each goes by another signal, and takes its own orders with it and no other's.
    held = Decimal(0)
    for name, bot in bots.items():
        others = [other for other in bots if other != name and bots[other].process.poll() is None]
        bot.signal(signal.Signals[name])
        ended = bot.wait()
        assert ended.code == 0, ended.stderr
        check_no_traceback(ended)
        assert not any_of(name, venue)
        for other in others:
            wait_until(partial(any_of, other, venue), f"{other} trades on")
        summary = ended.summary
        assert summary["open_orders"] == 0
        assert summary["orders_by_status"]["CANCELED"] > 0
        assert "0 still open" in ended.stdout
        for item in summary["positions"]:
            held += Decimal(item["quantity"])
            if Decimal(item["quantity"]):
                assert f"{item['strategy']} holds {item['quantity']} BTCUSDT" in ended.stdout
    assert venue.open_ids() == ["manual-1"]
    assert INITIAL_BTC + held == venue.balances()["BTC"]


def any_of(bot: str, venue: LocalVenue) -> list[str]:
    """The bot's open orders at the venue."""
    return [name for name in venue.open_ids() if name.startswith(f"{bot}-")]


def test_readers_that_leave_early_do_not_stop_the_bot(
    start_venue: Callable[..., LocalVenue], start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60")
    bot = start_bot("--config", venue.write_configuration(tmp_path, PATIENT), "--duration", "5")
    assert bot.process.stdout is not None
    assert bot.process.stderr is not None
    bot.process.stdout.close()
    bot.process.stderr.close()
    bot.process.stdout = bot.process.stderr = None
    ended = bot.wait()
    assert ended.code == 0
    assert ended.summary["orders"] > 0
    assert venue.open_ids() == []


def test_flatten_sells_what_was_bought(
    start_venue: Callable[..., LocalVenue], start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60")
    venue.place_by_hand("manual-1")
    file = venue.write_configuration(tmp_path, RESTLESS + BUYER)
    bot = start_bot("--config", file, "--flatten")
    wait_until(lambda: venue.balances()["BTC"] > INITIAL_BTC + Decimal("0.004"), "a position")
    bot.signal(signal.SIGTERM)
    ended = bot.wait()
    assert ended.code == 0, ended.stderr
    assert venue.open_ids() == ["manual-1"]
    # What is left is dust: less than the smallest step after the fees that were paid in BTC.
    left = venue.balances()["BTC"] - INITIAL_BTC
    assert abs(left) < Decimal("0.0003")
    assert sum(Decimal(item["quantity"]) for item in ended.summary["positions"]) == left
    check_no_traceback(ended)


def test_a_second_interrupt_leaves_at_once_and_names_what_is_open(
    start_venue: Callable[..., LocalVenue], start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60")
    bot = start_bot("--config", venue.write_configuration(tmp_path, PATIENT))
    (name,) = wait_until(venue.open_ids, "an order that rests")
    wait_until(lambda: "open 1" in read_lines(bot), "the bot's own word on it")
    # A venue that does not answer any more.
    venue.process.send_signal(signal.SIGSTOP)
    try:
        bot.signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            bot.process.wait(0.5)
        bot.signal(signal.SIGINT)
        ended = bot.wait(8.0)
    finally:
        venue.process.send_signal(signal.SIGCONT)
    assert ended.code == 130
    assert name in ended.stdout
    assert "1 still open" in ended.stdout
    check_no_traceback(ended)


@pytest.mark.parametrize(
    ("silent", "told"),
    [
        (
            ["openOrders.status"],
            "the end asks the venue whether any order of ours is open (at most 10 s; another Ctrl-C leaves at once)",
        ),
        (
            ["openOrders.status", "order.cancel"],
            "the end cancels what is open of ours over a connection of its own (at most 41 s; another Ctrl-C leaves at once)",
        ),
    ],
    ids=["proof", "cancels"],
)
def test_what_an_end_waits_for_is_told_with_how_long_at_most(
    silent: list[str],
    told: str,
    start_venue: Callable[..., LocalVenue],
    start_bot: Callable[..., BotProcess],
    tmp_path: Path,
) -> None:
    venue = start_venue("--rate", "60", "--control")
    file = venue.write_configuration(tmp_path, PATIENT, "halt_patience_s = 0.5")
    bot = start_bot("--config", file)
    wait_until(lambda: "open 1" in read_lines(bot), "an order that rests")
    venue.set_fault(kind="silence", on=silent, executes=False)
    bot.signal(signal.SIGTERM)
    wait_until(lambda: told in read_lines(bot), "what it waits for")
    bot.signal(signal.SIGTERM)
    # Unless it leaves at once it ends by itself, and with another code.
    assert bot.wait().code == 130


def read_lines(bot: BotProcess) -> str:
    """What the bot has written to stderr so far."""
    assert bot.process.stderr is not None
    descriptor = bot.process.stderr.fileno()
    os.set_blocking(descriptor, False)
    try:
        bot.heard += os.read(descriptor, 65536).decode()
    except BlockingIOError:
        pass
    finally:
        os.set_blocking(descriptor, True)
    return bot.heard


def children_of(number: int) -> list[int]:
    """Process ids of the children of a process."""
    path = Path(f"/proc/{number}/task/{number}/children")
    return [int(item) for item in path.read_text().split()] if path.exists() else []


def is_running(number: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_the_embedded_exchange_ends_with_the_bot(
    number: int, start_bot: Callable[..., BotProcess]
) -> None:
    bot = start_bot()
    (exchange,) = wait_until(lambda: children_of(bot.process.pid), "the exchange's process")
    bot.signal(number)
    ended = bot.wait()
    assert ended.code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    check_no_traceback(ended)
    wait_until(lambda: not is_running(exchange), "the exchange's end")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_the_bot_ends_with_its_embedded_exchange(start_bot: Callable[..., BotProcess]) -> None:
    bot = start_bot()
    (exchange,) = wait_until(lambda: children_of(bot.process.pid), "the exchange's process")
    wait_until(lambda: "open 2" in read_lines(bot), "orders that rest there")
    os.kill(exchange, signal.SIGKILL)
    ended = bot.wait()
    assert ended.code == 1
    assert "the local exchange has ended (exit code -9), and its account with it" in ended.stderr
    assert "0 still open" in ended.stdout, "there is no account any more that they could be open in"
    check_no_traceback(ended)


@pytest.mark.parametrize("delay_s", [0.0, 0.1, 0.2, 0.4, 0.6])
def test_an_interrupt_while_it_starts_leaves_no_traceback(
    delay_s: float, start_bot: Callable[..., BotProcess]
) -> None:
    bot = start_bot()
    maps = Path(f"/proc/{bot.process.pid}/maps")
    wait_until(lambda: "uvloop" in maps.read_text(), "the program's own beginning")
    time.sleep(delay_s)
    bot.signal(signal.SIGINT)
    ended = bot.wait()
    # Before the handlers are there the signal itself ends it, which a shell reports as 130.
    assert ended.code in (0, 130, -signal.SIGINT)
    check_no_traceback(ended)


def test_a_terminal_that_was_closed_is_no_failure(
    start_venue: Callable[..., LocalVenue], tmp_path: Path
) -> None:
    venue = start_venue("--rate", "60")
    file = venue.write_configuration(tmp_path, RESTLESS)
    summary = tmp_path / "summary.json"
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [str(ROOT / "bin" / "start"), "--config", str(file), "--summary", str(summary)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    ) as process:
        try:
            os.close(theirs)
            picture = b""
            while b"trading" not in picture:
                picture += os.read(ours, 65_536)
            os.close(ours)
            wait_until(partial(any_of, "bot", venue), "an open order")
            process.send_signal(signal.SIGHUP)
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert venue.open_ids() == []
    assert json.loads(summary.read_text())["open_orders"] == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_do_not_end_the_bot(closed: str, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    ended = subprocess.run(
        [
            "bash",
            "-c",
            f'"$0" --duration 1 --summary "$1" {closed}',
            ROOT / "bin" / "start",
            summary,
        ],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(summary.read_text())["open_orders"] == 0


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_full_disk_behind_an_output_does_not_end_the_bot(stream: str, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [ROOT / "bin" / "start", "--duration", "1", "--summary", summary],
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
            stdout=full if stream == "stdout" else subprocess.PIPE,
            stderr=full if stream == "stderr" else subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(summary.read_text())["open_orders"] == 0
