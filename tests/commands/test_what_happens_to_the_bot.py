"""What becomes of a bot that is killed, stopped in its tracks, out of disk, or given an older journal: its books are right."""

import os
import re
import resource
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.harness import BotProcess, Ended, LocalVenue, wait_until
from tests.commands.lives import RISK, check_books, heard, quoting, trades_on

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@pytest.fixture
def venue(start_venue: Callable[..., LocalVenue]) -> LocalVenue:
    """A lively exchange."""
    return start_venue("--rate", "60", "--order-limit", "100000")


def end(bot: BotProcess) -> Ended:
    """Ends a bot as Ctrl-C does."""
    bot.signal(signal.SIGINT)
    ended = bot.wait()
    assert "Traceback" not in ended.stderr, ended.stderr
    assert ended.code == 0, ended.stderr
    return ended


def test_a_crash(venue: LocalVenue, start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    """Killed twice while it trades; what it left open is known to its next life, the owner's own order is left alone."""
    venue.place_by_hand("manual-1")
    file = venue.write_configuration(tmp_path, RISK + quoting())
    for _ in range(2):
        bot = start_bot("--config", file)
        trades_on(venue, bot)
        bot.kill()
    bot = start_bot("--config", file)
    trades_on(venue, bot)
    ended = end(bot)
    assert venue.open_ids() == ["manual-1"]
    venue.ask("DELETE", "order", symbol="BTCUSDT", origClientOrderId="manual-1")
    check_books(ended, venue)


@pytest.mark.parametrize("synchronous", ["NORMAL", "FULL"])
def test_a_power_cut(
    synchronous: str, venue: LocalVenue, start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    """What was written last is lost with NORMAL: here all since the journal was last folded together, and its lock is free.

    Orders that the journal does not know are recognised by their names, and their trades make the position.
    """
    line = f'journal_synchronous = "{synchronous}"'
    file = venue.write_configuration(tmp_path, RISK + quoting(), line)
    bot = start_bot("--config", file)
    trades_on(venue, bot, 4)
    bot.kill()
    if synchronous == "NORMAL":
        (tmp_path / "state/journal.sqlite-wal").unlink()
    bot = start_bot("--config", file)
    trades_on(venue, bot)
    check_books(end(bot), venue)


def test_an_older_copy_of_the_journal(
    venue: LocalVenue, start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    """A backup is put back: it is noticed, no name is used twice, and the trades since then are read from the venue."""
    file = venue.write_configuration(tmp_path, RISK + quoting())
    state, backup = tmp_path / "state", tmp_path / "backup"
    for number in range(2):
        bot = start_bot("--config", file)
        trades_on(venue, bot)
        end(bot)
        if number == 0:
            shutil.copytree(state, backup)
    for kept in state.glob("journal.sqlite*"):
        if "runs" not in kept.name:
            kept.unlink()
    shutil.copy(backup / "journal.sqlite", state / "journal.sqlite")
    bot = start_bot("--config", file)
    trades_on(venue, bot)
    ended = end(bot)
    assert "older copy" in ended.stderr, ended.stderr
    check_books(ended, venue)
    orders = venue.ask("GET", "allOrders", symbol="BTCUSDT", limit=1000)
    names = [order["clientOrderId"] for order in orders]
    assert len(names) == len(set(names))


def test_a_full_disk(
    venue: LocalVenue, start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    """No file may grow any more: nothing new is placed, what rests is canceled, it says why; with room again it trades on."""
    file = venue.write_configuration(tmp_path, RISK + quoting())
    bot = start_bot("--config", file)
    trades_on(venue, bot)
    files = [path.stat().st_size for path in (tmp_path / "state").glob("journal.sqlite*")]
    resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, (max(files), UNLIMITED[1]))
    wait_until(lambda: "placements refused" in heard(bot), "its own word on the disk")
    wait_until(lambda: not venue.open_ids(), "the cancels of what rests")
    placed = len(venue.ask("GET", "allOrders", symbol="BTCUSDT", limit=1000))
    for _ in range(8):
        time.sleep(0.1)
        assert len(venue.ask("GET", "allOrders", symbol="BTCUSDT", limit=1000)) == placed
    resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, UNLIMITED)
    trades_on(venue, bot)
    ended = end(bot)
    assert re.search(r"^refused .*\d journal", ended.stdout, re.MULTILINE), ended.stdout
    check_books(ended, venue)


def test_a_journal_that_another_program_holds(
    venue: LocalVenue, start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    """A backup tool or a curious owner keeps the journal locked for a while: refused is what is new, and only as long."""
    file = venue.write_configuration(tmp_path, RISK + quoting())
    bot = start_bot("--config", file)
    trades_on(venue, bot)
    other = sqlite3.connect(tmp_path / "state/journal.sqlite", isolation_level=None, timeout=5)
    try:
        other.execute("BEGIN IMMEDIATE")
        wait_until(lambda: "placements refused" in heard(bot), "its own word on the lock")
        wait_until(lambda: not venue.open_ids(), "the cancels of what rests")
        other.execute("ROLLBACK")
    finally:
        other.close()
    trades_on(venue, bot)
    check_books(end(bot), venue)


def test_a_program_that_stood_still(
    venue: LocalVenue, start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    """Stopped for longer than an order of its own may be late: nothing stale is sent, and it goes on by itself."""
    file = venue.write_configuration(tmp_path, RISK + quoting())
    bot = start_bot("--config", file)
    trades_on(venue, bot)
    bot.signal(signal.SIGSTOP)
    os.waitid(os.P_PID, bot.process.pid, os.WSTOPPED | os.WNOWAIT)
    for _ in range(70):
        time.sleep(0.1)
    bot.signal(signal.SIGCONT)
    trades_on(venue, bot)
    check_books(end(bot), venue)
