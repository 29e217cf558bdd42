"""Disks as they fail: a small file system that fills up, a journal that another process holds, a folder that is read-only.

New orders are refused, cancels pass, commands are answered, and it is said why.
"""

import logging
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from actors.runtime.logs import set_up_logging, tear_down_logging
from tests.commands.command_client import ask_status, command, wait_for_state
from tests.commands.harness import PATIENCE_S, ROOT, BotProcess, LocalVenue, wait_until

QUOTES = """
[risk]
maximum_orders_per_second = 1000
maximum_order_notional = 100000

[[actors]]
class = "MarketMaker"
name = "Quotes"
symbol = "BTCUSDT"
quantity = "0.001"
spread = 0.00002
requote_threshold = 0.00001
time_to_cancel = 0.3
"""
HOLD_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""

StartVenue = Callable[..., LocalVenue]
StartBot = Callable[..., BotProcess]


def can_mount() -> bool:
    """Whether a process may have file systems of its own here."""
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(
        ["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"],
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0


needs_mounts = pytest.mark.skipif(not can_mount(), reason="needs file systems of its own")


@pytest.fixture
def start_mounted(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts bots whose state folder is a file system of its own, which ends with them."""
    with ExitStack() as stack:

        def start(config: Path, options: str) -> subprocess.Popen[str]:
            state = tmp_path / "state"
            state.mkdir(exist_ok=True)
            script = f'mount -t tmpfs -o {options} tmpfs "{state}" && exec "$@"'
            words = [sys.executable, "-m", "actors.commands.start", "--config", str(config)]
            process = subprocess.Popen(
                ["unshare", "-rm", "sh", "-c", script, "sh", *words],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return process

        yield start


def fill(path: Path) -> None:
    """Writes until the file system has no room left."""
    with path.open("wb", buffering=0) as output:
        while True:
            try:
                output.write(b"\0" * 4096)
            except OSError:
                break
    status = os.statvfs(path)
    assert status.f_bavail == 0


def hear_until(bot: BotProcess, words: str) -> str:
    """Reads the bot's stderr up to a line with these words."""
    assert bot.process.stderr is not None
    while words not in bot.heard.rpartition("\n")[0].rpartition("\n")[2]:
        line = bot.process.stderr.readline()
        assert line, bot.heard
        bot.heard += line
    return bot.heard


def find_journal_trouble(state: Path) -> str:
    """What the bot says of its journal; empty while it is well."""
    obstacles = ask_status(state).get("obstacles", [])
    return next((item["reason"] for item in obstacles if item["kind"] == "journal"), "")


@needs_mounts
def test_a_full_file_system(
    start_venue: StartVenue,
    start_mounted: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
) -> None:
    venue = start_venue("--rate", "60", "--order-limit", "100000")
    venue.place_by_hand("manual-1")
    file = venue.write_configuration(tmp_path, QUOTES)
    bot = start_mounted(file, "size=6m")
    state = Path(f"/proc/{bot.pid}/root{tmp_path}/state")
    wait_until(lambda: len(venue.open_ids()) > 1, "an order")
    filler = state / "filler"
    fill(filler)
    wait_until(lambda: find_journal_trouble(state), "its own word on the disk")
    assert ask_status(state)["state"] == "held"
    wait_until(lambda: venue.open_ids() == ["manual-1"], "the cancels of what rests")
    told = command("status", None, "--state-folder", str(state))
    assert "new orders are refused, cancels pass" in " ".join(told.out.split())

    halted = command("halt", None, "--state-folder", str(state))
    assert "the venue says that no order of ours is open" in halted.err
    assert "NOT WRITTEN DOWN" in halted.err
    assert halted.code == 1
    filler.unlink()
    wait_until(lambda: not find_journal_trouble(state), "a journal that can be written")
    resumed = command("resume", None, "--state-folder", str(state))
    assert resumed.code == 0, resumed.err
    wait_until(lambda: len(venue.open_ids()) > 1, "an order after all that")
    bot.send_signal(signal.SIGTERM)
    stdout, stderr = bot.communicate(timeout=PATIENCE_S)
    assert bot.returncode == 0, stderr
    assert venue.open_ids() == ["manual-1"]
    assert "placements refused" in stderr
    for word in ("Traceback", "Logging error"):
        assert word not in stdout + stderr, stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_log_on_a_full_disk_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    handlers = set_up_logging(Path("/dev/full"), logging.CRITICAL)
    try:
        for number in range(3):
            logging.getLogger("actors.test").warning("line %d", number)
    finally:
        tear_down_logging(handlers)
    assert (
        capsys.readouterr().err == "the log /dev/full cannot be written: No space left on device\n"
    )


@pytest.fixture
def hold_journal() -> Iterator[Callable[[Path], Callable[[], None]]]:
    """Other processes that hold a journal exclusively until they are told to let go."""
    with ExitStack() as stack:

        def hold(path: Path) -> Callable[[], None]:
            process = subprocess.Popen(
                [sys.executable, "-c", HOLD_LOCK, str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.communicate)
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"

            def let_go() -> None:
                process.communicate(timeout=PATIENCE_S)

            return let_go

        yield hold


def count_checkpoints(state: Path) -> int:
    """How often the order manager has written all it knows."""
    with closing(sqlite3.connect(state / "journal.sqlite", timeout=30)) as connection:
        query = "SELECT count(*) FROM entry WHERE message_class = 'OrderManagerCheckpoint'"
        return int(connection.execute(query).fetchone()[0])


def test_a_journal_that_another_process_holds(
    start_venue: StartVenue,
    start_bot: StartBot,
    hold_journal: Callable[[Path], Callable[[], None]],
    tmp_path: Path,
) -> None:
    venue = start_venue("--rate", "60", "--order-limit", "100000")
    file = venue.write_configuration(tmp_path, QUOTES)
    bot = start_bot("--config", file)
    state = tmp_path / "state"
    wait_until(venue.open_ids, "an order")
    let_go = hold_journal(state / "journal.sqlite")
    wait_until(lambda: "locked" in find_journal_trouble(state), "its own word on the lock")
    wait_until(lambda: not venue.open_ids(), "the cancels of what rests")
    halted = command("halt", file, "--reason", "disk")
    assert halted.code == 1
    assert "no order of ours is open" in halted.err
    assert "NOT WRITTEN DOWN" in halted.err
    before = count_checkpoints(state)
    let_go()
    # A halt that could not be written down is written down later, by itself.
    wait_until(lambda: count_checkpoints(state) > before, "a checkpoint")
    bot.signal(signal.SIGKILL)
    bot.wait()
    start_bot("--config", file)
    status = wait_for_state(state, "halted")
    assert [item["reason"] for item in status["obstacles"]] == ["by command: disk"]
    assert command("resume", file).code == 0
    wait_until(venue.open_ids, "an order after the halt")


def test_a_journal_that_another_process_holds_at_the_start(
    start_venue: StartVenue,
    start_bot: StartBot,
    hold_journal: Callable[[Path], Callable[[], None]],
    tmp_path: Path,
) -> None:
    file = start_venue().write_configuration(tmp_path, QUOTES)
    bot = start_bot("--config", file)
    wait_for_state(tmp_path / "state", "trading")
    bot.signal(signal.SIGTERM)
    assert bot.wait().code == 0
    let_go = hold_journal(tmp_path / "state/journal.sqlite")
    bot = start_bot("--config", file)
    said = hear_until(bot, "waiting for")
    assert "journal.sqlite: process " in said
    let_go()
    wait_for_state(tmp_path / "state", "trading")
    bot.signal(signal.SIGTERM)
    assert bot.wait().code == 0


@pytest.mark.parametrize("end", ["patience", "signal"])
def test_a_journal_that_another_process_keeps(
    start_venue: StartVenue,
    start_bot: StartBot,
    hold_journal: Callable[[Path], Callable[[], None]],
    tmp_path: Path,
    end: str,
) -> None:
    patience_s = {"patience": 1.5, "signal": 300}[end]
    file = start_venue().write_configuration(tmp_path, QUOTES, f"journal_patience_s = {patience_s}")
    (tmp_path / "state").mkdir()
    sqlite3.connect(tmp_path / "state/journal.sqlite").close()
    hold_journal(tmp_path / "state/journal.sqlite")
    bot = start_bot("--config", file)
    hear_until(bot, "waiting for")
    if end == "signal":
        bot.signal(signal.SIGTERM)
    ended = bot.wait()
    assert ended.code == 2
    assert "database is locked" in ended.stderr
    assert {"patience": "waited 1.5 s for it", "signal": "told to stop"}[end] in ended.stderr
    assert "nothing was traded" in ended.stderr
    if Path("/proc/locks").exists():
        assert "(end process " in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs limits set from outside")
def test_a_folder_that_becomes_read_only(
    start_venue: StartVenue, start_bot: StartBot, tmp_path: Path
) -> None:
    """As after an error of the disk: what is open is read on, every write fails, and no new file can be made."""
    venue = start_venue("--rate", "60", "--order-limit", "100000")
    venue.place_by_hand("manual-1")
    file = venue.write_configuration(tmp_path, QUOTES)
    bot = start_bot("--config", file)
    state = tmp_path / "state"
    wait_until(lambda: len(venue.open_ids()) > 1, "an order")
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, (0, most))
    state.chmod(0o500)
    reason = wait_until(lambda: find_journal_trouble(state), "its own word on the disk")
    assert "journal.sqlite" in reason
    wait_until(lambda: venue.open_ids() == ["manual-1"], "the cancels of what rests")
    told = command("status", None, "--state-folder", str(state))
    assert "new orders are refused, cancels pass" in " ".join(told.out.split())
    assert ask_status(state)["state"] == "held"
    assert venue.open_ids() == ["manual-1"]
    state.chmod(0o700)
    resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, before)
    wait_until(lambda: len(venue.open_ids()) > 1, "an order after all that")
    bot.signal(signal.SIGTERM)
    ended = bot.wait()
    assert ended.code == 0, ended.stderr
    assert venue.open_ids() == ["manual-1"]
    assert "placements refused" in ended.stderr
    assert "Traceback" not in ended.stderr


@needs_mounts
def test_a_read_only_file_system(
    start_mounted: Callable[..., subprocess.Popen[str]], start_venue: StartVenue, tmp_path: Path
) -> None:
    file = start_venue().write_configuration(tmp_path, QUOTES)
    bot = start_mounted(file, "ro")
    _, stderr = bot.communicate(timeout=PATIENCE_S)
    assert bot.returncode == 2
    assert "cannot be used: Read-only file system (set [bot] state_folder)" in stderr
    assert len(stderr.splitlines()) == 1


@pytest.mark.skipif(
    shutil.which("setpriv") is None, reason="needs a way to be bound by permissions"
)
def test_a_folder_without_permission(start_venue: StartVenue, tmp_path: Path) -> None:
    file = start_venue().write_configuration(tmp_path, QUOTES)
    (tmp_path / "state").mkdir(mode=0o500)
    # Root may write everywhere, unless it gives that up.
    bound = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
    ended = subprocess.run(
        [*bound, sys.executable, "-m", "actors.commands.start", "--config", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert "cannot be used: Permission denied (set [bot] state_folder)" in ended.stderr
    assert "Traceback" not in ended.stderr
